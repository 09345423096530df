//! What is counted, and the table that shows it.
//!
//! Each worker owns one [`Tally`] and counts in it without sharing; [`Counts`] copied from them are added
//! up, printed as a [`Table`] or shown as metrics. What happens off the workers' way, reloads and probes, is counted in
//! the one [`Ledger`]. Enter at either.
//!
//! Deliberately unknown here: who asks for the counts, and how they reach them.

mod counts;
mod ledger;
mod numbers;
mod table;
mod words;

pub use counts::*;
pub use ledger::{Ledger, Probed};
pub use numbers::{BOUNDS_US, Histogram, Numbers, Traffic};
pub use table::Table;
pub use words::*;
