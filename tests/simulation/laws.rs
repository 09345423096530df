//! What must hold at every step, kept apart from the code that it judges.

use std::collections::HashMap;
use std::net::IpAddr;

use signpost::decide::{
    Action, Ask, Decision, Health, Loads, Measured, Millis, NodeIndex, Place, Readiness, Reason,
    Snapshot,
};
use signpost::model::{Endpoint, Id, Intent, Model, Ref};

use crate::world::for_own_client;

/// A trial without a result ends after this (LANGUAGE.md §3).
const TRIAL_MS: u64 = 5_000;

/// What a decision may use, by id.
struct Known {
    intent: Intent,
    maxconns: Option<u32>,
    promise_s: u64,
}

/// The judge of one world.
pub struct Laws {
    known: HashMap<Id, Known>,
    /// Of each url its dip.
    links: HashMap<Id, Id>,
    /// Exchanges and sessions that hold a place.
    open: HashMap<Id, u32>,
    /// By dip and client: until when the promise may last.
    promised: HashMap<(Id, IpAddr), u64>,
    /// By server: who tries it, and until when.
    trials: HashMap<Id, (IpAddr, u64)>,
}

impl Laws {
    pub fn new(model: &Model) -> Laws {
        let mut laws = Laws {
            known: HashMap::new(),
            links: HashMap::new(),
            open: HashMap::new(),
            promised: HashMap::new(),
            trials: HashMap::new(),
        };
        laws.configured(model);
        laws
    }

    pub fn configured(&mut self, model: &Model) {
        self.known.clear();
        for real in &model.reals {
            let s = &real.serving;
            self.know(Id::Endpoint(real.id), real.intent, s.maxconns, 0);
        }
        for dip in &model.dips {
            let worse = match dip.virtual_intent {
                Intent::InService => dip.real_intent,
                other => other,
            };
            let s = &dip.serving;
            self.know(Id::Endpoint(dip.id), worse, s.maxconns, s.promise_s.into());
        }
        for url in &model.urls {
            let id = Id::Url(url.id.clone());
            self.know(id.clone(), url.intent, None, 0);
            if let Some(link @ Ref::Dip(_)) = url.link {
                self.links.insert(id, model.id(link));
            }
        }
    }

    fn know(&mut self, id: Id, intent: Intent, maxconns: Option<u32>, promise_s: u64) {
        let known = Known {
            intent,
            maxconns,
            promise_s,
        };
        self.known.insert(id, known);
    }

    /// Never a server that is not usable; one trial at a time; no more than `maxconns`.
    pub fn decided(
        &mut self,
        snapshot: &Snapshot,
        loads: &Loads,
        ask: &Ask<'_>,
        decision: &Decision,
        now: Millis,
    ) {
        let node = match decision.action {
            Action::Redirect { url, .. } => url,
            Action::Forward { server } => server,
            Action::Refuse => return,
        };
        let id = snapshot.id(node).clone();
        let told = || format!("{decision:?} to {id} for {} at {} ({now:?})", ask.client, ask.at);
        if decision.reason == Reason::LastGood {
            return;
        }
        let own = for_own_client(decision.reason);
        self.usable(&id, snapshot.measured(node), own, &told);
        let linked = self.links.get(&id).cloned();
        if let Some(dip) = &linked {
            let at = snapshot.node(dip).expect("a dip that is configured");
            self.usable(dip, snapshot.measured(at), own, &told);
        }
        let bearer = linked.unwrap_or_else(|| id.clone());
        let at = snapshot.node(&bearer).expect("configured");
        if snapshot.health(at) == Health::Testing {
            self.one_trial(&bearer, ask.client, now, &told);
        }
        let most = self.known[&bearer].maxconns.unwrap_or(u32::MAX);
        let connections = loads.gauges(at).connections();
        assert!(connections <= most, "{}: {connections} of {most}", told());
        if matches!(decision.action, Action::Redirect { .. }) {
            let until = now.0 + self.known[&bearer].promise_s * 1000;
            self.promised.insert((bearer, ask.client), until);
        }
    }

    fn usable(&self, id: &Id, measured: &Measured, own: bool, told: &dyn Fn() -> String) {
        let intent = self.known[id].intent;
        let wanted = intent == Intent::InService || own && intent == Intent::Sticky;
        assert!(wanted, "{}: {id} is {intent:?}", told());
        assert_ne!(measured.health, Health::Failed, "{}: {id} has failed", told());
        let ready = measured.readiness == Readiness::Ready
            || own && measured.readiness == Readiness::Drain;
        assert!(ready, "{}: {id} says {:?}", told(), measured.readiness);
    }

    fn one_trial(&mut self, id: &Id, client: IpAddr, now: Millis, told: &dyn Fn() -> String) {
        if let Some((other, until)) = self.trials.get(id) {
            // The same client may come on its own token: from the redirect to the dip.
            assert!(
                *other == client || *until <= now.0,
                "{}: {other} tries {id} until {until}",
                told()
            );
        }
        let until = match self.trials.get(id) {
            Some((other, until)) if *other == client && *until > now.0 => *until,
            _ => now.0 + TRIAL_MS,
        };
        self.trials.insert(id.clone(), (client, until));
    }

    pub fn trial_over(&mut self, id: &Id, client: IpAddr) {
        if self.trials.get(id).is_some_and(|(who, _)| *who == client) {
            self.trials.remove(id);
        }
    }

    pub fn trials_over(&mut self, id: &Id) {
        self.trials.remove(id);
    }

    pub fn entered(&mut self, place: &Place) {
        *self.open.entry(place.gauges().id.clone()).or_default() += 1;
    }

    pub fn left(&mut self, place: Place) {
        let open = self.open.get_mut(&place.gauges().id).expect("it was entered");
        *open -= 1;
    }

    pub fn arrived(&mut self, snapshot: &Snapshot, at: Endpoint, client: IpAddr) {
        if let Some(node) = snapshot.node_at(at) {
            self.promised.remove(&(snapshot.id(node).clone(), client));
        }
    }

    /// Counts are what is open, and promises are never more than were made and can still last.
    pub fn gauges(&mut self, snapshot: &Snapshot, loads: &Loads, now: Millis) {
        self.promised.retain(|_, until| *until > now.0);
        for id in self.known.keys() {
            let node = snapshot.node(id).expect("configured");
            let open = self.open.get(id).copied().unwrap_or(0);
            assert_eq!(loads.gauges(node).connections(), open, "{id} at {now:?}");
            let promises = loads.promises(node, now) as usize;
            if promises > 0 {
                let most = self.promised.keys().filter(|(dip, _)| dip == id).count();
                assert!(promises <= most, "{id}: {promises} promises of {most} at {now:?}");
            }
        }
    }

    /// Long after the last client nothing is left.
    pub fn end(&self, snapshot: &Snapshot, loads: &Loads, later: Millis) {
        for id in self.known.keys() {
            let node: NodeIndex = snapshot.node(id).expect("configured");
            assert_eq!(loads.promises(node, later), 0, "promises at {id} do not end");
            assert_eq!(loads.gauges(node).connections(), 0, "connections at {id} do not end");
        }
    }
}
