//! HTTP, with the limits that the library leaves open: time for every phase,
//! size before the first byte, redirects that never leave https
//! (reference/trust.md A8, A16, A18).

use super::{Error, Fresh, Stream};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};
use ureq::config::{AutoHeaderValue, Config};
use ureq::http::Response;
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

/// The time for finding and reaching a host.
const REACH: Duration = Duration::from_secs(10);
/// The longest silence.
const SILENCE: Duration = Duration::from_secs(30);
/// The slowest link that is still waited for: 8 KiB a second, after a minute.
const SLOWEST: u64 = 8 * 1024;

/// Fewer bytes than this after this time are a trickle: 1 KiB a second.
const TRICKLE: (Duration, usize) = (Duration::from_secs(60), 60 * 1024);

/// One client for all requests of a command; connections are used again.
#[derive(Clone)]
pub(super) struct Client {
    agent: Agent,
}

impl Client {
    pub(super) fn new(ca_file: Option<&Path>) -> Result<Client, Error> {
        let roots = match ca_file {
            Some(path) => certificates(path)?,
            None => RootCerts::PlatformVerifier,
        };
        // Named here, so that the certificates that the library brings are left out.
        let tls = TlsConfig::builder()
            .root_certs(roots)
            .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .build();
        let config = Config::builder()
            .tls_config(tls)
            .http_status_as_error(false)
            .max_redirects(5)
            .user_agent(concat!("offgrid-setup/", env!("CARGO_PKG_VERSION")))
            .accept_encoding(AutoHeaderValue::None)
            .timeout_resolve(Some(REACH))
            .timeout_connect(Some(REACH))
            .timeout_per_read(Some(SILENCE))
            .timeout_per_write(Some(SILENCE))
            .timeout_recv_response(Some(SILENCE))
            .build();
        Ok(Client { agent: Agent::new_with_config(config) })
    }

    /// Ends every transfer that is under way.
    pub(super) fn cut(&self) {
        self.agent.clone().shutdown();
    }

    pub(super) fn read(&self, url: &str, max: u64) -> Result<Vec<u8>, Error> {
        let answer = self.get(url, &[], max)?;
        whole(url, answer, max)
    }

    pub(super) fn fresh(&self, url: &str, max: u64, tag: Option<&str>) -> Result<Fresh, Error> {
        let headers: Vec<(&str, String)> =
            tag.iter().map(|tag| ("if-none-match", (*tag).to_owned())).collect();
        let answer = self.get(url, &headers, max)?;
        if answer.status() == 304 && tag.is_some() {
            return Ok(Fresh::Same);
        }
        let tag = header(&answer, "etag").map(str::to_owned);
        Ok(Fresh::New(whole(url, answer, max)?, tag))
    }

    pub(super) fn open(&self, url: &str, from: u64, size: u64) -> Result<Stream, Error> {
        let headers: Vec<(&str, String)> =
            (from > 0).then(|| ("range", format!("bytes={from}-"))).into_iter().collect();
        let answer = self.get(url, &headers, size.saturating_sub(from))?;
        let begin = match answer.status().as_u16() {
            200 => 0,
            // Only the part that was asked for may be put behind what is there.
            206 if begins_at(&answer) == Some(from) => from,
            // A server that is confused by ranges is asked for the whole file.
            206 | 416 if (1..size).contains(&from) => return self.open(url, 0, size),
            status => return Err(refusal(url, status)),
        };
        let length = answer.body().content_length();
        let size = length.map(|length| begin.saturating_add(length));
        Ok(Stream { body: Box::new(answer.into_body().into_reader()), from: begin, size })
    }

    fn get(
        &self,
        url: &str,
        headers: &[(&str, String)],
        size: u64,
    ) -> Result<Response<Body>, Error> {
        let total = Duration::from_secs(60 + size / SLOWEST);
        let mut request = self
            .agent
            .get(url)
            .config()
            .https_only(url.starts_with("https://"))
            .timeout_global(Some(total))
            .build();
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        request.call().map_err(|source| Error::of(url, source))
    }
}

/// A whole small body. A web page in place of a document is a login page of the
/// network more often than anything else.
fn whole(url: &str, answer: Response<Body>, max: u64) -> Result<Vec<u8>, Error> {
    match answer.status().as_u16() {
        200 => {}
        status => return Err(refusal(url, status)),
    }
    if header(&answer, "content-type").is_some_and(|kind| kind.starts_with("text/html")) {
        return Err(Error::Page { url: url.to_owned() });
    }
    let mut bytes = Vec::new();
    let mut body = answer.into_body().into_reader().take(max + 1);
    let (began, mut chunk) = (Instant::now(), vec![0; 16 * 1024]);
    loop {
        let read = body.read(&mut chunk).map_err(|source| Error::broken(url, source))?;
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..read]);
        if began.elapsed() > TRICKLE.0 && bytes.len() < TRICKLE.1 {
            return Err(Error::Stall { url: url.to_owned() });
        }
    }
    if bytes.len() as u64 > max {
        return Err(Error::TooLarge { url: url.to_owned(), max });
    }
    Ok(bytes)
}

fn refusal(url: &str, status: u16) -> Error {
    let url = url.to_owned();
    match status {
        404 | 410 => Error::Absent { url },
        status => Error::Status { url, status },
    }
}

fn header<'a>(answer: &'a Response<Body>, name: &str) -> Option<&'a str> {
    answer.headers().get(name)?.to_str().ok()
}

/// The first byte of a partial answer, `bytes 100-199/200` (RFC 9110, 14.4).
fn begins_at(answer: &Response<Body>) -> Option<u64> {
    let range = header(answer, "content-range")?.strip_prefix("bytes ")?;
    range.split_once('-')?.0.parse().ok()
}

fn certificates(path: &Path) -> Result<RootCerts, Error> {
    let unusable = |source: Box<dyn std::error::Error + Send + Sync>| Error::Certificates {
        path: path.to_owned(),
        source,
    };
    let pem = std::fs::read(path).map_err(|error| unusable(Box::new(error)))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        if let PemItem::Certificate(certificate) = item.map_err(|e| unusable(Box::new(e)))? {
            found.push(certificate);
        }
    }
    if found.is_empty() {
        return Err(unusable("no certificate in it".into()));
    }
    Ok(RootCerts::new_with_certs(&found))
}
