//! The guided install, on a real terminal: which engine, which model, then the plan and
//! one consent; and all of it before a byte is fetched.

mod engines;
mod models;
mod settled;

use e2e::{Forge, Origin, Terminal, World};
use offgrid_setup::report::units::bytes;
use serde_json::{Value, json};
use std::fs;

const MODEL: &str = "Which model is to be downloaded too?";
const NUMBER: &str = "Number [1]: ";
const CONSENT: &str = "Go on? [Y/n] ";

/// A depot with three models: `small` and `tiny` run here, `giant` nowhere. They are one
/// file under three names.
fn world() -> World {
    let world = World::new();
    catalogue(&world, |models| {
        let tiny = models[0].clone();
        let other = |name: &str, title: &str, memory: u64| {
            let mut model = tiny.clone();
            model["name"] = json!(name);
            model["file"] = json!(format!("{name}.gguf"));
            model["title"] = json!(title);
            model["memory_bytes"] = json!(memory);
            model
        };
        *models = vec![
            other("giant", "A giant", 1 << 50),
            other("small", "A small one", 1 << 20),
            other("tiny", "A tiny random model", 1 << 21),
        ];
    });
    world
}

fn catalogue(world: &World, edit: impl FnOnce(&mut Vec<Value>)) {
    Forge::of(&world.depot()).release(|release| {
        edit(release["models"].as_array_mut().unwrap());
    });
}

/// On a terminal, from a server that knows what was asked for.
fn from(world: &World, origin: &Origin, words: &str) -> Terminal {
    let line = format!("'{}' {words}", world.setup().display());
    Terminal::shell(world, &line, &[("OFFGRID_SETUP_SOURCE", &origin.url())])
}

/// What a plan with these words says.
fn plan(world: &World, words: &[&str]) -> Value {
    let outcome = world.run(&[&["plan", "--json"], words].concat()).expect(0);
    outcome.events().pop().unwrap()
}

fn size(plan: &Value) -> u64 {
    plan["download_bytes"].as_u64().unwrap()
}

fn download(plan: &Value) -> String {
    format!("  download:     {}", bytes(size(plan)))
}

/// Nothing but what a decision reads: no file of a release, and no model.
#[track_caller]
fn only_documents(world: &World, origin: &Origin) {
    let forge = Forge::of(&world.depot());
    let release = forge.read(&forge.newest_release());
    let components = release["components"].as_object().unwrap().values();
    let parts = components.flat_map(|targets| targets.as_object().unwrap().values());
    let parts: Vec<String> = parts
        .map(|one| format!("blob/sha256/{}", one["parts"]["sha256"].as_str().unwrap()))
        .collect();
    let seen = origin.seen();
    assert!(seen.iter().any(|seen| parts.contains(&seen.path)), "{seen:?}");
    let more =
        seen.iter().find(|seen| seen.path.starts_with("blob/") && !parts.contains(&seen.path));
    assert!(more.is_none(), "{more:?}");
}

fn status(world: &World) -> Value {
    world.offgrid_run(&["self", "status", "--json"]).expect(0).json()
}

/// The models that are installed, by the names of their files.
fn models(world: &World) -> Vec<String> {
    let entries = fs::read_dir(world.models()).into_iter().flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

/// The steps that a plan shows.
fn steps(plan: &Value) -> Vec<&str> {
    plan["steps"].as_array().unwrap().iter().map(|step| step["what"].as_str().unwrap()).collect()
}
