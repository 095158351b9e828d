//! Decisions and motions.

use std::sync::Arc;

use minutebook_domain::command::Command;
use minutebook_domain::ids::Kind;
use minutebook_proto::pb::decision_service_server::DecisionService;
use minutebook_proto::pb::deed::Step;
use minutebook_proto::{link_from_pb, motion_to_pb, optional_id_from_pb, pb, record_to_pb};
use tonic::{Request, Response, Status};

use super::{StateRequest, asked, deed_of, list_records, parts, perform, query, write};
use crate::app::App;

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
        let state = StateRequest { write, agenda, record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::RecordDecisionResponse { receipt }))
    }

    async fn list_decisions(
        &self,
        request: Request<pb::ListDecisionsRequest>,
    ) -> Result<Response<pb::ListDecisionsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, move |query| {
            let (valid, known) = (request.valid.as_deref(), request.known.as_ref());
            let records = list_records(query, Kind::Decision, request.agenda, valid, known)?;
            let decisions = records.iter().filter_map(|record| match record_to_pb(record).record {
                Some(pb::record::Record::Decision(record)) => Some(record),
                _ => None,
            });
            Ok(pb::ListDecisionsResponse { position: query.position(), decisions: decisions.collect() })
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
        let state = StateRequest { write, agenda, record, effective, reason };
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
        let answer = query(&self.0, lang, move |query| {
            let agenda = optional_id_from_pb("agenda", request.agenda)?;
            let cut = query.cut(request.valid.as_deref(), request.known.as_ref())?;
            let motions = query.book.motions(agenda.as_ref(), &cut, &query.reader)?;
            Ok(pb::ListMotionsResponse { position: cut.known, motions: motions.iter().map(motion_to_pb).collect() })
        });
        answer.await.map(Response::new)
    }
}
