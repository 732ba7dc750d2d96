//! Where things are on this machine for one command: the prefix that is meant, and
//! what belongs to it. Looks; changes nothing.

use super::packaged;
use super::refuse::Error;
use crate::env::Env;
use crate::error::Error as Any;
use crate::store::Store;
use crate::{dispatch, platform, receipt};
use std::path::{Path, PathBuf};

/// Where things are on this machine.
#[derive(Debug, Clone)]
pub(super) struct Place {
    /// The prefix.
    pub(super) store: Store,
    /// Where the link on PATH goes.
    pub(super) link: Option<PathBuf>,
    /// The models folder.
    pub(super) models: PathBuf,
    /// Folder of `offgrid.env`.
    pub(super) config: PathBuf,
    /// Whether it is the whole system's.
    pub(super) system: bool,
}

/// Works out the place: as asked for, else of the installation that this program
/// belongs to, else the usual one of this user.
pub(super) fn place_of(
    env: &Env,
    prefix: Option<&Path>,
    system: Option<bool>,
) -> Result<Place, Any> {
    let own = dispatch::prefix_of(&env.exe);
    let usual = |system| platform::places(env, system).ok_or(Error::NoHome);
    let system = match (system, &own) {
        (Some(system), _) => system,
        (None, Some(own)) => {
            let of_all = platform::places(env, true);
            of_all.is_some_and(|places| places.prefix == *own) || recorded_system(own)
        }
        (None, None) if packaged::is_packaged(env) => of_package(env),
        (None, None) => platform::is_root(),
    };
    let places = usual(system)?;
    let prefix = prefix.map(Path::to_owned).or(own).unwrap_or(places.prefix);
    let link = places.link_dir.map(|folder| folder.join(platform::exe_name("offgrid")));
    let (models, config) = (places.models, places.config_dir);
    let store = Store::new(prefix).with_runtime(places.runtime);
    Ok(Place { store, link, models, config, system })
}

/// A packaged program lies in no prefix: it is the user's installation that is meant
/// where there is one, else the system's.
fn of_package(env: &Env) -> bool {
    let is_there = |system| {
        let there = |prefix| Store::new(prefix).exists().unwrap_or(false);
        platform::places(env, system).is_some_and(|places| there(places.prefix))
    };
    platform::is_root() || (!is_there(false) && is_there(true))
}

/// Whether the receipt of a prefix says that it is the whole system's.
fn recorded_system(prefix: &Path) -> bool {
    let store = Store::new(prefix.to_owned());
    if store.is_roots() {
        return true;
    }
    // Not a word of a prefix that somebody else could have written.
    if store.check_owner(false).is_err() {
        return false;
    }
    receipt::scope(&store).is_some_and(|scope| scope == "system")
}

/// The folders of settings files: the user's first, then the system's.
pub(super) fn config_dirs(env: &Env) -> Vec<(PathBuf, bool)> {
    let user = platform::places(env, false).map(|places| (places.config_dir, false));
    let system = platform::places(env, true).map(|places| (places.config_dir, true));
    user.into_iter().chain(system).collect()
}
