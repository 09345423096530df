//! What must hold of any bytes that a server sends: the fuzz target `answer` and the test that replays its corpus check it.

use std::task::{Context, Waker};

use super::body::Passage;
use super::out::{Onward, Unsent};
use super::response::{self, Delimited, SWITCHING, Style};
use crate::proxy::http1::{
    AnswerParser, BodyDecoder, Decoded, Extent, Head, Parser, Progress, Version,
};
use crate::proxy::limits::{ANSWER_FIELDS, ANSWER_HEAD_BYTES};

/// Whose answer it is.
const REQUESTS: [&[u8]; 4] = [
    b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET / HTTP/1.0\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
];
/// Fields that an answer may have more when it is passed on.
const ADDED: usize = 6;

/// What a server's bytes came to, and what the client got of them.
#[derive(Debug, PartialEq, Eq)]
enum End {
    /// The head is not whole yet.
    More,
    Bad,
    /// The status, the data, and what became of the body.
    Answer(u16, Vec<u8>, Body),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Body {
    Whole,
    More,
    Broken,
}

/// Checks that `input`, as a server's answer to each kind of request, comes to the same in one piece and in pieces of `step`
/// bytes, and that whoever reads what the client gets sees the same answer, whole or not.
///
/// # Panics
/// Where a law is broken.
pub fn hold(input: &[u8], step: usize) {
    for request in REQUESTS {
        let head = parse(request);
        let whole = run(input, input.len().max(1), &head);
        let pieces = run(input, step.max(1), &head);
        assert_eq!(whole, pieces, "in pieces of {step}");
    }
}

fn parse(request: &[u8]) -> Head {
    let mut parser = Parser::default();
    let Ok(Progress::Whole(_)) = parser.parse(request) else {
        unreachable!("a good head");
    };
    parser
        .request(request)
        .head(bytes::Bytes::copy_from_slice(request))
}

fn run(input: &[u8], step: usize, head: &Head) -> End {
    let mut parser = AnswerParser::default();
    let (mut start, mut shown) = (0, 0);
    let length = loop {
        match parser.parse(&input[start..shown]) {
            Err(_) => return End::Bad,
            Ok(None) if shown == input.len() => return End::More,
            Ok(None) => shown = (shown + step).min(input.len()),
            Ok(Some(length)) => {
                let answer = parser.answer(&input[start..start + length]);
                if answer.status() >= 200 || answer.status() == SWITCHING {
                    break length;
                }
                start += length;
                parser.reset();
            }
        }
    };
    let (first, rest) = input[start..].split_at(length);
    let answer = parser.answer(first);
    assert!((100..=999).contains(&answer.status()));
    for (name, value) in answer.lines() {
        assert!(!name.is_empty() && !name.iter().any(u8::is_ascii_whitespace));
        assert!(!value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
    }
    let Ok((extent, delimited)) = response::delimit(&answer, head) else {
        return End::Bad;
    };
    let mut got = Vec::new();
    response::write_head(&mut got, &answer, &style(head, delimited));
    let mut passage = Passage::new(extent, delimited == Delimited::Chunked);
    let body = pass(&mut passage, rest, step, &mut got);
    let end = End::Answer(answer.status(), Vec::new(), body);
    let small = length <= ANSWER_HEAD_BYTES / 2;
    match small && answer.lines().count() + ADDED <= ANSWER_FIELDS {
        true => reread(&got, head, end),
        false => end,
    }
}

fn style(head: &Head, delimited: Delimited) -> Style<'static> {
    Style {
        version: head.version,
        keep_alive: true,
        delimited,
        pseudonym: "signpost-0",
        date: *b"Thu, 01 Jan 1970 00:00:00 GMT",
        cookie: None,
    }
}

fn pass(passage: &mut Passage, input: &[u8], step: usize, got: &mut Vec<u8>) -> Body {
    let (mut text, mut unsent) = (Vec::new(), Unsent::default());
    let mut cx = Context::from_waker(Waker::noop());
    for piece in input.chunks(step) {
        let mut onward = Onward {
            text: &mut text,
            unsent: &mut unsent,
            stream: got,
            cx: &mut cx,
        };
        let passed = passage.pass(piece, &mut onward);
        onward.send();
        match passed {
            Err(_) => return Body::Broken,
            Ok(_) if passage.ended() => return Body::Whole,
            Ok(used) => assert_eq!(used, piece.len(), "bytes of a body were left"),
        }
    }
    match passage.ended() {
        true => Body::Whole,
        false => Body::More,
    }
}

/// Reads what the client got as the client does.
fn reread(got: &[u8], head: &Head, end: End) -> End {
    let End::Answer(status, _, body) = end else {
        return end;
    };
    let mut parser = AnswerParser::default();
    let length = parser.parse(got).ok().flatten().expect("a good head");
    let answer = parser.answer(&got[..length]);
    assert_eq!(answer.status(), status);
    assert!(answer.dated());
    let extent = answer.extent(head.text(&head.method) == b"HEAD");
    let mut input = bytes::BytesMut::from(&got[length..]);
    let Extent::Framed(framing) = extent else {
        assert_eq!(head.version, Version::Http10, "no end");
        return End::Answer(status, input.to_vec(), body);
    };
    let mut decoder = BodyDecoder::new(framing);
    let mut data = Vec::new();
    loop {
        match decoder.decode(&mut input).expect("a good body") {
            Decoded::Data(piece) => data.extend_from_slice(&piece),
            Decoded::Trailers(_) => {}
            Decoded::End | Decoded::More => break,
        }
    }
    assert!(input.is_empty(), "bytes behind the answer");
    assert_eq!(decoder.ended(), body == Body::Whole, "whole or not");
    End::Answer(status, data, body)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn they_hold_of_any_bytes(input in prop::collection::vec(any::<u8>(), 0..200), step in 1..20usize) {
            super::hold(&input, step);
        }

        #[test]
        fn they_hold_of_what_looks_right(
            status in "(HTTP/1.1 (100|103|101|200|204|304|999) ?(OK)?\r\n){1,2}",
            fields in "(Content-Length: ?[0-9]{1,2}\r\n|Transfer-Encoding: chunked\r\n|Connection: (upgrade|close|x)\r\n|Upgrade: websocket\r\n|X: y\r\n){0,3}",
            body in "\r\n([0-9a-f]{1,2}(;x=y)?\r\n|[a-z]{0,20}|\r\n|0\r\n(X-Sum: 1\r\n)?\r\n){0,6}",
            step in 1..40usize,
        ) {
            super::hold(format!("{status}{fields}{body}").as_bytes(), step);
        }

        #[test]
        fn they_hold_of_good_chunks(sizes in prop::collection::vec(1..30_000usize, 0..6), step in 1..70_000usize) {
            let mut input = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
            for size in sizes {
                input.extend_from_slice(format!("{size:x}\r\n").as_bytes());
                input.resize(input.len() + size, b'x');
                input.extend_from_slice(b"\r\n");
            }
            input.extend_from_slice(b"0\r\n\r\n");
            super::hold(&input, step);
        }
    }
}
