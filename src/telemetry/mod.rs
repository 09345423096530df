//! What is counted and what is logged of every request.
//!
//! Each worker owns one [`Tally`] and counts in it without sharing; [`Table`]s taken from them are added
//! up and printed. Each worker owns one [`Scribe`] as well, which writes access log lines into a batch of its own and hands
//! it on to the [`Journal`]. Enter at either.
//!
//! Deliberately unknown here: who asks for the table, and how a request came to its answer.

mod access;
mod counts;
pub use access::*;
pub use counts::*;
