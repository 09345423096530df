//! Counts per server and reason.

mod counts;
mod tally;
pub use counts::*;
pub use tally::*;
