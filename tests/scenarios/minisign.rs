//! What we sign and verify is minisign's and OpenSSL's too; and the one line
//! that people type.

use e2e::{Origin, World, base, programs, world::finish};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn is_there(program: &str) -> bool {
    let found =
        Command::new(program).arg("-v").stdout(Stdio::null()).stderr(Stdio::null()).status();
    found.is_ok()
}

/// Every signature file of a depot.
fn signatures(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(signatures(&path));
        } else if path.extension().is_some_and(|extension| extension == "minisig") {
            found.push(path);
        }
    }
    found
}

/// The file that a signature is about; for an old head, nobody keeps it.
fn signed(depot: &Path, signature: &Path) -> Option<PathBuf> {
    let beside = signature.with_extension("");
    if beside.is_file() {
        return Some(beside);
    }
    let head = depot.join("head.json");
    let digest = offgrid_manifest::Digest::of(&fs::read(&head).unwrap()).to_string();
    (signature.file_stem().unwrap() == digest.as_str()).then_some(head)
}

/// Each block of a signature file in a file of its own, with what signed it.
fn blocks(world: &World, signature: &Path) -> Vec<(PathBuf, String)> {
    let text = fs::read_to_string(signature).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len().is_multiple_of(4) && !lines.is_empty(), "{}", signature.display());
    let mut found = Vec::new();
    for (number, block) in lines.chunks(4).enumerate() {
        let path = world.path(&format!("block-{number}.minisig"));
        fs::write(&path, format!("{}\n", block.join("\n"))).unwrap();
        let key = block[0].trim_start_matches("untrusted comment: signed by ").to_owned();
        found.push((path, key));
    }
    found
}

fn public(key: &str) -> String {
    let path = base::folder().join("keys").join(format!("{key}.pub"));
    fs::read_to_string(path).unwrap().lines().nth(1).unwrap().to_owned()
}

/// Does `check` with every block of every signature: (block, file, key's name).
fn each(world: &World, check: impl Fn(&Path, &Path, &str)) {
    let depot = world.depot();
    let mut names = Vec::new();
    for signature in signatures(&depot) {
        let Some(file) = signed(&depot, &signature) else { continue };
        for (block, key) in blocks(world, &signature) {
            check(&block, &file, &key);
            names.push(key);
        }
    }
    for role in ["root-1", "root-2", "root-3", "release-1", "head-1"] {
        assert!(names.iter().any(|name| name == role), "{role} signed nothing: {names:?}");
    }
}

#[test]
fn the_stock_minisign_verifies_everything_that_the_depot_signed() {
    if !is_there("minisign") {
        println!("skipped: minisign is needed");
        return;
    }
    let world = World::newer();
    each(&world, |block, file, key| {
        let mut command = Command::new("minisign");
        command.args(["-V", "-H", "-P", &public(key), "-x"]).arg(block).arg("-m").arg(file);
        finish(command).expect(0).says("offgrid/");
        let mut other = Command::new("minisign");
        let wrong = public(if key == "head-1" { "release-1" } else { "head-1" });
        other.args(["-V", "-H", "-P", &wrong, "-x"]).arg(block).arg("-m").arg(file);
        assert_ne!(finish(other).code, 0, "another key verifies {}", file.display());
    });
}

/// reference/trust.md 2.12: BLAKE2b-512, then Ed25519 over the digest, and over
/// the signature with the trusted comment.
const RECIPE: &str = r#"set -eu
cd "$WORK"
{ printf '\060\052\060\005\006\003\053\145\160\003\041\000'
  printf '%s' "$KEY" | base64 -d | tail -c 32; } >key.der
sed -n 2p "$BLOCK" | base64 -d >block.bin
[ "$(head -c 2 block.bin)" = ED ]
tail -c 64 block.bin >file.sig
sed -n 4p "$BLOCK" | base64 -d >global.sig
openssl dgst -blake2b512 -binary "$FILE" >digest
openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey key.der -in digest -sigfile file.sig
{ cat file.sig; sed -n 3p "$BLOCK" | sed 's/^trusted comment: //' | tr -d '\n'; } >global
openssl pkeyutl -verify -rawin -pubin -keyform DER -inkey key.der -in global -sigfile global.sig
"#;

#[test]
fn a_shell_with_openssl_verifies_everything_that_the_depot_signed() {
    if !is_there("openssl") {
        println!("skipped: openssl is needed");
        return;
    }
    let world = World::newer();
    let recipe = |block: &Path, file: &Path, key: &str| {
        let mut command = world.command("sh");
        command.args(["-c", RECIPE]).env("WORK", world.path("")).env("KEY", public(key));
        finish({
            command.env("BLOCK", block).env("FILE", file);
            command
        })
    };
    each(&world, |block, file, key| {
        recipe(block, file, key).expect(0);
        let wrong = if key == "head-1" { "release-1" } else { "head-1" };
        assert_ne!(recipe(block, file, wrong).code, 0, "{}", file.display());
    });
}

/// A depot of 0.1.0 whose program is stamped with the address of a server.
fn stamped_for(world: &World, url: &str) {
    let base = base::folder();
    let folder = world.path("work");
    fs::create_dir(&folder).unwrap();
    for name in ["LICENSE", "app-0.2.11", "llama", "probe.gguf", "release-0.1.0.toml"] {
        base::copy_tree(&base.join(name), &folder.join(name));
    }
    fs::remove_dir_all(world.depot()).unwrap();
    let (keys, depot) = (world.path("keys"), world.depot());
    let (keys, depot) = (keys.to_str().unwrap(), depot.to_str().unwrap());
    base::depot(&folder, &["init", depot, "--keys", keys, "--no-password"]);
    let root = format!("{depot}/root/1.json");
    let setup = programs::program("offgrid-setup");
    let setup = setup.to_str().unwrap();
    base::depot(
        &folder,
        &["stamp", setup, "--root", &root, "--source", url, "-o", "offgrid-setup"],
    );
    base::depot(&folder, &["build", "release-0.1.0.toml", "--depot", depot, "--fast"]);
    base::depot(&folder, &["publish", depot, "--channel", "stable", "--release", "0.1.0"]);
}

#[test]
fn one_line_of_curl_installs() {
    if !is_there("curl") {
        println!("skipped: curl is needed");
        return;
    }
    let mut world = World::new();
    let before = world.snapshot();
    // The address has to be known before the program is stamped; the real server
    // reads what is there when it is asked.
    let url = world.serve();
    stamped_for(&world, &url);
    let line = format!("curl -fsSL {url}install | sh -s -- --yes");
    let sh = |line: &str| {
        let mut command = world.command("sh");
        command.args(["-c", line]);
        finish(command)
    };
    sh(&line).expect(0).says("0.1.0 is installed");
    let mut command = world.command(world.offgrid());
    command.args(["update", "--check"]);
    finish(command).expect(0).says("nothing newer");
    let mut command = world.command(world.offgrid());
    command.args(["uninstall", "--yes"]);
    finish(command).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn one_line_of_curl_runs_nothing_that_was_not_signed() {
    if !is_there("curl") {
        println!("skipped: curl is needed");
        return;
    }
    let world = World::new();
    let before = world.snapshot();
    let origin = Origin::of(&world.depot());
    let url = origin.url();
    stamped_for(&world, &url);
    let release = e2e::Forge::with(&world.depot(), &world.path("keys"));
    let release = release.read(&release.newest_release());
    let setup = release["setup"]["targets"].as_object().unwrap().values().next().unwrap();
    let setup = format!("blob/sha256/{}", setup["sha256"].as_str().unwrap());
    origin.lie(&setup, e2e::Lie::Flip(1_000_000));
    let mut command = world.command("sh");
    command.args(["-c", &format!("curl -fsSL {url}install | sh -s -- --yes")]);
    finish(command).expect(5);
    before.assert_same(&world.snapshot());
}
