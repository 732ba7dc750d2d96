//! The supervisor, which every service manager runs, and people where there is none:
//! keeps the live slot's app running. Owns the app's process, its environment, the
//! front door and `service.json`.
//!
//! Never stays in the background, never decides which slot is live: HangUp makes
//! it look again. Without PATH on purpose: the app ends every engine of its user
//! with programs that it seeks there (reference/app.md 1).

mod back;
mod begin;
mod door;
mod ending;
mod flow;
mod starts;
mod tell;
mod watch;

pub use starts::FILE as STARTS;

use super::backend::Listen;
use super::{Error, Note, lock_path};
use crate::env::Env;
use crate::platform::{self, Caught, Signal};
use crate::store::Store;
use crate::{child, disk};
pub use starts::are_too_many;

use begin::Ground;
use starts::Starts;
use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};
use watch::{News, Supervisor};

/// For an app that was asked to end, before it is killed.
const GRACE: Duration = Duration::from_secs(10);
/// For an app that was killed.
const KILLED: Duration = Duration::from_secs(5);
/// What an app takes to end, at most, with all that it has left behind.
pub(super) const TO_END: Duration = Duration::from_secs(GRACE.as_secs() + 2 * KILLED.as_secs());
/// Whoever looks whether a supervisor runs holds the lock for a moment.
const LOOKED_AT: Duration = Duration::from_millis(200);
/// The words with which this program runs itself between the supervisor and the app.
const INSIDE: [&str; 2] = ["service", "inside"];

/// What a supervisor is to do.
pub struct Job<'a> {
    /// The prefix.
    pub store: &'a Store,
    /// The models folder.
    pub models: &'a Path,
    /// What we were started with.
    pub env: &'a Env,
    /// `offgrid.env`.
    pub env_file: Option<&'a Path>,
    /// Who may reach the app.
    pub listen: Listen,
    /// For requests under way when another slot takes over.
    pub drain: Duration,
    /// Whether it is the whole system's service: then steps back are its manager's, and
    /// what people want the app to have is among our own variables.
    pub system: bool,
    /// Whether our standard input leads to a guard, who steps back for us.
    pub guarded: bool,
    /// Whether the app gets a network and processes of its own, where that can be.
    pub confine: bool,
}

/// Why a supervisor ended that was not wrong to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It was asked to, or nothing is installed any more.
    Stopped,
    /// The app of the live slot failed to start too often.
    GaveUp,
}

/// Keeps the app of the live slot running until we are told to end.
///
/// # Errors
/// `E_UNSUPPORTED` where there are no signals, `E_LOCKED` when another one runs,
/// `E_STATE` when nothing is installed or the port is taken.
pub fn run(job: &Job<'_>, say: &dyn Fn(&str)) -> Result<End, crate::Error> {
    let store = job.store;
    if !platform::can_supervise() {
        return Err(Error::NoSupervisor.into());
    }
    if store.live().is_none() {
        return Err(Error::NoSlot { prefix: store.prefix().to_owned() }.into());
    }
    begin::make_runtime(store)?;
    let _lock = lock(store)?;
    end_leftover(store, say);
    disk::remove_file(&store.service())?;
    let Ground { sockets, enclosed } = begin::ground(job, say)?;
    if job.system {
        // The app is the same user.
        let shielded = platform::shield();
        shielded.map_err(|source| Error::System { what: "shield itself".to_owned(), source })?;
    }
    let (sender, news) = mpsc::channel();
    let caught = sender.clone();
    let kinds = [Caught::Interrupt, Caught::Terminate, Caught::HangUp];
    // Before anybody can learn our number: HangUp would end us. After the namespaces,
    // which are entered before there is a second thread.
    let listening = platform::on_signal(&kinds, move |kind| {
        // Nobody hears it any more: we are ending.
        let _ = caught.send(News::Caught(kind));
    });
    listening.map_err(|source| Error::System { what: "listen to signals".to_owned(), source })?;
    let door = begin::open_door(sockets)?;
    let folder = job.env.dir("STATE_DIRECTORY").unwrap_or_else(|| store.runtime());
    let starts = RefCell::new(Starts::read(&folder));
    let supervisor = Supervisor {
        job,
        say,
        sender,
        news,
        door,
        enclosed,
        starts,
        paused: Cell::default(),
        stepped_back: Cell::new(false),
        failures: Cell::default(),
    };
    let end = supervisor.supervise();
    disk::remove_file(&store.service())?;
    Ok(end)
}

/// The words of a program that is to be run inside, when those of ours say so.
pub fn inside(words: &[OsString]) -> Option<&[OsString]> {
    words.strip_prefix(&INSIDE.map(OsString::from))
}

/// Between the supervisor and the app: runs the program that the words name in a place
/// where it sees no process but its own. Its status.
///
/// # Errors
/// When there is no such place, or the program does not start.
pub fn run_inside(words: &[OsString]) -> Result<u8, crate::Error> {
    let wrong = || Error::start(Path::new("nothing"), std::io::ErrorKind::InvalidInput.into());
    let [parent, program, rest @ ..] = words else { return Err(wrong().into()) };
    let parent = parent.to_str().and_then(|number| number.parse().ok()).ok_or_else(wrong)?;
    let mut command = Command::new(program);
    command.args(rest);
    let ran = platform::run_enclosed(parent, &mut command);
    Ok(ran.map_err(|source| Error::start(Path::new(program), source))?)
}

/// One supervisor for a prefix; the kernel frees the lock when it crashes.
fn lock(store: &Store) -> Result<File, crate::Error> {
    let path = lock_path(store);
    let file = disk::at("open the lock", &path, lock_file(&path))?;
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

/// Nobody else may hold it, and so keep us from starting: neither may what is no file.
fn lock_file(path: &Path) -> std::io::Result<File> {
    let made = platform::create_new(path, 0o600);
    if made.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
        if let Some(file) = platform::open_own(path)? {
            return Ok(file);
        }
        disk::remove_file(path).map_err(|error| error.source)?;
        return platform::create_new(path, 0o600);
    }
    made
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

/// The app's command, by way of ourselves where it is to be among itself.
fn command(program: &Path, folder: &Path, enclosed: bool) -> Command {
    let own = Path::new("/proc/self/exe"); // also when a newer one has taken its name
    let mut command = child::command(if enclosed { own } else { program }, folder);
    if enclosed {
        command.args(INSIDE).arg(std::process::id().to_string()).arg(program);
    }
    platform::ends_with_us(&mut command);
    command.arg("serve");
    command
}
