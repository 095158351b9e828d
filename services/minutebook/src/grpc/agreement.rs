//! Agreements as stated, and sums of money.

use std::sync::Arc;

use minutebook_domain::ids::Kind;
use minutebook_proto::pb::agreement_service_server::AgreementService;
use minutebook_proto::{pb, record_to_pb};
use tonic::{Request, Response, Status};

use super::{StateRequest, asked, list_records, parts, query};
use crate::app::App;

/// Agreements as stated, and sums of money.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

#[tonic::async_trait]
impl AgreementService for Service {
    async fn state_agreement(
        &self,
        request: Request<pb::StateAgreementRequest>,
    ) -> Result<Response<pb::StateAgreementResponse>, Status> {
        let (metadata, pb) = parts(request);
        let (write, agenda, effective, reason) = (pb.write, pb.agenda, pb.effective, pb.reason);
        let record = pb.agreement.map(pb::record::Record::Agreement);
        let state = StateRequest { write, agenda, record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::StateAgreementResponse { receipt }))
    }

    async fn list_agreements(
        &self,
        request: Request<pb::ListAgreementsRequest>,
    ) -> Result<Response<pb::ListAgreementsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, move |query| {
            let (valid, known) = (request.valid.as_deref(), request.known.as_ref());
            let records = list_records(query, Kind::Agreement, request.agenda, valid, known)?;
            let agreements = records.iter().filter_map(|record| match record_to_pb(record).record {
                Some(pb::record::Record::Agreement(record)) => Some(record),
                _ => None,
            });
            Ok(pb::ListAgreementsResponse { position: query.position(), agreements: agreements.collect() })
        });
        answer.await.map(Response::new)
    }

    async fn record_amount(
        &self,
        request: Request<pb::RecordAmountRequest>,
    ) -> Result<Response<pb::RecordAmountResponse>, Status> {
        let (metadata, pb) = parts(request);
        let (write, agenda, effective, reason) = (pb.write, pb.agenda, pb.effective, pb.reason);
        let record = pb.amount.map(pb::record::Record::Amount);
        let state = StateRequest { write, agenda, record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::RecordAmountResponse { receipt }))
    }

    async fn list_amounts(
        &self,
        request: Request<pb::ListAmountsRequest>,
    ) -> Result<Response<pb::ListAmountsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, move |query| {
            let (valid, known) = (request.valid.as_deref(), request.known.as_ref());
            let records = list_records(query, Kind::Amount, request.agenda, valid, known)?;
            let amounts = records.iter().filter_map(|record| match record_to_pb(record).record {
                Some(pb::record::Record::Amount(record)) => Some(record),
                _ => None,
            });
            Ok(pb::ListAmountsResponse { position: query.position(), amounts: amounts.collect() })
        });
        answer.await.map(Response::new)
    }
}
