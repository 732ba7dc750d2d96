//! `build`.

use crate::world::{World, hex, noise};
use offgrid_depot::build;
use offgrid_manifest::Code;
use std::fs;

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let world = World::new();
    let spec = world.spec("0.3.0", |text| text);
    let mut options = world.build_options(&spec);
    options.fast = false;
    let first = build::run(&options).unwrap();
    let one = world.files();

    // The same root in another depot, no cache, no blobs.
    let other = world.root.join("other");
    fs::create_dir_all(other.join("root")).unwrap();
    for name in ["root/1.json", "root/1.json.minisig"] {
        fs::copy(world.depot.join(name), other.join(name)).unwrap();
    }
    options.depot = other.clone();
    let second = build::run(&options).unwrap();
    assert_eq!(first.digest, second.digest);
    for (name, bytes) in one {
        assert_eq!(fs::read(other.join(&name)).unwrap(), bytes, "{name}");
    }
    // And once more with both.
    assert_eq!(build::run(&options).unwrap().digest, first.digest);
}

#[test]
fn a_damaged_blob_is_made_anew() {
    let world = World::new();
    world.build("0.3.0");
    for (name, bytes) in world.files() {
        if name.starts_with("blob/") {
            fs::write(world.depot.join(&name), &bytes[..bytes.len() - 1]).unwrap();
        }
    }
    world.build("0.3.0");
    for (name, bytes) in world.files() {
        if let Some(digest) = name.strip_prefix("blob/sha256/") {
            assert_eq!(digest, hex(&bytes));
        }
    }
}

#[test]
fn a_word_that_is_not_known_is_named_with_its_line() {
    let world = World::new();
    for (from, to, word) in [
        ("rank = 100", "ranck = 100", "ranck"),
        ("notes =", "note =", "note"),
        ("commit =", "comit =", "comit"),
        ("strip", "strip", ""),
    ] {
        if word.is_empty() {
            continue;
        }
        let error = world.refused(|text| text.replace(from, to));
        assert_eq!(error.code(), Code::Usage);
        let text = world.spec("0.3.0", |text| text.replace(from, to));
        let line = fs::read_to_string(text).unwrap();
        let line = line.lines().position(|line| line.contains(to)).unwrap() + 1;
        let shown = error.to_string();
        assert!(shown.contains(&format!("line {line}:")) && shown.contains(word), "{shown}");
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let world = World::new();
    world.write("bad/x", b"");
    for (from, to, code, word) in [
        (
            "rank = 100\ncomponents = [\"app\"",
            "rank = 1\ncomponents = [\"ap\"",
            Code::Usage,
            "`ap`",
        ),
        ("glibc =", "glibcc =", Code::Usage, "glibcc"),
        ("into = \"app/\"", "into = \"../app/\"", Code::Usage, "not a path"),
        ("target = \"linux-amd64\"", "target = \"linux-z80\"", Code::Usage, "linux-z80"),
        ("name = \"llama-cpu\"", "name = \"app\"", Code::Usage, "twice"),
        ("from = \"app\"", "from = \"nothing\"", Code::Usage, "app"),
        ("license = \"LICENSE\"", "license = \"no\"", Code::Usage, "app"),
        ("license = \"Apache-2.0\"", "", Code::Usage, "license"),
        ("from = \"tiny.gguf\"", "", Code::Usage, "tiny"),
        ("version = \"0.3.0\"", "version = \"0.3\"", Code::Usage, "0.3"),
        ("from = \"llama\"", "from = \"llama\"\nkeep = [\"*.dll\"]", Code::Usage, "llama-cpu"),
    ] {
        let error = world.refused(|text| {
            assert!(text.contains(from), "{from}");
            text.replace(from, to)
        });
        assert_eq!(error.code(), code, "{to}: {error}");
        assert!(error.to_string().contains(word), "{to}: {error}");
    }
    let error = world.refused(|text| text[..text.find("[[variant]]").unwrap()].to_owned());
    assert!(error.to_string().contains("[[variant]]"), "{error}");
}

#[test]
fn one_path_has_one_content_in_each_variant() {
    let world = World::new();
    world.write("more/libggml.so.1", &noise(400_000, 3));
    world.write("more/notes.txt", b"small\n");
    let third = |file: &str| {
        format!(
            "[[component]]\nname = \"more\"\ntarget = \"linux-x86_64\"\nfrom = \"{file}\"\n\
             into = \"llama/\"\nlicense = \"LICENSE\"\n\n[[variant]]"
        )
    };
    let with = |file: &str| {
        let file = third(file);
        move |text: String| {
            text.replace("\"llama-cpu\"]", "\"llama-cpu\", \"more\"]").replace("[[variant]]", &file)
        }
    };
    let spec = world.spec("0.3.0", with("more"));
    build::run(&world.build_options(&spec)).unwrap();

    world.write("more/notes.txt", b"other\n");
    let error = world.refused(with("more"));
    assert!(error.to_string().contains("llama/notes.txt"), "{error}");

    world.write("case/Notes.txt", b"small\n");
    let error = world.refused(with("case"));
    assert!(error.to_string().contains("llama/Notes.txt"), "{error}");

    world.write("nested/notes.txt/inner", b"small\n");
    let error = world.refused(with("nested"));
    assert!(error.to_string().contains("llama/notes.txt"), "{error}");
}

#[test]
fn a_release_may_be_built_anew_until_it_is_signed() {
    let world = World::new();
    let first = world.build("0.3.0");
    world.write("app/VERSION", b"0.2.13\n");
    let second = world.build("0.3.0");
    assert_ne!(first.digest, second.digest);
    let documents = fs::read_dir(world.depot.join("release/0.3.0")).unwrap().count();
    assert_eq!(documents, 1);

    world.publish(&world.publish_options("0.3.0")).unwrap();
    world.build("0.3.0");
    world.write("app/VERSION", b"0.2.14\n");
    let error = world.refused(|text| text);
    assert_eq!(error.code(), Code::Usage);
    assert!(error.to_string().contains("0.3.0"), "{error}");
    assert!(world.check().problems.is_empty());
}
