//! Many processes on one prefix: one at a time changes it, the others say so or
//! wait, and whatever is killed at whatever moment, no slot is ever broken.
//!
//! `E2E_SEED=N` plays other rounds, `E2E_FULL=1` five times as many.

use crate::crash::seed;
use e2e::chance::Chance;
use e2e::light::{self, Gate};
use e2e::process::{Running, until};
use e2e::{Outcome, Snapshot, World};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

/// At once.
const PROCESSES: usize = 32;
/// One after the other.
const ROUNDS: usize = 100;

fn command(world: &World, words: &[&str]) -> Command {
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(words);
    command
}

#[test]
fn of_many_who_install_at_once_one_does_it_and_the_others_wait_or_say_who_does() {
    let world = World::new();
    let before = world.snapshot();
    let gate = Gate::publish(&world);
    let mut all: Vec<(bool, Running)> = (0..PROCESSES)
        .map(|index| {
            let words = ["install", "--yes", "--json", "--wait"];
            let waits = index % 2 == 0;
            (waits, Running::start(command(&world, &words[..if waits { 4 } else { 3 }])))
        })
        .collect();
    // Whoever does not wait ends while the winner is held up in its proof.
    let running = |all: &mut Vec<(bool, Running)>| {
        all.iter_mut().map(|(waits, one)| usize::from(!*waits && one.is_running())).sum::<usize>()
    };
    until("at most the winner runs of those who do not wait", || running(&mut all) <= 1);
    let lock = world.prefix().join("state/lock");
    let winner = until_some("somebody has the lock", || holder(&lock));
    let _open = gate.open();
    let mut installed = 0;
    for (waits, one) in all {
        let (id, outcome) = (one.id(), one.end());
        if id == winner {
            installed += 1;
            assert_eq!(outcome.expect(0).ended().unwrap()["outcome"], "installed");
        } else if waits {
            let outcome = outcome.expect(0);
            assert_eq!(outcome.ended().unwrap()["outcome"], "unchanged");
            let told = outcome.events().into_iter().filter(|event| event["code"] == "W_WAITING");
            let told: Vec<_> = told.map(|event| event["what"].to_string()).collect();
            assert!(told.len() == 1 && told[0].contains(&winner.to_string()), "{told:?}");
        } else {
            let outcome = outcome.expect_error(6, "E_LOCKED");
            outcome.says(&format!("(install, process {winner})")).says("--wait");
        }
    }
    assert_eq!(installed, 1);
    world.run(&["verify"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn whoever_waits_can_give_up_at_once() {
    let world = World::new();
    let before = world.snapshot();
    let gate = Gate::publish(&world);
    let first = Running::start(command(&world, &["install", "--yes"]));
    let lock = world.prefix().join("state/lock");
    until("the first has the lock", || holder(&lock) == Some(first.id()));
    for words in [&["install", "--wait", "--yes", "--json"][..], &["uninstall", "--wait", "--yes"]]
    {
        let waiting = Running::start_said(command(&world, words), &world.path("said"));
        until("it says that it waits", || {
            let said = fs::read_to_string(world.path("said")).unwrap();
            said.contains("this command waits") && said.contains(&first.id().to_string())
        });
        waiting.signal("INT");
        waiting.end().expect(130);
        let said = fs::read_to_string(world.path("said")).unwrap();
        assert!(said.contains("nothing was changed"), "{said}");
        assert_eq!(said.matches("this command waits").count(), 1, "{said}");
    }
    let status = world.run(&["status", "--json"]).expect(0).json();
    assert_eq!((&status["installed"], &status["unfinished"]), (&false.into(), &().into()));
    let note = status["notes"][0].as_str().unwrap();
    assert!(note.contains(&format!("(install, process {})", first.id())), "{note}");
    let _open = gate.open();
    first.end().expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn whoever_waited_finds_what_the_other_has_left() {
    let world = World::new();
    let before = world.snapshot();
    let gate = Gate::publish(&world);
    let said = world.path("said");
    for (word, exit, says) in [
        ("install", 0, "is installed and live"),
        // Of what is not installed yet when they are typed, too.
        ("update", 0, "there is nothing newer"),
        ("rollback", 3, "no earlier release"),
        ("verify", 0, "are as they were installed"),
        ("repair", 0, "nothing to mend"),
        ("uninstall", 0, "removed from"),
    ] {
        let first = Running::start(command(&world, &["install", "--yes"]));
        let lock = world.prefix().join("state/lock");
        until("the first has the lock", || holder(&lock) == Some(first.id()));
        let second = command(&world, &[word, "--wait", "--yes"]);
        let second = Running::start_said(second, &said);
        let text = || fs::read_to_string(&said).unwrap();
        until("the second waits", || text().contains("this command waits"));
        let open = gate.open();
        first.end().expect(0);
        second.end().expect(exit);
        assert!(text().contains(says), "{}", text());
        drop(open);
        world.run(&["uninstall", "--yes"]).expect(0);
        before.assert_same(&world.snapshot());
    }
}

/// What a round is made of; those that ask nothing of a source come often.
const COMMANDS: &[&[&str]] = &[
    &["install", "--yes"],
    &["install", "--yes"],
    &["install", "--yes", "--version", "1.0.0", "--allow-downgrade"],
    &["update", "--yes"],
    &["update", "--yes", "--version", "1.0.0", "--allow-downgrade"],
    &["rollback", "--yes"],
    &["rollback", "--yes"],
    &["uninstall", "--yes", "--purge"],
    &["repair", "--yes"],
    &["repair", "--finish", "--yes"],
    &["repair", "--back", "--yes"],
    &["verify"],
    &["verify"],
    &["status", "--json"],
    &["status"],
];

#[test]
fn a_crowd_of_commands_of_which_some_are_killed_never_breaks_a_slot() {
    let more = if std::env::var_os("E2E_FULL").is_some() { 4 } else { 0 };
    for seed in seed()..=seed() + more {
        let world = World::new();
        light::publish(&world, &["1.0.0", "2.0.0"], "");
        let first = world.snapshot();
        let mut chance = Chance::new(seed);
        let mut crowd = Crowd { world: &world, first, killed: 0, codes: BTreeMap::new() };
        for round in 0..ROUNDS {
            eprintln!("seed {seed}, round {round}");
            crowd.round(&mut chance);
        }
        eprintln!("{} were killed; ended with {:?}", crowd.killed, crowd.codes);
        assert!(crowd.codes[&0] > ROUNDS && crowd.codes[&6] > ROUNDS, "too few met one another");
        world.run(&["uninstall", "--yes", "--purge"]).expect(0);
        crowd.first.assert_same(&world.snapshot());
    }
}

struct Crowd<'a> {
    world: &'a World,
    first: Snapshot,
    killed: usize,
    codes: BTreeMap<i32, usize>,
}

impl Crowd<'_> {
    /// Many commands at once, some of which are killed, and then order again.
    fn round(&mut self, chance: &mut Chance) {
        // In a round without kills there is no excuse for anything.
        let calm = chance.below(4) == 0;
        let mut all: Vec<(Vec<&str>, Option<Running>)> = Vec::new();
        for _ in 0..PROCESSES {
            let mut words = COMMANDS[chance.below(COMMANDS.len())].to_vec();
            if chance.below(2) == 0 && words[0] != "status" {
                words.push("--wait");
            }
            let one = Running::start(command(self.world, &words));
            all.push((words, Some(one)));
        }
        if !calm {
            self.kill_some(&mut all, chance);
        }
        for (words, one) in all {
            if let Some(one) = one {
                self.judge(&words, one.end(), calm);
            }
        }
        self.order(chance);
    }

    /// Ends some as a power cut would: whoever has the lock, or anybody.
    fn kill_some(&mut self, all: &mut [(Vec<&str>, Option<Running>)], chance: &mut Chance) {
        let lock = self.world.prefix().join("state/lock");
        for _ in 0..6 {
            // Not waiting for anything: the moments are what is tried.
            thread::sleep(Duration::from_micros(chance.below(60_000) as u64));
            let anybody = chance.below(all.len());
            let held = holder(&lock).filter(|_| chance.below(3) > 0);
            let index = held.and_then(|id| {
                all.iter().position(|(_, one)| one.as_ref().is_some_and(|one| one.id() == id))
            });
            if let Some(mut one) = all[index.unwrap_or(anybody)].1.take() {
                self.killed += usize::from(one.is_running());
                one.kill();
            }
        }
    }

    /// What a command may end with.
    fn judge(&mut self, words: &[&str], outcome: Outcome, calm: bool) {
        *self.codes.entry(outcome.code).or_default() += 1;
        let waits = words.contains(&"--wait");
        let said = format!("{}{}", outcome.stdout, outcome.stderr);
        let fine = match outcome.code {
            0 => true,
            6 => !waits && words[0] != "status",
            // There was nothing to do it with, at that moment.
            3 if said.contains("nothing is installed") => words[0] != "status",
            3 if said.contains("no earlier release") => words[0] == "rollback",
            // What a killed run left half done is for the next one to end.
            1 => !calm && words[0] == "verify" && said.contains("not as"),
            _ => false,
        };
        assert!(fine, "{words:?} {outcome:?}");
    }

    /// Whatever happened: `status` answers, and the next command ends what was cut
    /// off; then what is there is whole, and goes without a trace.
    fn order(&self, chance: &mut Chance) {
        let world = self.world;
        let status = || world.run(&["status", "--json"]).expect(0).json();
        if !status()["unfinished"].is_null() {
            let ways: [&[&str]; 4] = [
                &["repair", "--yes"],
                &["repair", "--finish", "--yes"],
                &["repair", "--back", "--yes"],
                &["install", "--yes"],
            ];
            world.run(ways[chance.below(ways.len())]).expect(0);
        }
        let after = status();
        assert!(
            after["unfinished"].is_null() && after["notes"] == serde_json::json!([]),
            "{after}"
        );
        if after["installed"] == true {
            world.run(&["verify"]).expect(0);
            let version = after["version"].as_str().unwrap();
            world.offgrid_run(&["version"]).expect(0).says(version);
        }
        // After a `repair --back` of a first install, downloads may wait for the next.
        let named: BTreeSet<String> = after["slots"].as_array().unwrap().iter().map(slot).collect();
        assert_eq!(slots_of(&world.prefix()), named);
        if chance.below(3) == 0 {
            world.run(&["uninstall", "--yes"]).expect(0);
            self.first.assert_same(&world.snapshot());
        }
    }
}

fn slot(slot: &serde_json::Value) -> String {
    format!("{}+{}", slot["version"].as_str().unwrap(), slot["variant"].as_str().unwrap())
}

/// The slots that lie there.
fn slots_of(prefix: &Path) -> BTreeSet<String> {
    let entries = fs::read_dir(prefix.join("versions")).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().into_string().unwrap()).collect()
}

/// The process that a lock file names.
fn holder(lock: &Path) -> Option<u32> {
    fs::read_to_string(lock).ok()?.split_whitespace().next()?.parse().ok()
}

fn until_some<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let mut found = None;
    until(what, || {
        found = look();
        found.is_some()
    });
    found.unwrap()
}
