//! `check`: reads a whole depot as a client would and says everything that a
//! client would refuse. Goes from the root down and believes a child only
//! through its parent. Never writes.

mod blobs;
mod decode;
mod leftovers;
mod policy;

use crate::depot::Depot;
use crate::sign::scripts::{Pins, pins_in};
use crate::{depot, disk, trust};
use offgrid_manifest::verify::{self, LARGE_MAX, SMALL_MAX};
use offgrid_manifest::{Channel, Code, Digest, Head, Pin, Release, Root, Time, Verified, Version};
use offgrid_manifest::{layout, signature};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// What is only remarked on without `--expires-within`.
const SOON: u64 = 7 * 86_400;

/// Why nothing could be checked.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An address.
    #[error("`{0}` is an address; only a folder can be checked yet")]
    Address(String),
    /// No depot there.
    #[error(transparent)]
    Depot(#[from] depot::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Address(_) => Code::Unsupported,
            Error::Depot(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Address(_) => {
                Some("copy the depot into a folder, as with wget --mirror, and check that".into())
            }
            Error::Depot(error) => error.hint(),
        }
    }
}

/// Something that a client would refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// As which error.
    pub code: Code,
    /// The path in the depot.
    pub path: String,
    /// In words.
    pub what: String,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub struct Report {
    /// What a client would refuse.
    pub problems: Vec<Problem>,
    /// What a client would not see.
    pub notes: Vec<String>,
    /// How many documents were verified.
    pub documents: u64,
    /// How many blobs were read.
    pub blobs: u64,
    /// Their stored bytes.
    pub bytes: u64,
}

impl Report {
    /// The code that decides the exit: what cannot be trusted before all others.
    pub fn worst(&self) -> Option<Code> {
        let trust = |problem: &&Problem| problem.code.exit() == Code::Hash.exit();
        self.problems.iter().find(trust).or(self.problems.first()).map(|problem| problem.code)
    }
}

/// One walk through a depot.
struct Checker<'a> {
    depot: &'a Depot,
    now: Time,
    within: Option<u64>,
    roots: Vec<Verified<Root>>,
    report: Report,
    /// Paths that some document names.
    named: BTreeSet<String>,
    /// Whether a blob has its bytes, for those that were read.
    stored: BTreeMap<Digest, bool>,
    /// Encodings that were decoded, with what they were to become.
    decoded: BTreeSet<(Digest, Digest)>,
}

/// Checks the depot in a folder.
///
/// # Errors
/// When there is none. What is wrong with it is in the report.
pub fn run(place: &str, within: Option<u64>, now: Time) -> Result<Report, Error> {
    if place.contains("://") {
        return Err(Error::Address(place.to_owned()));
    }
    let depot = Depot::open(Path::new(place))?;
    let mut checker = Checker {
        depot: &depot,
        now,
        within,
        roots: Vec::new(),
        report: Report::default(),
        named: BTreeSet::new(),
        stored: BTreeMap::new(),
        decoded: BTreeSet::new(),
    };
    checker.all();
    Ok(checker.report)
}

impl Checker<'_> {
    fn all(&mut self) {
        match trust::roots(self.depot) {
            Ok(roots) => self.roots = roots,
            // Nothing below can be believed without a root.
            Err(error) => return self.problem(error.code(), "root", &error.to_string()),
        }
        self.report.documents += self.roots.len() as u64;
        let Some(root) = self.roots.last().cloned() else { return };
        let place = layout::root(root.version);
        self.expiry(&place, root.expires, Code::RootExpired);
        match self.head(&root) {
            Ok(head) => self.below(&root, &head),
            Err((code, what)) => self.problem(code, layout::HEAD, &what),
        }
        if let Err(error) = self.leftovers() {
            self.problem(error.code(), "", &error.to_string());
        }
    }

    fn problem(&mut self, code: Code, path: &str, what: &str) {
        self.report.problems.push(Problem { code, path: path.to_owned(), what: what.to_owned() });
    }

    fn expiry(&mut self, path: &str, expires: Time, code: Code) {
        let left = expires.unix().saturating_sub(self.now.unix());
        if left == 0 {
            self.problem(code, path, &format!("it expired at {expires}"));
        } else if self.within.is_some_and(|within| left <= within) {
            self.problem(code, path, &format!("it expires at {expires}"));
        } else if left <= SOON {
            self.report.notes.push(format!("{path} expires at {expires}"));
        }
    }

    fn head(&mut self, root: &Verified<Root>) -> Result<Verified<Head>, (Code, String)> {
        let broken = |error: disk::Error| (error.code(), error.to_string());
        let bytes = self.depot.read(layout::HEAD, SMALL_MAX).map_err(broken)?;
        let bytes = bytes.ok_or((Code::State, "it is missing; publish a release".to_owned()))?;
        let name = layout::head_signature(&Digest::of(&bytes));
        let file = self.depot.read(&name, signature::SIZE_MAX as u64).map_err(broken)?;
        let file =
            file.ok_or_else(|| (Code::SigThreshold, format!("its signature {name} is missing")))?;
        let head = verify::head(root, &bytes, &file).map_err(|e| (e.code(), e.to_string()))?;
        let copy = self.depot.read(layout::HEAD_COPY, signature::SIZE_MAX as u64);
        if copy.map_err(broken)?.as_ref() != Some(&file) {
            self.problem(
                Code::SigThreshold,
                layout::HEAD_COPY,
                "it is not a copy of the signature",
            );
        }
        self.report.documents += 1;
        self.expiry(layout::HEAD, head.expires, Code::Frozen);
        if head.root_version > root.version {
            let what = format!("it names root {}, which is not here", head.root_version);
            self.problem(Code::RootWithheld, layout::HEAD, &what);
        } else if head.root_version < root.version {
            self.report.notes.push(format!("the head does not name root {} yet", root.version));
        }
        self.floors(&root.floors, &head);
        self.numbers(&head).map_err(broken)?;
        Ok(head)
    }

    /// Channels and everything that they list.
    fn below(&mut self, root: &Verified<Root>, head: &Head) {
        let mut releases: BTreeMap<(Version, Digest), Pin> = BTreeMap::new();
        let mut current = Vec::new();
        for (name, pin) in &head.channels {
            let place = layout::channel(name, pin.version);
            let channel = trust::signed(self.depot, &place, LARGE_MAX)
                .and_then(|(bytes, file)| Ok(verify::channel(root, name, pin, &bytes, &file)?));
            let channel: Verified<Channel> = match channel {
                Ok(channel) => channel,
                Err(error) => {
                    self.problem(error.code(), &place, &error.to_string());
                    continue;
                }
            };
            self.report.documents += 1;
            self.expiry(&place, channel.expires, Code::Frozen);
            self.channel(&place, &channel);
            current.push(channel.current.clone());
            for (version, pin) in &channel.releases {
                releases.insert((version.clone(), pin.sha256), *pin);
            }
        }
        let mut offered = Vec::new();
        for ((version, _), pin) in releases {
            if let Some(release) = self.release(root, &version, pin)
                && current.contains(&version)
            {
                self.bootstrap(root, &release);
                offered.push(release);
            }
        }
        self.scripts(root, &offered);
    }

    fn release(
        &mut self,
        root: &Verified<Root>,
        version: &Version,
        pin: Pin,
    ) -> Option<Verified<Release>> {
        let place = layout::release(version, &pin.sha256);
        let release = trust::signed(self.depot, &place, LARGE_MAX)
            .and_then(|(bytes, file)| Ok(verify::release(root, version, pin, &bytes, &file)?));
        self.named.insert(place.clone());
        match release {
            Ok(release) => {
                self.report.documents += 1;
                self.contents(root, &release);
                Some(release)
            }
            Err(error) => {
                self.problem(error.code(), &place, &error.to_string());
                None
            }
        }
    }

    /// The install scripts pin the bootstrappers of a release that is offered.
    fn scripts(&mut self, root: &Root, offered: &[Verified<Release>]) {
        let pins: Vec<Pins> =
            offered.iter().filter_map(|release| Pins::of(self.depot, root, release).ok()).collect();
        let sh: Vec<_> = pins.iter().map(Pins::sh).collect();
        let ps1: Vec<_> = pins.iter().map(Pins::ps1).collect();
        let all = [(layout::INSTALL, &sh), (layout::INSTALL_SH, &sh), (layout::INSTALL_PS1, &ps1)];
        for (name, wanted) in all {
            let bytes = match self.depot.read(name, LARGE_MAX) {
                Ok(bytes) => bytes,
                Err(error) => {
                    self.problem(error.code(), name, &error.to_string());
                    continue;
                }
            };
            let text = bytes.as_ref().and_then(|bytes| std::str::from_utf8(bytes).ok());
            match text.and_then(pins_in) {
                None => self.problem(Code::State, name, "it is missing or has no pins"),
                Some(found) if !wanted.iter().any(|wanted| *wanted == found) => {
                    self.problem(
                        Code::Mixmatch,
                        name,
                        "its pins are of no release that is offered",
                    );
                }
                Some(_) => {}
            }
        }
    }
}
