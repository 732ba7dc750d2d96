//! A llama.cpp that is on the machine already: told of in any case, used when somebody
//! asks for it and it is right, and looked at again before the app gets it.

mod changed;
mod cut_off;
mod impostors;
mod kept;
mod owners;
mod taken;

use e2e::programs::{engine, program};
use e2e::world::finish;
use e2e::{Outcome, World, base};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of the real engine in a folder of its own.
pub(crate) fn real(world: &World, name: &str) -> PathBuf {
    copy(&engine(), &world.path("engines").join(name), "")
}

/// A stand-in that does this.
pub(crate) fn standin(world: &World, name: &str, does: &str) -> PathBuf {
    copy(&program("engine-standin"), &world.path("engines").join(name), does)
}

/// By other programs: a file that this process wrote may be held open for writing by a
/// child that another test is just starting, and then cannot be run.
fn copy(from: &Path, folder: &Path, does: &str) -> PathBuf {
    fs::create_dir_all(folder).unwrap();
    base::set_mode(folder, 0o755);
    let to = folder.join("llama-server");
    let script = "cp --reflink=auto \"$1\" \"$2\" && chmod 755 \"$2\" && \
                  if [ -n \"$3\" ]; then printf ' %s' \"$3\" >>\"$2\"; fi";
    let status =
        Command::new("sh").args(["-c", script, "sh"]).arg(from).arg(&to).arg(does).status();
    assert!(status.unwrap().success());
    to
}

/// Whether a stand-in of this folder was ever started, and how.
pub(crate) fn starts(engine: &Path) -> Vec<String> {
    let text = fs::read_to_string(engine.with_file_name("ran")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The bootstrapper with these words and one of these files.
fn with(world: &World, words: &[&str], engine: &Path) -> Outcome {
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(words);
    finish({
        command.arg("--llama-server").arg(engine);
        command
    })
}

/// The installed program with these words and this engine.
fn update_with(world: &World, engine: &Path) -> Outcome {
    world.offgrid_run(&["update", "--yes", "--llama-server", engine.to_str().unwrap()])
}

fn status(world: &World) -> Value {
    world.offgrid_run(&["self", "status", "--json"]).expect(0).json()
}

/// What `plan --json` says: its last line.
#[track_caller]
fn planned(outcome: Outcome) -> Value {
    outcome.expect(0).events().pop().unwrap()
}

/// What is told of one of the engines that were found.
fn told(found: &Value, path: &Path) -> Option<(bool, String)> {
    let one = found.as_array()?.iter().find(|one| one["path"] == path.to_str().unwrap())?;
    Some((one["used"].as_bool()?, one["why"].as_str().unwrap_or_default().to_owned()))
}

/// The live slot.
fn slot(world: &World) -> PathBuf {
    world.prefix().join("current").canonicalize().unwrap()
}
