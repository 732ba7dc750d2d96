//! Answers of GitHub's releases API that were saved to a file: one release, or a
//! list of them. Reads; asks nobody.

use super::Error;
use crate::disk;
use offgrid_manifest::Digest;
use serde::Deserialize;
use std::path::Path;

/// The largest answer: 100 releases of 40 assets are 5 MB.
const SIZE_MAX: u64 = 32 << 20;

/// A release, as far as it matters here.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Release {
    pub(super) tag_name: String,
    #[serde(default)]
    pub(super) assets: Vec<Listed>,
}

/// One of its assets.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Listed {
    pub(super) name: String,
    pub(super) size: u64,
    /// `sha256:<hex>`; absent for what was uploaded before June 2025.
    pub(super) digest: Option<String>,
    /// `uploaded`, or something else while it is not whole.
    pub(super) state: Option<String>,
    pub(super) browser_download_url: Option<String>,
}

impl Listed {
    /// The digest that GitHub tells.
    pub(super) fn sha256(&self) -> Result<Option<Digest>, Error> {
        let Some(text) = &self.digest else { return Ok(None) };
        let digest = text.strip_prefix("sha256:").and_then(|hex| hex.parse().ok());
        digest
            .map(Some)
            .ok_or_else(|| Error::OtherDigest { name: self.name.clone(), digest: text.clone() })
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Answer {
    One(Release),
    Many(Vec<Release>),
}

/// All releases of a file.
pub(super) fn read(path: &Path) -> Result<Vec<Release>, Error> {
    let missing = || Error::NoSource(path.to_owned());
    let bytes = disk::read_bounded(path, SIZE_MAX)?.ok_or_else(missing)?;
    let wrong = |source| Error::NotAnAnswer { path: path.to_owned(), source };
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    match serde_json::from_slice(text).map_err(wrong)? {
        Answer::One(release) => Ok(vec![release]),
        Answer::Many(releases) => Ok(releases),
    }
}

/// The release of this tag, or the only one.
pub(super) fn pick<'a>(
    path: &Path,
    releases: &'a [Release],
    tag: Option<&str>,
) -> Result<&'a Release, Error> {
    let tags = || releases.iter().map(|release| release.tag_name.clone()).collect();
    match (tag, releases) {
        (_, [only]) => Ok(only),
        (Some(tag), _) => releases
            .iter()
            .find(|release| release.tag_name == tag)
            .ok_or_else(|| Error::NoRelease { path: path.to_owned(), tags: tags() }),
        (None, _) => Err(Error::NoRelease { path: path.to_owned(), tags: tags() }),
    }
}
