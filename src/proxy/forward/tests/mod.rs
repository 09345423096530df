//! Exchanges in-process: duplex streams for clients, raw sockets that misbehave for servers.

mod answer_rules;
mod answers;
mod bodies;
mod failures;
mod pieces;
mod request_rules;
mod requests;
mod rig;
#[cfg(feature = "tls")]
mod speaks;
mod spliced;
mod tunnels;
