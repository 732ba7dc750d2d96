//! Sources: where a depot's files come from. A list of web addresses and
//! folders, and the mirrors that a verified channel names; each is untrusted and
//! dumb, one bad one is not an error, all bad ones are.
//!
//! Never believes what it fetched: that is [`crate::trust`] and [`crate::fetch`].

mod asking;
mod folder;
mod http;
mod problem;
mod several;

pub use problem::Error;
pub use several::{Answer, Worst};

use std::io::Read;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// Says to all threads of a command that it should end.
#[derive(Clone, Default)]
pub struct Stop(Arc<Inner>);

#[derive(Default)]
struct Inner {
    set: AtomicBool,
    then: Mutex<Vec<Box<dyn Fn() + Send>>>,
}

impl Stop {
    /// From now on [`Stop::is_set`]; whoever waits in a transfer is cut off.
    pub fn set(&self) {
        self.0.set.store(true, Ordering::Relaxed);
        let then = self.0.then.lock().unwrap_or_else(PoisonError::into_inner);
        then.iter().for_each(|act| act());
    }

    /// Whether the command should end.
    pub fn is_set(&self) -> bool {
        self.0.set.load(Ordering::Relaxed)
    }

    /// What else to do when the time comes.
    fn then(&self, act: impl Fn() + Send + 'static) {
        let mut then = self.0.then.lock().unwrap_or_else(PoisonError::into_inner);
        then.push(Box::new(act));
    }
}

/// Bytes on their way, from `from` on.
pub struct Stream {
    /// The bytes.
    pub body: Box<dyn Read + Send>,
    /// Where in the file they begin: 0 when a source could not resume.
    pub from: u64,
    /// How large the whole file is, where the source says so.
    pub size: Option<u64>,
}

/// What a source said of its head.
pub enum Fresh {
    /// The one that was there last time.
    Same,
    /// Another one, and the tag to ask with next time.
    New(Vec<u8>, Option<String>),
}

/// Where one file is.
#[derive(Debug, Clone)]
pub enum Place {
    /// Relative to every source.
    Depot(String),
    /// A web address of its own.
    Address(String),
}

/// How to reach sources.
#[derive(Debug, Clone, Default)]
pub struct Reach {
    /// No network at all.
    pub offline: bool,
    /// Certificates to trust instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Bytes a second at most.
    pub limit_rate: Option<u64>,
    /// Whether signed mirrors may be asked too. Not when a person said where to
    /// fetch from: a link may cost money, or must not be used.
    pub mirrors: bool,
    /// Whether the folder is that of a child without our rights: no link in it is
    /// followed, and what is in it came over a network.
    pub staged: bool,
}

/// One way to a large file.
#[derive(Debug, Clone)]
pub struct Route(Way);

#[derive(Debug, Clone)]
enum Way {
    Address(String),
    Depot(Source, String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Source {
    Web(String),
    Folder(PathBuf),
}

/// The sources of a command, in order.
pub struct Sources {
    list: Vec<Source>,
    /// What signed mirrors there are besides; see [`Sources::learn`].
    mirrors: RwLock<Vec<Source>>,
    may_learn: bool,
    /// Those that could not be reached, or stopped answering.
    blamed: Mutex<Vec<Source>>,
    /// What was wrong with which source, for people who look closely.
    troubles: Mutex<Vec<String>>,
    client: http::Client,
    stop: Stop,
    rate: Option<u64>,
    staged: bool,
    /// Whether no network is used, whoever names an address in one.
    offline: bool,
    received: Arc<AtomicU64>,
}

impl Sources {
    /// From addresses and folders as a person or a stamp wrote them.
    ///
    /// # Errors
    /// `E_USAGE` for one that is neither, `E_UNREACHABLE` for the web when
    /// offline, `E_USAGE` for certificates that cannot be read.
    pub fn new(given: &[String], reach: &Reach, stop: Stop) -> Result<Sources, Error> {
        let mut list = Vec::new();
        for text in given {
            list.push(Source::parse(text)?);
        }
        if reach.offline {
            list.retain(|source| matches!(source, Source::Folder(_)));
            if list.is_empty() {
                return Err(Error::Offline);
            }
        }
        let client = http::Client::new(reach.ca_file.as_deref())?;
        let cut = client.clone();
        stop.then(move || cut.cut());
        let may_learn = reach.mirrors && !reach.offline;
        let (mirrors, blamed, troubles) = (RwLock::default(), Mutex::default(), Mutex::default());
        let (rate, staged, offline) = (reach.limit_rate, reach.staged, reach.offline);
        let received = Arc::default();
        Ok(Sources {
            list,
            mirrors,
            may_learn,
            blamed,
            troubles,
            client,
            stop,
            rate,
            staged,
            offline,
            received,
        })
    }

    /// One folder that need not be there yet, and nothing else.
    ///
    /// # Errors
    /// As [`Sources::new`].
    pub fn held(folder: PathBuf, reach: &Reach, stop: Stop) -> Result<Sources, Error> {
        let sources = Sources::new(&[], &Reach { offline: false, ..reach.clone() }, stop)?;
        let (list, offline) = (vec![Source::Folder(folder)], reach.offline);
        Ok(Sources { list, may_learn: false, offline, ..sources })
    }

    /// What ends the command.
    pub fn stop(&self) -> &Stop {
        &self.stop
    }

    /// Bytes a second at most.
    pub fn rate(&self) -> Option<u64> {
        self.rate
    }

    /// Bytes of large files that came over a network so far.
    pub fn received(&self) -> u64 {
        self.received.load(Ordering::Relaxed)
    }

    /// The first source, for people.
    pub fn shown(&self) -> String {
        self.list.first().map_or("nowhere".to_owned(), Source::shown)
    }

    /// Whether all there is are folders.
    pub fn is_folder(&self) -> bool {
        !self.list.is_empty() && self.list.iter().all(|s| matches!(s, Source::Folder(_)))
    }

    /// Whether bytes from the first source cost next to nothing: a folder, or
    /// this machine.
    pub fn is_near(&self) -> bool {
        if self.staged {
            return false;
        }
        match self.list.first() {
            Some(Source::Web(base)) => {
                let host = base.split("//").nth(1).unwrap_or("");
                ["127.", "localhost", "[::1]"].iter().any(|near| host.starts_with(near))
            }
            _ => true,
        }
    }

    /// A large file from byte `from` on, by one of [`Sources::routes`].
    ///
    /// # Errors
    /// Why it is not to be had there.
    pub fn open(&self, route: &Route, from: u64, size: u64) -> Result<Stream, Error> {
        let stream = match &route.0 {
            Way::Address(url) => self.client.open(url, from, size)?,
            Way::Depot(Source::Web(base), path) => {
                self.client.open(&format!("{base}{path}"), from, size)?
            }
            Way::Depot(Source::Folder(folder), path) => {
                return folder::open(folder, path, from, self.staged);
            }
        };
        let received = self.received.clone();
        Ok(Stream { body: Box::new(Counted { body: stream.body, received }), ..stream })
    }

    fn read(&self, source: &Source, path: &str, max: u64) -> Result<Vec<u8>, Error> {
        match source {
            Source::Web(base) => self.client.read(&format!("{base}{path}"), max),
            Source::Folder(folder) => folder::read(folder, path, max, self.staged),
        }
    }
}

/// Counts what passes.
struct Counted {
    body: Box<dyn Read + Send>,
    received: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, bytes: &mut [u8]) -> std::io::Result<usize> {
        let read = self.body.read(bytes)?;
        self.received.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

impl Source {
    fn parse(text: &str) -> Result<Source, Error> {
        if let Some(path) = text.strip_prefix("file://") {
            return Ok(Source::Folder(PathBuf::from(path)));
        }
        if text.starts_with("http://") || text.starts_with("https://") {
            let bad = |c: char| c.is_control() || c.is_whitespace();
            if text.contains(['?', '#']) || text.contains(bad) {
                return Err(Error::NotASource { text: text.to_owned() });
            }
            let slash = if text.ends_with('/') { "" } else { "/" };
            return Ok(Source::Web(format!("{text}{slash}")));
        }
        let path = PathBuf::from(text);
        match path.metadata() {
            Ok(meta) if meta.is_dir() && !text.contains("://") => Ok(Source::Folder(path)),
            Err(source) if !crate::disk::is_absent(&source) && !text.contains("://") => {
                Err(Error::Folder { path, source })
            }
            _ => Err(Error::NotASource { text: text.to_owned() }),
        }
    }

    fn shown(&self) -> String {
        match self {
            Source::Web(base) => base.clone(),
            Source::Folder(folder) => folder.display().to_string(),
        }
    }
}
