//! The program `minutebook`: the command line, and the server that it starts or talks to.

mod app;
mod cli;
mod grpc;
mod import;
mod metrics;
mod serve;
mod server;
mod tiles;
mod web;

use std::process::ExitCode;

use mimalloc::MiMalloc;

// The threads of the server free what the writer allocated, and the other way round, which the system's allocator
// does at a price: with this one `Record` answers a fifth more calls.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
