//! The heads of servers' answers, as strictly as those of requests: one pass, taken up again at the byte where the input ended.

use super::meaning::{content_length, elements};
use super::octets::{is_token, run, trimmed, value_run};
use super::{Field, Framing, Span, Version};
use crate::proxy::limits::{ANSWER_FIELDS, ANSWER_HEAD_BYTES};

/// 204.
const NO_CONTENT: u16 = 204;

/// The answer breaks HTTP's rules: 502 (RELIABILITY.md part D).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadAnswer;

/// How an answer's body is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// As a request's may be.
    Framed(Framing),
    /// By the end of the connection.
    UntilEnd,
}

/// Parses one answer's head after another; to be [`reset`](Self::reset) between them.
#[derive(Clone, Debug, Default)]
pub struct AnswerParser {
    state: State,
    /// The next byte to look at.
    at: usize,
    /// Where the phrase or the field line that is being read started.
    mark: usize,
    name_end: usize,
    status: u16,
    old: bool,
    phrase: Span,
    fields: Vec<Field>,
    said: Said,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Line,
    Phrase,
    LineLf,
    FieldStart,
    Name,
    Value,
    ValueLf,
    LastLf,
    Whole,
}

/// What the field lines say that forwarding must know.
#[derive(Clone, Copy, Debug, Default)]
struct Said {
    length: Option<u64>,
    chunked: bool,
    close: bool,
    keep_alive: bool,
    upgrade: bool,
    lists: bool,
    dated: bool,
}

impl AnswerParser {
    /// Ready for the next head; what was allocated is kept.
    pub fn reset(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = AnswerParser {
            fields,
            ..AnswerParser::default()
        };
    }

    /// Goes on with `input`, which holds all bytes since the head's first. How long the head is, in bytes, once it is whole.
    ///
    /// # Errors
    /// What cannot become a good head, at the first byte that shows it; the parser is then to be reset.
    pub fn parse(&mut self, input: &[u8]) -> Result<Option<usize>, BadAnswer> {
        let shown = &input[..input.len().min(ANSWER_HEAD_BYTES)];
        while let Some(&b) = shown.get(self.at) {
            match (self.state, b) {
                (State::Name, _) => self.name(shown)?,
                (State::Value, _) => self.value(shown)?,
                (State::ValueLf, b'\n') => self.end_of_field(shown)?,
                (State::FieldStart, _) => self.field_start(shown, b)?,
                (State::Line, _) if self.at == 0 && self.usual_line(shown) => {}
                (State::Line, _) => self.line(b)?,
                (State::Phrase, _) => self.phrase(shown)?,
                (State::LineLf, b'\n') => {
                    self.at += 1;
                    self.state = State::FieldStart;
                }
                (State::LastLf, b'\n') => {
                    self.at += 1;
                    self.state = State::Whole;
                    return Ok(Some(self.at));
                }
                (State::Whole, _) => return Ok(Some(self.at)),
                (State::LineLf | State::ValueLf | State::LastLf, _) => return Err(BadAnswer),
            }
        }
        match input.len() > ANSWER_HEAD_BYTES && self.state != State::Whole {
            true => Err(BadAnswer),
            false => Ok((self.state == State::Whole).then_some(self.at)),
        }
    }

    /// Takes a status line up to its phrase at once, where it comes so and begins as most do. Else nothing is taken.
    fn usual_line(&mut self, input: &[u8]) -> bool {
        let [
            b'H',
            b'T',
            b'T',
            b'P',
            b'/',
            b'1',
            b'.',
            b'1',
            b' ',
            a @ b'1'..=b'9',
            b @ b'0'..=b'9',
            c @ b'0'..=b'9',
            b' ',
            ..,
        ] = input
        else {
            return false;
        };
        let digit = |b: &u8| u16::from(b - b'0');
        self.status = digit(a) * 100 + digit(b) * 10 + digit(c);
        self.at = 13;
        self.mark = 13;
        self.state = State::Phrase;
        true
    }

    /// One byte of the status line before its phrase, whose parts stand at fixed places (RFC 9112 §4).
    fn line(&mut self, b: u8) -> Result<(), BadAnswer> {
        const NAME: &[u8] = b"HTTP/1.";
        match (self.at, b) {
            (at @ 0..=6, _) if b == NAME[at] => {}
            (7, b'0' | b'1') => self.old = b == b'0',
            (9, b'1'..=b'9') | (10 | 11, b'0'..=b'9') => {
                self.status = self.status * 10 + u16::from(b - b'0');
            }
            (8, b' ') => {}
            (12, b' ') => {
                self.mark = self.at + 1;
                self.state = State::Phrase;
            }
            // Servers leave out the blank where there is no phrase.
            (12, b'\r') => {
                self.phrase = span(self.at, self.at);
                self.state = State::LineLf;
            }
            _ => return Err(BadAnswer),
        }
        self.at += 1;
        Ok(())
    }

    fn phrase(&mut self, input: &[u8]) -> Result<(), BadAnswer> {
        self.at += value_run(&input[self.at..]);
        match input.get(self.at) {
            None => {}
            Some(b'\r') => {
                self.phrase = span(self.mark, self.at);
                self.at += 1;
                self.state = State::LineLf;
            }
            Some(_) => return Err(BadAnswer),
        }
        Ok(())
    }

    fn field_start(&mut self, input: &[u8], b: u8) -> Result<(), BadAnswer> {
        match b {
            b'\r' => {
                self.at += 1;
                self.state = State::LastLf;
            }
            _ if !is_token(b) || self.fields.len() == ANSWER_FIELDS => return Err(BadAnswer),
            _ => {
                self.mark = self.at;
                self.state = State::Name;
                return self.name(input);
            }
        }
        Ok(())
    }

    fn name(&mut self, input: &[u8]) -> Result<(), BadAnswer> {
        self.at += run(&input[self.at..], is_token);
        match input.get(self.at) {
            None => {}
            Some(b':') => {
                self.name_end = self.at;
                self.at += 1;
                self.state = State::Value;
                return self.value(input);
            }
            Some(_) => return Err(BadAnswer),
        }
        Ok(())
    }

    fn value(&mut self, input: &[u8]) -> Result<(), BadAnswer> {
        self.at += value_run(&input[self.at..]);
        match input.get(self.at) {
            None => {}
            Some(b'\r') => {
                self.at += 1;
                self.state = State::ValueLf;
                if input.get(self.at) == Some(&b'\n') {
                    return self.end_of_field(input);
                }
            }
            Some(_) => return Err(BadAnswer),
        }
        Ok(())
    }

    fn end_of_field(&mut self, input: &[u8]) -> Result<(), BadAnswer> {
        let (start, end) = trimmed(input, (self.name_end + 1, self.at - 1));
        self.at += 1;
        self.fields.push(Field {
            name: span(self.mark, self.name_end),
            value: span(start, end),
        });
        let name = &input[self.mark..self.name_end];
        self.said.field(name, &input[start..end], self.old)?;
        self.state = State::FieldStart;
        Ok(())
    }

    /// A view of the whole head; `input` is what was parsed.
    pub fn answer<'a>(&'a self, input: &'a [u8]) -> Answer<'a> {
        Answer {
            parser: self,
            input,
        }
    }
}

impl Said {
    fn field(&mut self, name: &[u8], value: &[u8], old: bool) -> Result<(), BadAnswer> {
        let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
        match name.len() {
            4 if is(b"date") => self.dated = true,
            10 if is(b"connection") => self.connection(value),
            14 if is(b"content-length") => {
                let length = content_length(value).ok_or(BadAnswer)?;
                // Even two that agree: who stands behind may take the one or the other line apart.
                if self.chunked || self.length.replace(length).is_some() {
                    return Err(BadAnswer);
                }
            }
            17 if is(b"transfer-encoding") => {
                let known = value.eq_ignore_ascii_case(b"chunked");
                if !known || old || self.chunked || self.length.is_some() {
                    return Err(BadAnswer);
                }
                self.chunked = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn connection(&mut self, value: &[u8]) {
        for option in elements(value) {
            let is = |word: &[u8]| option.eq_ignore_ascii_case(word);
            match option.len() {
                5 if is(b"close") => self.close = true,
                7 if is(b"upgrade") => self.upgrade = true,
                10 if is(b"keep-alive") => self.keep_alive = true,
                _ => self.lists = true,
            }
        }
    }
}

fn span(start: usize, end: usize) -> Span {
    // No part of a head that is whole ends behind its limit less two line ends.
    start as u16..end as u16
}

/// A whole head of an answer, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct Answer<'a> {
    parser: &'a AnswerParser,
    input: &'a [u8],
}

impl<'a> Answer<'a> {
    /// The status code, 100 to 999.
    pub fn status(&self) -> u16 {
        self.parser.status
    }

    /// What stands behind the status code.
    pub fn phrase(&self) -> &'a [u8] {
        self.text(&self.parser.phrase)
    }

    /// The version.
    pub fn version(&self) -> Version {
        match self.parser.old {
            true => Version::Http10,
            false => Version::Http11,
        }
    }

    /// Names and values of all field lines.
    pub fn lines(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let answer = *self;
        let fields = self.parser.fields.iter();
        fields.map(move |field| (answer.text(&field.name), answer.text(&field.value)))
    }

    /// Names, values and, where they are written as most are, whole lines with their ends.
    pub fn whole_lines(
        &self,
    ) -> impl Iterator<Item = (&'a [u8], &'a [u8], Option<&'a [u8]>)> + use<'a> {
        let answer = *self;
        let fields = self.parser.fields.iter();
        fields.map(move |field| {
            let line = field.usual_line(answer.input);
            (answer.text(&field.name), answer.text(&field.value), line)
        })
    }

    /// The values of the field lines of this name.
    pub fn values<'n>(&self, name: &'n [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a, 'n> {
        let lines = self.lines();
        lines.filter_map(move |(n, value)| n.eq_ignore_ascii_case(name).then_some(value))
    }

    /// How the body is delimited; `head_only`: the request was a HEAD.
    pub fn extent(&self, head_only: bool) -> Extent {
        let Said {
            length, chunked, ..
        } = self.parser.said;
        let bodiless = head_only || matches!(self.parser.status, 100..=199 | NO_CONTENT | 304);
        match length {
            _ if bodiless => Extent::Framed(Framing::None),
            Some(0) => Extent::Framed(Framing::None),
            Some(length) => Extent::Framed(Framing::Length(length)),
            None if chunked => Extent::Framed(Framing::Chunked),
            None => Extent::UntilEnd,
        }
    }

    /// Whether the server lets the connection stay open (RFC 9112 §9.3), and is not about to send a body where there is none:
    /// one that it announces for a 204 may come after all (RFC 9112 §6.1, RFC 9110 §8.6).
    pub fn keep_alive(&self) -> bool {
        let said = &self.parser.said;
        let announced = said.chunked || said.length.is_some_and(|length| length > 0);
        if announced && self.parser.status == NO_CONTENT {
            return false;
        }
        !said.close && (!self.parser.old || said.keep_alive)
    }

    /// Whether `Connection` has the option `upgrade`.
    pub fn upgrades(&self) -> bool {
        self.parser.said.upgrade
    }

    /// Whether `Connection` names fields.
    pub fn lists_fields(&self) -> bool {
        self.parser.said.lists
    }

    /// Whether it has a `Date`.
    pub fn dated(&self) -> bool {
        self.parser.said.dated
    }

    fn text(&self, span: &Span) -> &'a [u8] {
        let text = self.input.get(span.start as usize..span.end as usize);
        text.unwrap_or(&[])
    }
}

#[cfg(test)]
#[path = "answer_tests.rs"]
mod tests;
