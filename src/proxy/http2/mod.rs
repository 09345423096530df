//! HTTP/2 towards clients (RFC 9113): its frames and fields checked strictly, its streams decided about and answered like any request.
//!
//! Turns a client's bytes into requests and answers into frames: [`engine`] knows the protocol and no socket, `serve` reads,
//! answers and writes for all streams of a connection in its one task. A stream that is forwarded has a task of its own, to which
//! it looks like a client that speaks HTTP/1 (`lane`, `upload`, `reply`). Enter at `serve`, at [`engine::Engine`] for the bytes.
//!
//! Deliberately unknown here: how a decision comes about, how servers are spoken to, TLS.

mod answering;
mod asked;
pub mod code;
pub mod engine;
pub mod fields;
mod frame;
pub mod hpack;
mod hub;
mod lane;
pub mod laws;
pub mod limits;
mod patience;
mod reply;
mod serve;
mod upload;
#[cfg(test)]
pub(crate) mod vectors;

pub(super) use answering::Desk;
pub(super) use serve::go_on;
#[cfg(feature = "tls")]
pub(super) use serve::serve;

/// What a client that speaks HTTP/2 begins with (RFC 9113 §3.4).
pub(super) const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// Whether `input` is the preface, or its beginning.
pub(super) fn begins(input: &[u8]) -> bool {
    let length = input.len().min(PREFACE.len());
    input[..length] == PREFACE[..length]
}
