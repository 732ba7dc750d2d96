//! The one place that prints. Results go to stdout, everything else to stderr.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is this module's task")]

use crate::Error;
use crate::build::Built;
use crate::check::Report;
use crate::head::Headed;
use crate::import::Imported;
use crate::init;
use crate::publish::Published;
use crate::rotate::Rotated;
use crate::stamp::Stamped;
use offgrid_manifest::{Digest, PublicKey};
use std::error::Error as _;
use std::path::Path;
use std::process::ExitCode;

/// An error with everything below it, once; the hint apart.
pub fn failure(error: &Error) -> ExitCode {
    eprintln!("error: {} ({})", shown(&error.to_string()), error.code());
    let mut cause = error.source();
    while let Some(error) = cause {
        eprintln!("  caused by: {}", shown(&error.to_string()));
        cause = error.source();
    }
    if let Some(hint) = error.hint() {
        eprintln!("\nhint: {}", shown(&hint));
    }
    ExitCode::from(error.code().exit())
}

/// Without the characters that steer a terminal.
fn shown(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// After `init`.
pub fn made(options: &init::Options, root: &Digest) {
    println!("root/1.json {root}");
    let dir = options.dir.display();
    if options.existing {
        eprintln!("made the depot {dir} for the keys that were there");
    } else if let Some(keys) = options.keys.first() {
        eprintln!("made the depot {dir} and its keys in {}", keys.display());
    }
    eprintln!("keep the root keys offline, apart from each other");
}

/// After `key`.
pub fn key(name: &str, key: &PublicKey, folder: &Path) {
    println!("{name} {}", key.to_base64());
    let folder = folder.display();
    eprintln!("made {folder}/{name}.key, which is secret, and {folder}/{name}.pub, which is not");
}

/// A text as it is.
pub fn text(text: &str) {
    print!("{text}");
}

/// After `import`: a line for each thing on stdout, its kind first.
pub fn imported(out: &Path, imported: &Imported) {
    for (word, value) in &imported.words {
        println!("{} {}", word.name(), shown(value));
    }
    imported.variants.iter().for_each(|id| println!("variant {}", shown(id)));
    for (id, why) in &imported.missing {
        println!("missing {}: {}", shown(id), shown(why));
    }
    imported.unmatched.iter().for_each(|name| println!("unmatched {}", shown(name)));
    for (sha256, size, address) in &imported.to_fetch {
        println!("fetch {sha256} {size} {}", shown(address));
    }
    let (variants, missing) = (imported.variants.len(), imported.missing.len());
    eprintln!("wrote {}: {variants} variants; {missing} are missing", out.display());
    let bytes = imported.to_fetch.iter().map(|(_, bytes, _)| bytes).sum();
    if !imported.to_fetch.is_empty() {
        eprintln!("{} assets are still to be fetched, {}", imported.to_fetch.len(), size(bytes));
    }
    notes(&imported.notes);
}

/// After `build`.
pub fn built(built: &Built) {
    println!("{} {}", built.version, built.digest);
    let width = built.rows.iter().map(|row| row.name.as_str().len()).max().unwrap_or(0);
    for row in &built.rows {
        let (name, target) = (row.name.as_str(), row.target.to_string());
        eprintln!(
            "{name:width$}  {target:16}  {:6} files  {:>9}  {:>9} to fetch",
            row.files,
            size(row.plain),
            size(row.packed)
        );
    }
    notes(&built.notes);
}

fn notes(notes: &[String]) {
    notes.iter().for_each(|note| eprintln!("note: {}", shown(note)));
}

/// After `publish`, `promote`, `rollout`, `halt` and `yank`.
pub fn published(published: &Published) {
    let Published { channel, channel_version, release, head, .. } = published;
    match head {
        Some(head) => println!("head {} {}", head.version, head.digest),
        None => println!("channel {channel} {channel_version}"),
    }
    eprintln!("channel {channel} {channel_version} offers {release}");
    notes(&published.notes);
}

/// After `head`.
pub fn headed(headed: &Headed) {
    let Headed { head, root, .. } = headed;
    println!("head {} {}", head.version, head.digest);
    eprintln!("head {} is valid until {} and names root {root}", head.version, head.expires);
    notes(&headed.notes);
}

/// After `rotate` and `floor`.
pub fn rotated(rotated: &Rotated) {
    println!("root/{}.json {}", rotated.version, rotated.digest);
    rotated.changes.iter().for_each(|change| eprintln!("{}", shown(change)));
    for (name, version) in &rotated.channels {
        eprintln!("channel {name} {version}");
    }
    for (version, digest) in &rotated.releases {
        eprintln!("release {version} {digest}");
    }
    if let Some(head) = &rotated.head {
        println!("head {} {}", head.version, head.digest);
    }
    notes(&rotated.notes);
}

/// After `check`.
pub fn checked(report: &Report) -> ExitCode {
    for problem in &report.problems {
        println!("{} {}: {}", problem.code, shown(&problem.path), shown(&problem.what));
    }
    notes(&report.notes);
    let Report { documents, blobs, bytes, .. } = report;
    eprintln!("{documents} documents and {blobs} blobs checked, {}", size(*bytes));
    ExitCode::from(report.worst().map_or(0, |code| code.exit()))
}

/// After `stamp`.
pub fn stamped(out: &Path, done: &Stamped) {
    eprintln!("stamped {} for {}", out.display(), done.stamp.sources.join(" "));
    done.signature.note().iter().for_each(|note| eprintln!("note: {note}"));
}

/// When `serve` is ready.
pub(crate) fn listening(address: std::net::SocketAddr) {
    eprintln!("listening on http://{address}/");
}

/// One request of `serve --log`.
pub(crate) fn access(line: &str) {
    eprintln!("{}", shown(line));
}

/// Bytes as people read them.
fn size(bytes: u64) -> String {
    let units = ["kB", "MB", "GB", "TB"];
    let mut value = bytes as f64;
    let mut unit = "B";
    for next in units {
        if value < 1000.0 {
            break;
        }
        value /= 1000.0;
        unit = next;
    }
    if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") }
}
