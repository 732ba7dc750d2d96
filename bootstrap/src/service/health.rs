//! Whether the service works with a slot: it runs it, it answers, and where there is a
//! model it generates (DESIGN 9). Owns that judgement; changes nothing.

use super::follow::{follow, has_strangers, start_anew};
use super::trial::drain;
use super::{ANSWER, Error, LOOK, PORT, ServiceState, state};
use crate::event::Event;
use crate::run::{self, Context};
use crate::store::{SlotName, Store};
use crate::{gate, platform, receipt};
use serde_json::{Value, json};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// How long a service may take until it answers from another slot.
const HEALTH: Duration = Duration::from_secs(60);
/// How long the app may take to load a model; its own limit (reference/app.md 4).
const LOAD: Duration = Duration::from_secs(320);
/// An app that failed to start so often does not start.
const FAILURES: u32 = 2;

/// What is missing for a service to count as healthy.
struct Sick {
    why: String,
    /// Whether the supervisor says so of itself, and no answer of the app does.
    noted: bool,
    after: Duration,
}

impl Sick {
    /// Whoever can write its note may say that a release does not work that would end him.
    /// One that really failed is not started for nothing: clients wait.
    fn is_doubtful(&self, store: &Store, slot: &SlotName) -> bool {
        self.noted && (!has_failed(&state(store), slot) || has_strangers(store, slot))
    }

    fn error(self, slot: &SlotName) -> crate::Error {
        Error::Unhealthy { slot: slot.clone(), why: self.why, limit: self.after }.into()
    }
}

/// Waits until a supervisor, if there is one, runs this slot and the app answers; `asks`:
/// also until it has generated a token, where there is a model.
///
/// # Errors
/// `E_HEALTH` with what was seen last; `E_INTERRUPTED`.
pub fn await_health(
    context: &Context<'_>,
    slot: &SlotName,
    asks: bool,
) -> Result<(), crate::Error> {
    let stop = || context.sources.stop().is_set();
    let anew = follow(context, slot, &stop)?;
    let judge = || {
        // Requests under way may still be answered by the slot before.
        let before = Duration::from_secs(drain(context.store));
        judge(context.store, slot, before, HEALTH, &stop)
    };
    let judged = match judge()? {
        Err(sick) if !anew && sick.is_doubtful(context.store, slot) => {
            let why = format!("the service says that {slot} does not work ({})", sick.why);
            if start_anew(context, &why)? { judge()? } else { Err(sick) }
        }
        judged => judged,
    };
    judged.map_err(|sick| sick.error(slot))?;
    if asks { converse(context.store, slot, &stop) } else { Ok(()) }
}

#[cfg(test)]
pub(super) fn await_within(
    store: &Store,
    slot: &SlotName,
    before: Duration,
    limit: Duration,
    stop: &dyn Fn() -> bool,
) -> Result<(), crate::Error> {
    judge(store, slot, before, limit, stop)?.map_err(|sick| sick.error(slot))
}

fn judge(
    store: &Store,
    slot: &SlotName,
    before: Duration,
    limit: Duration,
    stop: &dyn Fn() -> bool,
) -> Result<Result<(), Sick>, run::Error> {
    if state(store).running.is_none() {
        return Ok(Ok(()));
    }
    let began = Instant::now();
    let (mut until, mut comes) = (began + before + limit, true);
    // Whatever it says of itself.
    let mut most = began + 2 * (before + limit);
    loop {
        let now = state(store);
        let Err((noted, why)) = look(&now, slot) else { return Ok(Ok(())) };
        if let Some(drain) = now.draining {
            most = most.max(began + 2 * (drain + limit));
            until = (Instant::now() + drain + limit).min(most);
        } else if comes && now.slot.as_ref() == Some(slot) {
            (until, comes) = (Instant::now() + limit, false);
        }
        if stop() {
            return Err(run::Error::Interrupted);
        }
        if Instant::now() >= until || has_failed(&now, slot) {
            return Ok(Err(Sick { why, noted, after: began.elapsed() }));
        }
        thread::sleep(LOOK);
    }
}

fn has_failed(state: &ServiceState, slot: &SlotName) -> bool {
    state.slot.as_ref() == Some(slot) && state.failures >= FAILURES
}

/// What is missing, and whether the supervisor says so itself. A status of 200 proves
/// nothing: the app has one for every path (reference/app.md 5).
fn look(state: &ServiceState, slot: &SlotName) -> Result<(), (bool, String)> {
    noted(state, slot).map_err(|why| (true, why))?;
    answers(state).map_err(|why| (false, why))
}

fn noted(state: &ServiceState, slot: &SlotName) -> Result<(), String> {
    let running = state.slot.as_ref().ok_or("the supervisor has ended")?;
    if running != slot {
        return Err(format!("it runs {running}"));
    }
    if has_failed(state, slot) {
        return Err(format!("its app ended by itself {} times", state.failures));
    }
    if state.running.is_some_and(platform::is_halted) {
        return Err("the supervisor was halted".to_owned());
    }
    Ok(())
}

fn answers(state: &ServiceState) -> Result<(), String> {
    let port = state.port.unwrap_or(PORT);
    let ask = |path| match gate::ask(port, path, None, ANSWER) {
        Ok((200, text)) => Ok(text),
        Ok((status, _)) => Err(format!("{path} answered with status {status}")),
        Err(error) => Err(format!("{path} on port {port}: {error}")),
    };
    if ask("/livez")?.trim() != "ok" {
        return Err(format!("what answers on port {port} is not the app"));
    }
    let health: Value = serde_json::from_str(&ask("/health")?).unwrap_or_default();
    if health["status"] != "healthy" || state.child.is_none() {
        return Err("the app does not call itself healthy".to_owned());
    }
    Ok(())
}

/// Waits until the app of a supervisor, if there is one, answers, or does not in time: then
/// others say so.
pub fn await_answer(store: &Store, stop: &dyn Fn() -> bool) {
    let until = Instant::now() + HEALTH;
    while Instant::now() < until && !stop() {
        let now = state(store);
        if now.running.is_none() || now.failures >= FAILURES || answers(&now).is_ok() {
            return;
        }
        thread::sleep(LOOK);
    }
}

/// After a run that was taken back: whoever was to go back to what is live now. The files
/// are as they were, whatever comes of it.
pub fn rejoin(context: &Context<'_>) {
    let Some(slot) = context.store.live() else { return };
    if let Err(error) = follow(context, &slot, &|| false) {
        let what = format!("the service could not be told of {slot}: {error}");
        context.sink.event(&Event::Noted { what: &what, hint: None, code: Some("W_SERVICE") });
    }
}

/// One real answer through the app, of the smallest model that we have fetched and
/// verified: whatever else is in the folder may fail without a fault of the release.
fn converse(store: &Store, slot: &SlotName, stop: &dyn Fn() -> bool) -> Result<(), crate::Error> {
    let now = state(store);
    let (Some(port), true) = (now.port, now.running.is_some()) else { return Ok(()) };
    let Some(model) = smallest(store, port) else { return Ok(()) };
    let began = Instant::now();
    let question = json!({
        "model": model, "max_tokens": 1, "messages": [{"role": "user", "content": "Hi"}],
    });
    let mut why = String::new();
    // An engine that was just ended may hold its port for a moment.
    for _ in 0..2 {
        match asked(store, slot, port, question.to_string(), stop)? {
            Ok(()) => return Ok(()),
            Err(error) => why = error,
        }
    }
    let why = format!("a chat with {model}: {why}");
    Err(Error::Unhealthy { slot: slot.clone(), why, limit: began.elapsed() }.into())
}

/// The model that is loaded fastest, of those that the app lists.
fn smallest(store: &Store, port: u16) -> Option<String> {
    let (_, text) = gate::ask(port, "/v1/models", None, ANSWER).ok()?;
    let list: Value = serde_json::from_str(&text).ok()?;
    let names = list["data"].as_array()?.iter().filter_map(|model| model["id"].as_str());
    // Those of this run stand in its plan; the receipt is written when it is over.
    let plan = run::unfinished(store).ok().flatten().and_then(|story| story.plan.receipt);
    let receipt = plan.map(|receipt| *receipt).or_else(|| receipt::read(store).ok().flatten())?;
    let sized = names.filter_map(|name| Some((receipt.models.get(name)?.size, name)));
    sized.min().map(|(_, name)| name.to_owned())
}

/// Asks on a thread of its own, and notices meanwhile when we are to end or the app has.
fn asked(
    store: &Store,
    slot: &SlotName,
    port: u16,
    question: String,
    stop: &dyn Fn() -> bool,
) -> Result<Result<(), String>, crate::Error> {
    let (reply, answer) = mpsc::channel();
    thread::spawn(move || {
        let answer = gate::ask(port, "/v1/chat/completions", Some(&question), LOAD);
        // Nobody waits for it any more: no news.
        let _ = reply.send(answer);
    });
    loop {
        match answer.recv_timeout(LOOK) {
            Ok(Ok((200, _))) => return Ok(Ok(())),
            Ok(Ok((status, text))) => {
                let text: String = text.escape_debug().take(200).collect();
                return Ok(Err(format!("it answered with status {status}: {text}")));
            }
            Ok(Err(error)) => return Ok(Err(error.to_string())),
            Err(RecvTimeoutError::Disconnected) => {
                return Ok(Err("it could not be asked".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) if stop() => {
                return Err(run::Error::Interrupted.into());
            }
            Err(RecvTimeoutError::Timeout) if has_failed(&state(store), slot) => {
                return Ok(Err("the app ended meanwhile".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}
