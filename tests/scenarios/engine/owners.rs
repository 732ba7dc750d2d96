//! Whose an engine may be: of the user who runs it or of root; for everybody on the
//! machine of root alone.

use super::{copy, planned};
use crate::local::ground;
use crate::rights;
use e2e::programs::engine;
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World};
use serde_json::json;
use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::Path;

fn system(world: &World, words: &[&str], prefix: &Path, engine: &Path) -> Outcome {
    let mut command = world.command(world.setup());
    command.env_remove("OFFGRID_SETUP_SCOPE").env("OFFGRID_SETUP_SOURCE", world.depot());
    command.args(words).args(["--json", "--system", "--prefix"]).arg(prefix);
    command.arg("--llama-server").arg(engine);
    finish(command)
}

#[test]
fn for_everybody_only_what_is_root_s_own_is_taken_through_links_too() {
    let (world, Some(ground)) = (World::new(), ground()) else { return };
    let Some(other) = rights::world() else { return };
    let prefix = ground.path().join("offgrid");
    let safe = copy(&engine(), &ground.path().join("engine"), "");
    let plan = planned(system(&world, &["plan"], &prefix, &safe));
    assert_eq!(plan["selection"]["engine"]["path"], json!(safe));
    // A user's own, which that user may take.
    let theirs = copy(&engine(), &other.home().join("engine"), "");
    rights::give(&other.home());
    chown(theirs.parent().unwrap(), Some(rights::NOBODY), Some(rights::NOBODY)).unwrap();
    let words = ["plan", "--json", "--llama-server", theirs.to_str().unwrap()];
    let plan = planned(rights::run(&other, &words));
    assert_eq!(plan["selection"]["engine"]["path"], json!(theirs));
    // For everybody it is not taken, whoever asks.
    let words = [&words[..], &["--system", "--prefix", prefix.to_str().unwrap()]].concat();
    let outcome = rights::run(&other, &words).expect_error(5, "E_UNTRUSTED_BINARY");
    outcome.says("belongs to user 65534");
    // Under root's name it is that user's file all the same.
    let link = ground.path().join("llama-server");
    symlink(&theirs, &link).unwrap();
    let way = ground.path().join("way");
    symlink(theirs.parent().unwrap(), &way).unwrap();
    let before = Snapshot::of(ground.path(), &[]);
    for path in [theirs.clone(), link, way.join("llama-server")] {
        // Only planned: were it ever taken, this machine would get it.
        let outcome = system(&world, &["plan"], &prefix, &path);
        let outcome = outcome.expect_error(5, "E_UNTRUSTED_BINARY");
        outcome.says("belongs to user 65534");
        before.assert_same(&Snapshot::of(ground.path(), &[]));
    }
    // And what lies where everybody may put things, whoever's it is.
    let sticky = copy(&engine(), &world.path("engine"), "");
    let outcome = system(&world, &["plan"], &prefix, &sticky);
    outcome.expect_error(5, "E_UNTRUSTED_BINARY").says("may be written to by everybody");
    before.assert_same(&Snapshot::of(ground.path(), &[]));
}

/// For a user PATH is the user's own word.
#[test]
fn an_ordinary_user_s_own_engine_of_path_is_taken_when_it_is_asked_for() {
    let Some(world) = rights::world() else { return };
    let folder = world.home().join("tools");
    let engine = copy(&engine(), &folder, "");
    fs::write(folder.join("libnote.so"), "").unwrap();
    rights::give(&world.home());
    let run = |words: &[&str]| {
        let mut command = world.command("setpriv");
        command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups"]);
        command.env("PATH", format!("{}:/usr/bin:/bin", folder.display()));
        command.arg(world.setup()).env("OFFGRID_SETUP_SOURCE", world.depot()).args(words);
        finish(command)
    };
    let found = run(&["detect", "--json"]).expect(0).json()["evidence"]["engines"].clone();
    let unasked = format!("{} is not used: nobody asked for it", engine.display());
    assert!(found.as_str().unwrap().starts_with(&unasked), "{found}");
    run(&["install", "--yes", "--reuse-llama"]).expect(0);
    let status = run(&["status", "--json"]).expect(0).json();
    assert_eq!(status["engine"]["path"], json!(engine));
    run(&["verify"]).expect(0);
    run(&["uninstall", "--yes"]).expect(0);
}
