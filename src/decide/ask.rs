//! What is asked, and what is answered.

use std::borrow::Cow;
use std::fmt;
use std::net::IpAddr;

use arrayvec::ArrayVec;
use serde::{Deserialize, Serialize};

use super::Ticket;
use crate::model::{Code, Endpoint, Scheme};

/// The most servers that one request is tried at (LANGUAGE.md §4, Reassignment).
pub const TRIES: usize = 8;

/// Index of a node in the tables of one [`Snapshot`](super::Snapshot); of no meaning in another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeIndex(pub u32);

/// Milliseconds on a clock that never goes back; its zero is the process's own affair.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Millis(pub u64);

/// What a decision is asked about: a plain value that can be written and read.
///
/// All text has passed the front's checks: `host` is a valid host name or address, `target` is
/// printable ASCII without blanks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask<'a> {
    /// The address and port that was connected to: a virtual, dip or one of their further listeners.
    pub at: Endpoint,
    /// The client's address.
    pub client: IpAddr,
    /// How the client spoke to us.
    pub scheme: Scheme,
    /// The request method as it came.
    pub method: Cow<'a, str>,
    /// The host name or address asked for, without port and trailing dot; brackets kept for IPv6.
    pub host: Cow<'a, str>,
    /// The port in the authority asked for, else the scheme's own; HTTP/1.0 without Host: the one connected to.
    pub port: u16,
    /// Path and query: begins with `/` (never `*`: that is the front's to answer).
    pub target: Cow<'a, str>,
    /// What the request tells of where the client was before.
    #[serde(default, skip_serializing_if = "Past::is_empty")]
    pub past: Past<'a>,
}

/// What a request tells of where its client was before; read only where the virtual asked for it ([`Snapshot::minds`](super::Snapshot::minds)).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Past<'a> {
    /// The ticket in the virtual's cookie, verified and not expired.
    #[serde(default)]
    pub ticket: Option<Ticket>,
    /// The authority of the Referer: host in lower case and, where it is not the scheme's own, the port.
    #[serde(default)]
    pub referer: Option<Cow<'a, str>>,
    /// The client asked caches to be passed over (`Cache-Control: no-cache` or `max-age=0`, `Pragma: no-cache`): somebody reloads.
    #[serde(default)]
    pub reload: bool,
}

impl Past<'_> {
    /// Whether it tells nothing.
    pub fn is_empty(&self) -> bool {
        *self == Past::default()
    }
}

/// The clock and the dice of one decision.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// Now.
    pub now: Millis,
    /// A fresh random number, uniform over all of `u64`.
    pub draw: u64,
}

/// What was tried already for the same request; empty at first.
#[derive(Clone, Debug, Default)]
pub struct Attempt {
    /// Servers that did not take the connection: not usable again for this request.
    pub tried: ArrayVec<NodeIndex, TRIES>,
    /// The last url that was passed over because its `Location` leads back to where the client just asked: a fault
    /// of the configuration, to be counted and logged whatever the decision became.
    pub loop_at: Option<NodeIndex>,
    /// The server (or, where it is linked to nothing, the url) that the client came back from, as it did not reach it;
    /// and whether so many different clients did that the server is suspect.
    pub came_back: Option<(NodeIndex, bool)>,
    /// The url that is left out for that, and the virtual that does so.
    pub(crate) left_out: Option<(NodeIndex, NodeIndex)>,
    /// The virtual and slot that the last decision went by: the next one goes on from there and takes no turn.
    pub(crate) slot: Option<(NodeIndex, u32)>,
    /// The host asked for had a say in the decisions so far, beside the macros of a url.
    pub(crate) by_host: bool,
}

impl Attempt {
    /// Whether the host asked for had a say in the decisions so far, beside the macros of a url.
    pub fn by_host(&self) -> bool {
        self.by_host
    }
}

/// What is done with a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Answer with a redirect to this url.
    Redirect {
        /// The url's node.
        url: NodeIndex,
        /// The code for this request's method.
        code: Code,
    },
    /// Forward to this real or dip, at which a place was taken: see [`Loads::place`](super::Loads::place).
    Forward {
        /// The real's or dip's node.
        server: NodeIndex,
    },
    /// Nothing usable: 503.
    Refuse,
}

/// The answer to an [`Ask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// What is done.
    pub action: Action,
    /// Why.
    pub reason: Reason,
    /// To be set as the client's cookie, once its expiry is filled in, and its epoch where that is 0; `None`: the client
    /// keeps what it has. The ticket that the client brought ([`Past::ticket`]), unchanged: only its time is to be
    /// renewed, which may wait until a good part of it is over.
    pub ticket: Option<Ticket>,
}

/// Why a decision came out as it did: one closed list, the same word in `explain`, log, metrics and tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
pub enum Reason {
    /// The virtual's predictor picked the slot, and its own target fills it.
    Predicted,
    /// A dip was asked at its own address and its real serves.
    Direct,
    /// A backup of a real, dip or url stands in.
    Backup,
    /// The virtual is out or empty: its own backup stands in.
    VirtualBackup,
    /// The server is on trial after a failure, and this is the one request that tries it.
    Trial,
    /// An earlier server did not take the connection: the next usable one.
    Reassigned,
    /// The client's own server.
    Sticky,
    /// The client's own server is not usable: its second choice, by now its first.
    Alternate,
    /// The client's Referer names this server's host.
    Referer,
    /// The server that was picked is near its limit: the one with the lowest ratio of clients to capacity.
    Bounced,
    /// The client came back from the server it was sent to: another one.
    BounceBack,
    /// All servers are down: the url that the operator chose for that.
    AllDown,
    /// All servers are down: one that was usable last, as the operator chose.
    LastGood,
    /// Refused: nothing bound or backing up is usable.
    NoneUsable,
    /// Refused: what is usable is at its `maxconns`.
    AllFull,
    /// Refused: every server was tried and none connected.
    AllTried,
    /// Refused: the only redirects left lead back to where the client just asked.
    Loop,
    /// Refused: nothing is configured at this address any more.
    NotHere,
}

impl Reason {
    /// All reasons, in the order of the table.
    pub const ALL: [Reason; 18] = [
        Reason::Predicted,
        Reason::Direct,
        Reason::Backup,
        Reason::VirtualBackup,
        Reason::Trial,
        Reason::Reassigned,
        Reason::Sticky,
        Reason::Alternate,
        Reason::Referer,
        Reason::Bounced,
        Reason::BounceBack,
        Reason::AllDown,
        Reason::LastGood,
        Reason::NoneUsable,
        Reason::AllFull,
        Reason::AllTried,
        Reason::Loop,
        Reason::NotHere,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Reason::Predicted => "predicted",
            Reason::Direct => "direct",
            Reason::Backup => "backup",
            Reason::VirtualBackup => "virtual-backup",
            Reason::Trial => "trial",
            Reason::Reassigned => "reassigned",
            Reason::Sticky => "sticky",
            Reason::Alternate => "alternate",
            Reason::Referer => "referer",
            Reason::Bounced => "bounced",
            Reason::BounceBack => "bounce-back",
            Reason::AllDown => "all-down",
            Reason::LastGood => "last-good",
            Reason::NoneUsable => "none-usable",
            Reason::AllFull => "all-full",
            Reason::AllTried => "all-tried",
            Reason::Loop => "loop",
            Reason::NotHere => "not-here",
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
