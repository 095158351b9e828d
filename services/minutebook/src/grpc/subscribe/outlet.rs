//! The way to one subscriber: one message waits at most, and whoever takes none for too long is given up.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use minutebook_proto::pb;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio_stream::Stream;
use tonic::Status;

/// So long a subscriber may take nothing.
pub(super) const STALL: Duration = Duration::from_secs(30);

/// What a subscriber is told, and at the end why there is no more.
#[derive(Debug)]
pub(crate) struct Told {
    messages: Receiver<pb::SubscribeResponse>,
    end: Arc<OnceLock<Status>>,
    is_over: bool,
}

/// Where messages for a subscriber go in.
#[derive(Debug)]
pub(super) struct Outlet {
    messages: Sender<pb::SubscribeResponse>,
    end: Arc<OnceLock<Status>>,
}

/// Why a message did not go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsent {
    /// The subscriber has gone.
    Left,
    /// The subscriber takes nothing.
    Stalled,
}

/// A way to a subscriber.
pub(super) fn outlet() -> (Outlet, Told) {
    let (sender, messages) = channel(1);
    let end = Arc::new(OnceLock::new());
    (Outlet { messages: sender, end: Arc::clone(&end) }, Told { messages, end, is_over: false })
}

impl Outlet {
    /// Sends a message when the one before it has been taken.
    pub(super) async fn send(&self, message: pb::SubscribeResponse) -> Result<(), Unsent> {
        match self.messages.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Closed(_)) => Err(Unsent::Left),
            Err(TrySendError::Full(message)) => match tokio::time::timeout(STALL, self.messages.send(message)).await {
                Ok(sent) => sent.map_err(|_| Unsent::Left),
                Err(_) => Err(Unsent::Stalled),
            },
        }
    }

    /// Waits until the subscriber has gone.
    pub(super) async fn left(&self) {
        self.messages.closed().await;
    }

    /// There is no more, for this reason. It is told after what waits, also to a subscriber that takes nothing now.
    pub(super) fn end(self, why: Status) {
        let _ = self.end.set(why);
    }
}

impl Stream for Told {
    type Item = Result<pb::SubscribeResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.is_over {
            return Poll::Ready(None);
        }
        let message = ready!(self.messages.poll_recv(context));
        self.is_over = message.is_none();
        Poll::Ready(message.map(Ok).or_else(|| self.end.get().cloned().map(Err)))
    }
}
