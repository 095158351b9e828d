//! The life of one connection: it opens, it is served, it grows old, and it ends.

use std::hash::{BuildHasher as _, RandomState};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::Semaphore;
use tokio::time::{Instant, interval, sleep};
use tower::ServiceExt as _;

use super::ending::{End, Ending, ending};
use super::limits::{Limits, count, seconds};
use super::socket::Socket;
use super::stall::Stalls;

/// So long the streams of a connection that ends may take to end by themselves, in the words of their service.
pub(super) const LAST_WORDS: Duration = Duration::from_secs(1);

/// A connection, as the requests on it know it.
#[derive(Debug, Clone)]
pub(crate) struct Connection(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    end: End,
    stalls: Arc<Stalls>,
    turns: Arc<Semaphore>,
    is_open: Arc<AtomicBool>,
}

impl Connection {
    fn new(limits: &Limits) -> Self {
        let (end, _) = ending();
        Self(Arc::new(Inner {
            end,
            stalls: Arc::new(Stalls::new()),
            turns: Arc::new(Semaphore::new(count(limits.requests_per_connection))),
            is_open: Arc::default(),
        }))
    }

    /// Hears that streams on it are to end, because the server does or because it is old. Who has not ended a second
    /// later is ended.
    pub(crate) fn ending(&self) -> Ending {
        self.0.end.listen()
    }

    /// What may wait for its peer.
    pub(super) fn stalls(&self) -> &Arc<Stalls> {
        &self.0.stalls
    }

    /// The turns of the requests on it.
    pub(super) fn turns(&self) -> &Arc<Semaphore> {
        &self.0.turns
    }
}

/// What speaks HTTP, with every limit that it knows of.
pub(super) fn builder(limits: &Limits) -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(seconds(limits.http1_header_s))
        .max_buf_size(count(limits.http1_buffer_bytes));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits.streams_per_connection)
        .max_local_error_reset_streams(count(limits.local_resets))
        .max_pending_accept_reset_streams(count(limits.pending_resets))
        .max_header_list_size(limits.header_list_bytes)
        .max_frame_size(limits.frame_bytes)
        // It would set aside the two windows below.
        .adaptive_window(false)
        .initial_stream_window_size(limits.stream_window_bytes)
        .initial_connection_window_size(limits.connection_window_bytes)
        .max_send_buf_size(count(limits.send_buffer_bytes))
        .keep_alive_interval(seconds(limits.ping_interval_s))
        .keep_alive_timeout(seconds(limits.ping_timeout_s));
    builder
}

/// Where a connection is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Age {
    /// It takes requests.
    Young,
    /// Its client was asked to make another one; what it has asked for is answered.
    Old,
    /// Its streams were told to end.
    Ending,
}

/// Serves one connection to its end.
pub(super) async fn serve<IO>(
    io: IO,
    routes: Router,
    builder: &Builder<TokioExecutor>,
    limits: &Limits,
    mut server: Ending,
) where
    IO: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let connection = Connection::new(limits);
    let inner = Arc::clone(&connection.0);
    let io = Socket::new(io, Arc::clone(&inner.is_open), inner.stalls.add());
    let service = tower::service_fn(move |mut request: Request<_>| {
        request.extensions_mut().insert(connection.clone());
        routes.clone().oneshot(request)
    });
    let mut http = pin!(builder.serve_connection(TokioIo::new(io), TowerToHyperService::new(service)));
    let mut opening = pin!(sleep(seconds(limits.opening_s)));
    let stalled = seconds(limits.stalled_s);
    let mut look = interval((stalled / 8).clamp(Duration::from_millis(250), Duration::from_secs(10)));
    let mut age = Age::Young;
    let mut next = pin!(sleep(about(seconds(limits.connection_age_s))));
    loop {
        let is_open = inner.is_open.load(Ordering::Relaxed);
        let reached = tokio::select! {
            // How it ended concerns nobody: whoever was on it knows.
            _ = http.as_mut() => return,
            () = opening.as_mut(), if !is_open => {
                // It may have opened while it was waited for.
                if !inner.is_open.load(Ordering::Relaxed) { return }
                continue;
            }
            _ = look.tick() => {
                if inner.stalls.longest() >= stalled { return }
                continue;
            }
            () = server.told(), if age != Age::Ending => Age::Ending,
            () = next.as_mut() => match age {
                Age::Young => Age::Old,
                Age::Old => Age::Ending,
                // Whoever was told to end has not.
                Age::Ending => return,
            },
        };
        age = reached;
        http.as_mut().graceful_shutdown();
        let patience = if age == Age::Old {
            seconds(limits.connection_grace_s)
        } else {
            inner.end.tell();
            seconds(limits.shutdown_s)
        };
        next.as_mut().reset(Instant::now() + patience);
    }
}

/// A time, give or take a tenth.
fn about(time: Duration) -> Duration {
    let tenth = u64::try_from(time.as_millis() / 10).unwrap_or(u64::MAX).max(1);
    let random = RandomState::new().hash_one(()) % tenth.saturating_mul(2);
    (time + Duration::from_millis(random)).saturating_sub(Duration::from_millis(tenth))
}
