//! The client's address as a trusted proxy tells it in `X-Forwarded-For`.

use std::net::{IpAddr, SocketAddr};

use smallvec::SmallVec;

use super::limits::FORWARDED_FOR;
use crate::model::Block;

/// Whether the operator trusts what `address` says about others.
pub(super) fn trusted(blocks: &[Block], address: IpAddr) -> bool {
    blocks.iter().any(|block| block.contains(address))
}

/// Whom a request is for that `from` sends: the rightmost address in the `X-Forwarded-For` lines of `fields` that is not trusted
/// itself, the leftmost where all are; `from` where it is not trusted, or where an entry on the way is no address.
pub(super) fn client<'a>(
    blocks: &[Block],
    from: IpAddr,
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> IpAddr {
    if !trusted(blocks, from) {
        return from;
    }
    let lines: SmallVec<[&[u8]; 4]> = fields
        .filter(|(name, _)| name.eq_ignore_ascii_case(b"x-forwarded-for"))
        .map(|(_, value)| value)
        .collect();
    let entries = lines
        .iter()
        .rev()
        .flat_map(|line| line.rsplit(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        // Empty members of a list are none (RFC 9110 §5.6.1).
        .filter(|entry| !entry.is_empty());
    let mut client = from;
    for (n, entry) in entries.enumerate() {
        let Some(said) = address(entry).filter(|_| n < FORWARDED_FOR) else {
            return from;
        };
        client = said;
        if !trusted(blocks, client) {
            break;
        }
    }
    client
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
        client(&blocks, from.parse().expect("an address"), fields).to_string()
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
