//! This program's own update and its own test. A newer bootstrapper goes first, as
//! a run of its own, and then does what was asked for in this one's place, once
//! (DESIGN 12).

use super::believe::chosen;
use super::refuse::Error;
use super::session::{Change, Session, random_name};
use crate::env::Env;
use crate::error::Error as Any;
use crate::event::{Ending, Outcome};
use crate::receipt::{self, Receipt};
use crate::setup::NewSetup;
use crate::source::Sources;
use crate::trust::{self, Known, Trusted};
use crate::{disk, fetch, journal, plan, platform, run, select, stamp};
use offgrid_manifest::{Release, Version};
use serde_json::json;
use std::process::Command;

/// Set for the program that takes over, so that it happens once. No setting: it
/// says what has happened, not what is wanted.
const HANDED_OVER: &str = "OFFGRID_HANDED_OVER";

/// This program's version.
pub(super) fn version() -> Result<Version, Any> {
    Ok(env!("CARGO_PKG_VERSION").parse()?)
}

/// Goes to the bootstrapper of a release when that is newer, and lets it do the
/// rest; comes back when this one is new enough.
///
/// # Errors
/// `E_SELFTEST` or `E_UNTRUSTED_BINARY` for one that may not take over; this
/// program is then as before.
pub(super) fn renew(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: &Receipt,
    release: &Release,
) -> Result<(), Any> {
    let session = change.session;
    let Some(new) = due(session, trusted, receipt, release)? else { return Ok(()) };
    let what = format!("offgrid-setup {} is newer than this one and goes first", new.version);
    session.consent(&format!("{what}. Go on?"))?;
    session.note(&what, None);
    let plan = plan::renew(random_name()?, session.store(), receipt, new);
    change.run(&plan, sources)?;
    if session.stop.is_set() {
        // The program that takes over would not know of it.
        return Err(run::Error::Interrupted.into());
    }
    let program = session.store().program();
    let mut command = Command::new(&program);
    command.args(handed(session)).env(HANDED_OVER, &plan.id);
    let source = platform::exec(&mut command);
    // Only here when it could not be started; what it would have done, this one can.
    let what = format!("{} could not take over: {source}", program.display());
    session.note(&what, Some("this program goes on"));
    Ok(())
}

/// Whether this program has just taken over from an older one.
pub(super) fn handed_over(env: &Env) -> bool {
    env.var(HANDED_OVER).is_some()
}

/// The words of this command as the installed program takes them.
fn handed(session: &Session<'_>) -> Vec<std::ffi::OsString> {
    let mut words = vec!["self".into()];
    words.extend(session.env.args.iter().cloned());
    words
}

/// The same when there is no other release to go to, for a live one that brought a
/// newer bootstrapper than this.
pub(super) fn renew_from_live(
    change: &Change<'_>,
    sources: &Sources,
    trusted: &Trusted,
    receipt: &Receipt,
) -> Result<(), Any> {
    let own = version()?;
    let slot = receipt.slots.get(&receipt.live.to_string());
    let brought = slot.and_then(|slot| slot.setup.parse::<Version>().ok());
    let listed = trusted.channel.releases.contains_key(&receipt.live.version);
    if !listed || brought.is_none_or(|brought| brought <= own) {
        return Ok(());
    }
    let (version, pin) = chosen(change.session, trusted, Some(receipt))?;
    let release = trust::release(trusted, sources, &version, pin)?;
    renew(change, sources, trusted, receipt, &release)
}

/// The release's bootstrapper, when it is to take this one's place.
fn due(
    session: &Session<'_>,
    trusted: &Trusted,
    receipt: &Receipt,
    release: &Release,
) -> Result<Option<NewSetup>, Any> {
    let program = session.store().program();
    let installed = program.canonicalize().is_ok_and(|path| path == session.env.exe);
    if !installed || handed_over(session.env) || release.setup.version <= version()? {
        return Ok(None);
    }
    let target = select::target_of(&session.host()?)?;
    let pin = release.setup.targets.get(&target).filter(|pin| pin.sha256 != receipt.program);
    let chain = trusted.memory.chain.iter().skip(1).copied().collect();
    Ok(pin.map(|pin| NewSetup { version: release.setup.version.clone(), pin: *pin, chain }))
}

/// Whether this program may go on at all under this root.
pub(super) fn check_age(trusted: &Trusted) -> Result<(), Any> {
    trust::check_age(&trusted.root, &version()?).map_err(Any::from)
}

/// `selftest`: what a new bootstrapper must be able to do before it takes over:
/// read its own stamp, and everything that the old one wrote.
pub(super) fn selftest(session: &Session<'_>) -> Result<Ending, Any> {
    let stamped = stamp::own()?;
    let store = session.store();
    store.check_owner(session.place.system)?;
    if receipt::read(store)?.is_none() {
        return Err(Error::NotInstalled { prefix: store.prefix().to_owned() }.into());
    }
    journal::read(store)?;
    let memory = disk::read(&store.trust(), trust::state_max())?;
    let known = Known { memory: memory.as_deref(), installed: None };
    trust::show(&stamped, &known)?;
    fetch::digest_of(&store.program())?;
    let mut ending = Ending::new(Outcome::Unchanged, "this program works here");
    ending.facts = json!({"setup": version()?, "root": stamped.root.version});
    Ok(ending)
}
