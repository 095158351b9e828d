//! Reviews, step by step: a whole one as people do it on the command line, and many clients at once over gRPC.

use std::collections::BTreeSet;

use minutebook_proto::pb;
use minutebook_proto::pb::review_proposal::State;
use minutebook_proto::pb::review_service_client::ReviewServiceClient;
use serde_json::{Value, json};
use tonic::Code;
use tonic::transport::Channel;

use crate::fixture::client::{assert_refused, client, connect, decoded, events, head, import, rebuild, status, write};
use crate::fixture::program::Ledger;
use crate::fixture::server::Server;
use crate::fixture::{AGENDA, FIRST, text};

/// The decision that adopts the next edition.
const DECISION: &str = "decisions: [{id: gs-2017-12, body: gs, kind: adopt-agenda, date: '2017-12-12'}]\n";
const LABEL: &str = "2018-2019";
/// How many clients work at once.
const CLIENTS: usize = 16;

/// Runs a step of the review.
fn review(ledger: &Ledger, step: &str, more: &[&str]) -> crate::fixture::program::Told {
    ledger.run(&[&["review", step, AGENDA], more, &["--format", "json"]].concat())
}

/// The proposals of an answer, each with what became of it.
fn states(answer: &Value) -> Vec<(&str, &str)> {
    let proposals = answer["proposals"].as_array().expect("proposals");
    proposals.iter().map(|p| (p["change"]["id"].as_str().unwrap(), p["state"].as_str().unwrap())).collect()
}

#[test]
fn a_review_is_done_by_several_people_and_answers_for_itself_afterwards() {
    let ledger = Ledger::found();
    ledger.import(FIRST).ok();
    ledger.hand_in(DECISION.as_bytes()).ok();
    review(&ledger, "open", &["--edition", LABEL, "--effective", "2018-01-01"]).ok();
    let again = review(&ledger, "open", &["--edition", LABEL, "--effective", "2018-01-01"]);
    assert_eq!((again.code, again.err.contains("REVIEW_ALREADY_OPEN")), (1, true), "{again:?}");

    // Two people propose otherwise for one action; what comes is proposed from a file.
    let drop = ["--drop", "pod-sport", "--disposition", "handed-over"];
    let bare = review(&ledger, "propose", &drop);
    assert_eq!((bare.code, bare.err.contains("REASON_MISSING")), (1, true), "{bare:?}");
    let reason = ["--reason", "De gemeenten dragen het zelf.", "--capacity", "secretaris"];
    let tried = review(&ledger, "propose", &[&drop[..], &reason, &["--dry-run"]].concat()).json();
    assert_eq!((&tried["dry_run"], &tried["changes"]), (&json!(true), &json!([])));
    let first = review(&ledger, "propose", &[&drop[..], &reason].concat()).json();
    assert_eq!(first["changes"], json!(["change-01"]));
    let set = ["--set", "pod-sport.title=Sport dichtbij", "--reason", "Een herkenbare naam.", "--capacity", "adviseur"];
    review(&ledger, "propose", &set).ok();
    let new = "policy_items: [{id: nieuw-beleid, title: Nieuw beleid, theme: zorg-sport}]\n\
               actions:\n  - {id: nieuwe-actie, title: Nieuwe actie, policy_item: nieuw-beleid, amounts: [nieuw-geld]}\n\
               amounts: [{id: nieuw-geld, what: Nieuwe actie, eur: 1000, action: nieuwe-actie}]\n";
    let theme = ledger.run(&["agenda", "show", AGENDA, "--format", "json"]).json();
    let theme = theme["document"]["themes"][0]["id"].as_str().expect("a theme").to_owned();
    let file = ledger.file("new.yaml", new.replace("zorg-sport", &theme).as_bytes());
    let file = file.to_str().expect("UTF-8");
    let added = review(&ledger, "propose", &["--add", file, "--reason", "De motie vraagt erom."]).json();
    assert_eq!(added["changes"], json!(["change-03", "change-04"]));
    let parts = "actions: [{id: deel-een, title: Deel een, policy_item: nieuw-beleid}, \
                 {id: deel-twee, title: Deel twee, policy_item: nieuw-beleid}]\n";
    let file = ledger.file("parts.yaml", parts.as_bytes());
    let split = ["--split", "sport-jij-ook", "--into", file.to_str().unwrap(), "--reason", "Twee doelgroepen."];
    review(&ledger, "propose", &split).ok();
    let mistaken = ["--suspend", "anders-benutten", "--reason", "Even wachten."];
    review(&ledger, "propose", &mistaken).ok();
    review(&ledger, "withdraw", &["change-06", "--reason", "Toch niet."]).ok();

    let check = review(&ledger, "check", &["--decision", "gs-2017-12"]).json();
    let told = states(&check);
    let by_item = ["change-03", "change-06", "change-04", "change-01", "change-02", "change-05"];
    assert_eq!(told.iter().map(|(change, _)| *change).collect::<Vec<_>>(), by_item);
    assert_eq!(told[3..5], [("change-01", "competing"), ("change-02", "competing")]);
    assert_eq!(told[1], ("change-06", "withdrawn"));
    assert_eq!(check["proposals"][4]["actor"]["capacity"], "adviseur");
    assert_eq!((check["actions"].as_u64(), check["without_proposal"].as_array().unwrap().len()), (Some(40), 38));
    let codes: Vec<_> = check["problems"].as_array().unwrap().iter().map(|p| p["code"].as_str().unwrap()).collect();
    assert_eq!(codes, ["REVIEW_INCOMPLETE", "REVIEW_CONFLICT"]);
    let people = ledger.run(&["review", "check", AGENDA, "--lang", "nl"]).ok();
    assert!(people.contains("38 van de 40 acties hebben geen voorstel"), "{people}");
    let early = review(&ledger, "adopt", &["--decision", "gs-2017-12"]);
    assert_eq!((early.code, early.err.contains("REVIEW_INCOMPLETE")), (1, true), "{early:?}");

    // The second of two people is told that the first was there.
    let seen = check["review"]["newest"].to_string();
    review(&ledger, "select", &["change-02", "--expected-revision", &seen]).ok();
    let second = review(&ledger, "select", &["change-01", "--expected-revision", &seen]);
    assert_eq!((second.code, second.err.contains("STALE_BASE")), (4, true), "{second:?}");
    assert!(second.err.contains("DispositionSelected `change-02`"), "it says what the first did: {second:?}");
    let ahead = review(&ledger, "select", &["change-01", "--expected-revision", "99999"]);
    assert_eq!((ahead.code, ahead.err.contains("REVISION_UNKNOWN")), (3, true), "{ahead:?}");
    review(&ledger, "keep-rest", &[]).ok();
    let check = review(&ledger, "check", &["--decision", "gs-2017-12"]).json();
    assert_eq!(check["problems"], json!([]));
    assert_eq!((&check["control_total"]["after"], &check["control_total"]["balances"]), (&json!(42), &json!(true)));

    let amend = ["--decision", "gs-2017-12", "--amend", "pod-sport.place=heel Drenthe"];
    let amend = [&amend[..], &["--reason", "Het college kiest voor heel Drenthe."]].concat();
    review(&ledger, "adopt", &[&amend[..], &["--dry-run"]].concat()).ok();
    review(&ledger, "adopt", &amend).ok();
    let shown = review(&ledger, "show", &["--edition", LABEL]).json();
    let told = states(&shown);
    assert_eq!(told[..2], [("change-01", "passed_over"), ("change-02", "amended")]);
    assert_eq!(told[6], ("change-07", "adopted"));
    assert_eq!(shown["proposals"][6]["amends"], "change-02");
    let listed = review(&ledger, "list", &[]).json();
    assert_eq!((&listed["open"], listed["revisions"].as_array().unwrap().len()), (&json!([]), 2));
    assert_changes(&ledger);
}

/// The yearly answer tells what was adopted, why, and by whose decision.
fn assert_changes(ledger: &Ledger) {
    let answer = ledger.run(&["changes", AGENDA, "--year", "2018", "--format", "json"]).json();
    let action = &answer["changed"][0];
    assert_eq!(
        (&action["id"], &action["reason"]),
        (&json!("pod-sport"), &json!("Een herkenbare naam.\nHet college kiest voor heel Drenthe."))
    );
    assert_eq!(action["fields"]["title"][1], "Sport dichtbij");
    assert_eq!(action["fields"]["place"][1], "heel Drenthe");
    assert_eq!((&action["decision"], &action["authority"]["mandate"]), (&json!("gs-2017-12"), &json!("gs-agenda")));
    let added: Vec<_> = answer["added"].as_array().unwrap().iter().map(|item| &item["id"]).collect();
    assert_eq!(added, ["nieuw-beleid", "nieuwe-actie"]);
    assert_eq!(answer["added"][1]["reason"], "De motie vraagt erom.");
    assert_eq!(answer["split"][0]["into"], json!(["deel-een", "deel-twee"]));
    assert_eq!((answer["dropped"].as_array().unwrap().len(), &answer["control_total"]["balances"]), (0, &json!(true)));
    // What the edition states can be handed in again, and nothing in it is new.
    let export = ledger.run(&["export", AGENDA, "--edition", LABEL]).ok();
    let again = ledger.file("again.yaml", export.as_bytes());
    let again = ledger.run(&["import", again.to_str().unwrap(), "--format", "json"]).json();
    assert_eq!(again["receipt"]["count"], 0);
}

fn reviews(channel: &Channel) -> ReviewServiceClient<Channel> {
    client!(review_service_client::ReviewServiceClient, channel)
}

async fn open(channel: &Channel) {
    import(channel, write("first"), text(FIRST).as_bytes()).await.expect("recorded");
    import(channel, write("decision"), DECISION.as_bytes()).await.expect("recorded");
    let effective = pb::Date { date: Some(pb::date::Date::Edtf("2018-01-01".into())) };
    let opening = pb::ReviewOpening { effective: Some(effective), ..pb::ReviewOpening::default() };
    let request = pb::OpenReviewRequest {
        write: Some(write("open")),
        agenda: AGENDA.into(),
        edition: LABEL.into(),
        opening: Some(opening),
        reason: None,
    };
    reviews(channel).open_review(request).await.expect("opened");
}

fn drop_of(request_id: &str, action: &str) -> pb::ProposeDispositionRequest {
    let item = pb::RecordKey { kind: pb::Kind::Action.into(), within: String::new(), id: action.into() };
    let proposal = pb::DispositionProposal {
        kind: pb::ChangeKind::Dropped.into(),
        item: Some(item),
        disposition: pb::Disposition::Completed.into(),
        ..pb::DispositionProposal::default()
    };
    pb::ProposeDispositionRequest {
        write: Some(write(request_id)),
        agenda: AGENDA.into(),
        edition: None,
        proposal: Some(proposal),
        reason: format!("Voorgesteld als {request_id}."),
    }
}

/// The id of a proposal, and the receipts of what one client did with its own proposals.
struct Done {
    changes: Vec<String>,
    receipts: Vec<(pb::Receipt, &'static str, String)>,
}

/// One of many: it proposes twice, chooses one of the two and takes the other back, again and again.
async fn take_part(channel: Channel, client: usize) -> Done {
    let mut reviews = reviews(&channel);
    let mut done = Done { changes: Vec::new(), receipts: Vec::new() };
    for round in 0..4 {
        let mut own = Vec::new();
        for which in ["a", "b"] {
            let request = drop_of(&format!("propose-{client}-{round}-{which}"), "pod-sport");
            let answer = reviews.propose_disposition(request).await.expect("proposed").into_inner();
            let [change] = answer.changes.as_slice() else { panic!("{answer:?}") };
            done.receipts.push((answer.receipt.expect("a receipt"), "DispositionProposed", change.clone()));
            own.push(change.clone());
        }
        let select = pb::SelectDispositionRequest {
            write: Some(write(&format!("select-{client}-{round}"))),
            agenda: AGENDA.into(),
            edition: None,
            change: own[0].clone(),
            reason: None,
        };
        let receipt = reviews.select_disposition(select).await.expect("selected").into_inner().receipt;
        done.receipts.push((receipt.expect("a receipt"), "DispositionSelected", own[0].clone()));
        let withdraw = pb::WithdrawDispositionRequest {
            write: Some(write(&format!("withdraw-{client}-{round}"))),
            agenda: AGENDA.into(),
            edition: None,
            change: own[1].clone(),
            reason: "Toch niet dit.".into(),
        };
        let receipt = reviews.withdraw_disposition(withdraw).await.expect("withdrawn").into_inner().receipt;
        done.receipts.push((receipt.expect("a receipt"), "DispositionWithdrawn", own[1].clone()));
        done.changes.extend(own);
    }
    done
}

/// The name of an event of a proposal, and the proposal.
fn step_of(bytes: &[u8]) -> (&'static str, String) {
    use pb::event::Payload;
    match decoded(bytes).payload {
        Some(Payload::DispositionProposed(event)) => ("DispositionProposed", event.change.unwrap_or_default().id),
        Some(Payload::DispositionSelected(event)) => ("DispositionSelected", event.change),
        Some(Payload::DispositionWithdrawn(event)) => ("DispositionWithdrawn", event.change),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sixteen_clients_fill_one_review_and_nothing_is_lost() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    open(&channel).await;
    let before = head(&channel).await;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let channel = connect(&server.address).await;
        clients.spawn(take_part(channel, client));
    }
    let done = clients.join_all().await;

    let changes: BTreeSet<_> = done.iter().flat_map(|done| &done.changes).collect();
    assert_eq!(changes.len(), CLIENTS * 4 * 2, "no two proposals have one id");
    let recorded = events(&channel, 0).await;
    let receipts: Vec<_> = done.iter().flat_map(|done| &done.receipts).collect();
    for (receipt, name, change) in &receipts {
        assert_eq!(receipt.count, 1);
        assert_eq!(
            step_of(&recorded[receipt.first as usize]),
            (*name, change.clone()),
            "what the receipt says is there"
        );
    }
    let positions: BTreeSet<_> = receipts.iter().map(|(receipt, ..)| receipt.first).collect();
    assert_eq!(positions, (before..before + receipts.len() as u64).collect(), "and nothing else is");

    let request = pb::GetReviewRequest { agenda: AGENDA.into(), edition: None, min_position: None };
    let answer = reviews(&channel).get_review(request).await.expect("a review").into_inner();
    assert_eq!(answer.open.expect("it is open").newest, recorded.len() as u64 - 1);
    let count = |state| answer.proposals.iter().filter(|proposal| proposal.state() == state).count();
    assert_eq!((count(State::Selected), count(State::Withdrawn)), (1, CLIENTS * 4), "the last selection counts");
    assert_eq!(count(State::PassedOver), CLIENTS * 4 - 1);
    let digest = status(&channel).await.digest;
    assert_eq!(rebuild(&channel).await, (digest.clone(), digest));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_act_on_one_state_of_a_review_one_is_first() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    open(&channel).await;
    let proposed = reviews(&channel).propose_disposition(drop_of("one", "pod-sport")).await.expect("proposed");
    let other = reviews(&channel).propose_disposition(drop_of("two", "pod-sport")).await.expect("proposed");
    let changes = [proposed.into_inner().changes.remove(0), other.into_inner().changes.remove(0)];
    let request = pb::CheckReviewRequest { agenda: AGENDA.into(), ..pb::CheckReviewRequest::default() };
    let check = reviews(&channel).check_review(request).await.expect("a check").into_inner();
    let newest = check.review.expect("a review").newest;
    let mut clients = tokio::task::JoinSet::new();
    for client in 0..CLIENTS {
        let (channel, change) = (channel.clone(), changes[client % 2].clone());
        clients.spawn(async move {
            let write = pb::Write { expected_revision: Some(newest), ..write(&format!("select-{client}")) };
            let (agenda, write) = (AGENDA.into(), Some(write));
            let request = pb::SelectDispositionRequest { write, agenda, edition: None, change, reason: None };
            reviews(&channel).select_disposition(request).await
        });
    }
    let (first, rest): (Vec<_>, Vec<_>) = clients.join_all().await.into_iter().partition(Result::is_ok);
    assert_eq!(first.len(), 1);
    for refused in rest {
        assert_refused(refused, Code::Aborted, "STALE_BASE");
    }
}

#[tokio::test]
async fn a_step_that_does_not_read_is_told_by_its_fields() {
    let ledger = Ledger::found();
    let server = Server::start(&ledger.data());
    let channel = connect(&server.address).await;
    open(&channel).await;
    let mut request = drop_of("bad", "Pod Sport");
    request.proposal.as_mut().expect("a proposal").kind = 0;
    let status =
        assert_refused(reviews(&channel).propose_disposition(request).await, Code::InvalidArgument, "INVALID_REQUEST");
    let mut fields = crate::fixture::client::bad_fields(&status);
    fields.sort();
    assert_eq!(fields, ["proposal.item.id", "proposal.kind"], "{status:?}");
    let bare = pb::ProposeDispositionRequest { proposal: None, ..drop_of("bare", "pod-sport") };
    assert_refused(reviews(&channel).propose_disposition(bare).await, Code::InvalidArgument, "INVALID_REQUEST");
    let unknown = pb::CheckReviewRequest { agenda: AGENDA.into(), edition: Some("2020".into()), ..Default::default() };
    assert_refused(reviews(&channel).check_review(unknown).await, Code::FailedPrecondition, "REVIEW_NOT_OPEN");
}
