//! Every call that touches the file system can go wrong. The program is started
//! again for each: that one call fails with one error, or the program is killed
//! there. Afterwards the old or the new release is whole and runs, the error says
//! what and where, and the same command without the fault gets there.
//!
//! Calls are listed by strace from a run in which nothing fails. By default a
//! sample of the cases is tried, spread over the whole run; `E2E_FULL=1` tries
//! every error at every call (some hours), `E2E_SEED=N` takes another sample.

use e2e::chance::Chance;
use e2e::fault::{self, Call};
use e2e::world::finish;
use e2e::{Outcome, Snapshot, World, base, cut};
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn an_update_can_be_killed_at_any_call_or_be_interrupted_in_it() {
    update().sweep(&["KILL", "EINTR"], 80);
}

#[test]
fn an_update_stands_a_disk_that_fails_or_is_full_at_any_call() {
    update().sweep(&["EIO", "ENOSPC"], 100);
}

#[test]
fn an_update_stands_being_refused_at_any_call() {
    update().sweep(&["EACCES", "EROFS", "EMFILE"], 120);
}

#[test]
fn an_uninstall_stands_an_error_at_any_call() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    let live = [Some("0.1.0"), None];
    Sweep::new(world, first, "uninstall", live).sweep(&ALL, 40);
}

#[test]
fn a_rollback_stands_an_error_at_any_call() {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    world.run(&["update", "--yes"]).expect(0);
    let live = [Some("0.2.0"), Some("0.1.0")];
    Sweep::new(world, first, "rollback", live).sweep(&ALL, 40);
}

#[test]
fn an_install_stands_an_error_at_any_call() {
    let world = World::new();
    let first = world.snapshot();
    Sweep::new(world, first, "install", [None, Some("0.1.0")]).sweep(&ALL, 40);
}

#[test]
fn a_run_that_was_taken_back_in_part_is_never_finished() {
    if let Some(why) = cut::why_not() {
        eprintln!("skipped: no call can be made to fail here: {why}");
        return;
    }
    for mend in [&["update", "--yes"][..], &["repair", "--finish", "--yes"]] {
        let world = World::new();
        let first = world.snapshot();
        world.install();
        world.publish_newer();
        // The last step of all fails, and then the new slot cannot be removed.
        let slot = fs::read_dir(world.prefix().join("versions")).unwrap().next().unwrap().unwrap();
        let slot = slot.path().to_str().unwrap().replace("/0.1.0+", "/0.2.0+");
        let receipt = world.prefix().join("state/receipt.json.part~");
        let mut update = world.command(world.setup());
        update.env("OFFGRID_SETUP_SOURCE", world.depot()).args(["update", "--yes", "--json"]);
        let paths = [Path::new(&slot), &receipt];
        fault::failing(&update, "write,unlinkat", "EIO", &paths).expect_error(7, "E_UNFINISHED");
        world.offgrid_run(&["version"]).expect(0).says("0.2.11");
        // Every step was done once; going on from there would mean half a release.
        world.run(mend).expect(0);
        world.run(&["verify"]).expect(0);
        let app = if mend[0] == "update" { "0.2.12" } else { "0.2.11" };
        world.offgrid_run(&["version"]).expect(0).says(app);
        world.run(&["uninstall", "--yes"]).expect(0);
        first.assert_same(&world.snapshot());
    }
}

const ALL: [&str; 7] = ["KILL", "ENOSPC", "EIO", "EACCES", "EROFS", "EMFILE", "EINTR"];

fn update() -> Sweep {
    let world = World::new();
    let first = world.snapshot();
    world.install();
    world.publish_newer();
    Sweep::new(world, first, "update", [Some("0.1.0"), Some("0.2.0")])
}

/// One command in which everything goes wrong once.
struct Sweep {
    world: World,
    word: &'static str,
    /// The live release before and after the command.
    live: [Option<&'static str>; 2],
    /// The home before the first install.
    first: Snapshot,
    /// The home before the command, without what may change; and a copy of it.
    before: Snapshot,
    saved: PathBuf,
}

/// What may be another one after a command that failed: what was learned about
/// the depot, who held the lock, and downloads that are kept for the next try.
const LOOSE: [&str; 4] = ["state/trust.json", "state/trust.json.bad", "state/lock", "blobs"];

impl Sweep {
    fn new(
        world: World,
        first: Snapshot,
        word: &'static str,
        live: [Option<&'static str>; 2],
    ) -> Sweep {
        let saved = world.path("saved");
        base::copy_tree(&world.home(), &saved);
        let before = world.snapshot_but(&LOOSE);
        Sweep { world, word, live, first, before, saved }
    }

    fn sweep(&self, kinds: &[&'static str], sample: usize) {
        if let Some(why) = cut::why_not() {
            eprintln!("skipped: no call can be made to fail here: {why}");
            return;
        }
        let (outcome, calls) = fault::calls(&self.command(), &self.world.path("trace"));
        outcome.expect(0);
        let all = calls.len();
        let cases = chosen(calls, kinds, sample);
        let (mut failed, mut ends, mut missed) = (Vec::new(), BTreeMap::new(), 0);
        for (call, kind) in &cases {
            let case = AssertUnwindSafe(|| self.case(call, kind));
            match catch_unwind(case) {
                Ok((code, hit)) => {
                    *ends.entry(code).or_insert(0) += 1;
                    missed += usize::from(!hit);
                }
                Err(panic) => {
                    let why = panic.downcast_ref::<String>().cloned().unwrap_or_default();
                    failed.push(format!("=== {kind} at {call}\n{why}"));
                }
            }
        }
        let (count, tried, word) = (failed.len(), cases.len(), self.word);
        eprintln!(
            "`{word}` with {kinds:?}: {all} calls, {tried} cases tried, {missed} never came to \
             their call, {count} failed; exit codes {ends:?}; E2E_SEED={}",
            seed()
        );
        assert!(failed.is_empty(), "{count} of {tried} failed\n{}", failed.join("\n"));
        assert!(missed * 10 <= tried, "{missed} of {tried} cases tested nothing");
    }

    fn command(&self) -> Command {
        let mut command = self.world.command(self.world.setup());
        command.env("OFFGRID_SETUP_SOURCE", self.world.depot());
        command.args([self.word, "--yes", "--json"]);
        command
    }

    /// The exit code, and whether the fault happened.
    fn case(&self, call: &Call, kind: &str) -> (i32, bool) {
        fs::remove_dir_all(self.world.home()).unwrap();
        base::copy_tree(&self.saved, &self.world.home());
        let log = self.world.path("fault");
        let (outcome, hit) = fault::inject(&self.command(), call, kind, &log);
        assert!(hit || outcome.code == 0, "no fault, and yet {outcome:?}");
        if !(kind == "KILL" && outcome.code == 137) {
            self.said_well(&outcome, kind, call);
        }
        self.old_or_new(&outcome);
        // Without the fault the same command gets there. A rollback that got there
        // already would go back again.
        let code = outcome.code;
        let (live, unfinished) = self.live();
        if self.word != "rollback" || live.as_deref() != self.live[1] || unfinished {
            let again = finish(self.command());
            assert_eq!(again.code, 0, "the fault is gone: {again:?}\nbefore: {outcome:?}");
        }
        self.is_whole(self.live[1]);
        self.world.run(&["uninstall", "--purge", "--yes"]).expect(0);
        let left = self.first.differences(&self.world.snapshot());
        let left: Vec<_> = left.iter().filter(|line| !may_stay(line, &outcome)).collect();
        assert!(left.is_empty(), "the tree changed: {left:#?}\nafter {outcome:?}");
        (code, hit)
    }

    /// An ordered end with an error that fits and says where.
    fn said_well(&self, outcome: &Outcome, kind: &str, call: &Call) {
        let ended = outcome.ended().unwrap_or_else(|| panic!("no ordered end: {outcome:?}"));
        let code = ended["error"]["code"].as_str();
        if outcome.code == 0 {
            assert_eq!(code, None, "{outcome:?}");
            return;
        }
        let mut text = ended["error"]["message"].as_str().unwrap_or_default().to_owned();
        for cause in ended["error"]["causes"].as_array().into_iter().flatten() {
            text.push_str(cause.as_str().unwrap_or_default());
        }
        let fits: &[&str] = match kind {
            "ENOSPC" => &["E_NOSPACE", "E_UNFINISHED", "E_UNREACHABLE", "E_HEALTH"],
            "EACCES" | "EROFS" => &["E_PERM", "E_UNFINISHED", "E_UNREACHABLE", "E_HEALTH"],
            _ => &["E_STATE", "E_UNFINISHED", "E_UNREACHABLE", "E_HEALTH", "E_PERM"],
        };
        assert!(code.is_some_and(|code| fits.contains(&code)), "{outcome:?}");
        let named = text.contains("`/") || call.path.is_none();
        assert!(named, "it does not say where: {outcome:?}");
    }

    /// After an ordered end, the new release or what was there before. After the
    /// other ends one of them runs, and `status` answers.
    fn old_or_new(&self, outcome: &Outcome) {
        let (live, unfinished) = self.live();
        assert!(self.live.contains(&live.as_deref()), "{live:?} is live after {outcome:?}");
        match outcome.code {
            0 => assert_eq!(live.as_deref(), self.live[1], "{outcome:?}"),
            7 | 137 => {}
            _ => {
                assert!(!unfinished, "a run is left behind by {outcome:?}");
                let now = self.world.snapshot_but(&LOOSE);
                let differences = self.before.differences(&now);
                assert!(differences.is_empty(), "{differences:#?}\nleft by {outcome:?}");
            }
        }
        // While it is removed, it need not run.
        let leaving = self.word == "uninstall" && matches!(outcome.code, 7 | 137);
        if live.is_some() && !leaving {
            self.world.offgrid_run(&["version"]).expect(0).says("0.2.1");
        }
    }

    /// The live release, and whether a run was cut off.
    fn live(&self) -> (Option<String>, bool) {
        let status = self.world.run(&["status", "--json"]).expect(0).json();
        (status["version"].as_str().map(str::to_owned), !status["unfinished"].is_null())
    }

    fn is_whole(&self, version: Option<&str>) {
        let (live, unfinished) = self.live();
        assert_eq!((live.as_deref(), unfinished), (version, false));
        if let Some(version) = version {
            self.world.run(&["verify"]).expect(0);
            let app = if version == "0.1.0" { "0.2.11" } else { "0.2.12" };
            self.world.offgrid_run(&["version"]).expect(0).says(app);
        }
    }
}

/// A profile that cannot be written stops no uninstall: what stands in it does no
/// harm, and the person is told.
fn may_stay(line: &str, outcome: &Outcome) -> bool {
    let told = outcome.stdout.contains("you can take it out");
    outcome.code == 0 && told && line.starts_with("+ .profile file ")
}

fn seed() -> u64 {
    std::env::var("E2E_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1)
}

/// The cases to try: all, or one of each of so many equal pieces of the run. Of the
/// many times that one file is read in small pieces, a sample takes the first two.
fn chosen(calls: Vec<Call>, kinds: &[&'static str], sample: usize) -> Vec<(Call, &'static str)> {
    let full = std::env::var_os("E2E_FULL").is_some();
    let calls = calls.into_iter().filter(|call| full || call.name != "read" || call.nth <= 2);
    let possible = |call: &Call, kind: &str| kind == "KILL" || fault::can_fail(call);
    let all: Vec<(Call, &'static str)> = calls
        .flat_map(|call| kinds.iter().map(move |kind| (call.clone(), *kind)))
        .filter(|(call, kind)| possible(call, kind))
        .collect();
    if full {
        return all;
    }
    let (mut chance, count) = (Chance::new(seed()), sample.min(all.len()));
    (0..count)
        .map(|index| {
            let (from, to) = (index * all.len() / count, (index + 1) * all.len() / count);
            all[from + chance.below(to - from)].clone()
        })
        .collect()
}
