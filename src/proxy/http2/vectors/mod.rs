//! What a client may say, and what must come back: for the engine alone, and over a real socket.

mod fields;
mod floods;
mod frames;
mod hpack;
mod limits;
mod say;
mod streams;
mod windows;

pub(crate) use say::{Say, hello, summary};

/// When requests are answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answers {
    /// As soon as the head is whole, as a redirect is.
    AtOnce,
    /// When the body is whole, all of which is used as it comes.
    WhenWhole,
    /// Never.
    Never,
}

/// One thing said, and what comes of it.
#[derive(Debug)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) answers: Answers,
    /// All that the client sends, from its preface on.
    pub(crate) input: Vec<u8>,
    /// As [`summary`] tells it, without the SETTINGS, the first WINDOW_UPDATE and the first acknowledgement.
    pub(crate) expected: String,
}

/// Gathers vectors.
#[derive(Debug, Default)]
pub(crate) struct List {
    all: Vec<Vector>,
    answers: Option<Answers>,
}

impl List {
    /// From here on; the next group begins with `AtOnce`.
    fn answers(&mut self, answers: Answers) {
        self.answers = Some(answers);
    }

    fn add(&mut self, name: impl Into<String>, say: Say, expected: impl Into<String>) {
        self.all.push(Vector {
            name: name.into(),
            answers: self.answers.unwrap_or(Answers::AtOnce),
            input: say.bytes,
            expected: expected.into(),
        });
    }
}

/// The block of a request's fields.
pub(crate) fn get() -> Vec<u8> {
    say::block(&say::request("GET"))
}

/// All of them.
pub(crate) fn all() -> Vec<Vector> {
    let mut list = List::default();
    for add in [
        frames::add,
        streams::add,
        windows::add,
        fields::add,
        hpack::add,
        limits::add,
        floods::add,
    ] {
        list.answers = None;
        add(&mut list);
    }
    list.all
}
