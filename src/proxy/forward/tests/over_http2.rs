//! Servers that speak HTTP/2 in cleartext.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use h2::Reason;
use http::Response;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::rig::*;
use super::speakers::{GET, POST, mirror_http2, rig, serve_http2};
use crate::control::Outcome;
use crate::model::Speech;
use crate::proxy::forward::After;
use crate::proxy::forward::connect::To;
use crate::proxy::forward::tongue::Tongue;
use crate::tls::client::Trust;

#[test]
fn http2_multiplexes_and_passes_trailers_both_ways() {
    run(async {
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        let port = server(move |stream, _| {
            count.fetch_add(1, Ordering::Relaxed);
            serve_http2(stream, false, mirror_http2)
        })
        .await;
        let rig = rig(&[port], None, true);
        let chunked = "POST /rpc HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nTrailer: X-Sum\r\n\
                       Transfer-Encoding: chunked\r\nConnection: x-gone\r\nX-Gone: 1\r\n\r\n3\r\nabc\r\n0\r\nx-sum: 6\r\n\r\n";
        let mut all = Vec::new();
        for _ in 0..20 {
            all.push(rig.exchange(chunked));
        }
        // One after another in this task, then many at once.
        for exchange in all {
            let (after, got) = exchange.await;
            assert_eq!((status(&got), after), ("200", After::KeepAlive), "{got}");
            assert!(got.contains("POST http://a/rpc\r\n"), "{got}");
            assert!(
                got.contains("te: trailers\r\n") && !got.contains("x-gone"),
                "{got}"
            );
            assert!(got.contains("trailer: X-Sum\r\n"), "{got}");
            assert!(got.contains("\r\n\r\nabc[x-sum: 6]"), "{got}");
            assert!(got.ends_with("\r\n0\r\ngrpc-status: 0\r\n\r\n"), "{got}");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
        let many = (0..50).map(|_| {
            let (mut near, exchange) = rig.open(GET.as_bytes());
            async move {
                let mut got = String::new();
                let (after, _) = tokio::join!(exchange, near.read_to_string(&mut got));
                (after, got)
            }
        });
        for (after, got) in futures_util::future::join_all(many).await {
            assert_eq!((status(&got), after), ("200", After::KeepAlive), "{got}");
            assert!(got.contains("GET http://a.example/x?y\r\n"), "{got}");
        }
        assert_eq!((connections.load(Ordering::Relaxed), rig.all()), (1, 0));
    });
}

#[test]
fn what_a_server_refused_unseen_is_asked_again_whatever_the_method() {
    run(async {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let port = server(move |stream, number| {
            let count = Arc::clone(&count);
            serve_http2(stream, false, move |request, mut answer| {
                let first = count.fetch_add(1, Ordering::Relaxed) == 0;
                async move {
                    match first {
                        true => answer.send_reset(Reason::REFUSED_STREAM),
                        false => mirror_http2(request, answer).await,
                    }
                    let _ = number;
                }
            })
        })
        .await;
        let mut rig = rig(&[port], None, true);
        rig.worker.pools.budget.earn();
        let (after, got) = rig.exchange(POST).await;
        // The first connection was fresh, so that it counts, and the only server is tried once.
        assert_eq!(
            (status(&got), asked.load(Ordering::Relaxed)),
            ("503", 1),
            "{got}"
        );
        assert_eq!(
            (after, rig.outcomes()),
            (After::Linger, vec![Outcome::Reset])
        );
        let (_, got) = rig.exchange(POST).await;
        assert!(got.contains("\r\n\r\nabc"), "{got}");
    });
}

#[test]
fn a_connection_that_its_server_gives_up_is_replaced_uncounted() {
    run(async {
        let port = server(|stream, number| async move {
            let mut connection = h2::server::handshake(stream).await.unwrap();
            while let Some(Ok((request, answer))) = connection.accept().await {
                tokio::spawn(mirror_http2(request, answer));
                if number == 0 {
                    connection.graceful_shutdown();
                }
            }
        })
        .await;
        let mut rig = rig(&[port], None, true);
        for _ in 0..5 {
            let (_, got) = rig.exchange(POST).await;
            assert_eq!(status(&got), "200", "{got}");
        }
        assert_eq!(rig.outcomes(), []);
    });
}

#[test]
fn a_stream_that_a_server_resets_is_no_connection_found_dead() {
    run(async {
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let port = server(move |stream, _| {
            let count = Arc::clone(&count);
            serve_http2(stream, false, move |request, mut answer| {
                let first = count.fetch_add(1, Ordering::Relaxed) == 0;
                async move {
                    match first {
                        true => mirror_http2(request, answer).await,
                        false => answer.send_reset(Reason::INTERNAL_ERROR),
                    }
                }
            })
        })
        .await;
        let mut rig = rig(&[port], None, true);
        let (_, got) = rig.exchange(GET).await;
        assert_eq!(status(&got), "200", "{got}");
        let (_, got) = rig.exchange(GET).await;
        assert_eq!(status(&got), "502", "{got}");
        assert_eq!(asked.load(Ordering::Relaxed), 2);
        assert_eq!(rig.outcomes(), [Outcome::Reset]);
    });
}

#[test]
fn a_request_whose_body_was_taken_is_replayed_where_the_server_refused_it_unseen() {
    run(async {
        let port = server(|stream, number| {
            let asked = Arc::new(AtomicUsize::new(0));
            serve_http2(stream, false, move |request, mut answer| {
                let again = number == 0 && asked.fetch_add(1, Ordering::Relaxed) > 0;
                async move {
                    match again {
                        true => answer.send_reset(Reason::REFUSED_STREAM),
                        false => mirror_http2(request, answer).await,
                    }
                }
            })
        })
        .await;
        let mut rig = rig(&[port], None, true);
        for _ in 0..2 {
            let (after, got) = rig.exchange(POST).await;
            assert!(got.contains("\r\n\r\nabc"), "{got}");
            assert_eq!(after, After::KeepAlive);
        }
        assert_eq!(rig.outcomes(), []);
    });
}

#[test]
fn a_reset_in_an_answer_is_never_taken_for_its_end() {
    run(async {
        let port = server(move |stream, _| {
            serve_http2(stream, false, |_, mut answer| async move {
                let mut stream = answer.send_response(Response::new(()), false).unwrap();
                stream
                    .send_data(Bytes::from_static(b"half"), false)
                    .unwrap();
                stream.reserve_capacity(1);
                tokio::task::yield_now().await;
                stream.send_reset(Reason::INTERNAL_ERROR);
            })
        })
        .await;
        let rig = rig(&[port], None, true);
        let (after, got) = rig.exchange(GET).await;
        assert!(matches!(after, After::Close | After::Linger), "{got}");
        assert!(!got.ends_with("0\r\n\r\n"), "{got}");
    });
}

#[test]
fn a_client_that_goes_takes_its_stream_along_and_no_other() {
    run(async {
        let (gone, went) = tokio::sync::mpsc::unbounded_channel();
        let port = server(move |stream, _| {
            let gone = gone.clone();
            serve_http2(stream, false, move |request, mut answer| {
                let gone = gone.clone();
                async move {
                    if request.uri().path() == "/ok" {
                        return mirror_http2(request, answer).await;
                    }
                    let reason = futures_util::future::poll_fn(|cx| answer.poll_reset(cx)).await;
                    gone.send(reason.unwrap()).unwrap();
                }
            })
        })
        .await;
        let mut went = went;
        let rig = rig(&[port], None, true);
        let (near, exchange) = rig.open(GET.as_bytes());
        let other = "GET /ok HTTP/1.1\r\nHost: a\r\n\r\n";
        let leaving = async {
            let (_, got) = tokio::time::timeout(Duration::from_secs(5), async {
                let (mut near, exchange) = rig.open(other.as_bytes());
                let mut got = String::new();
                let (after, _) = tokio::join!(exchange, near.read_to_string(&mut got));
                (after, got)
            })
            .await
            .unwrap();
            assert_eq!(status(&got), "200");
            drop(near);
        };
        let (after, ()) = tokio::join!(exchange, leaving);
        assert_eq!(
            (after, went.recv().await),
            (After::Close, Some(Reason::CANCEL))
        );
        let (_, got) = rig.exchange(other).await;
        assert_eq!(status(&got), "200");
    });
}

#[test]
fn large_bodies_pass_by_http2_both_ways() {
    const SIZE: usize = 3 << 20;
    run(async {
        let port = server(move |stream, _| {
            serve_http2(stream, false, |request, mut answer| async move {
                let mut body = request.into_body();
                let mut stream = answer.send_response(Response::new(()), false).unwrap();
                while let Some(Ok(mut piece)) = body.data().await {
                    body.flow_control().release_capacity(piece.len()).unwrap();
                    while !piece.is_empty() {
                        stream.reserve_capacity(piece.len());
                        let room = futures_util::future::poll_fn(|cx| stream.poll_capacity(cx));
                        let room = room.await.unwrap().unwrap();
                        let some = piece.split_to(room.min(piece.len()));
                        stream.send_data(some, false).unwrap();
                    }
                }
                stream.send_data(Bytes::new(), true).unwrap();
            })
        })
        .await;
        let rig = rig(&[port], None, true);
        let request = format!("POST / HTTP/1.0\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n");
        let (near, exchange) = rig.open(request.as_bytes());
        let body: Vec<u8> = (0..=250).cycle().take(SIZE).collect();
        let (mut read, mut write) = tokio::io::split(near);
        let send = async {
            write.write_all(&body).await.unwrap();
        };
        let take = async {
            read_head(&mut read).await.unwrap();
            let mut got = Vec::new();
            read.read_to_end(&mut got).await.unwrap();
            got
        };
        let (_, (), got) = tokio::join!(exchange, send, take);
        assert!(got == body, "{} bytes", got.len());
    });
}

#[test]
fn a_connection_in_a_clients_name_is_nobody_elses() {
    run(async {
        let port = server(|stream, _| serve_http2(stream, false, mirror_http2)).await;
        let speech = Speech {
            tls: None,
            http2: true,
        };
        let here = Ipv4Addr::LOCALHOST;
        let tongue = Tongue::new(&speech, (here.into(), &Trust::default()), 1).unwrap();
        for from in [Some(CLIENT.ip()), None] {
            let to = To {
                server: (here, port).into(),
                from,
                tongue: None,
                upgrade: false,
            };
            let stream = TcpStream::connect(to.server).await.unwrap();
            let _upstream = tongue.greet(stream, to).await.unwrap();
            assert_eq!(tongue.join().is_some(), from.is_none());
        }
    });
}

#[test]
fn clients_that_take_nothing_hold_up_nobody_else_over_the_same_connection() {
    const STALLED: usize = 40;
    run(async {
        let sent = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&sent);
        let port = server(move |stream, _| {
            let count = Arc::clone(&count);
            serve_http2(stream, false, move |request, mut answer| {
                let count = Arc::clone(&count);
                async move {
                    if request.uri().path() != "/large" {
                        return mirror_http2(request, answer).await;
                    }
                    let mut stream = answer.send_response(Response::new(()), false).unwrap();
                    loop {
                        stream.reserve_capacity(1 << 14);
                        let room = futures_util::future::poll_fn(|cx| stream.poll_capacity(cx));
                        let Some(Ok(room)) = room.await else {
                            return;
                        };
                        stream.send_data(vec![b'a'; room].into(), false).unwrap();
                        count.fetch_add(room, Ordering::Relaxed);
                    }
                }
            })
        })
        .await;
        let rig = rig(&[port], None, true);
        let large = b"GET /large HTTP/1.1\r\nHost: a\r\n\r\n";
        let clients: Vec<_> = (0..STALLED).map(|_| tokio::io::duplex(1)).collect();
        let (_nears, fars): (Vec<_>, Vec<_>) = clients.into_iter().unzip();
        let stalled = fars.into_iter().map(|far| rig.open_over(far, large));
        let stalled = futures_util::future::join_all(stalled);
        let other = async {
            // All that can be sent is.
            let (mut before, mut same) = (0, 0);
            while before < STALLED || same < 2_000 {
                tokio::task::yield_now().await;
                let now = sent.load(Ordering::Relaxed);
                same = if now == before { same + 1 } else { 0 };
                before = now;
            }
            let (mut near, exchange) = rig.open(GET.as_bytes());
            let mut got = String::new();
            let (_, read) = tokio::join!(exchange, near.read_to_string(&mut got));
            read.unwrap();
            got
        };
        tokio::select! {
            _ = stalled => panic!("an answer that nobody takes has ended"),
            got = other => assert_eq!(status(&got), "200", "{got}"),
        }
    });
}
