//! What goes in at the door and what comes out: a submission, and its receipt or the reason there is none.

use std::pin::Pin;
use std::task::{Context, Poll};

use minutebook_domain::command::Command;
use minutebook_domain::dates::Timestamp;
use minutebook_domain::event::Actor;
use minutebook_domain::history::Unreadable;
use minutebook_domain::ids::{Position, RequestId};
use minutebook_domain::refusal::{Refusal, Rejection};
use tokio::sync::oneshot;

use crate::reader::{LedgerNewer, ReadError};

/// What a client asks to be recorded.
#[derive(Debug, Clone)]
pub struct Submission {
    /// The client's name for the write. The same name with the same commands gives the first receipt again.
    pub request_id: RequestId,
    /// Decided in this order; all of them are recorded, or none.
    pub commands: Vec<Command>,
    /// Who asks.
    pub actor: Actor,
    /// Decide, but record nothing. The receipt says what would have been recorded.
    pub validate_only: bool,
}

/// Proof that a submission is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Position of the first event.
    pub first: Position,
    /// How many events there are. None is an answer too: everything was so already.
    pub count: u32,
    /// How many events the ledger had when these were durable.
    pub head: Position,
    /// When they were recorded.
    pub recorded_at: Timestamp,
    /// The request had been answered before; this is the first answer again.
    pub repeated: bool,
}

/// Why there is no receipt. Only [`SubmitError::OutcomeUnknown`] leaves open whether anything was recorded.
#[derive(Debug, thiserror::Error)]
pub enum SubmitError {
    /// The rules refuse it.
    #[error("{0}")]
    Refused(Refusal),
    /// The events would not fit in one frame.
    #[error("the request gives more than {limit} bytes of events; divide it")]
    TooLarge {
        /// What one request may give.
        limit: usize,
    },
    /// An event that the decision rests on cannot be read.
    #[error(transparent)]
    Unreadable(#[from] Unreadable),
    /// Whether the request was answered before cannot be read.
    #[error("cannot tell whether this request was answered before: {0}")]
    Unremembered(#[source] Box<ReadError>),
    /// Too many submissions are waiting.
    #[error("too many requests are waiting to be recorded; send it again later")]
    Overloaded,
    /// The disk is full. Nothing was recorded, and the ledger goes on when there is room.
    #[error("no space left to record anything; nothing was recorded; send it again when space has been made")]
    Full,
    /// The write failed in a way that leaves open whether it is on the disk.
    #[error("the outcome is unknown; retry with the same request id after the restart")]
    OutcomeUnknown,
    /// The writer has stopped after a failure, or the ledger is closing. Nothing was recorded.
    #[error("the ledger takes no more writes until it is started again; nothing was recorded")]
    Stopped,
    /// This program is too old to write to this ledger.
    #[error(transparent)]
    Newer(#[from] LedgerNewer),
}

impl From<Rejection> for SubmitError {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Refused(refusal) => Self::Refused(refusal),
            Rejection::Unreadable(unreadable) => Self::Unreadable(unreadable),
        }
    }
}

/// What comes of a submission.
pub type Outcome = Result<Receipt, SubmitError>;

/// An answer that is on its way. Dropping it does not withdraw the submission.
#[derive(Debug)]
pub struct Pending(oneshot::Receiver<Outcome>);

impl Pending {
    pub(crate) fn new(answer: oneshot::Receiver<Outcome>) -> Self {
        Self(answer)
    }

    /// An answer that is there already.
    pub fn ready(outcome: Outcome) -> Self {
        let (sender, receiver) = oneshot::channel();
        // The receiver is right here.
        let _ = sender.send(outcome);
        Self(receiver)
    }

    /// Wait, blocking the thread. Not to be called from asynchronous code.
    pub fn wait(self) -> Outcome {
        self.0.blocking_recv().unwrap_or(Err(SubmitError::OutcomeUnknown))
    }
}

impl Future for Pending {
    type Output = Outcome;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        // A writer that ends without an answer leaves the outcome open.
        Pin::new(&mut self.0).poll(context).map(|answer| answer.unwrap_or(Err(SubmitError::OutcomeUnknown)))
    }
}
