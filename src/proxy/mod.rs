//! The data path: listeners, handshakes, the strict front of HTTP/1 and HTTP/2, redirects, forwarding, tunnels, ports passed on.
//!
//! Turns a client's bytes into an `Ask`, and the decision into an answer: redirects and refusals are
//! written here, what is to be forwarded goes to [`forward`]. Enter at [`accept::Listening`] for a
//! listener, at [`connection::serve_connection`] for any byte stream, at [`http1`] and [`http2`] for the rules of the bytes.
//! A connection goes from `accept` through the PROXY protocol's head (`proxy_head`) and the handshake (`handshake`, then read and
//! written as `sealed`) to [`connection`] or [`http2`], as ALPN or its first bytes say; or from `accept` to `pass`, unread.
//!
//! One current-thread runtime a core, each with its own [`Worker`](worker::Worker), listeners and upstream
//! connections; nothing is shared on the path of a request but the published snapshot and atomic gauges.
//!
//! Deliberately unknown here: how a decision comes about, who publishes snapshots, where the configuration is.

pub mod accept;
mod answer;
pub mod bounds;
mod case;
mod challenge;
mod claimed;
pub mod client;
pub mod connection;
pub mod deadline;
pub mod forward;
#[cfg(feature = "tls")]
mod handshake;
pub mod http1;
pub mod http2;
pub mod laws;
pub mod limits;
mod linger;
mod pass;
mod past;
mod proxy_head;
mod queue;
#[cfg(feature = "tls")]
mod sealed;
mod socket;
mod strain;
mod stream;
mod work;
pub mod worker;

pub use socket::inherited;
pub use stream::Fresh;
pub use work::work;
