//! Following the ledger: one subscription over as many connections as it takes.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use minutebook_proto::pb;
use minutebook_proto::pb::subscribe_request::Start as Asked;
use minutebook_tlog::VerifierKey;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until, timeout};
use tonic::{Status, Streaming};

use crate::audit::{Audit, is_other_key};
use crate::backoff::Backoff;
use crate::intake::Intake;
use crate::{Client, Error, Kept, Refused, Told};

/// A server says something every three seconds. One that says nothing for so long has gone, whatever the system thinks of
/// the connection.
const SILENCE: Duration = Duration::from_secs(15);

/// Where to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the first event.
    Beginning,
    /// After the event at this position.
    After(u64),
    /// With what is recorded from now on.
    Now,
}

/// A subscription that goes on: over restarts of the server and cuts of the network, each time exactly after the last
/// whole request that it handed out. Between attempts it waits for up to a second.
///
/// What the server refuses for good (an id that it does not know, a position beyond its newest event) ends it with
/// [`Error::Refused`]; a ledger that ends before what was seen of it with [`Error::WentBack`].
///
/// With a verifier key ([`Follower::verified_by`]) it hands out only what is proved to be in the log that the key signs,
/// and that the log continues what was seen of it before; anything else ends it with [`Error::NotProved`]. Events then
/// come up to three seconds later, because that is how often a server proves. That a filter was answered in full is not
/// proved, only that nothing was made up; without a filter a gap shows.
///
/// After an error nothing was lost: the next call goes on from the same place.
#[derive(Debug)]
pub struct Follower {
    client: Client,
    start: Start,
    filter: Option<pb::EventFilter>,
    checkpoint_every: u32,
    key: Option<VerifierKey>,
    file: Option<PathBuf>,
    /// What was kept by an earlier run, and then what this one handed out.
    kept: Option<Kept>,
    /// The first event of the ledger that is followed, which no other ledger has.
    founding: Option<Bytes>,
    intake: Option<Intake>,
    line: Option<Streaming<pb::SubscribeResponse>>,
    backoff: Backoff,
    /// When to connect again.
    again: Option<Instant>,
    /// Nothing came since the line broke.
    is_interrupted: bool,
    /// The last line was left because another key signed what came over it.
    met_other_key: bool,
    /// What was handed out last is a place to keep.
    is_place: bool,
    /// What the file holds.
    saved: Option<Kept>,
    saving: Option<JoinHandle<Result<Kept, Error>>>,
}

/// Why a connection ends.
enum End {
    /// For good.
    Error(Error),
    /// It is worth another attempt.
    Passing(Refused),
}

impl From<Error> for End {
    fn from(error: Error) -> Self {
        match error {
            Error::Refused(refused) if refused.may_go_on() => Self::Passing(*refused),
            error => Self::Error(error),
        }
    }
}

impl From<Status> for End {
    fn from(status: Status) -> Self {
        Error::from(status).into()
    }
}

impl Client {
    /// Follows the ledger.
    pub fn follow(&self, start: Start) -> Follower {
        Follower {
            client: self.clone(),
            start,
            filter: None,
            checkpoint_every: 0,
            key: None,
            file: None,
            kept: None,
            founding: None,
            intake: None,
            line: None,
            backoff: Backoff::default(),
            again: None,
            is_interrupted: false,
            met_other_key: false,
            is_place: false,
            saved: None,
            saving: None,
        }
    }

    /// Goes on after what was kept.
    pub fn resume(&self, kept: Kept) -> Follower {
        Follower { kept: Some(kept), ..self.follow(Start::Beginning) }
    }
}

impl Follower {
    /// Only events that fit.
    #[must_use]
    pub fn filter(self, filter: pb::EventFilter) -> Self {
        Self { filter: Some(filter), ..self }
    }

    /// A checkpoint whenever the server has looked at so many events, beside those every few seconds.
    #[must_use]
    pub fn checkpoint_every(self, checkpoint_every: u32) -> Self {
        Self { checkpoint_every, ..self }
    }

    /// Hands out only what is proved to be in the log that this key signs, or the key that it handed over to.
    #[must_use]
    pub fn verified_by(self, key: VerifierKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// Keeps in a file how far it is, and goes on from there where the file is there already: then the start does not
    /// count. It is written at each checkpoint, when the call after it says that you have dealt with what came before; so
    /// after a crash you may get the last few seconds again.
    pub fn kept_in(self, file: impl Into<PathBuf>) -> Result<Self, Error> {
        let file = file.into();
        let saved = Kept::read(&file)?;
        Ok(Self { kept: saved.clone().or(self.kept), saved, file: Some(file), ..self })
    }

    /// What to keep so that another run goes on after what was handed out; `None` before anything was.
    pub fn kept(&self) -> Option<&Kept> {
        self.kept.as_ref()
    }

    /// What comes next. It waits for as long as it takes; giving up waiting loses nothing.
    pub async fn next(&mut self) -> Result<Told, Error> {
        self.save().await?;
        loop {
            if let Some(told) = self.intake.as_mut().and_then(Intake::next) {
                self.note(&told);
                return Ok(told);
            }
            match self.advance().await {
                Ok(()) => {}
                Err(End::Error(error)) => {
                    self.cut();
                    return Err(error);
                }
                Err(End::Passing(why)) => self.interrupt(&why),
            }
        }
    }

    /// Remembers what is handed out.
    fn note(&mut self, told: &Told) {
        let position = match told {
            Told::Events(batch) => batch.position,
            Told::CaughtUp(position) | Told::Checkpoint(position) => *position,
            Told::Interrupted(_) => return,
        };
        let note = self.intake.as_mut().and_then(Intake::audit).and_then(|audit| audit.note().map(str::to_owned));
        // Where this run does not verify, what an earlier one saw still counts.
        let checkpoint = note.or_else(|| self.kept.take()?.checkpoint);
        self.kept = Some(Kept { position, checkpoint });
        self.is_place = !matches!(told, Told::Events(_));
        self.met_other_key = false;
    }

    /// Writes to the file what has been dealt with, where it is time to. A disk is waited for elsewhere, and goes on where
    /// nobody waits any more.
    async fn save(&mut self) -> Result<(), Error> {
        if self.saving.is_none()
            && let (Some(file), Some(kept)) = (&self.file, self.kept.as_ref().filter(|_| self.is_place))
            && self.saved.as_ref() != Some(kept)
        {
            let (file, kept) = (file.clone(), kept.clone());
            self.saving = Some(tokio::task::spawn_blocking(move || kept.write(&file).map(|()| kept)));
        }
        if let Some(saving) = &mut self.saving {
            let saved = saving.await;
            self.saving = None;
            // A task that did not end well wrote nothing that counts.
            if let Ok(saved) = saved {
                self.saved = Some(saved?);
            }
        }
        Ok(())
    }

    /// Takes in the next thing that the server says, over a connection that is made first where there is none.
    async fn advance(&mut self) -> Result<(), End> {
        if let Some(again) = self.again {
            sleep_until(again).await;
            self.again = None;
        }
        if self.line.is_none() {
            self.connect().await?;
        }
        let (Some(line), Some(intake)) = (&mut self.line, &mut self.intake) else { return Ok(()) };
        let Ok(message) = timeout(SILENCE, line.message()).await else { return Err(self.silent()) };
        let Some(message) = message? else {
            return Err(End::Passing(Status::unavailable("the server ended the subscription").into()));
        };
        self.backoff.reset();
        self.is_interrupted = false;
        // What only a newer server says is passed over.
        let Some(said) = message.told else { return Ok(()) };
        match intake.take(said) {
            // Another key may have taken over. Whoever connects learns of it, and all that is not proved comes again.
            Err(Error::NotProved(why)) if is_other_key(&why) && !self.met_other_key => {
                self.met_other_key = true;
                Err(End::Passing(Status::unavailable(why.to_string()).into()))
            }
            taken => Ok(taken?),
        }
    }

    /// Begins, or goes on.
    async fn connect(&mut self) -> Result<(), End> {
        if self.intake.is_none() {
            self.intake = Some(self.begin()?);
        }
        let connecting = async {
            self.look_at_founding().await?;
            self.look_at_log().await?;
            let request = self.request();
            self.client.ledger().subscribe(request).await.map_err(Error::from)
        };
        match timeout(SILENCE, connecting).await {
            Ok(line) => self.line = Some(line.map_err(|error| self.went_back(error))?.into_inner()),
            Err(_) => return Err(self.silent()),
        }
        Ok(())
    }

    fn begin(&self) -> Result<Intake, Error> {
        let mut audit = self.key.clone().map(Audit::new);
        if let (Some(audit), Some(kept)) = (&mut audit, &self.kept)
            && let Some(checkpoint) = &kept.checkpoint
        {
            audit.keep(checkpoint)?;
        }
        let start = self.kept.as_ref().map_or(self.start, |kept| Start::After(kept.position));
        let (position, first) = match start {
            Start::After(position) => (Some(position), Some(position.saturating_add(1))),
            Start::Beginning => (None, Some(0)),
            Start::Now => (None, None),
        };
        let is_gapless = self.filter.as_ref().is_none_or(|filter| *filter == pb::EventFilter::default());
        Ok(Intake::new(position, first, is_gapless, audit))
    }

    /// Sees that it is still the same ledger. Another one may have taken its address, and have as many events.
    async fn look_at_founding(&mut self) -> Result<(), Error> {
        let request = pb::ReadEventsRequest { limit: 1, ..pb::ReadEventsRequest::default() };
        let first = self.client.ledger().read_events(request).await?.into_inner().message().await?;
        let found = first.map(|answer| answer.event);
        if self.founding.is_some() && self.founding != found {
            return Err(Error::OtherLedger);
        }
        self.founding = found;
        Ok(())
    }

    /// Learns which key signs now, and that the log continues what was seen of it, where this follower verifies. Even where
    /// nothing fits the filter, another history is refused like this.
    async fn look_at_log(&mut self) -> Result<(), Error> {
        let Some(audit) = self.intake.as_mut().and_then(Intake::audit) else { return Ok(()) };
        let mut service = self.client.audit();
        let answer = service.get_checkpoint(pb::GetCheckpointRequest::default()).await?.into_inner();
        audit.follow(&answer.handovers);
        let consistency = match audit.size().filter(|old| *old <= answer.size) {
            Some(old) => {
                let request = pb::ProveConsistencyRequest { old, new: Some(answer.size), min_position: None };
                service.prove_consistency(request).await?.into_inner().hashes
            }
            None => Vec::new(),
        };
        Ok(audit.advance(&answer.checkpoint, &consistency)?)
    }

    fn request(&mut self) -> pb::SubscribeRequest {
        let intake = self.intake.as_mut();
        let position = intake.as_ref().and_then(|intake| intake.position());
        let audit = intake.and_then(Intake::audit);
        let start = match (position, self.start) {
            (Some(position), _) | (None, Start::After(position)) => Asked::After(position),
            (None, Start::Beginning) => Asked::Beginning(pb::FromBeginning {}),
            (None, Start::Now) => Asked::Now(pb::FromNow {}),
        };
        pb::SubscribeRequest {
            start: Some(start),
            filter: self.filter.clone(),
            checkpoint_every: self.checkpoint_every,
            prove: audit.is_some(),
            proved_size: audit.and_then(|audit| audit.size()),
        }
    }

    /// A position beyond the newest event is a mistake in the request, unless there was an event at it before.
    fn went_back(&self, error: Error) -> Error {
        match (error, &self.kept) {
            (Error::Refused(refused), Some(kept)) if refused.reason == "BEYOND_HEAD" => {
                Error::WentBack { seen: kept.position, why: refused.message }
            }
            (error, _) => error,
        }
    }

    /// Nothing comes any more.
    fn silent(&mut self) -> End {
        self.client.leave_connection();
        End::Passing(Status::unavailable("the server says nothing any more").into())
    }

    /// Waits before another attempt.
    fn interrupt(&mut self, why: &Refused) {
        self.cut();
        self.again = Some(Instant::now() + self.backoff.pause());
        if let Some(intake) = self.intake.as_mut().filter(|_| !self.is_interrupted) {
            intake.tell(Told::Interrupted(why.to_string()));
        }
        self.is_interrupted = true;
    }

    fn cut(&mut self) {
        self.line = None;
        if let Some(intake) = &mut self.intake {
            intake.cut();
        }
    }
}
