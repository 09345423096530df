//! The files that a configuration names, read apart from the writer: a file may keep whoever reads it waiting.

use super::keys::KeyReader;
use super::{Keys, PrepareError};
use crate::model::{Model, Verify};
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
            trust: trust(model, &self.0.farm.trust().load())?,
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

/// Reads the certificate authorities by which `model` has servers checked; `before`: those that hold now.
fn trust(model: &Model, before: &Trust) -> Result<Trust, PrepareError> {
    let reals = model.reals.iter().map(|real| &real.serving.speech);
    let dips = model.dips.iter().map(|dip| &dip.serving.speech);
    let speeches = || reals.clone().chain(dips.clone());
    let by_host =
        |verify: &Verify| matches!(verify, Verify::Address | Verify::Name { ca: None, .. });
    let host = speeches().any(|speech| speech.tls.as_ref().is_some_and(by_host));
    let files = speeches().filter_map(|speech| speech.ca());
    Trust::load(files, host, before).map_err(PrepareError::Trust)
}
