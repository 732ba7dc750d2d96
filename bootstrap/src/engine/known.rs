//! The engine of a slot: the one that its release brought, or another one that was tried
//! out for it. `engine.json` in the slot says which; the receipt has the same.
//!
//! Owns knowing it again. Never runs it.

use super::error::again;
use super::{Error, Refusal, libraries};
use crate::disk;
use crate::platform;
use offgrid_manifest::Digest;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The document of a slot with another engine.
pub const FILE: &str = "engine.json";
const SIZE_MAX: u64 = 1024 * 1024;

/// Another engine, as it was tried out for a slot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Existing {
    /// As it was named or found.
    pub path: PathBuf,
    /// Where links lead: what is run.
    pub real: PathBuf,
    /// Which llama.cpp it is.
    pub version: String,
    /// Over it and its libraries.
    pub sha256: Digest,
    /// Over their sizes and times.
    pub seen: Digest,
    /// Folders of libraries beside its own.
    pub folders: Vec<PathBuf>,
    /// The kind of GPU that it sees, where one is to be used: `CUDA`.
    pub device: Option<String>,
    /// Whether only what is root's own is safe.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub system: bool,
}

impl Existing {
    /// The text of [`FILE`]: always the same for the same engine.
    pub fn text(&self) -> String {
        // Only paths could fail, and one that is no text was refused.
        serde_json::to_string(self).unwrap_or_default() + "\n"
    }

    /// Whether another look at the machine found the same.
    pub fn is(&self, other: &Existing) -> bool {
        let seen = self.seen;
        *self == Existing { seen, ..other.clone() }
    }

    /// Whether it is still the one that was tried out, and nobody else could make it
    /// another one. `deep` reads every byte; else only where sizes or times differ.
    ///
    /// # Errors
    /// What speaks against it.
    pub fn check(&self, deep: bool) -> Result<(), Refusal> {
        if !self.real.is_file() {
            return Err(Refusal::Gone);
        }
        let files = libraries::files(&self.real, &self.folders)?;
        if !deep && libraries::outlook(&files)? == self.seen {
            return Ok(());
        }
        let mode = platform::mode_of(&self.real);
        if mode.map_err(|error| libraries::unseen(&self.real, &error))? & 0o6000 != 0 {
            return Err(Refusal::Setuid);
        }
        libraries::are_safe(&files, self.system)?;
        if libraries::digest(&files)? == self.sha256 { Ok(()) } else { Err(Refusal::Changed) }
    }
}

/// The engine that a slot's app gets now.
#[derive(Debug, Clone)]
pub struct InUse {
    /// The program.
    pub path: PathBuf,
    /// The other one, when it is that.
    pub existing: Option<Existing>,
    /// Why the release's own is used in the place of the other one, and what to type.
    pub note: Option<String>,
}

/// What a slot says of its engine; `None`: it has its release's own.
///
/// # Errors
/// `E_STATE`.
pub fn of_slot(folder: &Path) -> Result<Option<Existing>, crate::Error> {
    let path = folder.join(FILE);
    let Some(bytes) = disk::read(&path, SIZE_MAX)? else { return Ok(None) };
    let read = serde_json::from_slice(&bytes);
    Ok(Some(read.map_err(|source| Error::Record { path, source })?))
}

/// Which engine the app of a slot gets, looked at again. Another one that has changed
/// is not used any more: the release's own is, where the slot has it.
///
/// # Errors
/// `E_UNTRUSTED_BINARY` when there is none that could be used.
pub fn in_use(folder: &Path, deep: bool) -> Result<InUse, crate::Error> {
    let bundled = folder.join("llama").join(platform::exe_name("llama-server"));
    let Some(existing) = of_slot(folder)? else {
        return Ok(InUse { path: bundled, existing: None, note: None });
    };
    match existing.check(deep) {
        Ok(()) => Ok(InUse { path: existing.real.clone(), existing: Some(existing), note: None }),
        Err(why) if bundled.is_file() => {
            let path = &existing.path;
            let note = format!(
                "the engine `{}` is not used: {why}; the release's own is. {}",
                path.display(),
                again(path)
            );
            Ok(InUse { path: bundled, existing: None, note: Some(note) })
        }
        Err(why) => Err(Error::Lost { path: existing.path, why }.into()),
    }
}

/// What is wrong with the other engine of a slot, in words for a list.
pub fn is_changed(existing: &Existing, deep: bool) -> Option<String> {
    existing.check(deep).err().map(|why| why.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn engine(dir: &Path) -> Existing {
        let real = dir.join("llama-server");
        fs::write(&real, "an engine").unwrap();
        fs::write(dir.join("libggml.so"), "a library").unwrap();
        let files = libraries::files(&real, &[]).unwrap();
        Existing {
            path: real.clone(),
            version: "b10991".into(),
            sha256: libraries::digest(&files).unwrap(),
            seen: libraries::outlook(&files).unwrap(),
            folders: Vec::new(),
            device: None,
            system: false,
            real,
        }
    }

    #[test]
    fn a_slot_without_the_document_has_its_own_engine() {
        let slot = tempfile::tempdir().unwrap();
        let found = in_use(slot.path(), true).unwrap();
        assert!(found.path.starts_with(slot.path().join("llama")));
        assert!(found.existing.is_none() && found.note.is_none());
    }

    #[test]
    fn an_engine_that_changed_is_left_for_the_release_s_own_or_named() {
        let (slot, dir) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let existing = engine(dir.path());
        fs::write(slot.path().join(FILE), existing.text()).unwrap();
        let used = in_use(slot.path(), true).unwrap();
        assert_eq!((used.path, used.existing), (existing.real.clone(), Some(existing.clone())));
        // The library, not the program.
        fs::write(dir.path().join("libggml.so"), "b library").unwrap();
        for deep in [true, false] {
            let error = in_use(slot.path(), deep).unwrap_err();
            assert_eq!(error.code(), offgrid_manifest::Code::UntrustedBinary);
            assert!(error.hint().unwrap().contains("--llama-server bundled"));
        }
        let own = slot.path().join("llama").join(platform::exe_name("llama-server"));
        fs::create_dir(slot.path().join("llama")).unwrap();
        fs::write(&own, "").unwrap();
        let used = in_use(slot.path(), true).unwrap();
        assert_eq!((used.path, used.existing), (own, None));
        assert!(used.note.unwrap().contains("has changed"));
    }

    #[test]
    fn another_time_alone_is_another_look_and_no_change() {
        let dir = tempfile::tempdir().unwrap();
        let existing = engine(dir.path());
        // The same bytes, written again: another time, at least in nanoseconds.
        fs::write(&existing.real, "an engine").unwrap();
        existing.check(false).unwrap();
        let later = engine(dir.path());
        assert!(existing.is(&later));
        assert!(!existing.is(&Existing { version: "b1".into(), ..later }));
    }

    #[test]
    fn what_is_gone_is_said_so() {
        let dir = tempfile::tempdir().unwrap();
        let existing = engine(dir.path());
        fs::remove_file(&existing.real).unwrap();
        assert_eq!(existing.check(false), Err(Refusal::Gone));
    }
}
