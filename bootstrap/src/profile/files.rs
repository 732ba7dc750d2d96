//! Which profiles of which shells: from variables and what is there. Pure.
//!
//! A file that a shell would read anyway is taken when it is there; one that is
//! not there is made only for the shell that the person uses.

use super::text::Shell;
use crate::env::Env;
use std::path::{Path, PathBuf};

/// One profile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Profile {
    /// What it is written in.
    pub(crate) shell: Shell,
    /// Where.
    pub(crate) path: PathBuf,
}

/// The shell that the person uses, by `SHELL`; `None` for one that is not known.
/// Without the variable it is sh, as in containers.
pub(crate) fn login_shell(env: &Env) -> Option<Shell> {
    let Some(shell) = env.var("SHELL") else { return Some(Shell::Sh) };
    Some(match Path::new(shell).file_name()?.to_str()? {
        "bash" => Shell::Bash,
        "zsh" => Shell::Zsh,
        "fish" => Shell::Fish,
        "nu" => Shell::Nu,
        "pwsh" => Shell::Pwsh,
        "sh" | "dash" | "ash" | "ksh" | "ksh93" | "mksh" | "oksh" | "yash" | "busybox" => Shell::Sh,
        _ => return None,
    })
}

/// The profiles to edit, in the order in which they are edited. `there` says
/// whether anything is at a path.
pub(crate) fn profiles(env: &Env, there: &dyn Fn(&Path) -> bool) -> Vec<Profile> {
    let Some(home) = env.home() else { return Vec::new() };
    let config = env.dir("XDG_CONFIG_HOME").unwrap_or_else(|| home.join(".config"));
    let login = login_shell(env);
    let mut found = posix(&home, login, there);
    found.extend(zsh(env, &home, login, there).into_iter().map(|path| (Shell::Zsh, path)));
    let fish = config.join("fish");
    if there(&fish) || login == Some(Shell::Fish) {
        found.push((Shell::Fish, fish.join("conf.d/offgrid.fish")));
    }
    // The second is where it lies on macOS.
    let library = home.join("Library/Application Support");
    for folder in [config.join("nushell"), library.join("nushell")] {
        if there(&folder) {
            found.push((Shell::Nu, folder.join("config.nu")));
        }
    }
    let powershell = config.join("powershell");
    if there(&powershell) {
        found.push((Shell::Pwsh, powershell.join("profile.ps1")));
    }
    found.into_iter().map(|(shell, path)| Profile { shell, path }).collect()
}

/// Bash reads the first of its own login profiles that is there, and `.profile`
/// only when there is none.
fn posix(
    home: &Path,
    login: Option<Shell>,
    there: &dyn Fn(&Path) -> bool,
) -> Vec<(Shell, PathBuf)> {
    let own = [".bash_profile", ".bash_login"].map(|name| home.join(name));
    let own = own.into_iter().find(|path| there(path));
    let (profile, bashrc) = (home.join(".profile"), home.join(".bashrc"));
    let mut found = Vec::new();
    let missed = match login {
        Some(Shell::Sh) => true,
        Some(Shell::Bash) => own.is_none(),
        _ => false,
    };
    if there(&profile) || missed {
        found.push((Shell::Sh, profile));
    }
    if there(&bashrc) || login == Some(Shell::Bash) {
        found.push((Shell::Bash, bashrc));
    }
    found.extend(own.map(|path| (Shell::Bash, path)));
    found
}

/// `.zshenv` is read by every zsh. `ZDOTDIR` is often set by the one in the home,
/// which a new terminal then reads and a shell inside of that does not.
fn zsh(
    env: &Env,
    home: &Path,
    login: Option<Shell>,
    there: &dyn Fn(&Path) -> bool,
) -> Vec<PathBuf> {
    let folder = env.dir("ZDOTDIR").unwrap_or_else(|| home.to_owned());
    let used = [".zshenv", ".zshrc", ".zprofile"].iter().any(|name| there(&folder.join(name)));
    let mut found = Vec::new();
    if used || login == Some(Shell::Zsh) {
        found.push(folder.join(".zshenv"));
    }
    let first = home.join(".zshenv");
    if folder != home && there(&first) {
        found.push(first);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The profiles, relative to the home, when these are there.
    fn found(vars: &[(&str, &str)], there: &[&str]) -> Vec<String> {
        let home = std::env::temp_dir();
        let mut env = Env::default();
        env.vars.insert("HOME".into(), home.clone().into());
        for (name, value) in vars {
            let at = home.join(value);
            let value = if *name == "SHELL" { (*value).into() } else { at.into_os_string() };
            env.vars.insert((*name).into(), value);
        }
        let is_there = |path: &Path| there.iter().any(|name| home.join(name) == path);
        let profiles = profiles(&env, &is_there);
        let relative = |profile: &Profile| {
            profile.path.strip_prefix(&home).unwrap().to_str().unwrap().replace('\\', "/")
        };
        profiles.iter().map(relative).collect()
    }

    #[test]
    fn who_has_no_profile_gets_those_of_the_own_shell() {
        for (shell, files) in [
            ("", &[".profile"][..]),
            ("/bin/sh", &[".profile"]),
            ("/usr/bin/dash", &[".profile"]),
            ("/bin/bash", &[".profile", ".bashrc"]),
            ("/usr/bin/zsh", &[".zshenv"]),
            ("/usr/bin/fish", &[".config/fish/conf.d/offgrid.fish"]),
            ("/usr/bin/nu", &[]),
            ("/bin/tcsh", &[]),
        ] {
            assert_eq!(found(&[("SHELL", shell)], &[]), files, "{shell}");
        }
    }

    #[test]
    fn what_is_there_is_taken_whatever_the_own_shell_is() {
        let zsh = ("SHELL", "/bin/zsh");
        for (there, files) in [
            (&[".profile"][..], &[".profile", ".zshenv"][..]),
            (&[".bashrc"], &[".bashrc", ".zshenv"]),
            (&[".bash_login"], &[".bash_login", ".zshenv"]),
            (&[".bash_profile", ".bash_login"], &[".bash_profile", ".zshenv"]),
            (&[".config/fish"], &[".zshenv", ".config/fish/conf.d/offgrid.fish"]),
            (&[".config/nushell"], &[".zshenv", ".config/nushell/config.nu"]),
            (
                &["Library/Application Support/nushell"],
                &[".zshenv", "Library/Application Support/nushell/config.nu"],
            ),
            (&[".config/powershell"], &[".zshenv", ".config/powershell/profile.ps1"]),
        ] {
            assert_eq!(found(&[zsh], there), files, "{there:?}");
        }
        assert_eq!(found(&[("SHELL", "/bin/fish")], &[".zshrc"])[0], ".zshenv");
    }

    #[test]
    fn bash_that_has_a_login_profile_of_its_own_reads_no_other() {
        let bash = ("SHELL", "/bin/bash");
        assert_eq!(found(&[bash], &[".bash_profile"]), [".bashrc", ".bash_profile"]);
        let both = [".profile", ".bash_profile"];
        assert_eq!(found(&[bash], &both), [".profile", ".bashrc", ".bash_profile"]);
    }

    #[test]
    fn variables_move_the_folders() {
        let zsh = [("SHELL", "/bin/zsh"), ("ZDOTDIR", "z")];
        assert_eq!(found(&zsh, &[]), ["z/.zshenv"]);
        assert_eq!(found(&zsh, &[".zshenv"]), ["z/.zshenv", ".zshenv"]);
        assert_eq!(found(&[zsh[1]], &["z/.zshrc"]), [".profile", "z/.zshenv"]);
        assert_eq!(found(&[zsh[1]], &[".zshrc"]), [".profile"]);
        let config = [("SHELL", "/bin/fish"), ("XDG_CONFIG_HOME", "c")];
        let all = found(&config, &["c/nushell", ".config/nushell", "c/powershell"]);
        let wanted =
            ["c/fish/conf.d/offgrid.fish", "c/nushell/config.nu", "c/powershell/profile.ps1"];
        assert_eq!(all, wanted);
    }

    #[test]
    fn without_a_home_there_are_none() {
        assert_eq!(profiles(&Env::default(), &|_| true), []);
    }
}
