//! Text that a terminal can be given: no control byte of a name, a log line or an answer reaches it.

use std::fmt::Write as _;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Whether a character is shown as itself: no control character, and none that turns the direction of text or shows nothing.
pub(super) fn is_shown(c: char) -> bool {
    !c.is_control()
        && !matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}')
}

/// `text` with line ends as LF, tabs as they are, and what is not shown as `\x1b` or `\u{202e}`.
pub(super) fn clean(text: &str) -> String {
    // Most answers are nothing but plain lines.
    if text
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t'))
    {
        return text.to_owned();
    }
    let mut out = String::with_capacity(text.len());
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        match c {
            '\r' if characters.peek() == Some(&'\n') => {}
            '\n' | '\t' => out.push(c),
            _ if is_shown(c) => out.push(c),
            // Writing to a string does not fail.
            _ if (c as u32) < 0x80 => drop(write!(out, "\\x{:02x}", c as u32)),
            _ => drop(write!(out, "\\u{{{:x}}}", c as u32)),
        }
    }
    out
}

/// How many columns a text takes.
pub(super) fn width(text: &str) -> usize {
    UnicodeWidthStr::width(text)
}

/// How many columns a character takes.
pub(super) fn width_of(c: char) -> usize {
    UnicodeWidthChar::width(c).unwrap_or(0)
}

/// `text` with no line longer than so many columns, where words allow it; what a line goes on with is set in.
pub(super) fn wrapped(text: &str, columns: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.lines() {
        let mut used = 0;
        for word in line.split(' ') {
            let wide = width(word);
            if used > 0 && used + 1 + wide > columns {
                out.push_str("\n  ");
                used = 2;
            } else if used > 0 {
                out.push(' ');
                used += 1;
            }
            out.push_str(word);
            used += wide;
        }
        out.push('\n');
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_break_between_words() {
        assert_eq!(wrapped("% a bb ccc\n% d", 6), "% a bb\n  ccc\n% d\n");
        assert_eq!(wrapped("abcdefgh", 4), "abcdefgh\n");
    }

    #[test]
    fn what_could_move_a_cursor_is_spelt_out() {
        assert_eq!(
            clean("a\r\nb\tc\x1b[2J\x07\u{9b}"),
            "a\nb\tc\\x1b[2J\\x07\\u{9b}"
        );
        assert_eq!(clean("x\u{202e}y"), "x\\u{202e}y");
        assert_eq!(clean("e\u{301}日"), "e\u{301}日");
        assert_eq!(width("日本a"), 5);
    }
}
