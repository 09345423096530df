//! `monitor`: a live table of virtuals and servers that fills the screen.

use super::show::Scene;
use crate::model::Id;

/// By which column rows are sorted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Sort {
    /// As they are configured.
    #[default]
    Order,
    /// The most requests a second first.
    Rate,
    /// The most connections first.
    Connections,
    /// Who keeps most clients away first.
    State,
    /// The slowest first.
    Response,
}

/// What of a scene is looked at, and which row is selected.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// By what rows are sorted.
    pub sort: Sort,
    /// The row that is selected, by what it shows, so that it stays selected where rows move.
    pub selected: Option<Id>,
    /// Whether servers may be taken out of and put into service here.
    pub may_operate: bool,
    /// What the last key came to: one line.
    pub said: String,
    rows: Vec<Id>,
    escape: Vec<u8>,
}

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pressed {
    /// Paint anew.
    Paint,
    /// Nothing.
    Nothing,
    /// Put this statement into force, then paint anew.
    Statement(String),
    /// It is over.
    Leave,
}

impl View {
    /// A view for somebody who may take servers out of service, or not.
    pub fn new(may_operate: bool) -> View {
        View {
            may_operate,
            ..View::default()
        }
    }

    /// Takes a key: `s` sorts by the next column, arrows or `j` and `k` select, `o` takes out of service, `i` puts into service, `q` leaves.
    /// An escape sequence may come byte by byte.
    pub fn key(&mut self, byte: u8, scene: &Scene) -> Pressed {
        let _ = (byte, scene);
        Pressed::Nothing
    }
}

/// A whole screen for a window of `(columns, rows)`, with what it takes to paint it over the one before. `before`: the scene of the frame before
/// this one, for rates.
pub fn monitor(scene: &Scene, before: Option<&Scene>, view: &mut View, size: (u16, u16)) -> String {
    let _ = (scene, before, view, size);
    String::new()
}

/// What a terminal is sent before the first screen, and after the last.
pub const SCREEN: (&str, &str) = ("\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l");
