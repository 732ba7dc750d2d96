//! Two homes that are attacked: one with nothing in it, one with 0.1.0. What
//! they are offered is 0.2.0, in a depot that tests change as they like. Unlike
//! the base's its app is another program, so that an update has to fetch a blob.

use crate::{Forge, Outcome, Snapshot, World, base};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};

/// What shells read when they start; an attack may not touch them either.
const RC_FILES: &[&str] =
    &[".profile", ".bash_profile", ".bashrc", ".zshrc", ".config/fish/config.fish"];

/// Gives a home what people have there.
pub fn settle(home: &Path) {
    for name in RC_FILES {
        let path = home.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, format!("# {name}\n")).unwrap();
    }
}

/// Both homes, and how they looked before.
pub struct Victims {
    fresh: World,
    installed: World,
    before: [Snapshot; 2],
}

impl Victims {
    pub fn new() -> Victims {
        let (fresh, installed) = (World::newer(), World::new());
        for world in [&fresh, &installed] {
            settle(&world.home());
        }
        installed.install();
        let before = [fresh.snapshot(), installed.snapshot_but_downloads()];
        let victims = Victims { fresh, installed, before };
        let mut forge = Forge::of(&victims.depot());
        forge.new_app();
        // Only the install scripts fetch it, and it is large.
        let setup = forge.read(&forge.newest_release())["setup"]["targets"].clone();
        for pin in setup.as_object().unwrap().values() {
            let digest = pin["sha256"].as_str().unwrap();
            fs::remove_file(victims.depot().join("blob/sha256").join(digest)).unwrap();
        }
        base::copy_tree(&victims.depot(), &victims.fresh.path("pristine"));
        victims
    }

    /// The depot with 0.2.0.
    pub fn depot(&self) -> PathBuf {
        self.fresh.depot()
    }

    /// The depot as it was in the beginning.
    pub fn restore(&self) {
        fs::remove_dir_all(self.depot()).unwrap();
        base::copy_tree(&self.fresh.path("pristine"), &self.depot());
    }

    /// The depot as this makes it from the one of the beginning.
    pub fn forge(&self, edit: impl FnOnce(&mut Forge)) {
        self.restore();
        edit(&mut Forge::of(&self.depot()));
    }

    /// Install and update both end with this error, and nothing changed: not a
    /// byte in the homes.
    #[track_caller]
    pub fn suffer(&self, what: &str, source: &str, code: i32, error: &str) -> [Outcome; 2] {
        let outcomes = self.attempt(source);
        refused(&outcomes, what, code, error);
        self.unchanged(what);
        outcomes
    }

    /// The same where a root was verified on the way to the refusal: `update`
    /// remembers that and nothing else, because a key that was called back stays
    /// called back (reference/trust.md 2.3, step 2).
    #[track_caller]
    pub fn suffer_and_learn(&self, what: &str, source: &str, code: i32, error: &str) {
        let was = fs::read(self.trust()).unwrap();
        refused(&self.attempt(source), what, code, error);
        let (before, now) = (container(&was), container(&fs::read(self.trust()).unwrap()));
        let count = |trust: &Value| trust["roots"].as_array().unwrap().len();
        assert!(count(&now) > count(&before), "{what}: the new root was forgotten");
        for name in ["head", "channels", "tags", "probed"] {
            assert_eq!(before[name], now[name], "{what}: {name}");
        }
        fs::write(self.trust(), was).unwrap();
        self.unchanged(what);
    }

    fn trust(&self) -> PathBuf {
        self.installed.prefix().join("state/trust.json")
    }

    /// The home with 0.1.0.
    pub fn installed(&self) -> &World {
        &self.installed
    }

    /// The home with nothing.
    pub fn fresh(&self) -> &World {
        &self.fresh
    }

    /// Lets all that is remembered of both homes be what it is now.
    pub fn remember(&mut self) {
        self.before = [self.fresh.snapshot(), self.installed.snapshot_but_downloads()];
    }

    /// Install and update from a source, each with its outcome.
    pub fn attempt(&self, source: &str) -> [Outcome; 2] {
        [
            self.fresh.run_from(source, &["install", "--yes", "--json"]),
            self.installed.run_from(source, &["update", "--yes", "--json"]),
        ]
    }

    /// Stops the test unless both homes are as they were: the fresh one to the
    /// last byte, the other one but for the lock, and without downloads.
    #[track_caller]
    pub fn unchanged(&self, what: &str) {
        let blobs = fs::read_dir(self.installed.prefix().join("blobs")).unwrap().count();
        assert_eq!(blobs, 0, "{what} left downloads");
        let now = [self.fresh.snapshot(), self.installed.snapshot_but_downloads()];
        for (before, now) in self.before.iter().zip(now) {
            let differences = before.differences(&now);
            assert!(differences.is_empty(), "{what} left traces:\n{}", differences.join("\n"));
        }
    }

    /// The same depot with everything signed by other keys.
    pub fn sign_with_other_keys(&self) {
        self.restore();
        let other = self.fresh.path("other");
        if !other.exists() {
            let place = self.fresh.path("");
            base::depot(&place, &["init", "other", "--keys", "other-keys", "--no-password"]);
        }
        fs::remove_dir_all(self.depot().join("root")).unwrap();
        base::copy_tree(&other.join("root"), &self.depot().join("root"));
        Forge::with(&self.depot(), &self.fresh.path("other-keys")).release(|_| {});
    }
}

#[track_caller]
fn refused(outcomes: &[Outcome; 2], what: &str, code: i32, error: &str) {
    for (outcome, victim) in outcomes.iter().zip(["install", "update"]) {
        let found = outcome.ended().map_or(String::new(), |ended| {
            ended["error"]["code"].as_str().unwrap_or("no error").to_owned()
        });
        let (is, wanted) = ((outcome.code, found.as_str()), (code, error));
        assert_eq!(is, wanted, "{what}, {victim}: {outcome:#?}");
    }
}

fn container(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

impl Default for Victims {
    fn default() -> Victims {
        Victims::new()
    }
}
