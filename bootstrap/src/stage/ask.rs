//! Root's side: makes the child's folder, starts the child for one order after the
//! other, and turns a plan of blobs into one of plain files.

use super::{Error, Order, What, depot, plain};
use crate::child::{self, Ended};
use crate::disk;
use crate::env::Env;
use crate::error::Error as Any;
use crate::fill;
use crate::plan::Plan;
use crate::platform;
use crate::run;
use crate::schedule;
use crate::source::Stop;
use crate::step::Step;
use crate::store::Store;
use offgrid_manifest::{Code, layout};
use serde_json::Value;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// For one order: a slow link is slow.
const LIMIT: Duration = Duration::from_secs(7 * 3600);
/// Where folders of this kind lie.
const CACHES: &str = "/var/cache";
/// Who has no rights, best first.
const USERS: [&str; 2] = ["offgrid", "nobody"];
/// Where proxies and certificates are named; nothing else is given on.
const NETWORK: [&str; 10] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// A folder in which a child without rights works for us.
pub struct Staging {
    cache: PathBuf,
    program: PathBuf,
    order: PathBuf,
    user: (u32, u32),
    env: Vec<(String, std::ffi::OsString)>,
    stop: Stop,
}

/// The folder of the installation of this prefix; root's own, with the child's in it. A
/// service manager that makes it anew each time would make all of it root's otherwise.
fn cache_of(prefix: &Path) -> PathBuf {
    Path::new(CACHES).join(schedule::cache_name(prefix))
}

impl Staging {
    /// Makes the folder and gives it to whom the child runs as.
    ///
    /// # Errors
    /// `E_UNSUPPORTED` without such a user; any file operation.
    pub fn new(store: &Store, env: &Env, stop: &Stop) -> Result<Staging, Any> {
        let users = disk::read(Path::new("/etc/passwd"), 16 * 1024 * 1024)?.unwrap_or_default();
        let users = String::from_utf8_lossy(&users).into_owned();
        let user = USERS.iter().find_map(|name| account(&users, name)).ok_or(Error::Nobody)?;
        // Nobody but root can put anything in the place of it: the folder above is root's.
        let cache = cache_of(store.prefix()).join("child");
        let owner = platform::rights_of(&cache.to_string_lossy()).map(|(_, uid, _)| uid);
        if owner.is_some_and(|owner| owner != user.0) {
            disk::remove_tree(&cache)?;
        }
        disk::make_dirs(&cache)?;
        disk::at("give away", &cache, platform::give_dir(&cache, user.0, user.1))?;
        let given = |name: &&str| Some(((*name).to_owned(), env.var(name)?.clone()));
        Ok(Staging {
            cache,
            program: store.program(),
            order: store.state().join("order.json"),
            user,
            env: NETWORK.iter().filter_map(given).collect(),
            stop: stop.clone(),
        })
    }

    /// The only source of root's own run.
    ///
    /// # Errors
    /// Any file operation.
    pub fn source(&self) -> Result<String, Any> {
        Ok(depot(&self.cache).display().to_string())
    }

    /// Has one thing brought; how many bytes that took.
    ///
    /// # Errors
    /// What the child says.
    pub fn bring(&self, order: &Order) -> Result<u64, Any> {
        let text = crate::store::to_json(order, &self.order)?;
        disk::write(&self.order, &text, 0o600)?;
        let brought = self.child();
        disk::remove_file(&self.order)?;
        brought
    }

    fn child(&self) -> Result<u64, Any> {
        let mut command = child::command(&self.program, &self.cache);
        command.args(["self", "stage", "--json", "--system", "--into"]).arg(&self.cache);
        child::give(&mut command, self.env.iter().map(|(name, value)| (name, value.clone())));
        let order = disk::at("read", &self.order, File::open(&self.order))?;
        command.stdin(order);
        platform::lower_rights(&mut command, self.user.0, self.user.1, &[]);
        let outcome = child::run(command, LIMIT, &|| self.stop.is_set()).map_err(Error::Start)?;
        if self.stop.is_set() {
            return Err(run::Error::Interrupted.into());
        }
        let last = outcome.stdout.lines().last().unwrap_or_default();
        let last: Value = serde_json::from_str(last).unwrap_or_default();
        if outcome.ended.is_success() && last["event"] == "ended" {
            return Ok(last["bytes"].as_u64().unwrap_or_default());
        }
        let name = last["error"]["code"].as_str().unwrap_or_default();
        let code = Code::ALL.iter().copied().find(|code| code.name() == name);
        let exited = matches!(outcome.ended, Ended::Exited(_));
        match code.filter(|_| exited) {
            Some(code) => {
                let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let message = text(&last["error"]["message"]);
                Err(Error::Refused { code, message }.into())
            }
            None => {
                let source = outcome.said();
                Err(Error::Mute { ended: outcome.ended, source }.into())
            }
        }
    }

    /// Has everything brought that the plan fetches, and gives back the plan that takes
    /// it from there; and how many bytes that took. `order` makes an order of a thing.
    ///
    /// # Errors
    /// What the child says.
    pub fn prepare(&self, plan: &Plan, order: &dyn Fn(What) -> Order) -> Result<(Plan, u64), Any> {
        let (mut plan, mut bytes) = (plan.clone(), 0);
        for step in &mut plan.steps {
            match step {
                Step::FillSlot { slot } | Step::Rebuild { slot, .. } => {
                    if let Some(missing) = fill::missing(slot) {
                        let slot = Box::new(missing);
                        bytes += self.bring(&order(What::Slot { slot }))?;
                    }
                    **slot = fill::staged(slot, &plain(&self.cache));
                }
                Step::FetchSetup { setup } => {
                    bytes += self.bring(&order(What::Blob { pin: setup.pin }))?;
                }
                _ => {}
            }
        }
        Ok((plan, bytes))
    }

    /// Whether the child has brought this blob as it is.
    pub fn has(&self, digest: &offgrid_manifest::Digest) -> bool {
        let path = depot(&self.cache).join(layout::blob(digest));
        path.symlink_metadata().is_ok_and(|meta| meta.is_file())
    }

    /// Removes all but what the child remembers, so that the next look is a short one.
    ///
    /// # Errors
    /// Any file operation.
    pub fn clear(&self) -> Result<(), Any> {
        for name in ["plain", "blobs", "state", "depot"] {
            disk::remove_tree(&self.cache.join(name))?;
        }
        Ok(())
    }

    /// Removes the folder of an installation that is gone.
    ///
    /// # Errors
    /// Any file operation.
    pub fn forget(prefix: &Path) -> Result<(), Any> {
        Ok(disk::remove_tree(&cache_of(prefix))?)
    }
}

/// The numbers of a user and its group in the text of `/etc/passwd`; never those of
/// root.
fn account(users: &str, name: &str) -> Option<(u32, u32)> {
    let line = users.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let (uid, gid) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    (uid != 0 && gid != 0).then_some((uid, gid))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_never_root() {
        let users = "root:x:0:0::/root:/bin/sh\noffgrid:x:0:0::/:/bin/sh\n\
                     offgrids:x:7:7::/:/bin/sh\nnobody:x:65534:65533::/:/bin/false\n";
        assert_eq!(account(users, "offgrid"), None);
        assert_eq!(account(users, "nobody"), Some((65534, 65533)));
        assert_eq!(account(users, "offgri"), None);
    }
}
