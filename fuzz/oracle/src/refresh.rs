//! The trust client against depots that lie: the input is a script of what the
//! publisher does, what three copies of the depot make of it, what the clock
//! says, and when the client asks (reference/trust.md 2.3 and 3.4).
//!
//! Whatever happens: marks never fall but with the keys of their role; nothing is
//! trusted that the right keys have not signed; an error teaches nothing but true
//! roots; and when the lies end, the client is up to date again.

use crate::depot::{DAY, Depot, Files, HeadText, Signers, lay};
use offgrid_manifest::root::Floors;
use offgrid_manifest::stamp::StampedRoot;
use offgrid_manifest::{Id, Stamp, Time, verify};
use offgrid_setup::source::{Reach, Sources, Stop};
use offgrid_setup::stamp::Stamped;
use offgrid_setup::trust::{self, Inquiry, Known, Memory, Staleness, Trusted};
use serde_json::Value;
use std::cell::RefCell;
use std::fs;
use std::path::{Path, PathBuf};

/// How much of a script is followed: a run takes milliseconds for each of these.
const WORDS: usize = 24;

/// Three folders of this process, and the sources that read them.
struct Ground {
    folder: tempfile::TempDir,
    sources: Sources,
    laid: [Files; 3],
}

thread_local! {
    static GROUND: RefCell<Ground> = RefCell::new(Ground::new());
}

impl Ground {
    fn new() -> Ground {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |i: usize| folder.path().join(i.to_string());
        let list: Vec<String> = (0..3)
            .map(|i| {
                fs::create_dir(at(i)).expect("a folder");
                at(i).to_str().expect("text").to_owned()
            })
            .collect();
        let sources = Sources::new(&list, &Reach::default(), Stop::default()).expect("folders");
        Ground { folder, sources, laid: Default::default() }
    }

    /// Makes the folders what the copies are.
    fn lay(&mut self, copies: &[Files; 3]) {
        for (i, (laid, copy)) in self.laid.iter_mut().zip(copies).enumerate() {
            let at = |name: &str| -> PathBuf { self.folder.path().join(i.to_string()).join(name) };
            for name in laid.keys().filter(|name| !copy.contains_key(*name)) {
                fs::remove_file(at(name)).expect("it was there");
            }
            for (name, bytes) in copy.iter().filter(|(name, b)| laid.get(*name) != Some(*b)) {
                let path = at(name);
                fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).expect("a folder");
                fs::write(path, bytes).expect("a file");
            }
            laid.clone_from(copy);
        }
    }
}

struct Script<'a>(std::slice::Iter<'a, u8>);

impl Script<'_> {
    fn next(&mut self) -> usize {
        self.0.next().copied().map_or(0, usize::from)
    }
}

/// The client's side, and what is known of it.
struct Client {
    stamped: Stamped,
    channel: Id,
    memory: Option<String>,
    clock: u64,
    /// Root version, head mark, channel mark, by the file that it keeps.
    before: (u64, u64, u64),
}

/// A script.
pub fn refresh(input: &[u8]) {
    let begin = 1_790_000_000;
    let mut depot = Depot::new(begin);
    let mut copies: [Files; 3] = [(); 3].map(|()| depot.files.clone());
    let mut client = Client::new(&depot, begin);
    let mut script = Script(input.iter());
    for _ in 0..WORDS.min(input.len() / 2) {
        let (word, arg) = (script.next(), script.next());
        let copy = &mut copies[arg % 3];
        let file = |copy: &Files, n: usize| copy.keys().nth(n % copy.len().max(1)).cloned();
        match word % 16 {
            0 => {
                depot.time += 3_600;
                depot.publish();
            }
            1 => {
                depot.time += DAY;
                depot.head();
            }
            2 if depot.roots.len() < 4 => {
                depot.time += DAY;
                depot.rotate(arg & 1 > 0, arg & 2 > 0, arg & 4 > 0);
            }
            3 | 4 => copy.clone_from(&depot.files),
            5 => {
                let (head, signature) = &depot.heads[arg / 3 % depot.heads.len()];
                lay(copy, head, signature);
            }
            6 => {
                if let Some(name) = file(copy, arg / 3) {
                    copy.remove(&name);
                }
            }
            7 => {
                if let Some(bytes) = file(copy, arg / 3).and_then(|name| copy.get_mut(&name)) {
                    let at = script.next() * 7 % bytes.len().max(1);
                    bytes[at] ^= 1 << (arg % 8);
                }
            }
            8 => {
                let names = file(copy, arg / 3).zip(file(copy, script.next()));
                if let Some((one, other)) = names {
                    let bytes = copy[&other].clone();
                    copy.insert(one, bytes);
                }
            }
            9 | 10 => forge(&mut depot, copy, arg / 3, script.next()),
            11 => {
                copy.retain(|name, _| !name.starts_with("root/"));
            }
            12 => client.clock = [depot.time, depot.time + 20 * DAY, 0, depot.time * 2][arg % 4],
            13 if arg % 4 == 0 => client.forget(&depot),
            _ => drop(client.ask(&depot, &copies, arg % 8 == 7)),
        }
    }
    client.comes_back(&mut depot);
}

/// A thief of the newest head key, and perhaps of a release key that was called
/// back: any head that he likes.
fn forge(depot: &mut Depot, copy: &mut Files, what: usize, more: usize) {
    let newest = depot.version.1;
    let version = [newest, newest + 1, (1 << 53) - 1, 1, newest + 7][what % 5];
    let (channel, key) = match more % 4 {
        0 => (depot.version.0, None),
        1 => (1, None),
        2 => (depot.version.0 + 1, depot.signers.first()),
        _ => (depot.version.0, depot.signers.first()),
    };
    let path = format!("channel/stable/{channel}.json");
    let bytes = match key.map(|signers| signers.release) {
        Some(key) => {
            depot.stolen |= key == depot.now().release;
            let (bytes, file) = depot.channel(channel, key);
            copy.insert(path.clone(), bytes.clone());
            copy.insert(format!("{path}.minisig"), file);
            bytes
        }
        None => depot.files.get(&path).cloned().unwrap_or_default(),
    };
    let time = [depot.time, depot.time + 100 * DAY, depot.time * 3][more / 4 % 3];
    let root = depot.roots.len() as u64 + (more / 16 % 2) as u64;
    let head =
        HeadText { version, root, times: (time, time + 14 * DAY), channel: (channel, &bytes) };
    let (bytes, file) = head.sign(depot.now().head);
    lay(copy, &bytes, &file);
}

impl Client {
    fn new(depot: &Depot, clock: u64) -> Client {
        let signature =
            String::from_utf8(depot.files["root/1.json.minisig"].clone()).expect("text");
        let root = verify::first_root(&depot.roots[0], signature.as_bytes()).expect("a root");
        let stamp = Stamp {
            schema: 1,
            root: StampedRoot::new(&depot.roots[0], &signature),
            sources: vec!["https://depot.example/".to_owned()],
            floors: Floors::default(),
            issued: Time::from_unix(clock),
        };
        Client {
            stamped: Stamped { stamp, root },
            channel: "stable".parse().expect("a name"),
            memory: None,
            clock,
            before: (1, 0, 0),
        }
    }

    /// The file is lost or damaged: what remains is the stamp.
    fn forget(&mut self, depot: &Depot) {
        if let Some(text) = &mut self.memory {
            text.insert(depot.time as usize % text.len().max(1) / 2, ' ');
        }
        self.before = (1, 0, 0);
    }

    fn ask(&mut self, depot: &Depot, copies: &[Files; 3], accepted: bool) -> Option<Trusted> {
        let known = Known { memory: self.memory.as_deref().map(str::as_bytes), installed: None };
        let inquiry = Inquiry {
            stamped: &self.stamped,
            known,
            channel: &self.channel,
            stale: Staleness { accepted, kit: false },
            clock: Time::from_unix(self.clock),
        };
        let result = GROUND.with_borrow_mut(|ground| {
            ground.lay(copies);
            trust::refresh(&inquiry, &ground.sources)
        });
        match result {
            Ok(trusted) => {
                self.believe(depot, &trusted, accepted);
                Some(trusted)
            }
            Err(refused) => {
                if let Some(learned) = refused.learned {
                    self.learn(depot, &learned.memory);
                }
                None
            }
        }
    }

    fn believe(&mut self, depot: &Depot, trusted: &Trusted, accepted: bool) {
        let signers = signers_of(depot, &trusted.root);
        // By the keys that this root names, whoever held them.
        let channel = trusted.channel.bytes();
        let made = depot.channels.iter().find(|(bytes, _)| bytes == channel);
        assert_eq!(made.map(|(_, key)| *key), Some(signers.release), "a channel nobody may sign");
        let pin = &trusted.head.channels[&self.channel];
        assert_eq!((pin.version, pin.sha256), (trusted.channel.version, trusted.channel.digest()));
        assert!(
            verify::head(&trusted.root, trusted.head.bytes(), trusted.head.signature()).is_ok()
        );
        assert!(trusted.head.root_version <= trusted.root.version);
        assert!(trusted.now.unix() >= self.clock && trusted.root.expires >= trusted.now);
        let fresh = trusted.head.expires >= trusted.now && trusted.channel.expires >= trusted.now;
        assert!(accepted || fresh, "expired, and nobody said that this is fine");
        let marks = self.keep(depot, &trusted.memory);
        assert!(marks.1 >= trusted.head.version && marks.2 >= trusted.channel.version);
    }

    /// After an error: roots, and nothing else.
    fn learn(&mut self, depot: &Depot, learned: &Memory) {
        let before = self.before;
        assert!(learned.root.version > before.0, "nothing was learned");
        signers_of(depot, &learned.root);
        let marks = self.keep(depot, learned);
        assert!(marks.1 <= before.1 && marks.2 <= before.2, "an error raised a mark");
    }

    /// Writes the file. Marks fall with the keys of their role alone.
    fn keep(&mut self, depot: &Depot, memory: &Memory) -> (u64, u64, u64) {
        let text = memory.text();
        let file: Value = serde_json::from_str(&text).expect("the file is JSON");
        let mark = |pointer: &str| file.pointer(pointer).and_then(Value::as_u64).unwrap_or(0);
        let now = (memory.root.version, mark("/marks/head"), mark("/marks/channel/stable"));
        assert!(now.0 >= self.before.0, "a root was forgotten");
        let steps = &depot.signers[self.before.0 as usize - 1..now.0 as usize];
        let same = |role: fn(&Signers) -> u8| steps.windows(2).all(|s| role(&s[0]) == role(&s[1]));
        assert!(now.1 >= self.before.1 || !same(|s| s.head), "the mark of the head fell");
        assert!(now.2 >= self.before.2 || !same(|s| s.release), "the mark of a channel fell");
        self.before = now;
        self.memory = Some(text);
        now
    }

    /// The lies end: other keys, honest copies, a clock that is right. Two looks
    /// are enough (reference/trust.md 3.4).
    fn comes_back(&mut self, depot: &mut Depot) {
        depot.time += DAY;
        // The marks that a thief of a release key has raised fall with that key.
        depot.rotate(false, depot.stolen, true);
        let copies = [(); 3].map(|()| depot.files.clone());
        self.clock = depot.time;
        let trusted = self.ask(depot, &copies, false).or_else(|| self.ask(depot, &copies, false));
        let trusted = trusted.expect("honest copies are believed");
        assert_eq!(Some(trusted.root.bytes()), depot.roots.last().map(Vec::as_slice));
        assert_eq!((trusted.channel.version, trusted.head.version), depot.version);
    }
}

/// Who signs by this root, which is one of the publisher's.
fn signers_of(depot: &Depot, root: &verify::Verified<offgrid_manifest::Root>) -> Signers {
    let at = root.version as usize - 1;
    assert_eq!(Some(root.bytes()), depot.roots.get(at).map(Vec::as_slice), "a root nobody made");
    depot.signers[at]
}
