//! Just enough HTTP/1.1: one request for each connection. Owns the bytes of
//! requests and of our own answers; never knows a path's meaning, and never
//! parses the answers of an engine beyond the status (`proxy` copies them).

use std::fmt;
use std::io::{self, Read, Write};

const MAX_HEAD: usize = 64 * 1024;
const MAX_BODY: usize = 64 * 1024 * 1024;

#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    /// Without the query.
    pub(crate) path: String,
    pub(crate) body: Vec<u8>,
}

/// Why a request could not be read.
#[derive(Debug)]
pub(crate) enum Problem {
    /// The other side left, or was silent too long: nobody to answer.
    Gone,
    Malformed,
    TooLarge,
    /// A body without `Content-Length`.
    Chunked,
}

impl fmt::Display for Problem {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str(match self {
            Self::Gone => "the client left",
            Self::Malformed => "not an HTTP request",
            Self::TooLarge => "the request is too large",
            Self::Chunked => "the stand-in wants a Content-Length",
        })
    }
}

impl From<io::Error> for Problem {
    /// The reason does not matter: nobody is left to hear it.
    fn from(_: io::Error) -> Self {
        Self::Gone
    }
}

impl Problem {
    /// The answer it deserves, if anybody is left to read it.
    pub(crate) fn answer(&self) -> Option<Answer> {
        let status = match self {
            Self::Gone => return None,
            Self::Malformed => 400,
            Self::TooLarge => 413,
            Self::Chunked => 411,
        };
        Some(Answer::error(status, &self.to_string()))
    }
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: &'static str,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn text(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type: "text/plain; charset=utf-8", body: body.into() }
    }

    pub(crate) fn json(status: u16, body: &serde_json::Value) -> Self {
        Self { status, content_type: "application/json", body: body.to_string().into_bytes() }
    }

    /// An error as OpenAI's API shapes it.
    pub(crate) fn error(status: u16, message: &str) -> Self {
        let kind = if status < 500 { "invalid_request_error" } else { "server_error" };
        let error = serde_json::json!({ "message": message, "type": kind, "code": status });
        Self::json(status, &serde_json::json!({ "error": error }))
    }

    /// Sends the answer; `bare` leaves the body out, as HEAD wants.
    pub(crate) fn send(&self, to: &mut impl Write, bare: bool) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 {} {}\r\nServer: offgrid-standin\r\nContent-Type: {}\r\n\
             Content-Length: {}\r\nAccess-Control-Allow-Origin: *\r\nConnection: close\r\n\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len(),
        );
        to.write_all(head.as_bytes())?;
        if !bare {
            to.write_all(&self.body)?;
        }
        to.flush()
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        411 => "Length Required",
        413 => "Content Too Large",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        _ => "Unnamed",
    }
}

/// Reads one request. Writes only the `100 Continue` that a client with a
/// large body may wait for.
pub(crate) fn read_request(stream: &mut (impl Read + Write)) -> Result<Request, Problem> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(start) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break start;
        }
        if bytes.len() > MAX_HEAD {
            return Err(Problem::TooLarge);
        }
        read_more(stream, &mut bytes)?;
    };
    let mut body = bytes.split_off(end + 4);
    let head = std::str::from_utf8(&bytes[..end]).map_err(|_| Problem::Malformed)?;
    let (method, path) = request_line(head).ok_or(Problem::Malformed)?;
    if header(head, "transfer-encoding").is_some() {
        return Err(Problem::Chunked);
    }
    let length = header(head, "content-length").unwrap_or("0");
    let length: usize = length.parse().map_err(|_| Problem::Malformed)?;
    if length > MAX_BODY {
        return Err(Problem::TooLarge);
    }
    let waits = header(head, "expect").is_some_and(|value| value.starts_with("100-"));
    if waits && body.len() < length {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    while body.len() < length {
        read_more(stream, &mut body)?;
    }
    body.truncate(length);
    Ok(Request { method, path, body })
}

fn read_more(stream: &mut impl Read, bytes: &mut Vec<u8>) -> io::Result<()> {
    let mut piece = [0; 16 * 1024];
    match stream.read(&mut piece)? {
        0 => Err(io::ErrorKind::UnexpectedEof.into()),
        count => {
            bytes.extend(&piece[..count]);
            Ok(())
        }
    }
}

fn request_line(head: &str) -> Option<(String, String)> {
    let mut parts = head.lines().next()?.split(' ');
    let (method, target, version) = (parts.next()?, parts.next()?, parts.next()?);
    let plain = parts.next().is_none() && version.starts_with("HTTP/1.");
    let path = target.split(['?', '#']).next()?;
    (plain && path.starts_with('/')).then(|| (method.to_owned(), path.to_owned()))
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut fields = head.lines().skip(1).filter_map(|line| line.split_once(':'));
    fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
}

/// The status of an answer, from its first line.
pub(crate) fn status_of(line: &str) -> Option<u16> {
    line.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

#[cfg(test)]
mod tests;
