//! Loading a configuration: its time grows in proportion to its size.

use std::fmt::Write;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};

/// A farm of `size` urls, reals and dips, and a tenth of that of virtuals: binds of all, links of the urls, backups of the dips.
fn farm(size: u32) -> String {
    let mut text = String::new();
    let ten = |n: u32| format!("10.{}.{}.{}", n >> 16, n >> 8 & 255, n & 255);
    let virtuals = (size / 10).max(1);
    for n in 0..virtuals {
        let _ = writeln!(text, "virtual {}:8000", ten(n));
    }
    for n in 0..size {
        let _ = writeln!(text, "real {}:9000", ten(n));
        let _ = writeln!(text, "dip {}:7000 {}:7001", ten(n), ten(n));
        let _ = writeln!(text, "url u{n} http://www{n}.example.com:7000/%d");
        let _ = writeln!(text, "bind {}:8000 {}:9000 u{n}", ten(n % virtuals), ten(n));
        let _ = writeln!(text, "link u{n} {}:7000", ten(n));
    }
    text
}

fn load(c: &mut Criterion) {
    let mut group = c.benchmark_group("load");
    group.sample_size(10);
    for size in [1_000, 10_000, 100_000] {
        let text = farm(size);
        group.throughput(Throughput::Elements(text.lines().count() as u64));
        group.bench_with_input(BenchmarkId::from_parameter(size), &text, |b, text| {
            b.iter(|| {
                let loaded = signpost::model::load("farm", black_box(text.as_bytes()));
                assert!(loaded.model.is_some());
                loaded
            });
        });
    }
    group.finish();
}

criterion_group!(benches, load);
criterion_main!(benches);
