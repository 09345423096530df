//! What becomes of a request when servers fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::rig::*;
use crate::control::Outcome;
use crate::model::Serving;
use crate::proxy::deadline::{self, TICK};
use crate::proxy::forward::After;
use crate::proxy::stream::Fresh;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
const PUT: &str = "PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A server that closes or resets each connection once it has read a head, and the count of heads.
async fn breaking(hard: bool) -> (u16, Arc<AtomicUsize>) {
    let heads = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heads);
    let port = server(move |mut stream, _| {
        let count = Arc::clone(&count);
        async move {
            if read_head(&mut stream).await.is_some() {
                count.fetch_add(1, Ordering::Relaxed);
            }
            if hard {
                reset(stream);
            }
        }
    })
    .await;
    (port, heads)
}

/// A server that answers once on each connection and then closes it, unasked.
async fn fickle() -> u16 {
    server(|mut stream, _| async move {
        read_head(&mut stream).await;
        stream.write_all(OK.as_bytes()).await.unwrap();
    })
    .await
}

#[test]
fn what_failed_while_a_server_was_tried_is_not_tried_next() {
    run(async {
        let (failed, heads) = breaking(true).await;
        let rig = Rig::new(&[refusing().await, failed, saying(OK).await]);
        let (mut near, exchange) = rig.open(POST.as_bytes());
        rig.fail(1);
        let mut got = String::new();
        let (_, read) = tokio::join!(exchange, near.read_to_string(&mut got));
        read.unwrap();
        assert_eq!(status(&got), "200", "{got}");
        assert_eq!(heads.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn a_refused_connection_moves_on_whatever_the_method() {
    run(async {
        let mut rig = Rig::new(&[refusing().await, refusing().await, saying(OK).await]);
        for request in [GET, POST, GET, POST] {
            let (after, got) = rig.exchange(request).await;
            assert_eq!((status(&got), after), ("200", After::KeepAlive), "{got}");
        }
        let outcomes = rig.outcomes();
        assert!(!outcomes.is_empty() && outcomes.iter().all(|o| *o == Outcome::Refused));
    });
}

#[test]
fn all_refused_is_503_with_retry_after() {
    run(async {
        let mut rig = Rig::new(&[refusing().await, refusing().await]);
        let (_, got) = rig.exchange(GET).await;
        assert_eq!(status(&got), "503");
        assert_eq!(values(&got, "retry-after").len(), 1);
        assert!(body(&got).contains("all-tried"), "{got}");
        assert_eq!(rig.outcomes(), [Outcome::Refused; 2]);
    });
}

/// A port that answers nothing to who connects, and what keeps it so.
fn deaf() -> (u16, Vec<socket2::Socket>) {
    let socket =
        || socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let listener = socket();
    let any: std::net::SocketAddr = (std::net::Ipv4Addr::LOCALHOST, 0).into();
    listener.bind(&any.into()).unwrap();
    listener.listen(0).unwrap();
    let address = listener.local_addr().unwrap();
    let mut kept = vec![listener];
    // Until its queue is full.
    loop {
        let client = socket();
        if client
            .connect_timeout(&address, Duration::from_millis(100))
            .is_err()
        {
            return (address.as_socket().unwrap().port(), kept);
        }
        kept.push(client);
    }
}

#[test]
fn after_three_seconds_without_a_connection_the_next_server_has_it() {
    run(async {
        let (port, _kept) = deaf();
        let mut rig = Rig::new(&[port, saying(OK).await]);
        let began = std::time::Instant::now();
        for request in [GET, POST] {
            let (_, got) = rig.exchange(request).await;
            assert_eq!(status(&got), "200", "{got}");
        }
        let took = began.elapsed();
        assert!(
            took >= Duration::from_secs(3) && took < Duration::from_secs(6),
            "{took:?}"
        );
        assert_eq!(rig.outcomes(), [Outcome::Unanswered]);
        let server = format!("127.0.0.1:{port}");
        let counted = |word| rig.worker.tally.table().count(&server, word);
        assert_eq!((counted("unanswered"), counted("connect-failed")), (1, 0));
    });
}

#[test]
fn at_most_eight_servers_are_tried() {
    run(async {
        let mut ports = Vec::new();
        for _ in 0..12 {
            ports.push(refusing().await);
        }
        let mut rig = Rig::new(&ports);
        let (_, got) = rig.exchange(GET).await;
        assert_eq!(status(&got), "503");
        assert_eq!(rig.outcomes().len(), crate::decide::TRIES);
    });
}

#[test]
fn an_idempotent_request_is_sent_once_more_elsewhere() {
    run(async {
        for hard in [false, true] {
            let (port, heads) = breaking(hard).await;
            let mut rig = Rig::new(&[port, saying(OK).await]);
            let (mut first, mut second) = (0, 0);
            for _ in 0..4 {
                let (_, got) = rig.exchange(GET).await;
                assert_eq!(status(&got), "200", "{got}");
                first = heads.load(Ordering::Relaxed);
                second += 1;
            }
            assert!(first >= 1 && second == 4);
            assert_eq!(rig.outcomes(), vec![Outcome::Reset; first]);
        }
    });
}

#[test]
fn post_is_never_sent_twice() {
    run(async {
        let (port, heads) = breaking(false).await;
        let mut rig = Rig::new(&[port]);
        let (after, got) = rig.exchange(POST).await;
        assert_eq!((status(&got), after), ("502", After::Linger));
        assert_eq!(
            (heads.load(Ordering::Relaxed), rig.outcomes()),
            (1, vec![Outcome::Reset])
        );
    });
}

#[test]
fn one_retry_and_no_more() {
    run(async {
        let (first, one) = breaking(true).await;
        let (second, two) = breaking(false).await;
        let (third, three) = breaking(false).await;
        let rig = Rig::new(&[first, second, third]);
        let (_, got) = rig.exchange(GET).await;
        assert_eq!(status(&got), "502", "{got}");
        let heads = [one, two, three].map(|n| n.load(Ordering::Relaxed));
        assert_eq!(heads.iter().sum::<usize>(), 2, "{heads:?}");
    });
}

#[test]
fn a_retry_that_finds_no_other_server_is_502() {
    run(async {
        let (port, heads) = breaking(false).await;
        let rig = Rig::new(&[port]);
        let (_, got) = rig.exchange(GET).await;
        assert_eq!((status(&got), heads.load(Ordering::Relaxed)), ("502", 1));
    });
}

#[test]
fn retries_end_with_their_budget() {
    run(async {
        let (first, _) = breaking(false).await;
        let (second, heads) = breaking(false).await;
        let rig = Rig::new(&[first, second]);
        for _ in 0..20 {
            let (_, got) = rig.exchange(GET).await;
            assert_eq!(status(&got), "502");
        }
        // Twenty requests earn two retries beside the three of each second.
        let sent = heads.load(Ordering::Relaxed);
        assert!((10..=16).contains(&sent), "{sent}");
    });
}

#[test]
fn a_pooled_connection_found_dead_is_replaced_uncounted() {
    run(async {
        let mut rig = Rig::new(&[fickle().await]);
        for request in [GET, GET, PUT, POST, GET, POST, POST, GET] {
            let (_, got) = rig.exchange(request).await;
            assert_eq!(status(&got), "200", "{request}: {got}");
        }
        assert_eq!(rig.outcomes(), []);
    });
}

#[test]
fn a_pooled_connection_that_died_just_now_gets_no_body() {
    for method in ["PUT", "DELETE", "POST", "PATCH"] {
        let listener = std::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        run(async {
            let mut rig = Rig::new(&[port]);
            let once = move || {
                use std::io::{Read, Write};
                let (mut stream, _) = listener.accept().unwrap();
                assert!(stream.read(&mut [0; 1024]).unwrap() > 0);
                stream.write_all(OK.as_bytes()).unwrap();
                (stream, listener)
            };
            let served = tokio::task::spawn_blocking(once);
            let (_, got) = rig.exchange(GET).await;
            assert_eq!((status(&got), rig.worker.pools.idle()), ("200", 1));
            let (stream, listener) = served.await.unwrap();
            // The runtime does not look at sockets before the connection is taken.
            drop(stream);
            let again = std::thread::spawn(move || {
                use std::io::{Read, Write};
                let (mut stream, _) = listener.accept().unwrap();
                let mut read = Vec::new();
                while !read.ends_with(b"abc") {
                    let mut bytes = [0; 1024];
                    let n = stream.read(&mut bytes).unwrap();
                    read.extend_from_slice(&bytes[..n]);
                }
                stream.write_all(OK.as_bytes()).unwrap();
            });
            let (_, got) = rig.exchange(PUT.replace("PUT", method)).await;
            assert_eq!(status(&got), "200", "{method}: {got}");
            again.join().unwrap();
            assert_eq!(rig.outcomes(), []);
        });
    }
}

#[test]
fn a_pooled_connection_that_dies_over_a_request_is_replaced_for_idempotent_methods() {
    run(async {
        // Each connection answers once and breaks at the second head.
        let port = server(|mut stream, _| async move {
            read_head(&mut stream).await;
            stream.write_all(OK.as_bytes()).await.unwrap();
            read_head(&mut stream).await;
            reset(stream);
        })
        .await;
        let mut rig = Rig::new(&[port]);
        for _ in 0..3 {
            let (_, got) = rig.exchange(GET).await;
            assert_eq!(status(&got), "200");
        }
        assert_eq!(rig.outcomes(), []);
        let (_, got) = rig.exchange("POST / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(status(&got), "502");
        assert_eq!(rig.outcomes(), [Outcome::Reset]);
    });
}

#[test]
fn an_answer_begun_is_never_retried() {
    run(async {
        for part in ["H", "HTTP/1.1 2", "HTTP/1.1 200 OK\r\nContent-Le"] {
            let port = server(move |mut stream, _| async move {
                read_head(&mut stream).await;
                stream.write_all(part.as_bytes()).await.unwrap();
            })
            .await;
            let mut rig = Rig::new(&[port, port]);
            let (_, got) = rig.exchange(GET).await;
            assert_eq!(status(&got), "502", "{part}: {got}");
            assert_eq!(rig.outcomes(), [Outcome::Reset]);
        }
    });
}

/// A server that reads and says nothing; the count of connections.
async fn silent() -> (u16, Arc<AtomicUsize>) {
    let open = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&open);
    let port = server(move |mut stream, _| {
        let count = Arc::clone(&count);
        async move {
            count.fetch_add(1, Ordering::Relaxed);
            let mut sink = Vec::new();
            let _ = stream.read_to_end(&mut sink).await;
            count.fetch_sub(1, Ordering::Relaxed);
        }
    })
    .await;
    (port, open)
}

#[test]
fn silence_is_504_after_a_minute() {
    run(async {
        let (port, open) = silent().await;
        let mut rig = Rig::new(&[port]);
        let (mut near, exchange) = rig.open(GET.as_bytes());
        let mut got = String::new();
        let clock = async {
            until(|| open.load(Ordering::Relaxed) == 1).await;
            tokio::task::yield_now().await;
            assert_eq!(rig.connections(0), 1);
            pass(Duration::from_secs(60));
        };
        let (after, read, ()) = tokio::join!(exchange, near.read_to_string(&mut got), clock);
        read.unwrap();
        assert_eq!((status(&got), after), ("504", After::Linger));
        assert_eq!(
            (rig.connections(0), rig.outcomes()),
            (0, vec![Outcome::Unanswered])
        );
        until(|| open.load(Ordering::Relaxed) == 0).await;
    });
}

#[test]
fn a_silent_body_is_cut_after_the_servers_timeout() {
    run(async {
        let port = server(|mut stream, _| async move {
            read_head(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                .await
                .unwrap();
            let mut sink = Vec::new();
            let _ = stream.read_to_end(&mut sink).await;
        })
        .await;
        let rig = Rig::with(
            &[port],
            Serving {
                timeout_s: 7,
                ..Serving::default()
            },
        );
        let (mut near, exchange) = rig.open(GET.as_bytes());
        let client = async {
            let got = read_until(&mut near, "abc").await.unwrap();
            assert_eq!(status(&got), "200");
            assert_eq!(rig.connections(0), 1);
            pass(Duration::from_secs(7));
            assert_eq!(near.read(&mut [0; 9]).await.unwrap(), 0);
        };
        let (after, ()) = tokio::join!(exchange, client);
        assert_eq!((after, rig.connections(0)), (After::Close, 0));
    });
}

#[test]
fn a_client_that_vanishes_gives_its_place_back_at_once() {
    run(async {
        let (port, open) = silent().await;
        let half = server(|mut stream, _| async move {
            read_head(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
                .await
                .unwrap();
            let mut sink = Vec::new();
            let _ = stream.read_to_end(&mut sink).await;
        })
        .await;
        for (port, request) in [
            (port, GET),
            (
                port,
                "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc",
            ),
            (
                port,
                "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            ),
            (half, GET),
        ] {
            let mut rig = Rig::new(&[port]);
            let (near, exchange) = rig.open(request.as_bytes());
            let client = async {
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                    assert_eq!(rig.connections(0), 1);
                }
                drop(near);
            };
            let (after, ()) = tokio::join!(exchange, client);
            assert_eq!((after, rig.connections(0)), (After::Close, 0), "{request}");
            assert_eq!((rig.outcomes(), rig.worker.pools.idle()), (vec![], 0));
        }
        until(|| open.load(Ordering::Relaxed) == 0).await;
    });
}

#[test]
fn a_client_that_vanishes_behind_what_nobody_reads_gives_its_place_back() {
    run(async {
        // Takes a head, and no body.
        let port = server(|mut stream, _| async move {
            read_head(&mut stream).await;
            std::future::pending().await
        })
        .await;
        let rig = Rig::new(&[port]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (near, far) = tokio::join!(tokio::net::TcpStream::connect(address), listener.accept());
        let mut near = near.unwrap();
        let far = Fresh::new(far.unwrap().0.into_std().unwrap());
        let exchange = rig.open_over(
            far,
            b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 900000000\r\n\r\n",
        );
        let client = async {
            let pause = Duration::from_millis(300);
            while let Ok(written) = tokio::time::timeout(pause, near.write(&[b'x'; 10_000])).await {
                written.unwrap();
            }
            assert_eq!(rig.connections(0), 1);
            reset(near);
            std::time::Instant::now()
        };
        let ticks = async {
            loop {
                tokio::time::sleep(TICK).await;
                deadline::tick();
            }
        };
        // A task of its own, which nothing wakes but what it waits for.
        let tasks = tokio::task::LocalSet::new();
        let exchange = tasks.spawn_local(exchange);
        let (after, gone) = tokio::select! {
            over = tasks.run_until(async { tokio::join!(exchange, client) }) => over,
            () = ticks => unreachable!(),
        };
        let after = after.unwrap();
        assert_eq!((after, rig.connections(0)), (After::Close, 0));
        assert!(gone.elapsed() < Duration::from_secs(3));
    });
}

#[test]
fn a_client_that_takes_nothing_has_to_send_as_fast_as_anyone() {
    run(async {
        let port = saying(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n{}",
            "x".repeat(9_000_000)
        ))
        .await;
        let rig = Rig::new(&[port]);
        let (_near, exchange) =
            rig.open(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nabc");
        let (after, passed) = passing(exchange).await;
        assert_eq!((after, rig.connections(0)), (After::Close, 0));
        assert!(passed < Duration::from_secs(30), "{passed:?}");
    });
}

#[test]
fn a_client_that_takes_nothing_is_let_go() {
    run(async {
        let port = saying(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\n{}",
            "x".repeat(9_000_000)
        ))
        .await;
        let rig = Rig::new(&[port]);
        let (mut near, exchange) = rig.open(GET.as_bytes());
        let mut exchange = std::pin::pin!(exchange);
        tokio::select! {
            after = &mut exchange => panic!("{after:?} before the client took a byte"),
            first = near.read_u8() => assert_eq!(first.unwrap(), b'H'),
        }
        assert_eq!(rig.connections(0), 1);
        let (after, passed) = passing(exchange).await;
        assert_eq!((after, rig.connections(0)), (After::Close, 0));
        assert!(passed >= Duration::from_secs(30), "{passed:?}");
    });
}
