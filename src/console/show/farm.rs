//! `show virtual`, `show real`: the LocalDirector's columns first, then what it never had.

use serde::Serialize;

use super::table::{Column, Table, numbers, texts, words};
use super::words::{NOTHING, clock, iso, maybe, millis, ms, rate, rounded, wanted};
use super::{DipSeen, Own, Scene, Server, ServingSeen};
use crate::health::State;
use crate::telemetry::Cause;

/// So narrow may be cut why something is as it is.
pub(super) const WHY: usize = 12;

/// What every kind has, in JSON.
#[derive(Serialize)]
pub(super) struct Common<'a> {
    id: String,
    kind: &'static str,
    description: Option<&'a str>,
    intent: &'static str,
    state: &'static str,
    since: String,
    why: &'a str,
    connections: u64,
    promises: u64,
    #[serde(rename = "requests_per_second")]
    rate: Option<f64>,
    backup: Option<String>,
}

impl<'a> Common<'a> {
    pub(super) fn of(server: &'a Server) -> Common<'a> {
        Common {
            id: server.id.to_string(),
            kind: server.kind.as_str(),
            description: server.description.as_deref(),
            intent: wanted(server.intent),
            state: server.state.as_str(),
            since: iso(server.since),
            why: &server.why,
            connections: server.connections,
            promises: server.promises,
            rate: rounded(server.rate),
            backup: server.backup.as_ref().map(ToString::to_string),
        }
    }
}

/// How a virtual, or the virtual half of a dip, is reached: `local`, `direct`.
fn mode(server: &Server) -> &'static str {
    match server.own {
        Own::Dip(_) => "direct",
        _ => "local",
    }
}

const VIRTUAL: [Column; 15] = [
    words("Machine"),
    words("Mode"),
    words("State"),
    numbers("Connect"),
    words("Sticky"),
    words("Predictor"),
    numbers("Slowstart"),
    numbers("Rate/s"),
    numbers("Promises"),
    numbers("Redirects"),
    numbers("Forwards"),
    numbers("Refused"),
    numbers("Waiting"),
    words("Since"),
    texts("Why", WHY),
];

pub(super) fn virtuals(scene: &Scene, servers: &[&Server]) -> Table {
    let mut table = Table::new(&VIRTUAL);
    for server in servers {
        let [sticky, predictor, slowstart] = match &server.own {
            Own::Virtual(own) => [
                match &own.sticky {
                    Some((minutes, by)) => format!("{minutes} {by}"),
                    None => "0".to_owned(),
                },
                own.predictor.to_string(),
                own.slowstart_s.to_string(),
            ],
            _ => [NOTHING, NOTHING, NOTHING].map(str::to_owned),
        };
        table.row([
            server.id.to_string(),
            mode(server).to_owned(),
            virtual_state(server).as_str().to_owned(),
            server.connections.to_string(),
            sticky,
            predictor,
            slowstart,
            rate(server.rate),
            server.promises.to_string(),
            server.came.redirects.to_string(),
            server.came.forwards.to_string(),
            server.came.refused.to_string(),
            server.waiting.to_string(),
            clock(scene, server.since),
            server.why.to_string(),
        ]);
    }
    table
}

fn virtual_state(server: &Server) -> State {
    match &server.own {
        Own::Dip(dip) => dip.virtual_state,
        _ => server.state,
    }
}

#[derive(Serialize)]
struct Sticky<'a> {
    minutes: u32,
    by: &'a str,
}

#[derive(Serialize)]
struct VirtualJson<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    mode: &'static str,
    virtual_state: &'static str,
    listens: Vec<String>,
    sticky: Option<Sticky<'a>>,
    predictor: Option<&'a str>,
    slowstart_seconds: Option<u32>,
    targets: Option<Vec<String>>,
    keepalive: Option<bool>,
    redirects: u64,
    forwards: u64,
    refused: u64,
    waiting: u64,
}

pub(super) fn virtuals_json<'a>(servers: &'a [&'a Server]) -> impl Serialize + 'a {
    let one = |server: &&'a Server| {
        let (own, listens) = match &server.own {
            Own::Virtual(own) => (Some(own), &own.listens[..]),
            Own::Dip(dip) => (None, &dip.listens[..]),
            _ => (None, &[][..]),
        };
        VirtualJson {
            common: Common::of(server),
            mode: mode(server),
            virtual_state: virtual_state(server).as_str(),
            listens: listens.iter().map(ToString::to_string).collect(),
            sticky: own
                .and_then(|own| own.sticky.as_ref())
                .map(|(minutes, by)| Sticky {
                    minutes: *minutes,
                    by,
                }),
            predictor: own.map(|own| &*own.predictor),
            slowstart_seconds: own.map(|own| own.slowstart_s),
            targets: own.map(|own| own.targets.iter().map(|(id, _)| id.to_string()).collect()),
            keepalive: own.map(|own| own.keepalive),
            redirects: server.came.redirects,
            forwards: server.came.forwards,
            refused: server.came.refused,
            waiting: server.waiting,
        }
    };
    servers.iter().map(one).collect::<Vec<_>>()
}

/// Requests that left a server for another one: all, for its silence, for a refusal or a reset.
fn left(server: &Server) -> [u64; 3] {
    let left = |cause| server.numbers.left(cause);
    [
        Cause::ALL.into_iter().map(left).sum(),
        left(Cause::NoAnswer),
        left(Cause::NoConnection) + left(Cause::Reset),
    ]
}

fn serving(server: &Server) -> Option<(&ServingSeen, State)> {
    match &server.own {
        Own::Real(real) => Some((real, server.state)),
        Own::Dip(dip) => Some((&dip.serving, dip.real_state)),
        _ => None,
    }
}

/// Where the real half of a dip is, where that is elsewhere.
fn place(server: &Server) -> Option<String> {
    let elsewhere = |dip: &&DipSeen| crate::model::Id::Endpoint(dip.real) != server.id;
    match &server.own {
        Own::Dip(dip) => Some(dip).filter(elsewhere).map(|dip| dip.real.to_string()),
        _ => None,
    }
}

const REAL: [Column; 17] = [
    words("Machine"),
    words("Mode"),
    numbers("Connect"),
    words("State"),
    numbers("Thresh"),
    numbers("Reassigned"),
    numbers("NoAnswer"),
    numbers("Reset"),
    numbers("Weight"),
    numbers("Maxconns"),
    numbers("Rate/s"),
    numbers("Resp ms"),
    numbers("Promises"),
    texts("Probes", 8),
    words("At"),
    words("Since"),
    texts("Why", WHY),
];

pub(super) fn reals(scene: &Scene, servers: &[&Server]) -> Table {
    let mut table = Table::new(&REAL);
    for server in servers {
        let Some((own, state)) = serving(server) else {
            continue;
        };
        let [all, silent, reset] = left(server);
        let weight = match own.share {
            100 => own.weight.to_string(),
            share => format!("{} x {share} %", own.weight),
        };
        table.row([
            server.id.to_string(),
            mode(server).to_owned(),
            server.connections.to_string(),
            state.as_str().to_owned(),
            own.threshold.to_string(),
            all.to_string(),
            silent.to_string(),
            reset.to_string(),
            weight,
            maybe(own.maxconns),
            rate(server.rate),
            ms(server.response_us),
            server.promises.to_string(),
            probes(server),
            maybe(place(server)),
            clock(scene, server.since),
            server.why.to_string(),
        ]);
    }
    table
}

pub(super) fn probes(server: &Server) -> String {
    match server.probes.is_empty() {
        true => NOTHING.to_owned(),
        false => server.probes.join(","),
    }
}

#[derive(Serialize)]
struct RealJson<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    mode: &'static str,
    real_state: &'static str,
    at: Option<String>,
    threshold: u32,
    retry_seconds: u32,
    reassigned: u64,
    no_answer_reassigns: u64,
    reset_reassigns: u64,
    weight: u16,
    share_percent: u16,
    maxconns: Option<u32>,
    priority: Option<char>,
    response_ms: Option<f64>,
    clients: u64,
    probes: &'a [Box<str>],
    figures: Vec<Number<'a>>,
}

#[derive(Serialize)]
struct Number<'a> {
    name: &'a str,
    value: f64,
    source: &'a str,
    at: String,
}

pub(super) fn reals_json<'a>(servers: &'a [&'a Server]) -> impl Serialize + 'a {
    let one = |server: &&'a Server| {
        let (own, state) = serving(server)?;
        let [all, silent, reset] = left(server);
        let number = |(figure, at): &'a (crate::health::Figure, jiff::Timestamp)| Number {
            name: &figure.name,
            value: figure.value,
            source: &figure.source,
            at: iso(*at),
        };
        Some(RealJson {
            common: Common::of(server),
            mode: mode(server),
            real_state: state.as_str(),
            at: place(server),
            threshold: own.threshold,
            retry_seconds: own.retry_s,
            reassigned: all,
            no_answer_reassigns: silent,
            reset_reassigns: reset,
            weight: own.weight,
            share_percent: own.share,
            maxconns: own.maxconns,
            priority: own.priority,
            response_ms: server.response_us.map(millis),
            clients: server.clients,
            probes: &server.probes,
            figures: server.figures.iter().map(number).collect(),
        })
    };
    servers.iter().filter_map(one).collect::<Vec<_>>()
}
