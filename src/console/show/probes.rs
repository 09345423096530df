//! `show probe`: what each probe asks, and what it last came to where.

use serde::Serialize;

use super::select::near;
use super::table::{Column, Table, numbers, texts, words};
use super::words::{NOTHING, clock, iso, millis, ms};
use super::{ProbeSeen, Scene};

/// The probe that is named; `None`: all.
pub(super) fn named<'s>(
    scene: &'s Scene,
    name: Option<&str>,
) -> Result<Vec<&'s ProbeSeen>, String> {
    let Some(name) = name else {
        return Ok(scene.probes.iter().collect());
    };
    let found: Vec<_> = scene.probes.iter().filter(|p| &*p.name == name).collect();
    match found.is_empty() {
        true => Err(near(
            name,
            "probe",
            scene.probes.iter().map(|p| p.name.to_string()),
        )),
        false => Ok(found),
    }
}

const PROBES: [Column; 8] = [
    words("Probe"),
    texts("Asks", 16),
    numbers("Interval"),
    numbers("Timeout"),
    numbers("Rise"),
    numbers("Fall"),
    numbers("Ok"),
    numbers("Failed"),
];

pub(super) fn probes(probes: &[&ProbeSeen]) -> Table {
    let mut table = Table::new(&PROBES);
    for probe in probes {
        let [ok, failed] = probe.results;
        table.row([
            probe.name.to_string(),
            probe.asks.clone(),
            probe.interval_s.to_string(),
            probe.timeout_s.to_string(),
            probe.rise.to_string(),
            probe.fall.to_string(),
            ok.to_string(),
            failed.to_string(),
        ]);
    }
    table
}

const RESULTS: [Column; 7] = [
    words("Probe"),
    words("Server"),
    words("Last"),
    numbers("Ms"),
    words("At"),
    words("Next"),
    texts("Why", 16),
];

pub(super) fn results(scene: &Scene, probes: &[&ProbeSeen]) -> Table {
    let mut table = Table::new(&RESULTS);
    for probe in probes {
        for server in &probe.servers {
            let told = match &server.last {
                Some(last) => [
                    word(last.ok).to_owned(),
                    ms(Some(last.took_us)),
                    clock(scene, last.at),
                    clock(scene, last.next),
                    last.why.to_string(),
                ],
                None => [NOTHING, NOTHING, NOTHING, NOTHING, "not asked yet"].map(str::to_owned),
            };
            let names = [probe.name.to_string(), server.id.to_string()];
            table.row(names.into_iter().chain(told));
        }
    }
    table
}

fn word(ok: bool) -> &'static str {
    if ok { "ok" } else { "failed" }
}

#[derive(Serialize)]
struct ProbeJson<'a> {
    probe: &'a str,
    asks: &'a str,
    interval_seconds: u32,
    timeout_seconds: u32,
    rise: u8,
    fall: u8,
    ok: u64,
    failed: u64,
    servers: Vec<ResultJson<'a>>,
}

#[derive(Serialize)]
struct ResultJson<'a> {
    id: String,
    last: Option<&'static str>,
    why: Option<&'a str>,
    took_ms: Option<f64>,
    at: Option<String>,
    next: Option<String>,
}

pub(super) fn json<'a>(probes: &[&'a ProbeSeen]) -> impl Serialize + 'a {
    let one = |probe: &&'a ProbeSeen| {
        let servers = probe.servers.iter().map(|server| {
            let last = server.last.as_ref();
            ResultJson {
                id: server.id.to_string(),
                last: last.map(|last| word(last.ok)),
                why: last.map(|last| &*last.why),
                took_ms: last.map(|last| millis(last.took_us)),
                at: last.map(|last| iso(last.at)),
                next: last.map(|last| iso(last.next)),
            }
        });
        ProbeJson {
            probe: &probe.name,
            asks: &probe.asks,
            interval_seconds: probe.interval_s,
            timeout_seconds: probe.timeout_s,
            rise: probe.rise,
            fall: probe.fall,
            ok: probe.results[0],
            failed: probe.results[1],
            servers: servers.collect(),
        }
    };
    probes.iter().map(one).collect::<Vec<_>>()
}
