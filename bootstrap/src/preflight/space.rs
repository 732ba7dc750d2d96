//! Room on every file system that is written to. Pure: how much is needed where, and
//! how much is free there, is said by the caller.

use super::{Finding, Word};
use crate::report::units::bytes;
use offgrid_manifest::Code;
use std::path::PathBuf;

/// What one place needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// The place.
    pub path: PathBuf,
    /// Which file system it is on; places of the same one share its room. `None`
    /// where that is not known: then it stands for itself.
    pub file_system: Option<String>,
    /// Bytes.
    pub needed: u64,
    /// Bytes that this user may write there, where that is known.
    pub free: Option<u64>,
    /// What else than making room helps, as it follows "or".
    pub instead: &'static str,
}

/// One finding for each file system that is too full.
pub(super) fn judge(needs: &[Need]) -> Vec<Finding> {
    let mut whole: Vec<Need> = Vec::new();
    for need in needs.iter().filter(|need| need.needed > 0) {
        let same =
            |one: &&mut Need| one.file_system.is_some() && one.file_system == need.file_system;
        match whole.iter_mut().find(same) {
            Some(one) => one.needed += need.needed,
            None => whole.push(need.clone()),
        }
    }
    let full = |need: &Need| {
        let free = need.free.filter(|free| *free < need.needed)?;
        let (path, needed) = (need.path.display(), bytes(need.needed));
        let what = format!("`{path}` needs {needed} of room, and {} are free", bytes(free));
        let hint = format!("make room there, or {}", need.instead);
        Some(Finding::new(Word::Stop(Code::Nospace), what, hint))
    };
    whole.iter().filter_map(full).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn need(path: &str, disk: Option<&str>, needed: u64, free: Option<u64>) -> Need {
        Need { path: path.into(), file_system: disk.map(str::to_owned), needed, free, instead: "" }
    }

    #[test]
    fn places_of_one_file_system_share_its_room() {
        let both = [need("/p", Some("1"), 6, Some(10)), need("/m", Some("1"), 5, Some(10))];
        let found = judge(&both);
        assert!(found.len() == 1 && found[0].what.contains("`/p`"), "{found:?}");
        assert_eq!(found[0].word, Word::Stop(Code::Nospace));
        let apart = [need("/p", Some("1"), 6, Some(10)), need("/m", Some("2"), 5, Some(10))];
        assert_eq!(judge(&apart), []);
        let models = [need("/p", Some("1"), 6, Some(10)), need("/m", Some("2"), 11, Some(10))];
        assert!(judge(&models)[0].what.contains("`/m`"));
    }

    #[test]
    fn what_is_not_known_stops_nobody() {
        assert_eq!(judge(&[need("/p", None, 6, None)]), []);
        // Two that are not known to be one are not added up.
        assert_eq!(judge(&[need("/p", None, 6, Some(9)), need("/m", None, 6, Some(9))]), []);
        assert_eq!(judge(&[need("/p", None, 0, Some(0))]), []);
    }
}
