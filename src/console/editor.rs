//! One line under the keys: emacs' bindings, and a view of it that never leaves its row of the screen.

mod keys;
#[cfg(test)]
mod tests;

pub(super) use keys::{Decoder, Key};

use super::history::History;
use super::plain::{is_shown, width, width_of};
use crate::language::LINE_BYTES;

const BELL: u8 = 7;
/// The view of a line that a prompt should leave; a longer prompt is cut, but to half of the window at most.
const VIEW: usize = 16;
/// The narrowest view: a wide character, and a `$` on either side.
const NARROWEST: usize = 4;

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

    fn prompt_in_view(&self) -> &str {
        let mut prompt = self.prompt.as_str();
        let leaves = match self.manner {
            Manner::Command => VIEW,
            Manner::Answer | Manner::Secret => NARROWEST,
        };
        let most = self.columns.saturating_sub(leaves).max(self.columns / 2);
        while width(prompt) > most
            && let Some(c) = prompt.chars().next()
        {
            prompt = &prompt[c.len_utf8()..];
        }
        prompt
    }

    /// The part of the line that fits behind the prompt, and the cursor's column in it. `$` stands where more follows, as on the family.
    fn view(&mut self) -> (String, usize) {
        if self.manner == Manner::Secret {
            return (String::new(), 0);
        }
        // The last column stays free: a terminal would go to the next row.
        let room = (self
            .columns
            .saturating_sub(width(self.prompt_in_view()) + 1))
        .max(NARROWEST);
        let wide = |text: &[char]| text.iter().map(|c| width_of(*c)).sum::<usize>();
        if wide(&self.text) <= room {
            self.first = 0;
        } else if self.cursor <= self.first {
            self.first = self.cursor.saturating_sub(room / 3);
        }
        // One column for the `$` on the left, one for that on the right.
        if wide(&self.text[self.first..self.cursor]) + 2 > room && wide(&self.text) > room {
            let mut before = 0;
            let from_right = self.text[..self.cursor].iter().rev();
            let kept = from_right.take_while(|c| {
                before += width_of(**c);
                before <= room * 2 / 3
            });
            self.first = self.cursor - kept.count();
        }
        let mut view = String::new();
        let (mut used, mut column) = (0, 0);
        for (at, c) in self.text.iter().enumerate().skip(self.first) {
            if at == self.cursor {
                column = used;
            }
            let marks = at == self.first && self.first > 0;
            let more = usize::from(at + 1 < self.text.len());
            let next = if marks { 1 } else { width_of(*c) };
            if used + next + more > room {
                view.push('$');
                used += 1;
                break;
            }
            view.push(if marks { '$' } else { *c });
            used += next;
        }
        if self.cursor == self.text.len() {
            column = used;
        }
        (view, column)
    }

    /// Brings the screen up to the line.
    pub(super) fn show(&mut self, out: &mut Vec<u8>) {
        let (view, column) = self.view();
        let at_end = column == width(&view);
        match &self.shown {
            Some(shown) if *shown == (view.clone(), column) => return,
            Some((old, at)) if *old == view => {
                let (steps, way) = if *at < column {
                    (column - at, 'C')
                } else {
                    (at - column, 'D')
                };
                out.extend_from_slice(format!("\x1b[{steps}{way}").as_bytes());
            }
            Some((old, at)) if at_end && *at == width(old) && view.starts_with(old.as_str()) => {
                out.extend_from_slice(&view.as_bytes()[old.len()..]);
            }
            Some((old, at))
                if at_end && *at == column + 1 && width(old) == *at && old.starts_with(&view) =>
            {
                out.extend_from_slice(b"\x08 \x08");
            }
            _ => {
                if !self.fresh {
                    out.push(b'\r');
                }
                out.extend_from_slice(self.prompt_in_view().as_bytes());
                out.extend_from_slice(view.as_bytes());
                if !self.fresh {
                    out.extend_from_slice(b"\x1b[K");
                }
                if !at_end {
                    out.extend_from_slice(format!("\x1b[{}D", width(&view) - column).as_bytes());
                }
            }
        }
        self.shown = Some((view, column));
        self.fresh = false;
    }

    /// Leaves the line and its row; `mark` is shown behind it.
    pub(super) fn leave(&mut self, mark: &str, out: &mut Vec<u8>) {
        let cursor = self.cursor;
        if self.first > 0 {
            // From its beginning, as it will be read.
            self.cursor = 0;
        }
        self.show(out);
        if let Some((view, column)) = &self.shown
            && *column != width(view)
        {
            out.extend_from_slice(format!("\x1b[{}C", width(view) - column).as_bytes());
        }
        out.extend_from_slice(mark.as_bytes());
        out.extend_from_slice(b"\r\n");
        self.cursor = cursor;
        self.shown = None;
        self.fresh = true;
    }

    /// Wipes the line's row, so that something else can be shown there; `show` brings it back.
    pub(super) fn wipe(&mut self, out: &mut Vec<u8>) {
        if !self.fresh {
            out.extend_from_slice(b"\r\x1b[K");
        }
        self.shown = None;
        self.fresh = true;
    }

    /// The column of the character that begins `at` bytes into `line`, where that is in view from the line's beginning.
    pub(super) fn column(&self, line: &str, at: usize) -> Option<usize> {
        let before = width(self.prompt_in_view());
        let begun = line.get(..at)?;
        let column = before + width(begun);
        (column + 2 < self.columns).then_some(column)
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
