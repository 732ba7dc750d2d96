//! The engine's proof: it starts, it sees the device, it generates tokens from
//! the probe model with the app's own flags. Owns the one engine that runs
//! meanwhile; it is ended before this returns, whatever happens.

use super::patience::{self, Patience};
use super::{Error, Limits, Ran, Watch, present};
use crate::child::{Background, Ended, Outcome};
use crate::{disk, platform, run};
use serde_json::{Value, json};
use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread;
use std::time::Duration;

/// Between two looks at the engine.
const LOOK: Duration = Duration::from_millis(50);
/// For one answer about its health.
const HEALTH: Duration = Duration::from_secs(5);
/// The largest answer that is read.
const ANSWER_MAX: u64 = 1024 * 1024;
/// Another program may take the free port before the engine does.
const TRIES: usize = 3;

/// What the app gives its engine, and nothing else.
fn vars() -> [(&'static str, OsString); 1] {
    [("NO_PROXY", "*".into())]
}

/// Proves the engine in a slot's folder.
pub(super) fn prove(
    folder: &Path,
    device: Option<&str>,
    limits: &Limits,
    watch: &Watch<'_>,
) -> Result<(), crate::Error> {
    let program = folder.join("llama").join(platform::exe_name("llama-server"));
    prove_at(&present("engine", program)?, &folder.join("probe"), device, limits, watch)
}

/// Proves an engine with the model in this folder.
pub(super) fn prove_at(
    program: &Path,
    probe: &Path,
    device: Option<&str>,
    limits: &Limits,
    watch: &Watch<'_>,
) -> Result<(), crate::Error> {
    let (stop, program) = (watch.stop, program.to_owned());
    let cwd = program.parent().map_or_else(PathBuf::new, Path::to_owned);
    let ran = |words: Vec<OsString>| Ran { program: program.clone(), cwd: cwd.clone(), words };
    ran(vec!["--version".into()]).well(&vars(), limits.engine, stop)?;
    if let Some(device) = device {
        let list = ran(vec!["--list-devices".into()]);
        let outcome = list.well(&vars(), limits.engine, stop)?;
        if !shows(&outcome.stdout, device) && !shows(&outcome.stderr, device) {
            return Err(list.wrong(format!("does not show a {device} device"), &outcome).into());
        }
    }
    let Some(model) = probe_model(probe)? else { return Ok(()) };
    let mut tries = TRIES;
    loop {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr());
        let no_port = |source| Error::Start { ran: program.display().to_string(), source };
        let port = free.map_err(no_port)?.port();
        let ran = ran(words(&model, port, device.is_some()));
        tries -= 1;
        match generate(&ran, port, device.is_some(), limits, watch) {
            Err(crate::Error::Gate(Error::Ended { .. })) if tries > 0 && is_taken(port) => {}
            Ok(log) => return whole(&ran, device.is_some(), &log),
            Err(error) => return Err(error),
        }
    }
}

/// A line of the list is `  CUDA0: name (total MiB, free MiB free)`.
fn shows(list: &str, device: &str) -> bool {
    list.lines().any(|line| {
        let Some((id, rest)) = line.trim_start().split_once(':') else { return false };
        line.starts_with(char::is_whitespace)
            && id.strip_prefix(device).is_some_and(|n| n.bytes().all(|c| c.is_ascii_digit()))
            && !rest.contains("(0 MiB")
    })
}

/// The first by name. A folder that cannot be read is no release without a model:
/// its engine would go live without a proof.
fn probe_model(folder: &Path) -> Result<Option<PathBuf>, disk::Error> {
    let entries = match std::fs::read_dir(folder) {
        Err(error) if disk::is_absent(&error) => return Ok(None),
        entries => disk::at("list", folder, entries)?,
    };
    let mut first = None;
    for entry in entries {
        let path = disk::at("list", folder, entry)?.path();
        let is_model = path.extension().is_some_and(|ext| ext == "gguf");
        if is_model && first.as_ref().is_none_or(|first| path < *first) {
            first = Some(path);
        }
    }
    Ok(first)
}

fn is_taken(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_err()
}

/// The app's own arguments, with a small context. One thread: several wait for
/// each other by spinning, which on a busy machine turned a quarter of a second
/// into five (measured).
fn words(model: &Path, port: u16, device: bool) -> Vec<OsString> {
    let layers = if device { 999 } else { 0 };
    let rest = format!(
        "--port {port} --host 127.0.0.1 -c 512 -np 1 -b 512 --no-warmup -fit off -t 1 \
         --cache-type-k q8_0 --cache-type-v q8_0 -cb -ngl {layers}"
    );
    let mut words = vec!["-m".into(), model.as_os_str().to_owned()];
    words.extend(rest.split(' ').map(OsString::from));
    words
}

/// Starts the engine, waits until it is ready, and has it generate.
fn generate(
    ran: &Ran,
    port: u16,
    device: bool,
    limits: &Limits,
    watch: &Watch<'_>,
) -> Result<Outcome, crate::Error> {
    let started = Background::start(ran.command(&vars()));
    let mut child = started.map_err(|source| Error::Start { ran: ran.text(), source })?;
    let result = converse(&mut child, port, device, limits, watch);
    // An answer while the engine is gone was somebody else's.
    let result = child.ended().map_or(result, |ended| Err(Failed::Ended(ended)));
    let outcome = child.finish(Ended::Stopped);
    match result {
        Ok(()) => Ok(outcome),
        Err(Failed::Stopped) => Err(run::Error::Interrupted.into()),
        Err(Failed::Ended(ended)) => Err(ran.ended(&Outcome { ended, ..outcome })),
        Err(Failed::Wrong(why)) => Err(ran.wrong(why, &outcome).into()),
    }
}

/// With a device, the whole model must have been on it.
fn whole(ran: &Ran, device: bool, outcome: &Outcome) -> Result<(), crate::Error> {
    let layers = on_host(&outcome.stderr).or_else(|| on_host(&outcome.stdout));
    match layers.filter(|_| device) {
        Some(layers) => {
            let why = format!("put only {layers} layers on the device");
            Err(ran.wrong(why, outcome).into())
        }
        None => Ok(()),
    }
}

enum Failed {
    Stopped,
    Ended(Ended),
    Wrong(String),
}

fn converse(
    child: &mut Background,
    port: u16,
    device: bool,
    limits: &Limits,
    watch: &Watch<'_>,
) -> Result<(), Failed> {
    let stop = watch.stop;
    let mut patience = Patience::new(limits.load, device.then(|| child.id()));
    loop {
        let answer = heard(child, later(port, "/health", None, HEALTH), stop)?;
        if matches!(answer, Ok((200, _))) {
            break;
        }
        if patience.is_over(watch.say) {
            let seconds = patience.waited().as_secs_f32();
            return Err(Failed::Wrong(format!("was not ready within {seconds:.0} s")));
        }
        thread::sleep(LOOK);
    }
    let question = json!({ "prompt": "Hello", "n_predict": 8 }).to_string();
    // A kernel for this card may have to be compiled for the first token.
    let most = if device { patience::MOST } else { limits.answer };
    let answer = later(port, "/completion", Some(question), most);
    let mut patience = Patience::new(limits.answer, device.then(|| child.id()));
    let answer = heard_within(child, answer, stop, &mut || patience.is_over(watch.say))?;
    let said = match answer {
        Ok((200, text)) => text,
        Ok((status, text)) => {
            let text: String = text.escape_debug().take(200).collect();
            return Err(Failed::Wrong(format!("answered a prompt with status {status}: {text}")));
        }
        Err(error) => return Err(Failed::Wrong(format!("did not answer a prompt: {error}"))),
    };
    let said: Value = serde_json::from_str(&said).unwrap_or_default();
    if said["tokens_predicted"].as_u64().is_some_and(|tokens| tokens > 0) {
        return Ok(());
    }
    Err(Failed::Wrong("generated nothing".to_owned()))
}

type Answer = Result<(u16, String), ureq::Error>;

/// Waits for an answer, and notices meanwhile when the engine ends or when we
/// are asked to stop.
fn heard(
    child: &mut Background,
    answer: Receiver<Answer>,
    stop: &dyn Fn() -> bool,
) -> Result<Answer, Failed> {
    heard_within(child, answer, stop, &mut || false)
}

/// The same, until `over` says that it takes too long.
fn heard_within(
    child: &mut Background,
    answer: Receiver<Answer>,
    stop: &dyn Fn() -> bool,
    over: &mut dyn FnMut() -> bool,
) -> Result<Answer, Failed> {
    loop {
        if over() {
            return Err(Failed::Wrong("did not answer a prompt in time".to_owned()));
        }
        if stop() {
            return Err(Failed::Stopped);
        }
        // First: of an engine that is gone, every answer comes at once.
        if let Some(ended) = child.ended() {
            return Err(Failed::Ended(ended));
        }
        match answer.recv_timeout(LOOK) {
            Ok(answer) => return Ok(answer),
            Err(RecvTimeoutError::Disconnected) => {
                return Err(Failed::Wrong("could not be asked".to_owned()));
            }
            Err(RecvTimeoutError::Timeout) => {}
        }
    }
}

/// Asks on a thread of its own, which ends with the answer, with its time limit,
/// or with the engine.
fn later(port: u16, path: &'static str, body: Option<String>, limit: Duration) -> Receiver<Answer> {
    let (reply, answer) = mpsc::channel();
    thread::spawn(move || {
        // Nobody waits for it any more: no news.
        let _ = reply.send(ask(port, path, body.as_deref(), limit));
    });
    answer
}

/// Asks a server on this machine, never through a proxy; GET without a body,
/// else POST of JSON. Every status is an answer.
pub(crate) fn ask(port: u16, path: &str, body: Option<&str>, limit: Duration) -> Answer {
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .max_redirects(0)
        .http_status_as_error(false)
        .timeout_global(Some(limit));
    let agent = config.build().new_agent();
    let url = format!("http://127.0.0.1:{port}{path}");
    let mut response = match body {
        None => agent.get(url).call()?,
        Some(body) => agent.post(url).header("content-type", "application/json").send(body)?,
    };
    let text = response.body_mut().with_config().limit(ANSWER_MAX).read_to_string()?;
    Ok((response.status().as_u16(), text))
}

/// `1 of 3` when the engine's log says that not every layer is on the device.
fn on_host(log: &str) -> Option<String> {
    let (_, rest) = log.rsplit_once("offloaded ")?;
    let layers = rest.split_whitespace().next()?;
    let (on, of) = layers.split_once('/')?;
    let (on, of): (u32, u32) = (on.parse().ok()?, of.parse().ok()?);
    (on < of).then(|| format!("{on} of {of}"))
}

#[cfg(test)]
mod tests;
