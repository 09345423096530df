//! A body on its way from one side to the other: its framing is checked and undone, and made anew.

use bytes::Bytes;
use tokio::io::AsyncWrite;

use super::fields::no_trailer;
use super::out::Onward;
use crate::proxy::http1::{BodyDecoder, Extent, Fault, Found};

/// A body that is being passed on.
#[derive(Debug)]
pub(super) struct Passage {
    /// `None`: it ends with the connection.
    from: Option<BodyDecoder>,
    onto: Framing,
}

/// How it is framed anew.
#[derive(Debug)]
struct Framing {
    chunks: bool,
    /// Whether the other side gets trailers, where there are chunks.
    trailers: bool,
    first: bool,
    ended: bool,
    passed: u64,
}

impl Passage {
    /// A body that comes so, and goes on in chunks or as it is.
    pub(super) fn new(extent: Extent, chunks: bool) -> Passage {
        let from = match extent {
            Extent::Framed(framing) => Some(BodyDecoder::new(framing)),
            Extent::UntilEnd => None,
        };
        let onto = Framing {
            chunks,
            trailers: true,
            first: true,
            ended: from.as_ref().is_some_and(BodyDecoder::ended),
            passed: 0,
        };
        Passage { from, onto }
    }

    /// As it is, but what comes as trailers stays behind (RFC 9112 §7.1.2 leaves that to whoever passes chunks on).
    pub(super) fn without_trailers(mut self) -> Passage {
        self.onto.trailers = false;
        self
    }

    /// Whether all of it has been passed on.
    pub(super) fn ended(&self) -> bool {
        self.onto.ended
    }

    /// Bytes of data passed on so far.
    pub(super) fn passed(&self) -> u64 {
        self.onto.passed
    }

    /// Passes on what is at the front of `input`: how much of it is this body's.
    ///
    /// # Errors
    /// The framing is broken; what came before that has been passed on.
    pub(super) fn pass<W>(
        &mut self,
        input: &[u8],
        to: &mut Onward<'_, '_, W>,
    ) -> Result<usize, Fault>
    where
        W: AsyncWrite + Unpin,
    {
        let onto = &mut self.onto;
        let Some(from) = &mut self.from else {
            onto.data(input, to);
            return Ok(input.len());
        };
        let mut at = 0;
        while !onto.ended {
            let (skip, length, found) = from.scan(&input[at..])?;
            let data = at + skip;
            at = data + length;
            match found {
                Found::Data => onto.data(&input[data..at], to),
                Found::Trailers => onto.end(to.text, &from.take_trailers()),
                Found::End => onto.end(to.text, &[]),
                Found::More => break,
            }
        }
        Ok(at)
    }

    /// How many of the bytes that come next are data for certain: they may go another way.
    pub(super) fn data_left(&self) -> u64 {
        match &self.from {
            Some(from) => from.data_left(),
            None => u64::MAX,
        }
    }

    /// So many bytes of data go another way, behind `text`.
    pub(super) fn pass_over(&mut self, bytes: u64, text: &mut Vec<u8>) {
        let onto = &mut self.onto;
        onto.passed += bytes;
        if onto.chunks {
            write_chunk_line(text, bytes as usize, onto.first);
            onto.first = false;
        }
        if let Some(from) = &mut self.from {
            from.pass_over(bytes);
            onto.ended = from.ended();
        }
    }

    /// The connection that it came over has ended in good order: whether the body has.
    pub(super) fn close(&mut self, text: &mut Vec<u8>) -> bool {
        if self.from.is_none() {
            self.onto.end(text, &[]);
        }
        self.onto.ended
    }
}

impl Framing {
    fn data<W>(&mut self, data: &[u8], to: &mut Onward<'_, '_, W>)
    where
        W: AsyncWrite + Unpin,
    {
        if data.is_empty() {
            return;
        }
        self.passed += data.len() as u64;
        if self.chunks {
            write_chunk_line(to.text, data.len(), self.first);
            self.first = false;
        }
        to.data(data);
    }

    fn end(&mut self, text: &mut Vec<u8>, trailers: &[(Bytes, Bytes)]) {
        self.ended = true;
        if self.chunks {
            let trailers = if self.trailers { trailers } else { &[] };
            write_last_chunk(text, self.first, trailers);
        }
    }
}

/// The last chunk, with the trailers that may be passed on (RFC 9110 §6.5.1).
fn write_last_chunk(text: &mut Vec<u8>, first: bool, trailers: &[(Bytes, Bytes)]) {
    write_chunk_line(text, 0, first);
    for (name, value) in trailers.iter().filter(|(name, _)| !no_trailer(name)) {
        write_field(text, name, value);
    }
    text.extend_from_slice(b"\r\n");
}

/// The size line of a chunk, with the line end of the chunk before it.
fn write_chunk_line(text: &mut Vec<u8>, size: usize, first: bool) {
    if !first {
        text.extend_from_slice(b"\r\n");
    }
    let digits = (usize::BITS - size.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        text.push(b"0123456789abcdef"[size >> (4 * digit) & 15]);
    }
    text.extend_from_slice(b"\r\n");
}

/// A whole field line, its name, which is so long, in lower case.
pub(super) fn write_line(text: &mut Vec<u8>, line: &[u8], name: usize) {
    let start = text.len();
    text.extend_from_slice(line);
    text[start..start + name].make_ascii_lowercase();
}

/// A field line, its name in lower case.
pub(super) fn write_field(text: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    let start = text.len();
    text.extend_from_slice(name);
    text[start..].make_ascii_lowercase();
    text.extend_from_slice(b": ");
    text.extend_from_slice(value);
    text.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_in_hexadecimal() {
        for size in [
            0,
            1,
            9,
            10,
            15,
            16,
            255,
            256,
            4096,
            65_535,
            65_536,
            usize::MAX,
        ] {
            let mut text = Vec::new();
            write_chunk_line(&mut text, size, true);
            assert_eq!(text, format!("{size:x}\r\n").into_bytes());
        }
    }
}
