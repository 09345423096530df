//! Bodies by Content-Length and in chunks (RFC 9112 §6, §7.1), resumable at every byte.

use bytes::{Buf, Bytes, BytesMut};

use super::octets::{is_token, is_value, trim};
use super::{Fault, Framing};
use crate::proxy::limits::{
    CHUNK_DIGITS, CHUNK_EXTENSION_BYTES, CHUNK_OVERHEAD_BYTES, TRAILERS, TRAILERS_BYTES,
};

/// What came out of some bytes of a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Decoded {
    /// Data, never empty.
    Data(Bytes),
    /// The trailers, names and values as they came; [`End`](Decoded::End) follows.
    Trailers(Vec<(Bytes, Bytes)>),
    /// The body is whole; what is left of the input is the next request's.
    End,
    /// The input is used up.
    More,
}

/// Takes a body apart.
#[derive(Clone, Debug)]
pub struct BodyDecoder {
    state: State,
    /// Extension bytes of this chunk.
    extension: usize,
    /// Extension bytes that no data has paid for.
    overhead: usize,
    trailers: Vec<u8>,
    lines: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Length(u64),
    Size { size: u64, digits: u8 },
    Extension { size: u64 },
    SizeLf { size: u64 },
    Data(u64),
    DataCr,
    DataLf,
    Trailer(Line),
    Trailers,
    End,
}

/// Where in a trailer line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Start,
    Name,
    Value,
    Lf,
    LastLf,
}

/// What [`BodyDecoder::scan`] found at the front of its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) enum Found {
    /// Data, never empty.
    Data,
    /// Trailers, which are to be [taken](BodyDecoder::take_trailers).
    Trailers,
    /// The body is whole.
    End,
    /// The input is used up.
    More,
}

impl BodyDecoder {
    /// A decoder at the body's first byte.
    pub fn new(framing: Framing) -> BodyDecoder {
        BodyDecoder {
            state: match framing {
                Framing::None | Framing::Length(0) => State::End,
                Framing::Length(n) => State::Length(n),
                Framing::Chunked => State::Size { size: 0, digits: 0 },
            },
            extension: 0,
            overhead: 0,
            trailers: Vec::new(),
            lines: 0,
        }
    }

    /// Takes the next piece off the front of `input`. To be called until it says [`Decoded::More`] or [`Decoded::End`].
    ///
    /// # Errors
    /// The first byte that proves a fault; the body cannot be gone on with.
    pub fn decode(&mut self, input: &mut BytesMut) -> Result<Decoded, Fault> {
        let (skip, length, found) = self.scan(input)?;
        input.advance(skip);
        Ok(match found {
            Found::Data => Decoded::Data(input.split_to(length).freeze()),
            Found::Trailers => Decoded::Trailers(self.take_trailers()),
            Found::End => Decoded::End,
            Found::More => Decoded::More,
        })
    }

    /// Goes over `input` without keeping its data: how many of its bytes are this body's.
    ///
    /// # Errors
    /// As [`decode`](Self::decode).
    pub fn skim(&mut self, input: &[u8]) -> Result<usize, Fault> {
        let mut used = 0;
        loop {
            let (skip, length, found) = self.scan(&input[used..])?;
            used += skip + length;
            match found {
                Found::Data => {}
                Found::Trailers => drop(self.take_trailers()),
                Found::End | Found::More => return Ok(used),
            }
        }
    }

    /// Whether the body is whole.
    pub fn ended(&self) -> bool {
        self.state == State::End
    }

    /// How many of the bytes that come next are data for certain.
    pub(in crate::proxy) fn data_left(&self) -> u64 {
        match self.state {
            State::Length(left) | State::Data(left) => left,
            _ => 0,
        }
    }

    /// So many bytes of data, no more than [are left](Self::data_left), went another way.
    pub(in crate::proxy) fn pass_over(&mut self, bytes: u64) {
        let paid = usize::try_from(bytes).unwrap_or(usize::MAX);
        self.overhead = self.overhead.saturating_sub(paid);
        self.state = match self.state {
            State::Length(left) if left <= bytes => State::End,
            State::Length(left) => State::Length(left - bytes),
            State::Data(left) if left <= bytes => State::DataCr,
            State::Data(left) => State::Data(left - bytes),
            state => state,
        };
    }

    /// How many bytes to skip, how many then are data, and what comes of it. The next call goes on behind them.
    pub(in crate::proxy) fn scan(&mut self, input: &[u8]) -> Result<(usize, usize, Found), Fault> {
        let mut at = 0;
        loop {
            match self.state {
                State::End => return Ok((at, 0, Found::End)),
                State::Trailers => {
                    self.state = State::End;
                    return Ok((at, 0, Found::Trailers));
                }
                State::Length(left) | State::Data(left) => {
                    let length = usize::try_from(left).map_or(usize::MAX, |l| l);
                    let length = length.min(input.len() - at);
                    if length == 0 {
                        return Ok((at, 0, Found::More));
                    }
                    let left = left - length as u64;
                    self.overhead = self.overhead.saturating_sub(length);
                    self.state = match (self.state, left) {
                        (State::Data(_), 0) => State::DataCr,
                        (State::Data(_), _) => State::Data(left),
                        (_, 0) => State::End,
                        (_, _) => State::Length(left),
                    };
                    return Ok((at, length, Found::Data));
                }
                _ => {}
            }
            let Some(&b) = input.get(at) else {
                return Ok((at, 0, Found::More));
            };
            at += 1;
            self.state = self.step(b)?;
        }
    }

    /// One byte that is not data.
    fn step(&mut self, b: u8) -> Result<State, Fault> {
        Ok(match (self.state, b) {
            (State::Size { size, digits }, _) if b.is_ascii_hexdigit() => {
                if digits == CHUNK_DIGITS {
                    return Err(Fault::Chunk);
                }
                let digit = (b as char).to_digit(16).unwrap_or(0);
                State::Size {
                    size: size << 4 | u64::from(digit),
                    digits: digits + 1,
                }
            }
            (State::Size { size, digits }, b'\r') if digits > 0 => State::SizeLf { size },
            (State::Size { size, digits }, b';') if digits > 0 => {
                self.extension = 0;
                self.extend()?;
                State::Extension { size }
            }
            (State::Extension { size }, b'\r') => State::SizeLf { size },
            (State::Extension { size }, _) => {
                if !is_value(b) {
                    return Err(Fault::ChunkExtension);
                }
                self.extend()?;
                State::Extension { size }
            }
            (State::SizeLf { size: 0 }, b'\n') => State::Trailer(Line::Start),
            (State::SizeLf { size }, b'\n') => State::Data(size),
            (State::DataCr, b'\r') => State::DataLf,
            (State::DataLf, b'\n') => State::Size { size: 0, digits: 0 },
            (State::Trailer(line), _) => return self.trailer(line, b),
            _ => return Err(Fault::Chunk),
        })
    }

    fn extend(&mut self) -> Result<(), Fault> {
        self.extension += 1;
        self.overhead += 1;
        if self.extension > CHUNK_EXTENSION_BYTES || self.overhead > CHUNK_OVERHEAD_BYTES {
            return Err(Fault::ChunkExtension);
        }
        Ok(())
    }

    fn trailer(&mut self, line: Line, b: u8) -> Result<State, Fault> {
        let next = match (line, b) {
            (Line::Start, b'\r') => return Ok(State::Trailer(Line::LastLf)),
            (Line::LastLf, b'\n') if self.trailers.is_empty() => return Ok(State::End),
            (Line::LastLf, b'\n') => return Ok(State::Trailers),
            (Line::Start, _) if is_token(b) => {
                self.lines += 1;
                if self.lines > TRAILERS {
                    return Err(Fault::Trailer);
                }
                Line::Name
            }
            (Line::Name, _) if is_token(b) => Line::Name,
            (Line::Name, b':') => Line::Value,
            (Line::Value, b'\r') => Line::Lf,
            (Line::Value, _) if is_value(b) => Line::Value,
            (Line::Lf, b'\n') => Line::Start,
            _ => return Err(Fault::Trailer),
        };
        if self.trailers.len() == TRAILERS_BYTES {
            return Err(Fault::Trailer);
        }
        self.trailers.push(b);
        Ok(State::Trailer(next))
    }

    /// The trailers, names and values as they came.
    pub(in crate::proxy) fn take_trailers(&mut self) -> Vec<(Bytes, Bytes)> {
        let bytes = Bytes::from(std::mem::take(&mut self.trailers));
        bytes
            .split(|b| *b == b'\n')
            .filter_map(|line| {
                let line = line.strip_suffix(b"\r")?;
                let colon = line.iter().position(|b| *b == b':')?;
                let name = bytes.slice_ref(&line[..colon]);
                Some((name, bytes.slice_ref(trim(&line[colon + 1..]))))
            })
            .collect()
    }
}

#[cfg(test)]
#[path = "body_tests.rs"]
mod tests;
