//! Waiting for more. A subscription says how far the ledger is durable and wakes when it is further; the events
//! themselves are read through the [`crate::Reader`], at the follower's own pace, so that nothing is queued for it.

use minutebook_domain::ids::Position;
use tokio::sync::watch;

/// Follows the durable head of a ledger.
#[derive(Debug, Clone)]
pub struct Subscription(watch::Receiver<Position>);

/// The ledger has been closed: there will be no more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger has been closed")]
pub struct Closed;

impl Subscription {
    pub(crate) fn new(head: watch::Receiver<Position>) -> Self {
        Self(head)
    }

    /// The position of the next event.
    pub fn head(&self) -> Position {
        *self.0.borrow()
    }

    /// Wait until the event at `position` can be read. Gives the head, which is beyond it.
    pub async fn reached(&mut self, position: Position) -> Result<Position, Closed> {
        self.0.wait_for(|head| *head > position).await.map(|head| *head).map_err(|_| Closed)
    }
}
