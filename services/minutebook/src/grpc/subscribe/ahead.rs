//! Looking at the next stretch of events while the one before it is sent.

use std::sync::Arc;

use minutebook_domain::ids::Position;
use tokio::task::{JoinError, JoinHandle};

use super::super::trouble::{Fault, Trouble};
use super::scan::{Scan, Scanned};
use crate::app::App;

/// What looks for one subscriber. It is a stretch ahead at most, so that a slow subscriber costs the memory of two.
#[derive(Debug)]
pub(super) struct Ahead {
    app: Arc<App>,
    state: State,
}

#[derive(Debug)]
enum State {
    Resting(Box<Scan>),
    Looking(JoinHandle<Result<Looked, JoinError>>),
    /// Something went wrong: there is no going on.
    Lost,
}

type Looked = (Box<Scan>, Result<Scanned, Fault>);

impl Ahead {
    /// Nothing is looked at yet.
    pub(super) fn new(app: Arc<App>, scan: Scan) -> Self {
        Self { app, state: State::Resting(Box::new(scan)) }
    }

    /// The next stretch of the events before `head`, where a request ends.
    pub(super) async fn next(&mut self, head: Position) -> Result<Scanned, Fault> {
        let looked = match std::mem::replace(&mut self.state, State::Lost) {
            State::Resting(mut scan) if scan.is_quick() => {
                let scanned = scan.step(head);
                Ok((scan, scanned))
            }
            State::Resting(scan) => look(&self.app, scan, head).await,
            State::Looking(looking) => looking.await.and_then(|looked| looked),
            State::Lost => Err(Trouble::failed("what looks through the events is gone"))?,
        };
        let (scan, scanned) = looked.map_err(Trouble::failed)?;
        self.state = State::Resting(scan);
        scanned
    }

    /// Begins with the stretch after it, where that takes long and the subscriber has been taking much.
    pub(super) fn begin(&mut self, head: Position) {
        self.state = match std::mem::replace(&mut self.state, State::Lost) {
            State::Resting(scan) if scan.next() < head && scan.is_in_full_swing() && !scan.is_quick() => {
                let app = Arc::clone(&self.app);
                State::Looking(tokio::spawn(async move { look(&app, scan, head).await }))
            }
            state => state,
        };
    }
}

/// Away from the threads that serve sockets: it may wait for a disk.
async fn look(app: &App, mut scan: Box<Scan>, head: Position) -> Result<Looked, JoinError> {
    app.read(move || {
        let scanned = scan.step(head);
        (scan, scanned)
    })
    .await
}
