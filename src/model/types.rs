//! The nouns of the configuration.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{
    AllDown, Bounce, BounceBack, Certificate, Endpoint, Globals, Priority, Probe, Queue, Tls,
    TlsVersion,
};

/// The id of a url: 1 to 40 of letters, digits, `_ - .`, not an address, not a keyword.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UrlId(pub(crate) Arc<str>);

impl UrlId {
    /// The id as it was written.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UrlId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of anything that can be bound, linked, backed up or put out of service.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Id {
    /// Of a virtual, real or dip.
    Endpoint(Endpoint),
    /// Of a url.
    Url(UrlId),
}

impl fmt::Display for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Id::Endpoint(e) => e.fmt(f),
            Id::Url(u) => u.fmt(f),
        }
    }
}

/// What the operator wants of a server (LANGUAGE.md §3): never changed by a measurement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Intent {
    /// Takes new clients.
    #[default]
    InService,
    /// No new clients, none that are stuck to it; open connections go on.
    OutOfService,
    /// As out of service, but stuck clients keep their association for its return.
    Maintenance,
    /// Only clients that are stuck to it.
    Sticky,
    /// Said to have failed: not tried, its stuck clients are moved.
    Failed,
}

impl Intent {
    /// Of two intents the one that serves fewer.
    pub fn worse(self, other: Intent) -> Intent {
        let rank = |i: Intent| match i {
            Intent::InService => 0,
            Intent::Sticky => 1,
            Intent::Maintenance => 2,
            Intent::OutOfService => 3,
            Intent::Failed => 4,
        };
        if rank(self) < rank(other) {
            other
        } else {
            self
        }
    }
}

/// A reference into the tables of the [`Model`] that holds it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Ref {
    /// Index into [`Model::virtuals`].
    Virtual(u32),
    /// Index into [`Model::reals`].
    Real(u32),
    /// Index into [`Model::dips`].
    Dip(u32),
    /// Index into [`Model::urls`].
    Url(u32),
}

/// How a virtual picks among its filled slots (LANGUAGE.md §2.2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Predictor {
    /// In turn; weights ignored but for 0.
    #[default]
    RoundRobin,
    /// In turn by weight, interleaved.
    Weighted,
    /// At random by weight.
    Random,
    /// The fewest connections; ties in turn.
    LeastConns,
    /// The fewest connections per weight; ties in turn.
    Loaded,
    /// The lowest moving average of response time.
    Fastest,
    /// Consistent by weight over a part of the request.
    Hash(HashKey),
}

impl Predictor {
    /// The words that name it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Predictor::RoundRobin => "roundrobin",
            Predictor::Weighted => "weighted",
            Predictor::Random => "random",
            Predictor::LeastConns => "leastconns",
            Predictor::Loaded => "loaded",
            Predictor::Fastest => "fastest",
            Predictor::Hash(HashKey::Source) => "hash source",
            Predictor::Hash(HashKey::Host) => "hash host",
            Predictor::Hash(HashKey::Path) => "hash path",
        }
    }
}

/// What `predictor … hash` hashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKey {
    /// The client's address.
    Source,
    /// The host name asked for, in lower case.
    Host,
    /// The path asked for, without the query.
    Path,
}

/// How a client is kept on its server (`sticky VIRTUAL MINUTES …`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sticky {
    /// How long a client may be away, in minutes, 1 or more.
    pub minutes: u32,
    /// What tells one client from another.
    pub by: StickyBy,
}

/// What tells one client from another.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StickyBy {
    /// The client's address.
    Source {
        /// So many leading bits of an IPv6 address tell clients apart, 1 to 128; default 64.
        v6_prefix: u8,
    },
    /// A cookie, of this name or the default one.
    Cookie(Option<Box<str>>),
    /// The Referer that names the host of one of the virtual's urls.
    Referer,
}

/// The status code of a redirect that a url names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[repr(u16)]
pub enum Code {
    /// 301 Moved Permanently (RFC 9110 §15.4.2).
    MovedPermanently = 301,
    /// 302 Found (RFC 9110 §15.4.3).
    Found = 302,
    /// 303 See Other (RFC 9110 §15.4.4).
    SeeOther = 303,
    /// 307 Temporary Redirect (RFC 9110 §15.4.8).
    TemporaryRedirect = 307,
    /// 308 Permanent Redirect (RFC 9110 §15.4.9).
    PermanentRedirect = 308,
}

impl Code {
    /// All codes, in their order.
    pub const ALL: [Code; 5] = [
        Code::MovedPermanently,
        Code::Found,
        Code::SeeOther,
        Code::TemporaryRedirect,
        Code::PermanentRedirect,
    ];

    /// The status code as a number.
    pub const fn number(self) -> u16 {
        self as u16
    }
}

/// `http` or `https`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scheme {
    /// Default port 80.
    Http,
    /// Default port 443.
    Https,
}

impl Scheme {
    /// 80 or 443.
    pub const fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }

    /// `http` or `https`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }
    }
}

/// A piece of a url's text: literal bytes, or a macro (LANGUAGE.md §2.1).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Piece {
    /// Bytes that stand as they are: percent-encoded where needed already, `%%` resolved.
    Literal(Box<str>),
    /// `%h`: the host name asked for.
    Host,
    /// `%s`: the port in the authority asked for, else the scheme's own.
    Port,
    /// `%d` or `%p`: path and query without the leading slash.
    PathAndQuery,
    /// `%u`: path alone without the leading slash.
    Path,
    /// `%q`: query alone; an empty one takes the `?` before it away.
    Query,
}

/// A url's text, parsed: scheme, authority, then what follows from the first `/` or `?` on.
///
/// By construction the authority is literal but for `%h` and `%s`, and a path macro follows a `/`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Template {
    /// As the operator wrote it, macros and all; what is printed back.
    pub text: Box<str>,
    /// `http` or `https`.
    pub scheme: Scheme,
    /// Literals, [`Piece::Host`] and [`Piece::Port`] only: host, then perhaps `:` and port.
    pub authority: Box<[Piece]>,
    /// Begins with a literal `/` (an empty path was made one).
    pub path: Box<[Piece]>,
}

impl Template {
    /// Whether the request's path is passed on (`%d`, `%p` or `%u`).
    pub fn keeps_path(&self) -> bool {
        self.path
            .iter()
            .any(|p| matches!(p, Piece::PathAndQuery | Piece::Path))
    }
}

/// Passive failure detection of a real or dip (LANGUAGE.md §3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Watching {
    /// Failures that make it FAILED, 1 or more; default 8.
    pub threshold: u32,
    /// Seconds until it is tried again, 1 or more; default 60.
    pub retry_s: u32,
    /// Whether a success on trial brings it back by itself; default on.
    pub autounfail: bool,
    /// 5xx answers in a row that make it FAILED (`error-threshold ID N`), 1 or more; `None` (default): they do not count.
    pub errors: Option<u32>,
}

impl Default for Watching {
    fn default() -> Self {
        Watching {
            threshold: 8,
            retry_s: 60,
            autounfail: true,
            errors: None,
        }
    }
}

/// A virtual server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Virtual {
    /// Where it listens, and what it is called.
    pub id: Endpoint,
    /// Where it listens besides.
    pub listens: Vec<Endpoint>,
    /// What the operator wants of it.
    pub intent: Intent,
    /// What it picks among, in bound order, each once.
    pub targets: Vec<Ref>,
    /// How it picks.
    pub predictor: Predictor,
    /// Seconds over which a returning server's share ramps up; 0: off.
    pub slowstart_s: u32,
    /// How clients stay on their server; `None`: they do not.
    pub sticky: Option<Sticky>,
    /// HTTP/1 connections stay open after a redirect.
    pub keepalive: bool,
    /// Servers near their limit pass clients on; `None`: they do not.
    pub bounce: Option<Bounce>,
    /// What happens when every server is down.
    pub all_down: AllDown,
    /// Requests wait where everything is full; `None`: they are refused.
    pub queue: Option<Queue>,
    /// Clients that come back soon are noticed; `None`: they are not.
    pub bounceback: Option<BounceBack>,
    /// Sticky clients go back to their first server once it is usable again (`return`).
    pub returns: bool,
    /// Trusted proxies begin a connection with a PROXY protocol head.
    pub proxy_protocol: bool,
    /// How its listeners speak TLS.
    pub tls: Tls,
    /// Stands in while this virtual is not usable.
    pub backup: Option<Ref>,
    /// The operator's words.
    pub description: Option<Box<str>>,
}

impl Virtual {
    /// A virtual that is bound to nothing, with the default settings.
    pub const fn new(id: Endpoint) -> Virtual {
        Virtual {
            tls: Tls {
                certificates: Vec::new(),
                least: TlsVersion::V12,
                clients: None,
            },
            id,
            listens: Vec::new(),
            intent: Intent::InService,
            targets: Vec::new(),
            predictor: Predictor::RoundRobin,
            slowstart_s: 0,
            sticky: None,
            keepalive: false,
            bounce: None,
            all_down: AllDown::Refuse,
            queue: None,
            bounceback: None,
            returns: false,
            proxy_protocol: false,
            backup: None,
            description: None,
        }
    }
}

/// What reals and dips have in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Serving {
    /// Share, 0 to 65,535; 0: never picked at a virtual.
    pub weight: u16,
    /// The most connections at once; `None`: no limit.
    pub maxconns: Option<u32>,
    /// Passive failure detection.
    pub watching: Watching,
    /// Clients assigned at most, for bouncing; `None`: no limit.
    pub capacity: Option<u32>,
    /// Servers of the highest priority that has usable ones are picked from.
    pub priority: Priority,
    /// Seconds that a redirect counts as a connection until its client comes, 0 to 300; 0: off; default 10. No effect on reals.
    pub promise_s: u32,
    /// Indices into [`Model::probes`], each once.
    pub probes: Vec<u32>,
    /// Seconds of silence after which a running body or tunnel is ended; default 7,200.
    pub timeout_s: u32,
    /// Stands in while this server is not usable.
    pub backup: Option<Ref>,
    /// The operator's words.
    pub description: Option<Box<str>>,
}

impl Default for Serving {
    fn default() -> Self {
        Serving {
            weight: 1,
            maxconns: None,
            watching: Watching::default(),
            capacity: None,
            priority: Priority::default(),
            promise_s: 10,
            probes: Vec::new(),
            timeout_s: 7200,
            backup: None,
            description: None,
        }
    }
}

/// A real server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Real {
    /// Where it is, and what it is called.
    pub id: Endpoint,
    /// What the operator wants of it.
    pub intent: Intent,
    /// Its settings.
    pub serving: Serving,
}

/// A directed IP: a virtual half at `id`, bound 1-to-1 to a real half at `real`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dip {
    /// Where the virtual half listens, and what the dip is called.
    pub id: Endpoint,
    /// Where the virtual half listens besides.
    pub listens: Vec<Endpoint>,
    /// Where its real is: `id` itself unless the operator said otherwise.
    pub real: Endpoint,
    /// What the operator wants of the virtual half.
    pub virtual_intent: Intent,
    /// What the operator wants of the real half.
    pub real_intent: Intent,
    /// Requests wait where the real and its backups are full; `None`: they are refused.
    pub queue: Option<Queue>,
    /// Trusted proxies begin a connection with a PROXY protocol head.
    pub proxy_protocol: bool,
    /// How its listeners speak TLS.
    pub tls: Tls,
    /// Settings of the pair.
    pub serving: Serving,
}

impl Dip {
    /// A dip in service, with the default settings.
    pub fn new(id: Endpoint, real: Endpoint) -> Dip {
        Dip {
            id,
            listens: Vec::new(),
            real,
            virtual_intent: Intent::InService,
            real_intent: Intent::InService,
            queue: None,
            proxy_protocol: false,
            tls: Tls::default(),
            serving: Serving::default(),
        }
    }
}

/// A redirect target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    /// What it is called.
    pub id: UrlId,
    /// Where it leads.
    pub template: Template,
    /// The code as the operator said; `None`: 302 to GET and HEAD, 307 to other methods.
    pub code: Option<Code>,
    /// What the operator wants of it.
    pub intent: Intent,
    /// Its own share, 0 to 65,535; a link's wins.
    pub weight: u16,
    /// The most connections at once; `None`: no limit; a link's wins.
    pub maxconns: Option<u32>,
    /// Clients assigned at most, for bouncing; `None`: no limit; a link's wins.
    pub capacity: Option<u32>,
    /// As of a server; a link's wins.
    pub priority: Priority,
    /// Where it is linked to nothing: the time constant, in seconds, with which the load that its redirects are taken to cause
    /// decays, 1 to 86,400; default 60.
    pub decay_s: u32,
    /// Indices into [`Model::probes`], each once.
    pub probes: Vec<u32>,
    /// The dip or virtual whose state, weight and count it takes over.
    pub link: Option<Ref>,
    /// Stands in while this url is not usable.
    pub backup: Option<Ref>,
    /// The operator's words.
    pub description: Option<Box<str>>,
}

impl Url {
    /// A url with the default settings.
    pub fn new(id: UrlId, template: Template) -> Url {
        Url {
            id,
            template,
            code: None,
            intent: Intent::InService,
            weight: 1,
            maxconns: None,
            capacity: None,
            priority: Priority::default(),
            decay_s: 60,
            probes: Vec::new(),
            link: None,
            backup: None,
            description: None,
        }
    }
}

/// A whole configuration. Tables stand in the order of first definition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// What the director is called.
    pub hostname: Option<Box<str>>,
    /// Names that stand for addresses, one an address.
    pub names: Vec<(Box<str>, IpAddr)>,
    /// The virtual servers.
    pub virtuals: Vec<Virtual>,
    /// The real servers.
    pub reals: Vec<Real>,
    /// The directed IPs.
    pub dips: Vec<Dip>,
    /// The redirect targets.
    pub urls: Vec<Url>,
    /// The probes.
    pub probes: Vec<Probe>,
    /// The certificates.
    pub certificates: Vec<Certificate>,
    /// What holds for the whole director.
    pub globals: Globals,
}

impl Model {
    /// The id of what `r` refers to.
    ///
    /// # Panics
    /// Where `r` comes from another model.
    pub fn id(&self, r: Ref) -> Id {
        match r {
            Ref::Virtual(i) => Id::Endpoint(self.virtuals[i as usize].id),
            Ref::Real(i) => Id::Endpoint(self.reals[i as usize].id),
            Ref::Dip(i) => Id::Endpoint(self.dips[i as usize].id),
            Ref::Url(i) => Id::Url(self.urls[i as usize].id.clone()),
        }
    }
}
