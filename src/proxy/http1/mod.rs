//! HTTP/1 requests as RELIABILITY.md parts A and B have them, and the heads of answers as part D does: pure, fed with bytes.

use std::net::IpAddr;
use std::ops::Range;

use bytes::Bytes;

mod answer;
mod authority;
mod body;
#[cfg(test)]
pub(crate) mod cases;
mod fault;
pub mod laws;
mod meaning;
mod octets;
mod parser;
mod sizes;

pub use answer::{Answer, AnswerParser, BadAnswer, Extent};
pub(super) use authority::authority;
pub(super) use body::Found;
pub use body::{BodyDecoder, Decoded};
pub use fault::Fault;
pub(super) use meaning::content_length;
pub(super) use octets::{is_target, is_token, value_run};
pub use parser::{Parser, Progress, Request};
pub use sizes::Sizes;

/// HTTP/1.0, HTTP/1.1 (any minor version above counts as 1.1) or HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    /// HTTP/1.0.
    Http10,
    /// HTTP/1.1.
    Http11,
    /// HTTP/2: its framing lies below, and is taken for HTTP/1.1's here.
    Http2,
}

impl Version {
    /// As a request line has it, or would.
    pub const fn as_str(self) -> &'static str {
        match self {
            Version::Http10 => "HTTP/1.0",
            Version::Http11 => "HTTP/1.1",
            Version::Http2 => "HTTP/2.0",
        }
    }
}

/// How a request's body is delimited (RFC 9112 §6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// No body.
    None,
    /// Content-Length, 1 byte or more.
    Length(u64),
    /// Transfer-Encoding: chunked.
    Chunked,
}

/// Where a part of the head stands in its bytes.
pub type Span = Range<u16>;

/// One field line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// The name, a token, in the client's case.
    pub name: Span,
    /// The value without the blanks around it.
    pub value: Span,
}

impl Field {
    /// The whole line in `head`, with its end, where one blank stands before the value and none behind it.
    fn usual_line<'a>(&self, head: &'a [u8]) -> Option<&'a [u8]> {
        let (name_end, end) = (usize::from(self.name.end), usize::from(self.value.end));
        let blank = head.get(name_end..name_end + 2)? == b": ";
        let ends = head.get(end..end + 2)? == b"\r\n";
        let usual = blank && ends && usize::from(self.value.start) == name_end + 2;
        usual.then(|| &head[usize::from(self.name.start)..end + 2])
    }
}

/// A request's head that passed every check, with the bytes that it stands in.
#[derive(Clone, Debug)]
pub struct Head {
    /// Request line and fields, to the empty line and with it.
    pub bytes: Bytes,
    /// The method.
    pub method: Span,
    /// Path and query in origin form: begins with `/`. Of an absolute-form target what follows its authority
    /// (if that is empty, this span is empty and `/` is meant).
    pub target: Span,
    /// The host asked for, without port and trailing dot; empty for HTTP/1.0 without Host.
    pub host: Span,
    /// The port in the authority asked for.
    pub port: Option<u16>,
    /// The version.
    pub version: Version,
    /// How the body is delimited.
    pub framing: Framing,
    /// Whether the client lets the connection stay open.
    pub keep_alive: bool,
    /// `Expect: 100-continue` of an HTTP/1.1 request with a body to come.
    pub expects_continue: bool,
    /// HTTP/1.1 with `Connection: upgrade` and an `Upgrade` other than h2c.
    pub upgrade: bool,
    /// All field lines in their order.
    pub fields: Vec<Field>,
}

/// The address literal that a host may be.
pub type HostAddress = Option<IpAddr>;

impl Head {
    /// The text at `span`; heads are ASCII but for field values.
    pub fn text(&self, span: &Span) -> &[u8] {
        &self.bytes[span.start as usize..span.end as usize]
    }

    /// The whole line of a field, with its end, where it is written as most are.
    pub fn usual_line(&self, field: &Field) -> Option<&[u8]> {
        field.usual_line(&self.bytes)
    }

    /// Names and values of all field lines.
    pub fn lines(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        let fields = self.fields.iter();
        fields.map(|field| (self.text(&field.name), self.text(&field.value)))
    }
}
