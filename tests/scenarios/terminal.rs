//! Terminals and pipes that close, stop and are asked: none of it is a failure, and
//! a terminal that goes takes the run back.

use e2e::light::Gate;
use e2e::process::{Running, hearing, until};
use e2e::{Snapshot, Terminal, World, light};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

fn command(world: &World, words: &[&str]) -> Command {
    let mut command = world.command(world.setup());
    command.env("OFFGRID_SETUP_SOURCE", world.depot()).args(words);
    command
}

/// The same command, typed in a shell with something behind it.
fn in_shell(world: &World, words: &str) -> Command {
    let mut shell = world.command("sh");
    shell.env("OFFGRID_SETUP_SOURCE", world.depot());
    shell.args(["-c", words, "sh"]).arg(world.setup());
    shell
}

fn is_held_up(world: &World) -> bool {
    let journal = fs::read_to_string(world.prefix().join("state/journal")).unwrap_or_default();
    // The slot is filled, and its app is tried.
    journal.matches("\"intent\"").count() > journal.matches("\"done\"").count()
        && world.prefix().join("versions").read_dir().is_ok_and(|mut list| list.next().is_some())
}

/// What an install that was taken back leaves: downloads, and what goes with them.
fn is_taken_back(world: &World, before: &Snapshot) {
    let status = world.run(&["status", "--json"]).expect(0).json();
    assert_eq!((&status["installed"], &status["unfinished"]), (&false.into(), &().into()));
    assert!(!world.home().join(".local/bin/offgrid").exists());
    assert_eq!(world.prefix().join("versions").read_dir().map_or(0, Iterator::count), 0);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn a_reader_that_goes_after_the_first_line_does_not_stop_an_install() {
    let world = World::new();
    let before = world.snapshot();
    let gate = Gate::publish(&world);
    let mut install = command(&world, &["install", "--yes", "--json"]);
    let mut install = install.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
    let mut line = String::new();
    let mut reader = BufReader::new(install.stdout.take().unwrap());
    reader.read_line(&mut line).unwrap();
    assert!(line.contains("\"event\""), "{line}");
    drop(reader);
    let _open = gate.open();
    assert_eq!(install.wait().unwrap().code(), Some(0));
    world.run(&["verify"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

#[test]
fn closed_streams_are_no_failure() {
    let world = World::new();
    light::publish(&world, &["1.0.0"], "");
    let before = world.snapshot();
    for closed in [">&-", "2>&-", ">&- 2>&-", "<&- >&- 2>&-", ">/dev/full 2>/dev/full"] {
        for words in
            ["install --yes", "verify", "status", "install --yes --json", "uninstall --yes"]
        {
            let shell = in_shell(&world, &format!("\"$1\" {words} {closed}"));
            let outcome = Running::start(shell).end();
            assert_eq!(outcome.code, 0, "{words} {closed}: {outcome:?}");
        }
        before.assert_same(&world.snapshot());
    }
}

#[test]
fn a_terminal_that_closes_takes_the_install_back() {
    let world = World::new();
    let before = world.snapshot();
    let _gate = Gate::publish(&world);
    let mut terminal = Terminal::start(&world, "install --yes");
    until("the app is tried", || is_held_up(&world) || terminal.has_ended());
    terminal.close();
    assert_eq!(terminal.code(), "130", "{}", terminal.seen());
    is_taken_back(&world, &before);
}

#[test]
fn ctrl_c_at_a_question_and_in_a_run_ends_both() {
    let world = World::new();
    let before = world.snapshot();
    let _gate = Gate::publish(&world);
    let mut terminal = Terminal::start(&world, "install");
    terminal.sees("[Y/n]");
    terminal.types("\u{3}");
    assert_eq!(terminal.code(), "130", "{}", terminal.seen());
    drop(terminal);
    before.assert_same(&world.snapshot());
    let mut terminal = Terminal::start(&world, "install");
    terminal.sees("[Y/n]");
    terminal.types("y\n");
    until("the app is tried", || is_held_up(&world) || terminal.has_ended());
    terminal.types("\u{3}\u{3}\u{3}");
    assert_eq!(terminal.code(), "130", "{}", terminal.seen());
    is_taken_back(&world, &before);
}

#[test]
fn what_was_ignored_from_the_start_stays_ignored() {
    let world = World::new();
    let before = world.snapshot();
    let gate = Gate::publish(&world);
    let ignoring = hearing(&command(&world, &["install", "--yes"]), "--ignore-signal");
    let running = Running::start_as_it_is(ignoring);
    until("the app is tried", || is_held_up(&world));
    for signal in ["HUP", "INT", "TERM", "HUP"] {
        running.signal(signal);
    }
    assert!(ignores(running.id(), 1) && ignores(running.id(), 2) && ignores(running.id(), 15));
    let _open = gate.open();
    running.end().expect(0);
    world.run(&["verify"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}

/// Whether a process ignores a signal (proc(5): SigIgn).
fn ignores(id: u32, signal: u32) -> bool {
    let mask = u64::from_str_radix(&fact(id, "SigIgn:"), 16).unwrap();
    mask & (1 << (signal - 1)) != 0
}

fn fact(id: u32, name: &str) -> String {
    let status = fs::read_to_string(Path::new("/proc").join(id.to_string()).join("status"));
    let status = status.unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    line.trim().to_owned()
}

#[test]
fn a_run_that_is_stopped_for_a_while_goes_on() {
    let world = World::new();
    let before = world.snapshot();
    let gate = Gate::publish(&world);
    let running = Running::start(command(&world, &["install", "--yes"]));
    until("the app is tried", || is_held_up(&world));
    // What ctrl-z does; the kernel drops that one where nobody could wake us up.
    running.signal("STOP");
    until("it stands still", || fact(running.id(), "State:").starts_with('T'));
    world.run(&["update", "--yes"]).expect_error(6, "E_LOCKED").says(&running.id().to_string());
    let _open = gate.open();
    running.signal("CONT");
    running.end().expect(0);
    world.run(&["verify"]).expect(0);
    world.run(&["uninstall", "--yes"]).expect(0);
    before.assert_same(&world.snapshot());
}
