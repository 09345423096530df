//! `show bind`, `show link`, `show backup`, `show predictor`, `show sticky`: who leads to whom, and how.

use std::collections::{HashMap, HashSet};

use serde::Serialize;

use super::table::{Column, Table, numbers, texts, words};
use super::words::{NOTHING, maybe, rate, rounded};
use super::{Own, Scene, Server, VirtualSeen};
use crate::control::Kind;
use crate::model::Id;

/// Who is who.
pub(super) struct ById<'s>(HashMap<&'s Id, &'s Server>);

impl<'s> ById<'s> {
    pub(super) fn of(scene: &'s Scene) -> ById<'s> {
        ById(scene.servers.iter().map(|s| (&s.id, s)).collect())
    }

    fn state(&self, id: &Id) -> &'static str {
        self.0.get(id).map_or(NOTHING, |s| s.state.as_str())
    }
}

fn virtual_of(server: &Server) -> Option<&VirtualSeen> {
    match &server.own {
        Own::Virtual(own) => Some(own),
        _ => None,
    }
}

/// A virtual and one of its targets.
#[derive(Serialize)]
pub(super) struct Bound {
    #[serde(rename = "virtual")]
    at: String,
    virtual_state: &'static str,
    target: String,
    kind: &'static str,
    target_state: &'static str,
    weight: Option<u64>,
    #[serde(rename = "requests_per_second")]
    rate: Option<f64>,
}

pub(super) fn binds(scene: &Scene, servers: &[&Server]) -> Vec<Bound> {
    let by_id = ById::of(scene);
    let mut bound = Vec::new();
    for server in servers {
        for (id, kind) in virtual_of(server).into_iter().flat_map(|own| &own.targets) {
            let target = by_id.0.get(id);
            bound.push(Bound {
                at: server.id.to_string(),
                virtual_state: server.state.as_str(),
                target: id.to_string(),
                kind: kind.as_str(),
                target_state: by_id.state(id),
                weight: target.and_then(|target| weight(target)),
                rate: target.and_then(|target| rounded(target.rate)),
            });
        }
    }
    bound
}

/// The share that it has where it is bound; a link's wins.
fn weight(server: &Server) -> Option<u64> {
    match &server.own {
        Own::Virtual(_) => None,
        Own::Real(own) => Some(own.weight.into()),
        Own::Dip(own) => Some(own.serving.weight.into()),
        Own::Url(own) => Some(match &own.link {
            Some(link) => link.weight,
            None => own.weight.into(),
        }),
    }
}

const BIND: [Column; 7] = [
    words("Virtual"),
    words("State"),
    words("Target"),
    words("Kind"),
    words("State"),
    numbers("Weight"),
    numbers("Rate/s"),
];

pub(super) fn bind_table(bound: &[Bound]) -> Table {
    let mut table = Table::new(&BIND);
    for bound in bound {
        table.row([
            bound.at.clone(),
            bound.virtual_state.to_owned(),
            bound.target.clone(),
            bound.kind.to_owned(),
            bound.target_state.to_owned(),
            maybe(bound.weight),
            rate(bound.rate),
        ]);
    }
    table
}

/// A url and what it is linked to.
#[derive(Serialize)]
pub(super) struct Linked {
    url: String,
    own_state: &'static str,
    link: String,
    kind: &'static str,
    link_state: &'static str,
    link_weight: u64,
}

pub(super) fn links(scene: &Scene, servers: &[&Server]) -> Vec<Linked> {
    let by_id = ById::of(scene);
    let mut linked = Vec::new();
    for server in servers {
        let Own::Url(own) = &server.own else {
            continue;
        };
        if let Some(link) = &own.link {
            let to = by_id.0.get(&link.id);
            linked.push(Linked {
                url: server.id.to_string(),
                own_state: own.state.as_str(),
                link: link.id.to_string(),
                kind: to.map_or(Kind::Dip, |to| to.kind).as_str(),
                link_state: link.state.as_str(),
                link_weight: link.weight,
            });
        }
    }
    linked
}

const LINK: [Column; 6] = [
    words("Url"),
    words("Own"),
    words("Link"),
    words("Kind"),
    words("State"),
    numbers("Weight"),
];

pub(super) fn link_table(linked: &[Linked]) -> Table {
    let mut table = Table::new(&LINK);
    for linked in linked {
        table.row([
            linked.url.clone(),
            linked.own_state.to_owned(),
            linked.link.clone(),
            linked.kind.to_owned(),
            linked.link_state.to_owned(),
            linked.link_weight.to_string(),
        ]);
    }
    table
}

/// Something and who stands in for it.
#[derive(Serialize)]
pub(super) struct BackedUp {
    id: String,
    kind: &'static str,
    state: &'static str,
    backup: String,
    backup_state: &'static str,
    /// The backup, its backup, and so on.
    chain: Vec<String>,
}

pub(super) fn backups(scene: &Scene, servers: &[&Server]) -> Vec<BackedUp> {
    let by_id = ById::of(scene);
    let mut all = Vec::new();
    for server in servers {
        let Some(backup) = &server.backup else {
            continue;
        };
        let mut visited = HashSet::from([&server.id]);
        let mut chain = Vec::new();
        let mut next = Some(backup);
        while let Some(id) = next.filter(|id| visited.insert(id)) {
            chain.push(id.to_string());
            next = by_id.0.get(id).and_then(|s| s.backup.as_ref());
        }
        all.push(BackedUp {
            id: server.id.to_string(),
            kind: server.kind.as_str(),
            state: server.state.as_str(),
            backup: backup.to_string(),
            backup_state: by_id.state(backup),
            chain,
        });
    }
    all
}

const BACKUP: [Column; 6] = [
    words("Id"),
    words("Kind"),
    words("State"),
    words("Backup"),
    words("State"),
    texts("Then", 8),
];

pub(super) fn backup_table(all: &[BackedUp]) -> Table {
    let mut table = Table::new(&BACKUP);
    for one in all {
        let then = one.chain.get(1..).filter(|then| !then.is_empty());
        table.row([
            one.id.clone(),
            one.kind.to_owned(),
            one.state.to_owned(),
            one.backup.clone(),
            one.backup_state.to_owned(),
            maybe(then.map(|then| then.join(", "))),
        ]);
    }
    table
}

/// How a virtual picks.
#[derive(Serialize)]
pub(super) struct Picks {
    #[serde(rename = "virtual")]
    at: String,
    predictor: String,
    slowstart_seconds: u32,
    targets: usize,
}

pub(super) fn predictors(servers: &[&Server]) -> Vec<Picks> {
    let picks = |server: &&Server| {
        let own = virtual_of(server)?;
        Some(Picks {
            at: server.id.to_string(),
            predictor: own.predictor.to_string(),
            slowstart_seconds: own.slowstart_s,
            targets: own.targets.len(),
        })
    };
    servers.iter().filter_map(picks).collect()
}

const PREDICTOR: [Column; 4] = [
    words("Virtual"),
    words("Predictor"),
    numbers("Slowstart"),
    numbers("Targets"),
];

pub(super) fn predictor_table(all: &[Picks]) -> Table {
    let mut table = Table::new(&PREDICTOR);
    for one in all {
        table.row([
            one.at.clone(),
            one.predictor.clone(),
            one.slowstart_seconds.to_string(),
            one.targets.to_string(),
        ]);
    }
    table
}

/// How a virtual keeps its clients.
#[derive(Serialize)]
pub(super) struct Keeps {
    #[serde(rename = "virtual")]
    at: String,
    minutes: u32,
    by: Option<String>,
    /// Of its servers; one that is bound to several virtuals counts at each.
    clients: u64,
}

pub(super) fn stickies(scene: &Scene, servers: &[&Server]) -> Vec<Keeps> {
    let by_id = ById::of(scene);
    let keeps = |server: &&Server| {
        let own = virtual_of(server)?;
        let targets = own.targets.iter().filter_map(|(id, _)| by_id.0.get(id));
        let sticky = own.sticky.as_ref();
        Some(Keeps {
            at: server.id.to_string(),
            minutes: sticky.map_or(0, |(minutes, _)| *minutes),
            by: sticky.map(|(_, by)| by.to_string()),
            clients: targets.map(|target| target.clients).sum(),
        })
    };
    servers.iter().filter_map(keeps).collect()
}

const STICKY: [Column; 4] = [
    words("Virtual"),
    numbers("Minutes"),
    words("By"),
    numbers("Clients"),
];

pub(super) fn sticky_table(all: &[Keeps]) -> Table {
    let mut table = Table::new(&STICKY);
    for one in all {
        table.row([
            one.at.clone(),
            one.minutes.to_string(),
            maybe(one.by.as_ref()),
            one.clients.to_string(),
        ]);
    }
    table
}
