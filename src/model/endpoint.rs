//! The id of whatever has an address.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

/// The id of a virtual, real or dip: address, port (80 where none was written) and bind-id (0 but
/// where two reals share an endpoint). Printed as `ADDRESS`, `ADDRESS:PORT` or `ADDRESS:PORT:BIND-ID`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String")]
#[serde(try_from = "String")]
pub struct Endpoint {
    /// IPv4 or IPv6 address.
    pub address: IpAddr,
    /// TCP port, 1 to 65,535.
    pub port: NonZeroU16,
    /// Tells reals at one address and port apart; 0 is the usual one.
    pub bind_id: u16,
}

impl Endpoint {
    /// Port 80, what a port left out or written 0 means.
    pub const HTTP: NonZeroU16 = NonZeroU16::new(80).unwrap();

    /// An endpoint with bind-id 0.
    pub const fn new(address: IpAddr, port: NonZeroU16) -> Self {
        Endpoint {
            address,
            port,
            bind_id: 0,
        }
    }

    /// Where to connect or listen.
    pub const fn socket(&self) -> SocketAddr {
        SocketAddr::new(self.address, self.port.get())
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address {
            IpAddr::V4(a) => write!(f, "{a}")?,
            IpAddr::V6(a) => write!(f, "[{a}]")?,
        }
        if self.port != Endpoint::HTTP || self.bind_id != 0 {
            write!(f, ":{}", self.port)?;
        }
        if self.bind_id != 0 {
            write!(f, ":{}", self.bind_id)?;
        }
        Ok(())
    }
}

impl From<Endpoint> for String {
    fn from(e: Endpoint) -> String {
        e.to_string()
    }
}

/// Text that is no canonical endpoint id.
#[derive(Debug, PartialEq, Eq)]
pub struct NotAnEndpoint(String);

impl fmt::Display for NotAnEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "`{}` is not an endpoint of the form ADDRESS[:PORT[:BIND-ID]]",
            self.0
        )
    }
}

impl std::error::Error for NotAnEndpoint {}

impl TryFrom<String> for Endpoint {
    type Error = NotAnEndpoint;

    fn try_from(text: String) -> Result<Self, NotAnEndpoint> {
        text.parse()
    }
}

impl std::str::FromStr for Endpoint {
    type Err = NotAnEndpoint;

    /// Reads the canonical form that `Display` writes (an address without names or defaults of old).
    fn from_str(text: &str) -> Result<Self, NotAnEndpoint> {
        let refuse = || NotAnEndpoint(text.to_owned());
        let (address, rest) = if let Some(inner) = text.strip_prefix('[') {
            let (address, rest) = inner.split_once(']').ok_or_else(refuse)?;
            (IpAddr::V6(address.parse().map_err(|_| refuse())?), rest)
        } else {
            let end = text.find(':').unwrap_or(text.len());
            let (address, rest) = text.split_at(end);
            (IpAddr::V4(address.parse().map_err(|_| refuse())?), rest)
        };
        let mut parts = rest.split(':');
        if parts.next() != Some("") {
            return Err(refuse());
        }
        let port = parts
            .next()
            .map(|p| p.parse().map_err(|_| refuse()))
            .transpose()?;
        let bind_id = parts
            .next()
            .map(|b| b.parse().map_err(|_| refuse()))
            .transpose()?;
        if parts.next().is_some() {
            return Err(refuse());
        }
        Ok(Endpoint {
            address,
            port: port.unwrap_or(Endpoint::HTTP),
            bind_id: bind_id.unwrap_or(0),
        })
    }
}
