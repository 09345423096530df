//! Exchanges in-process: duplex streams for clients, raw sockets that misbehave for servers.

mod answer_rules;
mod answers;
mod bodies;
mod failures;
mod over_http2;
#[cfg(feature = "tls")]
mod over_tls;
mod pieces;
mod request_rules;
mod requests;
mod rig;
mod speakers;
mod spliced;
mod tunnels;
mod websockets_over_http2;
