//! The limits that the operator may set, as this worker goes by them: a load from the thread's own memory where a constant was.
//!
//! A worker is a thread. Where none has taken over what is published (in tests) the defaults hold.

use std::cell::Cell;
use std::time::Duration;

use super::http1::{Fault, Sizes};
use crate::model::{Limit, Limits};

thread_local! {
    static BOUNDS: [Cell<u32>; Limit::COUNT] = const { defaults() };
    /// Those of a head, at one place.
    static SIZES: Cell<Sizes> = const { Cell::new(Sizes::DEFAULT) };
}

const fn defaults() -> [Cell<u32>; Limit::COUNT] {
    let mut all = [const { Cell::new(0) }; Limit::COUNT];
    let mut at = 0;
    while at < Limit::COUNT {
        all[at] = Cell::new(Limit::ALL[at].default());
        at += 1;
    }
    all
}

/// Goes by these from now on.
pub fn heed(limits: &Limits) {
    BOUNDS.with(|bounds| {
        for limit in Limit::ALL {
            bounds[limit as usize].set(limits.of(limit));
        }
    });
    // Their ranges end below 64 Ki.
    let size = |limit| u16::try_from(limits.of(limit)).unwrap_or(u16::MAX);
    SIZES.set(Sizes {
        target: size(Limit::Target),
        field: size(Limit::Field),
        fields: size(Limit::FieldsBytes),
        lines: size(Limit::Fields),
    });
}

/// How large a request's head may be.
pub fn sizes() -> Sizes {
    SIZES.get()
}

/// The limit that a head was beyond.
pub fn beyond(fault: Fault) -> Option<Limit> {
    match fault {
        Fault::LongTarget => Some(Limit::Target),
        Fault::LongField => Some(Limit::Field),
        Fault::LongFields => Some(Limit::FieldsBytes),
        Fault::ManyFields => Some(Limit::Fields),
        _ => None,
    }
}

/// What a limit is set to.
pub fn of(limit: Limit) -> u32 {
    BOUNDS.with(|bounds| bounds[limit as usize].get())
}

/// A limit of time.
pub fn seconds(limit: Limit) -> Duration {
    Duration::from_secs(of(limit).into())
}

/// From the first byte of a head to its last.
pub fn head() -> Duration {
    seconds(Limit::Head)
}

/// Silence between two requests, or before the first.
pub fn idle() -> Duration {
    seconds(Limit::Idle)
}

/// A client that takes nothing of an answer.
pub fn stalled_write() -> Duration {
    seconds(Limit::StalledWrite)
}

#[cfg(test)]
mod tests {
    use super::super::limits::{METHOD_BYTES, READ_BYTES};
    use super::*;

    #[test]
    fn what_is_heeded_holds_on_this_thread() {
        assert_eq!(head(), Duration::from_secs(10));
        let mut limits = Limits::default();
        limits.set(Limit::Head, 3);
        heed(&limits);
        assert_eq!(
            (head(), idle()),
            (Duration::from_secs(3), Duration::from_secs(60))
        );
        let other = std::thread::spawn(head).join();
        assert_eq!(other.expect("it ends"), Duration::from_secs(10));
    }

    #[test]
    fn heads_are_as_large_as_the_operator_says_and_never_64_kib() {
        heed(&Limits::default());
        assert_eq!(sizes(), Sizes::DEFAULT);
        let most = |limit: Limit| limit.range().1 as usize;
        // A method, blanks, the version, a line end; an empty line.
        let around = METHOD_BYTES + 2 + 8 + 2 + 2;
        let whole = around + most(Limit::Target) + most(Limit::FieldsBytes);
        assert!(whole < usize::from(u16::MAX).min(READ_BYTES), "{whole}");
        let mut limits = Limits::default();
        limits.set(Limit::Fields, 9);
        heed(&limits);
        assert_eq!(
            sizes(),
            Sizes {
                lines: 9,
                ..Sizes::DEFAULT
            }
        );
    }
}
