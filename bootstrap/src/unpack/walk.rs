//! The walk over a pack: a reader of the one kind of tar that the depot writes,
//! and of nothing else. Two programs that read a tar differently are how files
//! are smuggled (reference/trust.md L4), so whatever could be read in two ways
//! ends the walk.
//!
//! A pack is, in blocks of 512 bytes: for each file a header of type `0` and its
//! bytes, filled up with zeros; before the header of a path of more than 100
//! bytes one of type `L` with the path and a zero; at the end two blocks of
//! zeros, and nothing but zeros after them. No folders, no links, no
//! extensions. Normative since release schema 1; packs live for ever.
//!
//! Knows no file, no digest and no disk; keeps one buffer, whatever a pack says.

use super::Error;
use crate::disk;
use crate::error::Error as Any;
use offgrid_manifest::TreePath;
use offgrid_manifest::name::PATH_MAX;
use std::io::{ErrorKind, Read};
use std::path::Path;

/// Who is told of the files of a pack, in their order.
pub trait Files {
    /// A file begins: its path and how many bytes it says it has. Nothing of them
    /// was read yet.
    ///
    /// # Errors
    /// Any; the walk ends with it.
    fn begin(&mut self, path: &TreePath, size: u64) -> Result<(), Any>;

    /// Its next bytes, `size` in all.
    ///
    /// # Errors
    /// Any; the walk ends with it.
    fn bytes(&mut self, bytes: &[u8]) -> Result<(), Any>;

    /// All its bytes were there.
    ///
    /// # Errors
    /// Any; the walk ends with it.
    fn end(&mut self) -> Result<(), Any>;
}

/// Walks over a pack to its end. `what` names it in errors.
///
/// # Errors
/// `E_ENTRY` for an entry that is no plain file, `E_PATH` for a name that could
/// leave its folder somewhere, `E_TREE` for what is no such tar; those of
/// `files`; an error of reading.
pub fn walk(pack: impl Read, what: &Path, files: &mut impl Files) -> Result<(), Any> {
    let mut walk = Walk { pack, what, at: 0, buffer: vec![0; 64 * 1024] };
    let mut long = None;
    loop {
        let header = Header(walk.block()?);
        if header.0 == [0; BLOCK] {
            return if long.is_some() {
                walk.refuse("ends after a long name")
            } else {
                walk.rest()
            };
        }
        if let Err(why) = header.check() {
            return walk.refuse(why);
        }
        match header.kind() {
            b'0' => {
                let path = header.path(long.take().as_deref())?;
                let size = header.plain_size()?;
                files.begin(&path, size)?;
                walk.body(size, |bytes| files.bytes(bytes))?;
                files.end()?;
            }
            b'L' if long.is_none() => long = Some(walk.long_name(&header)?),
            b'x' | b'g' => return Err(walk.extension(&header)?.into()),
            kind => return Err(header.entry(why_not(kind)).into()),
        }
    }
}

/// Headers and bodies are whole blocks (POSIX.1-1988, ustar).
const BLOCK: usize = 512;
/// More than any extended header needs to be judged.
const EXTENSION_MAX: u64 = 1024 * 1024;

struct Walk<'a, R> {
    pack: R,
    what: &'a Path,
    /// Bytes read.
    at: u64,
    buffer: Vec<u8>,
}

impl<R: Read> Walk<'_, R> {
    fn refuse<T>(&self, why: &'static str) -> Result<T, Any> {
        Err(Error::Shape { path: self.what.to_owned(), at: self.at, why }.into())
    }

    /// Fills all of `bytes`, or says that the pack ends too early.
    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), Any> {
        match self.pack.read_exact(bytes) {
            Ok(()) => {
                self.at += bytes.len() as u64;
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::UnexpectedEof => self.refuse("ends too early"),
            Err(source) => {
                Err(disk::Error { op: "read", path: self.what.to_owned(), source }.into())
            }
        }
    }

    fn block(&mut self) -> Result<[u8; BLOCK], Any> {
        let mut block = [0; BLOCK];
        self.fill(&mut block)?;
        Ok(block)
    }

    /// The bytes of an entry, and the zeros after them.
    fn body(
        &mut self,
        size: u64,
        mut take: impl FnMut(&[u8]) -> Result<(), Any>,
    ) -> Result<(), Any> {
        let mut buffer = std::mem::take(&mut self.buffer);
        let mut left = size;
        while left > 0 {
            let room = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
            self.fill(&mut buffer[..room])?;
            take(&buffer[..room])?;
            left -= room as u64;
        }
        let over = (size % BLOCK as u64) as usize;
        let padding = if over == 0 { 0 } else { BLOCK - over };
        self.fill(&mut buffer[..padding])?;
        let clean = buffer[..padding].iter().all(|byte| *byte == 0);
        self.buffer = buffer;
        if clean { Ok(()) } else { self.refuse("has something behind the end of a file") }
    }

    /// The path in an entry of type `L`: its bytes and one zero.
    fn long_name(&mut self, header: &Header) -> Result<Vec<u8>, Any> {
        if header.name() != LONG_LINK {
            return Err(header.entry("stands for a long name and is called otherwise").into());
        }
        let size = header.plain_size()?;
        if size > PATH_MAX as u64 + 1 {
            return Err(Error::name("a name that is too long").into());
        }
        let mut name = Vec::new();
        self.body(size, |bytes| {
            name.extend_from_slice(bytes);
            Ok(())
        })?;
        match name.pop() {
            Some(0) => Ok(name),
            _ => self.refuse("has a long name without an end"),
        }
    }

    /// An extended header (POSIX.1-2001) is never right. One that changes where an
    /// entry ends, or what it is called, is a tar within a tar.
    fn extension(&mut self, header: &Header) -> Result<Error, Any> {
        let size = header.plain_size()?;
        if size > EXTENSION_MAX {
            return self.refuse("has an extension that is too long");
        }
        let mut text = Vec::new();
        self.body(size, |bytes| {
            text.extend_from_slice(bytes);
            Ok(())
        })?;
        // A record is `LENGTH KEY=VALUE`, so a key follows a space.
        let has = |key: &[u8]| text.windows(key.len()).any(|found| found == key);
        if has(b" size=") || has(b" path=") || has(b" linkpath=") {
            return self.refuse("says the size or name of a file twice");
        }
        Ok(header.entry("is an extension that packs do not have"))
    }

    /// What follows the first block of zeros: another one, and zeros.
    fn rest(&mut self) -> Result<(), Any> {
        if self.block()? != [0; BLOCK] {
            return self.refuse("goes on after a block of zeros");
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        loop {
            let read = match self.pack.read(&mut buffer) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                read => disk::at("read", self.what, read)?,
            };
            if buffer[..read].iter().any(|byte| *byte != 0) {
                return self.refuse("goes on after its end");
            }
            if read == 0 {
                return Ok(());
            }
            self.at += read as u64;
        }
    }
}

/// What the entry before a long name is called, by a habit of GNU tar.
const LONG_LINK: &[u8] = b"././@LongLink";

/// A header: fields at fixed places (POSIX.1-1988, ustar).
struct Header([u8; BLOCK]);

impl Header {
    /// Up to the first zero. Behind it there is nothing, or [`Header::path`]
    /// refuses it.
    fn name(&self) -> &[u8] {
        let field = &self.0[..100];
        field.split(|byte| *byte == 0).next().unwrap_or(field)
    }

    fn kind(&self) -> u8 {
        self.0[156]
    }

    /// Whether it is a header, with nothing in it that packs leave empty.
    fn check(&self) -> Result<(), &'static str> {
        let sum = |sum: u64, (at, byte): (usize, &u8)| {
            // The sum counts its own place as spaces.
            sum + u64::from(if (148..156).contains(&at) { b' ' } else { *byte })
        };
        if octal(&self.0[148..156]) != Some(self.0.iter().enumerate().fold(0, sum)) {
            return Err("has a header with a wrong sum");
        }
        // `ustar ` is what GNU tar says, and what the depot writes.
        if !matches!(&self.0[257..265], b"ustar  \0" | b"ustar\x0000") {
            return Err("has a header of another kind of tar");
        }
        // Here POSIX continues the name, and GNU tar says times and holes.
        if self.0[345..].iter().any(|byte| *byte != 0) {
            return Err("has a header with more in it than a pack's");
        }
        Ok(())
    }

    /// The path of a plain file, short or long; and that the rest of the header is
    /// one of a plain file.
    fn path(&self, long: Option<&[u8]>) -> Result<TreePath, Error> {
        let short = self.name();
        if self.0[..100][short.len()..].iter().any(|byte| *byte != 0) {
            return Err(Error::name("a name with a zero in it"));
        }
        if self.0[157..257].iter().any(|byte| *byte != 0) {
            return Err(self.entry("is a plain file and leads elsewhere"));
        }
        if !matches!(octal(&self.0[100..108]), Some(0o644 | 0o755)) {
            return Err(self.entry("has permissions other than 0644 and 0755"));
        }
        let name = long.unwrap_or(short);
        if !name.starts_with(short) {
            return Err(self.entry("has two names"));
        }
        let text = std::str::from_utf8(name);
        let text = text.map_err(|_| Error::name("a name that is no text"))?;
        text.parse().map_err(|error: offgrid_manifest::Error| Error::Name {
            why: error.to_string(),
            code: error.code(),
        })
    }

    /// In eight-ary digits alone: the other ways to write a number are ways to say
    /// two.
    fn plain_size(&self) -> Result<u64, Error> {
        octal(&self.0[124..136]).ok_or_else(|| self.entry("has a size that is no number"))
    }

    fn entry(&self, why: &'static str) -> Error {
        let name = String::from_utf8_lossy(self.name()).escape_debug().to_string();
        Error::Entry { name, why }
    }
}

/// A field of digits, ended by a zero or a space.
fn octal(field: &[u8]) -> Option<u64> {
    let digits = field.iter().take_while(|byte| (b'0'..=b'7').contains(*byte)).count();
    let ended = digits < field.len() && field[digits..].iter().all(|byte| matches!(byte, 0 | b' '));
    if digits == 0 || !ended {
        return None;
    }
    field[..digits]
        .iter()
        .try_fold(0_u64, |value, digit| value.checked_mul(8)?.checked_add(u64::from(digit - b'0')))
}

fn why_not(kind: u8) -> &'static str {
    match kind {
        b'1' => "is a hard link",
        b'2' => "is a link",
        b'3' | b'4' => "is a device",
        b'5' => "is a folder",
        b'6' => "is a pipe",
        b'S' => "is a file with holes",
        b'L' => "has two long names",
        _ => "is not a plain file",
    }
}
