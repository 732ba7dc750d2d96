//! `publish`: signs a release and makes it the current one of a channel.
//!
//! Order: blobs (there since `build`), release and bootstrapper signatures,
//! channel, install scripts, the head's signature, the head. Each file is
//! complete and durable before the next; whatever fails, the old head stands and
//! names a complete state. Never edits a signed document.

mod error;
mod ready;
mod rollout;
pub(crate) mod scripts;

pub use error::Error;
pub use rollout::{Span, Steps, Wrong};

use crate::depot::{self, Depot};
use crate::keys::Keyring;
use crate::{address, trust};
use offgrid_manifest::head::ChannelPin;
use offgrid_manifest::verify;
use offgrid_manifest::{Channel, Digest, Head, Id, Pin, Release, Root, Time, Verified};
use offgrid_manifest::{Version, layout, signature};
use std::collections::BTreeMap;

const CHANNEL_DAYS: u64 = 180;
const HEAD_DAYS: u64 = 14;
/// The channel that the install scripts follow where there is one.
pub(crate) const STABLE: &str = "stable";

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The channel.
    pub channel: Id,
    /// The release.
    pub release: Version,
    /// Step by step; `None`: everybody at once.
    pub rollout: Option<Steps>,
    /// Everybody at once, whatever the rollout says.
    pub critical: bool,
    /// `None`: as before.
    pub minimum_safe: Option<Version>,
    /// None: as before.
    pub mirrors: Vec<String>,
    /// `current` may become older.
    pub allow_downgrade: bool,
    /// The time.
    pub now: Time,
}

/// What came out.
#[derive(Debug)]
pub struct Published {
    /// The channel.
    pub channel: Id,
    /// Its new version.
    pub channel_version: u64,
    /// The release that it offers.
    pub release: Version,
    /// The new head's version.
    pub head_version: u64,
    /// The new head's digest.
    pub head: Digest,
    /// Remarks.
    pub notes: Vec<String>,
}

/// Signs and publishes.
///
/// # Errors
/// Then the old head stands.
pub fn run(depot: &Depot, ring: &mut Keyring, options: &Options) -> Result<Published, Error> {
    let _lock = depot.lock()?;
    let roots = trust::roots(depot)?;
    let root = roots.last().ok_or_else(|| Error::Wrong("there is no root".into()))?;
    if root.expires <= options.now {
        return Err(Error::RootExpired(root.expires));
    }
    let old_head = trust::head(depot, &roots)?;
    let channels = match &old_head {
        Some(head) => trust::channels(depot, &roots, head)?,
        None => BTreeMap::new(),
    };
    let (release, bytes) = find(depot, &options.release)?;
    let pin = Pin { sha256: Digest::of(&bytes), size: bytes.len() as u64 };
    let old = channels.get(&options.channel).map(|channel| &**channel);
    let channel = next_channel(depot, root, old, pin, options)?;
    ready::blobs(depot, &release)?;

    sign_release(depot, ring, root, &release, &bytes)?;
    let channel_pin = write_channel(depot, ring, root, &channel)?;
    let stable = channels.keys().any(|name| name.as_str() == STABLE);
    let mut notes = Vec::new();
    if options.channel.as_str() == STABLE || !stable {
        write_scripts(depot, root, &release)?;
    } else {
        notes.push(format!("the install scripts follow `{STABLE}`; they stay as they are"));
    }
    if release.setup.targets.is_empty() {
        notes.push("the release has no setup file: the install scripts can install nothing".into());
    }
    ready::channel(depot, root, &options.channel, &channel_pin)?;
    let pinned = (options.channel.clone(), channel_pin);
    let (head_version, head) =
        write_head(depot, ring, root, old_head.as_deref(), pinned, options.now)?;
    Ok(Published {
        channel: options.channel.clone(),
        channel_version: channel.version,
        release: release.version,
        head_version,
        head,
        notes,
    })
}

/// The one document of a release.
fn find(depot: &Depot, version: &Version) -> Result<(Release, Vec<u8>), Error> {
    let folder = format!("release/{version}");
    let names = depot.list(&folder)?;
    let mut documents = names.iter().filter(|name| name.ends_with(".json"));
    let name = documents.next().ok_or_else(|| Error::NotBuilt(version.clone()))?;
    if documents.next().is_some() {
        return Err(Error::Wrong(format!("there are two documents in {folder}")));
    }
    let bytes = depot.read(&format!("{folder}/{name}"), verify::LARGE_MAX)?.unwrap_or_default();
    let release = verify::unsigned_release(&bytes)?;
    if release.version != *version
        || layout::release(version, &Digest::of(&bytes)) != format!("{folder}/{name}")
    {
        return Err(Error::Wrong(format!("`{folder}/{name}` is not what its name says")));
    }
    Ok((release, bytes))
}

/// The channel document that follows `old`.
fn next_channel(
    depot: &Depot,
    root: &Root,
    old: Option<&Channel>,
    pin: Pin,
    options: &Options,
) -> Result<Channel, Error> {
    let Options { channel: name, release, now, .. } = options;
    if let Some(old) = old {
        if old.yanked.contains_key(release) {
            return Err(Error::Yanked(release.clone()));
        }
        if *release < old.current && !options.allow_downgrade {
            return Err(Error::Downgrade { from: old.current.clone(), to: release.clone() });
        }
    }
    let minimum_safe = options.minimum_safe.clone().max(old.and_then(|c| c.minimum_safe.clone()));
    if minimum_safe.as_ref().is_some_and(|least| release < least) {
        return Err(Error::Wrong(format!("release {release} is below the minimum that is safe")));
    }
    let mut releases = old.map(|old| old.releases.clone()).unwrap_or_default();
    if releases.insert(release.clone(), pin).is_some_and(|before| before != pin) {
        return Err(Error::Wrong(format!("the channel has another release {release}")));
    }
    let mut mirrors = old.map(|old| old.mirrors.clone()).unwrap_or_default();
    if !options.mirrors.is_empty() {
        mirrors = options.mirrors.iter().map(|m| address::base(m)).collect::<Result<_, _>>()?;
    }
    // A number that a failed run has used is not used again.
    let floor = root.floors.channel.get(name).copied().unwrap_or(0);
    let mut version = old.map_or(0, |old| old.version).max(floor.saturating_sub(1)) + 1;
    while depot.path(&layout::channel(name, version)).exists() {
        version += 1;
    }
    let rollout = options.rollout.as_ref();
    Ok(Channel {
        schema: 1,
        kind: "offgrid/channel".into(),
        name: name.clone(),
        version,
        issued: *now,
        expires: now.plus(CHANNEL_DAYS * 86_400),
        current: release.clone(),
        critical: options.critical,
        minimum_safe,
        rollout: rollout.map(|steps| steps.rollout(*now, name, version, release)),
        releases,
        yanked: old.map(|old| old.yanked.clone()).unwrap_or_default(),
        mirrors,
        must_understand: Vec::new(),
    })
}

/// Signs the release document and its bootstrappers, where that is still to do.
fn sign_release(
    depot: &Depot,
    ring: &mut Keyring,
    root: &Verified<Root>,
    release: &Release,
    bytes: &[u8],
) -> Result<(), Error> {
    let digest = Digest::of(bytes);
    let place = layout::release(&release.version, &digest);
    let comment =
        signature::comment("offgrid/release", &release.product, &release.version, &digest);
    sign(depot, ring, root, &place, bytes, &comment)?;
    for (target, pin) in &release.setup.targets {
        let place = layout::blob(&pin.sha256);
        let bytes = depot.read(&place, pin.size)?.ok_or(Error::Blob(pin.sha256))?;
        let (target, version) = (target.to_string(), &release.setup.version);
        let comment = signature::comment("offgrid/setup", &target, version, &pin.sha256);
        sign(depot, ring, root, &place, &bytes, &comment)?;
    }
    Ok(())
}

/// Writes a signature of the release keys beside `place`. A good one stays; one
/// that says something else of the same bytes is never replaced.
fn sign(
    depot: &Depot,
    ring: &mut Keyring,
    root: &Root,
    place: &str,
    bytes: &[u8],
    comment: &str,
) -> Result<(), Error> {
    let role = &root.roles.release;
    let beside = layout::signature(place);
    if let Some(file) = depot.read(&beside, signature::SIZE_MAX as u64)? {
        match signature::check(bytes, &file, &root.keys_of(role), role.threshold) {
            Ok(comments) if comments.iter().all(|found| found == comment) => return Ok(()),
            Ok(_) => return Err(Error::SignedOtherwise(place.to_owned())),
            // By keys of an earlier root, or damaged: signed again.
            Err(_) => {}
        }
    }
    let file = ring.sign(root, role, bytes, comment)?;
    Ok(depot.put(&beside, file.as_bytes())?)
}

fn write_channel(
    depot: &Depot,
    ring: &mut Keyring,
    root: &Root,
    channel: &Channel,
) -> Result<ChannelPin, Error> {
    let bytes = depot::document(channel);
    let Channel { name, version, .. } = channel;
    let (sha256, size) = (Digest::of(&bytes), bytes.len() as u64);
    let place = layout::channel(name, *version);
    let comment = signature::comment("offgrid/channel", name.as_str(), version, &sha256);
    let file = ring.sign(root, &root.roles.release, &bytes, &comment)?;
    depot.put(&layout::signature(&place), file.as_bytes())?;
    depot.put(&place, &bytes)?;
    Ok(ChannelPin { version: *version, sha256, size })
}

fn write_scripts(depot: &Depot, root: &Root, release: &Release) -> Result<(), Error> {
    let pins = scripts::Pins::of(depot, root, release)?;
    let scripts = pins.scripts();
    let (sh, ps1) =
        scripts.ok_or_else(|| Error::Wrong("an install script has lost its markers".into()))?;
    depot.put(layout::INSTALL, sh.as_bytes())?;
    depot.put(layout::INSTALL_SH, sh.as_bytes())?;
    Ok(depot.put(layout::INSTALL_PS1, ps1.as_bytes())?)
}

/// The last step: the signature under the head's digest, then the head.
fn write_head(
    depot: &Depot,
    ring: &mut Keyring,
    root: &Verified<Root>,
    old: Option<&Head>,
    (name, pin): (Id, ChannelPin),
    now: Time,
) -> Result<(u64, Digest), Error> {
    let mut channels = old.map(|old| old.channels.clone()).unwrap_or_default();
    channels.insert(name, pin);
    let floor = root.floors.head.saturating_sub(1);
    let head = Head {
        schema: 1,
        kind: "offgrid/head".into(),
        version: old.map_or(0, |old| old.version).max(floor) + 1,
        issued: now,
        expires: now.plus(HEAD_DAYS * 86_400),
        root_version: root.version,
        channels,
        must_understand: Vec::new(),
    };
    let bytes = depot::document(&head);
    let digest = Digest::of(&bytes);
    let comment = signature::comment("offgrid/head", "head", &head.version, &digest);
    let file = ring.sign(root, &root.roles.head, &bytes, &comment)?;
    verify::head(root, &bytes, file.as_bytes())?;
    depot.put(&layout::head_signature(&digest), file.as_bytes())?;
    depot.put(layout::HEAD, &bytes)?;
    depot.put(layout::HEAD_COPY, file.as_bytes())?;
    Ok((head.version, digest))
}
