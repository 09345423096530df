//! A scene as an exposition: one family after the other.

use std::collections::HashMap;

use super::exposition::Exposition;
use super::families::*;
use super::process::Process;
use super::scene::Scene;
use crate::control::Kind;
use crate::decide::Reason;
use crate::health::State;
use crate::model::Id;
use crate::telemetry::{Cause, Event, Numbers, QueueEvent};

/// Stands where no server served; no id can look like it.
const NOBODY: &str = "(none)";
/// Stands for all servers that are configured no more.
const REMOVED: &str = "(removed)";

/// Words among the refusals that speak of a server's failing, not of a client's.
const GATEWAY: [&str; 3] = ["reset", "unanswered", "bad-answer"];

/// What stands for a cause as a label.
const CAUSES: [(Cause, &str); 4] = [
    (Cause::NoConnection, "no-connection"),
    (Cause::Reset, "reset"),
    (Cause::NoAnswer, "no-answer"),
    (Cause::BadAnswer, "bad-answer"),
];

const FAILED: [Event; 5] = [
    Event::ConnectFailed,
    Event::Reset,
    Event::Unanswered,
    Event::BadAnswer,
    Event::ServerError,
];

const QUEUED: [(QueueEvent, &str); 5] = [
    (QueueEvent::Entered, "entered"),
    (QueueEvent::Served, "served"),
    (QueueEvent::TimedOut, "timed-out"),
    (QueueEvent::ClientGone, "client-gone"),
    (QueueEvent::Full, "full"),
];

/// A server's or url's numbers under its name.
struct Named<'a> {
    name: String,
    url: bool,
    numbers: &'a Numbers,
}

/// The whole exposition.
pub(super) fn render(scene: &Scene, process: Option<&Process>) -> String {
    let mut out = Exposition::default();
    let totals = &scene.counts.totals;
    let rows = scene.counts.rows.iter().map(|row| Named {
        name: row.server.id.to_string(),
        url: matches!(row.server.id, Id::Url(_)),
        numbers: &row.numbers,
    });
    let gone = [(true, &totals.gone_urls), (false, &totals.gone_servers)];
    let gone = gone.map(|(url, numbers)| Named {
        name: REMOVED.to_owned(),
        url,
        numbers,
    });
    let rows: Vec<Named<'_>> = rows.chain(gone).collect();
    out.family(&BUILD);
    out.sample(&BUILD, &[("version", env!("CARGO_PKG_VERSION"))], 1u64);
    out.family(&REQUESTS);
    out.sample(&REQUESTS, &[], totals.requests);
    decisions(&mut out, scene, &rows);
    refusals(&mut out, scene);
    exchanges(&mut out, &rows);
    traffic(&mut out, scene, &rows);
    connections(&mut out, scene);
    states(&mut out, scene);
    queue(&mut out, scene);
    probes(&mut out, scene);
    affairs(&mut out, scene);
    own(&mut out, process);
    out.into_text()
}

/// A family of one number a server, where there is any.
fn each(out: &mut Exposition, family: &Family, rows: &[Named<'_>], of: impl Fn(&Named<'_>) -> u64) {
    out.family(family);
    let mut removed = 0;
    for row in rows {
        match of(row) {
            0 => {}
            count if row.name == REMOVED => removed += count,
            count => out.sample(family, &[("server", &row.name)], count),
        }
    }
    if removed > 0 {
        out.sample(family, &[("server", REMOVED)], removed);
    }
}

/// A family of several numbers a server, told apart by a second label.
fn each_of<W: Copy>(
    out: &mut Exposition,
    family: &Family,
    rows: &[Named<'_>],
    words: impl Iterator<Item = (W, &'static str)> + Clone,
    of: impl Fn(&Named<'_>, W) -> u64,
) {
    out.family(family);
    let mut removed: HashMap<&str, u64> = HashMap::new();
    for row in rows {
        for (what, word) in words.clone() {
            match of(row, what) {
                0 => {}
                count if row.name == REMOVED => *removed.entry(word).or_default() += count,
                count => {
                    let labels = [("server", &*row.name), (family.labels[1], word)];
                    out.sample(family, &labels, count);
                }
            }
        }
    }
    for (_, word) in words {
        if let Some(count) = removed.get(word) {
            let labels = [("server", REMOVED), (family.labels[1], word)];
            out.sample(family, &labels, *count);
        }
    }
}

fn decisions(out: &mut Exposition, scene: &Scene, rows: &[Named<'_>]) {
    // A url that was only passed over was not decided for.
    let reasons = Reason::ALL.iter().filter(|r| **r != Reason::Loop);
    let reasons = reasons.map(|r| (*r, r.as_str()));
    each_of(out, &DECISIONS, rows, reasons, |row, reason| {
        row.numbers.decisions(reason)
    });
    for (reason, count) in Reason::ALL.iter().zip(scene.counts.totals.unserved) {
        if count > 0 {
            let labels = [("server", NOBODY), ("reason", reason.as_str())];
            out.sample(&DECISIONS, &labels, count);
        }
    }
    let picked = |url: bool| {
        move |row: &Named<'_>| {
            if row.url == url {
                row.numbers.picked()
            } else {
                0
            }
        }
    };
    each(out, &REDIRECTS, rows, picked(true));
    each(out, &FORWARDS, rows, picked(false));
    each(out, &LOOPS, rows, |row| row.numbers.decisions(Reason::Loop));
}

fn refusals(out: &mut Exposition, scene: &Scene) {
    let rules = &scene.counts.totals.rules;
    out.family(&REFUSED);
    for (rule, count) in rules.iter().filter(|(rule, _)| !GATEWAY.contains(rule)) {
        out.sample(&REFUSED, &[("rule", rule)], *count);
    }
    out.family(&GATEWAY_ERRORS);
    for cause in GATEWAY {
        let count = rules.get(cause).copied().unwrap_or(0);
        out.sample(&GATEWAY_ERRORS, &[("cause", cause)], count);
    }
}

fn exchanges(out: &mut Exposition, rows: &[Named<'_>]) {
    each_of(
        out,
        &REASSIGNMENTS,
        rows,
        CAUSES.into_iter(),
        |row, cause| row.numbers.left(cause),
    );
    each(out, &RETRIES, rows, |row| {
        row.numbers.events(Event::Retried)
    });
    let failed = FAILED.iter().map(|event| (*event, event.as_str()));
    each_of(out, &FAILURES, rows, failed, |row, event| {
        row.numbers.events(event)
    });
    for (family, event) in [
        (&CLIENT_ABORTS, Event::ClientGone),
        (&TUNNELS, Event::Tunnel),
        (&CAME_BACK, Event::CameBack),
        (&SUSPECTED, Event::Suspected),
    ] {
        each(out, family, rows, |row| row.numbers.events(event));
    }
}

fn traffic(out: &mut Exposition, scene: &Scene, rows: &[Named<'_>]) {
    let directions = [(true, "to-server"), (false, "to-client")];
    each_of(
        out,
        &BYTES,
        rows,
        directions.into_iter(),
        |row, to_server| {
            let traffic = row.numbers.traffic();
            traffic.map_or(0, |t| if to_server { t.to_server } else { t.to_client })
        },
    );
    out.family(&SPARED);
    if let Some(spared) = spared(scene, rows) {
        out.sample(&SPARED, &[], spared);
    }
    out.family(&ANSWERS);
    // No answer comes from a url, not even from those that are gone.
    for row in rows.iter().filter(|row| !row.url) {
        if let Some(traffic) = row.numbers.traffic() {
            out.histogram(&ANSWERS, &[("server", &row.name)], &traffic.answers);
        }
    }
}

/// See the help of [`SPARED`].
fn spared(scene: &Scene, rows: &[Named<'_>]) -> Option<f64> {
    let passed = rows.iter().filter_map(|row| row.numbers.traffic());
    let (answers, bytes) = passed.fold((0, 0), |(answers, bytes), traffic| {
        (answers + traffic.answers.count(), bytes + traffic.to_client)
    });
    let redirects = scene.counts.rows.iter();
    let redirects = redirects.filter(|row| scene.unlinked.contains(&row.server.id));
    let redirects: u64 = redirects.map(|row| row.numbers.picked()).sum();
    (answers > 0).then(|| redirects as f64 * bytes as f64 / answers as f64)
}

fn connections(out: &mut Exposition, scene: &Scene) {
    let totals = &scene.counts.totals;
    out.family(&ACCEPTED);
    out.sample(&ACCEPTED, &[], totals.connected);
    out.family(&OPEN);
    out.sample(&OPEN, &[], totals.open());
}

fn states(out: &mut Exposition, scene: &Scene) {
    // The published configuration may be newer than the states: who is not in both is left out.
    let servers: Vec<_> = scene
        .states
        .iter()
        .filter_map(|(id, kind, state)| {
            let node = scene.live.snapshot.node(id)?;
            Some((*kind, state.as_str(), id.to_string(), node))
        })
        .collect();
    let gauges = |node| scene.live.loads.gauges(node);
    out.family(&SERVER_CONNECTIONS);
    for (kind, _, name, node) in &servers {
        if matches!(kind, Kind::Real | Kind::Dip) {
            let open = gauges(*node).connections();
            out.sample(&SERVER_CONNECTIONS, &[("server", name)], open);
        }
    }
    out.family(&PROMISES);
    for (kind, _, name, node) in &servers {
        if *kind == Kind::Dip {
            let promises = gauges(*node).promises(scene.now);
            out.sample(&PROMISES, &[("server", name)], promises);
        }
    }
    out.family(&STICKY);
    for (kind, _, name, node) in &servers {
        if *kind != Kind::Virtual && scene.live.loads.sticks().is_some() {
            let clients = gauges(*node).clients();
            out.sample(&STICKY, &[("server", name)], clients);
        }
    }
    out.family(&STATE);
    let mut sums: HashMap<(Kind, &str), u64> = HashMap::new();
    for (kind, state, name, _) in &servers {
        let labels = [
            ("server", &**name),
            ("kind", kind.as_str()),
            ("state", *state),
        ];
        out.sample(&STATE, &labels, 1u64);
        *sums.entry((*kind, *state)).or_default() += 1;
    }
    out.family(&SERVERS);
    for kind in Kind::ALL {
        for state in State::ALL.map(State::as_str) {
            let count = sums.get(&(kind, state)).copied().unwrap_or(0);
            out.sample(
                &SERVERS,
                &[("kind", kind.as_str()), ("state", state)],
                count,
            );
        }
    }
}

fn queue(out: &mut Exposition, scene: &Scene) {
    let totals = &scene.counts.totals;
    out.family(&WAITING);
    out.sample(&WAITING, &[], totals.waiting());
    out.family(&QUEUE);
    for (event, word) in QUEUED {
        out.sample(&QUEUE, &[("event", word)], totals.queue[event as usize]);
    }
}

fn probes(out: &mut Exposition, scene: &Scene) {
    out.family(&PROBES);
    for (name, probed) in &scene.probes {
        for (word, count) in [("ok", probed.ok), ("failed", probed.failed)] {
            out.sample(&PROBES, &[("probe", name), ("result", word)], count);
        }
    }
    out.family(&PROBE_TIMES);
    for (name, probed) in &scene.probes {
        out.histogram(&PROBE_TIMES, &[("probe", name)], &probed.took);
    }
    out.family(&PROBE_LAST);
    for (name, probed) in &scene.probes {
        for (server, at) in &probed.last_ok {
            let server = server.to_string();
            let labels = [("server", &*server), ("probe", &**name)];
            out.sample(&PROBE_LAST, &labels, seconds(*at));
        }
    }
}

fn affairs(out: &mut Exposition, scene: &Scene) {
    out.family(&CERTIFICATES);
    for (name, ends_s) in &scene.certificates {
        out.sample(&CERTIFICATES, &[("certificate", name)], *ends_s as f64);
    }
    out.family(&RELOADS);
    for (word, count) in ["ok", "refused"].into_iter().zip(scene.reloads) {
        out.sample(&RELOADS, &[("result", word)], count);
    }
    out.family(&RELOADED);
    if let Some(at) = scene.reloaded_at {
        out.sample(&RELOADED, &[], seconds(at));
    }
    out.family(&LOG_LINES);
    for (word, count) in ["written", "dropped"].into_iter().zip(scene.lines) {
        out.sample(&LOG_LINES, &[("result", word)], count);
    }
}

fn own(out: &mut Exposition, process: Option<&Process>) {
    let Some(process) = process else {
        return;
    };
    out.family(&CPU);
    out.sample(&CPU, &[], process.cpu_s);
    out.family(&STARTED);
    out.sample(&STARTED, &[], process.started_s);
    for (family, value) in [
        (&RESIDENT, Some(process.resident)),
        (&VIRTUAL, Some(process.virtual_size)),
        (&THREADS, Some(process.threads)),
        (&FDS, process.fds),
        (&MAX_FDS, process.max_fds),
    ] {
        out.family(family);
        if let Some(value) = value {
            out.sample(family, &[], value);
        }
    }
}

fn seconds(milliseconds: u64) -> f64 {
    milliseconds as f64 / 1e3
}
