//! The program is killed for real, at the calls that change the file system, and
//! then mended in one of three ways. Whatever happens: `status` answers, what is
//! installed is whole and runs, and an uninstall gives back the first tree.
//!
//! Points are listed by strace from a run that is not killed. By default a
//! sample of them is tried, spread over the whole run; `E2E_CRASH=full` tries
//! every point in every way (some 20 minutes), `E2E_SEED=N` takes another sample.
//! What mends is killed as well, at a point of its own.

mod adopt;
mod cases;
mod variant;

use cases::{Way, chosen, profiles};
pub(crate) use cases::{seed, spread};
use e2e::cut::{self, Point};
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World, base};
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn an_install_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    Crash::new(World::new(), &["install"], &[None, Some("0.1.0")]).run();
}

#[test]
fn an_install_into_folders_that_were_there_can_be_killed_anywhere() {
    Crash::install().run();
}

#[test]
fn an_update_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    Crash::update().run();
}

#[test]
fn a_rollback_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    Crash::rollback().run();
}

#[test]
fn an_uninstall_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    Crash::uninstall().run();
}

#[test]
fn an_update_of_the_program_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    Crash::own_update().run();
}

#[test]
fn a_repair_that_is_killed_anywhere_can_be_finished_and_taken_back() {
    let world = World::new();
    let first = world.snapshot();
    world.run(&["install", "--yes", "--model", "tiny"]).expect(0);
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    crate::mending::damage_everything(&world);
    let crash = Crash::new(world, &["repair"], &[Some("0.2.0"), Some("0.2.0")]);
    Crash { first, mends: true, sample: 8, ..crash }.run();
}

/// One command, to be killed over and over.
pub(crate) struct Crash {
    pub(crate) world: World,
    pub(crate) words: Vec<String>,
    /// The live release before and after the command.
    pub(crate) live: [Option<&'static str>; 2],
    /// Whether the command replaces the program that runs it.
    pub(crate) own: bool,
    /// Whether the command mends what is damaged.
    pub(crate) mends: bool,
    /// The variant after it, where that is what it changes.
    variant: Option<String>,
    /// How many points are tried.
    sample: usize,
    /// The home before the first install.
    pub(crate) first: Snapshot,
    /// The home before the command, and a copy of it.
    pub(crate) before: Snapshot,
    saved: PathBuf,
}

impl Crash {
    /// Into folders that were there, the state too, as when somebody keeps it on
    /// another disk.
    pub(crate) fn install() -> Crash {
        let world = World::new();
        fs::create_dir_all(world.prefix().join("state")).unwrap();
        base::set_mode(&world.prefix(), 0o700);
        fs::create_dir_all(world.home().join(".local/bin")).unwrap();
        fs::write(world.home().join(".local/bin/other"), "").unwrap();
        fs::create_dir_all(world.models()).unwrap();
        profiles(&world);
        Crash::new(world, &["install", "--model", "tiny"], &[None, Some("0.1.0")])
    }

    pub(crate) fn update() -> Crash {
        let world = World::new();
        let first = world.snapshot();
        world.install();
        world.publish_newer();
        let crash = Crash::new(world, &["update"], &[Some("0.1.0"), Some("0.2.0")]);
        Crash { first, ..crash }
    }

    pub(crate) fn rollback() -> Crash {
        let world = World::new();
        fs::create_dir_all(world.home().join(".local/share/fonts")).unwrap();
        let first = world.snapshot();
        world.install();
        world.publish_newer();
        world.run(&["update", "--yes"]).expect(0);
        let crash = Crash::new(world, &["rollback"], &[Some("0.2.0"), Some("0.1.0")]);
        Crash { first, ..crash }
    }

    pub(crate) fn uninstall() -> Crash {
        let world = World::new();
        fs::create_dir_all(world.home().join(".local/bin")).unwrap();
        profiles(&world);
        let first = world.snapshot();
        world.install();
        world.publish_newer();
        world.run(&["update", "--yes"]).expect(0);
        let bashrc = fs::read_to_string(world.home().join("dotfiles/bashrc")).unwrap();
        assert!(bashrc.contains("# >>> offgrid >>>"), "{bashrc}");
        let crash = Crash::new(world, &["uninstall"], &[Some("0.2.0"), None]);
        Crash { first, ..crash }
    }

    pub(crate) fn own_update() -> Crash {
        let world = World::new();
        let first = world.snapshot();
        crate::renew::bring(&world.depot(), &crate::renew::newer(&world));
        world.run(&["install", "--yes", "--no-self-update"]).expect(0);
        let crash = Crash::new(world, &["update"], &[Some("0.1.0"), Some("0.1.0")]);
        Crash { first, own: true, ..crash }
    }

    pub(crate) fn new(world: World, words: &[&str], live: &[Option<&'static str>; 2]) -> Crash {
        let saved = world.path("saved");
        base::copy_tree(&world.home(), &saved);
        let words = words.iter().chain(&["--yes"]).map(|word| (*word).to_owned()).collect();
        let before = world.snapshot();
        let (own, mends, variant) = (false, false, None);
        let (first, sample) = (before.clone(), cases::SAMPLE);
        Crash { words, live: *live, own, mends, variant, sample, first, before, saved, world }
    }

    fn run(&self) {
        if let Some(why) = cut::why_not() {
            eprintln!("skipped: nothing can be killed at a point here: {why}");
            return;
        }
        let (outcome, points) = cut::points(&self.command(), &self.world.path("trace"));
        outcome.expect(0);
        let all = points.len();
        let cases = chosen(points, self.sample);
        let (mut failed, mut missed) = (Vec::new(), 0);
        for (point, way, again) in &cases {
            let case = AssertUnwindSafe(|| missed += usize::from(!self.case(point, *way, *again)));
            if let Err(panic) = catch_unwind(case) {
                let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                failed.push(format!(
                    "=== killed before {point}, then {way:?} (cut too: {again:?})\n{why}"
                ));
            }
        }
        let (count, tried, words) = (failed.len(), cases.len(), self.words.join(" "));
        eprintln!(
            "`{words}`: {all} points, {tried} cases tried, {count} failed, {missed} cut once"
        );
        assert!(failed.is_empty(), "{count} of {tried} cases failed\n{}", failed.join("\n"));
        assert!(missed * 20 <= tried, "{missed} of {tried} cases cut once only");
    }

    pub(crate) fn command(&self) -> Command {
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
    pub(crate) fn moved(&self, live: Option<&str>) -> bool {
        let program = ".local/share/offgrid/bin/offgrid";
        let now = || fs::read(self.world.home().join(program)).unwrap();
        if self.mends {
            return self.world.run(&["verify"]).code == 0;
        }
        if let Some(variant) = &self.variant {
            let status = self.world.run(&["status", "--json"]).expect(0).json();
            return status["variant"] == variant.as_str();
        }
        match self.own {
            true => now() != fs::read(self.saved.join(program)).unwrap(),
            false => live == self.live[1],
        }
    }

    /// The home as it was before the command.
    pub(crate) fn restore(&self) {
        self.restore_from(&self.saved);
    }

    fn restore_from(&self, saved: &Path) {
        fs::remove_dir_all(self.world.home()).unwrap();
        base::copy_tree(saved, &self.world.home());
    }

    /// `again` cuts the mending too, so far on its own way, in 1/1000. Whether it came
    /// there: a proof takes as many calls as it has to wait.
    fn case(&self, point: &Point, way: Way, again: Option<usize>) -> bool {
        self.restore();
        let killed = cut::cut(&self.command(), point);
        assert!([0, 137].contains(&killed.code), "{killed:?}");
        let unfinished = self.status().1;
        let mend = || match way {
            Way::Finish => self.typed(&["repair", "--finish", "--yes"]),
            Way::Back => self.typed(&["repair", "--back", "--yes"]),
            Way::Again => self.command(),
        };
        let cut_too = again.is_none_or(|far| self.cut_too(&mend, far));
        let mended = finish(mend()).expect(0);
        self.check(way, unfinished, &mended);
        self.world.run(&["uninstall", "--purge", "--yes"]).expect(0);
        self.first.assert_same(&self.world.snapshot());
        cut_too
    }

    /// Mends once to see where that can be cut, and then cuts it there.
    fn cut_too(&self, mend: &dyn Fn() -> Command, far: usize) -> bool {
        let cut_off = self.world.path("cut-off");
        let _ = fs::remove_dir_all(&cut_off);
        base::copy_tree(&self.world.home(), &cut_off);
        let (outcome, points) = cut::points(&mend(), &self.world.path("trace"));
        outcome.expect(0);
        let Some(point) = points.get(far * points.len() / 1000) else { return true };
        self.restore_from(&cut_off);
        let cut_too = cut::cut(&mend(), point);
        assert!([0, 137].contains(&cut_too.code), "at {point}: {cut_too:?}");
        self.status();
        cut_too.code == 137
    }

    /// The live release, and whether a run was cut off.
    pub(crate) fn status(&self) -> (Option<String>, bool) {
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
        if self.mends && !self.moved(live) {
            // Damaged as it was, and to be mended now as then.
            self.same_as_before(true);
            self.world.run(&["repair", "--yes"]).expect(0);
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
    pub(crate) fn same_as_before(&self, installed: bool) {
        if !installed {
            return self.before.assert_same(&self.world.snapshot());
        }
        let under = |name: &str| format!(".local/share/offgrid/{name}");
        let without = ["state/trust.json", "state/lock", "blobs"].map(under);
        let without: Vec<&str> = without.iter().map(String::as_str).collect();
        let before = Snapshot::of(&self.saved, &without);
        before.assert_same(&Snapshot::of(&self.world.home(), &without));
    }
}
