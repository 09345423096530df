//! Windows of what the client sends, and of what is sent to it (RFC 9113 §5.2, §6.9).

use super::say::{Say, hello};
use super::{Answers, List};
use crate::proxy::http2::limits::{FRAME_BYTES, GROWN_WINDOW, STREAM_WINDOW, UPDATE_BYTES};

const PROTOCOL: &str = "goaway PROTOCOL_ERROR";
const FLOW: &str = "goaway FLOW_CONTROL_ERROR";

fn filled(say: Say, stream: u32, bytes: u32) -> Say {
    let frames = bytes / FRAME_BYTES as u32;
    let say = say.times(frames, |say, _| say.data(stream, false, &[0; FRAME_BYTES]));
    say.data(stream, false, &vec![0; bytes as usize % FRAME_BYTES])
}

pub(super) fn add(list: &mut List) {
    list.add("a window grows by 0", hello().window(0, 0), PROTOCOL);
    list.add(
        "a window grows by 0 and the reserved bit",
        hello().window(0, 0x8000_0000),
        PROTOCOL,
    );
    list.add(
        "the connection's window at its most",
        hello().window(0, 0x7fff_ffff - 65_535).get(1),
        "answer 1",
    );
    list.add(
        "the connection's window above it",
        hello().window(0, 0x7fff_ffff - 65_534),
        FLOW,
    );
    list.add(
        "the connection's window above it in two",
        hello().window(0, 0x7fff_0000).window(0, 1),
        FLOW,
    );
    list.answers(Answers::Never);
    let open = || hello().get(1);
    list.add(
        "a stream's window grows by 0",
        open().window(1, 0).get(3),
        "reset 1 PROTOCOL_ERROR",
    );
    list.add(
        "a stream's window at its most",
        open().window(1, 0x7fff_ffff - 65_535),
        "",
    );
    list.add(
        "a stream's window above it",
        open().window(1, 0x7fff_ffff - 65_534),
        "reset 1 FLOW_CONTROL_ERROR",
    );
    list.add(
        "a stream's window above it in two",
        open().window(1, 0x7fff_0000).window(1, 1),
        "reset 1 FLOW_CONTROL_ERROR",
    );
    list.add(
        "a stream's window above it by settings",
        open().window(1, 1).settings(&[(4, 0x7fff_ffff)]),
        FLOW,
    );
    list.add(
        "a stream's window smaller by settings",
        open().settings(&[(4, 0)]).settings(&[(4, 0x7fff_ffff)]),
        "ack ack",
    );
    list.add(
        "the reserved bit of an increment",
        open().window(1, 0x8000_0001),
        "",
    );
    list.add(
        "as much as a stream's window",
        filled(hello().post(1), 1, STREAM_WINDOW),
        "",
    );
    list.add(
        "a byte more",
        filled(hello().post(1), 1, STREAM_WINDOW + 1),
        "reset 1 FLOW_CONTROL_ERROR",
    );
    let mut say = hello();
    let held = [1, 3, 5, 7];
    assert_eq!(held.len() as u32 * STREAM_WINDOW, UPDATE_BYTES);
    for stream in held {
        say = filled(say.post(stream), stream, STREAM_WINDOW);
    }
    // The streams are at their ends first; the connection's window is given back with what they held.
    for stream in held {
        say = say.reset(stream);
    }
    list.add(
        "what reset streams held is given back",
        say,
        format!("window 0 {UPDATE_BYTES}"),
    );
    list.answers(Answers::WhenWhole);
    let mut say = filled(hello().post(1), 1, STREAM_WINDOW / 2);
    let grown = STREAM_WINDOW / 2 + GROWN_WINDOW - STREAM_WINDOW;
    list.add(
        "half a window used is given back, and more",
        say.clone(),
        format!("window 1 {grown}"),
    );
    say = filled(say, 1, GROWN_WINDOW);
    let half = format!("window 1 {}", GROWN_WINDOW / 2);
    let given = format!("window 1 {grown} {half} window 0 {UPDATE_BYTES} {half}");
    list.add("more than the window, used as it comes", say, given);
    let padding = hello().post(1).times(1025, |say, _| {
        let mut payload = [0; 257];
        payload[0] = 255;
        say.frame(0, 8, 1, &payload)
    });
    list.add(
        "padding gives its window back",
        padding,
        "window 1 229504 window 1 131327 window 0 262396",
    );
}
