//! The `Location` of a redirect.

use super::Ask;
use crate::model::{Piece, Scheme, Template};

/// Longer than this a `Location` is not built, in bytes.
pub const LOCATION_BYTES: usize = 16 * 1024;

/// The `Location` would be longer than [`LOCATION_BYTES`]: 414.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocationTooLong;

/// Appends the expanded, percent-encoded absolute URL to `out` in one pass (RELIABILITY.md part C).
///
/// # Errors
/// [`LocationTooLong`]; `out` is then as it was.
pub fn write_location(
    template: &Template,
    ask: &Ask<'_>,
    out: &mut Vec<u8>,
) -> Result<(), LocationTooLong> {
    let from = out.len();
    let mut writer = Writer {
        out,
        most: from + LOCATION_BYTES,
    };
    let written = writer.url(template, ask);
    if written.is_err() {
        out.truncate(from);
    }
    written
}

struct Writer<'a> {
    out: &'a mut Vec<u8>,
    most: usize,
}

impl Writer<'_> {
    fn url(&mut self, template: &Template, ask: &Ask<'_>) -> Result<(), LocationTooLong> {
        self.literal(match template.scheme {
            Scheme::Http => b"http://",
            Scheme::Https => b"https://",
        })?;
        for piece in &template.authority {
            match piece {
                Piece::Literal(text) => self.literal(text.as_bytes())?,
                Piece::Host => self.data(ask.host.as_bytes(), &HOST)?,
                Piece::Port => self.literal(Decimal::new(ask.port).as_bytes())?,
                // A template has none of these here: what a client sent cannot reach the authority.
                Piece::PathAndQuery | Piece::Path | Piece::Query => {}
            }
        }
        let target = ask.target.as_bytes();
        let target = target.strip_prefix(b"/").unwrap_or(target);
        let mark = |t: &[u8]| memchr::memchr(b'?', t);
        let mut before: &[u8] = b"";
        for piece in &template.path {
            match piece {
                Piece::Literal(text) => self.literal(text.as_bytes())?,
                Piece::Host => self.data(ask.host.as_bytes(), &HOST)?,
                Piece::Port => self.literal(Decimal::new(ask.port).as_bytes())?,
                Piece::PathAndQuery => self.data(target, &URL)?,
                Piece::Path => {
                    self.data(&target[..mark(target).unwrap_or(target.len())], &URL)?;
                }
                Piece::Query => match mark(target).map(|at| &target[at + 1..]) {
                    None | Some(b"") => {
                        if before.ends_with(b"?") {
                            self.out.pop();
                        }
                    }
                    Some(query) => self.data(query, &URL)?,
                },
            }
            before = match piece {
                Piece::Literal(text) => text.as_bytes(),
                _ => b"",
            };
        }
        Ok(())
    }

    fn literal(&mut self, bytes: &[u8]) -> Result<(), LocationTooLong> {
        if bytes.len() > self.most - self.out.len() {
            return Err(LocationTooLong);
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    /// Writes what a client sent: bytes outside `plain` percent-encoded, escapes as they are.
    fn data(&mut self, mut bytes: &[u8], plain: &[bool; 256]) -> Result<(), LocationTooLong> {
        const HEX: &[u8; 16] = b"0123456789ABCDEF";
        loop {
            let run = bytes
                .iter()
                .position(|&b| !plain[b as usize])
                .unwrap_or(bytes.len());
            self.literal(&bytes[..run])?;
            let Some((&odd, rest)) = bytes[run..].split_first() else {
                return Ok(());
            };
            match (odd, rest) {
                (b'%', [a, b, ..]) if a.is_ascii_hexdigit() && b.is_ascii_hexdigit() => {
                    self.literal(b"%")?;
                }
                _ => {
                    let (high, low) = (HEX[(odd >> 4) as usize], HEX[(odd & 15) as usize]);
                    self.literal(&[b'%', high, low])?;
                }
            }
            bytes = rest;
        }
    }
}

/// What may stand in path and query as it is (RFC 3986 §3.3, §3.4); `%` is looked at.
const URL: [bool; 256] = allowed(b"-._~!$&'()*+,;=:@/?");

/// What may stand in a host (RELIABILITY.md part B).
const HOST: [bool; 256] = allowed(b"-._:[]");

const fn allowed(marks: &[u8]) -> [bool; 256] {
    let mut table = [false; 256];
    let mut b = 0;
    while b < 128 {
        table[b] = (b as u8).is_ascii_alphanumeric();
        b += 1;
    }
    let mut i = 0;
    while i < marks.len() {
        table[marks[i] as usize] = true;
        i += 1;
    }
    table
}

/// A port in decimal digits.
struct Decimal {
    digits: [u8; 5],
    from: usize,
}

impl Decimal {
    fn new(mut n: u16) -> Decimal {
        let mut decimal = Decimal {
            digits: [b'0'; 5],
            from: 5,
        };
        loop {
            decimal.from -= 1;
            decimal.digits[decimal.from] = b'0' + (n % 10) as u8;
            n /= 10;
            if n == 0 {
                return decimal;
            }
        }
    }

    fn as_bytes(&self) -> &[u8] {
        &self.digits[self.from..]
    }
}

/// Where a template leads, as far as that can be told without a request.
#[derive(Clone, Debug)]
pub(super) struct Authority {
    scheme: Scheme,
    /// `None`: a macro has a say.
    host: Option<Box<str>>,
    /// `None`: a macro has a say.
    port: Option<u16>,
    /// The host asked for becomes a part of a longer name.
    extends_host: bool,
}

impl Authority {
    pub(super) fn new(template: &Template) -> Authority {
        let scheme = template.scheme;
        let unknown = Authority {
            scheme,
            host: None,
            port: None,
            extends_host: match &*template.authority {
                [Piece::Host] => false,
                [Piece::Host, Piece::Literal(text), ..] => !text.starts_with(':'),
                pieces => pieces.contains(&Piece::Host),
            },
        };
        match &*template.authority {
            [Piece::Literal(text)] => match split(text) {
                Some((host, port)) => Authority {
                    scheme,
                    host: Some(host.trim_end_matches('.').into()),
                    port: Some(port.unwrap_or(scheme.default_port())),
                    extends_host: false,
                },
                None => unknown,
            },
            [Piece::Host] => Authority {
                port: Some(scheme.default_port()),
                ..unknown
            },
            [Piece::Host, Piece::Literal(text)] => match split(text) {
                Some(("", Some(port))) => Authority {
                    port: Some(port),
                    ..unknown
                },
                _ => unknown,
            },
            _ => unknown,
        }
    }

    /// Whether a URL comes of it: an IPv6 address asked for, brackets and all, cannot be a part of a name.
    pub(super) fn fits(&self, ask: &Ask<'_>) -> bool {
        !(self.extends_host && ask.host.starts_with('['))
    }

    /// Whether a url of this authority may lead to the host and port just asked for: false says surely not.
    fn may_be(&self, ask: &Ask<'_>) -> bool {
        self.port.is_none_or(|p| p == ask.port)
            && self
                .host
                .as_ref()
                .is_none_or(|h| h.eq_ignore_ascii_case(&ask.host))
    }
}

/// Whether a redirect by this template leads back: to the very URL just asked for, or, where `stand_in` says that
/// another id stands in for the address asked, to its host and port at all.
pub(super) fn leads_back(
    template: &Template,
    authority: &Authority,
    ask: &Ask<'_>,
    stand_in: bool,
) -> bool {
    if !authority.may_be(ask) || (authority.scheme != ask.scheme && !stand_in) {
        return false;
    }
    let mut location = Vec::new();
    if write_location(template, ask, &mut location).is_err() {
        return false;
    }
    let Some((_, rest)) = std::str::from_utf8(&location)
        .ok()
        .and_then(|l| l.split_once("://"))
    else {
        return false;
    };
    // No client sends a fragment: a URL that differs by nothing else comes back as the same.
    let rest = rest.split('#').next().unwrap_or(rest);
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let Some((host, port)) = split(authority) else {
        return false;
    };
    let there = host.trim_end_matches('.').eq_ignore_ascii_case(&ask.host)
        && port.unwrap_or(template.scheme.default_port()) == ask.port;
    there && (stand_in || template.scheme == ask.scheme && is_target(path, ask))
}

/// Whether an encoded path and query is the one asked for.
fn is_target(path: &str, ask: &Ask<'_>) -> bool {
    let mut asked = Vec::new();
    let mut writer = Writer {
        out: &mut asked,
        most: LOCATION_BYTES,
    };
    writer.data(ask.target.as_bytes(), &URL).is_ok() && asked == path.as_bytes()
}

/// Host and port of an authority; `None` where the port is none.
fn split(authority: &str) -> Option<(&str, Option<u16>)> {
    let end = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[end..].find(':') {
        None => Some((authority, None)),
        Some(at) => {
            let (host, port) = (&authority[..end + at], &authority[end + at + 1..]);
            match port {
                "" => Some((host, None)),
                _ => Some((host, Some(port.parse().ok()?))),
            }
        }
    }
}
