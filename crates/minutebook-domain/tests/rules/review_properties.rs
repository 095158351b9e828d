//! What holds for every review: done step by step it is what importing the document is that it comes to.

use minutebook_domain::changes::{Outcome, Span};
use minutebook_domain::command::{Command, ImportDocument};
use minutebook_domain::ids::{Key, Kind, Position};
use minutebook_domain::review::{Proposing, ReviewAct};
use minutebook_domain::tally::conflicts;
use minutebook_domain::value::ChangeKind;
use proptest::prelude::*;
use proptest::test_runner::TestCaseError;
use serde_json::json;

use crate::minutes::{at, correct, first, given, import, late, state};
use crate::properties::check;
use crate::review_steps::{
    action, adopt, adopt_with, changing, decide, dropping, keep_rest, open, proposing, reinstating, select, setting,
    step, then, withdraw,
};
use crate::support::{Ledger, id, record};

/// Something that is asked in a review; the numbers choose among what is there.
#[derive(Debug, Clone)]
enum Ask {
    Change(u8, u8),
    Money(u8),
    Drop(u8),
    Suspend(u8),
    Back(u8),
    Add(u8),
    Item(u8),
    Split(u8),
    Merge(u8, u8),
    Withdraw(u8),
    Select(u8),
    Erratum(u8),
    Late(u8),
    Milestone(u8),
}

fn ask() -> impl Strategy<Value = Ask> {
    use Ask::*;
    let n = any::<u8>;
    prop_oneof![
        4 => (n(), n()).prop_map(|(a, b)| Change(a, b)),
        2 => n().prop_map(Money),
        3 => n().prop_map(Drop),
        2 => n().prop_map(Suspend),
        3 => n().prop_map(Back),
        3 => n().prop_map(Add),
        1 => n().prop_map(Item),
        2 => n().prop_map(Split),
        2 => (n(), n()).prop_map(|(a, b)| Merge(a, b)),
        3 => n().prop_map(Withdraw),
        3 => n().prop_map(Select),
        1 => n().prop_map(Erratum),
        1 => n().prop_map(Late),
        1 => n().prop_map(Milestone),
    ]
}

/// The command that asks it, by the actions that the ledger has ever known.
fn command(ledger: &Ledger, ask: &Ask, serial: usize) -> Command {
    let actions: Vec<String> = ledger.book.entries(Kind::Action).map(|(key, _)| key.id.to_string()).collect();
    let pick = |n: u8| actions[usize::from(n) % actions.len()].as_str();
    let grounded = |asked: Proposing| {
        let asked = ReviewAct::Propose(Proposing { ground: Some(id("d-2016")), ..asked });
        Command::Review(step(asked, Some("Zo is het besproken.")))
    };
    let name = |part: &str| format!("{part}-{serial}");
    let of = |kind, action: &str| Proposing { item: Some(at(Kind::Action, action)), ..proposing(kind) };
    match *ask {
        Ask::Change(n, m) => {
            let (field, value) = match m % 4 {
                0 => ("title", json!(format!("Titel {}", m % 3))),
                1 => ("summary", json!(format!("Tekst {}", m % 5))),
                2 => ("partners", json!(["emmen", "coevorden"])),
                _ => ("policy_item", json!(if m % 8 < 4 { "kwaliteit" } else { "pilots" })),
            };
            grounded(changing(pick(n), field, value))
        }
        Ask::Money(n) => {
            let set = vec![setting(at(Kind::Amount, "geld"), "eur", json!(u32::from(n) + 1))];
            grounded(Proposing { set, ..proposing(ChangeKind::Changed) })
        }
        Ask::Drop(n) => grounded(dropping(pick(n))),
        Ask::Suspend(n) => grounded(of(ChangeKind::Suspended, pick(n))),
        Ask::Back(n) => grounded(reinstating(pick(n))),
        Ask::Add(n) => {
            let money = name("geld");
            let mut items = vec![action(&name("a"), json!({"amounts": [money]}))];
            items.push(record(Kind::Amount, json!({"id": money, "what": "Geld", "eur": n})));
            grounded(Proposing { items, ..proposing(ChangeKind::Added) })
        }
        Ask::Item(n) => {
            let fields = json!({"id": name("p"), "title": format!("Opgave {n}"), "theme": "zorg"});
            grounded(Proposing { items: vec![record(Kind::PolicyItem, fields)], ..proposing(ChangeKind::Added) })
        }
        Ask::Split(n) => {
            let items = vec![action(&name("een"), json!({})), action(&name("twee"), json!({}))];
            grounded(Proposing { from: vec![id(pick(n))], items, ..proposing(ChangeKind::Split) })
        }
        Ask::Merge(n, m) => {
            let (from, items) = (vec![id(pick(n)), id(pick(m))], vec![action(&name("samen"), json!({}))]);
            grounded(Proposing { from, items, ..proposing(ChangeKind::Merged) })
        }
        Ask::Withdraw(n) => withdraw(&format!("change-{:02}", n % 12)),
        Ask::Select(n) => select(&format!("change-{:02}", n % 12)),
        Ask::Erratum(n) => {
            Command::Correct(correct(at(Kind::Action, pick(n)), "place", json!(format!("Plaats {}", n % 3))))
        }
        Ask::Late(n) => {
            let fields = json!({"success_factor": format!("Factor {}", n % 3)});
            Command::RecordLate(late(at(Kind::Action, pick(n)), "2017-06-01", fields))
        }
        Ask::Milestone(n) => {
            let mut stated = state(Kind::Milestone, json!({"id": name("m"), "what": "Los", "due": 2019}));
            if let Command::State(statement) = &mut stated {
                statement.agenda = Some(id("agenda")).filter(|_| n % 2 == 0);
            }
            stated
        }
    }
}

/// Asks; what is refused leaves nothing.
fn may(ledger: &mut Ledger, command: &Command) -> bool {
    let before = ledger.book.clone();
    let recorded = ledger.record(command).is_ok();
    assert!(recorded || ledger.book == before, "a refusal left events: {command:?}");
    recorded
}

/// What happened to each item in the newest revision, without the places in the ledger.
fn told(ledger: &Ledger) -> Vec<(Key, Outcome, Option<String>, Option<String>)> {
    let revisions = &ledger.book.agenda(&id("agenda")).unwrap().revisions;
    let [.., from, to] = revisions.as_slice() else { panic!("one revision only") };
    let span = Span::revisions(from, to, Position::MAX);
    let changes = ledger.book.changes(&id("agenda"), span, &ledger.events).unwrap();
    assert!(changes.control.balances());
    let why = |item: &minutebook_domain::changes::ItemChange| {
        let why = item.why.clone().unwrap();
        (why.reason.map(|reason| reason.to_string()), why.ground.map(|ground| ground.to_string()))
    };
    let items = changes.items.iter();
    items.map(|item| (item.key.clone(), item.outcome.clone(), why(item).0, why(item).1)).collect()
}

/// Makes what was asked adoptable, as people at the table do: choose one of each that compete, withdraw what cannot be.
fn settle(ledger: &mut Ledger, decision: &str) -> bool {
    for _ in 0..40 {
        let proposals = ledger.check(Some(decision)).proposals;
        if let Some(ids) = conflicts(&proposals).into_values().next() {
            ledger.record(&select(ids[0].as_str())).unwrap();
            continue;
        }
        if ledger.clone().record(&adopt(decision)).is_ok() {
            return true;
        }
        let live = proposals.iter().rev().find(|proposed| proposed.state.counts());
        let Some(last) = live else { return false };
        ledger.record(&withdraw(last.change.id.as_str())).unwrap();
    }
    false
}

/// The adoption, by a body that decides otherwise on something that was proposed, where it can.
fn adoption(ledger: &Ledger, decision: &str, otherwise: u8) -> Command {
    let proposals = ledger.check(Some(decision)).proposals;
    let counted = proposals.iter().filter(|proposed| proposed.state.counts());
    let items: Vec<_> =
        counted.flat_map(|proposed| &proposed.items).filter(|item| item.kind() == Kind::Action).collect();
    let item = items.get(usize::from(otherwise)).map(|item| at(Kind::Action, item.id().as_str()));
    let amend = item.map(|item| setting(item, "place", json!(format!("Anders {otherwise}"))));
    let amended = adopt_with(decision, amend.into_iter().collect());
    if ledger.clone().record(&amended).is_ok() { amended } else { adopt(decision) }
}

fn review(
    ledger: &mut Ledger,
    year: u32,
    (asks, otherwise): &(Vec<Ask>, u8),
    snapshot: usize,
) -> Result<(), TestCaseError> {
    let decision = format!("d-{year}");
    let label = format!("{year}-{}", year + 1);
    *ledger = then(
        std::mem::take(ledger),
        [decide(&decision, &format!("{}-12-10", year - 1)), open(&label, &format!("{year}-01-01"))],
    );
    for (n, ask) in asks.iter().enumerate() {
        let asked = command(ledger, ask, usize::try_from(year).unwrap() * 100 + n);
        may(ledger, &asked);
    }
    may(ledger, &keep_rest());
    prop_assert_eq!(&ledger.replayed(snapshot), &ledger.book, "an open review is replayed");
    prop_assert!(settle(ledger, &decision), "{:?}", ledger.check(Some(&decision)).problems);
    let check = ledger.check(Some(&decision));
    prop_assert_eq!(&check.problems, &vec![]);

    let mut imported = ledger.clone();
    let abandon = step(ReviewAct::Abandon, Some("Het gaat met een document."));
    imported.record(&Command::Review(abandon)).unwrap();
    let adopt = adoption(ledger, &decision, *otherwise);
    ledger.record(&adopt).unwrap();
    let state = ledger.book.agenda(&id("agenda")).unwrap();
    let revision = state.revisions.last().unwrap();
    prop_assert_eq!(check.control, revision.seal.control, "what the check foretold");
    let document = ledger.book.export(&id("agenda"), revision, &ledger.events).unwrap();
    prop_assert_eq!(document.sha256(), revision.seal.sha256, "{:#}", document.to_value());

    let asked = Command::Import(ImportDocument { document: document.clone(), expected_revision: None });
    imported.record(&asked).map_err(|refusal| TestCaseError::fail(format!("{refusal:?}")))?;
    let sealed = imported.book.agenda(&id("agenda")).unwrap().revisions.last().unwrap();
    prop_assert_eq!(sealed.seal.control, revision.seal.control);
    prop_assert_eq!(sealed.seal.sha256, revision.seal.sha256);
    prop_assert_eq!(&sealed.contents, &revision.contents);
    prop_assert_eq!(told(&imported), told(ledger));
    prop_assert_eq!(ledger.record(&asked).map(|range| range.is_empty()), Ok(true), "it was sealed before");
    prop_assert_eq!(&ledger.replayed(snapshot), &ledger.book);
    Ok(())
}

#[test]
fn a_review_step_by_step_is_the_import_of_what_it_comes_to() {
    let asks = || (prop::collection::vec(ask(), 0..12), 0..6_u8);
    check(&(asks(), asks(), 0..80_usize), |(one, two, snapshot)| {
        let mut ledger = given([import(first())]);
        review(&mut ledger, 2018, &one, snapshot)?;
        review(&mut ledger, 2020, &two, snapshot)
    });
}
