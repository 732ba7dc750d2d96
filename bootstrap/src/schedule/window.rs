//! Times of the week in which a scheduled run may work: `Mon-Fri 02:00-05:00`, by
//! the clock on the wall. Pure.

use std::fmt;

/// Minutes of a day.
const DAY: u16 = 24 * 60;
/// What a window has at least, in minutes: the timer asks four times an hour, and a
/// shorter one could pass between two of them.
pub(super) const LEAST: u16 = 30;
const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

/// One window. It belongs to the day on which it begins, also where it ends after
/// midnight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Bit 0 is Monday.
    days: u8,
    /// The minute of the day in which it begins.
    from: u16,
    /// How long it is, in minutes; at most a day.
    long: u16,
}

/// A moment by the clock on the wall, and by the one that never jumps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment {
    /// Seconds since 1970.
    pub unix: u64,
    /// 0 is Monday.
    pub day: u8,
    /// Of the day.
    pub minute: u16,
}

impl Window {
    /// Several, with commas between them.
    ///
    /// # Errors
    /// What it should have been.
    pub fn all(text: &str) -> Result<Vec<Window>, String> {
        text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(Window::one).collect()
    }

    fn one(text: &str) -> Result<Window, String> {
        let wants = || "a time like `Mon-Fri 02:00-05:00`, `Sat 22:00-06:00` or `02:00-05:00`";
        let mut words = text.split_whitespace();
        let (days, hours) = match (words.next(), words.next(), words.next()) {
            (Some(hours), None, _) => (Some(0x7f), hours),
            (Some(days), Some(hours), None) => (days_of(days), hours),
            _ => (None, ""),
        };
        let hours = hours.split_once('-');
        let hours = hours.and_then(|(from, to)| Some((minute(from)?, minute(to)?)));
        let (Some(days), Some((from, to))) = (days, hours) else { return Err(wants().to_owned()) };
        if from == DAY {
            return Err(wants().to_owned());
        }
        let long = match to.checked_sub(from) {
            Some(0) | None => to + DAY - from,
            Some(long) => long,
        };
        match long < LEAST {
            true => Err(format!("a time of at least {LEAST} minutes")),
            false => Ok(Window { days, from, long }),
        }
    }

    /// How many minutes ago it began, while it is open.
    pub fn since(&self, now: &Moment) -> Option<u16> {
        let opens = |day: u8| self.days & (1 << (day % 7)) != 0;
        let today = now.minute.checked_sub(self.from).filter(|_| opens(now.day));
        let yesterday = (now.minute + DAY).checked_sub(self.from).filter(|_| opens(now.day + 6));
        today.into_iter().chain(yesterday).find(|since| *since < self.long)
    }

    /// How long it is, in minutes.
    pub fn long(&self) -> u16 {
        self.long
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let named = |day: &usize| self.days & (1 << day) != 0;
        let days: Vec<&str> = (0..7).filter(named).map(|day| DAYS[day]).collect();
        let end = (self.from + self.long) % DAY;
        let hours = |minute: u16| format!("{:02}:{:02}", minute / 60, minute % 60);
        write!(f, "{} {}-{}", days.join("+"), hours(self.from), hours(end))
    }
}

/// `Mon`, `Mon-Fri`, `Fri-Mon`.
fn days_of(text: &str) -> Option<u8> {
    let index = |name: &str| DAYS.iter().position(|day| name.eq_ignore_ascii_case(day));
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let (from, to) = (index(from)?, index(to)?);
    let count = (to + 7 - from) % 7;
    Some((0..=count).fold(0, |days, step| days | 1 << ((from + step) % 7)))
}

/// `02:00`; `24:00` is the end of a day.
fn minute(text: &str) -> Option<u16> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |text: &str| {
        let digits = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u16>().ok())?
    };
    let all = number(hours)? * 60 + number(minutes).filter(|minutes| *minutes < 60)?;
    (all <= DAY).then_some(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: u8, hours: u16, minutes: u16) -> Moment {
        Moment { unix: 0, day, minute: hours * 60 + minutes }
    }

    #[test]
    fn windows_are_open_when_they_say() {
        // window, day (0: Monday), hour, minute, minutes since it began
        let table = [
            ("Mon-Fri 02:00-05:00", 0, 2, 0, Some(0)),
            ("Mon-Fri 02:00-05:00", 4, 4, 59, Some(179)),
            ("Mon-Fri 02:00-05:00", 4, 5, 0, None),
            ("Mon-Fri 02:00-05:00", 0, 1, 59, None),
            ("Mon-Fri 02:00-05:00", 5, 3, 0, None),
            // Over midnight it belongs to the day before.
            ("Sat 22:00-06:00", 5, 23, 0, Some(60)),
            ("Sat 22:00-06:00", 6, 5, 59, Some(479)),
            ("Sat 22:00-06:00", 6, 6, 0, None),
            ("Sat 22:00-06:00", 6, 23, 0, None),
            ("Sat 22:00-06:00", 5, 5, 0, None),
            ("sun 23:00-01:00", 0, 0, 30, Some(90)),
            // Over the end of the week.
            ("Fri-Mon 02:00-03:00", 0, 2, 30, Some(30)),
            ("Fri-Mon 02:00-03:00", 1, 2, 30, None),
            ("02:00-03:00", 6, 2, 30, Some(30)),
            ("00:00-24:00", 3, 23, 59, Some(1439)),
            ("00:00-00:00", 3, 12, 0, Some(720)),
            ("12:00-12:00", 3, 11, 59, Some(1439)),
        ];
        for (text, day, hours, minutes, wanted) in table {
            let all = Window::all(text).unwrap();
            assert_eq!(all.len(), 1, "{text}");
            assert_eq!(all[0].since(&at(day, hours, minutes)), wanted, "{text} {day} {hours}");
        }
    }

    #[test]
    fn several_stand_between_commas_and_what_is_none_is_refused() {
        let two = Window::all("Mon-Fri 02:00-05:00, Sat 00:00-08:00").unwrap();
        assert_eq!(two.len(), 2);
        assert_eq!(two[1].to_string(), "sat 00:00-08:00");
        for bad in [
            "Mon",
            "Mon-Fri",
            "Mon,Tue 02:00-03:00",
            "Mon 2:00-3:00",
            "Mon 02:00",
            "25:00-26:00",
            "02:60-04:00",
            "24:00-01:00",
            "Mo 02:00-03:00",
            "Mon 02:00-03:00 x",
            "02:00-02:29",
            "+2:00-03:00",
            "Mon--Fri 02:00-03:00",
        ] {
            assert!(Window::all(bad).is_err(), "{bad}");
        }
    }
}
