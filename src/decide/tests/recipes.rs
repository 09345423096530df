//! Random farms, and who is usable in them.

use std::sync::LazyLock;

use proptest::prelude::*;

use super::*;
use crate::model::HashKey;

const PREDICTORS: [Predictor; 9] = [
    Predictor::RoundRobin,
    Predictor::Weighted,
    Predictor::Random,
    Predictor::LeastConns,
    Predictor::Loaded,
    Predictor::Fastest,
    Predictor::Hash(HashKey::Source),
    Predictor::Hash(HashKey::Host),
    Predictor::Hash(HashKey::Path),
];

/// What a random farm is made of: indices taken modulo what there is.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    bound: Vec<Vec<u8>>,
    predictors: Vec<u8>,
    backups: Vec<Option<u8>>,
    links: Vec<Option<u8>>,
    weights: Vec<u16>,
    most: Vec<Option<u32>>,
    intents: Vec<u8>,
    health: Vec<u8>,
}

pub(super) const VIRTUALS: usize = 4;
pub(super) const REALS: usize = 4;
pub(super) const DIPS: usize = 3;
const URLS: usize = 4;
pub(super) const NODES: usize = VIRTUALS + REALS + DIPS + URLS;

pub(super) fn recipes() -> impl Strategy<Value = Recipe> {
    let list = |n| prop::collection::vec(any::<u8>(), n);
    (
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), VIRTUALS),
        list(VIRTUALS),
        prop::collection::vec(prop::option::of(any::<u8>()), NODES),
        prop::collection::vec(prop::option::of(any::<u8>()), URLS),
        prop::collection::vec(prop_oneof![1 => Just(0u16), 5 => 1u16..5], NODES),
        prop::collection::vec(
            prop_oneof![3 => Just(None), 1 => (0u32..2).prop_map(Some)],
            NODES,
        ),
        list(NODES),
        list(NODES),
    )
        .prop_map(
            |(bound, predictors, backups, links, weights, most, intents, health)| Recipe {
                bound,
                predictors,
                backups,
                links,
                weights,
                most,
                intents,
                health,
            },
        )
}

pub(super) fn names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let ends = [
            ("1.0.0.", VIRTUALS),
            ("2.0.0.", REALS),
            ("3.0.0.", DIPS),
            ("u", URLS),
        ];
        let names = ends
            .iter()
            .flat_map(|(stem, n)| (0..*n).map(move |i| format!("{stem}{i}")));
        names.collect()
    });
    &NAMES
}

pub(super) fn cook(recipe: &Recipe) -> (Builder, Facts) {
    let names = names();
    let mut b = Builder::default();
    for (i, name) in names.iter().enumerate() {
        b = match i {
            _ if i < VIRTUALS => b.virtuals(&[name]),
            _ if i < VIRTUALS + REALS => b.reals(&[name]),
            _ if i < VIRTUALS + REALS + DIPS => b.dips(&[name]),
            _ => b.url(name, &format!("http://{name}.acme.com/%d")),
        };
    }
    for (v, bound) in recipe.bound.iter().enumerate() {
        let mut targets: Vec<usize> = bound.iter().map(|&t| t as usize % NODES).collect();
        let mut seen = [false; NODES];
        targets.retain(|&t| t != v && !std::mem::replace(&mut seen[t], true));
        let targets: Vec<&str> = targets.iter().map(|&t| names[t].as_str()).collect();
        let predictor = PREDICTORS[recipe.predictors[v] as usize % PREDICTORS.len()];
        b = b.bind(&names[v], &targets).predictor(&names[v], predictor);
    }
    let mut facts = Facts::default();
    for i in 0..NODES {
        if let Some(backup) = recipe.backups[i] {
            b = b.backup(&names[i], &names[backup as usize % NODES]);
        }
        let intent = match recipe.intents[i] {
            0..200 => Intent::InService,
            200..215 => Intent::Sticky,
            215..230 => Intent::OutOfService,
            230..240 => Intent::Maintenance,
            _ => Intent::Failed,
        };
        b = b.intent(&names[i], intent);
        if i >= VIRTUALS {
            b = b.weight(&names[i], recipe.weights[i]);
        }
        if (VIRTUALS..VIRTUALS + REALS + DIPS).contains(&i) {
            b.serving_of(&names[i]).maxconns = recipe.most[i];
            let health = match recipe.health[i] {
                0..150 => Health::Up,
                150..230 => Health::Failed,
                _ => Health::Testing,
            };
            facts.measured.insert(id(&names[i]), health.into());
        }
    }
    for (u, link) in recipe.links.iter().enumerate() {
        if let Some(link) = link {
            let to = *link as usize % (VIRTUALS + DIPS);
            let to = if to < VIRTUALS { to } else { to + REALS };
            b = b.link(&format!("u{u}"), &names[to]);
        }
    }
    (b, facts)
}

/// Where requests come in: virtuals and dips.
pub(super) fn doors() -> Vec<String> {
    let names = names();
    let dips = names[VIRTUALS + REALS..].iter().take(DIPS);
    names[..VIRTUALS].iter().chain(dips).cloned().collect()
}

/// The state of the world as the laws see it, read from the model alone.
pub(super) struct Oracle<'a> {
    pub(super) model: &'a Model,
    pub(super) facts: &'a Facts,
    pub(super) loads: &'a Loads,
    pub(super) snapshot: &'a Snapshot,
}

impl Oracle<'_> {
    pub(super) fn health(&self, id: Endpoint) -> Health {
        self.facts
            .measured
            .get(&Id::Endpoint(id))
            .map_or(Health::Up, |m| m.health)
    }

    pub(super) fn room(&self, id: Endpoint, serving: &Serving) -> bool {
        let node = self.snapshot.node(&Id::Endpoint(id)).expect("a node");
        serving
            .maxconns
            .is_none_or(|most| self.loads.gauges(node).connections() < most)
    }

    pub(super) fn intent(&self, r: Ref) -> Intent {
        match r {
            Ref::Virtual(i) => self.model.virtuals[i as usize].intent,
            Ref::Real(i) => self.model.reals[i as usize].intent,
            Ref::Dip(i) => self.model.dips[i as usize].real_intent,
            Ref::Url(i) => self.model.urls[i as usize].intent,
        }
    }

    /// Usable now, for a new client; `trial`: one on trial counts.
    pub(super) fn usable(&self, r: Ref, trial: bool) -> bool {
        let serving = |id, serving| {
            let health = self.health(id);
            self.room(id, serving) && (health == Health::Up || trial && health == Health::Testing)
        };
        self.intent(r) == Intent::InService
            && match r {
                Ref::Real(i) => {
                    let real = &self.model.reals[i as usize];
                    serving(real.id, &real.serving)
                }
                Ref::Dip(i) => {
                    let dip = &self.model.dips[i as usize];
                    serving(dip.id, &dip.serving)
                }
                Ref::Url(i) => match self.model.urls[i as usize].link {
                    Some(Ref::Virtual(v)) => self.intent(Ref::Virtual(v)) == Intent::InService,
                    Some(link) => self.usable(link, trial),
                    None => true,
                },
                Ref::Virtual(_) => true,
            }
    }

    pub(super) fn weight(&self, r: Ref) -> u16 {
        match r {
            Ref::Real(i) => self.model.reals[i as usize].serving.weight,
            Ref::Dip(i) => self.model.dips[i as usize].serving.weight,
            Ref::Url(i) => {
                let url = &self.model.urls[i as usize];
                url.link.map_or(url.weight, |link| self.weight(link))
            }
            Ref::Virtual(_) => 1,
        }
    }

    /// A server or unlinked url bound to virtual `v` itself that must be found.
    pub(super) fn must_find(&self, v: usize) -> bool {
        let virtual_ = &self.model.virtuals[v];
        let taken_by_url =
            |t: Ref| self.model.urls.iter().filter(|u| u.link == Some(t)).count() == 1;
        virtual_.intent == Intent::InService
            && virtual_.targets.iter().any(|&t| {
                let simple = match t {
                    Ref::Real(_) => true,
                    Ref::Dip(_) => !taken_by_url(t),
                    Ref::Url(i) => self.model.urls[i as usize].link.is_none(),
                    Ref::Virtual(_) => false,
                };
                simple && self.weight(t) > 0 && self.usable(t, false)
            })
    }

    pub(super) fn of(&self, node: NodeIndex) -> Ref {
        let id = self.snapshot.id(node);
        let position = names()
            .iter()
            .position(|n| super::id(n) == *id)
            .expect("a name") as u32;
        let (v, r, d) = (VIRTUALS as u32, REALS as u32, DIPS as u32);
        match position {
            p if p < v => Ref::Virtual(p),
            p if p < v + r => Ref::Real(p - v),
            p if p < v + r + d => Ref::Dip(p - v - r),
            p => Ref::Url(p - v - r - d),
        }
    }
}
