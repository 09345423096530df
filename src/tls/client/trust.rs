//! Whose word is taken for servers' certificates.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::shake::{Anchors, has_host, read};

/// The files of certificate authorities that a configuration names, as they were when it was loaded.
#[derive(Debug, Default)]
pub struct Trust(BTreeMap<Box<str>, Arc<Anchors>>);

impl Trust {
    /// Reads these files, relative ones from `folder`; what did not change since `before` is the very same. `host`: the host's own authorities are needed too.
    ///
    /// # Errors
    /// A file that cannot be read or holds no certificate; a host without authorities; a program that was built without TLS.
    pub fn load<'a>(
        folder: &Path,
        files: impl Iterator<Item = &'a str>,
        host: bool,
        before: &Trust,
    ) -> Result<Trust, TrustError> {
        if host {
            has_host()?;
        }
        let mut trust = Trust::default();
        for file in files {
            if trust.0.contains_key(file) {
                continue;
            }
            let anchors = read(&folder.join(file), before.0.get(file))?;
            trust.0.insert(file.into(), anchors);
        }
        Ok(trust)
    }

    /// The authorities of a file that was loaded.
    pub fn anchors(&self, file: &str) -> Option<&Arc<Anchors>> {
        self.0.get(file)
    }
}

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
