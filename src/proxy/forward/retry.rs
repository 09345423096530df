//! When a request may be sent again after bytes of it were sent (RELIABILITY.md part D).

use std::cell::Cell;

use tokio::time::Instant;

use super::limits::{REQUESTS_PER_RETRY, RETRIES_PER_SECOND, RETRIES_SAVED};

/// Whether a second request of this method means the same as one (RFC 9110 §9.2.2).
pub(super) fn idempotent(method: &[u8]) -> bool {
    matches!(
        method,
        b"GET" | b"HEAD" | b"OPTIONS" | b"TRACE" | b"PUT" | b"DELETE"
    )
}

/// A worker's budget for retries: a tenth of its requests, and never fewer than three a second.
#[derive(Debug, Default)]
pub struct Budget {
    /// Saved from traffic, in requests: [`REQUESTS_PER_RETRY`] make a retry.
    saved: Cell<u32>,
    /// Taken of the floor in the running second.
    taken: Cell<u32>,
    second: Cell<Option<Instant>>,
}

impl Budget {
    /// A request came.
    pub(super) fn earn(&self) {
        let most = RETRIES_SAVED * REQUESTS_PER_RETRY;
        self.saved.set((self.saved.get() + 1).min(most));
    }

    /// Takes one retry, if there is one.
    pub(super) fn spend(&self, now: Instant) -> bool {
        let running = self
            .second
            .get()
            .is_some_and(|began| now.duration_since(began).as_secs() == 0);
        if !running {
            self.second.set(Some(now));
            self.taken.set(0);
        }
        if self.taken.get() < RETRIES_PER_SECOND {
            self.taken.set(self.taken.get() + 1);
            return true;
        }
        match self.saved.get().checked_sub(REQUESTS_PER_RETRY) {
            Some(left) => {
                self.saved.set(left);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn three_a_second_and_a_tenth_of_the_traffic() {
        let budget = Budget::default();
        let now = Instant::now();
        assert_eq!((0..10).filter(|_| budget.spend(now)).count(), 3);
        for _ in 0..25 {
            budget.earn();
        }
        assert_eq!((0..10).filter(|_| budget.spend(now)).count(), 2);
        let later = now + Duration::from_secs(1);
        assert_eq!((0..10).filter(|_| budget.spend(later)).count(), 3);
    }

    #[test]
    fn what_is_saved_has_a_limit() {
        let budget = Budget::default();
        let now = Instant::now();
        for _ in 0..1_000_000 {
            budget.earn();
        }
        let all = RETRIES_SAVED + RETRIES_PER_SECOND;
        assert_eq!((0..1000).filter(|_| budget.spend(now)).count() as u32, all);
    }

    #[test]
    fn post_and_patch_never() {
        for method in ["POST", "PATCH", "get", "PROPFIND", ""] {
            assert!(!idempotent(method.as_bytes()), "{method}");
        }
        for method in ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"] {
            assert!(idempotent(method.as_bytes()), "{method}");
        }
    }
}
