//! What a follower hears of: an event fits by what was known when it was recorded, whatever was recorded since.

use minutebook_domain::event::DeedStep;
use minutebook_domain::filter::{Filter, Judge, Touch};
use minutebook_domain::ids::Kind;
use minutebook_domain::review::Proposing;
use serde_json::json;

use crate::minutes::{at, deed, first, given, import, state};
use crate::review_steps::{adopt, decide, drop, keep_rest, open, propose, reinstating, setting, suspend, then};
use crate::support::{Ledger, id};

/// The events that fit, each with its name, what it is about, and the parties by which it fits.
fn heard(ledger: &Ledger, filter: &Filter) -> Vec<String> {
    let mut judge = Judge::new(filter.clone());
    let mut heard = Vec::new();
    for recorded in &ledger.events {
        let payload = &recorded.event.payload;
        judge.passed(payload.name());
        let Some(touches) = judge.judge(recorded, &ledger.book, &ledger.events).unwrap() else { continue };
        let about = payload.about().map(|key| format!(" {}", key.id)).unwrap_or_default();
        let by = |Touch { party, via }: &Touch| match via {
            Some(via) => format!(" {party} via {via}"),
            None => format!(" {party}"),
        };
        heard.push(format!("{}{about}{}", payload.name(), touches.iter().map(by).collect::<String>()));
    }
    heard
}

fn about_items(items: &[&str]) -> Filter {
    Filter { items: items.iter().map(|item| id(item)).collect(), ..Filter::default() }
}

/// The newest that is heard.
fn newest(ledger: &Ledger, filter: &Filter, count: usize) -> Vec<String> {
    let all = heard(ledger, filter);
    all[all.len() - count..].to_vec()
}

#[test]
fn what_leaves_its_record_unsaid_fits_by_how_the_record_read_then() {
    let ledger = given([import(first()), decide("d-2018", "2017-12-12"), open("2018-2019", "2018-01-01")]);
    let ledger = then(ledger, [suspend("meting"), keep_rest(), adopt("d-2018")]);
    let suspended = ["ItemSuspended meting"];
    assert_eq!(newest(&ledger, &about_items(&["kwaliteit"]), 1), suspended);
    // It comes back under another policy item: from then on it is no affair of the first.
    let elsewhere = setting(at(Kind::Action, "meting"), "policy_item", json!("pilots"));
    let back = Proposing { set: vec![elsewhere], ..reinstating("meting") };
    let ledger = then(ledger, [decide("d-2019", "2018-12-12"), open("2019-2020", "2019-01-01"), propose(back)]);
    let ledger = then(ledger, [keep_rest(), adopt("d-2019"), decide("d-2020", "2019-12-12")]);
    let ledger = then(ledger, [open("2020-2021", "2020-01-01"), drop("meting"), keep_rest(), adopt("d-2020")]);
    let of_first = heard(&ledger, &about_items(&["kwaliteit"]));
    assert!(of_first.contains(&suspended[0].to_owned()) && !of_first.contains(&"ItemDropped meting".to_owned()));
    let of_second = heard(&ledger, &about_items(&["pilots"]));
    assert!(!of_second.contains(&suspended[0].to_owned()));
    assert!(of_second.contains(&"ItemReinstated meting".to_owned()));
    assert!(of_second.contains(&"ItemDropped meting".to_owned()));
}

#[test]
fn a_party_is_heard_of_by_its_groups_of_that_moment() {
    let parties = Filter { parties: vec![id("emmen")], ..Filter::default() };
    let group = |members: &[&str]| json!({"id": "regio", "name": "Regio", "members": members});
    let agreement = |name: &str, party: &str| {
        state(Kind::Agreement, json!({"id": name, "what": name, "parties": [party, "provincie"]}))
    };
    let ledger = given([import(first()), state(Kind::Party, group(&["coevorden"])), agreement("eerste", "regio")]);
    let before = heard(&ledger, &parties);
    let ledger = then(ledger, [state(Kind::Party, group(&["coevorden", "emmen"])), agreement("tweede", "regio")]);
    let ledger = then(ledger, [state(Kind::Party, group(&["coevorden"])), agreement("derde", "regio")]);
    let merged = deed(Kind::Party, "coevorden", DeedStep::Merged(id("emmen")));
    let ledger = ledger.when(merged).then(&["PartyMerged"]);
    let ledger = then(ledger, [agreement("vierde", "emmen")]);
    let all = heard(&ledger, &parties);
    assert_eq!(all[..before.len()], before, "what fits does so for ever");
    let late: Vec<&String> = all.iter().skip(before.len()).collect();
    assert_eq!(
        late,
        [
            "PartyChanged regio emmen",
            "AgreementStated tweede emmen via regio",
            "PartyMerged coevorden emmen",
            "AgreementStated vierde emmen"
        ]
    );
}

#[test]
fn all_that_is_asked_for_must_fit() {
    let ledger = given([import(first()), decide("d-2018", "2017-12-12"), open("2018-2019", "2018-01-01")]);
    let ledger = then(ledger, [suspend("meting"), keep_rest(), adopt("d-2018")]);
    let both = Filter { decisions: vec![id("d-2018")], ..about_items(&["kwaliteit"]) };
    assert_eq!(heard(&ledger, &both), ["ItemSuspended meting"]);
    let of_body = Filter { bodies: vec![id("gs")], ..about_items(&["meting"]) };
    assert!(heard(&ledger, &of_body).contains(&"ItemSuspended meting".to_owned()), "by the body of its decision");
    let other = Filter { bodies: vec![id("ps")], ..about_items(&["meting"]) };
    assert_eq!(heard(&ledger, &other), [""; 0]);
}
