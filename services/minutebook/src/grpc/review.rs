//! The reviews of an agenda: what was proposed, and what was adopted.

use std::sync::Arc;

use minutebook_domain::document::key;
use minutebook_domain::ids::Kind;
use minutebook_proto::pb::review_service_server::ReviewService;
use minutebook_proto::{pb, record_to_pb, revision_to_pb};
use tonic::{Request, Response, Status};

use super::{agenda_of, asked, named_revision, query};
use crate::app::App;

/// The reviews of an agenda.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

#[tonic::async_trait]
impl ReviewService for Service {
    async fn list_reviews(
        &self,
        request: Request<pb::ListReviewsRequest>,
    ) -> Result<Response<pb::ListReviewsResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, move |query| {
            let (_, state) = agenda_of(query, request.agenda)?;
            let revisions = state.revisions.iter().map(revision_to_pb).collect();
            Ok(pb::ListReviewsResponse { position: query.position(), revisions })
        });
        answer.await.map(Response::new)
    }

    async fn get_review(
        &self,
        request: Request<pb::GetReviewRequest>,
    ) -> Result<Response<pb::GetReviewResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = query(&self.0, lang, move |query| {
            let (agenda, state) = agenda_of(query, request.agenda)?;
            let revision = named_revision(&agenda, state, request.edition.as_ref(), query.position())?;
            let mut proposals = Vec::new();
            for id in revision.contents.get(&Kind::Change).into_iter().flatten() {
                let key = key(Kind::Change, id, Some(&agenda), Some(&revision.seal.edition.id));
                let state = query.book.at(&key, &revision.as_sealed(), &query.reader)?;
                if let Some(pb::record::Record::Change(change)) = state.and_then(|s| record_to_pb(&s.record).record) {
                    proposals.push(change);
                }
            }
            let revision = Some(revision_to_pb(revision));
            Ok(pb::GetReviewResponse { position: query.position(), revision, proposals })
        });
        answer.await.map(Response::new)
    }
}
