//! A farm, its clients and servers, and the director's own parts under a virtual clock.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fmt::{self, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use signpost::decide::{
    Action, Ask, Attempt, Decision, Facts, Health, Loads, Millis, Moment, NodeIndex, Past, Place,
    Reason, Snapshot, decide,
};
use signpost::health::{Fault, Observation, Sounding, Ward};
use signpost::model::{Endpoint, Id, Model, Probe, Scheme, Watching, load};

use crate::dice::Dice;
use crate::farm::farm;
use crate::laws::Laws;

/// Milliseconds of a virtual hour.
const HOUR: u64 = 3_600_000;
/// After the last trouble, so long until everything must be in order again.
const QUIET: u64 = 900_000;
const CLIENTS: u64 = 60;

/// How a server behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mood {
    Well,
    Refuses,
    Resets,
    Silent,
    Errors,
}

enum Event {
    /// A client asks a virtual.
    Visit {
        client: IpAddr,
    },
    /// A client comes where a redirect led it.
    Arrive {
        client: IpAddr,
        at: Endpoint,
    },
    /// The head of an answer is there, or is not.
    Answer(Box<Exchange>, Mood),
    /// A body or session ends.
    End(Place),
    Probe {
        server: usize,
        probe: usize,
    },
    Mood {
        server: usize,
    },
    Operator,
    Tick,
}

/// One exchange with a server.
pub(crate) struct Exchange {
    pub(crate) client: IpAddr,
    pub(crate) at: Endpoint,
    pub(crate) server: NodeIndex,
    pub(crate) place: Place,
    pub(crate) attempt: Attempt,
}

/// One server: a dip behind a url, a real, or a url on its own.
pub(crate) struct Server {
    pub(crate) id: Id,
    pub(crate) mood: Mood,
    pub(crate) ward: Ward,
    watching: Watching,
    probes: Vec<Arc<Probe>>,
}

/// What happened, to see that something did.
#[derive(Clone, Debug, Default)]
pub(crate) struct Totals(HashMap<&'static str, u64>);

impl Totals {
    pub(crate) fn add(&mut self, other: &Totals) {
        for (what, count) in &other.0 {
            *self.0.entry(what).or_default() += count;
        }
    }

    fn count(&mut self, what: &'static str) {
        *self.0.entry(what).or_default() += 1;
    }

    pub(crate) fn all_happened(&self) -> bool {
        let wanted = [
            "redirect",
            "forward",
            "refused",
            "failed",
            "testing",
            "back",
            "trial",
            "reassigned",
            "arrived",
            "probe",
            "reload",
            "all-full",
        ];
        wanted.iter().all(|what| self.0.contains_key(what))
    }
}

impl fmt::Display for Totals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut all: Vec<_> = self.0.iter().collect();
        all.sort();
        for (what, count) in all {
            write!(f, "{what} {count}, ")?;
        }
        Ok(())
    }
}

pub(crate) struct World {
    dice: Dice,
    now: u64,
    order: u64,
    events: BinaryHeap<Reverse<(u64, u64)>>,
    /// By their order.
    waiting: HashMap<u64, Event>,
    text: String,
    oos: Vec<bool>,
    entries: Vec<Endpoint>,
    servers: Vec<Server>,
    snapshot: Snapshot,
    loads: Arc<Loads>,
    facts: Facts,
    laws: Laws,
    totals: Totals,
}

fn model(text: &str) -> Model {
    let loaded = load("simulation", text.as_bytes());
    let report = loaded.report(signpost::language::Style::Plain);
    loaded.model.unwrap_or_else(|| panic!("{report}"))
}

impl World {
    pub(crate) fn new(seed: u64) -> World {
        let mut dice = Dice::new(seed);
        let text = farm(&mut dice);
        let model = model(&text);
        let probes: Vec<Arc<Probe>> = model.probes.iter().cloned().map(Arc::new).collect();
        let serving = model.reals.iter().map(|r| (Id::Endpoint(r.id), &r.serving));
        let serving = serving.chain(model.dips.iter().map(|d| (Id::Endpoint(d.id), &d.serving)));
        let known = serving.map(|(id, s)| (id, s.watching, &s.probes));
        let urls = model.urls.iter().filter(|u| !u.probes.is_empty());
        let urls = urls.map(|u| (Id::Url(u.id.clone()), Watching::default(), &u.probes));
        let servers: Vec<Server> = known
            .chain(urls)
            .map(|(id, watching, asked)| {
                let probes: Vec<_> = asked
                    .iter()
                    .map(|&p| Arc::clone(&probes[p as usize]))
                    .collect();
                Server {
                    id,
                    mood: Mood::Well,
                    ward: Ward::new(watching, &probes, true, Millis(0)),
                    watching,
                    probes,
                }
            })
            .collect();
        let mut facts = Facts::default();
        for server in &servers {
            facts
                .measured
                .insert(server.id.clone(), server.ward.measured());
        }
        let (snapshot, loads) = Snapshot::compile(&model, &facts, None);
        let laws = Laws::new(&model, &snapshot);
        let entries = model.virtuals.iter().map(|v| v.id).collect();
        let mut world = World {
            dice,
            now: 1,
            order: 0,
            events: BinaryHeap::new(),
            waiting: HashMap::new(),
            oos: vec![false; servers.len()],
            text,
            entries,
            servers,
            snapshot,
            loads: Arc::new(loads),
            facts,
            laws,
            totals: Totals::default(),
        };
        world.begin();
        world
    }

    fn begin(&mut self) {
        for server in 0..self.servers.len() {
            for probe in 0..self.servers[server].probes.len() {
                let interval = u64::from(self.servers[server].probes[probe].interval_s) * 1000;
                let first = self.dice.below(interval);
                self.later(first, Event::Probe { server, probe });
            }
            let first = self.dice.below(HOUR / 4);
            self.later(first, Event::Mood { server });
        }
        for n in 0..self.dice.between(1, 2) {
            self.later(n * 100, Event::Visit { client: address(n) });
        }
        self.later(HOUR / 3, Event::Operator);
        self.tick_when_due();
    }

    fn later(&mut self, wait: u64, event: Event) {
        self.order += 1;
        self.events.push(Reverse((self.now + wait, self.order)));
        self.waiting.insert(self.order, event);
    }

    fn now(&self) -> Millis {
        Millis(self.now)
    }

    /// Runs the hour, then the quiet time in which all must heal.
    pub(crate) fn run(mut self) -> Totals {
        while let Some(Reverse((at, order))) = self.events.pop() {
            if at > HOUR + QUIET {
                break;
            }
            self.now = self.now.max(at);
            if let Some(event) = self.waiting.remove(&order) {
                self.step(event);
            }
            let now = self.now();
            self.laws.gauges(&self.loads, now);
        }
        // Where clients are stuck elsewhere, or others have priority, nobody may have come by to try it.
        let tried = !["sticky", "priority", "hash"]
            .iter()
            .any(|word| self.text.contains(word));
        for Server { id, ward, .. } in &self.servers {
            let health = ward.measured().health;
            let back = health == Health::Up || health == Health::Testing && !tried;
            assert!(back, "{id} did not come back: {}", ward.cause().tell("?"));
        }
        self.waiting.clear();
        self.laws
            .end(&self.snapshot, &self.loads, Millis(HOUR + 2 * QUIET));
        self.totals
    }

    fn step(&mut self, event: Event) {
        match event {
            Event::Visit { client } => {
                let at = self.entries[self.dice.below(2) as usize];
                self.ask(client, at, Attempt::default());
                let next = self.dice.between(100, 9_000);
                let client = address(self.dice.below(CLIENTS));
                if self.now < HOUR + QUIET {
                    self.later(next, Event::Visit { client });
                }
            }
            Event::Arrive { client, at } => {
                self.totals.count("arrived");
                self.ask(client, at, Attempt::default());
            }
            Event::Answer(exchange, mood) => self.answer(*exchange, mood),
            Event::End(place) => self.laws.left(place),
            Event::Probe { server, probe } => self.probe(server, probe),
            Event::Mood { server } => self.mood(server),
            Event::Operator => self.operate(),
            Event::Tick => self.tick(),
        }
    }

    fn ask(&mut self, client: IpAddr, at: Endpoint, mut attempt: Attempt) {
        let path = format!("/{}", self.dice.below(5));
        let ask = Ask {
            at,
            client,
            scheme: Scheme::Http,
            method: Cow::Borrowed(if self.dice.chance(90) { "GET" } else { "POST" }),
            host: Cow::Borrowed("www.example.com"),
            port: 80,
            target: Cow::Owned(path),
            past: Past::default(),
        };
        let moment = Moment {
            now: self.now(),
            draw: self.dice.draw(),
        };
        let first = attempt.tried.is_empty();
        let decision = decide(&ask, &self.snapshot, &self.loads, moment, &mut attempt);
        // Who finds it full is still to come.
        if first && decision.reason != Reason::AllFull {
            self.laws.arrived(&self.snapshot, at, client);
        }
        self.laws
            .decided(&self.snapshot, &self.loads, &ask, &decision, moment.now);
        self.count(&decision);
        match decision.action {
            Action::Redirect { url, .. } => {
                let to = self.snapshot.template(url).text.clone();
                let host = to
                    .trim_start_matches("http://")
                    .split('/')
                    .next()
                    .unwrap_or("");
                if let Ok(at) = host.parse::<Endpoint>()
                    && self.dice.chance(85)
                {
                    let wait = self.dice.between(1, 12_000);
                    self.later(wait, Event::Arrive { client, at });
                }
            }
            Action::Forward { server } => {
                let place = self.loads.place(server);
                place.gauges().asked_by(client, self.now());
                self.laws.entered(&place);
                let id = self.snapshot.id(server).clone();
                let mood = self
                    .server(&id)
                    .map_or(Mood::Well, |s| self.servers[s].mood);
                let wait = match mood {
                    Mood::Refuses => 0,
                    Mood::Silent => 60_000,
                    Mood::Well | Mood::Resets | Mood::Errors => self.dice.between(1, 2_000),
                };
                let exchange = Exchange {
                    client,
                    at,
                    server,
                    place,
                    attempt,
                };
                self.later(wait, Event::Answer(Box::new(exchange), mood));
            }
            Action::Refuse => {}
        }
    }

    fn count(&mut self, decision: &Decision) {
        let what = match decision.action {
            Action::Redirect { .. } => "redirect",
            Action::Forward { .. } => "forward",
            Action::Refuse => "refused",
        };
        self.totals.count(what);
        self.totals.count(decision.reason.as_str());
    }

    /// What became of an exchange, told and acted upon as the proxy does.
    fn answer(&mut self, exchange: Exchange, mood: Mood) {
        let Exchange {
            client,
            at,
            server,
            place,
            mut attempt,
            ..
        } = exchange;
        let id = place.gauges().id.clone();
        let fault = match mood {
            Mood::Well => None,
            Mood::Refuses => Some(Fault::Refused),
            Mood::Resets => Some(Fault::Reset),
            Mood::Silent => Some(Fault::Unanswered),
            Mood::Errors => Some(Fault::ServerError),
        };
        self.observe(&id, client, fault, &place);
        place.gauges().end_trial_by(client);
        self.laws.trial_over(&id, client);
        match mood {
            Mood::Well | Mood::Errors => {
                let session = self.dice.between(0, 30_000);
                self.later(session, Event::End(place));
            }
            Mood::Refuses | Mood::Resets => {
                self.laws.left(place);
                // Over a reload a node's index means another one.
                if self.snapshot.node(&id) == Some(server) && attempt.tried.try_push(server).is_ok()
                {
                    self.ask(client, at, attempt);
                }
            }
            Mood::Silent => self.laws.left(place),
        }
    }

    fn server(&self, id: &Id) -> Option<usize> {
        self.servers.iter().position(|s| s.id == *id)
    }

    fn observe(&mut self, id: &Id, client: IpAddr, fault: Option<Fault>, place: &Place) {
        let Some(s) = self.server(id) else { return };
        let now = self.now();
        let retry = u64::from(self.servers[s].watching.retry_s) * 1000;
        let since = Millis(now.0.saturating_sub(retry));
        let seen = match fault {
            None => Observation::Success,
            Some(fault) => Observation::Failure {
                fault,
                client,
                others_asked: place.gauges().others_asked_since(client, since),
            },
        };
        self.servers[s].ward.observe(seen, now);
        self.publish(s);
    }

    fn probe(&mut self, server: usize, probe: usize) {
        self.totals.count("probe");
        let (now, mood) = (self.now(), self.servers[server].mood);
        let probe_of = Arc::clone(&self.servers[server].probes[probe]);
        let http = probe_of.name.as_ref() == "web";
        let ok = match mood {
            Mood::Well => true,
            Mood::Refuses => false,
            Mood::Resets | Mood::Silent | Mood::Errors => !http,
        };
        let sounding = Sounding {
            ok,
            why: if ok { "answered" } else { "did not answer" }.into(),
            took_us: 1_000,
            figures: Vec::new(),
            agent: None,
        };
        self.servers[server].ward.sound(&probe_of, &sounding, now);
        self.publish(server);
        let interval = u64::from(probe_of.interval_s) * 1000;
        let wait = self.dice.between(interval * 95 / 100, interval * 105 / 100);
        self.later(wait, Event::Probe { server, probe });
    }

    fn mood(&mut self, server: usize) {
        let troubles = [Mood::Refuses, Mood::Resets, Mood::Silent, Mood::Errors];
        let well = self.servers[server].mood != Mood::Well || self.now > HOUR * 3 / 4;
        self.servers[server].mood = if well {
            Mood::Well
        } else {
            self.dice.one_of(&troubles)
        };
        let wait = self.dice.between(1_000, HOUR / 6);
        if self.now < HOUR {
            self.later(wait, Event::Mood { server });
        } else {
            self.servers[server].mood = Mood::Well;
        }
    }

    /// The operator takes a server out, or puts one back, or draws the same again.
    fn operate(&mut self) {
        self.totals.count("reload");
        let server = self.dice.below(self.servers.len() as u64) as usize;
        self.oos[server] = !self.oos[server];
        if self.now > HOUR * 3 / 4 {
            self.oos.fill(false);
        }
        let mut text = self.text.clone();
        for (server, _) in self.servers.iter().zip(&self.oos).filter(|(_, oos)| **oos) {
            let kind = match &server.id {
                Id::Url(_) => "url",
                Id::Endpoint(e) if e.to_string().starts_with("10.0.0.") => "dip",
                Id::Endpoint(_) => "real",
            };
            let how = ["oos", "maintenance", "sticky", "failed"][(self.now % 4) as usize];
            let _ = writeln!(text, "out-of-service {kind} {} {how}", server.id);
        }
        let model = model(&text);
        let before = Some((&self.snapshot, &*self.loads));
        let (snapshot, loads) = Snapshot::compile(&model, &self.facts, before);
        self.snapshot = snapshot;
        self.loads = Arc::new(loads);
        self.laws.configured(&model, &self.snapshot);
        let wait = self.dice.between(60_000, HOUR / 6);
        if self.now < HOUR {
            self.later(wait, Event::Operator);
        }
    }

    fn tick(&mut self) {
        for server in 0..self.servers.len() {
            let now = self.now();
            if self.servers[server].ward.due().is_some_and(|at| at <= now) {
                self.servers[server].ward.tick(now);
                self.publish(server);
            }
        }
        self.tick_when_due();
    }

    fn tick_when_due(&mut self) {
        let due = self.servers.iter().filter_map(|s| s.ward.due()).min();
        if let Some(due) = due {
            let wait = due.0.saturating_sub(self.now).max(1);
            self.later(wait, Event::Tick);
        }
    }

    /// Puts what was measured in force, as the writer does.
    fn publish(&mut self, server: usize) {
        let Server { id, ward, .. } = &self.servers[server];
        let measured = ward.measured();
        let before = self.facts.measured.insert(id.clone(), measured);
        if before == Some(measured) {
            return;
        }
        match measured.health {
            Health::Failed => self.totals.count("failed"),
            Health::Testing => self.totals.count("testing"),
            Health::Up => self.totals.count("back"),
        }
        let id = id.clone();
        if let Some(node) = self.snapshot.node(&id) {
            self.snapshot = self.snapshot.with_measured(&[(node, measured)]);
            self.loads.gauges(node).end_trial();
        }
        self.laws.trials_over(&id);
        self.tick_when_due();
    }
}

fn address(n: u64) -> IpAddr {
    Ipv4Addr::new(192, 0, 2, 1 + n as u8).into()
}

/// Whether a decision's reason lets a server be used that is not usable for new clients.
pub(crate) fn for_own_client(reason: Reason) -> bool {
    matches!(reason, Reason::Sticky | Reason::Direct | Reason::Referer)
}
