//! What one probe found of one server, with gdnsd's three thresholds.

use std::borrow::Cow;
use std::sync::Arc;

use super::agent::{Said, Word};
use super::legacy::{Found, closed, readiness};
use super::{Cause, Sounding, read};
use crate::decide::{Millis, Readiness};
use crate::model::{Probe, ProbeKind};

/// A result counts for so many intervals, and the time that the next one may take.
const INTERVALS: u64 = 3;

/// What one probe found of one server.
#[derive(Clone, Debug)]
pub(super) struct Track {
    pub(super) probe: Arc<Probe>,
    /// Why it is down, where it is.
    down: Option<Cause>,
    /// Down from the start, and no success yet.
    waiting: bool,
    /// Failures that are held against a server that is up.
    failures: u8,
    /// Successes in a row, after a failure.
    successes: u8,
    /// When the result came that still counts.
    last: Option<Millis>,
    latest: Option<Latest>,
    agent: Agent,
}

/// What a probe last brought back, whether it counts or not.
#[derive(Clone, Debug, PartialEq)]
pub struct Latest {
    /// Whether it was as the probe wants it.
    pub ok: bool,
    /// In a few words, without control bytes.
    pub why: Cow<'static, str>,
    /// How long it took, in microseconds.
    pub took_us: u32,
    /// When it came.
    pub at: Millis,
}

/// What an agent's words came to so far: each thing holds until the agent says otherwise or is not heard any more.
#[derive(Clone, Debug, Default)]
struct Agent {
    down: Option<Cause>,
    readiness: Readiness,
    share: Option<u16>,
    maxconns: Option<u32>,
    said: Option<Cause>,
}

impl Track {
    /// A server that this probe has not asked yet. `fresh`: the server is new too, so that it may have to start as down.
    pub(super) fn new(probe: Arc<Probe>, fresh: bool, now: Millis) -> Track {
        let waiting = probe.from_down && fresh;
        let down = waiting.then(|| Cause::new("not answered yet", now).by(&probe.name));
        Track {
            probe,
            down,
            waiting,
            failures: 0,
            successes: 0,
            last: None,
            latest: None,
            agent: Agent::default(),
        }
    }

    /// Takes the operator's new settings; what was found stands until there is something new.
    pub(super) fn configure(&mut self, probe: &Arc<Probe>) {
        if self.probe != *probe {
            self.failures = 0;
            self.successes = 0;
            self.probe = Arc::clone(probe);
        }
    }

    /// Why the server is down by this probe; `None`: it is not.
    pub(super) fn down(&self) -> Option<&Cause> {
        self.down.as_ref().or(self.agent.down.as_ref())
    }

    /// Whether it is down only because it has not answered since the director knows it.
    pub(super) fn waiting(&self) -> bool {
        self.waiting
    }

    pub(super) fn readiness(&self) -> Readiness {
        self.agent.readiness
    }

    pub(super) fn share(&self) -> Option<u16> {
        self.agent.share
    }

    pub(super) fn maxconns(&self) -> Option<u32> {
        self.agent.maxconns
    }

    /// What it found, for the process that takes over.
    pub(super) fn found(&self) -> Found {
        let why = |cause: &Cause| cause.what.to_string();
        Found {
            probe: self.probe.name.to_string(),
            down: self.down.as_ref().map(why),
            waiting: self.waiting,
            said_down: self.agent.down.as_ref().map(why),
            closed: closed(self.agent.readiness),
            share: self.agent.share,
            maxconns: self.agent.maxconns,
        }
    }

    /// Begins with what another process found, as if it had come just now.
    pub(super) fn inherit(&mut self, found: &Found, now: Millis) {
        let name = self.probe.name.clone();
        let why = |why: &String| Cause::new(why.clone(), now).by(&name);
        self.waiting = found.waiting;
        self.down = found.down.as_ref().map(why);
        self.last = (!found.waiting).then_some(now);
        self.agent = Agent {
            down: found.said_down.as_ref().map(why),
            readiness: readiness(found.closed),
            share: found.share,
            maxconns: found.maxconns,
            said: None,
        };
        let speaks = (found.closed, found.share, found.maxconns) != (0, None, None);
        let said = "the agent said so before the upgrade";
        self.agent.said = speaks.then(|| Cause::new(said, now).by(&name));
    }

    /// What it last brought back.
    pub(super) fn latest(&self) -> Option<&Latest> {
        self.latest.as_ref()
    }

    /// The agent's latest words.
    pub(super) fn said(&self) -> Option<&Cause> {
        self.agent.said.as_ref()
    }

    /// How long a result counts, in milliseconds.
    pub(super) fn lasting(&self) -> u64 {
        (INTERVALS * u64::from(self.probe.interval_s) + u64::from(self.probe.timeout_s)) * 1000
    }

    /// When the latest result will be too old to count.
    pub(super) fn due(&self) -> Option<Millis> {
        self.last
            .map(|at| Millis(at.0.saturating_add(self.lasting())))
    }

    /// Forgets a result that is too old; whether there was one.
    pub(super) fn expire(&mut self, now: Millis) -> bool {
        let expired = self.due().is_some_and(|at| at <= now);
        if expired {
            let waiting = self.waiting.then(|| self.down.take()).flatten();
            let latest = self.latest.take();
            *self = Track::new(Arc::clone(&self.probe), false, now);
            self.latest = latest;
            self.waiting = waiting.is_some();
            self.down = waiting;
        }
        expired
    }

    /// Takes a result: what it means, and what an agent said in it, where anything of it counts.
    pub(super) fn take(&mut self, sounding: &Sounding, now: Millis) -> Option<(Cause, Said)> {
        self.latest = Some(Latest {
            ok: sounding.ok,
            why: Cause::new(sounding.why.clone(), now).what,
            took_us: sounding.took_us,
            at: now,
        });
        if self.probe.kind != ProbeKind::Agent {
            self.last = Some(now);
            let cause = self.judge(sounding.ok, sounding.why.clone(), now);
            return Some((cause, Said::default()));
        }
        // An agent that does not answer says nothing about its server, which other probes ask: what it said last counts for a while.
        let line = sounding.agent.as_deref().filter(|_| sounding.ok)?;
        self.last = Some(now);
        Some(match read(line) {
            Ok(said) => {
                let risen = self.judge(true, "the agent answered".into(), now);
                self.heed(&said, now);
                let cause = self.agent.said.clone().unwrap_or(risen);
                (cause, said)
            }
            Err(why) => (
                self.judge(false, why.to_string().into(), now),
                Said::default(),
            ),
        })
    }

    /// Counts a success or a failure, and says why the server is as it is if it turned by it.
    fn judge(&mut self, ok: bool, why: Cow<'static, str>, now: Millis) -> Cause {
        let cause = Cause::new(why, now).by(&self.probe.name);
        match (ok, self.down.is_some()) {
            (true, true) => {
                self.successes = self.successes.saturating_add(1);
                let needed = if self.waiting { 1 } else { self.probe.rise };
                if self.successes >= needed {
                    (self.down, self.waiting) = (None, false);
                    (self.failures, self.successes) = (0, 0);
                    return cause.counted(needed.into());
                }
            }
            (true, false) if self.failures > 0 => {
                self.successes = self.successes.saturating_add(1);
                if self.successes >= self.probe.settle {
                    (self.failures, self.successes) = (0, 0);
                }
            }
            (true, false) => {}
            (false, true) => self.successes = 0,
            (false, false) => {
                self.successes = 0;
                self.failures = self.failures.saturating_add(1);
                if self.failures >= self.probe.fall {
                    self.failures = 0;
                    self.down = Some(cause.clone().counted(self.probe.fall.into()));
                }
            }
        }
        cause
    }

    fn heed(&mut self, said: &Said, now: Millis) {
        let agent = &mut self.agent;
        let cause = Cause::new(told(said), now).by(&self.probe.name);
        let changes = (
            agent.down.is_some(),
            agent.readiness,
            agent.share,
            agent.maxconns,
        );
        match said.word {
            Some(Word::Up) => agent.down = None,
            // Since when it is down is when it was said first.
            Some(_) if agent.down.is_none() => agent.down = Some(cause.clone()),
            _ => {}
        }
        agent.readiness = said.readiness.unwrap_or(agent.readiness);
        agent.share = said.share.or(agent.share);
        agent.maxconns = said.maxconns.unwrap_or(agent.maxconns);
        let now_is = (
            agent.down.is_some(),
            agent.readiness,
            agent.share,
            agent.maxconns,
        );
        if agent.said.is_none() || changes != now_is {
            agent.said = Some(cause);
        }
    }
}

/// `the agent said down, 75% (load too high)`.
fn told(said: &Said) -> String {
    let readiness = said.readiness.map(|readiness| match readiness {
        Readiness::Ready => "ready",
        Readiness::Drain => "drain",
        Readiness::Maint => "maint",
    });
    let words = [
        said.word.map(|word| word.as_str().to_owned()),
        readiness.map(str::to_owned),
        said.share.map(|percent| format!("{percent}%")),
        said.maxconns
            .map(|limit| format!("maxconn:{}", limit.unwrap_or(0))),
    ];
    let words: Vec<_> = words.into_iter().flatten().collect();
    let mut told = format!("the agent said {}", words.join(", "));
    if !said.description.is_empty() {
        told.push_str(&format!(" ({})", said.description));
    }
    told
}
