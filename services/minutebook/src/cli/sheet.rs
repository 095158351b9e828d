//! `sheet`: everything that touches one party, with the groups that it was in.

use clap::Args;
use minutebook_proto::pb;
use minutebook_proto::pb::sheet_row::Since;
use serde_json::{Value, json};

use super::connect::Session;
use super::failure::Failure;
use super::words::Words;
use super::{Output, Page, args, json};

/// Whose sheet, and as of when.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook sheet cmo-stamm\n  minutebook sheet gemeente-coevorden --since 2016-2017"
)]
pub(crate) struct Sheet {
    /// The party
    party: String,
    /// Tell what came of each thing since this edition or revision, such as 2016-2017 or 2018-2019@1
    #[arg(long, value_name = "EDITION", value_parser = args::edition)]
    since: Option<pb::EditionName>,
    /// The agenda of that edition, where there are several
    #[arg(long, value_name = "AGENDA", requires = "since")]
    agenda: Option<String>,
    /// What held on this day (2017-03-01)
    #[arg(long, value_name = "DAY", value_parser = args::day)]
    valid: Option<String>,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = args::known)]
    known: Option<pb::Known>,
}

impl Sheet {
    /// Answers it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let Self { party, since, agenda, valid, known } = self;
        let asked = since.clone();
        let request = pb::GetSheetRequest { party, since, agenda, valid, known, min_position: None };
        let answer = session.directory().get_sheet(request).await?.into_inner();
        output.answer(|| sheet_json(&answer), |page| tell(page, output.words, &answer, asked.as_ref()))
    }
}

fn sheet_json(answer: &pb::GetSheetResponse) -> Value {
    let row = |row: &pb::SheetRow| {
        let mut map = json::key("kind", row.key.as_ref());
        map.insert("label".into(), row.label.as_str().into());
        map.insert("field".into(), row.field.as_str().into());
        map.insert("via".into(), row.via.as_deref().into());
        map.insert("ended".into(), row.ended.into());
        map.insert("since".into(), since_word(row.since()).into());
        map
    };
    let name = |name: &pb::SheetName| json!({"id": name.id, "former": name.former});
    json!({
        "position": answer.position,
        "party": answer.party.clone().map(pb::record::Record::Party).map(json::record),
        "names": answer.names.iter().map(name).collect::<Vec<_>>(),
        "rows": answer.rows.iter().map(row).collect::<Vec<_>>(),
        "unstated": answer.unstated,
        "ended": answer.ended.as_ref().map(|end| end.since.as_str()),
        "successor": answer.ended.as_ref().and_then(|end| end.successor.as_deref()),
    })
}

fn tell(page: &mut Page, w: Words, answer: &pb::GetSheetResponse, asked: Option<&pb::EditionName>) {
    let party = answer.party.clone().unwrap_or_default();
    page.title(&format!("{}: {}", party.id, party.name));
    if let Some(end) = &answer.ended {
        let successor = end.successor.as_ref().map(|id| format!(" → {id}")).unwrap_or_default();
        page.detail(w.pick("geëindigd", "ended"), &format!("{}{successor}", end.since));
    }
    for name in &answer.names {
        let (nl, en) = if name.former { ("voorheen", "formerly") } else { ("lid van", "member of") };
        page.detail(w.pick(nl, en), &name.id);
    }
    if let Some(asked) = asked {
        let revision = asked.revision.map(|n| format!("@{n}")).unwrap_or_default();
        let since = format!("{}{revision}", asked.edition);
        page.note(&w.pick(
            format!("Wat anders is dan bij {since}: + kwam, − ging, ~ gewijzigd."),
            format!("What differs from {since}: + came, − left, ~ changed."),
        ));
    }
    let kind = |row: &pb::SheetRow| row.key.as_ref().map(|key| key.kind);
    for rows in answer.rows.chunk_by(|a, b| kind(a) == kind(b)) {
        let word = rows.first().and_then(kind).and_then(|kind| minutebook_proto::kind_from_pb(kind).ok());
        page.section(&format!("{} ({})", word.map_or("", |kind| w.kind(kind)), rows.len()));
        for row in rows {
            let id = row.key.as_ref().map(|key| key.id.as_str()).unwrap_or_default();
            page.item(&format!("{}{id}", mark(row.since())), &row.label);
            page.detail("", &how(w, row));
        }
    }
    if !answer.unstated.is_empty() {
        page.section(w.pick("Leden niet vermeld", "Members not stated"));
        page.note(&answer.unstated.join(", "));
    }
}

/// How the party is named: by itself, or through a group or a party whose place it took.
fn how(w: Words, row: &pb::SheetRow) -> String {
    let via = match &row.via {
        Some(via) => format!("{} {via}", w.pick("via", "via")),
        None => w.pick("rechtstreeks", "direct").to_owned(),
    };
    let ended = if row.ended { w.pick(", geëindigd", ", ended") } else { "" };
    format!("{}: {via}{ended}", row.field)
}

fn mark(since: Since) -> &'static str {
    match since {
        Since::Unspecified | Since::Same => "",
        Since::Changed => "~ ",
        Since::Came => "+ ",
        Since::Left => "− ",
    }
}

fn since_word(since: Since) -> Option<&'static str> {
    match since {
        Since::Unspecified => None,
        Since::Same => Some("same"),
        Since::Changed => Some("changed"),
        Since::Came => Some("came"),
        Since::Left => Some("left"),
    }
}
