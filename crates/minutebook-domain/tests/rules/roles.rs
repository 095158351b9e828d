//! Who has which role: assigned, ended, and stated side by side with what editions and remarks say.

use minutebook_domain::changes::Span;
use minutebook_domain::command::{Command, StateRecord};
use minutebook_domain::dates::Day;
use minutebook_domain::event::DeedStep;
use minutebook_domain::history::Cut;
use minutebook_domain::ids::Kind;
use minutebook_domain::message::Lang;
use minutebook_domain::role::{RoleRow, RoleSource, role_totals};
use serde_json::{Value, json};

use crate::findings::about;
use crate::minutes::{Asked as _, Doc as _, at, correct, deed, edition_after, first, given, import, late, state};
use crate::support::{Ledger, id, record, text};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("ROLE_ITEM", a_role_is_had_in_one_item),
    ("NOT_ON_AGENDA", a_role_is_had_in_what_stands_on_the_agenda),
    ("ROLE_OVERLAP", nobody_has_a_role_twice),
    ("ROLE_FIXED", nobody_has_a_role_twice),
    ("ROLE_END_BEFORE_START", a_role_ends_after_it_starts),
];

pub(crate) const FOUND: &[(&str, fn())] =
    &[("ROLE_WITHOUT_DECISION", a_role_without_a_decision_is_a_finding_and_changes_nothing)];

/// A role in the first policy item, with more or other fields.
fn assign(name: &str, fields: Value) -> StateRecord {
    let base =
        json!({"assignments": [{"id": name, "policy_item": "kwaliteit", "role": "regisseren", "since": "2017-01-01"}]});
    let value = base.patch("assignments", name, fields)["assignments"][0].clone();
    StateRecord {
        agenda: Some(id("agenda")),
        record: record(Kind::Assignment, value),
        effective: None,
        reason: Some(text("Zo is het afgesproken.")),
        expected_revision: None,
    }
}

fn role(name: &str, fields: Value) -> Command {
    Command::State(assign(name, fields))
}

fn started() -> Ledger {
    given([import(first())])
}

fn rows(ledger: &Ledger, day: &str) -> Vec<RoleRow> {
    let day: Day = day.parse().unwrap();
    ledger.book.roles(&id("agenda"), &Cut { valid: day, ..Cut::NOW }, day, &ledger.events).unwrap()
}

fn words(ledger: &Ledger, day: &str, item: &str) -> Vec<String> {
    let rows = rows(ledger, day);
    let row = rows.iter().find(|row| row.item.id == id(item));
    row.map(|row| row.statements.iter().map(|said| said.word.to_string()).collect()).unwrap_or_default()
}

#[test]
fn a_role_is_assigned_by_a_decision_or_as_stated() {
    let ledger = started().when(role("r-1", json!({"decision": "d-2016"}))).then(&["RoleAssigned"]);
    let event = &ledger.events.last().unwrap().event;
    assert_eq!(event.decision, Some(id("d-2016")));
    assert_eq!(event.effective.as_ref().unwrap().as_str(), "2017-01-01");
    started().when(role("r-1", json!({"policy_item": null, "theme": "zorg"}))).then(&["RoleAssigned"]);
    started().when(role("r-1", json!({"policy_item": null, "subtask": "aanbod"}))).then(&["RoleAssigned"]);
    let elsewhere = StateRecord { agenda: None, ..assign("r-1", json!({"policy_item": null, "action": "meting"})) };
    let ledger = started().when(Command::State(elsewhere)).then_recorded();
    assert_eq!(words(&ledger, "2020-01-01", "meting"), ["regisseren"], "it belongs to the agenda of its item");
}

#[test]
fn a_role_needs_a_reason() {
    let bare = StateRecord { reason: None, ..assign("r-1", json!({})) };
    started().when(Command::State(bare)).then_refused("REASON_MISSING");
}

#[test]
fn a_role_is_had_in_one_item() {
    started().when(role("r-1", json!({"action": "meting"}))).then_refused("ROLE_ITEM");
    started().when(role("r-1", json!({"policy_item": null}))).then_refused("ROLE_ITEM");
}

#[test]
fn a_role_is_had_in_what_stands_on_the_agenda() {
    started().when(role("r-1", json!({"policy_item": "onbekend"}))).then_refused("NOT_FOUND");
    let left = edition_after(first(), "2018-2019", "2018-01-01").without("actions", "lobby");
    let ledger = given([import(first()), import(left.change("dropped", json!({"action": "lobby"})))]);
    ledger.when(role("r-1", json!({"policy_item": null, "action": "lobby"}))).then_refused("NOT_ON_AGENDA");
    let other = json!({"agenda": {"id": "agenda-b", "title": "Andere agenda"}});
    let ledger = given([import(first()), import(other)]);
    let foreign = StateRecord { agenda: Some(id("agenda-b")), ..assign("r-1", json!({})) };
    ledger.when(Command::State(foreign)).then_refused("NOT_ON_AGENDA");
}

#[test]
fn a_role_word_is_in_the_vocabulary_of_the_day() {
    started().when(role("r-1", json!({"role": "aanjagen"}))).then_refused("ROLE_UNKNOWN");
    let word =
        crate::minutes::state_from(Some("2019-01-01"), Kind::Role, json!({"id": "aanjagen", "name": "aanjagen"}));
    let ledger = given([import(first()), word]);
    ledger.clone().when(role("r-1", json!({"role": "aanjagen"}))).then_refused("ROLE_UNKNOWN");
    ledger.when(role("r-1", json!({"role": "aanjagen", "since": "2019-01-01"}))).then_recorded();
}

#[test]
fn a_role_is_held_by_a_party_that_is_still_there() {
    started().when(role("r-1", json!({"holder": "onbekend"}))).then_refused("UNKNOWN_REFERENCE");
    let end = deed(Kind::Party, "emmen", DeedStep::Ended(None)).from("2016-07-01");
    let ledger = started().when(end).then_recorded();
    ledger.when(role("r-1", json!({"holder": "emmen"}))).then_refused("PARTY_ENDED");
}

#[test]
fn a_role_ends_after_it_starts() {
    started().when(role("r-1", json!({"until": "2016-12-31"}))).then_refused("ROLE_END_BEFORE_START");
    started().when(role("r-1", json!({"until": "2017-01-01"}))).then_recorded();
}

#[test]
fn nobody_has_a_role_twice() {
    let refusal = started().when(role("r-1", json!({"role": "stimuleren"}))).then_refused("ROLE_OVERLAP");
    assert!(
        refusal
            .to_string()
            .contains("`provincie` has the role `stimuleren` in policy item kwaliteit already since 2016-01-01")
    );
    assert!(refusal.message(Lang::Nl).contains("heeft bij beleidsopgave kwaliteit al de rol `stimuleren`"));
    started().when(role("r-1", json!({"role": "stimuleren", "holder": "emmen"}))).then_recorded();
    let ledger = started().when(role("r-1", json!({"until": "2018-06-30"}))).then_recorded();
    ledger.clone().when(role("r-2", json!({"since": "2018-06"}))).then_refused("ROLE_OVERLAP");
    ledger
        .clone()
        .when(role("r-2", json!({"holder": "provincie", "since": "2016-01-01"})))
        .then_refused("ROLE_OVERLAP");
    ledger.clone().when(role("r-2", json!({"since": "2018-07"}))).then_recorded();
    // The same one may be stated otherwise, but is no other one by that.
    ledger.clone().when(role("r-1", json!({"until": "2018-12-31"}))).then(&["RoleAssigned"]);
    ledger.clone().when(role("r-1", json!({"since": "2016"}))).then_refused("ROLE_FIXED");
    let elsewhere = json!({"policy_item": null, "action": "meting"});
    ledger.clone().when(role("r-1", elsewhere)).then_refused("ROLE_FIXED");
    let fact = |day, fields| Command::RecordLate(late(at(Kind::Assignment, "r-1"), day, fields));
    ledger.clone().when(fact("2018-01-01", json!({"policy_item": "pilots"}))).then_refused("ROLE_FIXED");
    ledger.clone().when(fact("2016-07-01", json!({"role": "stimuleren"}))).then_refused("ROLE_FIXED");
    ledger.when(fact("2018-01-01", json!({"until": "2016"}))).then_refused("ROLE_END_BEFORE_START");
    let ended = deed(Kind::Assignment, "r-1", DeedStep::Ended(None)).from("2018-01-01");
    let ledger = started().when(role("r-1", json!({}))).then_recorded().when(ended).then_recorded();
    ledger.when(role("r-2", json!({"since": "2018-01-01"}))).then_recorded();
}

#[test]
fn the_decision_of_a_role_was_taken_holds_and_has_a_mandate() {
    let ps = json!({"id": "d-ps", "body": "ps", "kind": "adopt-agenda", "date": "2017-01-01"});
    let early = json!({"id": "d-laat", "body": "gs", "kind": "adopt-agenda", "date": "2016/2017"});
    let part =
        json!({"decisions": [ps, {"id": "d-advies", "body": "stuurgroep", "kind": "advise", "date": "2017-01-01"}]});
    let with = |ledger: &Ledger, decision: &str| ledger.clone().when(role("r-1", json!({"decision": decision})));
    let ledger = given([import(first().add("decisions", early)), import(part)]);
    with(&ledger, "d-onbekend").then_refused("UNKNOWN_REFERENCE");
    with(&ledger, "d-ps").then_refused("NO_MANDATE");
    with(&ledger, "d-advies").then_refused("ADVICE_ONLY");
    with(&ledger, "d-laat").then_recorded();
    let revoke = deed(Kind::Decision, "d-2016", DeedStep::Ended(None)).by("d-laat").from("2017-01-01");
    let ledger = ledger.when(revoke).then_recorded();
    with(&ledger, "d-2016").then_refused("SUPERSEDED");
}

#[test]
fn a_role_is_ended_once_for_a_reason() {
    let ledger = started().when(role("r-1", json!({}))).then_recorded();
    let end = || deed(Kind::Assignment, "r-1", DeedStep::Ended(None)).from("2019-01-01");
    ledger.clone().when(end().unexplained()).then_refused("REASON_MISSING");
    ledger.clone().when(end().from("2016-12-31")).then_refused("END_BEFORE_START");
    let ledger = ledger.when(end().by("d-2016")).then(&["RoleEnded"]);
    ledger.clone().when(end()).then_refused("ALREADY_ENDED");
    ledger.clone().when(role("r-1", json!({"until": "2025"}))).then_refused("ALREADY_ENDED");
    assert_eq!(words(&ledger, "2018-12-31", "kwaliteit"), ["stimuleren", "regisseren"]);
    assert_eq!(words(&ledger, "2019-01-01", "kwaliteit"), ["stimuleren"]);
    assert_eq!(words(&ledger, "2016-12-31", "kwaliteit"), ["stimuleren"]);
}

#[test]
fn a_role_that_did_not_end_after_all_is_there_once() {
    let end = deed(Kind::Assignment, "r-1", DeedStep::Ended(None)).from("2019-01-01");
    let ledger = given([import(first()), role("r-1", json!({})), end.into()]);
    let go_on = || Command::Correct(correct(at(Kind::Assignment, "r-1"), "ended", json!(null)));
    let again = ledger.clone().when(go_on()).then(&["ErratumRecorded"]);
    assert_eq!(words(&again, "2019-01-01", "kwaliteit"), ["stimuleren", "regisseren"]);
    again.when(role("r-2", json!({"since": "2019-06-01"}))).then_refused("ROLE_OVERLAP");
    let followed = ledger.when(role("r-2", json!({"since": "2019-06-01"}))).then_recorded();
    followed.when(go_on()).then_refused("ROLE_OVERLAP");
}

#[test]
fn a_role_without_a_decision_is_a_finding_and_changes_nothing() {
    let before = started();
    let ledger = before.clone().when(role("r-1", json!({"role": "regisseren"}))).then_recorded();
    assert_eq!(about(&ledger, "ROLE_WITHOUT_DECISION"), ["r-1"]);
    let answers = |ledger: &Ledger| {
        let agenda = ledger.book.agenda(&id("agenda")).unwrap();
        let span = Span::year(agenda, 2020, ledger.book.head()).unwrap();
        let changes = ledger.book.changes(&id("agenda"), span, &ledger.events).unwrap();
        let export = ledger.book.export(&id("agenda"), agenda.current().unwrap(), &ledger.events).unwrap();
        (changes.items, changes.related, export.sha256())
    };
    assert_eq!(answers(&ledger), answers(&before));
    let decided = started().when(role("r-1", json!({"decision": "d-2016"}))).then_recorded();
    assert!(about(&decided, "ROLE_WITHOUT_DECISION").is_empty());
    let ended = ledger.when(deed(Kind::Assignment, "r-1", DeedStep::Ended(None)).from("2017-06-01")).then_recorded();
    assert!(about(&ended, "ROLE_WITHOUT_DECISION").is_empty());
}

#[test]
fn contradictions_name_both_sources_and_overwrite_nothing() {
    let remark = json!({"id": "focus", "what": "Rol", "roles": ["regisseren"], "actions": ["meting"]});
    let ledger = given([import(first().add("remarks", remark)), role("r-1", json!({}))]);
    let all = rows(&ledger, "2020-01-01");
    let row = all.iter().find(|row| row.item.id == id("kwaliteit")).unwrap();
    let sources: Vec<_> = row.contradictions().into_iter().map(|c| (c.one.0, c.other.0)).collect();
    let (table, remark) = (RoleSource::Edition(id("2016-2017")), RoleSource::Remark(id("focus")));
    let assigned = RoleSource::Assignment(id("r-1"));
    assert_eq!(sources, [(table.clone(), remark), (table, assigned)], "the remark and the assignment agree");
    assert_eq!(words(&ledger, "2020-01-01", "kwaliteit"), ["stimuleren", "regisseren", "regisseren"]);
    assert_eq!(about(&ledger, "ROLES_CONTRADICT"), ["focus", "r-1"]);
    let silent = json!({"id": "focus", "what": "Rol", "roles": ["regisseren"], "actions": ["pilot"]});
    let row = rows(&given([import(first().add("remarks", silent))]), "2020-01-01").pop().unwrap();
    assert_eq!(row.contradictions()[0].one.1, [], "the table names no role");
    // Of another holder, or at another time, it is no contradiction.
    let other = given([import(first()), role("r-1", json!({"holder": "emmen"}))]);
    assert!(about(&other, "ROLES_CONTRADICT").is_empty());
    let over = given([import(first()), role("r-1", json!({"until": "2017-05"}))]);
    assert!(about(&over, "ROLES_CONTRADICT").is_empty());
}

#[test]
fn two_roles_by_one_decision_are_one_statement() {
    let both = |one: Option<&str>, other: Option<&str>| {
        let in_action = |name, role, decision| role_of(name, role, decision);
        let ledger =
            given([import(first()), in_action("r-1", "regisseren", one), in_action("r-2", "stimuleren", other)]);
        about(&ledger, "ROLES_CONTRADICT")
    };
    assert!(both(Some("d-2016"), Some("d-2016")).is_empty());
    assert_eq!(both(None, None), ["r-2"]);
    assert_eq!(both(Some("d-2016"), None), ["r-2"]);
}

fn role_of(name: &str, word: &str, decision: Option<&str>) -> Command {
    role(name, json!({"policy_item": null, "action": "meting", "role": word, "decision": decision}))
}

#[test]
fn a_word_counts_once_an_item() {
    let ledger = given([import(first()), role("r-1", json!({})), role("r-2", json!({"holder": "emmen"}))]);
    let totals = role_totals(&rows(&ledger, "2020-01-01"));
    assert_eq!(totals, [(id("regisseren"), 1), (id("stimuleren"), 1)]);
    assert_eq!(ledger.replayed(20), ledger.book);
}

#[test]
fn roles_are_answered_as_known_then() {
    let ledger = started();
    let known = ledger.book.head() - 1;
    let ledger = ledger.when(role("r-1", json!({}))).then_recorded();
    let cut = Cut { known, ..Cut::NOW };
    let rows = ledger.book.roles(&id("agenda"), &cut, "2020-01-01".parse().unwrap(), &ledger.events).unwrap();
    assert!(rows.iter().flat_map(|row| &row.statements).all(|said| said.word == id("stimuleren")));
    started().when(state(Kind::Assignment, json!({"id": "x", "role": "stimuleren"}))).then_refused("ROLE_ITEM");
}

#[test]
fn a_role_of_the_table_overlaps_only_in_its_own_time() {
    let later = edition_after(first(), "2018-2019", "2018-01-01")
        .patch("policy_items", "pilots", json!({"roles": ["stimuleren"]}))
        .change("changed", json!({"policy_item": "pilots"}));
    let ledger = given([import(first()), import(later)]);
    let asked = |since: &str, until: &str| {
        role("r-9", json!({"policy_item": "pilots", "role": "stimuleren", "since": since, "until": until}))
    };
    ledger.clone().when(asked("2016-06-01", "2016-12-31")).then_recorded();
    ledger.clone().when(asked("2016-06-01", "2018-01-01")).then_refused("ROLE_OVERLAP");
    let one = role("r-1", json!({"since": "2017-01-01", "until": "2017-12-31"}));
    let two = role("r-2", json!({"since": "2018-01-01", "until": "2018-12-31"}));
    let ledger = given([import(first()), one, two]);
    let fact = late(at(Kind::Assignment, "r-1"), "2017-06-01", json!({"until": "2018-06-30"}));
    ledger.when(Command::RecordLate(fact)).then_refused("ROLE_OVERLAP");
}

#[test]
fn a_word_of_the_table_is_held_since_it_was_first_there() {
    let more = edition_after(first(), "2018-2019", "2018-01-01")
        .patch("policy_items", "kwaliteit", json!({"roles": ["stimuleren", "regisseren"]}))
        .change("changed", json!({"policy_item": "kwaliteit"}));
    let ledger = given([import(first()), import(more)]);
    let rows = rows(&ledger, "2018-06-01");
    let row = rows.iter().find(|row| row.item.id == id("kwaliteit")).unwrap();
    let since: Vec<_> = row.statements.iter().map(|said| said.since.as_ref().unwrap().as_str()).collect();
    assert_eq!(since, ["2016-01-01", "2018-01-01"]);
}

#[test]
fn a_role_is_over_with_its_holder_unless_another_took_its_place() {
    let held = || started().when(role("r-1", json!({"holder": "emmen"}))).then_recorded();
    let end = |step| deed(Kind::Party, "emmen", step).from("2018-01-01");
    let gone = held().when(end(DeedStep::Ended(None))).then_recorded();
    assert_eq!(words(&gone, "2017-12-31", "kwaliteit"), ["stimuleren", "regisseren"]);
    assert_eq!(words(&gone, "2018-01-01", "kwaliteit"), ["stimuleren"]);
    let merged = held().when(end(DeedStep::Merged(id("coevorden")))).then_recorded();
    assert_eq!(words(&merged, "2018-01-01", "kwaliteit"), ["stimuleren", "regisseren"]);
}
