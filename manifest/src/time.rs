//! Points in time as documents write them: RFC 3339 in UTC, whole seconds,
//! `2026-09-01T00:00:00Z`. One spelling, so that bytes compare.

use crate::error::{Error, parse};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::{fmt, str::FromStr};

/// Seconds since 1970-01-01T00:00:00Z. Never before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(u64);

/// The last second of the year 9999: RFC 3339 has no later one.
const LAST: u64 = 253_402_300_799;

impl Time {
    /// From Unix seconds; later than the year 9999 becomes its last second.
    pub fn from_unix(seconds: u64) -> Time {
        Time(seconds.min(LAST))
    }

    /// Unix seconds.
    pub fn unix(self) -> u64 {
        self.0
    }

    /// This time plus so many seconds.
    pub fn plus(self, seconds: u64) -> Time {
        Time::from_unix(self.0.saturating_add(seconds))
    }

    /// Whole days from `earlier` to this time; 0 when it is not earlier.
    pub fn days_since(self, earlier: Time) -> u64 {
        self.0.saturating_sub(earlier.0) / 86_400
    }
}

/// A document must not end before it begins: whoever made it has mixed up two
/// dates, and which of them holds nobody can say.
pub(crate) fn lifetime(issued: Time, expires: Time) -> Result<(), Error> {
    if expires < issued {
        return Err(parse(format!("it expires on {expires}, before it was issued on {issued}")));
    }
    Ok(())
}

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
/// `month` is 1 to 12, `year` 1970 or later.
fn days_of(year: u64, month: u64, day: u64) -> u64 {
    // Years counted from March, so that the leap day is the last of its year.
    let (y, m) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1 - 719_468
}

/// The date of a number of days since 1970-01-01: year, month, day.
fn date_of(days: u64) -> (u64, u64, u64) {
    let z = days + 719_468;
    let era = z / 146_097;
    let of_era = z % 146_097;
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let m = (5 * of_year + 2) / 153;
    let day = of_year - (153 * m + 2) / 5 + 1;
    let month = if m < 10 { m + 3 } else { m - 9 };
    (year + era * 400 + u64::from(month <= 2), month, day)
}

impl FromStr for Time {
    type Err = Error;

    fn from_str(text: &str) -> Result<Time, Error> {
        let wrong = || {
            parse(format!("`{}` is not a time like 2026-09-01T00:00:00Z", text.escape_default()))
        };
        let shape = b"dddd-dd-ddTdd:dd:ddZ";
        let fits = |(&c, &s): (&u8, &u8)| if s == b'd' { c.is_ascii_digit() } else { c == s };
        if text.len() != shape.len() || !text.as_bytes().iter().zip(shape).all(fits) {
            return Err(wrong());
        }
        let number = |from: usize, to: usize| text[from..to].parse::<u64>().map_err(|_| wrong());
        let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
        let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
        let in_range = year >= 1970 && (1..=12).contains(&month) && day >= 1;
        if !in_range || hour > 23 || minute > 59 || second > 59 {
            return Err(wrong());
        }
        let days = days_of(year, month, day);
        // A day that the month does not have comes back as another date.
        if date_of(days) != (year, month, day) {
            return Err(wrong());
        }
        Ok(Time(days * 86_400 + hour * 3_600 + minute * 60 + second))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.0 / 86_400);
        let rest = self.0 % 86_400;
        let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        let text = std::borrow::Cow::<str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_read_back() {
        for (text, unix) in [
            ("1970-01-01T00:00:00Z", 0),
            ("2000-02-29T12:00:00Z", 951_825_600),
            ("2026-09-01T00:00:00Z", 1_788_220_800),
            ("9999-12-31T23:59:59Z", LAST),
        ] {
            let time: Time = text.parse().unwrap();
            assert_eq!(time.unix(), unix, "{text}");
            assert_eq!(time.to_string(), text);
        }
        for day in (0..2_932_000).step_by(17) {
            let (y, m, d) = date_of(day);
            assert_eq!(days_of(y, m, d), day);
        }
    }

    #[test]
    fn other_spellings_are_refused() {
        for bad in [
            "2026-02-29T00:00:00Z",
            "2026-13-01T00:00:00Z",
            "2026-00-01T00:00:00Z",
            "2026-01-00T00:00:00Z",
            "1969-12-31T23:59:59Z",
            "2026-01-01T24:00:00Z",
            "2026-01-01T00:00:60Z",
            "2026-01-01t00:00:00z",
            "2026-01-01T00:00:00+00:00",
            "2026-01-01T00:00:00.0Z",
            "+026-01-01T00:00:00Z",
            "２026-01-01T00:00:0Z",
            "",
        ] {
            assert!(bad.parse::<Time>().is_err(), "{bad}");
        }
    }
}
