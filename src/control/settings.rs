//! What the model says of each server whose health is measured, by id.

use std::collections::HashMap;
use std::sync::Arc;

use crate::model::{
    Dip, Endpoint, Id, Intent, Model, Piece, Probe, Real, Ref, Scheme, Url, Watching,
};

/// What of a real, dip or url decides over its health's life.
#[derive(Debug)]
pub(super) struct Setting {
    /// Where it stands in the model.
    pub(super) at: Ref,
    /// Where it is: another place is another server.
    pub(super) place: Place,
    /// Whether the operator wants it in service.
    pub(super) in_service: bool,
    /// How its traffic is judged.
    pub(super) watching: Watching,
    /// The probes that watch it.
    pub(super) probes: Vec<Arc<Probe>>,
}

/// Where a server is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Server(Endpoint),
    Url(Scheme, Box<[Piece]>),
}

/// The settings of every real, dip and url.
pub(super) fn settings(model: &Model, probes: &[Arc<Probe>]) -> HashMap<Id, Setting> {
    let of = |at: &[u32]| -> Vec<Arc<Probe>> {
        at.iter()
            .filter_map(|&n| probes.get(n as usize).cloned())
            .collect()
    };
    let real = |(n, r): (u32, &Real)| {
        let setting = Setting {
            at: Ref::Real(n),
            place: Place::Server(r.id),
            in_service: r.intent == Intent::InService,
            watching: r.serving.watching,
            probes: of(&r.serving.probes),
        };
        (Id::Endpoint(r.id), setting)
    };
    let dip = |(n, d): (u32, &Dip)| {
        let setting = Setting {
            at: Ref::Dip(n),
            place: Place::Server(d.real),
            in_service: d.virtual_intent == Intent::InService && d.real_intent == Intent::InService,
            watching: d.serving.watching,
            probes: of(&d.serving.probes),
        };
        (Id::Endpoint(d.id), setting)
    };
    let url = |(n, u): (u32, &Url)| {
        let setting = Setting {
            at: Ref::Url(n),
            place: Place::Url(u.template.scheme, u.template.authority.clone()),
            in_service: u.intent == Intent::InService,
            watching: Watching::default(),
            probes: of(&u.probes),
        };
        (Id::Url(u.id.clone()), setting)
    };
    let reals = (0..).zip(&model.reals).map(real);
    let dips = (0..).zip(&model.dips).map(dip);
    let urls = (0..).zip(&model.urls).map(url);
    reals.chain(dips).chain(urls).collect()
}

/// The probes of `model`, those that are as they were taken from `before`.
pub(super) fn probes(model: &Model, before: &[Arc<Probe>]) -> Vec<Arc<Probe>> {
    let known: HashMap<&str, &Arc<Probe>> = before.iter().map(|p| (&*p.name, p)).collect();
    let same = |probe: &Probe| {
        let known = known.get(&*probe.name).filter(|known| ****known == *probe);
        known.map_or_else(|| Arc::new(probe.clone()), |known| Arc::clone(known))
    };
    model.probes.iter().map(same).collect()
}
