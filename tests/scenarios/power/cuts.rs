//! One command during which the power goes out: recorded, cut everywhere, and gone
//! on with.

use super::PREFIX;
use super::ends::Ends;
use e2e::chance::Chance;
use e2e::power::disk::Event;
use e2e::power::states::{self, Size};
use e2e::power::tree::Shelf;
use e2e::power::{Cut, Disk, States, log, replay};
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World, cut};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::Path;
use std::process::Command;

/// From how many states of each command the real program goes on.
const SAMPLE: usize = 10;

fn number(variable: &str) -> Option<usize> {
    std::env::var(variable).ok()?.parse().ok()
}

/// How a run that was cut off is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Finish,
    Back,
    Again,
}

const WAYS: [Way; 3] = [Way::Finish, Way::Back, Way::Again];

/// One command during which the power goes out.
pub(super) struct Power {
    world: World,
    words: Vec<String>,
    /// The live release before and after the command.
    live: [Option<&'static str>; 2],
    /// Whether the command replaces the program that runs it.
    own: bool,
    /// How it is ended, in turn.
    ways: &'static [Way],
    /// The home before the first install.
    first: Snapshot,
}

impl Power {
    pub(super) fn new(world: World, words: &[&str], live: &[Option<&'static str>; 2]) -> Power {
        let words = words.iter().chain(&["--yes"]).map(|word| (*word).to_owned()).collect();
        Power { words, live: *live, own: false, ways: &WAYS, first: world.snapshot(), world }
    }

    /// With another first tree than the one before the command.
    pub(super) fn begun_at(self, first: Snapshot) -> Power {
        Power { first, ..self }
    }

    /// Of a command that takes something back, which nobody wants finished then.
    pub(super) fn backwards(self) -> Power {
        Power { ways: &[Way::Back, Way::Again], ..self }
    }

    /// Of the program that runs it.
    pub(super) fn of_itself(self) -> Power {
        Power { own: true, ..self }
    }

    pub(super) fn run(&self) {
        if let Some(why) = cut::why_not() {
            eprintln!("skipped: the calls of a program cannot be recorded here: {why}");
            return;
        }
        let full = std::env::var_os("E2E_FULL").is_some();
        let seed = number("E2E_SEED").unwrap_or(1) as u64;
        let disk = self.recorded();
        let size = match full {
            true => Size { all_up_to: 1024, sample: 300 },
            false => Size { all_up_to: 64, sample: 20 },
        };
        let states = States::of(&disk, size, seed, &is_dull);
        let ends = self.ends(&disk);
        let mut failed = Vec::new();
        for cut in &states.cuts {
            if let Some(why) = ends.lost(cut) {
                failed.push(format!("=== {why}\n{}", cut.describe(&disk)));
            }
        }
        let chosen = match (full, number("E2E_POWER")) {
            (true, None) => (0..states.cuts.len()).collect(),
            (_, count) => spread(&states, count.unwrap_or(SAMPLE), seed),
        };
        for (nth, index) in chosen.iter().enumerate() {
            let (cut, way) =
                (&states.cuts[*index], self.ways[(nth + seed as usize) % self.ways.len()]);
            // A rollback that is typed again may go back twice.
            let twice = nth % 4 == 3 && (way != Way::Again || self.words[0] != "rollback");
            let case = AssertUnwindSafe(|| match twice {
                false => self.go_on(&ends.shelf, cut, way),
                true => self.go_on_twice(&ends.shelf, cut, way, seed + nth as u64),
            });
            if let Err(panic) = catch_unwind(case) {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                failed.push(format!("=== {way:?}: {why}\n{}", cut.describe(&disk)));
            }
        }
        ends.shelf.check();
        let (count, words) = (failed.len(), self.words.join(" "));
        eprintln!(
            "`{words}`: {} events, {} moments, {} combinations, {} states, {} of them gone on from, \
             {count} failed (seed {seed})",
            disk.events.len(),
            states.moments,
            states.tried,
            states.cuts.len(),
            chosen.len()
        );
        failed.truncate(30);
        assert!(failed.is_empty(), "{count} failed (seed {seed})\n{}", failed.join("\n"));
    }

    /// The command is run once, to its end; what it changes on the disk.
    fn recorded(&self) -> Disk {
        let home = self.world.home();
        let before = Disk::of(&home);
        let (outcome, calls) = log::record(&self.command(), &self.world.path("log"));
        outcome.expect(0);
        let blobs = self.world.depot().join("blob/sha256");
        let disk = replay::replay(before, &home, &blobs, &calls);
        // Nothing was missed: what was replayed is what is there.
        let there = self.world.path("replayed");
        let shelf = Shelf::new(&disk, self.world.path("shelf"));
        shelf.put(&disk.tree(disk.events.len(), |index| disk.done(index)), &there);
        // The program that takes over remembers when it last asked.
        let later = format!("{PREFIX}/state/trust.json");
        let without: &[&str] = if self.own { &[&later] } else { &[] };
        Snapshot::of(&there, without).assert_same(&Snapshot::of(&home, without));
        disk
    }

    fn ends<'a>(&self, disk: &'a Disk) -> Ends<'a> {
        let shelf = Shelf::new(disk, self.world.path("shelf"));
        Ends::of(disk, shelf, &self.world.home(), self.live[1].is_none())
    }

    /// Each sync of the run is left out in turn: what is lost then is found. So the
    /// rules are strict enough to see it, and no sync but these is one too many.
    pub(super) fn only_these_syncs_are_spare(&self, spare: &[&str]) {
        if let Some(why) = cut::why_not() {
            return eprintln!("skipped: the calls of a program cannot be recorded here: {why}");
        }
        let mut disk = self.recorded();
        let mut found = Vec::new();
        for at in 0..disk.events.len() {
            let Event::Sync(sync, covers) = disk.events[at] else { continue };
            let what = disk.describe_sync(at).replace(&format!("{PREFIX}/"), "");
            disk.events[at] = Event::Sync(sync, 0);
            let (ends, mut lost) = (self.ends(&disk), None);
            let size = Size { all_up_to: 16, sample: 0 };
            states::each(&disk, size, 1, &is_dull, &mut |cut| {
                lost = ends.lost(&cut);
                lost.is_none()
            });
            let shown = lost.as_deref().unwrap_or("nothing is lost");
            eprintln!("without the sync of {what}: {shown}");
            if lost.is_none() {
                found.push(what);
            }
            disk.events[at] = Event::Sync(sync, covers);
        }
        let known = found.len() == spare.len()
            && found.iter().zip(spare).all(|(what, spare)| what.starts_with(spare));
        assert!(known, "nothing is lost without the sync of {found:#?}");
    }

    fn command(&self) -> Command {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        self.typed(&words)
    }

    fn typed(&self, words: &[&str]) -> Command {
        let program = if self.own { self.world.offgrid() } else { self.world.setup() };
        let mut command = self.world.command(program);
        command.env("OFFGRID_SETUP_SOURCE", self.world.depot()).args(words);
        command
    }

    /// From such a tree the real program goes on.
    fn go_on(&self, shelf: &Shelf<'_>, cut: &Cut, way: Way) {
        shelf.put(&cut.tree, &self.world.home());
        let (live, unfinished) = self.status();
        if cut.is_end {
            assert_eq!(live.as_deref(), self.live[1], "what was done is undone");
        }
        // It would go back once more.
        if way == Way::Again && self.words[0] == "rollback" && !unfinished {
            return;
        }
        self.end(way, unfinished);
    }

    /// The power goes out again, while the run is ended.
    fn go_on_twice(&self, shelf: &Shelf<'_>, cut: &Cut, way: Way, seed: u64) {
        let home = self.world.home();
        shelf.put(&cut.tree, &home);
        let before = Disk::of(&home);
        let (outcome, calls) = log::record(&self.mend(way), &self.world.path("log"));
        outcome.expect(0);
        let blobs = self.world.depot().join("blob/sha256");
        let disk = replay::replay(before, &home, &blobs, &calls);
        let states = States::of(&disk, Size { all_up_to: 64, sample: 20 }, seed, &is_dull);
        let shelf = Shelf::new(&disk, self.world.path("shelf"));
        for index in spread(&states, 2, seed) {
            let again = &states.cuts[index];
            shelf.put(&again.tree, &home);
            // Also after the end a journal may be back; it says no more than the receipt.
            let (_, unfinished) = self.status();
            let ended = AssertUnwindSafe(|| self.end(way, unfinished));
            if let Err(panic) = catch_unwind(ended) {
                eprintln!("the second power cut: {}", again.describe(&disk));
                resume_unwind(panic);
            }
        }
    }

    fn mend(&self, way: Way) -> Command {
        match way {
            Way::Again => self.command(),
            Way::Finish => self.typed(&["repair", "--finish", "--yes"]),
            Way::Back => self.typed(&["repair", "--back", "--yes"]),
        }
    }

    /// Ends the run in this way, and then the installation.
    fn end(&self, way: Way, was_unfinished: bool) {
        let mended = finish(self.mend(way)).expect(0);
        self.check(way, was_unfinished, &mended);
        self.world.run(&["uninstall", "--purge", "--yes"]).expect(0);
        self.first.assert_same(&self.world.snapshot());
    }

    /// The live release, and whether a run was cut off.
    fn status(&self) -> (Option<String>, bool) {
        let status = self.world.run(&["status", "--json"]).expect(0).json();
        (status["version"].as_str().map(str::to_owned), !status["unfinished"].is_null())
    }

    /// What must be after the run was ended in this way.
    fn check(&self, way: Way, was_unfinished: bool, mended: &Outcome) {
        let (live, unfinished) = self.status();
        let live = live.as_deref();
        assert!(!unfinished, "still unfinished after {mended:?}");
        assert!(self.live.contains(&live), "{live:?} is live after {mended:?}");
        if way == Way::Again || (way == Way::Finish && was_unfinished) {
            assert_eq!(live, self.live[1], "{mended:?}");
        }
        if let Some(version) = live {
            self.world.run(&["verify"]).expect(0);
            let app = if version == "0.1.0" { "0.2.11" } else { "0.2.12" };
            self.world.offgrid_run(&["version"]).expect(0).says(app);
        }
    }
}

/// The number in the lock is there for a message alone; what a power cut takes of the
/// history is missing in it.
fn is_dull(name: &Path) -> bool {
    name.ends_with("state/lock") || name.ends_with("state/history.jsonl")
}

/// So many states, from every part of the run, and of its end.
fn spread(states: &States, count: usize, seed: u64) -> Vec<usize> {
    let mut chance = Chance::new(seed);
    let mut moments: Vec<usize> = states.cuts.iter().map(|cut| cut.upto).collect();
    moments.dedup();
    let of_piece = |piece: usize| {
        let from = piece * moments.len() / count;
        let to = ((piece + 1) * moments.len() / count).max(from + 1);
        let at = if piece + 1 == count { to - 1 } else { from + chance.below(to - from) };
        let of_moment = |cut: &Cut| cut.upto == moments[at];
        let begin = states.cuts.iter().position(of_moment).unwrap();
        let len = states.cuts.iter().filter(|cut| of_moment(cut)).count();
        begin + chance.below(len)
    };
    (0..count).map(of_piece).collect()
}
