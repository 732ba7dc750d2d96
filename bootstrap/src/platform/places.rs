//! Where things lie by default (DESIGN 7). Pure, and compiled everywhere: the
//! places of every system are tested on each.

use crate::env::Env;
use std::path::{Path, PathBuf};

/// Where an installation of one scope lies when nobody says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Places {
    pub(crate) prefix: PathBuf,
    /// Where the link goes that puts the program on PATH; `None` where the
    /// prefix's `bin` goes on PATH itself.
    pub(crate) link_dir: Option<PathBuf>,
    pub(crate) config_dir: PathBuf,
    /// Never inside the prefix.
    pub(crate) models: PathBuf,
    /// Where the supervisor of the whole system's service writes: it is another user.
    pub(crate) runtime: Option<PathBuf>,
}

/// Of this system; `None` when the environment does not say where the user's
/// home is.
pub(crate) fn places(env: &Env, system: bool) -> Option<Places> {
    match std::env::consts::OS {
        "macos" => macos(env, system),
        "windows" => windows(env, system),
        _ => linux(env, system),
    }
}

fn linux(env: &Env, system: bool) -> Option<Places> {
    if system {
        return Some(Places {
            prefix: "/opt/offgrid".into(),
            link_dir: Some("/usr/local/bin".into()),
            config_dir: "/etc/offgrid".into(),
            models: "/var/lib/offgrid/models".into(),
            runtime: Some("/run/offgrid-llm".into()),
        });
    }
    let home = env.home()?;
    let config = env.dir("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    Some(Places {
        prefix: home.join(".local/share/offgrid"),
        link_dir: Some(home.join(".local/bin")),
        config_dir: config.join("offgrid"),
        models: user_models(&home),
        runtime: None,
    })
}

fn macos(env: &Env, system: bool) -> Option<Places> {
    if system {
        let prefix = PathBuf::from("/Library/Application Support/OffGrid");
        return Some(Places {
            link_dir: Some("/usr/local/bin".into()),
            config_dir: prefix.join("config"),
            models: prefix.join("models"),
            runtime: Some("/var/run/offgrid-llm".into()),
            prefix,
        });
    }
    let home = env.home()?;
    let prefix = home.join("Library/Application Support/OffGrid");
    Some(Places {
        link_dir: Some(home.join(".local/bin")),
        config_dir: prefix.join("config"),
        models: user_models(&home),
        runtime: None,
        prefix,
    })
}

fn windows(env: &Env, system: bool) -> Option<Places> {
    if system {
        let data = folder(env, "ProgramData")?.join("OffGrid");
        return Some(Places {
            prefix: folder(env, "ProgramFiles")?.join("OffGrid"),
            link_dir: None,
            models: data.join("models"),
            runtime: None,
            config_dir: data,
        });
    }
    // HOME is what some shells set and the app does not look at.
    let home = folder(env, "USERPROFILE")?;
    let data = |name: &str, usual: &str| {
        folder(env, name).unwrap_or_else(|| home.join("AppData").join(usual)).join("OffGrid")
    };
    Some(Places {
        prefix: data("LOCALAPPDATA", "Local"),
        link_dir: None,
        config_dir: data("APPDATA", "Roaming"),
        models: user_models(&home),
        runtime: None,
    })
}

/// The app's own default, the same on every system.
fn user_models(home: &Path) -> PathBuf {
    home.join(".offgrid-llm").join("models")
}

/// As [`Env::dir`]; Windows does not tell upper from lower case in a name, and
/// some shells pass the names on in upper case.
fn folder(env: &Env, name: &str) -> Option<PathBuf> {
    let (_, value) = env.vars.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?;
    Some(PathBuf::from(value)).filter(|path| path.is_absolute())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Absolute on the system that runs the test.
    fn base() -> PathBuf {
        std::env::temp_dir()
    }

    fn env(vars: &[(&str, &str)]) -> Env {
        let vars = vars.iter().map(|(name, at)| ((*name).into(), base().join(at).into()));
        Env { vars: vars.collect(), ..Env::default() }
    }

    #[test]
    fn the_system_scope_needs_no_home() {
        let none = Env::default();
        let linux = linux(&none, true).unwrap();
        assert_eq!(linux.prefix, Path::new("/opt/offgrid"));
        assert_eq!(linux.link_dir.unwrap(), Path::new("/usr/local/bin"));
        assert_eq!(linux.config_dir, Path::new("/etc/offgrid"));
        assert_eq!(linux.models, Path::new("/var/lib/offgrid/models"));
        let macos = macos(&none, true).unwrap();
        assert_eq!(macos.prefix, Path::new("/Library/Application Support/OffGrid"));
        assert_eq!(macos.config_dir, macos.prefix.join("config"));
        assert_eq!(macos.models, macos.prefix.join("models"));
        assert_eq!(windows(&none, true), None);
        assert_eq!(super::linux(&none, false), None);
        assert_eq!(super::macos(&none, false), None);
    }

    #[test]
    fn a_user_on_linux_may_move_the_settings() {
        let home = base().join("u");
        let usual = linux(&env(&[("HOME", "u")]), false).unwrap();
        assert_eq!(usual.prefix, home.join(".local/share/offgrid"));
        assert_eq!(usual.link_dir.unwrap(), home.join(".local/bin"));
        assert_eq!(usual.config_dir, home.join(".config/offgrid"));
        assert_eq!(usual.models, home.join(".offgrid-llm/models"));
        let moved = env(&[("HOME", "u"), ("XDG_CONFIG_HOME", "c"), ("XDG_DATA_HOME", "d")]);
        let moved = linux(&moved, false).unwrap();
        assert_eq!(moved.config_dir, base().join("c/offgrid"));
        assert_eq!(moved.prefix, home.join(".local/share/offgrid"));
    }

    #[test]
    fn a_user_on_macos_has_it_in_the_library() {
        let places = macos(&env(&[("HOME", "u")]), false).unwrap();
        let home = base().join("u");
        assert_eq!(places.prefix, home.join("Library/Application Support/OffGrid"));
        assert_eq!(places.config_dir, places.prefix.join("config"));
        assert_eq!(places.link_dir.unwrap(), home.join(".local/bin"));
        assert_eq!(places.models, home.join(".offgrid-llm/models"));
    }

    #[test]
    fn windows_names_its_folders_in_any_case_and_links_nothing() {
        let vars = [("USERPROFILE", "u"), ("LocalAppData", "l"), ("APPDATA", "r")];
        let user = windows(&env(&vars), false).unwrap();
        assert_eq!(user.prefix, base().join("l/OffGrid"));
        assert_eq!(user.config_dir, base().join("r/OffGrid"));
        assert_eq!(user.models, base().join("u/.offgrid-llm/models"));
        assert_eq!(user.link_dir, None);
        let bare = windows(&env(&[("USERPROFILE", "u"), ("HOME", "h")]), false).unwrap();
        assert_eq!(bare.prefix, base().join("u/AppData/Local/OffGrid"));
        assert_eq!(bare.config_dir, base().join("u/AppData/Roaming/OffGrid"));
        let vars = [("PROGRAMFILES", "p"), ("ProgramData", "d")];
        let system = windows(&env(&vars), true).unwrap();
        assert_eq!(system.prefix, base().join("p/OffGrid"));
        assert_eq!(system.config_dir, base().join("d/OffGrid"));
        assert_eq!(system.models, base().join("d/OffGrid/models"));
    }

    #[test]
    fn one_of_them_is_picked_here() {
        let vars =
            [("HOME", "u"), ("USERPROFILE", "u"), ("ProgramData", "d"), ("ProgramFiles", "p")];
        let env = env(&vars);
        assert!(places(&env, false).unwrap().prefix.starts_with(base()));
        assert!(places(&env, true).is_some());
    }
}
