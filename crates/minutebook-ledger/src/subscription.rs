//! Waiting for more. A subscription says how far the ledger is and wakes when it is further; the events themselves are
//! read through the [`crate::Reader`], at the follower's own pace, so that nothing is queued for it.

use std::fmt;
use std::sync::Arc;

use minutebook_domain::ids::Position;
use tokio::sync::watch;

use crate::reader::Shared;

/// Follows the head of a ledger.
#[derive(Clone)]
pub struct Subscription {
    shared: Arc<Shared>,
    /// Told after the book is published.
    told: watch::Receiver<Position>,
    began: Position,
}

/// The ledger has been closed: there will be no more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger has been closed")]
pub struct Closed;

impl Subscription {
    pub(crate) fn new(shared: Arc<Shared>) -> Self {
        let (told, began) = (shared.head.clone(), shared.head());
        Self { shared, told, began }
    }

    /// The position that the next event had when it began.
    pub fn began(&self) -> Position {
        self.began
    }

    /// The position of the next event.
    pub fn head(&self) -> Position {
        self.shared.head()
    }

    /// Wait until the event at `position` can be read. Gives the head, which is beyond it.
    pub async fn reached(&mut self, position: Position) -> Result<Position, Closed> {
        self.told.wait_for(|head| *head > position).await.map(|head| *head).map_err(|_| Closed)
    }
}

impl fmt::Debug for Subscription {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Subscription").field(&self.head()).finish()
    }
}
