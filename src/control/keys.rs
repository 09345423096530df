//! Certificates as the writer owns them: all read before anything changes, published whole.

use std::collections::HashMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::model::Endpoint;
#[cfg(feature = "tls")]
use crate::tls::Authorities;
use crate::tls::{Problem, Shield};

#[cfg(feature = "tls")]
mod read;
#[cfg(feature = "tls")]
mod tell;
#[cfg(not(feature = "tls"))]
mod without;

#[cfg(feature = "tls")]
pub use read::Held;
#[cfg(feature = "tls")]
pub(super) use read::{KeyReader, Keyring};
#[cfg(feature = "tls")]
pub use tell::{certificate_remarks, standing_of};
#[cfg(not(feature = "tls"))]
pub use without::*;

/// A key of session tickets as another process takes it over: its name and its secret.
pub(super) type TicketKept = ([u8; 8], [u8; 32]);

/// How every listener that speaks TLS shakes hands, and what it shows.
#[derive(Debug, Default)]
pub struct Keys {
    shields: HashMap<Endpoint, Arc<Shield>>,
    /// In the order of the configuration.
    #[cfg(feature = "tls")]
    certificates: Vec<Held>,
    /// Whose certificates clients are asked for, by virtual and dip.
    #[cfg(feature = "tls")]
    clients: HashMap<Endpoint, Authorities>,
}

impl Keys {
    /// How the listener at `at` shakes hands; `None`: it is plain.
    pub fn shield(&self, at: Endpoint) -> Option<&Arc<Shield>> {
        self.shields.get(&at)
    }

    /// Every certificate, in the order of the configuration.
    #[cfg(feature = "tls")]
    pub fn certificates(&self) -> &[Held] {
        &self.certificates
    }

    /// Whether the certificate of this name and fingerprint is in use.
    #[cfg(feature = "tls")]
    pub fn shows(&self, name: &str, fingerprint: &[u8; 32]) -> bool {
        let mut all = self.certificates.iter();
        all.any(|held| *held.name == *name && held.loaded.fingerprint == *fingerprint)
    }
}

/// What is wrong with a certificate of the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyError {
    /// What the file is for, such as `certificate shop`.
    pub of: String,
    /// Which file, and why it cannot be used.
    pub problem: Problem,
}

impl fmt::Display for KeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.of, self.problem)
    }
}

impl std::error::Error for KeyError {}

/// Where what comes by ACME is kept: the folder `acme` beside the startup configuration.
pub fn acme_folder(folder: &Path) -> PathBuf {
    folder.join("acme")
}

/// Where chain and key of a certificate that comes by ACME are: both in `acme/NAME.pem` in the folder of the startup configuration, so that
/// they are always of one order.
pub fn acme_files(folder: &Path, name: &str) -> (PathBuf, PathBuf) {
    let file = acme_folder(folder).join(format!("{name}.pem"));
    (file.clone(), file)
}
