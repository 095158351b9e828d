//! `changes`: what was added, dropped or changed, field by field, by whose decision and why.

mod csv;
mod json;
#[cfg(test)]
mod tests;
mod text;

use clap::Args;
use minutebook_domain::value::Value;
use minutebook_proto::pb;

use super::connect::Session;
use super::failure::Failure;
use super::page::{Page, print};
use super::words::Words;
use super::{Format, Output, args, print_json};

pub(crate) use text::{control_line, difference, reasons};

/// What to compare.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook changes krimp-en-leefbaarheid --year 2018")]
pub(crate) struct Changes {
    /// The agenda
    agenda: String,
    /// Compare the end of the year before with the end of this year
    #[arg(long, value_name = "YEAR", conflicts_with = "from")]
    year: Option<u32>,
    /// Compare from this edition or revision, such as 2016-2017 or 2018-2019@1
    #[arg(long, value_name = "EDITION", value_parser = args::edition, requires = "to")]
    from: Option<pb::EditionName>,
    /// Compare to this edition or revision
    #[arg(long, value_name = "EDITION", value_parser = args::edition, requires = "from")]
    to: Option<pb::EditionName>,
    /// As it was known at a position (812), at the end of a day (2017-07-01) or at an instant
    #[arg(long, value_name = "WHEN", value_parser = args::known)]
    known: Option<pb::Known>,
    /// List what was carried over as well
    #[arg(long)]
    all: bool,
}

impl Changes {
    /// Answers it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let all = self.all;
        let answer = ask(session, self.request()).await?;
        match output.format {
            Format::Json => print_json(&json::changes(&answer)),
            Format::Csv => print(&csv::table(&answer, all)?),
            // CloudEvents were refused before anybody was asked.
            Format::Text | Format::Markdown | Format::Cloudevents => {
                let mut page = output.page();
                write(&mut page, output.words, &answer, all);
                print(&page.into_text())
            }
        }
    }

    fn request(self) -> pb::GetChangesRequest {
        use pb::get_changes_request::Span;
        let (from, to) = (self.from, self.to);
        let editions = from.map(|from| Span::Editions(pb::EditionSpan { from: Some(from), to }));
        let span = self.year.map(Span::Year).or(editions);
        pb::GetChangesRequest {
            agenda: self.agenda,
            span,
            known: self.known,
            label_carried_over: self.all,
            min_position: None,
        }
    }
}

/// How an agenda changed, as the server answers it.
pub(crate) async fn ask(session: &Session, request: pb::GetChangesRequest) -> Result<pb::GetChangesResponse, Failure> {
    Ok(session.agenda().get_changes(request).await?.into_inner())
}

/// The answer for programs.
pub(crate) fn to_json(answer: &pb::GetChangesResponse) -> Value {
    json::changes(answer)
}

/// Writes the answer for people.
pub(crate) fn write(page: &mut Page, words: Words, answer: &pb::GetChangesResponse, all: bool) {
    if let Some(changes) = &answer.changes {
        text::Report::new(page, words, all).write(changes, answer.position);
    }
}

/// Writes how one field of an item changed, and what corrected the item.
pub(crate) fn write_field(page: &mut Page, words: Words, answer: &pb::GetChangesResponse, id: &str, field: &str) {
    if let Some(changes) = &answer.changes {
        text::Report::new(page, words, false).write_one(changes, id, field);
    }
}
