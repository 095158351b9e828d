//! Decisions and motions.

use std::sync::Arc;

use minutebook_domain::command::Command;
use minutebook_domain::dates::Edtf;
use minutebook_domain::decision::{DecisionFilter, EFFECTS_MAX};
use minutebook_domain::ids::{Key, Kind};
use minutebook_proto::pb::decision_service_server::DecisionService;
use minutebook_proto::pb::deed::Step;
use minutebook_proto::{
    decision_to_pb, dossier_to_pb, id_from_pb, link_from_pb, motion_to_pb, optional_id_from_pb, pb,
};
use tonic::{Request, Response, Status};

use super::trouble::Trouble;
use super::{StateRequest, agenda_asked, asked, check_filter, deed_of, missing, parts, perform, query, write};
use crate::app::{App, day_asked};

/// Decisions and motions.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

#[tonic::async_trait]
impl DecisionService for Service {
    async fn record_decision(
        &self,
        request: Request<pb::RecordDecisionRequest>,
    ) -> Result<Response<pb::RecordDecisionResponse>, Status> {
        let (metadata, pb) = parts(request);
        let (write, agenda, effective, reason) = (pb.write, pb.agenda, pb.effective, pb.reason);
        let record = pb.decision.map(pb::record::Record::Decision);
        let state = StateRequest { write, agenda, field: "decision", record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::RecordDecisionResponse { receipt }))
    }

    async fn supersede_decision(
        &self,
        request: Request<pb::SupersedeDecisionRequest>,
    ) -> Result<Response<pb::SupersedeDecisionResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = Step::Supersede(pb::SupersedeStep { part: pb.part });
        let deed =
            pb::Deed { decision: Some(pb.by), effective: pb.effective, reason: pb.reason, ..deed(pb.decision, step) };
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::SupersedeDecisionResponse { receipt }))
    }

    async fn revoke_decision(
        &self,
        request: Request<pb::RevokeDecisionRequest>,
    ) -> Result<Response<pb::RevokeDecisionResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = Step::End(pb::EndStep::default());
        let deed =
            pb::Deed { decision: Some(pb.by), effective: pb.effective, reason: pb.reason, ..deed(pb.decision, step) };
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::RevokeDecisionResponse { receipt }))
    }

    async fn get_decision(
        &self,
        request: Request<pb::GetDecisionRequest>,
    ) -> Result<Response<pb::GetDecisionResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let id = id_from_pb("decision", request.decision)?;
            let cut = query.cut(None, request.known.as_ref())?;
            let view = query.book.decision_view(&id, EFFECTS_MAX, &cut, &query.reader)?;
            let view = view.ok_or_else(|| missing(query, &Key::new(Kind::Decision, &id)))?;
            Ok(pb::GetDecisionResponse { position: cut.known, decision: Some(decision_to_pb(&view)) })
        });
        answer.await.map(Response::new)
    }

    async fn list_decisions(
        &self,
        request: Request<pb::ListDecisionsRequest>,
    ) -> Result<Response<pb::ListDecisionsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let cut = query.cut(None, request.known.as_ref())?;
            let effects = if request.with_effects { EFFECTS_MAX } else { 0 };
            let filter = DecisionFilter {
                body: optional_id_from_pb("body", request.body)?,
                agenda: agenda_asked(query, request.agenda)?,
                from: day_asked(request.from.as_deref())?,
                to: day_asked(request.to.as_deref())?,
            };
            check_filter(query, Kind::Body, filter.body.as_ref())?;
            if let Some((from, to)) = filter.from.zip(filter.to).filter(|(from, to)| from > to) {
                return Err(Trouble::PeriodReversed { from, to }.into());
            }
            let decisions = query.book.decisions(&filter, effects, &cut, &query.reader)?;
            let decisions = decisions.iter().map(decision_to_pb).collect();
            Ok(pb::ListDecisionsResponse { position: cut.known, decisions })
        });
        answer.await.map(Response::new)
    }

    async fn get_dossier(
        &self,
        request: Request<pb::GetDossierRequest>,
    ) -> Result<Response<pb::GetDossierResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let id = id_from_pb("decision", request.decision)?;
            let cut = query.cut(None, request.known.as_ref())?;
            let missing = || missing(query, &Key::new(Kind::Decision, &id));
            let view = query.book.decision_view(&id, 0, &cut, &query.reader)?.ok_or_else(missing)?;
            let taken = view.decision.date.as_ref().map(Edtf::latest);
            let then = taken.map_or(Ok(None), |day| query.known_on(day))?;
            let dossier = query.book.dossier(&id, &cut, then, &query.reader)?.ok_or_else(missing)?;
            Ok(dossier_to_pb(&dossier, cut.known, then))
        });
        answer.await.map(Response::new)
    }

    async fn record_motion(
        &self,
        request: Request<pb::RecordMotionRequest>,
    ) -> Result<Response<pb::RecordMotionResponse>, Status> {
        let (metadata, pb) = parts(request);
        let (write, agenda, effective, reason) = (pb.write, pb.agenda, pb.effective, pb.reason);
        let record = pb.motion.map(pb::record::Record::Motion);
        let state = StateRequest { write, agenda, field: "motion", record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::RecordMotionResponse { receipt }))
    }

    async fn link_motion(
        &self,
        request: Request<pb::LinkMotionRequest>,
    ) -> Result<Response<pb::LinkMotionResponse>, Status> {
        let (metadata, mut pb) = parts(request);
        let header = pb.write.take();
        let receipt = write(&self.0, &metadata, header, || Ok(vec![Command::Link(link_from_pb(pb)?)])).await?;
        Ok(Response::new(pb::LinkMotionResponse { receipt }))
    }

    async fn settle_motion(
        &self,
        request: Request<pb::SettleMotionRequest>,
    ) -> Result<Response<pb::SettleMotionResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = Step::Settle(pb::EvidenceStep { evidence: pb.evidence });
        let deed = deed_of(pb::Kind::Motion, pb.motion, step, pb.decision, pb.effective, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::SettleMotionResponse { receipt }))
    }

    async fn list_motions(
        &self,
        request: Request<pb::ListMotionsRequest>,
    ) -> Result<Response<pb::ListMotionsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let agenda = agenda_asked(query, request.agenda)?;
            let cut = query.cut(request.valid.as_deref(), request.known.as_ref())?;
            let motions = query.book.motions(agenda.as_ref(), &cut, &query.reader)?;
            Ok(pb::ListMotionsResponse { position: cut.known, motions: motions.iter().map(motion_to_pb).collect() })
        });
        answer.await.map(Response::new)
    }
}

/// Something to do with a decision.
fn deed(id: String, step: Step) -> pb::Deed {
    let key = pb::RecordKey { kind: pb::Kind::Decision.into(), id, ..pb::RecordKey::default() };
    pb::Deed { key: Some(key), step: Some(step), ..pb::Deed::default() }
}
