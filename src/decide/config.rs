//! The model as flat tables: what of a snapshot no measurement changes.

use std::collections::HashMap;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::care::{Care, LastResort, Minded, Names};
use super::graph::Graph;
use super::location::Authority;
use super::predictors::HashTable;
use super::quick::Quick;
use crate::model::{
    AllDown, Code, Endpoint, Globals, Id, Intent, Model, Predictor, Priority, Queue, Ref, Serving,
    Template,
};

/// No node.
pub(super) const NONE: u32 = u32::MAX;

/// No limit on connections.
pub(super) const UNLIMITED: u32 = u32::MAX;

/// Buckets of all hash tables together: a virtual of few servers has its 16,384 up to 128 such virtuals, then half of them, and so on.
const HASH_BUDGET: usize = 1 << 21;

/// Places of all weighted schedules together.
const SCHEDULE_BUDGET: usize = 1 << 22;

/// Places of one weighted schedule.
const SCHEDULE_LONGEST: usize = 1 << 17;

/// The four kinds of nodes, in the order of their indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Virtual,
    Real,
    Dip,
    Url,
}

/// A virtual's own settings.
#[derive(Debug)]
pub(super) struct VirtualConfig {
    pub(super) targets: Box<[u32]>,
    pub(super) predictor: Predictor,
    pub(super) keepalive: bool,
    pub(super) queue: Option<Queue>,
    pub(super) proxy_protocol: bool,
    pub(super) http2: bool,
    /// The priorities of its slots, each once, the highest first.
    pub(super) priorities: Box<[Priority]>,
    /// What it knows beyond its predictor; `None`: nothing, and the walk is the plain one.
    pub(super) care: Option<Box<Care>>,
    /// Where it goes when every server is down.
    pub(super) all_down: LastResort,
    /// Makes the hashes of one client differ from virtual to virtual: nested ones would else see few of their buckets.
    pub(super) salt: u64,
    pub(super) table: Option<Arc<HashTable>>,
}

impl VirtualConfig {
    /// Where the priority of its `k`-th slot stands among `priorities`.
    pub(super) fn rank(&self, config: &Config, k: u32) -> usize {
        if self.priorities.len() == 1 {
            return 0;
        }
        let priority = config.priority_of(self.targets[k as usize]);
        let rank = self.priorities.iter().position(|p| *p == priority);
        rank.unwrap_or(0)
    }
}

/// A url's own settings.
#[derive(Debug)]
pub(super) struct UrlConfig {
    pub(super) template: Template,
    pub(super) code: Option<Code>,
    pub(super) authority: Authority,
    pub(super) decay_s: u32,
}

/// The tables, by node unless said otherwise.
#[derive(Debug)]
pub(super) struct Config {
    pub(super) ids: Box<[Id]>,
    by_id: HashMap<Id, u32, Quick>,
    listens: HashMap<Endpoint, u32, Quick>,
    passes: HashMap<Endpoint, u32, Quick>,
    reals_from: u32,
    dips_from: u32,
    pub(super) urls_from: u32,
    /// Of a dip the worse one of its halves.
    pub(super) intent: Box<[Intent]>,
    pub(super) backup: Box<[u32]>,
    /// Of a url what it is linked to.
    pub(super) link: Box<[u32]>,
    /// Of a dip or virtual the only url that is linked to it.
    pub(super) redirector: Box<[u32]>,
    pub(super) weight: Box<[u16]>,
    /// Of a virtual the sum over its targets, whatever their health.
    pub(super) nominal: Box<[u64]>,
    pub(super) maxconns: Box<[u32]>,
    /// Clients at most; 0: no limit.
    pub(super) capacity: Box<[u32]>,
    priority: Box<[Priority]>,
    /// Of a dip the seconds of a promise, of a url that is linked to nothing its time constant; 0 where nobody would
    /// read what is counted.
    pub(super) remembers_s: Box<[u32]>,
    /// Of a dip the first virtual that passes clients on when it is near its limit, and the url by which that leads here.
    pub(super) bouncers: HashMap<u32, (u32, u32), Quick>,
    linked_from: Box<[u32]>,
    linked: Box<[u32]>,
    /// Some virtual goes back to the servers that were usable last.
    pub(super) last_good: bool,
    pub(super) names: Names,
    pub(super) minded: Minded,
    pub(super) globals: Globals,
    /// Queue and PROXY protocol of dips.
    dips: Box<[(Option<Queue>, bool, bool)]>,
    /// Of reals, then dips.
    servings: Box<[Serving]>,
    upstreams: Box<[Endpoint]>,
    urls: Box<[UrlConfig]>,
    pub(super) virtuals: Box<[VirtualConfig]>,
    pub(super) graph: Graph,
    /// The longest weighted schedule that a virtual of this model may have, in places.
    pub(super) schedule_longest: usize,
}

impl Config {
    /// Flattens `model`; hash tables that would come out the same are taken from `before`.
    pub(super) fn new(model: &Model, secret: [u8; 32], before: Option<&Config>) -> Config {
        let reals_from = model.virtuals.len() as u32;
        let dips_from = reals_from + model.reals.len() as u32;
        let urls_from = dips_from + model.dips.len() as u32;
        let node = |r: Ref| match r {
            Ref::Virtual(i) => i,
            Ref::Real(i) => reals_from + i,
            Ref::Dip(i) => dips_from + i,
            Ref::Url(i) => urls_from + i,
        };
        let maybe = |r: Option<Ref>| r.map_or(NONE, node);
        let count = urls_from as usize + model.urls.len();

        let mut ids = Vec::with_capacity(count);
        let mut intent = Vec::with_capacity(count);
        let mut backup = Vec::with_capacity(count);
        let mut weight = Vec::with_capacity(count);
        let mut maxconns = Vec::with_capacity(count);
        let mut capacity = Vec::with_capacity(count);
        let mut priority = Vec::with_capacity(count);
        let mut link = vec![NONE; count];
        let mut servings = Vec::with_capacity(model.reals.len() + model.dips.len());
        let mut upstreams = Vec::with_capacity(servings.capacity());
        let mut listens = HashMap::default();

        for v in &model.virtuals {
            for &at in std::iter::once(&v.id).chain(&v.listens) {
                listens.entry(at).or_insert(ids.len() as u32);
            }
            ids.push(Id::Endpoint(v.id));
            intent.push(v.intent);
            backup.push(maybe(v.backup));
            weight.push(1);
            maxconns.push(UNLIMITED);
            capacity.push(0);
            priority.push(Priority::default());
        }
        let reals = model
            .reals
            .iter()
            .map(|r| (r.id, r.id, r.intent, &r.serving));
        let dips = model.dips.iter().map(|d| {
            let worse = d.virtual_intent.worse(d.real_intent);
            (d.id, d.real, worse, &d.serving)
        });
        for (id, upstream, wanted, serving) in reals.chain(dips) {
            ids.push(Id::Endpoint(id));
            intent.push(wanted);
            backup.push(maybe(serving.backup));
            weight.push(serving.weight);
            maxconns.push(serving.maxconns.unwrap_or(UNLIMITED));
            capacity.push(serving.capacity.unwrap_or(0));
            priority.push(serving.priority);
            servings.push(serving.clone());
            upstreams.push(upstream);
        }
        for (i, d) in model.dips.iter().enumerate() {
            for &at in std::iter::once(&d.id).chain(&d.listens) {
                listens.entry(at).or_insert(dips_from + i as u32);
            }
        }
        let passes = (dips_from..).zip(&model.dips);
        let passes = passes.flat_map(|(n, dip)| dip.passed().map(move |at| (at, n)));
        let passes = passes.collect();
        let mut linked = vec![0u32; count];
        let mut redirector = vec![NONE; count];
        let mut urls = Vec::with_capacity(model.urls.len());
        for u in &model.urls {
            let at = ids.len() as u32;
            ids.push(Id::Url(u.id.clone()));
            intent.push(u.intent);
            backup.push(maybe(u.backup));
            weight.push(u.weight);
            maxconns.push(u.maxconns.unwrap_or(UNLIMITED));
            capacity.push(u.capacity.unwrap_or(0));
            priority.push(u.priority);
            if let Some(to) = u.link {
                let to = node(to);
                link[at as usize] = to;
                linked[to as usize] += 1;
                redirector[to as usize] = at;
            }
            urls.push(UrlConfig {
                template: u.template.clone(),
                code: u.code,
                authority: Authority::new(&u.template),
                decay_s: u.decay_s,
            });
        }
        let (linked_from, by_link) = listed(&link);
        for (only, linked) in redirector.iter_mut().zip(&linked) {
            if *linked != 1 {
                *only = NONE;
            }
        }

        let virtuals: Box<[VirtualConfig]> = model
            .virtuals
            .iter()
            .map(|v| VirtualConfig {
                targets: v.targets.iter().map(|&t| node(t)).collect(),
                predictor: v.predictor,
                keepalive: v.keepalive,
                queue: v.queue,
                proxy_protocol: v.proxy_protocol,
                http2: v.http2,
                priorities: Box::new([Priority::default()]),
                care: None,
                all_down: match v.all_down {
                    AllDown::Refuse => LastResort::Refuse,
                    AllDown::LastGood => LastResort::LastGood,
                    AllDown::Url(url) => LastResort::Url(node(url)),
                },
                salt: xxh3_64(v.id.to_string().as_bytes()),
                table: None,
            })
            .collect();
        let weighted = model.virtuals.iter();
        let weighted = weighted
            .filter(|v| v.predictor == Predictor::Weighted)
            .count();
        let by_id = ids.iter().cloned().zip(0u32..).collect();
        let graph = Graph::new(count, |n, edges| {
            if let Some(v) = virtuals.get(n as usize) {
                for &t in &v.targets {
                    // A slot that its target's url takes does not ask the target itself, but still its backups.
                    if redirector[t as usize] == NONE {
                        edges.push(t);
                    } else {
                        edges.push(redirector[t as usize]);
                        edges.push(backup[t as usize]);
                    }
                }
            }
            edges.push(link[n as usize]);
            edges.push(backup[n as usize]);
            edges.retain(|&e| e != NONE);
        });
        let mut config = Config {
            ids: ids.into(),
            by_id,
            listens,
            passes,
            reals_from,
            dips_from,
            urls_from,
            intent: intent.into(),
            backup: backup.into(),
            link: link.into(),
            redirector: redirector.into(),
            weight: weight.into(),
            nominal: vec![0; model.virtuals.len()].into(),
            maxconns: maxconns.into(),
            capacity: capacity.into(),
            priority: priority.into(),
            remembers_s: vec![0; count].into(),
            bouncers: HashMap::default(),
            linked_from,
            linked: by_link,
            last_good: model
                .virtuals
                .iter()
                .any(|v| v.all_down == AllDown::LastGood),
            names: Names::new(model, secret),
            minded: Minded::default(),
            globals: model.globals.clone(),
            dips: model
                .dips
                .iter()
                .map(|d| (d.queue, d.proxy_protocol, d.http2))
                .collect(),
            servings: servings.into(),
            upstreams: upstreams.into(),
            urls: urls.into(),
            virtuals,
            graph,
            schedule_longest: (SCHEDULE_BUDGET / weighted.max(1)).min(SCHEDULE_LONGEST),
        };
        config.sum_weights();
        config.build_tables(before);
        config.take_care(model);
        config
    }

    /// Fills `nominal`, from the leaves up.
    fn sum_weights(&mut self) {
        for scc in 0..self.graph.components() {
            for i in self.graph.members(scc) {
                let v = self.graph.order[i];
                if let Some(config) = self.virtuals.get(v as usize) {
                    let targets = config.targets.iter();
                    let sum = targets.map(|&t| self.weight_at(v, t, &self.nominal)).sum();
                    self.nominal[v as usize] = sum;
                }
            }
        }
    }

    /// The weight that `node` brings along as a target of `at`, in hundredths; `sums` has those of virtuals.
    ///
    /// A virtual that in turn leads back to `at` counts 1: its sum would contain itself.
    pub(super) fn weight_at(&self, at: u32, node: u32, sums: &[u64]) -> u64 {
        let bearer = self.bearer(node);
        if self.kind(bearer) != Kind::Virtual {
            u64::from(self.weight[bearer as usize]) * 100
        } else if self.graph.component[bearer as usize] == self.graph.component[at as usize] {
            100
        } else {
            sums[bearer as usize]
        }
    }

    fn build_tables(&mut self, before: Option<&Config>) {
        let hashes = |v: &VirtualConfig| matches!(v.predictor, Predictor::Hash(_));
        let whole: usize = self
            .virtuals
            .iter()
            .filter(|v| hashes(v))
            .map(|v| HashTable::buckets(v.targets.len()))
            .sum();
        let shrink = whole.div_ceil(HASH_BUDGET).next_power_of_two();
        for v in 0..self.virtuals.len() {
            if !hashes(&self.virtuals[v]) {
                continue;
            }
            let targets = &self.virtuals[v].targets;
            let slots: Vec<(u64, u64)> = targets
                .iter()
                .map(|&t| {
                    let seed = xxh3_64(self.ids[t as usize].to_string().as_bytes());
                    (seed, self.weight_at(v as u32, t, &self.nominal) / 100)
                })
                .collect();
            let buckets = (HashTable::buckets(targets.len()) / shrink).max(256);
            let same = before
                .and_then(|b| Some(&b.virtuals.get(b.find(&self.ids[v])? as usize)?.table))
                .and_then(|t| t.as_ref())
                .filter(|t| t.is_of(buckets, &slots));
            let table = match same {
                Some(table) => Arc::clone(table),
                None => Arc::new(HashTable::new(buckets, slots)),
            };
            self.virtuals[v].table = Some(table);
        }
    }

    pub(super) fn kind(&self, node: u32) -> Kind {
        if node >= self.urls_from {
            Kind::Url
        } else if node < self.reals_from {
            Kind::Virtual
        } else if node < self.dips_from {
            Kind::Real
        } else {
            Kind::Dip
        }
    }

    pub(super) fn find(&self, id: &Id) -> Option<u32> {
        self.by_id.get(id).copied()
    }

    pub(super) fn listener(&self, at: Endpoint) -> Option<u32> {
        self.listens.get(&at).copied()
    }

    pub(super) fn passed(&self, at: Endpoint) -> Option<u32> {
        self.passes.get(&at).copied()
    }

    /// Settings of a real or dip.
    pub(super) fn serving(&self, server: u32) -> &Serving {
        &self.servings[(server - self.reals_from) as usize]
    }

    pub(super) fn upstream(&self, server: u32) -> Endpoint {
        self.upstreams[(server - self.reals_from) as usize]
    }

    pub(super) fn url(&self, url: u32) -> &UrlConfig {
        &self.urls[(url - self.urls_from) as usize]
    }

    /// Whose state, weight and count are a node's: what it is linked to, or itself.
    pub(super) fn bearer(&self, node: u32) -> u32 {
        match self.link[node as usize] {
            NONE => node,
            link => link,
        }
    }

    /// The priority of a target: a linked server's wins over its url's own.
    pub(super) fn priority_of(&self, target: u32) -> Priority {
        let bearer = self.bearer(target);
        match self.kind(bearer) {
            Kind::Virtual => self.priority[target as usize],
            _ => self.priority[bearer as usize],
        }
    }

    /// The urls that are linked to a dip or virtual.
    pub(super) fn linked(&self, node: u32) -> &[u32] {
        let n = node as usize;
        &self.linked[self.linked_from[n] as usize..self.linked_from[n + 1] as usize]
    }

    /// Queue, PROXY protocol and HTTP/2 of a virtual or dip.
    pub(super) fn door(&self, at: u32) -> (Option<Queue>, bool, bool) {
        match self.kind(at) {
            Kind::Virtual => {
                let settings = &self.virtuals[at as usize];
                (settings.queue, settings.proxy_protocol, settings.http2)
            }
            Kind::Dip => self.dips[(at - self.dips_from) as usize],
            Kind::Real | Kind::Url => (None, false, false),
        }
    }

    pub(super) fn count(&self) -> u32 {
        self.ids.len() as u32
    }

    /// What the slot of `target` asks first: the only url linked to it, or itself.
    pub(super) fn front(&self, target: u32) -> u32 {
        match self.redirector[target as usize] {
            NONE => target,
            url => url,
        }
    }
}

/// For each node those whose entry in `to` it is.
fn listed(to: &[u32]) -> (Box<[u32]>, Box<[u32]>) {
    let mut from = vec![0u32; to.len() + 1];
    for &t in to.iter().filter(|t| **t != NONE) {
        from[t as usize + 1] += 1;
    }
    for i in 0..to.len() {
        from[i + 1] += from[i];
    }
    let mut pairs: Vec<(u32, u32)> = (0u32..).zip(to).map(|(n, &t)| (t, n)).collect();
    pairs.retain(|(t, _)| *t != NONE);
    pairs.sort_unstable();
    (from.into(), pairs.into_iter().map(|(_, n)| n).collect())
}
