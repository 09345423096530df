//! A farm as the LocalDirector saw it, last word on each thing.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::id::{Id, ServerId};

/// What a server was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Virtual,
    Real,
    Dip,
}

impl Kind {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Kind::Virtual => "virtual",
            Kind::Real => "real",
            Kind::Dip => "dip",
        }
    }
}

/// What the operator wanted of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing was said of it.
    Unsaid,
    InService,
    /// `oos`, `maintenance`, `sticky` or `failed`.
    Out(&'static str),
}

/// A setting of a server, or of all servers of a virtual.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Setting {
    Weight,
    Maxconns,
    Threshold,
    Retry,
    Autounfail,
    Timeout,
}

impl Setting {
    pub(super) const ALL: [Setting; 6] = [
        Setting::Weight,
        Setting::Maxconns,
        Setting::Threshold,
        Setting::Retry,
        Setting::Autounfail,
        Setting::Timeout,
    ];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Setting::Weight => "weight",
            Setting::Maxconns => "maxconns",
            Setting::Threshold => "threshold",
            Setting::Retry => "retry",
            Setting::Autounfail => "autounfail",
            Setting::Timeout => "timeout",
        }
    }
}

/// Things by their keys, in the order in which they were said first; the last word on each holds.
#[derive(Debug)]
pub(super) struct Keyed<K, V> {
    list: Vec<Option<Said<K, V>>>,
    index: HashMap<K, usize>,
}

/// One thing, and the line that said it last.
#[derive(Debug)]
pub(super) struct Said<K, V> {
    pub(super) key: K,
    pub(super) value: V,
    pub(super) line: u32,
}

impl<K, V> Default for Keyed<K, V> {
    fn default() -> Self {
        Keyed {
            list: Vec::new(),
            index: HashMap::new(),
        }
    }
}

impl<K: Clone + Eq + Hash, V> Keyed<K, V> {
    pub(super) fn say(&mut self, key: K, value: V, line: u32) {
        let at = *self.index.entry(key.clone()).or_insert(self.list.len());
        let said = Some(Said { key, value, line });
        match self.list.get_mut(at) {
            Some(place) => *place = said,
            None => self.list.push(said),
        }
    }

    pub(super) fn unsay(&mut self, key: &K) {
        if let Some(at) = self.index.remove(key) {
            self.list[at] = None;
        }
    }

    pub(super) fn find(&self, key: &K) -> Option<&Said<K, V>> {
        self.index.get(key).and_then(|at| self.list[*at].as_ref())
    }

    pub(super) fn find_mut(&mut self, key: &K) -> Option<&mut Said<K, V>> {
        self.index.get(key).and_then(|at| self.list[*at].as_mut())
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Said<K, V>> {
        self.list.iter().flatten()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.index.is_empty()
    }
}

/// A URL, and the code that was written behind it.
pub(super) type Target = (Box<str>, Option<Box<str>>);

/// What a file said of the farm.
#[derive(Debug, Default)]
pub(super) struct Farm {
    pub(super) hostname: Keyed<(), Box<str>>,
    /// By address: one name each.
    pub(super) names: Keyed<IpAddr, Box<str>>,
    /// What was wanted of each, and the line that said so where it is not the one that made it.
    pub(super) servers: Keyed<(Kind, ServerId), (State, Option<u32>)>,
    /// By id.
    pub(super) urls: Keyed<Box<str>, Target>,
    pub(super) binds: Keyed<(ServerId, Id), ()>,
    /// What was ever bound to each virtual, so that all of it can be unbound.
    pub(super) bound: HashMap<ServerId, Vec<Id>>,
    pub(super) links: Keyed<Box<str>, ServerId>,
    pub(super) backups: Keyed<Id, Id>,
    /// What stands behind the id.
    pub(super) predictors: Keyed<ServerId, String>,
    pub(super) stickies: Keyed<ServerId, String>,
    pub(super) settings: Keyed<(Setting, Id), String>,
    /// States that reach further than one server, or a url: by kind and id, the whole of the line but for the id.
    pub(super) states: Keyed<(Box<str>, Id), (String, String)>,
    /// Statements of Signpost's own.
    pub(super) own: Vec<(String, u32)>,
}

impl Farm {
    /// The key under which a server of `kind` is known that is called `id`, its port perhaps left out.
    pub(super) fn known(&self, kind: Kind, id: ServerId) -> Option<ServerId> {
        let there = |id: &ServerId| self.servers.find(&(kind, *id)).is_some();
        Some(id)
            .filter(there)
            .or_else(|| id.loosely().filter(there))
    }
}
