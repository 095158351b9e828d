//! A data directory made from what was recorded elsewhere: a backup of a ledger, or a ledger of a backup. It waits
//! beside its place until all of it was read back and comes to what was signed, and then takes its place at once.
//!
//! What comes with its frames is the same journal again. A copy that has only the events does not know what requests
//! were made of: their ids stay taken, and a request that is sent again is refused rather than recorded twice.

use std::fs;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use minutebook_domain::event::Payload;
use minutebook_domain::ids::Position;
use minutebook_proto::{DecodeError, decode_event};
use minutebook_tlog::{SigningKey, VerifierKey};

use crate::checkpoint;
use crate::frame::{Damage, EncodedFrame, Frame, FrameBuilder, PREFIX_BYTES, announced_bytes};
use crate::journal::{Bulk, Journal, JournalOptions, sync_dir};
use crate::ledger::{JOURNAL, present};
use crate::log::{Head, IoFailure, Log as _, LogError};
use crate::parts::Hash;
use crate::start::Progress;
use crate::verify::{Unverified, Verified, verify};

/// Frames that are made of events alone are closed at about this size.
const FRAME_BYTES: usize = 1 << 20;

/// Stands for what was asked, where that is not known. No request has this digest.
const UNKNOWN_DIGEST: Hash = [0; 32];

/// Why nothing was restored. Nothing is left of the attempt.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// There is something where the ledger should be.
    #[error("`{}` is not empty", .0.display())]
    Present(PathBuf),
    /// There is something where it should wait until it is whole: left by an attempt that was cut off, or somebody's.
    #[error("`{}` is there already", .0.display())]
    Beside(PathBuf),
    /// A file cannot be used.
    #[error(transparent)]
    Io(#[from] IoFailure),
    /// The bytes are not those of frames, one after the other.
    #[error("from position {position} on it is damaged: {damage}")]
    Damaged {
        /// The position from which.
        position: Position,
        /// What is wrong.
        damage: Damage,
    },
    /// An entry is no event.
    #[error("the event at position {position} cannot be decoded: {source}")]
    Undecodable {
        /// Its position.
        position: Position,
        /// Why.
        source: DecodeError,
    },
    /// What was read back is not what was signed.
    #[error(transparent)]
    Unverified(#[from] Unverified),
    /// There is more than was signed, or less.
    #[error("there are {events} events, and {signed} were signed")]
    Length {
        /// How many there are.
        events: Position,
        /// How many were signed.
        signed: Position,
    },
}

impl From<LogError> for RestoreError {
    fn from(error: LogError) -> Self {
        Self::Unverified(error.into())
    }
}

/// A data directory in the making.
#[derive(Debug)]
pub struct Restoring {
    data: PathBuf,
    staging: Staging,
    journal: Bulk,
    head: Option<Head>,
    named_key: Option<String>,
    /// The beginning of a frame of which the rest is still to come.
    begun: Vec<u8>,
    /// A frame that is being made of events.
    made: Option<FrameBuilder>,
    /// The request that the last events are of, and those events.
    command: Option<(String, Vec<Vec<u8>>)>,
}

/// A directory that is removed when it is not needed any more.
#[derive(Debug)]
struct Staging(PathBuf);

impl Drop for Staging {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

impl Restoring {
    /// Begins a data directory where there is none.
    pub fn begin(data: &Path) -> Result<Self, RestoreError> {
        match fs::read_dir(data).map(|mut entries| entries.next().is_none()) {
            Ok(false) => return Err(RestoreError::Present(data.into())),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(IoFailure::of("read", data)(error))?,
            _ => {}
        }
        let mut name = data.file_name().unwrap_or_default().to_owned();
        name.push(".incoming");
        let staging = data.with_file_name(name);
        match fs::symlink_metadata(&staging) {
            Ok(_) => return Err(RestoreError::Beside(staging)),
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(IoFailure::of("look at", &staging)(error))?,
            _ => {}
        }
        let journal = Bulk::begin(&staging.join(JOURNAL), JournalOptions::default())?;
        let staging = Staging(staging);
        Ok(Self {
            data: data.into(),
            staging,
            journal,
            head: None,
            named_key: None,
            begun: Vec::new(),
            made: None,
            command: None,
        })
    }

    /// How many events it has.
    pub fn events(&self) -> Position {
        self.head.map_or(0, |head| head.next)
    }

    /// Takes in frames, one after the other, in pieces of any size.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), RestoreError> {
        self.begun.extend_from_slice(bytes);
        let mut done = 0;
        while let Some(rest) = self.begun.get(done..)
            && let Some(prefix) = rest.first_chunk::<PREFIX_BYTES>()
        {
            let damaged = |damage| RestoreError::Damaged { position: self.events(), damage };
            let length = announced_bytes(*prefix).and_then(|length| length.ok_or(Damage::Length)).map_err(damaged)?;
            let Some(frame) = rest.get(..length) else { break };
            let frame = EncodedFrame::copy_of(&Frame::parse(frame).map_err(damaged)?);
            self.push(&frame)?;
            done = done.saturating_add(length);
        }
        self.begun.drain(..done);
        Ok(())
    }

    /// Takes in the frames of the journal of a data directory, which is only read.
    pub fn write_all_of(&mut self, data: &Path, progress: Progress<'_>) -> Result<(), RestoreError> {
        let journal = Journal::inspect(&present(data).map_err(Unverified::from)?, &[])?;
        let (end, mut failed) = (journal.head().next, None);
        journal.read(0, &mut |frame| {
            progress(frame.next(), end);
            match self.push(&EncodedFrame::copy_of(frame)) {
                Ok(()) => ControlFlow::Continue(()),
                Err(error) => {
                    failed = Some(error);
                    ControlFlow::Break(())
                }
            }
        })?;
        failed.map_or(Ok(()), Err)
    }

    fn push(&mut self, frame: &EncodedFrame) -> Result<(), RestoreError> {
        let damage = match self.head {
            _ if frame.first() != self.events() => Some(Damage::Misplaced { found: frame.first() }),
            Some(head) if head.chain != *frame.previous() => Some(Damage::Chain),
            _ => None,
        };
        if let Some(damage) = damage {
            return Err(RestoreError::Damaged { position: self.events(), damage });
        }
        if let Some(founding) = frame.events().next().filter(|_| self.head.is_none()) {
            let position = frame.first();
            let recorded = decode_event(founding);
            let recorded = recorded.map_err(|source| RestoreError::Undecodable { position, source })?;
            if let Payload::LedgerFounded(founding) = recorded.event.payload {
                self.named_key = founding.verifier_key.map(|key| key.to_string());
            }
        }
        self.journal.push(frame)?;
        self.head = Some(Head { next: frame.next(), chain: *frame.hash() });
        Ok(())
    }

    /// The key that the founding names, once that was taken in.
    pub fn named_key(&self) -> Option<&str> {
        self.named_key.as_deref()
    }

    /// Takes in the next event of a copy that has only the events.
    pub fn write_event(&mut self, event: Vec<u8>) -> Result<(), RestoreError> {
        let waiting = self.command.as_ref().map_or(0, |(_, events)| events.len());
        let made = self.made.as_ref().map_or(self.events(), FrameBuilder::next);
        let position = made.saturating_add(u64::try_from(waiting).unwrap_or(u64::MAX));
        let recorded = decode_event(&event).map_err(|source| RestoreError::Undecodable { position, source })?;
        let request = recorded.event.request_id.as_str();
        match &mut self.command {
            Some((of, events)) if of == request => events.push(event),
            _ => {
                self.end_command()?;
                self.command = Some((request.to_owned(), vec![event]));
            }
        }
        Ok(())
    }

    /// Puts what is known of a request into a frame. The founding has one for itself.
    fn end_command(&mut self) -> Result<(), RestoreError> {
        let Some((request_id, events)) = self.command.take() else { return Ok(()) };
        let is_founding = self.head.is_none();
        let begin = || match self.head {
            Some(head) => FrameBuilder::new(head.next, head.chain),
            None => FrameBuilder::founding(events.first().map(Vec::as_slice).unwrap_or_default()),
        };
        let mut frame = self.made.take().unwrap_or_else(begin);
        let position = frame.next();
        let full = |_| RestoreError::Damaged { position, damage: Damage::Length };
        frame.push(&request_id, &UNKNOWN_DIGEST, &events).map_err(full)?;
        if is_founding || frame.len() > FRAME_BYTES {
            return self.push(&frame.finish());
        }
        self.made = Some(frame);
        Ok(())
    }

    /// Checks all of it against what was signed, and puts it in its place. `secret` becomes the
    /// file `key`; without it, the ledger is not served until that file is there.
    pub fn finish(
        mut self,
        note: &str,
        key: &VerifierKey,
        secret: Option<&SigningKey>,
        progress: Progress<'_>,
    ) -> Result<Verified, RestoreError> {
        self.end_command()?;
        if let Some(frame) = self.made.take() {
            self.push(&frame.finish())?;
        }
        if !self.begun.is_empty() {
            return Err(RestoreError::Damaged { position: self.events(), damage: Damage::Length });
        }
        let Self { data, staging, journal, .. } = self;
        journal.finish()?;
        let staged = &staging.0;
        checkpoint::write_note(staged, note)?;
        secret.map_or(Ok(()), |secret| checkpoint::write_key(staged, secret))?;
        let verified = verify(staged, Some(key), &[], true, progress)?;
        let signed = verified.signed.as_ref().map_or(0, |(checkpoint, _)| checkpoint.size);
        if signed != verified.events {
            return Err(RestoreError::Length { events: verified.events, signed });
        }
        let placed = fs::rename(staged, &data).and_then(|()| data.parent().map_or(Ok(()), sync_dir));
        placed.map_err(IoFailure::of("put in place", &data))?;
        Ok(verified)
    }
}
