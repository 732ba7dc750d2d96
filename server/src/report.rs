//! The one place that prints. Results go to stdout, everything else to stderr.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "printing is this module's task")]

use crate::Error;
use crate::build::Built;
use crate::check::Report;
use crate::head::Headed;
use crate::init;
use crate::publish::Published;
use crate::rotate::Rotated;
use crate::stamp::Stamped;
use offgrid_manifest::Digest;
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
<<<<<<< HEAD
pub fn stamped(out: &std::path::Path, done: &Stamped) {
    eprintln!("stamped {} for {}", out.display(), done.stamp.sources.join(" "));
    done.signature.note().iter().for_each(|note| eprintln!("note: {note}"));
=======
pub fn stamped(out: &Path, stamp: &Stamp) {
    eprintln!("stamped {} for {}", out.display(), stamp.sources.join(" "));
>>>>>>> w-depot
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
