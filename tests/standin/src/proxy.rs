//! The way to an engine and back. Owns the connection to a llama-server on
//! 127.0.0.1; never looks into an answer: its bytes are copied as they come,
//! so a stream stays a stream.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::http::{self, Answer, Request};

const DIAL: Duration = Duration::from_secs(1);
const HEALTH: Duration = Duration::from_secs(5);

fn dial(port: u16) -> io::Result<TcpStream> {
    TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), DIAL)
}

/// Whether anything listens on the engine's port.
pub(crate) fn is_open(port: u16) -> bool {
    dial(port).is_ok()
}

/// Whether the engine says that its model is loaded.
pub(crate) fn is_ready(port: u16) -> bool {
    let ask = || -> io::Result<String> {
        let mut stream = dial(port)?;
        stream.set_read_timeout(Some(HEALTH))?;
        stream
            .write_all(b"GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")?;
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line)?;
        Ok(line)
    };
    ask().is_ok_and(|line| http::status_of(&line) == Some(200))
}

/// Sends the request to the engine and its answer to the client.
pub(crate) fn forward(request: &Request, port: u16, client: &mut impl Write) -> io::Result<()> {
    let sent = dial(port).and_then(|mut engine| send(request, &mut engine).map(|()| engine));
    match sent {
        Ok(mut engine) => io::copy(&mut engine, client).and_then(|_| client.flush()),
        Err(error) => {
            let message = format!("stand-in: the engine did not take the request: {error}");
            Answer::error(502, &message).send(client, false)
        }
    }
}

fn send(request: &Request, engine: &mut TcpStream) -> io::Result<()> {
    let head = format!(
        "{} {} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n",
        request.method,
        request.path,
        request.body.len(),
    );
    engine.write_all(head.as_bytes())?;
    engine.write_all(&request.body)
}
