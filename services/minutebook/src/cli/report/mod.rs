//! `prove-changes` and `check-changes`: the report of a year with the proof that it is complete, and whether that is so.
//! What a server answers is checked before it is passed on; to check needs no ledger at all.

mod proof;
mod unique;

use std::path::PathBuf;

use clap::Args;
use minutebook_domain::event::{Payload, Seal};
use minutebook_domain::ids::Position;
use minutebook_domain::message::messages;
use minutebook_domain::value::Value;
use minutebook_proto::{changes_to_pb, decode_event, pb};
use minutebook_tlog::{Checkpoint, Fault, VerifierKey};
use serde_json::json;

use self::proof::{Compared, Proved, REPORT_BYTES, Report, ReportFault, Stated};
use super::connect::Session;
use super::failure::{Exit, Failure};
use super::proof::{Unproved, proved, read, trusted_key, verifier_key};
use super::words::Words;
use super::{Output, args, changes, print_json};

messages! {
    /// Why there is nothing to report.
    enum NoReport {
        /// Nothing held.
        NotInForce { agenda: String, year: i16 } = "NOT_IN_FORCE"
            nl "eind {year} gold er geen editie van `{agenda}`"
            en "no edition of `{agenda}` held at the end of {year}"
        /// No such revision is sealed.
        NoRevision { agenda: String, name: String } = "NOT_FOUND"
            nl "`{agenda}` heeft geen vastgestelde editie `{name}`"
            en "`{agenda}` has no adopted edition `{name}`"
    }
}

/// What to compare.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook prove-changes krimp-en-leefbaarheid --year 2018 > report.json\n\n\
                  The report holds what the editions stated when they were adopted. It names the newest revision that it\n\
                  knows: whether there is a newer one is told by the ledger, not by a report.\n\
                  What was corrected or recorded late since then is told by `changes`.")]
pub(crate) struct ProveChanges {
    /// The agenda
    agenda: String,
    /// Compare what held at the end of the year before with what held at the end of this year
    #[arg(long, value_name = "YEAR", conflicts_with = "from", required_unless_present = "from")]
    year: Option<i16>,
    /// Compare from this edition or revision, such as 2016-2017 or 2018-2019@1
    #[arg(long, value_name = "EDITION", value_parser = args::edition, requires = "to")]
    from: Option<pb::EditionName>,
    /// Compare to this edition or revision
    #[arg(long, value_name = "EDITION", value_parser = args::edition, requires = "from")]
    to: Option<pb::EditionName>,
    /// The verifier key of the ledger, or a file with it; what the server says unless given
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

/// What to check, and against which key.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  minutebook check-changes report.json --key drenthe.vkey\n\n\
                        The key is what `minutebook init` printed, or a file with it. It comes from elsewhere than the report.")]
pub(crate) struct CheckChanges {
    /// The file with the report; - is standard input
    file: PathBuf,
    /// The verifier key of the ledger, or a file with it
    #[arg(long, value_name = "KEY")]
    key: String,
    /// List what was carried over as well
    #[arg(long)]
    all: bool,
}

impl ProveChanges {
    /// Prints the report, once it holds.
    pub(crate) async fn run(self, session: &Session, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let head = session.audit().get_checkpoint(pb::GetCheckpointRequest::default()).await?.into_inner();
        let key = trusted_key(self.key.as_deref(), &head, w)?;
        let checkpoint = Checkpoint::open(&head.checkpoint, &key).map_err(|fault| Unproved::of(fault).failure(w))?;
        let seals = sealed(session, &self.agenda, checkpoint.size).await?;
        let mut revisions = Vec::with_capacity(seals.len());
        for position in seals {
            revisions.push(proved_seal(session, position, (checkpoint.size, &head.checkpoint), w).await?);
        }
        let compared = self.compared(&revisions, w)?;
        let mut stated = Vec::with_capacity(revisions.len());
        for (place, Sealed { seal, proof, .. }) in revisions.into_iter().enumerate() {
            let document = if compared.takes(place) { Some(document(session, seal, w).await?) } else { None };
            stated.push(Stated { proof, document });
        }
        // It is for programs, in whatever format people want their answers.
        let report = Report::write(&self.agenda, self.year, compared, stated, &key);
        print_json(&report.map_err(|fault| Unproved::of(fault).failure(w))?)
    }

    fn compared(&self, revisions: &[Sealed], w: Words) -> Result<Compared, Failure> {
        let agenda = &self.agenda;
        if let Some(year) = self.year {
            let seals: Vec<_> = revisions.iter().map(|sealed| (sealed.position, &sealed.seal)).collect();
            let held = Compared::year(&seals, year);
            let none = NoReport::NotInForce { agenda: agenda.clone(), year };
            return held.ok_or_else(|| none.failure(w));
        }
        let named = |name: &Option<pb::EditionName>| {
            let name = name.clone().unwrap_or_default();
            let is_it = |sealed: &Sealed| {
                sealed.seal.edition.id.as_str() == name.edition
                    && name.revision.is_none_or(|n| n == sealed.seal.revision)
            };
            let none = || NoReport::NoRevision { agenda: agenda.clone(), name: name.edition.clone() }.failure(w);
            revisions.iter().rposition(is_it).ok_or_else(none)
        };
        Ok(Compared { from: Some(named(&self.from)?), to: named(&self.to)? })
    }
}

impl NoReport {
    fn failure(&self, w: Words) -> Failure {
        Failure::new(Exit::NotFound, self.code(), self.message(w.0))
    }
}

/// The positions of the seals of an agenda in the tree of a size.
async fn sealed(session: &Session, agenda: &str, size: u64) -> Result<Vec<Position>, Failure> {
    let request = pb::GetAgendaRequest { agenda: agenda.to_owned(), ..pb::GetAgendaRequest::default() };
    // Refuses an agenda that is not there, and names the nearest one.
    session.agenda().get_agenda(request).await?;
    let agendas = session.agenda().list_agendas(pb::ListAgendasRequest::default()).await?.into_inner().agendas;
    let is_it = |summary: &&pb::AgendaSummary| summary.agenda.as_ref().is_some_and(|found| found.id == agenda);
    let revisions = agendas.iter().find(is_it).map(|summary| summary.revisions.as_slice()).unwrap_or_default();
    Ok(revisions.iter().map(|revision| revision.position).filter(|position| *position < size).collect())
}

/// A seal, with the proof that it is in the log.
struct Sealed {
    position: Position,
    seal: Seal,
    proof: String,
}

async fn proved_seal(session: &Session, position: Position, signed: (u64, &str), w: Words) -> Result<Sealed, Failure> {
    let proof = proved(session, position, Some(signed), w).await?;
    match decode_event(&proof.entry).map(|recorded| recorded.event.payload) {
        Ok(Payload::RevisionSealed(seal)) => Ok(Sealed { position, seal, proof: proof.to_string() }),
        Ok(_) => Err(Unproved::of(format_args!("the event at position {position} is not a seal")).failure(w)),
        Err(error) => Err(Unproved::of(error).failure(w)),
    }
}

async fn document(session: &Session, seal: Seal, w: Words) -> Result<Value, Failure> {
    let edition = pb::EditionName { edition: seal.edition.id.to_string(), revision: Some(seal.revision) };
    let format = pb::DocumentFormat::Json.into();
    let request = pb::ExportEditionRequest {
        agenda: seal.agenda.to_string(),
        edition: Some(edition),
        format,
        min_position: None,
    };
    let mut stream = session.agenda().export_edition(request).await?.into_inner();
    let mut text = Vec::new();
    while let Some(part) = stream.message().await? {
        text.extend(part.chunk);
    }
    serde_json::from_slice(&text).map_err(|error| Unproved::of(error).failure(w))
}

impl CheckChanges {
    /// Checks it, without any ledger.
    pub(crate) fn run(self, output: Output) -> Result<(), Failure> {
        let w = output.words;
        let key = verifier_key(&self.key, w)?;
        let text = read(&self.file, REPORT_BYTES, w)?;
        let proved = Report::check(&text, &key).map_err(|fault| match fault {
            ReportFault::Proof(_, fault @ Fault::Unsigned(_)) => Unproved::of_proof(fault).failure(w),
            fault => Unproved::of(fault).failure(w),
        })?;
        told(&proved, &key, self.all, output)
    }
}

fn told(proved: &Proved, key: &VerifierKey, all: bool, output: Output) -> Result<(), Failure> {
    let w = output.words;
    let Proved { changes, written, checkpoint, newest } = proved;
    let as_json = || {
        json!({
            "agenda": changes.agenda.as_str(),
            "from": changes.from,
            "to": changes.to,
            "invented": changes.invented,
            "newest": newest,
            "origin": checkpoint.origin,
            "size": checkpoint.size,
            "verifier_key": key.to_string(),
            "changes": written,
        })
    };
    output.answer(as_json, |page| {
        let answer = pb::GetChangesResponse { changes: Some(changes_to_pb(changes)), position: checkpoint.size.saturating_sub(1) };
        changes::write(page, w, &answer, all);
        let (origin, size) = (&checkpoint.origin, checkpoint.size);
        let nl = format!("Bewezen: dit volgt uit de vastgestelde edities van `{origin}`, ondertekend over {size} gebeurtenissen; de nieuwste is {newest}.");
        let en = format!("Proved: this follows from the editions that `{origin}` adopted, signed over {size} events; the newest is {newest}.");
        page.note(&w.pick(nl, en));
    })
}
