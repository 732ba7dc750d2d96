//! Where each thing lies in a depot (DESIGN 4), as paths relative to it with
//! `/` between parts. The same on every web server, bucket, folder and stick.

use crate::{Digest, Id, Version};

/// The one mutable file.
pub const HEAD: &str = "head.json";
/// A copy of the head's signature, for people with the stock minisign.
pub const HEAD_COPY: &str = "head.json.minisig";
/// The install script for sh.
pub const INSTALL: &str = "install";
/// The same, under the name that people look for.
pub const INSTALL_SH: &str = "install.sh";
/// The install script for PowerShell.
pub const INSTALL_PS1: &str = "install.ps1";

/// A root.
pub fn root(version: u64) -> String {
    format!("root/{version}.json")
}

/// The signature of the head with this digest.
pub fn head_signature(head: &Digest) -> String {
    format!("head/{head}.minisig")
}

/// A channel document.
pub fn channel(name: &Id, version: u64) -> String {
    format!("channel/{name}/{version}.json")
}

/// A release document.
pub fn release(version: &Version, digest: &Digest) -> String {
    format!("release/{version}/{digest}.json")
}

/// Anything named by the digest of its stored bytes.
pub fn blob(digest: &Digest) -> String {
    format!("blob/sha256/{digest}")
}

/// The signature of a document other than the head, or of a bootstrapper.
pub fn signature(document: &str) -> String {
    format!("{document}.minisig")
}
