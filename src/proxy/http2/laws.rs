//! What must hold of any bytes from a client: the fuzz target `http2`, the test that replays its corpus and the tests here check it.

use super::engine::{Engine, Event, Settings, Step, StreamId};
use super::fields::Fields;
use super::hpack::{self, Decoder, Memory};
use super::limits::{LIST_BYTES, LIST_FIELDS, OUTPUT_BYTES, STREAMS};
use crate::proxy::limits::METHOD_BYTES;

/// What a connection that says nothing may take, in bytes.
const IDLE_BYTES: usize = 2048;
/// What one turn may add to the output: a head, resets and window updates for each stream. In bytes.
const TURN_BYTES: usize = 32 * 1024;

/// Checks that `input`, as all that a client sends, comes to the same in one piece and in pieces of `step` bytes, and that no rule
/// of what is told of it is broken. `how` says what is answered, and when.
///
/// # Panics
/// Where a law is broken.
pub fn hold(input: &[u8], step: usize, how: u8) {
    let whole = run(input, input.len().max(1), how);
    let pieces = run(input, step.max(1), how);
    assert!(whole == pieces, "in pieces of {step}");
}

/// Checks that fields, encoded in any manner, are decoded as they were; as far as they are fields at all.
///
/// # Panics
/// Where a law is broken.
pub fn hold_fields(lines: &[(Vec<u8>, Vec<u8>)], how: u8) {
    let mut decoder = Decoder::default();
    let mut fields = Fields::new();
    for turn in 0..3 {
        let mut block = vec![];
        for (nth, (name, value)) in lines.iter().enumerate() {
            let mix = usize::from(how) + nth + turn;
            match mix % 4 {
                0 => hpack::field(&mut block, name, value),
                1 => hpack::literal(&mut block, Memory::Kept, mix % 8 < 4, name, value),
                2 => hpack::literal(&mut block, Memory::Not, mix % 8 < 4, name, value),
                _ => hpack::literal(&mut block, Memory::Never, mix % 8 < 4, name, value),
            }
        }
        assert!(
            decoder.trailers(&block, &mut fields),
            "a block of our own is broken"
        );
        if fields.is_good() {
            // In lower case, whatever an answer's came in.
            let lines = lines.iter();
            let mut written = lines.map(|(n, v)| (n.to_ascii_lowercase(), &v[..]));
            let same = fields
                .lines()
                .all(|(n, v)| written.next() == Some((n.to_vec(), v)));
            let same = same && written.next().is_none();
            assert!(same, "{block:?}");
        }
    }
}

/// All that came of an input.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    output: Vec<u8>,
    events: Vec<String>,
}

struct Run {
    engine: Engine,
    fields: Fields,
    how: u8,
    now: u64,
    told: Vec<StreamId>,
    /// A frame's data: told as one, in whatever pieces it came.
    data: Vec<u8>,
    outcome: Outcome,
}

fn run(input: &[u8], step: usize, how: u8) -> Outcome {
    let mut run = Run {
        engine: Engine::new(Settings::default()),
        fields: Fields::new(),
        how,
        now: 0,
        told: vec![],
        data: vec![],
        outcome: Outcome::default(),
    };
    let (mut used, mut shown) = (0, 0);
    loop {
        let (before, before_used) = (run.engine.output().len(), used);
        let step_taken = run
            .engine
            .take(&input[used..shown], run.now, &mut run.fields);
        match step_taken {
            Step::More if shown == input.len() => break,
            Step::More => shown = (shown + step).min(input.len()),
            Step::Full => {
                assert!(before >= OUTPUT_BYTES);
                run.flush();
            }
            Step::Used(length) => {
                assert!(length > 0);
                used += length;
            }
            Step::Event(length, event) => {
                used += length;
                run.event(event);
            }
            Step::Broken(code) => {
                let why = run.engine.why();
                assert!(!why.is_empty());
                run.outcome.events.push(format!("{code:?} {why}"));
                break;
            }
        }
        assert!(used <= shown);
        assert!(run.engine.streams() <= STREAMS as usize);
        assert!(
            run.engine.output().len() <= OUTPUT_BYTES + TURN_BYTES,
            "too much output"
        );
        // Not where only more bytes are asked for: that is where pieces differ.
        if used > before_used && !run.engine.within_data() {
            run.room();
        }
    }
    run.flush();
    run.end();
    run.outcome
}

impl Run {
    fn event(&mut self, event: Event<'_>) {
        if let Event::Data { stream, data, end } = event {
            assert!(self.told.contains(&stream), "nobody knows it");
            assert!(end || !data.is_empty());
            self.data.extend_from_slice(data);
            if self.engine.within_data() {
                return;
            }
        }
        let data = std::mem::take(&mut self.data);
        self.outcome.events.push(match event {
            Event::Data { stream, end, .. } if data.len() > 64 => {
                format!("{} bytes, {stream:?} {end}", data.len())
            }
            Event::Data { stream, end, .. } => format!("{data:?}, {stream:?} {end}"),
            _ => format!("{event:?}"),
        });
        let (stream, end) = match event {
            Event::Request { stream, end } => {
                assert!(!self.told.contains(&stream), "told twice");
                self.told.push(stream);
                self.request();
                (stream, end)
            }
            Event::Data { stream, end, .. } => {
                if self.how & 1 == 0 {
                    self.engine.consumed(stream, data.len());
                }
                (stream, end)
            }
            Event::Trailers { stream } => {
                assert!(self.told.contains(&stream), "nobody knows it");
                assert!(self.fields.lines().count() <= LIST_FIELDS);
                (stream, true)
            }
            Event::Reset { stream, .. } => {
                let at = self.told.iter().position(|s| *s == stream);
                self.told.remove(at.expect("nobody knows it"));
                return;
            }
            Event::Malformed { stream, .. } => {
                assert!(!self.told.contains(&stream), "it was told of");
                return;
            }
        };
        if end || self.how & 2 == 0 {
            self.answer(stream);
        }
    }

    fn request(&mut self) {
        let fields = &self.fields;
        let lines = fields.lines();
        self.outcome
            .events
            .extend(lines.map(|line| format!("{line:?}")));
        assert!((1..=METHOD_BYTES).contains(&fields.method().len()));
        let tunnel = fields.method() == b"CONNECT";
        let path = fields.path();
        assert!(path.first() == Some(&b'/') || path == b"*" || (tunnel && path.is_empty()));
        assert!(path.iter().all(u8::is_ascii_graphic));
        let host = |b: &u8| b.is_ascii_alphanumeric() || b"._-[]:".contains(b);
        assert!(!fields.authority().is_empty() && fields.authority().iter().all(host));
        let mut bytes = 0;
        for (name, value) in fields.lines() {
            bytes += name.len() + value.len() + 32;
            assert!(!name.is_empty() && name[0] != b':');
            assert!(!name.iter().any(u8::is_ascii_uppercase));
            assert!(name != b"connection" && name != b"transfer-encoding" && name != b"upgrade");
            assert!(!value.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
        }
        assert!(bytes <= LIST_BYTES);
    }

    fn answer(&mut self, stream: StreamId) {
        match self.how >> 2 & 3 {
            0 => self
                .engine
                .respond(stream, 302, [(&b"Location"[..], &b"http://a/"[..])], true),
            1 => {
                self.engine.respond(stream, 100, [], false);
                self.engine
                    .respond(stream, 200, [(&b"Connection"[..], &b"close"[..])], false);
                self.engine.send(stream, b"0123456789", true);
            }
            2 => {
                self.engine.respond_encoded(stream, &[&[0x88]], false);
                self.engine
                    .trailers(stream, [(&b"grpc-status"[..], &b"0"[..])]);
            }
            _ => self.engine.respond(stream, 200, [], false),
        }
    }

    /// Whoever answers with a body without end says more of it.
    fn room(&mut self) {
        if self.how >> 2 & 3 == 3 {
            let data = [0; 40_000];
            for nth in 0..self.told.len() {
                self.engine.send(self.told[nth], &data, false);
                if self.engine.output().len() >= OUTPUT_BYTES {
                    break;
                }
            }
            while let Some(stream) = self.engine.room() {
                assert!(self.told.contains(&stream));
                assert!(
                    self.engine.send(stream, &data, false) > 0,
                    "there was no room"
                );
            }
        }
        if self.how & 0x10 != 0 {
            self.flush();
        }
    }

    fn flush(&mut self) {
        // In two parts, as sockets do.
        let first = self.engine.output().len() / 3;
        for part in [first, self.engine.output().len() - first] {
            self.outcome
                .output
                .extend_from_slice(&self.engine.output()[..part]);
            self.engine.written(part);
        }
        assert!(self.engine.output().is_empty());
    }

    /// Whatever came, an engine without streams and half blocks is small.
    fn end(&mut self) {
        for stream in std::mem::take(&mut self.told) {
            self.engine.reset(stream, super::code::ErrorCode::CANCEL);
        }
        self.flush();
        self.engine.go_away();
        self.engine.go_away();
        self.flush();
        assert_eq!(self.engine.streams(), 0);
        if self.engine.idle() {
            assert!(self.engine.done());
            self.engine.rest();
            assert!(self.engine.held_without_table() <= IDLE_BYTES);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::proxy::http2::vectors;

    #[test]
    fn they_hold_of_the_vectors() {
        for vector in vectors::all() {
            if vector.input.len() < 30_000 {
                for how in [0, 7, 0x1a, 0x1e] {
                    hold(&vector.input, 5, how);
                }
            }
        }
    }

    fn frame() -> impl Strategy<Value = Vec<u8>> {
        let stream = prop_oneof![4 => (0_u32..6).prop_map(|n| n * 2 + 1), 1 => 0_u32..4];
        let payload = prop_oneof![
            3 => Just(vectors::get()),
            1 => prop::collection::vec(any::<u8>(), 0..20),
            1 => (0_u32..70_000).prop_map(|n| n.to_be_bytes().to_vec()),
            1 => Just(b"\0\x04\0\0\0\0".to_vec()),
        ];
        (0_u8..11, any::<u8>(), stream, payload).prop_map(|(kind, flags, stream, payload)| {
            let mut frame = vec![];
            crate::proxy::http2::frame::write(&mut frame, kind, flags, stream, &payload);
            frame
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(128))]

        #[test]
        fn they_hold_of_any_bytes(input in prop::collection::vec(any::<u8>(), 0..300), how in any::<u8>()) {
            hold(&input, 1, how);
            let hello = [&vectors::hello().bytes[..], &input].concat();
            hold(&hello, 3, how);
        }

        #[test]
        fn they_hold_of_any_frames(frames in prop::collection::vec(frame(), 0..40), how in any::<u8>(), step in 1_usize..50) {
            let hello = [&vectors::hello().bytes[..], &frames.concat()].concat();
            hold(&hello, step, how);
        }

        #[test]
        fn fields_come_back(lines in prop::collection::vec(("[a-z0-9-]{1,40}|location|date|vary", "[ -~]{0,60}"), 0..30), how in any::<u8>()) {
            let lines: Vec<_> = lines.into_iter().map(|(n, v)| (n.into_bytes(), v.trim().as_bytes().to_vec())).collect();
            hold_fields(&lines, how);
        }

        #[test]
        fn any_texts_are_read_without_harm(lines in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..40), prop::collection::vec(any::<u8>(), 0..40)), 0..10), how in any::<u8>()) {
            hold_fields(&lines, how);
        }
    }
}
