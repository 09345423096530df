//! Counts of one worker.

use std::sync::Arc;

use super::Event;
use crate::decide::{Gauges, Reason};

/// Counts of one worker.
#[derive(Debug, Default)]
pub struct Tally {}

impl Tally {
    /// Counts a decision, at the server it named.
    pub fn decided(&self, server: Option<&Arc<Gauges>>, reason: Reason) {
        let _ = (server, reason);
    }

    /// Counts what became of a forwarded exchange.
    pub fn happened(&self, server: &Arc<Gauges>, event: Event) {
        let _ = (server, event);
    }

    /// Counts a request refused for `rule`.
    pub fn refused(&self, rule: &'static str) {
        let _ = rule;
    }
}
