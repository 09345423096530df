//! What answers come to: windows, room, heads in several frames, ends, and what memory it takes.

use super::{Engine, Event, Settings, Step, StreamId};
use crate::proxy::http2::code::ErrorCode;
use crate::proxy::http2::fields::Fields;
use crate::proxy::http2::frame::{HEAD, Head, flag, kind};
use crate::proxy::http2::limits::{
    FAULTS_FORGOTTEN_MS, IDLE_FRAMES, IDLE_FRAMES_FORGOTTEN_MS, LOCAL_RESETS, OUTPUT_BYTES,
    PENDING_RESETS, RESETS_FORGOTTEN_MS,
};
use crate::proxy::http2::vectors::{Say, get, hello, summary};

/// An engine that took all of it, its output dropped, with the time it is.
pub(super) struct Server {
    pub(super) engine: Engine,
    pub(super) fields: Fields,
    pub(super) now: u64,
}

pub(super) fn serving(say: Say) -> Server {
    let mut server = Server {
        engine: Engine::new(Settings::default()),
        fields: Fields::new(),
        now: 0,
    };
    server.take(say);
    server.written();
    server
}

impl Server {
    /// Takes all of it; whether the connection goes on.
    pub(super) fn take(&mut self, say: Say) -> bool {
        let mut rest = &say.bytes[..];
        loop {
            match self.engine.take(rest, self.now, &mut self.fields) {
                Step::More => return rest.is_empty(),
                Step::Full => panic!("full"),
                Step::Used(used) | Step::Event(used, _) => rest = &rest[used..],
                Step::Broken(_) => return false,
            }
        }
    }

    /// What was said, as words; it is written.
    pub(super) fn written(&mut self) -> String {
        let said = summary(self.engine.output()).join(" ");
        self.engine.written(self.engine.output().len());
        said
    }

    pub(super) fn answer(&mut self, id: u32) {
        self.engine.respond(StreamId(id), 200, [], false);
    }
}

pub(super) const ONE: StreamId = StreamId(1);

pub(super) fn none() -> Say {
    Say::default()
}

#[test]
fn data_goes_out_as_far_as_the_streams_window_lets() {
    let mut server = serving(hello().settings(&[(4, 10)]).get(1));
    server.answer(1);
    assert_eq!(server.engine.send(ONE, b"0123456789", false), 10);
    assert_eq!(server.engine.stalled(), None, "nothing waits");
    assert_eq!(server.engine.send(ONE, b"abc", true), 0);
    assert_eq!(server.engine.stalled(), Some(10));
    assert_eq!(server.engine.room(), None);
    assert!(server.take(none().window(1, 2)));
    assert_eq!(server.engine.room(), Some(ONE));
    assert_eq!(server.engine.send(ONE, b"abc", true), 2);
    assert_eq!(server.engine.stalled(), Some(12));
    // A window below 0 takes as much again to be one (RFC 9113 §6.9.2).
    assert!(server.take(none().settings(&[(4, 0)]).window(1, 10)));
    assert_eq!(server.engine.room(), None);
    assert!(server.take(none().window(1, 1)));
    assert_eq!(server.engine.room(), Some(ONE));
    assert_eq!(server.engine.send(ONE, b"c", true), 1);
    assert_eq!(
        server.written(),
        "head 1 data 1 10 data 1 2 ack data 1 1 answer 1"
    );
    assert_eq!(server.engine.streams(), 0);
}

#[test]
fn data_goes_out_as_far_as_the_connections_window_lets() {
    let mut server = serving(hello().settings(&[(4, 1 << 20)]).get(1).get(3));
    server.answer(1);
    server.answer(3);
    let data = vec![0; 65_000];
    assert_eq!(server.engine.send(ONE, &data, false), 65_000);
    server.written();
    assert_eq!(server.engine.send(StreamId(3), &data, false), 535);
    assert_eq!(server.engine.send(ONE, &data, false), 0);
    assert_eq!(server.engine.stalled(), Some(65_535));
    assert!(server.take(none().window(0, 100_000)));
    // In turns, and no more than a frame while others wait.
    assert_eq!(server.engine.room(), Some(ONE));
    assert_eq!(server.engine.send(ONE, &data, false), 16_384);
    assert_eq!(server.engine.room(), Some(StreamId(3)));
    assert_eq!(server.engine.send(StreamId(3), &data, false), 16_384);
    assert_eq!(server.engine.room(), Some(ONE));
}

#[test]
fn no_more_waits_to_be_written_than_there_may() {
    let mut server = serving(hello().settings(&[(4, 1 << 20)]).window(0, 1 << 20).get(1));
    server.answer(1);
    let data = vec![0; 300_000];
    let taken = server.engine.send(ONE, &data, true);
    assert!(taken <= OUTPUT_BYTES);
    assert_eq!(server.engine.room(), None);
    assert_eq!(
        server.engine.stalled(),
        None,
        "it is not the client's window"
    );
    assert_eq!(server.engine.take(b"", 0, &mut server.fields), Step::Full);
    let mut sent = taken;
    while sent < data.len() {
        server.written();
        assert_eq!(server.engine.room(), Some(ONE));
        sent += server.engine.send(ONE, &data[sent..], true);
        assert!(server.engine.output().len() <= OUTPUT_BYTES + 10 * HEAD);
    }
    assert!(server.written().ends_with("answer 1"));
}

#[test]
fn heads_go_out_in_as_many_frames_as_they_take() {
    let mut server = serving(hello().get(1));
    let value = vec![b'v'; 20_000];
    let field = (&b"x-a"[..], &value[..]);
    server.engine.respond(ONE, 200, [field, field], true);
    let output = server.engine.output();
    let heads: Vec<(u8, u8, usize)> = std::iter::successors(Some(output), |rest| {
        let length = Head::read(rest)?.length;
        rest.get(HEAD + length..)
    })
    .filter_map(Head::read)
    .map(|head| (head.kind, head.flags, head.length))
    .collect();
    assert_eq!(heads[0], (kind::HEADERS, flag::END_STREAM, 16_384));
    assert_eq!(heads[1], (kind::CONTINUATION, 0, 16_384));
    assert_eq!(
        (heads[2].0, heads[2].1),
        (kind::CONTINUATION, flag::END_HEADERS)
    );
    assert_eq!(heads.len(), 3);
    assert_eq!(server.engine.streams(), 0);
}

#[test]
fn heads_before_the_last_are_many_and_after_it_none() {
    let mut server = serving(hello().get(1));
    assert_eq!(server.engine.send(ONE, b"too early", true), 9);
    server.engine.trailers(ONE, []);
    server.engine.respond(ONE, 100, [], true);
    server.engine.respond(ONE, 103, [], false);
    server.answer(1);
    server.engine.respond(ONE, 500, [], true);
    assert_eq!(server.engine.send(ONE, b"abc", false), 3);
    server
        .engine
        .trailers(ONE, [(&b"grpc-status"[..], &b"0"[..])]);
    assert_eq!(server.engine.send(ONE, b"too late", true), 8);
    assert_eq!(server.written(), "head 1 head 1 head 1 data 1 3 answer 1");
}

#[test]
fn fields_of_a_connection_are_left_out() {
    let mut server = serving(hello().get(1));
    let fields = [
        "Connection",
        "Keep-Alive",
        "Proxy-Connection",
        "Transfer-Encoding",
        "Upgrade",
    ];
    let fields = fields.iter().map(|name| (name.as_bytes(), &b"x"[..]));
    server.engine.respond(ONE, 200, fields, true);
    assert_eq!(server.engine.output(), b"\0\0\x01\x01\x05\0\0\0\x01\x88");
}

/// RFC 7541 §4.2: nghttp2 closes the connection where it is not said.
#[test]
fn a_smaller_table_is_said_to_be_used_once() {
    let mut server = serving(
        hello()
            .get(1)
            .get(3)
            .settings(&[(1, 0)])
            .settings(&[(1, 9)]),
    );
    server.engine.respond(ONE, 200, [], true);
    server
        .engine
        .respond_encoded(StreamId(3), &[&[0x88], &[]], true);
    let expected = b"\0\0\x02\x01\x05\0\0\0\x01\x20\x88\0\0\x01\x01\x05\0\0\0\x03\x88";
    assert_eq!(server.engine.output(), expected);
}

#[test]
fn a_reset_ends_a_stream_and_what_comes_for_it_is_dropped() {
    let mut server = serving(hello().post(1));
    server.engine.reset(ONE, ErrorCode::CANCEL);
    server.engine.reset(ONE, ErrorCode::CANCEL);
    server.answer(1);
    server.engine.consumed(ONE, 7);
    assert_eq!(server.engine.send(ONE, b"abc", true), 3);
    assert_eq!(server.written(), "reset 1 CANCEL");
    assert!(
        server.take(
            none()
                .data(1, false, b"x")
                .fields(1, true, &[("a", "b")])
                .get(3)
        )
    );
    assert_eq!(server.engine.streams(), 1);
}

#[test]
fn a_graceful_end_lets_streams_go_on() {
    let mut server = serving(hello().get(1));
    server.engine.go_away();
    assert_eq!(server.written(), "goaway NO_ERROR ping");
    assert!(server.take(none().get(3)), "it had not seen it");
    assert!(server.take(none().frame(kind::PING, flag::ACK, 0, b"signpost")));
    assert_eq!(
        server.engine.output()[HEAD..HEAD + 8],
        [0, 0, 0, 3, 0, 0, 0, 0]
    );
    assert_eq!(server.written(), "goaway NO_ERROR");
    assert!(server.take(none().get(5).post(7).data(7, true, b"x")));
    assert_eq!(server.engine.streams(), 2);
    assert!(!server.engine.done());
    server.engine.respond(ONE, 204, [], true);
    server.engine.respond(StreamId(3), 204, [], true);
    assert!(!server.engine.done(), "it is to be written");
    assert_eq!(server.written(), "answer 1 answer 3");
    assert!(server.engine.done());
    server.engine.go_away();
    assert_eq!(server.written(), "");
}

#[test]
fn a_graceful_end_comes_to_its_end_when_it_is_said_again() {
    let mut server = serving(hello());
    server.engine.go_away();
    server.written();
    assert!(!server.engine.done());
    server.engine.go_away();
    assert_eq!(server.written(), "goaway NO_ERROR");
    assert!(server.engine.done());
}

#[test]
fn a_client_that_leaves_ends_it_with_its_last_stream() {
    let mut server = serving(hello().get(1).frame(kind::GOAWAY, 0, 0, &[0; 8]));
    assert!(!server.engine.done());
    server.engine.respond(ONE, 204, [], true);
    server.written();
    assert!(server.engine.done());
}

/// Work pays for the frames it takes: a client that reads a large answer says much of its windows.
#[test]
fn windows_of_a_large_answer_are_no_flood() {
    let mut server = serving(hello().get(1));
    server.answer(1);
    let data = vec![0; 16_384];
    for _ in 0..2000 {
        assert_eq!(server.engine.send(ONE, &data, false), data.len());
        server.written();
        let quarter = 4096;
        for _ in 0..4 {
            assert!(server.take(none().window(1, quarter).window(0, quarter)));
        }
    }
}

/// A byte of window at a time, each taken: the crumbs do not pay for themselves.
#[test]
fn windows_of_a_byte_are_a_flood() {
    let mut server = serving(hello().settings(&[(4, 0)]).get(1));
    server.answer(1);
    let mut left = 2 * IDLE_FRAMES;
    server.engine.send(ONE, &[0; 2000], true);
    while server.take(none().window(1, 1)) {
        assert_eq!(server.engine.room(), Some(ONE));
        assert_eq!(server.engine.send(ONE, &[0; 2000], true), 1);
        left = left.checked_sub(1).expect("a flood that does not end");
    }
    assert!(server.written().ends_with("goaway ENHANCE_YOUR_CALM"));
}

#[test]
fn resets_are_forgotten_with_time_and_paid_for_by_answers() {
    let mut server = serving(hello());
    for nth in 0..10 * PENDING_RESETS {
        let id = nth * 2 + 1;
        assert!(server.take(none().get(id).reset(id)), "{nth}");
        server.now += RESETS_FORGOTTEN_MS;
    }
    let mut server = serving(hello());
    for nth in 0..10 * PENDING_RESETS {
        let id = nth * 4 + 1;
        assert!(server.take(none().get(id).reset(id).get(id + 2)), "{nth}");
        server.engine.respond(StreamId(id + 2), 302, [], true);
        server.written();
    }
}

/// What is answered was work done: to reset it then is no more than a frame.
#[test]
fn downloads_that_are_given_up_are_no_flood() {
    let mut server = serving(hello());
    for nth in 0..5 * PENDING_RESETS {
        let id = nth * 2 + 1;
        assert!(server.take(none().get(id)));
        server.answer(id);
        server.engine.send(StreamId(id), b"some", false);
        server.written();
        assert!(server.take(none().reset(id)), "{nth}");
    }
}

/// What was done once too often is broken a millisecond before the first of it is forgotten, and not then.
#[track_caller]
fn forgotten(each: u64, most: u32, one: impl Fn(u32) -> Say) {
    for (later, goes_on) in [(each - 1, false), (each, true)] {
        let mut server = serving(hello());
        // By then the acknowledgement of our settings is forgotten.
        server.now = 1000;
        for nth in 0..most {
            assert!(server.take(one(nth)));
            server.written();
        }
        server.now += later;
        assert_eq!(server.take(one(most)), goes_on, "{later} ms later");
    }
}

#[test]
fn each_count_forgets_at_its_pace() {
    let idle = |_| none().frame(0x99, 0, 0, b"");
    forgotten(IDLE_FRAMES_FORGOTTEN_MS, IDLE_FRAMES, idle);
    let reset = |nth: u32| none().get(nth * 2 + 1).reset(nth * 2 + 1);
    forgotten(RESETS_FORGOTTEN_MS, PENDING_RESETS, reset);
    let fault = |nth: u32| none().get(nth * 2 + 1).window(nth * 2 + 1, 0);
    forgotten(FAULTS_FORGOTTEN_MS, LOCAL_RESETS, fault);
}

#[test]
fn nothing_is_taken_while_too_much_waits_to_be_written() {
    let mut server = serving(hello().settings(&[(4, 1 << 20)]).window(0, 1 << 20).get(1));
    server.answer(1);
    // Behind its head as much data, in four frames, as leaves one byte of room.
    let heads = server.engine.output().len() + 4 * HEAD;
    let data = vec![0; OUTPUT_BYTES - heads - 1];
    assert_eq!(server.engine.send(ONE, &data, false), data.len());
    assert_eq!(server.engine.output().len(), OUTPUT_BYTES - 1);
    assert_eq!(server.engine.take(b"", 0, &mut server.fields), Step::More);
    server.engine.output.push(0);
    assert_eq!(server.engine.take(b"", 0, &mut server.fields), Step::Full);
}

#[test]
fn an_idle_connection_is_small() {
    let mut server = serving(hello());
    for nth in 0..300 {
        server.take(none().post(nth * 2 + 1));
        server.engine.respond(StreamId(nth * 2 + 1), 302, [], true);
        server.written();
    }
    assert!(server.engine.idle());
    server.engine.rest();
    let held = server.engine.held();
    assert!(held <= 2048, "{held} bytes");
}

/// Neither the engine nor the fields grow once they have served a request; the output may be lent.
#[test]
fn redirects_take_no_memory_of_their_own() {
    let mut server = serving(hello());
    let mut held = (0, std::ptr::null(), std::ptr::null());
    let mut buffer = Vec::with_capacity(4096);
    for nth in 0..1000 {
        let id = nth * 2 + 1;
        server.engine.lend(buffer);
        assert!(server.take(none().block(id, true, &get())));
        server
            .engine
            .respond_encoded(StreamId(id), &[&[0x88], b"\x0f\x1f\x01/"], true);
        let now = (
            server.engine.held(),
            server.engine.output().as_ptr(),
            server.fields.path().as_ptr(),
        );
        if nth > 1 {
            assert_eq!(now, held);
        }
        held = now;
        server.written();
        buffer = server.engine.reclaim().expect("all was written");
    }
    assert_eq!(server.engine.reclaim(), None);
}

#[test]
fn data_is_lent_from_the_input() {
    let mut server = serving(hello().post(1));
    let say = none().data(1, true, b"abc");
    let step = server.engine.take(&say.bytes, 0, &mut server.fields);
    let Step::Event(
        12,
        Event::Data {
            data, end: true, ..
        },
    ) = step
    else {
        panic!("{step:?}");
    };
    assert_eq!(data.as_ptr(), say.bytes[HEAD..].as_ptr());
}
