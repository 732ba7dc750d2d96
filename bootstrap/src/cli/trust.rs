//! `trust show|init|refresh|download`: the trust client alone, on the very code
//! that `install` and `update` use; nothing is installed. How a person looks at
//! what is believed, and how a conformance suite drives it. Only here may the
//! clock and the root be given (DESIGN 4).

use super::believe::{channel_of, staleness, warn};
use super::refuse::Error;
use super::session::Session;
use crate::artifact::Order;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::stamp::{self, Stamped};
use crate::trust::{self, Choice, Inquiry, Known, Trusted, Wish};
use crate::{disk, select};
use offgrid_manifest::root::Floors;
use offgrid_manifest::stamp::StampedRoot;
use offgrid_manifest::verify::{SMALL_MAX, Verified};
use offgrid_manifest::{Root, Stamp, layout, signature, verify};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::path::{Path, PathBuf};

const ROOT: &str = "root.json";

pub(super) fn run(session: &Session<'_>, words: &[String]) -> Result<Option<Ending>, Any> {
    match words.first().map(String::as_str) {
        None | Some("show") => show(session).map(|()| None),
        Some("init") => init(session).map(Some),
        Some("refresh") => refresh(session).map(Some),
        Some("download") => download(session).map(Some),
        Some(other) => {
            let known = "type `trust show`, `trust init`, `trust refresh` or `trust download`";
            Err(Error::Words { words: other.to_owned(), known }.into())
        }
    }
}

/// Where one state of trust is kept.
struct Place {
    /// The folder, when one was named; else the installation's.
    folder: Option<PathBuf>,
    memory: PathBuf,
}

impl Place {
    fn of(session: &Session<'_>) -> Place {
        match &session.settings.state {
            Some(folder) => {
                Place { folder: Some(folder.clone()), memory: folder.join("trust.json") }
            }
            None => Place { folder: None, memory: session.store().trust() },
        }
    }

    /// The root that everything begins with: the state's own, the one that was
    /// given, or the one in this program.
    fn anchor(&self, session: &Session<'_>) -> Result<Stamped, Any> {
        let own = self.folder.as_ref().map(|folder| folder.join(ROOT));
        let own = own.filter(|path| disk::exists(path));
        let given = session.settings.root.as_ref();
        match (own, given, &self.folder) {
            (Some(own), None, _) => begin_with(&own),
            (None, Some(given), _) => begin_with(given),
            (Some(own), Some(given), Some(folder)) => {
                let (root, other) = (begin_with(&own)?, begin_with(given)?);
                if root.root.bytes() != other.root.bytes() {
                    let (state, root) = (folder.clone(), given.clone());
                    return Err(Error::OtherRoot { state, root }.into());
                }
                Ok(root)
            }
            _ => Ok(stamp::own()?),
        }
    }

    fn read(&self) -> Result<Option<Vec<u8>>, Any> {
        Ok(disk::read(&self.memory, trust::state_max())?)
    }

    /// Writes the state; what was there and could not be believed is kept aside.
    fn write(&self, memory: &trust::Memory, damaged: bool) -> Result<(), Any> {
        if let Some(folder) = &self.folder {
            disk::make_dirs(folder)?;
        }
        if let (true, Some(bytes)) = (damaged, self.read()?) {
            disk::write(&self.memory.with_extension("json.bad"), &bytes, 0o600)?;
        }
        Ok(disk::write(&self.memory, memory.text().as_bytes(), 0o600)?)
    }
}

/// A root in a file, with its signatures beside it, in place of the stamp's.
fn begin_with(path: &Path) -> Result<Stamped, Any> {
    let read = |path: &Path, max: u64| -> Result<Vec<u8>, Any> {
        let bytes = disk::read(path, max)?;
        Ok(bytes.ok_or_else(|| Error::NoFile { path: path.to_owned() })?)
    };
    let (bytes, file) = (read(path, SMALL_MAX)?, read(&beside(path), signature::SIZE_MAX as u64)?);
    let root: Verified<Root> = verify::first_root(&bytes, &file)?;
    let stamp = Stamp {
        schema: 1,
        root: StampedRoot::new(&bytes, &String::from_utf8_lossy(&file)),
        // A stamp's sources belong to its own root.
        sources: stamp::own().map_or(Vec::new(), |own| own.stamp.sources),
        floors: Floors::default(),
        issued: root.issued,
    };
    Ok(Stamped { stamp, root })
}

fn beside(path: &Path) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(layout::signature(""));
    PathBuf::from(name)
}

/// Makes the state: the root, and nothing seen yet.
fn init(session: &Session<'_>) -> Result<Ending, Any> {
    let place = Place::of(session);
    let Some(folder) = &place.folder else {
        return Err(Error::Needs { word: "init", flag: "--state DIR" }.into());
    };
    let stamped = place.anchor(session)?;
    let own = folder.join(ROOT);
    let fresh = !disk::exists(&own);
    if fresh {
        disk::make_dirs(folder)?;
        // The signature first: a root without one is not taken for a root.
        disk::write(&beside(&own), stamped.root.signature(), 0o600)?;
        disk::write(&own, stamped.root.bytes(), 0o600)?;
    }
    let version = stamped.root.version;
    let (outcome, line) = match fresh {
        true => (Outcome::Updated, format!("{} begins with root {version}", folder.display())),
        false => (Outcome::Unchanged, format!("{} is there already", folder.display())),
    };
    let mut ending = Ending::new(outcome, line);
    ending.facts = json!({"root": version});
    Ok(ending)
}

/// Brings the state up to date; what was verified is kept even when what follows
/// is refused.
fn refresh(session: &Session<'_>) -> Result<Ending, Any> {
    let place = Place::of(session);
    if place.folder.is_none() {
        return Err(Error::Needs { word: "refresh", flag: "--state DIR" }.into());
    }
    let (trusted, _) = believe(session, &place)?;
    let (outcome, what) = match trusted.changed {
        true => (Outcome::Updated, "is now at"),
        false => (Outcome::Unchanged, "stays at"),
    };
    let Trusted { root, head, channel, .. } = &trusted;
    let line = format!(
        "trust {what} root {}, head {}, channel {} {}",
        root.version, head.version, channel.name, channel.version
    );
    let mut ending = Ending::new(outcome, line);
    ending.facts = json!({
        "root": root.version, "head": head.version, "channel": channel.version,
        "current": channel.current,
    });
    Ok(ending)
}

fn believe(session: &Session<'_>, place: &Place) -> Result<(Trusted, crate::source::Sources), Any> {
    let stamped = place.anchor(session)?;
    let sources = session.sources(&stamped)?;
    let channel = channel_of(session.settings, None)?;
    let memory = place.read()?;
    let inquiry = Inquiry {
        stamped: &stamped,
        known: Known { memory: memory.as_deref(), installed: None },
        channel: &channel,
        stale: staleness(session.settings, &sources),
        clock: session.settings.now.unwrap_or_else(|| session.clock()),
    };
    let refreshed = trust::refresh(&inquiry, &sources);
    session.troubles(&sources);
    match refreshed {
        Ok(trusted) => {
            warn(session, &trusted);
            super::own::check_age(session, &trusted)?;
            if trusted.changed {
                place.write(&trusted.memory, trusted.damaged)?;
            }
            sources.learn(&trusted.channel.mirrors);
            Ok((trusted, sources))
        }
        Err(refused) => {
            if let Some(learned) = &refused.learned {
                place.write(&learned.memory, learned.damaged)?;
            }
            Err(*refused.error)
        }
    }
}

/// Fetches one thing of a release and checks it.
fn download(session: &Session<'_>) -> Result<Ending, Any> {
    let needs = |flag| Error::Needs { word: "download", flag };
    let settings = session.settings;
    let name = settings.target.as_ref().ok_or_else(|| needs("--target NAME"))?;
    let into = settings.into.as_ref().ok_or_else(|| needs("--into DIR"))?;
    let place = Place::of(session);
    if place.folder.is_none() {
        return Err(needs("--state DIR").into());
    }
    let (trusted, sources) = believe(session, &place)?;
    let wish = Wish { version: settings.version.as_ref(), by_person: true, ..Wish::default() };
    let Choice::Take(version, pin) = trust::choose(&trusted.channel, &wish, trusted.now)? else {
        return Err(Error::NothingBefore.into());
    };
    let release = trust::release(&trusted, &sources, &version, pin)?;
    let target = select::target_of(&session.host()?)?;
    let sink = session.reporter;
    let order =
        Order { trusted: &trusted, sources: &sources, release: &release, target: &target, sink };
    let path = order.fetch(name, into)?;
    let line = format!("{} is what release {version} lists as `{name}`", path.display());
    let mut ending = Ending::new(Outcome::Updated, line);
    ending.facts = json!({"path": path.display().to_string(), "version": version});
    Ok(ending)
}

/// What is believed, and until when.
fn show(session: &Session<'_>) -> Result<(), Any> {
    let place = Place::of(session);
    let stamped = place.anchor(session)?;
    let memory = place.read()?;
    let known = Known { memory: memory.as_deref(), installed: None };
    let json = trust::show(&stamped, &known)?;
    session.reporter.result(&json, &for_people(&json));
    Ok(())
}

fn for_people(json: &Value) -> String {
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    let (root, head) = (&json["root"], &json["head"]);
    let row = |what: &str, value: &Value| {
        format!("{what:18} {:>8}   until {}", text(&value["version"]), text(&value["expires"]))
    };
    let mut lines = vec![row("root", root)];
    lines.push(match head {
        Value::Null => format!("{:18} {:>8}   nothing was fetched yet", "head", "-"),
        head => row("head", head),
    });
    for (name, channel) in json["channels"].as_object().into_iter().flatten() {
        let mut line = row(&format!("channel {name}"), channel);
        line.push_str(&format!("   offers {}", text(&channel["current"])));
        lines.push(line);
    }
    lines.push(format!("{:18} {:>8}", "no head below", text(&json["marks"]["head"])));
    for (name, mark) in json["marks"]["channel"].as_object().into_iter().flatten() {
        lines.push(format!("{:18} {:>8}", format!("no {name} below"), text(mark)));
    }
    for (role, who) in root["roles"].as_object().into_iter().flatten() {
        let names: Vec<String> = who["keys"].as_array().into_iter().flatten().map(text).collect();
        let (all, need) = (names.join(", "), text(&who["threshold"]));
        lines.push(format!("{:18} {need:>8} of {all}", format!("{role} needs")));
    }
    for (name, key) in root["keys"].as_object().into_iter().flatten() {
        lines.push(format!("  {name:16} {}", text(key)));
    }
    lines.join("\n")
}
