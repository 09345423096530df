//! Answers one ask from one snapshot.
//!
//! `Model + Facts → Snapshot` ([`Snapshot::compile`]), `Ask × Snapshot × Loads → Decision` ([`decide`]), and the
//! same walk told step by step ([`explain`]). A snapshot is immutable and cheap to replace; the live atomics beside
//! it are [`Loads`]. The way of a compilation: `config` (the model as flat tables), `graph` (who depends on whom),
//! `settle` (who is usable, as a least fixpoint), `plan` (what a virtual picks among).
//!
//! Deliberately unknown here: who publishes the snapshot, what a socket is, what time it is.

mod ask;
mod asked;
mod care;
mod config;
mod decay;
mod explain;
mod graph;
mod keepsake;
mod loads;
mod location;
mod plan;
mod predictors;
mod promises;
mod quick;
mod returns;
mod settle;
mod snapshot;
mod stick;
mod stuck;
mod table;
mod tags;
#[cfg(test)]
pub(crate) mod tests;
mod ticket;
mod walk;

pub use ask::*;
pub use asked::Asked;
pub use care::TICKET_COOKIE;
pub use explain::*;
pub use keepsake::Keepsake;
pub use loads::*;
pub use location::*;
pub use promises::{PROMISE_MOST_S, PROMISED};
pub use quick::Quick;
pub use returns::RETURNS;
pub use snapshot::*;
pub use stick::{STICK_CLIENTS, StickTable, Stuck};
pub use ticket::*;
pub use walk::decide;
