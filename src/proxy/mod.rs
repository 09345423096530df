//! The data path: listeners, the strict HTTP/1 front, redirects, forwarding, tunnels.
//!
//! Turns a client's bytes into an `Ask`, and the decision into an answer: redirects and refusals are
//! written here, what is to be forwarded goes to [`forward`]. Enter at [`accept::Listening`] for a
//! listener, at [`connection::serve_connection`] for any byte stream, at [`http1`] for the rules of the bytes.
//!
//! One current-thread runtime a core, each with its own [`Worker`](worker::Worker), listeners and upstream
//! connections; nothing is shared on the path of a request but the published snapshot and atomic gauges.
//!
//! Deliberately unknown here: how a decision comes about, who publishes snapshots, where the configuration is.

pub mod accept;
mod answer;
mod challenge;
mod claimed;
pub mod client;
pub mod connection;
pub mod deadline;
pub mod forward;
#[cfg(feature = "tls")]
mod handshake;
pub mod http1;
mod http2;
pub mod laws;
pub mod limits;
mod past;
mod proxy_head;
mod queue;
#[cfg(feature = "tls")]
mod sealed;
mod socket;
mod stream;
mod work;
pub mod worker;

pub use socket::inherited;
pub use stream::Fresh;
pub use work::work;
