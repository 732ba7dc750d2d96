//! A program that a package manager put here (deb, rpm, brew, msi): it updates the
//! bundle alone, and names the command that updates itself (DESIGN 12).
//!
//! A package says so with a file of one word, at `lib/offgrid/packaged-by` beside the
//! `bin` that it puts the program into: `/usr/lib/offgrid/packaged-by` for
//! `/usr/bin/offgrid`. A program in a folder that only packages fill belongs to one
//! even without that word. Nothing is run to find out.

use super::session::Session;
use crate::env::Env;
use crate::{disk, dispatch, schema};
use offgrid_manifest::Release;
use std::path::Path;

/// Who owns this program.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Package {
    /// `deb`, `rpm`, `brew`, `msi`, or what else the package says.
    kind: String,
}

/// Folders that only packages fill, and what fills them.
const FOLDERS: [(&str, &str); 5] = [
    ("/usr/bin", ""),
    ("/usr/sbin", ""),
    ("/usr/lib", ""),
    ("/nix/store", "nix"),
    ("/snap", "snap"),
];

impl Package {
    fn of(exe: &Path) -> Option<Package> {
        // A prefix is ours, wherever it is; but a package may fill its `bin`.
        let marked = exe.parent().and_then(Path::parent).and_then(|top| {
            let said = disk::read(&top.join("lib/offgrid/packaged-by"), 256).ok()??;
            let said = String::from_utf8_lossy(&said);
            let word: String = said.trim().chars().filter(char::is_ascii_alphanumeric).collect();
            Some(word)
        });
        let kind = marked.or_else(|| {
            if dispatch::prefix_of(exe).is_some() {
                return None;
            }
            if exe.components().any(|part| part.as_os_str() == "Cellar") {
                return Some("brew".to_owned());
            }
            let found = FOLDERS.iter().find(|(folder, _)| exe.starts_with(folder));
            found.map(|(_, kind)| (*kind).to_owned())
        })?;
        Some(Package { kind })
    }

    /// What updates this program.
    fn command(&self) -> &'static str {
        match self.kind.as_str() {
            "deb" => "type `sudo apt update && sudo apt install --only-upgrade offgrid`",
            "rpm" => "type `sudo dnf upgrade offgrid`",
            "brew" => "type `brew upgrade offgrid`",
            "msi" => "type `winget upgrade offgrid`, or run the newer .msi",
            _ => "update the package `offgrid` with the tool that installed it",
        }
    }
}

/// Who owns the running program; `None` when it looks after itself.
pub(super) fn by(session: &Session<'_>) -> Option<Package> {
    Package::of(&session.env.exe)
}

/// The same before there is a session.
pub(super) fn is_packaged(env: &Env) -> bool {
    Package::of(&env.exe).is_some()
}

/// Names the command that updates this program.
pub(super) fn tell(session: &Session<'_>, package: &Package) {
    let what = "this program belongs to a package, which updates it";
    session.warn("W_PACKAGED", what, Some(package.command()));
}

/// Says that a release brings a newer program than this one, which somebody else has
/// to bring here.
pub(super) fn note(session: &Session<'_>, release: &Release) {
    if release.setup.version <= schema::own() {
        return;
    }
    if let Some(package) = by(session) {
        let what = format!("offgrid-setup {} is out", release.setup.version);
        session.warn("W_PACKAGED", &what, Some(package.command()));
    } else if !session.settings.self_update {
        let what = format!("offgrid-setup {} came with this release", release.setup.version);
        session.note(&what, Some("without --no-self-update it is put in place of this one"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn kind(exe: &Path) -> Option<String> {
        Package::of(exe).map(|package| package.kind)
    }

    #[test]
    fn a_word_beside_bin_says_who_owns_a_program() {
        let dir = tempfile::tempdir().unwrap();
        let exe = dir.path().join("usr/bin/offgrid");
        assert_eq!(kind(&exe), None);
        fs::create_dir_all(dir.path().join("usr/lib/offgrid")).unwrap();
        for (text, word) in [("deb\n", "deb"), (" rpm", "rpm"), ("", ""), ("a\u{1b}[1mb", "a1mb")] {
            fs::write(dir.path().join("usr/lib/offgrid/packaged-by"), text).unwrap();
            assert_eq!(kind(&exe).as_deref(), Some(word));
        }
        let of = |kind: &str| Package { kind: kind.to_owned() }.command();
        assert!(of("deb").contains("apt") && of("rpm").contains("dnf"));
        assert!(of("brew").contains("brew upgrade") && of("msi").contains("winget"));
        assert_eq!(of("apk"), of(""));
    }

    #[test]
    fn folders_that_only_packages_fill_need_no_word() {
        for (exe, word) in [
            ("/usr/bin/offgrid", Some("")),
            ("/opt/homebrew/Cellar/offgrid/0.3.0/bin/offgrid", Some("brew")),
            ("/nix/store/abc-offgrid/bin/offgrid", Some("nix")),
            ("/usr/local/bin/offgrid", None),
            ("/home/u/Downloads/offgrid-setup", None),
            ("/opt/offgrid/bin/offgrid", None),
        ] {
            assert_eq!(kind(Path::new(exe)).as_deref(), word, "{exe}");
        }
    }
}
