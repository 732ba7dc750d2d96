//! What an attacker with too few keys makes of a depot.

use crate::e2e::simulator::{Files, day};
use crate::property::World;
use serde_json::{Value, json};

impl World {
    /// A depot as the attacker would have it.
    pub(super) fn attack(&mut self) -> Files {
        let mut files = match self.chance.below(3) {
            0 => self.any_state(),
            _ => self.depot.files.clone(),
        };
        for _ in 0..=self.chance.below(2) {
            match self.chance.below(9) {
                0 => files = self.any_state(),
                1 => self.mix(&mut files),
                2 => drop(self.any_of(&files).map(|path| files.remove(&path))),
                3 | 4 => self.damage(&mut files),
                _ => self.resign(&mut files),
            }
        }
        files
    }

    fn any_state(&mut self) -> Files {
        self.history[self.chance.below(self.history.len())].clone()
    }

    fn any_of(&mut self, files: &Files) -> Option<String> {
        files.keys().nth(self.chance.below(files.len())).cloned()
    }

    fn mix(&mut self, files: &mut Files) {
        for (path, bytes) in self.any_state() {
            if self.chance.below(2) == 0 {
                files.insert(path, bytes);
            }
        }
    }

    fn damage(&mut self, files: &mut Files) {
        let Some(path) = self.any_of(files) else { return };
        let bytes = files.get_mut(&path).unwrap();
        let at = self.chance.below(bytes.len());
        match self.chance.below(3) {
            0 => bytes.truncate(at),
            1 if at < bytes.len() => bytes[at] ^= 1 << self.chance.below(8),
            _ => {
                let other = self.any_of(files).unwrap();
                let other = files[&other].clone();
                files.insert(path, other);
            }
        }
    }

    /// A document of the attacker's own, signed by whatever he has.
    fn resign(&mut self, files: &mut Files) {
        let mut depot = self.depot.clone();
        depot.files = std::mem::take(files);
        for role in ["root", "head", "release"] {
            let mut signers = self.stolen.clone();
            signers.extend(["x1", "x2"]);
            depot.sign_by(role, &signers);
        }
        let seen = depot.head["version"].as_u64().unwrap();
        let far = [1, seen + 1, seen + 2, 1_000, (1 << 53) - 2][self.chance.below(5)];
        let times = [day(self.today), day(self.today + 100), day(9_000)];
        let time = json!(times[self.chance.below(3)]);
        match self.chance.below(4) {
            0 => {
                // Roles of his own, which his own keys confirm.
                let role = ["root", "head", "release"][self.chance.below(3)];
                let signers = depot.signers["root"].clone();
                depot.role(role, &["x1"], 1);
                depot.signers.insert("root".into(), signers);
                depot.publish_root();
                depot.publish();
            }
            1 => {
                let draft = depot.channels.get_mut("stable").unwrap();
                draft["version"] = json!(far);
                draft["expires"] = time;
                depot.publish();
            }
            2 => {
                // A genuine pin of another time under a head of his own.
                let old = self.any_state();
                let old: Value = serde_json::from_slice(&old["head.json"]).unwrap();
                depot.head["channels"] = old["channels"].clone();
                depot.head["version"] = json!(far);
                depot.publish_head();
            }
            _ => {
                depot.head["version"] = json!(far);
                depot.head["issued"] = time.clone();
                depot.head["expires"] = json!(times[2]);
                depot.head["root_version"] = json!([1, 9][self.chance.below(2)]);
                depot.publish_head();
            }
        }
        *files = depot.files;
    }
}
