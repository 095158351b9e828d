//! Motions and promises: what carries a motion out, what settles it, and what became of what was promised.

use minutebook_domain::command::{Command, DoDeed, LinkMotion};
use minutebook_domain::dates::Day;
use minutebook_domain::event::DeedStep;
use minutebook_domain::history::Cut;
use minutebook_domain::ids::{Key, Kind};
use minutebook_domain::motion::{MotionStanding, MotionState, PromiseStanding, PromiseState};
use minutebook_domain::record::FieldSet;
use serde_json::{Value, json};

use crate::findings::about;
use crate::minutes::{Asked as _, Doc as _, at, deed, edition_after, first, given, import, state_from};
use crate::review_steps::date;
use crate::support::{Ledger, id, record, text};

pub(crate) const COVERS: &[(&str, fn())] = &[
    ("MOTION_SETTLED_NO_EVIDENCE", a_motion_is_settled_with_evidence),
    ("ALREADY_SETTLED", a_promise_is_met_or_missed_once),
];

fn moved() -> Ledger {
    let motion =
        |name: &str, actions: &[&str]| json!({"id": name, "title": name, "body": "ps", "addressed_by": actions});
    given([import(first().add("motions", motion("armoede", &[])).add("motions", motion("sport", &["lobby"])))])
}

fn link(action: &str) -> LinkMotion {
    LinkMotion {
        motion: id("armoede"),
        action: id(action),
        remove: false,
        how: Some(text("Mede uitgevoerd.")),
        decision: None,
        effective: None,
        expected_revision: None,
    }
}

fn unlink(action: &str) -> Command {
    Command::Link(LinkMotion { remove: true, ..link(action) })
}

fn settle(evidence: &[Key]) -> DoDeed {
    deed(Kind::Motion, "armoede", DeedStep::Settled(evidence.to_vec())).unexplained()
}

fn motion(ledger: &Ledger, name: &str) -> MotionStanding {
    let all = ledger.book.motions(Some(&id("agenda")), &Cut::NOW, &ledger.events).unwrap();
    all.into_iter().find(|standing| standing.motion.id == id(name)).unwrap()
}

#[test]
fn a_motion_is_linked_to_what_carries_it_out() {
    assert_eq!(motion(&moved(), "armoede").state, MotionState::Adopted);
    assert_eq!(about(&moved(), "MOTION_UNLINKED"), ["armoede"]);
    let ledger = moved().when(Command::Link(link("meting"))).then(&["MotionLinked"]);
    let quiet = LinkMotion { how: None, ..link("pilot") };
    let ledger = ledger.when(Command::Link(quiet)).then(&["MotionLinked"]);
    let now = motion(&ledger, "armoede");
    assert_eq!(now.state, MotionState::BeingCarriedOut);
    assert_eq!(now.motion.addressed_by, Some(vec![id("meting"), id("pilot")]));
    assert_eq!(now.how, [(id("meting"), text("Mede uitgevoerd."))]);
    assert!(about(&ledger, "MOTION_UNLINKED").is_empty());
    assert_eq!(ledger.replayed(20), ledger.book);
}

#[test]
fn a_link_from_an_earlier_day_holds_beside_what_holds_from_later_days() {
    let since = |day: &str, link: LinkMotion| Command::Link(LinkMotion { effective: Some(date(day)), ..link });
    let linked = |ledger: &Ledger, day: &str| {
        let cut = Cut { valid: day.parse().unwrap(), ..Cut::NOW };
        let all = ledger.book.motions(None, &cut, &ledger.events).unwrap();
        let motion = all.into_iter().find(|standing| standing.motion.id == id("armoede")).unwrap().motion;
        motion.addressed_by.unwrap().iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let ledger = moved().when(since("2019-01-01", link("meting"))).then(&["MotionLinked"]);
    let ledger = ledger.when(since("2017-01-01", link("lobby"))).then(&["MotionLinked", "MotionLinked"]);
    assert_eq!(linked(&ledger, "2016-12-31"), [""; 0]);
    assert_eq!(linked(&ledger, "2018-01-01"), ["lobby"]);
    assert_eq!(linked(&ledger, "2019-01-01"), ["meting", "lobby"]);
    let removed = LinkMotion { remove: true, ..link("lobby") };
    let ledger = ledger.when(since("2020-01-01", removed)).then(&["MotionLinked"]);
    assert_eq!(linked(&ledger, "2020-01-01"), ["meting"]);
    ledger.clone().when(since("2018-01-01", link("lobby"))).then_refused("NO_CHANGE");
    let ledger = ledger.when(since("2016-06-01", link("lobby"))).then(&["MotionLinked"]);
    assert_eq!(linked(&ledger, "2020-01-01"), ["meting"], "it was taken off from that day on");
    assert_eq!(ledger.replayed(20), ledger.book);
}

#[test]
fn a_motion_is_linked_to_an_action_on_the_agenda_and_once() {
    moved().when(Command::Link(link("onbekend"))).then_refused("NOT_FOUND");
    let other = LinkMotion { motion: id("onbekend"), ..link("meting") };
    moved().when(Command::Link(other)).then_refused("NOT_FOUND");
    let left = edition_after(first(), "2018-2019", "2018-01-01").without("actions", "meting");
    let left = left.change("dropped", json!({"action": "meting"}));
    let ledger = moved().when(import(left)).then_recorded();
    ledger.when(Command::Link(link("meting"))).then_refused("NOT_ON_AGENDA");
    let ledger = moved().when(Command::Link(link("meting"))).then_recorded();
    ledger.when(Command::Link(link("meting"))).then_refused("NO_CHANGE");
}

#[test]
fn a_link_is_taken_off_for_a_reason() {
    let ledger = moved().when(Command::Link(link("meting"))).then_recorded();
    let bare = LinkMotion { how: None, remove: true, ..link("meting") };
    ledger.clone().when(Command::Link(bare)).then_refused("REASON_MISSING");
    let ledger = ledger.when(unlink("meting")).then(&["MotionLinked"]);
    assert_eq!(motion(&ledger, "armoede").state, MotionState::Adopted);
    ledger.when(unlink("meting")).then_refused("NO_CHANGE");
}

#[test]
fn a_link_touches_nothing_else_of_a_motion() {
    let to = record(Kind::Motion, json!({"id": "armoede", "title": "Anders"}));
    let step = DeedStep::Amended(to, FieldSet::named(Kind::Motion, ["title"]));
    moved().when(deed(Kind::Motion, "armoede", step)).then_refused("DEED_UNFIT");
}

#[test]
fn a_motion_is_settled_with_evidence() {
    moved().when(settle(&[])).then_refused("MOTION_SETTLED_NO_EVIDENCE");
    moved().when(settle(&[at(Kind::Motion, "armoede")])).then_refused("MOTION_SETTLED_NO_EVIDENCE");
    moved().when(settle(&[at(Kind::Decision, "onbekend")])).then_refused("NOT_FOUND");
    moved().when(settle(&[at(Kind::Action, "meting")]).from("2020-03-02")).then_refused("STILL_TO_COME");
    let new = |day| state_from(Some(day), Kind::Motion, json!({"id": "nieuw", "title": "Nieuw"}));
    moved().when(new("2020-03-02")).then_refused("STILL_TO_COME");
    moved().when(new("2020-03-01")).then_recorded();
    let evidence = [at(Kind::Decision, "d-2016"), at(Kind::Source, "visie")];
    let ledger = moved().when(settle(&evidence)).then(&["MotionSettled"]);
    let now = motion(&ledger, "armoede");
    assert_eq!((now.state, now.settled.unwrap().evidence), (MotionState::Settled, evidence.to_vec()));
    assert!(about(&ledger, "MOTION_UNLINKED").is_empty(), "what is settled needs no action");
    ledger.when(settle(&evidence)).then_refused("ALREADY_SETTLED");
}

fn milestone(step: DeedStep) -> DoDeed {
    deed(Kind::Milestone, "oplevering", step)
}

fn met() -> DoDeed {
    milestone(DeedStep::Met(vec![at(Kind::Source, "visie")])).unexplained()
}

fn put_off(due: Value) -> DoDeed {
    let to = record(Kind::Milestone, json!({"id": "oplevering", "what": "-", "due": due}));
    milestone(DeedStep::Amended(to, FieldSet::named(Kind::Milestone, ["due"])))
}

fn promises(ledger: &Ledger, day: &str) -> Vec<PromiseStanding> {
    let day: Day = day.parse().unwrap();
    ledger.book.promises(Some(&id("agenda")), &Cut { valid: day, ..Cut::NOW }, day, &ledger.events).unwrap()
}

fn state_on(ledger: &Ledger, day: &str) -> PromiseState {
    promises(ledger, day)[0].state
}

#[test]
fn a_promise_is_overdue_after_its_last_day() {
    let ledger = given([import(first())]);
    assert_eq!(state_on(&ledger, "2017-12-31"), PromiseState::Planned);
    assert_eq!(state_on(&ledger, "2018-01-01"), PromiseState::Overdue);
}

#[test]
fn a_promise_is_met_or_missed_once() {
    let ledger = given([import(first())]);
    ledger.clone().when(milestone(DeedStep::Met(vec![])).unexplained()).then_refused("REASON_MISSING");
    ledger.clone().when(milestone(DeedStep::Met(vec![at(Kind::Source, "x")]))).then_refused("NOT_FOUND");
    ledger.clone().when(met().from("2021")).then_refused("STILL_TO_COME");
    ledger.clone().when(milestone(DeedStep::Missed).unexplained()).then_refused("REASON_MISSING");
    let kept = ledger.clone().when(met().from("2017-11-01")).then(&["MilestoneMet"]);
    assert_eq!(state_on(&kept, "2019-01-01"), PromiseState::Met);
    assert_eq!(state_on(&kept, "2017-10-31"), PromiseState::Planned);
    let broken = ledger.when(milestone(DeedStep::Missed).from("2018-02-01")).then(&["MilestoneMissed"]);
    assert_eq!(state_on(&broken, "2019-01-01"), PromiseState::Missed);
    for done in [kept.clone(), broken] {
        done.clone().when(met()).then_refused("ALREADY_SETTLED");
        done.when(milestone(DeedStep::Missed)).then_refused("ALREADY_SETTLED");
    }
    kept.when(put_off(json!("2019"))).then_refused("ALREADY_SETTLED");
}

#[test]
fn a_promise_is_moved_for_a_reason_and_open_again() {
    let ledger = given([import(first())]);
    ledger.clone().when(put_off(json!("2019")).unexplained()).then_refused("REASON_MISSING");
    ledger.clone().when(put_off(json!("2017"))).then_refused("NO_CHANGE");
    let broken = ledger.when(milestone(DeedStep::Missed).from("2018-02-01")).then_recorded();
    let ledger = broken.when(put_off(json!("2019-21")).from("2018-02-01")).then(&["MilestoneMoved"]);
    assert_eq!(state_on(&ledger, "2019-01-01"), PromiseState::Moved);
    assert_eq!(state_on(&ledger, "2020-01-01"), PromiseState::Overdue);
    assert_eq!(promises(&ledger, "2019-01-01")[0].milestone.what.as_str(), "Oplevering", "only the date moves");
    let ledger = ledger.when(met()).then(&["MilestoneMet"]);
    assert_eq!(state_on(&ledger, "2020-03-01"), PromiseState::Met);
}

#[test]
fn a_later_edition_may_move_a_promise() {
    let later =
        edition_after(first(), "2018-2019", "2018-01-01").patch("milestones", "oplevering", json!({"due": "2019"}));
    let ledger = given([import(first()), import(later)]);
    assert_eq!(state_on(&ledger, "2018-01-01"), PromiseState::Moved);
    assert_eq!(state_on(&ledger, "2017-01-01"), PromiseState::Planned);
}

#[test]
fn promises_come_the_oldest_first_and_undated_ones_last() {
    let document = first()
        .add("milestones", json!({"id": "ooit", "what": "Ooit"}))
        .add("milestones", json!({"id": "eerst", "what": "Eerst", "due": "2016-06"}))
        .add("milestones", json!({"id": "later", "what": "Later", "due": "2017-21"}));
    let all = promises(&given([import(document)]), "2020-01-01");
    assert_eq!(all[0].decision, Some(id("d-2016")), "of the edition that states it");
    let ids: Vec<_> = all.iter().map(|promise| promise.milestone.id.to_string()).collect();
    assert_eq!(ids, ["eerst", "later", "oplevering", "ooit"]);
    assert_eq!(all[3].state, PromiseState::Planned);
}

#[test]
fn a_motion_is_carried_out_by_what_stands_on_the_agenda() {
    let without = edition_after(first(), "2018-2019", "2018-01-01")
        .add("motions", json!({"id": "armoede", "title": "armoede", "body": "ps", "addressed_by": []}))
        .add("motions", json!({"id": "sport", "title": "sport", "body": "ps", "addressed_by": ["lobby"]}))
        .without("actions", "lobby")
        .change("dropped", json!({"action": "lobby"}));
    assert_eq!(motion(&moved(), "sport").state, MotionState::BeingCarriedOut);
    let ledger = moved().when(import(without)).then_recorded();
    assert_eq!(motion(&ledger, "sport").state, MotionState::Adopted);
    let party = [Key::new(Kind::Party, &id("emmen"))];
    ledger.when(settle(&party)).then_refused("MOTION_SETTLED_NO_EVIDENCE");
}

#[test]
fn a_kept_promise_stays_kept_whatever_a_document_says_of_its_day() {
    let meet = deed(Kind::Milestone, "oplevering", DeedStep::Met(vec![at(Kind::Action, "website")])).from("2017-06-01");
    let ledger = given([import(first())]).when(meet).then(&["MilestoneMet"]);
    let moved = json!({"milestones": [{"id": "oplevering", "what": "Oplevering", "due": "2019", "action": "website"}]});
    let ledger = ledger.when(import(moved)).then_recorded();
    let all = ledger.book.promises(None, &Cut::NOW, "2020-01-01".parse().unwrap(), &ledger.events).unwrap();
    assert_eq!(all[0].state, PromiseState::Met);
}
