//! Why nothing was imported.

use super::pattern::Word;
use crate::{build, disk};
use offgrid_manifest::{Code, Digest};
use std::io;
use std::path::PathBuf;

/// Why nothing was imported. Then nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The template, or what was made of it.
    #[error(transparent)]
    Spec(#[from] build::SpecError),
    /// The output is there already.
    #[error("`{}` is there already", .0.display())]
    Exists(PathBuf),
    /// A source of assets.
    #[error("there is no `{}`", .0.display())]
    NoSource(PathBuf),
    /// A file that is no saved answer.
    #[error("`{}` is no answer of GitHub's releases API", path.display())]
    NotAnAnswer {
        /// The file.
        path: PathBuf,
        /// Why.
        source: serde_json::Error,
    },
    /// A list of releases, and not known which.
    #[error("`{}` lists other releases: {}", path.display(), tags.join(", "))]
    NoRelease {
        /// The file.
        path: PathBuf,
        /// Those in it.
        tags: Vec<String>,
    },
    /// A stable release, which only points to a build.
    #[error("the release {tag} has no archives; its nightly-tag.txt says which build it is")]
    NoPointer {
        /// The release.
        tag: String,
        /// Where the file is looked for.
        folder: PathBuf,
    },
    /// What the pointer says is no build.
    #[error("`{}` does not name a build like b11158", .0.display())]
    BadPointer(PathBuf),
    /// The pointer's build was not given.
    #[error("the release is build {build}, and none of its assets are there")]
    NotTheBuild {
        /// The build.
        build: String,
    },
    /// A name that no file may have.
    #[error("an asset has the name `{}`", .0.escape_default())]
    BadName(String),
    /// Two sources that do not agree.
    #[error("two different assets are called `{0}`")]
    Twice(String),
    /// Several builds or versions at once.
    #[error("the assets are of more than one {}: {}", what(*word), values.join(", "))]
    Mixed {
        /// Of what.
        word: Word,
        /// The values.
        values: Vec<String>,
    },
    /// A pattern that fits more than one.
    #[error("`{pattern}` fits more than one asset: {}", names.join(", "))]
    Ambiguous {
        /// The pattern.
        pattern: String,
        /// What it fits.
        names: Vec<String>,
    },
    /// A kind of digest that is not known.
    #[error("the digest of `{name}` is `{}`, which is no SHA-256", digest.escape_default())]
    OtherDigest {
        /// The asset.
        name: String,
        /// As it is written.
        digest: String,
    },
    /// Nobody says which bytes it has.
    #[error("nobody says which digest `{0}` has, and the file is not there")]
    NoDigest(String),
    /// It is not whole yet at its makers'.
    #[error("`{name}` is not uploaded completely: its state is `{}`", state.escape_default())]
    Uploading {
        /// The asset.
        name: String,
        /// What GitHub calls it.
        state: String,
    },
    /// A file of another size.
    #[error("`{}` has {found} bytes, not {wanted}", path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// As published.
        wanted: u64,
        /// On disk.
        found: u64,
    },
    /// A file with other bytes.
    #[error("`{}` has the digest {found}, not {wanted}", path.display())]
    Digest {
        /// The file.
        path: PathBuf,
        /// As published.
        wanted: Digest,
        /// Of the file.
        found: Digest,
    },
    /// An archive that does not end as it should.
    #[error("`{}` is no whole archive", path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A program that needs a later C library than a variant asks for.
    #[error("{variant} asks for glibc {asked}, and `{file}` of `{asset}` needs {needed}")]
    Floor {
        /// The variant.
        variant: String,
        /// Its rule.
        asked: String,
        /// The archive.
        asset: String,
        /// The file in it.
        file: String,
        /// What that needs.
        needed: String,
    },
    /// No variant is left.
    #[error("no variant is left: {}", .0.first().map_or("the template has none", String::as_str))]
    Nothing(Vec<String>),
    /// Some are missing, and that was said to be an error.
    #[error("variants are missing: {}", .0.join("; "))]
    Incomplete(Vec<String>),
    /// A file operation.
    #[error(transparent)]
    Disk(#[from] disk::Error),
}

fn what(word: Word) -> &'static str {
    match word {
        Word::Engine => "build of llama.cpp",
        Word::App => "version of the app",
    }
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Spec(error) => error.code(),
            Error::Size { .. } | Error::Uploading { .. } => Code::Size,
            Error::Digest { .. } => Code::Hash,
            Error::Broken { .. } => Code::Entry,
            Error::BadName(_) => Code::Path,
            Error::Disk(error) => error.code(),
            Error::Exists(_)
            | Error::NoSource(_)
            | Error::NotAnAnswer { .. }
            | Error::NoRelease { .. }
            | Error::NoPointer { .. }
            | Error::BadPointer(_)
            | Error::NotTheBuild { .. }
            | Error::Twice(_)
            | Error::Mixed { .. }
            | Error::Ambiguous { .. }
            | Error::OtherDigest { .. }
            | Error::NoDigest(_)
            | Error::Floor { .. }
            | Error::Nothing(_)
            | Error::Incomplete(_) => Code::Usage,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Error::Spec(error) => return error.hint(),
            Error::Disk(error) => return error.hint(),
            Error::Exists(_) => "name another file with -o, or move it away".into(),
            Error::NoSource(_) => "name a folder of assets, or a saved answer of the API".into(),
            Error::NotAnAnswer { .. } => {
                "save one with `curl -fL https://api.github.com/repos/OWNER/NAME/releases/tags/TAG`"
                    .into()
            }
            Error::NoRelease { .. } => "choose one of them with --tag TAG".into(),
            Error::NoPointer { folder, .. } => {
                format!("fetch its nightly-tag.txt into `{}`", folder.display())
            }
            Error::BadPointer(_) => "fetch it again".into(),
            Error::NotTheBuild { build } => {
                format!("name the answer of releases/tags/{build} too, or a folder of its assets")
            }
            Error::Twice(_) => "name only one of the two sources".into(),
            Error::Mixed { word, values } => format!(
                "choose one with --{} {}, or move the others away",
                word.name(),
                values.last().map_or("", String::as_str)
            ),
            Error::Ambiguous { .. } => "write the pattern in the template more exactly".into(),
            Error::NoDigest(_) => "fetch the file first".into(),
            Error::Uploading { .. } => "wait, and save the answer again".into(),
            Error::Size { .. } | Error::Digest { .. } | Error::Broken { .. } => {
                "fetch it again".into()
            }
            Error::Floor { needed, .. } => format!(
                "write glibc = \">={needed}\" for that variant in the template, or bring a build of \
                 your own"
            ),
            Error::Nothing(_) => "name a folder or an answer that has the assets".into(),
            Error::Incomplete(_) => "leave out --complete to do without them".into(),
            Error::BadName(_) | Error::OtherDigest { .. } => return None,
        })
    }
}
