//! Streams' numbers and states (RFC 9113 §5.1), CONTINUATION, lengths of bodies (§8.1.1).

use super::say::{Say, block, hello, request};
use super::{Answers, List};
use crate::proxy::http2::frame::{flag, kind};

const PROTOCOL: &str = "goaway PROTOCOL_ERROR";
const CLOSED: &str = "goaway STREAM_CLOSED";

pub(super) fn add(list: &mut List) {
    numbers(list);
    idle(list);
    half_closed(list);
    closed(list);
    continuations(list);
    lengths(list);
    priorities(list);
}

fn numbers(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.add("the first stream", hello().get(1), "answer 1");
    list.add(
        "streams one after the other",
        hello().get(1).get(3).get(5),
        "answer 1 answer 3 answer 5",
    );
    list.add(
        "streams left out",
        hello().get(7).get(101),
        "answer 7 answer 101",
    );
    list.add(
        "the last stream there can be",
        hello().get(0x7fff_ffff),
        "answer 2147483647",
    );
    list.add("an even stream", hello().get(2), PROTOCOL);
    list.add(
        "an even stream later",
        hello().get(1).get(4),
        "answer 1 goaway PROTOCOL_ERROR",
    );
    list.add(
        "a stream below the last",
        hello().get(5).get(3),
        "answer 5 goaway PROTOCOL_ERROR",
    );
    list.add(
        "the first stream left out, then used",
        hello().get(3).get(1),
        "answer 3 goaway PROTOCOL_ERROR",
    );
    list.add(
        "a stream again",
        hello().get(1).get(1),
        "answer 1 goaway STREAM_CLOSED",
    );
    list.add(
        "a stream again, later",
        hello().get(1).get(3).get(1),
        "answer 1 answer 3 goaway STREAM_CLOSED",
    );
}

fn idle(list: &mut List) {
    list.answers(Answers::AtOnce);
    for (name, say) in [
        ("DATA", hello().data(1, false, b"x")),
        (
            "DATA of an even stream",
            hello().get(3).data(2, false, b"x"),
        ),
        ("RST_STREAM", hello().reset(1)),
        ("RST_STREAM of an even stream", hello().reset(2)),
        ("WINDOW_UPDATE", hello().window(1, 1)),
        ("WINDOW_UPDATE of an even stream", hello().window(2, 1)),
        ("CONTINUATION", hello().frame(kind::CONTINUATION, 4, 1, b"")),
    ] {
        let before = if say.bytes.len() > 70 {
            "answer 3 "
        } else {
            ""
        };
        list.add(
            format!("{name} on an idle stream"),
            say,
            format!("{before}{PROTOCOL}"),
        );
    }
    let high = hello().get(1).data(5, false, b"x");
    list.add(
        "DATA above the last stream",
        high,
        "answer 1 goaway PROTOCOL_ERROR",
    );
    let high = hello().get(1).reset(3);
    list.add(
        "RST_STREAM above the last stream",
        high,
        "answer 1 goaway PROTOCOL_ERROR",
    );
    list.add(
        "PRIORITY on an idle stream",
        hello().frame(kind::PRIORITY, 0, 9, &[0, 0, 0, 7, 1]).get(1),
        "answer 1",
    );
}

fn half_closed(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.answers(Answers::Never);
    let reset = "reset 1 STREAM_CLOSED";
    list.add(
        "DATA behind the end",
        hello().get(1).data(1, false, b"x"),
        reset,
    );
    list.add(
        "empty DATA behind the end",
        hello().get(1).data(1, true, b""),
        reset,
    );
    list.add("HEADERS behind the end", hello().get(1).get(1), reset);
    list.add(
        "trailers behind the end",
        hello().get(1).fields(1, true, &[("a", "b")]),
        reset,
    );
    list.add(
        "CONTINUATION behind the end",
        hello().get(1).frame(kind::CONTINUATION, 4, 1, b""),
        PROTOCOL,
    );
    list.add("RST_STREAM behind the end", hello().get(1).reset(1), "");
    list.add(
        "WINDOW_UPDATE behind the end",
        hello().get(1).window(1, 9),
        "",
    );
    list.add(
        "PRIORITY behind the end",
        hello().get(1).frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 3, 1]),
        "",
    );
    let after = hello().post(1).data(1, true, b"x").data(1, true, b"x");
    list.add("DATA behind DATA that was the end", after, reset);
    let after = hello()
        .post(1)
        .fields(1, true, &[("a", "b")])
        .data(1, true, b"x");
    list.add("DATA behind trailers", after, reset);
}

fn closed(list: &mut List) {
    list.answers(Answers::AtOnce);
    let whole = || hello().get(1);
    let and = |code: &str| format!("answer 1 {code}");
    list.add(
        "DATA on an ended stream",
        whole().data(1, false, b"x"),
        and(CLOSED),
    );
    list.add(
        "HEADERS on an ended stream",
        whole().fields(1, true, &[("a", "b")]),
        and(CLOSED),
    );
    list.add(
        "CONTINUATION on an ended stream",
        whole().frame(kind::CONTINUATION, 4, 1, b""),
        and(PROTOCOL),
    );
    list.add(
        "RST_STREAM on an ended stream",
        whole().reset(1).get(3),
        and("answer 3"),
    );
    list.add(
        "WINDOW_UPDATE on an ended stream",
        whole().window(1, 5).get(3),
        and("answer 3"),
    );
    list.add(
        "WINDOW_UPDATE of 0 on an ended stream",
        whole().window(1, 0).get(3),
        and("answer 3"),
    );
    list.add(
        "PRIORITY on an ended stream",
        whole().frame(kind::PRIORITY, 0, 1, &[0, 0, 0, 3, 1]).get(3),
        and("answer 3"),
    );
    // Answered before it was whole: what was under way is no fault.
    let cut = || hello().post(1);
    let and = |more: &str| format!("answer 1{more}");
    list.add(
        "DATA under way",
        cut().data(1, false, b"x").data(1, true, b"y").get(3),
        and(" answer 3"),
    );
    list.add(
        "trailers under way",
        cut().fields(1, true, &[("a", "b")]).get(3),
        and(" answer 3"),
    );
    list.add(
        "RST_STREAM under way",
        cut().reset(1).get(3),
        and(" answer 3"),
    );
    list.add(
        "padding lies on a stream that was reset",
        cut().frame(kind::DATA, flag::PADDED, 1, &[9, 9]),
        and(" goaway PROTOCOL_ERROR"),
    );
    list.add(
        "a broken block on a stream that was reset",
        cut().block(1, true, &[0x80]),
        and(" goaway COMPRESSION_ERROR"),
    );
    list.answers(Answers::Never);
    let reset = || hello().post(1).reset(1);
    let again = "reset 1 STREAM_CLOSED";
    list.add("a reset", reset(), "");
    list.add("a reset twice", reset().reset(1), "");
    list.add("DATA behind a reset", reset().data(1, true, b"x"), again);
    list.add("HEADERS behind a reset", reset().get(1), again);
    list.add(
        "trailers behind a reset",
        reset().fields(1, true, &[("a", "b")]),
        again,
    );
    list.add(
        "CONTINUATION behind a reset",
        reset().frame(kind::CONTINUATION, 4, 1, b""),
        PROTOCOL,
    );
    list.add("WINDOW_UPDATE behind a reset", reset().window(1, 5), "");
    list.add(
        "a reset with an unknown code",
        hello().get(1).frame(kind::RST_STREAM, 0, 1, &[0xff; 4]),
        "",
    );
}

fn pieces(cuts: &[usize], end: bool) -> Say {
    let whole = block(&request("GET"));
    let mut say = hello();
    let mut from = 0;
    for (nth, cut) in cuts.iter().chain([&whole.len()]).enumerate() {
        let last = nth == cuts.len();
        let (kind, mut flags) = match nth {
            0 => (kind::HEADERS, flag::END_STREAM),
            _ => (kind::CONTINUATION, 0),
        };
        if last && end {
            flags |= flag::END_HEADERS;
        }
        say = say.frame(kind, flags, 1, &whole[from..*cut]);
        from = *cut;
    }
    say
}

fn continuations(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.add("a block in two frames", pieces(&[20], true), "answer 1");
    list.add(
        "a block cut within a number",
        pieces(&[1, 2, 3], true),
        "answer 1",
    );
    list.add("empty HEADERS, then all", pieces(&[0], true), "answer 1");
    list.add(
        "all, then an empty CONTINUATION",
        pieces(&[block(&request("GET")).len()], true),
        "answer 1",
    );
    list.add("a block without an end", pieces(&[20], false), "");
    list.add(
        "a PING within a block",
        pieces(&[20], false).ping(),
        PROTOCOL,
    );
    list.add(
        "an unknown frame within a block",
        pieces(&[20], false).frame(0x99, 0, 0, b""),
        PROTOCOL,
    );
    list.add(
        "DATA within a block",
        pieces(&[20], false).data(1, true, b""),
        PROTOCOL,
    );
    list.add(
        "PRIORITY within a block",
        pieces(&[20], false).frame(kind::PRIORITY, 0, 1, &[0; 5]),
        PROTOCOL,
    );
    list.add(
        "HEADERS within a block",
        pieces(&[20], false).get(1),
        PROTOCOL,
    );
    list.add(
        "another stream's HEADERS within a block",
        pieces(&[20], false).get(3),
        PROTOCOL,
    );
    list.add(
        "another stream's CONTINUATION",
        pieces(&[20], false).frame(kind::CONTINUATION, 4, 3, b""),
        PROTOCOL,
    );
    list.add(
        "a CONTINUATION of nothing",
        hello().frame(kind::CONTINUATION, 4, 1, b""),
        PROTOCOL,
    );
    list.add(
        "a CONTINUATION behind a whole block",
        pieces(&[20], true).frame(kind::CONTINUATION, 4, 1, b""),
        "answer 1 goaway PROTOCOL_ERROR",
    );
    list.add(
        "RST_STREAM within a block",
        pieces(&[20], false).reset(1),
        PROTOCOL,
    );
    list.add(
        "SETTINGS within a block",
        pieces(&[20], false).settings(&[]),
        PROTOCOL,
    );
    list.add(
        "GOAWAY within a block",
        pieces(&[20], false).frame(kind::GOAWAY, 0, 0, &[0; 8]),
        PROTOCOL,
    );
}

fn lengths(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.answers(Answers::WhenWhole);
    let malformed = "reset 1 PROTOCOL_ERROR";
    let of = |length: &str| hello().post_of(1, length);
    list.add(
        "as much data as was said",
        of("3").data(1, true, b"abc"),
        "answer 1",
    );
    list.add(
        "as much, in two frames",
        of("3").data(1, false, b"ab").data(1, true, b"c"),
        "answer 1",
    );
    list.add(
        "as much, then an empty end",
        of("3").data(1, false, b"abc").data(1, true, b""),
        "answer 1",
    );
    list.add(
        "as much, then trailers",
        of("3")
            .data(1, false, b"abc")
            .fields(1, true, &[("a", "b")]),
        "answer 1",
    );
    list.add(
        "more than was said",
        of("2").data(1, true, b"abc"),
        malformed,
    );
    list.add(
        "more than was said, without an end",
        of("2").data(1, false, b"abc"),
        malformed,
    );
    list.add(
        "more, in a second frame",
        of("2").data(1, false, b"ab").data(1, true, b"c"),
        malformed,
    );
    list.add(
        "less than was said",
        of("4").data(1, true, b"abc"),
        malformed,
    );
    list.add(
        "less, then an empty end",
        of("4").data(1, false, b"abc").data(1, true, b""),
        malformed,
    );
    list.add(
        "less, then trailers",
        of("4")
            .data(1, false, b"abc")
            .fields(1, true, &[("a", "b")]),
        malformed,
    );
    list.add(
        "nothing of what was said",
        of("1").data(1, true, b""),
        malformed,
    );
    list.add(
        "a length of 0 and no data",
        of("0").data(1, true, b""),
        "answer 1",
    );
    list.add(
        "a length of 0 and data",
        of("0").data(1, true, b"x"),
        malformed,
    );
    let padded = of("3").frame(kind::DATA, flag::PADDED | flag::END_STREAM, 1, b"\x02abcxx");
    list.add("padding is no data", padded, "answer 1");
    let mut get = request("GET");
    get.push(("content-length", "5"));
    list.add(
        "a length and no body",
        hello().fields(1, true, &get),
        malformed,
    );
    get[4].1 = "0";
    list.add(
        "a length of 0 and no body",
        hello().fields(1, true, &get),
        "answer 1",
    );
    list.add(
        "a body without a length",
        hello().post(1).data(1, false, b"a").data(1, true, b"b"),
        "answer 1",
    );
    list.add(
        "two bodies at once",
        hello()
            .post(1)
            .post(3)
            .data(3, true, b"a")
            .data(1, true, b"b"),
        "answer 3 answer 1",
    );
}

fn priorities(list: &mut List) {
    list.answers(Answers::AtOnce);
    let with = |dependency: u32| {
        let mut payload = dependency.to_be_bytes().to_vec();
        payload.push(15);
        payload.extend_from_slice(&block(&request("GET")));
        let flags = flag::PRIORITY | flag::END_STREAM | flag::END_HEADERS;
        hello().frame(kind::HEADERS, flags, 1, &payload)
    };
    list.add("HEADERS with a priority", with(0), "answer 1");
    list.add(
        "HEADERS that depend on a later stream",
        with(0x8000_0063),
        "answer 1",
    );
    list.add(
        "HEADERS that depend on themselves",
        with(1),
        "reset 1 PROTOCOL_ERROR",
    );
    let on_itself = hello().frame(kind::PRIORITY, 0, 3, &[0, 0, 0, 3, 1]);
    list.add("PRIORITY that depends on itself", on_itself, PROTOCOL);
}
