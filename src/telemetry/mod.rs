//! What is counted and what is logged of every request.
//!
//! Each worker owns one [`Tally`] and counts in it without sharing; [`Counts`] copied from them are added
//! up, printed as a [`Table`] or shown as metrics. Each worker owns one [`Scribe`] as well, which writes access log lines into
//! a batch of its own and hands it on to the [`Journal`]. Enter at either.
//!
//! Deliberately unknown here: who asks for the counts, how they reach them, and how a request came to its answer.

mod access;
mod counts;
mod numbers;
mod table;
mod words;

pub use access::*;
pub use counts::*;
pub use numbers::{BOUNDS_US, Histogram, Numbers, Traffic};
pub use table::Table;
pub use words::*;
