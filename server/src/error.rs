//! The one error above those of the modules. Each maps to a stable code, and by
//! it to the exit code.

use crate::{address, build, channel, check, depot, disk, head, import, init, keys, publish};
use crate::{rotate, serve, sign, stamp, trust};
use offgrid_manifest::Code;

macro_rules! errors {
    ($($variant:ident($inner:ty) = $doc:literal;)*) => {
        /// Why a command failed.
        #[derive(Debug, thiserror::Error)]
        pub enum Error { $(#[doc = $doc] #[error(transparent)] $variant(#[from] $inner),)* }

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
    Address(address::Error) = "An address that was typed.";
    Build(build::Error) = "`build`.";
    Channel(channel::Error) = "`rollout`, `halt` and `yank`.";
    Check(check::Error) = "`check`.";
    Depot(depot::Error) = "The depot's folder.";
    Disk(disk::Error) = "A file operation.";
    Head(head::Error) = "`head`.";
    Import(import::Error) = "`import`.";
    Init(init::Error) = "`init`.";
    Keys(keys::Error) = "Secret keys.";
    Publish(publish::Error) = "`publish`.";
    Rotate(rotate::Error) = "`rotate` and `floor`.";
    Serve(serve::Error) = "`serve`.";
    Sign(sign::Error) = "Signing and writing.";
    Stamp(stamp::Error) = "`stamp`.";
    Trust(trust::Error) = "The depot's documents.";
}
