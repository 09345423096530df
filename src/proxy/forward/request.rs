//! The client's head, made into the request that the server gets.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;
use std::rc::Rc;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, EXPECT, FORWARDED, HOST, HeaderMap, HeaderName, HeaderValue, TE,
    TRANSFER_ENCODING, UPGRADE, VIA,
};
use http::uri::PathAndQuery;
use http::{Method, Request, Uri};
use smallvec::SmallVec;

use super::body::{Feed, RequestBody};
use super::fields::{
    Named, disguised, forwarding, h2c, has, hop_by_hop, list, members, no_trailer, protected,
};
use super::wire::Seen;
use crate::decide::Ask;
use crate::model::{Endpoint, Scheme};
use crate::proxy::http1::{Field, Framing, Head, Span, Version};

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Whether the request came through this process already: its pseudonym stands in a `Via` (RFC 9110 §7.6.3).
pub(super) fn looped(head: &Head, pseudonym: &str) -> bool {
    via_members(head)
        .filter_map(received_by)
        .any(|by| by.eq_ignore_ascii_case(pseudonym.as_bytes()))
}

fn via_members(head: &Head) -> impl Iterator<Item = &[u8]> {
    head.fields
        .iter()
        .filter(|field| head.text(&field.name).eq_ignore_ascii_case(b"via"))
        .flat_map(|field| members(head.text(&field.value)))
}

/// The second word of a `Via` member: who received the message.
fn received_by(member: &[u8]) -> Option<&[u8]> {
    member
        .split(|b| b.is_ascii_whitespace())
        .filter(|word| !word.is_empty())
        .nth(1)
}

/// What the walk goes on with after a server did not take the connection.
pub(super) fn ask<'a>(
    head: &'a Head,
    at: Endpoint,
    client: SocketAddr,
    local: SocketAddr,
) -> Ask<'a> {
    let text = |span| String::from_utf8_lossy(head.text(span));
    let (host, port) = if head.host.is_empty() {
        // HTTP/1.0 without Host: what was connected to.
        let host = match local.ip() {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        };
        (host.into(), local.port())
    } else {
        (
            text(&head.host),
            head.port.unwrap_or(Scheme::Http.default_port()),
        )
    };
    let target = text(&head.target);
    Ask {
        at,
        client: client.ip(),
        scheme: Scheme::Http,
        method: text(&head.method),
        host,
        port,
        target: if target.starts_with('/') {
            target
        } else {
            format!("/{target}").into()
        },
    }
}

/// What a request is built from, beside its head.
pub(super) struct Route<'a> {
    pub(super) client: SocketAddr,
    pub(super) local: SocketAddr,
    pub(super) pseudonym: &'a str,
    /// Our `Via` for a request that came by HTTP/1.0, and by HTTP/1.1.
    pub(super) via: &'a [HeaderValue; 2],
}

/// A decoded body's trailers, without those that may not be (RFC 9110 §6.5.1).
pub(super) fn trailers(lines: Vec<(Bytes, Bytes)>) -> HeaderMap {
    let mut fields = HeaderMap::with_capacity(lines.len());
    for (name, text) in lines {
        if let (false, Ok(name), Some(text)) = (
            no_trailer(&name),
            HeaderName::from_bytes(&name),
            value(text),
        ) {
            fields.append(name, text);
        }
    }
    fields
}

/// Builds the request; `None` where the head holds what no HTTP message can (the front lets no such pass).
pub(super) fn build(
    head: &Head,
    route: &Route<'_>,
    feed: Option<Rc<Feed>>,
    seen: &Seen,
) -> Option<Request<RequestBody>> {
    let mut request = Request::new(RequestBody(feed));
    *request.method_mut() = Method::from_bytes(head.text(&head.method)).ok()?;
    *request.uri_mut() = target(head, seen);
    let fields = request.headers_mut();
    fields.reserve(head.fields.len() + 6);
    copy_fields(head, fields)?;
    frame(head, fields);
    say_where_from(head, route, fields)?;
    Some(request)
}

/// The target as hyper can carry it; where it cannot, the wire swaps the line.
fn target(head: &Head, seen: &Seen) -> Uri {
    if head.target.is_empty() {
        return Uri::from_static("/");
    }
    match PathAndQuery::from_maybe_shared(slice(head, &head.target)) {
        // `Uri` drops what follows a `#`; the front lets none pass.
        Ok(path) => Uri::from(path),
        Err(_) => {
            seen.swap_target(head.text(&head.method), head.text(&head.target));
            Uri::from_static("/")
        }
    }
}

fn slice(head: &Head, span: &Span) -> Bytes {
    head.bytes.slice(span.start as usize..span.end as usize)
}

fn copy_fields(head: &Head, fields: &mut HeaderMap) -> Option<()> {
    let mut named = Named::new();
    let connections = |field: &&Field| head.text(&field.name).eq_ignore_ascii_case(b"connection");
    for field in head.fields.iter().filter(connections) {
        list(&mut named, head.text(&field.value));
    }
    for field in &head.fields {
        let name = head.text(&field.name);
        let text = head.text(&field.value);
        if hop_by_hop(name) {
            if head.upgrade && name.eq_ignore_ascii_case(b"upgrade") {
                upgrade(head, field, fields)?;
            } else if name.eq_ignore_ascii_case(b"te") && has(text, b"trailers") {
                fields.insert(TE, HeaderValue::from_static("trailers"));
            }
            continue;
        }
        let ours = forwarding(name)
            || disguised(name)
            || [b"content-length".as_slice(), b"via", b"expect"]
                .iter()
                .any(|n| name.eq_ignore_ascii_case(n));
        if ours || (!protected(name) && named.iter().any(|n| n.eq_ignore_ascii_case(name))) {
            continue;
        }
        fields.append(
            HeaderName::from_bytes(name).ok()?,
            value(slice(head, &field.value))?,
        );
    }
    let connection = match (fields.contains_key(UPGRADE), fields.contains_key(TE)) {
        (true, true) => "upgrade, te",
        (true, false) => "upgrade",
        (false, true) => "te",
        (false, false) => return Some(()),
    };
    fields.insert(CONNECTION, HeaderValue::from_static(connection));
    Some(())
}

/// The protocols of one `Upgrade` line, without h2c (RELIABILITY.md part D).
fn upgrade(head: &Head, field: &Field, fields: &mut HeaderMap) -> Option<()> {
    let text = head.text(&field.value);
    if !members(text).any(h2c) {
        fields.append(UPGRADE, value(slice(head, &field.value))?);
        return Some(());
    }
    let others: SmallVec<[&[u8]; 4]> = members(text).filter(|p| !h2c(p)).collect();
    if !others.is_empty() {
        fields.append(UPGRADE, value(others.join(&b", "[..]).into())?);
    }
    Some(())
}

/// Framing is made anew from what the front understood, never copied.
fn frame(head: &Head, fields: &mut HeaderMap) {
    match head.framing {
        Framing::None => {
            let said = |field: &Field| {
                head.text(&field.name)
                    .eq_ignore_ascii_case(b"content-length")
            };
            if head.fields.iter().any(said) {
                fields.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
            }
        }
        Framing::Length(length) => {
            fields.insert(CONTENT_LENGTH, HeaderValue::from(length));
        }
        Framing::Chunked => {
            fields.insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
        }
    }
    if head.expects_continue {
        fields.insert(EXPECT, HeaderValue::from_static("100-continue"));
    }
}

/// `Forwarded` (RFC 7239), `X-Forwarded-*` and `Via`, told by us alone.
fn say_where_from(head: &Head, route: &Route<'_>, fields: &mut HeaderMap) -> Option<()> {
    let (forwarded, address, host) = forwarded(head, route.client.ip().to_canonical());
    fields.insert(X_FORWARDED_FOR, value(forwarded.slice(address))?);
    fields.insert(X_FORWARDED_PROTO, HeaderValue::from_static("http"));
    if !host.is_empty() {
        fields.insert(X_FORWARDED_HOST, value(forwarded.slice(host.clone()))?);
    }
    if !fields.contains_key(HOST) {
        // HTTP/1.0 without Host: HTTP/1.1 wants one (RFC 9112 §3.2).
        let host = match host.is_empty() {
            true => Bytes::from(route.local.to_string()),
            false => forwarded.slice(host),
        };
        fields.insert(HOST, value(host)?);
    }
    fields.insert(FORWARDED, value(forwarded)?);
    fields.insert(VIA, via(head, route)?);
    Some(())
}

fn value(bytes: Bytes) -> Option<HeaderValue> {
    HeaderValue::from_maybe_shared(bytes).ok()
}

/// Appends `address` as `Display` has it, at a tenth of its cost.
fn write_v4(out: &mut Vec<u8>, address: Ipv4Addr) {
    for (i, octet) in address.octets().into_iter().enumerate() {
        if i > 0 {
            out.push(b'.');
        }
        if octet >= 100 {
            out.push(b'0' + octet / 100);
        }
        if octet >= 10 {
            out.push(b'0' + octet / 10 % 10);
        }
        out.push(b'0' + octet % 10);
    }
}

/// The value of `Forwarded`, and where in it the client's address and the host asked for stand.
fn forwarded(head: &Head, client: IpAddr) -> (Bytes, Range<usize>, Range<usize>) {
    let host = head.text(&head.host);
    let mut out = Vec::with_capacity(96 + host.len());
    let address = match client {
        IpAddr::V4(address) => {
            out.extend_from_slice(b"for=");
            write_v4(&mut out, address);
            4..out.len()
        }
        IpAddr::V6(address) => {
            // Writing to a `Vec` cannot fail.
            let _ = write!(out, "for=\"[{address}]\"");
            6..out.len() - 2
        }
    };
    let mut asked = 0..0;
    if !host.is_empty() {
        out.extend_from_slice(b";host=\"");
        let start = out.len();
        out.extend_from_slice(host);
        if let Some(port) = head.port {
            let _ = write!(out, ":{port}");
        }
        asked = start..out.len();
        out.push(b'"');
    }
    out.extend_from_slice(b";proto=http");
    (out.into(), address, asked)
}

/// Our `Via`. A client's is dropped, but for the pseudonyms of other Signposts, so that a loop over
/// several of them ends in 508 at the first one that it comes back to.
fn via(head: &Head, route: &Route<'_>) -> Option<HeaderValue> {
    let family = route
        .pseudonym
        .rsplit_once('-')
        .map_or("", |(family, _)| family)
        .as_bytes();
    let mut others: SmallVec<[&[u8]; 4]> = SmallVec::new();
    if !family.is_empty() {
        let kin = |by: &[u8]| {
            by.len() > family.len()
                && by[..family.len()].eq_ignore_ascii_case(family)
                && by[family.len()] == b'-'
        };
        others.extend(via_members(head).filter(|m| received_by(m).is_some_and(kin)));
    }
    let own = &route.via[usize::from(head.version == Version::Http11)];
    if others.is_empty() {
        return Some(own.clone());
    }
    others.push(own.as_bytes());
    value(Bytes::from(others.join(&b", "[..])))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_as_display_has_them() {
        for octets in [
            [0, 9, 10, 99],
            [100, 101, 199, 255],
            [127, 0, 0, 1],
            [20, 30, 110, 200],
        ] {
            let mut out = Vec::new();
            write_v4(&mut out, octets.into());
            assert_eq!(out, Ipv4Addr::from(octets).to_string().as_bytes());
        }
    }
}
