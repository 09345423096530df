//! Telnet without its sockets: RFC 854, 855, 857 (echo), 858 (suppress go ahead), 1073 (window size), 1143 (no loops).

mod options;
#[cfg(test)]
mod tests;

use options::{ECHO, NAWS, Options, SUPPRESS_GO_AHEAD, Verb};

/// The longest sub-negotiation that is read; the rest of a longer one is dropped.
pub const SUBNEGOTIATION_BYTES: usize = 512;

const IAC: u8 = 255;
const SE: u8 = 240;
const BREAK: u8 = 243;
const INTERRUPT_PROCESS: u8 = 244;
const ARE_YOU_THERE: u8 = 246;
const ERASE_CHARACTER: u8 = 247;
const ERASE_LINE: u8 = 248;
const SB: u8 = 250;
/// Commands of RFC 1184 that old clients send for their end-of-file, suspend and abort keys.
const END_OF_FILE: u8 = 236;
const SUSPEND: u8 = 237;
const ABORT: u8 = 238;

const HERE: &[u8] = b"\r\n[signpost: yes]\r\n";

/// What a client sent, without telnet's own bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Keys {
    /// Bytes that were typed. A line's end is one CR, however it was sent.
    Bytes(Vec<u8>),
    /// The window's size.
    Window {
        /// Its width; 0: unknown.
        columns: u16,
        /// Its height; 0: unknown.
        rows: u16,
    },
    /// The interrupt or break key.
    Interrupt,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum At {
    Data,
    Command,
    Option(Verb),
    Sub,
    SubCommand,
}

/// One connection's telnet.
#[derive(Clone, Debug)]
pub struct Telnet {
    at: At,
    /// The byte before was a CR, which has ended a line already.
    after_return: bool,
    sub: Vec<u8>,
    options: Options,
    reply: Vec<u8>,
}

impl Default for Telnet {
    fn default() -> Telnet {
        Telnet::new()
    }
}

impl Telnet {
    /// Before the first byte in either direction.
    pub fn new() -> Telnet {
        Telnet {
            at: At::Data,
            after_return: false,
            sub: Vec::new(),
            options: Options::default(),
            reply: Vec::new(),
        }
    }

    /// What is sent to a new client: the options that make it send each key at once, and its window's size.
    pub fn greet(&mut self) -> Vec<u8> {
        for option in [ECHO, SUPPRESS_GO_AHEAD] {
            self.options.offer(option, &mut self.reply);
        }
        for option in [SUPPRESS_GO_AHEAD, NAWS] {
            self.options.ask(option, &mut self.reply);
        }
        self.reply()
    }

    /// Reads what the client sent. Call [`reply`](Telnet::reply) behind it.
    pub fn feed(&mut self, bytes: &[u8], into: &mut Vec<Keys>) {
        let mut typed = Vec::new();
        let mut answered = false;
        for byte in bytes {
            match self.at {
                At::Data => self.data(*byte, &mut typed),
                At::Command => match *byte {
                    INTERRUPT_PROCESS | BREAK | ABORT => {
                        self.at = At::Data;
                        put(&mut typed, into);
                        into.push(Keys::Interrupt);
                    }
                    ARE_YOU_THERE => {
                        self.at = At::Data;
                        // Once a read: two bytes must not buy twenty.
                        if !answered {
                            self.reply.extend_from_slice(HERE);
                        }
                        answered = true;
                    }
                    other => self.command(other, &mut typed),
                },
                At::Option(verb) => {
                    self.at = At::Data;
                    self.options.hear(verb, *byte, &mut self.reply);
                }
                At::Sub if *byte == IAC => self.at = At::SubCommand,
                At::Sub => self.sub_byte(*byte),
                At::SubCommand => match *byte {
                    IAC => {
                        self.at = At::Sub;
                        self.sub_byte(IAC);
                    }
                    SE => {
                        self.at = At::Data;
                        put(&mut typed, into);
                        into.extend(self.window());
                    }
                    // RFC 855 knows nothing else here: the sub-negotiation is given up, the command holds.
                    other => {
                        self.at = At::Data;
                        self.command(other, &mut typed);
                    }
                },
            }
        }
        put(&mut typed, into);
    }

    /// What is to be sent to the client for what it sent: at most one answer for each option it named.
    pub fn reply(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.reply)
    }

    /// Text as it goes to the client: 255 doubled, LF as CR LF, CR alone as CR NUL (RFC 854).
    pub fn encode(&self, text: &[u8]) -> Vec<u8> {
        let mut out = Vec::with_capacity(text.len() + text.len() / 16);
        let mut before = 0;
        for (at, byte) in text.iter().enumerate() {
            match *byte {
                IAC => out.extend_from_slice(&[IAC, IAC]),
                b'\n' if before != b'\r' => out.extend_from_slice(b"\r\n"),
                b'\r' if text.get(at + 1) != Some(&b'\n') => out.extend_from_slice(b"\r\0"),
                other => out.push(other),
            }
            before = *byte;
        }
        out
    }

    fn data(&mut self, byte: u8, typed: &mut Vec<u8>) {
        let after_return = std::mem::replace(&mut self.after_return, byte == b'\r');
        match byte {
            IAC => {
                self.at = At::Command;
                self.after_return = after_return;
            }
            b'\n' | 0 if after_return => {}
            b'\n' => typed.push(b'\r'),
            other => typed.push(other),
        }
    }

    fn command(&mut self, byte: u8, typed: &mut Vec<u8>) {
        self.at = At::Data;
        match byte {
            IAC => {
                self.after_return = false;
                typed.push(IAC);
            }
            SB => {
                self.sub.clear();
                self.at = At::Sub;
            }
            // The keys that do the same: backspace, ^U, ^D, ^Z.
            ERASE_CHARACTER => typed.push(0x7f),
            ERASE_LINE => typed.push(0x15),
            END_OF_FILE => typed.push(0x04),
            SUSPEND => typed.push(0x1a),
            other => {
                if let Some(verb) = Verb::of(other) {
                    self.at = At::Option(verb);
                }
            }
        }
    }

    fn sub_byte(&mut self, byte: u8) {
        if self.sub.len() < SUBNEGOTIATION_BYTES {
            self.sub.push(byte);
        }
    }

    /// RFC 1073: two bytes of width, two of height.
    fn window(&mut self) -> Option<Keys> {
        let sub = std::mem::take(&mut self.sub);
        match sub[..] {
            [NAWS, a, b, c, d] if self.options.does(NAWS) => Some(Keys::Window {
                columns: u16::from_be_bytes([a, b]),
                rows: u16::from_be_bytes([c, d]),
            }),
            _ => None,
        }
    }
}

fn put(typed: &mut Vec<u8>, into: &mut Vec<Keys>) {
    if !typed.is_empty() {
        into.push(Keys::Bytes(std::mem::take(typed)));
    }
}
