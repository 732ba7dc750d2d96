//! Laws that hold for every value: each is tried with many values that a small
//! generator draws, the same ones in every run.

use offgrid_manifest::parts::{File, Link, Mode};
use offgrid_manifest::{Digest, Time, TreePath, Version, name, tree};
use std::cmp::Ordering;

/// The generator of Steele, Lea and Flood (splitmix64): small, and good enough to
/// spread tests.
struct Draw(u64);

impl Draw {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ z >> 31
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[usize::try_from(self.below(of.len() as u64)).unwrap()]
    }
}

/// Semantic versions compare as semver.org 2.0.0, item 11, says; here once more
/// in the plainest way.
fn by_the_book(a: &str, b: &str) -> Ordering {
    let split = |text: &str| -> (Vec<u64>, Option<Vec<String>>) {
        let (core, pre) = text.split_once('-').map_or((text, None), |(c, p)| (c, Some(p)));
        let numbers = core.split('.').map(|n| n.parse().unwrap()).collect();
        (numbers, pre.map(|pre| pre.split('.').map(str::to_owned).collect()))
    };
    let ((a, pre_a), (b, pre_b)) = (split(a), split(b));
    let one = |x: &String, y: &String| match (x.parse::<u64>(), y.parse::<u64>()) {
        (Ok(x), Ok(y)) => x.cmp(&y),
        (Ok(_), Err(_)) => Ordering::Less,
        (Err(_), Ok(_)) => Ordering::Greater,
        (Err(_), Err(_)) => x.cmp(y),
    };
    a.cmp(&b).then_with(|| match (pre_a, pre_b) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(a), Some(b)) => {
            let parts = a.iter().zip(&b).map(|(x, y)| one(x, y));
            parts.fold(Ordering::Equal, Ordering::then).then(a.len().cmp(&b.len()))
        }
    })
}

#[test]
fn versions_are_ordered_as_semver_says_and_read_back() {
    let mut draw = Draw(1);
    let mut version = || {
        let mut text = format!("{}.{}.{}", draw.below(12), draw.below(12), draw.below(3));
        for i in 0..draw.below(4) {
            let part = draw.pick(&["alpha", "rc", "1", "2", "10", "RC", "0", "x-1"]);
            text += if i == 0 { "-" } else { "." };
            text += part;
        }
        text
    };
    for _ in 0..20_000 {
        let (a, b) = (version(), version());
        let (x, y): (Version, Version) = (a.parse().unwrap(), b.parse().unwrap());
        assert_eq!(x.cmp(&y), by_the_book(&a, &b), "{a} {b}");
        assert_eq!(x.to_string(), a);
        assert_eq!(serde_json::to_string(&x).unwrap(), format!("{a:?}"));
    }
}

#[test]
fn versions_have_bounds() {
    let long = format!("1.0.0-{}", "a".repeat(58));
    assert_eq!(long.len(), 64);
    for good in [&*long, "0.0.0", "18446744073709551615.0.0", "1.0.0-0a.-.9"] {
        let version: Version = good.parse().unwrap();
        assert_eq!(version.to_string(), good);
        // One name of a folder, whatever it is.
        assert!(good.parse::<TreePath>().is_ok(), "{good}");
    }
    assert!(format!("v{long}").parse::<Version>().is_ok(), "v is not counted");
    for bad in [
        &*format!("{long}a"),
        "18446744073709551616.0.0",
        "1.0.0-",
        "1.0.0-a..b",
        "1.0.0-01",
        "01.0.0",
        "1.0.0-a/b",
        "1.0.0 ",
        " 1.0.0",
        "1.0.0-é",
        "-1.0.0",
        "1.0.0.0",
    ] {
        assert!(bad.parse::<Version>().is_err(), "{bad}");
    }
}

const LAST: u64 = 253_402_300_799;

#[test]
fn times_read_back_and_keep_their_order() {
    let mut draw = Draw(2);
    for _ in 0..50_000 {
        let (a, b) = (draw.below(LAST + 1), draw.below(LAST + 1));
        let (x, y) = (Time::from_unix(a), Time::from_unix(b));
        assert_eq!(x.to_string().parse(), Ok(x), "{a}");
        assert_eq!((x.unix(), x.cmp(&y)), (a, a.cmp(&b)));
        // Text sorts as time does: no year has more or fewer than four digits.
        assert_eq!(x.to_string().cmp(&y.to_string()), a.cmp(&b));
        let days = a.saturating_sub(b) / 86_400;
        assert_eq!(x.days_since(y), days);
        assert_eq!(y.plus(a).unix(), (a + b).min(LAST));
    }
}

/// Every day has one date, and the day after it the next one: no day is missing
/// and none is there twice.
#[test]
fn the_calendar_has_no_gap() {
    let lengths = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut day = 0;
    for year in 1970..=9999u64 {
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        for (month, length) in lengths.iter().enumerate() {
            let length = if month == 1 && leap { 29 } else { *length };
            // First and last of each month; the days between follow from these.
            for date in [1, length] {
                let text = format!("{year:04}-{:02}-{date:02}T00:00:00Z", month + 1);
                let time: Time = text.parse().unwrap();
                assert_eq!(time.unix(), (day + date - 1) * 86_400, "{text}");
                assert_eq!(time.to_string(), text);
            }
            let over = format!("{year:04}-{:02}-{:02}T00:00:00Z", month + 1, length + 1);
            assert!(over.parse::<Time>().is_err(), "{over}");
            day += length;
        }
    }
    assert_eq!(day * 86_400, LAST + 1);
}

#[test]
fn no_sum_of_times_overflows() {
    assert_eq!(Time::from_unix(u64::MAX).unix(), LAST);
    assert_eq!(Time::from_unix(LAST).plus(u64::MAX).unix(), LAST);
    assert_eq!(Time::from_unix(LAST).plus(1).unix(), LAST);
    assert_eq!(Time::from_unix(0).days_since(Time::from_unix(u64::MAX)), 0);
    for bad in ["10000-01-01T00:00:00Z", "9999-12-31T23:59:60Z", "0000-01-01T00:00:00Z"] {
        assert!(bad.parse::<Time>().is_err(), "{bad}");
    }
}

fn path(text: &str) -> TreePath {
    text.parse().unwrap()
}

#[test]
fn the_digest_of_a_tree_depends_on_no_order_and_on_everything_else() {
    let mut draw = Draw(3);
    for round in 0..200 {
        let mut files: Vec<File> = (0..draw.below(8))
            .map(|i| File {
                path: path(&format!("{}/{i}", draw.pick(&["a", "b", "a-b"]))),
                mode: if draw.below(2) == 0 { Mode::Plain } else { Mode::Executable },
                sha256: Digest::of(&draw.next().to_le_bytes()),
                size: draw.below(1 << 40),
                encodings: Vec::new(),
                patches: Vec::new(),
            })
            .collect();
        let mut links: Vec<Link> = (0..draw.below(4))
            .map(|i| Link { path: path(&format!("l{i}")), target: format!("a/{i}") })
            .collect();
        let digest = tree::digest(&files, &links);
        for _ in 0..4 {
            for i in (1..files.len()).rev() {
                files.swap(i, usize::try_from(draw.below(i as u64 + 1)).unwrap());
            }
            links.reverse();
            assert_eq!(tree::digest(&files, &links), digest, "round {round}");
        }
        for i in 0..files.len() {
            let mut other = files.clone();
            match draw.below(4) {
                0 => other[i].path = path("elsewhere"),
                1 => other[i].size += 1,
                2 => other[i].sha256 = Digest::of(b"other"),
                _ => drop(other.remove(i)),
            }
            assert_ne!(tree::digest(&other, &links), digest, "round {round}");
        }
    }
}

/// A folder that is walked by the rules of a system: `..` goes up, `.` stays.
/// `None` when the walk is above where it began at any moment.
fn walk(from: &str, target: &str, separators: &[char]) -> Option<Vec<String>> {
    let mut at: Vec<String> = from.split('/').map(str::to_owned).collect();
    at.pop();
    if target.starts_with(separators) || target.as_bytes().get(1) == Some(&b':') {
        return None;
    }
    for part in target.split(separators) {
        match part {
            "" | "." => {}
            ".." => drop(at.pop()?),
            part => at.push(part.to_owned()),
        }
    }
    Some(at)
}

/// By the rules of each system, and whatever the names on its way are: one of them
/// may be a link itself, so nothing goes up after a name.
#[test]
fn no_link_ends_outside_its_tree() {
    let mut draw = Draw(4);
    let mut inside = 0;
    for _ in 0..200_000 {
        let words = ["..", "..", "a", "b.so", ".", "", "C:", "con", "a\\..", "x y", "..."];
        let parts: Vec<&str> = (0..=draw.below(5)).map(|_| draw.pick(&words)).collect();
        let target = parts.join("/");
        let link = path(draw.pick(&["l", "a/l", "a/b/l", "a/b/c/l"]));
        let Some(end) = name::link_end(&link, &target) else { continue };
        inside += 1;
        let posix = walk(link.as_str(), &target, &['/']).expect(&target);
        let windows = walk(link.as_str(), &target, &['/', '\\']).expect(&target);
        assert_eq!(posix, windows, "{link} -> {target}");
        let mut after = target.split('/').skip_while(|part| *part == "..");
        assert!(after.all(|part| part != ".."), "{link} -> {target}");
        assert_eq!(end.as_str(), posix.join("/"), "{link} -> {target}");
    }
    assert!(inside > 5_000, "{inside} of the links were taken");
}
