//! Several sources at once: the heads of a few of them side by side, the mirrors
//! that a signed channel names, and which of many errors to tell.

use super::{Error, Fresh, Place, Route, Source, Sources, Way, folder};
use crate::error::Error as Any;
use offgrid_manifest::Code;
use std::sync::PoisonError;
use std::time::{SystemTime, UNIX_EPOCH};

/// How many mirrors are kept in mind.
const MIRRORS: usize = 8;
/// How many troubles are kept in mind.
const TROUBLES: usize = 64;
/// How many sources are asked for their head at once (reference/trust.md 2.3,
/// step 4).
const HEADS: usize = 3;

/// What one source said of its head.
pub struct Answer {
    /// The source, for people and as the name of its tag.
    pub source: String,
    /// What it said.
    pub fresh: Result<Fresh, Any>,
}

impl Sources {
    /// Takes in mirrors that a verified channel names. They are asked for large
    /// files first, beginning with any of them, and for documents last.
    pub fn learn(&self, mirrors: &[String]) {
        if !self.may_learn {
            return;
        }
        // A folder is never named by a document, and a bad address is nobody's loss.
        let parsed = mirrors.iter().filter_map(|text| Source::parse(text).ok());
        let web = parsed.filter(|source| matches!(source, Source::Web(_)));
        let mut found: Vec<Source> = web.filter(|source| !self.list.contains(source)).collect();
        found.dedup();
        found.truncate(MIRRORS);
        if let Some(turn) = any_number().checked_rem(found.len()) {
            found.rotate_left(turn);
        }
        *self.mirrors.write().unwrap_or_else(PoisonError::into_inner) = found;
    }

    /// Every source, the origin first: who asks for a document wants the news. Those
    /// that stopped answering come last.
    pub(super) fn documents(&self) -> Vec<Source> {
        let mirrors = self.mirrors.read().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Source> = self.list.iter().chain(mirrors.iter()).cloned().collect();
        let blamed = self.blamed.lock().unwrap_or_else(PoisonError::into_inner);
        all.sort_by_key(|source| blamed.contains(source));
        all
    }

    /// Remembers what was wrong with a source, and not to wait for it again.
    pub(super) fn note(&self, source: &Source, error: &Any) {
        if matches!(error.code(), Code::Unreachable | Code::Stall) {
            self.add_bad(source);
        }
        // What a source says of itself names its whole address.
        self.remark(match error {
            Any::Source(error) => error.to_string(),
            other => format!("{}: {other}", source.shown()),
        });
    }

    /// The same of a way to a large file.
    pub fn note_route(&self, route: &Route, error: &Any) {
        match &route.0 {
            Way::Depot(source, _) if !matches!(error, Any::Source(_)) => {
                self.remark(format!("{}: {error}", source.shown()));
            }
            _ => self.remark(error.to_string()),
        }
    }

    /// Something wrong with a source, for [`Sources::troubles`].
    pub fn remark(&self, line: String) {
        let mut troubles = self.troubles.lock().unwrap_or_else(PoisonError::into_inner);
        if troubles.len() < TROUBLES && !troubles.contains(&line) {
            troubles.push(line);
        }
    }

    /// What was wrong with which source since this was last asked.
    pub fn troubles(&self) -> Vec<String> {
        std::mem::take(&mut *self.troubles.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn is_bad(&self, source: &Source) -> bool {
        self.blamed.lock().unwrap_or_else(PoisonError::into_inner).contains(source)
    }

    fn add_bad(&self, source: &Source) {
        let mut blamed = self.blamed.lock().unwrap_or_else(PoisonError::into_inner);
        if !blamed.contains(source) {
            blamed.push(source.clone());
        }
    }

    /// The ways to a large file, best first: mirrors before the origin, which pays
    /// for every byte; what could not be reached before, last.
    pub fn routes(&self, place: &Place) -> Vec<Route> {
        let path = match place {
            Place::Address(_) if self.offline => return Vec::new(),
            Place::Address(url) => return vec![Route(Way::Address(url.clone()))],
            Place::Depot(path) => path,
        };
        let mirrors = self.mirrors.read().unwrap_or_else(PoisonError::into_inner);
        let blamed = self.blamed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all: Vec<Source> = mirrors.iter().chain(&self.list).cloned().collect();
        all.sort_by_key(|source| blamed.contains(source));
        all.into_iter().map(|source| Route(Way::Depot(source, path.clone()))).collect()
    }

    /// This way could not be gone; others come first from now on.
    pub fn blame(&self, route: &Route) {
        if let Way::Depot(source, _) = &route.0 {
            self.add_bad(source);
        }
    }

    /// Whether that has happened to this one.
    pub fn is_blamed(&self, route: &Route) -> bool {
        matches!(&route.0, Way::Depot(source, _) if self.is_bad(source))
    }

    /// Heads of the next few sources after the first `skip`, asked side by side, the
    /// origin first; none when there are no more sources. `tag` is what a source's
    /// head was known by.
    pub fn heads(
        &self,
        path: &str,
        max: u64,
        skip: usize,
        tag: &(dyn Fn(&str) -> Option<String> + Sync),
    ) -> Vec<Answer> {
        let mirrors = self.mirrors.read().unwrap_or_else(PoisonError::into_inner);
        let asked = self.list.iter().chain(mirrors.iter()).skip(skip).take(HEADS);
        let ask = |source: &Source| {
            let name = source.shown();
            let fresh = self.head(source, path, max, tag(&name).as_deref());
            let fresh = fresh.map_err(|error| {
                let error = Any::from(error);
                self.note(source, &error);
                error
            });
            Answer { source: name, fresh }
        };
        let mut asked: Vec<&Source> = asked.collect();
        let Some(last) = asked.pop() else { return Vec::new() };
        std::thread::scope(|scope| {
            let begun: Vec<_> = asked.iter().map(|source| scope.spawn(|| ask(source))).collect();
            let last = ask(last);
            // A thread that died has no answer; the others do.
            begun.into_iter().filter_map(|thread| thread.join().ok()).chain([last]).collect()
        })
    }

    fn head(
        &self,
        source: &Source,
        path: &str,
        max: u64,
        tag: Option<&str>,
    ) -> Result<Fresh, Error> {
        match source {
            Source::Web(base) => self.client.fresh(&format!("{base}{path}"), max, tag),
            Source::Folder(folder) => {
                Ok(Fresh::New(folder::read(folder, path, max, self.staged)?, None))
            }
        }
    }
}

/// Any number, another one each time: which mirror is first is no secret.
fn any_number() -> usize {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    since.subsec_nanos() as usize / 1_000 + std::process::id() as usize
}

/// The most telling of many errors: what was there and wrong says more than what
/// was not there, and the first of its kind more than the next.
#[derive(Default)]
pub struct Worst(Option<Any>);

impl Worst {
    /// One more.
    pub fn add(&mut self, error: Any) {
        if self.0.as_ref().is_none_or(|worst| weight(&error) > weight(worst)) {
            self.0 = Some(error);
        }
    }

    /// The one to tell; `E_UNREACHABLE` when there was none.
    pub fn into_error(self) -> Any {
        self.0.unwrap_or_else(|| Error::Nowhere.into())
    }
}

fn weight(error: &Any) -> u8 {
    match error {
        Any::Source(Error::Absent { .. }) => 0,
        Any::Source(_) => 1,
        _ => 2,
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Reach, Stop};
    use super::*;

    #[test]
    fn no_address_is_a_way_where_no_network_is_to_be_used() {
        let address = Place::Address("http://127.0.0.1:9/x".to_owned());
        let depot = Place::Depot("/x".to_owned());
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().to_str().unwrap();
        for offline in [true, false] {
            let reach = Reach { offline, ..Reach::default() };
            let given = Sources::new(&[folder.to_owned()], &reach, Stop::default()).unwrap();
            let held = Sources::held(dir.path().into(), &reach, Stop::default()).unwrap();
            for sources in [given, held] {
                assert_eq!(sources.routes(&address).is_empty(), offline);
                assert_eq!(sources.routes(&depot).len(), 1);
            }
        }
    }
}
