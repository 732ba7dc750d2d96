//! What a single value means: numbers of bytes, folders, names, kinds.
//!
//! Owns what may be written and how a refusal reads. Never looks at a disk.

use super::error::Error;
use super::kind::ServiceKind;
use super::layer::Origin;
use crate::engine::Wish;
use crate::plan::KEEP_LEAST;
use crate::select::Wanted;
use crate::service::backend::Listen;
use offgrid_manifest::{Id, Time, Version};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Seconds that requests under way may take, where nobody said.
pub(crate) const DRAIN: u64 = 60;

/// What somebody said about the variant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum VariantWish {
    /// The one that fits best; takes back what was said before.
    Best,
    /// This one and no other.
    This(Id),
}

/// How a value is read: the meaning, or what it should have been.
pub(crate) type Read<T> = fn(&str) -> Result<T, String>;

/// Text, or what to say about it.
pub(crate) fn text<'a>(word: &'a OsStr, origin: &Origin) -> Result<&'a str, Error> {
    word.to_str().ok_or_else(|| bad(word, origin, "plain text (UTF-8)".to_owned()))
}

/// A refusal.
pub(crate) fn bad(word: &OsStr, origin: &Origin, wants: String) -> Error {
    let value = word.to_string_lossy().escape_debug().to_string();
    Error::BadValue { origin: origin.clone(), value, wants }
}

pub(crate) fn id(word: &str) -> Result<Id, String> {
    word.parse().map_err(|_| "a name of a-z, 0-9, `.`, `_` and `-`".to_owned())
}

pub(crate) fn variant(word: &str) -> Result<VariantWish, String> {
    match word {
        "auto" => Ok(VariantWish::Best),
        _ => id(word).map(VariantWish::This),
    }
}

pub(crate) fn gpu(word: &str) -> Result<Wanted, String> {
    let known = Wanted::ALL.into_iter().find(|wanted| wanted.name() == word);
    known.ok_or_else(|| "auto, none, nvidia, amd or intel".to_owned())
}

/// Two words mean what they say; a file of such a name is `./auto`.
pub(crate) fn engine(word: &OsStr, origin: &Origin, cwd: &Path) -> Result<Wish, Error> {
    match word.to_str() {
        Some("bundled") => Ok(Wish::Bundled),
        Some("auto") => Ok(Wish::Auto),
        _ => path(word, origin, cwd).map(Wish::Path),
    }
}

pub(crate) fn version(word: &str) -> Result<Version, String> {
    word.parse().map_err(|_| "a release number like 0.3.0".to_owned())
}

/// A release, and after a `+` one variant of it.
pub(crate) fn slot(word: &str) -> Result<(Version, Option<Id>), String> {
    let (release, variant) = word.split_once('+').map_or((word, None), |(r, v)| (r, Some(v)));
    Ok((version(release)?, variant.map(id).transpose()?))
}

pub(crate) fn keep(word: &str) -> Result<usize, String> {
    let read = word.parse().ok().filter(|keep| (KEEP_LEAST..=99).contains(keep));
    read.ok_or_else(|| {
        format!("a number from {KEEP_LEAST} to 99: the live release and the one before always stay")
    })
}

pub(crate) fn time(word: &str) -> Result<Time, String> {
    word.parse().map_err(|_| "a time like 2026-09-01T00:00:00Z".to_owned())
}

pub(crate) fn scope(word: &str) -> Result<bool, String> {
    match word {
        "system" => Ok(true),
        "user" => Ok(false),
        _ => Err("`system` or `user`".to_owned()),
    }
}

pub(crate) fn service(word: &str) -> Result<ServiceKind, String> {
    let found = ServiceKind::ALL.iter().copied().find(|kind| kind.name() == word);
    found.ok_or_else(|| {
        let names: Vec<_> = ServiceKind::ALL.iter().map(|kind| kind.name()).collect();
        format!("one of {}", names.join(", "))
    })
}

pub(crate) fn listen(word: &str) -> Result<Listen, String> {
    match word {
        "loopback" => Ok(Listen::Loopback),
        "lan" => Ok(Listen::Lan),
        _ => Err("`loopback` or `lan`".to_owned()),
    }
}

pub(crate) fn drain(word: &str) -> Result<u64, String> {
    let read = word.parse().ok().filter(|seconds| *seconds <= 3600);
    read.ok_or_else(|| "a number of seconds from 0 to 3600".to_owned())
}

/// Bytes in all. `None` is "no limit".
pub(crate) fn size(word: &str) -> Result<Option<u64>, String> {
    if word == "none" {
        return Ok(None);
    }
    bytes(word)
        .map(Some)
        .ok_or_else(|| "a number of bytes like 300M, 1.5G or 700MiB, or `none`".to_owned())
}

/// Bytes a second. `None` is "no limit".
pub(crate) fn rate(word: &str) -> Result<Option<u64>, String> {
    match size(word) {
        Ok(Some(0)) => Err("a speed: nothing would ever arrive; `none` lifts the limit".to_owned()),
        Ok(rate) => Ok(rate),
        Err(_) => Err("a number of bytes a second like 500K or 2M, or `none`".to_owned()),
    }
}

/// K, M, G and KB, MB, GB are thousands, as on a price list for traffic; KiB,
/// MiB, GiB are 1024s.
fn bytes(word: &str) -> Option<u64> {
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    let unit: u64 = match unit.trim_start().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "kib" => 1 << 10,
        "mib" => 1 << 20,
        "gib" => 1 << 30,
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, "0"));
    if part.is_empty() || part.len() > 6 {
        return None;
    }
    let scale = 10_u64.checked_pow(u32::try_from(part.len()).ok()?)?;
    let whole = whole.parse::<u64>().ok()?.checked_mul(unit)?;
    // At most 999999 * 2^30: fits.
    whole.checked_add(part.parse::<u64>().ok()?.checked_mul(unit)? / scale)
}

/// A path as typed, made absolute. In a file there is no folder it could be
/// relative to.
pub(crate) fn path(word: &OsStr, origin: &Origin, cwd: &Path) -> Result<PathBuf, Error> {
    let typed = Path::new(word);
    let refuse = |why| Err(bad_path(typed, origin, why));
    if word.is_empty() {
        return refuse("it is empty");
    }
    if typed.starts_with("~") {
        return refuse("`~` was not replaced by your home folder; write that out");
    }
    if word.to_string_lossy().chars().any(char::is_control) {
        return refuse("there is a line break or another control character in it");
    }
    if matches!(origin, Origin::Key { .. }) && !typed.is_absolute() {
        return refuse("in a file it must begin at the root, like `/opt/offgrid` or `C:\\OffGrid`");
    }
    // Through its components: drops `.` and doubled separators.
    let whole: PathBuf = cwd.join(typed).components().collect();
    if whole.is_absolute() { Ok(whole) } else { refuse("it is not clear where it begins") }
}

/// The folder to install into, which shells, units and profiles will quote.
pub(crate) fn prefix(word: &OsStr, origin: &Origin, cwd: &Path) -> Result<PathBuf, Error> {
    let whole = path(word, origin, cwd)?;
    let quoting = |c: char| matches!(c, '"' | '\'' | '$' | '`' | '\\');
    if whole.parent().is_none() {
        return Err(bad_path(&whole, origin, "it is the root of the disk; name a folder in it"));
    }
    // C:\Users\O'Brien is a name like any other, and no shell reads it.
    if std::env::consts::FAMILY == "unix" && whole.to_string_lossy().contains(quoting) {
        let why =
            "there is a quote, `$`, a backtick or a backslash in it, which shells would misread";
        return Err(bad_path(&whole, origin, why));
    }
    Ok(whole)
}

fn bad_path(path: &Path, origin: &Origin, why: &'static str) -> Error {
    let path = path.to_string_lossy().escape_debug().to_string();
    Error::BadPath { origin: origin.clone(), path, why }
}

/// A source: an address stays as it is, a folder becomes absolute.
pub(crate) fn source(word: &OsStr, origin: &Origin, cwd: &Path) -> Result<String, Error> {
    let typed = text(word, origin)?;
    if typed.contains("://") {
        return match typed.contains(|c: char| c.is_control() || c.is_whitespace()) {
            true => Err(bad(word, origin, "an address: there is a space in it".to_owned())),
            false => Ok(typed.to_owned()),
        };
    }
    let whole = path(word, origin, cwd)?;
    Ok(text(whole.as_os_str(), origin)?.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_least_two_are_kept() {
        assert_eq!((keep("2"), keep("9")), (Ok(2), Ok(9)));
        for bad in ["1", "0", "-1", "100", "two", ""] {
            assert!(keep(bad).unwrap_err().contains("always stay"), "{bad}");
        }
    }

    #[test]
    fn a_slot_is_a_release_with_or_without_a_variant() {
        let release: Version = "0.3.0".parse().unwrap();
        assert_eq!(slot("v0.3.0"), Ok((release.clone(), None)));
        assert_eq!(slot("0.3.0+cpu"), Ok((release, Some("cpu".parse().unwrap()))));
        for bad in ["", "+cpu", "0.3.0+", "0.3.0+../x", "0.3", "newest"] {
            assert!(slot(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn k_is_a_thousand_and_kib_is_1024() {
        assert_eq!(size("500"), Ok(Some(500)));
        assert_eq!(size("500K"), Ok(Some(500_000)));
        assert_eq!(size("2kb"), Ok(Some(2_000)));
        assert_eq!(size("2KiB"), Ok(Some(2_048)));
        assert_eq!(size("1.5G"), Ok(Some(1_500_000_000)));
        assert_eq!(size("3 MiB"), Ok(Some(3 << 20)));
        assert_eq!(size("none"), Ok(None));
        assert_eq!(size("0"), Ok(Some(0)));
        for bad in ["", "K", "-1", "1.", ".5M", "1e3", "fast", "1.2.3", "5T", "99999999999999G"] {
            assert!(size(bad).is_err(), "{bad}");
        }
        assert!(rate("0").unwrap_err().contains("none"));
    }
}
