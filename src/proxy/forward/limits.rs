//! The limits of forwarding, all of them.

use std::time::Duration;

/// The most silence that a fast body can save up for later.
pub(super) const BODY_CREDIT: Duration = Duration::from_secs(30);

/// Idle connections kept by one worker in all.
pub(super) const IDLE_IN_ALL: usize = 2048;

/// Bytes behind a request that are read on while its answer is awaited.
pub(super) const AHEAD_BYTES: usize = 64 * 1024;
/// Interim answers (1xx) passed on for one request; more are dropped.
pub(super) const INTERIM: usize = 16;
/// A piece of a body up to this is copied behind what is to be written before it: that costs less than a second buffer in the
/// call. In bytes.
pub(super) const INLINE_BODY_BYTES: usize = 8 * 1024;

/// Retries saved up at most: a second's worth of [`RETRIES_PER_SECOND`], or of a tenth of the traffic.
pub(super) const RETRIES_PER_SECOND: u32 = 3;
/// One retry to so many requests (RELIABILITY.md part D: 10 % of the traffic).
pub(super) const REQUESTS_PER_RETRY: u32 = 10;
/// Retries saved up from traffic at most.
pub(super) const RETRIES_SAVED: u32 = 100;
/// What a tunnel reads at once, in bytes.
pub(super) const TUNNEL_BYTES: usize = 16 * 1024;
