//! Writes: each has a name that is made once, so that it can be sent again and is recorded once.

use std::future::Future;
use std::time::Duration;

use minutebook_proto::pb;
use minutebook_proto::pb::import_document_request::Part;
use tokio::time::{Instant, sleep_until, timeout_at};
use tonic::{Response, Status};

use crate::backoff::Backoff;
use crate::{Client, Error, Refused};

/// How long one attempt may take: then the line is taken to be broken.
const ATTEMPT: Duration = Duration::from_secs(20);
/// The bytes of a document that are sent at once.
const CHUNK_BYTES: usize = 64 << 10;

/// A request that records something, and can be sent again under its request id.
pub trait Write: Clone + Send + 'static {
    /// What is answered.
    type Answer: Send;

    /// The name of the write.
    fn request_id(&mut self) -> &mut String;

    /// Sends it once.
    fn send(self, client: &Client) -> impl Future<Output = Result<Response<Self::Answer>, Status>> + Send;
}

macro_rules! writes {
    ($($service:ident: $($method:ident($request:ident) -> $answer:ident,)*;)*) => {
        $($(
            impl Write for pb::$request {
                type Answer = pb::$answer;

                fn request_id(&mut self) -> &mut String {
                    &mut self.write.get_or_insert_default().request_id
                }

                async fn send(self, client: &Client) -> Result<Response<pb::$answer>, Status> {
                    client.$service().$method(self).await
                }
            }
        )*)*

        /// The requests that can be sent again.
        #[cfg(test)]
        const WRITES: &[&str] = &[$($(stringify!($request),)*)*];
    };
}

writes! {
    agenda:
        record_erratum(RecordErratumRequest) -> RecordErratumResponse,
        record_late_fact(RecordLateFactRequest) -> RecordLateFactResponse,
        resolve_doubt(ResolveDoubtRequest) -> ResolveDoubtResponse,
        state_record(StateRecordRequest) -> StateRecordResponse,
        meet_promise(MeetPromiseRequest) -> MeetPromiseResponse,
        move_promise(MovePromiseRequest) -> MovePromiseResponse,
        miss_promise(MissPromiseRequest) -> MissPromiseResponse,
    ;
    agreement:
        state_agreement(StateAgreementRequest) -> StateAgreementResponse,
        propose_agreement(ProposeAgreementRequest) -> ProposeAgreementResponse,
        sign_agreement(SignAgreementRequest) -> SignAgreementResponse,
        amend_agreement(AmendAgreementRequest) -> AmendAgreementResponse,
        end_agreement(EndAgreementRequest) -> EndAgreementResponse,
        record_amount(RecordAmountRequest) -> RecordAmountResponse,
        end_amount(EndAmountRequest) -> EndAmountResponse,
    ;
    decision:
        record_decision(RecordDecisionRequest) -> RecordDecisionResponse,
        supersede_decision(SupersedeDecisionRequest) -> SupersedeDecisionResponse,
        revoke_decision(RevokeDecisionRequest) -> RevokeDecisionResponse,
        record_motion(RecordMotionRequest) -> RecordMotionResponse,
        link_motion(LinkMotionRequest) -> LinkMotionResponse,
        settle_motion(SettleMotionRequest) -> SettleMotionResponse,
    ;
    directory:
        register_record(RegisterRecordRequest) -> RegisterRecordResponse,
        grant_mandate(GrantMandateRequest) -> GrantMandateResponse,
        withdraw_mandate(WithdrawMandateRequest) -> WithdrawMandateResponse,
        end_record(EndRecordRequest) -> EndRecordResponse,
        merge_records(MergeRecordsRequest) -> MergeRecordsResponse,
    ;
    ledger:
        record(RecordRequest) -> RecordResponse,
    ;
    review:
        open_review(OpenReviewRequest) -> OpenReviewResponse,
        propose_disposition(ProposeDispositionRequest) -> ProposeDispositionResponse,
        withdraw_disposition(WithdrawDispositionRequest) -> WithdrawDispositionResponse,
        select_disposition(SelectDispositionRequest) -> SelectDispositionResponse,
        keep_rest(KeepRestRequest) -> KeepRestResponse,
        adopt_review(AdoptReviewRequest) -> AdoptReviewResponse,
        abandon_review(AbandonReviewRequest) -> AbandonReviewResponse,
    ;
    role:
        define_role_word(DefineRoleWordRequest) -> DefineRoleWordResponse,
        assign_role(AssignRoleRequest) -> AssignRoleResponse,
        end_role(EndRoleRequest) -> EndRoleResponse,
    ;
}

impl Write for pb::RotateKeyRequest {
    type Answer = pb::RotateKeyResponse;

    fn request_id(&mut self) -> &mut String {
        &mut self.request_id
    }

    async fn send(self, client: &Client) -> Result<Response<pb::RotateKeyResponse>, Status> {
        client.admin().rotate_key(self).await
    }
}

/// An agenda document and what to do with it.
#[derive(Debug, Clone)]
struct Import {
    options: pb::ImportOptions,
    document: bytes::Bytes,
}

impl Write for Import {
    type Answer = pb::ImportDocumentResponse;

    fn request_id(&mut self) -> &mut String {
        &mut self.options.write.get_or_insert_default().request_id
    }

    async fn send(self, client: &Client) -> Result<Response<pb::ImportDocumentResponse>, Status> {
        let Self { options, mut document } = self;
        let mut options = Some(Part::Options(options));
        let parts = std::iter::from_fn(move || {
            let chunk = |document: &mut bytes::Bytes| document.split_to(document.len().min(CHUNK_BYTES));
            let next = options.take();
            let next = next.or_else(|| (!document.is_empty()).then(|| Part::Chunk(chunk(&mut document).into())));
            next.map(|part| pb::ImportDocumentRequest { part: Some(part) })
        });
        client.ledger().import_document(tokio_stream::iter(parts)).await
    }
}

impl Client {
    /// Sends a write until it is answered, for a minute at most or as long as [`Client::retrying_for`] says.
    ///
    /// Its request id is kept over all attempts, and made where there is none, so that it is recorded once. What the
    /// server refuses is told at once; where the line breaks, the server is away or has no time, it is sent again.
    pub async fn write<W: Write>(&self, mut request: W) -> Result<W::Answer, Error> {
        let request_id = request.request_id();
        if request_id.is_empty() {
            *request_id = uuid::Uuid::now_v7().to_string();
        }
        let request_id = request_id.clone();
        let (mut client, mut backoff, until) = (self.clone(), Backoff::default(), Instant::now() + self.retry);
        loop {
            let attempt = timeout_at(until.min(Instant::now() + ATTEMPT), request.clone().send(&client)).await;
            let refused = match attempt {
                Ok(Ok(answer)) => return Ok(answer.into_inner()),
                Ok(Err(status)) => Refused::from(status),
                Err(_) => {
                    client.leave_connection();
                    Status::deadline_exceeded("there was no answer in time").into()
                }
            };
            if !refused.may_pass() {
                return Err(refused.into());
            }
            let next = Instant::now() + backoff.pause();
            if next >= until {
                return Err(Error::OutcomeUnknown { request_id, last: Box::new(refused) });
            }
            sleep_until(next).await;
        }
    }

    /// Hands in an agenda document, YAML or JSON, as [`Client::write`] sends a write; or plans it.
    pub async fn import(
        &self,
        options: pb::ImportOptions,
        document: impl Into<bytes::Bytes>,
    ) -> Result<pb::ImportDocumentResponse, Error> {
        self.write(Import { options, document: document.into() }).await
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use prost::Message as _;

    use super::*;

    #[test]
    fn every_request_that_records_can_be_sent_again() {
        let set = prost_types::FileDescriptorSet::decode(minutebook_proto::DESCRIPTOR_SET).unwrap();
        let messages =
            set.file.iter().filter(|file| file.package() == "minutebook.v1").flat_map(|file| &file.message_type);
        let writes: BTreeSet<_> = messages
            .filter(|message| message.field.iter().any(|field| field.name() == "write"))
            .map(prost_types::DescriptorProto::name)
            // Part of `ImportDocumentRequest`.
            .filter(|name| *name != "ImportOptions")
            .collect();
        assert_eq!(writes, WRITES.iter().copied().collect());
    }
}
