//! The services as a whole: every answer says at which position it was given, events come back as they were recorded,
//! and programs that know nothing of minutebook can find out what is there.

use std::collections::BTreeMap;

use minutebook_proto::pb;
use prost::Message as _;
use prost::bytes::{Buf, BufMut};
use prost::encoding::{DecodeContext, WireType};
use prost_types::field_descriptor_proto::Type;
use prost_types::{FieldDescriptorProto, FileDescriptorSet};
use tonic::transport::Channel;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_prost::ProstCodec;

use crate::fixture::client::{
    assert_refused, client, connect, decoded, events, head, import, rebuild, record_party, status, write,
};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;
use crate::fixture::{AGENDA, FIRST, NEXT, text};

const SERVICES: [&str; 9] = [
    "minutebook.v1.AdminService",
    "minutebook.v1.AgendaService",
    "minutebook.v1.AgreementService",
    "minutebook.v1.CursorService",
    "minutebook.v1.DecisionService",
    "minutebook.v1.DirectoryService",
    "minutebook.v1.LedgerService",
    "minutebook.v1.ReviewService",
    "minutebook.v1.RoleService",
];

/// The fields of what a method is asked and of what it answers.
#[derive(Debug)]
struct Method {
    asked: Vec<FieldDescriptorProto>,
    answered: Vec<FieldDescriptorProto>,
}

impl Method {
    /// Has its answer a field of that name?
    fn says(&self, name: &str) -> bool {
        self.answered.iter().any(|field| field.name() == name)
    }

    /// The number of the field by which a request says what it waits for.
    fn min_position(&self) -> Option<u32> {
        let field = self.asked.iter().find(|field| field.name() == "min_position")?;
        assert_eq!((field.r#type(), field.proto3_optional()), (Type::Uint64, true), "{field:?}");
        Some(field.number().try_into().expect("a number"))
    }
}

/// The methods of every service.
fn methods() -> BTreeMap<String, Method> {
    let set = FileDescriptorSet::decode(minutebook_proto::DESCRIPTOR_SET).expect("descriptors");
    let ours: Vec<_> = set.file.iter().filter(|file| file.package() == "minutebook.v1").collect();
    let fields = |message: &str| {
        let name = message.rsplit('.').next().expect("a name");
        let found = ours.iter().flat_map(|file| &file.message_type).find(|message| message.name() == name);
        found.expect("a message").field.clone()
    };
    let mut methods = BTreeMap::new();
    for service in ours.iter().flat_map(|file| &file.service) {
        for method in &service.method {
            let (asked, answered) = (fields(method.input_type()), fields(method.output_type()));
            methods.insert(format!("{}.{}", service.name(), method.name()), Method { asked, answered });
        }
    }
    methods
}

#[test]
fn every_answer_has_room_for_the_position_it_was_given_at() {
    let methods = methods();
    assert!(methods.len() > 30, "{methods:?}");
    for (name, method) in methods {
        let ok = match name.as_str() {
            // Each event says where it is.
            "LedgerService.ReadEvents" => method.says("event"),
            "AuditService.ReadEntries" => method.says("first"),
            // Each of the three says how far it is.
            "LedgerService.Subscribe" => method.says("events") && method.says("checkpoint"),
            "AdminService.Rebuild" => method.says("done") && method.says("after"),
            // The checkpoint says up to where.
            "AdminService.Backup" => method.says("checkpoint"),
            // A receipt says where the events are.
            _ => method.says("position") || method.says("receipt"),
        };
        assert!(ok, "{name}: {method:?}");
    }
}

/// A request of any query that says only what it waits for.
#[derive(Debug)]
struct Waiting {
    tag: u32,
    position: u64,
}

impl prost::Message for Waiting {
    fn encode_raw(&self, buffer: &mut impl BufMut) {
        prost::encoding::uint64::encode(self.tag, &self.position, buffer);
    }

    fn encoded_len(&self) -> usize {
        prost::encoding::uint64::encoded_len(self.tag, &self.position)
    }

    fn merge_field(
        &mut self,
        _: u32,
        _: WireType,
        _: &mut impl Buf,
        _: DecodeContext,
    ) -> Result<(), prost::DecodeError> {
        unreachable!("it is only sent")
    }

    fn clear(&mut self) {}
}

#[tokio::test]
async fn every_query_waits_for_the_event_that_it_is_to_see_and_not_for_ever() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut asked = tokio::task::JoinSet::new();
    for (name, method) in methods() {
        // What has a receipt is a write; a rebuild asks nothing, and whoever follows waits anyhow.
        let waits = ["AdminService.Rebuild", "LedgerService.Subscribe"].contains(&name.as_str());
        // What is done with cursors records nothing.
        let changes = name.starts_with("CursorService.") && !name.contains("Get") && !name.contains("List");
        let reads = !method.says("receipt") && !waits && !changes;
        let tag = method.min_position();
        assert_eq!(tag.is_some(), reads, "{name}: {method:?}");
        let Some(tag) = tag else { continue };
        let mut grpc = tonic::client::Grpc::new(channel.clone());
        asked.spawn(async move {
            grpc.ready().await.expect("ready");
            let path = format!("/minutebook.v1.{}", name.replace('.', "/")).parse().expect("a path");
            let waiting = Request::new(Waiting { tag, position: 1 });
            // On the wire one answer is a stream of one.
            let answer = grpc.server_streaming(waiting, path, ProstCodec::<_, ()>::default()).await;
            (name, answer.map(|_| ()))
        });
    }
    assert!(asked.len() > 30, "{asked:?}");
    while let Some(answer) = asked.join_next().await {
        let (name, answer) = answer.expect("an answer");
        assert_eq!(answer.as_ref().expect_err(&name).code(), Code::DeadlineExceeded, "{name}: {answer:?}");
        let status = assert_refused(answer, Code::DeadlineExceeded, "POSITION_NOT_REACHED");
        assert!(status.message().contains("the newest is 0"), "{name}: {status:?}");
    }
    assert_eq!(head(&channel).await, 1, "the server goes on");
}

#[tokio::test]
async fn a_reader_on_another_connection_sees_what_was_written() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let (writer, reader) = (connect(&server.address).await, connect(&server.address).await);
    for n in 1..=20 {
        let (id, min_position) = (format!("partner-{n}"), Some(n));
        let mut directory = client!(directory_service_client::DirectoryServiceClient, reader);
        let request =
            pb::GetRecordRequest { kind: pb::Kind::Party.into(), id: id.clone(), min_position, ..Default::default() };
        // It is asked before the event is there, or after: either way it is seen.
        let asked = tokio::spawn(async move { directory.get_record(request).await });
        let receipt = record_party(&writer, &id, &id, "A partner").await.expect("recorded");
        assert_eq!(Some(receipt.first), min_position);
        let seen = asked.await.expect("asked").expect("seen").into_inner();
        assert!(seen.present && seen.revision == n && seen.position >= n, "{seen:?}");

        let request = pb::GetCheckpointRequest { min_position };
        let signed = client!(audit_service_client::AuditServiceClient, reader).get_checkpoint(request).await;
        let signed = signed.expect("signed").into_inner();
        assert!(signed.size > n && signed.position == signed.size - 1, "{signed:?}");
    }
}

#[tokio::test]
async fn every_question_is_answered_at_the_newest_position() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    import(&channel, write("first"), text(FIRST).as_bytes()).await.expect("recorded");
    let answer = import(&channel, write("next"), text(NEXT).as_bytes()).await.expect("recorded");
    let newest = head(&channel).await - 1;
    assert_eq!(answer.position, newest);

    let mut positions = Vec::new();
    macro_rules! ask {
        ($client:expr, $method:ident, $request:expr) => {
            let answer =
                $client.$method($request).await.unwrap_or_else(|error| panic!("{}: {error}", stringify!($method)));
            positions.push((stringify!($method), answer.into_inner().position));
        };
    }
    let agenda = || AGENDA.to_owned();
    let key =
        || Some(pb::RecordKey { kind: pb::Kind::Action.into(), within: String::new(), id: "egpo-invoering".into() });
    let mut agendas = client!(agenda_service_client::AgendaServiceClient, channel);
    ask!(agendas, list_agendas, pb::ListAgendasRequest::default());
    ask!(agendas, get_agenda, pb::GetAgendaRequest { agenda: agenda(), ..Default::default() });
    let span = Some(pb::get_changes_request::Span::Year(2018));
    ask!(
        agendas,
        get_changes,
        pb::GetChangesRequest { agenda: agenda(), span, known: None, label_carried_over: true, min_position: None }
    );
    ask!(agendas, get_history, pb::GetHistoryRequest { key: key(), known: None, min_position: None });
    ask!(
        agendas,
        get_blame,
        pb::GetBlameRequest { key: key(), field: "title".into(), known: None, min_position: None }
    );
    ask!(agendas, list_findings, pb::ListFindingsRequest { agenda: agenda(), min_position: None });
    let mut directory = client!(directory_service_client::DirectoryServiceClient, channel);
    let party =
        pb::GetRecordRequest { kind: pb::Kind::Party.into(), id: "provincie-drenthe".into(), ..Default::default() };
    ask!(directory, get_record, party);
    ask!(directory, list_records, pb::ListRecordsRequest { kind: pb::Kind::Party.into(), ..Default::default() });
    let mut decisions = client!(decision_service_client::DecisionServiceClient, channel);
    ask!(decisions, list_decisions, pb::ListDecisionsRequest::default());
    ask!(decisions, list_motions, pb::ListMotionsRequest::default());
    let mut agreements = client!(agreement_service_client::AgreementServiceClient, channel);
    ask!(agreements, list_agreements, pb::ListAgreementsRequest::default());
    ask!(agreements, sum_amounts, pb::SumAmountsRequest { agenda: agenda(), ..Default::default() });
    let mut roles = client!(role_service_client::RoleServiceClient, channel);
    ask!(roles, list_role_statements, pb::ListRoleStatementsRequest { agenda: agenda(), ..Default::default() });
    ask!(agendas, list_promises, pb::ListPromisesRequest::default());
    let mut reviews = client!(review_service_client::ReviewServiceClient, channel);
    ask!(reviews, list_reviews, pb::ListReviewsRequest { agenda: agenda(), min_position: None });
    ask!(reviews, get_review, pb::GetReviewRequest { agenda: agenda(), edition: None, min_position: None });
    let mut cursors = client!(cursor_service_client::CursorServiceClient, channel);
    ask!(cursors, list_cursors, pb::ListCursorsRequest::default());
    ask!(client!(admin_service_client::AdminServiceClient, channel), get_status, pb::GetStatusRequest::default());
    for (method, position) in positions {
        assert_eq!(position, newest, "{method}");
    }
    for format in [pb::DocumentFormat::Yaml, pb::DocumentFormat::Json] {
        let request = pb::ExportEditionRequest { agenda: agenda(), format: format.into(), ..Default::default() };
        let mut stream = agendas.export_edition(request).await.expect("an export").into_inner();
        let mut count = 0;
        while let Some(part) = stream.message().await.expect("a part") {
            assert_eq!(part.position, newest);
            count += 1;
        }
        assert!(count > 0);
    }
    // As known at an earlier event, it is answered at that one, or at the last of those that came with it.
    let summary = agendas.list_agendas(pb::ListAgendasRequest::default()).await.expect("agendas").into_inner();
    let sealed = summary.agendas[0].revisions[0].position;
    for position in [sealed - 5, sealed] {
        let known = Some(pb::Known { known: Some(pb::known::Known::Position(position)) });
        let request = pb::GetHistoryRequest { key: key(), known, min_position: None };
        assert_eq!(agendas.get_history(request).await.expect("a history").into_inner().position, sealed);
    }
}

#[tokio::test]
async fn events_are_served_as_they_were_recorded_also_after_a_restart_and_a_rebuild() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    import(&channel, write("first"), text(FIRST).as_bytes()).await.expect("recorded");
    import(&channel, write("next"), text(NEXT).as_bytes()).await.expect("recorded");
    record_party(&channel, "party", "partner", "A partner").await.expect("recorded");
    let recorded = events(&channel, 0).await;
    let digest = status(&channel).await.digest;
    let mut last = 0;
    for (position, bytes) in (0..).zip(&recorded) {
        let event = decoded(bytes);
        assert_eq!(event.position, position);
        assert!(event.payload.is_some() && !event.request_id.is_empty() && event.min_reader > 0, "{event:?}");
        assert!(event.recorded_at_ms >= last, "time goes back at {position}");
        assert!(bytes.len() <= 60 << 10);
        // What a client encodes again is what was recorded: nothing in an event is hidden from it.
        assert_eq!(&event.encode_to_vec(), bytes, "{event:?}");
        last = event.recorded_at_ms;
    }
    assert!(matches!(decoded(&recorded[0]).payload, Some(pb::event::Payload::LedgerFounded(_))));
    assert_parts(&channel, &recorded).await;
    server.stop();

    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    assert_eq!(events(&channel, 0).await, recorded);
    let (before, after) = rebuild(&channel).await;
    assert_eq!((&before, &after), (&digest, &digest));
    assert_eq!(events(&channel, 0).await, recorded);
    assert_parts(&channel, &recorded).await;
    // It takes writes as before.
    let receipt = record_party(&channel, "after", "another", "Another").await.expect("recorded");
    assert_eq!(receipt.first, u64::try_from(recorded.len()).expect("a position"));
}

/// Asserts that parts of the ledger are parts of the whole.
async fn assert_parts(channel: &Channel, recorded: &[Vec<u8>]) {
    let read = async |from, limit, types: &[&str]| {
        let types = types.iter().map(|name| (*name).to_owned()).collect();
        let mut ledger = crate::fixture::client::ledger(channel);
        let request = pb::ReadEventsRequest { from, limit, types, min_position: None };
        let mut stream = ledger.read_events(request).await.expect("events").into_inner();
        let mut events = Vec::new();
        while let Some(answer) = stream.message().await.expect("an event") {
            events.push(answer.event.to_vec());
        }
        events
    };
    assert_eq!(read(7, 300, &[]).await, recorded[7..307]);
    assert_eq!(read(recorded.len() as u64 - 3, 0, &[]).await, recorded[recorded.len() - 3..]);
    assert_eq!(read(recorded.len() as u64, 0, &[]).await, Vec::<Vec<u8>>::new());
    let seals = read(0, 0, &["RevisionSealed"]).await;
    let sealed = |event: &&Vec<u8>| matches!(decoded(event).payload, Some(pb::event::Payload::RevisionSealed(_)));
    assert_eq!(seals, recorded.iter().filter(sealed).cloned().collect::<Vec<_>>());
    assert_eq!(seals.len(), 2);
    assert_eq!(read(0, 1, &["RevisionSealed"]).await, seals[..1]);
    let request = pb::ReadEventsRequest { types: vec!["RevisionSeal".into()], ..pb::ReadEventsRequest::default() };
    let refused = crate::fixture::client::ledger(channel).read_events(request).await;
    let status = assert_refused(refused, Code::InvalidArgument, "EVENT_UNKNOWN");
    assert!(status.message().contains("`RevisionSealed`"), "it names the nearest: {status:?}");
}

#[tokio::test]
async fn the_server_says_that_it_is_well() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let mut health = HealthClient::new(connect(&server.address).await);
    for service in SERVICES.into_iter().chain([""]) {
        let request = HealthCheckRequest { service: service.into() };
        let answer = health.check(request).await.expect("an answer").into_inner();
        assert_eq!(answer.status(), ServingStatus::Serving, "{service}");
    }
    let request = HealthCheckRequest { service: "minutebook.v1.NoService".into() };
    assert_eq!(health.check(request).await.expect_err("not there").code(), tonic::Code::NotFound);
}

/// Asks for the services, and for the file that has one, by either version of the protocol.
macro_rules! reflected {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::ServerReflectionRequest;
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;

        let mut client = ServerReflectionClient::new($channel.clone());
        let ask = |asked| ServerReflectionRequest { host: String::new(), message_request: Some(asked) };
        let asked = [
            ask(MessageRequest::ListServices(String::new())),
            ask(MessageRequest::FileContainingSymbol("minutebook.v1.LedgerService".into())),
        ];
        let mut answers = client.server_reflection_info(tokio_stream::iter(asked)).await.expect("answers").into_inner();
        let mut next = async || answers.message().await.expect("an answer").and_then(|answer| answer.message_response);
        let Some(MessageResponse::ListServicesResponse(list)) = next().await else { panic!("no list of services") };
        let Some(MessageResponse::FileDescriptorResponse(files)) = next().await else { panic!("no file") };
        let services: Vec<_> = list.service.into_iter().map(|service| service.name).collect();
        (services, files.file_descriptor_proto)
    }};
}

#[tokio::test]
async fn the_services_can_be_discovered_by_both_versions_of_reflection() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    for (services, files) in [reflected!(v1, channel), reflected!(v1alpha, channel)] {
        for service in SERVICES.into_iter().chain(["grpc.health.v1.Health"]) {
            assert!(services.iter().any(|found| found == service), "{service}: {services:?}");
        }
        let named =
            files.iter().map(|bytes| prost_types::FileDescriptorProto::decode(bytes.as_slice()).expect("a file"));
        let has =
            |file: prost_types::FileDescriptorProto| file.service.iter().any(|found| found.name() == "LedgerService");
        assert!(named.into_iter().any(has));
    }
}

#[tokio::test]
async fn a_server_is_not_started_where_others_can_reach_it() {
    let ledger = Ledger::found();
    let complaint = ledger.run(&["serve", "--listen", "0.0.0.0:0"]).refused(1);
    assert!(complaint.contains("127.0.0.1") && complaint.contains("--insecure-listen"), "{complaint}");
    // Nothing was left behind that keeps others out.
    ledger.status();
}

#[tokio::test]
async fn clients_that_say_nothing_or_nonsense_keep_nobody_else_waiting() {
    use std::io::Write as _;
    use std::net::TcpStream;

    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let address = server.address.strip_prefix("http://").expect("an address").to_owned();
    let say = |words: &[u8]| {
        let mut stream = TcpStream::connect(&address).expect("connected");
        stream.write_all(words).expect("sent");
        stream
    };
    let silent = [
        say(b""),
        say(b"PRI * HTTP/2.0\r\n"),
        say(b"GET / HTTP/1.1\r\nHost: x\r\n"),
        say(&[0xff; 4_096]),
        say(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x04\x08\x00\x00\x00\x00\x00\xff\xff\xff\xff"),
    ];
    let channel = connect(&server.address).await;
    record_party(&channel, "r", "partner", "A partner").await.expect("recorded");
    assert_eq!(head(&channel).await, 2);
    // It ends when it is told to, although these have not gone, and leaves the directory to others.
    server.stop();
    drop(silent);
    assert_eq!(ledger.status()["events"], 2);
}
