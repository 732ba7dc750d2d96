//! What keeps the app running: the kinds, and their words.

use serde::{Deserialize, Serialize};

/// What keeps the app running, as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceKind {
    /// The best of this host.
    #[default]
    Auto,
    /// A system unit.
    Systemd,
    /// A unit of the user's own manager.
    SystemdUser,
    /// A daemon of macOS.
    Launchd,
    /// An agent of macOS, in the user's session.
    LaunchdAgent,
    /// A service or logon task of Windows.
    Windows,
    /// An init script.
    Openrc,
    /// Our own supervisor, in the foreground.
    Supervise,
    /// Nothing is registered.
    None,
}

impl ServiceKind {
    /// All.
    pub const ALL: &'static [ServiceKind] = &[
        ServiceKind::Auto,
        ServiceKind::Systemd,
        ServiceKind::SystemdUser,
        ServiceKind::Launchd,
        ServiceKind::LaunchdAgent,
        ServiceKind::Windows,
        ServiceKind::Openrc,
        ServiceKind::Supervise,
        ServiceKind::None,
    ];

    /// The word for it.
    pub const fn name(self) -> &'static str {
        match self {
            ServiceKind::Auto => "auto",
            ServiceKind::Systemd => "systemd",
            ServiceKind::SystemdUser => "systemd-user",
            ServiceKind::Launchd => "launchd",
            ServiceKind::LaunchdAgent => "launchd-agent",
            ServiceKind::Windows => "windows",
            ServiceKind::Openrc => "openrc",
            ServiceKind::Supervise => "supervise",
            ServiceKind::None => "none",
        }
    }
}
