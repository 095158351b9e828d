//! Looking through the events for one subscriber: a stretch at a time, each event once.

use std::sync::Arc;

use bytes::Bytes;
use minutebook_domain::book::Book;
use minutebook_domain::filter::{Filter, Judge, Touch};
use minutebook_domain::ids::Position;
use minutebook_ledger::Reader;
use minutebook_proto::{Decoder, Glance, glance, pb};

use super::super::trouble::{Fault, Trouble};
use super::pack::Packer;
use super::sieve::Sieve;

/// So many events are looked at in one go, at first, and then twice as many each time, up to the most: whoever takes
/// nothing of what it asked for costs little.
const AT_FIRST: u64 = 32;
const AT_ONCE: u64 = 1024;

/// Where one subscriber is, and what it wants.
#[derive(Debug)]
pub(super) struct Scan {
    reader: Reader,
    /// The names of the events that fit; none is all.
    types: Vec<&'static str>,
    sieve: Sieve,
    judge: Judge,
    next: Position,
    /// How many events are looked at next.
    stretch: u64,
    packer: Packer,
}

/// How far one subscriber is.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    /// The position of the next event to look at.
    pub(super) next: Position,
    /// Everything up to here has been handed out, or does not fit, and a request ends here.
    pub(super) settled: Option<Position>,
    /// A part of the request after that has been.
    pub(super) is_open: bool,
}

/// What came of a stretch of events.
#[derive(Debug)]
pub(super) struct Scanned {
    /// How many were looked at.
    pub(super) looked_at: u64,
    /// Where that leaves the subscriber, once all of this is sent.
    pub(super) place: Place,
    /// What is to be sent.
    pub(super) batches: Vec<pb::EventBatch>,
}

impl Scan {
    /// Begins with the event at `next`.
    pub(super) fn new(reader: Reader, types: Vec<&'static str>, filter: Filter, next: Position) -> Self {
        let (sieve, judge) = (Sieve::of(&filter), Judge::new(filter));
        let packer = Packer::after(next.checked_sub(1));
        Self { reader, types, sieve, judge, next, stretch: AT_FIRST, packer }
    }

    /// The position of the next event to look at.
    pub(super) fn next(&self) -> Position {
        self.next
    }

    /// How far it has handed out what it looked at.
    pub(super) fn place(&self) -> Place {
        Place { next: self.next, settled: self.packer.settled(), is_open: self.packer.is_open() }
    }

    /// Are stretches as long as they get?
    pub(super) fn is_in_full_swing(&self) -> bool {
        self.stretch == AT_ONCE
    }

    /// Can the next stretch be looked at without waiting for a disk?
    pub(super) fn is_quick(&self) -> bool {
        self.judge.is_idle() && self.reader.recent(self.next, 1).is_some()
    }

    /// Looks at a stretch of the events before `head`, where a request ends.
    pub(super) fn step(&mut self, head: Position) -> Result<Scanned, Fault> {
        let wanted = usize::try_from(head.saturating_sub(self.next).min(self.stretch)).unwrap_or(usize::MAX);
        self.stretch = AT_ONCE.min(self.stretch.saturating_mul(2));
        let events = match self.reader.recent(self.next, wanted) {
            Some(events) => events,
            None => self.reader.events(self.next, wanted).map_err(|error| Trouble::from(&error))?,
        };
        let book = if self.judge.is_idle() { None } else { Some(self.reader.book().map_err(Trouble::from)?) };
        let first = self.next;
        let reaches_head = first.saturating_add(u64::try_from(events.len()).unwrap_or(u64::MAX)) >= head;
        let mut decoder = Decoder::default();
        let mut glances = events.iter().map(|event| glance(event)).peekable();
        for (n, event) in events.iter().enumerate() {
            let Some(seen) = glances.next() else { break };
            let following = glances.peek();
            // Whether a request ends with the last event of a stretch shows in the next one.
            if following.is_none() && !reaches_head && n > 0 {
                break;
            }
            let is_last = following.is_none_or(|following| following.request_id != seen.request_id);
            if let Some(touches) = self.fits(event, seen, book.as_ref(), &mut decoder)? {
                self.packer.push(event.clone(), touches);
            }
            self.packer.looked_at(self.next, is_last);
            self.next = self.next.saturating_add(1);
        }
        let batches = self.packer.take(self.next.checked_sub(1));
        Ok(Scanned { looked_at: self.next - first, place: self.place(), batches })
    }

    /// The parties by which an event fits; `None` where it does not. Only where more than its name counts is it decoded.
    fn fits<'a>(
        &mut self,
        event: &'a Bytes,
        seen: Glance<'a>,
        book: Option<&Arc<Book>>,
        decoder: &mut Decoder<'a>,
    ) -> Result<Option<Vec<Touch>>, Fault> {
        if let Some(name) = seen.name {
            self.judge.passed(name);
        }
        if !self.types.is_empty() && !seen.name.is_some_and(|name| self.types.contains(&name)) {
            return Ok(None);
        }
        let Some(book) = book else { return Ok(Some(Vec::new())) };
        if !self.sieve.lets_through(seen.name, event) {
            return Ok(None);
        }
        let undecodable = |error| Trouble::EventUnreadable { position: self.next, why: error };
        let recorded = decoder.decode(event).map_err(|error| undecodable(error.to_string()))?;
        Ok(self.judge.judge(&recorded, book, &self.reader)?)
    }
}
