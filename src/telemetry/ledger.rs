//! Counts of what happens off the workers' way: reloads and probes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use super::Histogram;
use crate::model::{Id, Model};

/// Stands for all probes that are configured no more; no probe can be called so.
const REMOVED: &str = "(removed)";

/// Counts of one process. Shared: nothing here is asked of it per request.
#[derive(Debug, Default)]
pub struct Ledger {
    reloaded: AtomicU64,
    refused: AtomicU64,
    /// Milliseconds since 1970; 0: never.
    reloaded_at: AtomicU64,
    probes: Mutex<BTreeMap<Box<str>, Probed>>,
}

/// What one probe came to, over all servers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Probed {
    /// Results that were as the probe wants them.
    pub ok: u64,
    /// Results that were not.
    pub failed: u64,
    /// How long it took.
    pub took: Histogram,
    /// When it last was as it should be, by server: milliseconds since 1970.
    pub last_ok: HashMap<Id, u64>,
}

impl Ledger {
    /// Counts a reload: in force, or refused.
    pub fn reloaded(&self, in_force: bool) {
        match in_force {
            true => {
                self.reloaded.fetch_add(1, Ordering::Relaxed);
                self.reloaded_at.store(now_ms(), Ordering::Relaxed);
            }
            false => {
                self.refused.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Reloads that came in force, and those that were refused.
    pub fn reloads(&self) -> [u64; 2] {
        [&self.reloaded, &self.refused].map(|count| count.load(Ordering::Relaxed))
    }

    /// When a reload last came in force, in milliseconds since 1970.
    pub fn reloaded_at(&self) -> Option<u64> {
        let at = self.reloaded_at.load(Ordering::Relaxed);
        (at > 0).then_some(at)
    }

    /// Counts what a probe brought back, `took_us` microseconds after it was sent out.
    pub fn sounded(&self, server: &Id, probe: &str, ok: bool, took_us: u32) {
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        if !probes.contains_key(probe) {
            probes.insert(probe.into(), Probed::default());
        }
        let Some(probed) = probes.get_mut(probe) else {
            return;
        };
        probed.took.add(took_us);
        if !ok {
            probed.failed += 1;
            return;
        }
        probed.ok += 1;
        match probed.last_ok.get_mut(server) {
            Some(at) => *at = now_ms(),
            None => {
                probed.last_ok.insert(server.clone(), now_ms());
            }
        }
    }

    /// What each probe came to.
    pub fn probes(&self) -> BTreeMap<Box<str>, Probed> {
        let probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        probes.clone()
    }

    /// How many results of each probe were as they should be, and how many were not.
    pub fn results(&self) -> BTreeMap<Box<str>, [u64; 2]> {
        let probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        let results = probes.iter();
        results
            .map(|(name, probed)| (name.clone(), [probed.ok, probed.failed]))
            .collect()
    }

    /// Folds the counts of probes that are configured no more into one, and forgets who does not watch any more.
    pub fn forget_all_but(&self, model: &Model) {
        let reals = model
            .reals
            .iter()
            .map(|r| (Id::Endpoint(r.id), &r.serving.probes));
        let dips = model
            .dips
            .iter()
            .map(|d| (Id::Endpoint(d.id), &d.serving.probes));
        let urls = model
            .urls
            .iter()
            .map(|u| (Id::Url(u.id.clone()), &u.probes));
        let mut watched: HashMap<&str, HashSet<Id>> = HashMap::new();
        for (id, probes) in reals.chain(dips).chain(urls) {
            for probe in probes {
                let name = &*model.probes[*probe as usize].name;
                watched.entry(name).or_default().insert(id.clone());
            }
        }
        let mut probes = self.probes.lock().unwrap_or_else(PoisonError::into_inner);
        let mut gone = probes.remove(REMOVED).unwrap_or_default();
        probes.retain(|name, probed| {
            let Some(servers) = watched.get(&**name) else {
                gone.ok += probed.ok;
                gone.failed += probed.failed;
                gone.took.merge(&probed.took);
                return false;
            };
            probed.last_ok.retain(|id, _| servers.contains(id));
            true
        });
        if gone != Probed::default() {
            probes.insert(REMOVED.into(), gone);
        }
    }
}

fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(1, |since| since.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Probe, ProbeKind, Real};

    fn real(number: u8) -> Real {
        Real {
            id: Endpoint::new([10, 0, 0, number].into(), Endpoint::HTTP),
            intent: Default::default(),
            serving: Default::default(),
        }
    }

    #[test]
    fn a_probe_that_is_gone_keeps_its_counts_and_not_its_servers() {
        let ledger = Ledger::default();
        let (one, two) = (real(1), real(2));
        for name in ["stays", "goes"] {
            for real in [&one, &two] {
                ledger.sounded(&Id::Endpoint(real.id), name, true, 500);
                ledger.sounded(&Id::Endpoint(real.id), name, false, 500);
            }
        }
        let mut model = Model {
            probes: vec![Probe::new("stays".into(), ProbeKind::Tcp)],
            reals: vec![one, two],
            ..Model::default()
        };
        model.reals[0].serving.probes = vec![0];
        ledger.forget_all_but(&model);
        let probes = ledger.probes();
        assert_eq!(
            probes.keys().map(|k| &**k).collect::<Vec<_>>(),
            ["(removed)", "stays"]
        );
        assert_eq!(probes["stays"].last_ok.len(), 1);
        assert_eq!((probes["stays"].ok, probes["stays"].failed), (2, 2));
        assert_eq!(ledger.results()["stays"], [2, 2]);
        assert_eq!((probes[REMOVED].ok, probes[REMOVED].took.count()), (2, 4));
        assert!(probes[REMOVED].last_ok.is_empty());
    }

    #[test]
    fn a_refused_reload_has_no_time() {
        let ledger = Ledger::default();
        ledger.reloaded(false);
        assert_eq!((ledger.reloads(), ledger.reloaded_at()), ([0, 1], None));
        ledger.reloaded(true);
        assert_eq!(ledger.reloads(), [1, 1]);
        assert!(ledger.reloaded_at().is_some());
    }
}
