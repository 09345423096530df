//! Why servers' certificates cannot be checked as a configuration asks for.

use std::fmt;

/// Why servers' certificates cannot be checked as a configuration asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TrustError {
    /// This host has no certificate authorities.
    Host,
    /// A file of certificate authorities is of no use.
    File {
        /// Where it is.
        path: Box<str>,
        /// What is wrong with it.
        why: Box<str>,
    },
    /// This program was built without TLS.
    Without,
}

impl fmt::Display for TrustError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TrustError::Host => f.write_str(
                "this host has no certificate authorities to check servers by: install the package `ca-certificates`, or name a file of them: `tls verify NAME ca FILE`",
            ),
            TrustError::File { path, why } => write!(
                f,
                "the certificate authorities of `{path}` cannot be used: {why}; `ca` expects a PEM file with the certificate of each"
            ),
            TrustError::Without => f.write_str(
                "a server is to be spoken to over TLS, and this signpost was built without it: build it with the feature `tls`",
            ),
        }
    }
}

impl std::error::Error for TrustError {}
