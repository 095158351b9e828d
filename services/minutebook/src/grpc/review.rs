//! The reviews of an agenda: opened, filled with proposals, checked and adopted, one step at a time.

use std::sync::Arc;

use minutebook_domain::book::AgendaState;
use minutebook_domain::command::Command;
use minutebook_domain::event::Payload;
use minutebook_domain::ids::{Id, Position};
use minutebook_domain::message::Lang;
use minutebook_domain::refusal::Problem;
use minutebook_proto::pb::review_command::Step;
use minutebook_proto::pb::review_service_server::ReviewService;
use minutebook_proto::{
    check_to_pb, date_from_pb, open_review_to_pb, optional_id_from_pb, pb, proposed_to_pb, review_from_pb,
    revision_to_pb,
};
use tonic::metadata::MetadataMap;
use tonic::{Request, Response, Status};

use super::trouble::{Fault, Trouble};
use super::{agenda_of, asked, named_revision, parts, query, status, write};
use crate::app::{App, Query};

/// The reviews of an agenda.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

/// What a write of a review has beside its step.
struct StepRequest {
    write: Option<pb::Write>,
    agenda: String,
    edition: Option<String>,
    reason: Option<String>,
}

impl StepRequest {
    /// Records the step; one that is not there is named as missing.
    async fn record(
        self,
        app: &Arc<App>,
        metadata: &MetadataMap,
        step: Option<Step>,
    ) -> Result<Option<pb::Receipt>, Status> {
        let Self { write: header, agenda, edition, reason } = self;
        let command = pb::ReviewCommand { agenda, edition, reason, expected_revision: None, step };
        write(app, metadata, header, || Ok(vec![Command::Review(review_from_pb(command)?)])).await
    }
}

#[tonic::async_trait]
impl ReviewService for Service {
    async fn list_reviews(
        &self,
        request: Request<pb::ListReviewsRequest>,
    ) -> Result<Response<pb::ListReviewsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let (_, state) = agenda_of(query, request.agenda)?;
            let revisions = state.revisions.iter().map(revision_to_pb).collect();
            let open = state.open.values().map(open_review_to_pb).collect();
            Ok(pb::ListReviewsResponse { position: query.position(), revisions, open })
        });
        answer.await.map(Response::new)
    }

    async fn get_review(
        &self,
        request: Request<pb::GetReviewRequest>,
    ) -> Result<Response<pb::GetReviewResponse>, Status> {
        let (lang, request) = asked(request);
        query(&self.0, lang, request.min_position, move |query| get_review(query, request)).await.map(Response::new)
    }

    async fn check_review(
        &self,
        request: Request<pb::CheckReviewRequest>,
    ) -> Result<Response<pb::CheckReviewResponse>, Status> {
        let (lang, request) = asked(request);
        query(&self.0, lang, request.min_position, move |query| check_review(query, request)).await.map(Response::new)
    }

    async fn open_review(
        &self,
        request: Request<pb::OpenReviewRequest>,
    ) -> Result<Response<pb::OpenReviewResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = StepRequest { write: pb.write, agenda: pb.agenda, edition: Some(pb.edition), reason: pb.reason };
        let receipt = step.record(&self.0, &metadata, pb.opening.map(Step::Open)).await?;
        Ok(Response::new(pb::OpenReviewResponse { receipt }))
    }

    async fn propose_disposition(
        &self,
        request: Request<pb::ProposeDispositionRequest>,
    ) -> Result<Response<pb::ProposeDispositionResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = StepRequest { write: pb.write, agenda: pb.agenda, edition: pb.edition, reason: Some(pb.reason) };
        let dry_run = step.write.as_ref().is_some_and(|write| write.validate_only);
        let receipt = step.record(&self.0, &metadata, pb.proposal.map(Step::Propose)).await?;
        let changes =
            if dry_run { Vec::new() } else { proposed_by(&self.0, status::lang(&metadata), receipt.clone()).await? };
        Ok(Response::new(pb::ProposeDispositionResponse { receipt, changes }))
    }

    async fn withdraw_disposition(
        &self,
        request: Request<pb::WithdrawDispositionRequest>,
    ) -> Result<Response<pb::WithdrawDispositionResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = StepRequest { write: pb.write, agenda: pb.agenda, edition: pb.edition, reason: Some(pb.reason) };
        let receipt = step.record(&self.0, &metadata, Some(Step::Withdraw(pb.change))).await?;
        Ok(Response::new(pb::WithdrawDispositionResponse { receipt }))
    }

    async fn select_disposition(
        &self,
        request: Request<pb::SelectDispositionRequest>,
    ) -> Result<Response<pb::SelectDispositionResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = StepRequest { write: pb.write, agenda: pb.agenda, edition: pb.edition, reason: pb.reason };
        let receipt = step.record(&self.0, &metadata, Some(Step::Select(pb.change))).await?;
        Ok(Response::new(pb::SelectDispositionResponse { receipt }))
    }

    async fn keep_rest(&self, request: Request<pb::KeepRestRequest>) -> Result<Response<pb::KeepRestResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = StepRequest { write: pb.write, agenda: pb.agenda, edition: pb.edition, reason: pb.reason };
        let receipt = step.record(&self.0, &metadata, Some(Step::KeepRest(pb::RestKeeping {}))).await?;
        Ok(Response::new(pb::KeepRestResponse { receipt }))
    }

    async fn adopt_review(
        &self,
        request: Request<pb::AdoptReviewRequest>,
    ) -> Result<Response<pb::AdoptReviewResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = StepRequest { write: pb.write, agenda: pb.agenda, edition: pb.edition, reason: pb.reason };
        let receipt = step.record(&self.0, &metadata, pb.adoption.map(Step::Adopt)).await?;
        Ok(Response::new(pb::AdoptReviewResponse { receipt }))
    }

    async fn abandon_review(
        &self,
        request: Request<pb::AbandonReviewRequest>,
    ) -> Result<Response<pb::AbandonReviewResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = StepRequest { write: pb.write, agenda: pb.agenda, edition: pb.edition, reason: Some(pb.reason) };
        let receipt = step.record(&self.0, &metadata, Some(Step::Abandon(pb::ReviewAbandonment {}))).await?;
        Ok(Response::new(pb::AbandonReviewResponse { receipt }))
    }
}

/// The ids of the proposals that a write recorded.
async fn proposed_by(app: &Arc<App>, lang: Lang, receipt: Option<pb::Receipt>) -> Result<Vec<String>, Status> {
    let receipt = receipt.unwrap_or_default();
    let events = receipt.first..receipt.first + Position::from(receipt.count);
    query(app, lang, None, move |query| {
        let mut changes = Vec::new();
        for position in events {
            let recorded = query.reader.recorded(position).map_err(|error| Trouble::from(&error))?;
            if let Payload::DispositionProposed(proposal) = &recorded.event.payload {
                changes.push(proposal.change.id.to_string());
            }
        }
        Ok(changes)
    })
    .await
}

/// The label of the open review that a request for a review means: the one that it names, unless it wants a revision;
/// or the only one.
fn named_open(state: &AgendaState, name: Option<&pb::EditionName>) -> Option<Id> {
    let mut open = state.open.keys();
    match name {
        Some(name) => open.find(|label| name.revision.is_none() && label.as_str() == name.edition).cloned(),
        None => open.next().filter(|_| state.open.len() == 1).cloned(),
    }
}

fn get_review(query: &Query, request: pb::GetReviewRequest) -> Result<pb::GetReviewResponse, Fault> {
    let (agenda, state) = agenda_of(query, request.agenda)?;
    let position = query.position();
    if let Some((label, open)) = named_open(state, request.edition.as_ref()).and_then(|l| state.open.get_key_value(&l))
    {
        let proposals = query.book.open_proposals(&agenda, label, &query.reader)?;
        return Ok(pb::GetReviewResponse {
            position,
            revision: None,
            proposals: proposals.iter().map(proposed_to_pb).collect(),
            open: Some(open_review_to_pb(open)),
        });
    }
    let revision = named_revision(&agenda, state, request.edition.as_ref(), position)?;
    let proposals = query.book.proposals(revision, &query.reader)?;
    Ok(pb::GetReviewResponse {
        position,
        revision: Some(revision_to_pb(revision)),
        proposals: proposals.iter().map(proposed_to_pb).collect(),
        open: None,
    })
}

fn check_review(query: &Query, request: pb::CheckReviewRequest) -> Result<pb::CheckReviewResponse, Fault> {
    let (agenda, _) = agenda_of(query, request.agenda)?;
    let edition = optional_id_from_pb("edition", request.edition)?;
    let decision = optional_id_from_pb("decision", request.decision)?;
    let effective = date_from_pb("effective", request.effective)?;
    let (edition, decision, effective) = (edition.as_ref(), decision.as_ref(), effective.as_ref());
    let check = query.book.check_review(&agenda, edition, decision, effective, query.today(), &query.reader)?;
    let problems = check.problems.iter().map(problem_to_pb).collect();
    Ok(check_to_pb(&check, problems, query.position()))
}

/// What keeps a review from being adopted, in no file.
fn problem_to_pb(problem: &Problem) -> pb::Problem {
    let key = problem.place.key.as_ref();
    pb::Problem {
        section: key.map(|key| key.kind.section().to_owned()).unwrap_or_default(),
        id: key.map(|key| key.id.to_string()).unwrap_or_default(),
        field: problem.place.field.clone().unwrap_or_default(),
        line: 0,
        code: problem.refusal.code().to_owned(),
        message_nl: problem.refusal.message(Lang::Nl),
        message_en: problem.refusal.message(Lang::En),
    }
}
