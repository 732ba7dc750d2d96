//! One connection through the front door: bytes both ways, each way with an end of its
//! own. Owns its two sockets and its two threads.
//!
//! Knows nothing of what passes but one thing: who speaks first is the client. So the
//! app is called when there is something to say to it.

use super::door::Door;
use crate::platform;
use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// What is copied at once.
const PIECE: usize = 32 * 1024;
/// The pieces are not on it.
const STACK: usize = 64 * 1024;
/// A client of whom nothing came is looked after so often; and so long it may go on
/// sending to an app that has said its last word.
const LINGER: Duration = Duration::from_secs(30);
/// For a client that is refused, to read that.
const REFUSED: Duration = Duration::from_secs(2);
const REFUSAL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\n\
    Retry-After: 5\r\nContent-Type: text/plain\r\nContent-Length: 39\r\n\r\n\
    OffGrid LLM does not run; it may later\n";

/// Serves a client in a thread of its own.
pub(super) fn start(door: Arc<Door>, id: u64, client: TcpStream) -> io::Result<()> {
    thread(move || {
        // A client or an app that is gone is no news.
        let _ = serve(&door, id, &client);
        let _ = client.shutdown(Shutdown::Both);
        door.leave(id);
    })
    .map(|_| ())
}

fn thread(work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name("client".to_owned()).stack_size(STACK).spawn(work)
}

/// The app's end of a connection, and the thread that reads from it.
struct Call {
    app: TcpStream,
    answers: JoinHandle<()>,
}

impl Call {
    fn new(door: &Arc<Door>, id: u64, client: &TcpStream) -> io::Result<Call> {
        let (app, outlived) = (door.dial()?, door.outlived(id));
        let (door, from, to) = (Arc::clone(door), app.try_clone()?, client.try_clone()?);
        let answers = thread(move || answer(&door, (id, outlived), from, to))?;
        Ok(Call { app, answers })
    }

    /// Says that no more comes, or nothing can; waits for the rest of the answer.
    fn end(self, how: Shutdown) {
        let _ = self.app.shutdown(how);
        let _ = self.answers.join();
    }
}

fn serve(door: &Arc<Door>, id: u64, client: &TcpStream) -> io::Result<()> {
    client.set_nodelay(true)?;
    client.set_read_timeout(Some(LINGER))?;
    platform::keep_alive(client);
    let mut call: Option<Call> = None;
    let mut piece = vec![0; PIECE];
    let ended = loop {
        let count = match (&mut &*client).read(&mut piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) if is_late(&error) && !door.is_over(id) => continue,
            Ok(0) => break Ok(()),
            Ok(count) => count,
            Err(error) => break Err(error),
        };
        if door.asks(id) {
            // That app has ended.
            call.take().into_iter().for_each(|call| call.end(Shutdown::Both));
        }
        if call.is_none() {
            call = match Call::new(door, id, client) {
                Err(_) => return refuse(client),
                call => call.ok(),
            };
        }
        if let Some(Err(error)) = call.as_ref().map(|call| (&call.app).write_all(&piece[..count])) {
            break Err(error);
        }
    };
    let how = if ended.is_ok() { Shutdown::Write } else { Shutdown::Both };
    call.into_iter().for_each(|call| call.end(how));
    ended
}

/// From the app to the client.
fn answer(door: &Door, (id, outlived): (u64, u64), mut app: TcpStream, mut client: TcpStream) {
    let mut piece = vec![0; PIECE];
    let died = loop {
        match app.read(&mut piece) {
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(_) => break true,
            Ok(0) => break false,
            Ok(count) => {
                let words = door.answers(id);
                if client.write_all(&piece[..count]).is_err() {
                    break true;
                }
                door.answered(id, words);
            }
        }
    };
    if door.ends(id, outlived) {
        // Either may be gone already.
        let _ = client.shutdown(if died { Shutdown::Both } else { Shutdown::Write });
        let _ = app.shutdown(if died { Shutdown::Both } else { Shutdown::Read });
    }
}

/// There is no app. What was sent is read, for else the client would not see the answer.
fn refuse(mut client: &TcpStream) -> io::Result<()> {
    client.write_all(REFUSAL)?;
    client.shutdown(Shutdown::Write)?;
    client.set_read_timeout(Some(REFUSED))?;
    let until = Instant::now() + REFUSED;
    let mut piece = vec![0; PIECE];
    while client.read(&mut piece)? > 0 && Instant::now() < until {}
    Ok(())
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
