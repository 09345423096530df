//! Keys and lines to what they are for.

use super::asks::Ask;
use super::{SCREEN_KEYS, Session, Stage};
use crate::console::Request;
use crate::console::editor::{Did, Key};
use crate::console::prompt::Mode;
use crate::language::LINE_BYTES;

impl Session {
    /// One byte that was typed at a terminal.
    pub(super) fn key(&mut self, byte: u8) {
        if matches!(self.stage, Stage::Screen) {
            if byte == 3 {
                self.cancel();
            } else if self.outbox.len() < SCREEN_KEYS {
                self.outbox.push_back(Request::Key(byte));
            }
            return;
        }
        let Some(key) = self.decoder.feed(byte) else {
            return;
        };
        if let Stage::Paging(_) = self.stage {
            return self.paging_key(key);
        }
        let tabbed = std::mem::take(&mut self.tabbed);
        match self.editor.key(key, &self.history, &mut self.output) {
            Did::Edited => {}
            Did::Help => self.help(),
            Did::Complete => self.complete(tabbed),
            Did::Interrupt => self.stop(),
            Did::Line(line) => {
                self.editor.leave("", &mut self.output);
                match std::mem::replace(&mut self.stage, Stage::Line) {
                    Stage::Ask(ask) => self.answered(ask, &line),
                    _ => self.line(&line),
                }
            }
            Did::End if matches!(self.stage, Stage::Line) => {
                let line = self.editor.before_cursor();
                self.editor.leave("^Z", &mut self.output);
                self.end_of_config(&line);
            }
            Did::End => self.output.push(7),
            Did::Leave => match self.stage {
                Stage::Ask(Ask::User | Ask::Password { .. }) => {
                    self.editor.leave("", &mut self.output);
                    self.end(1);
                }
                Stage::Ask(_) => self.stop(),
                _ => {
                    self.editor.leave("", &mut self.output);
                    self.exit();
                }
            },
        }
    }

    fn paging_key(&mut self, key: Key) {
        let (_, rows) = self.window();
        match key {
            Key::Char(' ' | 'f') => {
                self.wipe_more();
                self.page(rows.saturating_sub(1).max(1));
            }
            Key::Enter | Key::Down => {
                self.wipe_more();
                self.page(1);
            }
            Key::Char('q' | 'Q' | 'n' | 'N') | Key::Control(b'C') => self.stop(),
            _ => {}
        }
    }

    /// ^C where nothing is under way: the line, question or text is given up.
    pub(super) fn stop(&mut self) {
        match &self.stage {
            Stage::Paging(_) => {
                self.wipe_more();
                self.ready();
            }
            Stage::Ask(Ask::User | Ask::Password { .. }) => {
                self.editor.leave("^C", &mut self.output);
                self.question(Ask::User);
            }
            Stage::Line | Stage::Ask(_) => {
                self.editor.leave("^C", &mut self.output);
                self.ready();
            }
            Stage::Screen => {}
        }
    }

    /// ^Z: what was typed is done as if it had been entered, and the configuration is left.
    fn end_of_config(&mut self, line: &str) {
        if !self.mode.is_config() {
            return self.ready();
        }
        self.leave_after = true;
        self.line(line);
    }

    /// One byte of a script.
    pub(super) fn script_byte(&mut self, byte: u8) {
        match byte {
            b'\n' => {
                let mut line = std::mem::take(&mut self.script);
                if line.last() == Some(&b'\r') {
                    line.pop();
                }
                self.script_line(&line);
            }
            byte if self.script.len() <= LINE_BYTES + 1 => self.script.push(byte),
            _ => {}
        }
    }

    fn script_line(&mut self, line: &[u8]) {
        self.line_number = self.line_number.saturating_add(1);
        if line.len() > LINE_BYTES {
            return self.refuse(&format!("a line is longer than {LINE_BYTES} bytes"));
        }
        let Ok(line) = std::str::from_utf8(line) else {
            return self.refuse("a line is not UTF-8");
        };
        match std::mem::replace(&mut self.stage, Stage::Line) {
            Stage::Ask(ask) => self.answered(ask, line),
            _ => self.line(line),
        }
    }

    /// A script is at its end, or a terminal has hung up.
    pub(super) fn finish(&mut self) {
        if !self.script.is_empty() {
            let line = std::mem::take(&mut self.script);
            self.script_line(&line);
            return self.pump();
        }
        if self.interactive() {
            return self.end(0);
        }
        match (&self.stage, &self.mode) {
            (Stage::Ask(_), _) => {
                self.refuse("Incomplete: the password has to follow in a line of its own")
            }
            (_, Mode::Candidate(candidate)) if !candidate.lines.is_empty() => {
                self.refuse("Uncommitted changes are given up: end with `commit` or `discard`");
            }
            _ => self.end(0),
        }
    }
}
