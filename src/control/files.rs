//! The files that a configuration names, read apart from the writer: a file may keep whoever reads it waiting.

use std::fmt;
use std::path::Path;

use super::keys::KeyReader;
use super::{Keys, PrepareError};
use crate::model::{Model, Speech, Verify};
use crate::tls::TrustError;
use crate::tls::client::Trust;

/// Reads the files that a configuration names, on any thread.
#[derive(Debug)]
pub struct Reader(pub(super) KeyReader);

/// What was read for a configuration.
#[derive(Debug)]
pub struct Files {
    pub(super) keys: Keys,
    pub(super) trust: Trust,
}

impl Reader {
    /// Reads every file of certificates and authorities that `model` names.
    ///
    /// # Errors
    /// With each certificate that cannot be used, or the authorities of servers that cannot.
    pub fn read(&self, model: &Model) -> Result<Files, PrepareError> {
        Ok(Files {
            keys: self.0.all(model).map_err(PrepareError::Keys)?,
            trust: trust(model, &self.0.folder, &self.0.farm.trust().load())?,
        })
    }

    /// Reads what certificate authorities issued for `model`, which runs; all else is as it is in use.
    ///
    /// # Errors
    /// Where that cannot be used.
    pub fn issued(&self, model: &Model) -> Result<Keys, PrepareError> {
        self.0.issued(model).map_err(PrepareError::Keys)
    }
}

/// A server that cannot be checked as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrustFault {
    /// Which, such as `real 192.0.2.1:443`.
    pub of: String,
    /// Why.
    pub error: TrustError,
}

impl fmt::Display for TrustFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.of, self.error)
    }
}

/// Reads the certificate authorities by which `model` has servers checked, relative files from `folder`; `before`: those that hold now.
fn trust(model: &Model, folder: &Path, before: &Trust) -> Result<Trust, PrepareError> {
    let all = servers(model).map(|(_, speech)| speech);
    load((folder, all), before).map_err(|_| PrepareError::Trust(trust_faults(model, folder)))
}

/// Every server whose certificate authorities are of no use.
pub(super) fn trust_faults(model: &Model, folder: &Path) -> Vec<TrustFault> {
    let fault = |(of, speech)| {
        let error = load((folder, std::iter::once(speech)), &Trust::default()).err()?;
        Some(TrustFault { of, error })
    };
    servers(model).filter_map(fault).collect()
}

/// What each server is called, and how it is spoken to.
fn servers(model: &Model) -> impl Iterator<Item = (String, &Speech)> {
    let reals = model.reals.iter();
    let reals = reals.map(|real| (format!("real {}", real.id), &real.serving.speech));
    let dips = model.dips.iter();
    reals.chain(dips.map(|dip| (format!("dip {}", dip.id), &dip.serving.speech)))
}

fn load<'m>(
    (folder, speeches): (&Path, impl Iterator<Item = &'m Speech>),
    before: &Trust,
) -> Result<Trust, TrustError> {
    let speeches: Vec<_> = speeches.collect();
    let by_host =
        |verify: &Verify| matches!(verify, Verify::Address | Verify::Name { ca: None, .. });
    let mut all = speeches.iter().filter_map(|speech| speech.tls.as_ref());
    let host = all.any(by_host);
    let files = speeches.iter().filter_map(|speech| speech.ca());
    Trust::load(folder, files, host, before)
}
