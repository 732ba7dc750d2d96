//! What a component looks like on disk, as one digest: partial unpacking,
//! smuggled files and later damage all show in it (DESIGN 5,
//! reference/trust.md L4).

use crate::parts::{File, Link};
use crate::{Digest, Hasher};

/// SHA-256 over one line for each file and link, sorted by the bytes of the path:
/// `0644 <sha256> <size> <path>` or `link <target> <path>`, each ended by a line
/// feed. Paths are relative to the component's folder; folders have no line.
pub fn digest(files: &[File], links: &[Link]) -> Digest {
    let mut lines: Vec<(&str, String)> = Vec::with_capacity(files.len() + links.len());
    for file in files {
        let File { path, mode, sha256, size, .. } = file;
        lines.push((path.as_str(), format!("{mode} {sha256} {size} {path}\n")));
    }
    for link in links {
        lines.push((link.path.as_str(), format!("link {} {}\n", link.target, link.path)));
    }
    lines.sort_by(|a, b| a.0.as_bytes().cmp(b.0.as_bytes()));
    let mut hasher = Hasher::new();
    lines.iter().for_each(|(_, line)| hasher.update(line.as_bytes()));
    hasher.finish()
}
