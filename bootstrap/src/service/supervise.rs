//! The foreground supervisor, for containers and hosts without an init: keeps
//! the live slot's app running. Owns the app's process, its environment and
//! `state/service.json`.
//!
//! Never stays in the background, never decides which slot is live: HangUp makes
//! it look again. Without PATH on purpose: the app ends every engine of its user
//! with programs that it seeks there (reference/app.md 1).

use super::{Error, Note, envfile, environment, lock_path};
use crate::env::Env;
use crate::platform::{self, Caught, Signal};
use crate::store::{SlotName, Store};
use crate::{child, disk, error::in_one_line};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::Path;
use std::process::{Command, ExitStatus};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// Before an app that ended is started again: first this long, then twice that.
const PAUSE: Duration = Duration::from_secs(1);
/// At most this long.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// An app that ran this long begins with [`PAUSE`] again.
const STEADY: Duration = Duration::from_secs(60);
/// For an app that was asked to end, before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// For an app that was killed.
const KILLED: Duration = Duration::from_secs(5);
/// Whoever looks whether a supervisor runs holds the lock for a moment.
const LOOKED_AT: Duration = Duration::from_millis(200);
/// Variables of ours that the app gets too.
const PASSED_ON: [&str; 5] = ["HOME", "USERPROFILE", "USER", "LANG", "TZ"];
const ENV_FILE_MAX: u64 = 1024 * 1024;

/// Keeps the app of the live slot running until we are told to end.
///
/// # Errors
/// `E_UNSUPPORTED` where there are no signals, `E_LOCKED` when another one runs,
/// `E_STATE` when nothing is installed.
pub fn run(
    store: &Store,
    models: &Path,
    env: &Env,
    env_file: Option<&Path>,
    say: &dyn Fn(&str),
) -> Result<(), crate::Error> {
    if !platform::can_supervise() {
        return Err(Error::NoSupervisor.into());
    }
    if store.live().is_none() {
        return Err(Error::NoSlot { prefix: store.prefix().to_owned() }.into());
    }
    let (sender, news) = mpsc::channel();
    let caught = sender.clone();
    let kinds = [Caught::Interrupt, Caught::Terminate, Caught::HangUp];
    // Before anybody can learn our number: HangUp would end us.
    let listening = platform::on_signal(&kinds, move |kind| {
        // Nobody hears it any more: we are ending.
        let _ = caught.send(News::Caught(kind));
    });
    listening.map_err(|source| Error::System { what: "listen to signals".to_owned(), source })?;
    let _lock = lock(store)?;
    end_leftover(store, say);
    disk::remove_file(&store.service())?;
    let supervisor = Supervisor { store, models, env, env_file, say, sender, news };
    supervisor.supervise();
    Ok(disk::remove_file(&store.service())?)
}

/// One supervisor for a prefix; the kernel frees the lock when it crashes.
fn lock(store: &Store) -> Result<File, crate::Error> {
    let path = lock_path(store);
    let opened = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
    let file = disk::at("open the lock", &path, opened)?;
    let until = Instant::now() + LOOKED_AT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < until => {
                thread::sleep(LOOKED_AT / 10);
            }
            Err(TryLockError::WouldBlock) => {
                let pid = Note::read(store).map(|note| note.pid);
                return Err(Error::Supervised { pid, prefix: store.prefix().to_owned() }.into());
            }
            Err(TryLockError::Error(source)) => {
                return Err(disk::Error { op: "lock", path, source }.into());
            }
        }
    }
}

/// Ends the app of a supervisor that was killed: it would hold the port. Only
/// where the system shows that the process is of one of our slots.
fn end_leftover(store: &Store, say: &dyn Fn(&str)) {
    let Some(pid) = Note::read(store).and_then(|note| note.child) else { return };
    let exe = platform::read_link(&Path::new("/proc").join(pid.to_string()).join("exe"));
    let ours = store.versions().canonicalize().ok();
    if !exe.zip(ours).is_some_and(|(exe, ours)| exe.starts_with(ours)) {
        return;
    }
    say(&format!("ending the app that an earlier supervisor left behind (process {pid})"));
    for (signal, limit) in [(Signal::Stop, GRACE), (Signal::Kill, KILLED)] {
        // It may end at this moment: no news.
        let _ = platform::signal(pid, signal);
        let until = Instant::now() + limit;
        while platform::process_id_alive(pid) && Instant::now() < until {
            thread::sleep(LOOKED_AT / 10);
        }
    }
}

/// What happens.
enum News {
    Caught(Caught),
    /// This process ended.
    Ended(u32, io::Result<ExitStatus>),
}

/// What is to be done now.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Next {
    /// Start the app again, after a pause when it was not asked to end.
    Retry,
    /// Start the app of the live slot at once.
    Reload,
    Stop,
}

struct Supervisor<'a> {
    store: &'a Store,
    models: &'a Path,
    env: &'a Env,
    env_file: Option<&'a Path>,
    say: &'a dyn Fn(&str),
    sender: Sender<News>,
    news: Receiver<News>,
}

impl Supervisor<'_> {
    fn supervise(&self) {
        let mut pause = PAUSE;
        loop {
            let Some(slot) = self.store.live() else {
                (self.say)("nothing is installed here any more");
                return;
            };
            let began = Instant::now();
            let mut next = match self.start(&slot) {
                Ok(pid) => self.watch(pid),
                Err(error) => {
                    let why = in_one_line(&error);
                    (self.say)(&format!("the app of {slot} could not be started: {why}"));
                    error.hint().iter().for_each(|hint| (self.say)(hint));
                    Next::Retry
                }
            };
            if began.elapsed() >= STEADY || next == Next::Reload {
                pause = PAUSE;
            }
            if next == Next::Retry {
                self.note(&slot, None, &self.user());
                (self.say)(&format!("starting it again in {} s", pause.as_secs()));
                next = self.rest(pause);
                pause = if next == Next::Reload { PAUSE } else { (pause * 2).min(PAUSE_MAX) };
            }
            if next == Next::Stop {
                return;
            }
        }
    }

    /// Starts the app; a thread waits for its end.
    fn start(&self, slot: &SlotName) -> Result<u32, crate::Error> {
        let folder = self.store.slot(slot).join("app");
        let program = folder.join(platform::exe_name("offgrid"));
        let user = self.user();
        let mut command: Command = child::command(&program, &folder);
        command.arg("serve");
        child::give(&mut command, user.clone());
        let given = environment(self.store, slot, self.models, &user, true)?;
        given.note.iter().for_each(|note| (self.say)(note));
        child::give(&mut command, given.vars);
        let mut app = child::spawn(&mut command).map_err(|why| Error::start(&program, why))?;
        let (pid, sender) = (app.id(), self.sender.clone());
        thread::spawn(move || {
            let status = app.wait();
            // Nobody hears it any more: we are ending.
            let _ = sender.send(News::Ended(pid, status));
        });
        self.note(slot, Some(pid), &user);
        (self.say)(&format!("started {slot} (process {pid})"));
        Ok(pid)
    }

    /// Waits until something is to be done about a running app; it has ended then.
    fn watch(&self, pid: u32) -> Next {
        loop {
            match self.news.recv() {
                Ok(News::Ended(ended, status)) if ended == pid => {
                    let how = status.map_or_else(|error| error.to_string(), |how| how.to_string());
                    (self.say)(&format!("the app (process {pid}) ended by itself: {how}"));
                    // Engines that it left behind hold memory and ports.
                    let _ = platform::signal(pid, Signal::Kill);
                    return Next::Retry;
                }
                Ok(News::Ended(..)) => {}
                Ok(News::Caught(Caught::HangUp)) => return self.end(pid, Next::Reload),
                Ok(News::Caught(_)) | Err(_) => return self.end(pid, Next::Stop),
            }
        }
    }

    /// Ends the app; what comes after is what was asked last.
    fn end(&self, pid: u32, mut next: Next) -> Next {
        // It may have ended at this moment: then that is the next news.
        let _ = platform::signal(pid, Signal::Stop);
        let mut until = Instant::now() + GRACE;
        let mut killed = false;
        loop {
            match self.news.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(News::Ended(ended, _)) if ended == pid => return next,
                Ok(News::Ended(..) | News::Caught(Caught::HangUp)) => {}
                Ok(News::Caught(_)) => next = Next::Stop,
                Err(RecvTimeoutError::Timeout) if !killed => {
                    (self.say)(&format!("the app (process {pid}) did not end; killing it"));
                    let _ = platform::signal(pid, Signal::Kill);
                    killed = true;
                    until = Instant::now() + KILLED;
                }
                Err(_) => return next,
            }
        }
    }

    /// Waits without an app.
    fn rest(&self, pause: Duration) -> Next {
        let until = Instant::now() + pause;
        loop {
            match self.news.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(News::Ended(..)) => {}
                Ok(News::Caught(Caught::HangUp)) => return Next::Reload,
                Ok(News::Caught(_)) | Err(RecvTimeoutError::Disconnected) => return Next::Stop,
                Err(RecvTimeoutError::Timeout) => return Next::Retry,
            }
        }
    }

    /// What the user wants the app to have: some of our own variables, and
    /// `offgrid.env`, read anew for each start.
    fn user(&self) -> BTreeMap<OsString, OsString> {
        let own = PASSED_ON.map(|name| Some((name.into(), self.env.var(name)?.clone())));
        let mut vars: BTreeMap<OsString, OsString> = own.into_iter().flatten().collect();
        let Some(path) = self.env_file else { return vars };
        let text = match disk::read(path, ENV_FILE_MAX) {
            Ok(bytes) => String::from_utf8_lossy(&bytes.unwrap_or_default()).into_owned(),
            Err(error) => {
                (self.say)(&format!("{error}: {}", error.source));
                return vars;
            }
        };
        let (lines, wrong) = envfile::parse(&text);
        for why in wrong {
            (self.say)(&format!("`{}`: {why}; it is left out", path.display()));
        }
        for (name, value) in lines {
            if child::steers_loader(name.as_ref()) {
                (self.say)(&format!("`{}`: {name} is not passed on", path.display()));
            } else {
                vars.insert(name.into(), value.into());
            }
        }
        vars
    }

    /// Says what runs. A full disk must not take the service down.
    fn note(&self, slot: &SlotName, child: Option<u32>, user: &BTreeMap<OsString, OsString>) {
        let chosen = user.get(&OsString::from("OFFGRID_PORT"));
        let port = chosen.and_then(|port| port.to_str()?.trim().parse().ok());
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let note = Note {
            pid: std::process::id(),
            child,
            slot: slot.clone(),
            port: port.unwrap_or(super::PORT),
            since,
        };
        let path = self.store.service();
        let written = crate::store::to_json(&note, &path)
            .and_then(|text| Ok(disk::write(&path, &text, 0o600)?));
        if let Err(error) = written {
            (self.say)(&error.to_string());
        }
    }
}
