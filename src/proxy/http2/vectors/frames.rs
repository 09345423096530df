//! Preface, frames' heads, sizes, places and padding; SETTINGS, PING, GOAWAY (RFC 9113 §3.4, §4, §6).

use super::say::{Say, block, hello, raw, request};
use super::{Answers, List};
use crate::proxy::http2::frame::{PREFACE, flag, kind};
use crate::proxy::http2::limits::{FRAME_BYTES, SETTINGS};

const PROTOCOL: &str = "goaway PROTOCOL_ERROR";
const SIZE: &str = "goaway FRAME_SIZE_ERROR";

pub(super) fn add(list: &mut List) {
    prefaces(list);
    sizes(list);
    places(list);
    padding(list);
    settings(list);
    unknown(list);
}

fn prefaces(list: &mut List) {
    list.answers(Answers::AtOnce);
    list.add("nothing", raw(b""), "");
    list.add("half a preface", raw(&PREFACE[..11]), "");
    list.add("a preface alone", raw(PREFACE), "");
    list.add(
        "HTTP/1.1",
        raw(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"),
        PROTOCOL,
    );
    list.add(
        "a preface with another end",
        raw(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r"),
        PROTOCOL,
    );
    list.add(
        "a preface of another version",
        raw(b"PRI * HTTP/2.1"),
        PROTOCOL,
    );
    list.add("a TLS client", raw(&[0x16, 3, 1, 2, 0]), PROTOCOL);
    let begun = || raw(PREFACE);
    list.add("HEADERS first", begun().get(1), PROTOCOL);
    list.add("PING first", begun().ping(), PROTOCOL);
    list.add(
        "an acknowledgement first",
        begun().frame(kind::SETTINGS, flag::ACK, 0, &[]),
        PROTOCOL,
    );
    list.add("WINDOW_UPDATE first", begun().window(0, 1), PROTOCOL);
    list.add(
        "GOAWAY first",
        begun().frame(kind::GOAWAY, 0, 0, &[0; 8]),
        PROTOCOL,
    );
    list.add(
        "an unknown frame first",
        begun().frame(0x20, 0, 0, &[]),
        PROTOCOL,
    );
    list.add("SETTINGS first", begun().settings(&[]), "");
    list.add(
        "SETTINGS first, broken ones",
        begun().frame(kind::SETTINGS, 0, 0, &[0; 5]),
        SIZE,
    );
    list.add(
        "settings not acknowledged",
        begun().settings(&[]).get(1),
        "answer 1",
    );
    list.add("the preface again", hello().raw(PREFACE), SIZE);
}

fn sizes(list: &mut List) {
    list.answers(Answers::AtOnce);
    let at = |length| hello().post(1).data(1, true, &vec![0; length]);
    list.answers(Answers::WhenWhole);
    list.add("DATA of all a frame may have", at(FRAME_BYTES), "answer 1");
    list.add("DATA of a byte more", at(FRAME_BYTES + 1), SIZE);
    list.add(
        "DATA of a byte more, its head alone",
        hello().post(1).head(0, 0, 1, FRAME_BYTES + 1),
        SIZE,
    );
    list.answers(Answers::AtOnce);
    let of = |kind, stream| hello().head(kind, 0, stream, FRAME_BYTES + 1);
    list.add("HEADERS too long", of(kind::HEADERS, 1), SIZE);
    list.add("SETTINGS too long", of(kind::SETTINGS, 0), SIZE);
    list.add("an unknown frame too long", of(0x77, 0), SIZE);
    list.add(
        "a frame of 2²⁴ - 1",
        hello().head(0x77, 0, 0, (1 << 24) - 1),
        SIZE,
    );
    let with = |kind, stream, length| hello().frame(kind, 0, stream, &vec![1; length]);
    list.add("PRIORITY of 4", with(kind::PRIORITY, 1, 4), SIZE);
    list.add("PRIORITY of 6", with(kind::PRIORITY, 1, 6), SIZE);
    for length in [0, 3, 5] {
        let say = hello()
            .post(1)
            .frame(kind::RST_STREAM, 0, 1, &vec![0; length]);
        list.answers(Answers::Never);
        list.add(format!("RST_STREAM of {length}"), say, SIZE);
        list.answers(Answers::AtOnce);
        list.add(
            format!("WINDOW_UPDATE of {length}"),
            with(kind::WINDOW_UPDATE, 0, length),
            SIZE,
        );
    }
    for length in [0, 7, 9] {
        list.add(
            format!("PING of {length}"),
            with(kind::PING, 0, length),
            SIZE,
        );
    }
    list.add("GOAWAY of 7", with(kind::GOAWAY, 0, 7), SIZE);
    list.add("SETTINGS of 7", with(kind::SETTINGS, 0, 7), SIZE);
    list.add(
        "an acknowledgement with settings",
        hello().frame(kind::SETTINGS, flag::ACK, 0, &[0; 6]),
        SIZE,
    );
    list.add(
        "padding said and no byte for it",
        hello().frame(kind::HEADERS, flag::PADDED, 1, &[]),
        SIZE,
    );
    list.add(
        "a priority said and 4 bytes for it",
        hello().frame(kind::HEADERS, flag::PRIORITY, 1, &[0; 4]),
        SIZE,
    );
    list.answers(Answers::Never);
    list.add(
        "padded DATA without a byte",
        hello().post(1).frame(kind::DATA, flag::PADDED, 1, &[]),
        SIZE,
    );
}

fn places(list: &mut List) {
    list.answers(Answers::AtOnce);
    for (name, kind, length) in [
        ("DATA", kind::DATA, 1),
        ("HEADERS", kind::HEADERS, 1),
        ("PRIORITY", kind::PRIORITY, 5),
        ("RST_STREAM", kind::RST_STREAM, 4),
        ("CONTINUATION", kind::CONTINUATION, 1),
    ] {
        let say = hello().frame(kind, 0, 0, &vec![0; length]);
        list.add(format!("{name} of the connection"), say, PROTOCOL);
    }
    for (name, kind, length) in [
        ("SETTINGS", kind::SETTINGS, 0),
        ("PING", kind::PING, 8),
        ("GOAWAY", kind::GOAWAY, 8),
    ] {
        let say = hello().frame(kind, 0, 1, &vec![0; length]);
        list.add(format!("{name} of a stream"), say, PROTOCOL);
    }
    list.add(
        "PUSH_PROMISE",
        hello().frame(kind::PUSH_PROMISE, flag::END_HEADERS, 1, &[0, 0, 0, 2]),
        PROTOCOL,
    );
    list.add(
        "PUSH_PROMISE of an open stream",
        hello()
            .post(1)
            .frame(kind::PUSH_PROMISE, 4, 1, &[0, 0, 0, 2]),
        "answer 1 goaway PROTOCOL_ERROR",
    );
    let mut reserved = hello().get(1);
    let at = reserved.bytes.len() - block(&request("GET")).len() - 4;
    reserved.bytes[at] |= 0x80;
    list.add("the reserved bit", reserved, "answer 1");
    list.add(
        "flags that mean nothing",
        hello().frame(kind::PING, 0xfe, 0, &[0; 8]),
        "pong",
    );
    list.add(
        "flags of HEADERS that mean nothing",
        hello().frame(
            kind::HEADERS,
            0xd7 & !flag::PADDED,
            1,
            &block(&request("GET")),
        ),
        "answer 1",
    );
}

fn padding(list: &mut List) {
    list.answers(Answers::AtOnce);
    let padded = |length: u8, padding: usize, data: &[u8]| {
        let mut payload = vec![length];
        payload.extend_from_slice(data);
        payload.extend_from_slice(&vec![0; padding]);
        payload
    };
    let data = |payload: Vec<u8>| {
        let say = hello().post(1);
        say.frame(kind::DATA, flag::PADDED | flag::END_STREAM, 1, &payload)
    };
    list.answers(Answers::WhenWhole);
    list.add("DATA padded", data(padded(3, 3, b"abc")), "answer 1");
    list.add(
        "DATA padded by nothing",
        data(padded(0, 0, b"abc")),
        "answer 1",
    );
    list.add(
        "DATA of nothing but padding",
        data(padded(255, 255, b"")),
        "answer 1",
    );
    list.add(
        "padding that takes all and one more",
        data(padded(4, 0, b"abc")),
        PROTOCOL,
    );
    list.add(
        "padding that takes all",
        data(padded(3, 0, b"abc")),
        "answer 1",
    );
    list.add(
        "padding of 255 in a frame of one byte",
        data(vec![255]),
        PROTOCOL,
    );
    list.answers(Answers::AtOnce);
    let head = |payload: &[u8], flags| {
        let flags = flag::PADDED | flag::END_STREAM | flag::END_HEADERS | flags;
        hello().frame(kind::HEADERS, flags, 1, payload)
    };
    let get = block(&request("GET"));
    list.add("HEADERS padded", head(&padded(9, 9, &get), 0), "answer 1");
    list.add(
        "HEADERS with padding that is not zero",
        head(&[&padded(2, 0, &get)[..], b"xy"].concat(), 0),
        "answer 1",
    );
    list.add(
        "HEADERS padded by more than they have",
        head(&padded(255, 0, &get), 0),
        PROTOCOL,
    );
    let mut both = vec![2, 0, 0, 0, 3, 9];
    both.extend_from_slice(&get);
    both.extend_from_slice(&[0, 0]);
    list.add(
        "HEADERS padded and with a priority",
        head(&both, flag::PRIORITY),
        "answer 1",
    );
    list.add(
        "padding that takes the priority's place",
        head(&[3, 0, 0, 0, 3, 9], flag::PRIORITY),
        PROTOCOL,
    );
}

fn settings(list: &mut List) {
    list.answers(Answers::AtOnce);
    let set = |id, value| hello().settings(&[(id, value)]);
    let flow = "goaway FLOW_CONTROL_ERROR";
    for (id, value, expected) in [
        (1, 0, "ack"),
        (1, u32::MAX, "ack"),
        (2, 0, "ack"),
        (2, 1, "ack"),
        (2, 2, PROTOCOL),
        (2, u32::MAX, PROTOCOL),
        (3, 0, "ack"),
        (4, 0, "ack"),
        (4, 0x7fff_ffff, "ack"),
        (4, 0x8000_0000, flow),
        (4, u32::MAX, flow),
        (5, 16_383, PROTOCOL),
        (5, 16_384, "ack"),
        (5, 16_777_215, "ack"),
        (5, 16_777_216, PROTOCOL),
        (5, 0, PROTOCOL),
        (6, 0, "ack"),
        (8, 0, "ack"),
        (8, 1, "ack"),
        (8, 2, PROTOCOL),
        (0, 7, "ack"),
        (9, 7, "ack"),
        (0xffff, u32::MAX, "ack"),
    ] {
        list.add(format!("setting {id} of {value}"), set(id, value), expected);
    }
    list.add(
        "a setting twice",
        hello().settings(&[(4, 1), (4, 2)]),
        "ack",
    );
    list.add(
        "a good setting and a bad one",
        hello().settings(&[(4, 1), (5, 1)]),
        PROTOCOL,
    );
    let many = |count| hello().settings(&vec![(9, 9); count]);
    list.add("as many settings as may be", many(SETTINGS), "ack");
    list.add(
        "one setting more",
        many(SETTINGS + 1),
        "goaway ENHANCE_YOUR_CALM",
    );
    list.add(
        "an acknowledgement of nothing",
        hello().frame(kind::SETTINGS, flag::ACK, 0, &[]).get(1),
        "answer 1",
    );
    list.add(
        "no table, said in the next head",
        hello().settings(&[(1, 0)]).get(1).get(3),
        "ack answer 1 answer 3",
    );
    list.add("PING", hello().ping(), "pong");
    list.add(
        "a PING between a request's frames",
        hello().post(1).ping().data(1, true, b""),
        "answer 1 pong",
    );
    list.add(
        "a PING that acknowledges nothing",
        hello().frame(kind::PING, flag::ACK, 0, &[0; 8]),
        "",
    );
    let bye = |say: Say| say.frame(kind::GOAWAY, 0, 0, &[0; 8]);
    list.add(
        "GOAWAY, then a request that was under way",
        bye(hello()).get(1),
        "answer 1",
    );
    list.add(
        "GOAWAY with words",
        hello().frame(kind::GOAWAY, 0, 0, b"\0\0\0\0\0\0\0\x02why"),
        "",
    );
    list.add(
        "GOAWAY of an unknown code",
        hello().frame(kind::GOAWAY, 0, 0, &[0xff; 8]),
        "",
    );
}

fn unknown(list: &mut List) {
    list.answers(Answers::AtOnce);
    for kind in [0x0a, 0x0b, 0x0c, 0x10, 0x16, 0xff] {
        let say = hello()
            .frame(kind, 0xff, 0, b"anything")
            .frame(kind, 0, 7, b"")
            .get(1);
        list.add(format!("an unknown frame {kind:#x}"), say, "answer 1");
    }
    list.answers(Answers::WhenWhole);
    let between = hello().post(1).frame(0x16, 0, 1, b"x").data(1, true, b"");
    list.add("an unknown frame between a request's", between, "answer 1");
}
