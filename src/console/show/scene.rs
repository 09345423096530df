//! All that `show` shows, as plain data.

use std::net::IpAddr;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::control::{IssueNote, Kept, Kind};
use crate::health::{Figure, State};
use crate::model::{Endpoint, Id, Intent, Level, Limit};
use crate::telemetry::{Came, Numbers};

/// All that `show` shows, at one moment.
#[derive(Clone, Debug, Default)]
pub struct Scene {
    /// When it was gathered.
    pub now: Timestamp,
    /// In which zone times of day are told; JSON has UTC.
    pub zone: Zone,
    /// The director itself.
    pub director: About,
    /// Every virtual, real, dip and url, in the order of the configuration: empty for [`What::Director`](crate::console::What).
    pub servers: Vec<Server>,
    /// The names that stand for addresses.
    pub names: Vec<(Box<str>, IpAddr)>,
    /// What is counted of no server in particular.
    pub totals: Totals,
    /// The probes.
    pub probes: Vec<ProbeSeen>,
    /// The certificates, in the order of the configuration.
    pub certificates: Vec<CertificateSeen>,
    /// Lines of the log, oldest first. Filled by whoever keeps them.
    pub log: Vec<String>,
    /// Sessions of the console. Filled by whoever keeps them.
    pub sessions: Vec<SessionSeen>,
    /// Users of the console, without their secrets.
    pub users: Vec<UserSeen>,
    /// The limits of the front: what each is set to and how often it was hit.
    pub limits: Vec<(Limit, u32, u64)>,
    /// The archive, newest first. Filled by whoever keeps it.
    pub archive: Vec<Kept>,
    /// The running configuration, secrets masked or not: for `show tech-support`. Filled by whoever keeps it.
    pub running: String,
}

/// A certificate.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CertificateSeen {
    /// What the configuration calls it.
    pub name: Box<str>,
    /// `valid`, `expiring`, `expired`, `early` or `stand-in`.
    pub state: &'static str,
    /// From when on it holds.
    pub from: Timestamp,
    /// Until when it holds.
    pub until: Timestamp,
    /// What it is for.
    pub names: Vec<String>,
    /// The virtuals and dips that show it.
    pub shown_at: Vec<Endpoint>,
    /// What kind of key it is for.
    pub key: Box<str>,
    /// Who issued it.
    pub issuer: Box<str>,
    /// Its file, or `acme`.
    pub source: Box<str>,
    /// Its BLAKE3 hash, in hexadecimal.
    pub fingerprint: Box<str>,
    /// How having it issued goes; `None`: nobody is asked for it, or nobody was yet.
    pub issuing: Option<IssueNote>,
}

/// A zone of time; UTC unless said otherwise.
#[derive(Clone, Debug)]
pub struct Zone(pub TimeZone);

impl Default for Zone {
    fn default() -> Zone {
        Zone(TimeZone::UTC)
    }
}

/// The director itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct About {
    /// What it is called.
    pub hostname: String,
    /// Its version.
    pub version: String,
    /// What it was built with.
    pub features: Vec<&'static str>,
    /// When it started.
    pub started: Timestamp,
    /// Its process's number.
    pub process: u32,
    /// Threads that serve.
    pub workers: usize,
    /// Where it listens, and for what.
    pub listeners: Vec<(Endpoint, &'static str)>,
    /// How often the configuration changed. Filled by whoever keeps its life.
    pub generation: u64,
    /// It is what the startup file says. Filled by whoever keeps its life.
    pub saved: bool,
    /// The startup file. Filled by whoever keeps its life.
    pub startup: String,
    /// The seconds left until the configuration goes back unless it is confirmed, and who has to. Filled by whoever keeps its life.
    pub confirm: Option<(u64, String)>,
    /// Reloads that came in force, and those that were refused.
    pub reloads: [u64; 2],
}

/// One virtual, real, dip or url.
#[derive(Clone, Debug, PartialEq)]
pub struct Server {
    /// Which.
    pub id: Id,
    /// What it is.
    pub kind: Kind,
    /// The operator's words.
    pub description: Option<Box<str>>,
    /// What the operator wants of it; of a dip the half that serves fewer.
    pub intent: Intent,
    /// Intent and measurement combined; of a url with a link also what it takes over.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// And why.
    pub why: Box<str>,
    /// Connections open; of a virtual those of what it is bound to.
    pub connections: u64,
    /// Clients that were sent there and are yet to come.
    pub promises: u64,
    /// Clients that are stuck to it by their address.
    pub clients: u64,
    /// Requests that wait for a place.
    pub waiting: u64,
    /// Requests a second of late; `None`: nobody looked yet.
    pub rate: Option<f64>,
    /// The moving average of response time, in microseconds.
    pub response_us: Option<u32>,
    /// What was counted since it was last cleared; of a virtual or dip, what was counted as its server.
    pub numbers: Numbers,
    /// Of a virtual or dip: what became of the requests that came to its address since that was last cleared.
    pub came: Came,
    /// Stands in while it is not usable.
    pub backup: Option<Id>,
    /// The probes that watch it, by name.
    pub probes: Vec<Box<str>>,
    /// Numbers that were told of it.
    pub figures: Vec<(Figure, Timestamp)>,
    /// What it has by its kind.
    pub own: Own,
}

/// What something has by its kind.
#[derive(Clone, Debug, PartialEq)]
pub enum Own {
    /// Of a virtual.
    Virtual(VirtualSeen),
    /// Of a real.
    Real(ServingSeen),
    /// Of a dip.
    Dip(DipSeen),
    /// Of a url.
    Url(UrlSeen),
}

/// What a virtual has.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VirtualSeen {
    /// Where it listens besides.
    pub listens: Vec<Endpoint>,
    /// What it is bound to, with the state of each.
    pub targets: Vec<(Id, Kind)>,
    /// The predictor's words.
    pub predictor: Box<str>,
    /// Seconds; 0: off.
    pub slowstart_s: u32,
    /// Minutes, and by what clients are told apart.
    pub sticky: Option<(u32, Box<str>)>,
    /// Connections stay open after a redirect.
    pub keepalive: bool,
}

/// What reals and the real halves of dips have.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ServingSeen {
    /// Its share.
    pub weight: u16,
    /// What an agent makes of that, in percent.
    pub share: u16,
    /// The most connections.
    pub maxconns: Option<u32>,
    /// Failures that make it FAILED.
    pub threshold: u32,
    /// Seconds until it is tried again.
    pub retry_s: u32,
    /// Its priority's letter.
    pub priority: Option<char>,
}

/// What a dip has.
#[derive(Clone, Debug, PartialEq)]
pub struct DipSeen {
    /// Where the virtual half listens besides.
    pub listens: Vec<Endpoint>,
    /// Further ports of it that are passed on unread.
    pub passes: Vec<u16>,
    /// Where its real half is.
    pub real: Endpoint,
    /// How the virtual half stands.
    pub virtual_state: State,
    /// How the real half stands.
    pub real_state: State,
    /// Its settings.
    pub serving: ServingSeen,
}

/// What a url has.
#[derive(Clone, Debug, PartialEq)]
pub struct UrlSeen {
    /// As the operator wrote it.
    pub url: Box<str>,
    /// The code; `None`: 302 or 307, by the method.
    pub code: Option<u16>,
    /// Without what it takes over.
    pub state: State,
    /// Its own share.
    pub weight: u16,
    /// Its own limit.
    pub maxconns: Option<u32>,
    /// What it is linked to, and what it takes over from there.
    pub link: Option<Inherited>,
}

/// What a url takes over from what it is linked to.
#[derive(Clone, Debug, PartialEq)]
pub struct Inherited {
    /// The dip or virtual.
    pub id: Id,
    /// Its state.
    pub state: State,
    /// Its weight: of a virtual the sum over what it is bound to.
    pub weight: u64,
    /// Its limit.
    pub maxconns: Option<u32>,
}

/// What is counted of no server in particular, since it was last cleared.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    /// Since when; `None`: since the start.
    pub cleared: Option<Timestamp>,
    /// Requests whose head held.
    pub requests: u64,
    /// Requests a second of late.
    pub rate: Option<f64>,
    /// Connections of clients so far.
    pub connected: u64,
    /// Connections of clients that are open.
    pub open: u64,
    /// Requests that wait for a place.
    pub waiting: u64,
    /// What picked no server: reasons, rules that were broken, what became of those that waited; never 0.
    pub words: Vec<(&'static str, u64)>,
    /// Of servers that are configured no more.
    pub removed: Vec<(&'static str, u64)>,
    /// Lines of the access log: written, dropped.
    pub lines: [u64; 2],
}

/// A probe.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeSeen {
    /// Its name.
    pub name: Box<str>,
    /// What it asks, in the words of the language.
    pub asks: String,
    /// Seconds from one asking to the next.
    pub interval_s: u32,
    /// Seconds that an answer may take.
    pub timeout_s: u32,
    /// Successes that bring a server back.
    pub rise: u8,
    /// Failures that make it FAILED.
    pub fall: u8,
    /// Results that were as they should be, and those that were not.
    pub results: [u64; 2],
    /// What it last came to, at each server that it watches.
    pub servers: Vec<Sounded>,
}

/// What a probe last came to at a server.
#[derive(Clone, Debug, PartialEq)]
pub struct Sounded {
    /// Which.
    pub id: Id,
    /// What came of it, how long ago and how; `None`: nothing yet.
    pub last: Option<Last>,
}

/// One result of a probe.
#[derive(Clone, Debug, PartialEq)]
pub struct Last {
    /// Whether it was as it should be.
    pub ok: bool,
    /// In a few words.
    pub why: Box<str>,
    /// How long it took, in microseconds.
    pub took_us: u32,
    /// When.
    pub at: Timestamp,
    /// When it is asked again, about.
    pub next: Timestamp,
}

/// A session of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionSeen {
    /// Its number, to `kill` it by.
    pub number: u64,
    /// Whose; empty: nobody has logged in yet.
    pub user: String,
    /// What may be done in it.
    pub level: Level,
    /// From where.
    pub from: String,
    /// Over what: `telnet`, `ssh`, `unix`.
    pub over: &'static str,
    /// Since when.
    pub since: Timestamp,
    /// Seconds since the last key.
    pub idle_s: u64,
    /// It is the one that asks.
    pub own: bool,
}

/// A user of the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserSeen {
    /// The name.
    pub name: Box<str>,
    /// What he may do.
    pub level: Level,
    /// Whether a password lets him in.
    pub secret: bool,
    /// How many public keys let him in.
    pub keys: usize,
}
