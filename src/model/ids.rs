//! Words to ids.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;

use super::Endpoint;
use crate::language::vocabulary;

/// The longest url id or name, in characters.
pub(super) const NAME_CHARS: usize = 40;

/// What a word names, before anything is known of its kind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Named<'w> {
    /// An address, or a name of one.
    Endpoint(Endpoint),
    /// What may be a url's id.
    Url(&'w str),
}

/// Why a word is no id.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct NotAnId {
    pub(super) message: String,
    pub(super) help: Option<String>,
}

fn refuse<T>(message: String, help: impl Into<String>) -> Result<T, NotAnId> {
    Err(NotAnId {
        message,
        help: Some(help.into()),
    })
}

const FORM: &str =
    "an endpoint is `ADDRESS[:PORT[:BIND-ID]]`, such as `192.0.2.1:8080` or `[2001:db8::1]:8080`";

/// Reads `ADDRESS[:PORT[:BIND-ID[:PROTOCOL]]]` or a word that has the form of a url's id.
pub(super) fn read<'w>(
    word: &'w str,
    names: &HashMap<Box<str>, IpAddr>,
) -> Result<Named<'w>, NotAnId> {
    read_at(word, names, Endpoint::HTTP)
}

/// The same, where a port left out or 0 is `usual`.
pub(super) fn read_at<'w>(
    word: &'w str,
    names: &HashMap<Box<str>, IpAddr>,
    usual: NonZeroU16,
) -> Result<Named<'w>, NotAnId> {
    if let Some(address) = bare_ipv6(word) {
        return Ok(Named::Endpoint(Endpoint::new(address, usual)));
    }
    let (host, rest) = match word.strip_prefix('[') {
        Some(inner) => match inner.split_once(']') {
            Some((host, rest)) if rest.is_empty() || rest.starts_with(':') => (host, rest),
            _ => return refuse(format!("`{word}` is not an address in brackets"), FORM),
        },
        None => word.split_at(word.find(':').unwrap_or(word.len())),
    };
    let address = if word.starts_with('[') {
        match host.parse::<Ipv6Addr>() {
            Ok(address) => IpAddr::V6(address).to_canonical(),
            Err(_) => return refuse(format!("`{host}` is not an IPv6 address"), FORM),
        }
    } else if let Ok(address) = host.parse::<Ipv4Addr>() {
        IpAddr::V4(address)
    } else if word.contains("::") {
        return refuse(
            format!("`{word}` is not an IPv6 address"),
            "an IPv6 address with a port is written `[2001:db8::1]:8080`",
        );
    } else if looks_like_ipv4(host) {
        return refuse(
            format!("`{host}` is not an IPv4 address"),
            "it is four numbers from 0 to 255 without leading zeros",
        );
    } else if let Some(address) = names.get(host) {
        *address
    } else if rest.is_empty() && is_name(host) {
        return Ok(Named::Url(host));
    } else if !rest.is_empty() && is_name(host) {
        return Err(unknown_host(host));
    } else {
        return refuse(format!("`{word}` is not an id"), FORM);
    };
    after_address(word, address, rest, usual).map(Named::Endpoint)
}

fn bare_ipv6(word: &str) -> Option<IpAddr> {
    let address: Ipv6Addr = word.parse().ok()?;
    Some(IpAddr::V6(address).to_canonical())
}

/// A host that is neither an address nor a name: perhaps it was meant to be asked of the DNS.
pub(super) fn unknown_host(host: &str) -> NotAnId {
    NotAnId {
        message: format!("`{host}` is neither an address nor a name that a `name` line defines"),
        help: Some(format!(
            "a DNS name cannot stand here: write its address, or let `name ADDRESS {host}` define it"
        )),
    }
}

fn after_address(
    word: &str,
    address: IpAddr,
    rest: &str,
    usual: NonZeroU16,
) -> Result<Endpoint, NotAnId> {
    let mut endpoint = Endpoint::new(address, usual);
    let mut parts = rest.split(':').skip(1);
    if let Some(port) = parts.next() {
        match number(port) {
            // The LocalDirector's port 0 is every port; a redirect is HTTP, so that it is 80.
            Some(port) => endpoint.port = NonZeroU16::new(port).unwrap_or(usual),
            None if port.is_empty() => {
                return refuse(format!("`{word}` lacks the port behind its colon"), FORM);
            }
            None => {
                return refuse(
                    format!("`{port}` in `{word}` is not a port"),
                    format!("a port is 1 to 65535; left out or 0 it is {usual}"),
                );
            }
        }
    }
    if let Some(bind_id) = parts.next() {
        match number(bind_id) {
            Some(bind_id) => endpoint.bind_id = bind_id,
            None => {
                return refuse(
                    format!("`{bind_id}` in `{word}` is not a bind-id"),
                    "a bind-id is 0 to 65535",
                );
            }
        }
    }
    match parts.next() {
        Some(protocol) if !protocol.eq_ignore_ascii_case("tcp") => {
            return refuse(
                format!("`{protocol}` in `{word}` is not a protocol of Signpost's"),
                "HTTP runs over TCP: write `tcp` or leave the protocol out",
            );
        }
        _ => {}
    }
    match parts.next() {
        Some(more) => refuse(format!("`{more}` in `{word}` is one part too many"), FORM),
        None => Ok(endpoint),
    }
}

fn number(text: &str) -> Option<u16> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Reads an address without port.
pub(super) fn address(word: &str) -> Option<IpAddr> {
    raw_address(word).map(|address| address.to_canonical())
}

/// The same, an IPv4 address that is mapped into IPv6 left so.
pub(super) fn raw_address(word: &str) -> Option<IpAddr> {
    let inner = word
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => word.parse().ok(),
    }
}

fn looks_like_ipv4(word: &str) -> bool {
    word.bytes().all(|b| b.is_ascii_digit() || b == b'.') && !word.is_empty()
}

fn is_name(word: &str) -> bool {
    (1..=NAME_CHARS).contains(&word.len())
        && word.bytes().all(is_name_byte)
        && !looks_like_ipv4(word)
}

/// Why `word` cannot become the name of a probe, which is never taken for an id or keyword; `None`: it can.
pub(super) fn unfit_probe(word: &str) -> Option<(String, &'static str)> {
    let fits = (1..=NAME_CHARS).contains(&word.len()) && word.bytes().all(is_name_byte);
    (!fits).then(|| (format!("`{word}` cannot be the name of a probe"), NAME_FORM))
}

/// The same of a certificate.
pub(super) fn unfit_certificate(word: &str) -> Option<(String, &'static str)> {
    let fits = (1..=NAME_CHARS).contains(&word.len()) && word.bytes().all(is_name_byte);
    let fits = fits && !word.starts_with('.') && !word.starts_with('-');
    let form = "it is 1 to 40 of letters, digits, `_`, `-` and `.`, and begins with neither of the last two";
    (!fits).then(|| {
        (
            format!("`{word}` cannot be the name of a certificate"),
            form,
        )
    })
}

/// Whether `b` may stand in a token (RFC 9110 §5.6.2).
pub(super) fn is_token(b: u8) -> bool {
    b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b)
}

const NAME_FORM: &str = "it is 1 to 40 of letters, digits, `_`, `-` and `.`";

fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.')
}

/// Why `word` cannot become a url's id or a name; `None`: it can.
pub(super) fn unfit_name(word: &str) -> Option<(String, &'static str)> {
    if looks_like_ipv4(word) || address(word).is_some() {
        Some((
            format!("`{word}` reads as an address"),
            "choose a name with a letter in it",
        ))
    } else if !is_name(word) {
        Some((format!("`{word}` cannot be an id or name"), NAME_FORM))
    } else if vocabulary().is_keyword(word) {
        Some((format!("`{word}` is a keyword"), "choose another name"))
    } else {
        None
    }
}
