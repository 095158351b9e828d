//! What stands between a socket and the services: who may connect, how much each may ask for at once, how long it may
//! take, and how all of it ends. Nothing here knows what is asked.

mod accept;
mod answer;
pub(crate) mod config;
mod connection;
mod descriptors;
mod ending;
pub(crate) mod limits;
mod pipe;
mod receive;
mod requests;
mod socket;
mod stall;

pub(crate) use accept::accept;
pub(crate) use connection::Connection;
pub(crate) use ending::{End, Ending, ending};
pub(crate) use pipe::pipe;
pub(crate) use requests::{Gate, guard};
