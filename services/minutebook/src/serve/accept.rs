//! Who may connect: so many at once, so many from one address, and nobody keeps the server from ending.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Router;
use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::connection;
use super::descriptors;
use super::ending::Ending;
use super::limits::{Limits, count, seconds};

/// So long nobody is let in after a connection could not be made, mostly for want of file descriptors: asking again at
/// once would take a whole core and give nothing.
const PAUSE: Duration = Duration::from_millis(100);

/// Serves whoever connects until it is told to end, and then until everybody has gone or the time for that is over.
pub(crate) async fn accept(listener: TcpListener, routes: Router, limits: Limits, mut ending: Ending) {
    let places = Arc::new(Semaphore::new(count(descriptors::room(limits.connections))));
    let (builder, addresses) = (Arc::new(connection::builder(&limits)), Addresses::default());
    let limits = Arc::new(limits);
    let mut connections = JoinSet::new();
    let mut is_failing = false;
    loop {
        let next = async {
            // The semaphore is never closed.
            let place = Arc::clone(&places).acquire_owned().await.ok();
            (place, listener.accept().await)
        };
        let (place, accepted) = tokio::select! {
            next = next => next,
            () = ending.told() => break,
        };
        while connections.try_join_next().is_some() {}
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                if !std::mem::replace(&mut is_failing, true) {
                    tracing::warn!(%error, "nobody can be let in for the moment");
                }
                sleep(PAUSE).await;
                continue;
            }
        };
        is_failing = false;
        let Some(visit) = addresses.visit(peer.ip(), &limits) else {
            tracing::debug!(%peer, "too many connections from one address");
            continue;
        };
        if let Err(error) = set_up(&stream, &limits) {
            tracing::debug!(%peer, %error, "a connection was gone before it began");
            continue;
        }
        let (routes, builder, limits) = (routes.clone(), Arc::clone(&builder), Arc::clone(&limits));
        let ending = ending.clone();
        connections.spawn(async move {
            let _held = (place, visit);
            connection::serve(stream, routes, &builder, &limits, ending).await;
        });
    }
    // Nobody more is let in.
    drop(listener);
    let all = async { while connections.join_next().await.is_some() {} };
    if timeout(seconds(limits.shutdown_s), all).await.is_err() {
        tracing::info!(connections = connections.len(), "cutting off who has not gone");
        connections.shutdown().await;
    }
}

/// How the system treats a connection.
fn set_up(stream: &TcpStream, limits: &Limits) -> io::Result<()> {
    // Without this each answer waits 40 ms for its predecessor to be acknowledged.
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket.set_tcp_keepalive(&TcpKeepalive::new().with_time(seconds(limits.tcp_keepalive_s)))?;
    // What was sent and is not acknowledged in this time: the line is dead, and keepalive does not look then.
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(seconds(limits.stalled_s)))?;
    Ok(())
}

/// How many connections there are from each address.
#[derive(Debug, Clone, Default)]
struct Addresses(Arc<Mutex<HashMap<IpAddr, u32>>>);

/// One connection from an address; it counts until it is dropped.
#[derive(Debug)]
struct Visit {
    addresses: Addresses,
    address: IpAddr,
}

impl Addresses {
    /// Counts one more, unless there are too many.
    fn visit(&self, address: IpAddr, limits: &Limits) -> Option<Visit> {
        let address = address.to_canonical();
        let most = if address.is_loopback() { limits.connections_loopback } else { limits.connections_per_address };
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let here = counted.entry(address).or_default();
        if *here >= most {
            return None;
        }
        *here = here.saturating_add(1);
        drop(counted);
        Some(Visit { addresses: self.clone(), address })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut counted = self.addresses.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(here) = counted.get_mut(&self.address) {
            *here = here.saturating_sub(1);
            if *here == 0 {
                counted.remove(&self.address);
            }
        }
    }
}
