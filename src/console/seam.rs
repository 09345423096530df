//! What a session asks of the world around it, and what it is told.

use crate::language::Command;
use crate::model::Level;

/// How a session came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// From where: an address, or `unix`.
    pub from: Box<str>,
    /// Over what.
    pub over: Over,
    /// Who it is, where that is known already.
    pub known: Option<(Box<str>, Level)>,
    /// Somebody sits at a terminal: prompt, echo, pager. Else the output is plain and stable.
    pub terminal: bool,
    /// The window's width in columns; 0: unknown.
    pub columns: u16,
    /// The window's height in rows; 0: unknown.
    pub rows: u16,
    /// One command line to run; the session ends then.
    pub command: Option<Box<str>>,
}

/// What carries a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Over {
    /// Telnet.
    Telnet,
    /// SSH.
    Ssh,
    /// The Unix socket.
    Unix,
}

/// What a session has to know of the farm.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setting {
    /// What the prompt says.
    pub hostname: Box<str>,
    /// After how many minutes without a key the session ends; 0: never.
    pub idle_minutes: u16,
    /// There are users, who have to log in.
    pub users: bool,
    /// There is a password of old that leads to `#`.
    pub enable: bool,
    /// The running configuration is what the startup file says.
    pub saved: bool,
    /// Statements that run programs may be typed.
    pub exec: bool,
}

/// What a session wants done. One is under way at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Request {
    /// Let this user in. Answered by `Allowed` or `Denied`.
    Login {
        /// As it was typed.
        user: Box<str>,
        /// As it was typed.
        password: Box<str>,
    },
    /// Lead to `#`. Answered by `Allowed` or `Denied`.
    Enable {
        /// As it was typed.
        password: Box<str>,
    },
    /// Hash a password. Answered by `Text`.
    Hash {
        /// As it was typed.
        password: Box<str>,
    },
    /// Which configured words may stand in the place of `rule` and begin so. Answered by `Words`.
    Words {
        /// The grammar's rule, such as `virtual_id`.
        rule: Box<str>,
        /// What was typed of it.
        begun: Box<str>,
    },
    /// Run a command that the session does not do itself. Answered by `Text`, `Screen`s or `Line`s.
    Run {
        /// The command.
        command: Command,
        /// As JSON.
        json: bool,
        /// The width of a table, in columns.
        columns: u16,
        /// The height of a screen, in rows.
        rows: u16,
        /// Secrets may be shown.
        secrets: bool,
    },
    /// A key that was pressed while screens come.
    Key(u8),
    /// Put one statement into force. Answered by `Text`.
    Configure {
        /// Keywords written out.
        line: Box<str>,
    },
    /// Check lines against what runs, without effect. Answered by `Text`.
    Check {
        /// The candidate's lines, in order.
        lines: Vec<Box<str>>,
    },
    /// What the lines would change. Answered by `Text`.
    Diff {
        /// The candidate's lines, in order.
        lines: Vec<Box<str>>,
    },
    /// Begin a candidate. Answered by `Begun` or `Denied`.
    Begin {
        /// Nobody else may change anything meanwhile.
        exclusive: bool,
    },
    /// Put a candidate's lines into force, all or none. Answered by `Text`.
    Commit {
        /// In order.
        lines: Vec<Box<str>>,
        /// The generation that it was begun from.
        generation: u64,
        /// Go back after so many minutes unless confirmed.
        confirm_minutes: Option<u16>,
    },
    /// The candidate is given up.
    Abandon,
    /// Stop what is under way. Answered by what was under way, or `Done`.
    Cancel,
}

/// What a session is told about its request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The user may come in, or up.
    Allowed {
        /// Who.
        user: Box<str>,
        /// What he may do.
        level: Level,
    },
    /// No, and why.
    Denied(String),
    /// It is done; what there is to say.
    Text {
        /// In lines.
        text: String,
        /// Whether it went well: the exit status of a script.
        ok: bool,
    },
    /// Words, each with a word about it, which may be empty.
    Words(Vec<(String, String)>),
    /// A screen in the place of the one before; more follow until `Done`.
    Screen(String),
    /// A line; more follow until `Done`.
    Line(String),
    /// A candidate was begun, from this generation.
    Begun(u64),
    /// Nothing more follows.
    Done,
}
