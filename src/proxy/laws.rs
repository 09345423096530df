//! What must hold of any bytes before a request and in its fields: the fuzz target `front` and the test that replays its corpus
//! check it.

use super::past;
use super::proxy_head::{self, ProxyHead};
use crate::decide::{Keys, Minds};
use crate::model::Block;

/// Checks that a PROXY protocol head is read alike in whatever pieces it comes, and that no field value upsets those who look
/// for a client's past and address in it.
///
/// # Panics
/// Where a law is broken.
pub fn hold(input: &[u8]) {
    head(input);
    fields(input);
}

fn head(input: &[u8]) {
    let whole = proxy_head::read(input);
    if let ProxyHead::Whole(length, _) = whole {
        assert!(length <= input.len(), "longer than what came");
        assert_eq!(
            proxy_head::read(&input[..length]),
            whole,
            "what follows had a say"
        );
    }
    let decided = (0..input.len()).map(|end| proxy_head::read(&input[..end]));
    if let Some(first) = decided.into_iter().find(|read| *read != ProxyHead::More) {
        assert_eq!(first, whole, "more bytes changed what was decided");
    }
}

fn fields(value: &[u8]) {
    let minds = Minds {
        cookie: Some("a"),
        referer: true,
        reload: true,
    };
    let names: [&[u8]; 4] = [b"Cookie", b"Referer", b"Cache-Control", b"Pragma"];
    let lines = names.map(|name| (name, value));
    let read = past::read(minds, &Keys::new(&[], [0; 32]), 0, lines.into_iter());
    assert_eq!(read.ticket, None, "nobody signed it");
    if let Some(referer) = &read.referer {
        let plain =
            |b: u8| b.is_ascii_graphic() && !b.is_ascii_uppercase() && b != b'/' && b != b'@';
        assert!(referer.bytes().all(plain), "no authority: {referer}");
    }
    if let Some(left) = past::without(value, b"a") {
        assert!(left.len() <= value.len());
        let again = past::without(&left, b"a");
        assert_eq!(again.as_deref(), Some(&*left), "it is still there");
    }
    let all = Block {
        address: [0, 0, 0, 0].into(),
        length: 0,
    };
    let names: [&[u8]; 3] = [b"X-Forwarded-For", b"X-Forwarded-Proto", b"Forwarded"];
    let lines = names.map(|name| (name, value));
    super::claimed::told(&[all], [127, 0, 0, 1].into(), lines.into_iter());
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_hold_of_any_bytes(input in prop::collection::vec(any::<u8>(), 0..300)) {
            super::hold(&input);
        }

        #[test]
        fn they_hold_of_what_looks_right(input in "(PROXY )?(TCP4 |TCP6 |UNKNOWN|a=|a=b; |http://|[0-9a-f:. ;,=\"\\[\\]]){0,12}\r?\n?") {
            super::hold(input.as_bytes());
        }
    }
}
