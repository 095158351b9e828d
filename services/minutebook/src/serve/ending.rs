//! That something is to end: told once, heard by all who listen, also by those who come later.

use tokio::sync::watch;

/// Tells that it ends. Dropping it tells it too.
#[derive(Debug)]
pub(crate) struct End(watch::Sender<bool>);

impl End {
    /// Tells everybody.
    pub(crate) fn tell(&self) {
        self.0.send_replace(true);
    }

    /// Somebody else who listens.
    pub(super) fn listen(&self) -> Ending {
        Ending(self.0.subscribe())
    }
}

/// Hears that it ends.
#[derive(Debug, Clone)]
pub(crate) struct Ending(watch::Receiver<bool>);

impl Ending {
    /// Waits until it is told.
    pub(crate) async fn told(&mut self) {
        // Whoever would have told it is gone: that is the end as well.
        let _ = self.0.wait_for(|told| *told).await;
    }
}

/// Somebody who can tell, and somebody who hears it.
pub(crate) fn ending() -> (End, Ending) {
    let (sender, receiver) = watch::channel(false);
    (End(sender), Ending(receiver))
}
