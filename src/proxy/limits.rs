//! The limits of the front that are not the operator's to set (those are in `bounds`), each tested at N and at N + 1 (RELIABILITY.md parts A and E).

use std::time::Duration;

/// A method: longer ones get 501. In bytes.
pub const METHOD_BYTES: usize = 32;
/// A request target: longer ones get 414. In bytes.
pub const TARGET_BYTES: usize = 16 * 1024;
/// One field line without its line end: longer ones get 431. In bytes.
pub const FIELD_BYTES: usize = 8 * 1024;
/// All field lines with their line ends: more gets 431. In bytes.
pub const FIELDS_BYTES: usize = 32 * 1024;
/// Field lines of a head: more get 431.
pub const FIELDS: usize = 100;
/// A host name, without port and trailing dot. In bytes (RFC 1035 §2.3.4).
pub const HOST_BYTES: usize = 253;
/// A label of a host name. In bytes (RFC 1035 §2.3.4).
pub const LABEL_BYTES: usize = 63;

/// Hexadecimal digits of a chunk's size.
pub const CHUNK_DIGITS: u8 = 16;
/// One chunk's extensions, in bytes.
pub const CHUNK_EXTENSION_BYTES: usize = 256;
/// Extension bytes of a body that its data did not pay for: each chunk's data pays for as many as it has bytes.
pub const CHUNK_OVERHEAD_BYTES: usize = 8 * 1024;
/// All trailers with their line ends, in bytes.
pub const TRAILERS_BYTES: usize = 4 * 1024;
/// Trailer lines of a body.
pub const TRAILERS: usize = 32;

/// The head of a server's answer, from its first byte to its empty line. In bytes.
pub const ANSWER_HEAD_BYTES: usize = 64 * 1024;
/// Field lines of an answer's head.
pub const ANSWER_FIELDS: usize = 100;

/// How much of an unwanted body is read and thrown away so that the connection can stay open. In bytes.
pub const DRAIN_BYTES: usize = 64 * 1024;
/// How much of what comes after the last answer is read and thrown away. In bytes.
///
/// More than the sockets' buffers hold: who sends all of its body before it reads gets the answer too,
/// and no reset.
pub const LINGER_BYTES: usize = 64 * 1024 * 1024;
/// For how long either is done.
pub const DRAIN: Duration = Duration::from_secs(1);
/// What is read at once until hands are shaken, in bytes: so that what a client sends behind its handshake finds room in the session.
pub const HANDSHAKE_READ_BYTES: usize = 8 * 1024;
/// `Retry-After` of a 503, in seconds.
pub const RETRY_AFTER_S: u32 = 5;

/// A PROXY protocol head of version 1 with its line end, in bytes.
pub const PROXY_V1_BYTES: usize = 107;
/// One of version 2, in bytes: 536 have to be taken (its text, §2.2), more leaves room for what proxies add.
pub const PROXY_V2_BYTES: usize = 2048;
/// Addresses in `X-Forwarded-For` that are looked at, from its end.
pub const FORWARDED_FOR: usize = 32;
/// Cookies of the ticket's name that are tried in one request.
pub const TICKETS_TRIED: usize = 8;
/// How often a request that waits for a place looks whether there is one, where none was given back by this worker.
pub const QUEUE_LOOK: Duration = Duration::from_millis(5);
/// How often it is looked whether the client of a request that waits with its body unread is still there.
pub const QUEUE_GONE: Duration = Duration::from_millis(250);
/// How often it is looked whether a client is still there of which more is unread than is read ahead.
pub const UNREAD_GONE: Duration = Duration::from_millis(250);

/// What a worker reads at once into the buffer that it lends, in bytes.
pub const READ_BYTES: usize = 64 * 1024;
/// What the kernel holds at most of an answer that it has not sent yet. In bytes.
///
/// Without it a client that does not read pins 2 MiB of the memory that all of the host's connections share. A quarter of this would save
/// more, and cost large forwards a third of their CPU (`benches/peers/run --only large --only huge`).
pub const UNSENT_BYTES: u32 = 512 * 1024;
/// The same of all connections of a worker, in bytes: the more there are, the less each may have (`tests/long/slow-clients`).
pub const UNSENT_IN_ALL: usize = 64 * 1024 * 1024;
/// What each may have however many there are, in bytes.
pub const UNSENT_LEAST: u32 = 16 * 1024;
/// Connections that are accepted in a row before those that are open get their turn.
pub const ACCEPTS: usize = 64;
/// So many connections at a listener of one worker within [`RUSH_LOOK`] are many: the kernel then keeps each back until its first bytes have come.
pub const RUSH: u32 = 250;
/// How often it is looked at whether many still come.
pub const RUSH_LOOK: Duration = Duration::from_millis(250);
/// Clients get no more than all descriptors but one in so many: the others are for connections to servers.
pub const DESCRIPTORS_KEPT_SHARE: usize = 16;
/// And never all but fewer than so many.
pub const DESCRIPTORS_KEPT: usize = 16;
/// How often it is told that accepting pauses, at most.
pub const TOLD_AGAIN: Duration = Duration::from_secs(10);
/// How long accepting pauses when descriptors or memory have run out.
pub const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
