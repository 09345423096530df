//! What a request would get, and why: the very walk of [`decide`](super::decide), told step by step.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::config::{Config, Kind, NONE};
use super::predictors::Pick;
use super::settle::View;
use super::walk::{How, Note, Trace, Walk, Why};
use super::{
    Action, Ask, Attempt, Decision, Health, Loads, Moment, Past, Reason, Snapshot, write_location,
};
use crate::model::{Endpoint, Id, Intent};

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
    };
    Explanation {
        ask: owned(ask),
        decision: teller.verdict(ask, decision, &attempt),
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

#[derive(Default)]
struct Notes(Vec<Note>);

impl Trace for Notes {
    const ON: bool = true;
    fn note(&mut self, note: Note) {
        self.0.push(note);
    }
}

struct Teller<'a> {
    snapshot: &'a Snapshot,
    config: &'a Config,
    loads: &'a Loads,
    notes: &'a [Note],
}

impl Teller<'_> {
    fn id(&self, node: u32) -> &Id {
        &self.config.ids[node as usize]
    }

    fn verdict(&self, ask: &Ask<'_>, decision: Decision, attempt: &Attempt) -> Verdict {
        verdict(ask, self.snapshot, decision, attempt)
    }

    fn step(&self, note: Note) -> Step {
        let (node, event) = match note {
            Note::Asked(node) | Note::Entered(node) => (node, self.asked(node)),
            Note::Slot { of, target, how } => {
                let how = match how {
                    How::Predictor => "the predictor names its slot",
                    How::Trial => "on trial: tried first",
                    How::Retry => "the next try",
                    How::Scan => "looked at in order, as the predictor found nothing",
                };
                let front = self.config.front(target);
                let event = match front == target {
                    true => format!("bound to {}: {how}", self.id(of)),
                    false => format!(
                        "bound to {}: {how}, taken by its url {}",
                        self.id(of),
                        self.id(front)
                    ),
                };
                (target, event)
            }
            Note::Rejected { node, why } => (node, format!("not usable: {}", self.why(node, why))),
            Note::Backup { node, backup } => (backup, format!("stands in for {}", self.id(node))),
            Note::Taken { node, trial } => {
                let trial = if trial {
                    ", as the one client on trial"
                } else {
                    ""
                };
                (node, format!("usable: taken{trial}"))
            }
        };
        Step {
            id: self.id(node).clone(),
            event,
        }
    }

    fn asked(&self, node: u32) -> String {
        let Some(settings) = self.config.virtuals.get(node as usize) else {
            return "dip, asked at its own address".to_owned();
        };
        let plan = &self.snapshot.marks.plans[node as usize];
        let (filled, all) = (plan.slots.len(), settings.targets.len());
        let turn = match plan.pick {
            _ if filled == 0 => String::new(),
            Pick::Turn | Pick::Fastest => {
                format!(", turn {}", self.loads.of(node).turns() % filled as u64 + 1)
            }
            Pick::Schedule(ref table) => {
                format!(
                    ", turn {} of {}",
                    self.loads.of(node).turns() % table.len() as u64 + 1,
                    table.len()
                )
            }
            _ => String::new(),
        };
        let name = settings.predictor.as_str();
        format!(
            "virtual, {name} over {filled} filled of {all} {}{turn}",
            plural(all, "slot")
        )
    }

    fn why(&self, node: u32, why: Why) -> String {
        let linked = |what: &str| match self.config.link[node as usize] {
            NONE => what.to_owned(),
            link => format!("{}, to which it is linked, {what}", self.id(link)),
        };
        match why {
            Why::State => self.state(node, 0),
            Why::OnTrial => linked("is on trial, and another client tries it"),
            Why::Full => linked("is at its maxconns"),
            Why::Tried => linked("did not take the connection"),
            Why::Visited => linked("was asked already on this walk"),
            Why::TooDeep => "virtuals are nested too deep".to_owned(),
            Why::LeadsBack => "its Location leads back to where the client just asked".to_owned(),
            Why::NoUrl => "its host cannot be made of the address that was asked for".to_owned(),
            Why::Empty => "nothing within it is usable".to_owned(),
        }
    }

    /// Why a node is not usable by intent and health.
    fn state(&self, node: u32, depth: u32) -> String {
        let n = node as usize;
        let intent = match self.config.intent[n] {
            Intent::InService => None,
            Intent::OutOfService => Some("out of service"),
            Intent::Maintenance => Some("in maintenance"),
            Intent::Sticky => Some("open to its own clients only"),
            Intent::Failed => Some("failed, says the operator"),
        };
        if let Some(intent) = intent {
            return format!("it is {intent}");
        }
        match self.snapshot.marks.health[n] {
            Health::Failed => return "it has failed".to_owned(),
            Health::Testing => return "it has failed and is on trial".to_owned(),
            Health::Up => {}
        }
        match self.config.link[n] {
            _ if self.config.kind(node) == Kind::Virtual => "no slot of it is filled".to_owned(),
            NONE => "it is in service".to_owned(),
            link if depth == 0 => {
                format!(
                    "of {}, to which it is linked: {}",
                    self.id(link),
                    self.state(link, 1)
                )
            }
            _ => "it is not usable".to_owned(),
        }
    }

    /// The bound targets and backups around the walk that were not the answer.
    fn not_taken(&self, decision: Decision) -> Vec<NotTaken> {
        let taken = match decision.action {
            Action::Redirect { url, .. } => url.0,
            Action::Forward { server } => server.0,
            Action::Refuse => NONE,
        };
        let mut list = Vec::new();
        let mut seen = vec![false; self.config.ids.len()];
        for note in self.notes {
            let node = match *note {
                Note::Asked(node) | Note::Entered(node) => node,
                _ => continue,
            };
            if let Some(settings) = self.config.virtuals.get(node as usize) {
                for &target in &settings.targets {
                    self.slot(node, target, taken, &mut seen, &mut list);
                }
            }
            self.chain(node, taken, &mut seen, &mut list);
        }
        list
    }

    fn slot(&self, of: u32, target: u32, taken: u32, seen: &mut [bool], list: &mut Vec<NotTaken>) {
        let front = self.config.front(target);
        let inside = self.notes.contains(&Note::Entered(front));
        if front != taken && !inside && !std::mem::replace(&mut seen[front as usize], true) {
            let because = self.passed_over(of, target, front);
            list.push(self.entry(front, of, because));
        }
        if self.config.weight_at(of, target, &self.snapshot.marks.sums) > 0 {
            self.chain(target, taken, seen, list);
        }
    }

    fn chain(&self, node: u32, taken: u32, seen: &mut [bool], list: &mut Vec<NotTaken>) {
        let mut of = node;
        loop {
            let at = self.config.backup[of as usize];
            if at == NONE || std::mem::replace(&mut seen[at as usize], true) {
                return;
            }
            let inside =
                self.notes.contains(&Note::Entered(at)) || self.notes.contains(&Note::Asked(at));
            if at != taken && !inside {
                let because = match self.rejection(at) {
                    Some(because) => because,
                    None if !self.snapshot.marks.alive(at, View::Possible) => self.state(at, 0),
                    None if self
                        .snapshot
                        .marks
                        .alive(self.config.front(of), View::Steady) =>
                    {
                        format!("it only stands in while {} is not usable", self.id(of))
                    }
                    None => "another one was taken before it".to_owned(),
                };
                list.push(self.entry(at, of, because));
            }
            of = at;
        }
    }

    fn entry(&self, node: u32, of: u32, because: String) -> NotTaken {
        NotTaken {
            id: self.id(node).clone(),
            of: self.id(of).clone(),
            because,
        }
    }

    fn rejection(&self, node: u32) -> Option<String> {
        self.notes.iter().find_map(|note| match *note {
            Note::Rejected { node: n, why } if n == node => Some(self.why(node, why)),
            _ => None,
        })
    }

    fn passed_over(&self, of: u32, target: u32, front: u32) -> String {
        if self.config.weight_at(of, target, &self.snapshot.marks.sums) == 0 {
            return "its weight is 0".to_owned();
        }
        if let Some(because) = self.rejection(front) {
            return because;
        }
        if self.config.intent[of as usize] != Intent::InService {
            return format!("{} itself is not asked: {}", self.id(of), self.state(of, 0));
        }
        if !self.snapshot.marks.alive(front, View::Possible) {
            return self.state(front, 0);
        }
        if !self.snapshot.marks.alive(front, View::Steady) {
            return "it is on trial: one client at a time".to_owned();
        }
        match self.snapshot.marks.plans[of as usize].pick {
            Pick::Turn | Pick::Schedule(_) | Pick::Spread(_) => "usable: it is another one's turn",
            Pick::Even | Pick::Random(_) => "usable: the dice fell on another one",
            Pick::Least(_) => "usable: another one has fewer connections, or as few and the turn",
            Pick::Fastest => "usable: another one answers faster, or has the turn",
            Pick::Hash(..) => "usable: this client's hash falls on another one",
        }
        .to_owned()
    }
}

fn plural(count: usize, word: &str) -> String {
    format!("{word}{}", if count == 1 { "" } else { "s" })
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
