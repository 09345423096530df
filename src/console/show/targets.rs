//! `show url`, `show dip`: what is redirected to, own and inherited values told apart, and both halves of a dip.

use serde::Serialize;

use super::farm::{Common, WHY, probes};
use super::table::{Column, Table, numbers, texts, words};
use super::words::{NOTHING, clock, maybe, millis, rate};
use super::{DipSeen, Own, Scene, Server};

/// So narrow may a URL be cut.
const URL: usize = 16;

const URLS: [Column; 17] = [
    words("Url"),
    words("State"),
    words("Own"),
    words("Inherited"),
    numbers("Weight"),
    numbers("OwnWeight"),
    words("Link"),
    texts("URL", URL),
    numbers("Code"),
    numbers("Connect"),
    numbers("Rate/s"),
    numbers("Promises"),
    numbers("Redirects"),
    numbers("Maxconns"),
    texts("Probes", 8),
    words("Since"),
    texts("Why", WHY),
];

pub(super) fn urls(scene: &Scene, servers: &[&Server]) -> Table {
    let mut table = Table::new(&URLS);
    for server in servers {
        let Own::Url(own) = &server.own else {
            continue;
        };
        let link = own.link.as_ref();
        table.row([
            server.id.to_string(),
            server.state.as_str().to_owned(),
            own.state.as_str().to_owned(),
            maybe(link.map(|link| link.state.as_str())),
            // What counts: the inherited one wins.
            link.map_or(u64::from(own.weight), |link| link.weight)
                .to_string(),
            own.weight.to_string(),
            maybe(link.map(|link| &link.id)),
            own.url.to_string(),
            own.code
                .map_or_else(|| "302/307".to_owned(), |code| code.to_string()),
            server.connections.to_string(),
            rate(server.rate),
            server.promises.to_string(),
            server.numbers.picked().to_string(),
            maybe(link.and_then(|link| link.maxconns).or(own.maxconns)),
            probes(server),
            clock(scene, server.since),
            server.why.to_string(),
        ]);
    }
    table
}

#[derive(Serialize)]
struct UrlJson<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    url: &'a str,
    code: Option<u16>,
    link: Option<String>,
    own_state: &'static str,
    inherited_state: Option<&'static str>,
    own_weight: u16,
    inherited_weight: Option<u64>,
    own_maxconns: Option<u32>,
    inherited_maxconns: Option<u32>,
    redirects: u64,
    clients: u64,
    probes: &'a [Box<str>],
}

pub(super) fn urls_json<'a>(servers: &'a [&'a Server]) -> impl Serialize + 'a {
    let one = |server: &&'a Server| {
        let Own::Url(own) = &server.own else {
            return None;
        };
        let link = own.link.as_ref();
        Some(UrlJson {
            common: Common::of(server),
            url: &own.url,
            code: own.code,
            link: link.map(|link| link.id.to_string()),
            own_state: own.state.as_str(),
            inherited_state: link.map(|link| link.state.as_str()),
            own_weight: own.weight,
            inherited_weight: link.map(|link| link.weight),
            own_maxconns: own.maxconns,
            inherited_maxconns: link.and_then(|link| link.maxconns),
            redirects: server.numbers.picked(),
            clients: server.clients,
            probes: &server.probes,
        })
    };
    servers.iter().filter_map(one).collect::<Vec<_>>()
}

const DIPS: [Column; 16] = [
    words("Dip"),
    words("State"),
    words("Virtual"),
    words("Real"),
    words("At"),
    numbers("Connect"),
    numbers("Weight"),
    numbers("Maxconns"),
    numbers("Thresh"),
    numbers("Rate/s"),
    numbers("Promises"),
    numbers("Forwards"),
    texts("Pass", 8),
    words("Backup"),
    words("Since"),
    texts("Why", WHY),
];

/// The ports that are passed on.
fn passed(own: &DipSeen) -> String {
    match own.passes.is_empty() {
        true => NOTHING.to_owned(),
        false => {
            let ports: Vec<String> = own.passes.iter().map(u16::to_string).collect();
            ports.join(",")
        }
    }
}

pub(super) fn dips(scene: &Scene, servers: &[&Server]) -> Table {
    let mut table = Table::new(&DIPS);
    for server in servers {
        let Own::Dip(own) = &server.own else {
            continue;
        };
        table.row([
            server.id.to_string(),
            server.state.as_str().to_owned(),
            own.virtual_state.as_str().to_owned(),
            own.real_state.as_str().to_owned(),
            own.real.to_string(),
            server.connections.to_string(),
            own.serving.weight.to_string(),
            maybe(own.serving.maxconns),
            own.serving.threshold.to_string(),
            rate(server.rate),
            server.promises.to_string(),
            server.came.forwards.to_string(),
            passed(own),
            maybe(server.backup.as_ref()),
            clock(scene, server.since),
            server.why.to_string(),
        ]);
    }
    table
}

#[derive(Serialize)]
struct DipJson<'a> {
    #[serde(flatten)]
    common: Common<'a>,
    virtual_state: &'static str,
    real_state: &'static str,
    at: String,
    listens: Vec<String>,
    passes: &'a [u16],
    weight: u16,
    share_percent: u16,
    maxconns: Option<u32>,
    threshold: u32,
    redirects: u64,
    forwards: u64,
    refused: u64,
    response_ms: Option<f64>,
    probes: &'a [Box<str>],
}

pub(super) fn dips_json<'a>(servers: &'a [&'a Server]) -> impl Serialize + 'a {
    let one = |server: &&'a Server| {
        let Own::Dip(own) = &server.own else {
            return None;
        };
        Some(DipJson {
            common: Common::of(server),
            virtual_state: own.virtual_state.as_str(),
            real_state: own.real_state.as_str(),
            at: own.real.to_string(),
            listens: own.listens.iter().map(ToString::to_string).collect(),
            passes: &own.passes,
            weight: own.serving.weight,
            share_percent: own.serving.share,
            maxconns: own.serving.maxconns,
            threshold: own.serving.threshold,
            redirects: server.came.redirects,
            forwards: server.came.forwards,
            refused: server.came.refused,
            response_ms: server.response_us.map(millis),
            probes: &server.probes,
        })
    };
    servers.iter().filter_map(one).collect::<Vec<_>>()
}
