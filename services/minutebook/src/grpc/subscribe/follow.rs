//! The task of one subscription: looks through what is there, waits for more, and tells how far it is.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use minutebook_domain::ids::Position;
use minutebook_domain::message::Lang;
use minutebook_ledger::{Closed, Holding, Subscription};
use minutebook_proto::pb;
use minutebook_proto::pb::subscribe_response::Told;
use tokio::time::{Instant, sleep, sleep_until};

use super::super::status;
use super::super::trouble::{Fault, Onward, Trouble};
use super::ahead::Ahead;
use super::outlet::{Outlet, STALL, Unsent};
use super::prove::Prover;
use super::scan::{Scan, Scanned};
use crate::app::App;
use crate::metrics::Subscriber;
use crate::serve::Ending;

/// There is a checkpoint at least so often.
const CHECKPOINT_PAUSE: Duration = Duration::from_secs(3);

/// Whoever has looked at the newest event looks again after so long at the soonest, so that many subscribers of a busy
/// ledger get messages worth sending.
const PAUSE: Duration = Duration::from_millis(5);

/// Whoever finds nothing that fits waits twice as long each time, up to this: many who wait for something rare would
/// otherwise be woken by every event, and keep those waiting for whom it is.
const LONG_PAUSE: Duration = Duration::from_millis(40);

/// A subscription under way.
#[derive(Debug)]
pub(super) struct Follow {
    app: Arc<App>,
    head: Subscription,
    /// A checkpoint whenever so many events have been looked at.
    every: u64,
    /// How many have been since the last one.
    looked_at: u64,
    /// When the next one is to be told at the latest.
    due: Instant,
    prover: Option<Prover>,
    /// When its connection is to end.
    ending: Option<Ending>,
    /// After what the subscriber can go on, by what it was told.
    told: Onward,
    /// Counts it among those that are open.
    subscriber: Subscriber,
    lang: Lang,
}

/// Why a subscription ends.
enum End {
    /// The subscriber has gone, and need not be told.
    Left,
    /// The subscriber takes nothing.
    Stalled,
    /// The ledger has been closed, or the connection is to end.
    Closed,
    /// Something cannot be read.
    Fault(Fault),
}

impl From<Unsent> for End {
    fn from(unsent: Unsent) -> Self {
        match unsent {
            Unsent::Left => Self::Left,
            Unsent::Stalled => Self::Stalled,
        }
    }
}

impl From<Closed> for End {
    fn from(Closed: Closed) -> Self {
        Self::Closed
    }
}

impl From<Fault> for End {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl Follow {
    /// What follows the head of a ledger and has told nothing yet.
    pub(super) fn new(
        app: Arc<App>,
        head: Subscription,
        every: u64,
        prover: Option<Prover>,
        ending: Option<Ending>,
        subscriber: Subscriber,
        lang: Lang,
    ) -> Self {
        let due = Instant::now() + CHECKPOINT_PAUSE;
        Self { app, head, every, looked_at: 0, due, prover, ending, told: Onward::default(), subscriber, lang }
    }

    /// Tells the subscriber everything, until it leaves, cannot be told more, or holds its cursor no longer.
    pub(super) async fn run(mut self, scan: Scan, holding: Option<Holding>, outlet: Outlet) {
        self.told = Onward(scan.place().settled);
        let ending = self.ending.take();
        let lost = async {
            match holding {
                Some(holding) => holding.lost().await,
                None => pending().await,
            }
        };
        let end = tokio::select! {
            Err(end) = self.follow(scan, &outlet) => end,
            () = told(ending) => End::Closed,
            error = lost => End::Fault(error.into()),
        };
        let (told, lang) = (self.told, self.lang);
        let why = match end {
            End::Left => return,
            End::Stalled => Trouble::SubscriberStalled { seconds: STALL.as_secs(), on: told }.into(),
            End::Closed => Trouble::SubscriptionEnding { on: told }.into(),
            End::Fault(fault) => fault,
        };
        outlet.end(status::ended(why, told, lang));
    }

    async fn follow(&mut self, scan: Scan, outlet: &Outlet) -> Result<Infallible, End> {
        let mut place = scan.place();
        let mut ahead = Ahead::new(Arc::clone(&self.app), scan);
        let (mut has_caught_up, mut pause) = (false, PAUSE);
        loop {
            // The newest event may run ahead of it for as long as it likes.
            if !has_caught_up && place.settled >= self.head.began().checked_sub(1) {
                has_caught_up = true;
                let caught_up = pb::CaughtUp { position: place.settled.unwrap_or_default() };
                self.tell(Told::CaughtUp(caught_up), place.settled, outlet).await?;
            }
            // Between the parts of a request only proofs are told, of which a part may need one.
            if !place.is_open && (self.looked_at >= self.every || Instant::now() >= self.due) {
                self.checkpoint(place.settled, outlet).await?;
            }
            let head = self.head.head();
            if place.next < head {
                let scanned = ahead.next(head).await?;
                ahead.begin(head);
                place = scanned.place;
                pause = if scanned.batches.is_empty() { LONG_PAUSE.min(pause * 2) } else { PAUSE };
                self.pass_on(scanned, outlet).await?;
                if place.next >= head {
                    sleep(pause).await;
                }
                continue;
            }
            let due = self.due;
            tokio::select! {
                reached = self.head.reached(place.next) => drop(reached?),
                () = sleep_until(due) => {}
                () = outlet.left() => return Err(End::Left),
            }
        }
    }

    /// Tells what fits of a stretch of events.
    async fn pass_on(&mut self, scanned: Scanned, outlet: &Outlet) -> Result<(), End> {
        let Scanned { looked_at, place, batches } = scanned;
        self.looked_at = self.looked_at.saturating_add(looked_at);
        for batch in batches {
            let whole = Some(batch.position);
            if let Some(prover) = &mut self.prover {
                prover.note(&batch);
            }
            self.tell(Told::Events(batch), whole, outlet).await?;
            if self.prover.as_ref().is_some_and(Prover::is_due) {
                self.checkpoint(whole, outlet).await?;
            }
        }
        self.subscriber.reached(place.next);
        Ok(())
    }

    async fn checkpoint(&mut self, whole: Option<Position>, outlet: &Outlet) -> Result<(), End> {
        let proof = match self.prover.take() {
            Some(mut prover) => {
                let proof;
                (prover, proof) = self
                    .away(move || {
                        let proof = prover.prove();
                        (prover, proof)
                    })
                    .await?;
                self.prover = Some(prover);
                proof?
            }
            None => None,
        };
        (self.looked_at, self.due) = (0, Instant::now() + CHECKPOINT_PAUSE);
        // Before the first event there is no place to go on after.
        let Some(position) = whole else { return Ok(()) };
        self.tell(Told::Checkpoint(pb::SubscriptionCheckpoint { position, proof }), whole, outlet).await
    }

    /// Works away from the threads that serve sockets: it may wait for a disk.
    async fn away<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, End> {
        self.app.read(work).await.map_err(|error| End::Fault(Trouble::failed(error).into()))
    }

    async fn tell(&mut self, told: Told, whole: Option<Position>, outlet: &Outlet) -> Result<(), End> {
        outlet.send(pb::SubscribeResponse { told: Some(told) }).await?;
        self.told = Onward(whole);
        Ok(())
    }
}

/// Waits until a connection is to end.
async fn told(ending: Option<Ending>) {
    match ending {
        Some(mut ending) => ending.told().await,
        None => pending().await,
    }
}
