//! The guard: root's process between a service manager and the supervisor, where the
//! manager has nobody with root's rights to call when a release keeps failing (OpenRC).
//! Owns the supervisor's rights, which are those of the service's user, and `service
//! back`, which it runs when the supervisor asks for it.
//!
//! Never decides anything: `service back` judges by itself whether, and to what, the
//! service goes back. Never reads more of the supervisor than that it asks: one byte.

use super::{Error, account};
use crate::child;
use crate::env::Env;
use crate::platform::{self, Caught, Signal};
use crate::store::Store;
use std::fs::File;
use std::io::{self, Read, Write};
use std::process::{Child, Command, ExitStatus};
use std::sync::mpsc::{self, Sender};
use std::thread;

/// Tells a supervisor that its standard input leads to a guard.
pub const VARIABLE: &str = "OFFGRID_GUARDED";

/// What happens.
enum News {
    Caught(Caught),
    /// The supervisor wants to go back.
    Asked,
    /// `service back` has ended, however.
    Returned,
    /// The supervisor has ended.
    Ended(io::Result<ExitStatus>),
}

/// Starts the supervisor as the service's user and waits for its end; its status, none
/// when a signal ended it. It is told what we are told, and ends with us.
///
/// # Errors
/// `E_UNSUPPORTED` where there are no signals, `E_STATE` without the service's user.
pub fn run(store: &Store, env: &Env, say: &dyn Fn(&str)) -> Result<Option<i32>, crate::Error> {
    if !platform::can_supervise() {
        return Err(Error::NoSupervisor.into());
    }
    let system = |what: &str, source| Error::System { what: what.to_owned(), source };
    let (sender, news) = mpsc::channel();
    let caught = sender.clone();
    let kinds = [Caught::Interrupt, Caught::Terminate, Caught::HangUp];
    // Before there is a supervisor whose end would be missed.
    let listening = platform::on_signal(&kinds, move |kind| {
        // Nobody hears it any more: we are ending.
        let _ = caught.send(News::Caught(kind));
    });
    listening.map_err(|source| system("listen to signals", source))?;
    let (mut line, theirs) = platform::line().map_err(|source| system("open a line", source))?;
    let mut command = supervisor(store, env)?;
    command.stdin(theirs);
    let program = store.program();
    let supervisor = child::spawn(&mut command).map_err(|why| Error::start(&program, why))?;
    drop(command); // with it the supervisor's end of the line: then its end is noticed
    let pid = supervisor.id();
    wait(supervisor, sender.clone(), News::Ended);
    listen(line.try_clone().map_err(|source| system("open a line", source))?, sender.clone());
    let mut at_it = false;
    loop {
        match news.recv() {
            Ok(News::Caught(kind)) => {
                let signal = if kind == Caught::HangUp { Signal::Reload } else { Signal::Stop };
                // It may end at this moment: then that is the next news.
                let _ = platform::signal(pid, signal);
            }
            // One at a time, however often somebody asks.
            Ok(News::Asked) if at_it => {}
            Ok(News::Asked) => match back(store) {
                Ok(back) => {
                    at_it = true;
                    wait(back, sender.clone(), |_| News::Returned);
                }
                Err(error) => {
                    say(&format!("could not go back: {error}"));
                    answer(&mut line);
                }
            },
            Ok(News::Returned) => {
                at_it = false;
                answer(&mut line);
            }
            // A step back that stops the service goes on without us.
            Ok(News::Ended(status)) => {
                return Ok(status.map_err(|source| system("wait", source))?.code());
            }
            Err(_) => return Ok(None),
        }
    }
}

/// With the variables that we were given.
fn supervisor(store: &Store, env: &Env) -> Result<Command, crate::Error> {
    let mut command = child::command(&store.program(), store.prefix());
    command.args(["self", "service", "run", "--system"]);
    child::give(&mut command, env.vars.iter().map(|(name, value)| (name, value.clone())));
    command.env(VARIABLE, "1");
    account::become_user(&mut command)?;
    // After the rights: the kernel forgets it when they change.
    platform::ends_with_us(&mut command);
    Ok(command)
}

/// `service back`, with root's rights.
fn back(store: &Store) -> io::Result<Child> {
    let mut command = child::command(&store.program(), store.prefix());
    command.args(["self", "service", "back", "--yes", "--system"]).env("PATH", child::PATH);
    child::spawn(&mut command)
}

fn wait(mut child: Child, sender: Sender<News>, news: fn(io::Result<ExitStatus>) -> News) {
    thread::spawn(move || {
        // Nobody hears it any more: we are ending.
        let _ = sender.send(news(child.wait()));
    });
}

/// Until the supervisor has closed its end.
fn listen(mut line: File, sender: Sender<News>) {
    thread::spawn(move || {
        let mut byte = [0];
        while line.read(&mut byte).is_ok_and(|read| read == 1) {
            if sender.send(News::Asked).is_err() {
                return;
            }
        }
    });
}

/// Tells the supervisor that whom it asked for has ended.
fn answer(line: &mut File) {
    // It has ended meanwhile: nobody waits.
    let _ = line.write_all(b"\n");
}
