//! A line between subscribers and the server, which can be cut, and which leads to another server after a restart.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context as _, Result};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

/// The line.
#[derive(Debug)]
pub(super) struct Proxy {
    address: SocketAddr,
    to: Mutex<String>,
    lines: Mutex<JoinSet<()>>,
}

impl Proxy {
    /// Leads to a server.
    pub(super) async fn open(server: &str) -> Result<Arc<Self>> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let to = Mutex::new(host(server)?);
        let proxy = Arc::new(Self { address, to, lines: Mutex::default() });
        let held = Arc::downgrade(&proxy);
        tokio::spawn(async move {
            while let Ok((ours, _)) = listener.accept().await
                && let Some(proxy) = held.upgrade()
            {
                let to = proxy.to.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let mut lines = proxy.lines.lock().unwrap_or_else(PoisonError::into_inner);
                while lines.try_join_next().is_some() {}
                lines.spawn(lead(ours, to));
            }
        });
        Ok(proxy)
    }

    /// Where it begins.
    pub(super) fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Leads to another server from now on.
    pub(super) fn lead_to(&self, server: &str) {
        if let Ok(to) = host(server) {
            let before = std::mem::replace(&mut *self.to.lock().unwrap_or_else(PoisonError::into_inner), to.clone());
            // Somebody else may have taken the port of a server that is gone.
            if before != to {
                self.cut();
            }
        }
    }

    /// Cuts every connection, wherever its bytes are. Gives how many there were.
    pub(super) fn cut(&self) -> u64 {
        let mut lines = self.lines.lock().unwrap_or_else(PoisonError::into_inner);
        while lines.try_join_next().is_some() {}
        let count = lines.len();
        lines.abort_all();
        u64::try_from(count).unwrap_or(u64::MAX)
    }
}

async fn lead(mut ours: TcpStream, to: String) {
    // Whoever finds nobody at the other end is left alone.
    if let Ok(mut theirs) = TcpStream::connect(to).await {
        let _ = (ours.set_nodelay(true), theirs.set_nodelay(true));
        let _ = copy_bidirectional(&mut ours, &mut theirs).await;
    }
}

fn host(address: &str) -> Result<String> {
    Ok(address.strip_prefix("http://").context("an address without a scheme")?.to_owned())
}
