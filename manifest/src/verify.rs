//! From bytes to [`Verified`]: signatures first, then the strict parse, then
//! identity. One function for each document; all end in the one constructor.
//!
//! Never fetches, never stores, never looks at a clock: expiry and rollback
//! marks are the client's, who knows the time and its own past.

use crate::error::parse;
use crate::head::ChannelPin;
use crate::release::{Component, PRODUCT};
use crate::root::Role;
use crate::{Channel, Code, Digest, Error, Head, Id, Parts, Pin, Release, Root, Version};
use crate::{json, parts, signature};
use serde::Deserialize;
use std::ops::Deref;

/// A document whose origin and shape were checked, with the exact bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    document: T,
    bytes: Vec<u8>,
    signature: Vec<u8>,
}

impl<T> Verified<T> {
    /// The bytes that were verified; these are what is stored.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The signature file that proved them; empty for what is pinned alone.
    pub fn signature(&self) -> &[u8] {
        &self.signature
    }

    /// The digest of the bytes.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.bytes)
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.document
    }
}

/// The schema of every document of today.
const SCHEMA: u64 = 1;
/// The largest root and head, in bytes.
pub const SMALL_MAX: u64 = 64 * 1024;
/// The largest channel, release and parts document, in bytes.
pub const LARGE_MAX: u64 = 1024 * 1024;

/// What every document begins with; read before the rest, so that a document
/// of tomorrow is named as that and not as garbage.
#[derive(Deserialize)]
struct Opening {
    schema: u64,
    #[serde(rename = "type", default)]
    kind: Option<String>,
    #[serde(default)]
    must_understand: Vec<String>,
}

/// Where the bytes' authority comes from.
struct Proof<'a> {
    signature: &'a [u8],
    roles: &'a [(&'a Root, &'a Role)],
}

/// The one constructor: signatures, type and schema, strict parse.
/// `identity` gives the name and version that the trusted comment must carry.
fn seal<T: serde::de::DeserializeOwned>(
    bytes: &[u8],
    kind: &str,
    proof: &Proof<'_>,
    identity: impl Fn(&T) -> (String, String),
) -> Result<Verified<T>, Error> {
    let mut comments = Vec::new();
    for (root, role) in proof.roles {
        let keys = root.keys_of(role);
        comments.extend(signature::check(bytes, proof.signature, &keys, role.threshold)?);
    }
    let document: T = open(bytes, Some(kind))?;
    let (name, version) = identity(&document);
    let wanted = signature::comment(kind, &name, &version, &Digest::of(bytes));
    if let Some(other) = comments.iter().find(|comment| **comment != wanted) {
        let message = format!("signed as `{}`, not as `{wanted}`", other.escape_default());
        return Err(Error::new(Code::Name, message));
    }
    Ok(Verified { document, bytes: bytes.to_vec(), signature: proof.signature.to_vec() })
}

/// Checks type, schema and `must_understand`, then reads the document.
fn open<T: serde::de::DeserializeOwned>(bytes: &[u8], kind: Option<&str>) -> Result<T, Error> {
    let opening: Opening = json::read(bytes)?;
    if opening.kind.as_deref() != kind {
        let found = opening.kind.unwrap_or_default();
        let message = format!(
            "a document of type `{}`, not `{}`",
            found.escape_default(),
            kind.unwrap_or("")
        );
        return Err(Error::new(Code::Type, message));
    }
    let unknown = opening.must_understand.first();
    if opening.schema != SCHEMA || unknown.is_some() {
        let what = match unknown {
            Some(feature) => format!("the feature `{}`", feature.escape_default()),
            None => format!("schema {}", opening.schema),
        };
        let message = format!("this document needs {what}, which this program does not know");
        return Err(Error::new(Code::Schema, message));
    }
    json::read(bytes)
}

/// Bytes of at most `max`.
fn bounded(bytes: &[u8], max: u64) -> Result<(), Error> {
    if bytes.len() as u64 > max {
        return Err(Error::new(Code::Size, format!("more than {max} bytes")));
    }
    Ok(())
}

/// Bytes exactly as their parent pins them; `code` names the kind of mismatch.
fn pinned(bytes: &[u8], pin: Pin, code: Code) -> Result<(), Error> {
    if bytes.len() as u64 != pin.size || Digest::of(bytes) != pin.sha256 {
        let message = format!("not the {} bytes of {} that are pinned", pin.size, pin.sha256);
        return Err(Error::new(code, message));
    }
    Ok(())
}

fn identity_of_root(root: &Root) -> (String, String) {
    ("root".to_owned(), root.version.to_string())
}

/// The root that a program was stamped with: it must have signed itself.
///
/// # Errors
/// `E_SIG_THRESHOLD`, `E_SIG_ALG`, `E_TYPE`, `E_NAME`, `E_PARSE`, `E_SCHEMA`, `E_SIZE`.
pub fn first_root(bytes: &[u8], signature: &[u8]) -> Result<Verified<Root>, Error> {
    bounded(bytes, SMALL_MAX)?;
    // The keys that must have signed are inside: read them, believe them only
    // when they have signed. The stamp is what vouches for the result.
    let claimed: Root = open(bytes, Some("offgrid/root"))?;
    claimed.check()?;
    let roles = [(&claimed, &claimed.roles.root)];
    seal(bytes, "offgrid/root", &Proof { signature, roles: &roles }, identity_of_root)
}

/// The root that follows `trusted`: signed by the thresholds of both, and exactly
/// one version later (reference/trust.md A15).
///
/// # Errors
/// As [`first_root`].
pub fn next_root(
    trusted: &Verified<Root>,
    bytes: &[u8],
    signature: &[u8],
) -> Result<Verified<Root>, Error> {
    bounded(bytes, SMALL_MAX)?;
    let keys = trusted.keys_of(&trusted.roles.root);
    signature::check(bytes, signature, &keys, trusted.roles.root.threshold)?;
    let next = first_root(bytes, signature)?;
    if next.version != trusted.version + 1 {
        let message = format!("root {} after root {}", next.version, trusted.version);
        return Err(Error::new(Code::Name, message));
    }
    Ok(next)
}

/// A head, signed by the head key of `root`.
///
/// # Errors
/// As [`first_root`].
pub fn head(
    root: &Verified<Root>,
    bytes: &[u8],
    signature: &[u8],
) -> Result<Verified<Head>, Error> {
    bounded(bytes, SMALL_MAX)?;
    let roles = [(&**root, &root.roles.head)];
    let identity = |head: &Head| ("head".to_owned(), head.version.to_string());
    let head = seal(bytes, "offgrid/head", &Proof { signature, roles: &roles }, identity)?;
    head.check()?;
    Ok(head)
}

/// A channel as the head pins it, signed by the release keys of `root`.
///
/// # Errors
/// As [`first_root`], and `E_MIXMATCH` when it is not the pinned one.
pub fn channel(
    root: &Verified<Root>,
    name: &Id,
    pin: &ChannelPin,
    bytes: &[u8],
    signature: &[u8],
) -> Result<Verified<Channel>, Error> {
    bounded(bytes, LARGE_MAX)?;
    pinned(bytes, pin.pin(), Code::Mixmatch)?;
    let roles = [(&**root, &root.roles.release)];
    let identity = |channel: &Channel| (channel.name.to_string(), channel.version.to_string());
    let channel = seal(bytes, "offgrid/channel", &Proof { signature, roles: &roles }, identity)?;
    if channel.name != *name || channel.version != pin.version {
        let message =
            format!("channel {} {}, not {name} {}", channel.name, channel.version, pin.version);
        return Err(Error::new(Code::Name, message));
    }
    channel.check()?;
    Ok(channel)
}

/// A release as the channel pins it, signed by the release keys of `root`.
///
/// # Errors
/// As [`first_root`], and `E_HASH` when it is not the pinned one.
pub fn release(
    root: &Verified<Root>,
    version: &Version,
    pin: Pin,
    bytes: &[u8],
    signature: &[u8],
) -> Result<Verified<Release>, Error> {
    bounded(bytes, LARGE_MAX)?;
    pinned(bytes, pin, Code::Hash)?;
    let roles = [(&**root, &root.roles.release)];
    let identity = |release: &Release| (release.product.clone(), release.version.to_string());
    let release = seal(bytes, "offgrid/release", &Proof { signature, roles: &roles }, identity)?;
    if release.product != PRODUCT || release.version != *version {
        let message = format!(
            "release {} of `{}`, not {version} of `{PRODUCT}`",
            release.version,
            release.product.escape_default()
        );
        return Err(Error::new(Code::Name, message));
    }
    release.check()?;
    Ok(release)
}

/// The parts of a component of a verified release.
///
/// # Errors
/// `E_HASH` when it is not the pinned blob; `E_PARSE`, `E_PATH`, `E_ENTRY`,
/// `E_TREE` when it is not the signed tree.
pub fn parts(component: &Component, bytes: &[u8]) -> Result<Verified<Parts>, Error> {
    bounded(bytes, LARGE_MAX)?;
    pinned(bytes, component.parts, Code::Hash)?;
    let proof = Proof { signature: &[], roles: &[] };
    let parts: Parts =
        open(bytes, None).map_err(|error| parts::name_problem(bytes).unwrap_or(error))?;
    parts.check(component)?;
    Ok(Verified { document: parts, bytes: bytes.to_vec(), signature: proof.signature.to_vec() })
}

/// A signature of the release keys over an executable, by the digest that the
/// release pins (DESIGN 5).
///
/// # Errors
/// `E_SIG_THRESHOLD`, `E_SIG_ALG`, `E_NAME`.
pub fn setup(
    root: &Verified<Root>,
    target: &crate::Target,
    version: &Version,
    bytes: &[u8],
    signature: &[u8],
) -> Result<(), Error> {
    let role = &root.roles.release;
    let keys = root.keys_of(role);
    let wanted =
        signature::comment("offgrid/setup", &target.to_string(), version, &Digest::of(bytes));
    for comment in signature::check(bytes, signature, &keys, role.threshold)? {
        if comment != wanted {
            let message = format!("signed as `{}`, not as `{wanted}`", comment.escape_default());
            return Err(Error::new(Code::Name, message));
        }
    }
    Ok(())
}

/// Reads a release that is about to be signed, as strictly as a client will.
///
/// # Errors
/// `E_PARSE`, `E_TYPE`, `E_SCHEMA`.
pub fn unsigned_release(bytes: &[u8]) -> Result<Release, Error> {
    let release: Release = open(bytes, Some("offgrid/release"))?;
    release.check()?;
    if release.product != PRODUCT {
        return Err(parse(format!("the product is `{}`", release.product.escape_default())));
    }
    Ok(release)
}
