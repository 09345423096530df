//! Runs one errand: looks its host up, asks within the timeout, says what came of it.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use super::limits::ADDRESSES;
use super::words::{Fault, plain};
use super::{agent, connect, exec, hops, http, https, ping};
use crate::control::Errand;
use crate::health::Sounding;
use crate::model::ProbeKind;

/// What a kind of probe found where all is well.
#[derive(Debug, PartialEq)]
pub(super) struct Found {
    /// In a few words.
    pub(super) why: Cow<'static, str>,
    /// Figures of the server; the time it took is added where it says something.
    pub(super) figures: Vec<(Box<str>, f64)>,
    /// An agent's line.
    pub(super) agent: Option<String>,
    /// When the answer was there, where reading went on after it.
    pub(super) at: Option<Instant>,
}

impl Found {
    /// A connection was taken, at this time.
    pub(super) fn connected(at: Instant) -> Found {
        Found {
            at: Some(at),
            ..Found::new("connected")
        }
    }

    /// Nothing but these words.
    pub(super) fn new(why: impl Into<Cow<'static, str>>) -> Found {
        Found {
            why: why.into(),
            figures: Vec::new(),
            agent: None,
            at: None,
        }
    }
}

/// What a server's last sounding left for the next one.
#[derive(Debug, Default)]
pub(super) struct Memory {
    /// The time to live with which it was reached last; 0: none yet.
    pub(super) ttl: AtomicU8,
}

/// What came of an errand.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The server was asked.
    Sounded {
        /// What it came to.
        sounding: Sounding,
        /// Nothing came until the time was up.
        silent: bool,
    },
    /// It could not be asked, for a reason that lies here.
    NotAsked(Cow<'static, str>),
}

/// Runs `errand`; takes its timeout at most.
pub(super) async fn sound(errand: &Errand, memory: &Memory) -> Outcome {
    let began = Instant::now();
    let within = Duration::from_secs(errand.probe.timeout_s.into());
    let connected = AtomicBool::new(false);
    let (result, silent) = match &errand.probe.kind {
        // Ends by itself, as its program must not outlive it.
        ProbeKind::Exec(words) => (exec::ask(errand, words, within).await, false),
        _ => match timeout_at(began + within, ask(errand, memory, &connected)).await {
            Ok(result) => (result, false),
            Err(_) => (
                Err(silence(errand, connected.load(Ordering::Relaxed))),
                true,
            ),
        },
    };
    told(result, began, silent)
}

/// What came of an errand that began at `began` and is over now.
pub(super) fn told(result: Result<Found, Fault>, began: Instant, silent: bool) -> Outcome {
    let found = match result {
        Ok(found) => found,
        Err(Fault::Ours(why)) => return Outcome::NotAsked(why),
        Err(Fault::Server(why)) => {
            let sounding = Sounding {
                ok: false,
                why,
                took_us: micros(began.elapsed()),
                figures: Vec::new(),
                agent: None,
            };
            return Outcome::Sounded { sounding, silent };
        }
    };
    let took = found.at.unwrap_or_else(Instant::now) - began;
    let sounding = Sounding {
        ok: true,
        why: found.why,
        took_us: micros(took),
        figures: found.figures,
        agent: found.agent,
    };
    Outcome::Sounded { sounding, silent }
}

fn micros(took: Duration) -> u32 {
    u32::try_from(took.as_micros()).unwrap_or(u32::MAX)
}

/// What is said where nothing came until the time was up.
pub(super) fn silence(errand: &Errand, connected: bool) -> Fault {
    let what = match errand.probe.kind {
        ProbeKind::Ping => "no answer",
        _ if connected => "connected, but no answer",
        _ => "no connection",
    };
    Fault::server(format!("{what} within {} s", errand.probe.timeout_s))
}

/// Asks at the errand's address; else at each of its host's until one answers well.
async fn ask(errand: &Errand, memory: &Memory, connected: &AtomicBool) -> Result<Found, Fault> {
    if let Some(to) = errand.to {
        return ask_at(to, errand, memory, connected).await;
    }
    let addresses = look_up(name(&errand.host), errand.port).await?;
    let share = Duration::from_secs(errand.probe.timeout_s.into()) / addresses.len() as u32;
    let mut failed = None;
    for (left, to) in addresses.iter().enumerate().rev() {
        connected.store(false, Ordering::Relaxed);
        let asking = ask_at(*to, errand, memory, connected);
        // The last one has all the time that is left.
        let result = if left == 0 {
            asking.await
        } else {
            match tokio::time::timeout(share, asking).await {
                Ok(result) => result,
                Err(_) => continue,
            }
        };
        match result {
            Ok(found) => return Ok(found),
            Err(fault) => failed = Some(fault),
        }
    }
    Err(failed.unwrap_or_else(|| silence(errand, connected.load(Ordering::Relaxed))))
}

/// A host's addresses, at most [`ADDRESSES`], the one to be tried first last.
async fn look_up(name: &str, port: u16) -> Result<Vec<SocketAddr>, Fault> {
    let found = tokio::net::lookup_host((name, port)).await;
    let failed = |e| Fault::server(plain(&format!("cannot look up `{name}`: {e}")));
    let mut addresses: Vec<_> = found.map_err(failed)?.take(ADDRESSES).collect();
    if addresses.is_empty() {
        return Err(Fault::server(plain(&format!("`{name}` has no address"))));
    }
    addresses.reverse();
    Ok(addresses)
}

async fn ask_at(
    to: SocketAddr,
    errand: &Errand,
    memory: &Memory,
    connected: &AtomicBool,
) -> Result<Found, Fault> {
    match &errand.probe.kind {
        ProbeKind::Tcp => connect::ask(to).await,
        ProbeKind::Http(http) => {
            let host = host_field(http.host.as_deref(), &errand.host, to.port(), 80);
            let stream = connect::reach(to, connected).await?;
            http::ask(stream, http, &host).await
        }
        ProbeKind::Https { http, verify } => {
            let host = host_field(http.host.as_deref(), &errand.host, to.port(), 443);
            let stream = connect::reach(to, connected).await?;
            https::ask(stream, http, &host, *verify).await
        }
        ProbeKind::Ping => ping::ask(to.ip()).await,
        ProbeKind::Hops => hops::ask(to, memory).await,
        ProbeKind::Agent => agent::ask(to, connected).await,
        // Run before an address is asked for: see `sound`.
        ProbeKind::Exec(_) => Err(Fault::server("a program has no address")),
    }
}

/// What stands in the Host field: the operator's word as it is, else the server's host, with the port where it is not `default`.
fn host_field<'a>(word: Option<&'a str>, host: &'a str, port: u16, default: u16) -> Cow<'a, str> {
    if let Some(word) = word {
        return word.into();
    }
    let bare_v6 = host.parse::<std::net::Ipv6Addr>().is_ok();
    let has_port = !bare_v6 && name(host).len() < host.trim_matches(['[', ']']).len();
    match (bare_v6, has_port || port == default) {
        (false, true) => host.into(),
        (false, false) => format!("{host}:{port}").into(),
        (true, true) => format!("[{host}]").into(),
        (true, false) => format!("[{host}]:{port}").into(),
    }
}

/// A host without the brackets of an IPv6 address and without a port.
pub(super) fn name(host: &str) -> &str {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.split(']').next().unwrap_or(inner);
    }
    match host.split_once(':') {
        Some((name, port)) if !port.contains(':') => name,
        _ => host,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_field_names_the_port_where_it_is_not_the_usual_one() {
        let cases = [
            (None, "www.example.com", 80, "www.example.com"),
            (None, "www.example.com", 8080, "www.example.com:8080"),
            (None, "www.example.com:81", 8080, "www.example.com:81"),
            (None, "2001:db8::1", 80, "[2001:db8::1]"),
            (None, "2001:db8::1", 81, "[2001:db8::1]:81"),
            (None, "[2001:db8::1]", 81, "[2001:db8::1]:81"),
            (None, "[2001:db8::1]:81", 81, "[2001:db8::1]:81"),
            (Some("a"), "10.0.0.1", 81, "a"),
        ];
        for (word, host, port, field) in cases {
            assert_eq!(host_field(word, host, port, 80), field, "{host} {port}");
        }
    }

    #[test]
    fn a_name_is_looked_up_without_port_and_brackets() {
        for (host, wanted) in [
            ("a.example", "a.example"),
            ("a.example:8080", "a.example"),
            ("[::1]", "::1"),
            ("[::1]:80", "::1"),
            ("::1", "::1"),
        ] {
            assert_eq!(name(host), wanted);
        }
    }
}
