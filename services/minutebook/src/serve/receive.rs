//! A request as a whole: only what has come takes a place among those that are answered. Whoever sends the half of a
//! message keeps nobody waiting.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::grpc::Trouble;

/// So many bytes of a request are not counted: every connection has as many turns as it has.
const SMALL: usize = 64 << 10;
/// Memory is counted in parts of so many bytes.
const PART: usize = 1 << 10;

/// Room for what comes, in all.
#[derive(Debug, Clone)]
pub(super) struct Room(Arc<Semaphore>);

impl Room {
    /// Room for so many bytes.
    pub(super) fn new(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new(bytes / PART)))
    }
}

/// A request that has come, and the room that it takes.
pub(super) struct Received {
    pub(super) body: Body,
    pub(super) room: Option<OwnedSemaphorePermit>,
}

/// Takes in a request. What is longer than `most` is cut there, for its service to refuse; a client that sends nothing
/// for so long is not waited for.
pub(super) async fn receive(
    mut body: Body,
    most: usize,
    idle: Duration,
    room: &Room,
) -> Result<Received, Box<Trouble>> {
    let (mut first, mut all) = (Bytes::new(), Vec::new());
    let mut taken: Option<OwnedSemaphorePermit> = None;
    loop {
        let next = timeout(idle, poll_fn(|cx| Pin::new(&mut body).poll_frame(cx))).await;
        let next = next.map_err(|_| Trouble::DeadlinePassed {})?;
        // A client that breaks off hears nothing any more.
        let Some(Ok(frame)) = next else { break };
        let Ok(data) = frame.into_data() else { continue };
        if first.is_empty() {
            // Most requests are one piece.
            first = data;
        } else {
            if all.is_empty() {
                all.extend_from_slice(&first);
            }
            all.extend_from_slice(&data);
        }
        let length = first.len().max(all.len());
        let counted = taken.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = length.saturating_sub(SMALL).div_ceil(PART);
        if let Some(more) = u32::try_from(wanted.saturating_sub(counted)).ok().filter(|more| *more > 0) {
            let more = Arc::clone(&room.0).try_acquire_many_owned(more).map_err(|_| Trouble::Busy {})?;
            match &mut taken {
                Some(taken) => taken.merge(more),
                None => taken = Some(more),
            }
        }
        if length > most {
            break;
        }
    }
    let whole = if all.is_empty() { first } else { all.into() };
    Ok(Received { body: Body::from(whole), room: taken })
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_mins(1);

    fn parts(parts: impl IntoIterator<Item = Vec<u8>>) -> Body {
        let parts: Vec<_> = parts.into_iter().map(Ok::<_, std::io::Error>).collect();
        Body::from_stream(tokio_stream::iter(parts))
    }

    async fn bytes(received: Received) -> Bytes {
        axum::body::to_bytes(received.body, usize::MAX).await.expect("bytes")
    }

    #[tokio::test]
    async fn what_comes_in_parts_is_whole_afterwards_and_cut_where_it_is_too_long() {
        let room = Room::new(1 << 20);
        for given in [vec![], vec![b"whole".to_vec()], vec![b"in".to_vec(), vec![], b"two".to_vec(), b"s".to_vec()]] {
            let received = receive(parts(given.clone()), 1_000, IDLE, &room).await.expect("received");
            assert_eq!(bytes(received).await, given.concat());
        }
        let received = receive(parts(vec![vec![7; 600]; 5]), 1_000, IDLE, &room).await.expect("received");
        assert_eq!(bytes(received).await.len(), 1_200);
    }

    #[tokio::test]
    async fn large_requests_share_the_room_that_there_is_and_small_ones_need_none() {
        let room = Room::new(SMALL);
        let large = || parts(vec![vec![7; PART]; 2 * SMALL / PART]);
        let held = receive(large(), usize::MAX, IDLE, &room).await.expect("there is room for one");
        let refused = receive(large(), usize::MAX, IDLE, &room).await.err().expect("and not for two");
        assert_eq!(refused.code(), "OVERLOADED");
        receive(parts([vec![7; SMALL]]), usize::MAX, IDLE, &room).await.expect("a small one");
        drop(held);
        receive(large(), usize::MAX, IDLE, &room).await.expect("there is room again");
    }

    #[tokio::test]
    async fn who_sends_nothing_more_is_not_waited_for() {
        let half = tokio_stream::StreamExt::chain(
            tokio_stream::iter([Ok::<_, std::io::Error>(vec![0; 5])]),
            tokio_stream::pending(),
        );
        let waited = receive(Body::from_stream(half), 1_000, Duration::from_millis(1), &Room::new(1 << 20)).await;
        assert_eq!(waited.err().expect("given up").code(), "DEADLINE_PASSED");
    }
}
