//! One line of the access log, in each of its formats.

use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use super::text::{address, decimal, hexed, id, json, millis, padded, socket};
use crate::model::Id;

/// Few lines are longer: room for one beyond a full batch. In bytes.
pub(super) const USUAL_BYTES: usize = 1024;

/// What became of one request, or of input that never became one. Text is as the client sent it.
#[derive(Clone, Copy, Debug)]
pub struct Line<'a> {
    /// The virtual or dip that it came to.
    pub at: &'a Id,
    /// The client's address: what a trusted proxy says, else the peer's.
    pub client: IpAddr,
    /// Who really is at the other end of the connection.
    pub peer: SocketAddr,
    /// The method; empty: none came.
    pub method: &'a [u8],
    /// The host asked for; empty: none.
    pub host: &'a [u8],
    /// Path and query; empty: none came.
    pub target: &'a [u8],
    /// `HTTP/1.0` or `HTTP/1.1`; empty: none came.
    pub version: &'static str,
    /// The status that was answered; 0: none was.
    pub status: u16,
    /// What the client got, head and body, in bytes.
    pub bytes_out: u64,
    /// What was taken from the client, head and body, in bytes.
    pub bytes_in: u64,
    /// What was done: `redirect`, `forward`, `refuse`, `fault` or `options`.
    pub action: &'static str,
    /// The decision's reason, or the rule that was broken.
    pub reason: &'static str,
    /// The real, dip or url that it went to.
    pub server: Option<&'a Id>,
    /// Of a redirect: where to.
    pub location: &'a [u8],
    /// Servers that were tried before the last one.
    pub tries: u32,
    /// How long deciding took, in microseconds.
    pub decide_us: u64,
    /// How long the connection to the server took, in microseconds; `None`: one was there, or none came about.
    pub connect_us: Option<u64>,
    /// From the request's head to the head of the server's answer, in microseconds.
    pub first_byte_us: Option<u64>,
    /// From the request's head to the end, in microseconds.
    pub total_us: u64,
    /// `Referer`; empty: none.
    pub referer: &'a [u8],
    /// `User-Agent`; empty: none.
    pub user_agent: &'a [u8],
}

impl Line<'_> {
    /// Appends it as one JSON object and a line end. What is not there is left out.
    pub(super) fn json(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        out.extend_from_slice(b"{\"time\":\"");
        out.extend_from_slice(&stamp.rfc3339);
        out.extend_from_slice(b"\",\"virtual\":\"");
        // Ids are the operator's: letters, digits and `_ - . : [ ]`.
        id(out, self.at);
        out.extend_from_slice(b"\",\"client\":\"");
        address(out, self.client);
        out.extend_from_slice(b"\",\"peer\":\"");
        socket(out, self.peer);
        out.push(b'"');
        for (name, text) in [
            (&b",\"method\":\""[..], self.method),
            (b",\"host\":\"", self.host),
            (b",\"target\":\"", self.target),
            (b",\"version\":\"", self.version.as_bytes()),
        ] {
            json_text(out, name, text);
        }
        out.extend_from_slice(b",\"status\":");
        decimal(out, self.status.into());
        out.extend_from_slice(b",\"bytes_out\":");
        decimal(out, self.bytes_out);
        out.extend_from_slice(b",\"bytes_in\":");
        decimal(out, self.bytes_in);
        json_text(out, b",\"action\":\"", self.action.as_bytes());
        json_text(out, b",\"reason\":\"", self.reason.as_bytes());
        if let Some(server) = self.server {
            out.extend_from_slice(b",\"server\":\"");
            id(out, server);
            out.push(b'"');
        }
        json_text(out, b",\"location\":\"", self.location);
        out.extend_from_slice(b",\"tries\":");
        decimal(out, self.tries.into());
        out.extend_from_slice(b",\"decide_us\":");
        decimal(out, self.decide_us);
        for (name, time) in [
            (&b",\"connect_ms\":"[..], self.connect_us),
            (b",\"first_byte_ms\":", self.first_byte_us),
            (b",\"total_ms\":", Some(self.total_us)),
        ] {
            if let Some(time) = time {
                out.extend_from_slice(name);
                millis(out, time);
            }
        }
        json_text(out, b",\"referer\":\"", self.referer);
        json_text(out, b",\"user_agent\":\"", self.user_agent);
        out.extend_from_slice(b"}\n");
    }

    /// Appends it in the combined log format, with `key=value` pairs of its own behind, and a line end.
    pub(super) fn combined(&self, stamp: &Stamp, out: &mut Vec<u8>) {
        address(out, self.client);
        out.extend_from_slice(b" - - [");
        out.extend_from_slice(&stamp.clf);
        out.extend_from_slice(b" +0000] \"");
        hexed(out, self.method);
        if !self.target.is_empty() {
            out.push(b' ');
            hexed(out, self.target);
            out.push(b' ');
            out.extend_from_slice(self.version.as_bytes());
        }
        out.extend_from_slice(b"\" ");
        decimal(out, self.status.into());
        out.push(b' ');
        decimal(out, self.bytes_out);
        for text in [self.referer, self.user_agent] {
            out.extend_from_slice(b" \"");
            hexed(out, text);
            out.push(b'"');
        }
        out.extend_from_slice(b" peer=");
        socket(out, self.peer);
        out.extend_from_slice(b" virtual=");
        id(out, self.at);
        out.extend_from_slice(b" host=\"");
        hexed(out, self.host);
        out.extend_from_slice(b"\" in=");
        decimal(out, self.bytes_in);
        for (name, word) in [(" action=", self.action), (" reason=", self.reason)] {
            out.extend_from_slice(name.as_bytes());
            out.extend_from_slice(word.as_bytes());
        }
        match self.server {
            Some(server) => {
                out.extend_from_slice(b" server=");
                id(out, server);
            }
            None => out.extend_from_slice(b" server=-"),
        }
        out.extend_from_slice(b" location=\"");
        hexed(out, self.location);
        out.extend_from_slice(b"\" tries=");
        decimal(out, self.tries.into());
        out.extend_from_slice(b" decide_us=");
        decimal(out, self.decide_us);
        for (name, time) in [
            (&b" connect_ms="[..], self.connect_us),
            (b" first_byte_ms=", self.first_byte_us),
            (b" total_ms=", Some(self.total_us)),
        ] {
            out.extend_from_slice(name);
            match time {
                Some(time) => millis(out, time),
                None => out.push(b'-'),
            }
        }
        out.push(b'\n');
    }
}

/// Appends a text behind its name, which opens the quotes; nothing where there is no text.
fn json_text(out: &mut Vec<u8>, name: &[u8], text: &[u8]) {
    if !text.is_empty() {
        out.extend_from_slice(name);
        json(out, text);
        out.push(b'"');
    }
}

const MONTHS: [&[u8; 3]; 12] = [
    b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec",
];

/// The time as lines have it, in UTC; the date is worked out once a second.
#[derive(Debug)]
pub(super) struct Stamp {
    second: u64,
    /// `2026-11-21T17:31:00.123Z`.
    pub(super) rfc3339: [u8; 24],
    /// `21/Nov/2026:17:31:00`.
    pub(super) clf: [u8; 20],
}

impl Default for Stamp {
    fn default() -> Self {
        Stamp {
            second: u64::MAX,
            rfc3339: *b"0000-00-00T00:00:00.000Z",
            clf: *b"00/Jan/0000:00:00:00",
        }
    }
}

impl Stamp {
    pub(super) fn set(&mut self, now: SystemTime) {
        let since = now
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default();
        if self.second != since.as_secs() {
            self.second = since.as_secs();
            self.set_second();
        }
        padded(&mut self.rfc3339[20..23], since.subsec_millis().into());
    }

    fn set_second(&mut self) {
        let (year, month, day) = date(self.second / 86_400);
        let time = self.second % 86_400;
        let mut clock = *b"00:00:00";
        padded(&mut clock[..2], time / 3600);
        padded(&mut clock[3..5], time / 60 % 60);
        padded(&mut clock[6..], time % 60);
        padded(&mut self.rfc3339[..4], year);
        padded(&mut self.rfc3339[5..7], month);
        padded(&mut self.rfc3339[8..10], day);
        self.rfc3339[11..19].copy_from_slice(&clock);
        padded(&mut self.clf[..2], day);
        self.clf[3..6].copy_from_slice(MONTHS[month as usize - 1]);
        padded(&mut self.clf[7..11], year);
        self.clf[12..].copy_from_slice(&clock);
    }
}

/// Year, month and day of the day so many days after 1970-01-01 (H. Hinnant, "chrono-compatible low-level date algorithms").
fn date(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted + 2) / 5 + 1;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    };
    let year = year_of_era + era * 400 + u64::from(month <= 2);
    (year, month, day)
}
