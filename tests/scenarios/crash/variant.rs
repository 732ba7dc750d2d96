//! Another variant of the same release, killed on its way.

use super::Crash;
use e2e::{Forge, World};
use serde_json::{Value, json};
use std::fs;

#[test]
fn a_rematch_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    let world = World::new();
    let first = world.snapshot();
    let target = format!("{}-{}", std::env::consts::OS, std::env::consts::ARCH);
    let (old, new) = (format!("{target}-cpu"), format!("{target}-better"));
    Forge::of(&world.depot()).release(|release| {
        let mut better = release["variants"][0].clone();
        better["id"] = json!(new);
        better["rank"] = json!(200);
        release["variants"].as_array_mut().unwrap().push(better);
    });
    world.run(&["install", "--yes", "--variant", &old]).expect(0);
    forget(&world, &format!("0.1.0+{old}"));
    let crash = Crash::new(world, &["update", "--rematch"], &[Some("0.1.0"), Some("0.1.0")]);
    Crash { first, variant: Some(new), sample: 8, ..crash }.run();
}

/// Lets the receipt be one of the first programs, which did not remember what was
/// asked for.
fn forget(world: &World, slot: &str) {
    let path = world.prefix().join("state/receipt.json");
    let mut receipt: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let slot = receipt["slots"][slot].as_object_mut().unwrap();
    assert!(slot.remove("chosen").is_some(), "it is not remembered");
    fs::write(&path, serde_json::to_vec(&receipt).unwrap()).unwrap();
}
