//! From HTTP/1's text to HTTP/2's fields and back.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use h2::ext::Protocol;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE,
};
use http::uri::{Authority, PathAndQuery, Scheme};
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, Version};
use sha1::{Digest, Sha1};

use crate::proxy::http1::Framing;
use crate::telemetry::decimal;

/// What RFC 6455 §1.3 has a server add to the client's key.
const WEBSOCKET: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// A request, ready to be sent.
pub(super) struct Asked {
    pub(super) request: Request<()>,
    pub(super) framing: Framing,
    pub(super) head_only: bool,
    /// Of a WebSocket that is asked for: what the client is to be shown.
    pub(super) accept: Option<Box<str>>,
}

/// Makes of the text of a head, which is our own and whole, what HTTP/2 sends. `None`: it has no form there.
pub(super) fn request(head: &[u8], tls: bool) -> Option<Asked> {
    let mut lines = head.split(|b| *b == b'\n').map(|line| {
        let line = line.strip_suffix(b"\r");
        line.unwrap_or_default()
    });
    let mut words = lines.next()?.split(|b| *b == b' ');
    let (method, target) = (words.next()?, words.next()?);
    let mut fields = HeaderMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let colon = line.iter().position(|b| *b == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        let value = line.get(colon + 2..)?;
        fields.append(name, HeaderValue::from_bytes(value).ok()?);
    }
    let host = fields.remove(HOST)?;
    let upgrade = fields.remove(UPGRADE);
    fields.remove(CONNECTION);
    let chunked = fields.remove(TRANSFER_ENCODING).is_some();
    let length = fields.get(CONTENT_LENGTH).map(|v| v.to_str());
    let framing = match length {
        _ if chunked => Framing::Chunked,
        Some(length) => match length.ok()?.parse().ok()? {
            0 => Framing::None,
            length => Framing::Length(length),
        },
        None => Framing::None,
    };
    if framing == Framing::None {
        fields.remove(EXPECT);
    }
    let mut method = Method::from_bytes(method).ok()?;
    let head_only = method == Method::HEAD;
    let mut request = Request::new(());
    let mut accept = None;
    if upgrade.is_some_and(|u| u.as_bytes().eq_ignore_ascii_case(b"websocket")) {
        // RFC 8441 §5.
        accept = Some(accept_of(fields.remove("sec-websocket-key")?.as_bytes()));
        method = Method::CONNECT;
        request
            .extensions_mut()
            .insert(Protocol::from_static("websocket"));
    }
    let mut parts = http::uri::Parts::default();
    parts.scheme = Some(if tls { Scheme::HTTPS } else { Scheme::HTTP });
    parts.authority = Some(Authority::try_from(host.as_bytes()).ok()?);
    parts.path_and_query = Some(path(target)?);
    *request.method_mut() = method;
    *request.uri_mut() = Uri::from_parts(parts).ok()?;
    *request.version_mut() = Version::HTTP_2;
    *request.headers_mut() = fields;
    Some(Asked {
        request,
        framing,
        head_only,
        accept,
    })
}

/// A target, with those bytes encoded that RFC 3986 leaves out and that cannot be said otherwise.
fn path(target: &[u8]) -> Option<PathAndQuery> {
    if let Ok(path) = PathAndQuery::try_from(target) {
        return Some(path);
    }
    let mut encoded = Vec::with_capacity(target.len() + 16);
    for &b in target {
        match b {
            b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'|' | b'^' | b'\\' => {
                encoded.extend_from_slice(format!("%{b:02X}").as_bytes());
            }
            b => encoded.push(b),
        }
    }
    PathAndQuery::try_from(encoded).ok()
}

/// What a server that agrees to a WebSocket shows of the client's key (RFC 6455 §4.2.2).
fn accept_of(key: &[u8]) -> Box<str> {
    let mut hash = Sha1::new();
    hash.update(key);
    hash.update(WEBSOCKET);
    STANDARD.encode(hash.finalize()).into()
}

/// Trailers of a request.
pub(super) fn trailers(lines: &[(Bytes, Bytes)]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in lines {
        let name = HeaderName::from_bytes(name);
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value)) {
            fields.append(name, value);
        }
    }
    fields
}

/// How an answer's body is delimited in HTTP/1's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Body {
    /// As the fields say, or there is none.
    Plain,
    Chunked,
    /// The two sides' own.
    Tunnel,
}

/// Appends the head of an answer. `ended`: nothing follows it.
pub(super) fn head<T>(
    out: &mut Vec<u8>,
    answer: &Response<T>,
    (asked, ended): (&Shown, bool),
) -> Body {
    let status = answer.status();
    if let Some(accept) = asked.accept.as_deref().filter(|_| status.is_success()) {
        out.extend_from_slice(b"HTTP/1.1 101 Switching Protocols\r\n");
        write_fields(out, answer.headers(), |name| *name == CONTENT_LENGTH);
        out.extend_from_slice(
            b"connection: upgrade\r\nupgrade: websocket\r\nsec-websocket-accept: ",
        );
        out.extend_from_slice(accept.as_bytes());
        out.extend_from_slice(b"\r\n\r\n");
        return Body::Tunnel;
    }
    write_status(out, status);
    write_fields(out, answer.headers(), |_| false);
    let bodiless = asked.head_only
        || status.is_informational()
        || status == StatusCode::NO_CONTENT
        || status == StatusCode::NOT_MODIFIED;
    let mut body = Body::Plain;
    if !bodiless && !answer.headers().contains_key(CONTENT_LENGTH) {
        if ended {
            out.extend_from_slice(b"content-length: 0\r\n");
        } else {
            body = Body::Chunked;
            out.extend_from_slice(b"transfer-encoding: chunked\r\n");
        }
    }
    out.extend_from_slice(b"\r\n");
    body
}

/// What the writing of an answer has to know of its request.
#[derive(Debug, Default)]
pub(super) struct Shown {
    pub(super) head_only: bool,
    pub(super) accept: Option<Box<str>>,
}

fn write_status(out: &mut Vec<u8>, status: StatusCode) {
    out.extend_from_slice(b"HTTP/1.1 ");
    decimal(out, status.as_u16().into());
    out.push(b' ');
    out.extend_from_slice(status.canonical_reason().unwrap_or_default().as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn write_fields(out: &mut Vec<u8>, fields: &HeaderMap, dropped: impl Fn(&HeaderName) -> bool) {
    for (name, value) in fields.iter().filter(|(name, _)| !dropped(name)) {
        for part in [name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"] {
            out.extend_from_slice(part);
        }
    }
}

/// Appends the size line of a chunk, with the line end of the one before it.
pub(super) fn chunk(out: &mut Vec<u8>, size: usize, first: bool) {
    if !first {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(format!("{size:x}\r\n").as_bytes());
}

/// Appends the last chunk with its trailers.
pub(super) fn last_chunk(out: &mut Vec<u8>, trailers: Option<&HeaderMap>, first: bool) {
    chunk(out, 0, first);
    if let Some(trailers) = trailers {
        write_fields(out, trailers, |_| false);
    }
    out.extend_from_slice(b"\r\n");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_answered_as_rfc_6455_says() {
        let accept = accept_of(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(&*accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_belongs_to_http_1_stays_there() {
        let head = b"POST /a|<b>?\"q HTTP/1.1\r\nhost: a.example:81\r\nte: trailers\r\n\
            connection: te\r\ntransfer-encoding: chunked\r\nx: 1\r\nx: 2\r\n\r\n";
        let asked = request(head, true).expect("a request");
        assert_eq!(asked.framing, Framing::Chunked);
        let uri = asked.request.uri().to_string();
        assert_eq!(uri, "https://a.example:81/a%7C%3Cb%3E?%22q");
        let mut names: Vec<_> = asked.request.headers().keys().map(|k| k.as_str()).collect();
        names.sort_unstable();
        assert_eq!(names, ["te", "x"]);
        assert_eq!(asked.request.headers().get_all("x").iter().count(), 2);
    }

    #[test]
    fn a_websocket_is_an_extended_connect() {
        let head =
            b"GET /chat HTTP/1.1\r\nhost: a\r\nupgrade: websocket\r\nconnection: upgrade\r\n\
            sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\nsec-websocket-version: 13\r\n\r\n";
        let asked = request(head, false).expect("a request");
        assert_eq!(asked.request.method(), Method::CONNECT);
        assert!(asked.accept.is_some());
        assert_eq!(asked.request.headers().len(), 1);
    }
}
