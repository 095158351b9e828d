//! There is no unbounded input: what is too large is refused, and the server goes on. What it does not know is passed
//! over where nothing is lost by it, and refused where something would be.

use minutebook_proto::pb;
use minutebook_proto::pb::import_document_request::Part;
use prost::Message;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::fixture::client::{
    assert_refused, bad_fields, client, connect, events, head, import, ledger, record, record_party, register, write,
};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;

const MIB: usize = 1 << 20;

#[tokio::test]
async fn a_message_over_its_limit_is_refused_and_the_connection_goes_on() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut agendas = client!(agenda_service_client::AgendaServiceClient, channel);
    let long = pb::ListFindingsRequest { agenda: "x".repeat(300 << 10), min_position: None };
    let status = assert_refused(agendas.list_findings(long).await, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    assert!(status.message().contains("262144 bytes"), "{status:?}");
    let parties: Vec<_> = (0..600).map(|n| register(&format!("p-{n}"), &"x".repeat(8_000))).collect();
    let large = record(&channel, "large", parties).await;
    let status = assert_refused(large, Code::ResourceExhausted, "MESSAGE_TOO_LARGE");
    assert!(status.message().contains("4194304 bytes"), "{status:?}");
    assert_eq!(head(&channel).await, 1);
    // What fits a unary request does not have to fit a batch's.
    let parties: Vec<_> = (0..400).map(|n| register(&format!("p-{n}"), &"x".repeat(8_000))).collect();
    assert_eq!(record(&channel, "batch", parties).await.expect("recorded").count, 400);
}

#[tokio::test]
async fn an_event_over_its_limit_is_refused_with_its_size() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let aliases = Some(pb::TextList { texts: vec!["x".repeat(8_000); 8] });
    let party = pb::Party { aliases, ..crate::fixture::client::party("wordy", "Wordy") };
    let commands = vec![register("fine", "Fine"), crate::fixture::client::state(pb::record::Record::Party(party))];
    let status = assert_refused(record(&channel, "r", commands).await, Code::InvalidArgument, "EVENT_TOO_LARGE");
    assert!(status.message().contains("61440"), "{status:?}");
    assert_eq!(head(&channel).await, 1);
}

#[tokio::test]
async fn a_document_over_16_mib_is_refused_however_it_is_cut() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let comment = "# a comment that takes up room\n".repeat(17 * MIB / 31);
    let status = assert_refused(
        import(&channel, write("huge"), comment.as_bytes()).await,
        Code::InvalidArgument,
        "INVALID_DOCUMENT",
    );
    assert_eq!(bad_fields(&status).len(), 1, "{status:?}");
    // In parts of one byte there is no end to it either: a message is refused when its options come again.
    let parts = [Part::Options(pb::ImportOptions { write: Some(write("twice")), plan_only: false }); 1];
    let parts = [parts[0].clone(), parts[0].clone()].map(|part| pb::ImportDocumentRequest { part: Some(part) });
    let twice = self::ledger(&channel).import_document(tokio_stream::iter(parts)).await;
    assert_refused(twice, Code::InvalidArgument, "INVALID_REQUEST");
    let chunk = [pb::ImportDocumentRequest { part: Some(Part::Chunk(b"agenda".to_vec())) }];
    let unopened = self::ledger(&channel).import_document(tokio_stream::iter(chunk)).await;
    assert_refused(unopened, Code::InvalidArgument, "INVALID_REQUEST");
    assert_eq!(head(&channel).await, 1);
}

/// A party as a newer program might send it: with a field that this one does not know.
#[derive(Clone, PartialEq, Message)]
struct NewerRequest {
    #[prost(message, optional, tag = "1")]
    write: Option<pb::Write>,
    #[prost(message, repeated, tag = "2")]
    commands: Vec<pb::Command>,
    #[prost(string, tag = "2000")]
    unheard_of: String,
}

#[tokio::test]
async fn a_field_that_is_not_known_is_passed_over() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let message = NewerRequest {
        write: Some(write("r-1")),
        commands: vec![register("partner", "A partner")],
        unheard_of: "from a newer program".into(),
    };
    let mut grpc = tonic::client::Grpc::new(channel.clone());
    grpc.ready().await.expect("ready");
    let path = PathAndQuery::from_static("/minutebook.v1.LedgerService/Record");
    let codec = ProstCodec::<NewerRequest, pb::RecordResponse>::default();
    let answer: Result<_, Status> = grpc.unary(Request::new(message), path, codec).await;
    let receipt = answer.expect("recorded").into_inner().receipt.expect("a receipt");
    assert_eq!(receipt.first, 1);
    // It is the same request as one without the field: what was read is what counts.
    let again = record_party(&channel, "r-1", "partner", "A partner").await.expect("known");
    assert!(again.repeated);
    let recorded = events(&channel, 1).await.concat();
    assert!(!recorded.windows(5).any(|part| part == b"newer"), "what nobody checked is not recorded");
}

#[tokio::test]
async fn a_value_that_is_not_known_is_refused() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut directory = client!(directory_service_client::DirectoryServiceClient, channel);
    let request = pb::ListRecordsRequest { kind: 999, ..pb::ListRecordsRequest::default() };
    assert_refused(directory.list_records(request).await, Code::InvalidArgument, "INVALID_REQUEST");
    let amount = pb::Amount { id: "sum".into(), what: "A sum".into(), per: 77, ..pb::Amount::default() };
    let commands = vec![crate::fixture::client::state(pb::record::Record::Amount(amount))];
    assert_refused(record(&channel, "r", commands).await, Code::InvalidArgument, "INVALID_REQUEST");
    assert_eq!(head(&channel).await, 1);
}

#[tokio::test]
async fn a_method_that_is_not_there_is_unimplemented() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut grpc = tonic::client::Grpc::new(channel);
    grpc.ready().await.expect("ready");
    let codec = ProstCodec::<pb::GetStatusRequest, pb::GetStatusResponse>::default();
    let path = PathAndQuery::from_static("/minutebook.v1.LedgerService/Forget");
    let answer = grpc.unary(Request::new(pb::GetStatusRequest::default()), path, codec).await;
    assert_eq!(answer.expect_err("there is no such method").code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_refusal_fits_the_header_that_it_travels_in() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let parties: Vec<_> = (0..900).map(|n| format!("  - {{id: p-{n}, name: ë, members: [nobody-{n}]}}\n")).collect();
    let document = format!("parties:\n{}", parties.concat());
    let refused = import(&channel, write("many"), document.as_bytes()).await;
    let status = assert_refused(refused, Code::InvalidArgument, "INVALID_DOCUMENT");
    let fields = bad_fields(&status);
    assert!((10..100).contains(&fields.len()), "{}", fields.len());
    // In base64; 8 KiB is what the most careful clients take.
    assert!(status.details().len() * 4 / 3 + 3 * status.message().len() < 7_000, "{}", status.details().len());
    assert!(status.message().contains("900"), "{status:?}");
    assert_eq!(head(&channel).await, 1);
}
