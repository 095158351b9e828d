//! How the ledger is doing.

use std::ops::ControlFlow;
use std::sync::Arc;

use minutebook_domain::ids::Position;
use minutebook_domain::message::Lang;
use minutebook_ledger::{ReadError, Reader, RotateError};
use minutebook_proto::pb::admin_service_server::AdminService;
use minutebook_proto::{pb, write_from_pb};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};

use super::parts::{Parts, in_parts};
use super::trouble::{Fault, Trouble};
use super::{asked, query, reader, receipt_of, status};
use crate::app::App;

/// About this many bytes of a backup go in one message.
const CHUNK: usize = 1 << 20;
/// A rebuild reports its progress every so many events.
const EVERY: u64 = 10_000;

/// How the ledger is doing.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

#[tonic::async_trait]
impl AdminService for Service {
    type BackupStream = Parts<pb::BackupResponse>;
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
        Ok(Response::new(in_parts(&self.0, lang, Backup { reader, end: None, next: 0 }, Backup::step)))
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

/// What is still to be put away of a ledger.
struct Backup {
    reader: Reader,
    /// Where the signed checkpoint ends; none before it is signed.
    end: Option<Position>,
    next: Position,
}

impl Backup {
    /// The next parts of the ledger as it was recorded; none where it ends.
    fn step(&mut self) -> Result<Vec<pb::BackupResponse>, Fault> {
        let Self { reader, end, next } = self;
        let (mut parts, mut part) = (Vec::new(), pb::BackupResponse::default());
        let end = if let Some(end) = *end {
            end
        } else {
            let signed = reader.checkpoint().map_err(|error| Trouble::from(&error))?;
            part.checkpoint.clone_from(&signed.note);
            *end.insert(signed.checkpoint.size)
        };
        let read = reader.frames(*next..end, &mut |after, frame| {
            *next = after;
            for piece in frame.chunks(CHUNK) {
                part.frames.extend_from_slice(piece);
                if part.frames.len() >= CHUNK {
                    parts.push(std::mem::take(&mut part));
                }
            }
            if parts.is_empty() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        });
        read.map_err(|error| Trouble::from(&ReadError::Log(error)))?;
        parts.extend((part != pb::BackupResponse::default()).then_some(part));
        Ok(parts)
    }
}
