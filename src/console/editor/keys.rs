//! Bytes to keys: UTF-8 in pieces, and what terminals send for their arrows.

/// The longest of an escape sequence's parameters that counts.
const PARAMETERS: usize = 8;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::console) enum Key {
    Char(char),
    Enter,
    Backspace,
    Tab,
    /// A control key, by its letter in upper case.
    Control(u8),
    /// A letter with Alt, or behind Escape.
    Alt(u8),
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    Delete,
    /// No text: a byte that is not UTF-8.
    Bad,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Ground,
    Escape,
    /// Behind `ESC [`.
    Sequence,
    /// Behind `ESC O`.
    Single,
}

#[derive(Clone, Debug)]
pub(in crate::console) struct Decoder {
    at: At,
    parameters: Vec<u8>,
    utf8: Vec<u8>,
    after_return: bool,
}

impl Decoder {
    pub(in crate::console) fn new() -> Decoder {
        Decoder {
            at: At::Ground,
            parameters: Vec::new(),
            utf8: Vec::new(),
            after_return: false,
        }
    }

    /// The key that this byte completes, if it completes one.
    pub(in crate::console) fn feed(&mut self, byte: u8) -> Option<Key> {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        if byte < 0x20 || byte == 0x7f {
            self.utf8.clear();
            self.at = if byte == 0x1b { At::Escape } else { At::Ground };
            return match byte {
                0x1b | 0 => None,
                b'\r' => Some(Key::Enter),
                b'\n' if after_return => None,
                b'\n' => Some(Key::Enter),
                b'\t' => Some(Key::Tab),
                0x08 | 0x7f => Some(Key::Backspace),
                control => Some(Key::Control(control + 0x40)),
            };
        }
        match self.at {
            At::Ground => self.text(byte),
            At::Escape => {
                self.at = At::Ground;
                self.parameters.clear();
                match byte {
                    b'[' => self.at = At::Sequence,
                    b'O' => self.at = At::Single,
                    letter => return letter.is_ascii().then_some(Key::Alt(letter)),
                }
                None
            }
            At::Sequence if (0x40..0x7f).contains(&byte) => {
                self.at = At::Ground;
                self.sequence(byte)
            }
            At::Sequence => {
                if self.parameters.len() < PARAMETERS {
                    self.parameters.push(byte);
                }
                None
            }
            At::Single => {
                self.at = At::Ground;
                arrow(byte)
            }
        }
    }

    fn sequence(&self, last: u8) -> Option<Key> {
        match (last, &self.parameters[..]) {
            (b'~', b"1" | b"7") => Some(Key::Home),
            (b'~', b"4" | b"8") => Some(Key::End),
            (b'~', b"3") => Some(Key::Delete),
            (b'C', b"1;5" | b"1;3") => Some(Key::Alt(b'f')),
            (b'D', b"1;5" | b"1;3") => Some(Key::Alt(b'b')),
            (b'~', _) => None,
            (last, _) => arrow(last),
        }
    }

    fn text(&mut self, byte: u8) -> Option<Key> {
        // A sequence that this byte does not go on with is dropped.
        if byte.is_ascii() || byte & 0xc0 == 0xc0 {
            self.utf8.clear();
        }
        self.utf8.push(byte);
        match std::str::from_utf8(&self.utf8) {
            Ok(text) => {
                let key = text.chars().next().map(Key::Char);
                self.utf8.clear();
                key
            }
            // `None`: what is there may still become a character.
            Err(error) if error.error_len().is_none() => None,
            Err(_) => {
                self.utf8.clear();
                Some(Key::Bad)
            }
        }
    }
}

fn arrow(last: u8) -> Option<Key> {
    Some(match last {
        b'A' => Key::Up,
        b'B' => Key::Down,
        b'C' => Key::Right,
        b'D' => Key::Left,
        b'H' => Key::Home,
        b'F' => Key::End,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys(bytes: &[u8]) -> Vec<Key> {
        let mut decoder = Decoder::new();
        bytes
            .iter()
            .filter_map(|byte| decoder.feed(*byte))
            .collect()
    }

    #[test]
    fn characters_come_whole_and_rubbish_is_told() {
        assert_eq!(keys("aé日".as_bytes()), ['a', 'é', '日'].map(Key::Char));
        assert_eq!(keys(b"\xff\x80a"), [Key::Bad, Key::Bad, Key::Char('a')]);
        assert_eq!(keys(b"\xe6a"), [Key::Char('a')]);
        assert_eq!(keys(b"\xc3\xa9"), [Key::Char('é')]);
    }

    #[test]
    fn arrows_of_all_terminals() {
        assert_eq!(
            keys(b"\x1b[A\x1bOB\x1b[3~\x1b[1;5D"),
            [Key::Up, Key::Down, Key::Delete, Key::Alt(b'b')]
        );
        assert_eq!(keys(b"\x1b[200~x"), [Key::Char('x')]);
        assert_eq!(keys(b"\x1b[12\x03"), [Key::Control(b'C')]);
        assert_eq!(keys(b"\x1bb\x1b\x1bd"), [Key::Alt(b'b'), Key::Alt(b'd')]);
    }

    #[test]
    fn a_line_ends_once() {
        assert_eq!(keys(b"\r\n\r\n\n\r"), [Key::Enter; 4]);
    }
}
