//! The access log as the writer owns it: opened before anything changes, handed to every worker after it.

use std::sync::Arc;

use super::{Order, Writer};
use crate::model::{AccessLog, LogTo};
use crate::telemetry::{Journal, LogCounts, OpenError};

/// What is logged to, and what became of all lines so far.
#[derive(Debug, Default)]
pub(super) struct Logging {
    open: Option<(AccessLog, Arc<Journal>)>,
    counts: Arc<LogCounts>,
}

/// What is to be logged to from now on.
pub(super) type Reopened = Option<(AccessLog, Arc<Journal>)>;

impl Logging {
    /// Opens what `wanted` names; `None`: it is open already, or nothing is wanted still.
    pub(super) fn prepare(
        &self,
        wanted: Option<&AccessLog>,
    ) -> Result<Option<Reopened>, OpenError> {
        let now = self.open.as_ref().map(|(log, _)| log);
        if now == wanted {
            return Ok(None);
        }
        self.reopen(wanted).map(Some)
    }

    fn reopen(&self, wanted: Option<&AccessLog>) -> Result<Reopened, OpenError> {
        let open = |log: &AccessLog| Ok((log.clone(), Journal::open(log, &self.counts)?));
        wanted.map(open).transpose()
    }
}

impl Writer {
    /// What became of the access log's lines so far.
    pub fn log_counts(&self) -> &Arc<LogCounts> {
        &self.logging.counts
    }

    /// Opens the access log's file anew, as its name may mean another one now; whether there is one. Where it cannot be opened
    /// lines go on to the one before.
    ///
    /// # Errors
    /// Where it cannot be opened.
    pub async fn reopen_log(&mut self) -> Result<bool, OpenError> {
        let Some((log, _)) = &self.logging.open else {
            return Ok(false);
        };
        if !matches!(log.to, LogTo::File(_)) {
            return Ok(false);
        }
        let reopened = self.logging.reopen(Some(log))?;
        self.log_to(reopened).await;
        Ok(true)
    }

    /// Has every worker log there.
    pub(super) async fn log_to(&mut self, to: Reopened) {
        for worker in &self.workers {
            let journal = to.as_ref().map(|(_, journal)| Arc::clone(journal));
            self.order(worker, Order::Log(journal)).await;
        }
        self.logging.open = to;
    }

    /// Lets go of the access log: to be finished once the workers have ended.
    pub fn take_log(&mut self) -> Option<Arc<Journal>> {
        self.logging.open.take().map(|(_, journal)| journal)
    }
}
