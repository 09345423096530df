//! The server's head, checked and made into the bytes that the client gets.

use std::io::Write;

use http::header::{
    CONNECTION, CONTENT_LENGTH, DATE, HeaderMap, HeaderName, HeaderValue, TRAILER,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::response::Parts;
use http::{StatusCode, Version as Spoken};
use hyper::ext::ReasonPhrase;

use super::fields::{Named, h2c, has, hop_by_hop, list, members, no_trailer, protected};
use crate::proxy::http1::{Head, Version};

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

/// The answer breaks HTTP's rules: 502 (RELIABILITY.md part D).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadAnswer;

/// Checks the framing, and says how the body goes to the client.
pub(super) fn check(parts: &Parts, head: &Head) -> Result<Delimited, BadAnswer> {
    let fields = &parts.headers;
    let mut lengths = fields.get_all(CONTENT_LENGTH).iter();
    let mut codings = fields.get_all(TRANSFER_ENCODING).iter();
    let (length, coding) = (lengths.next(), codings.next());
    if lengths.next().is_some()
        || codings.next().is_some()
        || (length.is_some() && coding.is_some())
    {
        return Err(BadAnswer);
    }
    if coding.is_some_and(|c| {
        !c.as_bytes().eq_ignore_ascii_case(b"chunked") || parts.version != Spoken::HTTP_11
    }) {
        return Err(BadAnswer);
    }
    let number = length
        .map(|l| number(l.as_bytes()).ok_or(BadAnswer))
        .transpose()?;
    if parts.status == StatusCode::SWITCHING_PROTOCOLS {
        return if fits(fields, head) {
            Ok(Delimited::Empty)
        } else {
            Err(BadAnswer)
        };
    }
    let bodiless = head.text(&head.method) == b"HEAD"
        || matches!(
            parts.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        );
    Ok(match (bodiless, number, head.version) {
        (true, _, _) | (_, Some(0), _) => Delimited::Empty,
        (_, Some(_), _) => Delimited::Length,
        (_, None, Version::Http11) => Delimited::Chunked,
        (_, None, Version::Http10) => Delimited::Close,
    })
}

/// A Content-Length: digits, at most 63 bits.
fn number(text: &[u8]) -> Option<u64> {
    if text.is_empty() || !text.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number: u64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    (number <= i64::MAX as u64).then_some(number)
}

/// Whether a 101 fits what the client asked for: an upgrade to a protocol that it named (RFC 9110 §7.8).
fn fits(fields: &HeaderMap, head: &Head) -> bool {
    let asked = |protocol: &[u8]| {
        head.fields
            .iter()
            .filter(|f| head.text(&f.name).eq_ignore_ascii_case(b"upgrade"))
            .any(|f| has(head.text(&f.value), protocol))
    };
    let mut switched = fields
        .get_all(UPGRADE)
        .iter()
        .flat_map(|v| members(v.as_bytes()))
        .peekable();
    head.upgrade
        && fields
            .get_all(CONNECTION)
            .iter()
            .any(|c| has(c.as_bytes(), b"upgrade"))
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

/// Most heads are smaller: room for one is made at once and not bit by bit.
const USUAL_HEAD_BYTES: usize = 1024;

/// Appends the head of the answer to `out`.
pub(super) fn write_head(out: &mut Vec<u8>, parts: &Parts, style: &Style<'_>) {
    out.reserve(USUAL_HEAD_BYTES);
    write_status(
        out,
        parts.status,
        parts
            .extensions
            .get::<ReasonPhrase>()
            .map(ReasonPhrase::as_bytes),
    );
    let switching = parts.status == StatusCode::SWITCHING_PROTOCOLS;
    write_fields(out, &parts.headers, |name| {
        (*name == CONTENT_LENGTH && (parts.status == StatusCode::NO_CONTENT || switching))
            || (*name == TRAILER && style.delimited != Delimited::Chunked)
    });
    if !parts.headers.contains_key(DATE) {
        write_field(out, b"date", &style.date);
    }
    let spoken = if parts.version == Spoken::HTTP_10 {
        "1.0 "
    } else {
        "1.1 "
    };
    out.extend_from_slice(VIA.as_str().as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(spoken.as_bytes());
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
        for protocol in parts.headers.get_all(UPGRADE) {
            write_field(out, b"upgrade", protocol.as_bytes());
        }
        out.extend_from_slice(b"connection: upgrade\r\n");
    } else {
        match (style.version, style.keep_alive) {
            (Version::Http11, true) => {}
            (Version::Http10, true) => out.extend_from_slice(b"connection: keep-alive\r\n"),
            (_, false) => out.extend_from_slice(b"connection: close\r\n"),
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends an interim answer (1xx).
pub(super) fn write_interim(out: &mut Vec<u8>, status: StatusCode, fields: &HeaderMap) {
    write_status(out, status, None);
    write_fields(out, fields, |name| *name == CONTENT_LENGTH);
    out.extend_from_slice(b"\r\n");
}

/// Appends the last chunk, with the trailers that may be passed on.
pub(super) fn write_last_chunk(out: &mut Vec<u8>, first: bool, trailers: Option<&HeaderMap>) {
    write_chunk_line(out, 0, first);
    for (name, value) in trailers.into_iter().flatten() {
        if !no_trailer(name.as_str().as_bytes()) {
            write_field(out, name.as_str().as_bytes(), value.as_bytes());
        }
    }
    out.extend_from_slice(b"\r\n");
}

/// Appends the size line of a chunk, with the line end of the chunk before it.
pub(super) fn write_chunk_line(out: &mut Vec<u8>, size: usize, first: bool) {
    // Writing to a `Vec` cannot fail.
    let _ = write!(out, "{}{size:x}\r\n", if first { "" } else { "\r\n" });
}

fn write_status(out: &mut Vec<u8>, status: StatusCode, phrase: Option<&[u8]>) {
    out.extend_from_slice(b"HTTP/1.1 ");
    out.extend_from_slice(status.as_str().as_bytes());
    out.push(b' ');
    let phrase = phrase.unwrap_or_else(|| status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(phrase);
    out.extend_from_slice(b"\r\n");
}

/// The fields that are not of the server's connection alone, nor dropped.
fn write_fields(out: &mut Vec<u8>, fields: &HeaderMap, dropped: impl Fn(&HeaderName) -> bool) {
    let mut named = Named::new();
    for value in fields.get_all(CONNECTION) {
        list(&mut named, value.as_bytes());
    }
    for (name, value) in fields {
        let text = name.as_str().as_bytes();
        let gone = hop_by_hop(text)
            || dropped(name)
            || (named.iter().any(|n| n.eq_ignore_ascii_case(text)) && !protected(text));
        if !gone {
            write_field(out, text, HeaderValue::as_bytes(value));
        }
    }
}

fn write_field(out: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    out.extend_from_slice(value);
    out.extend_from_slice(b"\r\n");
}
