//! The console: keys in, a screen out.
//!
//! [`Session`]s are pure: they take bytes that were typed and give bytes for the terminal, and say as a
//! [`Request`] what is to be done outside; sockets stand around them in `serve`. [`Telnet`] stands between a
//! socket and a session. `show` turns a scene into tables.
//!
//! Deliberately unknown here: how a configuration is put into force (that is a [`Wish`](crate::control::Wish)), and what a
//! worker does.

mod commands;
mod diff;
mod editor;
mod filter;
mod history;
mod monitor;
mod pager;
mod plain;
mod prompt;
mod question;
mod seam;
pub mod serve;
mod session;
mod show;
mod telnet;
mod tongue;
mod words;

pub use diff::diff;
pub use monitor::*;
pub use question::*;
pub use seam::*;
pub use session::{CANDIDATE_LINES, KEPT_BYTES, LOGIN_MILLIS, NOTICES, OUTPUT_BYTES, Session};
pub use show::*;
pub use telnet::{Keys, SUBNEGOTIATION_BYTES, Telnet};
