//! The end of what a program says: bounded, however much it is.

use super::KEPT;
use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

/// The end of a stream, read by a thread of its own.
#[derive(Debug)]
pub(super) struct Tail {
    kept: Arc<Mutex<VecDeque<u8>>>,
    /// How many bytes came, those that were not kept too.
    said: Arc<AtomicU64>,
    closed: Receiver<()>,
}

impl Tail {
    pub(super) fn of(stream: Option<impl Read + Send + 'static>) -> Tail {
        let kept = Arc::new(Mutex::new(VecDeque::new()));
        let (close, closed) = mpsc::channel();
        let said = Arc::new(AtomicU64::new(0));
        let (into, count) = (Arc::clone(&kept), Arc::clone(&said));
        // Not joined: it ends when the last holder of the stream does.
        thread::spawn(move || {
            read_on(stream, &into, &count);
            drop(close);
        });
        Tail { kept, said, closed }
    }

    /// How many bytes came in all.
    pub(super) fn said(&self) -> u64 {
        self.said.load(Ordering::Relaxed)
    }

    /// What is there when the stream has ended, or at this time.
    pub(super) fn text(&self, until: Instant) -> String {
        // Both "closed" and "still open" lead to what is there.
        let _ = self.closed.recv_timeout(until.saturating_duration_since(Instant::now()));
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(kept.make_contiguous()).into_owned()
    }
}

fn read_on(stream: Option<impl Read>, into: &Mutex<VecDeque<u8>>, said: &AtomicU64) {
    let Some(mut stream) = stream else { return };
    let mut buffer = [0; 8192];
    loop {
        match stream.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                said.fetch_add(count as u64, Ordering::Relaxed);
                let mut kept = into.lock().unwrap_or_else(PoisonError::into_inner);
                kept.extend(&buffer[..count]);
                let over = kept.len().saturating_sub(KEPT);
                kept.drain(..over);
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => return,
        }
    }
}
