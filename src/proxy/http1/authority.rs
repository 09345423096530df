//! `host[:port]` as RELIABILITY.md part B has it: a name, an IPv4 address or an `[IPv6]` one.

use std::net::Ipv6Addr;
use std::num::NonZeroU16;

use super::octets::{is_label, run};
use crate::proxy::limits::{HOST_BYTES, LABEL_BYTES};

/// A valid authority: how long its host is, without a trailing dot, and its port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::proxy) struct Authority {
    pub(in crate::proxy) host: usize,
    pub(in crate::proxy) port: Option<NonZeroU16>,
}

/// Reads an authority; `None` where it is none.
pub(in crate::proxy) fn authority(bytes: &[u8]) -> Option<Authority> {
    let (host, end) = match bytes.first()? {
        b'[' => {
            let close = bytes.iter().position(|b| *b == b']')?;
            let text = std::str::from_utf8(&bytes[1..close]).ok()?;
            text.parse::<Ipv6Addr>().ok()?;
            (close + 1, close + 1)
        }
        _ => name(bytes)?,
    };
    let port = match bytes.get(end..)? {
        [] => None,
        [b':', digits @ ..] => Some(port(digits)?),
        _ => return None,
    };
    Some(Authority { host, port })
}

/// The lengths of the name at the front without and with its trailing dot.
fn name(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut at = 0;
    let label = loop {
        let label = run(&bytes[at..], is_label);
        if label > LABEL_BYTES {
            return None;
        }
        at += label;
        match bytes.get(at) {
            None | Some(b':') => break label,
            Some(b'.') if label > 0 => {
                at += 1;
            }
            Some(_) => return None,
        }
    };
    let host = if label == 0 { at.checked_sub(1)? } else { at };
    (host <= HOST_BYTES).then_some((host, at))
}

fn port(digits: &[u8]) -> Option<NonZeroU16> {
    if digits.is_empty() || digits.len() > 5 || digits[0] == b'0' {
        return None;
    }
    let mut port = 0u32;
    for d in digits {
        if !d.is_ascii_digit() {
            return None;
        }
        port = port * 10 + u32::from(d - b'0');
    }
    NonZeroU16::new(u16::try_from(port).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn valid(text: &str, host: &str, port: u16) {
        let found = authority(text.as_bytes()).unwrap_or_else(|| panic!("{text} refused"));
        assert_eq!(&text[..found.host], host);
        assert_eq!(found.port.map_or(0, NonZeroU16::get), port, "{text}");
    }

    #[test]
    fn names_and_addresses_are_taken() {
        valid("a", "a", 0);
        valid("Example.COM:8080", "Example.COM", 8080);
        valid("a_b-c.d.:1", "a_b-c.d", 1);
        valid("a.", "a", 0);
        valid("192.0.2.1:65535", "192.0.2.1", 65535);
        valid("[2001:db8::1]", "[2001:db8::1]", 0);
        valid("[::ffff:192.0.2.1]:80", "[::ffff:192.0.2.1]", 80);
    }

    #[test]
    fn all_else_is_refused() {
        for text in [
            "",
            ".",
            "..",
            ".a",
            "a..b",
            "a..",
            ":80",
            "a:",
            "a:0",
            "a:65536",
            "a:100000",
            "a:080",
            "a:+1",
            "a:1x",
            "a:1:2",
            "a b",
            "a,b",
            "a%62",
            "u@a",
            "a/b",
            "a\\b",
            "a?b",
            "[::1",
            "[]",
            "[::1]x",
            "[::1]:",
            "[::1%25eth0]",
            "[127.0.0.1]",
            "::1",
            "a\u{e9}",
            "[v1.a]",
            "a*",
            "(a)",
            "a;b",
        ] {
            assert_eq!(authority(text.as_bytes()), None, "{text:?}");
        }
    }

    #[test]
    fn lengths_are_limited() {
        let label = |n| "l".repeat(n);
        assert!(authority(label(LABEL_BYTES).as_bytes()).is_some());
        assert!(authority(label(LABEL_BYTES + 1).as_bytes()).is_none());
        let name = |n: usize| {
            let mut text = vec![label(49); 5].join(".");
            text.push('.');
            text.push_str(&label(n - 250));
            assert_eq!(text.len(), n);
            text
        };
        assert!(authority(name(HOST_BYTES).as_bytes()).is_some());
        assert!(authority(format!("{}.", name(HOST_BYTES)).as_bytes()).is_some());
        assert!(authority(name(HOST_BYTES + 1).as_bytes()).is_none());
    }
}
