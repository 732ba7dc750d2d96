//! The service of this machine: which kind it is to be, what of it is on the disk
//! already, and whether it can be reached from elsewhere.
//!
//! Looks and decides; what is done is the plan's.

use super::adopt;
use super::changed;
use super::refuse::Error;
use super::session::Session;
use crate::adopt::Adoption;
use crate::error::Error as Any;
use crate::plan::Service;
use crate::receipt::Receipt;
use crate::schedule::Mode;
use crate::service::backend::{Listen, UnitFile, Wanted, backend};
use crate::service::{self, Managed, account, best};
use crate::settings::ServiceKind;
use crate::{disk, env::Env, platform};
use std::path::PathBuf;

/// How the app is to be kept running: as it is where something is installed, else as
/// asked for.
///
/// # Errors
/// `E_UNSUPPORTED` for a kind that this system does not have.
pub(super) fn wanted(session: &Session<'_>, receipt: Option<&Receipt>) -> Result<Service, Any> {
    // Nobody registers a service on a captured machine.
    if session.settings.sysroot.is_some() {
        return Ok(Service::none());
    }
    let service = match receipt {
        None => fresh(session, kind(session)?, Listen::Loopback)?,
        Some(receipt) => {
            let is = kind_of(receipt);
            let asked = session.settings.service;
            if session.settings.service_typed && asked != ServiceKind::Auto && asked != is {
                let (is, asked) = (is.name(), asked.name());
                return Err(Error::OtherService { is, asked }.into());
            }
            known(session, receipt, is)?
        }
    };
    Ok(Service { timer: timer(session, service.kind)?, ..service })
}

/// What is to ask for updates, where somebody wants that and nothing does yet.
fn timer(
    session: &Session<'_>,
    kind: ServiceKind,
) -> Result<Option<(Managed, Vec<UnitFile>)>, Any> {
    let wanted = !matches!(session.settings.updates, None | Some(Mode::Never));
    // What a timer has started needs no timer.
    if !wanted || session.settings.scheduled || !has_timers(kind) {
        return Ok(None);
    }
    let timer = called(session, kind).timer();
    let Ok(definition) = timer.definition(session.store()) else { return Ok(None) };
    // A manager that cannot be asked now says so when it is told.
    if timer.state(session.store()).is_ok_and(|state| state.autostart) {
        return Ok(None);
    }
    Ok(Some((timer, definition.files)))
}

/// Whether something of this system types a command from time to time: its service
/// manager, else cron.
fn has_timers(kind: ServiceKind) -> bool {
    let by_cron = matches!(kind, ServiceKind::Openrc | ServiceKind::Supervise | ServiceKind::None);
    // There is no timer for Windows yet.
    kind != ServiceKind::Windows && (!by_cron || service::act::is_there("crontab"))
}

/// Whether something is to ask for updates that does not yet.
pub(super) fn is_timer_due(session: &Session<'_>, receipt: &Receipt) -> Result<bool, Any> {
    Ok(timer(session, kind_of(receipt))?.is_some())
}

/// The kind that a receipt names; one that this program does not know is no service of
/// its own.
pub(super) fn kind_of(receipt: &Receipt) -> ServiceKind {
    let known = ServiceKind::ALL.iter().copied().find(|kind| kind.name() == receipt.service);
    known.unwrap_or(ServiceKind::None)
}

/// What was asked for, or the best of this system.
pub(super) fn kind(session: &Session<'_>) -> Result<ServiceKind, Any> {
    let asked = session.settings.service;
    let fits = match asked {
        ServiceKind::Auto => return Ok(best::best(facts(session)?)),
        ServiceKind::None => true,
        ServiceKind::Supervise => platform::can_supervise(),
        kind => best::fits(facts(session)?, kind),
    };
    let kind = || asked.name().to_owned();
    if fits { Ok(asked) } else { Err(Error::NoService { kind: kind() }.into()) }
}

fn facts(session: &Session<'_>) -> Result<best::Facts, Any> {
    Ok(best::Facts::read(&session.host()?, session.env, session.place.system))
}

/// The service that a manager knows by this kind; `None` where there is no manager.
pub(super) fn managed(session: &Session<'_>, kind: ServiceKind) -> Option<Managed> {
    backend(kind).map(|_| called(session, kind))
}

fn called(session: &Session<'_>, kind: ServiceKind) -> Managed {
    let own = !session.place.system;
    let home = own.then(|| session.env.home()).flatten();
    // Units of a user lie beside our own folder of settings.
    let config = own.then(|| session.place.config.clone());
    Managed { kind, home, config, timer: false }
}

/// One that is to be registered.
pub(super) fn fresh(
    session: &Session<'_>,
    kind: ServiceKind,
    before: Listen,
) -> Result<Service, Any> {
    let Some(managed) = managed(session, kind) else { return Ok(Service::unmanaged(kind)) };
    let settings = session.settings;
    let listen = settings.listen.unwrap_or(before);
    let own = session.place.system && account::may_make();
    let home = account::home(&session.place.models);
    let linger = match (kind, settings.linger) {
        (ServiceKind::SystemdUser, Some(true)) => platform::user_name(),
        _ => None,
    };
    Ok(Service {
        kind,
        listen,
        unit: unit(session, kind)?,
        files: files(session, kind, listen)?,
        managed: Some(managed),
        account: own.then(|| (account::NAME.to_owned(), home)),
        new: true,
        autostart: settings.autostart,
        linger,
        timer: None,
        changed: Vec::new(),
    })
}

/// One that is registered: its files are made anew where they are not as they should be.
fn known(session: &Session<'_>, receipt: &Receipt, kind: ServiceKind) -> Result<Service, Any> {
    let Some(managed) = managed(session, kind) else {
        return Ok(Service { listen: receipt.listen, ..Service::unmanaged(kind) });
    };
    let listen = session.settings.listen.unwrap_or(receipt.listen);
    let (mut differing, mut others) = (Vec::new(), Vec::new());
    for file in files(session, kind, listen)? {
        if !is_there(&file)? {
            others.extend(changed::defaults(session, &file)?);
            differing.push(file);
        }
    }
    // A manager that cannot be asked now starts nothing anew.
    let running = managed.state(session.store()).is_ok_and(|state| state.running);
    let (unit, managed) = (unit(session, kind)?, Some(managed));
    let service = Service { managed, files: differing, unit, ..Service::unmanaged(kind) };
    Ok(Service { listen, autostart: running, changed: others, ..service })
}

/// The file that describes the service itself.
fn unit(session: &Session<'_>, kind: ServiceKind) -> Result<Option<PathBuf>, Any> {
    let mut all = paths(session, kind)?;
    // Beside it systemd has those of its socket and of the way back.
    let own = all.iter().position(|path| path.ends_with("offgrid-llm.service"));
    Ok((!all.is_empty()).then(|| all.swap_remove(own.unwrap_or(0))))
}

fn is_there(file: &UnitFile) -> Result<bool, Any> {
    let bytes = disk::read(&file.path, 1024 * 1024)?;
    let same = bytes.is_some_and(|bytes| bytes == file.text.as_bytes());
    Ok(same && platform::mode_of(&file.path).is_ok_and(|mode| mode == file.mode))
}

/// The files of its manager, as they should be.
pub(super) fn files(
    session: &Session<'_>,
    kind: ServiceKind,
    listen: Listen,
) -> Result<Vec<UnitFile>, Any> {
    let Some(backend) = backend(kind) else { return Ok(Vec::new()) };
    let (store, place) = (session.store(), &session.place);
    let account = match place.system {
        true => Some(account::account(&account::home(&place.models))?),
        false => None,
    };
    let home = session.env.home().filter(|_| !place.system);
    // What a first install takes over is not in its settings yet.
    let taken = adopt::adoption(session).and_then(Adoption::port);
    let definition = backend.definition(&Wanted {
        prefix: store.prefix(),
        program: &store.program(),
        config: &place.config,
        models: &place.models,
        account: account.as_ref(),
        home: home.as_deref(),
        uid: platform::user().map(|(uid, _)| uid),
        port: taken.unwrap_or_else(|| service::port(&place.config)),
        listen,
        drain: session.settings.drain,
    });
    Ok(definition.map_err(service::Error::from)?.files)
}

/// The paths of all files that a service of this kind has here.
pub(super) fn paths(session: &Session<'_>, kind: ServiceKind) -> Result<Vec<PathBuf>, Any> {
    let files = files(session, kind, Listen::Loopback)?;
    Ok(files.into_iter().map(|file| file.path).collect())
}

/// What may be done where `listen` is "lan".
pub(super) const CHOSEN: &str = "that is what `listen = lan` says; a password is \
                                 OFFGRID_REQUIRE_AUTH=true in offgrid.env";

/// That the app is open to others.
pub(super) fn open_at(port: u16) -> String {
    format!("other computers of your network can reach the app at port {port}")
}

/// Says whom the service lets in, after it was started, and does not leave one running
/// that nobody wanted to be reachable (DESIGN 10).
pub(super) fn look_at_exposure(session: &Session<'_>, service: &Service) -> Result<(), Any> {
    // Before the app answers there may be nothing to measure.
    service::await_answer(session.store(), &|| session.stop.is_set());
    let state = service::state(session.store());
    let (Some(_), Some(port)) = (state.running, state.port) else { return Ok(()) };
    let exposed = service::exposure::measure(port);
    if exposed != Some(true) {
        return Ok(());
    }
    let what = open_at(port);
    if service.listen == Listen::Lan {
        session.warn("W_EXPOSED", &what, Some(CHOSEN));
        return Ok(());
    }
    let asked = session.can_ask();
    let question = format!("{what}, without a password. Leave it running?");
    if asked && session.ask(&question, false)? {
        return Ok(());
    }
    match &service.managed {
        // Nor does it come back with the next start of this computer.
        Some(managed) => {
            managed.stop(session.store())?;
            managed.enable(session.store(), false)?;
        }
        None => service::stop(session.store())?,
    }
    let hint = "this system cannot confine it; if that is right for your network: \
                `offgrid self service install --listen lan`";
    session.warn(
        "W_EXPOSED",
        &format!("{what}, so it was stopped and does not start by itself"),
        Some(hint),
    );
    Ok(())
}

/// What a person should know of a service of their own.
pub(super) fn say_of_session(session: &Session<'_>, env: &Env, service: &Service) {
    let user = platform::user_name();
    let ends = service.kind == ServiceKind::SystemdUser
        && service.new
        && service.linger.is_none()
        && env.home().is_some()
        && user.is_some_and(|user: String| !service::linger::is_on(&user));
    let wanted = !matches!(session.settings.updates, None | Some(Mode::Never));
    if wanted && !session.settings.scheduled && !has_timers(service.kind) {
        let hint = "have something type it from time to time: offgrid update --scheduled";
        session.warn("W_NO_TIMER", "this system has no timers and no cron for updates", Some(hint));
    }
    if session.settings.updates.is_none() && service.new {
        let hint = "to be told of them, or to have them installed: offgrid update --updates notify, \
                    or install";
        session.note("updates come when you type `offgrid update`", Some(hint));
    }
    if ends {
        let hint = "to let it go on: offgrid self service install --linger";
        session.note("the service ends when you log out", Some(hint));
    }
}
