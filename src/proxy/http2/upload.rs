//! What a client sends on a stream, made into what forwarding reads: HTTP/1's framing, or a tunnel's bytes.

use tokio::io::ReadBuf;

use crate::proxy::http1::Framing;

/// A chunk's size line, its line end and room for a piece of its data.
const CHUNK_ROOM: usize = 64;
/// Hexadecimal digits of a chunk, and two line ends.
const CHUNK_FRAME: usize = 8 + 2 + 2;

/// A stream's request body on its way.
#[derive(Debug)]
pub(super) struct Upload {
    mode: Mode,
    /// What came and is not read yet.
    data: Vec<u8>,
    /// How much of `data` is read.
    at: usize,
    /// All of it came.
    ended: bool,
    trailers: Vec<u8>,
    /// Framing on its way, and data in it.
    staged: Vec<u8>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// As it is: its length was said.
    Plain,
    Chunked,
    /// Chunked, and the last chunk is made.
    Ended,
    Tunnel,
}

impl Upload {
    pub(super) fn new(framing: Framing) -> Upload {
        Upload {
            mode: match framing {
                Framing::None | Framing::Length(_) => Mode::Plain,
                Framing::Chunked => Mode::Chunked,
            },
            data: Vec::new(),
            at: 0,
            ended: false,
            trailers: Vec::new(),
            staged: Vec::new(),
        }
    }

    /// A piece came; `end`: the last one.
    pub(super) fn push(&mut self, data: &[u8], end: bool) {
        if self.at * 2 >= self.data.len() {
            self.data.drain(..self.at);
            self.at = 0;
        }
        self.data.extend_from_slice(data);
        self.ended |= end;
    }

    /// Trailers came: the body is whole.
    pub(super) fn end<'f>(&mut self, fields: impl Iterator<Item = (&'f [u8], &'f [u8])>) {
        for (name, value) in fields {
            for part in [name, b": ", value, b"\r\n"] {
                self.trailers.extend_from_slice(part);
            }
        }
        self.ended = true;
    }

    /// From now on it is a tunnel.
    pub(super) fn switch(&mut self) {
        self.mode = Mode::Tunnel;
    }

    /// Reads a piece: how much of what came is used up by it. `None`: more has to come, or nothing ever will.
    pub(super) fn read(&mut self, buffer: &mut ReadBuf<'_>) -> Option<usize> {
        if !self.staged.is_empty() {
            self.unstage(buffer);
            return Some(0);
        }
        let left = self.data.len() - self.at;
        match self.mode {
            Mode::Plain | Mode::Tunnel if left > 0 => {
                let room = left.min(buffer.remaining());
                buffer.put_slice(&self.data[self.at..self.at + room]);
                Some(self.used(room))
            }
            // A tunnel's end is read as one.
            Mode::Tunnel if self.ended => Some(0),
            Mode::Chunked if left > 0 && buffer.remaining() >= CHUNK_ROOM => {
                let room = left.min(buffer.remaining() - CHUNK_FRAME);
                let mut line = [0; CHUNK_FRAME];
                buffer.put_slice(size_line(room, &mut line));
                buffer.put_slice(&self.data[self.at..self.at + room]);
                buffer.put_slice(b"\r\n");
                Some(self.used(room))
            }
            Mode::Chunked if left > 0 => {
                let room = left.min(CHUNK_ROOM);
                let mut line = [0; CHUNK_FRAME];
                self.staged.extend_from_slice(size_line(room, &mut line));
                let piece = self.at..self.at + room;
                self.staged.extend_from_slice(&self.data[piece]);
                self.staged.extend_from_slice(b"\r\n");
                self.unstage(buffer);
                Some(self.used(room))
            }
            Mode::Chunked if self.ended => {
                self.mode = Mode::Ended;
                self.staged.extend_from_slice(b"0\r\n");
                self.staged.append(&mut self.trailers);
                self.staged.extend_from_slice(b"\r\n");
                self.unstage(buffer);
                Some(0)
            }
            // What would come behind a body is another stream's.
            Mode::Plain | Mode::Chunked | Mode::Ended | Mode::Tunnel => None,
        }
    }

    fn used(&mut self, bytes: usize) -> usize {
        self.at += bytes;
        if self.at == self.data.len() {
            // An empty buffer is given back.
            self.data = Vec::new();
            self.at = 0;
        }
        bytes
    }

    fn unstage(&mut self, buffer: &mut ReadBuf<'_>) {
        let room = self.staged.len().min(buffer.remaining());
        buffer.put_slice(&self.staged[..room]);
        self.staged.drain(..room);
        if self.staged.is_empty() {
            self.staged = Vec::new();
        }
    }
}

/// `size`, at most what a window holds, in hexadecimal, and a line end.
fn size_line(size: usize, line: &mut [u8; CHUNK_FRAME]) -> &[u8] {
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).clamp(1, 8) as usize;
    for (place, digit) in line[..digits].iter_mut().enumerate() {
        *digit = b"0123456789abcdef"[size >> (4 * (digits - 1 - place)) & 15];
    }
    line[digits] = b'\r';
    line[digits + 1] = b'\n';
    &line[..digits + 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(upload: &mut Upload, room: usize) -> (Vec<u8>, usize) {
        let (mut all, mut used) = (Vec::new(), 0);
        let mut bytes = vec![0; room];
        loop {
            let mut buffer = ReadBuf::new(&mut bytes);
            match upload.read(&mut buffer) {
                Some(more) if more > 0 || !buffer.filled().is_empty() => {
                    used += more;
                    all.extend_from_slice(buffer.filled());
                }
                _ => return (all, used),
            }
        }
    }

    #[test]
    fn bodies_without_a_length_come_in_chunks_whatever_room_there_is() {
        for room in [1, 7, 63, 64, 100, 70_000] {
            let mut upload = Upload::new(Framing::Chunked);
            upload.push(&[b'a'; 300], false);
            upload.push(b"b", false);
            let fields = [(&b"x-end"[..], &b"7"[..])];
            upload.end(fields.into_iter());
            let (text, used) = read(&mut upload, room);
            assert_eq!(used, 301);
            let mut input = bytes::BytesMut::from(&text[..]);
            let mut decoder = crate::proxy::http1::BodyDecoder::new(Framing::Chunked);
            let mut data = Vec::new();
            loop {
                match decoder.decode(&mut input).expect("good framing") {
                    crate::proxy::http1::Decoded::Data(piece) => data.extend_from_slice(&piece),
                    crate::proxy::http1::Decoded::Trailers(lines) => {
                        assert_eq!(lines, [("x-end".into(), "7".into())]);
                    }
                    crate::proxy::http1::Decoded::End => break,
                    crate::proxy::http1::Decoded::More => panic!("not whole"),
                }
            }
            assert_eq!(data, [&[b'a'; 300][..], b"b"].concat());
            assert!(input.is_empty());
            assert_eq!(read(&mut upload, room).0, b"");
        }
    }

    #[test]
    fn a_tunnel_ends_and_a_body_does_not() {
        let mut upload = Upload::new(Framing::Length(2));
        upload.push(b"ab", true);
        assert_eq!(read(&mut upload, 9), (b"ab".to_vec(), 2));
        let mut bytes = [0; 4];
        assert_eq!(upload.read(&mut ReadBuf::new(&mut bytes)), None);
        upload.switch();
        assert_eq!(upload.read(&mut ReadBuf::new(&mut bytes)), Some(0));
    }
}
