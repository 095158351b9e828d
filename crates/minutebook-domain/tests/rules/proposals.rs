//! Proposing, withdrawing and selecting: what may be proposed, and which of several proposals counts.

use minutebook_domain::command::Command;
use minutebook_domain::event::Payload;
use minutebook_domain::ids::Kind;
use minutebook_domain::message::Lang;
use minutebook_domain::record::Record;
use minutebook_domain::review::{Proposing, ReviewAct, Setting};
use minutebook_domain::tally::ProposalState::{Competing, PassedOver, Selected, Sole, Withdrawn};
use minutebook_domain::value::ChangeKind;
use serde_json::json;

use crate::minutes::at;
use crate::review_steps::{
    action, add, adopt, change, changing, drop, dropping, keep_rest, merge, open, opened, propose, proposing,
    reinstating, select, setting, split, step, suspend, then, withdraw,
};
use crate::support::{Ledger, id, record};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("ITEM_STANDING", an_item_stands_where_the_proposal_needs_it),
    ("PROPOSAL_WITHDRAWN", a_proposal_is_taken_back_once),
    ("TOO_MANY_ITEMS", a_proposal_has_at_most_fifty_items),
];

/// What the last event proposes.
fn proposed(ledger: &Ledger) -> minutebook_domain::event::Proposal {
    match &ledger.events.last().unwrap().event.payload {
        Payload::DispositionProposed(proposal) => proposal.clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_change_states_the_item_whole_and_names_the_fields() {
    let ledger = opened().when(change("meting", "title", json!("Nulmeting"))).then(&["DispositionProposed"]);
    let proposal = proposed(&ledger);
    assert_eq!((proposal.change.id.as_str(), proposal.change.kind), ("change-01", ChangeKind::Changed));
    assert_eq!(proposal.change.action, Some(id("meting")));
    assert_eq!(proposal.change.fields.unwrap()[0].as_str(), "title");
    let Record::Action(action) = &proposal.items[0] else { panic!() };
    assert_eq!((action.title.as_str(), action.partners.clone()), ("Nulmeting", Some(vec![id("emmen")])));
    assert_eq!(ledger.events.last().unwrap().event.reason.as_ref().unwrap().text.as_str(), "Herijking van de agenda.");
}

#[test]
fn the_book_gives_out_the_next_free_id() {
    let named = Proposing { change: Some(id("change-02")), ..changing("lobby", "title", json!("Pleiten")) };
    let ledger = then(opened(), [drop("meting"), propose(named.clone()), drop("pilot")]);
    let ids: Vec<_> = ledger.states().into_iter().map(|(id, _)| id).collect();
    assert_eq!(ids, ["change-01", "change-02", "change-03"]);
    ledger.when(propose(named)).then_refused("ID_TAKEN");
}

#[test]
fn what_an_action_costs_changes_with_it() {
    let eur = setting(at(Kind::Amount, "geld"), "eur", json!(500_000));
    let asked = Proposing { set: vec![eur], ..proposing(ChangeKind::Changed) };
    let ledger = opened().when(propose(asked.clone())).then(&["DispositionProposed"]);
    let proposal = proposed(&ledger);
    assert_eq!(proposal.change.action, Some(id("website")), "the action that names it is meant");
    assert_eq!(proposal.change.fields.unwrap()[0].as_str(), "amounts");
    assert_eq!(proposal.items[1].value("eur"), json!(500_000));
    let elsewhere = Proposing { item: Some(at(Kind::Action, "meting")), ..asked };
    opened().when(propose(elsewhere)).then_refused("CHANGE_FORM");
}

#[test]
fn a_reason_is_a_sentence() {
    for reason in [None, Some(""), Some("-"), Some("Vervallen.")] {
        let command = step(ReviewAct::Propose(dropping("meting")), reason);
        let refusal = opened().when(Command::Review(command)).then_refused("REASON_MISSING");
        assert!(refusal.message(Lang::Nl).contains("`change-01`"), "{refusal:#}");
    }
    let address = step(ReviewAct::Propose(dropping("meting")), Some("Vraag het jan@example.org."));
    opened().when(Command::Review(address)).then_refused("PERSONAL_DATA_IN_TEXT");
}

#[test]
fn a_value_fits_its_field_and_the_one_that_was_seen() {
    let set = |field: &str, value| change("meting", field, value);
    opened().when(set("titel", json!("Nulmeting"))).then_refused("NOT_FOUND");
    opened().when(set("horizon", json!("ooit"))).then_refused("FIELD_INVALID");
    opened().when(set("partners", json!(["emen"]))).then_refused("UNKNOWN_REFERENCE");
    opened().when(set("period", json!({"from": "2019", "to": "2018"}))).then_refused("END_BEFORE_START");
    opened().when(set("title", json!("Meting"))).then_refused("NO_CHANGE");
    opened().when(set("source_line", json!(99))).then_refused("NO_CHANGE");
    opened().when(set("summary", json!("Bel 123456782"))).then_refused("PERSONAL_DATA_IN_TEXT");
    let seen = |old| Setting { old: Some(old), ..setting(at(Kind::Action, "meting"), "title", json!("Nulmeting")) };
    let saw = |old| propose(Proposing { set: vec![seen(old)], ..proposing(ChangeKind::Changed) });
    opened().when(saw(json!("Peiling"))).then_refused("OLD_VALUE_MISMATCH");
    opened().when(saw(json!("Meting"))).then_recorded();
}

#[test]
fn an_item_stands_where_the_proposal_needs_it() {
    let refusal = opened().when(drop("metin")).then_refused("NOT_FOUND");
    assert!(refusal.message(Lang::En).contains("did you mean `meting`"), "{refusal}");
    opened().when(add([action("meting", json!({}))])).then_refused("ITEM_STANDING");
    opened().when(propose(reinstating("meting"))).then_refused("ITEM_STANDING");
    opened().when(split("lobby", &["pilot", "nieuw"])).then_refused("ITEM_STANDING");
    let gone = then(opened(), [drop("lobby"), suspend("pilot"), keep_rest(), adopt("d-2018")]);
    let gone = then(gone, [open("2020", "2020-01-01")]);
    for (command, words) in [
        (drop("lobby"), "--reinstate"),
        (add([action("pilot", json!({}))]), "is suspended"),
        (split("meting", &["lobby", "nieuw"]), "choose another id"),
    ] {
        let refusal = gone.clone().when(command).then_refused("ITEM_STANDING");
        assert!(refusal.message(Lang::En).contains(words), "{refusal}");
    }
    gone.clone().when(propose(reinstating("lobby"))).then_recorded();
    gone.when(add([action("lobby", json!({}))])).then_recorded();
}

#[test]
fn each_kind_of_proposal_says_what_it_needs() {
    let bare = |kind| propose(proposing(kind));
    opened().when(bare(ChangeKind::Dropped)).then_refused("CHANGE_FORM");
    opened().when(bare(ChangeKind::Suspended)).then_refused("CHANGE_FORM");
    opened().when(bare(ChangeKind::Changed)).then_refused("CHANGE_FORM");
    opened().when(bare(ChangeKind::Added)).then_refused("CHANGE_FORM");
    let meting = Some(at(Kind::Action, "meting"));
    let dropped = Proposing { disposition: None, ..dropping("meting") };
    opened().when(propose(dropped)).then_refused("CHANGE_FORM");
    let kept = Proposing { kind: ChangeKind::Suspended, ..dropping("meting") };
    opened().when(propose(kept)).then_refused("CHANGE_FORM");
    let set = Proposing { item: meting, kind: ChangeKind::Suspended, ..changing("meting", "title", json!("X")) };
    opened().when(propose(set)).then_refused("FIELD_INVALID");
    opened().when(split("meting", &["een"])).then_refused("SPLIT_NEEDS_TWO");
    opened().when(merge(&["meting"], "samen")).then_refused("MERGE_NEEDS_TWO");
    opened().when(merge(&["meting", "meting"], "samen")).then_refused("MERGE_NEEDS_TWO");
    opened().when(split("meting", &["een", "twee"])).then_recorded();
    opened().when(merge(&["meting", "lobby"], "samen")).then_recorded();
    let money = |name: &str| record(Kind::Amount, json!({"id": name, "what": "Geld", "eur": 5}));
    let nieuw = || action("nieuw", json!({"amounts": ["nieuw-geld"]}));
    opened().when(add([nieuw(), money("nieuw-geld")])).then_recorded();
    opened().when(add([nieuw(), money("ander-geld")])).then_refused("CHANGE_FORM");
    opened().when(add([nieuw()])).then_refused("UNKNOWN_REFERENCE");
}

#[test]
fn a_proposal_has_at_most_fifty_items() {
    let names: Vec<String> = (0..51).map(|n| format!("deel-{n}")).collect();
    let parts: Vec<&str> = names.iter().map(String::as_str).collect();
    opened().when(split("meting", &parts)).then_refused("TOO_MANY_ITEMS");
    opened().when(split("meting", &parts[1..])).then_recorded();
}

#[test]
fn a_proposal_rests_on_a_decision_that_holds() {
    let on = |ground: &str| propose(Proposing { ground: Some(id(ground)), ..dropping("meting") });
    let ledger = opened().when(on("d-2016")).then_recorded();
    let change = proposed(&ledger).change;
    assert_eq!((change.decision, change.decided_by), (Some(id("d-2016")), Some(id("gs"))));
    opened().when(on("d-2061")).then_refused("NOT_FOUND");
    opened().revoke("d-2016").when(on("d-2016")).then_refused("SUPERSEDED");
    let ledger = then(opened(), [keep_rest()]).revoke("d-2018");
    ledger.when(adopt("d-2018")).then_refused("SUPERSEDED");
}

#[test]
fn a_sole_proposal_counts_and_several_compete() {
    let ledger = then(opened(), [drop("meting"), drop("lobby")]);
    assert_eq!(ledger.states(), [("change-01".into(), Sole), ("change-02".into(), Sole)]);
    let ledger = then(ledger, [change("meting", "title", json!("Nulmeting"))]);
    let state = |ledger: &Ledger, n: usize| ledger.states()[n].1;
    assert_eq!([0, 1, 2].map(|n| state(&ledger, n)), [Competing, Sole, Competing]);
    let ledger = then(ledger, [select("change-03")]);
    assert_eq!([0, 1, 2].map(|n| state(&ledger, n)), [PassedOver, Sole, Selected]);
    let ledger = then(ledger, [select("change-01")]);
    assert_eq!([0, 1, 2].map(|n| state(&ledger, n)), [Selected, Sole, PassedOver], "the last selection counts");
    ledger.clone().when(select("change-01")).then_refused("NO_CHANGE");
    let ledger = then(ledger, [withdraw("change-01")]);
    assert_eq!([0, 1, 2].map(|n| state(&ledger, n)), [Withdrawn, Sole, Competing], "it was passed over knowingly");
    let refusal = then(ledger.clone(), [keep_rest()]).when(adopt("d-2018")).then_refused("REVIEW_CONFLICT");
    assert!(refusal.to_string().contains("the choice among them was overtaken"), "{refusal}");
    let ledger = then(ledger, [select("change-03")]);
    assert_eq!(state(&ledger, 2), Selected);
}

#[test]
fn what_was_chosen_is_asked_anew_where_it_was_withdrawn_or_more_was_proposed() {
    let titles = ["Eerste", "Tweede", "Derde"].map(|title| change("meting", "title", json!(title)));
    let ledger = then(then(opened(), titles), [select("change-01"), select("change-02")]);
    let states = |ledger: &Ledger| ledger.states().into_iter().map(|(_, state)| state).collect::<Vec<_>>();
    assert_eq!(states(&ledger), [PassedOver, Selected, PassedOver]);
    let withdrawn = then(ledger.clone(), [withdraw("change-02")]);
    assert_eq!(states(&withdrawn), [Competing, Withdrawn, Competing], "the first was passed over knowingly");
    let proposed = then(ledger, [change("meting", "title", json!("Vierde"))]);
    assert_eq!(states(&proposed), [Competing; 4], "who chose did not know the fourth");
    then(proposed.clone(), [keep_rest()]).when(adopt("d-2018")).then_refused("REVIEW_CONFLICT");
    let chosen = then(proposed, [select("change-02")]);
    assert_eq!(states(&chosen), [PassedOver, Selected, PassedOver, PassedOver]);
}

#[test]
fn a_merge_competes_with_what_is_proposed_for_any_of_its_actions() {
    let ledger = then(opened(), [merge(&["meting", "lobby"], "samen"), drop("meting"), suspend("lobby")]);
    let states = |ledger: &Ledger| ledger.states().into_iter().map(|(_, state)| state).collect::<Vec<_>>();
    assert_eq!(states(&ledger), [Competing, Competing, Competing]);
    let keys: Vec<_> = ledger.check(None).conflicts.into_keys().map(|key| key.id.to_string()).collect();
    assert_eq!(keys, ["lobby", "meting"]);
    let merged = then(ledger.clone(), [select("change-01")]);
    assert_eq!(states(&merged), [Selected, PassedOver, PassedOver]);
    let apart = then(merged, [select("change-02")]);
    assert_eq!(states(&apart), [PassedOver, Selected, Competing], "nobody chose to suspend the other");
    assert_eq!(states(&then(apart, [select("change-03")])), [PassedOver, Selected, Selected]);
}

#[test]
fn a_proposal_is_taken_back_once() {
    let ledger = then(opened(), [drop("meting"), drop("lobby"), withdraw("change-01")]);
    ledger.clone().when(withdraw("change-01")).then_refused("PROPOSAL_WITHDRAWN");
    ledger.clone().when(select("change-01")).then_refused("PROPOSAL_WITHDRAWN");
    let refusal = ledger.clone().when(withdraw("change-12")).then_refused("NOT_FOUND");
    assert!(refusal.message(Lang::En).contains("did you mean"), "{refusal}");
    let bare = Command::Review(step(ReviewAct::Withdraw(id("change-02")), None));
    ledger.clone().when(bare).then_refused("REASON_MISSING");
    let ledger = then(ledger, [drop("meting")]);
    assert_eq!(ledger.states()[2], ("change-03".into(), Sole), "it may be proposed again, under its own id");
}
