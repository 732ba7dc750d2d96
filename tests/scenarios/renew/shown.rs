//! What is said of a newer program before it comes: `plan` has its steps and bytes,
//! and a person is asked once for all of it.

use super::{bring, newer};
use e2e::world::finish;
use e2e::{Outcome, World};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;

fn kinds(plan: &Value) -> Vec<&str> {
    plan["steps"].as_array().unwrap().iter().map(|step| step["step"].as_str().unwrap()).collect()
}

fn plan(world: &World, more: &[&str]) -> Value {
    let outcome = world.offgrid_run(&[&["self", "plan", "--json"], more].concat()).expect(0);
    outcome.events().into_iter().rfind(|event| event.get("steps").is_some()).unwrap()
}

#[test]
fn plan_has_the_steps_and_the_bytes_of_a_newer_program() {
    let world = World::new();
    world.install();
    assert_eq!(plan(&world, &[])["self_update"], json!(null));
    world.publish_newer();
    let alone = plan(&world, &[]);
    let new = newer(&world);
    bring(&world.depot(), &new);
    let both = plan(&world, &[]);
    let steps = ["fetch-setup", "prove-setup", "put-file", "put-file"];
    assert_eq!(kinds(&both), [&steps[..], &kinds(&alone)].concat());
    let bytes = |plan: &Value| plan["download_bytes"].as_u64().unwrap();
    assert_eq!(bytes(&both), bytes(&alone) + new.len() as u64);
    let said = json!({"version": "9.9.9", "download_bytes": new.len(), "steps": 4});
    assert_eq!(both["self_update"], said);
    world.offgrid_run(&["self", "plan"]).expect(0).says("download offgrid-setup 9.9.9");
    assert_eq!(plan(&world, &["--no-self-update"])["self_update"], json!(null));
    // It is what `update` does: the same steps in the same order.
    let update = world.offgrid_run(&["update", "--yes", "--json"]).expect(0);
    let began = update.events().into_iter().filter(|event| event["event"] == "began");
    let done: Vec<Value> =
        began.flat_map(|event| event["steps"].as_array().unwrap().clone()).collect();
    let planned: Vec<Value> =
        both["steps"].as_array().unwrap().iter().map(|step| step["what"].clone()).collect();
    assert_eq!(done, planned);
}

/// Typed at a terminal of its own. `None` where util-linux's `script` is missing.
fn typed(world: &World, program: &Path, words: &str, answer: &str) -> Option<Outcome> {
    let script =
        ["/usr/bin/script", "/bin/script"].into_iter().find(|at| fs::exists(at).unwrap())?;
    let answers = world.path("typed");
    fs::write(&answers, answer).unwrap();
    let mut command = world.command(script);
    let line = format!("{} {words}", program.display());
    command
        .env("OFFGRID_SETUP_SOURCE", world.depot())
        .env("TERM", "xterm")
        .args(["-qefc", &line, "/dev/null"])
        .stdin(fs::File::open(answers).unwrap());
    Some(finish(command))
}

#[test]
fn a_person_is_asked_once_for_the_newer_program_and_what_it_then_does() {
    let world = World::new();
    bring(&world.depot(), &newer(&world));
    let Some(first) = typed(&world, &world.setup(), "install --model none", "y\n") else {
        eprintln!("skipped: there is no `script` (util-linux) to make a terminal with");
        return;
    };
    let asked = |outcome: &Outcome| outcome.stdout.matches("Go on? [Y/n]").count();
    let first = first.expect(0).says("0.1.0 is installed");
    assert_eq!(asked(&first), 1, "{}", first.stdout);
    world.offgrid_run(&["uninstall", "--yes"]).expect(0);
    // The same for an update; a no is a no to both.
    world.run(&["install", "--yes", "--no-self-update"]).expect(0);
    world.publish_newer();
    bring(&world.depot(), &newer(&world));
    let before = world.snapshot();
    let no = typed(&world, &world.offgrid(), "update", "n\n").unwrap().expect(2);
    assert_eq!(asked(&no), 1, "{}", no.stdout);
    before.assert_same(&world.snapshot());
    let yes = typed(&world, &world.offgrid(), "update", "y\n").unwrap().expect(0);
    let yes = yes.says("download offgrid-setup 9.9.9").says("0.2.0 is live");
    assert_eq!(asked(&yes), 1, "{}", yes.stdout);
    world.offgrid_run(&["self", "version"]).expect(0).says("offgrid-setup 9.9.9");
}
