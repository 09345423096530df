//! Wall time of compiling a farm, deciding an ask and building a `Location`.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use signpost::decide::{
    Action, Ask, Attempt, Facts, Health, Loads, Millis, Moment, Past, Snapshot, decide,
    write_location,
};
use signpost::model::{Endpoint, Id, Model, Scheme, load};

const PREDICTORS: [&str; 7] = [
    "roundrobin",
    "weighted",
    "random",
    "leastconns",
    "loaded",
    "fastest",
    "hash source",
];

fn model(text: &str) -> Model {
    let loaded = load("bench", text.as_bytes());
    loaded.model.expect("a configuration that holds")
}

/// One virtual with `count` urls linked to dips of differing weights.
fn wide(count: usize, predictor: &str) -> Model {
    let mut text = format!("virtual 1.1.1.1\npredictor 1.1.1.1 {predictor}\n");
    for i in 0..count {
        let dip = format!("10.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255);
        let weight = i % 5 + 1;
        let _ = write!(
            text,
            "dip {dip} 127.{}.{}.{}\nurl u{i} http://h{i}.acme.com/%d\nlink u{i} {dip}\nbind 1.1.1.1 u{i}\nweight {dip} {weight}\n",
            i >> 16,
            i >> 8 & 255,
            i & 255,
        );
    }
    model(&text)
}

/// A tenth as many virtuals as urls, dips and reals.
fn farm(count: usize) -> Model {
    let mut text = String::new();
    for i in 0..count {
        let end = format!("{}.{}.{}", i >> 16, i >> 8 & 255, i & 255);
        let v = i / 10;
        let v = format!("9.{}.{}.{}", v >> 16, v >> 8 & 255, v & 255);
        if i % 10 == 0 {
            let predictor = PREDICTORS[i / 10 % PREDICTORS.len()];
            let _ = write!(text, "virtual {v}\npredictor {v} {predictor}\n");
        }
        let weight = i % 3 + 1;
        let _ = write!(
            text,
            "dip 10.{end} 127.{end}\nreal 20.{end}\nurl u{i} http://h{i}.acme.com/%d\nlink u{i} 10.{end}\n\
             bind {v} u{i} 20.{end}\nbackup u{i} 20.{end}\nweight 20.{end} {weight}\n"
        );
    }
    model(&text)
}

fn ask() -> Ask<'static> {
    let address = [1, 1, 1, 1].into();
    Ask {
        at: Endpoint::new(address, Endpoint::HTTP),
        client: [192, 0, 2, 1].into(),
        scheme: Scheme::Http,
        method: Cow::Borrowed("GET"),
        host: Cow::Borrowed("www.acme.com"),
        port: 80,
        target: Cow::Borrowed("/some/where?with=a&query=too"),
        past: Past::default(),
    }
}

fn one(ask: &Ask<'_>, snapshot: &Snapshot, loads: &Loads, draw: u64) -> Action {
    let moment = Moment {
        now: Millis(1),
        draw,
    };
    decide(ask, snapshot, loads, moment, &mut Attempt::default()).action
}

fn decisions(c: &mut Criterion) {
    let mut group = c.benchmark_group("decide");
    for predictor in PREDICTORS {
        for count in [2, 100, 100_000] {
            let (snapshot, loads) =
                Snapshot::compile(&wide(count, predictor), &Facts::default(), None);
            let mut draw = 1u64;
            group.bench_function(BenchmarkId::new(predictor, count), |b| {
                b.iter(|| {
                    draw = draw.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(1);
                    one(black_box(&ask()), &snapshot, &loads, draw)
                });
            });
        }
    }
    group.finish();

    let (snapshot, loads) = Snapshot::compile(&wide(10, "roundrobin"), &Facts::default(), None);
    let mut out = Vec::with_capacity(1024);
    c.bench_function("redirect, decision and Location", |b| {
        let ask = ask();
        b.iter(|| {
            out.clear();
            if let Action::Redirect { url, .. } = one(black_box(&ask), &snapshot, &loads, 1) {
                let _ = write_location(snapshot.template(url), &ask, &mut out);
            }
            out.len()
        });
    });
}

fn compilations(c: &mut Criterion) {
    let mut group = c.benchmark_group("compile");
    group
        .sample_size(10)
        .measurement_time(Duration::from_secs(5));
    for count in [1_000, 10_000, 100_000] {
        let model = farm(count);
        group.throughput(Throughput::Elements(count as u64));
        group.bench_function(BenchmarkId::from_parameter(count), |b| {
            b.iter(|| Snapshot::compile(&model, &Facts::default(), None));
        });
    }
    group.finish();

    let mut group = c.benchmark_group("flip of one of 100000");
    group.sample_size(10);
    for predictor in PREDICTORS {
        let (snapshot, _) = Snapshot::compile(&wide(100_000, predictor), &Facts::default(), None);
        let dip = Id::Endpoint(Endpoint::new([10, 0, 0, 77].into(), Endpoint::HTTP));
        let node = snapshot.node(&dip).expect("a dip");
        group.bench_function(predictor, |b| {
            b.iter(|| snapshot.with_health(&[(node, Health::Failed)]));
        });
    }
    group.finish();
}

fn locations(c: &mut Criterion) {
    let mut group = c.benchmark_group("location");
    for (name, url) in [
        ("literal", "http://a.com/x"),
        ("path", "http://a.com/%d"),
        ("all", "https://%h:%s/%u?%q"),
    ] {
        let model = model(&format!("virtual 1.1.1.1\nurl u {url}\nbind 1.1.1.1 u\n"));
        let template = &model.urls[0].template;
        let ask = ask();
        let mut out = Vec::with_capacity(1024);
        group.bench_function(name, |b| {
            b.iter(|| {
                out.clear();
                let _ = write_location(black_box(template), &ask, &mut out);
                out.len()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, decisions, compilations, locations);
criterion_main!(benches);
