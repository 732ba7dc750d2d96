//! Thieves with some of the keys, and signatures that pretend to be more than they
//! are.

use e2e::forge::Signers;
use e2e::{Forge, Victims, World, base};
use offgrid_manifest::{Digest, layout};
use serde_json::{Value, json};
use std::fs;
use std::process::Command;

type Edit = fn(&mut Forge);
type Change = fn(&mut Value);

/// Everything by both release keys but the channel, which these sign.
fn channel_by(forge: &mut Forge, names: &[&str]) {
    forge.two_release_keys();
    forge.released_by(names).channel(|_| {});
}

/// Everything by both but the release.
fn release_by(forge: &mut Forge, names: &[&str]) {
    forge.two_release_keys();
    forge.released_by(names).release(|_| {});
    forge.released_by(&["release-1", "release-2"]).channel(|_| {});
}

#[test]
fn a12_fewer_keys_than_it_takes_are_as_good_as_none() {
    let world = World::newer();
    Forge::of(&world.depot()).two_release_keys();
    world.run(&["install", "--yes"]).expect(0);
    let victims = Victims::new();
    let depot = victims.depot();
    let rows: [(&str, Edit); 3] = [
        ("a channel by the first of two", |f| channel_by(f, &["release-1"])),
        ("a channel by the second of two", |f| channel_by(f, &["release-2"])),
        ("a channel by one of two and a stranger", |f| channel_by(f, &["release-1", "root-1"])),
    ];
    for (what, edit) in rows {
        victims.forge(edit);
        victims.suffer_and_learn(what, depot.to_str().unwrap(), 5, "E_SIG_THRESHOLD");
    }
    // Of a release nothing is remembered, the root neither: the channel was in order.
    let rows: [(&str, Edit); 2] = [
        ("a release by the first of two", |f| release_by(f, &["release-1"])),
        ("a release by one of two and a stranger", |f| release_by(f, &["release-2", "head-1"])),
    ];
    for (what, edit) in rows {
        victims.forge(edit);
        victims.suffer(what, depot.to_str().unwrap(), 5, "E_SIG_THRESHOLD");
    }
    let one: [(&str, &[&str]); 3] = [
        ("a root by one of three", &["root-2"]),
        ("a root by one of three and a stranger", &["root-2", "release-1"]),
        ("a root by nobody of three", &["head-1", "release-1"]),
    ];
    for (what, names) in one {
        victims.forge(|forge| {
            forge.root_at(2, Signers::Named(names), |_| {});
        });
        victims.suffer(what, depot.to_str().unwrap(), 5, "E_SIG_THRESHOLD");
    }
}

/// Makes something else of the signature file of the newest channel.
fn rewrite(forge: &Forge, edit: impl FnOnce(String) -> String) {
    let path = forge.path(&layout::signature(&forge.newest_channel()));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(path, edit(text)).unwrap();
}

/// The block with another key id. Bytes 2 to 9 of the second line are that id, and
/// no signature covers them.
fn relabelled(block: &str) -> String {
    let mut lines: Vec<String> = block.lines().map(str::to_owned).collect();
    let other = if &lines[1][6..7] == "A" { "B" } else { "A" };
    lines[1].replace_range(6..7, other);
    lines.join("\n") + "\n"
}

/// The channel by one key alone, and its signature file made into something else.
fn pretend(forge: &mut Forge, edit: fn(String) -> String) {
    channel_by(forge, &["release-1"]);
    rewrite(forge, edit);
}

#[test]
fn a13_one_signature_counts_once_however_it_is_dressed_up() {
    let victims = Victims::new();
    let depot = victims.depot();
    let rows: [(&str, Edit); 6] = [
        ("the same block twice", |f| pretend(f, |block| block.repeat(2))),
        ("the same block eight times", |f| pretend(f, |block| block.repeat(8))),
        ("with another key id", |f| pretend(f, |b| format!("{b}{}", relabelled(&b)))),
        ("signed twice by one key", |f| channel_by(f, &["release-1", "release-1"])),
        ("nine blocks", |f| pretend(f, |block| block.repeat(9))),
        ("a fifth line", |f| pretend(f, |block| format!("{block}{}\n", &block[..40]))),
    ];
    for (what, edit) in rows {
        victims.forge(edit);
        victims.suffer_and_learn(what, depot.to_str().unwrap(), 5, "E_SIG_THRESHOLD");
    }
    // A bad block beside two good ones harms nobody; another key id neither.
    let world = World::newer();
    let mut forge = Forge::of(&world.depot());
    channel_by(&mut forge, &["head-1", "release-1", "release-2"]);
    rewrite(&forge, |text| relabelled(&text).replace('\n', "\r\n"));
    world.run(&["install", "--yes"]).expect(0);
}

#[test]
fn a13_a_root_that_would_count_one_key_twice_is_never_taken() {
    let victims = Victims::new();
    let depot = victims.depot();
    let rows: [(&str, Change); 7] = [
        ("a key under two names", |root| {
            root["keys"]["release-2"] = root["keys"]["release-1"].clone();
            root["roles"]["release"] = json!({"keys": ["release-1", "release-2"], "threshold": 2});
        }),
        ("a name twice in a role", |root| {
            root["roles"]["release"] = json!({"keys": ["release-1", "release-1"], "threshold": 2});
        }),
        ("a threshold of nothing", |root| root["roles"]["release"]["threshold"] = json!(0)),
        ("a threshold below nothing", |root| root["roles"]["head"]["threshold"] = json!(-1)),
        ("more than there are", |root| root["roles"]["release"]["threshold"] = json!(2)),
        ("a role without keys", |root| root["roles"]["head"]["keys"] = json!([])),
        ("a name without a key", |root| root["roles"]["head"]["keys"] = json!(["head-9"])),
    ];
    for (what, edit) in rows {
        victims.forge(|forge| {
            forge.root_at(2, Signers::Both, edit);
        });
        victims.suffer(what, depot.to_str().unwrap(), 5, "E_PARSE");
    }
}

/// The BLAKE2b-512 digest of a file, by a program that is not ours.
fn blake2b(path: &std::path::Path) -> Vec<u8> {
    let output = Command::new("b2sum").arg(path).output().unwrap();
    let hex = &String::from_utf8(output.stdout).unwrap()[..128];
    (0..64).map(|n| u8::from_str_radix(&hex[2 * n..2 * n + 2], 16).unwrap()).collect()
}

/// `ED` becomes `Ed`: the base64 of the one begins with `RU`, that of the other with `RW`.
fn legacy(block: &str) -> String {
    let mut lines: Vec<String> = block.lines().map(str::to_owned).collect();
    assert!(lines[1].starts_with("RU"), "{}", lines[1]);
    lines[1].replace_range(1..2, "W");
    lines.join("\n") + "\n"
}

#[test]
fn a14_another_algorithm_is_never_taken() {
    let victims = Victims::new();
    let depot = victims.depot();
    // What a genuine signature proves under the old rule is the digest of the head
    // as if that were the head (reference/trust.md finding 1).
    victims.forge(|forge| {
        let head = fs::read(forge.path(layout::HEAD)).unwrap();
        let at = layout::head_signature(&Digest::of(&head));
        let block = fs::read_to_string(forge.path(&at)).unwrap();
        let digest = blake2b(&forge.path(layout::HEAD));
        fs::write(forge.path(layout::HEAD), &digest).unwrap();
        let at = layout::head_signature(&Digest::of(&digest));
        fs::write(forge.path(&at), legacy(&block)).unwrap();
    });
    victims.suffer("the digest as a head", depot.to_str().unwrap(), 5, "E_SIG_ALG");
    victims.forge(|forge| {
        forge.channel(|_| {});
        rewrite(forge, |text| legacy(&text));
    });
    victims.suffer("a channel", depot.to_str().unwrap(), 5, "E_SIG_ALG");
    victims.forge(|forge| {
        forge.channel(|_| {});
        rewrite(forge, |text| format!("{}{text}", legacy(&text)));
    });
    victims.suffer("beside a good block", depot.to_str().unwrap(), 5, "E_SIG_ALG");
    victims.forge(|forge| {
        forge.root_at(2, Signers::Both, |_| {});
        let path = forge.path("root/2.json.minisig");
        fs::write(&path, legacy(&fs::read_to_string(&path).unwrap())).unwrap();
    });
    victims.suffer("a root", depot.to_str().unwrap(), 5, "E_SIG_ALG");
    // A name of its own for other hashes is not needed: without SHA-256 a document
    // is no document (DESIGN 4 has no E_HASHALG).
    let rows: [(&str, Edit); 3] = [
        ("a channel by its MD5", |f| f.head(|head| other_hash(&mut head["channels"]["stable"]))),
        ("a release by its MD5", |f| f.channel(|c| other_hash(&mut c["releases"]["0.2.0"]))),
        ("a digest of MD5's length", |f| {
            f.head(|h| h["channels"]["stable"]["sha256"] = json!("0".repeat(32)));
        }),
    ];
    for (what, edit) in rows {
        victims.forge(edit);
        victims.suffer(what, depot.to_str().unwrap(), 5, "E_PARSE");
    }
}

fn other_hash(pin: &mut Value) {
    pin.as_object_mut().unwrap().remove("sha256").unwrap();
    pin["md5"] = json!("d41d8cd98f00b204e9800998ecf8427e");
}

#[test]
fn a24_two_builders_make_the_same_bytes_and_one_of_them_alone_releases_nothing() {
    // Builder and rebuilder: other folders, other times of the files, other masks.
    let digests = ["builder", "re/builder"].map(|place| {
        let world = World::new();
        let root = world.path(place);
        fs::create_dir_all(root.parent().unwrap()).unwrap();
        let mask = if place == "builder" { "022" } else { "077" };
        let script = format!(
            "umask {mask}; mkdir \"$1\"; cd \"$1\"; cp -r --no-preserve=timestamps \
             \"$2\"/app-0.2.12 \"$2\"/llama \"$2\"/LICENSE \"$2\"/probe.gguf \"$2\"/offgrid-setup ."
        );
        let mut copy = Command::new("sh");
        copy.args(["-c", &script, "sh"]).arg(&root).arg(base::folder());
        assert!(copy.status().unwrap().success());
        let text = fs::read_to_string(base::folder().join("release-0.2.0.toml")).unwrap();
        fs::write(root.join("release.toml"), text.replace("0.2.0", "0.5.0")).unwrap();
        let depot = world.depot();
        let words = ["build", "release.toml", "--depot", depot.to_str().unwrap(), "--fast"];
        base::depot(&root, &words);
        let built = fs::read_dir(depot.join("release/0.5.0")).unwrap().map(|entry| {
            let path = entry.unwrap().path();
            assert!(path.extension().is_some_and(|end| end == "json"), "{}", path.display());
            Digest::of(&fs::read(path).unwrap()).to_string()
        });
        built.collect::<Vec<_>>()
    });
    assert_eq!(digests[0].len(), 1);
    assert_eq!(digests[0], digests[1]);
    // Both have to sign it (see also a12).
    let victims = Victims::new();
    let depot = victims.depot();
    victims.forge(|forge| release_by(forge, &["release-1"]));
    victims.suffer("the builder", depot.to_str().unwrap(), 5, "E_SIG_THRESHOLD");
    victims.forge(|forge| release_by(forge, &["release-2"]));
    victims.suffer("the rebuilder", depot.to_str().unwrap(), 5, "E_SIG_THRESHOLD");
    victims.forge(|forge| release_by(forge, &["release-1", "release-2"]));
    for outcome in victims.attempt(depot.to_str().unwrap()) {
        outcome.expect(0);
    }
}
