//! How much may be under way, read or waited for.

use std::time::Duration;

/// Soundings under way at once. More that are due wait for a place, each server at most once.
pub(super) const UNDER_WAY: usize = 512;

/// Of these, soundings of servers that were silent the last time: they keep their place for the whole timeout, and a rack that lost
/// its power must not hold up the others.
pub(super) const SILENT_UNDER_WAY: usize = 384;

/// Of these, programs.
pub(super) const PROGRAMS_UNDER_WAY: usize = 16;

/// Bytes of a body, and of a program's output, that are read.
pub(super) const BODY_BYTES: usize = 64 * 1024;

/// Bytes of the head of an answer.
pub(super) const HEAD_BYTES: usize = 32 * 1024;

/// Bytes of an agent's line.
pub(super) const LINE_BYTES: usize = 4 * 1024;

/// Figures that are taken from one program.
pub(super) const FIGURES: usize = 64;

/// Characters of a server's or program's own words that are passed on.
pub(super) const WORDS: usize = 160;

/// Addresses of one host name that are tried.
pub(super) const ADDRESSES: usize = 4;

/// Host names looked up at once: each takes a thread while it waits for the resolver.
pub(super) const LOOKUPS: usize = 8;

/// The largest distance that is looked for, in time to live: what most hosts send with.
pub(super) const TTL: u8 = 64;

/// What is due within this time starts together: one wake-up for all of it, here and at the writer. At 10,000 servers every 5 s
/// wake-ups for each 10 ms cost a fifth of the whole.
pub(super) const TICK_MS: u64 = 50;

/// The first asking comes within so many milliseconds, however long the interval.
pub(super) const FIRST_WITHIN_MS: u64 = 30_000;

/// A sounding that starts so many milliseconds after it was due is late.
pub(super) const LATE_MS: u64 = 1_000;

/// What goes wrong here and not at a server is told once in so many milliseconds.
pub(super) const TELL_MS: u64 = 60_000;

/// How long the rest of a body that nobody needs is read, so that the server's log has no broken connection in it.
pub(super) const POLITE: Duration = Duration::from_millis(250);

/// How long a program that has ended may leave its output open.
pub(super) const LEFT_OPEN: Duration = Duration::from_millis(100);
