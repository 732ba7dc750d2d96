//! A client: a stamp, what it remembers, and how strict it is.

use crate::e2e::simulator::{BEGAN, DAY, Files, Simulator, write};
use offgrid_manifest::root::Floors;
use offgrid_manifest::stamp::StampedRoot;
use offgrid_manifest::{Code, Id, Stamp, Time, verify};
use offgrid_setup::source::{Reach, Sources, Stop};
use offgrid_setup::stamp::Stamped;
use offgrid_setup::trust::{self, Inquiry, Known, Refused, Staleness, Trusted};
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// So many days after everything was made.
pub(crate) fn days(days: u64) -> Time {
    Time::from_unix(BEGAN + days * DAY)
}

pub(crate) fn id(name: &str) -> Id {
    name.parse().unwrap()
}

/// A program stamped with root `version` of a depot.
pub(crate) fn stamped(files: &Files, version: u64) -> Stamped {
    let bytes = &files[&format!("root/{version}.json")];
    let signature = &files[&format!("root/{version}.json.minisig")];
    let root = verify::first_root(bytes, signature).unwrap();
    let stamp = Stamp {
        schema: 1,
        root: StampedRoot::new(bytes, std::str::from_utf8(signature).unwrap()),
        sources: Vec::new(),
        floors: Floors::default(),
        issued: root.issued,
    };
    Stamped { stamp, root }
}

/// Folders for depots; gone with the value.
pub(crate) struct Room(TempDir);

impl Room {
    pub(crate) fn new() -> Room {
        let shm = Path::new("/dev/shm");
        let parent = if shm.is_dir() { shm.to_owned() } else { std::env::temp_dir() };
        Room(tempfile::Builder::new().prefix("offgrid-trust-").tempdir_in(parent).unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Writes a depot into a folder of this name; the folder.
    pub(crate) fn put(&self, name: &str, files: &Files) -> String {
        write(files, &self.path(name));
        self.path(name).display().to_string()
    }
}

/// The client.
pub(crate) struct Client {
    pub(crate) room: Room,
    pub(crate) stamped: Stamped,
    pub(crate) memory: Option<Vec<u8>>,
    pub(crate) installed: Option<Vec<u8>>,
    pub(crate) stale: Staleness,
    pub(crate) channel: Id,
}

impl Client {
    /// Stamped with root 1 of a depot.
    pub(crate) fn of(depot: &Simulator) -> Client {
        Client {
            room: Room::new(),
            stamped: stamped(&depot.files, 1),
            memory: None,
            installed: None,
            stale: Staleness::default(),
            channel: id("stable"),
        }
    }

    pub(crate) fn known(&self) -> Known<'_> {
        Known { memory: self.memory.as_deref(), installed: self.installed.as_deref() }
    }

    /// Refreshes from these sources; remembers what is handed out.
    pub(crate) fn ask(&mut self, sources: &Sources, clock: Time) -> Result<Trusted, Refused> {
        let inquiry = Inquiry {
            stamped: &self.stamped,
            known: self.known(),
            channel: &self.channel,
            stale: self.stale,
            clock,
        };
        let answer = trust::refresh(&inquiry, sources);
        match &answer {
            Ok(trusted) if trusted.changed => {
                self.memory = Some(trusted.memory.text().into_bytes());
            }
            Ok(_) => {}
            Err(refused) => {
                if let Some(learned) = &refused.learned {
                    self.memory = Some(learned.memory.text().into_bytes());
                }
            }
        }
        answer
    }

    /// The same from the sources of these addresses.
    pub(crate) fn from(&mut self, list: &[String], clock: Time) -> Result<Trusted, Refused> {
        self.ask(&sources(list), clock)
    }

    /// The same from a depot.
    pub(crate) fn take(&mut self, depot: &Simulator, clock: Time) -> Result<Trusted, Refused> {
        let folder = self.room.put("depot", &depot.files);
        self.from(&[folder], clock)
    }

    /// Takes what is there; the versions of root, head and channel.
    #[track_caller]
    pub(crate) fn takes(&mut self, depot: &Simulator, on: u64) -> (u64, u64, u64) {
        match self.take(depot, days(on)) {
            Ok(trusted) => (trusted.root.version, trusted.head.version, trusted.channel.version),
            Err(refused) => panic!("{:?}", refused.error),
        }
    }

    /// Refuses what is there, for this reason.
    #[track_caller]
    pub(crate) fn refuses(&mut self, depot: &Simulator, on: u64, code: Code) {
        match self.take(depot, days(on)) {
            Ok(_) => panic!("accepted, not {code}"),
            Err(refused) => assert_eq!(refused.error.code(), code, "{:?}", refused.error),
        }
    }

    /// What is remembered, as `trust show` tells it.
    pub(crate) fn shown(&self) -> Value {
        trust::show(&self.stamped, &self.known()).unwrap()
    }

    /// What is remembered, as it lies on the disk.
    pub(crate) fn file(&self) -> Value {
        serde_json::from_slice(self.memory.as_ref().unwrap()).unwrap()
    }
}

/// Sources without signed mirrors.
pub(crate) fn sources(list: &[String]) -> Sources {
    Sources::new(list, &Reach::default(), Stop::default()).unwrap()
}

/// Sources that may learn of signed mirrors.
pub(crate) fn with_mirrors(list: &[String]) -> Sources {
    let reach = Reach { mirrors: true, ..Reach::default() };
    Sources::new(list, &reach, Stop::default()).unwrap()
}

/// The refusal.
#[track_caller]
pub(crate) fn error(answer: Result<Trusted, Refused>) -> Refused {
    match answer {
        Ok(_) => panic!("accepted"),
        Err(refused) => refused,
    }
}

/// The names of the warnings.
pub(crate) fn codes(trusted: &Trusted) -> Vec<&'static str> {
    trusted.warnings.iter().map(|warning| warning.code).collect()
}
