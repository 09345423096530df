//! What must hold at every step, kept apart from the code that it judges.

use std::collections::HashMap;
use std::net::IpAddr;

use signpost::decide::{
    Action, Ask, Decision, Health, Loads, Measured, Millis, NodeIndex, Place, Readiness, Reason,
    Snapshot,
};
use signpost::model::{AllDown, Endpoint, Id, Intent, Model, Ref, Virtual};

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
pub(crate) struct Laws {
    known: HashMap<Id, Known>,
    /// Of each url its dip.
    links: HashMap<Id, Id>,
    nodes: Vec<(Id, NodeIndex)>,
    /// A virtual keeps its clients.
    sticky: bool,
    /// A virtual goes on with servers that were usable last.
    last_good: bool,
    /// Where a place was taken or given back since the last look.
    busy: Vec<Id>,
    /// Exchanges and sessions that hold a place.
    open: HashMap<Id, u32>,
    /// By dip and client: until when the promise may last.
    promised: HashMap<Id, HashMap<IpAddr, u64>>,
    /// By server: who tries it, and until when.
    trials: HashMap<Id, (IpAddr, u64)>,
}

impl Laws {
    pub(crate) fn new(model: &Model, snapshot: &Snapshot) -> Laws {
        let mut laws = Laws {
            known: HashMap::new(),
            links: HashMap::new(),
            nodes: Vec::new(),
            sticky: false,
            last_good: false,
            busy: Vec::new(),
            open: HashMap::new(),
            promised: HashMap::new(),
            trials: HashMap::new(),
        };
        laws.configured(model, snapshot);
        laws
    }

    pub(crate) fn configured(&mut self, model: &Model, snapshot: &Snapshot) {
        self.known.clear();
        self.sticky = model.virtuals.iter().any(|v| v.sticky.is_some());
        let last_good = |v: &Virtual| v.all_down == AllDown::LastGood;
        self.last_good = model.virtuals.iter().any(last_good);
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
        let node = |id: &Id| snapshot.node(id).expect("configured");
        self.nodes = self.known.keys().map(|id| (id.clone(), node(id))).collect();
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
    pub(crate) fn decided(
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
        let told = || {
            format!(
                "{decision:?} to {id} for {} at {} ({now:?})",
                ask.client, ask.at
            )
        };
        // A second try says so, and no more how its server was found.
        let again = decision.reason == Reason::Reassigned;
        let down = decision.reason == Reason::LastGood || again && self.last_good;
        // Whoever comes to a dip's own address is stuck to it.
        let own = for_own_client(decision.reason)
            || again && self.sticky
            || snapshot.node_at(ask.at) == Some(node);
        if !down {
            self.usable(&id, snapshot.measured(node), own, &told);
        }
        let linked = self.links.get(&id).cloned();
        if let Some(dip) = linked.as_ref().filter(|_| !down) {
            let at = snapshot.node(dip).expect("a dip that is configured");
            self.usable(dip, snapshot.measured(at), own, &told);
        }
        let bearer = linked.unwrap_or_else(|| id.clone());
        let at = snapshot.node(&bearer).expect("configured");
        if snapshot.health(at) == Health::Testing && !self.last_good {
            self.one_trial(&bearer, ask.client, now, &told);
        }
        let most = self.known[&bearer].maxconns.unwrap_or(u32::MAX);
        let connections = loads.gauges(at).connections();
        assert!(connections <= most, "{}: {connections} of {most}", told());
        if matches!(decision.action, Action::Redirect { .. }) {
            let until = now.0 + self.known[&bearer].promise_s * 1000;
            self.promised
                .entry(bearer)
                .or_default()
                .insert(ask.client, until);
        }
    }

    fn usable(&self, id: &Id, measured: &Measured, own: bool, told: &dyn Fn() -> String) {
        let intent = self.known[id].intent;
        let wanted = intent == Intent::InService || own && intent == Intent::Sticky;
        assert!(wanted, "{}: {id} is {intent:?}", told());
        assert_ne!(
            measured.health,
            Health::Failed,
            "{}: {id} has failed",
            told()
        );
        let ready =
            measured.readiness == Readiness::Ready || own && measured.readiness == Readiness::Drain;
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

    pub(crate) fn trial_over(&mut self, id: &Id, client: IpAddr) {
        if self.trials.get(id).is_some_and(|(who, _)| *who == client) {
            self.trials.remove(id);
        }
    }

    pub(crate) fn trials_over(&mut self, id: &Id) {
        self.trials.remove(id);
    }

    pub(crate) fn entered(&mut self, place: &Place) {
        let id = &place.gauges().id;
        *self.open.entry(id.clone()).or_default() += 1;
        self.busy.push(id.clone());
    }

    pub(crate) fn left(&mut self, place: Place) {
        let open = self
            .open
            .get_mut(&place.gauges().id)
            .expect("it was entered");
        *open -= 1;
        self.busy.push(place.gauges().id.clone());
    }

    pub(crate) fn arrived(&mut self, snapshot: &Snapshot, at: Endpoint, client: IpAddr) {
        if let Some(node) = snapshot.node_at(at)
            && let Some(promised) = self.promised.get_mut(snapshot.id(node))
        {
            promised.remove(&client);
        }
    }

    /// Counts are what is open, and promises are never more than were made and can still last.
    pub(crate) fn gauges(&mut self, loads: &Loads, now: Millis) {
        for (id, node) in &self.nodes {
            let gauges = loads.gauges(*node);
            let (connections, promises) = (gauges.connections(), gauges.promises(now) as usize);
            if connections > 0 || promises > 0 || self.busy.contains(id) {
                let open = self.open.get(id).copied().unwrap_or(0);
                assert_eq!(connections, open, "{id} at {now:?}");
                let made = self.promised.get(id).into_iter().flat_map(HashMap::values);
                let most = made.filter(|until| **until > now.0).count();
                assert!(
                    promises <= most,
                    "{id}: {promises} promises of {most} at {now:?}"
                );
            }
        }
        self.busy.clear();
    }

    /// Long after the last client nothing is left.
    pub(crate) fn end(&self, snapshot: &Snapshot, loads: &Loads, later: Millis) {
        for id in self.known.keys() {
            let node: NodeIndex = snapshot.node(id).expect("configured");
            assert_eq!(
                loads.promises(node, later),
                0,
                "promises at {id} do not end"
            );
            assert_eq!(
                loads.gauges(node).connections(),
                0,
                "connections at {id} do not end"
            );
        }
    }
}
