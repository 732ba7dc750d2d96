//! How a supervisor begins: the folder that it writes to, the sockets of the host's
//! network, and then a network and processes apart. Owns the order, and what is said
//! where the host forbids one of them.

use super::Job;
use super::door::{Door, Sockets};
use crate::service::{Error, PORT, envfile};
use crate::store::Store;
use crate::{disk, platform};
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// What there is before the first thread.
pub(super) struct Ground {
    /// In the host's network, when we are in another.
    pub(super) sockets: Option<Sockets>,
    /// Whether the app can be given processes of its own.
    pub(super) enclosed: bool,
}

/// A supervisor of the whole system has a folder of its own, which its manager makes,
/// and where there is none we do.
pub(super) fn make_runtime(store: &Store) -> Result<(), disk::Error> {
    let folder = store.runtime();
    match platform::create_dir(&folder, 0o755) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        made => disk::at("make the folder", &folder, made),
    }
}

/// Leaves the host's network, behind sockets that stay in it.
pub(super) fn ground(job: &Job<'_>, say: &dyn Fn(&str)) -> Result<Ground, Error> {
    let given = given(job)?;
    if !job.confine {
        return Ok(Ground { sockets: None, enclosed: false });
    }
    let from_manager = given.is_some();
    let sockets = match given {
        Some(sockets) if sockets.are_outside() => Some(sockets),
        Some(sockets) => leave(sockets, say),
        None => {
            let bound = Sockets::bind(job.listen, port(job));
            leave(bound.map_err(|(address, source)| Error::Port { address, source })?, say)
        }
    };
    if sockets.is_none() && from_manager {
        // The app could not listen where the manager does.
        return Err(Error::Sockets);
    }
    let enclosed = platform::may_enclose();
    // The whole system's service has a user of its own, who has no other engines; not so in
    // a container without a manager.
    if let (Err(error), false) = (&enclosed, job.system && !platform::is_root()) {
        say(&format!(
            "this host does not let the app have processes of its own ({error}): when it starts, \
             it ends other engines of this user"
        ));
    }
    Ok(Ground { sockets, enclosed: enclosed.is_ok() })
}

fn leave(sockets: Sockets, say: &dyn Fn(&str)) -> Option<Sockets> {
    match platform::leave_network() {
        Ok(()) => Some(sockets),
        Err(error) => {
            say(&format!(
                "this host does not let the app have a network of its own ({error}): whoever \
                 reaches this computer may reach the app"
            ));
            None
        }
    }
}

/// Sockets that a service manager has opened for us, and for no program that started us.
fn given(job: &Job<'_>) -> Result<Option<Sockets>, Error> {
    let number = |name| job.env.var(name)?.to_str()?.parse::<i32>().ok();
    let ours = number("LISTEN_PID").is_some_and(|pid| pid.cast_unsigned() == std::process::id());
    let count = number("LISTEN_FDS").filter(|count| ours && *count > 0);
    let opened = count.map(Sockets::inherited).transpose();
    opened.map_err(|source| Error::System { what: "use the sockets of LISTEN_FDS".into(), source })
}

/// Where the app is to be found: by `offgrid.env`, else by our own variables.
fn port(job: &Job<'_>) -> u16 {
    let own = || job.env.var("OFFGRID_PORT")?.to_str()?.trim().parse().ok();
    envfile::port(job.env_file).or_else(own).unwrap_or(PORT)
}

/// The door, and with it the first threads.
pub(super) fn open_door(sockets: Option<Sockets>) -> Result<Option<Arc<Door>>, Error> {
    let open = |sockets: Sockets| {
        let port = sockets.port().ok_or(ErrorKind::AddrNotAvailable)?;
        Door::new(sockets, port, super::watch::START)
    };
    let door = sockets.map(open).transpose();
    door.map_err(|source: io::Error| Error::System { what: "open the front door".into(), source })
}
