//! What is counted and what is logged of every request.
//!
//! Each worker owns one [`Tally`] and counts in it without sharing; [`Counts`] copied from them are added
//! up, printed as a [`Table`] or shown as metrics. What happens off the workers' way, reloads and probes, is counted in
//! the one [`Ledger`]. Each worker owns one [`Scribe`] as well, which writes access log lines into a batch of its own and
//! hands it on to the [`Journal`]. Enter at any of them.
//!
//! Deliberately unknown here: who asks for the counts, how they reach them, and how a request came to its answer.

mod access;
mod counts;
mod doors;
mod ledger;
mod numbers;
mod table;
mod words;

pub use access::*;
pub use counts::*;
pub use doors::{Came, Door};
pub use ledger::{Ledger, Probed};
pub use numbers::{BOUNDS_US, Histogram, Numbers, Traffic};
pub use table::Table;
pub use words::*;
