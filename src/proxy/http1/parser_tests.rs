use proptest::prelude::*;

use super::super::BodyDecoder;
use super::super::cases::{GOOD, cases};
use super::*;

/// How a parse ended: the fault, or the head with the length of the empty line before it.
type End = Result<(usize, Box<Head>), Fault>;

/// Parses `input` in pieces of `step`; with an end, how many bytes had been shown.
fn run(input: &[u8], step: usize) -> Option<(End, usize)> {
    let mut parser = Parser::default();
    let (mut from, mut shown) = (0, 0);
    while shown < input.len() {
        shown = (shown + step).min(input.len());
        loop {
            match parser.parse(&input[from..shown]) {
                Err(fault) => return Some((Err(fault), shown)),
                Ok(Progress::EmptyLine) => from += 2,
                Ok(Progress::More) => break,
                Ok(Progress::Whole(length)) => {
                    let bytes = bytes::Bytes::copy_from_slice(&input[from..from + length]);
                    let head = parser.request(&bytes).head(bytes.clone());
                    return Some((Ok((from, Box::new(head))), shown));
                }
            }
        }
    }
    None
}

fn head(input: &str) -> Head {
    match run(input.as_bytes(), input.len()) {
        Some((Ok((_, head)), _)) => *head,
        other => panic!("{input:?}: {other:?}"),
    }
}

fn same(a: &Option<(End, usize)>, b: &Option<(End, usize)>) -> bool {
    match (a, b) {
        (None, None) => true,
        (Some((a, _)), Some((b, _))) => format!("{a:?}") == format!("{b:?}"),
        _ => false,
    }
}

/// The status of what the parser and the body's check say; 0: not whole.
fn status(input: &[u8]) -> u16 {
    match run(input, input.len()) {
        None => 0,
        Some((Err(fault), _)) => fault.status().0,
        Some((Ok((from, head)), _)) => {
            let rest = &input[from + head.bytes.len()..];
            BodyDecoder::new(head.framing)
                .skim(rest)
                .map_or_else(|f| f.status().0, |_| 200)
        }
    }
}

#[test]
fn every_case_comes_out_as_the_rules_say_however_it_comes_in() {
    let cases = cases();
    assert!(cases.len() >= 200, "{}", cases.len());
    for (bytes, expected, _) in cases {
        let text = String::from_utf8_lossy(&bytes[..bytes.len().min(300)]).into_owned();
        let expected = if expected < 400 { 200 } else { expected };
        assert_eq!(status(&bytes), expected, "{text:?}");
        let once = run(&bytes, bytes.len());
        for step in [1, 2, 3, 7, 64] {
            assert!(
                same(&once, &run(&bytes, step)),
                "{text:?} in pieces of {step}"
            );
        }
    }
}

#[test]
fn faults_show_at_the_byte_that_proves_them() {
    for (input, fault) in [
        ("G(", Fault::Method),
        ("\r\n\r", Fault::Method),
        ("\rG", Fault::LineEnd),
        ("TRACE ", Fault::RefusedMethod),
        ("GET x", Fault::Target),
        ("GET /\t", Fault::Target),
        ("GET f", Fault::Target),
        ("GET https:/a", Fault::Target),
        ("GET http://u@", Fault::Authority),
        ("GET / h", Fault::Version),
        ("GET / HTTP/2", Fault::OtherVersion),
        ("GET / HTTP/1.1\n", Fault::LineEnd),
        ("GET / HTTP/1.1\r\n ", Fault::FieldName),
        ("GET / HTTP/1.1\r\nHost ", Fault::FieldName),
        ("GET / HTTP/1.1\r\nX: \0", Fault::FieldValue),
        ("GET / HTTP/1.1\r\nHost: a b\r\n", Fault::Host),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n", Fault::Hosts),
        ("GET / HTTP/1.1\r\nContent-Length: x\r\n", Fault::Length),
        ("GET / HTTP/1.1\r\nExpect: x\r\n", Fault::Expectation),
    ] {
        // Bytes that follow change nothing.
        let longer = format!("{input} more\r\n\r\n");
        for (step, at) in [(1, input.len()), (longer.len(), longer.len())] {
            let end = run(longer.as_bytes(), step).map(|(end, at)| (end.err(), at));
            assert_eq!(end, Some((Some(fault), at)), "{input:?}");
        }
    }
}

#[test]
fn no_head_that_is_cut_short_is_whole() {
    for end in 0..GOOD.len() {
        assert!(run(&GOOD[..end], 5).is_none());
    }
    assert!(run(GOOD, 5).is_some());
}

#[test]
fn heads_say_what_forwarding_needs() {
    let h = head(
        "POST http://A.example.:8080/x?y HTTP/1.1\r\nhost: a.EXAMPLE:8080\r\nX: \t v \r\n\
         Transfer-Encoding: chunked\r\nExpect: 100-continue\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    );
    assert_eq!(h.text(&h.method), b"POST");
    assert_eq!(h.text(&h.target), b"/x?y");
    assert_eq!(h.text(&h.host), b"A.example");
    assert_eq!(
        (h.port, h.version, h.framing),
        (Some(8080), Version::Http11, Framing::Chunked)
    );
    assert!(h.keep_alive && h.expects_continue && h.upgrade);
    let fields: Vec<_> = h
        .fields
        .iter()
        .map(|f| (h.text(&f.name), h.text(&f.value)))
        .collect();
    assert_eq!(fields[0], (&b"host"[..], &b"a.EXAMPLE:8080"[..]));
    assert_eq!(fields[1], (&b"X"[..], &b"v"[..]));
    assert_eq!(fields.len(), 6);

    let h = head(
        "\r\nGET http://a HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: x\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n",
    );
    assert!(h.bytes.starts_with(b"GET"));
    assert_eq!((h.text(&h.target), h.text(&h.host)), (&b""[..], &b"a"[..]));
    assert!(!h.keep_alive && !h.expects_continue && !h.upgrade);
    assert_eq!(h.framing, Framing::Length(1));

    let h = head(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: h2c\r\nExpect: 100-continue\r\n\r\n",
    );
    assert!(!h.upgrade && !h.expects_continue);
    assert_eq!(
        head("GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n").port,
        Some(443)
    );
    assert_eq!(head("GET / HTTP/1.0\r\n\r\n").host, 0..0);
    let longest = head("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775807\r\n\r\n");
    assert_eq!(longest.framing, Framing::Length(i64::MAX as u64));
}

#[test]
fn a_parser_that_was_reset_is_as_a_new_one() {
    let mut parser = Parser::default();
    for (bytes, ..) in cases() {
        parser.reset();
        let again = parser.parse(&bytes);
        assert_eq!(again, Parser::default().parse(&bytes));
    }
}

proptest! {
    #[test]
    fn pieces_come_to_the_same_as_the_whole(
        seed in 0usize..400,
        at in 0usize..200,
        with in proptest::collection::vec(any::<u8>(), 0..4),
        step in 1usize..9,
    ) {
        let cases = cases();
        let mut bytes = cases[seed % cases.len()].0.clone();
        bytes.truncate(2000);
        let at = at.min(bytes.len());
        bytes.splice(at..(at + 1).min(bytes.len()), with);
        prop_assert!(same(&run(&bytes, bytes.len().max(1)), &run(&bytes, step)));
    }
}

#[test]
fn heads_are_as_large_as_they_may_be_said_to_be_and_no_larger() {
    let sizes = Sizes {
        target: 200,
        field: 300,
        fields: 1_000,
        lines: 9,
    };
    let line = |length: usize| format!("X: {}\r\n", "v".repeat(length - 3));
    let head = |target: usize, fields: &str| {
        let target = format!("/{}", "t".repeat(target - 1));
        format!("GET {target} HTTP/1.1\r\nHost: a\r\n{fields}\r\n")
    };
    // The line of the host is 9 bytes.
    let all = |bytes: usize| line(300).repeat(3) + &line(bytes - 9 - 3 * 302 - 2);
    let few = |count: usize| line(3).repeat(count - 1);
    let cases = [
        (head(200, ""), head(201, ""), Fault::LongTarget),
        (head(1, &line(300)), head(1, &line(301)), Fault::LongField),
        (
            head(1, &all(1_000)),
            head(1, &all(1_001)),
            Fault::LongFields,
        ),
        (head(1, &few(9)), head(1, &few(10)), Fault::ManyFields),
    ];
    let mut parser = Parser::default();
    parser.go_by(sizes);
    for (good, bad, fault) in cases {
        for step in [1, 7, usize::MAX] {
            let outcomes = [(&good, Ok(Progress::Whole(good.len()))), (&bad, Err(fault))];
            for (head, expected) in outcomes {
                parser.reset();
                let mut came = Ok(Progress::More);
                let mut shown = 0;
                while came == Ok(Progress::More) && shown < head.len() {
                    shown = shown.saturating_add(step).min(head.len());
                    came = parser.parse(&head.as_bytes()[..shown]);
                }
                assert_eq!(came, expected, "{fault:?} in pieces of {step}");
            }
        }
    }
}
