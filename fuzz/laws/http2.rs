//! The law of the `http2` target: the first byte says in what pieces the rest arrives, the second what is answered. Where the first
//! is 0 the rest are fields.

use signpost::proxy::http2::laws;

/// A connection's beginning as it should be; where a preface stands in the bytes they begin on their own.
const HELLO: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// Panics where the law is broken.
pub(crate) fn check(bytes: &[u8]) {
    match bytes {
        [0, how, rest @ ..] => {
            let mut lines = rest.split(|b| *b == b'\n').map(<[u8]>::to_vec);
            let mut pairs = vec![];
            while let (Some(name), Some(value)) = (lines.next(), lines.next()) {
                pairs.push((name, value));
            }
            laws::hold_fields(&pairs, *how);
        }
        [step, how, rest @ ..] if rest.starts_with(b"PRI") => {
            laws::hold(rest, usize::from(*step), *how);
        }
        [step, how, rest @ ..] => laws::hold(&[HELLO, rest].concat(), usize::from(*step), *how),
        _ => {}
    }
}
