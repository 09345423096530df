//! TLS towards servers: those that are forwarded to, and those that are probed.

use std::io;
use std::sync::Arc;

#[cfg_attr(not(feature = "tls"), path = "client/without.rs")]
mod shake;
mod trust;

pub use shake::{Anchors, Connector, Stream, protocol, socket};
pub use trust::{Trust, TrustError};

/// Whose certificates are taken.
#[derive(Clone, Debug)]
pub enum Check {
    /// Anyone's.
    Off,
    /// Those that the host's certificate authorities vouch for.
    Host,
    /// Those that these vouch for.
    By(Arc<Anchors>),
}

/// Whether sessions are taken up again: a resumed one shows no certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sessions {
    /// Never.
    Fresh,
    /// With the same server, by this connector.
    Resumed,
}

/// Why hands were not shaken.
#[derive(Debug)]
pub enum Fault {
    /// The connection broke.
    Io(io::Error),
    /// The two sides did not agree; in a few words.
    Tls(String),
    /// It was never tried: nothing to check with.
    Ours(String),
}
