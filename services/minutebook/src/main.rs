//! wip
mod app;
mod grpc;
mod import;
mod server;
fn main(){}
