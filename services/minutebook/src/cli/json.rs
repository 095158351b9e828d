//! Answers as JSON: the building blocks that the commands share. The shapes are documented in `docs/json.md`.

use minutebook_domain::document;
use minutebook_domain::value::Value;
use minutebook_proto::{kind_from_pb, pb, record_from_pb, value_from_pb};
use serde_json::{Map, json};

use super::words::instant;

/// A value of a field.
pub(crate) fn value(value: Option<&prost_types::Value>) -> Value {
    value.cloned().map(value_from_pb).unwrap_or_default()
}

/// Fields that differ: each with what stood there before and after.
pub(crate) fn fields(fields: &[pb::FieldChange]) -> Value {
    let pair = |change: &pb::FieldChange| {
        (change.field.clone(), json!([value(change.before.as_ref()), value(change.after.as_ref())]))
    };
    Value::Object(fields.iter().map(pair).collect())
}

/// A date as it was written: a year as a number, or text.
pub(crate) fn date(date: Option<&pb::Date>) -> Value {
    match date.and_then(|date| date.date.as_ref()) {
        Some(pb::date::Date::Year(year)) => (*year).into(),
        Some(pb::date::Date::Edtf(text)) => text.as_str().into(),
        None => Value::Null,
    }
}

/// The name of a kind of record.
pub(crate) fn kind(kind: i32) -> Value {
    kind_from_pb(kind).map(|kind| kind.name().into()).unwrap_or_default()
}

/// The address of a record; the kind is named as `item` or `kind`, as its list has it.
pub(crate) fn key(named: &str, key: Option<&pb::RecordKey>) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert(named.to_owned(), key.map(|key| kind(key.kind)).unwrap_or_default());
    map.insert("id".to_owned(), key.map(|key| key.id.as_str().into()).unwrap_or_default());
    if let Some(key) = key.filter(|key| !key.within.is_empty()) {
        map.insert("within".to_owned(), key.within.as_str().into());
    }
    map
}

/// Why something changed, and who decided: the ground, what adopted it, and from when it holds.
pub(crate) fn why(why: Option<&pb::Why>) -> Map<String, Value> {
    let mut map = Map::new();
    let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
    put("reason", why.and_then(|why| why.reason.clone()).into());
    if let Some(code) = why.and_then(|why| why.code.clone()) {
        put("code", code.into());
    }
    put("decision", why.and_then(|why| why.ground.clone()).into());
    put("body", why.and_then(|why| why.body.clone()).into());
    let authority = why
        .and_then(|why| why.authority.as_ref())
        .map(|authority| json!({"decision": authority.decision, "body": authority.body, "mandate": authority.mandate}));
    put("authority", authority.unwrap_or_default());
    put("effective", date(why.and_then(|why| why.effective.as_ref())));
    map
}

/// A finding, in both languages.
pub(crate) fn finding(finding: &pb::Finding) -> Value {
    let mut map = key("kind", finding.key.as_ref());
    map.insert("code".to_owned(), finding.code.as_str().into());
    map.insert("message_nl".to_owned(), finding.message_nl.as_str().into());
    map.insert("message_en".to_owned(), finding.message_en.as_str().into());
    map.into()
}

/// What keeps something from being recorded, and where.
pub(crate) fn problem(problem: &pb::Problem) -> Value {
    json!({
        "section": problem.section, "id": problem.id, "field": problem.field, "line": problem.line,
        "code": problem.code, "message_nl": problem.message_nl, "message_en": problem.message_en,
    })
}

/// The count of actions, and whether it balances.
pub(crate) fn control(control: &pb::ControlTotal) -> Value {
    json!({
        "before": control.before,
        "added": control.added,
        "dropped": control.dropped,
        "by_split": control.by_split,
        "by_merge": control.by_merge,
        "suspended": control.suspended,
        "reinstated": control.reinstated,
        "after": control.after,
        "balances": balances(control),
    })
}

/// Do the changes explain the count?
pub(crate) fn balances(control: &pb::ControlTotal) -> bool {
    let came = i64::from(control.before) + i64::from(control.added) + i64::from(control.reinstated);
    let left = i64::from(control.dropped) + i64::from(control.suspended);
    came - left + i64::from(control.by_split) + i64::from(control.by_merge) == i64::from(control.after)
}

/// A record in the form of a document; `null` where it is none.
pub(crate) fn record(record: pb::record::Record) -> Value {
    let read = record_from_pb(Some(pb::Record { record: Some(record) }));
    read.map(|record| document::entry(&record)).unwrap_or_default()
}

/// Where something is stated.
pub(crate) fn citation(citation: &pb::Citation) -> Value {
    let mut map = Map::new();
    let mut put = |name: &str, value: Option<&str>| {
        if let Some(value) = value {
            map.insert(name.to_owned(), value.into());
        }
    };
    put("source", Some(&citation.source));
    put("lines", citation.lines.as_deref());
    put("quote", citation.quote.as_deref());
    put(
        "confidence",
        match citation.confidence() {
            pb::Confidence::Unspecified => None,
            pb::Confidence::Certain => Some("certain"),
            pb::Confidence::Probable => Some("probable"),
            pb::Confidence::Ambiguous => Some("ambiguous"),
        },
    );
    map.into()
}

/// Who recorded something: stated, not established.
pub(crate) fn actor(actor: Option<&pb::Actor>) -> Value {
    json!({
        "subject": actor.and_then(|actor| actor.subject.as_deref()),
        "capacity": actor.and_then(|actor| actor.capacity.as_deref()),
        "on_behalf_of": actor.and_then(|actor| actor.on_behalf_of.as_deref()),
        "assurance": "claimed",
    })
}

/// The receipt of a write.
pub(crate) fn receipt(receipt: &pb::Receipt) -> Value {
    json!({
        "first": receipt.first,
        "count": receipt.count,
        "head": receipt.head,
        "recorded_at": instant(receipt.recorded_at_ms),
        "repeated": receipt.repeated,
    })
}

/// A revision, with the digest of its canonical export.
pub(crate) fn revision(revision: &pb::Revision) -> Value {
    let seal = revision.seal.as_ref();
    let edition = seal.and_then(|seal| seal.edition.as_ref());
    json!({
        "edition": edition.map(|edition| edition.id.as_str()),
        "revision": seal.map(|seal| seal.revision),
        "decision": edition.map(|edition| edition.decision.as_str()),
        "mandate": seal.and_then(|seal| seal.mandate.as_deref()),
        "effective": date(edition.and_then(|edition| edition.effective.as_ref())),
        "control_total": seal.and_then(|seal| seal.control.as_ref()).map(control),
        "sha256": seal.map(|seal| hex(&seal.sha256)),
        "position": revision.position,
        "recorded_at": instant(revision.recorded_at_ms),
        "invented": revision.invented,
    })
}

/// What became of an item that left, in the words of the document's format; `null` is not stated.
pub(crate) fn disposition(disposition: pb::Disposition) -> Value {
    match disposition {
        pb::Disposition::Unspecified => Value::Null,
        pb::Disposition::Completed => "completed".into(),
        pb::Disposition::Discontinued => "discontinued".into(),
        pb::Disposition::HandedOver => "handed-over".into(),
        pb::Disposition::Absorbed => "absorbed".into(),
    }
}

/// Bytes in hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}
