//! Instructions of a decision over 2 and over 100,000 slots (needs valgrind and gungraun-runner).

#![expect(missing_docs, reason = "the macros make items without any")]

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use signpost::decide::{
    Ask, Attempt, Decision, Facts, Loads, Millis, Moment, Past, Snapshot, decide,
};
use signpost::model::{Endpoint, Scheme, load};

/// Decisions a run, so that the first one's cold start weighs little.
const DECISIONS: u64 = 1_000;

fn wide(predictor: &str, count: usize) -> (Snapshot, Loads) {
    let mut text = format!("virtual 1.1.1.1\npredictor 1.1.1.1 {predictor}\n");
    for i in 0..count {
        let real = format!("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255);
        let weight = i % 5 + 1;
        let _ = write!(
            text,
            "dip {real} 127.0.0.1:{}:{}\nurl u{i} http://h{i}.acme.com/%d\nlink u{i} {real}\nbind 1.1.1.1 u{i}\nweight {real} {weight}\n",
            i % 60_000 + 1,
            i / 60_000,
        );
    }
    let model = load("bench", text.as_bytes())
        .model
        .expect("a configuration that holds");
    Snapshot::compile(&model, &Facts::default(), None)
}

#[library_benchmark(setup = wide)]
#[bench::roundrobin_2("roundrobin", 2)]
#[bench::roundrobin_100000("roundrobin", 100_000)]
#[bench::weighted_2("weighted", 2)]
#[bench::weighted_100000("weighted", 100_000)]
#[bench::random_2("random", 2)]
#[bench::random_100000("random", 100_000)]
#[bench::hash_2("hash source", 2)]
#[bench::hash_100000("hash source", 100_000)]
#[bench::leastconns_2("leastconns", 2)]
#[bench::leastconns_64("leastconns", 64)]
#[bench::leastconns_100000("leastconns", 100_000)]
#[bench::loaded_100000("loaded", 100_000)]
#[bench::fastest_100000("fastest", 100_000)]
fn decisions((snapshot, loads): (Snapshot, Loads)) -> (u64, Snapshot, Loads) {
    let mut sum = 0;
    for n in 0..DECISIONS {
        let ask = Ask {
            at: Endpoint::new([1, 1, 1, 1].into(), Endpoint::HTTP),
            client: (n as u32).to_be_bytes().into(),
            scheme: Scheme::Http,
            method: Cow::Borrowed("GET"),
            host: Cow::Borrowed("www.acme.com"),
            port: 80,
            target: Cow::Borrowed("/"),
            past: Past::default(),
        };
        let draw = n.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let moment = Moment {
            now: Millis(1),
            draw,
        };
        let decision: Decision = decide(
            black_box(&ask),
            &snapshot,
            &loads,
            moment,
            &mut Attempt::default(),
        );
        sum += decision.reason as u64;
    }
    // Given back, so that dropping it is not counted.
    (black_box(sum), snapshot, loads)
}

library_benchmark_group!(name = group; benchmarks = decisions);
main!(library_benchmark_groups = group);
