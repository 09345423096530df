//! The client's address and scheme as a trusted proxy tells them.

use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

use super::limits::FORWARDED_FOR;
use crate::model::{Block, Scheme};

/// Whether the operator trusts what `address` says about others.
pub(super) fn trusted(blocks: &[Block], address: IpAddr) -> bool {
    blocks.iter().any(|block| block.contains(address))
}

/// What is believed of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Told {
    /// Whom it is for.
    pub(super) client: IpAddr,
    /// How the client asked, where that is told.
    pub(super) scheme: Option<Scheme>,
}

/// What is told of a request that `from` sends, which is believed where that is trusted.
///
/// The client is the rightmost address in the `X-Forwarded-For` lines of `fields` that is not trusted itself, the leftmost where all
/// are; `from` where an entry on the way is no address. The scheme is that which was told together with the client: by
/// `X-Forwarded-Proto`, or where no line says that by `Forwarded` (RFC 7239).
pub(super) fn told<'a>(
    blocks: &[Block],
    from: IpAddr,
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Told {
    if !trusted(blocks, from) {
        return Told {
            client: from,
            scheme: None,
        };
    }
    let (mut clients, mut schemes, mut both) = (Lines::new(), Lines::new(), Lines::new());
    for (name, value) in fields {
        let lines = match name {
            n if n.eq_ignore_ascii_case(b"x-forwarded-for") => &mut clients,
            n if n.eq_ignore_ascii_case(b"x-forwarded-proto") => &mut schemes,
            n if n.eq_ignore_ascii_case(b"forwarded") => &mut both,
            _ => continue,
        };
        lines.push(value);
    }
    let (client, nth) = client(blocks, from, &clients);
    // A proxy that passes on what the one before it said, and adds nothing, leaves fewer of them than of addresses.
    let said = backwards(&schemes).take(nth + 1).last();
    Told {
        client,
        scheme: match said {
            Some(said) => scheme(said),
            None => forwarded(blocks, &both),
        },
    }
}

/// The lines of one field.
type Lines<'a> = SmallVec<[&'a [u8]; 4]>;

/// The members of a list, the last first. Empty ones are none (RFC 9110 §5.6.1).
fn backwards<'a>(lines: &'a [&'a [u8]]) -> impl Iterator<Item = &'a [u8]> {
    lines
        .iter()
        .rev()
        .flat_map(|line| line.rsplit(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
}

/// The client, and how many entries stand behind its own.
fn client(blocks: &[Block], from: IpAddr, lines: &[&[u8]]) -> (IpAddr, usize) {
    let mut client = (from, 0);
    for (nth, entry) in backwards(lines).enumerate() {
        let Some(said) = address(entry).filter(|_| nth < FORWARDED_FOR) else {
            return (from, 0);
        };
        client = (said, nth);
        if !trusted(blocks, said) {
            break;
        }
    }
    client
}

fn scheme(said: &[u8]) -> Option<Scheme> {
    match said {
        s if s.eq_ignore_ascii_case(b"http") => Some(Scheme::Http),
        s if s.eq_ignore_ascii_case(b"https") => Some(Scheme::Https),
        _ => None,
    }
}

/// The scheme of the leftmost element of `Forwarded` that a trusted proxy wrote.
fn forwarded(blocks: &[Block], lines: &[&[u8]]) -> Option<Scheme> {
    let mut told = None;
    for element in backwards(lines).take(FORWARDED_FOR) {
        told = parameter(element, b"proto").and_then(scheme).or(told);
        let before = parameter(element, b"for").and_then(address);
        if !before.is_some_and(|before| trusted(blocks, before)) {
            break;
        }
    }
    told
}

/// What an element of `Forwarded` says of `name`, without quotes around it.
fn parameter<'a>(element: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    element.split(|b| *b == b';').find_map(|pair| {
        let equals = pair.iter().position(|b| *b == b'=')?;
        let (said, value) = (&pair[..equals], pair[equals + 1..].trim_ascii());
        let bare = value
            .strip_prefix(b"\"")
            .and_then(|v| v.strip_suffix(b"\""));
        said.trim_ascii()
            .eq_ignore_ascii_case(name)
            .then(|| bare.unwrap_or(value))
    })
}

/// An address, with or without a port: some proxies add one.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry).ok()?;
    let bare = text.strip_prefix('[').and_then(|t| t.strip_suffix(']'));
    let address = text
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|at| at.ip()))
        .or_else(|_| bare.unwrap_or_default().parse().map(IpAddr::V6));
    address.ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(text: &str) -> Block {
        let (address, length) = text.split_once('/').expect("a block");
        Block {
            address: address.parse().expect("an address"),
            length: length.parse().expect("a length"),
        }
    }

    fn told(from: &str, lines: &[&str]) -> String {
        let blocks = [block("10.0.0.0/8"), block("2001:db8:1::/48")];
        let fields = lines
            .iter()
            .map(|l| (&b"X-forwarded-FOR"[..], l.as_bytes()));
        let others = [(&b"X-Forwarded-Host"[..], &b"9.9.9.9"[..])];
        let fields = fields.chain(others);
        let from = from.parse().expect("an address");
        super::told(&blocks, from, fields).client.to_string()
    }

    #[test]
    fn the_rightmost_address_that_is_not_trusted_is_the_client() {
        for (lines, client) in [
            (&["203.0.113.9"][..], "203.0.113.9"),
            (&["1.1.1.1, 203.0.113.9, 10.9.9.9"], "203.0.113.9"),
            (
                &["1.1.1.1, 203.0.113.9", "10.2.2.2 ,,10.9.9.9"],
                "203.0.113.9",
            ),
            (&["1.1.1.1", "203.0.113.9"], "203.0.113.9"),
            (&["10.7.7.7, 10.8.8.8"], "10.7.7.7"),
            (&["2001:db8::9"], "2001:db8::9"),
            (&["[2001:db8::9]:4711"], "2001:db8::9"),
            (&["[2001:db8::9]"], "2001:db8::9"),
            (&["203.0.113.9:4711"], "203.0.113.9"),
            (&["::ffff:203.0.113.9"], "203.0.113.9"),
            (&["203.0.113.9, 2001:db8:1::5"], "203.0.113.9"),
            (&["garbage, 203.0.113.9"], "203.0.113.9"),
        ] {
            assert_eq!(told("10.0.0.1", lines), client, "{lines:?}");
        }
    }

    #[test]
    fn what_is_no_address_or_not_trusted_leaves_the_peer() {
        for lines in [
            &[][..],
            &[""],
            &[" , "],
            &["unknown"],
            &["1.1.1.1, 203.0.113.999"],
            &["1.1.1.1, \"203.0.113.9\""],
            &["1.1.1.1, nonsense, 10.1.1.1"],
            &["[203.0.113.9]"],
        ] {
            assert_eq!(told("10.0.0.1", lines), "10.0.0.1", "{lines:?}");
        }
        assert_eq!(told("11.0.0.1", &["203.0.113.9"]), "11.0.0.1");
        assert_eq!(told("2001:db8:1::1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(told("2001:db8:2::1", &["203.0.113.9"]), "2001:db8:2::1");
    }

    /// The scheme that is told in lines of `NAME: VALUE`.
    fn asked_by(from: &str, lines: &[&str]) -> Option<Scheme> {
        let blocks = [block("10.0.0.0/8"), block("2001:db8:1::/48")];
        let fields = lines.iter().map(|line| line.split_once(": "));
        let fields = fields.map(|field| field.expect("a field"));
        let fields = fields.map(|(name, value)| (name.as_bytes(), value.as_bytes()));
        super::told(&blocks, from.parse().expect("an address"), fields).scheme
    }

    #[test]
    fn the_scheme_is_what_was_told_together_with_the_client() {
        let (http, https) = (Some(Scheme::Http), Some(Scheme::Https));
        for (lines, scheme) in [
            (&["X-Forwarded-Proto: https"][..], https),
            (&["x-forwarded-PROTO: HTTPS"], https),
            (&["X-Forwarded-Proto: http"], http),
            (&["X-Forwarded-Proto: http, https"], https),
            (
                &["X-Forwarded-Proto: http", "X-Forwarded-Proto: https"],
                https,
            ),
            (&["X-Forwarded-Proto: gopher"], None),
            (&["X-Forwarded-Proto: , "], None),
            (&["X-Forwarded-Protocol: https"], None),
            // Two proxies: the outer one spoke to the client.
            (
                &[
                    "X-Forwarded-For: 203.0.113.9, 10.1.1.1",
                    "X-Forwarded-Proto: https, http",
                ],
                https,
            ),
            (
                &[
                    "X-Forwarded-For: 203.0.113.9, 10.1.1.1",
                    "X-Forwarded-Proto: https",
                ],
                https,
            ),
            // What the client itself said is left of it.
            (
                &[
                    "X-Forwarded-For: 1.1.1.1, 203.0.113.9",
                    "X-Forwarded-Proto: http, https",
                ],
                https,
            ),
            (&["Forwarded: for=203.0.113.9;proto=https"], https),
            (&["forwarded: Proto=\"https\" ; By=x"], https),
            (
                &["Forwarded: proto=https;for=203.0.113.9, for=10.1.1.1;proto=http"],
                https,
            ),
            (
                &[
                    "Forwarded: proto=https",
                    "Forwarded: for=203.0.113.9;proto=http",
                ],
                http,
            ),
            (
                &[
                    "Forwarded: for=\"[2001:db8:1::5]:99\"",
                    "Forwarded: for=10.1.1.1;proto=https",
                ],
                https,
            ),
            (&["Forwarded: for=203.0.113.9"], None),
            (&["Forwarded: proto=ftp, =, ;;proto"], None),
            (
                &["Forwarded: proto=http", "X-Forwarded-Proto: https"],
                https,
            ),
            (&[], None),
        ] {
            assert_eq!(asked_by("10.0.0.1", lines), scheme, "{lines:?}");
            assert_eq!(asked_by("11.0.0.1", lines), None, "{lines:?}");
        }
    }

    #[test]
    fn only_so_many_entries_are_looked_at() {
        let through = |hops: usize| {
            let hops = vec!["10.1.1.1"; hops].join(",");
            told("10.0.0.1", &[&format!("203.0.113.9,{hops}")])
        };
        assert_eq!(through(FORWARDED_FOR - 1), "203.0.113.9");
        assert_eq!(through(FORWARDED_FOR), "10.0.0.1");
    }
}
