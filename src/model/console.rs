//! The nouns of the console: where it listens, who may come, and what they may do.

use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU16;

use super::{Block, Endpoint, Model};

/// `console [ADDRESS[:PORT]]`: telnet; default 127.0.0.1:2323.
pub const CONSOLE_AT: Endpoint = Endpoint::new(
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    NonZeroU16::new(2323).unwrap(),
);

/// `console ssh [ADDRESS[:PORT]]`; default 127.0.0.1:2222.
pub const SSH_AT: Endpoint = Endpoint::new(
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    NonZeroU16::new(2222).unwrap(),
);

/// What a user may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Level {
    /// Look at everything that holds no secret.
    View,
    /// Also take servers in and out of service, clear counters, ask and probe.
    Operate,
    /// Everything.
    Configure,
}

impl Level {
    /// The word of the language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Level::View => "view",
            Level::Operate => "operate",
            Level::Configure => "configure",
        }
    }
}

/// What somebody proves with that he is who he says.
#[derive(Clone, PartialEq, Eq)]
pub enum Secret {
    /// An argon2id hash in the PHC string format.
    Hash(Box<str>),
    /// As it was written; only until the one who loaded it has hashed it.
    Plain(Box<str>),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Secret::Hash(_) => "Hash(…)",
            Secret::Plain(_) => "Plain(…)",
        })
    }
}

/// Somebody who may use the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// 1 to 40 of letters, digits, `_ - .`.
    pub name: Box<str>,
    /// What he may do.
    pub level: Level,
    /// His password; without one only his keys let him in.
    pub secret: Option<Secret>,
    /// His public keys for SSH, `TYPE BASE64` each.
    pub keys: Vec<Box<str>>,
}

/// Everything about the console.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Console {
    /// Where telnet is spoken; nowhere by default.
    pub telnet: Option<Endpoint>,
    /// Where SSH is spoken; nowhere by default.
    pub ssh: Option<Endpoint>,
    /// Who may reach either from elsewhere than this host.
    pub access: Vec<Block>,
    /// How many sessions there may be, 1 to 64; default 8.
    pub sessions: u16,
    /// After how many minutes without a key a session ends, 0 to 1,440; 0: never; default 10.
    pub idle_minutes: u16,
    /// Who may come.
    pub users: Vec<User>,
    /// The one password of old that leads to `#`.
    pub enable: Option<Secret>,
    /// Statements that run programs may be typed at the console.
    pub exec: bool,
}

impl Model {
    /// Every secret that somebody proves himself by, so that whoever loaded the model can put hashes in the place of plain ones. The
    /// keys of tickets are none: they sign, and have to be known.
    pub fn secrets_mut(&mut self) -> impl Iterator<Item = &mut Secret> {
        let console = &mut self.globals.console;
        let users = console.users.iter_mut();
        users
            .filter_map(|user| user.secret.as_mut())
            .chain(&mut console.enable)
    }
}

impl Default for Console {
    fn default() -> Console {
        Console {
            telnet: None,
            ssh: None,
            access: Vec::new(),
            sessions: 8,
            idle_minutes: 10,
            users: Vec::new(),
            enable: None,
            exec: false,
        }
    }
}
