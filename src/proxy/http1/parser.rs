//! The head parser: one pass, taken up again at the byte where the input ended.

use super::authority::{Authority, authority};
use super::meaning::Meaning;
use super::octets::{is_target, is_token, run, trimmed, value_run};
use super::{Fault, Field, Framing, Head, Sizes, Span, Version};
use crate::proxy::limits::METHOD_BYTES;

/// How far a head is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All of the input is looked at, and the head goes on.
    More,
    /// An empty line stood before the request line: its two bytes are to be taken off the input's front.
    EmptyLine,
    /// The head is whole and this long, in bytes.
    Whole(usize),
}

/// Parses one head after another; to be [`reset`](Self::reset) between them.
#[derive(Clone, Debug, Default)]
pub struct Parser {
    sizes: Sizes,
    state: State,
    /// The next byte to look at.
    at: usize,
    /// Where the current element or line started.
    mark: usize,
    fields_at: usize,
    /// Of the field line that is being read.
    name_end: usize,
    empty_line: bool,
    method: Span,
    target: Span,
    old: bool,
    absolute: Option<Absolute>,
    fields: Vec<Field>,
    meaning: Meaning,
}

/// What an absolute-form target says before its path.
#[derive(Clone, Copy, Debug)]
struct Absolute {
    https: bool,
    host_at: usize,
    authority: Option<Authority>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum State {
    #[default]
    Start,
    EmptyLf,
    Method,
    TargetStart,
    Scheme,
    Authority,
    Origin,
    Asterisk,
    Version,
    LineCr,
    LineLf,
    FieldStart,
    Name,
    Value,
    ValueLf,
    LastLf,
    Whole,
}

impl Parser {
    /// From now on heads may be so large: with their method, and what stands between, below 64 KiB. To be called before a head's first
    /// byte.
    pub fn go_by(&mut self, sizes: Sizes) {
        self.sizes = sizes;
    }

    /// Ready for the next head; what was allocated is kept.
    pub fn reset(&mut self) {
        let mut fields = std::mem::take(&mut self.fields);
        fields.clear();
        *self = Parser {
            sizes: self.sizes,
            fields,
            ..Parser::default()
        };
    }

    /// Whether no byte of a head has come; an empty line before it is none of its bytes.
    pub fn untouched(&self) -> bool {
        self.state == State::Start
    }

    /// Whether an empty line has come and nothing of the head behind it.
    pub(in crate::proxy) fn after_empty_line(&self) -> bool {
        self.empty_line && self.untouched()
    }

    /// Goes on with `input`, which holds all bytes since the head's first, in one more call than before.
    ///
    /// # Errors
    /// What cannot become a good head, at the first byte that shows it; the parser is then of no more use.
    pub fn parse(&mut self, input: &[u8]) -> Result<Progress, Fault> {
        while let Some(&b) = input.get(self.at) {
            match self.state {
                State::Origin => self.origin(input)?,
                State::Name => self.name(input)?,
                State::Value => self.value(input)?,
                State::Method => self.method(input)?,
                State::FieldStart => self.field_start(input, b)?,
                State::ValueLf => self.value_lf(input, b)?,
                State::LastLf if b == b'\n' => {
                    self.end()?;
                    return Ok(Progress::Whole(self.at));
                }
                State::Whole => return Ok(Progress::Whole(self.at)),
                State::EmptyLf if b == b'\n' => {
                    self.reset();
                    self.empty_line = true;
                    return Ok(Progress::EmptyLine);
                }
                _ => self.step(input, b)?,
            }
        }
        Ok(Progress::More)
    }

    /// One byte of the rarer states.
    fn step(&mut self, input: &[u8], b: u8) -> Result<(), Fault> {
        self.state = match (self.state, b) {
            (State::Start, b'\r') if !self.empty_line => State::EmptyLf,
            (State::Start, _) => {
                self.state = State::Method;
                return self.method(input);
            }
            (State::TargetStart, b'/') => State::Origin,
            (State::TargetStart, b'*') if &input[..self.mark - 1] == b"OPTIONS" => State::Asterisk,
            (State::TargetStart, b'h' | b'H') => {
                self.absolute = Some(Absolute {
                    https: false,
                    host_at: 0,
                    authority: None,
                });
                State::Scheme
            }
            (State::Scheme, _) => self.scheme(b)?,
            (State::Authority, _) => return self.authority(input),
            (State::Asterisk, b' ') => {
                self.target = span(self.mark, self.at);
                self.mark = self.at + 1;
                State::Version
            }
            (State::TargetStart | State::Asterisk, _) => return Err(Fault::Target),
            (State::Version, _) => self.version(input, b)?,
            (State::LineCr, b'\r') => State::LineLf,
            (State::LineCr, b'\n') => return Err(Fault::LineEnd),
            (State::LineCr, _) => return Err(Fault::Version),
            (State::LineLf, b'\n') => {
                self.fields_at = self.at + 1;
                State::FieldStart
            }
            _ => return Err(Fault::LineEnd),
        };
        self.at += 1;
        Ok(())
    }

    fn method(&mut self, input: &[u8]) -> Result<(), Fault> {
        let stop = input.len().min(METHOD_BYTES + 1);
        self.at += run(&input[self.at..stop], is_token);
        if self.at > METHOD_BYTES {
            return Err(Fault::LongMethod);
        }
        match input.get(self.at) {
            None => return Ok(()),
            Some(b' ') if self.at > 0 => {}
            Some(_) => return Err(Fault::Method),
        }
        self.method = span(0, self.at);
        if matches!(&input[..self.at], b"TRACE" | b"CONNECT") {
            return Err(Fault::RefusedMethod);
        }
        self.at += 1;
        self.mark = self.at;
        self.state = State::TargetStart;
        Ok(())
    }

    fn scheme(&mut self, b: u8) -> Result<State, Fault> {
        let absolute = self.absolute.as_mut().ok_or(Fault::Target)?;
        let at = self.at - self.mark;
        if at == 4 && b.eq_ignore_ascii_case(&b's') {
            absolute.https = true;
            return Ok(State::Scheme);
        }
        let expected = b"http://"[at - usize::from(absolute.https)];
        if !b.eq_ignore_ascii_case(&expected) {
            return Err(Fault::Target);
        }
        if at < 6 + usize::from(absolute.https) {
            return Ok(State::Scheme);
        }
        absolute.host_at = self.at + 1;
        Ok(State::Authority)
    }

    fn authority(&mut self, input: &[u8]) -> Result<(), Fault> {
        let stop = input
            .len()
            .min(self.mark + usize::from(self.sizes.target) + 1);
        let absolute = self.absolute.as_mut().ok_or(Fault::Target)?;
        while self.at < stop {
            match input[self.at] {
                b'/' | b'?' | b' ' => {
                    let found = authority(&input[absolute.host_at..self.at]);
                    absolute.authority = Some(found.ok_or(Fault::Authority)?);
                    self.target = span(self.at, self.at);
                    self.state = State::Origin;
                    return Ok(());
                }
                b'@' => return Err(Fault::Authority),
                b if !is_target(b) => return Err(Fault::Target),
                _ => self.at += 1,
            }
        }
        if self.at - self.mark > usize::from(self.sizes.target) {
            return Err(Fault::LongTarget);
        }
        Ok(())
    }

    fn origin(&mut self, input: &[u8]) -> Result<(), Fault> {
        let most = usize::from(self.sizes.target);
        let stop = input.len().min(self.mark + most + 1);
        self.at += run(&input[self.at..stop], is_target);
        if self.at - self.mark > most {
            return Err(Fault::LongTarget);
        }
        match input.get(self.at) {
            None => return Ok(()),
            Some(b' ') => {}
            Some(_) => return Err(Fault::Target),
        }
        let start = match self.absolute {
            Some(_) => self.target.start as usize,
            None => self.mark,
        };
        self.target = span(start, self.at);
        self.at += 1;
        self.mark = self.at;
        self.state = State::Version;
        if input[self.at..].starts_with(USUAL_END) {
            self.at += USUAL_END.len();
            self.fields_at = self.at;
            self.state = State::FieldStart;
        }
        Ok(())
    }

    fn version(&mut self, input: &[u8], b: u8) -> Result<State, Fault> {
        match (self.at - self.mark, b) {
            (at @ 0..=4, _) if b == b"HTTP/"[at] => Ok(State::Version),
            (5, b'0' | b'1') | (6, b'.') => Ok(State::Version),
            (5, b'2'..=b'9') => Err(Fault::OtherVersion),
            (7, b'0'..=b'9') => match (input[self.mark + 5], b) {
                (b'1', _) => {
                    self.old = b == b'0';
                    Ok(State::LineCr)
                }
                (_, b'9') => Err(Fault::Version),
                _ => Err(Fault::OtherVersion),
            },
            _ => Err(Fault::Version),
        }
    }

    fn field_start(&mut self, input: &[u8], b: u8) -> Result<(), Fault> {
        match b {
            b'\r' => {
                self.at += 1;
                self.state = State::LastLf;
            }
            b'\n' => return Err(Fault::LineEnd),
            _ if !is_token(b) => return Err(Fault::FieldName),
            _ if self.fields.len() == usize::from(self.sizes.lines) => {
                return Err(Fault::ManyFields);
            }
            _ => {
                self.mark = self.at;
                self.state = State::Name;
                return self.name(input);
            }
        }
        Ok(())
    }

    /// One past the first byte that is too many, for the line or for all of them.
    fn field_stop(&self, input: &[u8]) -> usize {
        let line = self.mark + usize::from(self.sizes.field) + 1;
        let all = self.fields_at + usize::from(self.sizes.fields) + 1;
        input.len().min(line).min(all)
    }

    fn field_limits(&self) -> Result<(), Fault> {
        if self.at - self.mark > usize::from(self.sizes.field) {
            return Err(Fault::LongField);
        }
        if self.at - self.fields_at > usize::from(self.sizes.fields) {
            return Err(Fault::LongFields);
        }
        Ok(())
    }

    fn name(&mut self, input: &[u8]) -> Result<(), Fault> {
        let stop = self.field_stop(input).max(self.at);
        self.at += run(&input[self.at..stop], is_token);
        self.field_limits()?;
        match input.get(self.at) {
            None => {}
            Some(b':') => {
                self.name_end = self.at;
                self.at += 1;
                self.state = State::Value;
                return self.value(input);
            }
            Some(_) => return Err(Fault::FieldName),
        }
        Ok(())
    }

    fn value(&mut self, input: &[u8]) -> Result<(), Fault> {
        let stop = self.field_stop(input).max(self.at);
        self.at += value_run(&input[self.at..stop]);
        self.field_limits()?;
        match input.get(self.at) {
            None => {}
            Some(b'\r') => {
                self.at += 1;
                self.state = State::ValueLf;
                if let Some(&b) = input.get(self.at) {
                    return self.value_lf(input, b);
                }
            }
            Some(b'\n') => return Err(Fault::LineEnd),
            Some(_) => return Err(Fault::FieldValue),
        }
        Ok(())
    }

    fn value_lf(&mut self, input: &[u8], b: u8) -> Result<(), Fault> {
        if b != b'\n' {
            return Err(Fault::LineEnd);
        }
        let line_end = self.at - 1;
        self.at += 1;
        if self.at - self.fields_at > usize::from(self.sizes.fields) {
            return Err(Fault::LongFields);
        }
        let (start, end) = trimmed(input, (self.name_end + 1, line_end));
        self.fields.push(Field {
            name: span(self.mark, self.name_end),
            value: span(start, end),
        });
        let name = &input[self.mark..self.name_end];
        let version = self.known_version();
        let hosted = self.meaning.host.is_some();
        self.meaning
            .field(name, &input[start..end], start, version)?;
        if !hosted {
            self.same_host(input)?;
        }
        self.state = State::FieldStart;
        Ok(())
    }

    fn known_version(&self) -> Version {
        if self.old {
            Version::Http10
        } else {
            Version::Http11
        }
    }

    /// RELIABILITY.md part B: an absolute-form target's authority and Host agree.
    fn same_host(&self, input: &[u8]) -> Result<(), Fault> {
        let Some((at, host)) = self.meaning.host else {
            return Ok(());
        };
        let Some(Absolute {
            https,
            host_at,
            authority: Some(authority),
        }) = self.absolute
        else {
            return Ok(());
        };
        let default = if https { 443 } else { 80 };
        let port = |a: &Authority| a.port.map_or(default, |p| p.get());
        let names = &input[at..at + host.host];
        if port(&host) != port(&authority)
            || !names.eq_ignore_ascii_case(&input[host_at..host_at + authority.host])
        {
            return Err(Fault::OtherHost);
        }
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        if !self.old && self.meaning.host.is_none() {
            return Err(Fault::NoHost);
        }
        self.at += 1;
        self.state = State::Whole;
        Ok(())
    }

    /// A view of the whole head; `input` is what was parsed.
    pub fn request<'a>(&'a self, input: &'a [u8]) -> Request<'a> {
        let (host, port) = self.host_and_port();
        Request {
            parser: self,
            input,
            method: text(input, &self.method),
            target: text(input, &self.target),
            host: text(input, &host),
            port,
        }
    }

    fn host_and_port(&self) -> (Span, Option<u16>) {
        let of = |at: usize, a: Authority| (span(at, at + a.host), a.port.map(|p| p.get()));
        match (self.absolute, self.meaning.host) {
            (
                Some(Absolute {
                    https,
                    host_at,
                    authority: Some(authority),
                }),
                _,
            ) => {
                let (host, port) = of(host_at, authority);
                (host, port.or(https.then_some(443)))
            }
            (_, Some((at, host))) => of(at, host),
            (_, None) => (0..0, None),
        }
    }

    /// The method's bytes, once it has ended.
    pub fn method_of<'a>(&self, input: &'a [u8]) -> &'a [u8] {
        slice(input, &self.method)
    }
}

/// How a request line usually ends: taken at once where it comes so.
const USUAL_END: &[u8] = b"HTTP/1.1\r\n";

fn span(start: usize, end: usize) -> Span {
    // The sizes keep a whole head below 64 KiB.
    start as u16..end as u16
}

fn slice<'a>(input: &'a [u8], span: &Span) -> &'a [u8] {
    input
        .get(span.start as usize..span.end as usize)
        .unwrap_or(&[])
}

/// A whole head, borrowed: what a redirect needs, without an allocation.
#[derive(Clone, Copy, Debug)]
pub struct Request<'a> {
    parser: &'a Parser,
    input: &'a [u8],
    method: &'a str,
    target: &'a str,
    host: &'a str,
    port: Option<u16>,
}

impl<'a> Request<'a> {
    /// The method.
    pub fn method(&self) -> &'a str {
        self.method
    }

    /// As [`Head::target`], or `*`.
    pub fn target(&self) -> &'a str {
        self.target
    }

    /// As [`Head::host`].
    pub fn host(&self) -> &'a str {
        self.host
    }

    /// As [`Head::port`].
    pub fn port(&self) -> Option<u16> {
        self.port
    }

    /// The version.
    pub fn version(&self) -> Version {
        self.parser.known_version()
    }

    /// As [`Head::lines`].
    pub fn lines(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let input = self.input;
        let fields = self.parser.fields.iter();
        fields.map(move |field| (slice(input, &field.name), slice(input, &field.value)))
    }

    /// How the body is delimited.
    pub fn framing(&self) -> Framing {
        self.parser.meaning.framing()
    }

    /// As [`Head::keep_alive`].
    pub fn keep_alive(&self) -> bool {
        self.parser.meaning.keep_alive(self.version())
    }

    /// As [`Head::expects_continue`].
    pub fn expects_continue(&self) -> bool {
        self.parser.meaning.expects_continue(self.version())
    }

    /// The head as forwarding takes it over, with all its fields.
    pub fn head(&self, bytes: bytes::Bytes) -> Head {
        let (host, port) = self.parser.host_and_port();
        Head {
            bytes,
            method: self.parser.method.clone(),
            target: self.parser.target.clone(),
            host,
            port,
            version: self.version(),
            framing: self.framing(),
            keep_alive: self.keep_alive(),
            expects_continue: self.expects_continue(),
            upgrade: self.parser.meaning.upgrade(self.version()),
            fields: self.parser.fields.clone(),
        }
    }
}

fn text<'a>(input: &'a [u8], span: &Span) -> &'a str {
    // The parser lets only ASCII into what is read as text.
    std::str::from_utf8(slice(input, span)).unwrap_or("")
}

#[cfg(test)]
#[path = "parser_tests.rs"]
mod tests;
