//! The answer of `changes` in its forms, from one small answer.

use std::fs;
use std::path::Path;

use minutebook_domain::message::Lang;
use minutebook_proto::{pb, value_to_pb};
use pb::item_change::Outcome;
use serde_json::{Value, json};

use super::{csv, write};
use crate::cli::page::{Medium, Page};
use crate::cli::words::Words;

fn key(kind: pb::Kind, id: &str) -> pb::RecordKey {
    pb::RecordKey { kind: kind.into(), within: String::new(), id: id.into() }
}

fn field(name: &str, before: &Value, after: &Value) -> pb::FieldChange {
    pb::FieldChange { field: name.into(), before: Some(value_to_pb(before)), after: Some(value_to_pb(after)) }
}

fn why(position: u64) -> pb::Why {
    pb::Why {
        reason: Some("Lagere bijdrage.".into()),
        ground: Some("begroting".into()),
        body: Some("ps".into()),
        authority: Some(pb::Authority {
            decision: "vaststelling".into(),
            body: Some("gs".into()),
            mandate: Some("gs-agenda".into()),
        }),
        effective: Some(pb::Date { date: Some(pb::date::Date::Edtf("2018-01-01".into())) }),
        position,
        ..pb::Why::default()
    }
}

fn item(outcome: Outcome, id: &str, label: &str, position: u64) -> pb::ItemChange {
    let (key, why) = (Some(key(pb::Kind::Action, id)), Some(why(position)));
    pb::ItemChange { key, label: label.into(), outcome: outcome.into(), why, ..pb::ItemChange::default() }
}

fn answer() -> pb::GetChangesResponse {
    let amount = |eur| json!([{"id": "jaarlijks", "eur": eur, "per": "year"}]);
    let changed = pb::ItemChange {
        fields: vec![
            field("amounts", &amount(37_500), &amount(30_000)),
            field("period", &json!(null), &json!({"from": 2018, "to": 2019})),
        ],
        ..item(Outcome::Changed, "leerstoel", "=Leerstoel", 12)
    };
    let dropped = pb::ItemChange {
        disposition: pb::Disposition::HandedOver.into(),
        ..item(Outcome::Dropped, "pod-sport", "POD Sport", 11)
    };
    let split = pb::ItemChange {
        others: vec!["hubs".into(), "vervoer".into()],
        ..item(Outcome::Split, "anders-benutten", "Anders benutten", 13)
    };
    let corrected = pb::Correction {
        key: Some(key(pb::Kind::Action, "leerstoel")),
        fields: vec![field("title", &json!("Leestoel"), &json!("=Leerstoel"))],
        corrects: 5,
        why: Some(pb::Why { reason: Some("Tikfout.".into()), position: 20, ..pb::Why::default() }),
    };
    let breedband = Some(key(pb::Kind::Action, "breedband"));
    let carried = pb::CarriedOver { key: breedband, label: Some("Breedband".into()), uncertain: false };
    pb::GetChangesResponse {
        position: 21,
        changes: Some(pb::Changes {
            agenda: "krimp".into(),
            from: Some("2016-2017".into()),
            to: Some("2018-2019".into()),
            invented: true,
            items: vec![dropped, changed, split],
            carried_over: vec![carried],
            corrected: vec![corrected],
            related: vec![pb::RelatedChange {
                key: Some(key(pb::Kind::Milestone, "start")),
                label: "Start".into(),
                outcome: pb::related_change::Outcome::NotRestated.into(),
                fields: Vec::new(),
            }],
            findings: vec![pb::Finding {
                key: None,
                code: "NOT_STATED".into(),
                message_nl: "niet vermeld: `date`".into(),
                message_en: "not stated: `date`".into(),
            }],
            control: Some(pb::ControlTotal {
                before: 3,
                dropped: 1,
                by_split: 1,
                after: 3,
                ..pb::ControlTotal::default()
            }),
        }),
    }
}

fn text(lang: Lang, medium: Medium) -> String {
    let mut page = Page::new(medium);
    write(&mut page, Words(lang), &answer(), false);
    page.into_text()
}

const LINES: Medium = Medium::Lines { width: 100, colour: false };

/// Compares with a file under `tests/golden`; `MINUTEBOOK_BLESS=1` writes it anew.
fn assert_golden(name: &str, text: &str) {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/golden").join(name);
    if std::env::var_os("MINUTEBOOK_BLESS").is_some() {
        fs::write(&file, text).unwrap();
    }
    assert_eq!(text, fs::read_to_string(&file).unwrap_or_default(), "{name}");
}

#[test]
fn people_read_what_changed() {
    assert_golden("changes.en.txt", &text(Lang::En, LINES));
    assert_golden("changes.nl.txt", &text(Lang::Nl, LINES));
}

#[test]
fn pages_show_what_changed_in_markdown() {
    assert_golden("changes.en.md", &text(Lang::En, Medium::Markdown));
}

#[test]
fn spreadsheets_get_a_line_for_each_field_and_no_formulas() {
    let table = csv::table(&answer(), false).unwrap();
    let lines: Vec<_> = table.lines().collect();
    assert_eq!(lines.len(), 5, "{table}");
    assert!(lines[0].starts_with("outcome,item,id,label,field,before,after,"), "{}", lines[0]);
    assert!(lines[1].starts_with("dropped,action,pod-sport,POD Sport,,,,handed-over,,"), "{}", lines[1]);
    assert!(lines[2].starts_with("changed,action,leerstoel,'=Leerstoel,amounts,"), "{}", lines[2]);
    assert!(lines[4].contains(",hubs vervoer,"), "{}", lines[4]);
    assert_eq!(csv::table(&answer(), true).unwrap().lines().count(), 6);
}

#[test]
fn programs_get_the_promised_shape() {
    let value = super::json::changes(&answer());
    let keys: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
    let wanted = [
        "agenda",
        "from",
        "to",
        "invented",
        "position",
        "added",
        "dropped",
        "changed",
        "split",
        "merged",
        "suspended",
        "reinstated",
        "came_and_went",
        "corrected",
        "carried_over",
        "related",
        "findings",
        "control_total",
    ];
    assert_eq!(keys, wanted);
    let dropped = json!({
        "item": "action", "id": "pod-sport", "disposition": "handed-over", "label": "POD Sport", "positions": [11],
        "reason": "Lagere bijdrage.", "decision": "begroting", "body": "ps",
        "authority": {"decision": "vaststelling", "body": "gs", "mandate": "gs-agenda"}, "effective": "2018-01-01",
    });
    assert_eq!(value["dropped"], json!([dropped]));
    assert_eq!(value["changed"][0]["fields"]["period"], json!([null, {"from": 2018, "to": 2019}]));
    assert_eq!(value["changed"][0]["steps"], json!([]));
    assert_eq!(value["split"][0]["from"], "anders-benutten");
    assert_eq!(value["split"][0]["into"], json!(["hubs", "vervoer"]));
    assert_eq!(value["split"][0].get("id"), None);
    assert_eq!(value["carried_over"], json!([{"item": "action", "id": "breedband"}]));
    assert_eq!(value["control_total"]["balances"], true);
}
