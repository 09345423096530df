//! The PROXY protocol's head, versions 1 and 2 (HAProxy's `proxy-protocol.txt`, 2020/03/05): what a trusted proxy says at the
//! start of a connection about whom it is for.

use std::net::{IpAddr, SocketAddr};

use ppp::{v1, v2};

use super::limits::{PROXY_V1_BYTES, PROXY_V2_BYTES};

/// The rule that a trusted proxy breaks whose connection begins with no such head, as counts and logs have it.
pub(super) const RULE: &str = "proxy-head";

/// Version 2's twelve first bytes, then version and command, family and protocol, and the length of the rest.
const V2_START: usize = 16;

/// How far a head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProxyHead {
    /// More bytes have to come.
    More,
    /// It is whole and so long; and for whom the connection is, where the head says so: not of a proxy's own health checks
    /// (`LOCAL`), nor of a client without an address (`UNKNOWN`, `AF_UNSPEC`, a Unix socket).
    Whole(usize, Option<SocketAddr>),
    /// It is none.
    Malformed,
}

/// Looks at all bytes that came so far.
pub(super) fn read(input: &[u8]) -> ProxyHead {
    match input.first() {
        None => ProxyHead::More,
        Some(b'\r') => read_v2(input),
        Some(_) => read_v1(input),
    }
}

fn read_v1(input: &[u8]) -> ProxyHead {
    let known = v1::PROTOCOL_PREFIX.as_bytes();
    let begun = input.len().min(known.len());
    if input[..begun] != known[..begun] {
        return ProxyHead::Malformed;
    }
    let within = &input[..input.len().min(PROXY_V1_BYTES)];
    let Some(line_feed) = memchr::memchr(b'\n', within) else {
        return match input.len() < PROXY_V1_BYTES {
            true => ProxyHead::More,
            false => ProxyHead::Malformed,
        };
    };
    let (line, length) = (&input[..=line_feed], line_feed + 1);
    // What is looked at ends at the first CR: one within the line hides the rest of it.
    match v1::Header::try_from(line) {
        Ok(head) if head.header.len() == length && line.ends_with(b"\r\n") => {
            let source: Option<(IpAddr, u16)> = match head.addresses {
                v1::Addresses::Unknown => None,
                v1::Addresses::Tcp4(a) => Some((a.source_address.into(), a.source_port)),
                v1::Addresses::Tcp6(a) => Some((a.source_address.into(), a.source_port)),
            };
            ProxyHead::Whole(length, source.map(canonical))
        }
        _ => ProxyHead::Malformed,
    }
}

fn read_v2(input: &[u8]) -> ProxyHead {
    let known = v2::PROTOCOL_PREFIX;
    let begun = input.len().min(known.len());
    if input[..begun] != known[..begun] {
        return ProxyHead::Malformed;
    }
    let Some(&[high, low]) = input.get(V2_START - 2..V2_START) else {
        return ProxyHead::More;
    };
    let length = V2_START + usize::from(u16::from_be_bytes([high, low]));
    if length > PROXY_V2_BYTES {
        return ProxyHead::Malformed;
    }
    let Some(head) = input.get(..length) else {
        return ProxyHead::More;
    };
    match v2::Header::try_from(head) {
        Ok(head) => {
            let source: Option<(IpAddr, u16)> = match (head.command, head.addresses) {
                (v2::Command::Proxy, v2::Addresses::IPv4(a)) => {
                    Some((a.source_address.into(), a.source_port))
                }
                (v2::Command::Proxy, v2::Addresses::IPv6(a)) => {
                    Some((a.source_address.into(), a.source_port))
                }
                _ => None,
            };
            ProxyHead::Whole(length, source.map(canonical))
        }
        Err(_) => ProxyHead::Malformed,
    }
}

fn canonical((address, port): (IpAddr, u16)) -> SocketAddr {
    SocketAddr::new(address.to_canonical(), port)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: &[u8] = b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 80\r\n";

    fn v2(version_command: u8, family: u8, rest: &[u8]) -> Vec<u8> {
        let mut head = v2::PROTOCOL_PREFIX.to_vec();
        head.extend([version_command, family]);
        head.extend((rest.len() as u16).to_be_bytes());
        head.extend(rest);
        head
    }

    fn v2_v4(more: &[u8]) -> Vec<u8> {
        let mut rest = vec![203, 0, 113, 9, 192, 0, 2, 1, 0x13, 0x88, 0, 80];
        rest.extend(more);
        v2(0x21, 0x11, &rest)
    }

    /// What comes of `head` and of each of its beginnings, with a request behind it.
    #[track_caller]
    fn whole(head: &[u8], source: Option<&str>) {
        for end in 0..head.len() {
            assert_eq!(
                read(&head[..end]),
                ProxyHead::More,
                "{end} bytes of {head:?}"
            );
        }
        let source = source.map(|s| s.parse().expect("an address"));
        for behind in [&b""[..], b"GET / HTTP/1.1\r\n", b"\r\n\r\n"] {
            let all = [head, behind].concat();
            assert_eq!(read(&all), ProxyHead::Whole(head.len(), source), "{head:?}");
        }
    }

    #[test]
    fn heads_of_both_versions_are_read_however_they_arrive() {
        whole(V4, Some("203.0.113.9:5000"));
        whole(
            b"PROXY TCP6 2001:db8::9 2001:db8::1 5000 80\r\n",
            Some("[2001:db8::9]:5000"),
        );
        whole(
            b"PROXY TCP6 ::ffff:203.0.113.9 ::1 1 80\r\n",
            Some("203.0.113.9:1"),
        );
        whole(b"PROXY UNKNOWN\r\n", None);
        let long = b"PROXY UNKNOWN ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
        assert_eq!(long.len(), PROXY_V1_BYTES);
        whole(long, None);
        whole(&v2_v4(b""), Some("203.0.113.9:5000"));
        whole(&v2_v4(b"\x04\x00\x01x"), Some("203.0.113.9:5000"));
        let mut v6 = [0; 36];
        (v6[0], v6[15], v6[32], v6[33]) = (0x20, 9, 0x13, 0x88);
        whole(&v2(0x21, 0x21, &v6), Some("[2000::9]:5000"));
        whole(&v2(0x20, 0x00, b""), None);
        whole(&v2(0x20, 0x11, &v2_v4(b"")[16..]), None);
        whole(&v2(0x21, 0x00, b"anything"), None);
        whole(&v2(0x21, 0x31, &[b'u'; 216]), None);
    }

    #[test]
    fn what_is_no_head_is_found_out_at_the_first_byte_that_shows_it() {
        for (bytes, shows) in [
            (&b"GET / HTTP/1.1\r\n"[..], 1),
            (b"PROXX TCP4", 5),
            (b"\r\n\r\n\0\r\nQUOT", 10),
            (b"\r\nGET", 3),
        ] {
            assert_eq!(read(&bytes[..shows]), ProxyHead::Malformed, "{bytes:?}");
            assert_eq!(read(&bytes[..shows - 1]), ProxyHead::More, "{bytes:?}");
        }
        for bytes in [
            &b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 80\n"[..],
            b"PROXY TCP4 203.0.113.999 192.0.2.1 5000 80\r\n",
            b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 65536\r\n",
            b"PROXY TCP4 203.0.113.9 192.0.2.1 5000\r\n",
            b"PROXY TCP4 2001:db8::9 2001:db8::1 5000 80\r\n",
            b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 80 90\r\n",
            b"PROXY TCP4 203.0.113.9 192.0.2.1 5000 80\rX\n",
            b"PROXY TCP5 203.0.113.9 192.0.2.1 5000 80\r\n",
            b"PROXY\r\n",
            b"PROXY \xff\r\n",
        ] {
            assert_eq!(read(bytes), ProxyHead::Malformed, "{bytes:?}");
        }
        for bytes in [
            v2(0x11, 0x11, &[0; 12]),
            v2(0x22, 0x11, &[0; 12]),
            v2(0x21, 0x11, &[0; 11]),
            v2(0x21, 0x44, &[0; 12]),
        ] {
            assert_eq!(read(&bytes), ProxyHead::Malformed, "{bytes:?}");
        }
    }

    #[test]
    fn lengths_are_limited() {
        let most = v2_v4(&vec![0; PROXY_V2_BYTES - V2_START - 12]);
        assert_eq!(most.len(), PROXY_V2_BYTES);
        whole(&most, Some("203.0.113.9:5000"));
        let more = v2_v4(&vec![0; PROXY_V2_BYTES - V2_START - 11]);
        assert_eq!(read(&more[..V2_START]), ProxyHead::Malformed);
        let mut line = b"PROXY UNKNOWN ".to_vec();
        line.resize(PROXY_V1_BYTES - 1, b'x');
        assert_eq!(read(&line), ProxyHead::More);
        line.push(b'x');
        assert_eq!(read(&line), ProxyHead::Malformed);
        line.truncate(PROXY_V1_BYTES - 1);
        line.extend(b"\r\n");
        assert_eq!(read(&line), ProxyHead::Malformed);
    }
}
