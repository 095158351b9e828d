//! gRPC as any client speaks it: a plain connection, and what campaigns ask.

use std::time::Duration;

use anyhow::{Context as _, Result};
use minutebook_proto::pb;
use minutebook_proto::pb::admin_service_client::AdminServiceClient;
use minutebook_proto::pb::audit_service_client::AuditServiceClient;
use minutebook_proto::pb::ledger_service_client::LedgerServiceClient;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status, Streaming};
use tonic_types::StatusExt as _;

use crate::asked::{Asked, Plan};
use crate::program::Server;

/// The largest answer that is taken.
const ANSWER_BYTES: usize = 64 << 20;

/// A connection to a server.
pub(crate) async fn connect(server: &Server) -> Result<Channel> {
    let endpoint = Endpoint::from_shared(server.address.clone())?.tcp_nodelay(true);
    endpoint.connect().await.with_context(|| format!("cannot connect to {}", server.address))
}

fn ledger(channel: &Channel) -> LedgerServiceClient<Channel> {
    LedgerServiceClient::new(channel.clone()).max_decoding_message_size(ANSWER_BYTES)
}

/// Records a batch.
pub(crate) async fn record(channel: &Channel, batch: pb::RecordRequest) -> Result<pb::Receipt> {
    ledger(channel).record(batch).await?.into_inner().receipt.context("an answer without a receipt")
}

/// What came of a write.
#[derive(Debug)]
pub(crate) enum Sent {
    /// It is recorded.
    Recorded(pb::Receipt),
    /// Nothing of it is recorded, for want of space or of a writer.
    Refused(Status),
    /// Nobody knows.
    Unknown,
}

/// Sends a write, for the first time or again.
pub(crate) async fn send(channel: &Channel, plan: &Plan, asked: Asked) -> Result<Sent> {
    send_within(channel, plan, asked, None).await
}

/// Sends a write that is given up after a while.
pub(crate) async fn send_within(
    channel: &Channel,
    plan: &Plan,
    asked: Asked,
    deadline: Option<Duration>,
) -> Result<Sent> {
    let mut request = Request::new(plan.request(asked));
    if let Some(deadline) = deadline {
        request.set_timeout(deadline);
    }
    let status = match ledger(channel).record(request).await {
        Ok(answer) => return answer.into_inner().receipt.map(Sent::Recorded).context("an answer without a receipt"),
        Err(status) => status,
    };
    let reason = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
    match (status.code(), reason.as_str()) {
        (Code::ResourceExhausted, "DISK_FULL") | (Code::Unavailable, "STOPPED") => Ok(Sent::Refused(status)),
        (Code::Unavailable | Code::Unknown | Code::Cancelled | Code::Internal | Code::DeadlineExceeded, _) => {
            Ok(Sent::Unknown)
        }
        _ => Err(status).with_context(|| format!("the write {asked:?} is not one that is refused")),
    }
}

/// The bytes of the events from a position on, as they come.
pub(crate) async fn events(channel: &Channel, from: u64) -> Result<Streaming<pb::ReadEventsResponse>, Status> {
    let request = pb::ReadEventsRequest { from, ..pb::ReadEventsRequest::default() };
    Ok(ledger(channel).read_events(request).await?.into_inner())
}

/// A subscription.
pub(crate) async fn subscribe(
    channel: &Channel,
    request: pb::SubscribeRequest,
) -> Result<Streaming<pb::SubscribeResponse>, Status> {
    Ok(ledger(channel).subscribe(request).await?.into_inner())
}

/// How the ledger is doing, with the digest of the book.
pub(crate) async fn status(channel: &Channel) -> Result<pb::GetStatusResponse, Status> {
    let mut admin = AdminServiceClient::new(channel.clone());
    Ok(admin.get_status(pb::GetStatusRequest { digest: true, min_position: None }).await?.into_inner())
}

/// How the ledger is doing, without the digest: what costs the server little.
pub(crate) async fn status_alone(channel: &Channel) -> Result<pb::GetStatusResponse, Status> {
    let mut admin = AdminServiceClient::new(channel.clone());
    Ok(admin.get_status(pb::GetStatusRequest::default()).await?.into_inner())
}

/// The signed head.
pub(crate) async fn checkpoint(channel: &Channel) -> Result<pb::GetCheckpointResponse, Status> {
    let mut audit = AuditServiceClient::new(channel.clone());
    Ok(audit.get_checkpoint(pb::GetCheckpointRequest::default()).await?.into_inner())
}
