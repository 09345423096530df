//! From what somebody wants explained to an ask.

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use http::Uri;

use super::{Ask, Explanation, NodeIndex, Past, Snapshot};
use crate::model::{Endpoint, Model, Scheme, endpoint};

/// A request that somebody wants explained, in his own words.
#[derive(Clone, Copy, Debug)]
pub struct Asked<'a> {
    /// The URL that is asked for.
    pub url: &'a str,
    /// The client's address.
    pub from: IpAddr,
    /// The virtual or dip that is asked; `None`: the one whose address and port the URL names, or the only virtual.
    pub to: Option<&'a str>,
    /// The method.
    pub method: &'a str,
    /// What one writes before the virtual that is asked: `--to`.
    pub to_word: &'static str,
}

impl Ask<'_> {
    /// The dice of a client: the same for the same ask, so that an explanation can be repeated.
    pub fn dice(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(format!("{} {}", self.client, self.target).as_bytes())
    }
}

impl Explanation {
    /// As JSON, with a line end.
    ///
    /// # Errors
    /// Where it cannot be written so.
    pub fn to_json(&self) -> serde_json::Result<String> {
        Ok(serde_json::to_string_pretty(self)? + "\n")
    }
}

impl<'a> Asked<'a> {
    /// The ask.
    ///
    /// # Errors
    /// Where the URL is none to ask for, or no virtual or dip is asked: a line for the operator.
    pub fn ask(&self, model: &Model, snapshot: &Snapshot) -> Result<Ask<'a>, String> {
        let args = *self;
        let wrong = |why: &str| format!("`{}` is not a URL to ask for: {why}", args.url);
        if let Some(bad) = args
            .url
            .chars()
            .find(|c| !c.is_ascii_graphic() || *c == '#')
        {
            return Err(wrong(&format!("{bad:?} may not stand in a request")));
        }
        let (scheme, rest) = match args.url.split_once("://") {
            Some((s, rest)) if s.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
            Some((s, rest)) if s.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
            _ => return Err(wrong("it must begin with `http://` or `https://`")),
        };
        let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let parsed: Uri = format!("{}://{authority}/", scheme.as_str())
            .parse()
            .map_err(|_| wrong("its host and port are none"))?;
        let host_length = match parsed.host() {
            Some(host) if !host.is_empty() && !authority.contains('@') => host.len(),
            _ => {
                return Err(wrong(
                    "a host name or address, and perhaps a port, must follow `://`",
                ));
            }
        };
        let host = authority[..host_length].trim_end_matches('.');
        let port = match authority[host_length..].strip_prefix(':') {
            None | Some("") => scheme.default_port(),
            Some(port) => match port.parse() {
                Ok(port) if port != 0 => port,
                _ => return Err(wrong("a port is a number from 1 to 65535")),
            },
        };
        let target = match target {
            "" => Cow::Borrowed("/"),
            _ if target.starts_with('/') => Cow::Borrowed(target),
            _ => Cow::Owned(format!("/{target}")),
        };
        Ok(Ask {
            at: at(model, snapshot, (args.to, args.to_word), host, port)?,
            client: args.from,
            scheme,
            method: Cow::Borrowed(args.method),
            host: Cow::Borrowed(host),
            port,
            target,
            past: Past::default(),
        })
    }
}

/// The address that is asked: the one that is named, else the one that the URL names, else the only virtual's.
fn at(
    model: &Model,
    snapshot: &Snapshot,
    (to, to_word): (Option<&str>, &str),
    host: &str,
    port: u16,
) -> Result<Endpoint, String> {
    let listener = |e: Endpoint| snapshot.node_at(e).map(|_: NodeIndex| e);
    if let Some(text) = to {
        let found = endpoint(model, text).and_then(listener);
        return found.ok_or_else(|| format!("`{text}` is no virtual or dip; {}", choices(model)));
    }
    let named = endpoint(model, &format!("{host}:{port}"));
    // Whoever listens on all addresses listens on that one too.
    let all = named.map(|e| Endpoint {
        address: match e.address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        },
        ..e
    });
    if let Some(at) = named.and_then(listener).or_else(|| all.and_then(listener)) {
        return Ok(at);
    }
    match &*model.virtuals {
        [only] => Ok(only.id),
        _ => Err(format!(
            "no virtual or dip listens at `{host}:{port}`: say with {to_word} which one is asked; {}",
            choices(model)
        )),
    }
}

/// The most choices that are listed.
const LISTED: usize = 20;

fn choices(model: &Model) -> String {
    let virtuals = model.virtuals.iter().map(|v| v.id);
    let mut ids = virtuals.chain(model.dips.iter().map(|d| d.id));
    let listed: Vec<String> = ids.by_ref().take(LISTED).map(|id| id.to_string()).collect();
    match (listed.is_empty(), ids.count()) {
        (true, _) => "there is none".to_owned(),
        (_, 0) => format!("there is {}", listed.join(", ")),
        (_, more) => format!("there is {} and {more} more", listed.join(", ")),
    }
}
