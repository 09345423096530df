//! The life of a configuration: typed, stored, undone, brought back; and what survives a crash.

mod comments;
mod director;
mod lines;
mod rig;
mod stored;
