//! What cannot be done with the service or the app, and what to type next.

use super::{act, backend};
use crate::store::SlotName;
use offgrid_manifest::Code;
use std::path::PathBuf;
use std::time::Duration;

/// What cannot be done with the service or the app.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file of a service cannot say it.
    #[error(transparent)]
    Unfit(#[from] backend::Unfit),
    /// A command of the service manager failed.
    #[error(transparent)]
    Act(#[from] act::Error),
    /// There is nobody to stop or restart.
    #[error("no supervisor runs for `{}`", prefix.display())]
    NotRunning {
        /// The prefix.
        prefix: PathBuf,
    },
    /// This operating system has no signals to supervise with.
    #[error("this system has no foreground supervisor")]
    NoSupervisor,
    /// One at a time.
    #[error("a supervisor{} runs already for `{}`", numbered(pid), prefix.display())]
    Supervised {
        /// Its process, when it said so.
        pid: Option<u32>,
        /// The prefix.
        prefix: PathBuf,
    },
    /// A second `serve` would end the engines of the first.
    #[error("the service already runs (process {pid})")]
    Running {
        /// The supervisor.
        pid: u32,
        /// Where it answers.
        port: u16,
    },
    /// A kind that this system has no manager for.
    #[error("`{kind}` is no service manager of this system")]
    NoManager {
        /// As it is typed.
        kind: String,
    },
    /// The manager started it, and nothing came.
    #[error("{kind} was told to start the service, and no supervisor was there after {} s", limit.as_secs())]
    NotUp {
        /// The manager.
        kind: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The user of the service is not there.
    #[error("there is no user `{user}` on this system")]
    NoUser {
        /// Its name.
        user: String,
    },
    /// No slot is live.
    #[error("no release is installed in `{}`", prefix.display())]
    NoSlot {
        /// The prefix.
        prefix: PathBuf,
    },
    /// The app of the live slot does not start.
    #[error("the app of release {slot}, `{}`, could not be started", path.display())]
    Broken {
        /// The slot.
        slot: SlotName,
        /// The app.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The service does not answer as it should.
    #[error("the service did not answer from {slot} within {} s: {why}", limit.as_secs())]
    Unhealthy {
        /// The slot that it should run.
        slot: SlotName,
        /// What was seen last.
        why: String,
        /// How long was waited.
        limit: Duration,
    },
    /// The supervisor does not do as it is told.
    #[error("the supervisor (process {pid}) did not {what} within {} s", super::END.as_secs())]
    Deaf {
        /// Its process.
        pid: u32,
        /// "stop".
        what: &'static str,
    },
    /// Another program listens where the app should.
    #[error("could not listen at {address}")]
    Port {
        /// Where.
        address: std::net::SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The sockets of a service manager, and the app in the same network.
    #[error("the service manager listens for the app, which cannot have a network of its own here")]
    Sockets,
    /// The operating system refused.
    #[error("could not {what}")]
    System {
        /// "signal process 7".
        what: String,
        /// Why.
        source: std::io::Error,
    },
}

fn numbered(pid: &Option<u32>) -> String {
    pid.map_or(String::new(), |pid| format!(" (process {pid})"))
}

impl Error {
    /// This program could not be started.
    pub(super) fn start(program: &std::path::Path, source: std::io::Error) -> Error {
        Error::System { what: format!("start `{}`", program.display()), source }
    }

    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Unfit(error) => error.code(),
            Error::Act(error) => error.code(),
            Error::NotRunning { .. }
            | Error::NoSupervisor
            | Error::Sockets
            | Error::NoManager { .. } => Code::Unsupported,
            Error::Supervised { .. } => Code::Locked,
            Error::Running { .. } => Code::Usage,
            Error::NoSlot { .. }
            | Error::Broken { .. }
            | Error::Deaf { .. }
            | Error::NoUser { .. } => Code::State,
            Error::Unhealthy { .. } | Error::NotUp { .. } => Code::Health,
            Error::System { source, .. } | Error::Port { source, .. } => match source.kind() {
                std::io::ErrorKind::PermissionDenied => Code::Perm,
                _ => Code::State,
            },
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Unfit(error) => return error.hint(),
            Error::Act(error) => return error.hint(),
            Error::NotRunning { .. } => "start one with `offgrid self service run`, or use \
                                         what starts services on this host"
                .to_owned(),
            Error::NoManager { .. } => "--service auto takes the one of this system, \
                                        --service none does without"
                .to_owned(),
            Error::NotUp { .. } => "`offgrid self service logs` shows what it said".to_owned(),
            Error::NoUser { .. } => "`offgrid self service install` makes it".to_owned(),
            Error::NoSupervisor => "start the app itself with `offgrid serve`".to_owned(),
            Error::Supervised { .. } => "end it with `offgrid self service stop`".to_owned(),
            Error::Running { port, .. } => {
                format!("use http://localhost:{port} or `offgrid self service stop`")
            }
            Error::NoSlot { .. } => {
                "`offgrid update` installs the newest release; `offgrid self status` shows what \
                 is there"
                    .to_owned()
            }
            Error::Broken { .. } => "go back with `offgrid rollback` or on with `offgrid update`; \
                                     `offgrid self status` shows what is there"
                .to_owned(),
            Error::Unhealthy { .. } => "the supervisor's own output says what the app said \
                                        before"
                .to_owned(),
            Error::Deaf { pid, .. } => format!("end it yourself: kill {pid}"),
            Error::Port { .. } => "end the program that listens there, or choose another port: a \
                                   line OFFGRID_PORT=NUMBER in offgrid.env"
                .to_owned(),
            Error::Sockets => {
                "put PrivateNetwork=yes into the unit, or do without its socket".to_owned()
            }
            Error::System { .. } => return None,
        })
    }
}
