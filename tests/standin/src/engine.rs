//! The engines: one llama-server for each model in use, started on the first
//! request for it. Owns their processes and ports; ends no process that it
//! did not start, and never downloads an engine.
//!
//! One thread starts and ends all of them, one at a time: on Linux an engine
//! dies with the thread that started it (`platform`), and this one lives as
//! long as the stand-in serves.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use std::{fmt, io};

use crate::models::Model;
use crate::settings::Settings;
use crate::{platform, proxy};

/// Upstream's limits: the port must answer, then the model must be loaded.
const PORT_LIMIT: Duration = Duration::from_secs(15);
const MODEL_LIMIT: Duration = Duration::from_secs(300);
/// An engine that was asked to end and did not is killed after this.
const END_LIMIT: Duration = Duration::from_secs(2);
/// Between two looks at a condition.
const LOOK: Duration = Duration::from_millis(20);

/// Why there is no engine for a request.
#[derive(Debug)]
pub(crate) enum Failure {
    NotFound,
    NoPort,
    NotStarted(PathBuf, io::Error),
    Ended(ExitStatus),
    PortSilent(u16),
    ModelSlow,
    Stopping,
}

impl fmt::Display for Failure {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotFound => {
                write!(to, "no llama-server found; set OFFGRID_LLAMA_SERVER_PATH")
            }
            Self::NoPort => write!(to, "no free port for an engine"),
            Self::NotStarted(path, error) => write!(to, "cannot start {}: {error}", path.display()),
            Self::Ended(status) => write!(to, "the engine ended while it started: {status}"),
            Self::PortSilent(port) => {
                write!(to, "the engine's port {port} did not answer in {PORT_LIMIT:?}")
            }
            Self::ModelSlow => write!(to, "the engine did not load the model in {MODEL_LIMIT:?}"),
            Self::Stopping => write!(to, "the stand-in is stopping"),
        }
    }
}

/// The first place where an engine lies.
pub(crate) fn find(places: &[PathBuf]) -> Option<&Path> {
    places.iter().map(PathBuf::as_path).find(|place| place.is_file())
}

enum Order {
    Engine(Model, Sender<Result<u16, Failure>>),
    Stop,
}

/// The way to the thread that owns the engines.
pub(crate) struct Engines {
    orders: Sender<Order>,
    stopping: Arc<AtomicBool>,
    worker: Mutex<Option<JoinHandle<()>>>,
}

impl Engines {
    pub(crate) fn new(settings: Arc<Settings>) -> Self {
        let (orders, inbox) = mpsc::channel();
        let stopping = Arc::new(AtomicBool::new(false));
        let worker = Worker { settings, stopping: Arc::clone(&stopping), running: Vec::new() };
        let worker = thread::spawn(move || worker.work(&inbox));
        Self { orders, stopping, worker: Mutex::new(Some(worker)) }
    }

    /// The port of an engine with this model, started if need be.
    pub(crate) fn port_for(&self, model: &Model) -> Result<u16, Failure> {
        let (reply, answer) = mpsc::channel();
        self.orders
            .send(Order::Engine(model.clone(), reply))
            .ok()
            .and_then(|()| answer.recv().ok())
            .unwrap_or(Err(Failure::Stopping))
    }

    /// Ends all engines and returns when they are gone.
    pub(crate) fn stop(&self) {
        self.stopping.store(true, Ordering::SeqCst);
        let worker = self.worker.lock().map_or(None, |mut worker| worker.take());
        // A worker that is gone has nothing left to stop.
        let _ = self.orders.send(Order::Stop);
        let _ = worker.map(JoinHandle::join);
    }
}

struct Engine {
    model: PathBuf,
    port: u16,
    child: Child,
}

struct Worker {
    settings: Arc<Settings>,
    stopping: Arc<AtomicBool>,
    running: Vec<Engine>,
}

impl Worker {
    fn work(mut self, inbox: &Receiver<Order>) {
        while let Ok(Order::Engine(model, reply)) = inbox.recv() {
            // A client that left meanwhile does not wait for its port.
            let _ = reply.send(self.port_for(&model));
        }
        end(self.running);
    }

    fn port_for(&mut self, model: &Model) -> Result<u16, Failure> {
        self.running.retain_mut(|engine| matches!(engine.child.try_wait(), Ok(None)));
        if let Some(engine) = self.running.iter().find(|engine| engine.model == model.path) {
            return Ok(engine.port);
        }
        let places = &self.settings.engines;
        let program = find(places).ok_or(Failure::NotFound)?.to_owned();
        if self.running.len() >= self.settings.max_models {
            end(vec![self.running.remove(0)]);
        }
        let mut engine = self.start(&program, model)?;
        match self.ready(&mut engine) {
            Ok(()) => {
                let port = engine.port;
                self.running.push(engine);
                Ok(port)
            }
            Err(failure) => {
                end(vec![engine]);
                Err(failure)
            }
        }
    }

    fn start(&self, program: &Path, model: &Model) -> Result<Engine, Failure> {
        let taken = self.running.iter().map(|engine| engine.port).collect();
        let port = free_port(self.settings.first_engine_port, &taken).ok_or(Failure::NoPort)?;
        let child = platform::engine_command(program)
            .args(arguments(&self.settings, &model.path, port))
            .env_clear()
            .env("NO_PROXY", "*")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .map_err(|error| Failure::NotStarted(program.to_owned(), error))?;
        Ok(Engine { model: model.path.clone(), port, child })
    }

    /// Waits until the engine can answer.
    fn ready(&self, engine: &mut Engine) -> Result<(), Failure> {
        let port = engine.port;
        self.wait(engine, PORT_LIMIT, proxy::is_open, || Failure::PortSilent(port))?;
        self.wait(engine, MODEL_LIMIT, proxy::is_ready, || Failure::ModelSlow)
    }

    fn wait(
        &self,
        engine: &mut Engine,
        limit: Duration,
        done: fn(u16) -> bool,
        too_late: impl Fn() -> Failure,
    ) -> Result<(), Failure> {
        let end = Instant::now() + limit;
        loop {
            if self.stopping.load(Ordering::SeqCst) {
                return Err(Failure::Stopping);
            }
            if let Ok(Some(status)) = engine.child.try_wait() {
                return Err(Failure::Ended(status));
            }
            if done(engine.port) {
                return Ok(());
            }
            if Instant::now() >= end {
                return Err(too_late());
            }
            thread::sleep(LOOK);
        }
    }
}

/// Exactly upstream's arguments, in its order.
fn arguments(settings: &Settings, model: &Path, port: u16) -> Vec<OsString> {
    let text = format!(
        "--port {port} --host 127.0.0.1 -c {} -np 1 -b 512 --no-warmup -fit off -t {} \
         --cache-type-k q8_0 --cache-type-v q8_0 -cb -ngl {}",
        settings.context, settings.threads, settings.gpu_layers,
    );
    let start = [OsString::from("-m"), model.as_os_str().to_owned()];
    start.into_iter().chain(text.split(' ').map(OsString::from)).collect()
}

fn free_port(first: u16, taken: &BTreeSet<u16>) -> Option<u16> {
    let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
    (first..=u16::MAX).filter(|port| !taken.contains(port)).find(free)
}

/// Asks all of them to end, then waits, then insists.
fn end(mut engines: Vec<Engine>) {
    for engine in &mut engines {
        // An engine that is gone already needs no asking.
        let _ = platform::ask_to_end(&mut engine.child);
    }
    let limit = Instant::now() + END_LIMIT;
    for engine in &mut engines {
        while matches!(engine.child.try_wait(), Ok(None)) && Instant::now() < limit {
            thread::sleep(LOOK);
        }
        let _ = engine.child.kill();
        let _ = engine.child.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::net::TcpListener;
    use std::path::Path;

    use super::{arguments, free_port};
    use crate::settings::Settings;

    #[test]
    fn the_arguments_are_those_seen_in_upstream() {
        let settings =
            Settings { threads: 3, context: 4096, gpu_layers: 0, ..Settings::from_env() };
        let words = arguments(&settings, Path::new("/a b/m.gguf"), 42382);
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        assert_eq!(words[..2], ["-m", "/a b/m.gguf"]);
        assert_eq!(
            words[2..].join(" "),
            "--port 42382 --host 127.0.0.1 -c 4096 -np 1 -b 512 --no-warmup -fit off -t 3 \
             --cache-type-k q8_0 --cache-type-v q8_0 -cb -ngl 0"
        );
    }

    #[test]
    fn a_port_in_use_is_passed_over() {
        let holder = TcpListener::bind("127.0.0.1:0").unwrap();
        let busy = holder.local_addr().unwrap().port();
        assert_ne!(free_port(busy, &BTreeSet::new()), Some(busy));
        let free = free_port(busy, &BTreeSet::new());
        assert!(free.is_none() || free_port(busy, &free.into_iter().collect()) != free);
    }
}
