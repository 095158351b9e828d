//! The registers.

use std::sync::Arc;

use minutebook_domain::ids::Key;
use minutebook_domain::value::Nearest;
use minutebook_proto::pb::directory_service_server::DirectoryService;
use minutebook_proto::{id_from_pb, kind_from_pb, pb, record_to_pb};
use tonic::{Request, Response, Status};

use super::trouble::Trouble;
use super::{StateRequest, asked, list_records, parts, query};
use crate::app::App;

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
        let answer = query(&self.0, lang, move |query| {
            let id = id_from_pb("id", request.id)?;
            let key = Key { within: request.within.into(), ..Key::new(kind_from_pb(request.kind)?, &id) };
            let cut = query.cut(request.valid.as_deref(), request.known.as_ref())?;
            let ids = query.book.entries(key.kind).map(|(known, _)| known.id.as_str());
            let nearest = Nearest::of(key.id.as_str(), ids);
            let missing = || Trouble::RecordUnknown { key: key.clone(), nearest: nearest.clone() };
            let entry = query.book.entry(&key).ok_or_else(missing)?;
            let state = entry.at(&cut, &query.reader)?.ok_or_else(missing)?;
            Ok(pb::GetRecordResponse {
                position: query.position(),
                record: Some(record_to_pb(&state.record)),
                revision: entry.newest(),
                present: state.present,
            })
        });
        answer.await.map(Response::new)
    }

    async fn list_records(
        &self,
        request: Request<pb::ListRecordsRequest>,
    ) -> Result<Response<pb::ListRecordsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, move |query| {
            let kind = kind_from_pb(request.kind)?;
            let records = list_records(query, kind, request.agenda, request.valid.as_deref(), request.known.as_ref())?;
            let records = records.iter().map(record_to_pb).collect();
            Ok(pb::ListRecordsResponse { position: query.position(), records })
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
        let state = StateRequest { write, agenda, record, effective, reason };
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
        let state = StateRequest { write, agenda, record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::GrantMandateResponse { receipt }))
    }
}
