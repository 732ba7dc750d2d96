//! `init`: a depot with its keys and its first root.

use crate::depot::{self, Depot};
use crate::disk::failed;
use crate::keys::{self, Keyring, Password};
use offgrid_manifest::root::{Floors, Roles};
use offgrid_manifest::{Code, Digest, Id, PublicKey, Role, Root, Time, Version};
use offgrid_manifest::{layout, signature, verify};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// How long a root is valid.
const ROOT_DAYS: u64 = 3 * 365;

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The new depot.
    pub dir: PathBuf,
    /// The folders of the keys; new ones are made in the first.
    pub keys: Vec<PathBuf>,
    /// The keys were made before: `root-1.pub` and so on.
    pub existing: bool,
    /// Number of keys and threshold of the root role.
    pub root: (usize, usize),
    /// Of the release role.
    pub release: (usize, usize),
    /// Of the head role; its threshold is 1.
    pub head: (usize, usize),
    /// The oldest bootstrapper that may go on.
    pub min_bootstrap: Version,
    /// Of the new keys.
    pub password: Password,
    /// The time.
    pub now: Time,
}

/// Why there is no new depot.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Thresholds that cannot be met.
    #[error(
        "{threshold} of {keys} {role} keys is no threshold; 1 to {} keys are possible",
        signature::BLOCKS_MAX
    )]
    Threshold {
        /// The role.
        role: &'static str,
        /// Asked for.
        keys: usize,
        /// Asked for.
        threshold: usize,
    },
    /// Keys inside the depot would be served.
    #[error("the keys may not lie inside the depot")]
    KeysInside,
    /// The keys.
    #[error(transparent)]
    Keys(#[from] keys::Error),
    /// The folder.
    #[error(transparent)]
    Depot(#[from] depot::Error),
    /// The new root.
    #[error(transparent)]
    Document(#[from] offgrid_manifest::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Threshold { .. } | Error::KeysInside => Code::Usage,
            Error::Keys(error) => error.code(),
            Error::Depot(error) => error.code(),
            Error::Document(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::KeysInside => Some("name another folder with --keys".into()),
            Error::Keys(error) => error.hint(),
            Error::Depot(error) => error.hint(),
            Error::Threshold { .. } | Error::Document(_) => None,
        }
    }
}

/// Makes the keys, or takes those that were made before, then the depot with
/// root/1.json.
///
/// # Errors
/// Nothing is written over: `E_USAGE` when keys or depot are there.
pub fn run(options: &Options) -> Result<Digest, Error> {
    let roles = [("root", options.root), ("release", options.release), ("head", options.head)];
    for (role, (keys, threshold)) in roles {
        if threshold == 0 || threshold > keys || keys > signature::BLOCKS_MAX {
            return Err(Error::Threshold { role, keys, threshold });
        }
    }
    if options.keys.iter().any(|keys| is_inside(keys, &options.dir)) {
        return Err(Error::KeysInside);
    }
    let depot = Depot::create(&options.dir)?;
    let _lock = depot.lock()?;
    let mut ring = Keyring::of(options.keys.clone(), options.password.clone());
    let mut made = BTreeMap::new();
    for (role, (count, _)) in roles {
        let names: Vec<String> = (1..=count).map(|n| format!("{role}-{n}")).collect();
        if options.existing {
            made.extend(ring.publics(&names)?);
            continue;
        }
        if let Some(taken) = names.iter().find(|name| ring.is_taken(name)) {
            return Err(keys::Error::Exists(taken.into()).into());
        }
        let folder = ring.home_of(role).ok_or(keys::Error::NoFolder)?;
        made.extend(keys::make(&folder, &names, &options.password)?);
    }
    write_root(&depot, &mut ring, &first_root(options, made)?, options)
}

/// Whether a folder lies inside the depot, where it would be served.
pub(crate) fn is_inside(folder: &Path, depot: &Path) -> bool {
    let absolute = |path: &Path| path.canonicalize().or_else(|_| std::path::absolute(path));
    matches!((absolute(folder), absolute(depot)), (Ok(folder), Ok(depot)) if folder.starts_with(&depot))
}

type Made = BTreeMap<String, PublicKey>;

/// Root 1 with these keys.
fn first_root(options: &Options, made: Made) -> Result<Root, Error> {
    let mut public = BTreeMap::new();
    for (name, key) in made {
        public.insert(name.parse::<Id>()?, key);
    }
    let role = |name: &str, (count, threshold)| -> Result<Role, Error> {
        let keys = (1..=count).map(|n| format!("{name}-{n}").parse()).collect::<Result<_, _>>()?;
        Ok(Role { keys, threshold })
    };
    Ok(Root {
        schema: 1,
        kind: "offgrid/root".into(),
        version: 1,
        issued: options.now,
        expires: options.now.plus(ROOT_DAYS * 86_400),
        keys: public,
        roles: Roles {
            root: role("root", options.root)?,
            release: role("release", options.release)?,
            head: role("head", options.head)?,
        },
        floors: Floors::default(),
        min_bootstrap: options.min_bootstrap.clone(),
        must_understand: Vec::new(),
    })
}

fn write_root(
    depot: &Depot,
    ring: &mut Keyring,
    root: &Root,
    options: &Options,
) -> Result<Digest, Error> {
    root.check()?;
    let bytes = crate::depot::document(root);
    let digest = Digest::of(&bytes);
    let comment = signature::comment("offgrid/root", "root", &root.version, &digest);
    let signature = ring.sign(root, &root.roles.root, &bytes, &comment)?;
    verify::first_root(&bytes, signature.as_bytes())?;

    let mut folders = String::new();
    for keys in &options.keys {
        let keys = keys.canonicalize().map_err(failed("find", keys)).map_err(keys::Error::from)?;
        folders.push_str(&format!("{}\n", keys.display()));
    }
    let place = layout::root(1);
    let write = || -> Result<(), crate::disk::Error> {
        depot.put_private("keys", folders.as_bytes())?;
        depot.put(&layout::signature(&place), signature.as_bytes())?;
        depot.put(&place, &bytes)
    };
    write().map_err(depot::Error::from)?;
    Ok(digest)
}
