//! What certificate authorities are to issue, and how that goes (ACME, RFC 8555).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use tokio::sync::watch;

use super::{acme_files, acme_folder};
use crate::model::{Acme, CertificateFrom, Model};

/// A certificate that an authority is to issue and to renew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// What the configuration calls it.
    pub name: Box<str>,
    /// The names in it, in lower case; the first is the one that it is shown by.
    pub domains: Vec<Box<str>>,
    /// The file that key and chain are stored in, both PEM.
    pub file: PathBuf,
    /// A listener with TLS shows it, so that a name can be proven by TLS-ALPN-01 (RFC 8737).
    pub by_tls: bool,
    /// A listener without TLS can answer for it by HTTP-01 (RFC 8555 §8.3).
    pub by_http: bool,
}

/// All that is to be issued, by whom, and where accounts are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Issuing {
    /// The authority; the file of its root is found.
    pub authority: Acme,
    /// The folder of accounts.
    pub folder: PathBuf,
    /// In the order of the configuration.
    pub issues: Vec<Issue>,
}

impl Issuing {
    /// What of `model` is to be issued, where `folder` is that of the startup configuration.
    pub fn of(model: &Model, folder: &Path) -> Issuing {
        let listeners = || {
            let virtuals = model.virtuals.iter().map(|v| &v.tls);
            virtuals.chain(model.dips.iter().map(|d| &d.tls))
        };
        let by_http = listeners().any(|tls| !tls.is_on());
        let issues = (0..).zip(&model.certificates);
        let issues = issues.filter_map(|(at, certificate)| {
            let CertificateFrom::Acme(domains) = &certificate.from else {
                return None;
            };
            Some(Issue {
                name: certificate.name.clone(),
                domains: domains.clone(),
                file: acme_files(folder, &certificate.name).0,
                by_tls: listeners().any(|tls| tls.certificates.contains(&at)),
                by_http,
            })
        });
        let mut authority = model.globals.acme.clone().unwrap_or_default();
        let root = authority.ca.take();
        authority.ca = root.map(|file| folder.join(&*file).to_string_lossy().into());
        Issuing {
            issues: issues.collect(),
            authority,
            folder: acme_folder(folder),
        }
    }
}

/// How issuing one certificate goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueNote {
    /// Why the last try was in vain; `None`: it was not, or there was none yet.
    pub failed: Option<Box<str>>,
    /// When the authority is asked next.
    pub next: Timestamp,
}

/// What is to be issued, published to whoever asks authorities, and what became of it.
#[derive(Debug, Default)]
pub struct Issuance {
    wanted: watch::Sender<Arc<Issuing>>,
    notes: ArcSwap<HashMap<Box<str>, IssueNote>>,
}

impl Issuance {
    /// All that is to be issued, published anew with every configuration.
    pub fn wanted(&self) -> watch::Receiver<Arc<Issuing>> {
        self.wanted.subscribe()
    }

    /// Publishes what is to be issued, where that has changed.
    pub fn want(&self, issuing: Issuing) {
        self.wanted.send_if_modified(|now| {
            let changed = **now != issuing;
            if changed {
                *now = Arc::new(issuing);
            }
            changed
        });
    }

    /// Says how issuing a certificate goes.
    pub fn note(&self, name: &str, note: IssueNote) {
        self.notes.rcu(|now| {
            let mut next = HashMap::clone(now);
            next.insert(name.into(), note.clone());
            next
        });
    }

    /// How issuing a certificate goes; `None`: nobody has looked yet.
    pub fn noted(&self, name: &str) -> Option<IssueNote> {
        self.notes.load().get(name).cloned()
    }
}
