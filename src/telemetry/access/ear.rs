//! Who listens to the requests of some clients for a while: each one's line, to somebody at a console.

use std::fmt::Write;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::SystemTime;

use tokio::sync::mpsc;

use super::Line;
use super::text::hexed;
use crate::model::Block;

/// So many lines a second are passed on, over all workers; the others are counted.
pub const LINES_PER_SECOND: u32 = 100;

/// Of a text of a client's so many bytes are told.
const TEXT_BYTES: usize = 200;

/// Where lines go; closed where nobody takes them any more.
pub type Lines = mpsc::Sender<String>;

/// Somebody who listens. Shared by all workers.
#[derive(Debug)]
pub struct Ear {
    from: Block,
    lines: Lines,
    /// The second, and how many lines were passed on in it: 32 bits each.
    second: AtomicU64,
    lost: AtomicU64,
    over: AtomicBool,
}

impl Ear {
    /// Whoever takes `lines` from the other end listens to the clients of `from`.
    pub fn new(from: Block, lines: Lines) -> Ear {
        Ear {
            from,
            lines,
            second: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            over: AtomicBool::new(false),
        }
    }

    /// Listens no more.
    pub fn close(&self) {
        self.over.store(true, Ordering::Relaxed);
    }

    /// Whether nobody listens any more.
    pub fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed) || self.lines.is_closed()
    }

    /// Lines that were not passed on since this was asked last.
    pub fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }

    /// Passes on what became of a request, where it is one of those that are listened to.
    pub(super) fn hear(&self, line: &Line<'_>, now: SystemTime) {
        if !self.from.contains(line.client) {
            return;
        }
        let since = now.duration_since(SystemTime::UNIX_EPOCH);
        let second = since.map_or(0, |since| since.as_secs()) & u64::from(u32::MAX);
        // A worker whose clock is behind begins no second anew.
        let room = |word: u64| match second > word >> 32 {
            true => Some(second << 32 | 1),
            false => ((word as u32) < LINES_PER_SECOND).then_some(word + 1),
        };
        let (set, fetch) = (Ordering::Relaxed, Ordering::Relaxed);
        let passed = self.second.fetch_update(set, fetch, room).is_ok()
            && self.lines.try_send(told(line, now)).is_ok();
        if !passed {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// `10:14:03.123Z 192.0.2.7 GET http://host/path: redirect (predicted) to coyote, 302, 0.1 ms`.
fn told(line: &Line<'_>, now: SystemTime) -> String {
    let time = jiff::Timestamp::try_from(now).unwrap_or_default();
    let mut told = time.strftime("%H:%M:%S%.3fZ ").to_string();
    // Writing to a text cannot fail.
    let _ = write!(told, "{} ", line.client);
    if !line.method.is_empty() {
        told.push_str(&plain(line.method));
        let _ = write!(told, " {}{}", plain(line.host), plain(line.target));
    }
    let _ = write!(told, " at {}: {} ({})", line.at, line.action, line.reason);
    if let Some(server) = line.server {
        let _ = write!(told, " to {server}");
    }
    if line.status > 0 {
        let _ = write!(told, ", {}", line.status);
    }
    if !line.location.is_empty() {
        let _ = write!(told, " {}", plain(line.location));
    }
    if line.tries > 0 {
        let _ = write!(told, ", {} tried before", line.tries);
    }
    let _ = write!(told, ", {:.1} ms", line.total_us as f64 / 1000.0);
    told
}

fn plain(text: &[u8]) -> String {
    let mut out = Vec::new();
    hexed(&mut out, &text[..text.len().min(TEXT_BYTES)]);
    String::from_utf8_lossy(&out).into_owned()
}
