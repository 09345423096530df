//! Lines typed at a console: how long each takes from the wish to its being in force, on a farm of some hundred servers.

use std::fmt::Write;
use std::hint::black_box;
use std::net::TcpListener;
use std::time::{Duration, Instant};

use criterion::{Criterion, criterion_group, criterion_main};
use signpost::app::{Director, Event, Options};
use signpost::control::{Author, Wish};
use signpost::model::{self, Running};
use tokio::sync::{mpsc, oneshot};

/// So many reals, all bound and watched, and as many urls.
const SERVERS: usize = 300;

fn farm(at: &str) -> String {
    let mut text = format!("hostname bench\nvirtual {at}\nprobe alive tcp interval 3600\n");
    for n in 0..SERVERS {
        let real = format!("127.65.{}.{}:9000", n / 250, n % 250 + 1);
        let _ = writeln!(text, "real {real}\nurl u{n} http://www{n}.example.com/%d");
        let _ = writeln!(text, "bind {at} {real} u{n}\nweight {real} 10");
        let _ = writeln!(
            text,
            "maxconns {real} 1000\ndescription {real} \"rack {n}\""
        );
    }
    text
}

/// The line that is typed as the `n`th.
fn line(n: usize) -> String {
    let server = n * 7 % SERVERS;
    let real = format!("127.65.{}.{}:9000", server / 250, server % 250 + 1);
    match n % 4 {
        0 => format!("weight {real} {}", n % 60_000 + 11),
        1 => format!("out-of-service url u{server} maintenance"),
        2 => format!("in-service url u{server}"),
        _ => format!("url added{} http://added.example.com/{n}/%d", n % 50),
    }
}

async fn apply(wishes: &mpsc::Sender<Wish>, lines: String) {
    let (reply, answer) = oneshot::channel();
    let wish = Wish::Apply {
        lines,
        whole: false,
        confirm_minutes: None,
        only: None,
        why: "configure",
        author: Author {
            user: "bench".into(),
            from: "unix".into(),
            session: 1,
        },
        reply,
    };
    wishes.send(wish).await.expect("the director lives");
    let applied = answer.await.expect("it answers").expect("it holds");
    assert!(applied.changed);
}

async fn type_lines(first: usize, count: usize) -> Duration {
    let free = TcpListener::bind("127.65.9.1:0").expect("a free port");
    let at = free.local_addr().expect("its address").to_string();
    drop(free);
    let model = model::load("bench", farm(&at).as_bytes()).model;
    let options = Options {
        workers: 1,
        grace: Duration::ZERO,
        console: None,
    };
    let director = Director::start(model.expect("it holds"), &options, Default::default());
    let mut director = director.await.expect("it starts");
    let wishes = director.wishes();
    let typed = async {
        let began = Instant::now();
        for n in first..first + count {
            apply(&wishes, line(n)).await;
        }
        began.elapsed()
    };
    let served = async {
        loop {
            match director.watch().await {
                Event::Ended => return,
                event => director.answer(event).await,
            }
        }
    };
    let took = tokio::select! {
        took = typed => took,
        () = served => panic!("a worker ended"),
    };
    director.stop().await;
    took
}

fn changes(c: &mut Criterion) {
    let mut group = c.benchmark_group("changes");
    group.sample_size(10);
    group.bench_function("read", |b| {
        let (running, _) = Running::read("bench", farm("127.65.9.1:80").as_bytes());
        let running = running.expect("it holds");
        let mut n = 0;
        b.iter(|| {
            n += 1;
            black_box(running.with(&line(n)).expect("it holds"))
        });
    });
    let mut first = 0;
    group.bench_function("in force", |b| {
        b.iter_custom(|count| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            first += 3;
            let count = usize::try_from(count).expect("a count");
            runtime
                .expect("a runtime")
                .block_on(type_lines(first, count))
        });
    });
    group.finish();
}

criterion_group!(benches, changes);
criterion_main!(benches);
