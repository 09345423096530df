//! What an admin client may take.

use std::time::Duration;

/// Connections open at once; further ones wait until one has ended.
pub const CONNECTIONS: usize = 64;
/// Bytes of a request's head; more is 431.
pub const HEAD_BYTES: usize = 16 * 1024;
/// Fields of a request's head; more is 431.
pub const FIELDS: usize = 64;
/// Time for a request's head.
pub const HEAD: Duration = Duration::from_secs(5);
/// Time for all of a connection: one request and its answer.
pub const WHOLE: Duration = Duration::from_secs(30);
/// Time that workers and writer have to tell their figures; more is 503.
pub const GATHER: Duration = Duration::from_secs(10);
/// Answers with figures that are made or sent at once: of a large farm each takes its megabytes.
pub const ANSWERS: usize = 4;
/// How long accepting pauses where it failed.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
