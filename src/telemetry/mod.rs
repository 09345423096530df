//! What is counted, and the table that shows it.
//!
//! Each worker owns one [`Tally`] and counts in it without sharing; [`Counts`] copied from them are added
//! up, printed as a [`Table`] or shown as metrics. Enter at [`Tally`].
//!
//! Deliberately unknown here: who asks for the counts, and how they reach them.

mod counts;
mod numbers;
mod table;
mod words;

pub use counts::*;
pub use numbers::{BOUNDS_US, Histogram, Numbers, Traffic};
pub use table::Table;
pub use words::*;
