//! What the fields say that the front itself must know, gathered line by line.

use super::authority::{Authority, authority};
use super::octets::{is_token, trim};
use super::{Fault, Framing, Version};

/// Gathered from the field lines seen so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Meaning {
    /// Where the Host's value starts, and what it is.
    pub(super) host: Option<(usize, Authority)>,
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    upgrade_option: bool,
    upgrade_to: bool,
    expects: bool,
}

impl Meaning {
    /// Takes in one field line, whose value without blanks starts at `at` in the head.
    pub(super) fn field(
        &mut self,
        name: &[u8],
        value: &[u8],
        at: usize,
        version: Version,
    ) -> Result<(), Fault> {
        let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
        match name.len() {
            4 if is(b"host") => self.host(value, at),
            6 if is(b"expect") => self.expect(value),
            7 if is(b"upgrade") => {
                self.upgrade_to |= elements(value).any(|p| !p.eq_ignore_ascii_case(b"h2c"));
                Ok(())
            }
            10 if is(b"connection") => {
                self.connection(value);
                Ok(())
            }
            14 if is(b"content-length") => self.length(value),
            17 if is(b"transfer-encoding") => self.coding(value, version),
            _ => Ok(()),
        }
    }

    fn host(&mut self, value: &[u8], at: usize) -> Result<(), Fault> {
        if self.host.is_some() {
            return Err(Fault::Hosts);
        }
        self.host = Some((at, authority(value).ok_or(Fault::Host)?));
        Ok(())
    }

    fn expect(&mut self, value: &[u8]) -> Result<(), Fault> {
        if !value.eq_ignore_ascii_case(b"100-continue") {
            return Err(Fault::Expectation);
        }
        self.expects = true;
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in elements(value) {
            self.close |= option.eq_ignore_ascii_case(b"close");
            self.keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
            self.upgrade_option |= option.eq_ignore_ascii_case(b"upgrade");
        }
    }

    fn length(&mut self, value: &[u8]) -> Result<(), Fault> {
        let length = content_length(value).ok_or(Fault::Length)?;
        if self.chunked {
            return Err(Fault::LengthAndCoding);
        }
        if self.length.is_some_and(|before| before != length) {
            return Err(Fault::Lengths);
        }
        self.length = Some(length);
        Ok(())
    }

    /// RFC 9112 §6.1: exactly `chunked`, as no other coding is known here.
    fn coding(&mut self, value: &[u8], version: Version) -> Result<(), Fault> {
        if version == Version::Http10 {
            return Err(Fault::OldCoding);
        }
        if self.length.is_some() {
            return Err(Fault::LengthAndCoding);
        }
        if self.chunked {
            return Err(Fault::Coding);
        }
        if !value.eq_ignore_ascii_case(b"chunked") {
            return Err(other_coding(value));
        }
        self.chunked = true;
        Ok(())
    }

    pub(super) fn framing(&self) -> Framing {
        match self.length {
            _ if self.chunked => Framing::Chunked,
            None | Some(0) => Framing::None,
            Some(length) => Framing::Length(length),
        }
    }

    /// RFC 9112 §9.3.
    pub(super) fn keep_alive(&self, version: Version) -> bool {
        !self.close && (version == Version::Http11 || self.keep_alive)
    }

    pub(super) fn expects_continue(&self, version: Version) -> bool {
        self.expects && version == Version::Http11 && self.framing() != Framing::None
    }

    pub(super) fn upgrade(&self, version: Version) -> bool {
        self.upgrade_option && self.upgrade_to && version == Version::Http11
    }
}

/// A Content-Length of at most 63 bits, in the one form that no two readers disagree about (RFC 9110 §8.6).
pub(in crate::proxy) fn content_length(value: &[u8]) -> Option<u64> {
    if value.len() > 1 && value[0] == b'0' {
        return None;
    }
    let mut length = 0i64;
    for b in value {
        let digit = b.is_ascii_digit().then(|| i64::from(b - b'0'))?;
        length = length.checked_mul(10)?.checked_add(digit)?;
    }
    (!value.is_empty()).then_some(length.unsigned_abs())
}

/// What is wrong with a Transfer-Encoding that is not `chunked` alone.
fn other_coding(value: &[u8]) -> Fault {
    let mut unknown = false;
    let mut last_is_chunked = false;
    for coding in value.split(|b| *b == b',').map(trim) {
        let end = coding.iter().position(|b| *b == b';');
        let word = trim(&coding[..end.unwrap_or(coding.len())]);
        if word.is_empty() || !word.iter().all(|b| is_token(*b)) || last_is_chunked {
            return Fault::Coding;
        }
        last_is_chunked = word.eq_ignore_ascii_case(b"chunked");
        if last_is_chunked && end.is_some() {
            return Fault::Coding;
        }
        let known: [&[u8]; 6] = [
            b"chunked",
            b"gzip",
            b"x-gzip",
            b"deflate",
            b"compress",
            b"identity",
        ];
        unknown |= !known.iter().any(|k| word.eq_ignore_ascii_case(k));
    }
    // A coding that is known by name cannot be undone here either.
    if unknown || last_is_chunked {
        Fault::UnknownCoding
    } else {
        Fault::Coding
    }
}

/// The elements of a list (RFC 9110 §5.6.1), empty ones left out.
pub(super) fn elements(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|b| *b == b',')
        .map(trim)
        .filter(|e| !e.is_empty())
}
