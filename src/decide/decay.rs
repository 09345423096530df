//! A count that fades: the load of a url whose traffic is never seen.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Millis;

/// The unit of time, in milliseconds: 32 bits of it are 497 days.
const TICK_MS: u64 = 10;

/// A clock may be so far behind another thread's, in ticks; what seems newer than that is old.
const BEHIND: u32 = 6_000;

/// An exponentially decaying count, in one word: its value above, the time of that value below.
///
/// After `tau_s` seconds a count of 1 is 1/e. An `f32` counts to 16,777,216; there it stays.
#[derive(Debug, Default)]
pub(super) struct Decay(AtomicU64);

impl Decay {
    /// Adds one.
    pub(super) fn add(&self, now: Millis, tau_s: u32) {
        self.change(now, tau_s, 1.0);
    }

    /// Takes one away, or what is left.
    pub(super) fn take(&self, now: Millis, tau_s: u32) {
        self.change(now, tau_s, -1.0);
    }

    fn change(&self, now: Millis, tau_s: u32, by: f32) {
        let now = ticks(now);
        let changed = |word: u64| {
            let (then, value) = (word as u32, (faded(word, now, tau_s) + by).max(0.0));
            // The clock of the word never goes back, or what was added would fade too late.
            let at = if age(then, now) == 0 { then } else { now };
            Some(u64::from(value.to_bits()) << 32 | u64::from(at))
        };
        // Never fails: the function always has an answer.
        let _ = self
            .0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, changed);
    }

    /// What is left of it.
    pub(super) fn value(&self, now: Millis, tau_s: u32) -> f32 {
        faded(self.0.load(Ordering::Relaxed), ticks(now), tau_s)
    }
}

fn ticks(now: Millis) -> u32 {
    (now.0 / TICK_MS) as u32
}

/// From `then` to `now`; 0 where `then` is a little ahead.
fn age(then: u32, now: u32) -> u32 {
    if then.wrapping_sub(now) <= BEHIND {
        0
    } else {
        now.wrapping_sub(then)
    }
}

fn faded(word: u64, now: u32, tau_s: u32) -> f32 {
    let value = f32::from_bits((word >> 32) as u32);
    let age = age(word as u32, now);
    if value == 0.0 || age == 0 {
        return value;
    }
    let taus = age as f32 / (tau_s as f32 * (1_000 / TICK_MS) as f32);
    value * libm::expf(-taus)
}

#[cfg(test)]
mod tests;
