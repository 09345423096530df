//! Which fields go on, and which belong to one connection only (RFC 9110 §7.6.1).

use smallvec::SmallVec;

/// The names that `Connection` fields list.
pub(super) type Named<'a> = SmallVec<[&'a [u8]; 4]>;

/// Adds what one `Connection` value lists.
pub(super) fn list<'a>(named: &mut Named<'a>, value: &'a [u8]) {
    named.extend(members(value));
}

/// The members of a comma-separated list of tokens.
pub(super) fn members(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value
        .split(|&b| b == b',')
        .map(<[u8]>::trim_ascii)
        .filter(|member| !member.is_empty())
}

/// Whether a list has this member, without case.
pub(super) fn has(value: &[u8], member: &[u8]) -> bool {
    members(value).any(|m| m.eq_ignore_ascii_case(member))
}

/// Fields that never pass from one connection to the next, whatever `Connection` says.
pub(super) fn hop_by_hop(name: &[u8]) -> bool {
    let known: &[&[u8]] = match name.len() {
        2 => &[b"te"],
        7 => &[b"upgrade"],
        10 => &[b"connection", b"keep-alive"],
        14 => &[b"http2-settings"],
        16 => &[b"proxy-connection"],
        17 => &[b"transfer-encoding"],
        _ => return false,
    };
    known.iter().any(|k| name.eq_ignore_ascii_case(k))
}

/// Fields that `Connection` cannot take away: framing, routing and credentials (RELIABILITY.md part D).
pub(super) fn protected(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 8] = [
        b"host",
        b"content-length",
        b"transfer-encoding",
        b"authorization",
        b"cookie",
        b"set-cookie",
        b"via",
        b"date",
    ];
    NAMES.iter().any(|n| name.eq_ignore_ascii_case(n)) || forwarding(name)
}

/// Whether this protocol is HTTP/2 in the clear: it would hide requests from whoever stands in between.
pub(super) fn h2c(protocol: &[u8]) -> bool {
    protocol.eq_ignore_ascii_case(b"h2c")
}

/// `Forwarded`, all of `X-Forwarded-*`, and the client's certificate (RFC 9440).
pub(super) fn forwarding(name: &[u8]) -> bool {
    const PREFIX: &[u8] = b"x-forwarded-";
    name.eq_ignore_ascii_case(b"forwarded")
        || name.eq_ignore_ascii_case(b"client-cert")
        || name.eq_ignore_ascii_case(b"client-cert-chain")
        || name
            .get(..PREFIX.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(PREFIX))
}

/// A spelling with underscores of a field that is ours to set: servers that hand fields on as
/// environment variables cannot tell the two apart.
pub(super) fn disguised(name: &[u8]) -> bool {
    if !name.contains(&b'_') {
        return false;
    }
    let plain: SmallVec<[u8; 64]> = name
        .iter()
        .map(|&b| if b == b'_' { b'-' } else { b })
        .collect();
    protected(&plain) || hop_by_hop(&plain)
}

/// Fields that may not come as trailers: framing, routing, credentials, and what belongs to a connection
/// (RFC 9110 §6.5.1).
pub(super) fn no_trailer(name: &[u8]) -> bool {
    const NAMES: [&[u8]; 6] = [
        b"trailer",
        b"content-encoding",
        b"content-type",
        b"content-range",
        b"expect",
        b"max-forwards",
    ];
    hop_by_hop(name)
        || protected(name)
        || disguised(name)
        || NAMES.iter().any(|n| name.eq_ignore_ascii_case(n))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_fields() {
        // name, hop-by-hop, kept although Connection names it, ours when underscored
        let table: [(&str, bool, bool); 14] = [
            ("Connection", true, false),
            ("Keep-Alive", true, false),
            ("Proxy-Connection", true, false),
            ("TE", true, false),
            ("Transfer-Encoding", true, true),
            ("Upgrade", true, false),
            ("Host", false, true),
            ("Content-Length", false, true),
            ("Authorization", false, true),
            ("Cookie", false, true),
            ("X-Forwarded-For", false, true),
            ("X-Forwarded-Anything", false, true),
            ("Accept", false, false),
            ("X-Custom", false, false),
        ];
        for (name, hop, kept) in table {
            for name in [name.to_owned(), name.to_lowercase(), name.to_uppercase()] {
                assert_eq!(hop_by_hop(name.as_bytes()), hop, "{name}");
                assert_eq!(protected(name.as_bytes()), kept, "{name}");
            }
        }
    }

    #[test]
    fn underscores_hide_nothing() {
        for name in [
            "X_Forwarded_For",
            "x-forwarded_proto",
            "Content_Length",
            "TRANSFER_ENCODING",
        ] {
            assert!(disguised(name.as_bytes()), "{name}");
        }
        for name in ["X_Custom", "_", "X-Forwarded-For"] {
            assert!(!disguised(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn lists_are_read_as_lists() {
        assert!(has(b"a, Upgrade ,b", b"upgrade"));
        assert!(!has(b"a, upgrades", b"upgrade"));
        let mut named = Named::new();
        list(&mut named, b" close ,, X-A");
        assert_eq!(named.as_slice(), [b"close".as_slice(), b"X-A"]);
    }
}
