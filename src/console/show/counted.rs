//! `show connections`, `show statistics`: what is open, and what was counted.

use serde::Serialize;

use super::table::{Column, Table, numbers, words};
use super::words::{date, maybe, rate, rounded};
use super::{Own, Scene, Server};

/// What is open at one of them.
#[derive(Serialize)]
pub(super) struct Open {
    id: String,
    kind: &'static str,
    state: &'static str,
    connections: u64,
    promises: u64,
    clients: u64,
    waiting: u64,
    maxconns: Option<u32>,
    #[serde(rename = "requests_per_second")]
    rate: Option<f64>,
}

pub(super) fn connections(servers: &[&Server]) -> Vec<Open> {
    let open = |server: &&Server| Open {
        id: server.id.to_string(),
        kind: server.kind.as_str(),
        state: server.state.as_str(),
        connections: server.connections,
        promises: server.promises,
        clients: server.clients,
        waiting: server.waiting,
        maxconns: match &server.own {
            Own::Virtual(_) => None,
            Own::Real(own) => own.maxconns,
            Own::Dip(own) => own.serving.maxconns,
            Own::Url(own) => {
                let link = own.link.as_ref();
                link.and_then(|link| link.maxconns).or(own.maxconns)
            }
        },
        rate: rounded(server.rate),
    };
    servers.iter().map(open).collect()
}

const CONNECTIONS: [Column; 9] = [
    words("Machine"),
    words("Kind"),
    words("State"),
    numbers("Connect"),
    numbers("Maxconns"),
    numbers("Promises"),
    numbers("Clients"),
    numbers("Waiting"),
    numbers("Rate/s"),
];

pub(super) fn connection_table(all: &[Open]) -> Table {
    let mut table = Table::new(&CONNECTIONS);
    for one in all {
        table.row([
            one.id.clone(),
            one.kind.to_owned(),
            one.state.to_owned(),
            one.connections.to_string(),
            maybe(one.maxconns),
            one.promises.to_string(),
            one.clients.to_string(),
            one.waiting.to_string(),
            rate(one.rate),
        ]);
    }
    table
}

/// What is open in all.
pub(super) fn open_line(scene: &Scene) -> String {
    let totals = &scene.totals;
    format!(
        "{} connections of clients are open, {} came so far; {} requests wait; {} requests a second\n",
        totals.open,
        totals.connected,
        totals.waiting,
        rate(totals.rate)
    )
}

/// How often one thing happened.
#[derive(Serialize)]
pub(super) struct Counted {
    /// The server; `-`: none in particular, `(removed)`: all that are configured no more.
    server: String,
    kind: Option<&'static str>,
    word: &'static str,
    count: u64,
}

/// Of all servers, and of none in particular where `all` is asked for.
pub(super) fn statistics(scene: &Scene, servers: &[&Server], all: bool) -> Vec<Counted> {
    let mut counted = Vec::new();
    let mut count = |server: &str, kind, words: &mut dyn Iterator<Item = (&'static str, u64)>| {
        counted.extend(words.map(|(word, count)| Counted {
            server: server.to_owned(),
            kind,
            word,
            count,
        }));
    };
    if all {
        let totals = &scene.totals;
        let sums = [
            ("requests", totals.requests),
            ("connections", totals.connected),
            ("log-lines-written", totals.lines[0]),
            ("log-lines-dropped", totals.lines[1]),
        ];
        count(
            "-",
            None,
            &mut sums.into_iter().chain(totals.words.iter().copied()),
        );
    }
    for server in servers {
        let came = &server.came;
        let came = [
            ("came-redirected", came.redirects),
            ("came-forwarded", came.forwards),
            ("came-refused", came.refused),
        ];
        let came = came.into_iter().filter(|(_, count)| *count > 0);
        let id = server.id.to_string();
        let kind = Some(server.kind.as_str());
        count(&id, kind, &mut came.chain(server.numbers.words()));
    }
    if all {
        let removed = scene.totals.removed.iter().copied();
        count("(removed)", None, &mut removed.into_iter());
    }
    counted
}

const STATISTICS: [Column; 3] = [words("Server"), words("Reason"), numbers("Count")];

pub(super) fn statistics_table(all: &[Counted]) -> Table {
    let mut table = Table::new(&STATISTICS);
    for one in all {
        table.row([
            one.server.clone(),
            one.word.to_owned(),
            one.count.to_string(),
        ]);
    }
    table
}

/// Since when it is counted.
pub(super) fn since_line(scene: &Scene) -> String {
    match scene.totals.cleared {
        Some(at) => format!("Counted since {}\n", date(scene, at)),
        None => format!(
            "Counted since the start at {}\n",
            date(scene, scene.director.started)
        ),
    }
}
