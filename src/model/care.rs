//! The nouns of health, capacity and stickiness.

use std::fmt;
use std::net::IpAddr;
use std::num::NonZeroU16;

use super::{Console, Endpoint, Limits, Ref};

/// A way of asking a server how it is (`probe NAME …`), shared by all servers that `watch` it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    /// What it is called: 1 to 40 of letters, digits, `_ - .`.
    pub name: Box<str>,
    /// What is asked.
    pub kind: ProbeKind,
    /// Asked here instead of at the server's own address.
    pub address: Option<IpAddr>,
    /// Asked at this port instead of the server's own.
    pub port: Option<NonZeroU16>,
    /// Seconds from one asking to the next, 1 to 86,400; default 10.
    pub interval_s: u32,
    /// Seconds that an answer may take, 1 to 3,600 and at most the interval; default 3, or the interval where that is shorter.
    pub timeout_s: u32,
    /// Successes in a row that bring a server back, 1 to 255; default 2.
    pub rise: u8,
    /// Failures that make it FAILED, 1 to 255; default 3.
    pub fall: u8,
    /// Successes in a row that wipe out failures counted before it fell (gdnsd's `ok_thresh`), 1 to 255; default 5.
    pub settle: u8,
    /// Whether a server counts as failed until the first success.
    pub from_down: bool,
}

impl Probe {
    /// A probe with the default values.
    pub fn new(name: Box<str>, kind: ProbeKind) -> Probe {
        Probe {
            name,
            kind,
            address: None,
            port: None,
            interval_s: 10,
            timeout_s: 3,
            rise: 2,
            fall: 3,
            settle: 5,
            from_down: false,
        }
    }
}

/// What a probe asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeKind {
    /// Whether a connection is taken.
    Tcp,
    /// An HTTP/1.1 request.
    Http(HttpProbe),
    /// The same over TLS; the certificate is checked only with `verify`.
    Https {
        /// The request.
        http: HttpProbe,
        /// The certificate must be valid for the host asked for.
        verify: bool,
    },
    /// An ICMP echo.
    Ping,
    /// The distance in routers: the smallest time to live with which a connection comes about, less one.
    Hops,
    /// A program and its arguments, none of them with a blank in it: exit status 0 is success, each line `NAME=NUMBER` that it prints
    /// a figure.
    Exec(Box<[Box<str>]>),
    /// HAProxy's agent-check text protocol.
    Agent,
}

/// The request of an HTTP probe and what its answer must be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpProbe {
    /// Default `GET`.
    pub method: Box<str>,
    /// Path and query; default `/`.
    pub path: Box<str>,
    /// The Host field; default: of a url its host, else the server's address.
    pub host: Option<Box<str>>,
    /// Ranges of good status codes, both ends included; default 200 to 399.
    pub expect: Box<[(u16, u16)]>,
    /// A text that the first 64 KiB of the body must have in them.
    pub body: Option<Box<str>>,
}

impl Default for HttpProbe {
    fn default() -> Self {
        HttpProbe {
            method: "GET".into(),
            path: "/".into(),
            host: None,
            expect: Box::new([(200, 399)]),
            body: None,
        }
    }
}

/// `priority ID LETTER`: `A` is the highest, `Z` the lowest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Priority(u8);

impl Priority {
    /// The priority of this letter, of either case.
    pub const fn new(letter: char) -> Option<Priority> {
        match letter.to_ascii_uppercase() {
            letter @ 'A'..='Z' => Some(Priority(letter as u8)),
            _ => None,
        }
    }

    /// The letter, in upper case.
    pub const fn letter(self) -> char {
        self.0 as char
    }
}

impl Default for Priority {
    /// In the middle, `M`, so that others can be put before it and behind it.
    fn default() -> Self {
        Priority(b'M')
    }
}

/// `bounce VIRTUAL-ID [PERCENT] [times N]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounce {
    /// The share of its limit above which a server passes clients on, 1 to 100; default 80.
    pub percent: u8,
    /// How often one client may be passed on, 1 to 255; default 1.
    pub times: u8,
}

/// `all-down VIRTUAL-ID refuse|last-good|URL-ID`: what happens when every server of a virtual is down.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AllDown {
    /// 503.
    #[default]
    Refuse,
    /// The servers that were usable last go on being picked.
    LastGood,
    /// A redirect to this url.
    Url(Ref),
}

/// `queue ID LENGTH SECONDS`: requests that find everything full wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Queue {
    /// Requests that may wait at once, 1 to 65,535.
    pub length: u16,
    /// How long each may wait, in seconds, 1 to 60.
    pub seconds: u8,
}

/// `bounceback VIRTUAL-ID on|observe [SECONDS [CLIENTS]]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BounceBack {
    /// Only counted; decisions stay as they are.
    pub observe: bool,
    /// A client that asks again within so many seconds came back, 1 to 60; default 5.
    pub seconds: u8,
    /// So many different clients that came back make a server suspect, 2 to 8; default 3.
    pub clients: u8,
}

/// A block of addresses: `ADDRESS[/LENGTH]`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Block {
    /// Its first address.
    pub address: IpAddr,
    /// How many leading bits count, at most 32 or 128.
    pub length: u8,
}

impl Block {
    /// Whether `address` lies in it; an IPv4 address mapped into IPv6 is the IPv4 address.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(a), IpAddr::V4(b)) => {
                let mask = u32::MAX
                    .checked_shl(32 - u32::from(self.length))
                    .unwrap_or(0);
                (a.to_bits() ^ b.to_bits()) & mask == 0
            }
            (IpAddr::V6(a), IpAddr::V6(b)) => {
                let mask = u128::MAX
                    .checked_shl(128 - u32::from(self.length))
                    .unwrap_or(0);
                (a.to_bits() ^ b.to_bits()) & mask == 0
            }
            _ => false,
        }
    }
}

/// `ticket-key ID SECRET`: signs the cookies of sticky clients; the first one signs, all are taken.
#[derive(Clone, PartialEq, Eq)]
pub struct TicketKey {
    /// 1 to 255, unique.
    pub id: u8,
    /// 16 to 256 bytes.
    pub secret: Box<str>,
}

impl fmt::Debug for TicketKey {
    /// Without the secret: a model is shown in logs and failures.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TicketKey")
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// `access-log file PATH|stdout|syslog [json|combined]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccessLog {
    /// Where lines go.
    pub to: LogTo,
    /// How they look; default JSON.
    pub format: LogFormat,
}

/// Where the access log goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogTo {
    /// Appended to this file; opened anew on SIGUSR2.
    File(Box<str>),
    /// Standard output.
    Stdout,
    /// The host's syslog (`/dev/log`).
    Syslog,
}

/// How a line of the access log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// One JSON object a line.
    #[default]
    Json,
    /// The combined log format, with Signpost's own fields behind it.
    Combined,
}

/// `metrics [ADDRESS[:PORT]]`: the admin listener; default 127.0.0.1:9090.
pub const METRICS_AT: (IpAddr, NonZeroU16) = (
    IpAddr::V4(std::net::Ipv4Addr::LOCALHOST),
    NonZeroU16::new(9090).unwrap(),
);

/// `acme DIRECTORY [contact EMAIL] [ca FILE]`: the authority that issues certificates by ACME (RFC 8555).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Acme {
    /// The URL of its directory (RFC 8555 §7.1.1), `https`.
    pub directory: Box<str>,
    /// An address for mail that it may write to.
    pub contact: Option<Box<str>>,
    /// A PEM file with the root of its server's certificate; `None`: the host's roots.
    pub ca: Option<Box<str>>,
}

impl Acme {
    /// Names that stand for a directory.
    pub const KNOWN: [(&str, &str); 2] = [
        (
            "letsencrypt",
            "https://acme-v02.api.letsencrypt.org/directory",
        ),
        (
            "letsencrypt-staging",
            "https://acme-staging-v02.api.letsencrypt.org/directory",
        ),
    ];
}

impl Default for Acme {
    fn default() -> Self {
        Acme {
            directory: Acme::KNOWN[0].1.into(),
            contact: None,
            ca: None,
        }
    }
}

/// What holds for the whole director.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Globals {
    /// `trusted-proxy BLOCK…`: peers whose word about the client's address counts.
    pub trusted: Vec<Block>,
    /// In the order of definition.
    pub ticket_keys: Vec<TicketKey>,
    /// Who issues certificates; `None`: nobody was named, which is [`Acme::default`].
    pub acme: Option<Acme>,
    /// Where metrics are served.
    pub metrics: Option<Endpoint>,
    /// The access log.
    pub access_log: Option<AccessLog>,
    /// Where the console is, and who may come.
    pub console: Console,
    /// `inline INTERFACE…`: where clients' packets come in that pass through this host; none: it does not stand in their path.
    pub inline: Vec<Box<str>>,
    /// `freebind`: listeners may be at addresses that are not on this host yet.
    pub freebind: bool,
    /// What bounds clients and servers.
    pub limits: Limits,
}
