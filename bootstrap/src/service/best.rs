//! What `--service auto` means on a host. Pure, but for [`Facts::read`], which looks.

use crate::env::Env;
use crate::host::{Host, Os};
use crate::platform;
use crate::settings::ServiceKind;
use std::path::{Path, PathBuf};

/// What the choice depends on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Facts {
    /// The operating system.
    pub os: Option<Os>,
    /// Whether it is for the whole system.
    pub system: bool,
    /// Whether this is root or an administrator.
    pub root: bool,
    /// Whether systemd has started this system.
    pub systemd: bool,
    /// Whether the user's own manager can be spoken to.
    pub user_manager: bool,
    /// Whether OpenRC has started this system.
    pub openrc: bool,
}

impl Facts {
    /// Of this computer and user.
    pub fn read(host: &Host, env: &Env, system: bool) -> Facts {
        let init =
            |name: &str, sign: &str| host.init.as_deref() == Some(name) && Path::new(sign).exists();
        Facts {
            os: host.os,
            system,
            root: host.elevated.unwrap_or_else(platform::is_root),
            systemd: init("systemd", "/run/systemd/system"),
            user_manager: user_manager(env),
            openrc: init("openrc", "/run/openrc/softlevel"),
        }
    }
}

/// Whether the user's own systemd can be spoken to.
pub(crate) fn user_manager(env: &Env) -> bool {
    runtime_dir(env).is_some_and(|dir| dir.join("systemd/private").exists())
}

/// Where a user's manager listens: also for somebody who came by `su` or `ssh`
/// without a session of their own.
pub(super) fn runtime_dir(env: &Env) -> Option<PathBuf> {
    let usual = || {
        let (uid, _) = platform::user()?;
        Some(Path::new("/run/user").join(uid.to_string())).filter(|dir| dir.is_dir())
    };
    env.dir("XDG_RUNTIME_DIR").or_else(usual)
}

/// The best kind; never [`ServiceKind::Auto`].
pub fn best(facts: Facts) -> ServiceKind {
    match facts.os {
        Some(Os::Macos) if facts.system => ServiceKind::Launchd,
        Some(Os::Macos) => ServiceKind::LaunchdAgent,
        Some(Os::Windows) => ServiceKind::Windows,
        _ if !facts.system && facts.user_manager => ServiceKind::SystemdUser,
        _ if facts.system && facts.root && facts.systemd => ServiceKind::Systemd,
        _ if facts.system && facts.root && facts.openrc => ServiceKind::Openrc,
        _ => ServiceKind::None,
    }
}

/// Whether a kind can be set up on a host. The best one always can; a user's manager that
/// cannot be spoken to now may be there later, and is not promised.
pub fn fits(facts: Facts, kind: ServiceKind) -> bool {
    match kind {
        ServiceKind::Systemd => facts.system && facts.root && facts.systemd,
        ServiceKind::SystemdUser => !facts.system && facts.user_manager,
        ServiceKind::Openrc => facts.system && facts.root && facts.openrc,
        kind => kind != ServiceKind::None && kind == best(facts),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_best_kind_is_what_the_host_has_and_the_user_may_use() {
        let linux = Facts { os: Some(Os::Linux), ..Facts::default() };
        let system = Facts { system: true, root: true, ..linux };
        let macos = Facts { os: Some(Os::Macos), ..Facts::default() };
        for (facts, kind) in [
            (linux, ServiceKind::None),
            (Facts { systemd: true, root: true, ..linux }, ServiceKind::None),
            (Facts { systemd: true, user_manager: true, ..linux }, ServiceKind::SystemdUser),
            (Facts { systemd: true, user_manager: true, ..system }, ServiceKind::Systemd),
            (Facts { systemd: true, root: false, ..system }, ServiceKind::None),
            (Facts { user_manager: true, ..system }, ServiceKind::None),
            (Facts { openrc: true, ..system }, ServiceKind::Openrc),
            (Facts { openrc: true, root: true, ..linux }, ServiceKind::None),
            (system, ServiceKind::None),
            (macos, ServiceKind::LaunchdAgent),
            (Facts { system: true, ..macos }, ServiceKind::Launchd),
            (Facts { os: Some(Os::Windows), ..linux }, ServiceKind::Windows),
            (Facts { os: None, ..system }, ServiceKind::None),
        ] {
            assert_eq!(best(facts), kind, "{facts:?}");
        }
    }

    #[test]
    fn the_facts_are_read_of_the_host_and_its_files() {
        let dir = tempfile::tempdir().unwrap();
        let vars = [("XDG_RUNTIME_DIR".into(), dir.path().into())];
        let env = Env { vars: vars.into(), ..Env::default() };
        let host = Host { os: Some(Os::Linux), elevated: Some(true), ..Host::default() };
        let read = Facts::read(&host, &env, true);
        let least = Facts { os: Some(Os::Linux), system: true, root: true, ..Facts::default() };
        assert_eq!(read, least);
        std::fs::create_dir(dir.path().join("systemd")).unwrap();
        std::fs::write(dir.path().join("systemd/private"), "").unwrap();
        assert!(Facts::read(&host, &env, true).user_manager);
        // What the host says counts, and its sign.
        let host = Host { init: Some("systemd".to_owned()), ..host };
        let booted = Path::new("/run/systemd/system").exists();
        assert_eq!(Facts::read(&host, &env, true).systemd, booted);
    }
}
