//! The limits of the console's servers. Each is tested at N and at N + 1.

use std::time::Duration;

/// Connections over telnet and SSH that nobody has logged in on.
pub const UNPROVEN: usize = 8;

/// How many of them may be from one address, or from one network of IPv6 (/64).
pub const UNPROVEN_EACH: usize = 4;

/// How long such a connection may stay one.
pub const PROVE_WITHIN: Duration = Duration::from_secs(30);

/// Wrong passwords that a connection may bring.
pub const TRIES: usize = 3;

/// The longest wait that wrong passwords from an address earn it.
pub const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// How long an address is remembered for its wrong passwords.
pub const REMEMBERED: Duration = Duration::from_secs(600);

/// Addresses that are remembered for their wrong passwords; where there are more those of the longest ago are forgotten.
pub const ADDRESSES: usize = 4_096;

/// Passwords that are checked or hashed at once: each takes 19 MiB and some 20 ms.
pub const CHECKS: usize = 2;

/// Bytes that are read of a client at a stretch; then others have their turn.
pub const CHUNK: usize = 4_096;

/// Where so many bytes wait for a client, nothing more is read of it and nothing is done for it.
pub const FULL: usize = 64 * 1_024;

/// Where so many bytes wait for a client, it gets no lines of the log.
pub const OVERFULL: usize = 1_024 * 1_024;

/// How long a client may leave what waits for it unread.
pub const STALLED: Duration = Duration::from_secs(30);

/// Sessions over the Unix socket; further clients wait.
pub const UNIX_SESSIONS: usize = 64;

/// How long a client of the Unix socket may take to say what it is.
pub const HELLO: Duration = Duration::from_secs(5);

/// The first line of a client of the Unix socket, in bytes.
pub const HELLO_BYTES: usize = 64 * 1_024;

/// The payload of a frame over the Unix socket, in bytes.
pub const FRAME_BYTES: usize = 64 * 1_024;

/// Lines of the log that are kept.
pub const LOG_LINES: usize = 256;

/// A line of the log that is kept, in bytes; the rest is cut off.
pub const LOG_LINE_BYTES: usize = 1_024;

/// Lines of the log that a watcher may be behind.
pub const LOG_BEHIND: usize = 256;

/// Answers that may wait for a session.
pub const ANSWERS: usize = 16;

/// How long accepting pauses where there is no descriptor left.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Channels of an SSH connection: one session.
pub const CHANNELS: usize = 1;
