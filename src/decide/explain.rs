//! What a request would get, and why: the very walk of [`decide`](super::decide), told step by step.

mod teller;

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use self::teller::{Notes, Teller};
use super::walk::Walk;
use super::{
    Action, Ask, Attempt, Decision, Loads, Moment, Past, Reason, Snapshot, write_location,
};
use crate::model::{Endpoint, Id};

/// An ask, what it would get, and the way there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Explanation {
    /// What was asked.
    pub ask: Ask<'static>,
    /// What it would get.
    pub decision: Verdict,
    /// The walk, in its order.
    pub steps: Vec<Step>,
    /// Every other server that could have answered, and why it does not.
    pub not_taken: Vec<NotTaken>,
}

/// A [`Decision`] by names instead of indices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// What is done.
    #[serde(flatten)]
    pub answer: Answer,
    /// Why.
    pub reason: Reason,
    /// A url that was passed over because it leads back to where the client just asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loop_at: Option<Id>,
}

/// An [`Action`] by names instead of indices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "kebab-case")]
pub enum Answer {
    /// A redirect.
    Redirect {
        /// The url.
        url: Id,
        /// The status code: 301, 302, 303, 307 or 308.
        code: u16,
        /// Where to; `None`: the `Location` would be too long, and the answer is 414.
        location: Option<String>,
    },
    /// A forward.
    Forward {
        /// The real or dip.
        server: Id,
        /// Where to connect to.
        upstream: Endpoint,
    },
    /// 503.
    Refuse,
}

/// One step of a walk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// The id that the step is about.
    pub id: Id,
    /// What happened there.
    pub event: String,
}

/// A server that was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotTaken {
    /// The bound target or backup.
    pub id: Id,
    /// What it would have come in for: the virtual that it is bound to, or the id that it backs up.
    #[serde(rename = "for")]
    pub of: Id,
    /// Why not.
    pub because: String,
}

/// Explains what `ask` would get from a first try; takes nothing: no turn, no place, no trial.
pub fn explain(ask: &Ask<'_>, snapshot: &Snapshot, loads: &Loads, moment: Moment) -> Explanation {
    let mut attempt = Attempt::default();
    let mut notes = Notes::default();
    let decision = Walk::new(ask, snapshot, loads, moment, &mut attempt, &mut notes, true).decide();
    let teller = Teller {
        snapshot,
        config: &snapshot.config,
        loads,
        notes: &notes.0,
        reason: decision.reason,
    };
    Explanation {
        ask: owned(ask),
        decision: verdict(ask, snapshot, decision, &attempt),
        steps: notes.0.iter().map(|&note| teller.step(note)).collect(),
        not_taken: teller.not_taken(decision),
    }
}

/// Writes a decision by names.
pub fn verdict(
    ask: &Ask<'_>,
    snapshot: &Snapshot,
    decision: Decision,
    attempt: &Attempt,
) -> Verdict {
    let answer = match decision.action {
        Action::Redirect { url, code } => {
            let mut location = Vec::new();
            let written = write_location(snapshot.template(url), ask, &mut location);
            Answer::Redirect {
                url: snapshot.id(url).clone(),
                code: code as u16,
                location: written.ok().and_then(|()| String::from_utf8(location).ok()),
            }
        }
        Action::Forward { server } => Answer::Forward {
            server: snapshot.id(server).clone(),
            upstream: snapshot.upstream(server),
        },
        Action::Refuse => Answer::Refuse,
    };
    Verdict {
        answer,
        reason: decision.reason,
        loop_at: attempt.loop_at.map(|url| snapshot.id(url).clone()),
    }
}

fn owned(ask: &Ask<'_>) -> Ask<'static> {
    Ask {
        at: ask.at,
        client: ask.client,
        scheme: ask.scheme,
        method: Cow::Owned(ask.method.clone().into_owned()),
        host: Cow::Owned(ask.host.clone().into_owned()),
        port: ask.port,
        target: Cow::Owned(ask.target.clone().into_owned()),
        past: Past {
            ticket: ask.past.ticket,
            referer: ask.past.referer.clone().map(|r| Cow::Owned(r.into_owned())),
            reload: ask.past.reload,
        },
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Ask {
            at,
            client,
            scheme,
            method,
            host,
            port,
            target,
            past: _,
        } = &self.ask;
        let scheme = scheme.as_str();
        writeln!(
            f,
            "{method} {scheme}://{host}:{port}{target} from {client} at {at}"
        )?;
        for step in &self.steps {
            writeln!(f, "  {}: {}", step.id, step.event)?;
        }
        let reason = self.decision.reason;
        match &self.decision.answer {
            Answer::Redirect {
                url,
                code,
                location: Some(to),
            } => {
                writeln!(f, "-> redirect {code} to {to} by {url} ({reason})")?;
            }
            Answer::Redirect {
                url,
                location: None,
                ..
            } => {
                writeln!(
                    f,
                    "-> 414, the Location of {url} would be too long ({reason})"
                )?;
            }
            Answer::Forward { server, upstream } => {
                write!(f, "-> forward to {server}")?;
                if *server != Id::Endpoint(*upstream) {
                    write!(f, " at {upstream}")?;
                }
                writeln!(f, " ({reason})")?;
            }
            Answer::Refuse => writeln!(f, "-> refuse with 503 ({reason})")?,
        }
        if let Some(url) = &self.decision.loop_at {
            writeln!(
                f,
                "a fault of the configuration: {url} leads back to where the client just asked"
            )?;
        }
        for other in &self.not_taken {
            writeln!(
                f,
                "not taken: {} for {}, because {}",
                other.id, other.of, other.because
            )?;
        }
        Ok(())
    }
}
