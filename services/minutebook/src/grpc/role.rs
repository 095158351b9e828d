//! The role vocabulary, and who has which role where.

use std::sync::Arc;

use minutebook_domain::ids::Kind;
use minutebook_domain::role::role_totals;
use minutebook_proto::pb::deed::Step;
use minutebook_proto::pb::role_service_server::RoleService;
use minutebook_proto::{pb, record_to_pb, role_row_to_pb, role_total_to_pb};
use tonic::{Request, Response, Status};

use super::{StateRequest, agenda_of, asked, deed_of, list_records, moment, parts, perform, query};
use crate::app::App;

/// The role vocabulary, and who has which role where.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

#[tonic::async_trait]
impl RoleService for Service {
    async fn define_role_word(
        &self,
        request: Request<pb::DefineRoleWordRequest>,
    ) -> Result<Response<pb::DefineRoleWordResponse>, Status> {
        let (metadata, pb) = parts(request);
        let (write, agenda, effective, reason) = (pb.write, pb.agenda, pb.effective, pb.reason);
        let record = pb.role.map(pb::record::Record::Role);
        let state = StateRequest { write, agenda, field: "role", record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::DefineRoleWordResponse { receipt }))
    }

    async fn list_role_words(
        &self,
        request: Request<pb::ListRoleWordsRequest>,
    ) -> Result<Response<pb::ListRoleWordsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let (valid, known) = (request.valid.as_deref(), request.known.as_ref());
            let records = list_records(query, Kind::Role, request.agenda, valid, known)?;
            let roles = records.iter().filter_map(|record| match record_to_pb(record).record {
                Some(pb::record::Record::Role(record)) => Some(record),
                _ => None,
            });
            Ok(pb::ListRoleWordsResponse { position: query.position(), roles: roles.collect() })
        });
        answer.await.map(Response::new)
    }

    async fn list_role_statements(
        &self,
        request: Request<pb::ListRoleStatementsRequest>,
    ) -> Result<Response<pb::ListRoleStatementsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let (agenda, _) = agenda_of(query, request.agenda)?;
            let (cut, day) = moment(query, request.valid.as_deref(), request.known.as_ref())?;
            let rows = query.book.roles(&agenda, &cut, day, &query.reader)?;
            Ok(pb::ListRoleStatementsResponse {
                position: cut.known,
                totals: role_totals(&rows).iter().map(role_total_to_pb).collect(),
                rows: rows.iter().map(|row| role_row_to_pb(row, &agenda)).collect(),
            })
        });
        answer.await.map(Response::new)
    }

    async fn assign_role(
        &self,
        request: Request<pb::AssignRoleRequest>,
    ) -> Result<Response<pb::AssignRoleResponse>, Status> {
        let (metadata, pb) = parts(request);
        let (write, agenda, effective, reason) = (pb.write, pb.agenda, pb.effective, pb.reason);
        let record = pb.assignment.map(pb::record::Record::Assignment);
        let state = StateRequest { write, agenda, field: "assignment", record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::AssignRoleResponse { receipt }))
    }

    async fn end_role(&self, request: Request<pb::EndRoleRequest>) -> Result<Response<pb::EndRoleResponse>, Status> {
        let (metadata, pb) = parts(request);
        let step = Step::End(pb::EndStep::default());
        let deed = deed_of(pb::Kind::Assignment, pb.assignment, step, pb.decision, pb.effective, pb.reason);
        let receipt = perform(&self.0, &metadata, pb.write, [deed]).await?;
        Ok(Response::new(pb::EndRoleResponse { receipt }))
    }
}
