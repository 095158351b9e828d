//! The server: founding a ledger, and serving one over a socket or, inside this process, over a pipe.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use minutebook_domain::event::{Actor, Founding};
use minutebook_domain::ids::{Id, RequestId};
use minutebook_domain::value::Name;
use minutebook_ledger::{Ledger, OpenError, Options};
use minutebook_tlog::{SigningKey, VerifierKey};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_stream::StreamExt;
use tonic::transport::server::{Router, TcpIncoming};
use tonic::transport::{Channel, Endpoint, Server};

use crate::app::App;
use crate::grpc;

/// The format of the journal that new ledgers get.
const JOURNAL_FORMAT: u32 = 1;
/// How long a shutdown waits for requests that are being answered.
const GRACE: Duration = Duration::from_secs(10);
/// How long a unary request may take until its answer begins.
const UNARY: Duration = Duration::from_mins(1);
/// Streams at once on one connection.
const STREAMS: u32 = 64;
/// Streams that a client may cause to be reset before its connection is closed.
const RESETS: usize = 256;
/// The bytes of the pipe to the server inside this process.
const PIPE: usize = 1 << 20;

/// What a new ledger is called.
#[derive(Debug, Clone)]
pub(crate) struct FoundOptions {
    /// What people call it.
    pub(crate) name: Name,
    /// Whose it is.
    pub(crate) organisation: Option<Name>,
    /// The IANA time zone in which its days end.
    pub(crate) zone: Name,
    /// What its log is called in checkpoints; a name of its own unless given.
    pub(crate) origin: Option<String>,
    /// Who founds it.
    pub(crate) actor: Actor,
}

/// How a ledger is served.
#[derive(Debug, Clone)]
pub(crate) struct ServeOptions {
    /// The data directory.
    pub(crate) data: PathBuf,
    /// Where to listen.
    pub(crate) listen: SocketAddr,
    /// Listen on an address that others can reach, without encryption and without knowing who calls.
    pub(crate) insecure_listen: bool,
}

/// Why a ledger is not served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum StartError {
    /// The ledger cannot be founded or opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The address can be reached by others.
    #[error(
        "{0} can be reached from other machines, and encryption and authentication are not there yet; listen on \
         127.0.0.1, or pass --insecure-listen if another program guards that address"
    )]
    Exposed(SocketAddr),
    /// The address cannot be used.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// The server ended.
    #[error("the server failed: {0}")]
    Serve(#[from] tonic::transport::Error),
    /// The log cannot have that name.
    #[error("`{name}` cannot be the name of a log: {fault}")]
    Origin {
        /// The name.
        name: String,
        /// Why.
        fault: minutebook_tlog::Fault,
    },
    /// Something else.
    #[error("{0:#}")]
    Other(#[from] anyhow::Error),
}

/// Founds a ledger in a directory that holds none. Gives the key that checks its checkpoints.
pub(crate) fn found(data: &Path, options: FoundOptions) -> Result<VerifierKey, StartError> {
    let random = uuid::Uuid::now_v7();
    let name = |text: &str| Name::new(text).map_err(anyhow::Error::from);
    let no_id = || anyhow::anyhow!("a random id is no id");
    let founding = Founding {
        ledger: Id::new(&random.to_string()).ok_or_else(no_id)?,
        name: options.name,
        organisation: options.organisation,
        zone: options.zone,
        format: JOURNAL_FORMAT,
        tool: name(concat!("minutebook ", env!("CARGO_PKG_VERSION")))?,
        verifier_key: None,
    };
    let request_id = RequestId::new(&random.to_string()).ok_or_else(no_id)?;
    let origin = options.origin.unwrap_or_else(|| format!("minutebook/{random}"));
    let key = SigningKey::generate(&origin).map_err(|fault| StartError::Origin { name: origin, fault })?;
    let ledger = Ledger::found(data, Options::default(), founding, Some(&key), &request_id, options.actor)?;
    ledger.close().map_err(anyhow::Error::from)?;
    Ok(key.public().clone())
}

/// Serves a ledger until the process is told to end.
pub(crate) async fn run(options: ServeOptions) -> Result<(), StartError> {
    if !options.listen.ip().is_loopback() && !options.insecure_listen {
        return Err(StartError::Exposed(options.listen));
    }
    let listen_error = |source| StartError::Listen { address: options.listen, source };
    let app = Arc::new(App::open(&options.data, Options::default())?);
    app.look_through()?;
    let listener = TcpListener::bind(options.listen).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    // Before anybody can know that there is something to end.
    let ending = told_to_end().map_err(anyhow::Error::from)?;
    app.publish_address(&format!("http://{address}"))?;
    if options.insecure_listen && !address.ip().is_loopback() {
        tracing::warn!(%address, "anyone who can reach this address can read and write the ledger");
    }
    tracing::info!(%address, data = %options.data.display(), "serving");
    println!("minutebook serves http://{address}");
    let (stop, stopped) = oneshot::channel();
    let router = router(&app).await?;
    // The server's own setting is for sockets that it opens itself; without this, each answer waits 40 ms for its
    // predecessor to be acknowledged.
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let serving = router.serve_with_incoming_shutdown(incoming, async {
        ending.await;
        let _ = stop.send(());
    });
    // The shutdown waits for every connection, and a silent one never ends: after the grace it is left.
    let served = tokio::select! {
        served = serving => served,
        () = async { let _ = stopped.await; tokio::time::sleep(GRACE).await } => Ok(()),
    };
    tracing::info!("closing");
    app.close();
    Ok(served?)
}

async fn router(app: &Arc<App>) -> Result<Router, StartError> {
    let routes = grpc::routes(app).await?;
    let server = Server::builder()
        .max_concurrent_streams(STREAMS)
        .http2_max_local_error_reset_streams(Some(RESETS))
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .timeout(UNARY)
        // For browsers and tile clients. A client that does not finish its request is cut off after half a minute.
        .accept_http1(true)
        .add_routes(routes);
    Ok(server)
}

/// Hears from now on of an interrupt or a request to terminate.
#[cfg(unix)]
fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

/// Hears of an interrupt.
#[cfg(not(unix))]
fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    // Without a handler the default one ends the process, which loses nothing either.
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// A server inside this process: the same services, reached over a pipe.
#[derive(Debug)]
pub(crate) struct InProcess {
    app: Arc<App>,
    channel: Channel,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<Result<(), tonic::transport::Error>>,
}

/// Opens a ledger and serves it inside this process.
pub(crate) async fn in_process(data: &Path, options: Options) -> Result<InProcess, StartError> {
    let app = Arc::new(App::open(data, options)?);
    let (ours, theirs) = tokio::io::duplex(PIPE);
    let (stop, stopped) = oneshot::channel::<()>();
    // The server ends its connections when no more can come in, so it goes on waiting for a second one.
    let incoming = tokio_stream::once(Ok::<_, io::Error>(theirs)).chain(tokio_stream::pending());
    let router = router(&app).await?;
    let serving = tokio::spawn(async move {
        let until = async {
            let _ = stopped.await;
        };
        router.serve_with_incoming_shutdown(incoming, until).await
    });
    let mut ours = Some(ours);
    let pipe = tower::service_fn(move |_| {
        let end = ours.take().map(TokioIo::new);
        async move { end.ok_or_else(|| io::Error::other("the server inside this process has ended")) }
    });
    let channel = Endpoint::from_static("http://in.process").connect_with_connector(pipe).await?;
    Ok(InProcess { app, channel, stop, serving })
}

impl InProcess {
    /// Where clients connect.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Ends the server, writes a snapshot and closes the ledger.
    pub(crate) async fn close(self) {
        let Self { app, channel, stop, serving } = self;
        drop(channel);
        let _ = stop.send(());
        // What a client still holds open is cut off: the ledger is closed below, and nothing acknowledged is lost.
        let _ = tokio::time::timeout(Duration::from_secs(1), serving).await;
        app.close();
    }
}
