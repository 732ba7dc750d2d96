//! Secret keys: made by `init`, read by the commands that sign. Files are those
//! of the stock minisign. Never keeps a password, never prints a key.

use crate::disk::{self, failed};
use crate::platform;
use minisign::{KeyPair, PublicKey as Public, SecretKey, SecretKeyBox};
use offgrid_manifest::{Code, Id, PublicKey, Role, Root, signature};
use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Why keys cannot be made or used.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// `init` never writes over a key.
    #[error("there are keys already: `{}`", .0.display())]
    Exists(PathBuf),
    /// The folder is not known.
    #[error("the folder of the keys is not known")]
    NoFolder,
    /// Not enough of a role's keys are there.
    #[error("{have} of {need} needed keys are in `{}`", dir.display())]
    TooFew {
        /// Found.
        have: usize,
        /// The role's threshold.
        need: usize,
        /// Looked in here.
        dir: PathBuf,
    },
    /// A key of the right name with other bytes than the root says.
    #[error("`{}` is not the key that the root names `{name}`", path.display())]
    Stranger {
        /// Its file.
        path: PathBuf,
        /// Its name in the root.
        name: Id,
    },
    /// Others may read a secret key.
    #[error("`{}` may be read by others than its owner", .0.display())]
    Exposed(PathBuf),
    /// A password is needed and nobody can be asked.
    #[error("`{}` needs a password, and there is no terminal to ask on", .0.display())]
    NoTerminal(PathBuf),
    /// The two passwords differ, or are empty.
    #[error("{0}")]
    Password(&'static str),
    /// minisign refuses.
    #[error("could not use the key `{}`", path.display())]
    Minisign {
        /// The key's file.
        path: PathBuf,
        /// minisign's reason.
        source: minisign::PError,
    },
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
    /// What was signed does not verify.
    #[error(transparent)]
    Document(#[from] offgrid_manifest::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Exists(_) | Error::NoFolder | Error::TooFew { .. } | Error::Stranger { .. } => {
                Code::Usage
            }
            Error::Exposed(_) => Code::Perm,
            Error::NoTerminal(_) => Code::NeedsConsent,
            Error::Password(_) | Error::Minisign { .. } => Code::Usage,
            Error::Disk(error) => error.code(),
            Error::Document(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Exists(_) => "name an empty folder with --keys".into(),
            Error::NoFolder => "name it with --keys or OFFGRID_DEPOT_KEYS".into(),
            Error::TooFew { .. } => "name the folder that has them with --keys".into(),
            Error::Exposed(path) => format!("chmod 600 {}", path.display()),
            Error::NoTerminal(_) => "name a file with --password-file".into(),
            Error::Disk(error) => return error.hint(),
            _ => return None,
        })
    }
}

/// Where passwords come from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Password {
    /// From the terminal, once for each key.
    #[default]
    Ask,
    /// The first line of this file, for all keys.
    File(PathBuf),
    /// New keys get none. For tests.
    None,
}

impl Password {
    fn read(&self, key: &Path, twice: bool) -> Result<String, Error> {
        match self {
            Password::File(path) => {
                let text = fs::read_to_string(path).map_err(failed("read", path))?;
                let line = text.lines().next().unwrap_or_default().to_owned();
                if line.is_empty() {
                    return Err(Error::Password("the password file is empty"));
                }
                Ok(line)
            }
            _ if !std::io::stdin().is_terminal() => Err(Error::NoTerminal(key.to_owned())),
            _ => {
                let ask = |prompt: &str| {
                    let prompt = format!("{prompt} for {}: ", key.display());
                    rpassword::prompt_password(prompt).map_err(failed("ask for", key))
                };
                let password = ask("password")?;
                if twice && password.is_empty() {
                    return Err(Error::Password("an empty password protects nothing"));
                }
                if twice && ask("the same password again")? != password {
                    return Err(Error::Password("the two passwords differ"));
                }
                Ok(password)
            }
        }
    }
}

fn file_of(dir: &Path, name: &str, extension: &str) -> PathBuf {
    dir.join(format!("{name}.{extension}"))
}

/// Makes `names` in `dir`, which is made when missing. Nothing is written over.
///
/// # Errors
/// `E_USAGE` when one of the files is there.
pub fn make(
    dir: &Path,
    names: &[String],
    password: &Password,
) -> Result<BTreeMap<String, PublicKey>, Error> {
    for path in names.iter().flat_map(|n| [file_of(dir, n, "key"), file_of(dir, n, "pub")]) {
        if path.symlink_metadata().is_ok() {
            return Err(Error::Exists(path));
        }
    }
    platform::make_private_folder(dir).map_err(failed("make the folder", dir))?;
    let mut all = BTreeMap::new();
    for name in names {
        all.insert(name.clone(), make_one(dir, name, password)?);
    }
    platform::sync_folder(dir).map_err(failed("flush the folder", dir))?;
    Ok(all)
}

/// The public keys of this folder by name.
///
/// # Errors
/// When one is not there or no key.
pub fn read(dir: &Path, names: &[String]) -> Result<BTreeMap<String, PublicKey>, Error> {
    let mut all = BTreeMap::new();
    for name in names {
        let path = file_of(dir, name, "pub");
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        let line = text.lines().nth(1).unwrap_or_default();
        all.insert(name.clone(), PublicKey::from_base64(line)?);
    }
    Ok(all)
}

fn make_one(dir: &Path, name: &str, password: &Password) -> Result<PublicKey, Error> {
    let secret = file_of(dir, name, "key");
    let refused = |source| Error::Minisign { path: secret.clone(), source };
    let pair = match password {
        Password::None => KeyPair::generate_unencrypted_keypair(),
        _ => KeyPair::generate_encrypted_keypair(Some(password.read(&secret, true)?)),
    };
    let pair = pair.map_err(refused)?;
    let comment = format!("offgrid {name}, secret key");
    let boxed = pair.sk.to_box(Some(&comment)).map_err(refused)?;
    let mut file = platform::create_secret(&secret).map_err(failed("make", &secret))?;
    file.write_all(&boxed.to_bytes()).map_err(failed("write", &secret))?;
    file.sync_all().map_err(failed("flush", &secret))?;

    let text = pair.pk.to_base64();
    let path = file_of(dir, name, "pub");
    let lines = format!("untrusted comment: offgrid {name}, public key\n{text}\n");
    let mut file = fs::File::create_new(&path).map_err(failed("make", &path))?;
    file.write_all(lines.as_bytes()).map_err(failed("write", &path))?;
    file.sync_all().map_err(failed("flush", &path))?;
    Ok(PublicKey::from_base64(&text)?)
}

/// The keys of one folder, each unlocked at most once.
pub struct Keyring {
    dir: PathBuf,
    password: Password,
    unlocked: BTreeMap<Id, SecretKey>,
}

impl Keyring {
    /// Keys are read when they are first used.
    pub fn new(dir: PathBuf, password: Password) -> Keyring {
        Keyring { dir, password, unlocked: BTreeMap::new() }
    }

    /// A signature file over `bytes` by every key of the role that is here.
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
        let mut blocks = String::new();
        let mut have = 0;
        for name in &role.keys {
            if have == signature::BLOCKS_MAX || !self.unlock(name, root)? {
                continue;
            }
            let Some(key) = self.unlocked.get(name) else { continue };
            let path = file_of(&self.dir, name.as_str(), "key");
            let untrusted = format!("signed by {name}");
            let block = minisign::sign(None, key, bytes, Some(comment), Some(&untrusted))
                .map_err(|source| Error::Minisign { path, source })?;
            blocks.push_str(&block.into_string());
            have += 1;
        }
        if have < role.threshold {
            return Err(Error::TooFew { have, need: role.threshold, dir: self.dir.clone() });
        }
        let keys = root.keys_of(role);
        signature::check(bytes, blocks.as_bytes(), &keys, role.threshold)?;
        Ok(blocks)
    }

    /// Unlocks a key; whether it is here at all.
    fn unlock(&mut self, name: &Id, root: &Root) -> Result<bool, Error> {
        if self.unlocked.contains_key(name) {
            return Ok(true);
        }
        let path = file_of(&self.dir, name.as_str(), "key");
        let Ok(metadata) = fs::metadata(&path) else { return Ok(false) };
        if !platform::is_private(&metadata) {
            return Err(Error::Exposed(path));
        }
        let text = fs::read_to_string(&path).map_err(failed("read", &path))?;
        let key = self.open(&path, &text)?;
        let public = Public::from_secret_key(&key)
            .map_err(|source| Error::Minisign { path: path.clone(), source })?;
        let public = PublicKey::from_base64(&public.to_base64())?;
        if root.keys.get(name) != Some(&public) {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_private_and_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let keys = dir.path().join("keys");
        let names = ["head-1".to_owned()];
        make(&keys, &names, &Password::None).unwrap();
        assert!(platform::is_private(&fs::metadata(&keys).unwrap()));
        assert!(platform::is_private(&fs::metadata(keys.join("head-1.key")).unwrap()));
        let again = make(&keys, &names, &Password::None).unwrap_err();
        assert_eq!(again.code(), Code::Usage);
    }
}
