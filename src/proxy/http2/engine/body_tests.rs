//! What comes of requests' bodies: windows, frames that come piece by piece, and bodies that are answered before their end.

use super::answer_tests::{ONE, Server, none, serving};
use super::{Engine, Event, Settings, Step, StreamId};
use crate::proxy::http2::code::ErrorCode;
use crate::proxy::http2::fields::Fields;
use crate::proxy::http2::frame::HEAD;
use crate::proxy::http2::limits::{
    FRAME_BYTES, GROWN_WINDOW, GROWTH_BYTES, LINGERING, STREAM_WINDOW, STREAMS,
};
use crate::proxy::http2::vectors::{Say, hello};

#[test]
fn an_answer_before_the_requests_end_stops_it_once_it_had_time_to_be_seen() {
    let mut server = serving(hello().post(1));
    server.answer(1);
    assert_eq!(server.engine.send(ONE, b"", true), 0);
    assert_eq!(server.written(), "head 1 answer 1");
    assert_eq!(server.engine.streams(), 0);
    assert!(server.take(none().data(1, false, b"under way")));
    server.engine.tell_to_stop();
    assert!(server.engine.lingers());
    assert_eq!(server.written(), "");
    server.engine.tell_to_stop();
    assert!(!server.engine.lingers());
    assert_eq!(server.written(), "reset 1 NO_ERROR");
    assert!(server.take(none().data(1, true, b"under way")));
}

#[test]
fn who_has_said_all_is_not_told_to_stop() {
    let ends = [
        none().data(1, true, b"x"),
        none().data(1, true, b""),
        none().fields(1, true, &[("a", "b")]),
        none().reset(1),
    ];
    for end in ends {
        let mut server = serving(hello().post(1));
        server.engine.respond(ONE, 302, [], true);
        server.written();
        server.engine.tell_to_stop();
        assert!(server.take(end));
        assert!(!server.engine.lingers());
        server.engine.tell_to_stop();
        assert_eq!(server.written(), "");
    }
    // Halfway in a frame.
    let mut server = serving(hello().post(1));
    let say = none().data(1, true, b"abc");
    assert!(server.take(Say {
        bytes: say.bytes[..HEAD + 1].to_vec()
    }));
    assert!(server.engine.within_data());
    server.engine.respond(ONE, 302, [], true);
    assert!(server.take(Say {
        bytes: say.bytes[HEAD + 1..].to_vec()
    }));
    assert!(!server.engine.lingers());
}

#[test]
fn so_many_may_still_be_sending_what_was_answered() {
    let mut server = serving(hello());
    for nth in 0..LINGERING as u32 + 1 {
        assert!(server.take(none().post(nth * 2 + 1)));
        assert_eq!(server.engine.lingering.len(), nth as usize);
        server.written();
        (server.engine).respond(StreamId(nth * 2 + 1), 302, [], true);
    }
    assert_eq!(server.engine.lingering.len(), LINGERING);
    assert!(server.written().ends_with("reset 1 NO_ERROR"));
}

#[test]
fn data_is_told_of_before_its_frame_is_whole() {
    let mut server = serving(hello().post(1).post(3));
    let say = none().data(1, true, &[b'a'; 100]);
    let mut fed = 0;
    let mut take = |server: &mut Server, upto: usize| {
        let step = (server.engine).take(&say.bytes[fed..upto], 0, &mut server.fields);
        match step {
            Step::Used(used) => (fed += used, None).1,
            Step::Event(used, Event::Data { data, end, .. }) => {
                fed += used;
                Some((data.len(), end))
            }
            Step::More => None,
            step => panic!("{step:?}"),
        }
    };
    assert_eq!(take(&mut server, HEAD - 1), None);
    assert!(!server.engine.within_data());
    assert_eq!(take(&mut server, HEAD + 1), None);
    assert_eq!(take(&mut server, HEAD + 1), Some((1, false)));
    assert_eq!(take(&mut server, HEAD + 1), None);
    assert_eq!(take(&mut server, HEAD + 70), Some((69, false)));
    assert!(server.engine.within_data() && !server.engine.idle());
    // Only what came is owed, and what comes for a stream that is no more gives its window back.
    let owed = |server: &Server| server.engine.streams.open[0].owed;
    assert_eq!(owed(&server), 70);
    server.engine.reset(ONE, ErrorCode::CANCEL);
    server.engine.reset(StreamId(3), ErrorCode::CANCEL);
    assert_eq!(server.engine.given, 70);
    assert_eq!(take(&mut server, say.bytes.len()), None);
    assert_eq!(server.engine.given, 100);
    assert!(!server.engine.within_data());
}

/// A stream's window full of data, in frames as long as they may be.
fn fills(mut say: Say, id: u32, bytes: u32) -> Say {
    assert!(bytes.is_multiple_of(FRAME_BYTES as u32));
    for _ in 0..bytes / FRAME_BYTES as u32 {
        say = say.data(id, false, &[0; FRAME_BYTES]);
    }
    say
}

#[test]
fn bodies_of_which_nothing_is_used_hold_up_no_other() {
    let mut server = serving(hello());
    let mut id = 1;
    // As many as may grow do, and stand still then.
    for _ in 0..STREAMS - 1 {
        assert!(server.take(fills(none().post(id), id, STREAM_WINDOW)));
        server.engine.consumed(StreamId(id), STREAM_WINDOW as usize);
        server.written();
        let at = server.engine.streams.find(id).expect("it is open");
        let window = server.engine.streams.open[at].receive;
        assert!(window == GROWN_WINDOW || window == STREAM_WINDOW);
        assert!(server.take(fills(none(), id, window)));
        assert_eq!(server.written(), "", "nothing of it is used");
        id += 2;
    }
    // One more goes through, however long.
    assert!(server.take(none().post(id)));
    for _ in 0..1000 {
        assert!(server.take(fills(none(), id, STREAM_WINDOW / 2)));
        (server.engine).consumed(StreamId(id), STREAM_WINDOW as usize / 2);
    }
    let windows = &server.engine.streams.open;
    let held: u32 = windows.iter().map(|stream| stream.owed).sum();
    let growth = GROWN_WINDOW - STREAM_WINDOW;
    let grown = GROWTH_BYTES / growth * growth;
    assert_eq!(held, (STREAMS - 1) * STREAM_WINDOW + grown);
}

#[test]
fn what_a_window_grew_by_is_another_streams_when_it_ends() {
    let mut server = serving(hello());
    for nth in 0..100 {
        let id = 2 * nth + 1;
        assert!(server.take(fills(none().post(id), id, STREAM_WINDOW)));
        server.engine.consumed(StreamId(id), STREAM_WINDOW as usize);
        assert_eq!(server.engine.streams.open[0].window, GROWN_WINDOW);
        server.answer(id);
        server.engine.send(StreamId(id), b"", true);
        assert_eq!(server.engine.grown, 0);
        server.written();
    }
}

#[test]
fn more_than_the_connections_window_ends_it() {
    let settings = Settings {
        connection_window: 1 << 17,
        ..Settings::default()
    };
    let filled = fills(hello().post(1), 1, 1 << 16).post(3);
    let filled = fills(filled, 3, 1 << 16).post(5);
    for (last, goes_on) in [(none(), true), (none().data(5, false, b"x"), false)] {
        let mut server = Server {
            engine: Engine::new(settings),
            fields: Fields::new(),
            now: 0,
        };
        assert!(server.take(filled.clone()));
        assert_eq!(server.take(last), goes_on);
    }
}
