//! Answers one ask from one snapshot.
//!
//! `Model + Facts → Snapshot` ([`Snapshot::compile`]), `Ask × Snapshot × Loads → Decision` ([`decide`]).
//! A snapshot is immutable and cheap to replace; the live atomics beside it are [`Loads`].
//!
//! Deliberately unknown here: who publishes the snapshot, what a socket is, what time it is.

mod ask;
mod loads;
mod snapshot;

pub use ask::*;
pub use loads::*;
pub use snapshot::*;
