//! How much a server has to do, and how much it may.

use super::super::config::{Kind, NONE, UNLIMITED};
use super::{Trace, Walk};
use crate::decide::NodeIndex;

/// So far a chain is looked along for the load of a slot.
const LOOKED: usize = 8;

impl<T: Trace> Walk<'_, T> {
    /// The most connections that a node may have.
    #[inline]
    pub(super) fn most(&self, node: u32) -> u32 {
        self.snapshot.marks.most(self.config, node)
    }

    /// The most connections that a server may have with those still to come that others were promised.
    pub(super) fn room(&self, server: u32) -> u32 {
        match self.most(server) {
            UNLIMITED => UNLIMITED,
            most => most.saturating_sub(self.promised_to_others(server)),
        }
    }

    #[inline]
    pub(super) fn is_full(&self, node: u32) -> bool {
        let most = self.most(node);
        if most == UNLIMITED {
            return false;
        }
        let others = match self.config.kind(node) {
            Kind::Url => self.used(node),
            _ => self
                .loads
                .of(node)
                .connections()
                .saturating_add(self.promised_to_others(node)),
        };
        others >= most
    }

    /// Whether all servers under a virtual are full.
    pub(super) fn crowded(&self, v: u32) -> bool {
        let leaves = &self.snapshot.marks.plans[v as usize].leaves;
        // Where a leaf has no limit the first look ends it.
        !leaves.is_empty() && leaves.iter().all(|&(n, _)| self.is_full(n))
    }

    /// Clients that were sent to a server and have not come yet.
    #[inline]
    pub(super) fn promises(&self, server: u32) -> u32 {
        match self.config.remembers_s[server as usize] {
            0 => 0,
            _ => self.loads.promises(NodeIndex(server), self.now),
        }
    }

    fn promised_to_others(&self, server: u32) -> u32 {
        let promises = self.promises(server);
        let own = promises > 0 && self.loads.promised_to(server, self.client, self.now);
        promises - u32::from(own)
    }

    /// The connections that the redirects by a url, which is linked to nothing, are taken to have caused.
    pub(super) fn used(&self, url: u32) -> u32 {
        let tau_s = self.config.remembers_s[url as usize];
        self.loads.redirected(url, self.now, tau_s)
    }

    /// Connections at a node and those to come, where they can be known.
    #[inline]
    pub(super) fn load(&self, node: u32) -> Option<f64> {
        let bearer = self.config.bearer(node);
        match self.config.kind(bearer) {
            Kind::Url => {
                let tau_s = self.config.remembers_s[bearer as usize];
                let gauges = self.loads.of(bearer);
                (tau_s > 0).then(|| f64::from(gauges.redirected.value(self.now, tau_s)))
            }
            Kind::Real => Some(f64::from(self.loads.of(bearer).connections())),
            Kind::Dip => Some(self.coming(bearer)),
            Kind::Virtual => {
                let leaves = &self.snapshot.marks.plans[bearer as usize].leaves;
                let load = |&(n, scale): &(u32, f32)| self.coming(n) * f64::from(scale);
                (!leaves.is_empty()).then(|| leaves.iter().map(load).sum())
            }
        }
    }

    fn coming(&self, server: u32) -> f64 {
        f64::from(self.loads.of(server).connections()) + f64::from(self.promises(server))
    }

    /// The server whose response time counts for a node.
    pub(super) fn timed(&self, node: u32) -> Option<u32> {
        let bearer = self.config.bearer(node);
        match self.config.kind(bearer) {
            Kind::Url => None,
            Kind::Real | Kind::Dip => Some(bearer),
            Kind::Virtual => {
                let leaves = &self.snapshot.marks.plans[bearer as usize].leaves;
                leaves.first().map(|leaf| leaf.0)
            }
        }
    }

    /// What fills a slot at this moment, most likely.
    #[inline]
    pub(super) fn filler(&self, v: u32, k: u32) -> Option<u32> {
        let target = self.config.virtuals[v as usize].targets[k as usize];
        let front = self.config.front(target);
        if self.ready(front) {
            return Some(front);
        }
        let mut at = target;
        for _ in 0..LOOKED {
            at = self.next(at);
            if at == NONE {
                return None;
            }
            if self.ready(at) {
                return Some(at);
            }
        }
        None
    }
}
