//! The server's head, checked and made into the bytes that the client gets.

use super::body::{write_field, write_line};
use super::fields::{Named, h2c, has, hop_by_hop, list, members, protected};
use crate::proxy::http1::{Answer, BadAnswer, Extent, Framing, Head, Version};
use crate::telemetry::decimal;

/// 101, after which the connection is the two sides' own.
pub(super) const SWITCHING: u16 = 101;
const NO_CONTENT: u16 = 204;

/// How the answer's body is delimited towards the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Delimited {
    /// It has no body: HEAD, 204, 304, or a length of 0.
    Empty,
    /// By Content-Length.
    Length,
    /// By chunks.
    Chunked,
    /// By the end of the connection, to HTTP/1.0.
    Close,
}

/// How the body comes, and how it goes to the client.
///
/// # Errors
/// A 101 that does not fit what the client asked for.
pub(super) fn delimit(answer: &Answer<'_>, head: &Head) -> Result<(Extent, Delimited), BadAnswer> {
    let extent = answer.extent(head.text(&head.method) == b"HEAD");
    if answer.status() == SWITCHING && !fits(answer, head) {
        return Err(BadAnswer);
    }
    let delimited = match (extent, head.version) {
        (Extent::Framed(Framing::None), _) => Delimited::Empty,
        (Extent::Framed(Framing::Length(_)), _) => Delimited::Length,
        (_, Version::Http11 | Version::Http2) => Delimited::Chunked,
        (_, Version::Http10) => Delimited::Close,
    };
    Ok((extent, delimited))
}

/// Whether a 101 fits what the client asked for: an upgrade to a protocol that it named (RFC 9110 §7.8).
fn fits(answer: &Answer<'_>, head: &Head) -> bool {
    let asked = |protocol: &[u8]| {
        head.lines()
            .filter(|(name, _)| name.eq_ignore_ascii_case(b"upgrade"))
            .any(|(_, value)| has(value, protocol))
    };
    let mut switched = answer.values(b"upgrade").flat_map(members).peekable();
    head.upgrade
        && answer.upgrades()
        && switched.peek().is_some()
        && switched.all(|protocol| asked(protocol) && !h2c(protocol))
}

/// What the writing of a head needs beside the answer itself.
pub(super) struct Style<'a> {
    pub(super) version: Version,
    pub(super) keep_alive: bool,
    pub(super) delimited: Delimited,
    pub(super) pseudonym: &'a str,
    pub(super) date: [u8; 29],
    /// A whole `Set-Cookie` line of ours.
    pub(super) cookie: Option<Vec<u8>>,
}

/// Appends the head of the answer to `out`.
pub(super) fn write_head(out: &mut Vec<u8>, answer: &Answer<'_>, style: &Style<'_>) {
    write_status(out, answer);
    let status = answer.status();
    let switching = status == SWITCHING;
    write_fields(out, answer, |name| match name.len() {
        7 => style.delimited != Delimited::Chunked && name.eq_ignore_ascii_case(b"trailer"),
        14 => (status == NO_CONTENT || switching) && name.eq_ignore_ascii_case(b"content-length"),
        _ => false,
    });
    if !answer.dated() {
        write_field(out, b"date", &style.date);
    }
    out.extend_from_slice(match answer.version() {
        Version::Http10 => b"via: 1.0 ",
        Version::Http11 => b"via: 1.1 ",
        Version::Http2 => b"via: 2.0 ",
    });
    out.extend_from_slice(style.pseudonym.as_bytes());
    out.extend_from_slice(b"\r\n");
    if let Some(cookie) = &style.cookie {
        out.extend_from_slice(cookie);
        // The rest of the answer may be kept and shown to others, this line may not (RFC 9111 §5.2.2.7).
        out.extend_from_slice(b"cache-control: private=\"set-cookie\"\r\n");
    }
    if style.delimited == Delimited::Chunked {
        out.extend_from_slice(b"transfer-encoding: chunked\r\n");
    }
    if switching {
        for protocol in answer.values(b"upgrade") {
            write_field(out, b"upgrade", protocol);
        }
        out.extend_from_slice(b"connection: upgrade\r\n");
    } else {
        match (style.version, style.keep_alive) {
            (Version::Http11 | Version::Http2, true) => {}
            (Version::Http10, true) => out.extend_from_slice(b"connection: keep-alive\r\n"),
            (_, false) => out.extend_from_slice(b"connection: close\r\n"),
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends an interim answer (1xx).
pub(super) fn write_interim(out: &mut Vec<u8>, answer: &Answer<'_>) {
    write_status(out, answer);
    write_fields(out, answer, |name| {
        name.eq_ignore_ascii_case(b"content-length")
    });
    out.extend_from_slice(b"\r\n");
}

fn write_status(out: &mut Vec<u8>, answer: &Answer<'_>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, answer.status().into());
    out.push(b' ');
    out.extend_from_slice(answer.phrase());
    out.extend_from_slice(b"\r\n");
}

/// The fields that are not of the server's connection alone, nor dropped.
fn write_fields(out: &mut Vec<u8>, answer: &Answer<'_>, dropped: impl Fn(&[u8]) -> bool) {
    let mut named = Named::new();
    if answer.lists_fields() {
        for value in answer.values(b"connection") {
            list(&mut named, value);
        }
    }
    for (name, value, line) in answer.whole_lines() {
        let listed = || named.iter().any(|n| n.eq_ignore_ascii_case(name));
        let gone = hop_by_hop(name) || dropped(name) || (listed() && !protected(name));
        match line {
            _ if gone => {}
            Some(line) => write_line(out, line, name.len()),
            None => write_field(out, name, value),
        }
    }
}
