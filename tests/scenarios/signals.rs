//! Ctrl-C, a stop request and a closed terminal at any moment of a command, once or
//! by somebody who is impatient: the run is taken back, or it was over already.
//! Then everything is as before but for downloads, the same command does what was
//! asked for, and an uninstall gives back the first tree.
//!
//! Moments are calls that change the file system, as in `crash.rs`. By default a
//! sample; `E2E_FULL=1` takes all of them, `E2E_SEED=N` another sample.

use crate::crash::{Crash, seed, spread};
use e2e::chance::Chance;
use e2e::cut::{self, Point, Sent};
use e2e::world::finish;
use e2e::{Outcome, World};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many moments of each command are tried.
const SAMPLE: usize = 8;

#[test]
fn an_install_that_is_stopped_anywhere_is_taken_back() {
    signal(&Crash::install());
}

#[test]
fn an_update_that_is_stopped_anywhere_is_taken_back() {
    signal(&Crash::update());
}

#[test]
fn a_rollback_that_is_stopped_anywhere_is_taken_back() {
    signal(&Crash::rollback());
}

#[test]
fn an_uninstall_that_is_stopped_anywhere_is_taken_back() {
    signal(&Crash::uninstall());
}

#[test]
fn an_update_of_the_program_that_is_stopped_anywhere_is_taken_back() {
    signal(&Crash::own_update());
}

#[test]
fn a_model_whose_install_is_stopped_anywhere_is_taken_back() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    let live = Some("0.1.0");
    let mut crash = Crash::new(world, &["model", "install", "tiny"], &[live, live]);
    crash.first = first;
    signal(&crash);
}

fn signal(crash: &Crash) {
    if let Some(why) = cut::why_not() {
        eprintln!("skipped: no signal can be sent at a point here: {why}");
        return;
    }
    let (outcome, points) = cut::points(&crash.command(), &crash.world.path("trace"));
    outcome.expect(0);
    let full = std::env::var_os("E2E_FULL").is_some();
    let mut chance = Chance::new(seed());
    let count = if full { points.len() } else { SAMPLE };
    let (mut failed, mut codes) = (Vec::new(), Vec::new());
    for point in spread(&points, count, &mut chance) {
        let (kind, far) = (chance.below(KINDS.len()), chance.below(1000));
        let kinds = if full { &KINDS[..] } else { &KINDS[kind..=kind] };
        for kind in kinds {
            let case = AssertUnwindSafe(|| codes.push(one(crash, &point, *kind, far)));
            if let Err(panic) = catch_unwind(case) {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                failed.push(format!("=== {kind:?} at {point} ({far})\n{why}"));
            }
        }
    }
    eprintln!("`{}`: {} points, ended with {codes:?}", crash.words.join(" "), points.len());
    let (count, seed) = (failed.len(), seed());
    assert!(failed.is_empty(), "seed {seed}: {count} cases failed\n{}", failed.join("\n"));
}

/// What somebody does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// One signal.
    Once(&'static str),
    /// Ctrl-C, again and again while it is taken back.
    Impatient,
    /// Everything, each at another moment.
    All,
    /// A service manager: the request, and then no more patience.
    Killed,
}

const KINDS: [Kind; 6] = [
    Kind::Once("INT"),
    Kind::Once("TERM"),
    Kind::Once("HUP"),
    Kind::Impatient,
    Kind::All,
    Kind::Killed,
];

/// Its exit code.
fn one(crash: &Crash, point: &Point, kind: Kind, far: usize) -> i32 {
    let log = crash.world.path("trace");
    let sent = |at: &Point, signal| Sent { at: at.clone(), signal, every: false };
    let first = match kind {
        Kind::Once(signal) => sent(point, signal),
        Kind::Impatient => Sent { every: true, ..sent(point, "INT") },
        Kind::All => sent(point, "HUP"),
        Kind::Killed => sent(point, "TERM"),
    };
    crash.restore();
    let (mut outcome, points) =
        cut::signalled(&crash.command(), std::slice::from_ref(&first), &log);
    if let Kind::All | Kind::Killed = kind {
        // Where it goes on after the first signal; at each kind of call one.
        let at = points.iter().position(|p| p == point).map_or(0, |at| at + 1);
        let rest: Vec<&Point> = points[at..].iter().filter(|p| p.call != point.call).collect();
        let mut all = vec![first];
        if let Some(second) = rest.get(far * rest.len() / 1000) {
            all.push(sent(second, if kind == Kind::All { "INT" } else { "KILL" }));
            let third = rest.iter().rev().find(|p| p.call != second.call);
            all.extend(third.filter(|_| kind == Kind::All).map(|at| sent(at, "TERM")));
        }
        crash.restore();
        outcome = cut::signalled(&crash.command(), &all, &log).0;
    }
    let code = outcome.code;
    judge(crash, kind, outcome);
    code
}

fn judge(crash: &Crash, kind: Kind, outcome: Outcome) {
    let (live, unfinished) = crash.status();
    let live = live.as_deref();
    match outcome.code {
        0 => assert!(!unfinished && (crash.moved(live) || crash.live[0] == crash.live[1])),
        130 if outcome.stderr.contains("E_INTERRUPTED") => {
            assert!(!unfinished, "{outcome:?}");
            // The program's own update is a run of its own, which stays.
            if !crash.own || !crash.moved(live) {
                as_before(crash, live.is_some());
            }
        }
        // Before it listens there is nothing to be taken back.
        129 | 130 | 143 => crash.before.assert_same(&crash.world.snapshot()),
        137 => assert_eq!(kind, Kind::Killed),
        _ => panic!("{outcome:?}"),
    }
    // A rollback that was over would go back once more.
    if outcome.code != 0 {
        finish(crash.command()).expect(0);
    }
    let (live, unfinished) = crash.status();
    assert!(!unfinished && crash.moved(live.as_deref()) || crash.live[0] == crash.live[1]);
    if live.is_some() {
        crash.world.run(&["verify"]).expect(0);
    }
    crash.world.run(&["uninstall", "--purge", "--yes"]).expect(0);
    crash.first.assert_same(&crash.world.snapshot());
}

/// Downloads may be kept, and where nothing was installed the prefix with them.
fn as_before(crash: &Crash, installed: bool) {
    if installed {
        return crash.same_as_before(true);
    }
    let changes = crash.before.differences(&crash.world.snapshot_but_downloads());
    let prefix = ".local/share/offgrid";
    // Rollback marks only rise, and the machine keeps its place in rollouts.
    let folders =
        ["", "/bin", "/versions", "/state", "/state/made.json", "/state/trust.json", "/state/id"];
    let known: Vec<String> = folders.iter().map(|name| format!("{prefix}{name}")).collect();
    for line in &changes {
        let path = line.trim_start_matches("+ ").split(' ').next().unwrap();
        let fine = prefix.starts_with(path) || known.iter().any(|known| known == path);
        assert!(line.starts_with('+') && fine, "{line} in\n{}", changes.join("\n"));
    }
}
