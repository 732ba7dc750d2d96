//! Other programs called `offgrid` or `llama-server` on the PATH.

use e2e::world::finish;
use e2e::{World, base};
use std::fs;
use std::os::unix::fs::symlink;

#[test]
fn other_programs_of_our_names_are_named_at_install_update_and_status() {
    let world = World::new();
    let theirs = world.path("theirs");
    fs::create_dir(&theirs).unwrap();
    for name in ["offgrid", "llama-server"] {
        fs::write(theirs.join(name), "#!/bin/sh\n").unwrap();
        base::set_mode(&theirs.join(name), 0o755);
    }
    let (offgrid, llama) = (theirs.join("offgrid"), theirs.join("llama-server"));
    let llama = format!("{} is another llama.cpp", llama.display());
    let another = format!("{} is another `offgrid`", offgrid.display());
    let starts = format!("typing `offgrid` starts {}, not this", offgrid.display());
    let run = |path: String, words: &[&str]| {
        let mut command = world.command(world.setup());
        command.env("OFFGRID_SETUP_SOURCE", world.depot()).env("PATH", path).args(words);
        finish(command).expect(0)
    };
    let (bin, theirs) = (world.home().join(".local/bin"), theirs.display().to_string());
    let after = || format!("{}:/usr/bin:/bin:{theirs}", bin.display());
    let before = || format!("{theirs}:{}:/usr/bin:/bin", bin.display());
    let alone = || format!("/usr/bin:/bin:{theirs}");
    // With the blocks, new terminals have ours in front.
    run(alone(), &["install", "--yes"]).says(&another).says(&llama);
    run(alone(), &["status"]).says(&starts).says(&llama);
    run(after(), &["status"]).says(&another).says("typing `offgrid` starts this installation");
    let status = run(before(), &["status", "--json"]).json();
    let notes: Vec<&str> =
        status["notes"].as_array().unwrap().iter().flat_map(|n| n.as_str()).collect();
    assert!(notes.iter().any(|note| note.starts_with(&starts)), "{notes:?}");
    assert!(notes.iter().any(|note| note.starts_with(&llama)), "{notes:?}");
    world.publish_newer();
    let update = run(before(), &["update", "--yes", "--json"]);
    let notes: Vec<_> = update.events().into_iter().filter(|e| e["code"] == "W_SHADOWED").collect();
    assert_eq!(notes.len(), 2, "{update:?}");
    assert!(notes[0]["what"].as_str().unwrap().starts_with(&starts));
    // Neither a file that is no program nor a link to ours is another one.
    base::set_mode(&offgrid, 0o644);
    fs::remove_file(world.path("theirs/llama-server")).unwrap();
    let second = world.path("second");
    fs::create_dir(&second).unwrap();
    symlink(world.prefix().join("bin/offgrid"), second.join("offgrid")).unwrap();
    let status = run(format!("{}:{}", second.display(), before()), &["status"]);
    assert!(!status.stdout.contains(&theirs) && !status.stdout.contains("another"), "{status:?}");
}
