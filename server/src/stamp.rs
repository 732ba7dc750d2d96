//! The stamp of an executable: finding its section, reading it, writing it. The
//! bytes of the section are `offgrid_manifest::stamp`'s.

use crate::address;
use crate::disk::{self, failed};
use object::read::macho::{LoadCommandVariant, MachHeader};
use object::{Architecture, BinaryFormat, File, Object, ObjectSection};
use offgrid_manifest::stamp::{SECTION, SECTION_SIZE, Stamp, StampedRoot};
use offgrid_manifest::verify::{self, SMALL_MAX};
use offgrid_manifest::{Code, Target, Time, layout, signature};
use std::ffi::OsString;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// The name of the section in a Mach-O file, in the segment `__DATA`.
const SECTION_MACHO: &str = "__ogstamp";
/// Linkers round a section up to a page at most; the rest is padding.
const PADDING_MAX: usize = 4096;
/// The largest executable.
const BINARY_MAX: u64 = 1 << 30;

/// Why a file cannot be stamped, or its stamp not be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an executable that is known.
    #[error("`{}` is not an ELF, PE or Mach-O file", path.display())]
    NotExecutable {
        /// The file.
        path: PathBuf,
        /// What the parser said.
        source: object::Error,
    },
    /// No section, or one of another size.
    #[error("`{}` is not a bootstrapper: {why}", path.display())]
    NoSection {
        /// The file.
        path: PathBuf,
        /// What is wrong with its section.
        why: String,
    },
    /// An OS signature covers the section.
    #[error("`{}` carries a signature of its system, which stamping would break", .0.display())]
    Signed(PathBuf),
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
            Error::NotExecutable { .. } | Error::NoSection { .. } => Code::Usage,
            Error::NoSource | Error::Missing(_) => Code::Usage,
            Error::Signed(_) => Code::Unsupported,
            Error::Address(error) => error.code(),
            Error::Document(error) => error.code(),
            Error::Disk(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Signed(_) => "stamp the file as it was linked, then sign it".into(),
            Error::NoSource => "name one with --source".into(),
            Error::Address(error) => return error.hint(),
            Error::Disk(error) => return error.hint(),
            _ => return None,
        })
    }
}

/// An executable in memory, with its section found.
pub struct Executable {
    path: PathBuf,
    bytes: Vec<u8>,
    section: Range<usize>,
    format: BinaryFormat,
    architecture: Architecture,
    signed: bool,
}

impl Executable {
    /// Reads the file and finds its section.
    ///
    /// # Errors
    /// `E_USAGE` when it is not a bootstrapper.
    pub fn open(path: &Path) -> Result<Executable, Error> {
        let missing = || Error::Missing(path.to_owned());
        let bytes = disk::read_bounded(path, BINARY_MAX)?.ok_or_else(missing)?;
        if bytes.len() as u64 > BINARY_MAX {
            return Err(missing());
        }
        Executable::read(path, bytes)
    }

    /// The same for bytes that came from `path`.
    ///
    /// # Errors
    /// As [`Executable::open`].
    pub fn read(path: &Path, bytes: Vec<u8>) -> Result<Executable, Error> {
        let broken = |source| Error::NotExecutable { path: path.to_owned(), source };
        let refuse = |why: String| Error::NoSection { path: path.to_owned(), why };
        let file = File::parse(&*bytes).map_err(broken)?;
        let name = if file.format() == BinaryFormat::MachO { SECTION_MACHO } else { SECTION };
        let mut sections = file.sections().filter(|section| section.name() == Ok(name));
        let section = sections.next().ok_or_else(|| refuse(format!("no section {name}")))?;
        if sections.next().is_some() {
            return Err(refuse(format!("two sections {name}")));
        }
        let (start, size) =
            section.file_range().ok_or_else(|| refuse(format!("{name} has no bytes")))?;
        let (start, size) = (start as usize, size as usize);
        if !(SECTION_SIZE..SECTION_SIZE + PADDING_MAX).contains(&size) {
            return Err(refuse(format!("{name} has {size} bytes, not {SECTION_SIZE}")));
        }
        let section = start..start.saturating_add(SECTION_SIZE);
        if section.end > bytes.len() {
            return Err(refuse(format!("{name} lies outside the file")));
        }
        let (format, architecture) = (file.format(), file.architecture());
        let signed = is_signed(&file).map_err(broken)?;
        Ok(Executable { path: path.to_owned(), bytes, section, format, architecture, signed })
    }

    /// Its stamp; `None` when nobody has stamped it.
    ///
    /// # Errors
    /// `E_PARSE` when the section is not one of ours.
    pub fn stamp(&self) -> Result<Option<Stamp>, Error> {
        let stamp = Stamp::from_section(&self.bytes[self.section.clone()]);
        Ok(stamp.map_err(|error| error.at(&self.path.display().to_string()))?)
    }

    /// Whether it is made for this target.
    pub fn is_for(&self, target: &Target) -> bool {
        let format = match target.os() {
            "windows" => BinaryFormat::Pe,
            "macos" => BinaryFormat::MachO,
            _ => BinaryFormat::Elf,
        };
        let architecture = match target.arch() {
            "x86_64" => Architecture::X86_64,
            _ => Architecture::Aarch64,
        };
        self.format == format && self.architecture == architecture
    }

    /// The file with this stamp instead of the one it had.
    fn with(mut self, stamp: &Stamp) -> Result<Vec<u8>, Error> {
        self.stamp()?;
        if self.signed {
            return Err(Error::Signed(self.path));
        }
        let section = stamp.to_section()?;
        self.bytes[self.section.clone()].copy_from_slice(&section);
        Ok(self.bytes)
    }
}

/// Whether the file carries a signature of its system.
fn is_signed(file: &File<'_>) -> Result<bool, object::Error> {
    use object::pe::IMAGE_DIRECTORY_ENTRY_SECURITY as CERTIFICATES;
    let certificates = |directory: Option<&object::pe::ImageDataDirectory>| {
        directory.is_some_and(|directory| directory.size.get(object::LittleEndian) != 0)
    };
    match file {
        File::Pe32(pe) => Ok(certificates(pe.data_directory(CERTIFICATES))),
        File::Pe64(pe) => Ok(certificates(pe.data_directory(CERTIFICATES))),
        File::MachO32(macho) => has_signature(macho),
        File::MachO64(macho) => has_signature(macho),
        _ => Ok(false),
    }
}

fn has_signature<H: MachHeader>(
    file: &object::read::macho::MachOFile<'_, H>,
) -> Result<bool, object::Error> {
    let mut commands = file.macho_load_commands()?;
    while let Some(command) = commands.next()? {
        if let LoadCommandVariant::LinkeditData(_) = command.variant()?
            && command.cmd() == object::macho::LC_CODE_SIGNATURE
        {
            return Ok(true);
        }
    }
    Ok(false)
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

/// Writes the stamped executable and returns the stamp.
///
/// # Errors
/// When file, root or sources are refused; then `out` is as it was.
pub fn run(options: &Options) -> Result<Stamp, Error> {
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
    let bytes = Executable::open(&options.binary)?.with(&stamp)?;
    write(&options.binary, &options.out, &bytes)?;
    Ok(stamp)
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
