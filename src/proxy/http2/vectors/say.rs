//! How vectors are written: frames one after the other, and a server's frames as words.

use std::collections::BTreeMap;

use crate::proxy::http2::code::ErrorCode;
use crate::proxy::http2::frame::{self, HEAD, Head, PREFACE, flag, kind};
use crate::proxy::http2::hpack::{self, Memory};

/// What a client says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Say {
    pub(crate) bytes: Vec<u8>,
}

/// A connection's beginning as it should be: preface, empty SETTINGS, and the server's acknowledged.
pub(crate) fn hello() -> Say {
    let say = raw(PREFACE).frame(kind::SETTINGS, 0, 0, &[]);
    say.frame(kind::SETTINGS, flag::ACK, 0, &[])
}

/// Any bytes.
pub(crate) fn raw(bytes: &[u8]) -> Say {
    Say {
        bytes: bytes.to_vec(),
    }
}

/// A block of fields, each as plain text that no table keeps.
pub(crate) fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = vec![];
    for (name, value) in fields {
        hpack::literal(
            &mut block,
            Memory::Not,
            false,
            name.as_bytes(),
            value.as_bytes(),
        );
    }
    block
}

/// The pseudo-fields of a request.
pub(crate) fn request(method: &str) -> Vec<(&str, &str)> {
    vec![
        (":method", method),
        (":scheme", "http"),
        (":authority", "a.example"),
        (":path", "/"),
    ]
}

impl Say {
    pub(crate) fn raw(mut self, bytes: &[u8]) -> Say {
        self.bytes.extend_from_slice(bytes);
        self
    }

    pub(crate) fn frame(mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Say {
        frame::write(&mut self.bytes, kind, flags, stream, payload);
        self
    }

    /// A frame's head alone.
    pub(crate) fn head(mut self, kind: u8, flags: u8, stream: u32, length: usize) -> Say {
        let head = Head {
            length,
            kind,
            flags,
            stream,
        };
        self.bytes.extend_from_slice(&head.bytes());
        self
    }

    pub(crate) fn block(self, stream: u32, end: bool, block: &[u8]) -> Say {
        let end = if end { flag::END_STREAM } else { 0 };
        self.frame(kind::HEADERS, flag::END_HEADERS | end, stream, block)
    }

    pub(crate) fn fields(self, stream: u32, end: bool, fields: &[(&str, &str)]) -> Say {
        self.block(stream, end, &block(fields))
    }

    /// A whole request.
    pub(crate) fn get(self, stream: u32) -> Say {
        self.fields(stream, true, &request("GET"))
    }

    /// A request whose body is to come.
    pub(crate) fn post(self, stream: u32) -> Say {
        self.fields(stream, false, &request("POST"))
    }

    /// One whose body's length is said.
    pub(crate) fn post_of(self, stream: u32, length: &str) -> Say {
        let mut fields = request("POST");
        fields.push(("content-length", length));
        self.fields(stream, false, &fields)
    }

    pub(crate) fn data(self, stream: u32, end: bool, data: &[u8]) -> Say {
        let flags = if end { flag::END_STREAM } else { 0 };
        self.frame(kind::DATA, flags, stream, data)
    }

    pub(crate) fn window(self, stream: u32, more: u32) -> Say {
        self.frame(kind::WINDOW_UPDATE, 0, stream, &more.to_be_bytes())
    }

    pub(crate) fn reset(self, stream: u32) -> Say {
        self.frame(kind::RST_STREAM, 0, stream, &8_u32.to_be_bytes())
    }

    pub(crate) fn ping(self) -> Say {
        self.frame(kind::PING, 0, 0, b"12345678")
    }

    pub(crate) fn settings(self, settings: &[(u16, u32)]) -> Say {
        let mut payload = vec![];
        for (id, value) in settings {
            payload.extend_from_slice(&id.to_be_bytes());
            payload.extend_from_slice(&value.to_be_bytes());
        }
        self.frame(kind::SETTINGS, 0, 0, &payload)
    }

    /// The same again and again, with a number from 0.
    pub(crate) fn times(self, count: u32, say: impl Fn(Say, u32) -> Say) -> Say {
        (0..count).fold(self, say)
    }
}

/// What a server said, a word or a few a frame: `answer 1` where an answer is whole (with its status from 400 on), `head 1`
/// for each of its heads that is not its end, `data 1 5`, `reset 1 CODE`, `goaway CODE`, `pong`, `ack`, `settings`, `window 0 5`.
pub(crate) fn summary(mut output: &[u8]) -> Vec<String> {
    let mut said = vec![];
    let mut statuses = BTreeMap::new();
    while let Some(head) = Head::read(output) {
        let payload = &output[HEAD..HEAD + head.length];
        output = &output[HEAD + head.length..];
        let (id, end) = (head.stream, head.has(flag::END_STREAM));
        let number = |at: usize| frame::number(&payload[at..]);
        match head.kind {
            kind::DATA | kind::HEADERS => {
                if head.kind == kind::DATA {
                    said.extend(
                        (!payload.is_empty()).then(|| format!("data {id} {}", payload.len())),
                    );
                } else {
                    said.extend((!end).then(|| format!("head {id}")));
                    statuses.entry(id).or_insert_with(|| status(payload));
                }
                if end {
                    let status = statuses.get(&id).copied().unwrap_or(0);
                    said.push(match status {
                        400.. => format!("answer {id} {status}"),
                        _ => format!("answer {id}"),
                    });
                }
            }
            kind::RST_STREAM => said.push(format!("reset {id} {}", ErrorCode(number(0)).name())),
            kind::GOAWAY => said.push(format!("goaway {}", ErrorCode(number(4)).name())),
            kind::PING if head.has(flag::ACK) => said.push("pong".to_owned()),
            kind::PING => said.push("ping".to_owned()),
            kind::SETTINGS if head.has(flag::ACK) => said.push("ack".to_owned()),
            kind::SETTINGS => said.push("settings".to_owned()),
            kind::WINDOW_UPDATE => said.push(format!("window {id} {}", number(0))),
            kind::CONTINUATION => said.push(format!("continuation {id}")),
            kind => panic!("a server sent a frame of kind {kind}"),
        }
    }
    assert!(output.is_empty(), "half a frame");
    said
}

/// The status that a head of ours begins with.
fn status(block: &[u8]) -> u16 {
    let block = block.strip_prefix(b"\x20").unwrap_or(block);
    match block {
        [8, 3, digits @ ..] => digits[..3]
            .iter()
            .fold(0, |n, d| n * 10 + u16::from(d - b'0')),
        [index @ 0x88..=0x8e, ..] => [200, 204, 206, 304, 400, 404, 500][usize::from(index - 0x88)],
        _ => 0,
    }
}
