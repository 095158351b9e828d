//! One subscriber: it goes on after what it has whole, whatever happens to its connection, and writes down what it is
//! told.

use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use minutebook_proto::pb;
use minutebook_proto::pb::subscribe_request::Start;
use minutebook_proto::pb::subscribe_response::Told as Message;
use tokio::sync::watch;
use tonic::transport::Endpoint;
use tonic::{Code, Status, Streaming};

use super::world;
use crate::client;
use crate::dice::Dice;

/// So long it waits before it tries again.
const PAUSE: Duration = Duration::from_millis(3);
/// A request that is lost with its connection is answered by nobody: so long it is waited for.
const OPENING: Duration = Duration::from_secs(20);

/// Where a subscriber begins, and what it wants.
#[derive(Debug, Clone)]
pub(super) struct Wanted {
    start: Start,
    pub(super) filter: pb::EventFilter,
    every: u32,
}

impl Wanted {
    /// Chosen by dice, in a ledger of so many events.
    pub(super) fn roll(dice: &mut Dice, head: u64) -> Self {
        let start = match dice.below(3) {
            0 => Start::Beginning(pb::FromBeginning {}),
            1 => Start::Now(pb::FromNow {}),
            _ => Start::After(dice.below(head)),
        };
        let every = if dice.one_in(2) { 0 } else { u32::try_from(dice.between(1, 200)).unwrap_or(1) };
        Self { start, filter: world::filter(dice), every }
    }
}

/// What a subscriber was told, in its order.
#[derive(Debug)]
pub(super) struct Told {
    pub(super) wanted: Wanted,
    pub(super) parts: Vec<Part>,
}

/// One thing that it was told, or that happened to it.
#[derive(Debug)]
pub(super) enum Part {
    /// It began after this event, or before the first. What it did not have whole is as if it had never come.
    Began(Option<u64>),
    Events(pb::EventBatch),
    CaughtUp(u64),
    Checkpoint(u64),
}

/// A subscriber at work.
#[derive(Debug)]
pub(super) struct Subscriber {
    address: String,
    dice: Dice,
    /// The event after which it has enough.
    target: watch::Receiver<Option<u64>>,
    /// It has everything up to here whole.
    position: Option<u64>,
    has_begun: bool,
    told: Told,
}

impl Subscriber {
    pub(super) fn new(address: String, wanted: Wanted, dice: Dice, target: watch::Receiver<Option<u64>>) -> Self {
        let told = Told { wanted, parts: Vec::new() };
        Self { address, dice, target, position: None, has_begun: false, told }
    }

    /// Follows until there is no more to come. Gives what it was told.
    pub(super) async fn follow(mut self) -> Result<Told> {
        while !self.is_done() {
            match self.connected().await {
                Ok(()) => {}
                Err(status) if is_passing(&status) => tokio::time::sleep(PAUSE).await,
                Err(status) => bail!("{:?} is refused: {status:?}", self.told.wanted),
            }
        }
        Ok(self.told)
    }

    fn is_done(&self) -> bool {
        let target = *self.target.borrow();
        self.has_begun && target.is_some_and(|target| self.position >= Some(target))
    }

    /// One connection, to its end.
    async fn connected(&mut self) -> Result<(), Status> {
        let endpoint =
            Endpoint::from_shared(self.address.clone()).map_err(|error| Status::internal(error.to_string()))?;
        let channel = endpoint.connect().await.map_err(|error| Status::unavailable(error.to_string()))?;
        let wanted = self.told.wanted.clone();
        let start = match self.position {
            Some(position) if self.has_begun => Start::After(position),
            _ => wanted.start,
        };
        let begins = match &start {
            Start::Beginning(_) => Some(None),
            Start::After(position) => Some(Some(*position)),
            _ => None,
        };
        let request = pb::SubscribeRequest {
            start: Some(start),
            filter: Some(wanted.filter),
            checkpoint_every: wanted.every,
            ..pb::SubscribeRequest::default()
        };
        let opened = tokio::time::timeout(OPENING, client::subscribe(&channel, request)).await;
        let mut stream = opened.map_err(|_| Status::unavailable("nobody answers"))??;
        let mut is_first = true;
        // Now and then it leaves by itself.
        let mut left = if self.dice.one_in(3) { self.dice.between(1, 30) } else { u64::MAX };
        while left > 0 && !self.is_done() {
            left = left.saturating_sub(1);
            let Some(message) = self.next(&mut stream).await? else { continue };
            if std::mem::take(&mut is_first) {
                // Where it begins with what is new, it is told first where that is.
                let began = begins.unwrap_or_else(|| Some(position_of(&message)));
                self.told.parts.push(Part::Began(began));
                (self.has_begun, self.position) = (true, began);
            }
            self.hear(message).await;
        }
        Ok(())
    }

    /// The next message; nothing where it is known meanwhile that there is enough.
    async fn next(&mut self, stream: &mut Streaming<pb::SubscribeResponse>) -> Result<Option<Message>, Status> {
        tokio::select! {
            message = stream.message() => {
                let message = message?.ok_or_else(|| Status::unavailable("it ended without a word"))?;
                Ok(Some(message.told.context("it says nothing").map_err(|error| Status::internal(error.to_string()))?))
            }
            Ok(()) = self.target.changed() => Ok(None),
        }
    }

    async fn hear(&mut self, message: Message) {
        let position = position_of(&message);
        self.told.parts.push(match message {
            Message::Events(batch) => Part::Events(batch),
            Message::CaughtUp(told) => Part::CaughtUp(told.position),
            Message::Checkpoint(told) => Part::Checkpoint(told.position),
        });
        self.position = Some(position);
        if self.dice.one_in(10) {
            tokio::time::sleep(Duration::from_millis(self.dice.below(30))).await;
        }
    }
}

fn position_of(message: &Message) -> u64 {
    match message {
        Message::Events(batch) => batch.position,
        Message::CaughtUp(told) => told.position,
        Message::Checkpoint(told) => told.position,
    }
}

/// Does it pass when it is tried again? What the rules of subscriptions refuse does not.
fn is_passing(status: &Status) -> bool {
    !matches!(status.code(), Code::InvalidArgument | Code::NotFound | Code::OutOfRange | Code::FailedPrecondition)
}
