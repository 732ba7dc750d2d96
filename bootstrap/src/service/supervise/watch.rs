//! The supervisor at work: start, watch, drain, end, and start again. Owns the order of
//! these, and what a signal means in each.

use super::door::Door;
use super::starts::Starts;
use super::tell::port_of;
use super::{End, Job};
use crate::error::in_one_line;
use crate::platform::{self, Caught};
use crate::service::trial::is_trial;
use crate::service::{ANSWER, Error, LOOK, environment};
use crate::store::SlotName;
use crate::{child, gate};
use std::cell::{Cell, RefCell};
use std::io;
use std::process::ExitStatus;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

/// Before an app that ended is started again: first this long, then twice that.
const PAUSE: Duration = Duration::from_secs(1);
/// At most this long.
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// An app that ran this long begins with [`PAUSE`] again, and its start has not failed.
const STEADY: Duration = Duration::from_secs(60);
/// How long an app may take until it answers, and clients wait for one.
pub(super) const START: Duration = Duration::from_secs(60);
/// Where the app's engines listen (reference/app.md 3).
const ENGINES: std::ops::Range<u16> = 42382..42392;

/// What happens.
pub(super) enum News {
    Caught(Caught),
    /// This process ended.
    Ended(u32, io::Result<ExitStatus>),
    /// What was to step back has ended.
    Returned,
}

/// What is to be done now.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    /// Start the app again, after a pause when it was not asked to end.
    Retry,
    /// Start the app of the live slot at once.
    Reload,
    Stop,
    GiveUp,
}

pub(super) struct Supervisor<'a> {
    pub(super) job: &'a Job<'a>,
    pub(super) say: &'a dyn Fn(&str),
    pub(super) sender: Sender<News>,
    pub(super) news: Receiver<News>,
    pub(super) door: Option<Arc<Door>>,
    /// Whether the app gets processes of its own.
    pub(super) enclosed: bool,
    pub(super) starts: RefCell<Starts>,
    /// How long clients waited at the last switch, in milliseconds.
    pub(super) paused: Cell<Option<u64>>,
    pub(super) stepped_back: Cell<bool>,
    /// How often which slot has failed to start.
    pub(super) failures: Cell<(Option<SlotName>, u32)>,
}

/// The app while it runs.
struct App {
    pid: u32,
    slot: SlotName,
    port: u16,
    began: Instant,
    /// Clients wait since then; without a front door they were refused.
    shut: Instant,
}

impl Supervisor<'_> {
    pub(super) fn supervise(&self) -> End {
        let mut pause = PAUSE;
        let mut shut = Instant::now();
        loop {
            let Some(slot) = self.job.store.live() else {
                (self.say)("nothing is installed here any more");
                return End::Stopped;
            };
            let began = Instant::now();
            let mut next = match self.start(&slot, shut) {
                Ok(app) => self.watch(&app),
                Err(error) => {
                    let why = in_one_line(&error);
                    (self.say)(&format!("the app of {slot} could not be started: {why}"));
                    error.hint().iter().for_each(|hint| (self.say)(hint));
                    self.failed(&slot)
                }
            };
            if began.elapsed() >= STEADY || next == Next::Reload {
                pause = PAUSE;
            }
            shut = Instant::now();
            if next == Next::GiveUp {
                next = self.step_back(&slot);
            }
            if next == Next::Retry {
                self.note(&slot, None, port_of(&self.user()));
                (self.say)(&format!("starting it again in {} s", pause.as_secs()));
                next = self.rest(pause);
                pause = if next == Next::Reload { PAUSE } else { (pause * 2).min(PAUSE_MAX) };
            }
            match next {
                Next::Stop => return End::Stopped,
                Next::GiveUp => return End::GaveUp,
                Next::Retry | Next::Reload => {}
            }
        }
    }

    /// Starts the app; a thread waits for its end.
    fn start(&self, slot: &SlotName, shut: Instant) -> Result<App, crate::Error> {
        let folder = self.job.store.slot(slot).join("app");
        let program = folder.join(platform::exe_name("offgrid"));
        let user = self.user();
        let mut command = super::command(&program, &folder, self.enclosed);
        child::give(&mut command, user.clone());
        let given = environment(self.job.store, slot, self.job.models, &user, true)?;
        given.note.iter().for_each(|note| (self.say)(note));
        child::give(&mut command, given.vars);
        let mut app = child::spawn(&mut command).map_err(|why| Error::start(&program, why))?;
        let (pid, sender) = (app.id(), self.sender.clone());
        thread::spawn(move || {
            let status = app.wait();
            // Nobody hears it any more: we are ending.
            let _ = sender.send(News::Ended(pid, status));
        });
        let port = port_of(&user);
        self.note(slot, Some(pid), port);
        (self.say)(&format!("started {slot} (process {pid})"));
        Ok(App { pid, slot: slot.clone(), port, began: Instant::now(), shut })
    }

    /// Waits until something is to be done about a running app; it has ended then.
    fn watch(&self, app: &App) -> Next {
        let until = app.began + START;
        let mut answers = false;
        loop {
            let heard = match answers {
                false => self.news.recv_timeout(LOOK),
                true => self.news.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match heard {
                Ok(News::Ended(ended, status)) if ended == app.pid => {
                    return self.ended(app, status);
                }
                Ok(News::Ended(..) | News::Returned) => {}
                Ok(News::Caught(Caught::HangUp)) if answers => return self.switch(app),
                Ok(News::Caught(Caught::HangUp)) => return self.end(app.pid, Next::Reload),
                Ok(News::Caught(_)) => return self.end(app.pid, Next::Stop),
                Err(RecvTimeoutError::Disconnected) => return self.end(app.pid, Next::Stop),
                Err(RecvTimeoutError::Timeout) if is_alive(app.port) => {
                    answers = true;
                    self.open(app);
                }
                Err(RecvTimeoutError::Timeout) if Instant::now() >= until => {
                    let limit = START.as_secs();
                    (self.say)(&format!("the app did not answer within {limit} s"));
                    return match self.end(app.pid, Next::Retry) {
                        Next::Retry => self.failed(&app.slot),
                        other => other,
                    };
                }
                Err(RecvTimeoutError::Timeout) => {}
            }
        }
    }

    /// The app answers: clients are let in.
    fn open(&self, app: &App) {
        let opened = self.door.as_ref().map(|door| door.open());
        let paused = opened.unwrap_or_else(|| app.shut.elapsed());
        self.paused.set(Some(u64::try_from(paused.as_millis()).unwrap_or(u64::MAX)));
        self.note(&app.slot, Some(app.pid), app.port);
        (self.say)(&format!("{} answers; clients waited {} ms", app.slot, paused.as_millis()));
    }

    /// It ended without being asked to.
    fn ended(&self, app: &App, status: io::Result<ExitStatus>) -> Next {
        let how = status.map_or_else(|error| error.to_string(), |how| how.to_string());
        (self.say)(&format!("the app (process {}) ended by itself: {how}", app.pid));
        self.door.iter().for_each(|door| door.shut(START));
        self.sweep(app.pid);
        if app.began.elapsed() < STEADY { self.failed(&app.slot) } else { Next::Retry }
    }

    /// Counts a failed start.
    fn failed(&self, slot: &SlotName) -> Next {
        let (of, failures) = self.failures.take();
        let before = if of.as_ref() == Some(slot) { failures } else { 0 };
        self.failures.set((Some(slot.clone()), before + 1));
        // Who tries it out judges.
        if is_trial(self.job.store) {
            return Next::Retry;
        }
        match self.starts.borrow_mut().failed(self.job.store, slot) {
            true => Next::GiveUp,
            false => Next::Retry,
        }
    }

    /// Makes place for the app of another slot: nobody new is let in, who is in gets an
    /// answer within the limit.
    fn switch(&self, app: &App) -> Next {
        let limit = self.drain_limit();
        self.door.iter().for_each(|door| door.shut(limit + START));
        self.note_drain(&app.slot, app.pid, app.port, limit);
        let until = Instant::now() + limit;
        while Instant::now() < until {
            if !self.is_busy() {
                self.door.iter().for_each(|door| door.park());
                return self.end(app.pid, Next::Reload);
            }
            match self.news.recv_timeout(LOOK) {
                Ok(News::Ended(ended, _)) if ended == app.pid => {
                    self.sweep(app.pid);
                    return Next::Reload;
                }
                Ok(News::Ended(..) | News::Returned | News::Caught(Caught::HangUp)) => {}
                Err(RecvTimeoutError::Timeout) => {}
                Ok(News::Caught(_)) | Err(RecvTimeoutError::Disconnected) => {
                    return self.end(app.pid, Next::Stop);
                }
            }
        }
        (self.say)(&format!("requests that are under way after {} s are cut off", limit.as_secs()));
        self.end(app.pid, Next::Reload)
    }

    /// Whether somebody waits for the app, or an engine works.
    fn is_busy(&self) -> bool {
        self.door.as_ref().is_some_and(|door| door.is_busy()) || ENGINES.into_iter().any(is_working)
    }

    /// Waits without an app.
    fn rest(&self, pause: Duration) -> Next {
        let until = Instant::now() + pause;
        loop {
            match self.news.recv_timeout(until.saturating_duration_since(Instant::now())) {
                Ok(News::Ended(..) | News::Returned) => {}
                Ok(News::Caught(Caught::HangUp)) => return Next::Reload,
                Ok(News::Caught(_)) | Err(RecvTimeoutError::Disconnected) => return Next::Stop,
                Err(RecvTimeoutError::Timeout) => return Next::Retry,
            }
        }
    }
}

fn is_alive(port: u16) -> bool {
    gate::ask(port, "/livez", None, ANSWER)
        .is_ok_and(|(status, text)| status == 200 && text.trim() == "ok")
}

/// Whether an engine says that it works on something.
fn is_working(port: u16) -> bool {
    let Ok((200, text)) = gate::ask(port, "/slots", None, ANSWER) else { return false };
    let slots: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
    slots.as_array().is_some_and(|slots| slots.iter().any(|slot| slot["is_processing"] == true))
}
