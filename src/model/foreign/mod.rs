//! What an operator of a Cisco LocalDirector brings along: its commands explained, its saved configurations taken over.
//!
//! [`hint`] turns a line that Signpost has no statement for into what the command did there and what does its job today.
//! [`import`] turns a whole saved configuration into a Signpost configuration that holds, with all that was not taken over listed in
//! its comments. Lines go through `read` into a farm as the LocalDirector saw it, through `emit` into statements, and through
//! `write`, which lets the model itself judge them, into text.
//!
//! Deliberately unknown here: whether servers can be reached, and anything that is written nowhere in the file.

mod emit;
mod farm;
mod id;
mod ports;
mod read;
mod shown;
mod table;
mod write;

#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::fmt;

use crate::language::Diagnostic;

/// The largest LocalDirector configuration that is read, in bytes: many times what its flash memory held.
pub const IMPORT_BYTES: usize = 4 * 1024 * 1024;

/// What a command of the LocalDirector was for, and what does its job today.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hint {
    /// The command's words, without a `no` before them.
    pub command: &'static str,
    /// What it did there: goes on behind the command.
    pub was: &'static str,
    /// What to do today: a sentence's second half.
    pub today: &'static str,
}

impl fmt::Display for Hint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "on the LocalDirector `{}` {}; {}",
            self.command, self.was, self.today
        )
    }
}

/// What the command at the beginning of `line`, behind a `no` perhaps, was for; `None` where the LocalDirector had no such
/// command or Signpost has a statement of that name.
pub fn hint(line: &str) -> Option<Hint> {
    table::find(table::COMMANDS, line)
}

/// Lets what could not be read be explained where it begins with a command of the LocalDirector's.
pub(super) fn explain(diagnostics: &mut [Diagnostic]) {
    for diagnostic in diagnostics.iter_mut().filter(|told| told.is_error()) {
        let Some(place) = &diagnostic.place else {
            continue;
        };
        let Some(hint) = hint(&place.text) else {
            continue;
        };
        // The mark stands at the command's first word where that was not understood.
        let marked = place.text.get(place.marked.clone()).unwrap_or_default();
        if hint.command.split(' ').next() == Some(&marked.to_ascii_lowercase()) {
            diagnostic.help = Some(hint.to_string().into());
        }
    }
}

/// What became of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Fate {
    /// Taken over, but not quite as it was.
    Changed,
    /// Understood, and not taken over.
    Left,
    /// Not understood.
    Unknown,
}

/// What has to be said of one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    /// Which line, from 1.
    pub line: u32,
    /// The line as it is shown: secrets masked, blanks made one, control characters escaped.
    pub text: String,
    /// What became of it.
    pub fate: Fate,
    /// Why, and what does its job.
    pub why: Cow<'static, str>,
}

/// A LocalDirector's configuration, taken over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Imported {
    /// A Signpost configuration that holds, with all notes as comments.
    pub text: String,
    /// What has to be said, in the lines' order.
    pub notes: Vec<Note>,
    /// The numbers, from 1, of the lines that a statement stands for, in order.
    pub taken: Vec<u32>,
}

impl Imported {
    /// How many lines were understood and yet not taken over.
    pub fn explained(&self) -> usize {
        let mut lines: Vec<u32> = self.of(Fate::Left).map(|note| note.line).collect();
        lines.dedup();
        lines.retain(|line| self.taken.binary_search(line).is_err());
        lines.len()
    }

    /// What could not be understood.
    pub fn unknown(&self) -> impl Iterator<Item = &Note> {
        self.of(Fate::Unknown)
    }

    fn of(&self, fate: Fate) -> impl Iterator<Item = &Note> {
        self.notes.iter().filter(move |note| note.fate == fate)
    }
}

/// Takes a saved LocalDirector configuration over. Total: any bytes yield a configuration that holds; each line that is neither blank
/// nor a comment is in it as a statement, or in the notes, or both. The time it takes is proportional to the length of `bytes`, of
/// which no more than [`IMPORT_BYTES`] are read.
pub fn import(bytes: &[u8]) -> Imported {
    let read = read::read(&bytes[..bytes.len().min(IMPORT_BYTES)]);
    write::write(read, bytes.len() > IMPORT_BYTES)
}
