//! People who ask the app, all at once and one request after the other: asks until it is
//! told to stop and says what became of each request. For tests only.
//!
//! `load-standin PORT PEOPLE TOKENS STOP-FILE` prints one line of JSON when STOP-FILE is
//! there and the last request has ended.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "what it counted is its result")]

use serde_json::{Value, json};
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Mutex;
use std::thread;
use std::time::{Duration, Instant};

/// For one answer. A request that waits out a switch must not run into it.
const LIMIT: Duration = Duration::from_secs(150);
/// Who was refused does not ask again at once.
const REST: Duration = Duration::from_millis(20);

/// What became of a request.
enum End {
    /// By tokens.
    Answered,
    /// Nobody listened, or 503 with the wish to come again.
    Refused(&'static str),
    /// The connection ended before the answer did.
    Cut(String),
    /// An answer that is none.
    Wrong(String),
}

#[derive(Default)]
struct Counts {
    answered: u32,
    /// Answered, after more than a second.
    waited: u32,
    refused: u32,
    cut: u32,
    wrong: u32,
    longest: Duration,
    /// When the last good answer came, and the longest time without one.
    last: Option<Instant>,
    gap: Duration,
    why: Vec<String>,
}

impl Counts {
    fn count(&mut self, end: End, took: Duration) {
        let now = Instant::now();
        match end {
            End::Answered => {
                self.answered += 1;
                self.waited += u32::from(took > Duration::from_secs(1));
                self.longest = self.longest.max(took);
                let last = self.last.replace(now).unwrap_or(now);
                self.gap = self.gap.max(now - last);
            }
            End::Refused(why) => {
                self.refused += 1;
                self.remember(why.to_owned());
            }
            End::Cut(why) => {
                self.cut += 1;
                self.remember(why);
            }
            End::Wrong(why) => {
                self.wrong += 1;
                self.remember(why);
            }
        }
    }

    fn remember(&mut self, why: String) {
        if self.why.len() < 5 && !self.why.contains(&why) {
            self.why.push(why);
        }
    }

    fn json(&self) -> Value {
        json!({
            "answered": self.answered, "waited": self.waited, "refused": self.refused,
            "cut": self.cut, "wrong": self.wrong, "longest_ms": self.longest.as_millis() as u64,
            "gap_ms": self.gap.as_millis() as u64, "why": self.why,
        })
    }
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |at: usize| words.get(at).and_then(|word| word.parse::<u16>().ok());
    let (Some(port), Some(people), Some(tokens), Some(stop)) =
        (number(0), number(1), number(2), words.get(3))
    else {
        eprintln!("load-standin PORT PEOPLE TOKENS STOP-FILE");
        return ExitCode::from(2);
    };
    let counts = Mutex::new(Counts::default());
    thread::scope(|scope| {
        for _ in 0..people {
            scope.spawn(|| ask_until(Path::new(stop), port, tokens, &counts));
        }
    });
    let Ok(counts) = counts.into_inner() else { return ExitCode::FAILURE };
    println!("{}", counts.json());
    ExitCode::SUCCESS
}

fn ask_until(stop: &Path, port: u16, tokens: u16, counts: &Mutex<Counts>) {
    while !stop.exists() {
        let began = Instant::now();
        let end = ask(port, tokens);
        let is_refused = matches!(end, End::Refused(_));
        if let Ok(mut counts) = counts.lock() {
            counts.count(end, began.elapsed());
        }
        if is_refused {
            thread::sleep(REST);
        }
    }
}

fn ask(port: u16, tokens: u16) -> End {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = match TcpStream::connect_timeout(&address, LIMIT) {
        Ok(stream) => stream,
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            return End::Refused("nobody listens");
        }
        Err(error) => return End::Cut(format!("connect: {error}")),
    };
    // The weights are random, and so is when they say that they have finished.
    let body = json!({
        "model": "tiny", "max_tokens": tokens, "ignore_eos": true,
        "messages": [{ "role": "user", "content": "hi" }],
    })
    .to_string();
    let mut bytes = Vec::new();
    let talked = stream
        .set_read_timeout(Some(LIMIT))
        .and_then(|()| {
            write!(
                stream,
                "POST /v1/chat/completions HTTP/1.1\r\nHost: localhost:{port}\r\n\
                 Connection: close\r\nContent-Type: application/json\r\n\
                 Content-Length: {}\r\n\r\n{body}",
                body.len()
            )
        })
        .and_then(|()| stream.read_to_end(&mut bytes));
    if let Err(error) = talked {
        return End::Cut(format!("after {} bytes: {error}", bytes.len()));
    }
    judge(&String::from_utf8_lossy(&bytes))
}

fn judge(answer: &str) -> End {
    let Some((head, body)) = answer.split_once("\r\n\r\n") else {
        return End::Cut(format!("an answer of {} bytes without an end", answer.len()));
    };
    let status = head.split(' ').nth(1).unwrap_or_default();
    let says_later = head.to_ascii_lowercase().contains("\r\nretry-after:");
    // In chunks or not: the JSON begins and ends with its braces.
    let whole = body.find('{').zip(body.rfind('}'));
    let json = whole.and_then(|(from, to)| serde_json::from_str::<Value>(&body[from..=to]).ok());
    let tokens = json.as_ref().and_then(|json| json["usage"]["completion_tokens"].as_u64());
    match (status, tokens) {
        ("200", Some(1..)) => End::Answered,
        ("503", _) if says_later => End::Refused("503, and to come again"),
        ("200", _) if json.is_none() => End::Cut("200, and half an answer".to_owned()),
        _ => {
            let said: String = body.escape_debug().take(120).collect();
            End::Wrong(format!("{status}: {said}"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{End, judge};

    fn word(answer: &str) -> &'static str {
        match judge(answer) {
            End::Answered => "answered",
            End::Refused(_) => "refused",
            End::Cut(_) => "cut",
            End::Wrong(_) => "wrong",
        }
    }

    #[test]
    fn only_tokens_are_an_answer() {
        let tokens = "{\"usage\":{\"completion_tokens\":4}}";
        for (answer, expected) in [
            (format!("HTTP/1.1 200 OK\r\nA: b\r\n\r\n{tokens}"), "answered"),
            (format!("HTTP/1.1 200 OK\r\n\r\n22\r\n{tokens}\r\n0\r\n\r\n"), "answered"),
            (format!("HTTP/1.1 200 OK\r\n\r\n{}", &tokens[..20]), "cut"),
            ("HTTP/1.1 200 OK\r\n\r\n{\"usage\":{\"completion_tokens\":0}}".to_owned(), "wrong"),
            (String::new(), "cut"),
            ("HTTP/1.1 503 No\r\nRetry-After: 1\r\n\r\n".to_owned(), "refused"),
            ("HTTP/1.1 503 No\r\n\r\n{\"error\":\"no engine\"}".to_owned(), "wrong"),
            (format!("HTTP/1.1 500 No\r\n\r\n{tokens}"), "wrong"),
        ] {
            assert_eq!(word(&answer), expected, "{answer}");
        }
    }
}
