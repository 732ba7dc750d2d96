//! What proxies, login pages and confused servers make of an answer.

use e2e::{Forge, Lie, Origin, Victims, World};
use offgrid_manifest::layout;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};

/// What a program makes of these bytes.
fn piped(program: &str, bytes: &[u8]) -> Vec<u8> {
    let mut child = Command::new(program)
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(bytes).unwrap();
    child.wait_with_output().unwrap().stdout
}

#[test]
fn a18_what_a_network_makes_of_an_answer_is_never_taken() {
    let victims = Victims::new();
    let origin = Origin::of(&victims.depot());
    let channel = Forge::of(&victims.depot()).newest_channel();
    let head = fs::read(victims.depot().join(layout::HEAD)).unwrap();
    let packed = piped("gzip", &head);
    let other_lines = [&head[..], b"\r\n"].concat();
    let (broken, http, forged) = ((4, "E_UNREACHABLE"), (4, "E_HTTP"), (5, "E_SIG_THRESHOLD"));
    let rows = [
        ("a login page", Lie::Page, http),
        ("the page as if it were the file", Lie::Bytes(b"<html>log in</html>".to_vec()), forged),
        ("truncated", Lie::Truncate(100), broken),
        ("empty", Lie::Truncate(0), broken),
        ("a shorter length", Lie::Length(100), forged),
        ("a longer length", Lie::Length(9_999), broken),
        ("206 unasked", Lie::Partial, http),
        ("416 unasked", Lie::Status(416), http),
        ("304 unasked", Lie::Status(304), http),
        ("204", Lie::Status(204), http),
        ("to a file", Lie::Redirect("file:///etc/passwd".into()), http),
        ("to another scheme", Lie::Redirect("ftp://127.0.0.1/head.json".into()), http),
        ("in circles", Lie::Redirect(format!("{}head.json", origin.url())), http),
        ("compressed on the way", Lie::Encoded("gzip", packed), forged),
        ("another end of line", Lie::Bytes(other_lines), forged),
    ];
    for (what, lie, (code, error)) in rows {
        for path in [layout::HEAD, &channel] {
            let what = format!("{what}: {path}");
            // Its bytes are pinned before anybody looks who signed them.
            let error = if code == 5 && path != layout::HEAD { "E_MIXMATCH" } else { error };
            let lie = match &lie {
                Lie::Redirect(to) if to.ends_with("head.json") && to.starts_with("http") => {
                    Lie::Redirect(format!("{}{path}", origin.url()))
                }
                other => other.clone(),
            };
            origin.repent().lie(path, lie);
            victims.suffer(&what, &origin.url(), code, error);
        }
    }
}

#[test]
fn a18_a_poisoned_download_is_thrown_away_and_fetched_again() {
    let world = World::new();
    world.install();
    world.publish_newer();
    let mut forge = Forge::of(&world.depot());
    forge.new_app();
    let app = forge.blob_of("app", "offgrid");
    let bytes = fs::read(world.depot().join(&app)).unwrap();
    let mut poisoned = bytes[..bytes.len() / 2].to_vec();
    poisoned[1000] ^= 1;
    let part = world.prefix().join("blobs").join(format!("{}.part", &app["blob/sha256/".len()..]));
    fs::write(part, poisoned).unwrap();
    let origin = Origin::of(&world.depot());
    world.run_from(&origin.url(), &["update", "--yes"]).expect(0).says("0.2.0 is live");
    assert!(origin.sent_of(&app) >= bytes.len() as u64, "all of it came again");
    world.offgrid_run(&["self", "verify"]).expect(0);
}
