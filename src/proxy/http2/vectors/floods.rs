//! Floods: each ends within 1,000 frames.

use super::say::{Say, block, hello, request};
use super::{Answers, List};
use crate::proxy::http2::frame::{flag, kind};
use crate::proxy::http2::hpack::{Memory, indexed, literal};
use crate::proxy::http2::limits::{CONTINUATIONS, LOCAL_RESETS};

const CALM: &str = "goaway ENHANCE_YOUR_CALM";
const FRAMES: u32 = 1000;

pub(super) fn add(list: &mut List) {
    let mut flood = |name: &str, begin: Say, one: &dyn Fn(Say, u32) -> Say, told: &str| {
        let say = begin.times(FRAMES, one);
        list.add(
            format!("a flood of {name}"),
            say,
            format!("{told} {CALM}").trim(),
        );
    };
    // 500 frames may bring nothing; the acknowledgement of our settings was one.
    flood(
        "pings",
        hello(),
        &|say, _| say.ping(),
        &["pong"; 499].join(" "),
    );
    flood(
        "settings",
        hello(),
        &|say, _| say.settings(&[(4, 0)]),
        &["ack"; 499].join(" "),
    );
    flood(
        "empty settings",
        hello(),
        &|say, _| say.settings(&[]),
        &["ack"; 499].join(" "),
    );
    flood(
        "acknowledgements",
        hello(),
        &|say, _| say.frame(kind::SETTINGS, flag::ACK, 0, b""),
        "",
    );
    flood(
        "pings' acknowledgements",
        hello(),
        &|say, _| say.frame(kind::PING, flag::ACK, 0, &[0; 8]),
        "",
    );
    flood(
        "priorities",
        hello(),
        &|say, nth| say.frame(kind::PRIORITY, 0, nth + 2, &[0, 0, 0, 1, 1]),
        "",
    );
    flood("windows", hello(), &|say, _| say.window(0, 1), "");
    flood(
        "unknown frames",
        hello(),
        &|say, nth| say.frame(0x20 + (nth % 64) as u8, 0, nth, b"x"),
        "",
    );
    flood(
        "GOAWAYs",
        hello(),
        &|say, _| say.frame(kind::GOAWAY, 0, 0, &[0; 8]),
        "",
    );
    let cut = "answer 1";
    flood(
        "resets of a stream",
        hello().post(1),
        &|say, _| say.reset(1),
        cut,
    );
    flood(
        "data on a stream that was reset",
        hello().post(1),
        &|say, _| say.data(1, false, b"x"),
        cut,
    );
    flood(
        "windows of an ended stream",
        hello().get(1),
        &|say, _| say.window(1, 1),
        "answer 1",
    );
    flood(
        "trailers on a stream that was reset",
        hello().post(1),
        &|say, _| say.fields(1, false, &[("a", "b")]),
        cut,
    );
    flood(
        "CONTINUATIONs",
        hello().frame(kind::HEADERS, 0, 1, b""),
        &|say, _| say.frame(kind::CONTINUATION, 0, 1, b""),
        "",
    );
    flood(
        "CONTINUATIONs of 16 KiB",
        hello().frame(kind::HEADERS, 0, 1, b""),
        &|say, nth| match nth {
            0..8 => say.frame(kind::CONTINUATION, 0, 1, &[0x82; 16_384]),
            _ => say,
        },
        "",
    );
    let malformed: Vec<String> = (0..LOCAL_RESETS)
        .map(|nth| format!("reset {} PROTOCOL_ERROR", nth * 2 + 1))
        .collect();
    flood(
        "malformed requests",
        hello(),
        &|say, nth| say.fields(nth * 2 + 1, true, &[("a", "b")]),
        &malformed.join(" "),
    );
    answered(list);
    bombs(list);
    waiting(list);
}

/// Requests that are answered at once, and reset unread: each pair is 6 of 500, the first but one of our settings.
fn answered(list: &mut List) {
    list.answers(Answers::AtOnce);
    let say = hello().times(FRAMES / 2, |say, nth| {
        say.get(nth * 2 + 1).reset(nth * 2 + 1)
    });
    let told: Vec<String> = (0..84)
        .map(|nth| format!("answer {}", nth * 2 + 1))
        .collect();
    list.add(
        "a flood of requests reset when they were answered",
        say,
        format!("{} {CALM}", told.join(" ")),
    );
}

/// One byte of a block names 4,000: a list is cut at its limit, whatever it costs the client.
fn bombs(list: &mut List) {
    list.answers(Answers::AtOnce);
    let mut keep = block(&request("GET"));
    literal(
        &mut keep,
        Memory::Kept,
        false,
        b"x",
        "v".repeat(4000).as_bytes(),
    );
    let mut bomb = block(&request("GET"));
    for _ in 0..16_000 {
        indexed(&mut bomb, 62);
    }
    let say = hello().block(1, true, &keep).block(3, true, &bomb).get(5);
    list.add(
        "a block of 16,000 large fields",
        say,
        "answer 1 answer 3 431 answer 5",
    );
    let mut names = block(&request("GET"));
    names.resize(16_000, 0x82);
    list.add(
        "a block of 16,000 methods",
        hello().block(1, true, &names),
        "reset 1 PROTOCOL_ERROR",
    );
    let mut kept = vec![];
    for _ in 0..5_000 {
        kept.extend_from_slice(&[0x40, 0, 0]);
    }
    list.add(
        "5,000 empty fields kept",
        hello().block(1, true, &kept).get(3),
        "reset 1 PROTOCOL_ERROR answer 3",
    );
}

/// Requests that cost work: reset by the client, and by what it does wrong.
fn waiting(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.answers(Answers::Never);
    let mut flood =
        |name: &str, one: &dyn Fn(Say, u32) -> Say, count: u32, told: &dyn Fn(u32) -> String| {
            let say = hello().times(333, |say, nth| one(say, nth * 2 + 1));
            let told: Vec<String> = (0..count).map(|nth| told(nth * 2 + 1)).collect();
            let told = told.join(" ");
            list.add(
                format!("requests and {name}"),
                say,
                format!("{told} {CALM}").trim(),
            );
        };
    flood("resets", &|say, id| say.get(id).reset(id), 0, &|_| {
        String::new()
    });
    let protocol = |id| format!("reset {id} PROTOCOL_ERROR");
    let flow = |id| format!("reset {id} FLOW_CONTROL_ERROR");
    let closed = |id| format!("reset {id} STREAM_CLOSED");
    flood(
        "windows that grow by nothing",
        &|say, id| say.get(id).window(id, 0),
        LOCAL_RESETS,
        &protocol,
    );
    flood(
        "windows too large",
        &|say, id| say.get(id).window(id, 0x7fff_ffff),
        LOCAL_RESETS,
        &flow,
    );
    flood(
        "data behind their end",
        &|say, id| say.get(id).data(id, false, b"x"),
        LOCAL_RESETS,
        &closed,
    );
    flood(
        "HEADERS behind their end",
        &|say, id| say.get(id).get(id),
        LOCAL_RESETS,
        &closed,
    );
    flood(
        "more data than they said",
        &|say, id| say.post_of(id, "1").data(id, false, b"xx"),
        LOCAL_RESETS,
        &protocol,
    );
    flood(
        "pseudo-fields in trailers",
        &|say, id| say.post(id).get(id),
        LOCAL_RESETS,
        &protocol,
    );
    let empty = hello()
        .post(1)
        .times(FRAMES, |say, _| say.data(1, false, b""));
    list.add("a flood of empty data", empty, CALM);
    let padded = hello().post(1).times(FRAMES, |say, _| {
        say.frame(kind::DATA, flag::PADDED, 1, &[2, 0, 0])
    });
    list.add("a flood of padding", padded, CALM);
    let small = hello().get(1).times(FRAMES, |say, _| say.window(1, 1));
    list.add("a flood of a stream's windows", small, CALM);
    let stalled = hello()
        .settings(&[(4, 0)])
        .get(1)
        .times(FRAMES, |say, nth| say.settings(&[(4, nth % 2)]));
    list.add(
        "a flood of windows by settings",
        stalled,
        format!("{} {CALM}", ["ack"; 501].join(" ")),
    );
    let blocks = hello()
        .frame(kind::HEADERS, 0, 1, b"")
        .times(CONTINUATIONS, |say, _| {
            say.frame(kind::CONTINUATION, 0, 1, b"")
        });
    list.add("a block that never ends", blocks, "");
}
