//! Exchanges in-process: duplex streams for clients, raw sockets that misbehave for servers.

mod answers;
mod bodies;
mod failures;
mod requests;
mod rig;
mod tunnels;
