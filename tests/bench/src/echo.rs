//! The peer of `Record` and `Subscribe`: a bare tonic server that takes the same requests and gives the same answers, and
//! does nothing in between. It runs in a process of its own, as the product does.

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;

use anyhow::Result;
use minutebook_proto::pb;
use minutebook_proto::pb::ledger_service_server::{LedgerService, LedgerServiceServer};
use tokio::net::TcpListener;
use tokio_stream::{Empty, Stream};
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status, Streaming};

use crate::subscribe::kept;

struct Echo {
    /// What a subscriber is told, again and again.
    messages: Arc<Vec<pb::SubscribeResponse>>,
}

#[tonic::async_trait]
impl LedgerService for Echo {
    type ReadEventsStream = Empty<Result<pb::ReadEventsResponse, Status>>;
    type SubscribeStream = Pin<Box<dyn Stream<Item = Result<pb::SubscribeResponse, Status>> + Send>>;

    async fn record(&self, request: Request<pb::RecordRequest>) -> Result<Response<pb::RecordResponse>, Status> {
        let count = u32::try_from(request.into_inner().commands.len()).unwrap_or(u32::MAX);
        // As long on the wire as a receipt of the product in a ledger of some size.
        let receipt = pb::Receipt {
            first: 100_000,
            count,
            head: 100_000,
            recorded_at_ms: 1_464_739_200_000,
            repeated: false,
            ..pb::Receipt::default()
        };
        Ok(Response::new(pb::RecordResponse { receipt: Some(receipt) }))
    }

    async fn import_document(
        &self,
        _: Request<Streaming<pb::ImportDocumentRequest>>,
    ) -> Result<Response<pb::ImportDocumentResponse>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn read_events(&self, _: Request<pb::ReadEventsRequest>) -> Result<Response<Self::ReadEventsStream>, Status> {
        Err(Status::unimplemented("an echo"))
    }

    async fn subscribe(&self, _: Request<pb::SubscribeRequest>) -> Result<Response<Self::SubscribeStream>, Status> {
        let messages = Arc::clone(&self.messages);
        let told = (0..).map_while(move |n| messages.get(n % messages.len().max(1)).cloned().map(Ok));
        Ok(Response::new(Box::pin(tokio_stream::iter(told))))
    }
}

/// Serves until the process is ended. The first line says where, as that of the product does.
pub(crate) fn serve(messages: Option<&Path>) -> Result<()> {
    let messages = Arc::new(messages.map_or(Ok(Vec::new()), kept)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        println!("echo serves http://{}", listener.local_addr()?);
        let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
        Server::builder()
            .add_service(LedgerServiceServer::new(Echo { messages }))
            .serve_with_incoming(incoming)
            .await?;
        Ok(())
    })
}
