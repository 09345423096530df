//! The closed list of what is refused, each with its status and its word.

use std::fmt;

/// What was wrong with a request. The connection is closed after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Fault {
    /// A bare LF, a CR without LF, or something else where a line must end.
    LineEnd,
    /// A byte that a method may not have.
    Method,
    /// A method of more than [`METHOD_BYTES`](crate::proxy::limits::METHOD_BYTES).
    LongMethod,
    /// TRACE or CONNECT.
    RefusedMethod,
    /// A byte that a target may not have, or one of no known form.
    Target,
    /// A target, or the `Location` made of it, that is too long.
    LongTarget,
    /// An absolute-form target's authority that is none.
    Authority,
    /// No HTTP version, or HTTP/0.9.
    Version,
    /// A major version other than 1.
    OtherVersion,
    /// A field name with a byte that is no token's, a folded line, no colon.
    FieldName,
    /// A control byte in a field value.
    FieldValue,
    /// A field line of more than [`Sizes::field`](super::Sizes::field).
    LongField,
    /// More than [`Sizes::fields`](super::Sizes::fields) of field lines.
    LongFields,
    /// More than [`Sizes::lines`](super::Sizes::lines) field lines.
    ManyFields,
    /// HTTP/1.1 without Host.
    NoHost,
    /// Host twice.
    Hosts,
    /// A Host that is no host name or address with perhaps a port.
    Host,
    /// A Host that differs from the target's authority.
    OtherHost,
    /// A Content-Length that is no number of at most 63 bits in its shortest form.
    Length,
    /// Content-Lengths that differ.
    Lengths,
    /// Content-Length beside Transfer-Encoding.
    LengthAndCoding,
    /// A Transfer-Encoding that does not end in one `chunked`, or several of them.
    Coding,
    /// Transfer-Encoding in HTTP/1.0.
    OldCoding,
    /// A transfer coding that is not known.
    UnknownCoding,
    /// An expectation other than `100-continue`.
    Expectation,
    /// A chunk's size, or what follows its data, breaks the rules.
    Chunk,
    /// Chunk extensions beyond their budget, or with control bytes.
    ChunkExtension,
    /// Trailers beyond their budget, or malformed.
    Trailer,
    /// Half a head, and no more of it in time.
    SlowHead,
    /// A host that the certificate of the connection does not cover.
    Misdirected,
    /// Plain HTTP where TLS is spoken.
    PlainHttp,
}

impl Fault {
    /// All faults, in the order of the list.
    pub const ALL: [Fault; 31] = [
        Fault::LineEnd,
        Fault::Method,
        Fault::LongMethod,
        Fault::RefusedMethod,
        Fault::Target,
        Fault::LongTarget,
        Fault::Authority,
        Fault::Version,
        Fault::OtherVersion,
        Fault::FieldName,
        Fault::FieldValue,
        Fault::LongField,
        Fault::LongFields,
        Fault::ManyFields,
        Fault::NoHost,
        Fault::Hosts,
        Fault::Host,
        Fault::OtherHost,
        Fault::Length,
        Fault::Lengths,
        Fault::LengthAndCoding,
        Fault::Coding,
        Fault::OldCoding,
        Fault::UnknownCoding,
        Fault::Expectation,
        Fault::Chunk,
        Fault::ChunkExtension,
        Fault::Trailer,
        Fault::SlowHead,
        Fault::Misdirected,
        Fault::PlainHttp,
    ];

    /// The status code and its phrase (RFC 9110 §15).
    pub const fn status(self) -> (u16, &'static str) {
        match self {
            Fault::RefusedMethod => (405, "Method Not Allowed"),
            Fault::SlowHead => (408, "Request Timeout"),
            Fault::LongTarget => (414, "URI Too Long"),
            Fault::Misdirected => (421, "Misdirected Request"),
            Fault::Expectation => (417, "Expectation Failed"),
            Fault::LongField | Fault::LongFields | Fault::ManyFields => {
                (431, "Request Header Fields Too Large")
            }
            Fault::LongMethod | Fault::UnknownCoding => (501, "Not Implemented"),
            Fault::OtherVersion => (505, "HTTP Version Not Supported"),
            _ => (400, "Bad Request"),
        }
    }

    /// The word for metrics and logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Fault::LineEnd => "line-end",
            Fault::Method => "method",
            Fault::LongMethod => "long-method",
            Fault::RefusedMethod => "refused-method",
            Fault::Target => "target",
            Fault::LongTarget => "long-target",
            Fault::Authority => "authority",
            Fault::Version => "version",
            Fault::OtherVersion => "other-version",
            Fault::FieldName => "field-name",
            Fault::FieldValue => "field-value",
            Fault::LongField => "long-field",
            Fault::LongFields => "long-fields",
            Fault::ManyFields => "many-fields",
            Fault::NoHost => "no-host",
            Fault::Hosts => "hosts",
            Fault::Host => "host",
            Fault::OtherHost => "other-host",
            Fault::Length => "length",
            Fault::Lengths => "lengths",
            Fault::LengthAndCoding => "length-and-coding",
            Fault::Coding => "coding",
            Fault::OldCoding => "old-coding",
            Fault::UnknownCoding => "unknown-coding",
            Fault::Expectation => "expectation",
            Fault::Chunk => "chunk",
            Fault::ChunkExtension => "chunk-extension",
            Fault::Trailer => "trailer",
            Fault::SlowHead => "slow-head",
            Fault::Misdirected => "misdirected",
            Fault::PlainHttp => "plain-http",
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::error::Error for Fault {}
