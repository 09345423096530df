//! A build without TLS: it reads no certificate, and refuses to serve who asks for one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::super::Farm;
use super::{KeyError, Keys, TicketKept};
use crate::decide::Millis;
use crate::model::Model;
use crate::tls::Problem;

/// Reads nothing.
#[derive(Debug, Default)]
pub(in crate::control) struct Keyring {
    /// The folder of the startup configuration.
    pub(in crate::control) folder: PathBuf,
    pub(in crate::control) started: bool,
}

impl Keyring {
    pub(in crate::control) fn reader(&self, farm: &Arc<Farm>) -> KeyReader {
        KeyReader {
            folder: self.folder.clone(),
            farm: Arc::clone(farm),
        }
    }

    pub(in crate::control) fn ticket_keys(&self) -> Vec<TicketKept> {
        Vec::new()
    }

    pub(in crate::control) fn resume_tickets(&self, _: &[TicketKept]) {}

    pub(in crate::control) fn rotate(&mut self, _: Millis) {}

    pub(in crate::control) fn tell_ends(&mut self, _: &Keys) {}

    pub(in crate::control) fn tell_new(&self, _: &Model, _: &Keys, _: &Keys) {}
}

/// Reads no certificate.
#[derive(Debug)]
pub(in crate::control) struct KeyReader {
    pub(in crate::control) folder: PathBuf,
    pub(in crate::control) farm: Arc<Farm>,
}

impl KeyReader {
    pub(in crate::control) fn all(&self, model: &Model) -> Result<Keys, Vec<KeyError>> {
        let virtuals = model.virtuals.iter().map(|v| (v.id, &v.tls));
        let all = virtuals.chain(model.dips.iter().map(|d| (d.id, &d.tls)));
        let errors: Vec<_> = all
            .filter(|(_, tls)| tls.is_on())
            .map(|(id, _)| KeyError {
                of: format!("tls {id}"),
                problem: Problem,
            })
            .collect();
        match errors.is_empty() {
            true => Ok(Keys::default()),
            false => Err(errors),
        }
    }

    pub(in crate::control) fn issued(&self, model: &Model) -> Result<Keys, Vec<KeyError>> {
        self.all(model)
    }
}

/// Nothing is known of certificates.
pub fn certificate_remarks(_: &Model, _: &Path) -> Vec<String> {
    Vec::new()
}
