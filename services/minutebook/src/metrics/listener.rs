//! `/metrics`, on an address of its own. Whoever asks gets one answer on a connection, within a time, and few get one at
//! once: those who watch the server must not be able to stop it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

use crate::app::App;

/// So many connections are answered at once; others wait.
const CONNECTIONS: usize = 4;
/// So long a client has for the head of its request.
const HEAD: Duration = Duration::from_secs(5);
/// So long one connection may take from beginning to end.
const CONNECTION: Duration = Duration::from_secs(15);
/// So long nothing is accepted when there are no file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// The text form of `OpenMetrics`, which Prometheus reads.
const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// An address that nobody is answered on yet.
#[derive(Debug)]
pub(crate) struct Listener(TcpListener);

impl Listener {
    /// Takes an address.
    pub(crate) async fn bind(address: SocketAddr) -> io::Result<Self> {
        Ok(Self(TcpListener::bind(address).await?))
    }

    /// Answers from now on, until the program ends. Gives where.
    pub(crate) fn start(self, app: &Arc<App>) -> io::Result<SocketAddr> {
        let address = self.0.local_addr()?;
        if !address.ip().is_loopback() {
            tracing::warn!(%address, "anyone who can reach this address can read the metrics");
        }
        let registry = Arc::new(super::registry(app));
        let router = Router::new().route("/metrics", get(scrape)).with_state(registry);
        tokio::spawn(accept(self.0, router));
        Ok(address)
    }
}

async fn accept(listener: TcpListener, router: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    // It is never closed.
    while let Ok(permit) = Arc::clone(&room).acquire_owned().await {
        let Ok((stream, _)) = listener.accept().await else {
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(CONNECTION, answer(stream, router)).await;
            drop(permit);
        });
    }
}

/// Answers one request. What goes wrong on the way, the other side sees as well.
async fn answer(stream: TcpStream, router: Router) {
    let mut server = auto::Builder::new(TokioExecutor::new()).http1_only();
    server.http1().timer(TokioTimer::new()).header_read_timeout(HEAD).keep_alive(false);
    let _ = server.serve_connection(TokioIo::new(stream), TowerToHyperService::new(router)).await;
}

/// Away from the threads that serve sockets: files are looked at, and all records are counted.
async fn scrape(State(registry): State<Arc<Registry>>) -> Response {
    let written = tokio::task::spawn_blocking(move || {
        let mut text = String::new();
        encode(&mut text, &registry).map(|()| text)
    });
    match written.await {
        Ok(Ok(text)) => ([(CONTENT_TYPE, OPEN_METRICS)], text).into_response(),
        failed => {
            tracing::warn!(?failed, "the metrics cannot be told");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}
