//! Text and numbers as lines have them: nothing that a client sent reaches a line unescaped.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

use crate::model::{Endpoint, Id};

/// The longest text of a client's that a line has, in bytes; of longer ones the rest is left out.
pub(super) const TEXT_BYTES: usize = 2048;
/// What stands where the rest of a text was left out.
const CUT: &[u8] = b"...";

const HEX: &[u8; 16] = b"0123456789abcdef";
const UPPER_HEX: &[u8; 16] = b"0123456789ABCDEF";

/// Appends `n` in decimal.
pub fn decimal(out: &mut Vec<u8>, mut n: u64) {
    let mut digits = [0; 20];
    let mut at = digits.len();
    loop {
        at -= 1;
        digits[at] = b'0' + (n % 10) as u8;
        n /= 10;
        if n == 0 {
            break;
        }
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends `n` in exactly `digits.len()` decimal digits.
pub(super) fn padded(digits: &mut [u8], mut n: u64) {
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (n % 10) as u8;
        n /= 10;
    }
}

/// Appends microseconds as milliseconds with three decimals.
pub(super) fn millis(out: &mut Vec<u8>, micros: u64) {
    decimal(out, micros / 1000);
    let mut rest = *b".000";
    padded(&mut rest[1..], micros % 1000);
    out.extend_from_slice(&rest);
}

/// Appends an address, without the machinery of `fmt` where it is an IPv4 one.
pub(super) fn address(out: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(v4) => {
            for (i, octet) in v4.octets().into_iter().enumerate() {
                if i > 0 {
                    out.push(b'.');
                }
                decimal(out, octet.into());
            }
        }
        // Writing to a `Vec` cannot fail.
        IpAddr::V6(v6) => drop(write!(out, "{v6}")),
    }
}

/// Appends an address and its port.
pub(super) fn socket(out: &mut Vec<u8>, at: SocketAddr) {
    match at {
        SocketAddr::V4(v4) => {
            address(out, IpAddr::V4(*v4.ip()));
            out.push(b':');
            decimal(out, at.port().into());
        }
        SocketAddr::V6(v6) => drop(write!(out, "[{}]:{}", v6.ip(), v6.port())),
    }
}

/// Appends an id as it is printed.
pub(super) fn id(out: &mut Vec<u8>, id: &Id) {
    match id {
        Id::Url(url) => out.extend_from_slice(url.as_str().as_bytes()),
        Id::Endpoint(at) if at.address.is_ipv4() && at.bind_id == 0 => {
            address(out, at.address);
            if at.port != Endpoint::HTTP {
                out.push(b':');
                decimal(out, at.port.get().into());
            }
        }
        // Writing to a `Vec` cannot fail.
        Id::Endpoint(at) => drop(write!(out, "{at}")),
    }
}

fn cut(text: &[u8]) -> (&[u8], &'static [u8]) {
    match text.get(..TEXT_BYTES) {
        Some(most) if text.len() > TEXT_BYTES => (most, CUT),
        _ => (text, b""),
    }
}

/// Appends `text` as the inside of a JSON string (RFC 8259 §7): ASCII alone. What is UTF-8 is escaped by code point, other bytes
/// as the Latin-1 that they once were (RFC 9110 §5.5).
pub(super) fn json(out: &mut Vec<u8>, text: &[u8]) {
    let (text, rest) = cut(text);
    let plain = |b: &u8| (b' '..0x7f).contains(b) && *b != b'"' && *b != b'\\';
    if text.iter().all(plain) {
        out.extend_from_slice(text);
    } else {
        for chunk in text.utf8_chunks() {
            for c in chunk.valid().chars() {
                match c {
                    '"' | '\\' => out.extend_from_slice(&[b'\\', c as u8]),
                    ' '..='~' => out.push(c as u8),
                    _ => {
                        let mut units = [0; 2];
                        for unit in c.encode_utf16(&mut units) {
                            escape_unit(out, *unit);
                        }
                    }
                }
            }
            for b in chunk.invalid() {
                escape_unit(out, (*b).into());
            }
        }
    }
    out.extend_from_slice(rest);
}

fn escape_unit(out: &mut Vec<u8>, unit: u16) {
    out.extend_from_slice(b"\\u");
    for shift in [12, 8, 4, 0] {
        out.push(HEX[usize::from(unit >> shift) & 15]);
    }
}

/// Appends `text` as nginx does in its combined format: `\xHH` for quotes, backslashes and all that is no printable ASCII.
/// Nothing: `-`.
pub(super) fn hexed(out: &mut Vec<u8>, text: &[u8]) {
    let (text, rest) = cut(text);
    if text.is_empty() {
        out.push(b'-');
    }
    for &b in text {
        if (b' '..0x7f).contains(&b) && b != b'"' && b != b'\\' {
            out.push(b);
        } else {
            out.extend_from_slice(b"\\x");
            out.push(UPPER_HEX[usize::from(b >> 4)]);
            out.push(UPPER_HEX[usize::from(b & 15)]);
        }
    }
    out.extend_from_slice(rest);
}
