//! A review as a whole: opened on a frozen base, checked, adopted in one go, or given up.

use minutebook_domain::changes::Span;
use minutebook_domain::command::{Command, StateRecord};
use minutebook_domain::event::{Actor, ControlTotal, DeedStep, Payload};
use minutebook_domain::ids::{Kind, Position};
use minutebook_domain::message::Lang;
use minutebook_domain::record::Record;
use minutebook_domain::review::{Adopting, Opening, Proposing, ReviewAct, ReviewCommand};
use minutebook_domain::tally::ProposalState::{Adopted, Amended, PassedOver, Withdrawn};
use minutebook_domain::value::ChangeKind;
use serde_json::json;

use crate::minutes::{
    Asked as _, Doc, at, correct, deed, edition_after, first, given, import, late, next, state, state_from,
};
use crate::review_steps::{
    action, add, adopt, adopt_with, adopting, change, changing, date, decide, drop, dropping, keep_rest, merge, open,
    opened, opening, propose, proposing, reinstating, select, setting, split, step, suspend, then, told, withdraw,
};
use crate::support::{Ledger, document, id, record, text};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("YEARS_MISSING", a_label_that_is_no_year_needs_years),
    ("NOTHING_TO_REVIEW", a_review_starts_from_an_adopted_edition),
    ("REVIEW_ALREADY_OPEN", an_edition_has_one_review_on_one_base),
    ("REVIEW_NOT_OPEN", the_only_open_review_is_meant_unless_one_is_named),
    ("REVIEW_AMBIGUOUS", the_only_open_review_is_meant_unless_one_is_named),
    ("REVIEW_INCOMPLETE", every_action_has_a_proposal_or_the_rest_is_kept),
    ("BASE_MOVED", a_base_that_moved_is_taken_by_opening_again),
    ("INVALID_REVIEW", all_that_keeps_it_from_being_adopted_is_told),
];

fn revision(ledger: &Ledger) -> minutebook_domain::book::Revision {
    ledger.book.agenda(&id("agenda")).unwrap().revisions.last().unwrap().clone()
}

/// The export of the newest revision is the document that its seal has the digest of.
fn exported(ledger: &Ledger) -> minutebook_domain::document::Document {
    let revision = revision(ledger);
    let document = ledger.book.export(&id("agenda"), &revision, &ledger.events).unwrap();
    assert_eq!(document.sha256(), revision.seal.sha256, "{:#}", document.to_value());
    document
}

#[test]
fn opening_freezes_the_base_and_reads_the_years_from_the_label() {
    let ledger = given([import(first())]).when(open("2018-2019", "2018-01-01")).then(&["ReviewOpened"]);
    let open = &ledger.book.agenda(&id("agenda")).unwrap().open[&id("2018-2019")];
    let base = open.review.base.as_ref().unwrap();
    assert_eq!((base.edition.as_str(), base.revision, base.sha256), ("2016-2017", 1, revision(&ledger).seal.sha256));
    assert_eq!((open.review.first_year.as_str(), open.review.last_year.as_str()), ("2018", "2019"));
    assert_eq!(open.review.horizon.as_ref().unwrap().as_str(), "2018/2019");
    assert_eq!((open.review.revision, open.base_name()), (1, "2016-2017".to_owned()));
}

#[test]
fn a_label_that_is_no_year_needs_years() {
    let command = opening("herijking", "2018-01-01");
    given([import(first())]).when(Command::Review(command.clone())).then_refused("YEARS_MISSING");
    let ReviewAct::Open(asked) = command.act.clone() else { panic!() };
    let with = |first: &str, last: &str| {
        let asked = Opening { years: Some((date(first), date(last))), ..asked.clone() };
        Command::Review(ReviewCommand { act: ReviewAct::Open(asked), ..command.clone() })
    };
    given([import(first())]).when(with("2018", "2019")).then_recorded();
    given([import(first())]).when(with("2019", "2018")).then_refused("EDITION_YEARS");
    let unlabelled = ReviewCommand { edition: None, ..command };
    given([import(first())]).when(Command::Review(unlabelled)).then_refused("FIELD_INVALID");
}

#[test]
fn a_review_starts_from_an_adopted_edition() {
    let agenda = state(Kind::Agenda, json!({"id": "agenda", "title": "Uitvoeringsagenda"}));
    given([agenda]).when(open("2018", "2018-01-01")).then_refused("NOTHING_TO_REVIEW");
    given([]).when(open("2018", "2018-01-01")).then_refused("NOT_FOUND");
    let ledger = given([import(first())]);
    ledger.clone().when(open("2014-2015", "2014-01-01")).then_refused("EDITION_EARLIER");
    ledger.clone().when(open("2018", "2020-01-01")).then_refused("EDITION_OVER");
    let later = then(ledger, [import(next())]);
    later.when(open("2016-2017", "2017-02-01")).then_refused("REVISION_SEALED");
}

#[test]
fn an_edition_has_one_review_on_one_base() {
    let refusal = opened().when(open("2018-2019", "2018-03-01")).then_refused("REVIEW_ALREADY_OPEN");
    assert!(refusal.message(Lang::Nl).contains("herziening `2018-2019` op stand `2016-2017`"), "{refusal:#}");
    let ledger = given([import(first()), open("2018-2019", "2018-01-01")]);
    ledger.when(import(next())).then_refused_with(&["REVIEW_ALREADY_OPEN"]);
    opened().when(open("2018", "2018-03-01")).then_recorded();
}

#[test]
fn the_only_open_review_is_meant_unless_one_is_named() {
    let none = given([import(first())]);
    none.clone().when(drop("meting")).then_refused("REVIEW_NOT_OPEN");
    let two = then(opened(), [open("2020", "2020-01-01")]);
    let refusal = two.clone().when(drop("meting")).then_refused("REVIEW_AMBIGUOUS");
    assert!(refusal.message(Lang::En).contains("`2018-2019`, `2020`"), "{refusal}");
    let named = |label: &str| {
        let asked = step(ReviewAct::Propose(dropping("meting")), Some("Klaar in 2017."));
        Command::Review(ReviewCommand { edition: Some(id(label)), ..asked })
    };
    two.clone().when(named("2020")).then_recorded();
    two.when(named("2022")).then_refused("REVIEW_NOT_OPEN");
}

#[test]
fn every_action_has_a_proposal_or_the_rest_is_kept() {
    let ledger = then(opened(), [drop("meting"), merge(&["lobby", "pilot"], "samen")]);
    let refusal = ledger.clone().when(adopt("d-2018")).then_refused("REVIEW_INCOMPLETE");
    assert!(refusal.message(Lang::En).starts_with("1 of 4 have no proposal: `website`"), "{refusal}");
    assert!(refusal.message(Lang::Nl).starts_with("1 van de 4 acties"), "{refusal:#}");
    let kept = ledger.clone().when(keep_rest()).then(&["RestKept"]);
    kept.clone().when(keep_rest()).then_refused("NO_CHANGE");
    kept.when(adopt("d-2018")).then_recorded();
    let last = then(ledger, [change("website", "title", json!("Site"))]);
    let last = then(last, [withdraw("change-03")]);
    last.clone().when(adopt("d-2018")).then_refused("REVIEW_INCOMPLETE");
    let check = last.check(None);
    assert_eq!((check.actions, check.without), (4, vec![id("website")]));
}

#[test]
fn adopting_records_the_items_with_their_reasons_in_one_go() {
    let advice =
        state(Kind::Decision, json!({"id": "advies", "body": "stuurgroep", "kind": "advise", "date": "2017-10-01"}));
    let grounded = propose(Proposing { ground: Some(id("advies")), ..changing("website", "title", json!("Site")) });
    let nieuw = action("nieuw", json!({"amounts": ["nieuw-geld"]}));
    let money = record(Kind::Amount, json!({"id": "nieuw-geld", "what": "Nieuw", "eur": 500, "action": "nieuw"}));
    let ledger = then(opened(), [advice, grounded, drop("meting"), add([nieuw, money]), suspend("lobby"), keep_rest()]);
    let before = ledger.events.len();
    let ledger = ledger.when(adopt("d-2018")).then_recorded();
    let mut names: Vec<_> = ledger.events[before..].iter().map(|event| event.event.payload.name()).collect();
    names.dedup();
    let items = ["ItemSuspended", "ItemDropped", "ItemAdded", "ItemChanged"];
    assert_eq!(names, [&["AmountRecorded"], &items[..], &["ContentsListed", "RevisionSealed"]].concat());
    assert!(ledger.book.agenda(&id("agenda")).unwrap().open.is_empty());
    let seal = revision(&ledger).seal;
    assert_eq!((seal.mandate, seal.edition.adopted_by.as_str()), (Some(id("m-gs")), "gs"));
    assert_eq!(
        seal.control,
        ControlTotal { before: 4, added: 1, dropped: 1, suspended: 1, after: 3, ..ControlTotal::default() }
    );
    let span = Span::year(ledger.book.agenda(&id("agenda")).unwrap(), 2018, Position::MAX).unwrap();
    let changes = ledger.book.changes(&id("agenda"), span, &ledger.events).unwrap();
    let why = |name: &str| {
        let item = changes.items.iter().find(|item| item.key.id == id(name)).unwrap();
        let why = item.why.clone().unwrap();
        (why.ground.unwrap().to_string(), why.body.unwrap().to_string(), why.authority.unwrap().decision.to_string())
    };
    assert_eq!(why("website"), ("advies".into(), "stuurgroep".into(), "d-2018".into()));
    assert_eq!(why("meting"), ("d-2018".into(), "gs".into(), "d-2018".into()), "it rests on what adopted it");
    let document = exported(&ledger);
    assert_eq!(document.of(Kind::Change).count(), 4);
    assert_eq!(document.of(Kind::Step).count(), 0, "the calendar starts anew");
    assert!(document.of(Kind::Decision).any(|decision| *decision.id() == id("advies")));
}

#[test]
fn what_was_stated_of_the_agenda_since_its_base_is_part_of_the_edition() {
    let mut milestone = state(Kind::Milestone, json!({"id": "evaluatie", "what": "Evaluatie", "due": "2018"}));
    let Command::State(statement) = &mut milestone else { panic!() };
    (statement.agenda, statement.effective) = (Some(id("agenda")), Some(date("2017-06-01")));
    let spelling = Command::Correct(correct(at(Kind::Action, "meting"), "title", json!("De meting")));
    let ledger = then(opened(), [milestone, spelling, drop("website"), keep_rest(), adopt("d-2018")]);
    let document = exported(&ledger);
    let ids = |kind| document.of(kind).map(|record| record.id().to_string()).collect::<Vec<_>>();
    assert_eq!(ids(Kind::Milestone), ["oplevering", "evaluatie"]);
    assert_eq!(ids(Kind::Amount), Vec::<String>::new(), "what an action costs leaves with it");
    assert_eq!(document.of(Kind::Action).next().unwrap().label(), "De meting");
}

#[test]
fn a_suspended_action_comes_back_with_what_it_costs() {
    let ledger = then(opened(), [suspend("website"), keep_rest(), adopt("d-2018")]);
    assert_eq!(exported(&ledger).of(Kind::Amount).count(), 0);
    let ledger = then(ledger, [decide("d-2020", "2019-12-10"), open("2020", "2020-01-01")]);
    let back =
        Proposing { set: vec![setting(at(Kind::Action, "website"), "title", json!("Site"))], ..reinstating("website") };
    let ledger = then(ledger, [propose(back), keep_rest(), adopt("d-2020")]);
    let document = exported(&ledger);
    assert_eq!(document.of(Kind::Amount).count(), 1);
    assert_eq!(revision(&ledger).seal.control.reinstated, 1);
    assert!(document.of(Kind::Action).any(|action| action.label() == "Site"));
}

#[test]
fn splits_merges_and_amounts_balance() {
    let eur = setting(at(Kind::Amount, "geld"), "eur", json!(500_000));
    let cheaper = propose(Proposing { set: vec![eur], ..changing("website", "title", json!("Site")) });
    let ledger = then(opened(), [split("meting", &["een", "twee"]), merge(&["lobby", "pilot"], "samen"), cheaper]);
    let ledger = then(ledger, [adopt("d-2018")]);
    let control = revision(&ledger).seal.control;
    assert_eq!((control.before, control.by_split, control.by_merge, control.after), (4, 1, -1, 4));
    let document = exported(&ledger);
    assert_eq!(document.of(Kind::Amount).next().unwrap().value("eur"), json!(500_000));
}

#[test]
fn competing_proposals_need_a_selection() {
    let ledger = then(opened(), [drop("meting"), change("meting", "title", json!("Nulmeting")), keep_rest()]);
    let refusal = ledger.clone().when(adopt("d-2018")).then_refused("REVIEW_CONFLICT");
    assert!(refusal.message(Lang::En).contains("action meting"), "{refusal}");
    let ledger = then(ledger, [select("change-02"), adopt("d-2018")]);
    let titles: Vec<_> = exported(&ledger).of(Kind::Action).map(Record::label).collect();
    assert!(titles.contains(&"Nulmeting".to_owned()), "{titles:?}");
    let all = ledger.book.proposals(&revision(&ledger), &ledger.events).unwrap();
    assert_eq!(told(&all), [("change-01".into(), PassedOver), ("change-02".into(), Adopted)]);
}

#[test]
fn who_proposed_it_is_who_asked() {
    let mut ledger = opened();
    let mut context = ledger.context();
    context.actor = Actor { capacity: Some(text("secretaris")), ..Actor::default() };
    let drafts = ledger.book.decide(&drop("meting"), &context, &ledger.events).unwrap();
    for draft in drafts {
        let recorded = draft.record(ledger.book.head(), context.now);
        ledger.book.apply(&recorded);
        ledger.events.push(recorded);
    }
    let ledger = then(ledger, [drop("lobby"), withdraw("change-02"), keep_rest(), adopt("d-2018")]);
    let all = ledger.book.proposals(&revision(&ledger), &ledger.events).unwrap();
    assert_eq!(all[0].actor.capacity, Some(text("secretaris")));
    assert_eq!(told(&all), [("change-01".into(), Adopted), ("change-02".into(), Withdrawn)]);
}

#[test]
fn the_body_may_decide_otherwise_and_both_texts_are_kept() {
    let ledger = then(opened(), [change("meting", "title", json!("Nulmeting")), drop("lobby"), keep_rest()]);
    let otherwise = vec![
        setting(at(Kind::Action, "meting"), "summary", json!("Eerst meten")),
        setting(at(Kind::Action, "lobby"), "horizon", json!("medium")),
        setting(at(Kind::Amount, "geld"), "eur", json!(1_000)),
    ];
    let bare = Adopting { amend: otherwise.clone(), ..adopting("d-2018") };
    ledger.clone().when(Command::Review(step(ReviewAct::Adopt(bare), None))).then_refused("REASON_MISSING");
    let ledger = then(ledger, [adopt_with("d-2018", otherwise)]);
    let all = ledger.book.proposals(&revision(&ledger), &ledger.events).unwrap();
    let states = [Amended, Amended, Adopted, Adopted, Adopted];
    assert_eq!(all.iter().map(|proposed| proposed.state).collect::<Vec<_>>(), states);
    let amends: Vec<_> = all.iter().filter_map(|proposed| proposed.amends.clone()).collect();
    assert_eq!(amends, [id("change-02"), id("change-01")]);
    assert_eq!(all[1].change.reason, Some(text("Herijking van de agenda.")), "the proposal stays as it was made");
    let document = exported(&ledger);
    let meting = document.of(Kind::Action).find(|action| *action.id() == id("meting")).unwrap();
    assert_eq!((meting.label(), meting.value("summary")), ("Nulmeting".into(), json!("Eerst meten")));
    assert!(document.of(Kind::Action).any(|action| *action.id() == id("lobby")), "the body kept it");
    assert_eq!(document.of(Kind::Amount).next().unwrap().value("eur"), json!(1_000));
    let changed = ledger.events.iter().filter(|event| event.event.payload.name() == "ItemChanged");
    let reasons: Vec<_> = changed.map(|event| event.event.reason.clone().unwrap().text.to_string()).collect();
    let both = "Herijking van de agenda.\nHet college besloot anders.";
    assert_eq!(reasons, [both, both, "Het college besloot anders."], "of a proposal, then of the body");
}

#[test]
fn a_part_that_comes_may_be_amended() {
    let ledger = then(opened(), [split("meting", &["een", "twee"]), keep_rest()]);
    let title = setting(at(Kind::Action, "een"), "title", json!("Deel een"));
    let ledger = then(ledger, [adopt_with("d-2018", vec![title])]);
    let titles: Vec<_> = exported(&ledger).of(Kind::Action).map(Record::label).collect();
    assert!(titles.contains(&"Deel een".into()) && titles.contains(&"Actie twee".into()), "{titles:?}");
    assert_eq!(revision(&ledger).seal.control.by_split, 1);
}

#[test]
fn the_adopting_decision_is_dated_taken_and_mandated() {
    let ledger = || then(opened(), [drop("meting"), keep_rest()]);
    ledger().when(adopt("d-2081")).then_refused("NOT_FOUND");
    let budget =
        state(Kind::Decision, json!({"id": "begroting", "body": "stuurgroep", "kind": "advise", "date": "2017-12-01"}));
    then(ledger(), [budget]).when(adopt("begroting")).then_refused("NOT_ADOPTING");
    let undated = import(json!({"decisions": [{"id": "zonder", "body": "gs", "kind": "adopt-agenda"}]}));
    then(ledger(), [undated]).when(adopt("zonder")).then_refused("DECISION_INCOMPLETE");
    let other =
        import(json!({"decisions": [{"id": "ps-18", "body": "ps", "kind": "adopt-agenda", "date": "2017-12-01"}]}));
    then(ledger(), [other]).when(adopt("ps-18")).then_refused("NO_MANDATE");
    let check = ledger().check(Some("d-2018"));
    assert!(check.problems.is_empty(), "{:?}", check.problems);
    assert_eq!(ledger().problems(Some("d-2081"))[0], "NOT_FOUND", "a check tells it among the rest");
    assert_eq!(ledger().revoke("d-2018").problems(Some("d-2018")), ["SUPERSEDED"]);
    let late = late(at(Kind::Action, "lobby"), "2018-03-01", json!({"title": "Pleiten"}));
    let ledger = then(ledger(), [Command::RecordLate(late)]);
    let amend = vec![setting(at(Kind::Action, "lobby"), "place", json!("Emmen"))];
    let later = Adopting { effective: Some(date("2018-06-01")), amend, ..adopting("d-2018") };
    let later = step(ReviewAct::Adopt(later), Some("Het college besloot later."));
    let ledger = then(ledger, [Command::Review(later)]);
    let lobby = exported(&ledger).of(Kind::Action).find(|action| *action.id() == id("lobby")).cloned().unwrap();
    assert_eq!((lobby.label(), lobby.value("place")), ("Pleiten".into(), json!("Emmen")), "as it read by then");
    assert_eq!(revision(&ledger).seal.edition.effective.as_str(), "2018-06-01");
    exported(&ledger);
}

#[test]
fn an_edition_holds_from_before_it_was_decided_only_for_a_reason() {
    let ledger = then(opened(), [decide("laat", "2018-02-06"), drop("meting"), keep_rest()]);
    let refusal = ledger.clone().when(adopt("laat")).then_refused("EFFECT_BEFORE_ALLOWED");
    assert!(refusal.message(Lang::En).contains("an adoption `--reason`"), "{refusal}");
    assert_eq!(ledger.problems(Some("laat")), ["EFFECT_BEFORE_ALLOWED"], "a check tells it");
    let why = Some("De agenda loopt per kalenderjaar.");
    then(ledger.clone(), [Command::Review(step(ReviewAct::Adopt(adopting("laat")), why))]);
    let later = Adopting { effective: Some(date("2018-02-06")), ..adopting("laat") };
    then(ledger, [Command::Review(step(ReviewAct::Adopt(later), None))]);
    let decision =
        json!({"id": "terug", "body": "gs", "kind": "adopt-agenda", "date": "2018-02-06", "effective": "2018-01-01"});
    let Command::State(decision) = state(Kind::Decision, decision) else { unreachable!() };
    let grounded = Command::State(StateRecord { reason: why.map(text), ..decision });
    then(opened(), [grounded, keep_rest(), adopt("terug")]);
}

#[test]
fn an_amendment_says_one_thing_and_another_than_was_proposed() {
    let ledger = then(opened(), [change("meting", "title", json!("Nulmeting")), keep_rest()]);
    let title = |words: &str| setting(at(Kind::Action, "meting"), "title", json!(words));
    ledger.clone().when(adopt_with("d-2018", vec![title("Nulmeting")])).then_refused("NO_CHANGE");
    let twice = vec![title("Eerste meting"), title("Tweede meting")];
    let refusal = ledger.when(adopt_with("d-2018", twice)).then_refused("FIELD_INVALID");
    assert!(refusal.message(Lang::En).contains("more than once"), "{refusal}");
}

#[test]
fn all_that_keeps_it_from_being_adopted_is_told() {
    let homeless = action("nieuw", json!({"policy_item": "bestaat-niet"}));
    let other = action("ander", json!({"policy_item": "ook-niet"}));
    let ledger = then(opened(), [add([homeless]), add([other]), keep_rest()]);
    let refusal = ledger.clone().when(adopt("d-2018")).then_refused_with(&["INVALID_REVIEW"]);
    assert!(refusal.message(Lang::En).contains("`bestaat-niet` is not a known policy item"), "{refusal}");
    assert_eq!(ledger.problems(None), ["UNKNOWN_REFERENCE", "UNKNOWN_REFERENCE"]);
    let item = record(Kind::PolicyItem, json!({"id": "bestaat-niet", "title": "Bestaat wel", "theme": "zorg"}));
    let ledger = then(ledger, [add([item]), withdraw("change-02"), adopt("d-2018")]);
    exported(&ledger);
}

#[test]
fn the_expected_newest_event_keeps_the_second_of_two_people_out() {
    let ledger = opened();
    let seen = ledger.book.agenda(&id("agenda")).unwrap().open[&id("2018-2019")].newest;
    assert_eq!(seen, ledger.book.head() - 1);
    let ask = |act| Command::Review(ReviewCommand { expected_revision: Some(seen), ..step(act, None) });
    let ledger = ledger.when(ask(ReviewAct::KeepRest)).then_recorded();
    let refusal = ledger.clone().when(ask(ReviewAct::Adopt(adopting("d-2018")))).then_refused("STALE_BASE");
    assert!(refusal.message(Lang::Nl).contains("herziening `2018-2019` intussen"), "{refusal:#}");
    let ledger = then(ledger, [change("meting", "title", json!("Nulmeting")), select("change-01")]);
    let newer = ledger.book.newer(seen, ledger.book.head() - 1, &ledger.events).unwrap();
    let told = newer.iter().map(|event| {
        let fields: Vec<_> = event.fields.iter().map(ToString::to_string).collect();
        format!("{} {} {}", event.event, event.about, fields.join("; "))
    });
    let wanted = [
        "RestKept `2018-2019` ",
        "DispositionProposed `change-01` (`meting`) title: `Meting` → `Nulmeting`",
        "DispositionSelected `change-01` ",
    ];
    assert_eq!(told.collect::<Vec<_>>(), wanted);
    let stale = ReviewCommand { expected_revision: Some(1), ..opening("2018-2019", "2018-01-01") };
    given([import(first())]).when(Command::Review(stale)).then_refused("STALE_BASE");
}

#[test]
fn an_abandoned_review_says_why_and_its_proposals_count_no_more() {
    let ledger = then(opened(), [drop("meting")]);
    let abandon = |reason| Command::Review(step(ReviewAct::Abandon, reason));
    ledger.clone().when(abandon(None)).then_refused("REASON_MISSING");
    let ledger = ledger.when(abandon(Some("Er komt een nieuw college."))).then(&["ReviewAbandoned"]);
    ledger.clone().when(drop("meting")).then_refused("REVIEW_NOT_OPEN");
    let ledger = then(ledger, [open("2018-2019", "2018-01-01"), drop("lobby"), keep_rest()]);
    assert_eq!(ledger.states().len(), 1);
    ledger.clone().when(withdraw("change-01")).then_refused("NOT_FOUND");
    let ledger = then(ledger, [adopt("d-2018")]);
    assert_eq!(revision(&ledger).seal.control.dropped, 1);
    exported(&ledger);
}

/// A later revision of the current edition, handed in while the review is open.
fn interim(title: &str) -> Command {
    let document = edition_after(first(), "2016-2017", "2017-03-01")
        .patch("edition", "", json!({"decision": "d-2017"}))
        .section("decisions", json!([{"id": "d-2017", "body": "gs", "kind": "adopt-agenda", "date": "2017-02-01"}]))
        .patch("actions", "meting", json!({"title": title}))
        .change("changed", json!({"action": "meting", "decision": "d-2017"}));
    import(document)
}

#[test]
fn a_base_that_moved_is_taken_by_opening_again() {
    let ledger =
        then(opened(), [drop("lobby"), change("meting", "summary", json!("Kort")), keep_rest(), interim("Peiling")]);
    let refusal = ledger.clone().when(adopt("d-2018")).then_refused("BASE_MOVED");
    let message = refusal.message(Lang::En);
    assert!(message.contains("after `2016-2017` the agenda got revision `2016-2017@2`"), "{message}");
    let check = ledger.check(None);
    let changed = check.moved.unwrap().items;
    assert_eq!((changed.len(), changed[0].key.id.as_str()), (1, "meting"));
    let ledger = ledger.when(open("2018-2019", "2018-01-01")).then(&["ReviewOpened"]);
    assert_eq!(ledger.states().len(), 2, "what was proposed stays proposed");
    ledger.clone().when(adopt("d-2018")).then_refused("REVIEW_INCOMPLETE");
    let ledger = then(ledger, [keep_rest(), adopt("d-2018")]);
    let meting = exported(&ledger).of(Kind::Action).find(|action| *action.id() == id("meting")).cloned().unwrap();
    assert_eq!((meting.label(), meting.value("summary")), ("Peiling".into(), json!("Kort")), "only what was named");
}

#[test]
fn a_proposal_that_was_overtaken_is_made_again() {
    let ledger = then(opened(), [change("meting", "title", json!("Nulmeting")), keep_rest(), interim("Peiling")]);
    let ledger = then(ledger, [open("2018-2019", "2018-01-01"), keep_rest()]);
    let refusal = ledger.clone().when(adopt("d-2018")).then_refused("STALE_BASE");
    assert!(refusal.message(Lang::En).contains("changed action meting in the meantime"), "{refusal}");
    let ledger = then(ledger, [withdraw("change-01"), change("meting", "title", json!("Nulmeting")), adopt("d-2018")]);
    exported(&ledger);
}

#[test]
fn a_proposal_for_what_left_meanwhile_is_overtaken() {
    let left = edition_after(first(), "2016-2017", "2017-03-01")
        .patch("edition", "", json!({"decision": "d-2017"}))
        .section("decisions", json!([{"id": "d-2017", "body": "gs", "kind": "adopt-agenda", "date": "2017-02-01"}]))
        .without("actions", "lobby")
        .change("dropped", json!({"action": "lobby", "decision": "d-2017"}));
    let proposals = [drop("lobby"), merge(&["lobby", "pilot"], "samen"), select("change-01"), keep_rest()];
    let ledger = then(opened(), proposals);
    let ledger = then(ledger, [import(left), open("2018-2019", "2018-01-01"), keep_rest()]);
    ledger.clone().when(adopt("d-2018")).then_refused("STALE_BASE");
    let ledger = then(ledger, [select("change-02")]);
    ledger.clone().when(adopt("d-2018")).then_refused("STALE_BASE");
    exported(&then(ledger, [withdraw("change-01"), withdraw("change-02"), adopt("d-2018")]));
}

#[test]
fn a_register_that_reads_otherwise_later_is_left_as_it_is() {
    let renamed = state_from(Some("2019-01-01"), Kind::Party, json!({"id": "emmen", "name": "Gemeente Emmen e.o."}));
    let advice = json!({"id": "m-advies", "body": "stuurgroep", "may": "advise", "ceiling": 1_000});
    let narrowed = state_from(Some("2019-01-01"), Kind::Mandate, advice);
    let ledger = then(opened(), [renamed, narrowed, drop("lobby"), keep_rest()]);
    let before = ledger.events.len();
    let ledger = then(ledger, [adopt("d-2018")]);
    assert_eq!(ledger.events[before].event.payload.name(), "ItemDropped", "no register is stated anew");
    let document = exported(&ledger);
    assert!(document.of(Kind::Party).any(|party| party.label() == "Gemeente Emmen"));
}

#[test]
fn another_review_may_be_adopted_in_between() {
    let ledger = then(opened(), [decide("d-2017", "2017-02-01"), open("2016-2017", "2017-03-01")]);
    let named = |label: &str, command: Command| match command {
        Command::Review(review) => Command::Review(ReviewCommand { edition: Some(id(label)), ..review }),
        other => other,
    };
    let ledger = then(
        ledger,
        [
            named("2016-2017", drop("pilot")),
            named("2018-2019", drop("lobby")),
            named("2016-2017", keep_rest()),
            named("2016-2017", adopt("d-2017")),
        ],
    );
    assert_eq!(revision(&ledger).name(), "2016-2017@2");
    assert_eq!(ledger.problems(None), ["BASE_MOVED", "REVIEW_INCOMPLETE"]);
    let ledger = then(ledger, [open("2018-2019", "2018-01-01"), keep_rest(), adopt("d-2018")]);
    assert_eq!((revision(&ledger).seal.control.before, revision(&ledger).seal.control.after), (3, 2));
    exported(&ledger);
}

#[test]
fn a_check_remarks_what_an_auditor_would() {
    let gone = then(opened(), [drop("lobby"), keep_rest(), adopt("d-2018"), open("2020", "2020-01-01")]);
    let ledger = then(gone, [add([action("lobby", json!({}))]), drop("website"), keep_rest()]);
    let codes: Vec<_> = ledger.check(None).findings.iter().map(|finding| finding.observation.code()).collect();
    assert!(codes.contains(&"LINEAGE_LOST") && codes.contains(&"EVALUATION_PROMISED"), "{codes:?}");
    let before = ledger.events.len();
    assert_eq!(ledger.check(Some("d-2018")).control.after, 3);
    assert_eq!(before, ledger.events.len());
}

#[test]
fn a_ground_keeps_its_ceiling() {
    let mandate = json!({"id": "m-klein", "body": "stuurgroep", "may": "advise", "ceiling": 1_000});
    let document = first()
        .section("mandates", json!([{"id": "m-gs", "body": "gs", "may": "adopt-agenda", "ceiling": 700_000}, mandate]));
    let ledger =
        given([import(document), decide("d-2018", "2017-12-12"), open("2018-2019", "2018-01-01"), keep_rest()]);
    let eur = |eur: u32| {
        let set = vec![setting(at(Kind::Amount, "geld"), "eur", json!(eur))];
        propose(Proposing { set, ..proposing(ChangeKind::Changed) })
    };
    let dear = then(ledger.clone(), [eur(800_000)]);
    assert_eq!(dear.problems(None), Vec::<&str>::new(), "whose mandate it will be is not said yet");
    assert_eq!(dear.problems(Some("d-2018")), ["MANDATE_CEILING"]);
    dear.when(adopt("d-2018")).then_refused("MANDATE_CEILING");
    exported(&then(ledger, [eur(700_000), adopt("d-2018")]));
}

#[test]
fn an_import_stays_one_review_in_one_go() {
    let ledger = given([
        import(first()),
        import(next().change("dropped", json!({"action": "lobby"})).without("actions", "lobby")),
    ]);
    let revision = revision(&ledger);
    let all = ledger.book.proposals(&revision, &ledger.events).unwrap();
    assert_eq!(told(&all), [("c-1".into(), Adopted)]);
    let opened = ledger.events.iter().find(|event| event.position == revision.opened).unwrap();
    assert!(matches!(opened.event.payload, Payload::ReviewOpened(_)));
    assert_eq!(document(next()).of(Kind::Change).count(), 0);
}

#[test]
fn an_interim_revision_keeps_the_yearly_cycle() {
    let ledger = given([import(first()), decide("d-2017", "2017-02-01"), open("2016-2017", "2017-03-01"), keep_rest()]);
    let ledger = then(ledger, [adopt("d-2017")]);
    assert_eq!(exported(&ledger).of(Kind::Step).count(), 1);
}

#[test]
fn nobody_who_is_gone_becomes_a_partner() {
    let end = deed(Kind::Party, "coevorden", DeedStep::Ended(None)).from("2017-06-01");
    let ledger = then(opened(), [end.into()]);
    let partners = |names: &[&str]| change("website", "partners", json!(names));
    ledger.clone().when(partners(&["coevorden"])).then_refused("PARTY_ENDED");
    ledger.clone().when(add([action("nieuw", json!({"partners": ["coevorden"]}))])).then_refused("PARTY_ENDED");
    // Who was a partner already may stay so: that is for the body to change.
    let gone = deed(Kind::Party, "emmen", DeedStep::Ended(None)).from("2017-06-01");
    then(ledger, [gone.into(), change("meting", "title", json!("Nulmeting")), keep_rest(), adopt("d-2018")]);
}

#[test]
fn another_agenda_does_not_hold_the_money_of_this_one() {
    let other = first()
        .patch("agenda", "", json!({"id": "tweede"}))
        .section(
            "themes",
            json!([{"id": "zorg-2", "title": "Zorg", "policy_items": [{"id": "kwaliteit-2", "title": "K",
            "actions": [{"id": "zz-actie", "title": "Z", "amounts": ["geld"]}]}]}]),
        )
        .section("amounts", json!([]))
        .section("milestones", json!([]));
    let ledger = then(opened(), [import(other)]);
    let sum = setting(at(Kind::Amount, "geld"), "eur", json!(5));
    let asked = propose(Proposing { set: vec![sum], ..proposing(ChangeKind::Changed) });
    then(ledger, [asked, keep_rest(), adopt("d-2018")]);
}
