//! One event as JSON, in the forms that agenda documents use, and as a line for people.

use minutebook_domain::dates::Edtf;
use minutebook_domain::document;
use minutebook_domain::event::{
    Actor, Citation, Contents, ControlTotal, Deed, DeedStep, Founding, ItemEvent, ItemStep, Payload, Recorded,
    ReviewEvent, ReviewOpened, ReviewStep, Seal,
};
use minutebook_domain::ids::{Id, Key, Kind};
use minutebook_domain::record::{FieldSet, Record};
use minutebook_domain::value::{Confidence, Value};
use minutebook_proto::{DecodeError, pb};
use prost::Message as _;
use serde_json::json;

use super::words::{Words, instant};

/// An event with all that was recorded of it.
pub(super) fn event(recorded: &Recorded) -> Value {
    let event = &recorded.event;
    let reason = event
        .reason
        .as_ref()
        .map(|reason| json!({"code": reason.code.as_ref().map(Id::as_str), "text": reason.text.as_str()}));
    let mut value = json!({
        "position": recorded.position,
        "recorded_at": instant(recorded.recorded_at.0),
        "type": event.payload.name(),
        "request_id": event.request_id.as_str(),
        "actor": actor(&event.actor),
        "decision": event.decision.as_ref().map(Id::as_str),
        "effective": event.effective.as_ref().map(date),
        "reason": reason,
        "citations": event.citations.iter().map(citation).collect::<Vec<_>>(),
    });
    if let (Some(map), Value::Object(payload)) = (value.as_object_mut(), payload(&event.payload)) {
        map.extend(payload);
    }
    value
}

/// An event that this program cannot read: its position, and why.
pub(super) fn unreadable(bytes: &[u8], error: &DecodeError) -> Value {
    let event = pb::Event::decode(bytes).ok();
    let position = event.as_ref().map(|event| event.position);
    let at = event.as_ref().map(|event| instant(event.recorded_at_ms));
    json!({"position": position, "recorded_at": at, "type": null, "unreadable": error.to_string()})
}

/// An event on one line.
pub(super) fn summary(recorded: &Recorded, w: Words) -> String {
    let payload = &recorded.event.payload;
    let about = match payload {
        Payload::LedgerFounded(founding) => founding.name.to_string(),
        Payload::KeyRotated(rotation) => rotation.next.to_string(),
        Payload::ContentsListed(contents) => {
            format!("{} {}: {} × {}", contents.agenda, contents.edition, contents.ids.len(), w.kind(contents.kind))
        }
        Payload::RevisionSealed(seal) => format!("{} {}@{}", seal.agenda, seal.edition.id, seal.revision),
        Payload::Item(ItemEvent { step, .. }) => item_line(step, w),
        Payload::ReviewOpened(review) => format!("{} {}", review.agenda, review.edition),
        Payload::Review(ReviewEvent { agenda, edition, step }) => match step {
            ReviewStep::Withdrawn(change) | ReviewStep::Selected(change) => format!("{agenda} {edition}: {change}"),
            ReviewStep::RestKept | ReviewStep::Abandoned => format!("{agenda} {edition}"),
        },
        Payload::Deed(deed) => deed_line(deed, w),
        Payload::Stated(_)
        | Payload::DispositionProposed(_)
        | Payload::AmendedAtAdoption(_)
        | Payload::ErratumRecorded(_)
        | Payload::DoubtResolved(_) => payload.record().map(|record| record_line(&record, w)).unwrap_or_default(),
    };
    let (position, at, name) = (recorded.position, instant(recorded.recorded_at.0), payload.name());
    let about: String = about.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("{position:>7}  {at}  {name:<21} {about}")
}

fn item_line(step: &ItemStep, w: Words) -> String {
    let ids = |list: &[Id]| ids(list).join(", ");
    match step {
        ItemStep::Added(record) | ItemStep::Changed(record, _) | ItemStep::Reinstated(record, _) => {
            record_line(record, w)
        }
        ItemStep::Dropped(kind, id, disposition) => format!("{} {id}: {disposition}", w.kind(*kind)),
        ItemStep::Suspended(kind, id) => format!("{} {id}", w.kind(*kind)),
        ItemStep::Split(from, into) => format!("{from} → {}", ids(into)),
        ItemStep::Merged(from, into) => format!("{} → {into}", ids(from)),
    }
}

fn deed_line(deed: &Deed, w: Words) -> String {
    let key = |key: &Key| format!("{} {}", w.kind(key.kind), key.id);
    let keys = |list: &[Key]| list.iter().map(key).collect::<Vec<_>>().join(", ");
    let about = key(&deed.key);
    match &deed.step {
        DeedStep::Proposed(_, record) | DeedStep::Amended(record, _) => record_line(record, w),
        DeedStep::Merged(other) | DeedStep::Ended(Some(other)) => format!("{about} → {other}"),
        DeedStep::Signed(party, _) => format!("{about}: {party}"),
        DeedStep::Superseded(Some(part)) => format!("{about}: {part}"),
        DeedStep::Settled(evidence) | DeedStep::Met(evidence) => format!("{about}: {}", keys(evidence)),
        DeedStep::TookEffect | DeedStep::Ended(None) | DeedStep::Superseded(None) | DeedStep::Missed => about,
    }
}

fn record_line(record: &Record, w: Words) -> String {
    format!("{} {}: {}", w.kind(record.kind()), record.id(), record.label())
}

/// What happened, by the names that the event has on the wire.
fn payload(payload: &Payload) -> Value {
    match payload {
        Payload::LedgerFounded(founding) => founded(founding),
        Payload::KeyRotated(rotation) => json!({
            "previous": rotation.previous.as_str(),
            "next": rotation.next.as_str(),
            "handover": rotation.handover.as_str(),
        }),
        Payload::Stated(statement) => json!({
            "agenda": name(statement.agenda.as_ref()),
            "edition": name(statement.edition.as_ref()),
            "kind": statement.record.kind().name(),
            "record": document::entry(&statement.record),
            "fields": statement.fields.map(|set| fields(statement.record.kind(), set)),
        }),
        Payload::ReviewOpened(review) => opened(review),
        Payload::DispositionProposed(proposal) => json!({
            "agenda": proposal.agenda.as_str(),
            "edition": proposal.edition.as_str(),
            "change": document::entry(&proposal.change.clone().into()),
            "items": items(&proposal.items),
        }),
        Payload::AmendedAtAdoption(amendment) => json!({
            "agenda": amendment.agenda.as_str(),
            "edition": amendment.edition.as_str(),
            "amends": name(amendment.amends.as_ref()),
            "change": document::entry(&amendment.change.clone().into()),
            "items": items(&amendment.items),
        }),
        Payload::Review(event) => reviewed(event),
        Payload::Deed(deed) => done(deed),
        Payload::Item(event) => item(event),
        Payload::ContentsListed(contents) => listed(contents),
        Payload::RevisionSealed(seal) => sealed(seal),
        Payload::ErratumRecorded(erratum) => json!({
            "kind": erratum.key.kind.name(),
            "within": within(&erratum.key.within),
            "corrects": erratum.corrects,
            "record": document::entry(&erratum.record),
            "fields": fields(erratum.key.kind, erratum.fields),
        }),
        Payload::DoubtResolved(resolution) => json!({
            "kind": resolution.key.kind.name(),
            "within": within(&resolution.key.within),
            "text": resolution.text.as_str(),
            "record": document::entry(&resolution.record),
        }),
    }
}

fn founded(founding: &Founding) -> Value {
    json!({
        "ledger": founding.ledger.as_str(),
        "name": founding.name.as_str(),
        "organisation": founding.organisation.as_ref().map(ToString::to_string),
        "zone": founding.zone.as_str(),
        "format": founding.format,
        "tool": founding.tool.as_str(),
        "verifier_key": founding.verifier_key.as_ref().map(ToString::to_string),
    })
}

fn opened(review: &ReviewOpened) -> Value {
    let base = review.base.as_ref().map(|base| {
        json!({
            "edition": base.edition.as_str(), "revision": base.revision, "position": base.position,
            "sha256": base.sha256.to_string(),
        })
    });
    json!({
        "agenda": review.agenda.as_str(),
        "edition": review.edition.as_str(),
        "first_year": date(&review.first_year),
        "last_year": date(&review.last_year),
        "horizon": review.horizon.as_ref().map(date),
        "review": review.review.as_ref().map(ToString::to_string),
        "revision": review.revision,
        "invented": review.invented,
        "base": base,
    })
}

fn reviewed(event: &ReviewEvent) -> Value {
    let change = match &event.step {
        ReviewStep::Withdrawn(change) | ReviewStep::Selected(change) => Some(change),
        ReviewStep::RestKept | ReviewStep::Abandoned => None,
    };
    let mut value = json!({"agenda": event.agenda.as_str(), "edition": event.edition.as_str()});
    if let (Some(map), Some(change)) = (value.as_object_mut(), change) {
        map.insert("change".into(), change.as_str().into());
    }
    value
}

fn done(deed: &Deed) -> Value {
    let evidence = |keys: &[Key]| keys.iter().map(address).collect::<Vec<_>>();
    let step = match &deed.step {
        DeedStep::Proposed(agenda, record) => {
            json!({"agenda": name(agenda.as_ref()), "record": document::entry(record)})
        }
        DeedStep::Amended(record, set) => {
            json!({"record": document::entry(record), "fields": fields(record.kind(), *set)})
        }
        DeedStep::Signed(party, membership) => {
            json!({"party": party.as_str(), "membership": name(membership.as_ref())})
        }
        DeedStep::Ended(successor) => json!({"successor": name(successor.as_ref())}),
        DeedStep::Merged(into) => json!({"into": into.as_str()}),
        DeedStep::Superseded(part) => json!({"part": part.as_ref().map(ToString::to_string)}),
        DeedStep::Settled(keys) | DeedStep::Met(keys) => json!({"evidence": evidence(keys)}),
        DeedStep::TookEffect | DeedStep::Missed => json!({}),
    };
    let mut value = address(&deed.key);
    if let (Some(map), Value::Object(step)) = (value.as_object_mut(), step) {
        map.extend(step);
    }
    value
}

fn address(key: &Key) -> Value {
    json!({"kind": key.kind.name(), "id": key.id.as_str(), "within": within(&key.within)})
}

fn items(records: &[Record]) -> Vec<Value> {
    records.iter().map(entry).collect()
}

fn entry(record: &Record) -> Value {
    json!({"kind": record.kind().name(), "record": document::entry(record)})
}

fn item(event: &ItemEvent) -> Value {
    let changed = |record: &Record, set| {
        let kind = record.kind();
        json!({"kind": kind.name(), "record": document::entry(record), "fields": fields(kind, set)})
    };
    let step = match &event.step {
        ItemStep::Added(record) => entry(record),
        ItemStep::Changed(record, set) | ItemStep::Reinstated(record, set) => changed(record, *set),
        ItemStep::Dropped(kind, id, disposition) => {
            json!({"kind": kind.name(), "id": id.as_str(), "disposition": disposition.word()})
        }
        ItemStep::Suspended(kind, id) => json!({"kind": kind.name(), "id": id.as_str()}),
        ItemStep::Split(from, into) => json!({"kind": "action", "from": from.as_str(), "into": ids(into)}),
        ItemStep::Merged(from, into) => json!({"kind": "action", "from": ids(from), "into": into.as_str()}),
    };
    let mut value = json!({
        "agenda": event.agenda.as_str(),
        "edition": name(event.edition.as_ref()),
        "ground": name(event.ground.as_ref()),
    });
    if let (Some(map), Value::Object(step)) = (value.as_object_mut(), step) {
        map.extend(step);
    }
    value
}

fn listed(contents: &Contents) -> Value {
    json!({
        "agenda": contents.agenda.as_str(),
        "edition": contents.edition.as_str(),
        "kind": contents.kind.name(),
        "ids": ids(&contents.ids),
    })
}

fn sealed(seal: &Seal) -> Value {
    json!({
        "agenda": seal.agenda.as_str(),
        "edition": seal.edition.id.as_str(),
        "record": document::entry(&seal.edition.clone().into()),
        "revision": seal.revision,
        "mandate": name(seal.mandate.as_ref()),
        "control_total": control(&seal.control),
        "previous": seal.previous,
        "sha256": seal.sha256.to_string(),
    })
}

fn control(control: &ControlTotal) -> Value {
    json!({
        "before": control.before, "added": control.added, "dropped": control.dropped,
        "by_split": control.by_split, "by_merge": control.by_merge, "suspended": control.suspended,
        "reinstated": control.reinstated, "after": control.after, "balances": control.balances(),
    })
}

fn actor(actor: &Actor) -> Value {
    json!({
        "subject": actor.subject.as_ref().map(ToString::to_string),
        "capacity": actor.capacity.as_ref().map(ToString::to_string),
        "on_behalf_of": name(actor.on_behalf_of.as_ref()),
        "assurance": "claimed",
    })
}

fn citation(citation: &Citation) -> Value {
    json!({
        "source": citation.source.as_str(),
        "lines": citation.lines.as_ref().map(ToString::to_string),
        "quote": citation.quote.as_ref().map(ToString::to_string),
        "confidence": citation.confidence.map(Confidence::word),
    })
}

fn date(date: &Edtf) -> Value {
    let year = date.as_str().parse::<u32>().ok().filter(|_| date.is_number());
    year.map_or_else(|| date.as_str().into(), Value::from)
}

fn ids(ids: &[Id]) -> Vec<&str> {
    ids.iter().map(Id::as_str).collect()
}

fn name(id: Option<&Id>) -> Value {
    id.map(Id::as_str).into()
}

fn within(within: &str) -> Value {
    Some(within).filter(|within| !within.is_empty()).into()
}

fn fields(kind: Kind, set: FieldSet) -> Vec<&'static str> {
    set.names(kind).collect()
}
