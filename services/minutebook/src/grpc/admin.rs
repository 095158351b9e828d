//! How the ledger is doing.

use std::ops::ControlFlow;
use std::sync::Arc;

use minutebook_domain::message::Lang;
use minutebook_ledger::{ReadError, Reader, RotateError};
use minutebook_proto::pb::admin_service_server::AdminService;
use minutebook_proto::{pb, write_from_pb};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::trouble::{Fault, Trouble};
use super::{asked, query, reader, receipt_of, status};
use crate::app::App;

/// About this many bytes of a backup go in one message.
const CHUNK: usize = 1 << 20;
/// So many messages wait for a slow reader.
const WAITING: usize = 4;
/// A rebuild reports its progress every so many events.
const EVERY: u64 = 10_000;

/// How the ledger is doing.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

#[tonic::async_trait]
impl AdminService for Service {
    type BackupStream = ReceiverStream<Result<pb::BackupResponse, Status>>;
    type RebuildStream = ReceiverStream<Result<pb::RebuildResponse, Status>>;

    async fn get_status(
        &self,
        request: Request<pb::GetStatusRequest>,
    ) -> Result<Response<pb::GetStatusResponse>, Status> {
        let (lang, request) = asked(request);
        let with_digest = request.digest;
        let app = self.0.clone();
        let answer = query(&self.0, lang, request.min_position, move |query| {
            let ledger = app.status().map_err(Trouble::from)?;
            let book = &query.book;
            let (records, marks) = book.size();
            let founding = book.founding();
            let text = |of: Option<&str>| of.unwrap_or_default().to_owned();
            let count = |n: usize| u64::try_from(n).unwrap_or(u64::MAX);
            Ok(pb::GetStatusResponse {
                position: query.position(),
                events: book.head(),
                stored: ledger.applied,
                recorded_at_ms: book.recorded_at().0,
                records: count(records),
                marks: count(marks),
                digest: if with_digest { book.digest().to_vec() } else { Vec::new() },
                ledger: text(founding.map(|founding| founding.ledger.as_str())),
                name: text(founding.map(|founding| founding.name.as_str())),
                organisation: founding.and_then(|f| f.organisation.as_ref()).map(ToString::to_string),
                zone: text(founding.map(|founding| founding.zone.as_str())),
                journal_format: founding.map(|founding| founding.format).unwrap_or_default(),
                reader: minutebook_proto::READER,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                degraded: ledger.degraded,
                stopped: ledger.stopped,
                journal_bytes: app.journal_bytes(),
                store_bytes: app.store_bytes(),
                signed: ledger.signed,
                verifier_key: query.reader.verifier_key().map(|key| key.to_string()),
            })
        });
        answer.await.map(Response::new)
    }

    async fn rebuild(&self, request: Request<pb::RebuildRequest>) -> Result<Response<Self::RebuildStream>, Status> {
        let (lang, _) = asked(request);
        let app = self.0.clone();
        let (sender, receiver) = mpsc::channel(16);
        tokio::task::spawn_blocking(move || {
            let mut last = 0;
            let mut progress = |done: u64, total: u64| {
                if done == total || done >= last + EVERY {
                    last = done;
                    // Whoever asked may have left; the rebuild goes on.
                    let _ = sender.blocking_send(Ok(pb::RebuildResponse { done, total, ..Default::default() }));
                }
            };
            let message = match app.rebuild(&mut progress) {
                Ok((before, after)) => {
                    let (before, after) = (before.to_vec(), after.to_vec());
                    Ok(pb::RebuildResponse { done: last, total: last, before, after })
                }
                Err(error) => Err(status::trouble(Trouble::failed(format_args!("{error:#}")), lang)),
            };
            let _ = sender.blocking_send(message);
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    async fn rotate_key(
        &self,
        request: Request<pb::RotateKeyRequest>,
    ) -> Result<Response<pb::RotateKeyResponse>, Status> {
        let (lang, pb::RotateKeyRequest { request_id, actor }) = asked(request);
        let write = pb::Write { request_id, actor, ..pb::Write::default() };
        let write = write_from_pb(Some(write)).map_err(|violations| status::invalid(&violations, lang))?;
        let (app, options) = (self.0.clone(), write.clone());
        let rotated = tokio::task::spawn_blocking(move || app.rotate_key(options)).await;
        let rotated = rotated.map_err(|error| status::trouble(Trouble::failed(error), lang))?;
        let receipt = rotated.map_err(|error| unrotated(&error, lang))?;
        let told = receipt_of(&self.0, &receipt, &write).await;
        let answer = query(&self.0, lang, None, move |query| {
            let rotations = query.book.rotations();
            let rotation = rotations.iter().find(|(position, _)| *position == receipt.first);
            let (_, rotation) = rotation.ok_or_else(|| Trouble::failed("the event is not in the book"))?;
            Ok(pb::RotateKeyResponse {
                receipt: Some(told),
                verifier_key: rotation.next.to_string(),
                handover: rotation.handover.as_str().to_owned(),
            })
        });
        answer.await.map(Response::new)
    }

    async fn backup(&self, request: Request<pb::BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
        let (lang, request) = asked(request);
        let reader = reader(&self.0, lang, request.min_position).await?;
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::task::spawn_blocking(move || {
            if let Err(error) = back_up(&reader, &sender) {
                let _ = sender.blocking_send(Err(status::unanswered(error, lang)));
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }
}

fn unrotated(error: &RotateError, lang: Lang) -> Status {
    let trouble = match error {
        RotateError::Unrecorded(error) => return status::unsubmitted(error, lang),
        RotateError::Unsigned(error) => Trouble::from(error),
        RotateError::Unfinished => Trouble::KeyUnfinished {},
        RotateError::Io(_) | RotateError::Unfit(_) => Trouble::failed(error),
    };
    status::trouble(trouble, lang)
}

/// Sends the ledger as it was recorded, at the reader's pace.
fn back_up(reader: &Reader, to: &mpsc::Sender<Result<pb::BackupResponse, Status>>) -> Result<(), Fault> {
    let signed = reader.checkpoint().map_err(|error| Trouble::from(&error))?;
    let head = pb::BackupResponse { checkpoint: signed.note.clone(), frames: Vec::new() };
    let mut part = head;
    let send = |part: pb::BackupResponse| match to.blocking_send(Ok(part)) {
        Ok(()) => ControlFlow::Continue(()),
        // Whoever asked has left.
        Err(_) => ControlFlow::Break(()),
    };
    reader
        .frames(signed.checkpoint.size, &mut |frame| {
            for piece in frame.chunks(CHUNK) {
                part.frames.extend_from_slice(piece);
                if part.frames.len() >= CHUNK && send(std::mem::take(&mut part)).is_break() {
                    return ControlFlow::Break(());
                }
            }
            ControlFlow::Continue(())
        })
        .map_err(|error| Trouble::from(&ReadError::Log(error)))?;
    let _ = send(part);
    Ok(())
}
