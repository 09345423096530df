//! A url's text: an absolute URL with macros (LANGUAGE.md §2.1).

use std::net::{Ipv4Addr, Ipv6Addr};
use std::ops::Range;

use super::{Piece, Scheme, Template};

/// Why a text is no url's text, and which bytes of it are at fault.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotATemplate {
    /// What is wrong, the thing named: a lower-case fragment.
    pub message: String,
    /// What to write instead.
    pub help: &'static str,
    /// The bytes at fault.
    pub at: Range<usize>,
}

type Parsed<T> = Result<T, NotATemplate>;

fn refuse<T>(message: impl Into<String>, help: &'static str, at: Range<usize>) -> Parsed<T> {
    Err(NotATemplate {
        message: message.into(),
        help,
        at,
    })
}

impl Template {
    /// Reads an absolute `http` or `https` URL with macros.
    ///
    /// # Errors
    /// [`NotATemplate`] where it is none, holds user information or a host that no URL may have (RFC 3986 §3.2), or has a macro
    /// where a client could change the authority by it.
    pub fn parse(text: &str) -> Parsed<Template> {
        let (scheme, start) = scheme(text)?;
        let length = text[start..]
            .find(['/', '?', '#'])
            .unwrap_or(text.len() - start);
        let end = start + length;
        Ok(Template {
            text: text.into(),
            scheme,
            authority: authority(text, start..end)?,
            path: path(text, end)?,
        })
    }

    /// The host and port that it leads to, where no macro has a part in them; the host as it was written.
    pub fn fixed_authority(&self) -> Option<(&str, u16)> {
        let [Piece::Literal(authority)] = &*self.authority else {
            return None;
        };
        let (host, port) = split_port(authority);
        let port = match port {
            Some(port) => port.parse().ok()?,
            None => self.scheme.default_port(),
        };
        Some((host, port))
    }
}

const SCHEMES: &str = "begin with `http://` or `https://`";

fn scheme(text: &str) -> Parsed<(Scheme, usize)> {
    let Some(end) = text.find("://") else {
        return refuse(
            format!("`{text}` is not an absolute URL"),
            SCHEMES,
            0..text.len(),
        );
    };
    let scheme = match &text[..end] {
        s if s.eq_ignore_ascii_case("http") => Scheme::Http,
        s if s.eq_ignore_ascii_case("https") => Scheme::Https,
        other => {
            return refuse(
                format!("`{other}` is not a scheme that clients are redirected to"),
                SCHEMES,
                0..end,
            );
        }
    };
    Ok((scheme, end + 3))
}

/// Host and port of an authority; the colons within brackets are the address's own.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let bracket = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[bracket..].find(':') {
        Some(colon) => {
            let colon = bracket + colon;
            (&authority[..colon], Some(&authority[colon + 1..]))
        }
        None => (authority, None),
    }
}

fn authority(text: &str, at: Range<usize>) -> Parsed<Box<[Piece]>> {
    let authority = &text[at.clone()];
    if let Some(sign) = authority.rfind('@') {
        return refuse(
            format!(
                "`{}` would give user information away to every client",
                &authority[..=sign]
            ),
            "leave it out",
            at.start..at.start + sign + 1,
        );
    }
    let (host, port) = split_port(authority);
    let mut pieces = Pieces::default();
    host_pieces(host, at.start, &mut pieces)?;
    if let Some(port) = port {
        pieces.literal(":");
        let start = at.start + host.len() + 1;
        match (port, port.parse::<u16>()) {
            ("%s", _) => pieces.push(Piece::Port),
            (_, Ok(number @ 1..)) if port.bytes().all(|b| b.is_ascii_digit()) => {
                pieces.literal(&number.to_string());
            }
            _ => {
                path_macro(port, start)?;
                return refuse(
                    format!("`{port}` is not a port"),
                    "a port is 1 to 65535, or `%s` for the one asked for",
                    start..at.end,
                );
            }
        }
    }
    Ok(pieces.done())
}

const HOSTS: &str = "a host is a DNS name of letters, digits, `-`, `_` and `.`, an IPv4 address or an IPv6 address in brackets";

/// A macro for path or query in the authority has a message of its own: it is the likeliest slip.
fn path_macro(part: &str, start: usize) -> Parsed<()> {
    let found = ["%d", "%p", "%u", "%q"]
        .into_iter()
        .find_map(|name| Some((name, part.find(name)?)));
    match found {
        Some((name, at)) => refuse(
            format!("`{name}` touches the authority: clients could choose the host"),
            "put a `/` before it",
            start + at..start + at + 2,
        ),
        None => Ok(()),
    }
}

fn host_pieces(host: &str, start: usize, pieces: &mut Pieces) -> Parsed<()> {
    let whole = start..start + host.len();
    path_macro(host, start)?;
    if host.is_empty() {
        return refuse("the URL names no host", HOSTS, start..start);
    }
    if let Some(at) = host.find("%s") {
        let at = start + at..start + at + 2;
        return refuse(
            "`%s` is a port and cannot be a part of the host",
            "write `:%s` behind the host",
            at,
        );
    }
    if let Some(inner) = host.strip_prefix('[') {
        return match inner.strip_suffix(']').map(str::parse::<Ipv6Addr>) {
            Some(Ok(_)) => {
                pieces.literal(host);
                Ok(())
            }
            _ => refuse(
                format!("`{host}` is not an IPv6 address in brackets"),
                HOSTS,
                whole,
            ),
        };
    }
    let mut parts = host.split("%h");
    // With a macro in it the host's length and labels are known only once a client asks.
    if let (Some(only), None) = (parts.next(), parts.next())
        && !is_host(only)
    {
        let help = if only.is_ascii() {
            HOSTS
        } else {
            "write an international name in its ASCII form (`xn--…`)"
        };
        return refuse(format!("`{host}` is not a host"), help, whole);
    }
    for (nth, part) in host.split("%h").enumerate() {
        if nth > 0 {
            pieces.push(Piece::Host);
        }
        if !part.bytes().all(is_host_byte) || part.contains("..") {
            return refuse(format!("`{host}` is not a host"), HOSTS, whole);
        }
        pieces.literal(part);
    }
    Ok(())
}

fn is_host_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-')
}

fn is_host(host: &str) -> bool {
    let name = host.strip_suffix('.').unwrap_or(host);
    let labels = || name.split('.');
    // A last label of digits makes the whole an IPv4 address to every browser.
    let numeric = labels()
        .next_back()
        .is_some_and(|l| l.bytes().all(|b| b.is_ascii_digit()));
    name.len() <= 253
        && labels().all(|l| (1..=63).contains(&l.len()) && l.bytes().all(is_host_byte))
        && (!numeric || name.parse::<Ipv4Addr>().is_ok())
}

/// Whether `text` is `HOST[:PORT]` without macros, the host a DNS name, an IPv4 address or an IPv6 address in brackets.
pub(super) fn is_authority(text: &str) -> bool {
    let (host, port) = split_port(text);
    let port_fits = port.is_none_or(|port| {
        port.bytes().all(|b| b.is_ascii_digit()) && port.parse::<u16>().is_ok_and(|port| port > 0)
    });
    let inner = host.strip_prefix('[').map(|rest| rest.strip_suffix(']'));
    let host_fits = match inner {
        Some(inner) => inner.is_some_and(|inner| inner.parse::<Ipv6Addr>().is_ok()),
        None => is_host(host),
    };
    port_fits && host_fits
}

fn path(text: &str, start: usize) -> Parsed<Box<[Piece]>> {
    let mut pieces = Pieces::default();
    let rest = &text[start..];
    if !rest.starts_with('/') {
        pieces.literal("/");
    }
    let mut fragment = false;
    let mut chars = rest.char_indices();
    while let Some((at, c)) = chars.next() {
        let piece = match (c, &rest[at + c.len_utf8()..]) {
            ('%', next) => match next.bytes().next() {
                Some(b'%') => {
                    chars.next();
                    pieces.literal("%25");
                    continue;
                }
                Some(b'h') => Piece::Host,
                Some(b's') => Piece::Port,
                Some(b'd' | b'p') => Piece::PathAndQuery,
                Some(b'u') => Piece::Path,
                Some(b'q') => Piece::Query,
                _ => {
                    let escape =
                        next.len() >= 2 && next.bytes().take(2).all(|b| b.is_ascii_hexdigit());
                    pieces.literal(if escape { "%" } else { "%25" });
                    continue;
                }
            },
            ('#', _) if !fragment => {
                fragment = true;
                pieces.literal("#");
                continue;
            }
            _ => {
                pieces.encoded(c);
                continue;
            }
        };
        if matches!(piece, Piece::PathAndQuery | Piece::Path) && !rest[..at].ends_with('/') {
            let at = start + at..start + at + 2;
            return refuse(
                format!("`{}` does not follow a `/`", &text[at.clone()]),
                "put a `/` before it",
                at,
            );
        }
        chars.next();
        pieces.push(piece);
    }
    Ok(pieces.done())
}

/// Pieces under construction: neighbouring literals become one.
#[derive(Default)]
struct Pieces {
    done: Vec<Piece>,
    literal: String,
}

impl Pieces {
    fn literal(&mut self, text: &str) {
        self.literal.push_str(text);
    }

    /// Appends what may stand in path or query (RFC 3986 §3.3, §3.4), percent-encoded where it may not.
    fn encoded(&mut self, c: char) {
        if c.is_ascii_alphanumeric() || "-._~!$&'()*+,;=:@/?".contains(c) {
            return self.literal.push(c);
        }
        for byte in c.encode_utf8(&mut [0; 4]).bytes() {
            self.literal.push('%');
            for half in [byte >> 4, byte & 15] {
                self.literal
                    .push(char::from(b"0123456789ABCDEF"[usize::from(half)]));
            }
        }
    }

    fn push(&mut self, piece: Piece) {
        self.end_literal();
        self.done.push(piece);
    }

    fn end_literal(&mut self) {
        if !self.literal.is_empty() {
            self.done.push(Piece::Literal(self.literal.as_str().into()));
            self.literal.clear();
        }
    }

    fn done(mut self) -> Box<[Piece]> {
        self.end_literal();
        self.done.into()
    }
}
