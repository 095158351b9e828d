//! The program `minutebook`: the command line, and the server that it starts or talks to.

mod app;
mod cli;
mod grpc;
mod import;
mod server;

use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os())
}
