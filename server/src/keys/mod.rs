//! Secret keys: made by `init` and `rotate`, read by the commands that sign.
//! Files are those of the stock minisign. Never keeps a password, never prints a
//! key, and never opens a key of a role that a command does not sign with.

mod error;
mod make;

pub use error::Error;
pub(crate) use make::public;
pub use make::{Password, make, read};

use crate::disk::failed;
use crate::platform;
use minisign::{PublicKey as Public, SecretKey, SecretKeyBox};
use offgrid_manifest::{Id, PublicKey, Role, Root, signature};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Folders with the keys of one role, inside a folder of keys.
pub const ROLE_FOLDERS: [&str; 3] = ["root", "release", "head"];

fn file_of(dir: &Path, name: &str, extension: &str) -> PathBuf {
    dir.join(format!("{name}.{extension}"))
}

/// Who signed, and the signature file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signed {
    /// The names of the keys, in the order of their blocks.
    pub by: Vec<Id>,
    /// The blocks.
    pub file: String,
}

/// The keys of some folders, each unlocked at most once.
pub struct Keyring {
    dirs: Vec<PathBuf>,
    password: Password,
    unlocked: BTreeMap<Id, SecretKey>,
}

impl Keyring {
    /// Keys of one folder; they are read when they are first used.
    pub fn new(dir: PathBuf, password: Password) -> Keyring {
        Keyring::of(vec![dir], password)
    }

    /// Keys of several folders; the first one that has a key counts.
    pub fn of(dirs: Vec<PathBuf>, password: Password) -> Keyring {
        Keyring { dirs, password, unlocked: BTreeMap::new() }
    }

    /// The folders, for people.
    pub(crate) fn folders(&self) -> String {
        let all: Vec<String> = self.dirs.iter().map(|dir| dir.display().to_string()).collect();
        all.join("`, `")
    }

    /// Where passwords come from.
    pub(crate) fn password(&self) -> &Password {
        &self.password
    }

    /// Where a new key of this role belongs: a folder with the role's name, named
    /// itself or inside one that was; otherwise the first folder.
    pub(crate) fn home_of(&self, role: &str) -> Option<PathBuf> {
        let named = |dir: &&PathBuf| dir.file_name().is_some_and(|name| name == role);
        let inside = || self.dirs.iter().map(|dir| dir.join(role)).find(|dir| dir.is_dir());
        let own = self.dirs.iter().find(named).cloned().or_else(inside);
        own.or_else(|| self.dirs.first().cloned())
    }

    /// Whether any file of this name is in one of the folders.
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        let there = |dir: &PathBuf| {
            ["key", "pub"].iter().any(|end| file_of(dir, name, end).symlink_metadata().is_ok())
        };
        self.places().iter().any(there)
    }

    /// Every folder, then the folders of roles inside them.
    fn places(&self) -> Vec<PathBuf> {
        let inside = |dir: &PathBuf| {
            let dir = dir.clone();
            ROLE_FOLDERS.iter().map(move |role| dir.join(role)).collect::<Vec<_>>()
        };
        self.dirs.iter().flat_map(|dir| [vec![dir.clone()], inside(dir)].concat()).collect()
    }

    /// The file of a secret key, when it is here.
    fn file(&self, name: &Id) -> Option<PathBuf> {
        let files = self.places().into_iter().map(|dir| file_of(&dir, name.as_str(), "key"));
        files.into_iter().find(|path| path.exists())
    }

    /// These public keys by name.
    ///
    /// # Errors
    /// When one is not here or no key.
    pub(crate) fn publics(&self, names: &[String]) -> Result<BTreeMap<String, PublicKey>, Error> {
        let mut all = BTreeMap::new();
        for name in names {
            let files = self.places().into_iter().map(|dir| file_of(&dir, name, "pub"));
            let path = files.into_iter().find(|path| path.exists());
            let missing = || Error::NoPublic { name: name.clone(), dir: self.folders() };
            all.insert(name.clone(), public(&path.ok_or_else(missing)?)?);
        }
        Ok(all)
    }

    /// Whether enough keys of the role are here to sign. None is opened.
    pub(crate) fn can_sign(&self, role: &Role) -> bool {
        role.keys.iter().filter(|name| self.file(name).is_some()).count() >= role.threshold
    }

    /// A signature file over `bytes` by every key of the role that is here, up to 8.
    ///
    /// # Errors
    /// `E_USAGE` when fewer than the threshold are here.
    pub fn sign(
        &mut self,
        root: &Root,
        role: &Role,
        bytes: &[u8],
        comment: &str,
    ) -> Result<String, Error> {
        let named = role.keys.iter().filter_map(|name| Some((name, root.keys.get(name)?)));
        let signed = self.sign_by(named, bytes, comment)?;
        let have = signed.by.len();
        if have < role.threshold {
            return Err(self.too_few(have, role));
        }
        signature::check(bytes, signed.file.as_bytes(), &root.keys_of(role), role.threshold)?;
        Ok(signed.file)
    }

    /// The error for a role of which only `have` keys are here.
    pub(crate) fn too_few(&self, have: usize, role: &Role) -> Error {
        let names: Vec<&str> = role.keys.iter().map(Id::as_str).collect();
        let names = names.join(", ");
        Error::TooFew { have, need: role.threshold, dir: self.folders(), names }
    }

    /// Blocks by those of these keys that are here, in this order, up to 8.
    ///
    /// # Errors
    /// When a key that is here cannot be used.
    pub(crate) fn sign_by<'a>(
        &mut self,
        keys: impl Iterator<Item = (&'a Id, &'a PublicKey)>,
        bytes: &[u8],
        comment: &str,
    ) -> Result<Signed, Error> {
        let mut signed = Signed::default();
        for (name, public) in keys {
            if signed.by.len() == signature::BLOCKS_MAX || !self.unlock(name, public)? {
                continue;
            }
            let Some(key) = self.unlocked.get(name) else { continue };
            let untrusted = format!("signed by {name}");
            let block = minisign::sign(None, key, bytes, Some(comment), Some(&untrusted));
            let path = || self.file(name).unwrap_or_default();
            let block = block.map_err(|source| Error::Minisign { path: path(), source })?;
            signed.file.push_str(&block.into_string());
            signed.by.push(name.clone());
        }
        Ok(signed)
    }

    /// Unlocks a key; whether it is here at all.
    pub(crate) fn unlock(&mut self, name: &Id, public: &PublicKey) -> Result<bool, Error> {
        if self.unlocked.contains_key(name) {
            return Ok(true);
        }
        let Some(path) = self.file(name) else { return Ok(false) };
        let metadata = fs::metadata(&path).map_err(failed("look at", &path))?;
        if !platform::is_private(&metadata) {
            return Err(Error::Exposed(path));
        }
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        let key = self.open(&path, &text)?;
        let found = Public::from_secret_key(&key)
            .map_err(|source| Error::Minisign { path: path.clone(), source })?;
        if PublicKey::from_base64(&found.to_base64())? != *public {
            return Err(Error::Stranger { path, name: name.clone() });
        }
        self.unlocked.insert(name.clone(), key);
        Ok(true)
    }

    fn open(&self, path: &Path, text: &str) -> Result<SecretKey, Error> {
        let boxed = || SecretKeyBox::from_string(text);
        let refused = |source| Error::Minisign { path: path.to_owned(), source };
        // A key without a password says so by its own marker; any other error
        // comes again from the second reading.
        if let Ok(key) = boxed().and_then(SecretKeyBox::into_unencrypted_secret_key) {
            return Ok(key);
        }
        let password = self.password.read(path, false)?;
        boxed().and_then(|boxed| boxed.into_secret_key(Some(password))).map_err(refused)
    }
}
