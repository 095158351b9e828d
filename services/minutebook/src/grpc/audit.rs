//! Proof of what is recorded: checkpoints, raw entries, inclusion and consistency. What is answered here is checked by
//! whoever asks; nothing is decided.

use std::sync::Arc;

use minutebook_domain::ids::Position;
use minutebook_domain::message::Lang;
use minutebook_ledger::{Reader, Signed};
use minutebook_proto::pb;
use minutebook_proto::pb::audit_service_server::AuditService;
use minutebook_tlog::{Hash, Tree};
use tonic::{Request, Response, Status};

use super::parts::{Parts, in_parts};
use super::trouble::{Fault, Trouble};
use super::{asked, reader, status};
use crate::app::App;

/// How many entries go in one message, at most.
const AT_ONCE: usize = 256;

/// Proof of what is recorded.
#[derive(Debug, Clone)]
pub(crate) struct Service(pub(crate) Arc<App>);

#[tonic::async_trait]
impl AuditService for Service {
    type ReadEntriesStream = Parts<pb::ReadEntriesResponse>;

    async fn get_checkpoint(
        &self,
        request: Request<pb::GetCheckpointRequest>,
    ) -> Result<Response<pb::GetCheckpointResponse>, Status> {
        let (lang, request) = asked(request);
        let answer = self.prove(lang, request.min_position, |reader| {
            let signed = signed(reader)?;
            Ok(pb::GetCheckpointResponse {
                checkpoint: signed.note.clone(),
                size: signed.checkpoint.size,
                root: signed.checkpoint.root.to_vec(),
                verifier_key: reader.verifier_key().map(|key| key.to_string()).unwrap_or_default(),
                handovers: handovers(reader),
                position: newest(signed.checkpoint.size),
            })
        });
        answer.await.map(Response::new)
    }

    async fn read_entries(
        &self,
        request: Request<pb::ReadEntriesRequest>,
    ) -> Result<Response<Self::ReadEntriesStream>, Status> {
        let (lang, request) = asked(request);
        let reader = reader(&self.0, lang, request.min_position).await?;
        Ok(Response::new(in_parts(&self.0, lang, Reading::of(reader, &request), Reading::step)))
    }

    async fn prove_inclusion(
        &self,
        request: Request<pb::ProveInclusionRequest>,
    ) -> Result<Response<pb::ProveInclusionResponse>, Status> {
        let (lang, pb::ProveInclusionRequest { position, size, min_position }) = asked(request);
        let answer = self.prove(lang, min_position, move |reader| {
            let entry = reader.event(position).map_err(|error| Trouble::from(&error))?;
            let Head { tree, size, checkpoint } = head(reader, size)?;
            let path = tree.prove_inclusion(position, size).ok_or_else(|| size_form(size, &tree))?;
            let (hashes, entry, position) = (hashes(&path), entry.into(), newest(tree.size()));
            Ok(pb::ProveInclusionResponse { size, hashes, entry, checkpoint, position })
        });
        answer.await.map(Response::new)
    }

    async fn prove_consistency(
        &self,
        request: Request<pb::ProveConsistencyRequest>,
    ) -> Result<Response<pb::ProveConsistencyResponse>, Status> {
        let (lang, pb::ProveConsistencyRequest { old, new, min_position }) = asked(request);
        let answer = self.prove(lang, min_position, move |reader| {
            let Head { tree, size, checkpoint } = head(reader, new)?;
            let path = tree.prove_consistency(old, size).filter(|_| old <= size && size <= tree.size());
            let path = path.ok_or_else(|| size_form(size.max(old), &tree))?;
            let (hashes, position) = (hashes(&path), newest(tree.size()));
            Ok(pb::ProveConsistencyResponse { new: size, hashes, checkpoint, position })
        });
        answer.await.map(Response::new)
    }
}

impl Service {
    /// Works out an answer away from the threads that serve sockets. It needs no book, so that a ledger of a newer
    /// program is proved as well.
    pub(super) async fn prove<T: Send + 'static>(
        &self,
        lang: Lang,
        min_position: Option<Position>,
        work: impl FnOnce(&Reader) -> Result<T, Fault> + Send + 'static,
    ) -> Result<T, Status> {
        let reader = reader(&self.0, lang, min_position).await?;
        let answer = self.0.work(move || work(&reader)).await;
        let answer = answer.unwrap_or_else(|error| Err(Trouble::failed(error).into()));
        answer.map_err(|why| status::unanswered(why, lang))
    }
}

/// What the events say of one key handing over to the next. A ledger of a newer program is not searched for them.
fn handovers(reader: &Reader) -> Vec<String> {
    let rotations = reader.book().map(|book| book.rotations().to_vec()).unwrap_or_default();
    rotations.into_iter().map(|(_, rotation)| rotation.handover.as_str().to_owned()).collect()
}

/// The tree in which something is proved.
struct Head {
    tree: Arc<Tree>,
    size: u64,
    checkpoint: Option<String>,
}

fn head(reader: &Reader, asked: Option<u64>) -> Result<Head, Fault> {
    let Some(size) = asked else {
        let signed = signed(reader)?;
        // What was signed is published.
        let (size, checkpoint) = (signed.checkpoint.size, Some(signed.note.clone()));
        return Ok(Head { tree: reader.tree(), size, checkpoint });
    };
    Ok(Head { tree: reader.tree(), size, checkpoint: None })
}

fn signed(reader: &Reader) -> Result<Arc<Signed>, Fault> {
    reader.checkpoint().map_err(|error| Trouble::from(&error).into())
}

/// The position of the newest event of that many; the founding is always there.
fn newest(size: u64) -> Position {
    size.saturating_sub(1)
}

fn size_form(size: u64, tree: &Tree) -> Trouble {
    Trouble::SizeForm { size, head: tree.size() }
}

fn hashes(path: &[Hash]) -> Vec<Vec<u8>> {
    path.iter().map(|hash| hash.to_vec()).collect()
}

/// The receipt of a write with the proof that its events are in the log.
pub(super) fn proved(reader: &Reader, mut receipt: pb::Receipt) -> Result<pb::Receipt, Fault> {
    let Head { tree, size, checkpoint } = head(reader, None)?;
    let positions = receipt.first..receipt.first.saturating_add(receipt.count.into());
    let paths = positions.map(|position| {
        let path = tree.prove_inclusion(position, size).ok_or_else(|| size_form(size, &tree))?;
        Ok(pb::InclusionProof { position, hashes: hashes(&path) })
    });
    receipt.proofs = paths.collect::<Result<_, Fault>>()?;
    receipt.checkpoint = checkpoint;
    Ok(receipt)
}

/// What is still to be read of a request.
struct Reading {
    reader: Reader,
    next: Position,
    end: Position,
}

impl Reading {
    fn of(reader: Reader, request: &pb::ReadEntriesRequest) -> Self {
        let limit = if request.limit == 0 { u64::MAX } else { request.limit };
        Self { next: request.from, end: reader.head().min(request.from.saturating_add(limit)), reader }
    }

    /// The next entries, as they were recorded; none where there are no more.
    fn step(&mut self) -> Result<Vec<pb::ReadEntriesResponse>, Fault> {
        let wanted = usize::try_from(self.end.saturating_sub(self.next)).unwrap_or(usize::MAX).min(AT_ONCE);
        if wanted == 0 {
            return Ok(Vec::new());
        }
        let first = self.next;
        let entries = self.reader.events(first, wanted).map_err(|error| Trouble::from(&error))?;
        self.next = first.saturating_add(u64::try_from(entries.len()).unwrap_or(u64::MAX));
        Ok(if entries.is_empty() { Vec::new() } else { vec![pb::ReadEntriesResponse { first, entries }] })
    }
}
