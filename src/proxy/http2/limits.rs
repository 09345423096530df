//! Every limit of HTTP/2 towards clients, each tested at N and at N + 1 (RELIABILITY.md part E).

/// Streams that a client may have open at once.
pub const STREAMS: u32 = 100;
/// A list of fields as RFC 9113 §6.5.2 counts it: names, values and 32 a field. In bytes; more gets 431.
pub const LIST_BYTES: usize = 16 * 1024;
/// Fields of a list, pseudo-fields too: more get 431.
pub const LIST_FIELDS: usize = 128;
/// A block of fields as it comes, compressed, over all its frames. In bytes; more ends the connection.
pub const BLOCK_BYTES: usize = 32 * 1024;
/// CONTINUATION frames of one block: more end the connection.
pub const CONTINUATIONS: u32 = 16;
/// The dynamic table that a client's encoder may use, in bytes as RFC 7541 §4.1 counts them.
///
/// What every client uses before it has seen any of our settings (RFC 9113 §6.5.2). Less would save an idle connection 2 to 3 KiB and
/// cost each request of a browser some hundred bytes of Huffman code that now are one index a field.
pub const TABLE_BYTES: usize = 4096;
/// Changes of the table's size in one block (RFC 7541 §4.2 knows of no use for a third).
pub const TABLE_CHANGES: u32 = 2;
/// A frame's payload: more ends the connection. In bytes (RFC 9113 §4.2: the least that may be announced).
pub const FRAME_BYTES: usize = 16 * 1024;

/// What a client may send of one stream at first before it is told that it was used. In bytes.
///
/// As much as is read ahead of a client that speaks HTTP/1.
pub const STREAM_WINDOW: u32 = 64 * 1024;
/// The same of a stream of which half of that was used, as long as [`GROWTH_BYTES`] lasts. In bytes.
pub const GROWN_WINDOW: u32 = 256 * 1024;
/// What the windows of a connection's streams may have grown by, all together. In bytes.
pub const GROWTH_BYTES: u32 = 1024 * 1024;
/// A client is told that so much of its connection's window was used, and not of less. In bytes.
pub const UPDATE_BYTES: u32 = 256 * 1024;

/// What a client may send on all of so many streams before it is told that it was used. In bytes.
///
/// All that their own windows let, so that streams of which nothing is used hold up no other. It is memory only where that much came
/// and no server takes it: a stream holds no more than a connection of HTTP/1 does, and all of them a MiB more.
pub const fn connection_window(streams: u32) -> u32 {
    let windows = streams.saturating_mul(STREAM_WINDOW);
    windows.saturating_add(GROWTH_BYTES + UPDATE_BYTES)
}
/// Bytes that wait to be written to the client: with so many nothing more is taken from it, nor from what is to be sent to it.
pub const OUTPUT_BYTES: usize = 64 * 1024;

/// Streams that the client reset before they were answered, more than were answered and than [`RESETS_FORGOTTEN_MS`] forgives.
pub const PENDING_RESETS: u32 = 20;
/// After so many milliseconds one such reset is forgotten.
pub const RESETS_FORGOTTEN_MS: u64 = 100;
/// Streams that were reset here for the client's faults, more than [`FAULTS_FORGOTTEN_MS`] forgives.
pub const LOCAL_RESETS: u32 = 64;
/// After so many milliseconds one such fault is forgotten.
pub const FAULTS_FORGOTTEN_MS: u64 = 1000;
/// Frames that bring nothing (pings, settings, empty data, priorities, small windows, unknown ones), more than the work done pays for
/// and than [`IDLE_FRAMES_FORGOTTEN_MS`] forgives.
pub const IDLE_FRAMES: u32 = 500;
/// After so many milliseconds one such frame is forgotten.
pub const IDLE_FRAMES_FORGOTTEN_MS: u64 = 10;
/// A reset of a stream whose answer is out counts as so many frames that bring nothing: more than its request and its answer pay for.
pub const LATE_RESET: u32 = 8;
/// Streams whose answers are out while their clients may still be sending: of one more the first is told to stop at once.
pub const LINGERING: usize = 64;
/// A reset of such a stream counts as so many frames that bring nothing: its client is right to stop, but not to do nothing else.
pub const LINGERING_RESET: u32 = 4;
/// After so long or twice as long a client is told to stop sending what was answered.
///
/// Told at once some never see the answer. What they send meanwhile is thrown away, and is no more than the stream's window.
pub const LINGER: std::time::Duration = std::time::Duration::from_millis(500);
/// Settings in one SETTINGS frame: more end the connection.
pub const SETTINGS: usize = 32;
/// Streams remembered as reset, so that what was under way on them is no fault.
pub const REMEMBERED: usize = 128;

/// How long a client may take to see that its connection ends, before what it asks then goes unheard.
pub const LEAVE: std::time::Duration = std::time::Duration::from_secs(1);
/// Requests that a client may begin after it was told that its connection ends: with as many under way as it may have, and as many
/// answers before the word, it cannot have begun more without seeing it.
pub const UNHEEDING: u32 = 2 * STREAMS;
