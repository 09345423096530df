//! Ids as the LocalDirector wrote them: `ADDRESS[:PORT[:BIND-ID[:PROTOCOL]]]`, a port of 0 being every port.

use std::borrow::Cow;
use std::collections::HashMap;
use std::net::IpAddr;
use std::num::NonZeroU16;

use super::Fate;
use crate::model::{Endpoint, ids};

/// What became of a line that is not taken over as it stands, and why.
pub(super) type Refused = (Fate, Cow<'static, str>);

/// A line that is not understood.
pub(super) fn unknown(why: impl Into<Cow<'static, str>>) -> Refused {
    (Fate::Unknown, why.into())
}

/// A line that is understood and not taken over.
pub(super) fn left(why: impl Into<Cow<'static, str>>) -> Refused {
    (Fate::Left, why.into())
}

/// The id of a virtual, real or dip.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct ServerId {
    pub(super) address: IpAddr,
    /// 0: every port.
    pub(super) port: u16,
    pub(super) bind_id: u16,
}

impl ServerId {
    /// The endpoint at `usual` where this is every port.
    pub(super) fn at(&self, usual: NonZeroU16) -> Endpoint {
        Endpoint {
            address: self.address,
            port: NonZeroU16::new(self.port).unwrap_or(usual),
            bind_id: self.bind_id,
        }
    }

    /// The same server where the port is left out in one place and written in the other.
    pub(super) fn loosely(self) -> Option<ServerId> {
        let port = match self.port {
            0 => Endpoint::HTTP.get(),
            80 => 0,
            _ => return None,
        };
        Some(ServerId { port, ..self })
    }
}

/// Any id.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Id {
    Server(ServerId),
    Url(Box<str>),
}

/// What reads ids: the names that the file gives to addresses.
pub(super) type Names = HashMap<Box<str>, IpAddr>;

/// Reads an id.
pub(super) fn read(word: &str, names: &Names) -> Result<Id, Refused> {
    let (host, rest) = word.split_at(word.find(':').unwrap_or(word.len()));
    let address = match host.parse() {
        Ok(address) => IpAddr::V4(address),
        Err(_) => match names.get(host) {
            Some(address) => *address,
            None if rest.is_empty() && !host.is_empty() => return Ok(Id::Url(host.into())),
            None => {
                return Err(unknown(format!(
                    "`{host}` is neither an address nor a name"
                )));
            }
        },
    };
    let mut parts = rest.split(':').skip(1);
    let mut number = |what: &str| match parts.next() {
        None | Some("") => Ok(0),
        Some("all") => Err(unknown(
            "an id that stands for several servers can be shown, not configured",
        )),
        Some(part) => part
            .parse::<u16>()
            .map_err(|_| unknown(format!("`{part}` in `{word}` is not a {what}"))),
    };
    let (port, bind_id) = (number("port")?, number("bind-id")?);
    match parts.next() {
        None | Some("" | "tcp" | "TCP") => {}
        Some(protocol) => {
            return Err(left(format!(
                "Signpost balances HTTP over TCP; today IPVS (keepalived) balances `{protocol}`"
            )));
        }
    }
    match parts.next() {
        Some(more) => Err(unknown(format!(
            "`{more}` in `{word}` is one part too many"
        ))),
        None => Ok(Id::Server(ServerId {
            address,
            port,
            bind_id,
        })),
    }
}

/// Reads the id of a virtual, real or dip.
pub(super) fn server(word: &str, names: &Names) -> Result<ServerId, Refused> {
    match read(word, names)? {
        Id::Server(id) => Ok(id),
        Id::Url(word) => Err(unknown(format!(
            "`{word}` is neither an address nor a name that a `name` line defines"
        ))),
    }
}

/// Why Signpost would not take `name` for a name.
pub(super) fn unfit(name: &str) -> Option<String> {
    ids::unfit_name(name).map(|(why, _)| why)
}
