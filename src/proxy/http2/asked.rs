//! What a request on a stream asks, as decisions and forwarding take it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::fields::Fields;
use crate::proxy::case::Asked;
use crate::proxy::http1::{Fault, Field, Framing, Head, Span, Version, authority};

/// Why a request is not gone on with, although its fields hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unwanted {
    Fault(Fault),
    /// A CONNECT for a protocol that is not known here (RFC 9220 §3).
    Protocol,
}

/// A request's fields, as they came.
#[derive(Clone, Copy)]
pub(super) struct Came<'a> {
    fields: &'a Fields,
    method: &'a str,
    target: &'a str,
    host: &'a str,
    port: Option<u16>,
    framing: Framing,
    /// RFC 8441: asked by CONNECT, decided about and forwarded as the GET that it stands for.
    websocket: bool,
    expects: bool,
    /// 16 random bytes.
    nonce: [u64; 2],
}

impl<'a> Came<'a> {
    /// `end`: no body follows; `nonce`: random.
    pub(super) fn new(
        fields: &'a Fields,
        end: bool,
        nonce: impl FnOnce() -> [u64; 2],
    ) -> Result<Came<'a>, Unwanted> {
        let mut method = text(fields.method());
        let websocket = method == "CONNECT" && fields.protocol().is_some();
        if let Some(protocol) = fields.protocol().filter(|_| websocket) {
            if !protocol.eq_ignore_ascii_case(b"websocket") {
                return Err(Unwanted::Protocol);
            }
            method = "GET";
        }
        if matches!(method, "TRACE" | "CONNECT") {
            return Err(Unwanted::Fault(Fault::RefusedMethod));
        }
        let mut expects = false;
        for (_, value) in fields.lines().filter(|(name, _)| *name == b"expect") {
            if !value.eq_ignore_ascii_case(b"100-continue") {
                return Err(Unwanted::Fault(Fault::Expectation));
            }
            expects = true;
        }
        let framing = match fields.content_length() {
            _ if end || websocket => Framing::None,
            Some(0) => Framing::None,
            Some(length) => Framing::Length(length),
            None => Framing::Chunked,
        };
        let asked = fields.authority();
        let found = authority(asked).ok_or(Unwanted::Fault(Fault::Authority))?;
        Ok(Came {
            fields,
            method,
            target: text(fields.path()),
            host: text(&asked[..found.host]),
            port: found.port.map(|port| port.get()),
            framing,
            websocket,
            expects: expects && framing != Framing::None,
            nonce: match websocket {
                true => nonce(),
                false => [0; 2],
            },
        })
    }

    /// How the body will be read, once it is asked for as HTTP/1.
    pub(super) fn framing(self) -> Framing {
        self.framing
    }

    pub(super) fn websocket(self) -> bool {
        self.websocket
    }
}

/// What the engine lets through as a pseudo-field is ASCII.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap_or_default()
}

impl<'a> Asked<'a> for Came<'a> {
    fn method(self) -> &'a str {
        self.method
    }

    fn target(self) -> &'a str {
        self.target
    }

    fn host(self) -> &'a str {
        self.host
    }

    fn port(self) -> Option<u16> {
        self.port
    }

    fn version(self) -> Version {
        Version::Http2
    }

    fn lines(self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        self.fields.lines()
    }

    /// Without what its compression saved.
    fn length(self) -> usize {
        let lines = self.fields.lines();
        let lines: usize = lines.map(|(name, value)| name.len() + value.len()).sum();
        let pseudo = self.fields.authority().len() + self.method.len() + self.target.len();
        lines + pseudo
    }

    fn head(self) -> Head {
        let mut writer = Writer {
            bytes: Vec::with_capacity(self.length() + 256),
            fields: Vec::with_capacity(16),
        };
        let method = writer.word(self.method.as_bytes(), b" ");
        let target = writer.word(self.target.as_bytes(), b" HTTP/2.0\r\n");
        let host = writer.field(b"host", self.fields.authority());
        self.write_lines(&mut writer);
        let host_end = host.start + self.host.len() as u16;
        Head {
            bytes: Bytes::from(writer.finish()),
            method,
            target,
            host: host.start..host_end,
            port: self.port,
            version: Version::Http2,
            framing: self.framing,
            keep_alive: true,
            expects_continue: self.expects,
            upgrade: self.websocket,
            fields: writer.fields,
        }
    }
}

impl Came<'_> {
    fn write_lines(self, writer: &mut Writer) {
        let mut cookies = false;
        for (name, value) in self.fields.lines() {
            match name {
                b"host" => {}
                // The server gets its own, whose answer nobody but us sees (RFC 8441 §5).
                b"sec-websocket-key" | b"sec-websocket-accept" if self.websocket => {}
                b"cookie" if cookies => {}
                b"cookie" => {
                    cookies = true;
                    let pieces = self.fields.lines().filter(|(n, _)| *n == b"cookie");
                    let pieces: Vec<&[u8]> = pieces.map(|(_, value)| value).collect();
                    // RFC 9113 §8.2.3.
                    writer.field(name, &pieces.join(&b"; "[..]));
                }
                _ => {
                    writer.field(name, value);
                }
            }
        }
        if self.websocket {
            let nonce = self.nonce.map(u64::to_be_bytes);
            writer.field(b"connection", b"upgrade");
            writer.field(b"upgrade", b"websocket");
            let key = STANDARD.encode(nonce.concat());
            writer.field(b"sec-websocket-key", key.as_bytes());
        }
        let meant = matches!(self.method, "POST" | "PUT" | "PATCH");
        if meant && self.framing == Framing::None && self.fields.content_length().is_none() {
            // HTTP/2 says by the end of its stream what HTTP/1 says by a length (RFC 9110 §8.6).
            writer.field(b"content-length", b"0");
        }
    }
}

/// Writes a head as HTTP/1 has it. The limit of a list of fields, at most 32 KiB, keeps it far below 64 KiB.
struct Writer {
    bytes: Vec<u8>,
    fields: Vec<Field>,
}

impl Writer {
    fn word(&mut self, word: &[u8], behind: &[u8]) -> Span {
        let start = self.bytes.len() as u16;
        self.bytes.extend_from_slice(word);
        let end = self.bytes.len() as u16;
        self.bytes.extend_from_slice(behind);
        start..end
    }

    fn field(&mut self, name: &[u8], value: &[u8]) -> Span {
        let name = self.word(name, b": ");
        let value = self.word(value, b"\r\n");
        self.fields.push(Field {
            name,
            value: value.clone(),
        });
        value
    }

    fn finish(&mut self) -> Vec<u8> {
        self.bytes.extend_from_slice(b"\r\n");
        std::mem::take(&mut self.bytes)
    }
}
