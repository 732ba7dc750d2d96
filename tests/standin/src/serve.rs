//! Serving. Owns the listening socket, a thread for each connection, and the
//! end: on SIGTERM or SIGINT the engines end first, then the process. Unlike
//! upstream it kills nothing that holds its port: a busy port is an error.

use std::io;
use std::net::{Shutdown, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::thread;
use std::time::{Duration, Instant};

use crate::engine::Engines;
use crate::http::{self, Request};
use crate::routes::{self, App, Reply};
use crate::settings::Settings;
use crate::{platform, proxy, version};

/// A client that says nothing for so long is not waited for.
const SILENCE: Duration = Duration::from_secs(30);
const RECOVER: Duration = Duration::from_millis(100);

/// Serves until told to stop.
pub(crate) fn serve(settings: Settings) -> io::Result<ExitCode> {
    let stop = platform::StopSignal::catch()?;
    let listener = TcpListener::bind(&settings.listen).map_err(|error| {
        let text = format!("cannot listen on {}: {error}", settings.listen);
        io::Error::new(error.kind(), text)
    })?;
    eprintln!("OffGrid LLM stand-in {} (not OffGrid LLM itself)", version::of_release());
    eprintln!("listening on {}", listener.local_addr()?);
    let settings = Arc::new(settings);
    let app = Arc::new(App {
        engines: Engines::new(Arc::clone(&settings)),
        settings,
        since: Instant::now(),
        requests: AtomicU64::new(0),
    });
    let shared = Arc::clone(&app);
    thread::spawn(move || accept(&shared, &listener));
    stop.wait();
    app.engines.stop();
    Ok(ExitCode::SUCCESS)
}

fn accept(app: &Arc<App>, listener: &TcpListener) {
    for stream in listener.incoming() {
        let app = Arc::clone(app);
        let talk = |stream| {
            thread::Builder::new().spawn(move || {
                // A client that left in the middle is no news.
                let _ = converse(&app, stream);
            })
        };
        if let Err(error) = stream.and_then(talk) {
            eprintln!("offgrid stand-in: a connection was lost: {error}");
            // Out of files or threads: trying again at once would only spin.
            thread::sleep(RECOVER);
        }
    }
}

fn converse(app: &App, mut stream: TcpStream) -> io::Result<()> {
    stream.set_read_timeout(Some(SILENCE))?;
    match http::read_request(&mut stream) {
        Ok(request) => answer(app, &request, &mut stream)?,
        Err(problem) => {
            if let Some(answer) = problem.answer() {
                answer.send(&mut stream, false)?;
            }
        }
    }
    stream.shutdown(Shutdown::Write)
}

fn answer(app: &App, request: &Request, stream: &mut TcpStream) -> io::Result<()> {
    match routes::reply(app, request) {
        Reply::Own(answer) => answer.send(stream, request.method == "HEAD"),
        Reply::Engine(port) => proxy::forward(request, port, stream),
    }
}
