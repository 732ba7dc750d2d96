//! Looking for an engine, and taking the one that was asked for. What is found is
//! always told, with the reason why it is or is not used.

use super::places::{self, Place};
use super::{Error, Existing, Refusal, Wish, format, libraries, said, trial};
use crate::env::Env;
use crate::host::Host;
use crate::platform;
use serde_json::{Value, json};
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

/// What is looked for, and for whom.
pub struct Search<'a> {
    /// Where PATH and the home are.
    pub env: &'a Env,
    /// The machine.
    pub host: &'a Host,
    /// What was asked for.
    pub wish: &'a Wish,
    /// For everybody on this machine: only what is root's own is safe.
    pub system: bool,
    /// The variant that it would serve, and whether that one uses a GPU.
    pub variant: (&'a str, bool),
    /// Whether GPUs are to be used at all.
    pub gpu: bool,
    /// The release's own llama.cpp: the app is known to work with that one too.
    pub release: &'a str,
    /// One that did not prove itself.
    pub avoid: Option<&'a Path>,
    /// Whether the command was stopped.
    pub stop: &'a dyn Fn() -> bool,
}

/// One that is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Where.
    pub path: PathBuf,
    /// Why it is not used; `None`: it is.
    pub why: Option<Refusal>,
}

/// What was found and taken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Choice {
    /// What was asked for.
    pub wish: Wish,
    /// The one that is used; `None`: the release's own.
    pub used: Option<Existing>,
    /// Every one that is there.
    pub found: Vec<Found>,
}

impl Choice {
    /// As `plan --json` shows it (DESIGN 6), and what was found beside.
    pub fn json(&self) -> Value {
        let one = |found: &Found| {
            let why = found.why.as_ref().map(ToString::to_string);
            json!({"path": found.path.to_string_lossy(), "used": why.is_none(), "why": why})
        };
        let found: Vec<Value> = self.found.iter().map(one).collect();
        let kind = if self.used.is_some() { "existing" } else { "bundled" };
        let path = self.used.as_ref().map(|used| &used.path);
        let version = self.used.as_ref().map(|used| &used.version);
        json!({"kind": kind, "path": path, "version": version, "found": found})
    }

    /// The one line for people; none when there is nothing to say.
    pub fn line(&self) -> Option<String> {
        if let Some(used) = &self.used {
            let (path, version) = (used.path.display(), &used.version);
            return Some(format!(
                "the engine is {path} ({version}), which is here already: none is downloaded"
            ));
        }
        let first = self.found.first()?;
        let more = match self.found.len() {
            1 => String::new(),
            more => format!(" (and {} more: plan --explain)", more - 1),
        };
        Some(format!("the release's own engine is used; {}{more}", first.line()))
    }

    /// One line for each that was found.
    pub fn lines(&self) -> Vec<String> {
        self.found.iter().map(Found::line).collect()
    }
}

impl Found {
    /// For people.
    pub fn line(&self) -> String {
        // One line, whatever somebody has called a folder.
        let path = self.path.display().to_string().replace(['\n', '\r'], "?");
        match &self.why {
            Some(why) => format!("{path} is not used: {why}"),
            None => format!("{path} is used"),
        }
    }
}

/// Looks, and tries out what was asked for. Starts no program unless somebody asked.
///
/// # Errors
/// `E_UNTRUSTED_BINARY` or `E_USAGE` when one was named and is not to be used.
pub fn choose(search: &Search<'_>) -> Result<Choice, Error> {
    let mut used = None;
    if let Wish::Path(path) = search.wish {
        if !path.is_file() {
            return Err(Error::Missing { path: path.clone() });
        }
        let refused = |why| Error::Refused { path: path.clone(), why };
        let tried = judge(search, path).and_then(|real| trial::run(search, path, &real));
        used = Some(tried.map_err(refused)?);
    }
    let mut found = Vec::new();
    for (path, place) in candidates(search) {
        let why = match (&used, search.wish) {
            (Some(used), _) if used.path == path || is_same(&used.real, &path) => None,
            (Some(_), _) => Some(judge(search, &path).err().unwrap_or(Refusal::Other)),
            (None, Wish::Auto) => match take(search, &path, &place) {
                Ok(taken) => {
                    used = Some(taken);
                    None
                }
                Err(why) => Some(why),
            },
            (None, _) => Some(suits(search, &path, &place).err().unwrap_or(Refusal::Unasked)),
        };
        found.push(Found { path, why });
    }
    if let Some(used) = used.as_ref().filter(|_| found.iter().all(|one| one.why.is_some())) {
        found.insert(0, Found { path: used.path.clone(), why: None });
    }
    Ok(Choice { wish: search.wish.clone(), used, found })
}

/// One that nobody has named.
fn take(search: &Search<'_>, path: &Path, place: &Place) -> Result<Existing, Refusal> {
    let real = suits(search, path, place)?;
    trial::run(search, path, &real)
}

/// Whether one that nobody has named may be tried out. Starts nothing.
fn suits(search: &Search<'_>, path: &Path, place: &Place) -> Result<PathBuf, Refusal> {
    let real = judge(search, path)?;
    if search.avoid.is_some_and(|avoid| avoid == path || avoid == real) {
        return Err(Refusal::Unproved);
    }
    if let Some(lent) = places::whose(&real) {
        return Err(lent);
    }
    // What is root's own and lies where only root may write may have come by PATH and
    // is still not run: PATH is the user's word.
    if place.through_path && platform::is_root() {
        return Err(Refusal::ThroughPath);
    }
    Ok(real)
}

/// Everything with the right name in the right places, each file once.
fn candidates(search: &Search<'_>) -> Vec<(PathBuf, Place)> {
    let Some(os) = search.host.os else { return Vec::new() };
    let mut found: Vec<(PathBuf, PathBuf, Place)> = Vec::new();
    for place in places::all(search.env, os) {
        let named = |name: &str| {
            let path = place.folder.join(platform::exe_name(name));
            Some(path).filter(|path| path.symlink_metadata().is_ok())
        };
        let Some(path) = named("llama-server").or_else(|| named("llama")) else { continue };
        let real = path.canonicalize().unwrap_or_else(|_| path.clone());
        if !found.iter().any(|(_, known, _)| *known == real) {
            found.push((path, real, place));
        }
    }
    found.into_iter().map(|(path, _, place)| (path, place)).collect()
}

fn is_same(real: &Path, path: &Path) -> bool {
    path.canonicalize().is_ok_and(|path| usual(path) == *real)
}

/// Looks at a file, from its name to the last folder above where it leads. Starts
/// nothing.
fn judge(search: &Search<'_>, path: &Path) -> Result<PathBuf, Refusal> {
    let real = path.canonicalize().map_err(|error| libraries::unseen(path, &error))?;
    let real = usual(real);
    let plain = |path: &Path| path.to_str().is_some_and(|text| !text.contains(char::is_control));
    if !plain(path) || !plain(&real) {
        return Err(Refusal::OddName);
    }
    for place in [path, &real] {
        if let Some(theirs @ Refusal::Theirs(_)) = places::whose(place) {
            return Err(theirs);
        }
    }
    if places::is_snap(&real) {
        return Err(Refusal::Snap);
    }
    if path.file_stem().is_some_and(|name| name == "llama") {
        return Err(Refusal::Unified);
    }
    let meta = real.metadata().map_err(|error| libraries::unseen(&real, &error))?;
    if !meta.is_file() {
        return Err(Refusal::NotAFile);
    }
    if platform::is_remote(&real) {
        return Err(Refusal::Remote);
    }
    let mode = platform::mode_of(&real).map_err(|error| libraries::unseen(&real, &error))?;
    if mode & 0o6000 != 0 {
        return Err(Refusal::Setuid);
    }
    libraries::are_safe(&[path.to_owned()], search.system)?;
    for_this_machine(search.host, &real)?;
    Ok(real)
}

/// Windows writes a path that it has resolved in a form that not every program takes.
fn usual(path: PathBuf) -> PathBuf {
    let rest = path.to_str().and_then(|text| text.strip_prefix(r"\\?\"));
    rest.filter(|rest| !rest.starts_with("UNC")).map(PathBuf::from).unwrap_or(path)
}

fn for_this_machine(host: &Host, real: &Path) -> Result<(), Refusal> {
    let mut head = Vec::new();
    let opened = File::open(real).map_err(|error| libraries::unseen(real, &error))?;
    let read = opened.take(format::HEAD as u64).read_to_end(&mut head);
    read.map_err(|error| libraries::unseen(real, &error))?;
    let targets = format::targets(&head)?;
    let here = host.target_name().unwrap_or_else(|| "unknown".to_owned());
    if targets.contains(&here) {
        return Ok(());
    }
    Err(Refusal::OtherMachine { found: targets.join(" and "), here })
}

/// The builds of llama.cpp that the app is known to work with (reference/gpu.md 0.7,
/// 4.3): flags come and go, so there is a newest one too, until a signed release brings
/// a newer engine. Inside it the words are tried.
pub(super) fn builds(release: &str) -> (u32, u32) {
    const OLDEST: u32 = 7389;
    const NEWEST: u32 = 11_541;
    (OLDEST, said::build_of(release).map_or(NEWEST, |build| build.max(NEWEST)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_release_with_a_newer_engine_raises_the_newest_build_and_never_lowers_it() {
        assert_eq!(builds("b12000"), (7389, 12_000));
        assert_eq!(builds("b9000"), (7389, 11_541));
        assert_eq!(builds("test"), (7389, 11_541));
    }

    #[test]
    fn a_resolved_path_of_windows_is_written_as_people_do() {
        let plain = |text: &str| usual(PathBuf::from(text));
        assert_eq!(plain(r"\\?\C:\a\b.exe"), Path::new(r"C:\a\b.exe"));
        assert_eq!(plain(r"\\?\UNC\server\x"), Path::new(r"\\?\UNC\server\x"));
        assert_eq!(plain("/usr/bin/x"), Path::new("/usr/bin/x"));
    }
}
