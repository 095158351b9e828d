//! Agreements between parties, and sums of money.

use std::sync::Arc;

use minutebook_domain::agreement::{AgreementStanding, AgreementState};
use minutebook_domain::ids::{Id, Key, Kind};
use minutebook_domain::money::SumBy;
use minutebook_domain::sheet::Name;
use minutebook_proto::pb::agreement_service_server::AgreementService;
use minutebook_proto::pb::deed::Step;
use minutebook_proto::{
    agreement_state_to_pb, agreement_to_pb, history_to_pb, id_from_pb, money_to_pb, optional_id_from_pb, pb,
    record_to_pb,
};
use tonic::{Request, Response, Status};

use super::trouble::Fault;
use super::{
    StateRequest, agenda_asked, agenda_of, asked, check_filter, deed_of, list_records, missing, moment, parts, perform,
    query,
};
use crate::app::{App, Query};

/// Agreements between parties, and sums of money.
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
        let state = StateRequest { write, agenda, field: "agreement", record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::StateAgreementResponse { receipt }))
    }

    async fn list_agreements(
        &self,
        request: Request<pb::ListAgreementsRequest>,
    ) -> Result<Response<pb::ListAgreementsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let position = query.known(request.known.as_ref())?;
            Ok(pb::ListAgreementsResponse { position, agreements: agreements(query, request)? })
        });
        answer.await.map(Response::new)
    }

    async fn get_agreement(
        &self,
        request: Request<pb::GetAgreementRequest>,
    ) -> Result<Response<pb::GetAgreementResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let id = id_from_pb("agreement", request.agreement)?;
            let (cut, day) = moment(query, request.valid.as_deref(), request.known.as_ref())?;
            let standing = query.book.agreement(&id, &cut, day, &query.reader)?;
            let standing = standing.ok_or_else(|| missing(query, &Key::new(Kind::Agreement, &id)))?;
            let amendments = query.book.amendments(&id, &cut, &query.reader)?;
            Ok(pb::GetAgreementResponse {
                position: cut.known,
                agreement: Some(agreement_to_pb(&standing, None)),
                amendments: amendments.iter().map(history_to_pb).collect(),
            })
        });
        answer.await.map(Response::new)
    }

    async fn propose_agreement(
        &self,
        request: Request<pb::ProposeAgreementRequest>,
    ) -> Result<Response<pb::ProposeAgreementResponse>, Status> {
        let (metadata, pb) = parts(request);
        let id = pb.agreement.as_ref().map(|agreement| agreement.id.clone()).unwrap_or_default();
        let step = Step::Propose(pb::ProposeStep { agenda: pb.agenda, agreement: pb.agreement });
        let deed = deed_of(pb::Kind::Agreement, id, step, pb.decision, pb.effective, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::ProposeAgreementResponse { receipt }))
    }

    async fn sign_agreement(
        &self,
        request: Request<pb::SignAgreementRequest>,
    ) -> Result<Response<pb::SignAgreementResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = Step::Sign(pb::SignStep { party: pb.party, membership: pb.membership });
        let deed = deed_of(pb::Kind::Agreement, pb.agreement, step, pb.decision, pb.date, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::SignAgreementResponse { receipt }))
    }

    async fn amend_agreement(
        &self,
        request: Request<pb::AmendAgreementRequest>,
    ) -> Result<Response<pb::AmendAgreementResponse>, Status> {
        let (metadata, pb) = parts(request);
        let id = pb.agreement.as_ref().map(|agreement| agreement.id.clone()).unwrap_or_default();
        let record =
            pb.agreement.map(|agreement| pb::Record { record: Some(pb::record::Record::Agreement(agreement)) });
        let step = Step::Amend(pb::AmendStep { record, fields: pb.fields });
        let deed = deed_of(pb::Kind::Agreement, id, step, pb.decision, pb.effective, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::AmendAgreementResponse { receipt }))
    }

    async fn end_agreement(
        &self,
        request: Request<pb::EndAgreementRequest>,
    ) -> Result<Response<pb::EndAgreementResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = Step::End(pb::EndStep::default());
        let deed = deed_of(pb::Kind::Agreement, pb.agreement, step, pb.decision, pb.effective, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::EndAgreementResponse { receipt }))
    }

    async fn end_amount(
        &self,
        request: Request<pb::EndAmountRequest>,
    ) -> Result<Response<pb::EndAmountResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = Step::End(pb::EndStep::default());
        let deed = deed_of(pb::Kind::Amount, pb.amount, step, pb.decision, pb.effective, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::EndAmountResponse { receipt }))
    }

    async fn sum_amounts(
        &self,
        request: Request<pb::SumAmountsRequest>,
    ) -> Result<Response<pb::SumAmountsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let by = match request.by() {
                pb::SumBy::Unspecified | pb::SumBy::Theme => SumBy::Theme,
                pb::SumBy::Year => SumBy::Year,
                pb::SumBy::Source => SumBy::Source,
            };
            let (cut, day) = moment(query, request.valid.as_deref(), request.known.as_ref())?;
            let (agenda, _) = agenda_of(query, request.agenda)?;
            let money = query.book.money(&agenda, by, &cut, day, &query.reader)?;
            Ok(money_to_pb(&money, cut.known))
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
        let state = StateRequest { write, agenda, field: "amount", record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::RecordAmountResponse { receipt }))
    }

    async fn list_amounts(
        &self,
        request: Request<pb::ListAmountsRequest>,
    ) -> Result<Response<pb::ListAmountsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
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

/// The agreements that a request asks for.
fn agreements(query: &Query, request: pb::ListAgreementsRequest) -> Result<Vec<pb::AgreementView>, Fault> {
    let state = request.state();
    let agenda = agenda_asked(query, request.agenda)?;
    let party = optional_id_from_pb("party", request.party)?;
    check_filter(query, Kind::Party, party.as_ref())?;
    let before = query.cut(request.ends_before.as_deref(), None)?.valid;
    let (cut, day) = moment(query, request.valid.as_deref(), request.known.as_ref())?;
    let foreign = |of: Option<&Id>| agenda.is_some() && of.is_some() && of != agenda.as_ref();
    let runs_out = |standing: &AgreementStanding| {
        let over = matches!(standing.state, AgreementState::Ended | AgreementState::Expired);
        let to = standing.agreement.period.as_ref().and_then(|period| period.to.as_ref());
        !over && to.is_some_and(|to| to.latest() < before)
    };
    let names = party.as_ref().map_or(Ok(Vec::new()), |party| query.book.other_names(party, &cut, &query.reader))?;
    let mut all = Vec::new();
    for (key, _) in query.book.entries(Kind::Agreement).filter(|(_, entry)| !foreign(entry.agenda.as_ref())) {
        let Some(standing) = query.book.agreement(&key.id, &cut, day, &query.reader)? else { continue };
        let asked = state == pb::AgreementState::Unspecified || state == agreement_state_to_pb(standing.state);
        let has = |id: &Id| standing.agreement.parties.iter().flatten().any(|party| party == id);
        let direct = party.as_ref().is_none_or(has);
        let via = names.iter().map(Name::id).find(|id| has(id)).filter(|_| !direct);
        if asked && (direct || via.is_some()) && (request.ends_before.is_none() || runs_out(&standing)) {
            all.push(agreement_to_pb(&standing, via));
        }
    }
    Ok(all)
}
