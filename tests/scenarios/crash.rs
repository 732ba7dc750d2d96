//! The program is killed for real, at the calls that change the file system, and
//! then mended in one of three ways. Whatever happens: `status` answers, what is
//! installed is whole and runs, and an uninstall gives back the first tree.
//!
//! Points are listed by strace from a run that is not killed. By default a
//! sample of them is tried, spread over the whole run; `E2E_CRASH=full` tries
//! every point in every way (some 20 minutes), `E2E_SEED=N` takes another sample.

use e2e::chance::Chance;
use e2e::cut::{self, Point};
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World, base};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::process::Command;

/// How many points of each command are tried.
const SAMPLE: usize = 25;

#[test]
fn an_install_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    let world = World::new();
    Crash::new(world, &["install"], &[None, Some("0.1.0")]).run();
}

#[test]
fn an_install_into_folders_that_were_there_can_be_killed_anywhere() {
    let world = World::new();
    // The state too, as when somebody keeps it on another disk.
    fs::create_dir_all(world.prefix().join("state")).unwrap();
    base::set_mode(&world.prefix(), 0o700);
    fs::create_dir_all(world.home().join(".local/bin")).unwrap();
    fs::write(world.home().join(".local/bin/other"), "").unwrap();
    fs::create_dir_all(world.models()).unwrap();
    let words = ["install", "--model", "tiny"];
    Crash::new(world, &words, &[None, Some("0.1.0")]).run();
}

#[test]
fn an_update_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    let crash = Crash::new(world, &["update"], &[Some("0.1.0"), Some("0.2.0")]);
    Crash { first, ..crash }.run();
}

#[test]
fn a_rollback_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    let world = World::new();
    fs::create_dir_all(world.home().join(".local/share/fonts")).unwrap();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    let crash = Crash::new(world, &["rollback"], &[Some("0.2.0"), Some("0.1.0")]);
    Crash { first, ..crash }.run();
}

#[test]
fn an_uninstall_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    let world = World::new();
    fs::create_dir_all(world.home().join(".local/bin")).unwrap();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    let crash = Crash::new(world, &["uninstall"], &[Some("0.2.0"), None]);
    Crash { first, ..crash }.run();
}

#[test]
fn an_update_of_the_program_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    let world = World::new();
    let first = world.snapshot();
    crate::renew::bring(&world.depot(), &crate::renew::newer(&world));
    world.run(&["install", "--yes", "--no-self-update"]).expect(0);
    let crash = Crash::new(world, &["update"], &[Some("0.1.0"), Some("0.1.0")]);
    Crash { first, own: true, ..crash }.run();
}

/// How a run that was cut off is ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Way {
    Finish,
    Back,
    Again,
}

const WAYS: [Way; 3] = [Way::Finish, Way::Back, Way::Again];

/// One command, to be killed over and over.
struct Crash {
    world: World,
    words: Vec<String>,
    /// The live release before and after the command.
    live: [Option<&'static str>; 2],
    /// Whether the command replaces the program that runs it.
    own: bool,
    /// The home before the first install.
    first: Snapshot,
    /// The home before the command, and a copy of it.
    before: Snapshot,
    saved: PathBuf,
}

impl Crash {
    fn new(world: World, words: &[&str], live: &[Option<&'static str>; 2]) -> Crash {
        let saved = world.path("saved");
        base::copy_tree(&world.home(), &saved);
        let words = words.iter().chain(&["--yes"]).map(|word| (*word).to_owned()).collect();
        let before = world.snapshot();
        Crash { words, live: *live, own: false, first: before.clone(), before, saved, world }
    }

    fn run(&self) {
        if let Some(why) = cut::why_not() {
            eprintln!("skipped: nothing can be killed at a point here: {why}");
            return;
        }
        let (outcome, points) = cut::points(&self.command(), &self.world.path("trace"));
        outcome.expect(0);
        let all = points.len();
        let cases = chosen(points);
        let mut failed = Vec::new();
        for (point, way, again) in &cases {
            let case = AssertUnwindSafe(|| self.case(point, *way, again.as_ref()));
            if let Err(panic) = catch_unwind(case) {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                failed.push(format!(
                    "=== killed before {point}, then {way:?} (cut too: {again:?})\n{why}"
                ));
            }
        }
        let (count, tried, words) = (failed.len(), cases.len(), self.words.join(" "));
        eprintln!("`{words}`: {all} points, {tried} cases tried, {count} failed");
        assert!(failed.is_empty(), "{count} of {tried} cases failed\n{}", failed.join("\n"));
    }

    fn command(&self) -> Command {
        let words: Vec<&str> = self.words.iter().map(String::as_str).collect();
        self.typed(&words)
    }

    fn typed(&self, words: &[&str]) -> Command {
        // The installed one replaces itself; the other one is there whatever happens.
        let program = if self.own { self.world.offgrid() } else { self.world.setup() };
        let mut command = self.world.command(program);
        command.env("OFFGRID_SETUP_SOURCE", self.world.depot()).args(words);
        command
    }

    /// Whether the command has done what it was for.
    fn moved(&self, live: Option<&str>) -> bool {
        let program = ".local/share/offgrid/bin/offgrid";
        let now = || fs::read(self.world.home().join(program)).unwrap();
        match self.own {
            true => now() != fs::read(self.saved.join(program)).unwrap(),
            false => live == self.live[1],
        }
    }

    fn case(&self, point: &Point, way: Way, again: Option<&Point>) {
        fs::remove_dir_all(self.world.home()).unwrap();
        base::copy_tree(&self.saved, &self.world.home());
        let killed = cut::cut(&self.command(), point);
        assert!([0, 137].contains(&killed.code), "{killed:?}");
        let unfinished = self.status().1;
        let mend = match way {
            Way::Finish => self.typed(&["repair", "--finish", "--yes"]),
            Way::Back => self.typed(&["repair", "--back", "--yes"]),
            Way::Again => self.command(),
        };
        if let Some(point) = again {
            let cut_too = cut::cut(&mend, point);
            assert!([0, 137].contains(&cut_too.code), "{cut_too:?}");
            self.status();
        }
        let mended = finish(mend).expect(0);
        self.check(way, unfinished, &mended);
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
        match way {
            Way::Again => assert!(self.moved(live), "{live:?} after {mended:?}"),
            Way::Finish if was_unfinished => assert!(self.moved(live), "{live:?} after {mended:?}"),
            // The receipt may have been written: then the run was over.
            Way::Finish | Way::Back => {}
        }
        if let Some(version) = live {
            self.world.run(&["verify"]).expect(0);
            let app = if version == "0.1.0" { "0.2.11" } else { "0.2.12" };
            self.world.offgrid_run(&["version"]).expect(0).says(app);
        }
        if way == Way::Back && !self.moved(live) {
            self.same_as_before(live.is_some());
        }
    }

    /// What a run that was taken back may leave: raised marks, the lock, downloads.
    fn same_as_before(&self, installed: bool) {
        if !installed {
            return self.before.assert_same(&self.world.snapshot());
        }
        let under = |name: &str| format!(".local/share/offgrid/{name}");
        let without = ["state/trust.json", "state/lock", "state/journal.part~", "blobs"].map(under);
        let without: Vec<&str> = without.iter().map(String::as_str).collect();
        let before = Snapshot::of(&self.saved, &without);
        before.assert_same(&Snapshot::of(&self.world.home(), &without));
    }
}

/// Which points are tried, how each is mended, and where the mending is cut too.
fn chosen(points: Vec<Point>) -> Vec<(Point, Way, Option<Point>)> {
    let full = std::env::var("E2E_CRASH").is_ok_and(|value| value == "full");
    let seed = std::env::var("E2E_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut chance = Chance::new(seed);
    if full {
        return every(&points, &mut chance);
    }
    let count = SAMPLE.min(points.len());
    let pick = |index: usize, chance: &mut Chance| {
        // One of each of `count` equal pieces of the run.
        let (from, to) = (index * points.len() / count, (index + 1) * points.len() / count);
        points[from + chance.below(to - from)].clone()
    };
    (0..count)
        .map(|index| {
            let point = pick(index, &mut chance);
            let way = WAYS[chance.below(3)];
            (point, way, cut_too(way, 3, &points, &mut chance))
        })
        .collect()
}

/// Every point in every way; half of them are cut again while they are mended.
fn every(points: &[Point], chance: &mut Chance) -> Vec<(Point, Way, Option<Point>)> {
    let mut cases = Vec::new();
    for point in points {
        for way in WAYS {
            cases.push((point.clone(), way, cut_too(way, 2, points, chance)));
        }
    }
    cases
}

/// One in so many mendings is cut too, at a point that it may come to. Not the
/// same command again: a rollback that is typed three times may go back twice.
fn cut_too(way: Way, one_in: usize, points: &[Point], chance: &mut Chance) -> Option<Point> {
    let point = points[chance.below(points.len())].clone();
    // It makes fewer calls than the whole run.
    let nth = point.nth.div_ceil(1 + chance.below(3));
    let is_cut = chance.below(one_in) == 0 && way != Way::Again;
    is_cut.then_some(Point { nth, ..point })
}
