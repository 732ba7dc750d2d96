//! Times, versions, digests, targets and needs: one spelling each, and an order
//! that means what it says.

use offgrid_manifest::needs::{Facts, Gpu, Needs};
use offgrid_manifest::{Digest, Target, Time, Version, needs};

const LENGTHS: [u64; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

fn is_leap(year: u64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

/// Seconds since 1970 of a time as RFC 3339 writes it in UTC, by counting days.
fn counted(text: &str) -> Option<u64> {
    let bytes = text.as_bytes();
    let shape = "0000-00-00T00:00:00Z".as_bytes();
    let digit = |(c, s): (&u8, &u8)| if *s == b'0' { c.is_ascii_digit() } else { c == s };
    if bytes.len() != shape.len() || !bytes.iter().zip(shape).all(digit) {
        return None;
    }
    let number = |at: usize, n: usize| text[at..at + n].parse::<u64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 2)?, number(8, 2)?);
    let (hour, minute, second) = (number(11, 2)?, number(14, 2)?, number(17, 2)?);
    let length = |month: u64| {
        let leap = u64::from(month == 2 && is_leap(year));
        Some(LENGTHS.get(usize::try_from(month).ok()?.checked_sub(1)?)? + leap)
    };
    if year < 1970 || day == 0 || day > length(month)? || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let years: u64 = (1970..year).map(|year| 365 + u64::from(is_leap(year))).sum();
    let months: u64 = (1..month).filter_map(length).sum();
    Some((years + months + day - 1) * 86_400 + hour * 3_600 + minute * 60 + second)
}

/// Any text as a time, and any number as one.
pub fn time(input: &[u8]) {
    if let Ok(text) = std::str::from_utf8(input) {
        let time = text.parse::<Time>();
        assert_eq!(time.as_ref().ok().map(|time| time.unix()), counted(text), "{text:?}");
        if let Ok(time) = time {
            assert_eq!(time.to_string(), text);
        }
    }
    if let Some((number, more)) = input.split_first_chunk::<8>() {
        let number = u64::from_le_bytes(*number);
        let time = Time::from_unix(number);
        assert_eq!(counted(&time.to_string()), Some(time.unix()));
        assert_eq!(time.unix(), number.min(253_402_300_799));
        let more = more.first_chunk::<8>().map_or(0, |more| u64::from_le_bytes(*more));
        let later = time.plus(more);
        assert!(later >= time && later.days_since(time) <= more / 86_400);
    }
}

/// Any text as a version, a digest, a target and as needs.
pub fn values(input: &[u8]) {
    let Ok(text) = std::str::from_utf8(input) else { return };
    let (first, second) = text.split_once('\n').unwrap_or((text, "0.0.0"));
    if let Ok(version) = first.parse::<Version>() {
        let bare = first.strip_prefix('v').unwrap_or(first);
        assert_eq!(version.to_string(), bare);
        // It becomes the name of a folder.
        assert!(bare.len() <= 64);
        assert!(bare.bytes().all(|c| c.is_ascii_alphanumeric() || c == b'.' || c == b'-'));
        assert!(bare.starts_with(|c: char| c.is_ascii_digit()) && !bare.ends_with('.'));
        let json = serde_json::to_string(&version).expect("a version as JSON");
        assert_eq!(serde_json::from_str::<Version>(&json).ok(), Some(version.clone()));
        if let Ok(other) = second.parse::<Version>() {
            assert_eq!(version.cmp(&other), other.cmp(&version).reverse());
            assert_eq!(version == other, version.to_string() == other.to_string());
        }
    }
    let is_digest = first.len() == 64
        && first.bytes().all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
    assert_eq!(
        first.parse::<Digest>().map(|digest| digest.to_string()).ok(),
        is_digest.then(|| first.to_owned())
    );
    if let Ok(target) = first.parse::<Target>() {
        assert_eq!(target.to_string().parse(), Ok(target));
        assert!(["linux", "macos", "windows"].contains(&target.os()));
        assert!(["x86_64", "aarch64"].contains(&target.arch()));
    }
    if let Ok(needs) = serde_json::from_str::<Needs>(text) {
        judged(&needs, second);
    }
}

/// Nothing is known, or everything: only what is asked for can be missing, and
/// what nobody knows is never fulfilled.
fn judged(needs: &Needs, word: &str) {
    assert_eq!(needs::unmet(needs, &Facts::default()).len(), needs.len());
    let version = Some(word.to_owned());
    let facts = Facts {
        os: version.clone(),
        glibc: version,
        musl: None,
        cpu: Some(vec![word.to_owned()]),
        memory: Some(word.len() as u64),
        disk: Some(u64::MAX),
        gpus: vec![Gpu { vendor: "nvidia".into(), name: "a card".into(), ..Gpu::default() }],
        metal: Some(true),
        libs: Some([word.to_owned()].into()),
        ..Facts::default()
    };
    let reasons = needs::unmet(needs, &facts);
    assert!(reasons.len() <= needs.len());
    let known = [
        "os", "glibc", "musl", "cpu", "memory", "disk", "nvidia", "amd", "intel", "vulkan",
        "metal", "libs",
    ];
    let unknown = needs.keys().filter(|key| !known.contains(&key.as_str())).count();
    assert!(reasons.len() >= unknown);
    assert!(reasons.iter().all(|reason| !reason.contains('\u{1b}')), "{reasons:?}");
}
