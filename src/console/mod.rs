//! The console: keys in, a screen out.
//!
//! [`Session`](seam::Request)s are pure: they take bytes that were typed and give bytes for the terminal, and say as a
//! [`Request`] what is to be done outside; sockets stand around them in `serve`. `show` turns a scene into tables.
//!
//! Deliberately unknown here: how a configuration is put into force (that is a [`Wish`](crate::control::Wish)), and what a
//! worker does.

mod monitor;
mod question;
mod seam;
mod show;

pub use monitor::*;
pub use question::*;
pub use seam::*;
pub use show::*;
