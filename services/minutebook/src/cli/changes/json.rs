//! The answer of `changes` for programs: the shape that the agenda document's format promises.

use minutebook_domain::value::Value;
use minutebook_proto::pb;
use pb::item_change::Outcome;
use serde_json::{Map, json};

use crate::cli::json;

/// The whole answer.
pub(super) fn changes(answer: &pb::GetChangesResponse) -> Value {
    let empty = pb::Changes::default();
    let changes = answer.changes.as_ref().unwrap_or(&empty);
    let of = |outcome| changes.items.iter().filter(move |item| item.outcome() == outcome);
    let list = |outcome| of(outcome).map(item).collect::<Vec<_>>();
    let merged = by(of(Outcome::Merged).collect());
    let split = by(of(Outcome::Split).collect());
    let carried = changes.carried_over.iter().map(|item| json::key("item", item.key.as_ref()));
    json!({
        "agenda": changes.agenda,
        "from": changes.from,
        "to": changes.to,
        "invented": changes.invented,
        "position": answer.position,
        "added": list(Outcome::Added),
        "dropped": list(Outcome::Dropped),
        "changed": list(Outcome::Changed),
        "split": split,
        "merged": merged,
        "suspended": list(Outcome::Suspended),
        "reinstated": list(Outcome::Reinstated),
        "came_and_went": list(Outcome::CameAndWent),
        "corrected": changes.corrected.iter().map(corrected).collect::<Vec<_>>(),
        "carried_over": carried.collect::<Vec<_>>(),
        "related": changes.related.iter().map(related).collect::<Vec<_>>(),
        "findings": changes.findings.iter().map(json::finding).collect::<Vec<_>>(),
        "control_total": json::control(&changes.control.unwrap_or_default()),
    })
}

/// Splits in the order of what left, merges in the order of what came: in both cases the item itself.
fn by(mut items: Vec<&pb::ItemChange>) -> Vec<Map<String, Value>> {
    items.sort_by_key(|item| item.key.as_ref().map(|key| &key.id));
    items.into_iter().map(item).collect()
}

fn item(item: &pb::ItemChange) -> Map<String, Value> {
    let mut map = json::key("item", item.key.as_ref());
    let mut put = |name: &str, value: Value| map.insert(name.to_owned(), value);
    let id = item.key.as_ref().map(|key| key.id.clone());
    let others = || json!(item.others);
    match item.outcome() {
        Outcome::Split | Outcome::Merged => {
            let (from, into) =
                if item.outcome() == Outcome::Split { (json!(id), others()) } else { (others(), json!(id)) };
            put("from", from);
            put("into", into);
        }
        Outcome::Dropped => _ = put("disposition", json::disposition(item.disposition())),
        Outcome::Changed | Outcome::Reinstated => {
            put("fields", json::fields(&item.fields));
        }
        Outcome::Unspecified | Outcome::Added | Outcome::Suspended | Outcome::CameAndWent => {}
    }
    put("label", item.label.as_str().into());
    if !item.steps.is_empty() || item.outcome() == Outcome::Changed {
        put("steps", item.steps.iter().map(step).collect::<Vec<_>>().into());
    }
    put("positions", positions(item).into());
    if item.uncertain {
        put("uncertain", true.into());
    }
    if matches!(item.outcome(), Outcome::Split | Outcome::Merged) {
        map.shift_remove("id");
    }
    map.extend(json::why(item.why.as_ref()));
    map
}

/// The events behind a change: each step, or the one.
fn positions(item: &pb::ItemChange) -> Vec<u64> {
    let steps: Vec<_> = item.steps.iter().filter_map(|step| step.why.as_ref()).map(|why| why.position).collect();
    if steps.is_empty() { item.why.iter().map(|why| why.position).collect() } else { steps }
}

fn step(step: &pb::ChangeStep) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("event".to_owned(), step.event.as_str().into());
    map.insert("fields".to_owned(), step.fields.clone().into());
    map.extend(json::why(step.why.as_ref()));
    map.insert("position".to_owned(), step.why.as_ref().map(|why| why.position).into());
    map
}

fn corrected(correction: &pb::Correction) -> Map<String, Value> {
    let mut map = json::key("item", correction.key.as_ref());
    map.insert("fields".to_owned(), json::fields(&correction.fields));
    map.insert("corrects".to_owned(), correction.corrects.into());
    map.insert("reason".to_owned(), correction.why.as_ref().and_then(|why| why.reason.clone()).into());
    map.insert("position".to_owned(), correction.why.as_ref().map(|why| why.position).into());
    map
}

fn related(related: &pb::RelatedChange) -> Map<String, Value> {
    use pb::related_change::Outcome;
    let change = match related.outcome() {
        Outcome::Unspecified => Value::Null,
        Outcome::Added => "added".into(),
        Outcome::Changed => "changed".into(),
        Outcome::NotRestated => "not_restated".into(),
    };
    let mut map = json::key("kind", related.key.as_ref());
    map.insert("label".to_owned(), related.label.as_str().into());
    map.insert("change".to_owned(), change);
    map.insert("fields".to_owned(), json::fields(&related.fields));
    map
}
