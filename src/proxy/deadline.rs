//! Deadlines that cost a store to set: a worker looks over all of them a few times a second.

use std::task::{Context, Poll};
use std::time::Duration;

/// One task's deadline. Coarse: passes between its time and a quarter of a second after it.
#[derive(Debug, Default)]
pub struct Deadline {}

impl Deadline {
    /// Passes `after` from now, in place of whatever was set.
    pub fn set(&self, after: Duration) {
        let _ = after;
        unimplemented!()
    }

    /// Never passes.
    pub fn clear(&self) {
        unimplemented!()
    }

    /// Ready once it has passed; the task is woken then.
    pub fn poll_passed(&self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        unimplemented!()
    }
}
