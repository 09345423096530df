//! What is counted, and the table that shows it.
//!
//! Each worker owns one [`Tally`] and counts in it without sharing; [`Table`]s taken from them are added
//! up and printed. Enter at [`Tally`].
//!
//! Deliberately unknown here: who asks for the table, and how it reaches them.

mod counts;
pub use counts::*;
