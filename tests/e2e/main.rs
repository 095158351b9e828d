//! End-to-end tests: the real binary over real sockets and real files, and the rules of the house about the sources.
//!
//! Nothing here reaches into the program. What a test knows, it knows from the command line, from gRPC, or from the
//! files of a data directory. No test depends on how quick the machine is.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "a test stops at the first surprise"
)]

mod agenda;
mod architecture;
mod areas;
mod backups;
mod batches;
mod connections;
mod consumers;
mod copies;
mod cursors;
mod demo;
mod directories;
mod documents;
mod ends;
mod errors;
mod fixture;
mod followers;
mod governance;
mod guide;
mod keys;
mod kill;
mod limits;
mod metrics;
mod proof;
mod questions;
mod reports;
mod requests;
mod reviews;
mod services;
mod store;
mod subscribe_command;
mod subscriptions;
