//! The wards of all servers about which there is something to keep, and what of them waits to be published.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::settings::{Setting, probes, settings};
use super::{Farm, Outcome, Sounded, told};
use crate::decide::{Gauges, Health, Measured, Millis, Readiness};
use crate::health::{Effect, Fault, Legacy, Observation, Ward};
use crate::model::{Id, Model, Probe};

/// What waits to be published of one server.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flip {
    pub(super) measured: Measured,
    /// Whether its health changed on the way there, so that a trial is over or begins.
    pub(super) health: bool,
    /// Whether more than its share or limit changed.
    prompt: bool,
}

/// A server about which there is something to keep.
#[derive(Debug)]
struct Charge {
    ward: Ward,
    /// When the heap will call on it.
    scheduled: Option<Millis>,
}

/// All servers about which there is something to keep.
#[derive(Debug, Default)]
pub(super) struct Wards {
    settings: HashMap<Id, Setting>,
    probes: Vec<Arc<Probe>>,
    charges: HashMap<Id, Charge>,
    /// When which ward wants to be called on; entries may be out of date.
    due: BinaryHeap<Reverse<(Millis, Id)>>,
    flips: HashMap<Id, Flip>,
}

/// What a new configuration made of the wards, to be brought to the gauges once it is in force.
#[derive(Debug, Default)]
pub(super) struct Turned {
    /// Their health changed, or is not known any more.
    trials: Vec<Id>,
    /// These came back into service.
    returned: Vec<Id>,
}

impl Wards {
    /// The probes of the model.
    pub(super) fn probes(&self) -> &[Arc<Probe>] {
        &self.probes
    }

    /// What the model says of a server.
    pub(super) fn setting(&self, id: &Id) -> Option<&Setting> {
        self.settings.get(id)
    }

    /// What was measured of a server, where there is anything.
    pub(super) fn ward(&self, id: &Id) -> Option<&Ward> {
        self.charges.get(id).map(|charge| &charge.ward)
    }

    /// All that was measured and is not as if nothing had been.
    pub(super) fn measured(&self) -> HashMap<Id, Measured> {
        let all = self.charges.iter();
        all.map(|(id, charge)| (id.clone(), charge.ward.measured()))
            .filter(|(_, measured)| *measured != Measured::default())
            .collect()
    }

    /// Whether anything waits to be published.
    pub(super) fn has_flips(&self) -> bool {
        !self.flips.is_empty()
    }

    /// Whether what waits to be published bears no waiting.
    pub(super) fn is_pressed(&self) -> bool {
        self.flips.values().any(|flip| flip.prompt)
    }

    /// What waits to be published, which waits no more.
    pub(super) fn take_flips(&mut self) -> HashMap<Id, Flip> {
        std::mem::take(&mut self.flips)
    }

    /// Takes over a new model. Health of an id lives on over a change, but where it is at another place now; where the operator put
    /// it into service what its traffic showed is forgotten.
    pub(super) fn configure(&mut self, model: &Model, farm: &Farm) -> Turned {
        let now = farm.now();
        self.probes = probes(model, &self.probes);
        let before = std::mem::replace(&mut self.settings, settings(model, &self.probes));
        let mut turned = Turned::default();
        // What the wards say is compiled in. A flip published later would bring back what has just ended, and no ward would ever lift
        // it.
        let flips = self.take_flips();
        let health = flips.into_iter().filter(|(_, flip)| flip.health);
        turned.trials.extend(health.map(|(id, _)| id));
        let charges = std::mem::take(&mut self.charges);
        for (id, mut charge) in charges {
            let (Some(old), Some(new)) = (before.get(&id), self.settings.get(&id)) else {
                continue;
            };
            if old.place != new.place {
                turned.trials.push(id);
                continue;
            }
            let ward = &mut charge.ward;
            let was = ward.measured();
            ward.configure(new.watching, &new.probes, now);
            if new.in_service && !old.in_service {
                ward.forgive(now);
            }
            if was != ward.measured() {
                told::changed(farm, &id, ward, &was);
            }
            if was.health != ward.measured().health {
                turned.trials.push(id.clone());
            }
            self.charges.insert(id, charge);
        }
        let mut waiting = 0;
        for (id, new) in &self.settings {
            let old = before.get(id).filter(|old| old.place == new.place);
            if !new.probes.is_empty() && !self.charges.contains_key(id) {
                let ward = Ward::new(new.watching, &new.probes, old.is_none(), now);
                waiting += usize::from(ward.waiting());
                let scheduled = None;
                self.charges.insert(id.clone(), Charge { ward, scheduled });
            }
            if old.is_some_and(|old| !old.in_service) && new.in_service && self.is_up(id) {
                turned.returned.push(id.clone());
            }
        }
        if waiting > 0 {
            told::waiting(waiting);
        }
        self.charges.retain(|_, charge| !charge.ward.is_idle());
        self.due.clear();
        for (id, charge) in &mut self.charges {
            charge.scheduled = None;
            schedule(&mut self.due, id, charge);
        }
        turned
    }

    /// What was found of every server about which there is something to keep, by its id.
    pub(super) fn legacies(&self, now: Millis) -> HashMap<String, Legacy> {
        let all = self.charges.iter();
        all.map(|(id, charge)| (id.to_string(), charge.ward.legacy(now)))
            .collect()
    }

    /// Begins with what another process found.
    pub(super) fn inherit(
        &mut self,
        mut legacies: HashMap<String, Legacy>,
        now: Millis,
        turned: &mut Turned,
    ) {
        if legacies.is_empty() {
            return;
        }
        for (id, setting) in &self.settings {
            let Some(legacy) = legacies.remove(&id.to_string()) else {
                continue;
            };
            let mut charge = self.charges.remove(id).unwrap_or_else(|| Charge {
                ward: Ward::new(setting.watching, &setting.probes, false, now),
                scheduled: None,
            });
            charge.ward.inherit(&legacy, now);
            if charge.ward.is_idle() {
                continue;
            }
            turned.trials.push(id.clone());
            schedule(&mut self.due, id, &mut charge);
            self.charges.insert(id.clone(), charge);
        }
    }

    fn is_up(&self, id: &Id) -> bool {
        self.ward(id).is_none_or(|ward| takes_all(&ward.measured()))
    }

    /// Takes what became of an exchange.
    pub(super) fn exchange(
        &mut self,
        farm: &Farm,
        server: &Arc<Gauges>,
        (client, outcome): (IpAddr, Outcome),
        now: Millis,
    ) {
        let id = &server.id;
        let Some(setting) = self.settings.get(id) else {
            return;
        };
        let seen = match fault(outcome) {
            None => Observation::Success,
            Some(fault) => {
                let retry = u64::from(setting.watching.retry_s) * 1000;
                let since = Millis(now.0.saturating_sub(retry));
                Observation::Failure {
                    fault,
                    client,
                    others_asked: server.others_asked_since(client, since),
                }
            }
        };
        let charge = self.charges.entry(id.clone()).or_insert_with(|| Charge {
            ward: Ward::new(setting.watching, &[], false, now),
            scheduled: None,
        });
        let effect = charge.ward.observe(seen, now);
        let clear = charge.ward.watch().is_clear();
        server.suspect.store(!clear, Ordering::Relaxed);
        if charge.ward.is_idle() {
            self.charges.remove(id);
        } else {
            self.follow(farm, id, effect, false);
        }
    }

    /// Takes what a probe brought back.
    pub(super) fn sounded(&mut self, farm: &Farm, sounded: &Sounded) {
        let (id, now) = (&sounded.id, sounded.now);
        let Some(setting) = self.settings.get(id) else {
            return;
        };
        let charge = self.charges.entry(id.clone()).or_insert_with(|| Charge {
            ward: Ward::new(setting.watching, &setting.probes, false, now),
            scheduled: None,
        });
        let waited = charge.ward.waiting();
        let effect = charge.ward.sound(&sounded.probe, &sounded.sounding, now);
        if charge.ward.is_idle() {
            self.charges.remove(id);
        } else {
            self.follow(farm, id, effect, waited);
        }
    }

    /// When [`tick`](Self::tick) will have something to do.
    pub(super) fn due(&self) -> Option<Millis> {
        self.due.peek().map(|Reverse((at, _))| *at)
    }

    /// Lets time pass.
    pub(super) fn tick(&mut self, farm: &Farm, now: Millis) {
        while self.due().is_some_and(|at| at <= now) {
            let Some(Reverse((at, id))) = self.due.pop() else {
                return;
            };
            let Some(charge) = self.charges.get_mut(&id) else {
                continue;
            };
            if charge.scheduled != Some(at) {
                continue;
            }
            charge.scheduled = None;
            let effect = charge.ward.tick(now);
            self.follow(farm, &id, effect, false);
        }
    }

    /// The suspect servers without probes that are to be asked again now.
    pub(super) fn ask_again(&mut self, now: Millis) -> Vec<Id> {
        let charges = self.charges.iter_mut();
        charges
            .filter_map(|(id, charge)| charge.ward.ask_again(now).then(|| id.clone()))
            .collect()
    }

    /// Tells what changed, and keeps it until it is published. `waited`: the server had not answered since the director knows it.
    fn follow(&mut self, farm: &Farm, id: &Id, effect: Effect, waited: bool) {
        let Some(charge) = self.charges.get_mut(id) else {
            return;
        };
        schedule(&mut self.due, id, charge);
        for probe in &effect.expired {
            told::expired(id, probe, &self.probes);
        }
        let Some(was) = effect.before else {
            return;
        };
        let measured = charge.ward.measured();
        told::changed(farm, id, &charge.ward, &was);
        let in_service = self.settings.get(id).is_some_and(|s| s.in_service);
        let back = takes_all(&measured) && !takes_all(&was);
        if back && in_service && !waited {
            returned(farm, id);
        }
        let flip = self.flips.entry(id.clone()).or_insert(Flip {
            measured,
            health: false,
            prompt: false,
        });
        flip.measured = measured;
        flip.health |= was.health != measured.health;
        flip.prompt |= was.health != measured.health || was.readiness != measured.readiness;
    }
}

impl Turned {
    /// Brings it to the gauges, once the configuration is in force.
    pub(super) fn bring(&self, farm: &Farm, wards: &Wards) {
        let live = farm.live().load();
        for id in &self.trials {
            if let Some(node) = live.snapshot.node(id) {
                let gauges = live.loads.gauges(node);
                let clear = wards.ward(id).is_none_or(|ward| ward.watch().is_clear());
                gauges.suspect.store(!clear, Ordering::Relaxed);
                gauges.end_trial();
            }
        }
        for id in &self.returned {
            returned(farm, id);
        }
    }
}

/// From now on the server's share ramps up where a virtual has a `slowstart`.
fn returned(farm: &Farm, id: &Id) {
    let live = farm.live().load();
    if let Some(node) = live.snapshot.node(id) {
        // 0 would mean that it never came back.
        let now = farm.now().0.max(1);
        live.loads
            .gauges(node)
            .back_since
            .store(now, Ordering::Relaxed);
    }
}

/// Whether nothing that was measured keeps clients away.
fn takes_all(measured: &Measured) -> bool {
    measured.health == Health::Up && measured.readiness == Readiness::Ready && measured.share > 0
}

/// Has the heap call on a ward when it wants to be, unless it will anyway.
fn schedule(due: &mut BinaryHeap<Reverse<(Millis, Id)>>, id: &Id, charge: &mut Charge) {
    if let Some(at) = charge.ward.due()
        && charge.scheduled.is_none_or(|scheduled| at < scheduled)
    {
        charge.scheduled = Some(at);
        due.push(Reverse((at, id.clone())));
    }
}

const fn fault(outcome: Outcome) -> Option<Fault> {
    match outcome {
        Outcome::Answered => None,
        Outcome::ServerError => Some(Fault::ServerError),
        Outcome::Refused => Some(Fault::Refused),
        Outcome::Reset => Some(Fault::Reset),
        Outcome::Unanswered => Some(Fault::Unanswered),
        Outcome::BadAnswer => Some(Fault::BadAnswer),
    }
}
