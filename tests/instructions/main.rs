//! A decision costs the same for 2 and for 100,000 bound servers: counted in instructions, by valgrind.
//!
//! The test runs itself once more under callgrind, which counts within [`measured_decisions`] alone and writes one figure a call:
//! the farm is built once and asked through one virtual for each predictor and number of servers. Unoptimized it
//! holds the law for 1,000; for 100,000, and with figures that mean something:
//! `cargo test --release --test instructions -- --nocapture`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::net::Ipv4Addr;
use std::process::Command;

use farm::{DECISIONS, farm, redirects};
use signpost::decide::{Facts, Loads, Snapshot};
use signpost::model::{Endpoint, HashKey, Predictor};

mod farm;

/// Set in the run under valgrind.
const UNDER_VALGRIND: &str = "SIGNPOST_UNDER_VALGRIND";

/// The most bound servers. Unoptimized and under valgrind a farm of 100,000 takes more than a minute to build.
const MOST: usize = if cfg!(debug_assertions) {
    1_000
} else {
    100_000
};

/// Numbers of bound servers; up to the second one, `leastconns`, `loaded` and `fastest` look at all of them.
const SERVERS: [usize; 3] = [2, 64, MOST];

/// How often the first one's cost the last one's may be.
const FACTOR: f64 = 2.0;

/// Every predictor, and whether it may look at more than one server.
const PREDICTORS: [(Predictor, bool); 7] = [
    (Predictor::RoundRobin, false),
    (Predictor::Weighted, false),
    (Predictor::Random, false),
    (Predictor::Hash(HashKey::Source), false),
    (Predictor::LeastConns, true),
    (Predictor::Loaded, true),
    (Predictor::Fastest, true),
];

/// Where the virtual of a predictor, by its place, listens with so many servers, by their place.
fn at(predictor: usize, servers: usize) -> Endpoint {
    let [p, s] = [predictor, servers].map(|n| u8::try_from(n).expect("few"));
    Endpoint::new(Ipv4Addr::new(1, 1, p, s).into(), Endpoint::HTTP)
}

/// Counted by its name.
#[inline(never)]
fn measured_decisions(at: Endpoint, snapshot: &Snapshot, loads: &Loads) -> u64 {
    redirects(at, snapshot, loads)
}

/// Where callgrind writes a figure down, by its name; at [`measured_decisions`] it takes only one order.
#[inline(never)]
fn end_of_figure() {
    black_box(());
}

/// What runs under valgrind: one call a figure, in the order of the two tables.
fn be_measured() {
    let places = (0..PREDICTORS.len()).flat_map(|p| (0..SERVERS.len()).map(move |s| (p, s)));
    let asked: Vec<_> = places
        .map(|(p, s)| (at(p, s), PREDICTORS[p].0, SERVERS[s]))
        .collect();
    let (snapshot, loads) = Snapshot::compile(&farm(&asked), &Facts::default(), None);
    for (at, predictor, servers) in asked {
        // What is made when it is needed first is no part of a decision's cost.
        redirects(at, &snapshot, &loads);
        let redirects = measured_decisions(at, &snapshot, &loads);
        end_of_figure();
        assert_eq!(redirects, DECISIONS, "{predictor:?} over {servers}");
    }
}

/// Runs this test under callgrind: the instructions of each call.
fn figures(test: &str) -> Vec<u64> {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("callgrind.out");
    let ran = Command::new("valgrind")
        .args(["--tool=callgrind", "--combine-dumps=yes"])
        .args([
            "--toggle-collect=*measured_decisions*",
            "--dump-before=*end_of_figure*",
        ])
        .arg(format!("--callgrind-out-file={}", out.display()))
        .arg(std::env::current_exe().expect("a path"))
        .args(["--exact", test, "--test-threads=1"])
        .env(UNDER_VALGRIND, "1")
        .output()
        .expect("valgrind, as tests/run installs it");
    assert!(
        ran.status.success(),
        "{}{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&ran.stderr)
    );
    let written = std::fs::read_to_string(&out).expect("callgrind's figures");
    let totals = written.lines().filter_map(|l| l.strip_prefix("totals: "));
    let counts = totals.map(|n| n.trim().parse().expect("a number"));
    counts.filter(|&n| n > 0).collect()
}

#[test]
fn a_decision_costs_the_same_however_many_servers_are_bound() {
    if std::env::var_os(UNDER_VALGRIND).is_some() {
        return be_measured();
    }
    let figures = figures("a_decision_costs_the_same_however_many_servers_are_bound");
    assert_eq!(figures.len(), PREDICTORS.len() * SERVERS.len());
    let mut table = String::from("instructions a decision\n");
    let _ = writeln!(
        table,
        "{:12} {SERVERS:?}, last to first, last to middle",
        ""
    );
    let mut over = Vec::new();
    for ((predictor, samples), costs) in PREDICTORS.iter().zip(figures.chunks(SERVERS.len())) {
        let each: Vec<u64> = costs.iter().map(|n| n / DECISIONS).collect();
        let ratio = |from: usize| costs[2] as f64 / costs[from] as f64;
        let _ = writeln!(
            table,
            "{:12} {each:?} {:.2} {:.2}",
            predictor.as_str(),
            ratio(0),
            ratio(1)
        );
        // Where a few are looked at, the number of all has no part in it.
        if ratio(usize::from(*samples)) > FACTOR {
            over.push(predictor.as_str());
        }
    }
    #[expect(
        clippy::print_stdout,
        reason = "with --nocapture it is what one runs this for"
    )]
    {
        println!("{table}");
    }
    assert!(over.is_empty(), "over {FACTOR}: {over:?}\n{table}");
}
