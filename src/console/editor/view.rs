//! The row of the screen that a line is seen in.

use super::{Editor, Manner};
use crate::console::plain::{width, width_of};

/// The view of a line that a prompt should leave; a longer prompt is cut, but to half of the window at most.
const VIEW: usize = 16;
/// The narrowest view: a wide character, and a `$` on either side.
pub(super) const NARROWEST: usize = 4;

impl Editor {
    pub(super) fn prompt_in_view(&self) -> &str {
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
    pub(super) fn view(&mut self) -> (String, usize) {
        if self.manner == Manner::Secret {
            return (String::new(), 0);
        }
        // The last columns stay free: for a mark behind the line, and because a terminal would go to the next row.
        let room = (self
            .columns
            .saturating_sub(width(self.prompt_in_view()) + 2))
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
    pub(in crate::console) fn show(&mut self, out: &mut Vec<u8>) {
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
    pub(in crate::console) fn leave(&mut self, mark: &str, out: &mut Vec<u8>) {
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
    pub(in crate::console) fn wipe(&mut self, out: &mut Vec<u8>) {
        if !self.fresh {
            out.extend_from_slice(b"\r\x1b[K");
        }
        self.shown = None;
        self.fresh = true;
    }

    /// The column of the character that begins `at` bytes into `line`, where that is in view from the line's beginning.
    pub(in crate::console) fn column(&self, line: &str, at: usize) -> Option<usize> {
        let before = width(self.prompt_in_view());
        let begun = line.get(..at)?;
        let column = before + width(begun);
        (column + 2 < self.columns).then_some(column)
    }
}
