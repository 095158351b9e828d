//! How long to wait before another attempt.

use std::time::Duration;

/// The first pause is no longer than this, and each may be twice the one before.
const FIRST: Duration = Duration::from_millis(50);
/// No pause is longer.
const LONGEST: Duration = Duration::from_secs(1);

/// Pauses that grow, and differ from one client to the next: a server that comes back is not met by all at once.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    doublings: u32,
}

impl Backoff {
    /// The next pause: between half of what it may be and all of it.
    pub(crate) fn pause(&mut self) -> Duration {
        let most = FIRST.saturating_mul(1 << self.doublings).min(LONGEST);
        if most < LONGEST {
            self.doublings += 1;
        }
        most.mul_f64(0.5 + fastrand::f64() / 2.0)
    }

    /// It works again.
    pub(crate) fn reset(&mut self) {
        self.doublings = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_a_second_and_begin_anew() {
        let mut backoff = Backoff::default();
        let pauses: Vec<_> = (0..40).map(|_| backoff.pause()).collect();
        assert!(pauses.iter().all(|pause| *pause >= FIRST / 2 && *pause <= LONGEST), "{pauses:?}");
        assert!(pauses.iter().skip(5).all(|pause| *pause >= LONGEST / 2), "{pauses:?}");
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }
}
