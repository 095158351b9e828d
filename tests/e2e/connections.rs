//! What a server bears from those who connect: silence, halves, too much at once, and pages of others. Each limit is
//! set low here, so that it is reached.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use minutebook_proto::pb::GetStatusRequest;
use prost::Message as _;
use tonic::{Code, Request, Status};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_types::pb::Status as Details;

use crate::fixture::client::{assert_refused, client, connect, head, record, register, write};
use crate::fixture::program::{Ledger, run};
use crate::fixture::server::Server;

/// What a server that does not do what it should is given to do it all the same, before the test fails.
const PATIENCE: Duration = Duration::from_mins(2);
/// What an HTTP/2 connection begins with, and the settings that come first: none.
const GREETING: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A server with these settings.
fn serve(ledger: &Ledger, settings: &str) -> Server {
    let file = ledger.file("minutebook.toml", settings.as_bytes());
    Server::start_with(&ledger.data(), &["--config", file.to_str().expect("UTF-8")], None)
}

/// A line to a server, and nothing said yet.
fn dial(server: &Server) -> TcpStream {
    let address = server.address.strip_prefix("http://").expect("an address");
    let line = TcpStream::connect(address).expect("connected");
    line.set_read_timeout(Some(PATIENCE)).expect("set");
    line
}

/// Everything that comes until the server closes the line.
fn rest(mut line: TcpStream) -> Vec<u8> {
    let mut bytes = Vec::new();
    match line.read_to_end(&mut bytes) {
        Err(error) if error.kind() != std::io::ErrorKind::ConnectionReset => panic!("the line stays open: {error}"),
        _ => bytes,
    }
}

/// A call of a browser over HTTP/1.1, of which so many bytes are sent.
fn call(server: &Server, method: &str, message: &[u8], sent: usize) -> TcpStream {
    let mut line = dial(server);
    let length = u32::try_from(message.len()).expect("short");
    let body = [&[0][..], &length.to_be_bytes(), message].concat();
    let head = format!(
        "POST /minutebook.v1.{method} HTTP/1.1\r\nhost: x\r\norigin: https://page.example\r\naccept-language: nl\r\n\
         content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    line.write_all(head.as_bytes()).expect("written");
    line.write_all(&body[..sent.min(body.len())]).expect("written");
    line
}

/// The head of an answer over HTTP/1.1, in small letters, and what follows it.
fn halves(answer: &[u8]) -> (String, &[u8]) {
    let end = answer.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
    (String::from_utf8(answer[..end].to_vec()).expect("UTF-8"), &answer[end + 4..])
}

fn header<'a>(head: &'a str, name: &str) -> Option<&'a str> {
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

/// The status in the head of an answer to a browser.
fn status(head: &str) -> Status {
    let mut headers = tonic::codegen::http::HeaderMap::new();
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        headers.insert(name, header(head, name).unwrap_or_else(|| panic!("{name}: {head}")).parse().expect("a header"));
    }
    Status::from_header_map(&headers).expect("a status")
}

#[test]
fn who_says_nothing_or_only_half_is_closed() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "[limits]\nopening_s = 1\nhttp1_header_s = 1\n");
    let silent = dial(&server);
    let mut half = dial(&server);
    half.write_all(&GREETING[..16]).expect("written");
    let mut slow = dial(&server);
    slow.write_all(b"GET /checkpoint HTTP/1.1\r\nhost:").expect("written");
    assert_eq!(rest(silent), b"");
    assert_eq!(rest(half), b"");
    // HTTP/1 may say that it took too long.
    let said = rest(slow);
    assert!(said.is_empty() || said.starts_with(b"HTTP/1.1 408"), "{said:?}");
}

#[test]
fn a_whole_greeting_is_answered_and_keeps_its_line() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "[limits]\nopening_s = 1\nping_interval_s = 1\nping_timeout_s = 1\n");
    let mut line = dial(&server);
    line.write_all(GREETING).expect("written");
    // Settings and a ping come, and then the end: pings are to be answered.
    let said = rest(line);
    let types: Vec<_> = frames(&said).map(|(kind, _)| kind).collect();
    assert!(types.first() == Some(&4) && types.contains(&6), "{types:?}");
}

/// The types and contents of the frames of HTTP/2.
fn frames(mut bytes: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    std::iter::from_fn(move || {
        let (head, rest) = bytes.split_at_checked(9)?;
        let length = usize::from(head[0]) << 16 | usize::from(head[1]) << 8 | usize::from(head[2]);
        let (content, rest) = rest.split_at_checked(length)?;
        bytes = rest;
        Some((head[3], content))
    })
}

#[test]
fn the_limits_of_a_connection_are_told_to_its_peer() {
    let ledger = Ledger::found();
    let settings = "streams_per_connection = 7\nstream_window_bytes = 70000\nheader_list_bytes = 5000\nopening_s = 1\n";
    let server = serve(&ledger, &format!("[limits]\n{settings}ping_interval_s = 1\nping_timeout_s = 1\n"));
    let mut line = dial(&server);
    line.write_all(GREETING).expect("written");
    let said = rest(line);
    let (kind, content) = frames(&said).next().expect("settings");
    let told: Vec<_> =
        content.chunks(6).map(|pair| (pair[1], u32::from_be_bytes(pair[2..].try_into().expect("four")))).collect();
    assert_eq!(kind, 4);
    for setting in [(3, 7), (4, 70_000), (6, 5_000)] {
        assert!(told.contains(&setting), "{setting:?}: {told:?}");
    }
}

#[test]
fn one_address_has_so_many_lines_and_all_together_so_many() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "[limits]\nconnections_loopback = 1\nstalled_s = 1\n");
    let held = dial(&server);
    while !rest(dial(&server)).is_empty() {}
    drop(held);
    let page = |server: &Server| {
        let mut line = dial(server);
        let _ = line.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        rest(line)
    };
    // It takes a moment until it is noticed that a line is gone.
    while !page(&server).starts_with(b"HTTP/1.1 200") {}
    drop(server);

    let server = serve(&ledger, "[limits]\nconnections = 1\n");
    let held = dial(&server);
    let mut waiting = dial(&server);
    waiting.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n").expect("written");
    drop(held);
    assert!(rest(waiting).starts_with(b"HTTP/1.1 200"));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_takes_nothing_of_an_answer_is_cut_off() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "[limits]\nconnections_loopback = 2\nstalled_s = 1\n");
    // More than the system keeps of a line on both of its ends.
    let channel = connect(&server.address).await;
    let text = "x".repeat(8_000);
    for batch in 0..8 {
        let parties: Vec<_> = (0..500).map(|n| register(&format!("p-{batch}-{n}"), &text)).collect();
        record(&channel, &format!("b-{batch}"), parties).await.expect("recorded");
    }
    let mut lazy = dial(&server);
    let path = "/minutebook.v1.LedgerService/ReadEvents";
    let head = format!(
        "POST {path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web+proto\r\ncontent-length: 5\r\n\r\n"
    );
    lazy.write_all(head.as_bytes()).expect("written");
    lazy.write_all(&[0; 5]).expect("written");
    let mut first = [0; 12];
    lazy.read_exact(&mut first).expect("an answer");
    assert_eq!(&first, b"HTTP/1.1 200");
    // Its place is free when it has gone.
    tokio::task::spawn_blocking(move || {
        let begun = Instant::now();
        loop {
            assert!(begun.elapsed() < PATIENCE, "it keeps its line");
            let mut line = dial(&server);
            let _ = line.write_all(b"GET /checkpoint HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
            if rest(line).starts_with(b"HTTP/1.1 200") {
                break;
            }
        }
        let mut bytes = Vec::new();
        let _ = lazy.read_to_end(&mut bytes);
        assert!(bytes.len() < 32_000_000 && !bytes.windows(12).any(|part| part == b"grpc-status:"), "{}", bytes.len());
    })
    .await
    .expect("cut off");
}

#[test]
fn what_comes_by_halves_has_a_deadline_and_takes_nobodys_place() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "web_origins = [\"https://page.example\"]\n[limits]\nrequest_s = 5\nrequests = 1\n");
    let halves_of_calls: Vec<_> = (0..3).map(|_| call(&server, "AdminService/GetStatus", &[0; 64], 20)).collect();
    let answer = rest(call(&server, "AdminService/GetStatus", &[], 64));
    assert!(String::from_utf8_lossy(&answer).contains("grpc-status:0"), "{answer:?}");
    for half in halves_of_calls {
        let passed = status(&halves(&rest(half)).0);
        let passed = assert_refused(Err::<(), _>(passed), Code::DeadlineExceeded, "DEADLINE_PASSED");
        assert!(passed.message().contains("niet op tijd"), "{passed:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn more_at_once_than_there_are_places_for_is_refused_as_overloaded() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "[limits]\nrequests = 1\n");
    let channel = connect(&server.address).await;
    let begun = Instant::now();
    let refused = loop {
        assert!(begun.elapsed() < PATIENCE, "nothing is refused");
        let calls = (0..16).map(|_| {
            let mut admin = client!(admin_service_client::AdminServiceClient, channel);
            tokio::spawn(async move {
                admin.get_status(GetStatusRequest { digest: true, ..GetStatusRequest::default() }).await
            })
        });
        let mut refused = None;
        for call in calls.collect::<Vec<_>>() {
            refused = call.await.expect("asked").err().or(refused);
        }
        if let Some(refused) = refused {
            break refused;
        }
    };
    assert_refused(Err::<(), _>(refused), Code::Unavailable, "OVERLOADED");
    // There is room again.
    assert_eq!(head(&channel).await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_have_places_of_their_own_and_end_when_their_time_is_over() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "[limits]\nstreams = 1\nrequests = 1\n");
    let channel = connect(&server.address).await;
    let mut health = HealthClient::new(channel.clone());
    let mut request = Request::new(HealthCheckRequest::default());
    request.set_timeout(Duration::from_secs(5));
    let mut watching = health.watch(request).await.expect("watching").into_inner();
    let first = watching.message().await.expect("health").expect("health");
    assert_eq!(first.status(), ServingStatus::Serving);
    let second = health.watch(HealthCheckRequest::default()).await;
    assert_refused(second, Code::Unavailable, "OVERLOADED");
    // An open stream takes no place of a request.
    assert_eq!(head(&channel).await, 1);
    assert_refused(watching.message().await, Code::DeadlineExceeded, "DEADLINE_PASSED");
    health.watch(HealthCheckRequest::default()).await.expect("there is room again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watching_client_is_told_that_the_server_ends_or_its_line_is_old() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "[limits]\nconnection_age_s = 1\nconnection_grace_s = 1\n");
    let channel = connect(&server.address).await;
    let mut health = HealthClient::new(channel.clone());
    let mut watching = health.watch(HealthCheckRequest::default()).await.expect("watching").into_inner();
    assert!(watching.message().await.expect("health").is_some());
    assert_refused(watching.message().await, Code::Unavailable, "ENDING");
    // Whoever asks again does so over a new line, once the old one is gone.
    let mut admin = client!(admin_service_client::AdminServiceClient, channel);
    let begun = Instant::now();
    while let Err(closing) = admin.get_status(GetStatusRequest::default()).await {
        assert!(begun.elapsed() < PATIENCE, "{closing:?}");
    }
    drop(server);

    let server = Server::start(&ledger.data());
    let mut health = HealthClient::new(connect(&server.address).await);
    let mut watching = health.watch(HealthCheckRequest::default()).await.expect("watching").into_inner();
    assert!(watching.message().await.expect("health").is_some());
    let stopped = tokio::task::spawn_blocking(move || server.stop());
    assert_refused(watching.message().await, Code::Unavailable, "ENDING");
    stopped.await.expect("it ended in order");
}

#[test]
fn a_page_calls_over_the_same_port_and_reads_why_it_is_refused() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "web_origins = [\"https://page.example\"]\n");
    let answer = rest(call(&server, "AdminService/GetStatus", &[], 64));
    let (head, body) = halves(&answer);
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert_eq!(header(&head, "content-type"), Some("application/grpc-web+proto"), "{head}");
    assert_eq!(header(&head, "access-control-allow-origin"), Some("https://page.example"), "{head}");
    assert!(
        header(&head, "access-control-expose-headers").is_some_and(|names| names.contains("grpc-status-details-bin"))
    );
    let text = String::from_utf8_lossy(body);
    assert!(text.contains("Test") && text.contains("grpc-status:0"), "{text}");

    let request = minutebook_proto::pb::RecordRequest { write: Some(write("empty")), commands: Vec::new() };
    let answer = rest(call(&server, "LedgerService/Record", &request.encode_to_vec(), 1_000));
    let refused = status(&halves(&answer).0);
    let details = Details::decode(refused.details()).expect("details");
    assert_eq!(details.code, 3);
    let refused = assert_refused(Err::<(), _>(refused), Code::InvalidArgument, "INVALID_REQUEST");
    assert!(refused.message().contains("reeks"), "in the language asked for: {refused:?}");

    let large = rest(call(&server, "AuditService/GetCheckpoint", &vec![0; 70_000], 80_000));
    let large = assert_refused(Err::<(), _>(status(&halves(&large).0)), Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    assert!(large.message().contains("65536"), "{large:?}");
}

#[test]
fn no_script_of_a_page_without_a_name_calls_even_where_its_browser_does_not_ask() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "web_origins = [\"https://council.example\"]\n");
    let answer = rest(call(&server, "AdminService/GetStatus", &[], 64));
    let (head, words) = halves(&answer);
    assert!(head.starts_with("HTTP/1.1 403"), "{head}");
    assert!(String::from_utf8_lossy(words).contains("web_origins"), "{words:?}");
}

/// Whether a page of this origin may call, as its browser asks beforehand.
fn may_call(server: &Server, origin: &str) -> bool {
    let mut line = dial(server);
    let ask = format!(
        "OPTIONS /minutebook.v1.LedgerService/Record HTTP/1.1\r\nhost: x\r\norigin: {origin}\r\nconnection: close\r\n\
         access-control-request-method: POST\r\naccess-control-request-headers: content-type,x-grpc-web\r\n\r\n"
    );
    line.write_all(ask.as_bytes()).expect("written");
    header(&halves(&rest(line)).0, "access-control-allow-origin") == Some(origin)
}

#[test]
fn only_pages_that_are_named_may_call() {
    let ledger = Ledger::found();
    let server = serve(&ledger, "web_origins = [\"https://page.example\"]\n");
    assert!(may_call(&server, "https://page.example"));
    assert!(!may_call(&server, "https://other.example"));
    drop(server);
    assert!(!may_call(&Server::start(&ledger.data()), "https://page.example"));
}

#[tokio::test]
async fn reflection_can_be_switched_off() {
    use tonic_reflection::pb::v1::ServerReflectionRequest;
    use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
    let ledger = Ledger::found();
    for (settings, code) in [("", None), ("reflection = false\n", Some(Code::Unimplemented))] {
        let server = serve(&ledger, settings);
        let mut reflection = ServerReflectionClient::new(connect(&server.address).await);
        let asked = reflection.server_reflection_info(tokio_stream::empty::<ServerReflectionRequest>()).await;
        assert_eq!(asked.err().map(|status| status.code()), code);
    }
}

#[test]
fn a_configuration_that_makes_no_sense_is_refused_and_the_command_line_goes_before_it() {
    let ledger = Ledger::found();
    let data = ledger.data();
    let data = data.to_str().expect("UTF-8");
    for (settings, words) in [
        ("listn = \"127.0.0.1:0\"\n", "did you mean `listen`"),
        ("[limits]\nopening_s = 0\n", "from 1 to 60"),
        ("[limits\n", "line 1"),
    ] {
        let file = ledger.file("wrong.toml", settings.as_bytes());
        let told = run(["--data", data, "serve", "--config", file.to_str().expect("UTF-8")]).refused(2);
        assert!(told.contains(words), "{told}");
    }
    let absent = run(["--data", data, "serve", "--config", "/nowhere/minutebook.toml"]).refused(2);
    assert!(absent.contains("/nowhere/minutebook.toml"), "{absent}");
    // That address is nobody's on this machine; the one of the command line is.
    let server = serve(&ledger, "listen = \"192.0.2.1:1\"\n");
    assert!(server.address.starts_with("http://127.0.0.1:"), "{}", server.address);
}
