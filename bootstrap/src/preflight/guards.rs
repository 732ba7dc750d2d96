//! What of a system may forbid to start what is installed: fapolicyd, SELinux and
//! AppLocker. Reads what their files say; opens nothing.

use super::{Facts, Finding, Word};
use crate::quote;
use offgrid_manifest::Code;
use serde_json::Value;
use std::path::Path;

/// Those that are there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Guards {
    /// Whether fapolicyd runs and is not told to only watch.
    pub fapolicyd: bool,
    /// Its rules, as far as this user may read them.
    pub fapolicyd_rules: String,
    /// Whether SELinux enforces.
    pub selinux: bool,
    /// What AppLocker says of programs.
    pub applocker: Option<AppLocker>,
}

/// AppLocker's rules for programs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AppLocker {
    /// Whether they are enforced; else they are only written down.
    pub enforced: bool,
    /// The paths from which everybody may start programs, with `%WINDIR%`,
    /// `%PROGRAMFILES%`, `%OSDRIVE%` and `*` as they stand in the rules.
    pub allowed: Vec<String>,
}

impl AppLocker {
    /// Of `.setup/windows.json` of a captured machine: `"applocker": {"exe": "enforce" |
    /// "audit", "allow": ["%WINDIR%\\*"]}`. `None` where it says nothing.
    pub(super) fn parse(windows_json: &str) -> Option<AppLocker> {
        let text = windows_json.strip_prefix('\u{feff}').unwrap_or(windows_json);
        let rules = serde_json::from_str::<Value>(text).ok()?["applocker"].take();
        let mode = rules["exe"].as_str()?;
        let allowed = rules["allow"].as_array().into_iter().flatten();
        let allowed = allowed.filter_map(Value::as_str).map(str::to_owned).collect();
        Some(AppLocker { enforced: mode == "enforce", allowed })
    }

    fn allows(&self, path: &Path) -> bool {
        let path = format!("{}\\", path.to_string_lossy().replace('/', "\\")).to_lowercase();
        self.allowed.iter().any(|rule| {
            let rule = rule.to_lowercase();
            let full = [
                ("%programfiles%", "c:\\program files"),
                ("%windir%", "c:\\windows"),
                ("%system32%", "c:\\windows\\system32"),
                ("%osdrive%", "c:"),
            ]
            .iter()
            .fold(rule, |rule, (name, place)| rule.replace(name, place));
            full.strip_suffix('*').is_some_and(|folder| path.starts_with(folder))
        })
    }
}

/// Whether `fapolicyd.conf` tells it to only watch.
pub(super) fn is_permissive(conf: &str) -> bool {
    let value = |line: &str| {
        let (name, value) = line.split_once('=')?;
        (name.trim() == "permissive").then(|| value.trim() == "1")
    };
    conf.lines().filter_map(value).next_back() == Some(true)
}

pub(super) fn judge(facts: &Facts) -> Vec<Finding> {
    let guards = &facts.guards;
    let prefix = facts.prefix.display().to_string();
    let mut found = Vec::new();
    if let Some(rules) = &guards.applocker
        && rules.enforced
        && !rules.allows(&facts.prefix)
    {
        let what = format!("AppLocker does not let programs be started from `{prefix}`");
        let hint = "install for everybody as an administrator, with --system, or ask for a rule \
                    that allows this folder";
        found.push(Finding::new(Word::Stop(Code::Perm), what, hint));
    }
    let ruled = guards.fapolicyd_rules.contains(&format!("dir={prefix}/"));
    if guards.fapolicyd && !ruled {
        let what = format!(
            "fapolicyd guards this computer and may not let programs be started from `{prefix}`"
        );
        let rule = quote::sh(&format!("allow perm=execute all : dir={prefix}/"));
        let hint = format!(
            "an administrator allows it with: echo {rule} > /etc/fapolicyd/rules.d/30-offgrid.rules \
             && fagenrules --load"
        );
        found.push(Finding::new(Word::Warn("W_FAPOLICYD"), what, hint));
    }
    // On images `/home` is a link to `/var/home`.
    let of_a_user = ["/home", "/root", "/tmp", "/var/tmp", "/var/home", "/var/roothome"];
    let is_of_a_user = |place: &Path| of_a_user.iter().any(|at| place.starts_with(at));
    let places = [facts.prefix.as_path(), facts.ground.as_path()];
    if guards.selinux && facts.system && places.into_iter().any(is_of_a_user) {
        let what = format!(
            "SELinux does not let services of the system start programs from `{prefix}`, a place \
             of users"
        );
        let hint = "leave out --prefix: /opt/offgrid is a place for programs of the system";
        found.push(Finding::new(Word::Warn("W_SELINUX"), what, hint));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(prefix: &str, system: bool, guards: Guards) -> Vec<&'static str> {
        let facts = Facts { prefix: prefix.into(), system, guards, ..Facts::default() };
        judge(&facts).iter().map(|finding| finding.word.name()).collect()
    }

    #[test]
    fn applocker_lets_only_start_what_a_rule_allows() {
        let usual =
            r#"{"applocker":{"exe":"enforce","allow":["%PROGRAMFILES%\\*","%WINDIR%\\*"]}}"#;
        let of = |text: &str| Guards { applocker: AppLocker::parse(text), ..Guards::default() };
        let user = "C:\\Users\\u\\AppData\\Local\\OffGrid";
        assert_eq!(words(user, false, of(usual)), ["E_PERM"]);
        assert!(words("C:\\Program Files\\OffGrid", true, of(usual)).is_empty());
        assert_eq!(words("C:\\Program FilesX\\OffGrid", true, of(usual)), ["E_PERM"]);
        assert!(words(user, false, of(&usual.replace("enforce", "audit"))).is_empty());
        let own = r#"{"applocker":{"exe":"enforce","allow":["%OSDRIVE%\\Users\\*"]}}"#;
        assert!(words(user, false, of(own)).is_empty());
        for nothing in ["{}", "{", r#"{"applocker":{"allow":["*"]}}"#] {
            assert_eq!(AppLocker::parse(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn fapolicyd_is_quiet_where_it_only_watches_or_a_rule_allows_the_folder() {
        let guards = Guards { fapolicyd: true, ..Guards::default() };
        assert_eq!(words("/opt/offgrid", true, guards.clone()), ["W_FAPOLICYD"]);
        let rules = "allow perm=execute all : dir=/opt/offgrid/\n".to_owned();
        let ruled = Guards { fapolicyd_rules: rules, ..guards };
        assert!(words("/opt/offgrid", true, ruled.clone()).is_empty());
        assert_eq!(words("/opt/offgrid2", true, ruled), ["W_FAPOLICYD"]);
        assert!(is_permissive("# permissive = 0\npermissive = 1\n"));
        assert!(!is_permissive("permissive = 0\nnice_val = 1\n"));
        assert!(!is_permissive(""));
    }

    #[test]
    fn selinux_minds_services_of_the_system_in_places_of_users() {
        let guards = Guards { selinux: true, ..Guards::default() };
        assert_eq!(words("/home/u/offgrid", true, guards.clone()), ["W_SELINUX"]);
        assert_eq!(words("/var/home/u/offgrid", true, guards.clone()), ["W_SELINUX"]);
        assert!(words("/home/u/offgrid", false, guards.clone()).is_empty());
        let prefix = "/srv/link/offgrid".into();
        let linked = Facts { prefix, ground: "/home/u".into(), system: true, ..Facts::default() };
        assert_eq!(judge(&Facts { guards: guards.clone(), ..linked }).len(), 1, "by a link");
        assert!(words("/opt/offgrid", true, guards).is_empty());
    }
}
