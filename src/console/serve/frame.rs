//! What `signpost console` and the director say to one another over the Unix socket, once the client's first line has said what it
//! is: frames of a type byte, a length (32 bits, big-endian) and so many bytes.

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::limits::FRAME_BYTES;

/// The first line of a client: JSON, ended by a line feed.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hello {
    /// A person sits at a terminal, which is raw.
    pub terminal: bool,
    /// The window's width; 0: unknown.
    pub columns: u16,
    /// The window's height; 0: unknown.
    pub rows: u16,
    /// One command line to run; the session ends then.
    pub command: Option<String>,
    /// No session is wanted, but another process in the place of this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upgrade: Option<Call>,
}

/// What is asked about another process in the place of the director.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Call {
    /// Start one.
    Start {
        /// The program.
        binary: PathBuf,
        /// What stands on its command line behind what stands on the director's.
        arguments: Vec<String>,
    },
    /// Hand over to the process that calls.
    Take {
        /// How the two speak from here on.
        protocol: u32,
        /// The caller's release.
        version: String,
        /// Its number.
        pid: u32,
        /// Where its console's socket is to be.
        socket: PathBuf,
        /// It says when it has heard that it is alone.
        #[serde(default)]
        acknowledges: bool,
    },
}

/// A frame, either way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// Keys that were pressed, or what goes to the screen.
    Data(Vec<u8>),
    /// The window has so many columns and rows now.
    Window(u16, u16),
    /// Of a client: nothing more will come. Of the director: it is over, with this exit status.
    End(u8),
}

/// Why bytes are no frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    /// No such type.
    Type(u8),
    /// Longer than it may be, or not as long as its type is.
    Length(u32),
}

impl fmt::Display for Torn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Torn::Type(byte) => write!(f, "a frame of the type {byte} was not expected"),
            Torn::Length(length) => write!(f, "a frame of {length} bytes was not expected"),
        }
    }
}

impl std::error::Error for Torn {}

const DATA: u8 = b'd';
const WINDOW: u8 = b'w';
const END: u8 = b'e';
const HEAD: usize = 5;

impl Frame {
    /// `bytes` as frames of data, as many as it takes.
    pub fn data(bytes: &[u8]) -> Vec<u8> {
        let mut framed = Vec::with_capacity(bytes.len() + HEAD);
        for part in bytes.chunks(FRAME_BYTES) {
            put(&mut framed, DATA, part);
        }
        framed
    }

    /// The frame as it is sent.
    pub fn bytes(&self) -> Vec<u8> {
        let mut framed = Vec::new();
        match self {
            Frame::Data(data) => return Frame::data(data),
            Frame::Window(columns, rows) => {
                let size = [columns.to_be_bytes(), rows.to_be_bytes()].concat();
                put(&mut framed, WINDOW, &size);
            }
            Frame::End(status) => put(&mut framed, END, &[*status]),
        }
        framed
    }
}

fn put(framed: &mut Vec<u8>, kind: u8, part: &[u8]) {
    framed.push(kind);
    // A part is never longer than a frame may be.
    framed.extend((part.len() as u32).to_be_bytes());
    framed.extend_from_slice(part);
}

/// Bytes on their way to be frames.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    begun: Vec<u8>,
    ended: bool,
}

impl Frames {
    /// Takes bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.begun.extend_from_slice(bytes);
    }

    /// The next whole frame.
    ///
    /// # Errors
    /// Where it is none.
    #[expect(clippy::should_implement_trait, reason = "more may come after none")]
    pub fn next(&mut self) -> Result<Option<Frame>, Torn> {
        let Some((head, rest)) = self.begun.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let [kind, a, b, c, d] = *head;
        let length = u32::from_be_bytes([a, b, c, d]);
        let bytes = usize::try_from(length).unwrap_or(usize::MAX);
        if bytes > FRAME_BYTES {
            return Err(Torn::Length(length));
        }
        let Some(payload) = rest.get(..bytes) else {
            return Ok(None);
        };
        let frame = match (kind, payload) {
            (DATA, data) => Frame::Data(data.to_vec()),
            (WINDOW, &[a, b, c, d]) => {
                Frame::Window(u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]))
            }
            (END, &[status]) => Frame::End(status),
            (WINDOW | END, _) => return Err(Torn::Length(length)),
            (other, _) => return Err(Torn::Type(other)),
        };
        self.begun.drain(..HEAD + bytes);
        Ok(Some(frame))
    }

    /// Notes that the other side said its end.
    pub(super) fn note_end(&mut self) {
        self.ended = true;
    }

    /// Whether it did.
    pub(super) fn has_ended(&self) -> bool {
        self.ended
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_framed_comes_out_again() {
        let mut frames = Frames::default();
        let long = vec![7; FRAME_BYTES + 1];
        frames.feed(&Frame::data(&long));
        frames.feed(&Frame::Window(132, 43).bytes());
        frames.feed(&Frame::End(3).bytes());
        let mut out = Vec::new();
        while let Some(frame) = frames.next().expect("whole") {
            out.push(frame);
        }
        assert_eq!(
            out,
            [
                Frame::Data(vec![7; FRAME_BYTES]),
                Frame::Data(vec![7]),
                Frame::Window(132, 43),
                Frame::End(3)
            ]
        );
    }

    #[test]
    fn what_is_no_frame_is_told_before_it_is_waited_for() {
        let next = |bytes: &[u8]| {
            let mut frames = Frames::default();
            frames.feed(bytes);
            frames.next()
        };
        let over = (FRAME_BYTES as u32 + 1).to_be_bytes();
        assert!(next(&[&[DATA], &over[..]].concat()).is_err());
        let most = (FRAME_BYTES as u32).to_be_bytes();
        assert_eq!(next(&[&[DATA], &most[..]].concat()), Ok(None));
        assert_eq!(next(&[b'x', 0, 0, 0, 0]), Err(Torn::Type(b'x')));
        assert_eq!(next(&[WINDOW, 0, 0, 0, 1, 9]), Err(Torn::Length(1)));
    }
}
