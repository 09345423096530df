//! How every server stands: what the operator wants, what was measured, and both combined, each with since when and why.

use std::collections::HashMap;

#[cfg(doc)]
use super::Farm;
use super::{Live, Writer, told};
use crate::decide::{Health, Measured, Millis, NodeIndex};
use crate::health::{Figure, State};
use crate::model::{Id, Intent, Model, Ref};

/// What kind of thing an id is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A virtual.
    Virtual,
    /// A real.
    Real,
    /// A dip.
    Dip,
    /// A url.
    Url,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Kind; 4] = [Kind::Virtual, Kind::Real, Kind::Dip, Kind::Url];

    const fn of(at: Ref) -> Kind {
        match at {
            Ref::Virtual(_) => Kind::Virtual,
            Ref::Real(_) => Kind::Real,
            Ref::Dip(_) => Kind::Dip,
            Ref::Url(_) => Kind::Url,
        }
    }

    /// The word of the language.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Virtual => "virtual",
            Kind::Real => "real",
            Kind::Dip => "dip",
            Kind::Url => "url",
        }
    }
}

/// A fact, since when it holds, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<T> {
    /// What holds.
    pub is: T,
    /// Since when; [`Farm::time_of_day`] knows what time that was.
    pub since: Millis,
    /// In words, with the time of day: `connect refused at 10:14:03, 8 of 8`.
    pub why: String,
}

/// How one server stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// Which.
    pub id: Id,
    /// What it is.
    pub kind: Kind,
    /// What the operator wants; of a dip the half that serves fewer.
    pub intent: Told<Intent>,
    /// What was measured; nothing is of a virtual.
    pub measured: Told<Measured>,
    /// Both combined; of a url that is linked to a dip or virtual the worse of the two. Since when and why is that of the fact which
    /// decides; of `MAXCONNS`, and of a virtual without a usable server, nobody keeps the time: they are told as of now.
    pub state: Told<State>,
    /// The numbers that are known of it and have not expired: from traffic, probes and agents.
    pub figures: Vec<Figure>,
}

/// How long a figure that is read from the traffic at this moment counts, in milliseconds.
const TRAFFIC_MS: u64 = 1_000;

/// What the operator wants of each id.
#[derive(Debug, Default)]
pub(super) struct Intents {
    by_id: HashMap<Id, Wanted>,
    started: bool,
}

/// What the operator wants of one id, since when and why.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    intent: Intent,
    since: Millis,
    why: &'static str,
    /// When it was configured first.
    born: Millis,
}

impl Intents {
    /// Takes over a new model: what changed by it did so now.
    pub(super) fn configure(&mut self, model: &Model, now: Millis) {
        let why = if self.started {
            "set by the operator"
        } else {
            "set at the start"
        };
        self.started = true;
        let before = std::mem::take(&mut self.by_id);
        let wanted = |id: &Id, intent| {
            let new = Wanted {
                intent,
                since: now,
                why,
                born: now,
            };
            before.get(id).map_or(new, |known| match known.intent {
                same if same == intent => *known,
                _ => Wanted {
                    born: known.born,
                    ..new
                },
            })
        };
        self.by_id = every(model)
            .map(|(id, _, intent)| (id.clone(), wanted(&id, intent)))
            .collect();
    }

    fn of(&self, id: &Id, intent: Intent) -> Wanted {
        let unknown = Wanted {
            intent,
            since: Millis(0),
            why: "set at the start",
            born: Millis(0),
        };
        self.by_id.get(id).copied().unwrap_or(unknown)
    }
}

/// Every id with its place in the model and what the operator wants of it.
fn every(model: &Model) -> impl Iterator<Item = (Id, Ref, Intent)> {
    let virtuals = (0..).zip(&model.virtuals);
    let reals = (0..).zip(&model.reals);
    let dips = (0..).zip(&model.dips);
    let urls = (0..).zip(&model.urls);
    virtuals
        .map(|(n, v)| (Id::Endpoint(v.id), Ref::Virtual(n), v.intent))
        .chain(reals.map(|(n, r)| (Id::Endpoint(r.id), Ref::Real(n), r.intent)))
        .chain(dips.map(|(n, d)| {
            let worse = d.virtual_intent.worse(d.real_intent);
            (Id::Endpoint(d.id), Ref::Dip(n), worse)
        }))
        .chain(urls.map(|(n, u)| (Id::Url(u.id.clone()), Ref::Url(n), u.intent)))
}

impl Writer {
    /// How every virtual, real, dip and url stands, in the order of the model.
    pub fn standings(&self) -> Vec<Standing> {
        self.some_standings(0, usize::MAX)
    }

    /// The same of at most so many of them, from number `from` on: of a large farm all take their time, which the writer has not.
    pub fn some_standings(&self, from: usize, most: usize) -> Vec<Standing> {
        let live = self.farm().live().load();
        every(self.model())
            .skip(from)
            .take(most)
            .map(|(id, at, intent)| self.standing(&live, id, at, intent))
            .collect()
    }

    /// The states alone, as [`some_standings`](Self::some_standings) has them.
    pub fn some_states(&self, from: usize, most: usize) -> Vec<(Id, Kind, State)> {
        let live = self.farm().live().load();
        let some = every(self.model()).skip(from).take(most);
        some.map(|(id, at, intent)| {
            let measured = self.wards().ward(&id).map(|ward| ward.measured());
            let state = self.state(&live, at, intent, &measured.unwrap_or_default());
            (id, Kind::of(at), state)
        })
        .collect()
    }

    fn standing(&self, live: &Live, id: Id, at: Ref, intent: Intent) -> Standing {
        let (intent, measured) = self.facts_of(&id, intent);
        let own = self.own_state(live, at, intent.is, &measured.is);
        let own = self.told(own, &intent, &measured);
        Standing {
            state: self.told_with_link(live, at, own),
            kind: Kind::of(at),
            figures: self.figures(live, &id, live.snapshot.node(&id)),
            id,
            intent,
            measured,
        }
    }

    fn facts_of(&self, id: &Id, intent: Intent) -> (Told<Intent>, Told<Measured>) {
        let wanted = self.intents().of(id, intent);
        let told = Told {
            is: intent,
            since: wanted.since,
            why: format!(
                "{} at {}",
                wanted.why,
                told::time(self.farm(), wanted.since)
            ),
        };
        (told, self.measured(id, wanted.born))
    }

    /// A state with since when and why: by the fact that decides it.
    fn told(&self, is: State, intent: &Told<Intent>, measured: &Told<Measured>) -> Told<State> {
        let meant = State::of(intent.is, &Measured::default(), false);
        let (since, why) = match is {
            State::Maxconns => (self.farm().now(), "as many connections as it may have"),
            // By the operator's word or by what was measured: whichever came last.
            State::InService if measured.since >= intent.since => (measured.since, &*measured.why),
            is if is == meant => (intent.since, &*intent.why),
            _ => (measured.since, &*measured.why),
        };
        Told {
            is,
            since,
            why: why.to_owned(),
        }
    }

    /// What `own` comes to by what the url at `at` is linked to, if it is.
    fn told_with_link(&self, live: &Live, at: Ref, own: Told<State>) -> Told<State> {
        let Some(link) = self.linked(at) else {
            return own;
        };
        let id = self.model().id(link);
        let intent = self.intents().of(&id, Intent::InService).intent;
        let (intent, mut measured) = self.facts_of(&id, intent);
        let is = self.measured_by_link(live, link, &id, intent.is);
        if matches!(link, Ref::Virtual(_)) && is.health == Health::Failed {
            measured.since = self.farm().now();
            measured.why = "nothing within it is usable".to_owned();
        }
        let theirs = self.own_state(live, link, intent.is, &is);
        let theirs = self.told(theirs, &intent, &measured);
        match own.is.worse(theirs.is) == own.is {
            true if own.is != theirs.is || own.since >= theirs.since => own,
            _ => Told {
                why: format!("{id}: {}", theirs.why),
                ..theirs
            },
        }
    }

    fn measured(&self, id: &Id, born: Millis) -> Told<Measured> {
        match self.wards().ward(id) {
            Some(ward) => Told {
                is: ward.measured(),
                since: ward.since(),
                why: told::cause(self.farm(), ward.cause()),
            },
            None => Told {
                is: Measured::default(),
                since: born,
                why: "nothing was held against it".to_owned(),
            },
        }
    }

    /// The dip or virtual that a url is linked to.
    fn linked(&self, at: Ref) -> Option<Ref> {
        match at {
            Ref::Url(n) => self.model().urls.get(n as usize)?.link,
            _ => None,
        }
    }

    /// Of a url that is linked to anything the worse of the two.
    fn state(&self, live: &Live, at: Ref, intent: Intent, measured: &Measured) -> State {
        let own = self.own_state(live, at, intent, measured);
        let Some(link) = self.linked(at) else {
            return own;
        };
        let id = self.model().id(link);
        let intent = self.intents().of(&id, Intent::InService).intent;
        let measured = self.measured_by_link(live, link, &id, intent);
        own.worse(self.own_state(live, link, intent, &measured))
    }

    /// What counts as measured of a dip or virtual that a url is linked to.
    fn measured_by_link(&self, live: &Live, link: Ref, id: &Id, intent: Intent) -> Measured {
        match (link, live.snapshot.node(id)) {
            // Nothing is measured of a virtual; in service it is as good as what it is bound to.
            (Ref::Virtual(_), Some(node)) if intent == Intent::InService => {
                live.snapshot.works(node).into()
            }
            _ => {
                let ward = self.wards().ward(id);
                ward.map(|ward| ward.measured()).unwrap_or_default()
            }
        }
    }

    /// Its own state, without what it is linked to.
    fn own_state(&self, live: &Live, at: Ref, intent: Intent, measured: &Measured) -> State {
        let node = live.snapshot.node(&self.model().id(at));
        let now = self.farm().now();
        let full = node.is_some_and(|node| live.snapshot.is_full(&live.loads, node, now));
        State::of(intent, measured, full)
    }

    fn figures(&self, live: &Live, id: &Id, node: Option<NodeIndex>) -> Vec<Figure> {
        let now = self.farm().now();
        let told = self.wards().ward(id);
        let told = told.into_iter().flat_map(|ward| ward.figures().at(now));
        let traffic = |name: &str, value: f64| Figure {
            name: name.into(),
            value,
            source: "traffic".into(),
            at: now,
            expires: Millis(now.0 + TRAFFIC_MS),
        };
        let mut figures: Vec<_> = told.cloned().collect();
        if let Some(gauges) = node.map(|node| live.loads.gauges(node)) {
            figures.push(traffic("connections", gauges.connections().into()));
            figures.push(traffic("promises", gauges.promises(now).into()));
            if let Some(micros) = gauges.response_micros(now) {
                figures.push(traffic("response_us", micros.into()));
            }
        }
        figures
    }
}
