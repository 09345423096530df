//! Model and facts, compiled into what a decision reads.

use std::collections::HashMap;
use std::sync::Arc;

use super::config::{Config, Kind};
use super::loads::Tables;
use super::settle::{Marks, View};
use super::{Keys, Loads, Millis, NodeIndex};
use crate::model::{Endpoint, Globals, Id, Model, Queue, Serving, Template};

/// What was measured of a server's health: never what the operator wants.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Health {
    /// Nothing against it.
    #[default]
    Up,
    /// Measured to have failed.
    Failed,
    /// Failed, and on trial: one client at a time.
    Testing,
}

/// Whom a server says it takes (an agent's `ready`, `drain`, `maint`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Readiness {
    /// Everybody.
    #[default]
    Ready,
    /// Only clients that are stuck to it.
    Drain,
    /// Nobody; associations are kept.
    Maint,
}

/// All that was measured of a server and that decisions heed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Measured {
    /// Whether it works.
    pub health: Health,
    /// Whom it says it takes.
    pub readiness: Readiness,
    /// Percent of its configured weight, 0 to 10,000; default 100; 0: no new clients.
    pub share: u16,
    /// The most connections that it says it takes; the configured `maxconns` holds beside it.
    pub maxconns: Option<u32>,
}

impl Default for Measured {
    fn default() -> Self {
        Health::Up.into()
    }
}

impl From<Health> for Measured {
    fn from(health: Health) -> Measured {
        Measured {
            health,
            readiness: Readiness::Ready,
            share: 100,
            maxconns: None,
        }
    }
}

/// What was measured, by id; what is not named is up.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// Reals, dips (a dip's is its real half's) and urls.
    pub measured: HashMap<Id, Measured>,
    /// This process's own secret: keys the table of sticky clients, and signs tickets where no key is configured.
    pub secret: [u8; 32],
}

/// Which fields of a request a virtual has a use for, beyond those that every request is read for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Minds<'a> {
    /// The cookie of this name.
    pub cookie: Option<&'a str>,
    /// `Referer`.
    pub referer: bool,
    /// `Cache-Control` and `Pragma`.
    pub reload: bool,
}

impl Minds<'_> {
    /// Whether there is nothing to look for.
    pub fn nothing(&self) -> bool {
        *self == Minds::default()
    }
}

/// A model and facts, compiled.
#[derive(Debug)]
pub struct Snapshot {
    pub(super) config: Arc<Config>,
    pub(super) marks: Marks,
}

impl Snapshot {
    /// Compiles from nothing, in time that grows with the size of the model (hash tables: with their buckets).
    /// `before` carries gauges and turns of ids that live on.
    pub fn compile(
        model: &Model,
        facts: &Facts,
        before: Option<(&Snapshot, &Loads)>,
    ) -> (Snapshot, Loads) {
        let old = before.map(|(snapshot, _)| &*snapshot.config);
        let config = Config::new(model, facts.secret, old);
        let mut measured = vec![Measured::default(); config.ids.len()];
        for (id, is) in &facts.measured {
            if let Some(n) = config.find(id)
                && config.kind(n) != Kind::Virtual
            {
                measured[n as usize] = *is;
            }
        }
        let mut marks = Marks::new(&config, measured.into());
        if let Some((before, _)) = before {
            marks.remember(&config, (&before.config, &before.marks));
        }
        let loads = Loads::new(
            &config,
            Tables::of(model),
            before.map(|(snapshot, loads)| (&*snapshot.config, loads)),
        );
        let config = Arc::new(config);
        (Snapshot { config, marks }, loads)
    }

    /// A snapshot in which what was measured of `changes` is new and everything else shared with this one.
    pub fn with_measured(&self, changes: &[(NodeIndex, Measured)]) -> Snapshot {
        let servers = changes
            .iter()
            .filter(|(n, _)| self.config.kind(n.0) != Kind::Virtual);
        Snapshot {
            config: Arc::clone(&self.config),
            marks: self
                .marks
                .with(&self.config, servers.map(|&(n, measured)| (n.0, measured))),
        }
    }

    /// What the virtual or dip at `at` wants to know of a request.
    pub fn minds(&self, at: NodeIndex) -> Minds<'_> {
        self.config.minds(at.0)
    }

    /// How long the cookie that [`minds`](Self::minds) names lives, in minutes; `None`: there is none.
    pub fn sticky_minutes(&self, at: NodeIndex) -> Option<u32> {
        self.config.ticket_minutes(at.0)
    }

    /// What reads and signs the tickets of sticky clients.
    pub fn keys(&self) -> &Keys {
        &self.config.names.keys
    }

    /// Where requests at the virtual or dip `at` wait when everything is full.
    pub fn queue(&self, at: NodeIndex) -> Option<Queue> {
        self.config.door(at.0).0
    }

    /// Whether trusted proxies begin a connection at the virtual or dip `at` with a PROXY protocol head.
    pub fn proxy_protocol(&self, at: NodeIndex) -> bool {
        self.config.door(at.0).1
    }

    /// Whether clients of the virtual or dip `at` may speak HTTP/2.
    pub fn http2(&self, at: NodeIndex) -> bool {
        self.config.door(at.0).2
    }

    /// What holds for the whole director.
    pub fn globals(&self) -> &Globals {
        &self.config.globals
    }

    /// A snapshot in which the health of `changes` is new and everything else shared with this one.
    pub fn with_health(&self, changes: &[(NodeIndex, Health)]) -> Snapshot {
        let changes: Vec<_> = changes
            .iter()
            .map(|&(n, health)| {
                let measured = *self.measured(n);
                (n, Measured { health, ..measured })
            })
            .collect();
        self.with_measured(&changes)
    }

    /// The virtual or dip that listens at `at`.
    pub fn node_at(&self, at: Endpoint) -> Option<NodeIndex> {
        self.config.listener(at).map(NodeIndex)
    }

    /// The dip that passes on what comes to `at`.
    pub fn passed_at(&self, at: Endpoint) -> Option<NodeIndex> {
        self.config.passed(at).map(NodeIndex)
    }

    /// A node's id.
    pub fn id(&self, node: NodeIndex) -> &Id {
        &self.config.ids[node.0 as usize]
    }

    /// The node of a real, dip, virtual or url.
    pub fn node(&self, id: &Id) -> Option<NodeIndex> {
        self.config.find(id).map(NodeIndex)
    }

    /// What was measured of a node: of a virtual nothing ever is.
    pub fn measured(&self, node: NodeIndex) -> &Measured {
        &self.marks.measured[node.0 as usize]
    }

    /// Whether a node works, as far as was measured.
    pub fn health(&self, node: NodeIndex) -> Health {
        self.measured(node).health
    }

    /// Whether a node works with all that it leads to, as far as was measured; out of service it does not.
    pub fn works(&self, node: NodeIndex) -> Health {
        if self.marks.alive(node.0, View::Steady) {
            Health::Up
        } else if self.marks.alive(node.0, View::Possible) {
            Health::Testing
        } else {
            Health::Failed
        }
    }

    /// Whether as many connections as a node may have are open (of a url that is linked to nothing: are taken to be);
    /// of a virtual, at all of its servers.
    pub fn is_full(&self, loads: &Loads, node: NodeIndex, now: Millis) -> bool {
        let full = |n: u32| {
            let used = match self.config.kind(n) {
                Kind::Url => loads.redirected(n, now, self.config.remembers_s[n as usize]),
                _ => loads.of(n).connections(),
            };
            used >= self.marks.most(&self.config, n)
        };
        match self.config.kind(node.0) {
            Kind::Virtual => {
                let leaves = &self.marks.plans[node.0 as usize].leaves;
                !leaves.is_empty() && leaves.iter().all(|&(n, _)| full(n))
            }
            _ => full(node.0),
        }
    }

    /// Settings of a real or dip.
    ///
    /// # Panics
    /// Where `server` is neither.
    pub fn serving(&self, server: NodeIndex) -> &Serving {
        self.config.serving(server.0)
    }

    /// Where to connect to for a real or dip.
    ///
    /// # Panics
    /// Where `server` is neither.
    pub fn upstream(&self, server: NodeIndex) -> Endpoint {
        self.config.upstream(server.0)
    }

    /// A url's template.
    ///
    /// # Panics
    /// Where `url` is none.
    pub fn template(&self, url: NodeIndex) -> &Template {
        &self.config.url(url.0).template
    }

    /// Whether connections to this virtual stay open after a redirect; false of anything else.
    pub fn keepalive(&self, at: NodeIndex) -> bool {
        let settings = self.config.virtuals.get(at.0 as usize);
        settings.is_some_and(|v| v.keepalive)
    }
}
