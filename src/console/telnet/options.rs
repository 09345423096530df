//! Which options are on, by RFC 1143's states: an answer follows a change of state, so that nobody can make it loop.

/// RFC 857: who shows what is typed.
pub(super) const ECHO: u8 = 1;
/// RFC 858: both may speak at once.
pub(super) const SUPPRESS_GO_AHEAD: u8 = 3;
/// RFC 1073: the window's size.
pub(super) const NAWS: u8 = 31;

/// How many answers about options a connection gets. Two ends that both keep to RFC 1143 still echo for ever what a third put in
/// between them.
pub(super) const ANSWERS: u16 = 256;

const IAC: u8 = 255;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verb {
    Will,
    Wont,
    Do,
    Dont,
}

impl Verb {
    pub(super) fn of(byte: u8) -> Option<Verb> {
        Some(match byte {
            251 => Verb::Will,
            252 => Verb::Wont,
            253 => Verb::Do,
            254 => Verb::Dont,
            _ => return None,
        })
    }

    const fn byte(self) -> u8 {
        match self {
            Verb::Will => 251,
            Verb::Wont => 252,
            Verb::Do => 253,
            Verb::Dont => 254,
        }
    }
}

/// RFC 1143 §7. Nothing is ever turned off from here, so that `WANTNO` and the queues are not needed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    No,
    WantYes,
    Yes,
}

/// The options of one connection; every other is refused.
#[derive(Clone, Debug, Default)]
pub(super) struct Options {
    echo: State,
    suppress: State,
    their_suppress: State,
    their_window: State,
    answered: u16,
}

impl Options {
    /// `WILL option`, unless it is on or offered.
    pub(super) fn offer(&mut self, option: u8, reply: &mut Vec<u8>) {
        begin(self.ours(option), [Verb::Will.byte(), option], reply);
    }

    /// `DO option`, unless it is on or asked for.
    pub(super) fn ask(&mut self, option: u8, reply: &mut Vec<u8>) {
        begin(self.theirs(option), [Verb::Do.byte(), option], reply);
    }

    /// Whether the client does `option`.
    pub(super) fn does(&self, option: u8) -> bool {
        match option {
            SUPPRESS_GO_AHEAD => self.their_suppress == State::Yes,
            NAWS => self.their_window == State::Yes,
            _ => false,
        }
    }

    /// What the client said of `option`, and the answer to it.
    pub(super) fn hear(&mut self, verb: Verb, option: u8, reply: &mut Vec<u8>) {
        let (state, yes, no) = match verb {
            Verb::Will | Verb::Wont => (self.theirs(option), Verb::Do, Verb::Dont),
            Verb::Do | Verb::Dont => (self.ours(option), Verb::Will, Verb::Wont),
        };
        let asks = matches!(verb, Verb::Will | Verb::Do);
        let answer = match state {
            // A refusal is answered to each asking, and answers nothing but that.
            None => asks.then_some(no),
            Some(state) => heard(state, asks, yes, no),
        };
        if let Some(answer) = answer
            && self.answered < ANSWERS
        {
            self.answered += 1;
            reply.extend_from_slice(&[IAC, answer.byte(), option]);
        }
    }

    fn ours(&mut self, option: u8) -> Option<&mut State> {
        match option {
            ECHO => Some(&mut self.echo),
            SUPPRESS_GO_AHEAD => Some(&mut self.suppress),
            _ => None,
        }
    }

    fn theirs(&mut self, option: u8) -> Option<&mut State> {
        match option {
            SUPPRESS_GO_AHEAD => Some(&mut self.their_suppress),
            NAWS => Some(&mut self.their_window),
            _ => None,
        }
    }
}

fn begin(state: Option<&mut State>, say: [u8; 2], reply: &mut Vec<u8>) {
    if let Some(state) = state
        && *state == State::No
    {
        *state = State::WantYes;
        reply.push(IAC);
        reply.extend_from_slice(&say);
    }
}

/// RFC 1143 §7's table for one option that is known.
fn heard(state: &mut State, asks: bool, yes: Verb, no: Verb) -> Option<Verb> {
    let before = std::mem::replace(state, if asks { State::Yes } else { State::No });
    match (before, asks) {
        (State::No, true) => Some(yes),
        (State::Yes, false) => Some(no),
        (State::WantYes, _) | (State::Yes, true) | (State::No, false) => None,
    }
}
