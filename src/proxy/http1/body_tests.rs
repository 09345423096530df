use super::*;

/// Data, trailers and how many bytes were over; or the fault and how many bytes had been read when it showed.
type Outcome = Result<(Vec<u8>, Vec<(String, String)>, usize), (Fault, usize)>;

fn run(framing: Framing, input: &[u8], step: usize) -> Option<Outcome> {
    let mut decoder = BodyDecoder::new(framing);
    let mut buffer = BytesMut::new();
    let (mut data, mut trailers) = (Vec::new(), Vec::new());
    let mut fed = 0;
    loop {
        match decoder.decode(&mut buffer) {
            Err(fault) => return Some(Err((fault, fed))),
            Ok(Decoded::Data(d)) => {
                assert!(!d.is_empty());
                data.extend_from_slice(&d);
            }
            Ok(Decoded::Trailers(t)) => {
                let text = |b: Bytes| String::from_utf8_lossy(&b).into_owned();
                trailers.extend(t.into_iter().map(|(n, v)| (text(n), text(v))));
            }
            Ok(Decoded::End) => {
                return Some(Ok((data, trailers, buffer.len() + input.len() - fed)));
            }
            Ok(Decoded::More) => {
                if fed == input.len() {
                    return None;
                }
                let next = (fed + step).min(input.len());
                buffer.extend_from_slice(&input[fed..next]);
                fed = next;
            }
        }
    }
}

/// The outcome of `input` in one piece, after checking that pieces of every size come to the same.
fn check(framing: Framing, input: &[u8]) -> Option<Outcome> {
    let whole = run(framing, input, input.len().max(1));
    for step in 1..input.len().min(40) {
        let pieces = run(framing, input, step);
        match (&whole, &pieces) {
            (Some(Err((a, _))), Some(Err((b, _)))) => assert_eq!(a, b, "{step}"),
            _ => assert_eq!(whole, pieces, "in pieces of {step}"),
        }
    }
    let mut skimmer = BodyDecoder::new(framing);
    match (&whole, skimmer.skim(input)) {
        (Some(Ok((_, _, over))), Ok(used)) => assert_eq!(used + over, input.len()),
        (None, Ok(used)) => assert_eq!(used, input.len()),
        (Some(Err((fault, _))), Err(skimmed)) => assert_eq!(*fault, skimmed),
        (other, skimmed) => panic!("{other:?} but {skimmed:?}"),
    }
    whole
}

fn chunked(input: &[u8]) -> Option<Outcome> {
    check(Framing::Chunked, input)
}

#[track_caller]
fn whole(input: &str, data: &str, over: usize) {
    let outcome = chunked(input.as_bytes());
    assert_eq!(outcome, Some(Ok((data.into(), vec![], over))), "{input:?}");
}

#[track_caller]
fn faulty(input: &str, fault: Fault, at: usize) {
    let found = run(Framing::Chunked, input.as_bytes(), 1);
    assert_eq!(found, Some(Err((fault, at))), "{input:?}");
    assert!(matches!(chunked(input.as_bytes()), Some(Err((f, _))) if f == fault));
}

#[test]
fn lengths_end_where_they_say() {
    assert_eq!(check(Framing::None, b"GET"), Some(Ok((vec![], vec![], 3))));
    assert_eq!(
        check(Framing::Length(0), b""),
        Some(Ok((vec![], vec![], 0)))
    );
    assert_eq!(
        check(Framing::Length(3), b"abcd"),
        Some(Ok((b"abc".to_vec(), vec![], 1)))
    );
    assert_eq!(check(Framing::Length(4), b"abc"), None);
}

#[test]
fn chunks_become_data() {
    whole("0\r\n\r\n", "", 0);
    whole("0\r\n\r\nGET", "", 3);
    whole("3\r\nabc\r\n0\r\n\r\n", "abc", 0);
    whole(
        "03\r\nabc\r\nA\r\n0123456789\r\n000\r\n\r\n",
        "abc0123456789",
        0,
    );
    whole(
        "a;x=\"y z\"\r\n0123456789\r\n0;last\r\n\r\n",
        "0123456789",
        0,
    );
    whole("0000000000000001\r\na\r\n0\r\n\r\n", "a", 0);
}

#[test]
fn cut_short_is_never_whole() {
    let input = b"3;e\r\nabc\r\n0\r\nA: b\r\n\r\n";
    for end in 0..input.len() {
        assert_eq!(chunked(&input[..end]), None, "{end}");
    }
}

#[test]
fn trailers_come_apart() {
    let outcome = chunked(b"1\r\na\r\n0\r\nA: b \r\nX-Y:\t c d\r\nZ:\r\n\r\n!");
    let pairs = [("A", "b"), ("X-Y", "c d"), ("Z", "")];
    let pairs = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec();
    assert_eq!(outcome, Some(Ok((b"a".to_vec(), pairs, 1))));
}

#[test]
fn faults_show_at_the_byte_that_proves_them() {
    for (input, at) in [
        ("\r\n", 1),
        ("g\r\n", 1),
        ("-1\r\n", 1),
        ("+1\r\n", 1),
        ("0x1\r\n", 2),
        ("1 \r\n", 2),
        (" 1\r\n", 1),
        ("1_0\r\n", 2),
        ("1\na\r\n", 2),
        ("1\rXa", 3),
        ("1\r\nab\r\n", 5),
        ("1\r\na\n0\r\n\r\n", 5),
        ("1\r\na\r0", 6),
        ("3\r\nabc0\r\n\r\n", 7),
        ("00000000000000001\r\n", 17),
        ("10000000000000000\r\n", 17),
    ] {
        faulty(input, Fault::Chunk, at);
    }
    faulty("1;a\nb", Fault::ChunkExtension, 4);
    faulty("1;a\0", Fault::ChunkExtension, 4);
    faulty("1;a\r\r", Fault::Chunk, 5);
    for (input, at) in [
        ("0\r\n\n", 4),
        ("0\r\nA\r\n", 5),
        ("0\r\nA : b\r\n", 5),
        ("0\r\n A: b\r\n", 4),
        ("0\r\nA: b\n", 8),
        ("0\r\nA: b\r\r", 9),
        ("0\r\n: b\r\n", 4),
        ("0\r\nA: b\r\n c\r\n", 10),
        ("0\r\nA: \0\r\n", 7),
        ("0\r\n\rX", 5),
    ] {
        faulty(input, Fault::Trailer, at);
    }
}

#[test]
fn the_largest_size_is_taken_and_more_data_asked_for() {
    assert_eq!(chunked(b"ffffffffffffffff\r\nabc"), None);
}

#[test]
fn extensions_keep_to_their_budgets() {
    let fits = "x".repeat(CHUNK_EXTENSION_BYTES - 1);
    whole(&format!("1;{fits}\r\na\r\n0\r\n\r\n"), "a", 0);
    let over = format!("1;{fits}x\r\na\r\n0\r\n\r\n");
    faulty(&over, Fault::ChunkExtension, 2 + CHUNK_EXTENSION_BYTES);

    let chunk = format!("1;{fits}\r\na\r\n");
    let unpaid = CHUNK_EXTENSION_BYTES - 1;
    let many = CHUNK_OVERHEAD_BYTES / unpaid;
    assert_eq!(chunked(chunk.repeat(many).as_bytes()), None);
    assert!(matches!(
        chunked(chunk.repeat(many + 2).as_bytes()),
        Some(Err((Fault::ChunkExtension, _)))
    ));
    let paid = format!("100;{fits}\r\n{}\r\n", "d".repeat(256));
    assert_eq!(
        run(Framing::Chunked, paid.repeat(1000).as_bytes(), 1 << 20),
        None
    );
}

#[test]
fn trailers_keep_to_their_budgets() {
    let lines = |n: usize| format!("0\r\n{}\r\n", "A: b\r\n".repeat(n));
    assert!(matches!(chunked(lines(TRAILERS).as_bytes()), Some(Ok(_))));
    assert!(matches!(
        chunked(lines(TRAILERS + 1).as_bytes()),
        Some(Err((Fault::Trailer, _)))
    ));
    let long = |n: usize| format!("0\r\nA:{}\r\n\r\n", "b".repeat(n - 4));
    assert!(matches!(
        chunked(long(TRAILERS_BYTES).as_bytes()),
        Some(Ok(_))
    ));
    assert!(matches!(
        chunked(long(TRAILERS_BYTES + 1).as_bytes()),
        Some(Err((Fault::Trailer, _)))
    ));
}
