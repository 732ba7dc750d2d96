//! A bootstrapper that knows other sources.

use crate::programs::program;
use crate::{Outcome, World, base, world};
use std::fs;

/// Puts the root of the world's depot and these sources into the world's
/// bootstrapper.
pub fn stamp(world: &World, sources: &[&str]) {
    let _ = fs::remove_file(world.setup());
    let (linked, root) = (program("offgrid-setup"), world.depot().join("root/1.json"));
    let mut words = vec!["stamp", linked.to_str().unwrap(), "--root", root.to_str().unwrap()];
    for source in sources {
        words.extend(["--source", source]);
    }
    words.extend(["-o", "offgrid-setup"]);
    base::depot(&world.path(""), &words);
}

/// Runs the bootstrapper from the sources in its stamp.
pub fn run(world: &World, words: &[&str]) -> Outcome {
    let mut command = world.command(world.setup());
    command.args(words);
    world::finish(command)
}
