//! What is recorded while subscribers follow: parties, the groups that they are in, who pays, and what bodies decide; and
//! what may be followed of it.

use minutebook_proto::pb;
use minutebook_proto::pb::command::Command as Asks;
use minutebook_proto::pb::record::Record;

use crate::dice::Dice;

pub(crate) const PARTIES: [&str; 5] = ["p-0", "p-1", "p-2", "p-3", "p-4"];
pub(crate) const GROUPS: [&str; 3] = ["g-0", "g-1", "g-2"];
pub(crate) const BODIES: [&str; 2] = ["b-0", "b-1"];

/// The kind of what bodies decide: the first mandate, which nobody has to grant, is for that.
const DECIDED: &str = "grant-mandate";

fn state(record: Record) -> pb::Command {
    let record = Some(pb::Record { record: Some(record) });
    pb::Command { command: Some(Asks::State(pb::StateRecord { record, ..pb::StateRecord::default() })) }
}

fn batch(request_id: &str, commands: Vec<pb::Command>) -> pb::RecordRequest {
    let write = Some(pb::Write { request_id: request_id.to_owned(), ..pb::Write::default() });
    pb::RecordRequest { write, commands }
}

fn party(id: &str, name: &str, members: &[&str]) -> Record {
    let ids: Vec<_> = members.iter().map(|id| (*id).to_owned()).collect();
    Record::Party(pb::Party {
        id: id.to_owned(),
        name: format!("Party {name}"),
        members: (!ids.is_empty()).then_some(pb::IdList { ids }),
        ..pb::Party::default()
    })
}

fn decision(id: &str, body: &str) -> pb::Command {
    let (id, body, kind) = (id.to_owned(), body.to_owned(), DECIDED.to_owned());
    let date = Some(pb::Date { date: Some(pb::date::Date::Edtf("2026-01-05".to_owned())) });
    state(Record::Decision(pb::Decision { id, body, kind, date, ..pb::Decision::default() }))
}

/// What there is from the beginning.
pub(crate) fn beginning() -> pb::RecordRequest {
    let parties = PARTIES.map(|id| state(party(id, id, &[])));
    let groups = GROUPS.map(|id| state(party(id, id, &["p-0"])));
    let bodies = BODIES.map(|id| {
        state(Record::Body(pb::Body { id: id.to_owned(), name: format!("Body {id}"), ..pb::Body::default() }))
    });
    let granted = "granted";
    let mandate = |body: &str, decision: Option<&str>| {
        let (id, may, decision) = (format!("m-{body}"), DECIDED.to_owned(), decision.map(ToOwned::to_owned));
        state(Record::Mandate(pb::Mandate { id, body: body.to_owned(), may, decision, ..pb::Mandate::default() }))
    };
    let [first, second] = BODIES;
    let mandates = [mandate(first, None), decision(granted, first), mandate(second, Some(granted))];
    batch("beginning", parties.into_iter().chain(groups).chain(bodies).chain(mandates).collect())
}

/// A request of some commands, now and then of many, seldom of more than a subscriber gets at once, under this name.
pub(crate) fn request(dice: &mut Dice, name: &str) -> pb::RecordRequest {
    let count = match dice.below(1000) {
        0 => dice.between(2_100, 4_200),
        1..20 => dice.between(100, 400),
        _ => dice.between(1, 6),
    };
    batch(name, (0..count).map(|n| command(dice, &format!("{name}-{n}"))).collect())
}

fn command(dice: &mut Dice, name: &str) -> pb::Command {
    state(match dice.below(8) {
        0 => party(name, name, &[]),
        1 => {
            let group = dice.pick(&GROUPS).copied().unwrap_or_default();
            let members: Vec<_> = PARTIES.into_iter().filter(|_| dice.one_in(2)).collect();
            // A group that nobody is in would state nothing of who is; the name is always another one.
            party(group, name, if members.is_empty() { &PARTIES } else { &members })
        }
        2 => return decision(name, dice.pick(&BODIES).copied().unwrap_or_default()),
        _ => {
            let payers: Vec<_> = PARTIES.into_iter().chain(GROUPS).collect();
            Record::Amount(pb::Amount {
                id: name.to_owned(),
                what: "x".repeat(usize::try_from(dice.between(1, 900)).unwrap_or(1)),
                source: dice.pick(&payers).map(|id| (*id).to_owned()),
                ..pb::Amount::default()
            })
        }
    })
}

/// One of the filters that are tried.
pub(crate) fn filter(dice: &mut Dice) -> pb::EventFilter {
    let some = |dice: &mut Dice, all: &[&str]| dice.pick(all).map(|id| (*id).to_owned()).into_iter().collect();
    let types = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let all = pb::EventFilter::default();
    match dice.below(8) {
        0 => pb::EventFilter { types: types(&["DecisionRecorded"]), ..all },
        1 => pb::EventFilter { types: types(&["LedgerFounded"]), ..all },
        2 => pb::EventFilter { parties: some(dice, &PARTIES), ..all },
        3 => pb::EventFilter { parties: some(dice, &PARTIES), types: types(&["AmountRecorded"]), ..all },
        4 => pb::EventFilter { bodies: some(dice, &BODIES), ..all },
        _ => all,
    }
}
