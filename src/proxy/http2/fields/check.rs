//! What fields must be to make a request or trailers (RFC 9113 §8.1 to §8.3, RFC 8441 §4, RELIABILITY.md part B).

use super::{Fields, Kind, Span, Verdict};
use crate::proxy::http1::{authority, content_length, is_target, is_token, value_run};
use crate::proxy::http2::hpack::Known;
use crate::proxy::limits::METHOD_BYTES;

use super::Line;

impl Fields {
    /// Whether the octets of the name at `start` and the value at `middle` may stand there; a name that is known is right.
    pub(in crate::proxy::http2) fn octets_good(
        &self,
        known: Known,
        start: usize,
        middle: usize,
    ) -> bool {
        let value = &self.text[middle..];
        let name = &self.text[start..middle];
        (known != Known::Other || is_name(name)) && is_value(value)
    }

    /// Takes in the last field of the text, or keeps what is wrong with it.
    pub(super) fn judge(&mut self, known: Known, start: usize, middle: usize, good: bool) {
        let place = |at: usize| u16::try_from(at).unwrap_or(u16::MAX);
        let name = place(start)..place(middle);
        let value = place(middle)..place(self.text.len());
        let judged = if good {
            self.place(known, &value)
        } else {
            Err(self.octets_fault(start, middle))
        };
        match judged {
            Ok(true) => self.lines.push(Line { known, name, value }),
            Ok(false) => {}
            Err(why) => {
                self.fault = Some(why);
                self.text.truncate(start);
            }
        }
    }

    fn octets_fault(&self, start: usize, middle: usize) -> &'static str {
        let name = &self.text[start..middle];
        if name.first() == Some(&b':') && Known::of(name) == Known::Other {
            "a pseudo-field that is not known"
        } else if Known::of(name) == Known::Other && !is_name(name) {
            "a field name that is no token in lower case"
        } else {
            "a field value with a control byte, or with a blank at an end"
        }
    }

    /// Puts a field where it belongs; whether it is one of the lines.
    fn place(&mut self, known: Known, value: &Span) -> Result<bool, &'static str> {
        match known {
            Known::Other | Known::Cookie => return Ok(true),
            Known::Method
            | Known::Scheme
            | Known::Authority
            | Known::Path
            | Known::Protocol
            | Known::Status => {
                self.pseudo(known, value)?;
                return Ok(false);
            }
            Known::Connection
            | Known::KeepAlive
            | Known::ProxyConnection
            | Known::TransferEncoding
            | Known::Upgrade => return Err("a field of HTTP/1's connections"),
            _ if self.kind == Kind::Trailers => {
                return Err("a field that may not stand in trailers");
            }
            Known::Te => {
                let trailers = self.piece(value).eq_ignore_ascii_case(b"trailers");
                trailers.then_some(()).ok_or("TE other than `trailers`")?;
            }
            Known::Host => {
                if self.host.replace(value.clone()).is_some() {
                    return Err("Host twice");
                }
            }
            Known::ContentLength => {
                let length = content_length(self.piece(value)).ok_or("no valid Content-Length")?;
                let before = self.length.replace(length);
                if before.is_some_and(|before| before != length) {
                    return Err("Content-Lengths that differ");
                }
            }
            Known::Expect => {}
        }
        Ok(true)
    }

    fn pseudo(&mut self, known: Known, value: &Span) -> Result<(), &'static str> {
        if self.kind == Kind::Trailers {
            return Err("a pseudo-field in trailers");
        }
        if !self.lines.is_empty() {
            return Err("a pseudo-field behind a field");
        }
        let place = match known {
            Known::Method => &mut self.method,
            Known::Scheme => &mut self.scheme,
            Known::Authority => &mut self.authority,
            Known::Path => &mut self.path,
            Known::Protocol => &mut self.protocol,
            _ => return Err("`:status` in a request"),
        };
        match place.replace(value.clone()) {
            None => Ok(()),
            Some(_) => Err("a pseudo-field twice"),
        }
    }

    /// What the whole block is. `connect_protocol`: whether extended CONNECT was offered.
    pub(in crate::proxy::http2) fn verdict(&mut self, connect_protocol: bool) -> Verdict {
        if let Some(why) = self.fault {
            return Verdict::Malformed(why);
        }
        if self.large {
            return Verdict::Large;
        }
        if self.kind != Kind::Request {
            return Verdict::Good;
        }
        match self.request_fault(connect_protocol) {
            None => Verdict::Good,
            Some(why) => Verdict::Malformed(why),
        }
    }

    fn request_fault(&self, connect_protocol: bool) -> Option<&'static str> {
        let method = self.method();
        if method.is_empty() || method.len() > METHOD_BYTES || !method.iter().all(|b| is_token(*b))
        {
            return Some("no `:method`, or one that is no method");
        }
        match (method == b"CONNECT", self.protocol()) {
            (true, None) => {
                if self.scheme.is_some() || self.path.is_some() || self.authority.is_none() {
                    return Some("CONNECT takes `:authority` alone");
                }
                return self.authority_fault();
            }
            (false, Some(_)) => return Some("`:protocol` without CONNECT"),
            (true, Some(_)) if !connect_protocol => return Some("`:protocol` was not offered"),
            (true, Some(protocol)) => {
                if protocol.is_empty() || !protocol.iter().all(|b| is_token(*b)) {
                    return Some("a `:protocol` that is no token");
                }
                if self.authority.is_none() {
                    return Some("extended CONNECT without `:authority`");
                }
            }
            (false, None) => {}
        }
        let scheme = self.scheme().unwrap_or_default();
        if !scheme.eq_ignore_ascii_case(b"https") && !scheme.eq_ignore_ascii_case(b"http") {
            return Some("no `:scheme`, or one other than http and https");
        }
        let path = self.path();
        let star = path == b"*" && method == b"OPTIONS";
        if !star && (path.first() != Some(&b'/') || !path.iter().all(|b| is_target(*b))) {
            return Some("no `:path`, or one that is no path");
        }
        self.authority_fault()
    }

    fn authority_fault(&self) -> Option<&'static str> {
        let Some(asked) = authority(self.authority()) else {
            return Some("no `:authority` and no Host, or one that is no authority");
        };
        let (Some(by_pseudo), Some(by_host)) = (&self.authority, &self.host) else {
            return None;
        };
        let (by_pseudo, by_host) = (self.piece(by_pseudo), self.piece(by_host));
        let same = by_pseudo.eq_ignore_ascii_case(by_host)
            || authority(by_host).is_some_and(|host| {
                host.port == asked.port
                    && by_host[..host.host].eq_ignore_ascii_case(&by_pseudo[..asked.host])
            });
        (!same).then_some("`:authority` and Host differ")
    }
}

/// A token without upper case (RFC 9113 §8.2.1).
fn is_name(name: &[u8]) -> bool {
    let fits = |b: &u8| is_token(*b) && !b.is_ascii_uppercase();
    !name.is_empty() && name.iter().all(fits)
}

fn is_value(value: &[u8]) -> bool {
    let blank = |b: Option<&u8>| matches!(b, Some(b' ' | b'\t'));
    value_run(value) == value.len() && !blank(value.first()) && !blank(value.last())
}
