//! What a depot says now: its root chain, its head and the channels that the
//! head pins, each verified. Reads only; expiry is the caller's.

use crate::depot::Depot;
use crate::disk;
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::verify::{LARGE_MAX, SMALL_MAX};
use offgrid_manifest::{Channel, Code, Digest, Head, Id, Root, Verified, layout};
use offgrid_manifest::{signature, verify};
use std::collections::{BTreeMap, BTreeSet};

/// Why a depot's state cannot be believed.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file that must be there is not.
    #[error("`{0}` is missing")]
    Missing(String),
    /// A document that does not verify.
    #[error(transparent)]
    Document(#[from] offgrid_manifest::Error),
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Missing(_) => Code::State,
            Error::Document(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Disk(error) => error.hint(),
            _ => Some("look at the whole depot with `offgrid-depot check`".into()),
        }
    }
}

/// The newest state of a depot.
#[derive(Debug, Clone)]
pub struct State {
    /// Every root from 1 on.
    pub roots: Vec<Verified<Root>>,
    /// The newest of them.
    pub root: Verified<Root>,
    /// The head; `None` before the first `publish`, and when it is not ours.
    pub head: Option<Verified<Head>>,
    /// The version of a head that is there and counts for nothing any more.
    pub void: Option<u64>,
    /// What the head pins, or would pin.
    pub pins: BTreeMap<Id, ChannelPin>,
    /// The documents of `pins`.
    pub channels: BTreeMap<Id, Verified<Channel>>,
}

impl State {
    /// Reads and verifies it. A head by keys that were replaced counts only up to
    /// the floor of the root that replaced them: what lies above was a thief's.
    ///
    /// # Errors
    /// Why it cannot be believed.
    pub fn read(depot: &Depot) -> Result<State, Error> {
        let roots = roots(depot)?;
        let root = roots.last().cloned().ok_or_else(|| Error::Missing(layout::root(1)))?;
        let Some(head) = head(depot, &roots)? else {
            let (pins, channels) = (BTreeMap::new(), BTreeMap::new());
            return Ok(State { roots, root, head: None, void: None, pins, channels });
        };
        let ours = verify::head(&root, head.bytes(), head.signature()).is_ok();
        if !ours && head.version > root.floors.head {
            return State::without(depot, &head);
        }
        let (pins, channels) = (head.channels.clone(), channels(depot, &roots, &head)?);
        Ok(State { roots, root, head: Some(head), void: None, pins, channels })
    }

    /// The same without believing this head: the channels are the newest that lie
    /// in the depot and verify, by the newest root where it has signed any.
    ///
    /// # Errors
    /// As [`State::read`].
    pub(crate) fn without(depot: &Depot, head: &Head) -> Result<State, Error> {
        let roots = roots(depot)?;
        let root = roots.last().cloned().ok_or_else(|| Error::Missing(layout::root(1)))?;
        let mut state = State {
            roots,
            root,
            head: None,
            void: Some(head.version),
            pins: BTreeMap::new(),
            channels: BTreeMap::new(),
        };
        for folder in depot.list("channel")? {
            let Ok(name) = folder.parse::<Id>() else { continue };
            let numbers = numbers(depot, &name)?;
            let newest = state.roots.len() - 1;
            let by = |from: usize| {
                let read = |n: &u64| channel(depot, &state.roots[from..], &name, *n).ok();
                numbers.iter().rev().find_map(read)
            };
            if let Some(channel) = by(newest).or_else(|| by(0)) {
                state.take(channel);
            }
        }
        Ok(state)
    }

    /// Names this channel document from now on.
    pub(crate) fn take(&mut self, channel: Verified<Channel>) {
        self.pins.insert(channel.name.clone(), pin_of(&channel));
        self.channels.insert(channel.name.clone(), channel);
    }
}

/// Every head whose signature lies here: digests by version. Only what the
/// comments say; nothing is verified.
pub(crate) fn signed_heads(depot: &Depot) -> Result<BTreeMap<u64, BTreeSet<String>>, disk::Error> {
    let mut heads: BTreeMap<u64, BTreeSet<String>> = BTreeMap::new();
    for name in depot.list("head")? {
        let Some(digest) = name.strip_suffix(".minisig") else { continue };
        let file = depot.read(&format!("head/{name}"), signature::SIZE_MAX as u64)?;
        let file = file.unwrap_or_default();
        let text = String::from_utf8_lossy(&file);
        let said =
            text.lines().find_map(|l| l.strip_prefix("trusted comment: offgrid/head head v"));
        let version = said.and_then(|said| said.split(' ').next()?.parse().ok());
        if let Some(version) = version {
            heads.entry(version).or_default().insert(digest.to_owned());
        }
    }
    Ok(heads)
}

/// What a head says of this channel.
pub(crate) fn pin_of(channel: &Verified<Channel>) -> ChannelPin {
    let size = channel.bytes().len() as u64;
    ChannelPin { version: channel.version, sha256: channel.digest(), size }
}

/// The versions of a channel's documents that lie in the depot, lowest first.
pub(crate) fn numbers(depot: &Depot, name: &Id) -> Result<Vec<u64>, disk::Error> {
    let names = depot.list(&format!("channel/{name}"))?;
    let mut numbers: Vec<u64> =
        names.iter().filter_map(|n| n.strip_suffix(".json")?.parse().ok()).collect();
    numbers.sort_unstable();
    Ok(numbers)
}

/// A channel's document of this version, by the newest root that its signature fits.
///
/// # Errors
/// Why it does not verify.
pub(crate) fn channel(
    depot: &Depot,
    roots: &[Verified<Root>],
    name: &Id,
    version: u64,
) -> Result<Verified<Channel>, Error> {
    let place = layout::channel(name, version);
    let (bytes, file) = signed(depot, &place, LARGE_MAX)?;
    let (sha256, size) = (Digest::of(&bytes), bytes.len() as u64);
    let pin = ChannelPin { version, sha256, size };
    let channel = newest(roots, |root| verify::channel(root, name, &pin, &bytes, &file));
    Ok(channel.map_err(|error| error.at(&place))?)
}

/// Bytes and signature file of a document.
pub(crate) fn signed(depot: &Depot, name: &str, max: u64) -> Result<(Vec<u8>, Vec<u8>), Error> {
    let missing = |name: &str| Error::Missing(name.to_owned());
    let bytes = depot.read(name, max)?.ok_or_else(|| missing(name))?;
    let beside = layout::signature(name);
    let file = depot.read(&beside, signature::SIZE_MAX as u64)?.ok_or_else(|| missing(&beside))?;
    Ok((bytes, file))
}

/// Every root from 1 on; at least one.
///
/// # Errors
/// `E_STATE` when root/1.json is missing, or why one does not verify.
pub fn roots(depot: &Depot) -> Result<Vec<Verified<Root>>, Error> {
    let mut chain: Vec<Verified<Root>> = Vec::new();
    for version in 1.. {
        let name = layout::root(version);
        if version > 1 && !depot.path(&name).exists() {
            break;
        }
        let (bytes, file) = signed(depot, &name, SMALL_MAX)?;
        let root = match chain.last() {
            None => verify::first_root(&bytes, &file),
            Some(trusted) => verify::next_root(trusted, &bytes, &file),
        };
        let root = root.map_err(|error| error.at(&name))?;
        if root.version != version {
            let message = format!("{name}: it is root {}", root.version);
            return Err(offgrid_manifest::Error::new(Code::Name, message).into());
        }
        chain.push(root);
    }
    Ok(chain)
}

/// The head, by the newest root that its signature fits; `None` before the
/// first `publish`. After a rotation the old head is still read, to be replaced.
///
/// # Errors
/// Why it does not verify.
pub fn head(depot: &Depot, roots: &[Verified<Root>]) -> Result<Option<Verified<Head>>, Error> {
    let Some(bytes) = depot.read(layout::HEAD, SMALL_MAX)? else { return Ok(None) };
    let name = layout::head_signature(&Digest::of(&bytes));
    let file = depot.read(&name, signature::SIZE_MAX as u64)?.ok_or(Error::Missing(name))?;
    let head = newest(roots, |root| verify::head(root, &bytes, &file));
    Ok(Some(head.map_err(|error| error.at(layout::HEAD))?))
}

/// Every channel that a head pins.
///
/// # Errors
/// Why one does not verify.
pub fn channels(
    depot: &Depot,
    roots: &[Verified<Root>],
    head: &Head,
) -> Result<BTreeMap<Id, Verified<Channel>>, Error> {
    let mut all = BTreeMap::new();
    for (name, pin) in &head.channels {
        let place = layout::channel(name, pin.version);
        let (bytes, file) = signed(depot, &place, LARGE_MAX)?;
        let channel = newest(roots, |root| verify::channel(root, name, pin, &bytes, &file));
        all.insert(name.clone(), channel.map_err(|error| error.at(&place))?);
    }
    Ok(all)
}

/// The first success from the newest root down; otherwise what the newest said.
fn newest<T>(
    roots: &[Verified<Root>],
    read: impl Fn(&Verified<Root>) -> Result<T, offgrid_manifest::Error>,
) -> Result<T, offgrid_manifest::Error> {
    let mut first = None;
    for root in roots.iter().rev() {
        match read(root) {
            Ok(document) => return Ok(document),
            Err(error) => first = first.or(Some(error)),
        }
    }
    Err(first
        .unwrap_or_else(|| offgrid_manifest::Error::new(Code::SigThreshold, "there is no root")))
}
