//! What is counted of a running ledger, for whoever watches it. It costs the writer a few additions a commit. How the
//! numbers are shown is not the affair of this crate.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use minutebook_domain::ids::Position;

/// How many requests a commit may answer, or events it may have, in each range.
const SIZES: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 4096, 16_384];
/// How long an append may take in each range: from a disk that keeps its promises in memory to one that hangs.
const APPEND_US: &[u64] =
    &[50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000, 5_000_000];

/// Values counted by range as they come.
#[derive(Debug)]
struct Histogram {
    bounds: &'static [u64],
    /// One more than there are bounds: what is beyond the last.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    fn new(bounds: &'static [u64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| AtomicU64::new(0)).collect();
        Self { bounds, counts, sum: AtomicU64::new(0) }
    }

    fn observe(&self, value: u64) {
        let range = self.bounds.partition_point(|bound| *bound < value);
        if let Some(count) = self.counts.get(range) {
            count.fetch_add(1, Relaxed);
        }
        self.sum.fetch_add(value, Relaxed);
    }

    fn distribution(&self) -> Distribution {
        let bounds = self.bounds.iter().map(|bound| Some(*bound)).chain([None]);
        let ranges = bounds.zip(self.counts.iter().map(|count| count.load(Relaxed)));
        Distribution { ranges: ranges.collect(), sum: self.sum.load(Relaxed) }
    }
}

/// What the writer counts.
#[derive(Debug)]
pub(crate) struct Counts {
    submissions: Histogram,
    events: Histogram,
    append_us: Histogram,
    bytes: AtomicU64,
}

impl Default for Counts {
    fn default() -> Self {
        Self {
            submissions: Histogram::new(SIZES),
            events: Histogram::new(SIZES),
            append_us: Histogram::new(APPEND_US),
            bytes: AtomicU64::new(0),
        }
    }
}

impl Counts {
    /// Counts a commit that is durable.
    pub(crate) fn committed(&self, submissions: usize, events: u64, bytes: usize, append_us: u64) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        self.submissions.observe(number(submissions));
        self.events.observe(events);
        self.append_us.observe(append_us);
        self.bytes.fetch_add(number(bytes), Relaxed);
    }

    pub(crate) fn observed(&self) -> Commits {
        Commits {
            submissions: self.submissions.distribution(),
            events: self.events.distribution(),
            append_us: self.append_us.distribution(),
            bytes: self.bytes.load(Relaxed),
        }
    }
}

/// How often values fell in each of a few ranges.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Distribution {
    /// The largest value of each range, `None` for the last one, and how many values were in it.
    pub ranges: Vec<(Option<u64>, u64)>,
    /// All values together.
    pub sum: u64,
}

impl Distribution {
    /// How many values there were.
    pub fn count(&self) -> u64 {
        self.ranges.iter().map(|(_, count)| count).sum()
    }
}

/// The commits since the ledger was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commits {
    /// How many submissions each answered, those that were refused too: they waited for it.
    pub submissions: Distribution,
    /// How many events each recorded.
    pub events: Distribution,
    /// How long each took to be written and synced, in microseconds.
    pub append_us: Distribution,
    /// The bytes of all their frames.
    pub bytes: u64,
}

/// What can be watched of a running ledger beside its [`crate::Status`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Observed {
    /// What was committed.
    pub commits: Commits,
    /// How many submissions wait for the writer.
    pub waiting: usize,
    /// How many may wait; one more is refused.
    pub waiting_limit: usize,
    /// How many bytes of frames the store has not written yet.
    pub lag_bytes: usize,
    /// What is signed; `None` where the ledger was founded without a key.
    pub signed: Option<SignedOf>,
}

/// How far the checkpoints are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedOf {
    /// How many events are durable and in no checkpoint yet.
    pub unsigned: Position,
    /// How long ago the last checkpoint was written, by the clock of the machine. It grows while nothing is recorded.
    pub checkpoint_age: Option<Duration>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_counted_in_the_first_range_that_holds_it() {
        let histogram = Histogram::new(&[1, 2, 4]);
        for value in [0, 1, 2, 3, 4, 5, 1000] {
            histogram.observe(value);
        }
        let Distribution { ranges, sum } = histogram.distribution();
        assert_eq!(ranges, [(Some(1), 2), (Some(2), 1), (Some(4), 2), (None, 2)]);
        assert_eq!(sum, 1015);
        assert_eq!(histogram.distribution().count(), 7);
    }

    #[test]
    fn ranges_ascend() {
        for bounds in [SIZES, APPEND_US] {
            assert!(bounds.is_sorted_by(|a, b| a < b), "{bounds:?}");
        }
    }
}
