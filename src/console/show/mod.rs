//! `show`: a [`Scene`] as tables that fit a window, or as JSON.
//!
//! Enter at [`show`]; [`monitor`] paints a whole screen of the same. Pure, and of a large farm not quick: to be called where nobody waits.
//!
//! Deliberately unknown here: how a scene is gathered, and who looks at it.

mod scene;

pub use scene::*;

use crate::language::Command;

/// What `command`, one of `show`, says about `scene`: lines for a window of so many `columns` (0: no limit, nothing left out), or
/// as JSON.
///
/// # Errors
/// Where it names what is not there: a line for the operator.
pub fn show(command: &Command, scene: &Scene, json: bool, columns: u16) -> Result<String, String> {
    let _ = (scene, json, columns);
    Err(format!("nothing is known of `{}`", command.name))
}
