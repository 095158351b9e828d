//! A server inside this process: one connection, whose other end a client in this process holds.

use std::future::Future;

use axum::Router;
use tokio::io::DuplexStream;

use super::connection;
use super::ending::Ending;
use super::limits::Limits;

/// The bytes that a pipe holds.
const BYTES: usize = 1 << 20;

/// The client's end of a pipe, and what serves the other one until it is told to end.
pub(crate) fn pipe(routes: Router, limits: Limits, ending: Ending) -> (DuplexStream, impl Future<Output = ()>) {
    let (ours, theirs) = tokio::io::duplex(BYTES);
    let limits = limits.of_pipe();
    let serving = async move {
        let builder = connection::builder(&limits);
        connection::serve(theirs, routes, &builder, &limits, ending).await;
    };
    (ours, serving)
}
