//! Requests that are given up and servers that are told to end: what was begun is done wholly or not at all, and nobody
//! who keeps a line open keeps a server from ending.

use std::io::Write as _;
use std::net::TcpStream;
use std::time::Duration;

use tokio::task::JoinSet;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;

use crate::fixture::client::{batch, connect, ledger as recorder, register};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;

const CALLERS: u32 = 16;
const EACH: u32 = 125;
/// The events of one request.
const WHOLE: u32 = 3;

fn request(n: u32) -> minutebook_proto::pb::RecordRequest {
    let party = |part: u32| register(&format!("party-{n}-{part}"), "Een partij");
    batch(&format!("request-{n}"), (0..WHOLE).map(party).collect())
}

/// Deadlines that mostly pass before the answer: the client hears that, sends it again under the same name, and it is
/// there once.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_whose_deadline_passed_is_recorded_once_or_not_at_all() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut callers = JoinSet::new();
    for caller in 0..CALLERS {
        let channel = channel.clone();
        callers.spawn(async move {
            let mut given_up = 0;
            for n in caller * EACH..(caller + 1) * EACH {
                let mut hasty = Request::new(request(n));
                hasty.set_timeout(Duration::from_millis(1));
                if let Err(status) = recorder(&channel).record(hasty).await {
                    let expected = [Code::Cancelled, Code::DeadlineExceeded];
                    assert!(expected.contains(&status.code()), "{status:?}");
                    given_up += 1;
                }
                let answer = recorder(&channel).record(request(n)).await.expect("with time enough").into_inner();
                assert_eq!(answer.receipt.expect("a receipt").count, WHOLE);
            }
            given_up
        });
    }
    let given_up: u32 = callers.join_all().await.into_iter().sum();
    assert!(given_up > 0, "no deadline passed: this tests nothing");
    server.stop();
    assert_eq!(ledger.status()["events"], 1 + CALLERS * EACH * WHOLE);
    ledger.run(&["verify"]).ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_ends_though_others_keep_their_lines_open() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let address = server.address.strip_prefix("http://").expect("an address");
    let silent = TcpStream::connect(address).expect("connected");
    let mut begun = TcpStream::connect(address).expect("connected");
    begun.write_all(b"PRI * HTTP/2.0\r\n").expect("written");
    let channel = connect(&server.address).await;
    recorder(&channel).record(request(0)).await.expect("recorded");
    let watching = HealthClient::new(channel.clone()).watch(HealthCheckRequest::default()).await.expect("watching");
    // By its own deadline; what waits for it here would wait for ever otherwise.
    tokio::task::spawn_blocking(move || server.stop()).await.expect("it ended as asked");
    drop((silent, begun, watching));
    assert_eq!(ledger.status()["events"], 1 + WHOLE);
}
