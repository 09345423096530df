use super::*;

const OK: &str = "HTTP/1.1 200 OK\r\n";

/// How long the head at the front of `input` is, given whole and byte by byte.
fn parse(input: &[u8]) -> Result<Option<usize>, BadAnswer> {
    let whole = AnswerParser::default().parse(input);
    let mut parser = AnswerParser::default();
    let mut last = Ok(None);
    for end in 0..=input.len() {
        last = parser.parse(&input[..end]);
        if last != Ok(None) {
            break;
        }
    }
    assert_eq!(whole, last, "byte by byte");
    whole
}

fn with<T>(head: &str, look: impl FnOnce(&Answer<'_>) -> T) -> T {
    let mut parser = AnswerParser::default();
    assert_eq!(
        parser.parse(head.as_bytes()),
        Ok(Some(head.len())),
        "{head}"
    );
    look(&parser.answer(head.as_bytes()))
}

#[test]
fn heads_are_read() {
    let head =
        "HTTP/1.0 404 Not \t F\u{e9}und\r\nX-A:b\r\nx-a: \t c d \t\r\nDate: now\r\nEmpty:\r\n\r\n";
    assert_eq!(
        parse(format!("{head}body").as_bytes()),
        Ok(Some(head.len()))
    );
    with(head, |answer| {
        assert_eq!((answer.status(), answer.version()), (404, Version::Http10));
        assert_eq!(answer.phrase(), "Not \t F\u{e9}und".as_bytes());
        let lines: Vec<_> = answer.lines().map(|(_, value)| value).collect();
        assert_eq!(lines, [&b"b"[..], b"c d", b"now", b""]);
        assert_eq!(answer.values(b"X-A").count(), 2);
        assert!(answer.dated() && !answer.keep_alive() && !answer.lists_fields());
    });
}

#[test]
fn a_phrase_may_be_missing_and_its_blank_with_it() {
    for line in ["HTTP/1.1 200 \r\n", "HTTP/1.1 200\r\n"] {
        with(&format!("{line}\r\n"), |answer| {
            assert_eq!((answer.status(), answer.phrase()), (200, &b""[..]));
        });
    }
}

#[test]
fn every_status_from_100_to_999_and_no_other() {
    for status in 0..1000 {
        let head = format!("HTTP/1.1 {status:03} X\r\n\r\n");
        let expected = match status {
            100.. => Ok(Some(head.len())),
            _ => Err(BadAnswer),
        };
        assert_eq!(parse(head.as_bytes()), expected, "{status}");
    }
}

#[test]
fn what_breaks_the_rules_is_refused_at_the_first_byte_that_shows_it() {
    // The last byte of each is the one.
    for line in [
        "h",
        "X",
        "HTTP/2",
        "HTTP/1.2",
        "HTTP/1.1\t",
        "HTTP/1.1  ",
        "HTTP/1.1 2x",
        "HTTP/1.1 0",
        "HTTP/1.1 2000",
        "HTTP/1.1 200\n",
        "HTTP/1.1 200 O\0",
        "HTTP/1.1 200 OK\n",
        "HTTP/1.1 200 OK\rX",
        "\r",
        "\n",
        " ",
    ] {
        refused_at_its_last_byte(line);
    }
    for field in [
        " ",
        "\t",
        "\n",
        ":",
        "\r\r",
        "A ",
        "A\r",
        "A\t",
        "A:\n",
        "A: b\n",
        "A: b\rc",
        "A: \0",
        "A: \x7f",
        "A: b\r\n ",
        "\u{e9}",
        "Content-Length:\r\n",
        "Content-Length: +1\r\n",
        "Content-Length: -1\r\n",
        "Content-Length: 0x1\r\n",
        "Content-Length: 1, 1\r\n",
        "Content-Length: 01\r\n",
        "Content-Length: 1 1\r\n",
        "Content-Length: 9223372036854775808\r\n",
        "Content-Length: 1\r\nContent-Length: 1\r\n",
        "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 1\r\n",
        "Transfer-Encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding:\r\n",
    ] {
        refused_at_its_last_byte(&format!("{OK}{field}"));
    }
    refused_at_its_last_byte("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n");
}

fn refused_at_its_last_byte(head: &str) {
    // In characters: one of them takes two bytes, the first of which shows it.
    let last = head.char_indices().last().map_or(0, |(at, _)| at);
    assert_eq!(parse(&head.as_bytes()[..last]), Ok(None), "{head:?}");
    assert_eq!(parse(head.as_bytes()), Err(BadAnswer), "{head:?}");
}

#[test]
fn heads_and_fields_have_their_limits() {
    for (over, expected) in [(0, true), (1, false)] {
        let around = "HTTP/1.1 200 OK\r\nX: \r\n\r\n".len();
        let head = format!(
            "{OK}X: {}\r\n\r\n",
            "x".repeat(ANSWER_HEAD_BYTES - around + over)
        );
        assert_eq!(head.len(), ANSWER_HEAD_BYTES + over);
        assert_eq!(
            AnswerParser::default().parse(head.as_bytes()).is_ok(),
            expected
        );
        let head = format!("{OK}{}\r\n", "X: y\r\n".repeat(ANSWER_FIELDS + over));
        assert_eq!(parse(head.as_bytes()).is_ok(), expected);
    }
    // A limit is kept before the head ends.
    let endless = format!("HTTP/1.1 200 {}", "x".repeat(ANSWER_HEAD_BYTES));
    assert_eq!(
        AnswerParser::default().parse(endless.as_bytes()),
        Err(BadAnswer)
    );
}

#[test]
fn bodies_end_as_rfc_9112_has_it() {
    let framed = Extent::Framed;
    for (status, fields, head_only, expected) in [
        (
            200,
            "Content-Length: 3\r\n",
            false,
            framed(Framing::Length(3)),
        ),
        (200, "Content-Length: 0\r\n", false, framed(Framing::None)),
        (
            200,
            "Transfer-Encoding: Chunked\r\n",
            false,
            framed(Framing::Chunked),
        ),
        (200, "", false, Extent::UntilEnd),
        (200, "Content-Length: 3\r\n", true, framed(Framing::None)),
        (
            200,
            "Transfer-Encoding: chunked\r\n",
            true,
            framed(Framing::None),
        ),
        (204, "Content-Length: 3\r\n", false, framed(Framing::None)),
        (304, "", false, framed(Framing::None)),
        (101, "", false, framed(Framing::None)),
        (205, "", false, Extent::UntilEnd),
    ] {
        let head = format!("HTTP/1.1 {status} X\r\n{fields}\r\n");
        let extent = with(&head, |answer| answer.extent(head_only));
        assert_eq!(extent, expected, "{head}");
    }
}

#[test]
fn the_connection_stays_as_rfc_9112_has_it() {
    for (minor, options, stays) in [
        (1, "", true),
        (1, "Connection: x, Close\r\n", false),
        (0, "", false),
        (0, "Connection: Keep-Alive\r\n", true),
        (0, "Connection: keep-alive\r\nConnection: close\r\n", false),
    ] {
        let head = format!("HTTP/1.{minor} 200 OK\r\n{options}\r\n");
        let (keep_alive, lists) = with(&head, |a| (a.keep_alive(), a.lists_fields()));
        assert_eq!(
            (keep_alive, lists),
            (stays, options.contains('x')),
            "{head}"
        );
    }
}

#[test]
fn a_parser_is_used_again() {
    let mut parser = AnswerParser::default();
    for head in [
        "HTTP/1.0 100 A\r\nContent-Length: 1\r\n\r\n",
        "HTTP/1.1 200 B\r\nTransfer-Encoding: chunked\r\n\r\n",
    ] {
        assert_eq!(parser.parse(head.as_bytes()), Ok(Some(head.len())));
        assert_eq!(parser.answer(head.as_bytes()).lines().count(), 1);
        parser.reset();
    }
}
