//! What asks this program to end.

use crate::platform::Caught;
use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

type Act = Box<dyn Fn(Caught) + Send>;

/// All who listen: the system's handler can be set once only.
static ACTS: Mutex<Vec<Act>> = Mutex::new(Vec::new());

fn acts() -> MutexGuard<'static, Vec<Act>> {
    ACTS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whatever asks a program to end is an interrupt; nothing hangs up.
pub(crate) fn on_signal(kinds: &[Caught], act: impl Fn(Caught) + Send + 'static) -> io::Result<()> {
    if kinds.iter().all(|kind| *kind == Caught::HangUp) {
        return Ok(());
    }
    let mut listening = acts();
    if listening.is_empty() {
        ctrlc::set_handler(|| acts().iter().for_each(|act| act(Caught::Interrupt)))
            .map_err(io::Error::other)?;
    }
    listening.push(Box::new(act));
    Ok(())
}
