//! The nearest known word to a mistyped one.
//!
//! Owns the measure. Never decides what may be typed.

/// The nearest of these within two slips of the finger, if any.
pub(crate) fn nearest<'a>(
    typed: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let bare = |word: &str| word.trim_start_matches('-').replace('_', "-");
    let typed = bare(typed);
    let limit = 2.min(typed.chars().count().saturating_sub(1));
    known
        .into_iter()
        .map(|word| (distance(&typed, &bare(word)), word))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// How many letters to add, drop, change or swap with their neighbour.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    if a.len().abs_diff(b.len()) > 2 {
        return usize::MAX;
    }
    let mut before = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let changed = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = changed.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_slips_are_forgiven_and_more_are_not() {
        let known = ["--source", "--user", "--accept-stale", "install"];
        assert_eq!(nearest("--soruce", known), Some("--source"));
        assert_eq!(nearest("--sauces", known), None);
        assert_eq!(nearest("sources", known), Some("--source"));
        assert_eq!(nearest("accept_stale", known), Some("--accept-stale"));
        assert_eq!(nearest("isntal", known), Some("install"));
        assert_eq!(nearest("x", known), None);
        assert_eq!(nearest("", known), None);
    }
}
