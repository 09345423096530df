//! One process takes over from another without a failed request: the running one hands its listening sockets and all that runs to
//! the new one, goes on until that serves, and lets its own connections end.
//!
//! The new process calls at the console's Unix socket, whose first line says so ([`Call`](crate::console::serve::frame::Call)).
//! [`give`] is the running process's side, [`take`] the new one's, [`launch`] starts one. Until the running one has said
//! [`Reply::Yours`], and the other [`Word::Mine`], nothing has changed for it, whatever becomes of the other.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::control::{Author, Estate};

pub(super) mod give;
pub(super) mod launch;
pub(super) mod take;
mod wire;

/// How the two speak: a number for what cannot be understood across releases. What can be left out is added without a new one.
const PROTOCOL: u32 = 1;

/// How long the new process waits for the next word of the running one, which may have something else to do.
const WORD: Duration = Duration::from_secs(30);

/// How long the running process waits for the next word of the new one: meanwhile nothing is changed.
const SILENCE: Duration = Duration::from_secs(10);

/// What the running process says.
#[derive(Debug, Serialize, Deserialize)]
enum Reply {
    /// All that runs; the sockets follow.
    Take(Box<Handover>),
    /// The new one is alone from now on.
    Yours,
    /// And the service manager has been told so.
    Named,
    /// Nothing is handed over, and why.
    No(String),
}

/// What the new process says.
#[derive(Debug, Serialize, Deserialize)]
enum Word {
    /// It accepts connections.
    Serving,
    /// It has heard that it is alone.
    Mine,
    /// It cannot, and why.
    Failed(String),
}

/// All that runs.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Handover {
    /// The text of the configuration that runs, with its comments.
    running: String,
    /// What the startup file said when it was read or stored last: nothing, or nothing else than what runs, or this.
    saved: Saved,
    /// Why another configuration than the startup file's was started with.
    recovered: Option<String>,
    generation: u64,
    changed_by: Option<By>,
    pending: Option<Pending>,
    estate: Estate,
    /// Where each of the sockets listens that follow, as `ADDRESS:PORT`.
    sockets: Vec<std::net::SocketAddr>,
    /// The console's Unix socket follows them.
    console: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
enum Saved {
    #[default]
    Nothing,
    Same,
    Text(String),
}

/// A change that goes back by itself unless it is confirmed.
#[derive(Debug, Serialize, Deserialize)]
struct Pending {
    by: By,
    /// What comes back.
    before: String,
    /// In so many milliseconds.
    left_ms: u64,
}

/// An author, whose session ends with its process.
#[derive(Debug, Serialize, Deserialize)]
struct By {
    user: Box<str>,
    from: Box<str>,
}

impl From<&Author> for By {
    fn from(author: &Author) -> By {
        By {
            user: author.user.clone(),
            from: author.from.clone(),
        }
    }
}

impl From<By> for Author {
    fn from(by: By) -> Author {
        Author {
            user: by.user,
            from: by.from,
            session: 0,
        }
    }
}
