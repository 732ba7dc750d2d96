//! Looking at everything that the receipt names.

use super::{CHANNEL, Cure, ENGINE, Findings, Problem, Thing, release_of};
use crate::engine;
use crate::error::Error as Any;
use crate::inspect::{self, Contents, Difference, Wrong};
use crate::plan::OnDisk;
use crate::receipt::{Receipt, Slot, SlotFile};
use crate::service::ServiceState;
use crate::step::Undo;
use crate::store::{SlotName, Store};
use crate::{disk, fetch, platform, profile};
use offgrid_manifest::{Pin, Version};
use std::path::{Path, PathBuf};

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
        patient.engine(slot, &mut findings.problems);
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
                let stranger = Problem::new(Thing::Stranger, &folder, what, Cure::Aside(to));
                findings.problems.push(stranger);
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
                // One that may not be read is as good as none.
                Some(Wrong::Permissions | Wrong::Theirs(_)) => {
                    fetch::digest_of(&at).is_ok_and(|found| found == Some(*sha256))
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
                None if path == CHANNEL || path == ENGINE => Cure::Make,
                None => Cure::Fetch,
            },
        };
        Problem::new(Thing::Part(name.clone()), at, &wrong.to_string(), cure)
    }

    /// The engine of this machine that the slot uses: not ours, and still its app's.
    fn engine(&self, slot: &Slot, problems: &mut Vec<Problem>) {
        let Some(existing) = &slot.existing else { return };
        let Some(what) = engine::is_changed(existing, true) else { return };
        if problems.iter().any(|one| one.thing == Thing::Engine && one.path == existing.path) {
            return;
        }
        let what = format!("is not the engine any more that was tried out ({what})");
        let cure = Cure::Hopeless(
            "`offgrid update --llama-server PATH` tries it out again, with `bundled` in the \
             place of PATH the release's own is used",
        );
        problems.push(Problem::new(Thing::Engine, &existing.path, &what, cure));
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
        if self.receipt.packaged {
            // A package brings it, and brings newer ones.
            if !path.is_file() {
                let cure = Cure::Hopeless("installing the package again does");
                findings.problems.push(Problem::new(
                    Thing::Program,
                    path,
                    "leads to no program",
                    cure,
                ));
            }
            return Ok(());
        }
        let found = fetch::digest_of(&path)?;
        let mode = || platform::mode_of(&path).is_ok_and(|mode| mode == 0o755);
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
            if let Undo::SetBlock { path, .. } = &made.undo
                && !profile::holds(path)
            {
                let what = "does not put `offgrid` on the PATH any more";
                problems.push(Problem::new(Thing::Link, path, what, Cure::Leave));
            }
            let Some(path) = made.undo.link() else { continue };
            if path == program {
                continue;
            }
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
