//! The role vocabulary, and where its words are used.

use std::sync::Arc;

use minutebook_domain::ids::{Id, Kind};
use minutebook_domain::record::Record;
use minutebook_proto::pb::role_service_server::RoleService;
use minutebook_proto::{kind_to_pb, pb, record_to_pb};
use tonic::{Request, Response, Status};

use super::{StateRequest, asked, list_records, parts, query};
use crate::app::App;

/// The role vocabulary, and where its words are used.
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
        let state = StateRequest { write, agenda, record, effective, reason };
        let receipt = state.record(&self.0, &metadata).await?;
        Ok(Response::new(pb::DefineRoleWordResponse { receipt }))
    }

    async fn list_role_words(
        &self,
        request: Request<pb::ListRoleWordsRequest>,
    ) -> Result<Response<pb::ListRoleWordsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, move |query| {
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
        let answer = query(&self.0, lang, move |query| {
            let (valid, known) = (request.valid.as_deref(), request.known.as_ref());
            let of = |kind| list_records(query, kind, Some(request.agenda.clone()), valid, known);
            let items = of(Kind::PolicyItem)?;
            let remarks = of(Kind::Remark)?;
            let statements = items.iter().chain(&remarks).filter_map(statement).collect();
            Ok(pb::ListRoleStatementsResponse { position: query.position(), statements })
        });
        answer.await.map(Response::new)
    }
}

/// What a policy item or a remark states of roles; a remark that names no role states nothing.
fn statement(record: &Record) -> Option<pb::RoleStatement> {
    let (roles, actions) = match record {
        Record::PolicyItem(item) => (item.roles.as_deref(), None),
        Record::Remark(remark) => (Some(remark.roles.as_deref()?), remark.actions.as_deref()),
        _ => return None,
    };
    let names = |ids: Option<&[Id]>| ids.unwrap_or_default().iter().map(ToString::to_string).collect();
    Some(pb::RoleStatement {
        kind: kind_to_pb(record.kind()).into(),
        id: record.id().to_string(),
        label: record.label(),
        words: names(roles),
        actions: names(actions),
    })
}
