//! The one writer: prepares and applies changes, publishes snapshots.
//!
//! Other rooms read [`Farm::live`] and send [`Report`]s; nothing else changes what is published.

mod farm;
pub use farm::*;
