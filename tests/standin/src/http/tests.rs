//! What `http` makes of good, bad and slow requests.

use std::io::{self, Read, Write};

use super::{Answer, Problem, read_request, status_of};

/// A client that sends its bytes in small pieces and keeps what it is sent.
struct Client {
    pieces: Vec<Vec<u8>>,
    heard: Vec<u8>,
}

impl Client {
    fn sending(text: &str, piece: usize) -> Self {
        let pieces = text.as_bytes().chunks(piece).rev().map(<[u8]>::to_vec).collect();
        Self { pieces, heard: Vec::new() }
    }
}

impl Read for Client {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let piece = self.pieces.pop().unwrap_or_default();
        to[..piece.len()].copy_from_slice(&piece);
        Ok(piece.len())
    }
}

impl Write for Client {
    fn write(&mut self, from: &[u8]) -> io::Result<usize> {
        self.heard.extend(from);
        Ok(from.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_request_in_any_pieces_is_the_same_request() {
    let text = "POST /a/b?c=d HTTP/1.1\r\nHost: x\r\ncontent-LENGTH: 5\r\n\r\nhello and more";
    for piece in [1, 3, 7, 4096] {
        let request = read_request(&mut Client::sending(text, piece)).unwrap();
        assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/a/b"));
        assert_eq!(request.body, b"hello");
    }
}

#[test]
fn a_client_that_waits_is_told_to_go_on() {
    let text = "POST / HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\nab";
    let mut client = Client::sending(text, text.len() - 2);
    assert_eq!(read_request(&mut client).unwrap().body, b"ab");
    assert!(client.heard.starts_with(b"HTTP/1.1 100 "));
}

#[test]
fn what_is_not_a_request_is_refused() {
    for (text, status) in [
        ("hello\r\n\r\n", 400),
        ("GET http://x/ HTTP/1.1\r\n\r\n", 400),
        ("GET / SPDY/3\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
    ] {
        let problem = read_request(&mut Client::sending(text, 16)).unwrap_err();
        assert_eq!(problem.answer().unwrap().status, status, "{text}");
    }
    let endless = "x".repeat(100_000);
    let problem = read_request(&mut Client::sending(&endless, 1000)).unwrap_err();
    assert!(matches!(problem, Problem::TooLarge));
}

#[test]
fn a_client_that_leaves_gets_no_answer() {
    for text in ["", "GET /", "POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhi"] {
        let problem = read_request(&mut Client::sending(text, 64)).unwrap_err();
        assert!(problem.answer().is_none(), "{text}");
    }
}

#[test]
fn an_answer_without_body_still_tells_its_length() {
    let mut out = Vec::new();
    Answer::text(404, "gone").send(&mut out, true).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(text.starts_with("HTTP/1.1 404 Not Found\r\n"), "{text}");
    assert!(text.contains("\r\nContent-Length: 4\r\n") && text.ends_with("\r\n\r\n"), "{text}");
}

#[test]
fn the_status_of_an_answer_is_its_second_word() {
    assert_eq!(status_of("HTTP/1.1 503 Service Unavailable\r\n"), Some(503));
    assert_eq!(status_of("SSH-2.0-x"), None);
}
