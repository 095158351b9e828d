//! `erratum`, `late-fact` and `resolve-doubt`: three things that are not a change of policy.

use std::path::PathBuf;

use clap::Args;
use minutebook_domain::value::Value;
use minutebook_proto::{pb, value_to_pb};

use super::args::{self, FieldName, RecordName};
use super::connect::Session;
use super::failure::Failure;
use super::record::{Recording, sent, tell};
use super::words::Words;
use super::{Output, sources};

/// Where the right value is stated.
#[derive(Debug, Args)]
struct Stated {
    /// The registered source that states it
    #[arg(long, value_name = "ID")]
    source: Option<String>,
    /// The words of the source
    #[arg(long, value_name = "TEXT", requires = "source")]
    quote: Option<String>,
    /// The lines of the source, such as 384-390
    #[arg(long, value_name = "LINES", value_parser = args::lines, requires = "source")]
    lines: Option<String>,
    /// The file of the source: it is checked against the registered digest, and the quote is looked up in it
    #[arg(long, value_name = "FILE", requires = "quote")]
    source_file: Option<PathBuf>,
}

impl Stated {
    /// The citation, checked against the file where one is given.
    async fn citation(self, session: &Session, output: Output) -> Result<Option<pb::Citation>, Failure> {
        let Some(source) = self.source else { return Ok(None) };
        let mut citation = pb::Citation { source, lines: self.lines, quote: self.quote, confidence: 0 };
        if let Some(file) = &self.source_file {
            sources::check_quote(session, output.words, &mut citation, file).await?;
        }
        Ok(Some(citation))
    }
}

/// A slip of the pen, and what should stand there.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook erratum sport-jij-ook.place --to 'in heel Drenthe' --reason 'typing error'\n\n\
                        An amount or date needs a quote that holds the right value:\n  \
                        minutebook erratum amount/kknn-leerstoel-jaarlijks.eur --to 37500 --reason 'typed 375000' \\\n    \
                        --source uitvoeringsagenda-2016-2017 --quote '€ 37.500 per jaar' \\\n    \
                        --source-file uitvoeringsagenda-2016-2017.txt\n\n\
                        An end that was recorded by mistake is taken back, and can be recorded again:\n  \
                        minutebook erratum party/bokd.ended --to null --reason 'typed the wrong year'"
)]
pub(crate) struct Erratum {
    /// A field of an action, or KIND/ID.FIELD; `ended` for an end that was recorded by mistake
    #[arg(value_parser = args::correctable)]
    field: FieldName,
    /// What should stand there: JSON where it is JSON, else text
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    to: String,
    /// What stands there now; another value is refused
    #[arg(long, value_name = "VALUE", allow_hyphen_values = true)]
    from: Option<String>,
    /// How it came to be written wrongly
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The event that wrote it, where it is not the newest one
    #[arg(long, value_name = "POSITION")]
    corrects: Option<u64>,
    #[command(flatten)]
    stated: Stated,
    #[command(flatten)]
    recording: Recording,
}

impl Erratum {
    /// Records it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let erratum = pb::CorrectField {
            key: Some(self.field.record.to_pb()),
            field: self.field.field,
            old: self.from.as_deref().map(|text| value_to_pb(&args::value(text))),
            new: Some(value_to_pb(&args::value(&self.to))),
            reason: self.reason,
            corrects: self.corrects,
            citation: self.stated.citation(session, output).await?,
        };
        let receipt = record_erratum(session, &self.recording, erratum).await?;
        tell(output, &self.recording, receipt.as_ref())
    }
}

/// Sends an erratum.
pub(crate) async fn record_erratum(
    session: &Session,
    recording: &Recording,
    erratum: pb::CorrectField,
) -> Result<Option<pb::Receipt>, Failure> {
    let write = recording.write();
    let request = pb::RecordErratumRequest { write: Some(write.clone()), erratum: Some(erratum) };
    Ok(sent(&write, session.agenda().record_erratum(request)).await?.receipt)
}

/// What was true, and since when.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  minutebook late-fact decision/gs-2016-uitvoeringsagenda --set date=2016-12-13 \\\n    \
                        --effective 2016-12-13 --reason 'the minutes were found'"
)]
pub(crate) struct LateFact {
    /// An action, or KIND/ID
    #[arg(value_parser = args::record)]
    record: RecordName,
    /// A field and its value since then: JSON where it is JSON, else text
    #[arg(long = "set", value_name = "FIELD=VALUE", value_parser = args::setting, required = true)]
    fields: Vec<(String, Value)>,
    /// Since when (EDTF: 2016-12-13, 2016-12, 2016)
    #[arg(long, value_name = "DATE", value_parser = args::date)]
    effective: pb::Date,
    /// How it came to be known late
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The decision that changed the agenda; needed for what stands on it
    #[arg(long, value_name = "ID")]
    decision: Option<String>,
    #[command(flatten)]
    stated: Stated,
    #[command(flatten)]
    recording: Recording,
}

impl LateFact {
    /// Records it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        self.check_fields(output.words)?;
        let fact = pb::LateFact {
            key: Some(self.record.to_pb()),
            fields: self.fields.iter().map(|(field, value)| (field.clone(), value_to_pb(value))).collect(),
            effective: Some(self.effective),
            reason: self.reason,
            decision: self.decision,
            citation: self.stated.citation(session, output).await?,
        };
        let receipt = record_late_fact(session, &self.recording, fact).await?;
        tell(output, &self.recording, receipt.as_ref())
    }
}

impl LateFact {
    /// Each field is one that the record may have, and is set once.
    fn check_fields(&self, w: Words) -> Result<(), Failure> {
        for (n, (field, _)) in self.fields.iter().enumerate() {
            let known = args::check_field(self.record.kind(), field);
            known.map_err(|misread| Failure::usage(format!("--set: {}", misread.message(w.0))))?;
            if self.fields.iter().take(n).any(|(earlier, _)| earlier == field) {
                let nl = format!("--set: `{field}` staat er twee keer; houd er één over");
                let en = format!("--set: `{field}` stands there twice; keep one");
                return Err(Failure::usage(w.pick(nl, en)));
            }
        }
        Ok(())
    }
}

/// Sends a late fact.
pub(crate) async fn record_late_fact(
    session: &Session,
    recording: &Recording,
    fact: pb::LateFact,
) -> Result<Option<pb::Receipt>, Failure> {
    let write = recording.write();
    let request = pb::RecordLateFactRequest { write: Some(write.clone()), late_fact: Some(fact) };
    Ok(sent(&write, session.agenda().record_late_fact(request)).await?.receipt)
}

/// A doubt, and what was decided about it.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook resolve-doubt decision/ps-2016-06-motie-armoede \\\n    \
                    --text 'the list confirms it'")]
pub(crate) struct ResolveDoubt {
    /// The record that carries the doubt: an action, or KIND/ID
    #[arg(value_parser = args::record)]
    record: RecordName,
    /// What was decided, and why
    #[arg(long, value_name = "TEXT")]
    text: String,
    #[command(flatten)]
    recording: Recording,
}

impl ResolveDoubt {
    /// Records it.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let write = self.recording.write();
        let resolution = pb::ResolveDoubt { key: Some(self.record.to_pb()), text: self.text };
        let request = pb::ResolveDoubtRequest { write: Some(write.clone()), resolution: Some(resolution) };
        let answer = sent(&write, session.agenda().resolve_doubt(request)).await?;
        tell(output, &self.recording, answer.receipt.as_ref())
    }
}
