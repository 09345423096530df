//! The vectors, fed in any pieces, and what answers do.

use crate::proxy::http2::engine::{Engine, Event, Settings, Step};
use crate::proxy::http2::fields::Fields;
use crate::proxy::http2::vectors::{Answers, Vector, all, summary};

/// What came of an input: the output, and the events in words with the fields they have.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    output: Vec<u8>,
    events: Vec<String>,
}

struct Run {
    engine: Engine,
    fields: Fields,
    answers: Answers,
    outcome: Outcome,
    /// A frame's data: told as one, in whatever pieces it came.
    data: Vec<u8>,
    /// How much of the input was used.
    used: usize,
}

impl Run {
    fn new(answers: Answers) -> Run {
        Run {
            engine: Engine::new(Settings::default()),
            fields: Fields::new(),
            answers,
            outcome: Outcome::default(),
            data: Vec::new(),
            used: 0,
        }
    }

    /// Takes all that can be taken of what has come so far; whether the connection goes on.
    fn feed(&mut self, input: &[u8]) -> bool {
        loop {
            let step = self.engine.take(&input[self.used..], 0, &mut self.fields);
            let (used, event) = match step {
                Step::More => return true,
                Step::Full => {
                    self.flush();
                    continue;
                }
                Step::Used(used) => (used, None),
                Step::Event(used, event) => (used, Some(event)),
                Step::Broken(code) => {
                    self.outcome
                        .events
                        .push(format!("broken {code:?}: {}", self.engine.why()));
                    self.flush();
                    assert!(self.engine.done());
                    return false;
                }
            };
            assert!(used > 0);
            self.used += used;
            if let Some(event) = event {
                self.event(event);
            }
        }
    }

    fn event(&mut self, event: Event<'_>) {
        if let Event::Data { data, .. } = event {
            self.data.extend_from_slice(data);
            if self.engine.within_data() {
                return;
            }
        }
        let data = std::mem::take(&mut self.data);
        self.outcome.events.push(match event {
            Event::Data { stream, end, .. } => {
                let tail = &data[data.len().saturating_sub(20)..];
                format!("{stream:?} {} {tail:?} {end}", data.len())
            }
            _ => format!("{event:?}"),
        });
        let (stream, end) = match event {
            Event::Request { stream, end } => {
                let fields = &self.fields;
                self.outcome.events.push(format!(
                    "{:?} {:?} {:?} {:?} {}",
                    fields.method(),
                    fields.authority(),
                    fields.path(),
                    fields.content_length(),
                    fields.lines().count(),
                ));
                (stream, end || self.answers == Answers::AtOnce)
            }
            Event::Data { stream, end, .. } => {
                if self.answers == Answers::WhenWhole {
                    self.engine.consumed(stream, data.len());
                }
                (stream, end)
            }
            Event::Trailers { stream } => (stream, true),
            Event::Reset { .. } | Event::Malformed { .. } => return,
        };
        if end && self.answers != Answers::Never {
            self.engine.respond(stream, 204, [], true);
        }
    }

    fn flush(&mut self) {
        let output = self.engine.output();
        self.outcome.output.extend_from_slice(output);
        let length = output.len();
        self.engine.written(length);
    }
}

/// Feeds the vector's input up to each of `cuts`, then all.
fn run(vector: &Vector, cuts: impl IntoIterator<Item = usize>) -> Outcome {
    let mut run = Run::new(vector.answers);
    for cut in cuts.into_iter().chain([vector.input.len()]) {
        if !run.feed(&vector.input[..cut]) {
            break;
        }
    }
    run.flush();
    run.outcome
}

/// As vectors expect it.
fn told(outcome: &Outcome) -> String {
    let mut said = summary(&outcome.output);
    assert_eq!(said[..2], ["settings", "window 0 7798785"]);
    said.drain(..2);
    if let Some(at) = said.iter().position(|word| word == "ack") {
        said.remove(at);
    }
    said.join(" ")
}

#[test]
fn vectors_come_out_as_expected() {
    let vectors = all();
    assert!(vectors.len() >= 250, "{} vectors", vectors.len());
    let mut wrong = String::new();
    for vector in &vectors {
        let outcome = run(vector, []);
        let told = told(&outcome);
        if told != vector.expected {
            let short = |text: &str| text.chars().take(300).collect::<String>();
            wrong += &format!(
                "{}\n  expected {}\n  told     {}\n  why {:?}\n",
                vector.name,
                short(&vector.expected),
                short(&told),
                outcome.events.last(),
            );
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn vectors_have_names_of_their_own() {
    let vectors = all();
    let names: std::collections::BTreeSet<_> = vectors.iter().map(|v| &v.name).collect();
    assert_eq!(names.len(), vectors.len());
}

#[test]
fn vectors_come_out_alike_byte_by_byte() {
    for vector in all() {
        let whole = run(&vector, []);
        let step = vector.input.len() / 20_000 + 1;
        let bytes = run(&vector, (0..vector.input.len()).step_by(step));
        assert!(whole == bytes, "{}", vector.name);
    }
}

#[test]
fn vectors_come_out_alike_split_at_every_point() {
    for vector in all() {
        let whole = run(&vector, []);
        // The long ones, floods, are the same again and again.
        let step = match vector.input.len() {
            ..600 => 1,
            length => length / 20,
        };
        for cut in (0..vector.input.len()).step_by(step) {
            assert!(whole == run(&vector, [cut]), "{} at {cut}", vector.name);
        }
    }
}

/// Where no GOAWAY was said the connection serves the next request.
#[test]
fn connections_live_on_where_only_a_stream_was_at_fault() {
    for mut vector in all() {
        let whole = run(&vector, []);
        let mut after = Run::new(vector.answers);
        let begun = vector.input.len() > 24 && after.feed(&vector.input);
        let idle = after.used == vector.input.len() && after.engine.block.is_none();
        let idle = idle && !after.engine.within_data();
        if !begun || !idle || vector.name.starts_with("as many frames") {
            continue;
        }
        crate::proxy::http2::frame::write(&mut vector.input, 6, 0, 0, b"12345678");
        let more = run(&vector, []);
        assert_eq!(
            told(&more),
            format!("{} pong", told(&whole)).trim(),
            "{}",
            vector.name
        );
    }
}
