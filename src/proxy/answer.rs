//! The answers that Signpost gives itself, each appended whole to a buffer that goes out in one write.

use std::ops::Range;

use super::http1::Fault;
use super::limits::RETRY_AFTER_S;
use crate::model::{Code, Piece, Template};
use crate::telemetry::decimal;

/// What `Allow` lists; unknown methods are taken as well (RELIABILITY.md part B).
const ALLOW: &[u8] = b"Allow: GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS\r\n";

/// How the connection goes on, as the answer says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// It ends after this answer.
    Close,
    /// It stays open, as HTTP/1.1 has it.
    Open,
    /// It stays open, and an HTTP/1.0 client has to be told so.
    OpenSaid,
}

impl Stay {
    fn line(self) -> &'static [u8] {
        match self {
            Stay::Close => b"Connection: close\r\n",
            Stay::Open => b"",
            Stay::OpenSaid => b"Connection: keep-alive\r\n",
        }
    }
}

/// What all answers of one request have in common.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manner {
    pub(super) date: [u8; 29],
    pub(super) stay: Stay,
    /// HEAD: the body's length is said and the body left out (RFC 9110 §9.3.2).
    pub(super) head_only: bool,
}

impl Manner {
    fn common(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Server: Signpost\r\nDate: ");
        out.extend_from_slice(&self.date);
        out.extend_from_slice(b"\r\n");
    }
}

fn status(code: Code) -> (&'static [u8], &'static str) {
    match code {
        Code::MovedPermanently => (b"HTTP/1.1 301 Moved Permanently\r\n", "Moved Permanently"),
        Code::Found => (b"HTTP/1.1 302 Found\r\n", "Found"),
        Code::SeeOther => (b"HTTP/1.1 303 See Other\r\n", "See Other"),
        Code::TemporaryRedirect => (b"HTTP/1.1 307 Temporary Redirect\r\n", "Temporary Redirect"),
        Code::PermanentRedirect => (b"HTTP/1.1 308 Permanent Redirect\r\n", "Permanent Redirect"),
    }
}

/// What a redirect says beside its Location.
#[derive(Clone, Copy, Debug)]
pub(super) struct Redirect<'a> {
    pub(super) code: Code,
    pub(super) template: &'a Template,
    /// The host asked for had a say in which url it is.
    pub(super) by_host: bool,
    /// Who the client is had a say in which url it is, by its cookie or its Referer: nobody may keep it, whatever the code. A
    /// permanent redirect that is kept would take clients to a server for ever, and its `Set-Cookie` to other clients.
    pub(super) personal: bool,
    /// Whole field lines to be added.
    pub(super) fields: &'a [u8],
}

/// A redirect (LANGUAGE.md §4): `location` writes the Location to the end of its buffer. Where it then stands.
///
/// # Errors
/// Those of `location`; `out` is then as it was.
pub(super) fn redirect<E>(
    out: &mut Vec<u8>,
    manner: Manner,
    redirect: Redirect<'_>,
    location: impl FnOnce(&mut Vec<u8>) -> Result<(), E>,
) -> Result<Range<usize>, E> {
    let Redirect { code, template, .. } = redirect;
    let before = out.len();
    let (line, phrase) = status(code);
    out.extend_from_slice(line);
    manner.common(out);
    out.extend_from_slice(b"Location: ");
    let start = out.len();
    if let Err(e) = location(out) {
        out.truncate(before);
        return Err(e);
    }
    let end = out.len();
    out.extend_from_slice(b"\r\n");
    let lasting = matches!(code, Code::MovedPermanently | Code::PermanentRedirect);
    if !lasting || redirect.personal {
        out.extend_from_slice(b"Cache-Control: no-store\r\n");
    }
    out.extend_from_slice(b"Content-Type: text/html; charset=utf-8\r\nContent-Length: ");
    let escapes: usize = out[start..end]
        .iter()
        .map(|b| escape(*b).len().saturating_sub(1))
        .sum();
    decimal(
        out,
        (BEFORE.len() + (end - start) + escapes + BETWEEN.len() + phrase.len() + AFTER.len())
            as u64,
    );
    out.extend_from_slice(b"\r\nX-Content-Type-Options: nosniff\r\n");
    if redirect.by_host || depends_on_host(template) {
        out.extend_from_slice(b"Vary: Host\r\n");
    }
    out.extend_from_slice(redirect.fields);
    out.extend_from_slice(manner.stay.line());
    out.extend_from_slice(b"\r\n");
    if !manner.head_only {
        page_of(out, start..end, escapes > 0, phrase);
    }
    Ok(start..end)
}

/// The phrase of a redirect's code.
pub(super) fn phrase(code: Code) -> &'static str {
    status(code).1
}

/// Whether anybody but the client may keep a redirect, and whether it depends on the host asked for.
pub(super) fn keeping(redirect: &Redirect<'_>) -> (bool, bool) {
    let lasting = matches!(
        redirect.code,
        Code::MovedPermanently | Code::PermanentRedirect
    );
    (
        lasting && !redirect.personal,
        redirect.by_host || depends_on_host(redirect.template),
    )
}

/// Appends a redirect's body, whose Location stands in `out` already.
pub(super) fn page(out: &mut Vec<u8>, location: Range<usize>, phrase: &str) {
    page_of(out, location, true, phrase);
}

/// The same, and whether anything in the Location is to be escaped.
fn page_of(out: &mut Vec<u8>, location: Range<usize>, escapes: bool, phrase: &str) {
    out.extend_from_slice(BEFORE);
    if escapes {
        for at in location {
            match escape(out[at]) {
                b"" => out.push(out[at]),
                escaped => out.extend_from_slice(escaped),
            }
        }
    } else {
        out.extend_from_within(location);
    }
    out.extend_from_slice(BETWEEN);
    out.extend_from_slice(phrase.as_bytes());
    out.extend_from_slice(AFTER);
}

const BEFORE: &[u8] = b"<!DOCTYPE html><a href=\"";
const BETWEEN: &[u8] = b"\">";
const AFTER: &[u8] = b"</a>\n";

/// What stands for `b` within an attribute; empty: `b` itself.
fn escape(b: u8) -> &'static [u8] {
    match b {
        b'&' => b"&amp;",
        b'<' => b"&lt;",
        b'>' => b"&gt;",
        b'"' => b"&quot;",
        b'\'' => b"&#39;",
        _ => b"",
    }
}

fn depends_on_host(template: &Template) -> bool {
    let mut pieces = template.authority.iter().chain(&template.path);
    pieces.any(|p| matches!(p, Piece::Host | Piece::Port))
}

/// A fault's answer; the connection is closed after it.
pub(super) fn fault(out: &mut Vec<u8>, mut manner: Manner, fault: Fault) {
    manner.stay = Stay::Close;
    let fields = if fault == Fault::RefusedMethod {
        ALLOW
    } else {
        b""
    };
    let (code, phrase) = fault.status();
    plain(out, manner, code, phrase, fields, fault.as_str());
}

/// 503 with `Retry-After`: nothing usable.
pub(super) fn refusal(out: &mut Vec<u8>, manner: Manner, reason: &str) {
    let mut fields = b"Retry-After: ".to_vec();
    decimal(&mut fields, RETRY_AFTER_S as u64);
    fields.extend_from_slice(b"\r\nCache-Control: no-store\r\n");
    plain(out, manner, 503, "Service Unavailable", &fields, reason);
}

/// 200: what a certificate authority asks for (RFC 8555 §8.3).
pub(super) fn proof(out: &mut Vec<u8>, manner: Manner, proof: &str) {
    out.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
    manner.common(out);
    out.extend_from_slice(
        b"Content-Type: application/octet-stream\r\nCache-Control: no-store\r\nContent-Length: ",
    );
    decimal(out, proof.len() as u64);
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(manner.stay.line());
    out.extend_from_slice(b"\r\n");
    if !manner.head_only {
        out.extend_from_slice(proof.as_bytes());
    }
}

/// 204 to `OPTIONS *`: what Signpost itself takes (RFC 9110 §9.3.7).
pub(super) fn options(out: &mut Vec<u8>, manner: Manner) {
    out.extend_from_slice(b"HTTP/1.1 204 No Content\r\n");
    manner.common(out);
    out.extend_from_slice(ALLOW);
    out.extend_from_slice(manner.stay.line());
    out.extend_from_slice(b"\r\n");
}

/// A short answer of one line of text, which names the rule.
pub(super) fn plain(
    out: &mut Vec<u8>,
    manner: Manner,
    code: u16,
    phrase: &str,
    fields: &[u8],
    word: &str,
) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, code.into());
    out.push(b' ');
    out.extend_from_slice(phrase.as_bytes());
    out.extend_from_slice(b"\r\n");
    manner.common(out);
    out.extend_from_slice(fields);
    out.extend_from_slice(b"Content-Type: text/plain; charset=utf-8\r\nContent-Length: ");
    let length = 3 + 1 + phrase.len() + 2 + word.len() + 1;
    decimal(out, length as u64);
    out.extend_from_slice(b"\r\nX-Content-Type-Options: nosniff\r\n");
    out.extend_from_slice(manner.stay.line());
    out.extend_from_slice(b"\r\n");
    if !manner.head_only {
        decimal(out, code.into());
        for part in [" ", phrase, ": ", word, "\n"] {
            out.extend_from_slice(part.as_bytes());
        }
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
