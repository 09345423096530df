//! What is asked of the one writer about the configuration: by consoles, signals, and whoever comes.

use std::path::PathBuf;

use jiff::Timestamp;
use tokio::sync::oneshot;

/// Who changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Author {
    /// The user's name.
    pub user: Box<str>,
    /// From where: an address, `unix`, `file`, `signal`.
    pub from: Box<str>,
    /// The session's number; 0: none.
    pub session: u64,
}

/// Which text is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// What runs.
    Running,
    /// What the startup file says.
    Startup,
    /// Of the archive; 1 is the newest.
    Archived(usize),
}

/// A change that is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Warnings and what else is to be told, in lines.
    pub said: String,
    /// Whether anything is different now.
    pub changed: bool,
    /// The generation of the running configuration: one more with each change.
    pub generation: u64,
}

/// A configuration of the archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Its number; 1 is the newest.
    pub number: usize,
    /// When it was put there.
    pub at: Timestamp,
    /// By whom.
    pub user: String,
    /// From where.
    pub from: String,
    /// On what occasion: `write memory`, `commit` …
    pub why: String,
    /// How many lines it has.
    pub lines: usize,
}

/// How the running configuration stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifeState {
    /// It is what the startup file says.
    pub saved: bool,
    /// One more with each change.
    pub generation: u64,
    /// It goes back by itself in so many seconds unless its author confirms it.
    pub confirm: Option<(u64, Author)>,
    /// Who holds it exclusively.
    pub holder: Option<Author>,
    /// The startup file; `None`: there is none.
    pub startup: Option<PathBuf>,
    /// Why another configuration than the startup file's was started with; until something is saved.
    pub recovered: Option<String>,
}

/// What came of a wish: something, or why not, in lines for the operator.
pub type Reply<T> = oneshot::Sender<Result<T, String>>;

/// What is told to whoever asked, and cannot fail.
pub type Heard<T> = oneshot::Sender<T>;

/// What is asked of the one writer about the configuration.
#[derive(Debug)]
pub enum Wish {
    /// Put lines into force, all or none of them.
    Apply {
        /// Statements.
        lines: String,
        /// They are the whole configuration; else they come behind what runs.
        whole: bool,
        /// Go back after so many minutes, 1 to 1,440, unless confirmed.
        confirm_minutes: Option<u16>,
        /// Only where the running configuration is still of this generation.
        only: Option<u64>,
        /// On what occasion.
        why: &'static str,
        /// Who wants it.
        author: Author,
        /// The answer.
        reply: Reply<Applied>,
    },
    /// Let what was committed stay.
    Confirm {
        /// Who wants it.
        author: Author,
        /// The answer, in words.
        reply: Reply<String>,
    },
    /// Go back at once to what ran before a commit that waits to be confirmed.
    Cancel {
        /// Who wants it.
        author: Author,
        /// The answer, in words.
        reply: Reply<String>,
    },
    /// Write the running configuration to the startup file.
    Save {
        /// Who wants it.
        author: Author,
        /// The answer, in words.
        reply: Reply<String>,
    },
    /// Empty the startup file.
    Erase {
        /// Who wants it.
        author: Author,
        /// The answer, in words.
        reply: Reply<String>,
    },
    /// Go back to a configuration of the archive.
    Rollback {
        /// Which; 1 is the newest.
        number: usize,
        /// Go back after so many minutes, 1 to 1,440, unless confirmed.
        confirm_minutes: Option<u16>,
        /// Who wants it.
        author: Author,
        /// The answer.
        reply: Reply<Applied>,
    },
    /// Read the startup file again, as SIGHUP does.
    Reload {
        /// Who wants it.
        author: Author,
        /// The answer.
        reply: Reply<Applied>,
    },
    /// Read what certificate authorities issued for the running configuration: there is something new. New connections are shown it.
    ReadIssued {
        /// Who wants it.
        author: Author,
        /// The answer, in words.
        reply: Reply<String>,
    },
    /// A configuration's text.
    Text {
        /// Which.
        which: Which,
        /// With `********` in the place of each secret.
        masked: bool,
        /// The answer.
        reply: Reply<String>,
    },
    /// What the archive holds, newest first.
    Archive {
        /// The answer.
        reply: Reply<Vec<Kept>>,
    },
    /// Keep all other sessions from changing anything (`configure exclusive`).
    Lock {
        /// Who wants it.
        author: Author,
        /// The answer, in words.
        reply: Reply<String>,
    },
    /// Let go of what a session holds exclusively: it ends, or has done what it wanted. Without effect where it holds nothing.
    Unlock {
        /// The session's number.
        session: u64,
    },
    /// How the running configuration stands.
    State {
        /// The answer.
        reply: Reply<LifeState>,
    },
}
