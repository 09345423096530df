//! The admin listener: turns what is counted and known into metrics for Prometheus and JSON for people and programs.
//!
//! The writer binds the listener and hands it over, as it does to a worker. Each connection has one request: `GET /metrics`
//! ([`FAMILIES`] lists what it shows), `GET /servers` or `GET /`. Enter at [`serve`].
//!
//! Deliberately unknown here: how a request is decided, how a server is probed, and how anything is changed: all of it is read.

mod exposition;
mod families;
pub mod limits;
mod metrics;
mod process;
mod route;
mod scene;
mod server;
mod servers;

pub use families::{FAMILIES, Family, Sort};
pub use scene::{Part, Question, Source};
pub use server::serve;
