//! Counts of what a client may do now and then but not all the time.

/// A count that forgets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Count {
    level: u32,
    /// When it last forgot, in milliseconds.
    at: u64,
}

impl Count {
    /// Adds one at `now`, of which one is forgotten after each `forgets_ms`; whether it is now above `most`.
    pub(super) fn above(&mut self, most: u32, now: u64, forgets_ms: u64) -> bool {
        if self.level == 0 {
            self.at = now;
        }
        let forgotten = now.saturating_sub(self.at) / forgets_ms;
        self.at += forgotten * forgets_ms;
        self.level = self
            .level
            .saturating_sub(forgotten.min(u64::from(u32::MAX)) as u32)
            + 1;
        self.level > most
    }

    /// Forgets so many.
    pub(super) fn pay(&mut self, level: u32) {
        self.level = self.level.saturating_sub(level);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_above_at_one_more_than_the_most() {
        let mut count = Count::default();
        assert!((0..5).all(|_| !count.above(5, 7, 10)));
        assert!(count.above(5, 7, 10));
    }

    #[test]
    fn time_and_work_are_set_against_it() {
        let mut count = Count::default();
        // At the pace of forgetting it never fills.
        assert!((0..10_000).all(|i| !count.above(5, i * 10, 10)));
        assert!((0..4).all(|_| !count.above(5, 100_000, 10)));
        assert!(!count.above(5, 100_000, 10));
        assert!(count.above(5, 100_009, 10));
        count.pay(2);
        assert!(!count.above(5, 100_009, 10));
        count.pay(u32::MAX);
        assert!(!count.above(5, 0, 10), "a clock that goes back is no harm");
    }
}
