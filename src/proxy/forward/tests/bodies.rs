//! Bodies both ways.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::rig::*;
use crate::proxy::forward::After;

/// A server that answers with what it read up to `end`.
async fn echo(end: &'static str) -> u16 {
    server(move |mut stream, _| async move {
        while let Some(got) = read_until(&mut stream, end).await {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{got}",
                got.len()
            );
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

#[test]
fn a_request_body_by_length_and_in_chunks() {
    run(async {
        let rig = Rig::new(&[echo("hello").await]);
        for _ in 0..2 {
            let request = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello";
            let (after, got) = rig.exchange(request).await;
            let (head, text) = body(&got).split_once("\r\n\r\n").unwrap();
            assert_eq!((text, after), ("hello", After::KeepAlive));
            assert_eq!(values(head, "content-length"), ["5"]);
            assert_eq!(rig.worker.pools.idle(), 1);
        }
        let rig = Rig::new(&[echo("0\r\n\r\n").await]);
        for method in ["POST", "GET"] {
            let request = format!(
                "{method} / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                 3;x=y\r\nabc\r\n2\r\nde\r\n0\r\nX-Sum: 5\r\nHost: evil\r\n\r\n"
            );
            let (after, got) = rig.exchange(request).await;
            let (head, text) = body(&got).split_once("\r\n\r\n").unwrap();
            assert_eq!(values(head, "transfer-encoding"), ["chunked"]);
            assert_eq!(text, "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n");
            assert_eq!((after, rig.worker.pools.idle()), (After::KeepAlive, 1));
        }
    });
}

#[test]
fn a_pipelined_request_stays_in_the_input() {
    run(async {
        let rig = Rig::new(&[echo("hello").await]);
        let request =
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhelloGET /next HTTP/1.1\r\n";
        let (after, got) = rig.exchange(request).await;
        assert!(got.ends_with("\r\n\r\nhello"), "{got}");
        assert_eq!(after, After::KeepAlive);
    });
}

#[test]
fn a_fault_in_a_body_is_400_and_never_forwarded_as_whole() {
    run(async {
        let whole = Arc::new(AtomicBool::new(false));
        let saw = Arc::clone(&whole);
        let port = server(move |mut stream, _| {
            let saw = Arc::clone(&saw);
            async move {
                if read_until(&mut stream, "\r\n0\r\n\r\n").await.is_some() {
                    saw.store(true, Ordering::Relaxed);
                }
            }
        })
        .await;
        for fault in [
            "3\r\nabcX\r\n0\r\n\r\n",
            "3\r\nabc\r\nZ\r\n",
            "3\r\nabc\r\n\n",
            "3\nabc\r\n0\r\n\r\n",
        ] {
            let mut rig = Rig::new(&[port]);
            let request =
                format!("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n{fault}");
            let (after, got) = rig.exchange(request).await;
            assert_eq!((status(&got), after), ("400", After::Linger), "{fault:?}");
            assert_eq!((rig.outcomes(), rig.worker.pools.idle()), (vec![], 0));
        }
        assert!(!whole.load(Ordering::Relaxed));
    });
}

#[test]
fn a_body_below_the_rate_is_408() {
    run(async {
        let rig = Rig::new(&[echo("never").await]);
        let (mut near, exchange) =
            rig.open(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nabc");
        let (after, passed) = passing(exchange).await;
        assert!(passed >= Duration::from_secs(5), "{passed:?}");
        let mut got = String::new();
        near.read_to_string(&mut got).await.unwrap();
        assert_eq!(
            (status(&got), after, rig.connections(0)),
            ("408", After::Linger, 0)
        );
    });
}

#[test]
fn an_answer_ahead_of_the_body_ends_the_exchange() {
    run(async {
        let port = saying("HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nbig").await;
        let rig = Rig::new(&[port]);
        let (mut near, exchange) =
            rig.open(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9000\r\n\r\nabc");
        let (after, got) = tokio::join!(exchange, read_until(&mut near, "big"));
        let got = got.unwrap();
        assert_eq!((status(&got), after), ("413", After::Linger));
        assert_eq!(values(&got, "connection"), ["close"]);
        assert_eq!(rig.worker.pools.idle(), 0);
    });
}

#[test]
fn a_client_is_told_to_go_on_when_the_server_says_so() {
    run(async {
        let port = server(|mut stream, _| async move {
            let head = read_head(&mut stream).await.unwrap();
            assert_eq!(values(&head, "expect"), ["100-continue"]);
            stream
                .write_all(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n")
                .await
                .unwrap();
            read_until(&mut stream, "abc").await.unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                .await
                .unwrap();
        })
        .await;
        let rig = Rig::new(&[port]);
        let (mut near, exchange) = rig.open(
            b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
        );
        let client = async {
            assert_eq!(
                read_head(&mut near).await.unwrap(),
                "HTTP/1.1 100 Continue\r\n\r\n"
            );
            near.write_all(b"abc").await.unwrap();
            read_until(&mut near, "ok").await.unwrap()
        };
        let (after, got) = tokio::join!(exchange, client);
        assert_eq!((status(&got), after), ("200", After::KeepAlive), "{got}");
    });
}

#[test]
fn a_client_that_waits_to_go_on_is_not_slow() {
    run(async {
        let rig = Rig::new(&[echo("never").await]);
        let (mut near, exchange) = rig.open(
            b"PUT / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n",
        );
        let (after, passed) = passing(exchange).await;
        assert!(passed >= Duration::from_secs(60), "{passed:?}");
        let got = read_head(&mut near).await.unwrap();
        assert_eq!((status(&got), after), ("504", After::Linger));
    });
}

#[test]
fn large_bodies_stream_both_ways_at_once() {
    const SIZE: usize = 24 << 20;
    run(async {
        // The server sends each byte back as it comes.
        let port = server(|mut stream, _| async move {
            read_head(&mut stream).await.unwrap();
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
            stream.write_all(head.as_bytes()).await.unwrap();
            let (mut read, mut write) = stream.split();
            let _ = tokio::io::copy(&mut read, &mut write).await;
        })
        .await;
        let rig = Rig::new(&[port]);
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n");
        let (near, exchange) = rig.open(request.as_bytes());
        let (mut read, mut write) = tokio::io::split(near);
        let send = async {
            let piece: Vec<u8> = (0..=250).cycle().take(251 * 400).collect();
            let mut left = SIZE;
            while left > 0 {
                let most = left.min(piece.len());
                write.write_all(&piece[..most]).await.unwrap();
                left -= most;
            }
        };
        let take = async {
            read_head(&mut read).await.unwrap();
            let mut buffer = vec![0; 64 * 1024];
            let mut at = 0;
            while at < SIZE {
                let got = read.read(&mut buffer).await.unwrap();
                assert_ne!(got, 0, "cut at {at}");
                assert!(
                    buffer[..got]
                        .iter()
                        .enumerate()
                        .all(|(i, b)| usize::from(*b) == (at + i) % (251 * 400) % 251)
                );
                at += got;
            }
        };
        let (after, (), ()) = tokio::join!(exchange, send, take);
        assert_ne!(after, After::Close);
        assert_eq!(rig.connections(0), 0);
    });
}
