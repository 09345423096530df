//! A scene, made of what workers, writer and snapshot know.

use std::collections::HashMap;
use std::sync::Arc;

use jiff::tz::TimeZone;

use super::Seen;
use super::memory::Memory;
use crate::console::{
    About, CertificateSeen, DipSeen, Inherited, Last, Own, ProbeSeen, Scene, Server, ServingSeen,
    Sounded, Totals, UrlSeen, UserSeen, VirtualSeen, Zone,
};
use crate::control::{Door, Farm, Kind, Live};
use crate::decide::{Gauges, Measured, Millis, NodeIndex};
use crate::health::State;
use crate::model;
use crate::model::{
    Dip, Endpoint, Id, Intent, Limit, Model, Priority, Ref, Serving, StickyBy, Url, User, Virtual,
};
use crate::telemetry::{Counts, Row};

/// What a scene is made of.
pub(super) struct Pieces<'a> {
    pub(super) farm: &'a Farm,
    pub(super) live: &'a Live,
    pub(super) model: &'a Model,
    pub(super) counts: &'a Counts,
    pub(super) memory: &'a Memory,
    pub(super) now: Millis,
    /// What each probe came to at each server is asked for.
    pub(super) probed: bool,
}

/// Sums over what a virtual is bound to.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    connections: u64,
    promises: u64,
    weight: u64,
}

/// What is looked up again and again.
struct Tables<'a> {
    rows: HashMap<usize, &'a Row>,
    doors: HashMap<usize, &'a crate::telemetry::Door>,
    sums: Vec<Option<Sum>>,
    states: HashMap<Id, State>,
}

impl Pieces<'_> {
    /// How everything stands.
    pub(super) fn scene(&self, seen: Vec<Seen>) -> Scene {
        let mut tables = Tables {
            rows: self.counts.rows.iter().map(|r| (r.address(), r)).collect(),
            doors: (self.counts.doors.iter())
                .map(|d| (Arc::as_ptr(&d.at) as usize, d))
                .collect(),
            sums: vec![None; self.model.virtuals.len()],
            states: HashMap::new(),
        };
        for Seen { standing, .. } in &seen {
            if matches!(standing.kind, Kind::Virtual | Kind::Dip) {
                let state = standing.state.is;
                tables.states.insert(standing.id.clone(), state);
            }
        }
        let probes = self.probes(&seen);
        let refs = refs(self.model);
        let servers = refs
            .zip(seen)
            .map(|(at, seen)| self.server(at, seen, &mut tables));
        Scene {
            servers: servers.collect(),
            now: self.farm.time_of_day(self.now),
            zone: Zone(TimeZone::system()),
            names: self.model.names.clone(),
            users: self.model.globals.console.users.iter().map(user).collect(),
            totals: self.totals(),
            probes,
            ..Scene::default()
        }
    }

    /// The director itself.
    pub(super) fn tell_director(&self, scene: &mut Scene, doors: &[(Endpoint, Door)]) {
        let (limits, hits) = (&self.model.globals.limits, &self.counts.totals.hits);
        let seen = |limit: Limit| (limit, limits.of(limit), hits[limit as usize]);
        scene.limits = Limit::ALL.map(seen).to_vec();
        let word = |door: &Door| match door {
            Door::Virtual => "virtual",
            Door::Dip => "dip",
            Door::Pass => "pass",
            Door::Admin => "metrics",
            Door::Telnet => "console",
            Door::Ssh => "console ssh",
        };
        scene.director = About {
            hostname: self
                .model
                .hostname
                .as_deref()
                .unwrap_or("signpost")
                .to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            features: features(),
            process: std::process::id(),
            listeners: doors.iter().map(|(at, door)| (*at, word(door))).collect(),
            reloads: self.farm.ledger().reloads(),
            ..About::default()
        };
        scene.certificates = certificates(self.farm);
    }

    fn totals(&self) -> Totals {
        let (now, was) = (&self.counts.totals, self.memory.totals());
        let left = |(word, count): (&'static str, u64)| {
            let count = count.saturating_sub(self.memory.word(word));
            (count > 0).then_some((word, count))
        };
        let mut removed = now.gone_urls.since(&was.gone_urls);
        removed.merge(&now.gone_servers.since(&was.gone_servers));
        Totals {
            cleared: self.memory.cleared(),
            requests: now.requests.saturating_sub(was.requests),
            rate: self.memory.rate_in_all(now.requests, self.now),
            connected: now.connected.saturating_sub(was.connected),
            open: now.open(),
            waiting: now.waiting(),
            words: now.words().filter_map(left).collect(),
            removed: removed.words().collect(),
            lines: [0; 2],
        }
    }

    fn server(&self, at: Ref, seen: Seen, tables: &mut Tables<'_>) -> Server {
        let standing = seen.standing;
        let gauges = self.gauges(&standing.id);
        let address = gauges.map(|g| Arc::as_ptr(g) as usize).unwrap_or_default();
        let (row, door) = (tables.rows.get(&address), tables.doors.get(&address));
        let rate = match at {
            Ref::Virtual(_) | Ref::Dip(_) => door.and_then(|d| self.memory.rate_at(d, self.now)),
            Ref::Real(_) | Ref::Url(_) => row.and_then(|r| self.memory.rate(r, self.now)),
        };
        let looked = self.memory.looked_ms_ago(self.now).is_some();
        let numbers = row.map(|row| self.memory.numbers(row));
        let came = door.map(|door| self.memory.came(door));
        let sum = self.sum(at, &mut tables.sums);
        let common = Common::of(self.model, at);
        let time = |at: Millis| self.farm.time_of_day(at);
        let figures = standing
            .figures
            .into_iter()
            .filter(|f| &*f.source != "traffic");
        Server {
            kind: standing.kind,
            description: common.description.map(Into::into),
            intent: standing.intent.is,
            state: standing.state.is,
            since: time(standing.state.since),
            why: standing.state.why.into(),
            connections: sum.connections,
            promises: sum.promises,
            clients: gauges.map_or(0, |g| g.clients().into()),
            waiting: gauges.map_or(0, |g| g.waiting().into()),
            rate: rate.or(looked.then_some(0.0)),
            response_us: gauges.and_then(|g| g.response_micros(self.now)),
            numbers: numbers.unwrap_or_default(),
            came: came.unwrap_or_default(),
            backup: common.backup.map(|at| self.model.id(at)),
            probes: common
                .probes
                .iter()
                .filter_map(|n| self.probe_name(*n))
                .collect(),
            figures: figures
                .map(|f| (time(f.at), f))
                .map(|(at, f)| (f, at))
                .collect(),
            own: self.own(at, &standing.id, &standing.measured.is, tables),
            id: standing.id,
        }
    }

    fn probe_name(&self, n: u32) -> Option<Box<str>> {
        self.model.probes.get(n as usize).map(|p| p.name.clone())
    }

    fn node(&self, id: &Id) -> Option<NodeIndex> {
        self.live.snapshot.node(id)
    }

    fn gauges(&self, id: &Id) -> Option<&Arc<Gauges>> {
        self.node(id).map(|node| self.live.loads.gauges(node))
    }

    fn state(&self, intent: Intent, measured: &Measured, id: &Id) -> State {
        let Live { snapshot, loads } = self.live;
        let node = self.node(id);
        let full = node.is_some_and(|node| snapshot.is_full(loads, node, self.now));
        State::of(intent, measured, full)
    }

    /// What is open and promised at `at`: of a url at what it is linked to, of a virtual at what it is bound to.
    fn sum(&self, at: Ref, sums: &mut Vec<Option<Sum>>) -> Sum {
        let here = |weight: u16| {
            let gauges = self.gauges(&self.model.id(at));
            Sum {
                connections: gauges.map_or(0, |g| g.connections().into()),
                promises: gauges.map_or(0, |g| g.promises(self.now).into()),
                weight: weight.into(),
            }
        };
        match at {
            Ref::Real(n) => here(self.model.reals[n as usize].serving.weight),
            Ref::Dip(n) => here(self.model.dips[n as usize].serving.weight),
            Ref::Url(n) => {
                let url = &self.model.urls[n as usize];
                match url.link {
                    Some(link) => self.sum(link, sums),
                    None => here(url.weight),
                }
            }
            Ref::Virtual(n) => {
                if let Some(sum) = sums[n as usize] {
                    return sum;
                }
                // Should a virtual lead to itself, it counts for nothing there.
                sums[n as usize] = Some(Sum::default());
                let mut all = Sum::default();
                for target in &self.model.virtuals[n as usize].targets {
                    let one = self.sum(*target, sums);
                    all.connections += one.connections;
                    all.promises += one.promises;
                    all.weight += one.weight;
                }
                sums[n as usize] = Some(all);
                all
            }
        }
    }

    fn own(&self, at: Ref, id: &Id, measured: &Measured, tables: &mut Tables<'_>) -> Own {
        match at {
            Ref::Virtual(n) => Own::Virtual(self.virtual_seen(&self.model.virtuals[n as usize])),
            Ref::Real(n) => {
                let real = &self.model.reals[n as usize];
                Own::Real(serving(&real.serving, measured))
            }
            Ref::Dip(n) => Own::Dip(self.dip_seen(&self.model.dips[n as usize], id, measured)),
            Ref::Url(n) => {
                let url = &self.model.urls[n as usize];
                Own::Url(self.url_seen(url, id, measured, tables))
            }
        }
    }

    fn virtual_seen(&self, of: &Virtual) -> VirtualSeen {
        let target = |at: &Ref| (self.model.id(*at), kind(*at));
        let sticky = of.sticky.as_ref().map(|sticky| {
            let by = match &sticky.by {
                StickyBy::Source { .. } => "source".into(),
                StickyBy::Cookie(None) => "cookie".into(),
                StickyBy::Cookie(Some(name)) => format!("cookie {name}").into(),
                StickyBy::Referer => "referer".into(),
            };
            (sticky.minutes, by)
        });
        VirtualSeen {
            listens: of.listens.clone(),
            targets: of.targets.iter().map(target).collect(),
            predictor: of.predictor.as_str().into(),
            slowstart_s: of.slowstart_s,
            sticky,
            keepalive: of.keepalive,
        }
    }

    fn dip_seen(&self, of: &Dip, id: &Id, measured: &Measured) -> DipSeen {
        DipSeen {
            listens: of.listens.clone(),
            passes: of.passes.iter().map(|port| port.get()).collect(),
            real: of.real,
            virtual_state: State::of(of.virtual_intent, &Measured::default(), false),
            real_state: self.state(of.real_intent, measured, id),
            serving: serving(&of.serving, measured),
        }
    }

    fn url_seen(&self, of: &Url, id: &Id, measured: &Measured, tables: &mut Tables<'_>) -> UrlSeen {
        UrlSeen {
            url: of.template.text.clone(),
            code: of.code.map(|code| code.number()),
            state: self.state(of.intent, measured, id),
            weight: of.weight,
            maxconns: of.maxconns,
            link: of.link.map(|link| self.inherited(link, tables)),
        }
    }

    fn inherited(&self, link: Ref, tables: &mut Tables<'_>) -> Inherited {
        let id = self.model.id(link);
        let state = match (link, self.node(&id)) {
            // In service it is as good as what it is bound to.
            (Ref::Virtual(n), Some(node)) => {
                let intent = self.model.virtuals[n as usize].intent;
                let works = match intent {
                    Intent::InService => self.live.snapshot.works(node).into(),
                    _ => Measured::default(),
                };
                self.state(intent, &works, &id)
            }
            _ => tables.states.get(&id).copied().unwrap_or(State::InService),
        };
        Inherited {
            state,
            weight: self.sum(link, &mut tables.sums).weight,
            maxconns: match link {
                Ref::Dip(n) => self.model.dips[n as usize].serving.maxconns,
                _ => None,
            },
            id,
        }
    }

    fn probes(&self, seen: &[Seen]) -> Vec<ProbeSeen> {
        let ledger = self.farm.ledger().results();
        let mut probes: Vec<_> = (self.model.probes.iter())
            .map(|probe| {
                let results = ledger.get(&probe.name).copied();
                ProbeSeen {
                    name: probe.name.clone(),
                    asks: words_of(probe),
                    interval_s: probe.interval_s,
                    timeout_s: probe.timeout_s,
                    rise: probe.rise,
                    fall: probe.fall,
                    results: results.unwrap_or_default(),
                    servers: Vec::new(),
                }
            })
            .collect();
        // What they came to at each server nobody asked for otherwise.
        let seen = if self.probed { seen } else { &[] };
        for (at, seen) in refs(self.model).zip(seen) {
            for n in Common::of(self.model, at).probes {
                let Some(probe) = probes.get_mut(*n as usize) else {
                    continue;
                };
                let last = seen.latest.iter().find(|(p, _)| p.name == probe.name);
                let last = last.map(|(p, latest)| {
                    let next = Millis(latest.at.0 + u64::from(p.interval_s) * 1000);
                    Last {
                        ok: latest.ok,
                        why: (&*latest.why).into(),
                        took_us: latest.took_us,
                        at: self.farm.time_of_day(latest.at),
                        next: self.farm.time_of_day(next),
                    }
                });
                probe.servers.push(Sounded {
                    id: seen.standing.id.clone(),
                    last,
                });
            }
        }
        probes
    }
}

/// What every kind has.
struct Common<'a> {
    description: Option<&'a str>,
    backup: Option<Ref>,
    probes: &'a [u32],
}

impl<'a> Common<'a> {
    fn of(model: &'a Model, at: Ref) -> Common<'a> {
        let serving = |serving: &'a Serving| Common {
            description: serving.description.as_deref(),
            backup: serving.backup,
            probes: &serving.probes,
        };
        match at {
            Ref::Virtual(n) => {
                let of = &model.virtuals[n as usize];
                Common {
                    description: of.description.as_deref(),
                    backup: of.backup,
                    probes: &[],
                }
            }
            Ref::Real(n) => serving(&model.reals[n as usize].serving),
            Ref::Dip(n) => serving(&model.dips[n as usize].serving),
            Ref::Url(n) => {
                let of = &model.urls[n as usize];
                Common {
                    description: of.description.as_deref(),
                    backup: of.backup,
                    probes: &of.probes,
                }
            }
        }
    }
}

/// Everything in the order in which the writer tells of it.
pub(super) fn refs(model: &Model) -> impl Iterator<Item = Ref> + use<> {
    let virtuals = (0..model.virtuals.len() as u32).map(Ref::Virtual);
    let reals = (0..model.reals.len() as u32).map(Ref::Real);
    let dips = (0..model.dips.len() as u32).map(Ref::Dip);
    let urls = (0..model.urls.len() as u32).map(Ref::Url);
    virtuals.chain(reals).chain(dips).chain(urls)
}

const fn kind(at: Ref) -> Kind {
    match at {
        Ref::Virtual(_) => Kind::Virtual,
        Ref::Real(_) => Kind::Real,
        Ref::Dip(_) => Kind::Dip,
        Ref::Url(_) => Kind::Url,
    }
}

fn serving(of: &Serving, measured: &Measured) -> ServingSeen {
    ServingSeen {
        weight: of.weight,
        share: measured.share,
        maxconns: of.maxconns,
        threshold: of.watching.threshold,
        retry_s: of.watching.retry_s,
        priority: (of.priority != Priority::default()).then(|| of.priority.letter()),
    }
}

/// What a probe asks, as its statement says it behind the name.
pub(super) fn words_of(probe: &model::Probe) -> String {
    let alone = Model {
        probes: vec![probe.clone()],
        ..Model::default()
    };
    let statement = format!("probe {} ", probe.name);
    let text = model::print(&alone);
    let mut lines = text
        .lines()
        .filter_map(|line| line.strip_prefix(&*statement));
    lines.next().unwrap_or_default().to_owned()
}

fn user(of: &User) -> UserSeen {
    UserSeen {
        name: of.name.clone(),
        level: of.level,
        secret: of.secret.is_some(),
        keys: of.keys.len(),
    }
}

fn features() -> Vec<&'static str> {
    let built = [
        ("tls", cfg!(feature = "tls")),
        ("ssh", cfg!(feature = "ssh")),
    ];
    let built = built.into_iter().filter(|(_, with)| *with);
    built.map(|(name, _)| name).collect()
}

/// The certificates that are in use.
#[cfg(feature = "tls")]
fn certificates(farm: &Farm) -> Vec<CertificateSeen> {
    use std::fmt::Write;

    use crate::control::standing_of;
    use jiff::Timestamp;
    let now_s = Timestamp::now().as_second();
    let at = |s: i64| Timestamp::from_second(s).unwrap_or(Timestamp::MAX);
    let keys = farm.keys().load();
    let seen = keys.certificates().iter().map(|held| {
        let loaded = &held.loaded;
        let mut fingerprint = String::with_capacity(64);
        for byte in loaded.fingerprint {
            // Writing to a String cannot fail.
            let _ = write!(fingerprint, "{byte:02x}");
        }
        CertificateSeen {
            name: held.name.clone(),
            state: standing_of(held, now_s),
            from: at(loaded.not_before_s),
            until: at(loaded.not_after_s),
            names: loaded.names.all(),
            shown_at: held.shown_at.clone(),
            key: loaded.algorithm.clone(),
            issuer: loaded.issuer.clone(),
            source: held.source.clone(),
            fingerprint: fingerprint.into(),
            issuing: farm
                .issuance()
                .noted(&held.name)
                .filter(|_| held.is_issued()),
        }
    });
    seen.collect()
}

#[cfg(not(feature = "tls"))]
fn certificates(_: &Farm) -> Vec<CertificateSeen> {
    Vec::new()
}
