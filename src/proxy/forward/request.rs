//! The client's head, made into the request that the server gets.

use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::Range;

use smallvec::SmallVec;

use super::fields::{Named, disguised, forwarding, h2c, has, hop_by_hop, list, members, protected};
use crate::decide::{Ask, Past};
use crate::model::{Endpoint, Scheme};
use crate::proxy::http1::{Field, Framing, Head, Version};
use crate::proxy::past;
use crate::telemetry::decimal;

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
    (client, local, scheme): (IpAddr, SocketAddr, Scheme),
    past: Past<'a>,
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
        (text(&head.host), head.port.unwrap_or(scheme.default_port()))
    };
    let target = text(&head.target);
    Ask {
        at,
        client,
        scheme,
        method: text(&head.method),
        host,
        port,
        target: if target.starts_with('/') {
            target
        } else {
            format!("/{target}").into()
        },
        past,
    }
}

/// What a request is built from, beside its head.
pub(super) struct Route<'a> {
    /// Whom the request comes from.
    pub(super) from: SocketAddr,
    /// What that one says of others counts.
    pub(super) trusted: bool,
    pub(super) local: SocketAddr,
    pub(super) scheme: Scheme,
    /// The client's own certificate, as `Client-Cert` has it.
    pub(super) certificate: Option<&'a str>,
    /// A cookie that is ours and none of the server's business.
    pub(super) cookie: Option<&'a str>,
    pub(super) pseudonym: &'a str,
    /// The server gets what comes as trailers.
    pub(super) trailers: bool,
}

/// Appends the head that the server gets.
pub(super) fn write(out: &mut Vec<u8>, head: &Head, route: &Route<'_>) {
    out.reserve(head.bytes.len() + ADDED_BYTES);
    out.extend_from_slice(head.text(&head.method));
    out.push(b' ');
    let target = head.text(&head.target);
    if !target.starts_with(b"/") {
        // Of an absolute-form target without a path.
        out.push(b'/');
    }
    out.extend_from_slice(target);
    out.extend_from_slice(b" HTTP/1.1\r\n");
    write_fields(head, route, out);
    write_framing(head, out);
    write_origin(head, route, out);
    out.extend_from_slice(b"\r\n");
}

/// Room for the fields that are added to a head, in bytes.
const ADDED_BYTES: usize = 320;

/// The field lines of this name.
fn named<'a>(head: &'a Head, name: &'a [u8]) -> impl Iterator<Item = &'a Field> {
    let is = move |field: &&Field| head.text(&field.name).eq_ignore_ascii_case(name);
    head.fields.iter().filter(is)
}

fn write_field(out: &mut Vec<u8>, name: &[u8], text: &[u8]) {
    for part in [name, b": ", text, b"\r\n"] {
        out.extend_from_slice(part);
    }
}

/// The client's fields that go on.
fn write_fields(head: &Head, route: &Route<'_>, out: &mut Vec<u8>) {
    let mut listed = Named::new();
    for field in named(head, b"connection") {
        list(&mut listed, head.text(&field.value));
    }
    let (mut upgrades, mut trailers) = (false, false);
    for field in &head.fields {
        let name = head.text(&field.name);
        let text = head.text(&field.value);
        if hop_by_hop(name) {
            if head.upgrade && name.eq_ignore_ascii_case(b"upgrade") {
                upgrades |= write_upgrade(text, out);
            } else if name.eq_ignore_ascii_case(b"te") {
                trailers |= has(text, b"trailers");
            }
            continue;
        }
        if let Some(cookie) = route.cookie
            && name.eq_ignore_ascii_case(b"cookie")
        {
            if let Some(others) = past::without(text, cookie.as_bytes()) {
                write_field(out, name, &others);
            }
            continue;
        }
        let ours = (forwarding(name) && !(route.trusted && told_on(name)))
            || disguised(name)
            || (!route.trailers && name.eq_ignore_ascii_case(b"trailer"))
            || [b"content-length".as_slice(), b"via", b"expect"]
                .iter()
                .any(|n| name.eq_ignore_ascii_case(n));
        if ours || (listed.iter().any(|n| n.eq_ignore_ascii_case(name)) && !protected(name)) {
            continue;
        }
        match head.usual_line(field) {
            Some(line) => out.extend_from_slice(line),
            None => write_field(out, name, text),
        }
    }
    if trailers {
        out.extend_from_slice(b"te: trailers\r\n");
    }
    match (upgrades, trailers) {
        (true, true) => out.extend_from_slice(b"connection: upgrade, te\r\n"),
        (true, false) => out.extend_from_slice(b"connection: upgrade\r\n"),
        (false, true) => out.extend_from_slice(b"connection: te\r\n"),
        (false, false) => {}
    }
}

/// The protocols of one `Upgrade` line, without h2c (RELIABILITY.md part D). Says whether any is left.
fn write_upgrade(text: &[u8], out: &mut Vec<u8>) -> bool {
    if !members(text).any(h2c) {
        write_field(out, b"upgrade", text);
        return true;
    }
    let others: SmallVec<[&[u8]; 4]> = members(text).filter(|p| !h2c(p)).collect();
    if !others.is_empty() {
        write_field(out, b"upgrade", &others.join(&b", "[..]));
    }
    !others.is_empty()
}

/// Framing is made anew from what the front understood, never copied.
fn write_framing(head: &Head, out: &mut Vec<u8>) {
    match head.framing {
        Framing::None => {
            if named(head, b"content-length").next().is_some() {
                out.extend_from_slice(b"content-length: 0\r\n");
            }
        }
        Framing::Length(length) => {
            out.extend_from_slice(b"content-length: ");
            decimal(out, length);
            out.extend_from_slice(b"\r\n");
        }
        Framing::Chunked => out.extend_from_slice(b"transfer-encoding: chunked\r\n"),
    }
    if head.expects_continue {
        out.extend_from_slice(b"expect: 100-continue\r\n");
    }
}

/// Whether a field of this name, one of [`forwarding`], goes on as a trusted proxy sent it: all but the lists that we add to.
fn told_on(name: &[u8]) -> bool {
    !name.eq_ignore_ascii_case(b"forwarded") && !name.eq_ignore_ascii_case(b"x-forwarded-for")
}

/// Begins a field whose value is a list, ours behind what a trusted proxy sent.
fn begin_list(head: &Head, route: &Route<'_>, out: &mut Vec<u8>, name: &[u8]) {
    out.extend_from_slice(name);
    out.extend_from_slice(b": ");
    if route.trusted {
        for field in named(head, name) {
            let theirs = head.text(&field.value);
            if !theirs.is_empty() {
                out.extend_from_slice(theirs);
                out.extend_from_slice(b", ");
            }
        }
    }
}

/// `Forwarded` (RFC 7239), `X-Forwarded-*` and `Via`: told by us alone, or added to what a trusted proxy told; and `Host` where
/// the client has none.
fn write_origin(head: &Head, route: &Route<'_>, out: &mut Vec<u8>) {
    begin_list(head, route, out, b"forwarded");
    let (address, host) = write_forwarded(out, head, route);
    out.extend_from_slice(b"\r\n");
    begin_list(head, route, out, b"x-forwarded-for");
    out.extend_from_within(address);
    out.extend_from_slice(b"\r\n");
    let told = |name| route.trusted && named(head, name).next().is_some();
    if !told(b"x-forwarded-proto") {
        write_field(out, b"x-forwarded-proto", route.scheme.as_str().as_bytes());
    }
    if !host.is_empty() && !told(b"x-forwarded-host") {
        out.extend_from_slice(b"x-forwarded-host: ");
        out.extend_from_within(host.clone());
        out.extend_from_slice(b"\r\n");
    }
    if let Some(certificate) = route.certificate
        && !told(b"client-cert")
    {
        write_field(out, b"client-cert", certificate.as_bytes());
    }
    if named(head, b"host").next().is_none() {
        // HTTP/1.0 without Host: HTTP/1.1 wants one (RFC 9112 §3.2).
        match host.is_empty() {
            true => write_field(out, b"host", route.local.to_string().as_bytes()),
            false => {
                out.extend_from_slice(b"host: ");
                out.extend_from_within(host);
                out.extend_from_slice(b"\r\n");
            }
        }
    }
    write_via(head, route, out);
}

/// Appends `address` as `Display` has it, without the machinery of `fmt`.
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

/// Appends our element of `Forwarded`. Where in `out` the client's address and the host asked for stand.
fn write_forwarded(
    out: &mut Vec<u8>,
    head: &Head,
    route: &Route<'_>,
) -> (Range<usize>, Range<usize>) {
    let host = head.text(&head.host);
    let address = match route.from.ip().to_canonical() {
        IpAddr::V4(address) => {
            out.extend_from_slice(b"for=");
            let start = out.len();
            write_v4(out, address);
            start..out.len()
        }
        IpAddr::V6(address) => {
            out.extend_from_slice(b"for=\"[");
            let start = out.len();
            // Writing to a `Vec` cannot fail.
            let _ = write!(out, "{address}");
            let end = out.len();
            out.extend_from_slice(b"]\"");
            start..end
        }
    };
    let mut asked = 0..0;
    if !host.is_empty() {
        out.extend_from_slice(b";host=\"");
        let start = out.len();
        out.extend_from_slice(host);
        if let Some(port) = head.port {
            out.push(b':');
            decimal(out, port.into());
        }
        asked = start..out.len();
        out.push(b'"');
    }
    out.extend_from_slice(b";proto=");
    out.extend_from_slice(route.scheme.as_str().as_bytes());
    (address, asked)
}

/// Whether this pseudonym is another Signpost's: they begin alike.
fn kin(by: &[u8], pseudonym: &str) -> bool {
    let Some((family, _)) = pseudonym.rsplit_once('-').filter(|(f, _)| !f.is_empty()) else {
        return false;
    };
    by.len() > family.len()
        && by[..family.len()].eq_ignore_ascii_case(family.as_bytes())
        && by[family.len()] == b'-'
}

/// Our `Via`. A client's is dropped, but for the pseudonyms of other Signposts, so that a loop over
/// several of them ends in 508 at the first one that it comes back to.
fn write_via(head: &Head, route: &Route<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"via: ");
    for member in via_members(head) {
        if received_by(member).is_some_and(|by| kin(by, route.pseudonym)) {
            out.extend_from_slice(member);
            out.extend_from_slice(b", ");
        }
    }
    out.extend_from_slice(match head.version {
        Version::Http10 => b"1.0 ",
        Version::Http11 => b"1.1 ",
        Version::Http2 => b"2.0 ",
    });
    out.extend_from_slice(route.pseudonym.as_bytes());
    out.extend_from_slice(b"\r\n");
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
            assert_eq!(out[..], *Ipv4Addr::from(octets).to_string().as_bytes());
        }
    }
}
