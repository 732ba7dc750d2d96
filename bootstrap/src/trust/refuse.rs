//! What the trust client refuses, and what helps.

use offgrid_manifest::{Code, Time, Version};

/// What the client refuses beyond what a document's own bytes say.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Older than what was seen before.
    #[error("{what} {found} is older than {seen}, which was seen before")]
    Rollback {
        /// "head" or "channel stable".
        what: String,
        /// Its version.
        found: u64,
        /// The highest that was seen.
        seen: u64,
    },
    /// Expired.
    #[error("{what} expired on {expires}, and it is {now}")]
    Frozen {
        /// "head" or "channel stable".
        what: String,
        /// When.
        expires: Time,
        /// The time that was compared.
        now: Time,
    },
    /// The root has expired.
    #[error("the root of trust expired on {expires}, and it is {now}")]
    RootExpired {
        /// When.
        expires: Time,
        /// The time that was compared.
        now: Time,
    },
    /// The head names a root that nobody gives.
    #[error("the source names root {wanted} but gives none after {have}")]
    RootWithheld {
        /// Named by the head.
        wanted: u64,
        /// The newest that is trusted.
        have: u64,
    },
    /// No such channel.
    #[error("there is no channel `{name}` here; there is {known}")]
    NoChannel {
        /// As asked for.
        name: String,
        /// Those that are.
        known: String,
    },
    /// Not in the channel.
    #[error("release {version} is not in the channel `{channel}`; there is {known}")]
    NotListed {
        /// As asked for.
        version: Version,
        /// Where.
        channel: String,
        /// Those that are.
        known: String,
    },
    /// The root asks for a newer program.
    #[error("the source needs offgrid-setup {needs} or newer, and this is {own}")]
    Outdated {
        /// By the root.
        needs: Version,
        /// This program.
        own: Version,
    },
    /// The rollout was stopped, and there is no release before.
    #[error("release {version} was stopped by its makers, and there is no other one to install")]
    Halted {
        /// Which.
        version: Version,
    },
    /// Known to be unsafe.
    #[error("release {version} is unsafe; {least} is the first safe one")]
    Vulnerable {
        /// As asked for.
        version: Version,
        /// By the channel.
        least: Version,
    },
    /// A downgrade that was not asked for in so many words.
    #[error("{wanted} is older than {live}, which is installed")]
    Downgrade {
        /// As asked for.
        wanted: Version,
        /// What is live.
        live: Version,
    },
    /// Withdrawn.
    #[error("release {version} was withdrawn: {reason}")]
    Yanked {
        /// Which.
        version: Version,
        /// Why, escaped.
        reason: String,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Rollback { .. } => Code::Rollback,
            Error::Frozen { .. } => Code::Frozen,
            Error::RootExpired { .. } => Code::RootExpired,
            Error::RootWithheld { .. } => Code::RootWithheld,
            Error::NoChannel { .. } => Code::Usage,
            Error::NotListed { .. } => Code::NotListed,
            Error::Outdated { .. } => Code::Schema,
            Error::Vulnerable { .. } | Error::Downgrade { .. } => Code::NeedsConsent,
            Error::Halted { .. } | Error::Yanked { .. } => Code::Yanked,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::NoChannel { .. } => Some("name one of them with --channel NAME".into()),
            Error::NotListed { .. } => Some("name one of them with --version V".into()),
            Error::Yanked { .. } => Some("choose another release, or add --allow-yanked".into()),
            Error::Halted { version } => {
                Some(format!("wait for the next one, or insist with --version {version}"))
            }
            Error::Vulnerable { version, .. } => Some(format!(
                "choose a newer one, or, if you know the danger, add --accept-vulnerable {version}"
            )),
            Error::Downgrade { .. } => Some("if you mean it, add --allow-downgrade".into()),
            Error::Outdated { .. } => crate::error::hint_of(Code::Schema),
            Error::RootWithheld { .. } => Some("try another source with --source URL".into()),
            Error::RootExpired { .. } => Some(
                "is this computer's clock right? then fetch the newest offgrid-setup from its \
                 makers and run that"
                    .into(),
            ),
            Error::Frozen { .. } => {
                let hint = crate::error::hint_of(self.code());
                hint.map(|hint| format!("is this computer's clock right? then {hint}"))
            }
            Error::Rollback { .. } => crate::error::hint_of(self.code()),
        }
    }
}
