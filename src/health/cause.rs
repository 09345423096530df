//! Why a server is as it is.

use std::borrow::Cow;
use std::fmt::{Display, Write};
use std::net::IpAddr;

use crate::decide::Millis;

/// Of what a server or a program said so many characters are told.
const CHARS: usize = 300;

/// What was seen, when, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cause {
    /// The probe that saw it; `None`: the traffic, or nobody.
    pub probe: Option<Box<str>>,
    /// In a few words, without control bytes.
    pub what: Cow<'static, str>,
    /// When, the last time.
    pub at: Millis,
    /// How often, of how often it had to be.
    pub count: Option<(u32, u32)>,
    /// The client for whom the server was asked the last time.
    pub client: Option<IpAddr>,
}

impl Cause {
    /// A cause that is not counted.
    pub fn new(what: impl Into<Cow<'static, str>>, at: Millis) -> Cause {
        let what = match what.into() {
            Cow::Owned(told) => Cow::Owned(plain(&told, CHARS)),
            fixed => fixed,
        };
        Cause {
            probe: None,
            what,
            at,
            count: None,
            client: None,
        }
    }

    /// The same, seen by this probe.
    pub fn by(self, probe: &str) -> Cause {
        Cause {
            probe: Some(probe.into()),
            ..self
        }
    }

    /// The same, `times` of as many.
    pub fn counted(self, times: u32) -> Cause {
        Cause {
            count: Some((times, times)),
            ..self
        }
    }

    /// In words, with the time of day `time` that [`at`](Self::at) means: `connect refused at 10:14:03, 8 of 8`.
    pub fn tell(&self, time: impl Display) -> String {
        let mut told = String::new();
        // Writing to a String cannot fail.
        if let Some(probe) = &self.probe {
            let _ = write!(told, "probe {probe}: ");
        }
        let _ = write!(told, "{} at {time}", self.what);
        if let Some((times, of)) = self.count {
            let _ = write!(told, ", {times} of {of}");
        }
        if let Some(client) = self.client {
            let _ = write!(told, ", the last for client {client}");
        }
        told
    }
}

/// `text` without control characters, cut after `most` characters: it came from outside and goes to logs and terminals.
pub(super) fn plain(text: &str, most: usize) -> String {
    let mut told: String = text
        .chars()
        .take(most)
        .map(|c| if c.is_control() { '?' } else { c })
        .collect();
    if text.chars().nth(most).is_some() {
        told.push('…');
    }
    told
}
