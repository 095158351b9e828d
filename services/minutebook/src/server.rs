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
use tokio::task::JoinHandle;
use tonic::transport::{Channel, Endpoint};

use crate::app::App;
use crate::serve::config::Config;
use crate::serve::{self, End};
use crate::{grpc, metrics};

/// The format of the journal that new ledgers get.
const JOURNAL_FORMAT: u32 = 1;
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
    /// Where and how.
    pub(crate) config: Config,
    /// Where metrics are told; nowhere unless given.
    pub(crate) metrics: Option<SocketAddr>,
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
    #[error("cannot listen on {address}, given by {option}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What gave it.
        option: &'static str,
        /// Why.
        source: io::Error,
    },
    /// The pipe to the server inside this process broke.
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
    let ServeOptions { data, config, metrics } = options;
    let Config { listen, insecure_listen, .. } = config;
    let reachable = [Some(listen), metrics].into_iter().flatten().find(|to| !to.ip().is_loopback());
    if let Some(address) = reachable.filter(|_| !insecure_listen) {
        return Err(StartError::Exposed(address));
    }
    let listen_error = |source| StartError::Listen { address: listen, option: "--listen", source };
    let app = Arc::new(App::open(&data, Options::default(), &config.limits)?);
    app.look_through()?;
    let listener = TcpListener::bind(listen).await.map_err(listen_error)?;
    let address = listener.local_addr().map_err(listen_error)?;
    let metrics = match metrics {
        Some(address) => {
            let started = metrics::Listener::bind(address).await.and_then(|listener| listener.start(&app));
            Some(started.map_err(|source| StartError::Listen { address, option: "--metrics", source })?)
        }
        None => None,
    };
    // Before anybody can know that there is something to end.
    let told = told_to_end().map_err(anyhow::Error::from)?;
    app.publish_address(&format!("http://{address}"))?;
    if insecure_listen && !address.ip().is_loopback() {
        tracing::warn!(%address, "anyone who can reach this address can read and write the ledger");
    }
    tracing::info!(%address, data = %data.display(), "serving");
    println!("minutebook serves http://{address}");
    if let Some(address) = metrics {
        println!("minutebook tells metrics at http://{address}/metrics");
    }
    let routes = grpc::routes(&app, &config).await?;
    let (end, ending) = serve::ending();
    tokio::spawn(async move {
        told.await;
        tracing::info!("ending");
        end.tell();
    });
    serve::accept(listener, routes, config.limits, ending).await;
    tracing::info!("closing");
    app.close();
    Ok(())
}

/// Hears from now on of an interrupt or a request to terminate.
#[cfg(unix)]
pub(crate) fn told_to_end() -> io::Result<impl Future<Output = ()>> {
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
pub(crate) fn told_to_end() -> io::Result<impl Future<Output = ()>> {
    // Without a handler the default one ends the process, which loses nothing either.
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// A server inside this process: the same services, reached over a pipe.
#[derive(Debug)]
pub(crate) struct InProcess {
    app: Arc<App>,
    channel: Channel,
    end: End,
    serving: JoinHandle<()>,
}

/// Opens a ledger and serves it inside this process.
pub(crate) async fn in_process(data: &Path, options: Options) -> Result<InProcess, StartError> {
    let config = Config::default();
    let app = Arc::new(App::open(data, options, &config.limits)?);
    let routes = grpc::routes(&app, &config).await?;
    let (end, ending) = serve::ending();
    let (ours, served) = serve::pipe(routes, config.limits, ending);
    let serving = tokio::spawn(served);
    let mut ours = Some(ours);
    let pipe = tower::service_fn(move |_| {
        let end = ours.take().map(TokioIo::new);
        async move { end.ok_or_else(|| io::Error::other("the server inside this process has ended")) }
    });
    let channel = Endpoint::from_static("http://in.process").connect_with_connector(pipe).await?;
    Ok(InProcess { app, channel, end, serving })
}

impl InProcess {
    /// Where clients connect.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Ends the server, writes a snapshot and closes the ledger.
    pub(crate) async fn close(self) {
        let Self { app, channel, end, serving } = self;
        drop(channel);
        end.tell();
        // What a client still holds open is cut off: the ledger is closed below, and nothing acknowledged is lost.
        let _ = tokio::time::timeout(Duration::from_secs(1), serving).await;
        app.close();
    }
}
