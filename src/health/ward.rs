//! Everything that was measured of one server, and what it comes to.

use std::sync::Arc;

use super::track::Track;
use super::{Cause, Fault, Figure, Figures, Latest, Legacy, Observation, Said, Sounding, Watch};
use crate::decide::{Health, Measured, Millis, Readiness};
use crate::model::{Probe, ProbeKind, Watching};

/// What the probe is called that asks a suspect server which nobody watches; no configured probe can be called so.
pub const SUSPICION: &str = "(suspect)";

/// What came of an observation, of a result or of time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effect {
    /// What was measured before, where that is something else now.
    pub before: Option<Measured>,
    /// The probes whose latest result is too old to count from now on.
    pub expired: Vec<Box<str>>,
}

/// Everything that was measured of one server.
#[derive(Clone, Debug)]
pub struct Ward {
    watch: Watch,
    /// Why the watch is not up.
    passive: Option<Cause>,
    tracks: Vec<Track>,
    /// Of a server without probes that was suspect, and did not answer.
    suspicion: Option<Track>,
    /// When it was asked last because of that.
    asked: Millis,
    figures: Figures,
    measured: Measured,
    since: Millis,
    cause: Cause,
    changed: bool,
}

impl Ward {
    /// A server of which nothing is known. `fresh`: it is new, so that probes which say `from-down` hold it down until they have a
    /// success.
    pub fn new(watching: Watching, probes: &[Arc<Probe>], fresh: bool, now: Millis) -> Ward {
        let track = |probe: &Arc<Probe>| Track::new(Arc::clone(probe), fresh, now);
        let mut ward = Ward {
            watch: Watch::new(watching),
            passive: None,
            tracks: probes.iter().map(track).collect(),
            suspicion: None,
            asked: Millis(0),
            figures: Figures::default(),
            measured: Measured::default(),
            since: now,
            cause: Cause::new("nothing was held against it", now),
            changed: false,
        };
        ward.settle(now, None);
        ward.changed = false;
        ward
    }

    /// What all of it comes to.
    pub fn measured(&self) -> Measured {
        self.measured
    }

    /// Since when its health and readiness are what they are, and it takes new clients or does not.
    pub fn since(&self) -> Millis {
        self.since
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// What the traffic shows.
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// What each of its probes last brought back, of those that did.
    pub fn latest(&self) -> impl Iterator<Item = (Arc<Probe>, Latest)> {
        let told = |t: &Track| Some((Arc::clone(&t.probe), t.latest()?.clone()));
        self.tracks.iter().filter_map(told)
    }

    /// The figures that were told of it.
    pub fn figures(&self) -> &Figures {
        &self.figures
    }

    /// Whether it is down only because it has not answered a probe since the director knows it.
    pub fn waiting(&self) -> bool {
        self.tracks.iter().any(Track::waiting)
    }

    /// Whether there is nothing about it that is worth keeping.
    pub fn is_idle(&self) -> bool {
        self.watch.is_clear()
            && self.tracks.is_empty()
            && self.suspicion.is_none()
            && !self.changed
            && self.figures.is_empty()
    }

    /// Takes the operator's new settings. What was found stands; a probe that is new to it begins with nothing, one that is gone
    /// counts no more.
    pub fn configure(&mut self, watching: Watching, probes: &[Arc<Probe>], now: Millis) -> Effect {
        self.watch.configure(watching, now);
        let mut before = std::mem::take(&mut self.tracks);
        for probe in probes {
            let known = before.iter().position(|t| t.probe.name == probe.name);
            let mut track = match known {
                Some(at) => before.swap_remove(at),
                None => Track::new(Arc::clone(probe), false, now),
            };
            track.configure(probe);
            self.tracks.push(track);
        }
        if !self.tracks.is_empty() {
            self.suspicion = None;
        }
        self.settle(now, Some(Cause::new("watched otherwise", now)))
    }

    /// Drops what the traffic showed: the operator put it into service. What its probes find stands.
    pub fn forgive(&mut self, now: Millis) -> Effect {
        self.watch = Watch::new(self.watch.settings());
        self.passive = None;
        self.suspicion = None;
        self.settle(now, Some(Cause::new("put into service", now)))
    }

    /// Takes what was seen of an exchange.
    pub fn observe(&mut self, seen: Observation, now: Millis) -> Effect {
        let trial = self.watch.health() == Health::Testing;
        let flip = self.watch.observe(seen, now);
        let event = match (flip, seen) {
            (Some(Health::Failed), Observation::Failure { fault, client, .. }) => {
                self.passive = Some(self.failure(fault, trial, now, client));
                None
            }
            (Some(_), _) => {
                self.passive = None;
                Some(Cause::new("answered on trial", now))
            }
            (None, _) => None,
        };
        self.settle(now, event)
    }

    fn failure(&self, fault: Fault, trial: bool, now: Millis, client: std::net::IpAddr) -> Cause {
        let cause = match (trial, self.watch.limit(fault)) {
            (false, Some(limit)) => Cause::new(fault.as_str(), now).counted(limit),
            _ => Cause::new(format!("{} on trial", fault.as_str()), now),
        };
        Cause {
            client: Some(client),
            ..cause
        }
    }

    /// Takes what a probe brought back. Of a probe that does not watch this server any more, or as it is no more, it counts for
    /// nothing.
    pub fn sound(&mut self, probe: &Arc<Probe>, sounding: &Sounding, now: Millis) -> Effect {
        let suspicion = &*probe.name == SUSPICION && self.tracks.is_empty();
        let track = if suspicion {
            let new = || Track::new(Arc::clone(probe), false, now);
            Some(self.suspicion.get_or_insert_with(new))
        } else {
            self.tracks.iter_mut().find(|t| t.probe == *probe)
        };
        let Some(track) = track else {
            return Effect::default();
        };
        let expires = Millis(now.0.saturating_add(track.lasting()));
        let taken = track.take(sounding, now);
        if self.suspicion.as_ref().is_some_and(|t| t.down().is_none()) {
            self.suspicion = None;
        }
        let Some((event, said)) = taken else {
            return Effect::default();
        };
        if !suspicion {
            self.note(probe, sounding, &said, (now, expires));
        }
        self.settle(now, Some(event))
    }

    fn note(&mut self, probe: &Probe, sounding: &Sounding, said: &Said, at: (Millis, Millis)) {
        let mut note = |name: &str, value: f64, source: &str| {
            self.figures.note(Figure {
                name: name.into(),
                value,
                source: source.into(),
                at: at.0,
                expires: at.1,
            });
        };
        let asks_the_server = !matches!(
            probe.kind,
            ProbeKind::Hops | ProbeKind::Exec(_) | ProbeKind::Agent
        );
        if sounding.ok && asks_the_server {
            note("response_us", sounding.took_us.into(), &probe.name);
        }
        for (name, value) in &sounding.figures {
            note(name, *value, &probe.name);
        }
        if let Some(share) = said.share {
            note("share_percent", share.into(), "agent");
        }
        if let Some(limit) = said.maxconns.flatten() {
            note("maxconns", limit.into(), "agent");
        }
    }

    /// What was found, for the process that takes over.
    pub fn legacy(&self, now: Millis) -> Legacy {
        let why = || self.passive.as_ref().map(|cause| cause.what.to_string());
        Legacy {
            probes: self.tracks.iter().map(Track::found).collect(),
            failed: self
                .watch
                .left(now)
                .map(|left| (why().unwrap_or_default(), left)),
        }
    }

    /// Begins with what another process found: a probe's result counts as if it had come just now.
    pub fn inherit(&mut self, legacy: &Legacy, now: Millis) {
        for found in &legacy.probes {
            let track = self
                .tracks
                .iter_mut()
                .find(|t| *t.probe.name == *found.probe);
            if let Some(track) = track {
                track.inherit(found, now);
            }
        }
        if let Some((why, left)) = &legacy.failed {
            let retry_at = left.map(|left| Millis(now.0.saturating_add(left)));
            self.watch.fail(retry_at);
            self.passive = Some(Cause::new(why.clone(), now));
        }
        self.settle(now, None);
        self.changed = false;
    }

    /// When [`tick`](Self::tick) will have something to do.
    pub fn due(&self) -> Option<Millis> {
        let tracks = self.tracks.iter().chain(&self.suspicion);
        tracks.filter_map(Track::due).chain(self.watch.due()).min()
    }

    /// Lets time pass.
    pub fn tick(&mut self, now: Millis) -> Effect {
        if self.watch.tick(now).is_some() {
            let what = match &self.passive {
                Some(cause) => format!("tried again after {}", cause.what),
                None => "tried again".to_owned(),
            };
            self.passive = Some(Cause::new(what, now));
        }
        let mut expired = Vec::new();
        for track in &mut self.tracks {
            if track.expire(now) {
                expired.push(track.probe.name.clone());
            }
        }
        if self.suspicion.as_mut().is_some_and(|t| t.expire(now)) {
            self.suspicion = None;
        }
        let event = Cause::new("what a probe found last is too old to count", now);
        let effect = self.settle(now, Some(event));
        Effect { expired, ..effect }
    }

    /// Whether a suspect server that nobody watches and that did not answer is to be asked again now.
    pub fn ask_again(&mut self, now: Millis) -> bool {
        let Some(track) = &self.suspicion else {
            return false;
        };
        let pause = u64::from(track.probe.interval_s) * 1000;
        let again = now.0.saturating_sub(self.asked.0) >= pause;
        if again {
            self.asked = now;
        }
        again
    }

    /// Combines all anew. `event` is why it is in order again, where it is.
    fn settle(&mut self, now: Millis, event: Option<Cause>) -> Effect {
        let measured = self.combined();
        let told = |m: &Measured| (m.health, m.readiness, m.share == 0);
        let before = std::mem::replace(&mut self.measured, measured);
        let changed = before != measured;
        if told(&before) != told(&measured) {
            self.since = now;
        }
        if let Some(cause) = self.deciding() {
            if self.cause != *cause {
                self.cause = cause.clone();
            }
        } else if changed {
            self.cause = event.unwrap_or_else(|| Cause::new("nothing is held against it", now));
        }
        self.changed |= changed;
        Effect {
            before: changed.then_some(before),
            expired: Vec::new(),
        }
    }

    fn combined(&self) -> Measured {
        let down = self.down().is_some();
        let readiness = self.tracks.iter().map(Track::readiness);
        Measured {
            health: if down {
                Health::Failed
            } else {
                self.watch.health()
            },
            readiness: readiness.max_by_key(|r| rank(*r)).unwrap_or_default(),
            share: self
                .tracks
                .iter()
                .filter_map(Track::share)
                .min()
                .unwrap_or(100),
            maxconns: self.tracks.iter().filter_map(Track::maxconns).min(),
        }
    }

    /// Why a probe says it is down.
    fn down(&self) -> Option<&Cause> {
        self.tracks
            .iter()
            .chain(&self.suspicion)
            .find_map(Track::down)
    }

    /// The cause of what is not as it would be without any measurement.
    fn deciding(&self) -> Option<&Cause> {
        let agent = || {
            let speaks = |t: &&Track| {
                t.readiness() != Readiness::Ready || t.share().is_some() || t.maxconns().is_some()
            };
            let tracks = self.tracks.iter().filter(speaks);
            tracks.max_by_key(|t| rank(t.readiness()))?.said()
        };
        self.down().or(self.passive.as_ref()).or_else(agent)
    }
}

/// The larger, the fewer clients come.
const fn rank(readiness: Readiness) -> u8 {
    match readiness {
        Readiness::Ready => 0,
        Readiness::Drain => 1,
        Readiness::Maint => 2,
    }
}
