//! The answer of `changes` for spreadsheets: one line for each item, or for each of its fields that differ.

use minutebook_domain::value::Value;
use minutebook_proto::pb;
use pb::item_change::Outcome;

use crate::cli::failure::{Exit, Failure};
use crate::cli::json;

const COLUMNS: [&str; 19] = [
    "outcome",
    "item",
    "id",
    "label",
    "field",
    "before",
    "after",
    "disposition",
    "others",
    "reason",
    "decision",
    "body",
    "authority_decision",
    "authority_body",
    "mandate",
    "effective",
    "position",
    "uncertain",
    "invented",
];

/// The table, with its header.
pub(super) fn table(answer: &pb::GetChangesResponse, all: bool) -> Result<String, Failure> {
    let failed = |error: &dyn std::fmt::Display| Failure::new(Exit::Unreachable, "OUTPUT", error.to_string());
    let mut table = csv::Writer::from_writer(Vec::new());
    table.write_record(COLUMNS).map_err(|error| failed(&error))?;
    let changes = answer.changes.clone().unwrap_or_default();
    let items = changes.items.iter().flat_map(|item| rows(item, changes.invented));
    let carried = changes.carried_over.iter().filter(|_| all).map(|item| carried_over(item, changes.invented));
    for row in items.chain(carried) {
        table.write_record(row.map(|cell| harmless(&cell))).map_err(|error| failed(&error))?;
    }
    let bytes = table.into_inner().map_err(|error| failed(&error))?;
    String::from_utf8(bytes).map_err(|error| failed(&error))
}

fn rows(item: &pb::ItemChange, invented: bool) -> Vec<[String; 19]> {
    let outcome = outcome(item.outcome());
    if item.fields.is_empty() {
        return vec![row(outcome, item, None, invented)];
    }
    item.fields.iter().map(|field| row(outcome, item, Some(field), invented)).collect()
}

/// The row of an item that stayed as it was.
fn carried_over(item: &pb::CarriedOver, invented: bool) -> [String; 19] {
    let label = item.label().to_owned();
    let shown = pb::ItemChange { key: item.key.clone(), label, uncertain: item.uncertain, ..pb::ItemChange::default() };
    row("carried_over", &shown, None, invented)
}

fn row(outcome: &str, item: &pb::ItemChange, field: Option<&pb::FieldChange>, invented: bool) -> [String; 19] {
    let why = item.why.clone().unwrap_or_default();
    let authority = why.authority.clone().unwrap_or_default();
    let key = item.key.as_ref();
    [
        outcome.to_owned(),
        key.map(|key| cell(&json::kind(key.kind))).unwrap_or_default(),
        key.map(|key| key.id.clone()).unwrap_or_default(),
        item.label.clone(),
        field.map(|change| change.field.clone()).unwrap_or_default(),
        field.map(|change| cell(&json::value(change.before.as_ref()))).unwrap_or_default(),
        field.map(|change| cell(&json::value(change.after.as_ref()))).unwrap_or_default(),
        cell(&json::disposition(item.disposition())),
        item.others.join(" "),
        why.reason.unwrap_or_default(),
        why.ground.unwrap_or_default(),
        why.body.unwrap_or_default(),
        authority.decision,
        authority.body.unwrap_or_default(),
        authority.mandate.unwrap_or_default(),
        cell(&json::date(why.effective.as_ref())),
        if item.why.is_some() { why.position.to_string() } else { String::new() },
        item.uncertain.to_string(),
        invented.to_string(),
    ]
}

/// The name of an outcome, as the keys of the JSON answer have it.
pub(super) fn outcome(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Unspecified => "",
        Outcome::Added => "added",
        Outcome::Dropped => "dropped",
        Outcome::Changed => "changed",
        Outcome::Split => "split",
        Outcome::Merged => "merged",
        Outcome::Suspended => "suspended",
        Outcome::Reinstated => "reinstated",
        Outcome::CameAndWent => "came_and_went",
    }
}

/// Text as it is, what is absent empty, and all else as JSON.
fn cell(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A spreadsheet runs what starts like a formula; an apostrophe makes it text again.
fn harmless(cell: &str) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t']) { format!("'{cell}") } else { cell.to_owned() }
}
