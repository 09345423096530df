//! What a session shows, and how.

use super::{OUTPUT_BYTES, Session, Stage};
use crate::console::pager::{MORE, Pager};
use crate::console::plain::{clean, wrapped};

impl Session {
    /// Shows lines, at once.
    pub(super) fn say(&mut self, text: &str) {
        let end: &[u8] = if self.origin.terminal { b"\r\n" } else { b"\n" };
        for line in clean(text).lines() {
            self.output.extend_from_slice(line.as_bytes());
            self.output.extend_from_slice(end);
        }
    }

    /// Shows an answer, a window at a time, and asks for the next line behind it.
    pub(super) fn show(&mut self, text: impl Into<String>) {
        let text = text.into();
        let (_, rows) = self.window();
        if self.interactive() && self.paging && rows > 1 {
            // Each piece is cleaned as it is shown.
            self.stage = Stage::Paging(Pager::new(text));
            self.page(rows - 1);
        } else if text.len() > OUTPUT_BYTES {
            self.poured = Some((text, 0));
        } else {
            self.say(&text);
            self.ready();
        }
    }

    /// The next piece of a long answer; behind the last, the next line, please.
    pub(super) fn pour(&mut self) {
        let Some((text, at)) = self.poured.take() else {
            return;
        };
        let rest = &text[at..];
        let mut end = rest.len().min(OUTPUT_BYTES);
        if end < rest.len() {
            // Whole lines; a line that is longer than that goes as one.
            end = match rest.as_bytes()[..end]
                .iter()
                .rposition(|byte| *byte == b'\n')
            {
                Some(line_end) => line_end + 1,
                None => rest.find('\n').map_or(rest.len(), |line_end| line_end + 1),
            };
        }
        self.say(&rest[..end]);
        let at = at + end;
        if at < text.len() {
            self.poured = Some((text, at));
        } else {
            self.ready();
        }
    }

    /// So many rows more of the text that is shown in pieces.
    pub(super) fn page(&mut self, rows: usize) {
        let (columns, _) = self.window();
        let Stage::Paging(pager) = &mut self.stage else {
            return;
        };
        let piece = pager.rows(rows, columns).to_owned();
        let more = pager.has_more();
        self.say(&piece);
        if more {
            self.output.extend_from_slice(MORE.as_bytes());
        } else {
            self.ready();
        }
    }

    /// Takes `--More--` away.
    pub(super) fn wipe_more(&mut self) {
        self.output.extend_from_slice(b"\r\x1b[K");
    }

    /// A mistake or refusal; a script ends with it.
    pub(super) fn refuse(&mut self, why: &str) {
        let text = format!("% {why}");
        if self.interactive() {
            let (columns, _) = self.window();
            self.fault(&wrapped(&text, columns));
        } else {
            self.fault(&text);
        }
    }

    /// The same, in words that are shown as they are.
    pub(super) fn fault(&mut self, text: &str) {
        self.say(text);
        if self.interactive() {
            self.ready();
        } else {
            self.end(1);
        }
    }

    /// A frame of a live screen in the place of the one before.
    pub(super) fn frame(&mut self, frame: &str) {
        if !matches!(self.stage, Stage::Screen) {
            self.stage = Stage::Screen;
            // The alternate screen, without a cursor.
            self.output
                .extend_from_slice(b"\x1b[?1049h\x1b[?25l\x1b[2J");
        }
        self.output.extend_from_slice(b"\x1b[H");
        let lines = frame.strip_suffix('\n').unwrap_or(frame).split('\n');
        for (n, line) in lines.enumerate() {
            if n > 0 {
                self.output.extend_from_slice(b"\r\n");
            }
            self.output
                .extend_from_slice(line.trim_end_matches('\r').as_bytes());
            self.output.extend_from_slice(b"\x1b[K");
        }
        self.output.extend_from_slice(b"\x1b[J");
    }

    /// Leaves the live screen.
    pub(super) fn close_screen(&mut self) {
        if matches!(self.stage, Stage::Screen) {
            self.output.extend_from_slice(b"\x1b[?25h\x1b[?1049l");
            self.stage = Stage::Line;
        }
    }

    /// Shows the notices that waited, above the line being typed.
    pub(super) fn tell_notices(&mut self) {
        if self.notices.is_empty() {
            return;
        }
        if self.is_editing() {
            self.editor.wipe(&mut self.output);
        }
        for text in std::mem::take(&mut self.notices) {
            self.say(&text);
        }
        let missed = std::mem::take(&mut self.missed);
        if missed > 0 {
            self.say(&format!("% {missed} more lines were not shown"));
        }
    }

    /// What was typed found no room.
    pub(super) fn lost(&mut self) {
        if self.interactive() {
            self.output.push(7);
        } else {
            self.say("% Too much input at once");
            self.end(1);
        }
    }
}
