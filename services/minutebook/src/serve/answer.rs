//! An answer on its way to the peer: it knows what it holds, when it is to end, and whether it is taken.

use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::{Body, Bytes, HttpBody};
use axum::http::HeaderMap;
use http_body::{Frame, SizeHint};
use minutebook_domain::message::Lang;
use tokio::sync::OwnedSemaphorePermit;
use tonic::Status;

use super::requests::restate;
use super::stall::Stall;

/// What ends a stream before it ends by itself.
pub(super) type Cause = Pin<Box<dyn Future<Output = Status> + Send>>;

/// An answer on its way.
pub(super) struct Answer {
    pub(super) body: Body,
    /// The language of whoever asked.
    pub(super) lang: Lang,
    /// What keeps others waiting until it is gone.
    pub(super) held: Option<OwnedSemaphorePermit>,
    /// That it waits for the peer.
    pub(super) stall: Option<Stall>,
    /// What ends it early, where it is a stream.
    pub(super) cause: Option<Cause>,
    /// Everything was said.
    pub(super) is_over: bool,
}

impl Answer {
    /// The status as the last thing that is said.
    fn end(&mut self, status: &Status) -> Frame<Bytes> {
        self.is_over = true;
        // What the answer is made of, and what it keeps from others, is let go of now.
        self.body = Body::empty();
        self.held = None;
        let mut trailers = HeaderMap::new();
        // INVARIANT: the statuses of this program can be written.
        let _ = status.add_header(&mut trailers);
        Frame::trailers(trailers)
    }
}

impl HttpBody for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let answer = &mut *self;
        // Whoever asks for more has taken what there was.
        if let Some(stall) = &answer.stall {
            stall.taken();
        }
        if answer.is_over {
            return Poll::Ready(None);
        }
        if let Some(Poll::Ready(status)) = answer.cause.as_mut().map(|cause| cause.as_mut().poll(cx)) {
            return Poll::Ready(Some(Ok(answer.end(&status))));
        }
        let mut next = Pin::new(&mut answer.body).poll_frame(cx);
        if let Poll::Ready(Some(Ok(frame))) = &mut next {
            if let Some(trailers) = frame.trailers_mut() {
                restate(trailers, answer.lang);
            }
            if let Some(stall) = &answer.stall {
                stall.wait();
            }
        }
        next
    }

    fn is_end_stream(&self) -> bool {
        self.is_over || self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        if self.cause.is_some() { SizeHint::default() } else { self.body.size_hint() }
    }
}
