//! `serve`: a depot over HTTP/1.1 and HTTP/2, for a network of one's own or
//! behind a proxy. Serves what lies in the folder and nothing else; verifies
//! nothing for a client, who does that alone.

mod files;
mod page;

use crate::depot::{self, Depot};
use crate::{platform, report};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use offgrid_manifest::Code;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;

/// How long requests may go on after the server was asked to stop.
const GRACE: Duration = Duration::from_secs(30);

/// Why the server does not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The address cannot be had.
    #[error("could not listen on {address}")]
    Listen {
        /// As it was asked for.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// It stopped by itself.
    #[error("the server failed")]
    Failed(#[source] io::Error),
    /// No depot there.
    #[error(transparent)]
    Depot(#[from] depot::Error),
}

impl Error {
    /// The stable name.
    pub fn code(&self) -> Code {
        match self {
            Error::Listen { source, .. } if source.kind() == io::ErrorKind::PermissionDenied => {
                Code::Perm
            }
            Error::Listen { .. } => Code::Usage,
            Error::Failed(_) => Code::State,
            Error::Depot(error) => error.code(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Error::Listen { .. } => Some("take another one with --listen ADDRESS:PORT".into()),
            Error::Failed(_) => None,
            Error::Depot(error) => error.hint(),
        }
    }
}

/// Serves until SIGTERM or SIGINT.
///
/// # Errors
/// When there is no depot or the address cannot be had.
pub fn run(dir: &Path, listen: SocketAddr, log: bool) -> Result<(), Error> {
    let depot = Depot::open(dir)?;
    let runtime = tokio::runtime::Runtime::new().map_err(Error::Failed)?;
    runtime.block_on(async {
        let server = Server::bind(depot, listen, log).await?;
        report::listening(server.address);
        server.run(platform::stop_signal()).await
    })
}

/// A server that has its address.
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    router: Router,
}

impl Server {
    /// Takes the address; port 0 is any free one.
    ///
    /// # Errors
    /// When it cannot be had.
    pub async fn bind(depot: Depot, listen: SocketAddr, log: bool) -> Result<Server, Error> {
        let refused = |source| Error::Listen { address: listen, source };
        let listener = TcpListener::bind(listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        Ok(Server { listener, address, router: router(depot, log) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves until `stop`, then lets running requests end.
    ///
    /// # Errors
    /// When the listener fails.
    pub async fn run(self, stop: impl Future<Output = ()> + Send + 'static) -> Result<(), Error> {
        let (stopping, mut stopped) = tokio::sync::watch::channel(false);
        let server = axum::serve(self.listener, self.router).with_graceful_shutdown(async move {
            stop.await;
            let _ = stopping.send(true);
        });
        tokio::select! {
            ended = async { server.await } => ended.map_err(Error::Failed),
            () = async {
                // An error means that the server is gone, and the other branch says so.
                if stopped.wait_for(|stopped| *stopped).await.is_err() {
                    std::future::pending::<()>().await;
                }
                tokio::time::sleep(GRACE).await;
            } => Ok(()),
        }
    }
}

fn router(depot: Depot, log: bool) -> Router {
    let router = Router::new()
        .route("/", get(page::page))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(files::file)
        .with_state(Arc::new(depot));
    if log { router.layer(middleware::from_fn(access)) } else { router }
}

type Shared = State<Arc<Depot>>;

/// One line for each request.
async fn access(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    report::access(&format!("{method} {path} {}", response.status().as_u16()));
    response
}

fn is_read(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD)
}

fn not_found() -> Response {
    (StatusCode::NOT_FOUND, "not found\n").into_response()
}
