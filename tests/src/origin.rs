//! A web server over a depot's folder that lies on request: for each path its
//! own lie, for all requests a record. Std only; one thread for each connection,
//! one request for each connection.

mod answer;
mod proxy;

pub use proxy::Proxy;

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

/// What is done instead of the truth.
#[derive(Debug, Clone)]
pub enum Lie {
    /// Other bytes.
    Bytes(Vec<u8>),
    /// The file with one bit of this byte the other way.
    Flip(usize),
    /// So many bytes with the full Content-Length, then the end.
    Truncate(u64),
    /// So many bytes, then silence.
    Stall(u64),
    /// A byte of the file every few seconds, as many as it has.
    Drip(Duration),
    /// No answer at all.
    Silence,
    /// A status line, and headers that never end.
    Headers,
    /// These bytes, which are said to be the file in this Content-Encoding.
    Encoded(&'static str, Vec<u8>),
    /// 206 with the whole file, although no part was asked for.
    Partial,
    /// A body that never ends.
    Endless,
    /// The whole file with this Content-Length.
    Length(u64),
    /// This status.
    Status(u16),
    /// 200 with a web page, as a network's login page does.
    Page,
    /// 302 to this address.
    Redirect(String),
    /// The whole file, whatever range was asked for.
    IgnoreRange,
    /// 206 with another range than the one that was asked for.
    WrongRange,
    /// 416 to every request with a range.
    NoRange,
    /// The truth, in chunks.
    Chunked,
    /// The connection is closed after so many bytes of body.
    Cut(u64),
}

/// One request as it was seen.
#[derive(Debug, Clone, Default)]
pub struct Seen {
    /// Without the first slash.
    pub path: String,
    /// The Range header.
    pub range: Option<String>,
    /// Bytes of the answer's body that were sent.
    pub sent: u64,
}

struct Rule {
    path: String,
    lie: Lie,
    /// How many more times.
    left: u32,
}

struct Shared {
    folder: PathBuf,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<Seen>>,
    over: AtomicBool,
}

/// The server; it ends with the value.
pub struct Origin {
    shared: Arc<Shared>,
    port: u16,
    listener: Option<JoinHandle<()>>,
}

impl Origin {
    /// Tells the truth about this folder, until it is told otherwise.
    pub fn of(folder: &Path) -> Origin {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let shared = Arc::new(Shared {
            folder: folder.to_owned(),
            rules: Mutex::default(),
            seen: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let inner = Arc::clone(&shared);
        let accept = move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if inner.over.load(Ordering::Relaxed) {
                    return;
                }
                let inner = Arc::clone(&inner);
                std::thread::spawn(move || inner.serve(stream));
            }
        };
        Origin { shared, port, listener: Some(std::thread::spawn(accept)) }
    }

    /// Its address, with a slash at the end.
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}/", self.port)
    }

    /// From now on this lie about a path; `""` is every path, one that ends with
    /// `/` everything below it, one that begins with `*` every path that ends so.
    pub fn lie(&self, path: &str, lie: Lie) -> &Origin {
        self.lie_times(path, lie, u32::MAX)
    }

    /// The same for so many requests; then the truth.
    pub fn lie_times(&self, path: &str, lie: Lie, times: u32) -> &Origin {
        held(&self.shared.rules).push(Rule { path: path.to_owned(), lie, left: times });
        self
    }

    /// No lies any more.
    pub fn repent(&self) -> &Origin {
        held(&self.shared.rules).clear();
        self
    }

    /// Every request so far, those under way with what was sent.
    pub fn seen(&self) -> Vec<Seen> {
        held(&self.shared.seen).clone()
    }

    /// The requests for a path.
    pub fn seen_of(&self, path: &str) -> Vec<Seen> {
        self.seen().into_iter().filter(|seen| seen.path == path).collect()
    }

    /// Bytes of bodies that were sent for a path.
    pub fn sent_of(&self, path: &str) -> u64 {
        self.seen_of(path).iter().map(|seen| seen.sent).sum()
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::Relaxed);
        // Wakes the listener, which waits for a connection.
        let _ = TcpStream::connect(("127.0.0.1", self.port));
        if let Some(listener) = self.listener.take() {
            let _ = listener.join();
        }
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn fits(rule: &str, path: &str) -> bool {
    match rule.strip_prefix('*') {
        Some(end) => path.ends_with(end),
        None if rule.is_empty() => true,
        None if rule.ends_with('/') => path.starts_with(rule),
        None => path == rule,
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) {
        // Nobody waits for ever for a client that went away.
        let _ = stream.set_read_timeout(Some(Duration::from_secs(60)));
        let mut reader = BufReader::new(&stream);
        let mut first = String::new();
        if reader.read_line(&mut first).is_err() {
            return;
        }
        let path = first.split(' ').nth(1).unwrap_or("/").trim_start_matches('/').to_owned();
        let mut request = Seen { path, ..Seen::default() };
        let mut tag = None;
        loop {
            let mut line = String::new();
            match reader.read_line(&mut line) {
                Ok(read) if read > 0 && line.trim() != "" => {}
                _ => break,
            }
            let Some((name, value)) = line.split_once(':') else { continue };
            match name.to_ascii_lowercase().as_str() {
                "range" => request.range = Some(value.trim().to_owned()),
                "if-none-match" => tag = Some(value.trim().to_owned()),
                _ => {}
            }
        }
        let lie = self.lie_about(&request.path);
        let index = {
            let mut seen = held(&self.seen);
            seen.push(request.clone());
            seen.len() - 1
        };
        let count = |bytes: u64| held(&self.seen)[index].sent += bytes;
        let asked = answer::Asked { request: &request, tag, folder: &self.folder };
        // A client that hangs up is the client's business.
        let _ = answer::give(&stream, &asked, lie, &count, &self.over);
        let _ = stream.shutdown(std::net::Shutdown::Both);
    }

    fn lie_about(&self, path: &str) -> Option<Lie> {
        let mut rules = held(&self.rules);
        let rule = rules.iter_mut().rev().find(|rule| rule.left > 0 && fits(&rule.path, path))?;
        rule.left = rule.left.saturating_sub(u32::from(rule.left != u32::MAX));
        Some(rule.lie.clone())
    }
}
