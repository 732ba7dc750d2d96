//! `stamp`: writes root, sources and floors into a bootstrapper. Where they lie
//! in it is `offgrid_manifest::stamp`'s to know; what the change does to a
//! signature of the operating system is brought in order here.

mod executable;
mod fields;
mod macho;
mod pe;

pub use executable::Executable;

use crate::address;
use crate::disk::{self, failed};
use offgrid_manifest::stamp::{Stamp, StampedRoot};
use offgrid_manifest::verify::{self, SMALL_MAX};
use offgrid_manifest::{Code, Time, layout, signature};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Why a file cannot be stamped, or its stamp not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No executable, or none with a section for a stamp.
    #[error("`{}` is not a bootstrapper: {why}", path.display())]
    NoBootstrapper {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The signature of its system, which is broken now, cannot be replaced.
    #[error("`{}` cannot be signed: {why}", path.display())]
    Signature {
        /// The file.
        path: PathBuf,
        /// What is in the way.
        why: &'static str,
    },
    /// No source was named.
    #[error("a stamp needs at least one source")]
    NoSource,
    /// Something is not there.
    #[error("`{}` is missing or larger than it can be", .0.display())]
    Missing(PathBuf),
    /// A source.
    #[error(transparent)]
    Address(#[from] address::Error),
    /// The root or the section.
    #[error(transparent)]
    Document(#[from] offgrid_manifest::Error),
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NoBootstrapper { .. } | Error::NoSource | Error::Missing(_) => Code::Usage,
            Error::Signature { .. } => Code::Unsupported,
            Error::Address(error) => error.code(),
            Error::Document(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Signature { .. } => "stamp the file as it was linked, then sign it".into(),
            Error::NoSource => "name one with --source".into(),
            Error::Address(error) => return error.hint(),
            Error::Disk(error) => return error.hint(),
            _ => return None,
        })
    }
}

/// What became of the signature of the system that the executable carried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signature {
    /// There was none, and none is needed.
    None,
    /// Windows: the certificates are gone.
    Dropped,
    /// macOS: somebody's is now an ad-hoc one.
    Replaced,
    /// macOS: an ad-hoc one was made anew.
    Renewed,
    /// macOS: an ad-hoc one was put on.
    Added,
}

impl Signature {
    /// What was lost, and what to do about it.
    pub fn note(self) -> Option<&'static str> {
        match self {
            Signature::None | Signature::Renewed | Signature::Added => None,
            Signature::Dropped => Some(
                "its signature covered the old stamp and was dropped; Windows warns of the file \
                 until you sign it again with a certificate of your own",
            ),
            Signature::Replaced => Some(
                "its signature covered the old stamp and is now an ad-hoc one: a Mac runs it, and \
                 warns when it was downloaded, until you sign and notarize it again as yourself",
            ),
        }
    }
}

/// What was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamped {
    /// As it was written.
    pub stamp: Stamp,
    /// What became of a signature.
    pub signature: Signature,
}

/// What was asked for.
#[derive(Debug, Clone)]
pub struct Options {
    /// The executable as it was linked.
    pub binary: PathBuf,
    /// A root; its signatures lie beside it.
    pub root: PathBuf,
    /// Where the depot can be found.
    pub sources: Vec<String>,
    /// The stamped executable.
    pub out: PathBuf,
    /// The time.
    pub now: Time,
}

/// Writes the stamped executable. The floors are those of the root, the newest
/// that ROOT knows.
///
/// # Errors
/// When file, root or sources are refused; then `out` is as it was.
pub fn run(options: &Options) -> Result<Stamped, Error> {
    let missing = |path: &Path| Error::Missing(path.to_owned());
    let document = disk::read_bounded(&options.root, SMALL_MAX)?;
    let document = document.ok_or_else(|| missing(&options.root))?;
    let mut beside = OsString::from(&options.root);
    beside.push(layout::signature(""));
    let beside = PathBuf::from(beside);
    let file = disk::read_bounded(&beside, signature::SIZE_MAX as u64)?;
    let file = file.ok_or_else(|| missing(&beside))?;
    let root = verify::first_root(&document, &file)?;

    let mut sources = Vec::new();
    for source in &options.sources {
        let source = address::base(source)?;
        if !sources.contains(&source) {
            sources.push(source);
        }
    }
    if sources.is_empty() {
        return Err(Error::NoSource);
    }
    let stamp = Stamp {
        schema: 1,
        root: StampedRoot::new(&document, &String::from_utf8_lossy(&file)),
        sources,
        floors: root.floors.clone(),
        issued: options.now,
    };
    let (bytes, signature) = Executable::open(&options.binary)?.with(&stamp)?;
    write(&options.binary, &options.out, &bytes)?;
    Ok(Stamped { stamp, signature })
}

fn write(like: &Path, out: &Path, bytes: &[u8]) -> Result<(), Error> {
    let metadata = std::fs::metadata(like).map_err(failed("look at", like))?;
    let folder = match out.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let temporary = tempfile::NamedTempFile::new_in(folder);
    let mut temporary = temporary.map_err(failed("make a file in", folder))?;
    temporary.write_all(bytes).map_err(failed("write", out))?;
    Ok(disk::place(temporary, out, crate::platform::mode_of(&metadata))?)
}
