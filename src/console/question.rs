//! What the console asks of the running director beside its configuration.

use std::net::IpAddr;

use super::show::Scene;
use crate::control::{Heard, Reply};
use crate::language::Command;
use crate::model::Block;
use crate::telemetry::Lines;

/// How much of the director a scene has to show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum What {
    /// The director itself: version, uptime, listeners, totals.
    Director,
    /// And every virtual, real, dip and url.
    Farm,
    /// And what each probe last came to at each server.
    Probes,
}

impl What {
    /// As much as `command`, one of `show`, needs.
    pub fn of(command: &Command) -> What {
        match &*command.name {
            "show_probe" | "show_tech_support" => What::Probes,
            "show_virtual" | "show_real" | "show_url" | "show_dip" | "show_bind" | "show_link"
            | "show_backup" | "show_predictor" | "show_sticky" | "show_connections"
            | "show_statistics" => What::Farm,
            _ => What::Director,
        }
    }
}

/// What is forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clear {
    /// What the console has counted, of one id or (`None`) of everything; what Prometheus is told goes on.
    Statistics(Option<Box<str>>),
    /// Which client is stuck to which server, by address, of one virtual or (`None`) of all.
    Sticky(Option<Box<str>>),
    /// Who came back from where it was sent, to one virtual or (`None`) to any.
    Bounced(Option<Box<str>>),
}

/// A request that is to be explained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explain {
    /// The client; `None`: 127.0.0.1.
    pub from: Option<IpAddr>,
    /// The virtual or dip that is asked; `None`: the one that the URL names, or the only one.
    pub to: Option<Box<str>>,
    /// The method; `None`: GET.
    pub method: Option<Box<str>>,
    /// The URL.
    pub url: Box<str>,
    /// As JSON.
    pub json: bool,
}

/// What the console asks of the running director. Who asks may give up by dropping its end.
#[derive(Debug)]
pub enum Question {
    /// How everything stands. Takes a third of a second where nobody asked in the last minute: rates want two looks.
    Scene {
        /// How much of it.
        what: What,
        /// The answer.
        reply: Reply<Scene>,
    },
    /// What a request would get now, and why.
    Explain {
        /// The request.
        what: Explain,
        /// The answer.
        reply: Reply<String>,
    },
    /// Forget.
    Clear {
        /// What.
        what: Clear,
        /// What was forgotten, in words.
        reply: Reply<String>,
    },
    /// Five ICMP echoes: ten seconds at most.
    Ping {
        /// To whom.
        address: IpAddr,
        /// What became of them.
        reply: Reply<String>,
    },
    /// Run a probe once and tell what came back; no server's state changes by it.
    TestProbe {
        /// Its name.
        probe: Box<str>,
        /// Of which server; `None`: of each that it watches, at most 64.
        id: Option<Box<str>>,
        /// What came back.
        reply: Reply<String>,
    },
    /// A line for each request of these clients, until the time is over or nobody takes them any more.
    Debug {
        /// Which clients.
        from: Block,
        /// How long, in seconds, 1 to 600.
        seconds: u16,
        /// Where the lines go. Closed when it is over.
        lines: Lines,
    },
    /// The configured words that may stand in the place of a rule of the grammar, with a word about each.
    Words {
        /// The rule, such as `virtual_id`.
        rule: Box<str>,
        /// What they begin with.
        begun: Box<str>,
        /// At most 256 of them.
        reply: Heard<Vec<(String, String)>>,
    },
}
