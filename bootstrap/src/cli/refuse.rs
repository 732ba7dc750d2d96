//! What a command refuses before it begins.

use crate::report::units::bytes;
use offgrid_manifest::{Code, Version};
use std::path::PathBuf;

/// A request that cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nothing was typed, and nobody can be asked.
    #[error("no command was given\n\n{help}")]
    NoCommand {
        /// The help text.
        help: String,
    },
    /// A question that nobody can answer.
    #[error("{question} Nobody can be asked here, so nothing was done")]
    NeedsConsent {
        /// The question.
        question: String,
    },
    /// The answer was no.
    #[error("nothing was done, as you asked")]
    Declined,
    /// More bytes than were allowed.
    #[error("this takes a download of {}; at most {} was allowed", bytes(*needed), bytes(*allowed))]
    TooMuch {
        /// Bytes.
        needed: u64,
        /// Bytes.
        allowed: u64,
    },
    /// A scheduled run found an update and may not install it.
    #[error("{line}")]
    HeldBack {
        /// Which.
        version: Version,
        /// What came of it.
        line: String,
        /// In one word, where something holds it back.
        why: Option<&'static str>,
    },
    /// Nothing is installed.
    #[error("nothing is installed in `{}`", prefix.display())]
    NotInstalled {
        /// Where.
        prefix: PathBuf,
    },
    /// There is no slot before the live one.
    #[error("there is no earlier release to go back to")]
    NothingBefore,
    /// A release that is not on this disk, or live already.
    #[error("{version} is not a release to go back to; there is {known}")]
    NotKept {
        /// As asked for.
        version: Version,
        /// Those that are.
        known: String,
    },
    /// Two variants of the release that was asked for are kept.
    #[error("there is more than one of {version}: {known}")]
    Ambiguous {
        /// As asked for.
        version: Version,
        /// Those that are.
        known: String,
    },
    /// Installed files are not as they should be; each was told on a line of its own.
    #[error("not as it was installed: {}", things(*count))]
    Damaged {
        /// How many.
        count: usize,
        /// How many of them `repair` can mend.
        mendable: usize,
    },
    /// Nothing tells any more what should be there.
    #[error("it is not known any more what should be in `{}`", path.display())]
    Lost {
        /// The slot or document.
        path: PathBuf,
    },
    /// An option that `trust` cannot do without.
    #[error("`trust {word}` needs {flag}")]
    Needs {
        /// `init`, `refresh` or `download`.
        word: &'static str,
        /// As it is typed.
        flag: &'static str,
    },
    /// Trust state that begins with another root.
    #[error("the state in `{}` begins with another root than `{}`", state.display(), root.display())]
    OtherRoot {
        /// The folder.
        state: PathBuf,
        /// As given.
        root: PathBuf,
    },
    /// The system's settings, which others may write.
    #[error("the system's settings cannot be heeded: `{}` {why}", path.display())]
    LoosePolicy {
        /// The file or its folder.
        path: PathBuf,
        /// Who.
        why: String,
    },
    /// A name that a person typed, of no file that is there.
    #[error("there is no file `{}`", path.display())]
    NoFile {
        /// As given.
        path: PathBuf,
    },
    /// A service of somebody else has the name of ours.
    #[error("`{}` is there already, and is not ours", path.display())]
    UnitTaken {
        /// Its file.
        path: PathBuf,
    },
    /// The same of a folder.
    #[error("there is no folder `{}`", path.display())]
    NoFolder {
        /// As given.
        path: PathBuf,
    },
    /// No such model in the catalogue.
    #[error("there is no model `{name}`; there is {known}")]
    NoModel {
        /// As asked for.
        name: String,
        /// Those that are.
        known: String,
    },
    /// A way to run the app that this version does not know.
    #[error("`--service {kind}` cannot be set up by this version on this system")]
    NoService {
        /// As asked for.
        kind: String,
    },
    /// The service is another one.
    #[error("the service is registered with {is}, not with {asked}")]
    OtherService {
        /// What it is.
        is: &'static str,
        /// What was asked for.
        asked: &'static str,
    },
    /// Nothing is there that a release which keeps failing could give way to.
    #[error("{version} keeps failing, and there is nothing to go back to: {why}")]
    NoWayBack {
        /// The live release.
        version: Version,
        /// Why not.
        why: String,
    },
    /// Nobody starts it.
    #[error("no service is registered")]
    NothingStarts,
    /// Only root may.
    #[error("a system-wide installation needs root")]
    NotRoot,
    /// A home that cannot be written down.
    #[error("`{path}` cannot be used: {why}")]
    OddPlace {
        /// As far as it can be shown.
        path: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// No home folder.
    #[error("there is no home folder to install into: HOME is not set")]
    NoHome,
    /// Words that a command does not know.
    #[error("`{words}` is not something that this command does")]
    Words {
        /// As typed.
        words: String,
        /// What it does.
        known: &'static str,
    },
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NoCommand { .. }
            | Error::Needs { .. }
            | Error::OtherRoot { .. }
            | Error::NoFile { .. }
            | Error::NoFolder { .. }
            | Error::NoModel { .. }
            | Error::Words { .. }
            | Error::Ambiguous { .. }
            | Error::OddPlace { .. }
            | Error::NoHome => Code::Usage,
            Error::NeedsConsent { .. }
            | Error::UnitTaken { .. }
            | Error::Declined
            | Error::HeldBack { .. }
            | Error::TooMuch { .. } => Code::NeedsConsent,
            Error::NotInstalled { .. }
            | Error::NothingBefore
            | Error::NotKept { .. }
            | Error::NothingStarts
            | Error::NoService { .. } => Code::Unsupported,
            Error::OtherService { .. } => Code::Usage,
            Error::NoWayBack { .. } => Code::Health,
            Error::Damaged { .. } | Error::Lost { .. } => Code::State,
            Error::NotRoot | Error::LoosePolicy { .. } => Code::Perm,
        }
    }

    /// What to do about it.
    #[expect(clippy::too_many_lines, reason = "one line for each error")]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::NeedsConsent { .. } => "say yes beforehand with --yes".into(),
            Error::UnitTaken { .. } => {
                "remove it first, or leave the service to it; a new install with --adopt yes takes \
                 over what the makers' own has set up"
                    .into()
            }
            Error::TooMuch { .. } => "allow more with --max-download BYTES".into(),
            Error::NotInstalled { .. } => {
                "install with `offgrid-setup install`; if it is elsewhere, add --prefix DIR".into()
            }
            Error::Damaged { mendable: 0, .. } => {
                "`offgrid uninstall` and a new install mend everything and keep your models".into()
            }
            Error::Lost { .. } => {
                "`offgrid update` brings another release and the newest lists; then try again; \
                 `offgrid uninstall` and a new install mend everything and keep your models"
                    .into()
            }
            Error::Damaged { .. } => "mend it with `offgrid repair`".into(),
            Error::Ambiguous { version, .. } => {
                format!("name one of them, as in `offgrid rollback --to {version}+VARIANT`")
            }
            Error::NoModel { .. } => "name one of them, or `none`".into(),
            Error::NoService { .. } => {
                "use --service supervise (and start it with `offgrid self service run`) or \
                 --service none"
                    .into()
            }
            Error::OtherService { .. } => {
                "take it away with `offgrid self service uninstall`, then register the other one \
                 with `offgrid self service install --service KIND`"
                    .into()
            }
            Error::NoWayBack { .. } => {
                "the service is left stopped; `offgrid self service logs` shows why it fails, \
                 `offgrid update` gets a newer release when there is one"
                    .into()
            }
            Error::NothingStarts => {
                "register it with `offgrid self service install`, or run it here with \
                 `offgrid self service run`"
                    .into()
            }
            Error::NotRoot => "type `sudo` before the command, or leave out --system".into(),
            Error::NoHome => "name a place with --prefix DIR".into(),
            Error::OddPlace { .. } => "set HOME to a folder with a plain name".into(),
            Error::Words { known, .. } => (*known).to_owned(),
            Error::NothingBefore | Error::NotKept { .. } => {
                "get a release that the channel lists: `offgrid update --version V \
                 --allow-downgrade`"
                    .into()
            }
            Error::Needs { .. } => "`offgrid-setup help trust` shows examples".into(),
            Error::LoosePolicy { path, .. } => {
                let path = crate::quote::sh(&path.display().to_string());
                format!("an administrator types: chown root {path} && chmod go-w {path}")
            }
            Error::OtherRoot { .. } => "leave out --root, or name another folder".into(),
            Error::NoCommand { .. }
            | Error::NoFile { .. }
            | Error::NoFolder { .. }
            | Error::HeldBack { .. }
            | Error::Declined => return None,
        })
    }
}

fn things(count: usize) -> String {
    match count {
        1 => "one thing".to_owned(),
        _ => format!("{count} things"),
    }
}
