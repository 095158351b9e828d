//! What every command that records takes and tells: who acts, under which name, and the receipt.

use std::collections::BTreeSet;

use clap::Args;
use minutebook_domain::ids::{Id, Kind};
use minutebook_domain::record::Record;
use minutebook_domain::value::Value;
use minutebook_proto::{kind_to_pb, pb, record_from_pb};
use serde_json::Map;
use tonic::Status;

use super::connect::Session;
use super::failure::{Exit, Failure};
use super::words::{Words, instant};
use super::{Output, json};

/// Who acts, and the name of the write.
#[derive(Debug, Clone, Args)]
pub(crate) struct Recording {
    /// The capacity in which you act, such as "secretary" (no personal names)
    #[arg(long, value_name = "TEXT")]
    capacity: Option<String>,
    /// The body on whose behalf you act
    #[arg(long, value_name = "BODY")]
    on_behalf_of: Option<String>,
    /// A name for this write: the same name again gets the same answer, and records nothing twice
    #[arg(long, value_name = "ID")]
    request_id: Option<String>,
    /// Decide whether it may be recorded, and record nothing
    #[arg(long)]
    dry_run: bool,
}

impl Recording {
    /// The write of a program that acts in this capacity.
    pub(crate) fn of(capacity: &str) -> Self {
        Self { capacity: Some(capacity.to_owned()), on_behalf_of: None, request_id: None, dry_run: false }
    }

    /// Is nothing to be recorded?
    pub(crate) fn is_dry_run(&self) -> bool {
        self.dry_run
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> pb::Actor {
        pb::Actor { capacity: self.capacity.clone(), on_behalf_of: self.on_behalf_of.clone(), ..pb::Actor::default() }
    }

    /// What the write says of itself, under a fresh name unless it was given one.
    pub(crate) fn write(&self) -> pb::Write {
        let fresh = || uuid::Uuid::now_v7().to_string();
        pb::Write {
            request_id: self.request_id.clone().unwrap_or_else(fresh),
            validate_only: self.dry_run,
            actor: Some(self.actor()),
            ..pb::Write::default()
        }
    }

    /// The same of the write of a record that is not there yet.
    pub(crate) fn write_new(&self) -> pb::Write {
        pb::Write { expected_revision: Some(0), ..self.write() }
    }
}

/// By which decision, from when and why something is done.
#[derive(Debug, Clone, Args)]
pub(crate) struct Because {
    /// The decision by which
    #[arg(long, value_name = "ID")]
    pub(crate) decision: Option<String>,
    /// From when (EDTF: 2018-01-01, 2018); from when the decision holds, or today, unless given
    #[arg(long, value_name = "DATE", value_parser = super::args::date)]
    pub(crate) effective: Option<pb::Date>,
    /// Why, in one or more sentences
    #[arg(long, value_name = "TEXT")]
    pub(crate) reason: Option<String>,
}

/// How a record reads now, and its newest event.
pub(crate) async fn current(session: &Session, kind: Kind, id: String) -> Result<(Record, u64), Failure> {
    let asked = pb::GetRecordRequest { kind: kind_to_pb(kind).into(), id, ..pb::GetRecordRequest::default() };
    let answer = session.directory().get_record(asked).await?.into_inner();
    let unread = |fault| Failure::new(Exit::Unreachable, "ANSWER", format!("the answer is not understood: {fault}"));
    Ok((record_from_pb(answer.record).map_err(unread)?, answer.revision))
}

/// A record of which these fields are set. Each is one that the record may have, and is set once.
pub(crate) fn set(
    kind: Kind,
    id: &Id,
    mut map: Map<String, Value>,
    fields: Vec<(String, Value)>,
    w: Words,
) -> Result<Record, Failure> {
    let mut seen = BTreeSet::new();
    for (field, value) in fields {
        super::args::check_field(kind, &field)
            .map_err(|misread| Failure::usage(format!("--set: {}", misread.message(w.0))))?;
        if !seen.insert(field.clone()) {
            let nl = format!("--set: `{field}` staat er twee keer; houd er één over");
            let en = format!("--set: `{field}` stands there twice; keep one");
            return Err(Failure::usage(w.pick(nl, en)));
        }
        map.insert(field, value);
    }
    Record::read(kind, id.clone(), &map).map_err(|faults| {
        let said = faults.iter().map(|fault| format!("`{}` {}", fault.field, fault.fault.message(w.0)));
        Failure::usage(format!("--set: {}", said.collect::<Vec<_>>().join("; ")))
    })
}

/// Sends a write, and keeps its name for whoever must send it again.
pub(crate) async fn sent<T>(
    write: &pb::Write,
    answer: impl Future<Output = Result<tonic::Response<T>, Status>>,
) -> Result<T, Failure> {
    let answer = answer.await.map_err(|status| Failure::of_write(&status, &write.request_id))?;
    Ok(answer.into_inner())
}

/// Tells what was recorded.
pub(crate) fn tell(output: Output, recording: &Recording, receipt: Option<&pb::Receipt>) -> Result<(), Failure> {
    let receipt = receipt.cloned().unwrap_or_default();
    let recorded = || serde_json::json!({"receipt": json::receipt(&receipt), "dry_run": recording.dry_run});
    output.answer(recorded, |page| page.note(&receipt_line(output.words, &receipt, recording.dry_run)))
}

/// A receipt in one line.
pub(crate) fn receipt_line(w: Words, receipt: &pb::Receipt, dry_run: bool) -> String {
    if dry_run {
        return w
            .pick("Dit kan worden vastgelegd; er is niets vastgelegd.", "This can be recorded; nothing was.")
            .to_owned();
    }
    let at = instant(receipt.recorded_at_ms);
    let (first, last) = (receipt.first, receipt.first + u64::from(receipt.count.saturating_sub(1)));
    let mut text = match receipt.count {
        0 => w
            .pick("Alles stond er al zo; er is niets vastgelegd.", "All of it was so already; nothing was recorded.")
            .to_owned(),
        1 => w.pick(format!("Vastgelegd als gebeurtenis {first}, {at}."), format!("Recorded as event {first}, {at}.")),
        n => w.pick(
            format!("Vastgelegd: {n} gebeurtenissen, {first} t/m {last}, {at}."),
            format!("Recorded: {n} events, {first} to {last}, {at}."),
        ),
    };
    if receipt.repeated {
        let (nl, en) = (
            " Dit verzoek was al beantwoord; dit is hetzelfde antwoord.",
            " This request had been answered before; this is the same answer.",
        );
        text.push_str(w.pick(nl, en));
    }
    text
}
