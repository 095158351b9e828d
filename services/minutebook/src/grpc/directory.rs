//! The registers.

use std::sync::Arc;

use minutebook_domain::ids::{Key, Kind};
use minutebook_proto::pb::deed::Step;
use minutebook_proto::pb::directory_service_server::DirectoryService;
use minutebook_proto::{
    end_to_pb, held_mandate_to_pb, id_from_pb, kind_from_pb, mandates_asked, pb, record_to_pb, sheet_to_pb,
    who_may_asked, who_may_to_pb,
};
use tonic::{Request, Response, Status};

use super::trouble::{Fault, Trouble};
use super::{
    StateRequest, agenda_of, asked, check_filter, list_records, missing, moment, named_revision, parts, perform, query,
    status,
};
use crate::app::{App, Query};

/// The registers.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

#[tonic::async_trait]
impl DirectoryService for Service {
    async fn get_record(
        &self,
        request: Request<pb::GetRecordRequest>,
    ) -> Result<Response<pb::GetRecordResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let id = id_from_pb("id", request.id)?;
            let key = Key { within: request.within.into(), ..Key::new(kind_from_pb(request.kind)?, &id) };
            let cut = query.cut(request.valid.as_deref(), request.known.as_ref())?;
            let entry = query.book.entry(&key).ok_or_else(|| missing(query, &key))?;
            let state = entry.at(&cut, &query.reader)?.ok_or_else(|| missing(query, &key))?;
            let end = query.book.end_of(&key, &cut, &query.reader)?;
            Ok(pb::GetRecordResponse {
                position: query.position(),
                record: Some(record_to_pb(&state.record)),
                revision: entry.newest(),
                present: state.present,
                end: end.map(|end| end_to_pb(&key, &end)),
            })
        });
        answer.await.map(Response::new)
    }

    async fn list_records(
        &self,
        request: Request<pb::ListRecordsRequest>,
    ) -> Result<Response<pb::ListRecordsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let kind = kind_from_pb(request.kind)?;
            let (valid, known) = (request.valid.as_deref(), request.known.as_ref());
            let records = list_records(query, kind, request.agenda, valid, known)?;
            let (cut, mut ends) = (query.cut(valid, known)?, Vec::new());
            for key in records.iter().map(|record| Key::new(kind, record.id())) {
                ends.extend(query.book.end_of(&key, &cut, &query.reader)?.map(|end| end_to_pb(&key, &end)));
            }
            let records = records.iter().map(record_to_pb).collect();
            Ok(pb::ListRecordsResponse { position: query.position(), records, ends })
        });
        answer.await.map(Response::new)
    }

    async fn register_record(
        &self,
        request: Request<pb::RegisterRecordRequest>,
    ) -> Result<Response<pb::RegisterRecordResponse>, Status> {
        let (metadata, pb) = parts(request);
        let (write, agenda, effective, reason) = (pb.write, pb.agenda, pb.effective, pb.reason);
        let record = pb.record.and_then(|record| record.record);
        let state = StateRequest { write, agenda, field: "record", record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::RegisterRecordResponse { receipt }))
    }

    async fn grant_mandate(
        &self,
        request: Request<pb::GrantMandateRequest>,
    ) -> Result<Response<pb::GrantMandateResponse>, Status> {
        let (metadata, pb) = parts(request);
        let (write, agenda, effective, reason) = (pb.write, pb.agenda, pb.effective, pb.reason);
        let record = pb.mandate.map(pb::record::Record::Mandate);
        let state = StateRequest { write, agenda, field: "mandate", record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::GrantMandateResponse { receipt }))
    }

    async fn withdraw_mandate(
        &self,
        request: Request<pb::WithdrawMandateRequest>,
    ) -> Result<Response<pb::WithdrawMandateResponse>, Status> {
        let (metadata, pb) = parts(request);
        let key = Some(record_key(pb::Kind::Mandate.into(), pb.mandate));
        let (step, decision) = (Some(Step::End(pb::EndStep::default())), pb.decision);
        let deed = pb::Deed { key, step, decision, effective: pb.effective, reason: pb.reason };
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::WithdrawMandateResponse { receipt }))
    }

    async fn list_mandates(
        &self,
        request: Request<pb::ListMandatesRequest>,
    ) -> Result<Response<pb::ListMandatesResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let filter = mandates_asked(request)?;
            check_filter(query, Kind::Body, filter.body.as_ref())?;
            check_filter(query, Kind::Agenda, filter.agenda.as_ref())?;
            let mandates = query.book.mandates(&filter);
            let mandates = mandates.iter().map(held_mandate_to_pb).collect();
            Ok(pb::ListMandatesResponse { position: query.position(), mandates })
        });
        answer.await.map(Response::new)
    }

    async fn who_may(&self, request: Request<pb::WhoMayRequest>) -> Result<Response<pb::WhoMayResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let filter = who_may_asked(request, query.today())?;
            check_filter(query, Kind::Agenda, filter.agenda.as_ref())?;
            Ok(who_may_to_pb(&filter, &query.book.mandates(&filter), query.position()))
        });
        answer.await.map(Response::new)
    }

    async fn end_record(
        &self,
        request: Request<pb::EndRecordRequest>,
    ) -> Result<Response<pb::EndRecordResponse>, Status> {
        let (metadata, pb) = parts(request);
        let (key, step) = (Some(record_key(pb.kind, pb.id)), Some(Step::End(pb::EndStep { successor: pb.successor })));
        let deed = pb::Deed { key, step, decision: pb.decision, effective: pb.effective, reason: pb.reason };
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::EndRecordResponse { receipt }))
    }

    async fn merge_records(
        &self,
        request: Request<pb::MergeRecordsRequest>,
    ) -> Result<Response<pb::MergeRecordsResponse>, Status> {
        let (metadata, pb) = parts(request);
        if pb.ids.is_empty() {
            return Err(status::trouble(Trouble::BatchEmpty {}, status::lang(&metadata)));
        }
        let deed = |id| pb::Deed {
            key: Some(record_key(pb.kind, id)),
            // A body that goes up in another one is dissolved; a party lives on as a part.
            step: Some(match pb::Kind::try_from(pb.kind) {
                Ok(pb::Kind::Party) => Step::MergeInto(pb.into.clone()),
                _ => Step::End(pb::EndStep { successor: Some(pb.into.clone()) }),
            }),
            decision: pb.decision.clone(),
            effective: pb.effective.clone(),
            reason: pb.reason.clone(),
        };
        let receipt = perform(&self.0, &metadata, pb.write, pb.ids.into_iter().map(deed)).await?;
        Ok(Response::new(pb::MergeRecordsResponse { receipt }))
    }

    async fn get_sheet(&self, request: Request<pb::GetSheetRequest>) -> Result<Response<pb::GetSheetResponse>, Status> {
        let (lang, request) = asked(request);
        query(&self.0, lang, request.min_position, move |query| get_sheet(query, request)).await.map(Response::new)
    }
}

fn record_key(kind: i32, id: String) -> pb::RecordKey {
    pb::RecordKey { kind, id, ..pb::RecordKey::default() }
}

fn get_sheet(query: &Query, request: pb::GetSheetRequest) -> Result<pb::GetSheetResponse, Fault> {
    let party = id_from_pb("party", request.party)?;
    let (cut, day) = moment(query, request.valid.as_deref(), request.known.as_ref())?;
    let mut since = None;
    if let Some(name) = request.since {
        // Among several agendas one must be named: nothing is then said to be missing.
        let mut agendas = query.book.agendas().map(|(id, _)| id.to_string());
        let only = || agendas.next().filter(|_| agendas.next().is_none()).unwrap_or_default();
        let (agenda, state) = agenda_of(query, request.agenda.unwrap_or_else(only))?;
        since = Some(named_revision(&agenda, state, Some(&name), cut.known)?);
    }
    let sheet = query.book.sheet(&party, &cut, day, since, &query.reader)?;
    let sheet = sheet.ok_or_else(|| missing(query, &Key::new(Kind::Party, &party)))?;
    Ok(sheet_to_pb(&sheet, cut.known))
}
