//! Counts per server and reason.

mod counts;
pub use counts::*;
