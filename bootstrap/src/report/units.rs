//! Numbers for people: bytes and times. Owns the units; prints nothing.

use std::time::Duration;

/// `0 B`, `1.5 kB`, `12.3 MB`, `1.20 GB`: decimal units, as disks and networks
/// are sold.
pub fn bytes(count: u64) -> String {
    if count < 1000 {
        return format!("{count} B");
    }
    // What would round up to 1000 belongs to the next unit.
    let (unit, size, decimals): (_, u64, u32) = match count {
        0..999_950 => ("kB", 1_000, 1),
        999_950..999_950_000 => ("MB", 1_000_000, 1),
        999_950_000..999_995_000_000 => ("GB", 1_000_000_000, 2),
        _ => ("TB", 1_000_000_000_000, 2),
    };
    let scale = 10_u64.pow(decimals);
    // In wide integers: the count may be anything that a document says.
    let (count, size, scale) = (u128::from(count), u128::from(size), u128::from(scale));
    let scaled = (count * scale + size / 2) / size;
    let width = decimals as usize;
    format!("{}.{:0width$} {unit}", scaled / scale, scaled % scale)
}

/// `0.4 s`, `12 s`, `3 min 05 s`, `2 h 07 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0..10 => format!("{seconds}.{} s", time.subsec_millis() / 100),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_decimal_units() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.0 kB"),
            (1_549, "1.5 kB"),
            (999_949, "999.9 kB"),
            (999_950, "1.0 MB"),
            (12_345_678, "12.3 MB"),
            (999_949_999, "999.9 MB"),
            (999_950_000, "1.00 GB"),
            (1_200_000_000, "1.20 GB"),
            (999_995_000_000, "1.00 TB"),
            (u64::MAX, "18446744.07 TB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn times_have_at_most_two_units() {
        for (millis, text) in [
            (0, "0.0 s"),
            (449, "0.4 s"),
            (12_900, "12 s"),
            (185_000, "3 min 05 s"),
            (7_620_000, "2 h 07 min"),
        ] {
            assert_eq!(duration(Duration::from_millis(millis)), text);
        }
    }
}
