//! Each limit at its value and at one more.

use super::say::{Say, block, hello, request};
use super::{Answers, List};
use crate::proxy::http2::frame::{flag, kind};
use crate::proxy::http2::limits::{
    BLOCK_BYTES, CONTINUATIONS, IDLE_FRAMES, LINGERING, LIST_BYTES, LIST_FIELDS, LOCAL_RESETS,
    PENDING_RESETS, REMEMBERED, STREAMS,
};

const CALM: &str = "goaway ENHANCE_YOUR_CALM";

pub(super) fn add(list: &mut List) {
    lists(list);
    blocks(list);
    streams(list);
    counts(list);
}

fn lists(list: &mut List) {
    list.answers(Answers::AtOnce);
    let pseudo: usize = request("GET")
        .iter()
        .map(|(n, v)| n.len() + v.len() + 32)
        .sum();
    let of_bytes = |bytes: usize| {
        let mut fields = request("GET");
        let value = "v".repeat(bytes - pseudo - 32 - 3);
        fields.push(("x-a", &value));
        let whole = block(&fields);
        let (first, rest) = whole.split_at(9_000);
        let say = hello().frame(kind::HEADERS, flag::END_STREAM, 1, first);
        say.frame(kind::CONTINUATION, flag::END_HEADERS, 1, rest)
            .get(3)
    };
    list.add(
        "a list of all bytes",
        of_bytes(LIST_BYTES),
        "answer 1 answer 3",
    );
    list.add(
        "a list of a byte more",
        of_bytes(LIST_BYTES + 1),
        "answer 1 431 answer 3",
    );
    let of_fields = |count: usize| {
        let mut fields = request("GET");
        fields.resize(count, ("a", ""));
        hello().fields(1, true, &fields).get(3)
    };
    list.add(
        "a list of all fields",
        of_fields(LIST_FIELDS),
        "answer 1 answer 3",
    );
    list.add(
        "a list of a field more",
        of_fields(LIST_FIELDS + 1),
        "answer 1 431 answer 3",
    );
    let mut fields = request("POST");
    fields.resize(LIST_FIELDS + 1, ("a", ""));
    let open = hello().fields(1, false, &fields).data(1, true, b"x").get(3);
    list.add(
        "too many fields before a body",
        open,
        "answer 1 431 answer 3",
    );
    list.answers(Answers::WhenWhole);
    let trailers = |count| hello().post(1).fields(1, true, &vec![("a", ""); count]);
    list.add("trailers of all fields", trailers(LIST_FIELDS), "answer 1");
    list.add(
        "trailers of a field more",
        trailers(LIST_FIELDS + 1),
        "reset 1 PROTOCOL_ERROR",
    );
    list.answers(Answers::AtOnce);
    let method = |length: usize| {
        let method = "M".repeat(length);
        hello().fields(1, true, &request(&method))
    };
    let most = crate::proxy::limits::METHOD_BYTES;
    list.add("the longest method", method(most), "answer 1");
    list.add("a longer one", method(most + 1), "reset 1 PROTOCOL_ERROR");
}

fn blocks(list: &mut List) {
    list.answers(Answers::AtOnce);
    let of_frames = |count: u32| {
        let whole = block(&request("GET"));
        let say = hello().frame(kind::HEADERS, flag::END_STREAM, 1, &whole);
        let say = say.times(count - 1, |say, _| say.frame(kind::CONTINUATION, 0, 1, b""));
        say.frame(kind::CONTINUATION, flag::END_HEADERS, 1, b"")
    };
    list.add(
        "as many CONTINUATIONs as may be",
        of_frames(CONTINUATIONS),
        "answer 1",
    );
    list.add("a CONTINUATION more", of_frames(CONTINUATIONS + 1), CALM);
    let of_bytes = |bytes: usize| {
        let mut whole = block(&request("GET"));
        whole.resize(bytes, 0x82);
        let mut pieces = whole.chunks(16_000);
        let say = hello().frame(
            kind::HEADERS,
            flag::END_STREAM,
            1,
            pieces.next().unwrap_or_default(),
        );
        let say = pieces.fold(say, |say, piece| say.frame(kind::CONTINUATION, 0, 1, piece));
        say.frame(kind::CONTINUATION, flag::END_HEADERS, 1, b"")
    };
    list.add(
        "a block of all bytes",
        of_bytes(BLOCK_BYTES),
        "reset 1 PROTOCOL_ERROR",
    );
    list.add("a block of a byte more", of_bytes(BLOCK_BYTES + 1), CALM);
}

fn streams(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.answers(Answers::Never);
    let open = |count| hello().times(count, |say, nth| say.get(nth * 2 + 1));
    list.add("as many streams as may be", open(STREAMS), "");
    let last = STREAMS * 2 + 1;
    list.add(
        "a stream more",
        open(STREAMS + 1),
        format!("reset {last} REFUSED_STREAM"),
    );
    let again = open(STREAMS).window(1, 0).get(last);
    list.add(
        "a stream more when one has gone",
        again,
        "reset 1 PROTOCOL_ERROR",
    );
    let refused: Vec<String> = (0..3)
        .map(|nth| format!("reset {} REFUSED_STREAM", last + nth * 2))
        .collect();
    list.add("three streams more", open(STREAMS + 3), refused.join(" "));
}

fn repeated(count: u32, word: impl Fn(u32) -> String) -> String {
    (0..count)
        .map(|nth| word(nth * 2 + 1))
        .collect::<Vec<_>>()
        .join(" ")
}

fn counts(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.answers(Answers::Never);
    let resets = |count| hello().times(count, |say, nth| say.get(nth * 2 + 1).reset(nth * 2 + 1));
    list.add("as many resets as may wait", resets(PENDING_RESETS), "");
    list.add("a reset more", resets(PENDING_RESETS + 1), CALM);
    let faults = |count| {
        hello().times(count, |say, nth| {
            say.get(nth * 2 + 1).window(nth * 2 + 1, 0)
        })
    };
    let reset = |id| format!("reset {id} PROTOCOL_ERROR");
    list.add(
        "as many faults as may be",
        faults(LOCAL_RESETS),
        repeated(LOCAL_RESETS, reset),
    );
    list.add(
        "a fault more",
        faults(LOCAL_RESETS + 1),
        format!("{} {CALM}", repeated(LOCAL_RESETS, reset)),
    );
    list.answers(Answers::AtOnce);
    // The acknowledgement of our settings was one.
    let idle = |count: u32| {
        let say: Say = hello();
        say.times(count - 1, |say, _| say.frame(0x99, 0, 0, b""))
    };
    list.add(
        "as many frames that bring nothing as may be",
        idle(IDLE_FRAMES),
        "",
    );
    list.add("such a frame more", idle(IDLE_FRAMES + 1), CALM);
    // All of the last that were reset are remembered.
    let cut = |count: u32| {
        let say = hello().times(count, |say, nth| say.post(nth * 2 + 1));
        say.data(1, true, b"x")
    };
    let answer = |id: u32| match id.checked_sub(2 * LINGERING as u32) {
        Some(first) => format!("answer {id} reset {first} NO_ERROR"),
        None => format!("answer {id}"),
    };
    let most = REMEMBERED as u32;
    list.add(
        "data on the eldest stream remembered",
        cut(most),
        repeated(most, answer),
    );
    list.add(
        "data on one before that",
        cut(most + 1),
        format!("{} goaway STREAM_CLOSED", repeated(most + 1, answer)),
    );
}
