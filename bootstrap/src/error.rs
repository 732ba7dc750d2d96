//! What a command can end with: one enum over the modules' own, each with its
//! stable code and, apart from the text, what to do about it.

use crate::{
    adopt, artifact, cli, disk, engine, fetch, fill, gate, host, journal, lock, preflight, profile,
    run, schema, select, service, settings, setup, source, stage, stamp, store, trust, unpack,
};
use offgrid_manifest::Code;

macro_rules! errors {
    ($($variant:ident($inner:ty),)*) => {
        /// Any error of this program.
        #[derive(Debug, thiserror::Error)]
        pub enum Error {
            $(
                #[doc = concat!("See [`", stringify!($inner), "`].")]
                #[error(transparent)]
                $variant(#[from] $inner),
            )*
        }

        impl Error {
            /// The stable name.
            pub fn code(&self) -> Code {
                match self { $(Error::$variant(error) => error.code(),)* }
            }

            /// What to do about it.
            pub fn hint(&self) -> Option<String> {
                match self { $(Error::$variant(error) => error.hint(),)* }
            }
        }
    };
}

errors! {
    Cli(cli::Error),
    Settings(settings::Error),
    Manifest(Refused),
    Disk(disk::Error),
    Capture(host::CaptureError),
    Store(store::Error),
    Lock(lock::Error),
    Schema(schema::Error),
    Journal(journal::Error),
    Source(source::Error),
    Trust(trust::Error),
    Artifact(artifact::Error),
    Stamp(stamp::Error),
    Stage(stage::Error),
    Setup(setup::Error),
    Select(select::Error),
    Fetch(fetch::Error),
    Fill(fill::Error),
    Unpack(unpack::Error),
    Gate(gate::Error),
    Engine(engine::Error),
    Service(service::Error),
    Profile(profile::Error),
    Preflight(preflight::Error),
    Adopt(adopt::Error),
    Run(run::Error),
}

/// An error with its first cause, for one line that nobody takes apart.
pub fn in_one_line(error: &Error) -> String {
    let cause = std::error::Error::source(error).map_or(String::new(), |why| format!(": {why}"));
    format!("{error}{cause}")
}

/// A document or name that the manifest crate refused.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Refused(#[from] pub offgrid_manifest::Error);

impl Refused {
    fn code(&self) -> Code {
        self.0.code()
    }

    fn hint(&self) -> Option<String> {
        hint_of(self.0.code())
    }
}

impl From<offgrid_manifest::Error> for Error {
    fn from(error: offgrid_manifest::Error) -> Error {
        Error::Manifest(Refused(error))
    }
}

/// What helps against an error that its name alone explains.
pub fn hint_of(code: Code) -> Option<String> {
    let hint = match code {
        Code::Unstamped => {
            "download offgrid-setup from a depot, or stamp this one: \
             offgrid-depot stamp BIN --root FILE --source URL -o OUT"
        }
        Code::Schema => {
            "update this program: type `offgrid update`, or the command that you installed \
             with; then try again"
        }
        Code::Frozen => {
            "the source may be cut off from the news; try another with --source URL, or accept \
             the old state with --accept-stale"
        }
        Code::Rollback | Code::Mixmatch | Code::Hash | Code::Size => {
            "the source may be outdated or damaged; try another with --source URL"
        }
        Code::SigThreshold | Code::SigAlg | Code::Type | Code::Name | Code::Parse => {
            "nothing of it was used; try another source with --source URL, and tell whoever \
             runs this one"
        }
        _ => return None,
    };
    Some(hint.to_owned())
}
