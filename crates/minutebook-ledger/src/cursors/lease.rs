//! Leases: for how long the holder of a cursor may still say nothing. What is left of one is held in memory, by the
//! monotonic clock; after a restart a holder has a whole lease, so that it goes on with its token and nobody is let in
//! before.

use std::time::{Duration, Instant};

use minutebook_domain::ids::{Id, Position};
use minutebook_domain::value::Name;
use tokio::sync::watch;
use tokio::time::sleep_until;

use super::CursorError;
use super::kept::Kept;

/// How a cursor is held.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Lease {
    /// The token of the holder, or of the last one.
    token: u64,
    /// The holder, and until when.
    held: Option<(Name, Instant)>,
}

impl Lease {
    /// A whole lease from now on, where somebody holds the cursor.
    pub(super) fn whole(kept: &Kept) -> Self {
        let now = Instant::now();
        let until = |lease_ms: u32| now.checked_add(Duration::from_millis(lease_ms.into()));
        let held = kept.holder.as_ref().and_then(|holder| Some((holder.name.clone(), until(holder.lease_ms)?)));
        Self { token: kept.generation, held }
    }

    /// Ends it.
    pub(super) fn end(&mut self) {
        self.held = None;
    }

    /// What is left of it, and whose it is; `None` where it has ended.
    pub(super) fn left(&self) -> Option<(&Name, Duration)> {
        let (holder, until) = self.held.as_ref()?;
        let left = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())?;
        Some((holder, left))
    }

    /// Nobody holds the cursor.
    pub(super) fn check_free(&self, name: &Id) -> Result<(), CursorError> {
        match self.left() {
            Some((holder, left)) => Err(CursorError::Held { name: name.clone(), holder: holder.clone(), left }),
            None => Ok(()),
        }
    }

    /// Whoever has the token holds the cursor.
    pub(super) fn check(&self, name: &Id, token: u64) -> Result<(), CursorError> {
        match self.left() {
            Some(_) if self.token == token => Ok(()),
            Some(_) => self.check_free(name),
            None => Err(CursorError::Lapsed { name: name.clone() }),
        }
    }
}

/// A cursor that somebody holds: where to go on, and a watch over the lease.
#[derive(Debug)]
pub struct Holding {
    pub(super) name: Id,
    pub(super) token: u64,
    pub(super) acknowledged: Option<Position>,
    pub(super) lease: watch::Receiver<Lease>,
}

impl Holding {
    /// The last event that had been acknowledged, when this was asked for.
    pub fn acknowledged(&self) -> Option<Position> {
        self.acknowledged
    }

    /// Waits until the lease has ended, and tells why.
    pub async fn lost(mut self) -> CursorError {
        loop {
            let lease = self.lease.borrow_and_update().clone();
            let until = match (lease.check(&self.name, self.token), &lease.held) {
                (Err(error), _) => return error,
                (Ok(()), held) => held.as_ref().map_or_else(Instant::now, |(_, until)| *until),
            };
            tokio::select! {
                () = sleep_until(until.into()) => {}
                changed = self.lease.changed() => if changed.is_err() {
                    return CursorError::Lapsed { name: self.name };
                }
            }
        }
    }
}
