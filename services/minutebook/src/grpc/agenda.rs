//! The agenda: how it reads, what changed, by whose decision and why.

use std::sync::Arc;

use minutebook_domain::answer::Reading;
use minutebook_domain::book::AgendaState;
use minutebook_domain::changes::Span;
use minutebook_domain::command::Command;
use minutebook_domain::history::Cut;
use minutebook_domain::ids::{Id, Key, Kind, Position};
use minutebook_domain::message::Lang;
use minutebook_domain::motion::{MotionState, PromiseState};
use minutebook_domain::record::{Milestone, Record};
use minutebook_domain::value::{Nearest, Value};
use minutebook_proto::pb::agenda_service_server::AgendaService;
use minutebook_proto::pb::deed::Step;
use minutebook_proto::pb::get_changes_request::Span as PbSpan;
use minutebook_proto::{
    blame_to_pb, changes_to_pb, correct_from_pb, date_from_pb, finding_to_pb, gap_to_pb, history_to_pb, id_from_pb,
    key_from_pb, late_from_pb, pb, promise_to_pb, record_to_pb, resolve_from_pb, revision_to_pb, state_from_pb,
};
use tokio_stream::Iter;
use tonic::{Request, Response, Status};

use super::trouble::{Fault, Trouble};
use super::{
    agenda_asked, agenda_of, asked, chunks, deed_of, missing, moment, named_revision, parts, perform, query, write,
};
use crate::app::{App, Query};
use crate::import::{to_json, to_yaml};

/// The agenda.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

/// A stream of messages that are there already.
type Ready<T> = Iter<std::vec::IntoIter<Result<T, Status>>>;

#[tonic::async_trait]
impl AgendaService for Service {
    type ExportEditionStream = Ready<pb::ExportEditionResponse>;
    type DraftEditionStream = Ready<pb::DraftEditionResponse>;

    async fn list_agendas(
        &self,
        request: Request<pb::ListAgendasRequest>,
    ) -> Result<Response<pb::ListAgendasResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, |query| {
            let agendas =
                query.book.entries(Kind::Agenda).filter_map(|(key, entry)| summary(query, key, &entry.record));
            Ok(pb::ListAgendasResponse { position: query.position(), agendas: agendas.collect() })
        });
        answer.await.map(Response::new)
    }

    async fn get_agenda(
        &self,
        request: Request<pb::GetAgendaRequest>,
    ) -> Result<Response<pb::GetAgendaResponse>, Status> {
        let (lang, request) = asked(request);
        query(&self.0, lang, request.min_position, move |query| get_agenda(query, request)).await.map(Response::new)
    }

    async fn get_changes(
        &self,
        request: Request<pb::GetChangesRequest>,
    ) -> Result<Response<pb::GetChangesResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let (agenda, state) = agenda_of(query, request.agenda)?;
            let known = query.known(request.known.as_ref())?;
            let span = span(&agenda, state, request.span, known)?;
            let changes = query.book.changes(&agenda, span, &query.reader)?;
            let mut pb = changes_to_pb(&changes);
            if request.label_carried_over {
                for (pb, item) in pb.carried_over.iter_mut().zip(&changes.carried_over) {
                    let state = query.book.at(&item.key, &span.to, &query.reader)?;
                    pb.label = state.map(|state| state.record.label());
                }
            }
            Ok(pb::GetChangesResponse { position: changes.position, changes: Some(pb) })
        });
        answer.await.map(Response::new)
    }

    async fn get_history(
        &self,
        request: Request<pb::GetHistoryRequest>,
    ) -> Result<Response<pb::GetHistoryResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let key = key_from_pb(request.key)?;
            let known = query.known(request.known.as_ref())?;
            let entries = query.book.history(&key, known, &query.reader)?;
            // What it was called then.
            let state = query.book.at(&key, &Cut { known, ..Cut::NOW }, &query.reader)?;
            let label = state.ok_or_else(|| missing(query, &key))?.record.label();
            let entries = entries.iter().map(history_to_pb).collect();
            Ok(pb::GetHistoryResponse { position: known, label, entries })
        });
        answer.await.map(Response::new)
    }

    async fn get_blame(&self, request: Request<pb::GetBlameRequest>) -> Result<Response<pb::GetBlameResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let key = key_from_pb(request.key)?;
            let known = query.known(request.known.as_ref())?;
            query.book.entry(&key).ok_or_else(|| missing(query, &key))?;
            let blame = query.book.blame(&key, &request.field, known, &query.reader)?;
            let blame = blame.ok_or_else(|| {
                let fields = Record::fields(key.kind);
                let nearest = Nearest::of(&request.field, fields.iter().copied());
                let fields = fields.join(", ");
                Trouble::FieldUnknown { key: key.clone(), field: request.field.clone(), nearest, fields }
            })?;
            Ok(blame_to_pb(&blame, known))
        });
        answer.await.map(Response::new)
    }

    async fn list_findings(
        &self,
        request: Request<pb::ListFindingsRequest>,
    ) -> Result<Response<pb::ListFindingsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let (agenda, _) = agenda_of(query, request.agenda)?;
            let findings = query.book.findings(&agenda, query.today(), &query.reader)?;
            let findings = findings.iter().map(finding_to_pb).collect();
            Ok(pb::ListFindingsResponse { position: query.position(), findings })
        });
        answer.await.map(Response::new)
    }

    async fn get_audit(&self, request: Request<pb::GetAuditRequest>) -> Result<Response<pb::GetAuditResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let (agenda, _) = agenda_of(query, request.agenda)?;
            let gaps = query.book.audit(&agenda, &query.reader)?;
            Ok(pb::GetAuditResponse { position: query.position(), gaps: gaps.iter().map(gap_to_pb).collect() })
        });
        answer.await.map(Response::new)
    }

    async fn export_edition(
        &self,
        request: Request<pb::ExportEditionRequest>,
    ) -> Result<Response<Self::ExportEditionStream>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let (agenda, state) = agenda_of(query, request.agenda.clone())?;
            let revision = named_revision(&agenda, state, request.edition.as_ref(), query.position())?;
            let value = query.book.export(&agenda, revision, &query.reader)?.to_value();
            let mut text = rendered(&value, request.format());
            let effective = &revision.seal.edition.effective;
            if effective.earliest() > query.today() && request.format() != pb::DocumentFormat::Json {
                // A comment: what the edition stated stays as it was.
                text.insert_str(
                    0,
                    &match lang {
                        Lang::Nl => format!("# Nog niet van kracht (vanaf {effective}).\n"),
                        Lang::En => format!("# Not yet in force (from {effective}).\n"),
                    },
                );
            }
            Ok((query.position(), text))
        });
        let (position, text) = answer.await?;
        let messages = chunks(&text).into_iter().map(|chunk| Ok(pb::ExportEditionResponse { position, chunk }));
        Ok(Response::new(tokio_stream::iter(messages.collect::<Vec<_>>())))
    }

    async fn draft_edition(
        &self,
        request: Request<pb::DraftEditionRequest>,
    ) -> Result<Response<Self::DraftEditionStream>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let (agenda, _) = agenda_of(query, request.agenda.clone())?;
            let label = id_from_pb("edition", request.edition.clone())?;
            let draft = query.book.draft(&agenda, &label, &query.reader)?;
            let draft = draft.ok_or(Trouble::NothingAdopted { agenda })?;
            Ok((query.position(), rendered(&draft, request.format())))
        });
        let (position, text) = answer.await?;
        let messages = chunks(&text).into_iter().map(|chunk| Ok(pb::DraftEditionResponse { position, chunk }));
        Ok(Response::new(tokio_stream::iter(messages.collect::<Vec<_>>())))
    }

    async fn record_erratum(
        &self,
        request: Request<pb::RecordErratumRequest>,
    ) -> Result<Response<pb::RecordErratumResponse>, Status> {
        let (metadata, pb) = parts(request);
        let erratum = pb.erratum.unwrap_or_default();
        let receipt = write(&self.0, &metadata, pb.write, || Ok(vec![Command::Correct(correct_from_pb(erratum)?)]));
        Ok(Response::new(pb::RecordErratumResponse { receipt: receipt.await? }))
    }

    async fn record_late_fact(
        &self,
        request: Request<pb::RecordLateFactRequest>,
    ) -> Result<Response<pb::RecordLateFactResponse>, Status> {
        let (metadata, pb) = parts(request);
        let fact = pb.late_fact.unwrap_or_default();
        let receipt = write(&self.0, &metadata, pb.write, || Ok(vec![Command::RecordLate(late_from_pb(fact)?)]));
        Ok(Response::new(pb::RecordLateFactResponse { receipt: receipt.await? }))
    }

    async fn resolve_doubt(
        &self,
        request: Request<pb::ResolveDoubtRequest>,
    ) -> Result<Response<pb::ResolveDoubtResponse>, Status> {
        let (metadata, pb) = parts(request);
        let resolution = pb.resolution.unwrap_or_default();
        let command = || Ok(vec![Command::ResolveDoubt(resolve_from_pb(resolution)?)]);
        let receipt = write(&self.0, &metadata, pb.write, command).await?;
        Ok(Response::new(pb::ResolveDoubtResponse { receipt }))
    }

    async fn state_record(
        &self,
        request: Request<pb::StateRecordRequest>,
    ) -> Result<Response<pb::StateRecordResponse>, Status> {
        let (metadata, pb) = parts(request);
        let statement = pb.statement;
        let command = || Ok(vec![Command::State(state_from_pb(statement)?)]);
        let receipt = write(&self.0, &metadata, pb.write, command);
        Ok(Response::new(pb::StateRecordResponse { receipt: receipt.await? }))
    }

    async fn meet_promise(
        &self,
        request: Request<pb::MeetPromiseRequest>,
    ) -> Result<Response<pb::MeetPromiseResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = Step::Meet(pb::EvidenceStep { evidence: pb.evidence });
        let deed = deed_of(pb::Kind::Milestone, pb.promise, step, pb.decision, pb.effective, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::MeetPromiseResponse { receipt }))
    }

    async fn move_promise(
        &self,
        request: Request<pb::MovePromiseRequest>,
    ) -> Result<Response<pb::MovePromiseResponse>, Status> {
        let (metadata, pb) = parts(request);
        // Only the named fields of the record count.
        let (id, what) = (pb.promise.clone(), pb.promise.clone());
        let milestone = pb::Milestone { id, what, due: pb.due, due_text: pb.due_text, ..pb::Milestone::default() };
        let record = Some(pb::Record { record: Some(pb::record::Record::Milestone(milestone)) });
        let step = Step::Amend(pb::AmendStep { record, fields: vec!["due".to_owned(), "due_text".to_owned()] });
        let deed = deed_of(pb::Kind::Milestone, pb.promise, step, pb.decision, pb.effective, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::MovePromiseResponse { receipt }))
    }

    async fn miss_promise(
        &self,
        request: Request<pb::MissPromiseRequest>,
    ) -> Result<Response<pb::MissPromiseResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = Step::Miss(pb::MissStep {});
        let deed = deed_of(pb::Kind::Milestone, pb.promise, step, pb.decision, pb.effective, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::MissPromiseResponse { receipt }))
    }

    async fn list_promises(
        &self,
        request: Request<pb::ListPromisesRequest>,
    ) -> Result<Response<pb::ListPromisesResponse>, Status> {
        let (lang, request) = asked(request);
        query(&self.0, lang, request.min_position, move |query| list_promises(query, request)).await.map(Response::new)
    }
}

fn list_promises(query: &Query, request: pb::ListPromisesRequest) -> Result<pb::ListPromisesResponse, Fault> {
    let agenda = agenda_asked(query, request.agenda)?;
    let due = date_from_pb("due", request.due)?;
    let (cut, day) = moment(query, request.valid.as_deref(), request.known.as_ref())?;
    let mut promises = query.book.promises(agenda.as_ref(), &cut, day, &query.reader)?;
    if let Some(due) = due {
        let by_then = |milestone: &Milestone| milestone.due.as_ref().is_some_and(|date| date.latest() <= due.latest());
        promises.retain(|promise| promise.state.is_open() && by_then(&promise.milestone));
    }
    if request.overdue {
        promises.retain(|promise| promise.state == PromiseState::Overdue);
    }
    let motions = query.book.motions(agenda.as_ref(), &cut, &query.reader)?;
    let open = motions.iter().filter(|motion| motion.state != MotionState::Settled).count();
    Ok(pb::ListPromisesResponse {
        position: cut.known,
        promises: promises.iter().map(promise_to_pb).collect(),
        open_motions: u32::try_from(open).unwrap_or(u32::MAX),
    })
}

fn summary(query: &Query, key: &Key, record: &Record) -> Option<pb::AgendaSummary> {
    let revisions = query.book.agenda(&key.id).map(|state| state.revisions.as_slice()).unwrap_or_default();
    match record_to_pb(record).record {
        Some(pb::record::Record::Agenda(agenda)) => {
            Some(pb::AgendaSummary { agenda: Some(agenda), revisions: revisions.iter().map(revision_to_pb).collect() })
        }
        _ => None,
    }
}

fn get_agenda(query: &Query, request: pb::GetAgendaRequest) -> Result<pb::GetAgendaResponse, Fault> {
    let (agenda, state) = agenda_of(query, request.agenda)?;
    let mut cut = query.cut(request.valid.as_deref(), request.known.as_ref())?;
    if request.edition.is_some() {
        cut = named_revision(&agenda, state, request.edition.as_ref(), cut.known)?.as_known(cut.known);
    }
    let reading = query.book.reading(&agenda, &cut, &query.reader)?;
    let Reading { document, revision, uncertain } = reading.ok_or(Trouble::NotInForce { agenda })?;
    let today = if request.valid.is_some() { cut.valid } else { query.today() };
    let held = state.in_force(&Cut { valid: today, known: cut.known, sealed: None });
    let horizon = revision.seal.edition.horizon.as_ref().unwrap_or(&revision.seal.edition.last_year);
    let header = document.agenda.map(|agenda| record_to_pb(&agenda.into()));
    Ok(pb::GetAgendaResponse {
        position: cut.known,
        term_passed: horizon.latest() < today,
        in_force: held.is_some_and(|held| held.position == revision.position),
        upcoming: revision.seal.edition.effective.earliest() > today,
        revision: Some(revision_to_pb(&revision)),
        agenda: header.and_then(|header| match header.record {
            Some(pb::record::Record::Agenda(agenda)) => Some(agenda),
            _ => None,
        }),
        records: document.records.iter().map(record_to_pb).collect(),
        uncertain,
    })
}

fn span(agenda: &Id, state: &AgendaState, span: Option<PbSpan>, known: Position) -> Result<Span, Fault> {
    match span {
        None => Err(Trouble::SpanMissing {}.into()),
        Some(PbSpan::Year(year)) => {
            let span = i16::try_from(year).ok().and_then(|year| Span::year(state, year, known));
            Ok(span.ok_or(Trouble::YearForm { year })?)
        }
        Some(PbSpan::Editions(editions)) => {
            let from = editions.from.ok_or(Trouble::SpanHalf { side: "--from" })?;
            let to = editions.to.ok_or(Trouble::SpanHalf { side: "--to" })?;
            let from = named_revision(agenda, state, Some(&from), known)?;
            let to = named_revision(agenda, state, Some(&to), known)?;
            if from.position > to.position {
                return Err(Trouble::SpanReversed { from: from.name(), to: to.name() }.into());
            }
            Ok(Span::revisions(from, to, known))
        }
    }
}

fn rendered(value: &Value, format: pb::DocumentFormat) -> String {
    match format {
        pb::DocumentFormat::Json => to_json(value),
        pb::DocumentFormat::Unspecified | pb::DocumentFormat::Yaml => to_yaml(value),
    }
}
