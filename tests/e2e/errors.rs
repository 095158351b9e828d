//! What a program learns from a refusal: a code, a reason that never changes, and every bad field at once.

use minutebook_proto::pb;
use tonic::metadata::MetadataValue;
use tonic::{Code, Request};
use tonic_types::StatusExt as _;

use crate::fixture::client::{
    assert_refused, bad_fields, client, connect, head, import, ledger, record, register, state, write,
};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;
use crate::fixture::{AGENDA, FIRST, text};

#[tokio::test]
async fn every_bad_field_of_a_request_is_named_at_once_by_its_path() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let mut decisions = client!(decision_service_client::DecisionServiceClient, channel);
    let edtf = |text: &str| Some(pb::Date { date: Some(pb::date::Date::Edtf(text.into())) });
    let request = pb::RecordDecisionRequest {
        write: Some(write("")),
        agenda: Some("Not An Id".into()),
        decision: Some(pb::Decision {
            id: "ALSO NOT".into(),
            body: "gs".into(),
            kind: "adopt-agenda".into(),
            date: edtf("2017-02-30"),
            what: Some("bell \u{7}".into()),
            ..pb::Decision::default()
        }),
        effective: edtf("someday"),
        reason: Some("x".repeat(9_000)),
    };
    let status = assert_refused(decisions.record_decision(request).await, Code::InvalidArgument, "INVALID_REQUEST");
    let fields = bad_fields(&status);
    for (path, of) in [
        ("request_id", "the name of the write"),
        ("agenda", "the agenda"),
        ("decision.id", "the decision's id"),
        ("decision.date", "the date"),
        ("decision.what", "the text"),
        ("effective", "the effective date"),
        ("reason", "the reason"),
    ] {
        let is_it = |field: &String| field == path || field.strip_prefix("write.") == Some(path);
        assert!(fields.iter().any(is_it), "{of}: {fields:?}");
    }
    assert_eq!(head(&channel).await, 1);
}

#[tokio::test]
async fn bad_fields_of_a_batch_name_the_command_that_they_stand_in() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let commands = vec![register("fine", "Fine"), register("Bad", "Bad"), register("fine-too", "")];
    let status = assert_refused(record(&channel, "b", commands).await, Code::InvalidArgument, "INVALID_REQUEST");
    let fields = bad_fields(&status);
    assert_eq!(fields.len(), 2, "{fields:?}");
    assert!(fields[0].starts_with("commands[1].") && fields[1].starts_with("commands[2]."), "{fields:?}");
}

#[tokio::test]
async fn what_a_rule_refuses_says_which_rule_and_a_document_says_where() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    import(&channel, write("first"), text(FIRST).as_bytes()).await.expect("recorded");
    let before = head(&channel).await;

    let decision = pb::Decision {
        id: "rogue".into(),
        body: "gedeputeerde-zorg".into(),
        kind: "adopt-budget".into(),
        date: Some(pb::Date { date: Some(pb::date::Date::Edtf("2017-03-01".into())) }),
        ..pb::Decision::default()
    };
    let body = pb::Body { id: "gedeputeerde-zorg".into(), name: "Gedeputeerde".into(), ..pb::Body::default() };
    let commands = vec![state(pb::record::Record::Body(body)), state(pb::record::Record::Decision(decision))];
    let status = assert_refused(record(&channel, "rogue", commands).await, Code::FailedPrecondition, "NO_MANDATE");
    let failure = status.get_details_precondition_failure().expect("which precondition");
    assert_eq!(failure.violations[0].r#type, "NO_MANDATE");
    assert!(status.message().contains("only"), "it says who may: {status:?}");

    let broken = text(FIRST).replacen("horizon: short", "horizon: sometime", 7);
    let status = assert_refused(
        import(&channel, write("broken"), broken.as_bytes()).await,
        Code::InvalidArgument,
        "INVALID_DOCUMENT",
    );
    let fields = bad_fields(&status);
    assert_eq!(fields.len(), 7);
    assert!(fields.iter().all(|field| field.contains(".horizon (line ")), "{fields:?}");
    assert_eq!(head(&channel).await, before);
}

#[tokio::test]
async fn a_refusal_speaks_the_language_that_was_asked_for() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    let agenda = pb::Framework {
        id: "plan".into(),
        title: "Plan".into(),
        adopted_by: Some("nobody".into()),
        ..pb::Framework::default()
    };
    let batch = crate::fixture::client::batch("r", vec![state(pb::record::Record::Framework(agenda))]);
    let mut said = Vec::new();
    for lang in ["nl", "en"] {
        let mut request = Request::new(batch.clone());
        request.metadata_mut().insert("accept-language", MetadataValue::from_static(lang));
        let answer = self::ledger(&channel).record(request).await;
        let status = assert_refused(answer, Code::InvalidArgument, "UNKNOWN_REFERENCE");
        assert_eq!(status.get_details_localized_message().expect("words").locale, lang);
        said.push(status.message().to_owned());
    }
    assert!(said[0].contains("niet bekend als") && said[1].contains("not a known"), "{said:?}");
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_what_was_not_known_yet_says_so() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    import(&channel, write("first"), text(FIRST).as_bytes()).await.expect("recorded");
    let mut agendas = client!(agenda_service_client::AgendaServiceClient, channel);
    let of = |agenda: &str| pb::ListFindingsRequest { agenda: agenda.into(), min_position: None };
    let status = assert_refused(agendas.list_findings(of("krimp-en-leefbaarhied")).await, Code::NotFound, "NOT_FOUND");
    assert!(status.message().contains(AGENDA), "it names the nearest: {status:?}");
    assert_refused(agendas.list_findings(of("Krimp")).await, Code::InvalidArgument, "INVALID_REQUEST");

    let year = |known| pb::GetChangesRequest {
        agenda: AGENDA.into(),
        span: Some(pb::get_changes_request::Span::Year(2018)),
        known: Some(pb::Known { known: Some(known) }),
        label_carried_over: false,
        min_position: None,
    };
    let early = agendas.get_changes(year(pb::known::Known::Date("1999-12-31".into()))).await;
    assert_refused(early, Code::FailedPrecondition, "BEFORE_FOUNDING");
    let bad = agendas.get_changes(year(pb::known::Known::Date("1999-02-29".into()))).await;
    assert_refused(bad, Code::InvalidArgument, "DATE_FORM");
    let beyond = agendas.get_changes(year(pb::known::Known::Position(9_999))).await;
    let status = assert_refused(beyond, Code::OutOfRange, "BEYOND_HEAD");
    assert!(status.message().contains(&(head(&channel).await - 1).to_string()), "it names the newest: {status:?}");
    let spanless = pb::GetChangesRequest { agenda: AGENDA.into(), ..pb::GetChangesRequest::default() };
    assert_refused(agendas.get_changes(spanless).await, Code::InvalidArgument, "INVALID_REQUEST");
}
