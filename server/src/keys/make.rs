//! Making keys, reading public ones, and where passwords come from.

use super::{Error, Keyring, file_of};
use crate::disk::failed;
use crate::platform;
use minisign::KeyPair;
use offgrid_manifest::PublicKey;
use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

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
    pub(super) fn read(&self, key: &Path, twice: bool) -> Result<String, Error> {
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
    if !platform::is_private(&fs::metadata(dir).map_err(failed("look at", dir))?) {
        return Err(Error::Open(dir.to_owned()));
    }
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
    Keyring::new(dir.to_owned(), Password::Ask).publics(names)
}

/// The key of a `.pub` file.
///
/// # Errors
/// When it is not there or no key.
pub(crate) fn public(path: &Path) -> Result<PublicKey, Error> {
    let text = fs::read_to_string(path).map_err(failed("read", path))?;
    let line = text.lines().nth(1).unwrap_or_default();
    Ok(PublicKey::from_base64(line).map_err(|error| error.at(&path.display().to_string()))?)
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

#[cfg(test)]
mod tests {
    use super::*;
    use offgrid_manifest::Code;

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
