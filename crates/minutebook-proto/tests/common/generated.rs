//! Generated events of every shape that the domain accepts.
//!
//! Records are drawn without a table of field types: each field takes the first of some random values that the
//! domain accepts for it, so that a field or kind added to the domain is covered at once.

use minutebook_domain::dates::{Edtf, Timestamp};
use minutebook_domain::event::{
    Actor, Amendment, Assurance, Citation, Contents, Draft, Erratum, ItemEvent, ItemStep, Payload, Proposal, Reason,
    Recorded, Resolution, Statement,
};
use minutebook_domain::ids::{Id, Key, Kind, RequestId};
use minutebook_domain::record::{FieldSet, Record};
use minutebook_domain::value::{Confidence, Disposition, Text, Value};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Map, json};

use super::samples;

/// How many values are drawn for a record.
const DRAWS: usize = 32;

/// An event.
pub(crate) fn recorded() -> impl Strategy<Value = Recorded> {
    let event = (request_id(), actor(), of(id()), of(edtf()), of(reason()), vec(citation(), 0..3), payload());
    (any::<u64>(), any::<i64>(), event).prop_map(|(position, at, event)| {
        let (request_id, actor, decision, effective, reason, citations, payload) = event;
        Draft { request_id, actor, decision, effective, reason, citations, payload }.record(position, Timestamp(at))
    })
}

fn payload() -> impl Strategy<Value = Payload> {
    let fixed = samples::all().into_iter().map(|recorded| recorded.event.payload).collect::<Vec<_>>();
    let stated = (of(id()), of(id()), record(), of(any::<u32>()));
    prop_oneof![
        4 => select(fixed),
        8 => stated.prop_map(|(agenda, edition, record, mask)| {
            let fields = mask.map(|mask| fields(&record, mask));
            Payload::Stated(Statement { agenda, edition, record, fields })
        }),
        8 => (id(), of(id()), of(id()), step())
            .prop_map(|(agenda, edition, ground, step)| Payload::Item(ItemEvent { agenda, edition, ground, step })),
        1 => (key(), any::<u64>(), record(), any::<u32>()).prop_map(|(key, corrects, record, mask)| {
            Payload::ErratumRecorded(Erratum { key, corrects, fields: fields(&record, mask), record })
        }),
        1 => (key(), text(), record())
            .prop_map(|(key, text, record)| Payload::DoubtResolved(Resolution { key, text, record })),
        1 => (id(), id(), record_of(Kind::Change), vec(record(), 0..3)).prop_map(|(agenda, edition, record, items)| {
            let Record::Change(change) = record else { unreachable!() };
            Payload::DispositionProposed(Proposal { agenda, edition, change, items })
        }),
        1 => (id(), id(), of(id()), record_of(Kind::Change)).prop_map(|(agenda, edition, amends, record)| {
            let Record::Change(change) = record else { unreachable!() };
            Payload::AmendedAtAdoption(Amendment { agenda, edition, amends, change, items: Vec::new() })
        }),
        1 => (id(), id(), kind(), vec(id(), 0..5))
            .prop_map(|(agenda, edition, kind, ids)| Payload::ContentsListed(Contents { agenda, edition, kind, ids })),
    ]
}

fn step() -> impl Strategy<Value = ItemStep> {
    let dispositions =
        [Disposition::Completed, Disposition::Discontinued, Disposition::HandedOver, Disposition::Absorbed];
    prop_oneof![
        item().prop_map(ItemStep::Added),
        (item(), any::<u32>()).prop_map(|(record, mask)| {
            let fields = fields(&record, mask);
            ItemStep::Changed(record, fields)
        }),
        (item(), any::<u32>()).prop_map(|(record, mask)| {
            let fields = fields(&record, mask);
            ItemStep::Reinstated(record, fields)
        }),
        (item_kind(), id(), select(dispositions.to_vec())).prop_map(|(kind, id, how)| ItemStep::Dropped(kind, id, how)),
        (item_kind(), id()).prop_map(|(kind, id)| ItemStep::Suspended(kind, id)),
        (id(), vec(id(), 0..4)).prop_map(|(from, into)| ItemStep::Split(from, into)),
        (vec(id(), 0..4), id()).prop_map(|(from, into)| ItemStep::Merged(from, into)),
    ]
}

fn item_kind() -> impl Strategy<Value = Kind> {
    select(Kind::ALL.into_iter().filter(|kind| kind.is_item()).collect::<Vec<_>>())
}

/// An item of any kind.
fn item() -> impl Strategy<Value = Record> {
    item_kind().prop_flat_map(record_of)
}

/// A record of any kind.
fn record() -> impl Strategy<Value = Record> {
    kind().prop_flat_map(record_of)
}

/// A record of a kind: for each field, the first of some random values that fits it.
fn record_of(kind: Kind) -> impl Strategy<Value = Record> {
    let fields = Record::fields(kind);
    (id(), vec(value(), DRAWS)).prop_map(move |(id, draws)| {
        let fallback = samples::record(kind).write();
        let mut map = Map::new();
        for (n, name) in fields.iter().enumerate() {
            let fits = |value: &&Value| {
                let alone = Map::from_iter([((*name).to_owned(), (*value).clone())]);
                let faults = Record::read(kind, id.clone(), &alone).err().unwrap_or_default();
                faults.iter().all(|fault| fault.field != *name)
            };
            // Each field starts to look elsewhere, so that fields of a type differ.
            let value = draws.iter().cycle().skip(n * 5 % DRAWS).take(DRAWS).find(fits).or_else(|| fallback.get(*name));
            map.insert((*name).to_owned(), value.cloned().unwrap_or_default());
        }
        Record::read(kind, id, &map).unwrap()
    })
}

/// A value of one of the shapes that fields have.
fn value() -> impl Strategy<Value = Value> {
    let words = ["certain", "ambiguous", "short", "medium", "year", "once", "absorbed", "added", "merged", "split"];
    prop_oneof![
        Just(Value::Null),
        Just(json!("")),
        Just(json!([])),
        "\\PC{1,40}".prop_map(Value::from),
        id().prop_map(|id| id.as_str().into()),
        select(words.to_vec()).prop_map(Value::from),
        edtf().prop_map(|date| json!(date.as_str())),
        (0..3000_u32).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        vec(id(), 0..4).prop_map(|ids| ids.iter().map(Id::as_str).collect()),
        vec("\\PC{1,20}", 0..4).prop_map(Value::from),
        "[0-9a-f]{64}".prop_map(Value::from),
        (of(edtf()), of(0..9999_u32)).prop_map(|(from, to)| json!({"from": from.as_ref().map(Edtf::as_str), "to": to})),
        (any::<f64>(), of("[a-z]{1,9}")).prop_map(|(share, base)| json!({"share": share, "base": base})),
        vec("[0-9a-f]{64}", 0..3)
            .prop_map(|all| all.iter().map(|sha256| json!({"title": "Bijlage", "sha256": sha256})).collect()),
    ]
}

/// Some of a record's fields.
fn fields(record: &Record, mask: u32) -> FieldSet {
    let names = Record::fields(record.kind()).iter().enumerate();
    FieldSet::named(record.kind(), names.filter(|(n, _)| mask >> n & 1 == 1).map(|(_, name)| *name))
}

fn kind() -> impl Strategy<Value = Kind> {
    select(Kind::ALL.to_vec())
}

fn id() -> impl Strategy<Value = Id> {
    prop_oneof!["[a-z0-9]{1,9}(-[a-z0-9]{1,9}){0,3}", "[1-9]\\.[0-9]{1,2}"].prop_map(|text| Id::any(&text).unwrap())
}

fn key() -> impl Strategy<Value = Key> {
    let within = prop_oneof![Just(String::new()), "[a-z]{1,9}", "[a-z]{1,9}/[0-9]{4}-[0-9]{4}", "[a-z]{1,9}/"];
    (kind(), within, id()).prop_map(|(kind, within, id)| Key { kind, within: within.into(), id })
}

fn text() -> impl Strategy<Value = Text> {
    "(\\PC|\n){0,60}".prop_map(|text| Text::new(&text).unwrap())
}

fn edtf() -> impl Strategy<Value = Edtf> {
    let written = select(vec!["2016", "2016-06", "2019-21", "../2018", "2016/2017", "2017/..", "2016~", "2016-02-29"]);
    prop_oneof![written.prop_map(|text| Edtf::new(text).unwrap()), (0..=9999_i64).prop_map(|y| Edtf::year(y).unwrap())]
}

fn request_id() -> impl Strategy<Value = RequestId> {
    "[!-~]{1,64}".prop_map(|text| RequestId::new(&text).unwrap())
}

fn actor() -> impl Strategy<Value = Actor> {
    (of(text()), of(text()), of(id())).prop_map(|(subject, capacity, on_behalf_of)| Actor {
        subject,
        capacity,
        on_behalf_of,
        assurance: Assurance::Claimed,
    })
}

fn reason() -> impl Strategy<Value = Reason> {
    (of(id()), text()).prop_map(|(code, text)| Reason { code, text })
}

fn citation() -> impl Strategy<Value = Citation> {
    let confidence = of(select(vec![Confidence::Certain, Confidence::Probable, Confidence::Ambiguous]));
    (id(), of(text()), of(text()), confidence).prop_map(|(source, lines, quote, confidence)| Citation {
        source,
        lines,
        quote,
        confidence,
    })
}
