//! This program as a part of a release (DESIGN 12): a newer one is fetched,
//! judged by its stamp before it is run, and has to show that it works here
//! before it takes the old one's place.
//!
//! Owns what a new bootstrapper must prove. Putting it in place is an ordinary
//! step; when it is due is the command's to decide.

use crate::child::{self, Ended, Said};
use crate::error::Error as Any;
use crate::fetch::{self, AsStored};
use crate::run::Context;
use crate::source::Place;
use crate::store::Store;
use crate::{disk, platform, stamp};
use offgrid_manifest::{Code, Digest, Pin, Version, layout};
use serde::{Deserialize, Serialize};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The longest that a bootstrapper may take to look at itself.
const LIMIT: Duration = Duration::from_secs(30);

/// Why a new bootstrapper does not take over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It could not be started.
    #[error("the new offgrid-setup {version} could not be started here")]
    Start {
        /// Its version.
        version: Version,
        /// Why.
        source: std::io::Error,
    },
    /// It ended well, and did not say that it is this version and works.
    #[error("the new offgrid-setup {version} did not say that it works here")]
    Silent {
        /// Its version.
        version: Version,
        /// Its last words.
        source: Option<Said>,
    },
    /// It did not pass its own test.
    #[error("the new offgrid-setup {version} {ended} when it was tried here")]
    Failed {
        /// Its version.
        version: Version,
        /// How it ended.
        ended: Ended,
        /// Its last words.
        source: Option<Said>,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        Code::Selftest
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let noexec = match self {
            Error::Start { source, .. } if source.kind() == ErrorKind::PermissionDenied => {
                "; programs may not be started in that folder, perhaps because its disk is \
                 mounted `noexec`"
            }
            _ => "",
        };
        Some(format!(
            "this program stays as it is{noexec}; to go on without the new one, add \
             --no-self-update, and tell its makers"
        ))
    }
}

/// A bootstrapper of a verified release, as plain data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewSetup {
    /// Its version.
    pub version: Version,
    /// Its file.
    pub pin: Pin,
    /// Every root that was verified after the one in the running program: its
    /// stamp has to name one of them, or that one.
    pub chain: Vec<Digest>,
    /// Whether it is to work for the whole system.
    #[serde(default)]
    pub system: bool,
}

/// Where it waits until it has proved itself. By this name every word of its
/// command line is ours or the app's, as it will be later.
pub fn staged(store: &Store) -> PathBuf {
    store.newcomer().join(platform::exe_name("offgrid"))
}

/// Fetches it beside everything else.
///
/// # Errors
/// As [`fetch::fetch`].
pub fn fetch(context: &Context<'_>, new: &NewSetup) -> Result<(), Any> {
    let (store, pin) = (context.store, new.pin);
    let staged = staged(store);
    if fetch::digest_of(&staged)? == Some(pin.sha256) {
        return Ok(());
    }
    let (partial, finished) = (store.partial(&pin.sha256), store.blob(&pin.sha256));
    let places = [Place::Depot(layout::blob(&pin.sha256))];
    let wanted = fetch::Wanted { places: &places, pin, partial: &partial, finished: &finished };
    fetch::fetch(context.sources, &wanted, &|_| (), || Ok(AsStored))?;
    // Durable: a run that goes on after a power cut takes the program from there.
    disk::make_dir(&store.newcomer(), 0o700)?;
    // Hashed again while it is copied, and durable before it counts as fetched.
    fetch::copy_program(&finished, &staged, &pin.sha256)
}

/// Judges it by its stamp, then lets it look at itself and at what is installed.
///
/// # Errors
/// `E_UNTRUSTED_BINARY` and it was not run; `E_SELFTEST`.
pub fn prove(context: &Context<'_>, new: &NewSetup) -> Result<(), Any> {
    let path = staged(context.store);
    if fetch::digest_of(&path)? != Some(new.pin.sha256) {
        return Err(fetch::Error::Changed { path }.into());
    }
    stamp::judge(&stamp::of_file(&path)?, &stamp::own()?, &new.chain)?;
    let mut command = child::command(&path, &context.store.newcomer());
    command.args(["self", "selftest", "--json", "--prefix"]).arg(context.store.prefix());
    command.arg(if new.system { "--system" } else { "--user" });
    // Nothing of the user's decides here, but a home there has to be.
    for name in ["HOME", "USERPROFILE", "LOCALAPPDATA", "APPDATA"] {
        command.env(name, context.store.prefix());
    }
    let version = || new.version.clone();
    let stop = context.sources.stop();
    let outcome = child::run(command, LIMIT, &|| stop.is_set());
    let outcome = outcome.map_err(|source| Error::Start { version: version(), source })?;
    if stop.is_set() {
        return Err(crate::run::Error::Interrupted.into());
    }
    if !outcome.ended.is_success() {
        let (ended, source) = (outcome.ended.clone(), outcome.said());
        return Err(Error::Failed { version: version(), ended, source }.into());
    }
    if !says_so(&outcome.stdout, &new.version) {
        return Err(Error::Silent { version: version(), source: outcome.said() }.into());
    }
    Ok(())
}

/// Whether the last line is the end of a good `selftest` of this version: something
/// else than this program may end well too, and another version would be due again
/// each time.
fn says_so(stdout: &str, version: &Version) -> bool {
    let last = stdout.lines().last().unwrap_or_default();
    let last: serde_json::Value = serde_json::from_str(last).unwrap_or_default();
    last["v"] == 1
        && last["event"] == "ended"
        && last["exit"] == 0
        && last["setup"] == *version.to_string()
}

/// Where the program that was replaced is kept until the next one comes. It runs
/// there as what it is: by its full name, with the words of `offgrid-setup`.
pub fn before(program: &Path) -> PathBuf {
    program.with_file_name(platform::exe_name("offgrid.before"))
}
