//! What holds whatever happens (reference/trust.md 3.4): honest makers publish,
//! rotate and let time pass; an attacker with too few keys replays, drops, mixes,
//! truncates, flips, re-signs and sets clocks; a client refreshes all the while.
//! Every case is made from a number, which is told when it fails.
//! `OFFGRID_CASES` sets how many.

use crate::client::{Client, days};
use crate::e2e::chance::Chance;
use crate::e2e::simulator::{Files, Simulator, day};
use offgrid_manifest::{Code, Time};
use offgrid_setup::trust::{Refused, Trusted};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Everything that can happen in one case.
pub(crate) struct World {
    pub(crate) chance: Chance,
    pub(crate) depot: Simulator,
    /// Each state that was ever published.
    pub(crate) history: Vec<Files>,
    /// Every root, head and channel that its owners signed.
    honest: BTreeSet<Vec<u8>>,
    /// The keys of head and release in each root.
    roles: Vec<Value>,
    /// Keys in the wrong hands: never enough for a channel or a root.
    pub(crate) stolen: Vec<&'static str>,
    pub(crate) today: u64,
    keys: usize,
}

impl World {
    fn new(seed: u64) -> World {
        let mut chance = Chance::new(seed);
        let mut depot = Simulator::empty();
        depot.role("root", &["r1", "r2", "r3"], 2);
        depot.role("release", &["c1", "c2", "c3"], 2);
        let all = &["h1", "c1", "r1"][..];
        let stolen = [&["c1", "r1"], all, all, &["h1"], &[]];
        let stolen = stolen[chance.below(stolen.len())].to_vec();
        let mut world = World {
            chance,
            depot,
            history: Vec::new(),
            honest: BTreeSet::new(),
            roles: vec![Value::Null],
            stolen,
            today: 0,
            keys: 10,
        };
        world.publish_root();
        world.publish(true);
        world
    }

    fn has_head_key(&self) -> bool {
        self.depot.signers["head"].iter().any(|key| self.stolen.contains(&key.as_str()))
    }

    fn publish_root(&mut self) {
        self.depot.publish_root();
        let roles = &self.depot.root["roles"];
        self.roles
            .push(json!({"head": roles["head"]["keys"], "release": roles["release"]["keys"]}));
    }

    /// A new head, and a new channel if so.
    fn publish(&mut self, channel: bool) {
        self.depot.head["issued"] = json!(day(self.today));
        self.depot.head["expires"] = json!(day(self.today + 14));
        if channel {
            let draft = self.depot.channels.get_mut("stable").unwrap();
            draft["issued"] = json!(day(self.today));
            draft["expires"] = json!(day(self.today + 180));
            self.depot.publish_channel("stable");
        }
        self.depot.publish_head();
        self.history.push(self.depot.files.clone());
        self.honest.extend(self.depot.files.values().cloned());
    }

    /// Passes a role to new keys and publishes everything under them.
    fn rotate(&mut self, role: &str) {
        self.keys += 3;
        let names: Vec<String> = (0..3).map(|n| format!("k{}", self.keys + n)).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        match role {
            "head" => self.depot.role("head", &names[..1], 1),
            role => self.depot.role(role, &names, 2),
        }
        if role == "root" {
            // The new root has to be signed by the old keys too; the next one need not.
            let old = ["r1", "r2", "r3"];
            let all: Vec<&str> = old.iter().chain(&names).copied().collect();
            self.depot.sign_by("root", &all);
        }
        self.publish_root();
        self.publish(true);
    }

    /// What the honest do next.
    fn live(&mut self) {
        self.today += self.chance.below(9) as u64;
        match self.chance.below(8) {
            0 => self.rotate("head"),
            1 => self.rotate("release"),
            2 if self.keys == 10 => self.rotate("root"),
            3..5 => self.publish(true),
            _ => self.publish(false),
        }
    }

    fn clock(&mut self) -> Time {
        match self.chance.below(6) {
            0 => Time::from_unix(0),
            1 => days(self.today + self.chance.below(400) as u64),
            2 => days(40 * 365),
            _ => days(self.today),
        }
    }
}

/// The marks and everything else of a state file; of none, an empty one.
fn file(client: &Client) -> Value {
    client.memory.as_ref().map_or(json!({}), |bytes| serde_json::from_slice(bytes).unwrap())
}

/// The newest root in a state file.
fn root_of(file: &Value) -> usize {
    1 + file["roots"].as_array().map_or(0, Vec::len)
}

/// What must hold after any refresh.
fn judge(
    world: &World,
    before: &Value,
    was: usize,
    client: &Client,
    head_key: bool,
    answer: &Result<Trusted, Refused>,
) {
    let after = file(client);
    let now = root_of(&after);
    assert!(now >= was, "root {now} after {was}");
    let changed = |role: &str| {
        world.roles[was][role] != world.roles[now][role]
            || world.roles[was..=now].windows(2).any(|pair| pair[0][role] != pair[1][role])
    };
    let mark = |file: &Value, role: &str| match role {
        "head" => file["marks"]["head"].as_u64().unwrap_or(0),
        _ => file["marks"]["channel"]["stable"].as_u64().unwrap_or(0),
    };
    for role in ["head", "release"] {
        let (old, new) = (mark(before, role), mark(&after, role));
        assert!(new >= old || changed(role), "the mark of {role} fell from {old} to {new}");
    }
    match answer {
        Ok(trusted) => {
            let documents = [trusted.root.bytes(), trusted.channel.bytes()];
            for bytes in documents {
                assert!(world.honest.contains(bytes), "{}", String::from_utf8_lossy(bytes));
            }
            assert!(head_key || world.honest.contains(trusted.head.bytes()));
            assert!(changed("head") || trusted.head.version >= mark(before, "head"));
            assert!(changed("release") || trusted.channel.version >= mark(before, "release"));
        }
        Err(refused) => {
            assert_eq!(refused.learned.is_some(), now > was, "{:?}", refused.error);
            for name in ["head", "channels", "probed", "tags"] {
                let empty = before[name].is_null() || after[name].is_null();
                assert!(empty || before[name] == after[name], "{name}: {:?}", refused.error);
            }
            if now == was {
                assert_eq!(*before, after, "{:?}", refused.error);
            }
        }
    }
}

/// One life; whether it came to be attacked with success refused at least once.
fn case(seed: u64) -> (usize, usize) {
    let mut world = World::new(seed);
    let mut client = Client::of(&world.depot);
    let (mut taken, mut refused) = (0, 0);
    let mut thief = world.has_head_key();
    for _ in 0..6 + world.chance.below(6) {
        if world.chance.below(3) > 0 {
            world.live();
        }
        thief |= world.has_head_key();
        let evil = world.attack();
        let evil = client.room.put("evil", &evil);
        let good = client.room.put("good", &world.depot.files);
        let list = match world.chance.below(5) {
            0 => vec![good],
            1 => vec![good, evil],
            2 => vec![evil, good],
            _ => vec![evil],
        };
        let (before, clock) = (file(&client), world.clock());
        let was = root_of(&before);
        let answer = client.from(&list, clock);
        judge(&world, &before, was, &client, thief, &answer);
        match answer {
            Ok(_) => taken += 1,
            Err(_) => refused += 1,
        }
    }
    // The attack stops. A thief of the head key keeps what he has until it is changed.
    if world.has_head_key() {
        world.rotate("head");
    }
    world.publish(true);
    let good = [client.room.put("good", &world.depot.files)];
    let clock = days(world.today);
    let answer = match client.from(&good, clock) {
        Err(refused) if refused.error.code() == Code::Frozen => client.from(&good, clock),
        answer => answer,
    };
    let trusted = answer.unwrap_or_else(|refused| panic!("never again: {:?}", refused.error));
    assert_eq!(trusted.head.bytes(), world.depot.files["head.json"]);
    assert_eq!(json!(trusted.channel.version), world.depot.channels["stable"]["version"]);
    assert_eq!(json!(trusted.root.version), world.depot.root["version"]);
    assert!(!client.from(&good, clock).unwrap().changed);
    (taken, refused)
}

#[test]
fn no_attack_lowers_a_mark_or_outlives_itself() {
    let count = std::env::var("OFFGRID_CASES").ok().and_then(|text| text.parse().ok());
    let count: u64 = count.unwrap_or(100);
    let threads: Vec<_> = (0..4)
        .map(|part| {
            std::thread::spawn(move || {
                let (mut taken, mut refused) = (0, 0);
                for seed in (part..count).step_by(4) {
                    let done = std::panic::catch_unwind(|| case(seed));
                    let done = done.unwrap_or_else(|_| panic!("case {seed}"));
                    taken += done.0;
                    refused += done.1;
                }
                (taken, refused)
            })
        })
        .collect();
    let sums = threads.into_iter().map(|thread| thread.join().unwrap());
    let (taken, refused) = sums.fold((0, 0), |all, one| (all.0 + one.0, all.1 + one.1));
    let least = usize::try_from(count).unwrap();
    assert!(taken > least && refused > least, "{taken} taken, {refused} refused");
    println!("{count} lives: {taken} states taken, {refused} refused");
}
