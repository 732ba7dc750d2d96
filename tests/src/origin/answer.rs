//! One answer: the truth about a file, or a lie about it.

use super::{Lie, Seen};
use offgrid_manifest::Digest;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// What was asked for.
pub(super) struct Asked<'a> {
    pub(super) request: &'a Seen,
    pub(super) tag: Option<String>,
    pub(super) folder: &'a Path,
}

/// An endless body ends here all the same, so that a bug fills no disk.
const ENDLESS: u64 = 256 * 1024 * 1024;

/// Larger files have no tag: making one takes longer than sending them.
const TAGGED_MAX: usize = 1024 * 1024;

struct Reply<'a> {
    stream: &'a TcpStream,
    count: &'a dyn Fn(u64),
}

impl Reply<'_> {
    fn head(&self, status: &str, headers: &[(&str, String)]) -> io::Result<()> {
        let mut text = format!("HTTP/1.1 {status}\r\nConnection: close\r\n");
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        text.push_str("\r\n");
        let mut stream = self.stream;
        stream.write_all(text.as_bytes())
    }

    fn body(&self, bytes: &[u8]) -> io::Result<()> {
        let mut stream = self.stream;
        for chunk in bytes.chunks(64 * 1024) {
            stream.write_all(chunk)?;
            (self.count)(chunk.len() as u64);
        }
        Ok(())
    }

    /// With the length that is said.
    fn sized(&self, status: &str, length: u64, bytes: &[u8]) -> io::Result<()> {
        self.head(status, &[("Content-Length", length.to_string())])?;
        self.body(bytes)
    }
}

pub(super) fn give(
    stream: &TcpStream,
    asked: &Asked<'_>,
    lie: Option<Lie>,
    count: &dyn Fn(u64),
    over: &AtomicBool,
) -> io::Result<()> {
    let reply = Reply { stream, count };
    let path = &asked.request.path;
    let file = match path.split('/').any(|part| part == "..") {
        true => None,
        false => std::fs::read(asked.folder.join(path)).ok(),
    };
    let lie = match lie {
        None => return truth(&reply, asked, file.as_deref()),
        Some(Lie::NoRange) if asked.request.range.is_none() => {
            return truth(&reply, asked, file.as_deref());
        }
        Some(lie) => lie,
    };
    match lie {
        Lie::Status(status) => reply.sized(&format!("{status} No"), 2, b"no"),
        Lie::NoRange => reply.sized("416 Range Not Satisfiable", 0, b""),
        Lie::Redirect(to) => {
            reply.head("302 Found", &[("Location", to), ("Content-Length", "0".into())])
        }
        Lie::Page => {
            let page = b"<!doctype html><title>Welcome to the hotel</title>";
            let length = page.len().to_string();
            let kind = "text/html; charset=utf-8".to_owned();
            reply.head("200 OK", &[("Content-Type", kind), ("Content-Length", length)])?;
            reply.body(page)
        }
        Lie::Bytes(bytes) => reply.sized("200 OK", bytes.len() as u64, &bytes),
        Lie::Endless => endless(&reply, over),
        Lie::Headers => headers(stream, over),
        Lie::Silence => {
            silence(stream, over);
            Ok(())
        }
        Lie::Encoded(coding, bytes) => {
            let length = ("Content-Length", bytes.len().to_string());
            reply.head("200 OK", &[("Content-Encoding", coding.to_owned()), length])?;
            reply.body(&bytes)
        }
        other => match file {
            Some(bytes) => about(&reply, asked, other, bytes, over),
            None => truth(&reply, asked, None),
        },
    }
}

/// Lies that begin with the file's own bytes.
fn about(
    reply: &Reply<'_>,
    asked: &Asked<'_>,
    lie: Lie,
    mut bytes: Vec<u8>,
    over: &AtomicBool,
) -> io::Result<()> {
    let range = asked.request.range.as_deref();
    let size = bytes.len() as u64;
    let from = begin_of(range).unwrap_or(0).min(size);
    match lie {
        Lie::Flip(at) => {
            bytes[at] ^= 1;
            ranged(reply, &bytes, range)
        }
        Lie::Truncate(at) => reply.sized("200 OK", size, &bytes[..at.min(size) as usize]),
        Lie::Stall(at) => {
            reply.sized("200 OK", size, &bytes[..at.min(size) as usize])?;
            silence(reply.stream, over);
            Ok(())
        }
        Lie::Drip(pause) => {
            reply.head("200 OK", &[("Content-Length", size.to_string())])?;
            drip(reply, &bytes, pause, over)
        }
        Lie::Partial => {
            partial_head(reply, 0, size, true)?;
            reply.body(&bytes)
        }
        Lie::Cut(after) => {
            let end = (from + after).min(size) as usize;
            partial_head(reply, from, size, range.is_some())?;
            reply.body(&bytes[from as usize..end])
        }
        Lie::Length(length) => reply.sized("200 OK", length, &bytes),
        Lie::WrongRange if range.is_some() => {
            let shown = format!("bytes 1-{}/{size}", size - 1);
            let length = (size - 1).to_string();
            reply.head(
                "206 Partial Content",
                &[("Content-Range", shown), ("Content-Length", length)],
            )?;
            reply.body(&bytes[1..])
        }
        Lie::Chunked => {
            reply.head("200 OK", &[("Transfer-Encoding", "chunked".into())])?;
            for chunk in bytes.chunks(10_000) {
                let mut stream = reply.stream;
                stream.write_all(format!("{:x}\r\n", chunk.len()).as_bytes())?;
                reply.body(chunk)?;
                stream.write_all(b"\r\n")?;
            }
            let mut stream = reply.stream;
            stream.write_all(b"0\r\n\r\n")
        }
        _ => reply.sized("200 OK", size, &bytes),
    }
}

/// What an honest server says.
fn truth(reply: &Reply<'_>, asked: &Asked<'_>, file: Option<&[u8]>) -> io::Result<()> {
    let Some(bytes) = file else { return reply.sized("404 Not Found", 0, b"") };
    if bytes.len() > TAGGED_MAX {
        return ranged(reply, bytes, asked.request.range.as_deref());
    }
    let tag = format!("\"{}\"", &Digest::of(bytes).to_string()[..16]);
    if asked.tag.as_ref() == Some(&tag) {
        return reply.head("304 Not Modified", &[("ETag", tag)]);
    }
    match &asked.request.range {
        Some(range) => ranged(reply, bytes, Some(range)),
        None => {
            let length = bytes.len().to_string();
            reply.head("200 OK", &[("ETag", tag), ("Content-Length", length)])?;
            reply.body(bytes)
        }
    }
}

fn ranged(reply: &Reply<'_>, bytes: &[u8], range: Option<&str>) -> io::Result<()> {
    let size = bytes.len() as u64;
    let from = begin_of(range).unwrap_or(0);
    if from > 0 && from >= size {
        return reply.sized("416 Range Not Satisfiable", 0, b"");
    }
    partial_head(reply, from, size, range.is_some())?;
    reply.body(&bytes[from as usize..])
}

fn partial_head(reply: &Reply<'_>, from: u64, size: u64, partial: bool) -> io::Result<()> {
    let length = ("Content-Length", (size - from).to_string());
    if !partial {
        return reply.head("200 OK", &[length]);
    }
    let shown = format!("bytes {from}-{}/{size}", size.saturating_sub(1));
    reply.head("206 Partial Content", &[("Content-Range", shown), length])
}

/// N of `bytes=N-`.
fn begin_of(range: Option<&str>) -> Option<u64> {
    range?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
}

fn endless(reply: &Reply<'_>, over: &AtomicBool) -> io::Result<()> {
    reply.head("200 OK", &[])?;
    let bytes = vec![b' '; 64 * 1024];
    let mut sent = 0;
    while sent < ENDLESS && !over.load(Ordering::Relaxed) {
        reply.body(&bytes)?;
        sent += bytes.len() as u64;
    }
    Ok(())
}

/// Byte after byte, as slowly as a slow-loris.
fn drip(reply: &Reply<'_>, bytes: &[u8], pause: Duration, over: &AtomicBool) -> io::Result<()> {
    for byte in bytes.chunks(1) {
        reply.body(byte)?;
        let until = Instant::now() + pause;
        while Instant::now() < until {
            if over.load(Ordering::Relaxed) {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
    Ok(())
}

/// One header after the other, as slowly as a slow-loris.
fn headers(mut stream: &TcpStream, over: &AtomicBool) -> io::Result<()> {
    stream.write_all(b"HTTP/1.1 200 OK\r\n")?;
    let until = Instant::now() + Duration::from_secs(120);
    while Instant::now() < until && !over.load(Ordering::Relaxed) {
        stream.write_all(b"X-More: yes\r\n")?;
        // Slowly: a hundred of them are refused as too many.
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// Until the client hangs up.
fn silence(mut stream: &TcpStream, over: &AtomicBool) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let until = Instant::now() + Duration::from_secs(120);
    while Instant::now() < until && !over.load(Ordering::Relaxed) {
        match stream.read(&mut [0; 64]) {
            Ok(0) => return,
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(_) => return,
        }
    }
}
