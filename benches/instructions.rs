//! Instructions of a decision over 2, 64 and 100,000 slots, beside those of the last run (needs valgrind and gungraun-runner).
//!
//! `tests/instructions` holds the law that they obey.

#![expect(missing_docs, reason = "the macros make items without any")]

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use signpost::decide::{Facts, Loads, Snapshot};
use signpost::model::{Endpoint, HashKey, Predictor};

#[path = "../tests/instructions/farm.rs"]
mod farm;

const AT: Endpoint = Endpoint::new(
    std::net::IpAddr::V4(std::net::Ipv4Addr::new(1, 1, 1, 1)),
    Endpoint::HTTP,
);

fn wide(predictor: Predictor, servers: usize) -> (Snapshot, Loads) {
    let model = farm::farm(&[(AT, predictor, servers)]);
    Snapshot::compile(&model, &Facts::default(), None)
}

#[library_benchmark(setup = wide)]
#[bench::roundrobin_2(Predictor::RoundRobin, 2)]
#[bench::roundrobin_100000(Predictor::RoundRobin, 100_000)]
#[bench::weighted_2(Predictor::Weighted, 2)]
#[bench::weighted_100000(Predictor::Weighted, 100_000)]
#[bench::random_2(Predictor::Random, 2)]
#[bench::random_100000(Predictor::Random, 100_000)]
#[bench::hash_2(Predictor::Hash(HashKey::Source), 2)]
#[bench::hash_100000(Predictor::Hash(HashKey::Source), 100_000)]
#[bench::leastconns_2(Predictor::LeastConns, 2)]
#[bench::leastconns_64(Predictor::LeastConns, 64)]
#[bench::leastconns_100000(Predictor::LeastConns, 100_000)]
#[bench::loaded_100000(Predictor::Loaded, 100_000)]
#[bench::fastest_100000(Predictor::Fastest, 100_000)]
fn decisions((snapshot, loads): (Snapshot, Loads)) -> (u64, Snapshot, Loads) {
    let redirects = farm::redirects(AT, &snapshot, &loads);
    // Given back, so that dropping it is not counted.
    (black_box(redirects), snapshot, loads)
}

library_benchmark_group!(name = group; benchmarks = decisions);
main!(library_benchmark_groups = group);
