//! What must hold of any bytes: the fuzz target `head` and the test that replays its corpus check it.

use bytes::{Bytes, BytesMut};

use super::{BodyDecoder, Decoded, Fault, Framing, Head, Parser, Progress, Version};
use crate::proxy::limits::{FIELDS, METHOD_BYTES, TARGET_BYTES, TRAILERS};

/// How a request at the front of some bytes came out.
#[derive(Debug, PartialEq, Eq)]
enum End {
    More,
    Refused(Fault),
    /// How many bytes are the head's with what stood before it, then what became of the body.
    Whole(usize, Result<(Vec<u8>, bool), Fault>),
}

/// Checks that `input`, as a request's head and body, is parsed the same in one piece and in pieces of
/// `step` bytes, and that a head that is accepted keeps the rules.
///
/// # Panics
/// Where a law is broken.
pub fn hold(input: &[u8], step: usize) {
    let whole = run(input, input.len().max(1));
    let pieces = run(input, step.max(1));
    assert_eq!(whole, pieces, "in pieces of {step}");
}

fn run(input: &[u8], step: usize) -> End {
    let mut parser = Parser::default();
    let (mut from, mut shown) = (0, 0);
    loop {
        match parser.parse(&input[from..shown]) {
            Err(fault) => return End::Refused(fault),
            Ok(Progress::EmptyLine) => {
                assert_eq!(from, 0, "a second empty line");
                from = 2;
            }
            Ok(Progress::Whole(length)) => {
                let bytes = Bytes::copy_from_slice(&input[from..from + length]);
                let head = parser.request(&bytes).head(bytes.clone());
                keeps_the_rules(&head);
                let end = from + length;
                return End::Whole(end, body(head.framing, &input[end..], step));
            }
            Ok(Progress::More) if shown == input.len() => return End::More,
            Ok(Progress::More) => shown = (shown + step).min(input.len()),
        }
    }
}

fn body(framing: Framing, input: &[u8], step: usize) -> Result<(Vec<u8>, bool), Fault> {
    let mut decoder = BodyDecoder::new(framing);
    let mut data = Vec::new();
    let mut buffer = BytesMut::new();
    let mut pieces = input.chunks(step);
    loop {
        match decoder.decode(&mut buffer)? {
            Decoded::Data(piece) => {
                assert!(!piece.is_empty());
                data.extend_from_slice(&piece);
            }
            Decoded::Trailers(trailers) => assert!((1..=TRAILERS).contains(&trailers.len())),
            Decoded::End => {
                if let Framing::Length(length) = framing {
                    assert_eq!(data.len() as u64, length);
                }
                return Ok((data, true));
            }
            Decoded::More => match pieces.next() {
                Some(piece) => buffer.extend_from_slice(piece),
                None => return Ok((data, false)),
            },
        }
    }
}

fn keeps_the_rules(head: &Head) {
    let method = head.text(&head.method);
    assert!((1..=METHOD_BYTES).contains(&method.len()));
    assert!(!matches!(method, b"TRACE" | b"CONNECT"));
    let target = head.text(&head.target);
    assert!(target.len() <= TARGET_BYTES);
    assert!(target.iter().all(|b| b.is_ascii_graphic() && *b != b'#'));
    let star = target == b"*" && method == b"OPTIONS";
    assert!(star || matches!(target.first(), None | Some(b'/' | b'?')));
    let host = head.text(&head.host);
    assert!(!host.is_empty() || head.version == Version::Http10);
    assert!(
        host.iter()
            .all(|b| b.is_ascii_alphanumeric() || b"._-[]:".contains(b))
    );
    assert!(head.port != Some(0));
    assert!(head.fields.len() <= FIELDS);
    assert!(head.bytes.ends_with(b"\r\n\r\n"));
    let count = |name: &[u8]| {
        let names = head.fields.iter().map(|f| head.text(&f.name));
        names.filter(|n| n.eq_ignore_ascii_case(name)).count()
    };
    assert!(count(b"host") <= 1);
    assert!(count(b"transfer-encoding") <= 1);
    assert!(count(b"transfer-encoding") == 0 || count(b"content-length") == 0);
    assert_eq!(
        head.framing == Framing::Chunked,
        count(b"transfer-encoding") == 1
    );
    for field in &head.fields {
        assert!(!field.name.is_empty());
        let value = head.text(&field.value);
        assert!(!value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
        assert!(!matches!(value.first(), Some(b' ' | b'\t')));
        assert!(!matches!(value.last(), Some(b' ' | b'\t')));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_corpus_holds() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/fuzz/corpus/head");
        let mut seen = 0;
        for file in std::fs::read_dir(folder).expect("the corpus") {
            let path = file.expect("an entry").path();
            let bytes = std::fs::read(&path).expect("a file");
            let (_, bytes) = bytes.split_first().expect("a byte for the step");
            for step in [1, 2, 5, 64] {
                hold(bytes, step);
            }
            seen += 1;
        }
        assert!(seen > 0);
    }

    #[test]
    fn the_cases_hold() {
        for (bytes, ..) in super::super::cases::cases() {
            hold(&bytes, 3);
        }
    }
}
