//! The front door: where clients knock, while the app listens in a network that
//! nobody else reaches. Owns the listening sockets, who is let in when, and what is
//! known of each connection.
//!
//! Never reads what passes. Refuses nobody for long: a shut door lets clients wait, and
//! opens by itself when its time is up.

use super::flow;
use crate::platform;
use crate::service::backend::Listen;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// How many connections there may be; further ones wait.
const MOST: u64 = 1024;
/// How many may wait; the system may know a smaller number.
const WAITING: i32 = 4096;
/// After its last bytes from the app a connection counts as busy for so long.
const RECENT: Duration = Duration::from_secs(1);
/// When no more connections can be accepted: trying again at once would only spin.
const RECOVER: Duration = Duration::from_millis(100);

/// The sockets of the host's network, before we leave it.
#[derive(Debug)]
pub(super) struct Sockets(Vec<TcpListener>);

impl Sockets {
    /// Those that who started us has opened, numbers 3 and up (sd_listen_fds(3)).
    pub(super) fn inherited(count: i32) -> io::Result<Sockets> {
        let all = (3..3_i32.saturating_add(count)).map(platform::inherited_listener);
        Ok(Sockets(all.collect::<io::Result<_>>()?))
    }

    /// New ones. Both addresses of this computer, or of all, where there are both.
    pub(super) fn bind(listen: Listen, port: u16) -> Result<Sockets, (SocketAddr, io::Error)> {
        let (four, six) = match listen {
            Listen::Loopback => (Ipv4Addr::LOCALHOST, Ipv6Addr::LOCALHOST),
            Listen::Lan => (Ipv4Addr::UNSPECIFIED, Ipv6Addr::UNSPECIFIED),
        };
        let six = TcpListener::bind((six, port)).ok();
        let both = listen == Listen::Lan && six.is_some();
        let four = match TcpListener::bind((four, port)) {
            Ok(four) => Some(four),
            // Then the first one takes clients of both kinds.
            Err(error) if both && error.kind() == ErrorKind::AddrInUse => None,
            Err(error) => return Err(((four, port).into(), error)),
        };
        Ok(Sockets(four.into_iter().chain(six).collect()))
    }

    pub(super) fn port(&self) -> Option<u16> {
        self.0.first()?.local_addr().ok().map(|address| address.port())
    }

    /// Whether they belong to another network than ours: here their addresses are free.
    pub(super) fn are_outside(&self) -> bool {
        self.0.iter().all(|listener| {
            let Ok(address) = listener.local_addr() else { return false };
            let everywhere: SocketAddr = match address {
                SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, address.port()).into(),
                SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, address.port()).into(),
            };
            TcpListener::bind(everywhere).is_ok()
        })
    }
}

/// What threads share.
pub(super) struct Door {
    state: Mutex<State>,
    changed: Condvar,
    /// Where the app listens, inside.
    pub(super) port: u16,
    most: usize,
}

#[derive(Default)]
struct State {
    /// Since when and until when it is shut; none: it is open.
    shut: Option<(Instant, Instant)>,
    flows: BTreeMap<u64, Flow>,
    next: u64,
}

/// One connection.
#[derive(Default)]
struct Flow {
    /// How often the client has said something, and up to which of it the app has
    /// answered something.
    asked: u64,
    answered: u64,
    /// What the app said is on its way to the client.
    writing: bool,
    /// When the client got something last.
    said: Option<Instant>,
    /// The app that it spoke with ends, and owed it nothing as far as can be seen.
    parked: bool,
    /// How many apps it has outlived: an end that is noticed late is an older one's.
    outlived: u64,
    /// The app has said all that it will say.
    over: bool,
}

impl Flow {
    fn is_due(&self) -> bool {
        self.asked != self.answered || self.writing
    }

    fn is_busy(&self) -> bool {
        self.is_due() || self.said.is_some_and(|said| said.elapsed() < RECENT)
    }
}

impl Door {
    /// Shut, with a thread at each socket.
    pub(super) fn new(sockets: Sockets, port: u16, limit: Duration) -> io::Result<Arc<Door>> {
        // Two sockets for each connection, and some files for all the rest.
        let files = platform::raise_open_files(2 * MOST + 64);
        let most = usize::try_from(files.saturating_sub(64) / 2).unwrap_or(0).max(8);
        let (state, changed) = (Mutex::default(), Condvar::new());
        let door = Arc::new(Door { state, changed, port, most });
        door.shut(limit);
        for listener in sockets.0 {
            platform::let_wait(&listener, WAITING);
            let door = Arc::clone(&door);
            let accept = move || door.accept(&listener);
            thread::Builder::new().name("door".to_owned()).spawn(accept)?;
        }
        Ok(door)
    }

    fn accept(self: &Arc<Door>, listener: &TcpListener) {
        loop {
            let full = |state: &State| self.is_shut(state) || state.flows.len() >= self.most;
            drop(self.wait_while(self.lock(), full));
            let let_in = listener.accept().and_then(|(client, _)| {
                let id = self.enter();
                let started = flow::start(Arc::clone(self), id, client);
                started.inspect_err(|_| self.leave(id))
            });
            match let_in {
                // It left again while it waited.
                Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
                Err(_) => thread::sleep(RECOVER),
                Ok(()) => {}
            }
        }
    }

    /// Lets nobody in, for at most so long from now on. One that is shut keeps its time:
    /// nobody waits longer because an app ends again and again.
    pub(super) fn shut(&self, limit: Duration) {
        let now = Instant::now();
        self.lock().shut.get_or_insert((now, now + limit));
    }

    /// Lets everybody in; how long it was shut.
    pub(super) fn open(&self) -> Duration {
        let shut = self.lock().shut.take();
        self.changed.notify_all();
        shut.map_or(Duration::ZERO, |(since, _)| since.elapsed())
    }

    /// Whether somebody waits for an answer, or has just had a part of one.
    pub(super) fn is_busy(&self) -> bool {
        self.lock().flows.values().any(Flow::is_busy)
    }

    /// Nobody is busy and the app is going to end: connections are kept for the next one.
    pub(super) fn park(&self) {
        self.lock().flows.values_mut().for_each(|flow| flow.parked = !flow.is_due());
    }

    /// Whether it is shut, and not for too long.
    fn is_shut(&self, state: &State) -> bool {
        state.shut.is_some_and(|(_, until)| Instant::now() < until)
    }

    fn wait_while<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        holds: impl Fn(&State) -> bool,
    ) -> MutexGuard<'a, State> {
        while holds(&state) {
            // Its time may be up without anybody saying so.
            let waited = self.changed.wait_timeout(state, RECENT);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        state
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing in it is ever half done.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a connection says of itself.
impl Door {
    fn enter(&self) -> u64 {
        let mut state = self.lock();
        let id = state.next;
        state.next += 1;
        state.flows.insert(id, Flow::default());
        id
    }

    pub(super) fn leave(&self, id: u64) {
        self.lock().flows.remove(&id);
        self.changed.notify_all();
    }

    /// There are bytes for the app. What is part of a request goes on at once, also
    /// through a shut door; a new request waits. Whether it needs a new call.
    pub(super) fn asks(&self, id: u64) -> bool {
        let is_new = |state: &State| !state.flows.get(&id).is_some_and(Flow::is_due);
        let shut = |state: &State| is_new(state) && self.is_shut(state);
        let mut state = self.wait_while(self.lock(), shut);
        let Some(flow) = state.flows.get_mut(&id) else { return true };
        flow.asked += 1;
        flow.outlived += u64::from(flow.parked);
        std::mem::take(&mut flow.parked)
    }

    /// How many apps a connection has outlived.
    pub(super) fn outlived(&self, id: u64) -> u64 {
        self.lock().flows.get(&id).map_or(0, |flow| flow.outlived)
    }

    /// There are bytes for the client; which of its words they may answer.
    pub(super) fn answers(&self, id: u64) -> u64 {
        let mut state = self.lock();
        let Some(flow) = state.flows.get_mut(&id) else { return 0 };
        flow.writing = true;
        flow.asked
    }

    /// The client has them. It may have said more meanwhile.
    pub(super) fn answered(&self, id: u64, words: u64) {
        if let Some(flow) = self.lock().flows.get_mut(&id) {
            (flow.writing, flow.answered, flow.said) = (false, words, Some(Instant::now()));
        }
    }

    /// The app that came after so many has ended its side; whether the client is to know.
    pub(super) fn ends(&self, id: u64, outlived: u64) -> bool {
        match self.lock().flows.get_mut(&id) {
            Some(flow) if flow.parked || flow.outlived != outlived => false,
            Some(flow) => {
                (flow.over, flow.writing, flow.answered) = (true, false, flow.asked);
                true
            }
            None => true,
        }
    }

    /// Of a client that says nothing: whether there is nothing more to wait for. Who was
    /// kept for the next app may wait for something that the last one owed it after all.
    pub(super) fn is_over(&self, id: u64) -> bool {
        let state = self.lock();
        let shut = self.is_shut(&state);
        state.flows.get(&id).is_none_or(|flow| flow.over || (flow.parked && !shut))
    }

    pub(super) fn dial(&self) -> io::Result<TcpStream> {
        let app = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port))?;
        app.set_nodelay(true)?;
        Ok(app)
    }
}

#[cfg(test)]
mod tests;
