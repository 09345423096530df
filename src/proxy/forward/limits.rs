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

/// Connections that speak HTTP/2 that one worker has to one server; beyond their room exchanges wait for one another.
pub(super) const LINES: usize = 8;
/// Exchanges over one of them at once, where the server lets us have as many.
pub(super) const HTTP2_STREAMS: usize = 100;
/// What a server may send of one answer before it is taken, in bytes.
pub(super) const HTTP2_WINDOW: u32 = 128 * 1024;
/// The same of all answers over one connection, in bytes: as much as all of them, so that clients that take nothing hold up nobody
/// else.
pub(super) const HTTP2_WINDOWS: u32 = HTTP2_STREAMS as u32 * HTTP2_WINDOW;
/// How long a connection that speaks HTTP/2 is kept idle.
pub(super) const HTTP2_IDLE: Duration = Duration::from_secs(60);
/// How long is kept what was worked out of a server that speaks TLS or HTTP/2 and is asked no more.
pub(super) const TONGUE_IDLE: Duration = Duration::from_secs(600);

/// A body of which so much is left goes through the kernel, where both sides are in the clear; below that copying costs less. In bytes.
pub(super) const SPLICE_BYTES: u64 = 32 * 1024;
/// The size of a pipe between two sockets, in bytes.
pub(super) const PIPE_BYTES: usize = 256 * 1024;
/// A smaller pipe than this is not worth its calls, in bytes.
pub(super) const PIPE_LEAST_BYTES: usize = 64 * 1024;
/// Pipes with bytes in them that one worker has at once: the bodies of further slow clients are copied.
pub(super) const PIPES: usize = 128;
/// Empty pipes that one worker keeps.
pub(super) const PIPES_KEPT: usize = 16;
