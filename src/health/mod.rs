//! What was measured of a server, from all that was seen of it (LANGUAGE.md §3).
//!
//! Observations of exchanges and results of probes go in with the time they were made, changes of
//! [`Measured`](crate::decide::Measured) come out, each with its [`Cause`]. Enter at [`Ward`]: it holds a server's passive
//! [`Watch`], what each probe found (`track`), what its agent said (`agent`) and its [`Figures`], and combines them. [`State`] is
//! the word for intent and measurement together.
//!
//! Deliberately unknown here: how the operator's intent comes about, how a server is asked, who is told, what a connection is.

mod agent;
mod cause;
mod figures;
mod legacy;
mod sounding;
mod state;
mod track;
mod ward;
mod watch;

pub use agent::{NotUnderstood, Said, Word, read};
pub use cause::Cause;
pub use figures::{FIGURES, Figure, Figures};
pub use legacy::{Found, Legacy};
pub use sounding::Sounding;
pub use state::State;
pub use track::Latest;
pub use ward::{Effect, SUSPICION, Ward};
pub use watch::{Fault, Observation, Watch};

#[cfg(test)]
mod tests;
