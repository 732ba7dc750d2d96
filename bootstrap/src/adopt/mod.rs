//! Taking over the app as its makers install it (DESIGN 7): what of it is put out of
//! service, in which order, and what is said about it before.
//!
//! Pure: what was found and what is wanted in, steps out. Decides; `preflight` has
//! found, and `step::retire` does. Never takes what is of another scope: the system's
//! in an installation for everybody, a user's in that user's own.
//!
//! Models stay where they are. So do `/etc/offgrid/llama-port` and `active-model`,
//! which the app reads itself.

mod carry;
mod error;
#[cfg(test)]
mod tests;
mod weave;

pub use error::Error;
pub use weave::weave;

use crate::preflight::{Unit, Upstream};
use crate::step::{Ours, Retire, Step};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What is to become of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Wish {
    /// A person is asked; where nobody can be, it is left alone.
    #[default]
    Ask,
    /// It is taken over.
    Yes,
    /// It is left alone.
    No,
}

impl Wish {
    /// As it is typed.
    ///
    /// # Errors
    /// What it should have been.
    pub fn read(word: &str) -> Result<Wish, String> {
        match word {
            "ask" => Ok(Wish::Ask),
            "yes" => Ok(Wish::Yes),
            "no" => Ok(Wish::No),
            _ => Err("`ask`, `yes` or `no`".to_owned()),
        }
    }
}

/// The unit that both have.
pub const UNIT: &str = "offgrid-llm.service";

/// For whom it is taken over.
#[derive(Debug, Clone, Copy)]
pub struct Scope<'a> {
    /// Whether for the whole system.
    pub system: bool,
    /// The user's folder.
    pub home: Option<&'a Path>,
    /// Folder of `offgrid.env`.
    pub config: &'a Path,
    /// Whether `offgrid.env` is there.
    pub has_env: bool,
    /// The models folder.
    pub models: &'a Path,
}

/// What is put out of service.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adoption {
    /// Whether its units are of the user's own manager.
    user: bool,
    /// Units to stop.
    stop: Vec<String>,
    /// Links that start them.
    links: Vec<PathBuf>,
    /// Places, and where what is there waits.
    places: BTreeMap<PathBuf, PathBuf>,
    /// A settings file to write.
    env: Option<(PathBuf, String)>,
    /// What is there and not of this scope.
    beyond: Vec<String>,
}

impl Adoption {
    /// Of what was found. `kept` names a place beside a path where nothing is.
    pub fn of(upstream: &Upstream, scope: &Scope<'_>, kept: &dyn Fn(&Path) -> PathBuf) -> Adoption {
        let user = !scope.system;
        let mut adoption = Adoption { user, ..Adoption::default() };
        let mut units: Vec<&Unit> = Vec::new();
        for unit in &upstream.units {
            match unit.user == user && scope.may_take(&unit.path) {
                true => units.push(unit),
                false => adoption.beyond.push(format!("the service {}", unit.name)),
            }
        }
        // The app before the engine that it needs.
        units.sort_by_key(|unit| unit.name.starts_with("llama-server"));
        let mut places: Vec<&Path> = Vec::new();
        for unit in units {
            adoption.stop.extend(unit.instances.iter().cloned());
            adoption.links.extend(unit.links.iter().cloned());
            places.push(&unit.path);
            // It would change our unit of the same name.
            places.extend(unit.drop_ins.as_deref().filter(|_| unit.name == UNIT));
        }
        for file in &upstream.files {
            if file.ends_with("offgrid/llama-port") || file.ends_with("offgrid/active-model") {
                continue;
            }
            match scope.may_take(file) {
                true => places.push(file),
                false => adoption.beyond.push(file.display().to_string()),
            }
        }
        adoption.places = places.into_iter().map(|path| (path.to_owned(), kept(path))).collect();
        if !adoption.is_empty() && !scope.has_env {
            let text = carry::text(upstream, user, scope.models);
            adoption.env = text.map(|text| (scope.config.join("offgrid.env"), text));
        }
        adoption
    }

    /// Whether there is nothing to take over in this scope.
    pub fn is_empty(&self) -> bool {
        self.stop.is_empty() && self.places.is_empty()
    }

    /// What is there and cannot be taken over in this scope.
    pub fn beyond(&self) -> &[String] {
        &self.beyond
    }

    /// Whether a place becomes free.
    pub fn frees(&self, path: &Path) -> bool {
        self.places.contains_key(path)
    }

    /// The port that its settings name, which hold for ours too.
    pub fn port(&self) -> Option<u16> {
        let (_, text) = self.env.as_ref()?;
        text.lines().find_map(|line| line.strip_prefix("OFFGRID_PORT="))?.parse().ok()
    }

    fn steps(&self, places: BTreeMap<PathBuf, PathBuf>) -> Vec<Step> {
        let user = self.user;
        let stop = self.stop.iter().map(|name| Retire::Unit { name: name.clone(), user });
        let links = self.links.iter().map(|path| Retire::Link { path: path.clone() });
        let place = |(path, kept)| Retire::Place { path, kept, ours: Ours::Nothing };
        let places = places.into_iter().map(place);
        let reload = (!self.stop.is_empty()).then_some(Retire::Reload { user });
        let whats = stop.chain(links).chain(places).chain(reload);
        let mut steps: Vec<Step> = whats.map(|what| Step::Retire { what }).collect();
        if let Some((path, text)) = &self.env {
            let (path, text) = (path.clone(), text.clone());
            steps.extend(path.parent().map(|folder| Step::MakeDir { path: folder.to_owned() }));
            steps.push(Step::Retire { what: Retire::Settings { path, text } });
        }
        steps
    }

    /// What will happen, a sentence each, for the question.
    pub fn lines(&self, upstream: &Upstream, models: &Path) -> Vec<String> {
        let mut lines = Vec::new();
        let files: Vec<String> =
            self.places.keys().map(|path| path.display().to_string()).collect();
        if !self.stop.is_empty() {
            lines.push(format!("stop and disable {}", self.stop.join(", ")));
        }
        if !files.is_empty() {
            lines.push(format!("keep, beside their places: {}", files.join(", ")));
        }
        if upstream.own_models > 0 {
            let (count, models) = (upstream.own_models, models.display());
            lines.push(format!("use its models where they are ({count} in {models})"));
        }
        for other in &upstream.models {
            let other = other.display();
            lines.push(format!(
                "leave its models in {other}; OFFGRID_MODELS_DIR={other} in offgrid.env uses them"
            ));
        }
        if let Some((path, _)) = &self.env {
            lines.push(format!("write its settings into {}", path.display()));
        }
        lines.push("`offgrid uninstall` puts everything back as it is now".to_owned());
        lines
    }
}

impl Scope<'_> {
    fn may_take(&self, path: &Path) -> bool {
        let system = ["/etc/systemd/system", "/usr/local/bin", "/var/lib/offgrid/web"];
        match self.system {
            true => system.iter().any(|folder| path.starts_with(folder)),
            false => self.home.is_some_and(|home| path.starts_with(home)),
        }
    }
}

/// Refuses what cannot go on beside an installation that is left alone: `registers`
/// says whether a service of ours would take its name and its port.
///
/// # Errors
/// `E_NEEDS_CONSENT`.
pub fn refuse(
    upstream: &Upstream,
    port: (u16, Option<u32>),
    registers: bool,
    system: bool,
) -> Result<(), Error> {
    if !registers {
        return Ok(());
    }
    if upstream.units.iter().any(|unit| unit.name == UNIT && unit.user != system) {
        return Err(Error::Taken { what: format!("the name {UNIT}") });
    }
    match port {
        (port, Some(holder)) if upstream.processes.contains(&holder) => {
            Err(Error::Taken { what: format!("port {port}") })
        }
        _ => Ok(()),
    }
}
