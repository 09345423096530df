//! One line under the keys: emacs' bindings, and a view of it that never leaves its row of the screen.

mod keys;
#[cfg(test)]
mod tests;
mod view;

pub(super) use keys::{Decoder, Key};

use super::history::History;
use super::plain::is_shown;
use crate::language::LINE_BYTES;

const BELL: u8 = 7;
/// What a key came to, beyond the line itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Did {
    /// Nothing.
    Edited,
    /// The line is whole.
    Line(String),
    /// `?`: what may come here.
    Help,
    /// TAB: go on writing the word.
    Complete,
    /// ^C.
    Interrupt,
    /// ^Z.
    End,
    /// ^D on an empty line.
    Leave,
}

/// How a line is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Manner {
    /// A command: help, completion, history.
    Command,
    /// An answer to a question.
    Answer,
    /// A secret: it is not shown.
    Secret,
}

/// The line being typed.
#[derive(Clone, Debug)]
pub(super) struct Editor {
    prompt: String,
    manner: Manner,
    columns: usize,
    text: Vec<char>,
    bytes: usize,
    cursor: usize,
    /// The first character in view.
    first: usize,
    killed: Vec<char>,
    /// How many lines ago the one shown was typed; 0: it is being typed.
    ago: usize,
    draft: Vec<char>,
    literal: bool,
    /// What stands on the screen: the view and the cursor's column in it; `None`: nothing yet.
    shown: Option<(String, usize)>,
    /// The row is empty, so that nothing has to be wiped.
    fresh: bool,
}

impl Editor {
    pub(super) fn new() -> Editor {
        Editor {
            prompt: String::new(),
            manner: Manner::Command,
            columns: 80,
            text: Vec::new(),
            bytes: 0,
            cursor: 0,
            first: 0,
            killed: Vec::new(),
            ago: 0,
            draft: Vec::new(),
            literal: false,
            shown: None,
            fresh: true,
        }
    }

    /// Begins an empty line behind `prompt`, on an empty row.
    pub(super) fn begin(&mut self, prompt: &str, manner: Manner) {
        self.manner = manner;
        prompt.clone_into(&mut self.prompt);
        self.set(Vec::new());
        self.ago = 0;
        self.draft.clear();
        self.first = 0;
        self.literal = false;
        self.shown = None;
        self.fresh = true;
    }

    /// The prompt says something else now.
    pub(super) fn reprompt(&mut self, prompt: &str) {
        if self.prompt != prompt {
            prompt.clone_into(&mut self.prompt);
            self.shown = None;
        }
    }

    /// The window is so wide.
    pub(super) fn resize(&mut self, columns: usize) {
        if self.columns != columns {
            self.columns = columns;
            self.shown = None;
        }
    }

    /// What was typed up to the cursor.
    pub(super) fn before_cursor(&self) -> String {
        self.text[..self.cursor].iter().collect()
    }

    /// Replaces the last `count` characters before the cursor.
    pub(super) fn replace(&mut self, count: usize, with: &str, out: &mut Vec<u8>) {
        let from = self.cursor.saturating_sub(count);
        self.cut(from, self.cursor);
        for c in with.chars() {
            self.insert(c, out);
        }
    }

    /// Does what a key says.
    pub(super) fn key(&mut self, key: Key, history: &History, out: &mut Vec<u8>) -> Did {
        let command = self.manner == Manner::Command;
        if std::mem::take(&mut self.literal)
            && let Key::Char(c) = key
        {
            self.insert(c, out);
            return Did::Edited;
        }
        match key {
            Key::Enter => return Did::Line(self.text.iter().collect()),
            Key::Control(b'C') => return Did::Interrupt,
            Key::Control(b'Z') => return Did::End,
            Key::Control(b'D') if self.text.is_empty() => return Did::Leave,
            Key::Tab if command => return Did::Complete,
            Key::Char('?') if command && asks_help(&self.text[..self.cursor]) => return Did::Help,
            Key::Char(c) => self.insert(c, out),
            Key::Control(b'V') => self.literal = true,
            Key::Control(b'L') => {
                out.extend_from_slice(b"\x1b[H\x1b[2J");
                self.shown = None;
                self.fresh = true;
            }
            Key::Up | Key::Control(b'P') if command => self.recall(self.ago + 1, history, out),
            Key::Down | Key::Control(b'N') if command => match self.ago.checked_sub(1) {
                Some(ago) => self.recall(ago, history, out),
                None => out.push(BELL),
            },
            Key::Bad => out.push(BELL),
            other => self.edit(other),
        }
        Did::Edited
    }

    fn edit(&mut self, key: Key) {
        let (cursor, end) = (self.cursor, self.text.len());
        match key {
            Key::Backspace => drop(self.cut(cursor.saturating_sub(1), cursor)),
            Key::Delete | Key::Control(b'D') => drop(self.cut(cursor, (cursor + 1).min(end))),
            Key::Control(b'K') => self.kill(cursor, end),
            Key::Control(b'U') => self.kill(0, cursor),
            Key::Control(b'W') => self.kill(self.blank_before(), cursor),
            Key::Alt(0x7f) => self.kill(self.word_before(), cursor),
            Key::Alt(b'd') => self.kill(cursor, self.word_behind()),
            Key::Control(b'Y') => {
                let killed = self.killed.clone();
                for c in killed {
                    self.insert(c, &mut Vec::new());
                }
            }
            Key::Control(b'T') if cursor > 0 && end > 1 => {
                let at = cursor.min(end - 1);
                self.text.swap(at - 1, at);
                self.cursor = at + 1;
            }
            Key::Home | Key::Control(b'A') => self.cursor = 0,
            Key::End | Key::Control(b'E') => self.cursor = end,
            Key::Left | Key::Control(b'B') => self.cursor = cursor.saturating_sub(1),
            Key::Right | Key::Control(b'F') => self.cursor = (cursor + 1).min(end),
            Key::Alt(b'b') => self.cursor = self.word_before(),
            Key::Alt(b'f') => self.cursor = self.word_behind(),
            _ => {}
        }
    }

    fn insert(&mut self, c: char, out: &mut Vec<u8>) {
        if !is_shown(c) || self.bytes + c.len_utf8() > LINE_BYTES {
            out.push(BELL);
            return;
        }
        self.text.insert(self.cursor, c);
        self.bytes += c.len_utf8();
        self.cursor += 1;
    }

    fn cut(&mut self, from: usize, to: usize) -> Vec<char> {
        let cut: Vec<char> = self.text.drain(from..to).collect();
        self.bytes -= cut.iter().map(|c| c.len_utf8()).sum::<usize>();
        self.cursor = from;
        cut
    }

    fn kill(&mut self, from: usize, to: usize) {
        if from < to {
            let killed = self.cut(from, to);
            // A secret must not come back elsewhere by ^Y.
            if self.manner != Manner::Secret {
                self.killed = killed;
            }
        }
    }

    fn set(&mut self, text: Vec<char>) {
        self.bytes = text.iter().map(|c| c.len_utf8()).sum();
        self.cursor = text.len();
        self.text = text;
    }

    fn recall(&mut self, ago: usize, history: &History, out: &mut Vec<u8>) {
        let text = match ago {
            0 => std::mem::take(&mut self.draft),
            ago => match history.ago(ago) {
                Some(line) => line.chars().collect(),
                None => return out.push(BELL),
            },
        };
        let before = std::mem::take(&mut self.text);
        if self.ago == 0 {
            self.draft = before;
        }
        self.ago = ago;
        self.set(text);
    }

    fn blank_before(&self) -> usize {
        let before = &self.text[..self.cursor];
        let word = before
            .iter()
            .rposition(|c| *c != ' ')
            .map_or(0, |at| at + 1);
        before[..word]
            .iter()
            .rposition(|c| *c == ' ')
            .map_or(0, |at| at + 1)
    }

    fn word_before(&self) -> usize {
        let before = &self.text[..self.cursor];
        let word = before
            .iter()
            .rposition(|c| c.is_alphanumeric())
            .map_or(0, |at| at + 1);
        before[..word]
            .iter()
            .rposition(|c| !c.is_alphanumeric())
            .map_or(0, |at| at + 1)
    }

    fn word_behind(&self) -> usize {
        let behind = &self.text[self.cursor..];
        let word = behind
            .iter()
            .position(|c| c.is_alphanumeric())
            .unwrap_or(behind.len());
        let long = behind[word..].iter().position(|c| !c.is_alphanumeric());
        self.cursor + long.map_or(behind.len(), |long| word + long)
    }
}

/// Whether a `?` behind `before` asks for help: not within quotation marks, and not in a url.
fn asks_help(before: &[char]) -> bool {
    let before: String = before.iter().collect();
    let words = super::words::words(&before);
    match words.last() {
        Some(word) if word.end == before.len() => {
            let text = &before[word.start..];
            !(word.open || text.contains("://"))
        }
        _ => true,
    }
}
