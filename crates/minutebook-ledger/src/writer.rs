//! The one writer: a thread that takes what waits in the queue, decides it, appends it as one frame, and only then
//! publishes and answers. It is the only place where positions and times are given.
//!
//! Commands of one group are decided against the working book, which holds the ones before them; readers see only what
//! is durable. All answers of a group wait for the sync, refusals and repeats too, for they may rest on events of the
//! same group.

use std::collections::HashMap;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process;
use std::sync::{Arc, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use jiff::tz::TimeZone;
use minutebook_domain::book::Book;
use minutebook_domain::command::Context;
use minutebook_domain::dates::{Day, Timestamp};
use minutebook_domain::event::{Draft, Recorded};
use minutebook_domain::history::{Recall, Unreadable};
use minutebook_domain::ids::{Position, RequestId};
use minutebook_domain::refusal::Refusal;
use minutebook_proto::encode_event;
use minutebook_tlog::{Tree, leaf_hash};
use tokio::sync::{mpsc, oneshot, watch};

use crate::clock::{self, Clock};
use crate::frame::{EncodedFrame, FrameBuilder, MAX_FRAME_BYTES};
use crate::log::{AppendError, Head};
use crate::parts::Hash;
use crate::reader::{Reader, Shared};
use crate::receipt::{Outcome, Receipt, Submission, SubmitError};
use crate::requests::Entry;
use crate::snapshot::Snapshots;

/// A group is closed when its frame has this many bytes, or when it has this many submissions.
const GROUP_BYTES: usize = 4 << 20;
const GROUP_SUBMISSIONS: usize = 1024;

/// What one submission may add to a frame, so that it fits after whatever the group holds already.
const SUBMISSION_BYTES: usize = MAX_FRAME_BYTES - GROUP_BYTES - (64 << 10);

/// The largest event: an entry of the transparency log holds 65,535 bytes, and its envelope takes some of them.
pub(crate) const EVENT_BYTES: usize = 60 << 10;

/// A disk that takes longer than this to write and sync a frame keeps everybody waiting.
const SLOW_APPEND: Duration = Duration::from_secs(1);

/// Stands in a receipt until its group is durable. No real head is 0, for the founding comes first.
const HEAD_AT_COMMIT: Position = 0;

/// A submission in the queue.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) submission: Submission,
    /// Of its commands.
    pub(crate) digest: Hash,
    pub(crate) answer: oneshot::Sender<Outcome>,
}

/// The state of the writer's thread.
pub(crate) struct Writer {
    pub(crate) shared: Arc<Shared>,
    pub(crate) clock: Clock,
    pub(crate) zone: TimeZone,
    pub(crate) snapshots: Snapshots,
    /// Where the published book ends. Not asked of the log: if that has gone on without us, the append must fail.
    pub(crate) head: Head,
    pub(crate) announce: watch::Sender<Position>,
    pub(crate) tree: Tree,
}

impl Writer {
    pub(crate) fn start(mut self, mut queue: mpsc::Receiver<Waiting>) -> io::Result<JoinHandle<()>> {
        thread::Builder::new().name("writer".into()).spawn(move || {
            let work = AssertUnwindSafe(|| self.run(&mut queue));
            if catch_unwind(work).is_err() {
                // INVARIANT: nothing may be recorded on top of a book that a panic has left half changed.
                tracing::error!("the writer panicked; the program ends so that nothing is recorded in doubt");
                process::abort();
            }
        })
    }

    fn run(&mut self, queue: &mut mpsc::Receiver<Waiting>) {
        while let Some(first) = queue.blocking_recv() {
            if self.shared.stopped.get().is_some() {
                answer(first.answer, Err(SubmitError::Stopped));
                continue;
            }
            // Whoever is about to ask is let through first: a fuller group costs less for each. With nobody there this
            // returns at once.
            thread::yield_now();
            let mut group = self.group();
            group.take(first);
            while group.has_room()
                && let Ok(next) = queue.try_recv()
            {
                group.take(next);
            }
            self.commit(group);
            self.shared.tail.wait_for_room();
        }
    }

    fn group(&self) -> Group {
        let book = Book::clone(&self.shared.book.load());
        let now = self.clock.now().max(book.recorded_at());
        let today = clock::day_in(&self.zone, now);
        let head = self.head;
        Group {
            reader: Reader::new(Arc::clone(&self.shared)),
            working: Working { reader: Reader::new(Arc::clone(&self.shared)), book, events: Vec::new() },
            frame: FrameBuilder::new(head.next, head.chain),
            head,
            now,
            today,
            requests: HashMap::new(),
            entries: Vec::new(),
            answers: Vec::new(),
        }
    }

    fn commit(&mut self, group: Group) {
        let Group { working, frame, head, entries, answers, .. } = group;
        if frame.is_empty() {
            return answer_all(answers, head.next);
        }
        let frame = frame.finish();
        let (next, submissions, bytes) = (frame.next(), answers.len(), frame.bytes().len());
        let (position, events) = (head.next, next.saturating_sub(head.next));
        let _commit = tracing::debug_span!("commit", position, events, submissions, bytes).entered();
        let began = Instant::now();
        let appended = self.shared.log.append(head.next, &frame);
        let append = began.elapsed();
        match appended {
            Ok(()) => {
                let append_us = u64::try_from(append.as_micros()).unwrap_or(u64::MAX);
                self.shared.counts.committed(submissions, events, bytes, append_us);
                tracing::debug!(append_us, "committed");
                if append > SLOW_APPEND {
                    tracing::warn!(position, append_us, "the disk is slow to write and sync");
                }
                self.publish(working.book, frame, entries);
                answer_all(answers, next);
            }
            Err(AppendError::Full) => refuse_all(answers, || SubmitError::Full),
            // A conflict cannot be with one writer. Should it be, somebody else writes, and stopping is right.
            Err(error @ (AppendError::Unknown(_) | AppendError::Conflict(_))) => {
                tracing::error!(%error, position = head.next, "the writer has stopped; reads go on");
                // Nobody else sets it.
                let _ = self.shared.stopped.set(error.to_string());
                refuse_all(answers, || SubmitError::OutcomeUnknown);
            }
        }
    }

    fn publish(&mut self, book: Book, frame: EncodedFrame, entries: Vec<Entry>) {
        let head = Head { next: frame.next(), chain: *frame.hash() };
        self.head = head;
        let book = Arc::new(book);
        let mut requests = self.shared.requests.write().unwrap_or_else(PoisonError::into_inner);
        for entry in entries {
            requests.insert(entry);
        }
        drop(requests);
        frame.events().for_each(|event| self.tree.push(leaf_hash(event)));
        self.shared.tree.store(Arc::new(self.tree.clone()));
        self.shared.tail.push(Arc::new(frame));
        self.shared.book.store(Arc::clone(&book));
        self.announce.send_replace(head.next);
        self.snapshots.consider(&book, head);
    }
}

/// The book with the group's events, and those events, which are not durable yet.
struct Working {
    reader: Reader,
    book: Book,
    events: Vec<Arc<Recorded>>,
}

impl Working {
    fn apply(&mut self, events: Vec<Recorded>) {
        for recorded in events {
            self.book.apply(&recorded);
            self.events.push(Arc::new(recorded));
        }
    }
}

impl Recall for Working {
    fn recall(&self, position: Position) -> Result<Arc<Recorded>, Unreadable> {
        let first = self.events.first().map_or(Position::MAX, |event| event.position);
        let index = position.checked_sub(first).and_then(|index| usize::try_from(index).ok());
        match index.and_then(|index| self.events.get(index)) {
            Some(event) => Ok(Arc::clone(event)),
            None => self.reader.recall(position),
        }
    }
}

/// Submissions that are decided together and become one frame.
struct Group {
    reader: Reader,
    working: Working,
    frame: FrameBuilder,
    head: Head,
    now: Timestamp,
    today: Day,
    /// The requests of this group that gave events.
    requests: HashMap<RequestId, (Hash, Receipt)>,
    entries: Vec<Entry>,
    answers: Vec<(oneshot::Sender<Outcome>, Outcome)>,
}

impl Group {
    fn has_room(&self) -> bool {
        self.answers.len() < GROUP_SUBMISSIONS && self.frame.len() < GROUP_BYTES
    }

    fn take(&mut self, waiting: Waiting) {
        let outcome = self.outcome(&waiting.submission, waiting.digest);
        self.answers.push((waiting.answer, outcome));
    }

    fn outcome(&mut self, submission: &Submission, digest: Hash) -> Outcome {
        if let Some((first_digest, receipt)) = self.remembered(&submission.request_id)? {
            if first_digest == digest {
                return Ok(Receipt { repeated: true, ..receipt });
            }
            let request_id = submission.request_id.as_str().to_owned();
            return Err(SubmitError::Refused(Refusal::RequestIdReused { request_id }));
        }
        // The events of the last command are applied when nothing can refuse them any more, so only those before it
        // may have to be taken back. Most submissions have one command, and while there is a copy of the book each
        // change of it costs more.
        let before = (submission.commands.len() > 1).then(|| (self.working.book.clone(), self.working.events.len()));
        let recorded = self.record(submission, &digest);
        // INVARIANT: all of a submission or nothing of it.
        if (recorded.is_err() || submission.validate_only)
            && let Some((book, events)) = before
        {
            self.working.book = book;
            self.working.events.truncate(events);
        }
        recorded
    }

    fn remembered(&self, request_id: &RequestId) -> Result<Option<(Hash, Receipt)>, SubmitError> {
        if let Some(found) = self.requests.get(request_id) {
            return Ok(Some(*found));
        }
        let found = self.reader.request(request_id).map_err(|error| SubmitError::Unremembered(Box::new(error)))?;
        Ok(found.map(|remembered| (remembered.digest, remembered.receipt)))
    }

    fn record(&mut self, submission: &Submission, digest: &Hash) -> Outcome {
        let first = self.working.book.head();
        let Decided { events, last } = self.decide(submission)?;
        let count = u32::try_from(events.len()).map_err(|_| SubmitError::TooLarge { limit: SUBMISSION_BYTES })?;
        let receipt = Receipt { first, count, head: HEAD_AT_COMMIT, recorded_at: self.now, repeated: false };
        if submission.validate_only || events.is_empty() {
            return Ok(receipt);
        }
        let request_id = submission.request_id.as_str();
        self.frame.push(request_id, digest, &events).map_err(|_| SubmitError::TooLarge { limit: SUBMISSION_BYTES })?;
        self.working.apply(last);
        self.entries.push(Entry::new(request_id, first));
        self.requests.insert(submission.request_id.clone(), (*digest, receipt));
        Ok(receipt)
    }

    /// Decide the commands one after the other, each on top of the ones before. The events of the last one are not
    /// applied.
    fn decide(&mut self, submission: &Submission) -> Result<Decided, SubmitError> {
        let context = Context {
            now: self.now,
            today: self.today,
            request_id: submission.request_id.clone(),
            actor: submission.actor.clone(),
        };
        let (mut decided, mut bytes) = (Decided::default(), 0_usize);
        for command in &submission.commands {
            self.working.apply(std::mem::take(&mut decided.last));
            let drafts = self.working.book.decide(command, &context, &self.working)?;
            for (position, draft) in (self.working.book.head()..).zip(drafts) {
                let (event, recorded) = encode(draft, position, self.now)?;
                bytes = bytes.saturating_add(event.len()).saturating_add(size_of::<u32>());
                if bytes > SUBMISSION_BYTES {
                    return Err(SubmitError::TooLarge { limit: SUBMISSION_BYTES });
                }
                decided.last.push(recorded);
                decided.events.push(event);
            }
        }
        Ok(decided)
    }
}

/// What a submission comes to.
#[derive(Default)]
struct Decided {
    /// The bytes of all its events.
    events: Vec<Vec<u8>>,
    /// The events of its last command, which are not in the working book yet.
    last: Vec<Recorded>,
}

/// Give an event its place and its bytes.
pub(crate) fn encode(draft: Draft, position: Position, now: Timestamp) -> Result<(Vec<u8>, Recorded), SubmitError> {
    let recorded = draft.record(position, now);
    let event = encode_event(&recorded);
    if event.len() > EVENT_BYTES {
        let payload = &recorded.event.payload;
        let item = payload.record().map(|record| format!("{} {}", record.kind(), record.id())).unwrap_or_default();
        let refusal = Refusal::EventTooLarge { event: payload.name(), item, bytes: event.len(), limit: EVENT_BYTES };
        return Err(SubmitError::Refused(refusal));
    }
    Ok((event, recorded))
}

fn answer(sender: oneshot::Sender<Outcome>, outcome: Outcome) {
    // A client that has gone away finds its answer by its request id.
    let _ = sender.send(outcome);
}

/// Answer a group that is durable up to `head`.
fn answer_all(answers: Vec<(oneshot::Sender<Outcome>, Outcome)>, head: Position) {
    for (sender, outcome) in answers {
        // A receipt that is given again keeps the head of the first time.
        let head_of = |receipt: &Receipt| if receipt.head == HEAD_AT_COMMIT { head } else { receipt.head };
        answer(sender, outcome.map(|receipt| Receipt { head: head_of(&receipt), ..receipt }));
    }
}

fn refuse_all(answers: Vec<(oneshot::Sender<Outcome>, Outcome)>, error: impl Fn() -> SubmitError) {
    for (sender, _) in answers {
        answer(sender, Err(error()));
    }
}
