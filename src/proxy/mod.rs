//! The data path: listeners, the strict HTTP/1 front, redirects, forwarding, tunnels.
//!
//! One current-thread runtime a core, each with its own listeners and upstream connections; nothing is
//! shared on the path of a request but the published snapshot and atomic gauges.

pub mod client;
pub mod deadline;
pub mod http1;
pub mod limits;
