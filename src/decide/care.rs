//! What a virtual knows beyond its predictor: its clients, its servers' limits, and what to do when all are down.

use std::collections::{HashMap, HashSet, VecDeque};

use super::config::{Config, Kind, NONE, UNLIMITED};
use super::quick::Quick;
use super::{Keys, Minds};
use crate::model::{
    Bounce, BounceBack, Model, Piece, Predictor, Priority, ProbeKind, Sticky, StickyBy,
};

/// The cookie of a virtual that names none.
pub const TICKET_COOKIE: &str = "signpost";

/// Servers that are remembered as reachable, over all sticky virtuals; of further ones only what is bound itself.
const REACH_BUDGET: usize = 1 << 22;

/// The care that one virtual takes.
#[derive(Debug, Default)]
pub(super) struct Care {
    pub(super) sticky: Option<StickyConfig>,
    pub(super) bounce: Option<Bounce>,
    pub(super) bounceback: Option<BounceBack>,
    /// 0: off.
    pub(super) slowstart_ms: u64,
    /// Clients go back to their first server.
    pub(super) returns: bool,
}

/// How clients of a virtual are kept.
#[derive(Debug)]
pub(super) struct StickyConfig {
    pub(super) minutes: u32,
    pub(super) by: By,
    /// Every server that the virtual may come to, and how.
    reach: HashMap<u32, Via, Quick>,
}

/// What tells one client from another.
#[derive(Debug)]
pub(super) enum By {
    Source {
        v6_prefix: u8,
    },
    Cookie(Box<str>),
    /// The urls by their authority, in lower case and without their scheme's own port.
    Referer(HashMap<Box<str>, u32>),
}

/// How a virtual comes to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Via {
    /// Through this slot.
    pub(super) slot: u32,
    /// Bound to this virtual, or a backup of what is.
    pub(super) within: u32,
}

/// Where a virtual goes when every server is down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LastResort {
    Refuse,
    LastGood,
    Url(u32),
}

/// Servers by the names that tickets call them.
#[derive(Debug)]
pub(super) struct Names {
    pub(super) keys: Keys,
    /// Keys the table of sticky clients.
    pub(super) secret: [u8; 32],
    /// Of each node by the signing key; empty where no virtual gives tickets.
    of: Box<[u64]>,
    by: HashMap<(u8, u64), u32, Quick>,
}

/// What the virtual or dip that is asked wants to know of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Mind {
    /// The virtual whose cookie it is.
    cookie: u32,
    referer: bool,
    reload: bool,
}

/// Of the nodes that want to know anything.
#[derive(Debug, Default)]
pub(super) struct Minded(HashMap<u32, Mind, Quick>);

impl Care {
    /// How clients are kept, where they are remembered: who is new can be told then.
    pub(super) fn remembers(&self) -> Option<&StickyConfig> {
        let remembers = |s: &&StickyConfig| !matches!(s.by, By::Referer(_));
        self.sticky.as_ref().filter(remembers)
    }
}

impl StickyConfig {
    pub(super) fn via(&self, server: u32) -> Option<Via> {
        self.reach.get(&server).copied()
    }

    pub(super) fn idle_ms(&self) -> u64 {
        u64::from(self.minutes) * 60_000
    }
}

impl Names {
    pub(super) fn new(model: &Model, secret: [u8; 32]) -> Names {
        Names {
            keys: Keys::new(&model.globals.ticket_keys, secret),
            secret,
            of: [].into(),
            by: HashMap::default(),
        }
    }

    /// The name of a node by the key that signs.
    pub(super) fn of(&self, node: u32) -> u64 {
        self.of.get(node as usize).copied().unwrap_or(0)
    }

    /// The node of a name.
    pub(super) fn find(&self, key: u8, name: u64) -> Option<u32> {
        self.by.get(&(key, name)).copied()
    }
}

impl Config {
    /// Compiles what virtuals know beyond their predictor.
    pub(super) fn take_care(&mut self, model: &Model) {
        let mut budget = REACH_BUDGET;
        for (v, settings) in model.virtuals.iter().enumerate() {
            self.virtuals[v].priorities = self.priorities(v);
            let care = Care {
                sticky: settings
                    .sticky
                    .as_ref()
                    .map(|sticky| self.sticky(v as u32, sticky, &mut budget)),
                bounce: settings.bounce,
                bounceback: settings.bounceback,
                slowstart_ms: u64::from(settings.slowstart_s) * 1_000,
                returns: settings.returns,
            };
            let any = care.sticky.is_some()
                || care.bounce.is_some()
                || care.bounceback.is_some()
                || care.slowstart_ms > 0;
            self.virtuals[v].care = any.then(|| Box::new(care));
        }
        self.name_servers(model);
        self.remember_loads(model);
        self.bounce_dips();
        self.minded = self.mind();
    }

    fn priorities(&self, v: usize) -> Box<[Priority]> {
        let targets = self.virtuals[v].targets.iter();
        let mut found: Vec<Priority> = targets.map(|&t| self.priority_of(t)).collect();
        found.sort_unstable();
        found.dedup();
        if found.is_empty() {
            found.push(Priority::default());
        }
        found.into()
    }

    fn sticky(&self, v: u32, sticky: &Sticky, budget: &mut usize) -> StickyConfig {
        let reach = self.reach(v, *budget);
        *budget = budget.saturating_sub(reach.len());
        let by = match &sticky.by {
            StickyBy::Source { v6_prefix } => By::Source {
                v6_prefix: *v6_prefix,
            },
            StickyBy::Cookie(name) => By::Cookie(name.as_deref().unwrap_or(TICKET_COOKIE).into()),
            StickyBy::Referer => By::Referer(self.authorities(v)),
        };
        StickyConfig {
            minutes: sticky.minutes,
            by,
            reach,
        }
    }

    /// Every node that a walk may come to from virtual `v`: what is bound to it first, then the rest, near before far.
    fn reach(&self, v: u32, budget: usize) -> HashMap<u32, Via, Quick> {
        let mut reach: HashMap<u32, Via, Quick> = HashMap::default();
        let mut open = VecDeque::from([(v, NONE)]);
        let mut chained: HashSet<u32, Quick> = HashSet::default();
        while let Some((w, slot)) = open.pop_front() {
            let targets = &self.virtuals[w as usize].targets;
            let via = |k| Via {
                slot: if slot == NONE { k } else { slot },
                within: w,
            };
            let mut enter = |reach: &mut HashMap<_, _, _>, node: u32, via: Via| {
                if node != v && !reach.contains_key(&node) {
                    reach.insert(node, via);
                    if self.kind(node) == Kind::Virtual {
                        open.push_back((node, via.slot));
                    }
                }
            };
            for (k, &t) in (0..).zip(targets) {
                enter(&mut reach, self.front(t), via(k));
            }
            for (k, &t) in (0..).zip(targets) {
                let mut at = self.backup[t as usize];
                while at != NONE && reach.len() < budget && chained.insert(at) {
                    enter(&mut reach, at, via(k));
                    at = self.backup[at as usize];
                }
            }
            if reach.len() >= budget {
                break;
            }
        }
        reach
    }

    /// The urls that `v` is bound to, itself or by its dips, by their authority, where that is the same for everybody.
    fn authorities(&self, v: u32) -> HashMap<Box<str>, u32> {
        let mut found = HashMap::new();
        for &t in &self.virtuals[v as usize].targets {
            let url = self.front(t);
            if self.kind(url) != Kind::Url {
                continue;
            }
            let template = &self.url(url).template;
            if let [Piece::Literal(text)] = &*template.authority {
                let text = text.to_ascii_lowercase();
                let own = format!(":{}", template.scheme.default_port());
                let text = text.strip_suffix(&own).unwrap_or(&text);
                let text = text.strip_suffix(':').unwrap_or(text);
                found.entry(text.into()).or_insert(url);
            }
        }
        found
    }

    fn name_servers(&mut self, model: &Model) {
        let gives = |s: &Sticky| matches!(s.by, StickyBy::Cookie(_));
        let mut virtuals = model.virtuals.iter();
        if !virtuals.any(|v| v.sticky.as_ref().is_some_and(gives)) {
            return;
        }
        let keys = &self.names.keys;
        let mut by = HashMap::default();
        let configured = model.globals.ticket_keys.iter().map(|key| key.id);
        let ids = configured.chain(model.globals.ticket_keys.is_empty().then_some(0));
        for key in ids {
            for (node, id) in (0u32..).zip(&self.ids) {
                by.entry((key, keys.name(key, id))).or_insert(node);
            }
        }
        let signing = keys.signing();
        let of = self.ids.iter().map(|id| keys.name(signing, id)).collect();
        (self.names.of, self.names.by) = (of, by);
    }

    /// Promises and redirects are counted where a predictor, a limit or a virtual that bounces reads them.
    fn remember_loads(&mut self, model: &Model) {
        let all = model.virtuals.iter().any(|v| {
            matches!(v.predictor, Predictor::LeastConns | Predictor::Loaded)
                || v.bounce.is_some()
                || v.bounceback.is_some()
        });
        let agents = |probes: &[u32]| {
            let mut probes = probes.iter();
            probes.any(|&p| matches!(model.probes[p as usize].kind, ProbeKind::Agent))
        };
        for n in 0..self.count() {
            let limited = self.maxconns[n as usize] != UNLIMITED || self.capacity[n as usize] > 0;
            self.remembers_s[n as usize] = match self.kind(n) {
                Kind::Dip => {
                    let serving = self.serving(n);
                    let read = all || limited || agents(&serving.probes);
                    if read { serving.promise_s } else { 0 }
                }
                Kind::Url if self.link[n as usize] == NONE => {
                    let read =
                        all || limited || agents(&model.urls[(n - self.urls_from) as usize].probes);
                    if read { self.url(n).decay_s } else { 0 }
                }
                _ => 0,
            };
        }
    }

    fn bounce_dips(&mut self) {
        for v in 0..self.virtuals.len() {
            let settings = &self.virtuals[v];
            let Some(care) = &settings.care else { continue };
            if care.bounce.is_none() {
                continue;
            }
            for k in 0..settings.targets.len() {
                let url = self.front(self.virtuals[v].targets[k]);
                let dip = self.link[url as usize];
                if dip != NONE && self.kind(dip) == Kind::Dip {
                    self.bouncers.entry(dip).or_insert((v as u32, url));
                }
            }
        }
    }

    /// What each virtual wants to know, and through it those that may lead there.
    fn mind(&self) -> Minded {
        let mut minded: HashMap<u32, Mind, Quick> = HashMap::default();
        let mut open = VecDeque::new();
        for (v, settings) in (0u32..).zip(&self.virtuals) {
            let Some(care) = &settings.care else { continue };
            let by = care.sticky.as_ref().map(|s| &s.by);
            let own = Mind {
                cookie: if matches!(by, Some(By::Cookie(_))) {
                    v
                } else {
                    NONE
                },
                referer: matches!(by, Some(By::Referer(_))),
                reload: care.bounceback.is_some(),
            };
            if own != Mind::NOTHING {
                minded.insert(v, own);
                open.push_back(v);
            }
        }
        for (&dip, (v, _)) in &self.bouncers {
            if let Some(mind) = minded.get(v) {
                let cookie = mind.cookie;
                minded.insert(
                    dip,
                    Mind {
                        cookie,
                        ..Mind::NOTHING
                    },
                );
            }
        }
        while let Some(n) = open.pop_front() {
            let below = minded[&n];
            for &user in self.graph.users(n) {
                if self.kind(user) == Kind::Url && self.backup[user as usize] != n {
                    continue;
                }
                let mind = minded.entry(user).or_insert(Mind::NOTHING);
                let before = *mind;
                if mind.cookie == NONE {
                    mind.cookie = below.cookie;
                }
                mind.referer |= below.referer;
                mind.reload |= below.reload;
                if *mind != before {
                    open.push_back(user);
                }
            }
        }
        Minded(minded)
    }

    pub(super) fn minds(&self, at: u32) -> Minds<'_> {
        let Some(mind) = self.minded.0.get(&at) else {
            return Minds::default();
        };
        Minds {
            cookie: self.cookie_of(mind.cookie),
            referer: mind.referer,
            reload: mind.reload,
        }
    }

    fn cookie_of(&self, v: u32) -> Option<&str> {
        match &self
            .virtuals
            .get(v as usize)?
            .care
            .as_ref()?
            .sticky
            .as_ref()?
            .by
        {
            By::Cookie(name) => Some(name),
            By::Source { .. } | By::Referer(_) => None,
        }
    }

    /// The virtual whose cookie the virtual or dip `at` reads.
    pub(super) fn cookie_reader(&self, at: u32) -> Option<u32> {
        let mind = self.minded.0.get(&at)?;
        Some(mind.cookie).filter(|v| *v != NONE)
    }

    /// How long the cookie of the virtual or dip at `at` lives, in minutes.
    pub(super) fn ticket_minutes(&self, at: u32) -> Option<u32> {
        let v = self.cookie_reader(at)?;
        let care = self.virtuals[v as usize].care.as_ref()?;
        Some(care.sticky.as_ref()?.minutes)
    }
}

impl Mind {
    const NOTHING: Mind = Mind {
        cookie: NONE,
        referer: false,
        reload: false,
    };
}
