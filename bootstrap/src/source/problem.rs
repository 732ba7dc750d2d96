//! What can be wrong between us and a source, in words that name the setting
//! that mends it.

use offgrid_manifest::Code;
use std::io;
use std::path::PathBuf;
use ureq::Timeout;

/// Why bytes did not come.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Neither an address nor a folder.
    #[error("`{text}` is neither a web address nor a folder that is there")]
    NotASource {
        /// As given.
        text: String,
    },
    /// Certificates that cannot be used.
    #[error("could not use the certificates in `{}`", path.display())]
    Certificates {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Offline, and no folder to read.
    #[error("no network may be used, and no folder was named to read from")]
    Offline,
    /// No source at all.
    #[error("there is no source to ask")]
    Nowhere,
    /// The host's name is unknown.
    #[error("the host of {url} was not found")]
    NoHost {
        /// The address.
        url: String,
    },
    /// Nothing could be sent or received.
    #[error("could not reach {url}")]
    Unreachable {
        /// The address.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// The secure connection failed.
    #[error("no secure connection to {url}")]
    Tls {
        /// The address.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// The proxy said no.
    #[error("the proxy refused the way to {url}")]
    Proxy {
        /// The address.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// It stopped sending.
    #[error("{url} stopped answering")]
    Stall {
        /// The address.
        url: String,
    },
    /// The connection broke.
    #[error("the connection to {url} broke")]
    Broken {
        /// The address.
        url: String,
        /// Why.
        source: io::Error,
    },
    /// There is no such file.
    #[error("{url} is not there")]
    Absent {
        /// The address.
        url: String,
    },
    /// An answer that is not the file.
    #[error("{url} answered with status {status}")]
    Status {
        /// The address.
        url: String,
        /// The HTTP status.
        status: u16,
    },
    /// A web page in place of the file.
    #[error("{url} answered with a web page")]
    Page {
        /// The address.
        url: String,
    },
    /// An answer that goes where it must not.
    #[error("{url} led to an address that is not secure, or in circles")]
    Redirect {
        /// The address.
        url: String,
        /// Why.
        source: Box<ureq::Error>,
    },
    /// More bytes than a file of its kind may have.
    #[error("{url} has more than {max} bytes")]
    TooLarge {
        /// The address.
        url: String,
        /// How many it may have.
        max: u64,
    },
    /// A folder that cannot be read.
    #[error("could not read `{}`", path.display())]
    Folder {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl Error {
    /// Of what the HTTP library says about a request.
    pub(super) fn of(url: &str, error: ureq::Error) -> Error {
        let url = url.to_owned();
        match error {
            ureq::Error::HostNotFound => Error::NoHost { url },
            ureq::Error::Timeout(Timeout::Resolve) => Error::NoHost { url },
            ureq::Error::Timeout(Timeout::Connect) => {
                Error::Unreachable { url, source: Box::new(error) }
            }
            ureq::Error::Timeout(_) => Error::Stall { url },
            // Only of an address that a redirect names: those of people were read before.
            ureq::Error::RequireHttpsOnly(_)
            | ureq::Error::BadUri(_)
            | ureq::Error::TooManyRedirects
            | ureq::Error::RedirectFailed => Error::Redirect { url, source: Box::new(error) },
            ureq::Error::ConnectProxyFailed(_) | ureq::Error::InvalidProxyUrl => {
                Error::Proxy { url, source: Box::new(error) }
            }
            ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::TlsRequired => {
                Error::Tls { url, source: Box::new(error) }
            }
            ureq::Error::Io(ref inner) if is_unknown_host(inner) => Error::NoHost { url },
            // The TLS library's refusals arrive wrapped in an I/O error.
            ureq::Error::Io(ref inner) if inner.kind() == io::ErrorKind::InvalidData => {
                Error::Tls { url, source: Box::new(error) }
            }
            _ => Error::Unreachable { url, source: Box::new(error) },
        }
    }

    /// Of what went wrong while a body was read.
    pub(crate) fn broken(url: &str, source: io::Error) -> Error {
        let url = url.to_owned();
        let stalled = source.kind() == io::ErrorKind::TimedOut
            || source.get_ref().is_some_and(|inner| {
                matches!(inner.downcast_ref::<ureq::Error>(), Some(ureq::Error::Timeout(_)))
            });
        if stalled { Error::Stall { url } } else { Error::Broken { url, source } }
    }

    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::NotASource { .. } | Error::Certificates { .. } => Code::Usage,
            Error::TooLarge { .. } => Code::Size,
            Error::Stall { .. } => Code::Stall,
            Error::Status { .. }
            | Error::Page { .. }
            | Error::Redirect { .. }
            | Error::Absent { .. } => Code::Http,
            Error::Offline
            | Error::Nowhere
            | Error::NoHost { .. }
            | Error::Unreachable { .. }
            | Error::Tls { .. }
            | Error::Proxy { .. }
            | Error::Broken { .. }
            | Error::Folder { .. } => Code::Unreachable,
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(
            match self {
                Error::NotASource { .. } => "write --source https://... or --source /a/folder",
                Error::Certificates { .. } => "name a file of PEM certificates with --ca-file",
                Error::Offline => "name a kit with --source DIR, or leave out --offline",
                Error::NoHost { .. } => {
                    "is this machine online? behind a proxy set HTTPS_PROXY; without a network \
                     use a kit: --source DIR"
                }
                Error::Unreachable { .. } | Error::Broken { .. } | Error::Stall { .. } => {
                    "check the network and run the same command again: what was downloaded is \
                     kept; or use another place with --source URL|DIR"
                }
                Error::Tls { .. } => {
                    "if your network inspects traffic, name its certificates with --ca-file \
                     FILE; a wrong clock does this too"
                }
                Error::Proxy { .. } => "check HTTPS_PROXY and its user name and password",
                Error::Page { .. } => {
                    "a network's login page? open any web page in a browser, log in, and run \
                     this again"
                }
                Error::Status { .. } | Error::Absent { .. } | Error::Redirect { .. } => {
                    "is this the address of a depot? name another with --source URL|DIR"
                }
                Error::Nowhere | Error::TooLarge { .. } | Error::Folder { .. } => {
                    "name another place with --source URL|DIR"
                }
            }
            .to_owned(),
        )
    }
}

/// Whether the system's resolver said no. Its errors have no kind of their own
/// in the standard library: a text on Unix, two numbers on Windows.
fn is_unknown_host(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(11001 | 11004))
        || error.to_string().contains("failed to lookup address information")
}
