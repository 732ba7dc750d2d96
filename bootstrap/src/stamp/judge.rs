//! Whether another bootstrapper may take over from this one, by its stamp alone
//! (DESIGN 12). Pure: what was verified comes in, yes or no goes out. That the
//! release pins the file is the caller's to have checked before.

use super::Stamped;
use crate::disk;
use offgrid_manifest::root::{Floors, Role};
use offgrid_manifest::verify::first_root;
use offgrid_manifest::{Code, Digest, Root, Stamp};

/// Why another bootstrapper may not take over.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody stamped it.
    #[error("the new bootstrapper carries no root of trust")]
    Unstamped,
    /// It trusts a root that was never verified here.
    #[error("the new bootstrapper trusts a root that is not in the chain of this one")]
    Foreign,
    /// It would take what this one refuses.
    #[error("the new bootstrapper would take {what} {theirs}; this one takes none below {ours}")]
    Floor {
        /// "head" or "channel stable".
        what: String,
        /// Its floor.
        theirs: u64,
        /// Ours.
        ours: u64,
    },
    /// It could never find a depot.
    #[error("the new bootstrapper names no source")]
    NoSource,
    /// Its section, stamp or root.
    #[error(transparent)]
    Document(#[from] offgrid_manifest::Error),
    /// Its file.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Unstamped | Error::Foreign | Error::NoSource => Code::UntrustedBinary,
            Error::Floor { .. } => Code::Rollback,
            Error::Document(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Document(error) if error.code() != Code::UntrustedBinary => {
                crate::error::hint_of(error.code())
            }
            Error::Disk(error) => error.hint(),
            _ => Some(
                "it was not run and this program stays; tell whoever publishes the depot that \
                 its setup file is stamped wrongly"
                    .into(),
            ),
        }
    }
}

/// Whether a bootstrapper with the stamp `foreign` may take over from this one.
///
/// `own` is the stamp of this program; `chain` has the digest of each root that
/// was verified after it, one after the other (DESIGN 4). Then:
///
/// - its root is ours or one of the chain, and signed as it says. An earlier one
///   than ours is in no chain of ours, and would bring back keys that were taken
///   out of use;
/// - its floors are not below ours: after an uninstall only the stamp protects
///   (reference/trust.md 2.7). The floor of a role whose keys the later root
///   replaced starts anew (A6);
/// - it names a source.
///
/// The time of its stamp does not matter: it only bounds the clock from below.
///
/// # Errors
/// `E_UNTRUSTED_BINARY`, `E_ROLLBACK`, and those of a root.
pub fn judge(foreign: &Stamp, own: &Stamped, chain: &[Digest]) -> Result<(), Error> {
    let bytes = foreign.root.bytes()?;
    let digest = Digest::of(&bytes);
    let ours = digest == own.root.digest();
    if !ours && !chain.contains(&digest) {
        return Err(Error::Foreign);
    }
    // Known bytes with a damaged signature: it would refuse itself when it runs.
    let root = first_root(&bytes, foreign.root.signature.as_bytes())?;
    if !ours && root.version <= own.root.version {
        return Err(Error::Foreign);
    }
    if foreign.sources.is_empty() {
        return Err(Error::NoSource);
    }
    floors(foreign, &root, own)
}

fn floors(foreign: &Stamp, root: &Root, own: &Stamped) -> Result<(), Error> {
    let (a, b): (&Root, &Root) = (&own.root, root);
    let of =
        |floors: [&Floors; 2], read: &dyn Fn(&Floors) -> u64| read(floors[0]).max(read(floors[1]));
    let check = |what: String, read: &dyn Fn(&Floors) -> u64| {
        let ours = of([&own.stamp.floors, &own.root.floors], read);
        let theirs = of([&foreign.floors, &root.floors], read);
        if theirs < ours { Err(Error::Floor { what, theirs, ours }) } else { Ok(()) }
    };
    if same_keys((a, &a.roles.head), (b, &b.roles.head)) {
        check("head".into(), &|floors| floors.head)?;
    }
    if same_keys((a, &a.roles.release), (b, &b.roles.release)) {
        for name in own.stamp.floors.channel.keys().chain(own.root.floors.channel.keys()) {
            let read = |floors: &Floors| floors.channel.get(name).copied().unwrap_or(0);
            check(format!("channel {name}"), &read)?;
        }
    }
    Ok(())
}

fn same_keys(a: (&Root, &Role), b: (&Root, &Role)) -> bool {
    let raw = |(root, role): (&Root, &Role)| {
        let mut keys: Vec<[u8; 32]> = root.keys_of(role).iter().map(|key| *key.raw()).collect();
        keys.sort_unstable();
        keys
    };
    raw(a) == raw(b)
}
