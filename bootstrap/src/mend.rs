//! What is wrong with an installation, and what would mend each of it. The one
//! answer for `verify`, which tells it, and for `repair`, which does it.
//!
//! Looks at the disk; changes nothing and fetches nothing.

use crate::error::Error as Any;
use crate::inspect::{self, Contents, Difference, Wrong};
use crate::plan::OnDisk;
use crate::receipt::{Receipt, Slot, SlotFile};
use crate::service::ServiceState;
use crate::step::Undo;
use crate::store::{SlotName, Store};
use crate::{disk, fetch, gate, platform};
use offgrid_manifest::release::Release;
use offgrid_manifest::verify::LARGE_MAX;
use offgrid_manifest::{Digest, Pin, Version};
use std::fmt;
use std::path::{Path, PathBuf};

/// What is not as it was installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Thing {
    /// A whole slot.
    Slot(SlotName),
    /// Something in a slot that makes it be built anew.
    Part(SlotName),
    /// Something that is not ours in the place of ours.
    Stranger,
    /// This program.
    Program,
    /// What names the live slot.
    Current,
    /// The link on PATH.
    Link,
    /// A model, by its name.
    Model(String),
    /// The running service.
    Service,
}

impl Thing {
    /// The word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Thing::Slot(_) => "slot",
            Thing::Part(_) => "file",
            Thing::Stranger => "stranger",
            Thing::Program => "program",
            Thing::Current => "current",
            Thing::Link => "link",
            Thing::Model(_) => "model",
            Thing::Service => "service",
        }
    }

    /// The slot that it is about.
    pub fn slot(&self) -> Option<&SlotName> {
        match self {
            Thing::Slot(name) | Thing::Part(name) => Some(name),
            _ => None,
        }
    }
}

/// What `repair` does about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cure {
    /// Copies these bytes, which are right.
    Copy(PathBuf),
    /// Fetches it again.
    Fetch,
    /// Makes it again; no bytes are needed.
    Make,
    /// Moves what is there to this place, where it is kept.
    Aside(PathBuf),
    /// Nothing, because it is not ours.
    Leave,
    /// Nothing that it could; what to do instead.
    Hopeless(&'static str),
}

impl Cure {
    /// The word for programs.
    pub fn name(&self) -> &'static str {
        match self {
            Cure::Copy(_) => "copy",
            Cure::Fetch => "fetch",
            Cure::Make => "make",
            Cure::Aside(_) => "aside",
            Cure::Leave => "leave",
            Cure::Hopeless(_) => "none",
        }
    }

    /// Whether `repair` does something.
    pub fn is_one(&self) -> bool {
        !matches!(self, Cure::Leave | Cure::Hopeless(_))
    }
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// With what.
    pub thing: Thing,
    /// Where.
    pub path: PathBuf,
    /// In words that follow the path.
    pub what: String,
    /// What mends it.
    pub cure: Cure,
}

impl Problem {
    fn new(thing: Thing, path: impl Into<PathBuf>, what: &str, cure: Cure) -> Problem {
        Problem { thing, path: path.into(), what: what.to_owned(), cure }
    }

    /// What `repair` does about it, in words that end the line.
    fn remedy(&self) -> String {
        match &self.cure {
            Cure::Copy(from) if *from == self.path => "repair makes it anew".to_owned(),
            Cure::Copy(from) => format!("repair copies it from {}", from.display()),
            Cure::Fetch => "repair downloads it again".to_owned(),
            Cure::Make => "repair makes it again".to_owned(),
            Cure::Aside(to) => format!("repair moves it to {}", to.display()),
            Cure::Leave => "left alone, because it is not ours".to_owned(),
            Cure::Hopeless(instead) => format!("repair cannot mend it: {instead}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.path.display(), self.what, self.remedy())
    }
}

/// What was found.
#[derive(Debug, Default)]
pub struct Findings {
    /// Everything that is wrong.
    pub problems: Vec<Problem>,
    /// Files of slots with the right bytes, whatever else is wrong with them.
    pub good: OnDisk,
    /// How many files of slots were looked at.
    pub files: usize,
}

impl Findings {
    /// Whether something is wrong that is ours.
    pub fn is_damaged(&self) -> bool {
        self.problems.iter().any(|problem| problem.cure != Cure::Leave)
    }

    /// Whether a cure of these problems needs bytes that are not on this disk.
    pub fn needs_source(&self) -> bool {
        self.problems.iter().any(|problem| problem.cure == Cure::Fetch)
    }
}

/// The place in which one looks.
pub struct Patient<'a> {
    /// The prefix.
    pub store: &'a Store,
    /// What must be there.
    pub receipt: &'a Receipt,
    /// The running program.
    pub exe: &'a Path,
    /// What runs.
    pub service: &'a ServiceState,
}

/// Looks at everything that the receipt names. `looking` is told what is read.
///
/// # Errors
/// A file or folder that cannot be read.
pub fn find(patient: &Patient<'_>, looking: &dyn Fn(&str)) -> Result<Findings, Any> {
    let mut findings = Findings::default();
    let mut parts = Vec::new();
    for (name, slot) in &patient.receipt.slots {
        let Ok(slot_name) = name.parse::<SlotName>() else { continue };
        looking(&format!("checking {name}"));
        findings.files += slot.files.len();
        if let Some(found) = patient.slot(&slot_name, slot, &mut findings)? {
            parts.push((slot_name, slot, found));
        }
    }
    // Which bytes are right is known only now.
    for (name, slot, found) in parts {
        for Difference { path, wrong } in found {
            let problem = patient.part(&name, slot, &path, &wrong, &findings.good);
            findings.problems.push(problem);
        }
    }
    patient.program(&mut findings)?;
    patient.current(&mut findings.problems);
    patient.links(&mut findings.problems);
    patient.models(&mut findings.problems)?;
    patient.service(&mut findings.problems);
    Ok(findings)
}

impl Patient<'_> {
    /// What differs in a slot; notes the files with the right bytes. `None` where
    /// there is no folder to look into.
    fn slot(
        &self,
        name: &SlotName,
        slot: &Slot,
        findings: &mut Findings,
    ) -> Result<Option<Vec<Difference>>, Any> {
        let folder = self.store.slot(name);
        let whole = |cure| Problem::new(Thing::Slot(name.clone()), &folder, "is missing", cure);
        if !folder.is_dir() || platform::read_link(&folder).is_some() {
            if disk::exists(&folder) {
                let to = self.free_place(&name.to_string());
                let what = "is not a folder of ours";
                findings.problems.push(Problem::new(
                    Thing::Stranger,
                    &folder,
                    what,
                    Cure::Aside(to),
                ));
            }
            findings.problems.push(whole(Cure::Fetch));
            return Ok(None);
        }
        let wanted = Contents { files: slot.files.clone(), links: slot.links.clone() };
        let found = inspect::differences(&folder, &wanted, true)?;
        for (path, SlotFile { sha256, size, .. }) in &slot.files {
            let wrong = found.iter().find(|one| one.path == *path).map(|one| &one.wrong);
            let at = folder.join(path);
            let good = match wrong {
                None => true,
                Some(Wrong::Permissions | Wrong::Theirs(_)) => {
                    fetch::digest_of(&at)? == Some(*sha256)
                }
                Some(_) => false,
            };
            if good {
                findings.good.insert((*sha256, *size), at);
            }
        }
        Ok(Some(found))
    }

    fn part(
        &self,
        name: &SlotName,
        slot: &Slot,
        path: &str,
        wrong: &Wrong,
        good: &OnDisk,
    ) -> Problem {
        let at = self.store.slot(name).join(path);
        if *wrong == Wrong::Foreign {
            let to = self.free_place(&format!("{name}/{path}"));
            return Problem::new(Thing::Stranger, at, &wrong.to_string(), Cure::Aside(to));
        }
        let cure = match slot.files.get(path) {
            None => Cure::Make,
            Some(file) => match good.get(&(file.sha256, file.size)) {
                Some(_) if matches!(wrong, Wrong::Permissions | Wrong::Theirs(_)) => {
                    Cure::Copy(at.clone())
                }
                Some(from) => Cure::Copy(from.clone()),
                // The list of releases is remembered elsewhere too.
                None if path == CHANNEL => Cure::Make,
                None => Cure::Fetch,
            },
        };
        Problem::new(Thing::Part(name.clone()), at, &wrong.to_string(), cure)
    }

    /// Where something that is not ours is kept: nothing is there yet.
    fn free_place(&self, name: &str) -> PathBuf {
        let first = self.store.aside().join(name);
        let mut place = first.clone();
        let mut count = 1;
        while disk::exists(&place) {
            count += 1;
            place = first.with_file_name(format!(
                "{}.{count}",
                first.file_name().unwrap_or_default().to_string_lossy()
            ));
        }
        place
    }

    fn program(&self, findings: &mut Findings) -> Result<(), Any> {
        let (path, wanted) = (self.store.program(), self.receipt.program);
        let found = fetch::digest_of(&path)?;
        let mode = || platform::mode_of(&path).is_ok_and(|mode| mode & 0o7022 == 0);
        let what = match found {
            Some(found) if found == wanted && mode() => return Ok(()),
            Some(found) if found == wanted => "has other permissions",
            Some(_) => "is not the installed program",
            None => "is missing",
        };
        let cure = if found == Some(wanted) {
            Cure::Copy(path.clone())
        } else if fetch::digest_of(self.exe)? == Some(wanted) {
            Cure::Copy(self.exe.to_owned())
        } else if self.setup()?.is_some() {
            Cure::Fetch
        } else {
            Cure::Hopeless("`offgrid-setup uninstall` and a new install do, and keep your models")
        };
        findings.problems.push(Problem::new(Thing::Program, path, what, cure));
        Ok(())
    }

    /// The installed program as a release that is here knows it.
    ///
    /// # Errors
    /// A file that cannot be read.
    pub fn setup(&self) -> Result<Option<(Version, Pin)>, Any> {
        for (name, slot) in &self.receipt.slots {
            let Ok(name) = name.parse() else { continue };
            let Some(release) = release_of(self.store, &name, slot)? else { continue };
            let mut pins = release.setup.targets.values();
            if let Some(pin) = pins.find(|pin| pin.sha256 == self.receipt.program) {
                return Ok(Some((release.setup.version.clone(), *pin)));
            }
        }
        Ok(None)
    }

    fn current(&self, problems: &mut Vec<Problem>) {
        let current = self.store.current();
        if self.store.live().as_ref() == Some(&self.receipt.live) {
            return;
        }
        if current.is_dir() && platform::read_link(&current).is_none() {
            let to = Cure::Aside(self.free_place("current"));
            problems.push(Problem::new(Thing::Stranger, &current, "is a folder", to));
        }
        let what = format!("does not name {}", self.receipt.live);
        problems.push(Problem::new(Thing::Current, current, &what, Cure::Make));
    }

    fn links(&self, problems: &mut Vec<Problem>) {
        let program = self.store.program();
        for made in &self.receipt.made {
            let Undo::SetLink { path, .. } = &made.undo else { continue };
            let problem = match platform::read_link(path) {
                Some(target) if target == program => continue,
                Some(_) => Problem::new(Thing::Link, path, "leads elsewhere", Cure::Leave),
                None if disk::exists(path) => {
                    Problem::new(Thing::Link, path, "is not our link any more", Cure::Leave)
                }
                None => Problem::new(Thing::Link, path, "is missing", Cure::Make),
            };
            problems.push(problem);
        }
    }

    fn models(&self, problems: &mut Vec<Problem>) -> Result<(), Any> {
        for (name, model) in &self.receipt.models {
            let found = fetch::digest_of(&model.path)?;
            if found == Some(model.sha256) {
                continue;
            }
            let what = if found.is_some() { "is not the installed model" } else { "is missing" };
            let removal = Undo::RemoveFile { path: model.path.clone() };
            // One that was there before us is its owner's to change.
            let ours = self.receipt.made.iter().any(|made| made.undo == removal);
            let cure = if ours { Cure::Fetch } else { Cure::Leave };
            problems.push(Problem::new(Thing::Model(name.clone()), &model.path, what, cure));
        }
        Ok(())
    }

    fn service(&self, problems: &mut Vec<Problem>) {
        let Some(slot) = self.service.slot.as_ref().filter(|slot| **slot != self.receipt.live)
        else {
            return;
        };
        let what = format!("says that the service runs {slot}, and {} is live", self.receipt.live);
        problems.push(Problem::new(Thing::Service, self.store.service(), &what, Cure::Make));
    }
}

/// The document of a slot's release.
pub const RELEASE: &str = "release.json";
/// The document of the channel that listed it.
pub const CHANNEL: &str = "channel.json";

/// The release of a slot, as far as its document is the one that was installed:
/// it was verified then, and the receipt has its digest.
///
/// # Errors
/// A file that cannot be read.
pub fn release_of(store: &Store, name: &SlotName, slot: &Slot) -> Result<Option<Release>, Any> {
    let Some(wanted) = slot.files.get(RELEASE) else { return Ok(None) };
    let bytes = disk::read(&store.slot(name).join(RELEASE), LARGE_MAX)?;
    let bytes = bytes.filter(|bytes| Digest::of(bytes) == wanted.sha256);
    bytes.map(|bytes| read_release(&store.slot(name), &bytes)).transpose()
}

/// Reads a release document of the right digest.
///
/// # Errors
/// `E_HEALTH` when it is none after all.
pub fn read_release(folder: &Path, bytes: &[u8]) -> Result<Release, Any> {
    let release = serde_json::from_slice(bytes);
    release.map_err(|source| gate::Error::Release { path: folder.join(RELEASE), source }.into())
}
