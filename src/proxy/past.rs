//! What a request tells of where its client was before: the cookie that holds its ticket, the Referer, a reload.
//!
//! Read only where the virtual minds; never a reason to refuse a request.

use std::borrow::Cow;
use std::io::Write;

use super::http1::authority;
use super::limits::TICKETS_TRIED;
use crate::decide::{Keys, Minds, NodeIndex, Past, Snapshot, Ticket};
use crate::model::Scheme;

/// Reads what `minds` asks for. `now_s`: seconds since 1970.
pub(super) fn read<'a>(
    minds: Minds<'_>,
    keys: &Keys,
    now_s: u64,
    fields: impl Iterator<Item = (&'a [u8], &'a [u8])>,
) -> Past<'a> {
    let mut past = Past::default();
    let mut tried = 0;
    for (name, value) in fields {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match (name.len(), minds.cookie) {
            (6, Some(cookie)) if is(b"cookie") => {
                for text in values(value, cookie.as_bytes()) {
                    if past.ticket.is_none() && tried < TICKETS_TRIED {
                        tried += 1;
                        past.ticket = std::str::from_utf8(text)
                            .ok()
                            .and_then(|text| keys.read(text, now_s).ok());
                    }
                }
            }
            (7, _) if minds.referer && is(b"referer") => {
                past.referer = past.referer.or_else(|| referer(value));
            }
            (13, _) if minds.reload && is(b"cache-control") => {
                past.reload |= directives(value).any(|d| {
                    d.eq_ignore_ascii_case(b"no-cache") || d.eq_ignore_ascii_case(b"max-age=0")
                });
            }
            (6, _) if minds.reload && is(b"pragma") => {
                past.reload |= directives(value).any(|d| d.eq_ignore_ascii_case(b"no-cache"));
            }
            _ => {}
        }
    }
    past
}

fn directives(value: &[u8]) -> impl Iterator<Item = &[u8]> {
    value.split(|b| *b == b',').map(<[u8]>::trim_ascii)
}

/// The pairs of a Cookie line as they came, without the blanks around them (RFC 6265 §5.4).
fn pairs(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|b| *b == b';').map(<[u8]>::trim_ascii)
}

/// Whether this pair is the cookie of this name.
fn is_cookie(pair: &[u8], name: &[u8]) -> bool {
    let end = pair.iter().position(|b| *b == b'=');
    end.is_some_and(|end| pair[..end].trim_ascii_end() == name)
}

/// The values of the cookies of this name, without quotes around them.
fn values<'a>(line: &'a [u8], name: &[u8]) -> impl Iterator<Item = &'a [u8]> {
    let ours = pairs(line).filter(move |pair| is_cookie(pair, name));
    ours.filter_map(|pair| {
        let value = pair.splitn(2, |b| *b == b'=').nth(1)?.trim_ascii();
        let bare = value
            .strip_prefix(b"\"")
            .and_then(|v| v.strip_suffix(b"\""));
        Some(bare.unwrap_or(value))
    })
}

/// A Cookie line without the cookie of this name; `None`: no other is in it.
pub(super) fn without<'a>(line: &'a [u8], name: &[u8]) -> Option<Cow<'a, [u8]>> {
    if !pairs(line).any(|pair| is_cookie(pair, name)) {
        return Some(Cow::Borrowed(line));
    }
    // With the blanks that they came with: a line never grows.
    let pieces = line.split(|b| *b == b';');
    let other = |piece: &&[u8]| {
        let pair = piece.trim_ascii();
        !pair.is_empty() && !is_cookie(pair, name)
    };
    let others: Vec<&[u8]> = pieces.filter(other).collect();
    (!others.is_empty()).then(|| Cow::Owned(others.join(&b';').trim_ascii().to_vec()))
}

/// The authority of a Referer: its host in lower case, and its port where that is not the scheme's own.
fn referer(value: &[u8]) -> Option<Cow<'_, str>> {
    let text = std::str::from_utf8(value).ok()?;
    let (scheme, rest) = text.split_once("://")?;
    let default = match scheme {
        s if s.eq_ignore_ascii_case("http") => Scheme::Http.default_port(),
        s if s.eq_ignore_ascii_case("https") => Scheme::Https.default_port(),
        _ => return None,
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let said = &rest[..end];
    let found = authority(said.as_bytes())?;
    let host = &said[..found.host];
    let lower = match host.bytes().any(|b| b.is_ascii_uppercase()) {
        true => Cow::Owned(host.to_ascii_lowercase()),
        false => Cow::Borrowed(host),
    };
    Some(match found.port.map(|port| port.get()) {
        Some(port) if port != default => Cow::Owned(format!("{lower}:{port}")),
        _ => lower,
    })
}

/// The `Set-Cookie` line that the client of the virtual or dip `at` is to get, with its line end, where it is to get any: of the
/// tickets the one that was decided upon, and the one that it has.
pub(super) fn cookie_line(
    snapshot: &Snapshot,
    at: NodeIndex,
    (decided, has): (Option<Ticket>, Option<Ticket>),
    (now_s, scheme): (u64, Scheme),
) -> Option<Vec<u8>> {
    let name = snapshot.minds(at).cookie?;
    let minutes = snapshot.sticky_minutes(at)?;
    let ticket = renewed(decided, has, minutes, now_s)?;
    let manner = (minutes, scheme);
    Some(set_cookie(name, &ticket, snapshot.keys(), manner))
}

/// The ticket that the client is to get: the one that was decided upon, with its times; nothing where that is the one that it has
/// and no more than half of its time is gone.
fn renewed(
    decided: Option<Ticket>,
    has: Option<Ticket>,
    minutes: u32,
    now_s: u64,
) -> Option<Ticket> {
    let mut ticket = decided?;
    let life = u64::from(minutes) * 60;
    let left = u64::from(ticket.expiry).saturating_sub(now_s);
    if has == decided && left * 2 >= life {
        return None;
    }
    let clock = |time: u64| u32::try_from(time).unwrap_or(u32::MAX);
    ticket.expiry = clock(now_s + life);
    // Whoever decides has no clock of the day.
    if ticket.epoch == 0 {
        ticket.epoch = clock(now_s / 60);
    }
    Some(ticket)
}

/// The `Set-Cookie` line for a ticket, with its line end (RFC 6265 §4.1). `Lax`: the first request that comes by a link from
/// elsewhere has it too.
fn set_cookie(
    name: &str,
    ticket: &Ticket,
    keys: &Keys,
    (minutes, scheme): (u32, Scheme),
) -> Vec<u8> {
    let mut line = Vec::with_capacity(192);
    let secure = match scheme {
        Scheme::Http => "",
        Scheme::Https => "; Secure",
    };
    // Writing to a `Vec` cannot fail.
    let _ = write!(
        line,
        "Set-Cookie: {name}={}; Path=/; HttpOnly; SameSite=Lax; Max-Age={}{secure}\r\n",
        keys.sign(ticket),
        u64::from(minutes) * 60,
    );
    line
}

#[cfg(test)]
#[path = "past_tests.rs"]
mod tests;
