//! Large bodies over real sockets, which the kernel passes on: byte for byte, and never one more.

use std::net::Ipv4Addr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::rig::*;
use crate::model::Serving;
use crate::proxy::client::Client;
use crate::proxy::connection::serve_connection;
use crate::proxy::deadline;
use crate::proxy::forward::After;
use crate::proxy::forward::limits::{PIPE_BYTES, SPLICE_BYTES};
use crate::proxy::stream::Fresh;

const SIZE: usize = 3 << 20;

/// Bytes that show where they stand.
fn body_bytes(size: usize) -> Vec<u8> {
    (0..=250).cycle().take(size).collect()
}

/// A client's end, and the front's.
async fn sockets() -> (TcpStream, Fresh) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let near = TcpStream::connect(listener.local_addr().unwrap());
    let (near, far) = tokio::join!(near, listener.accept());
    let far = Fresh::new(far.unwrap().0.into_std().unwrap());
    (near.unwrap(), far)
}

/// One exchange over a real socket: what came of it and all that the client got.
async fn over_a_socket(rig: &Rig, request: &str) -> (After, Vec<u8>) {
    let (mut near, far) = sockets().await;
    let exchange = rig.open_over(far, request.as_bytes());
    let mut got = Vec::new();
    let (after, read) = tokio::join!(exchange, near.read_to_end(&mut got));
    drop(read);
    assert_eq!(rig.all(), 0, "a place is still held");
    assert_eq!(rig.worker.pools.pipes.count().1, 0, "a pipe is still held");
    (after, got)
}

fn parts(got: &[u8]) -> (String, &[u8]) {
    let at = got.windows(4).position(|w| w == b"\r\n\r\n").unwrap() + 4;
    (String::from_utf8_lossy(&got[..at]).into_owned(), &got[at..])
}

/// Undoes chunks.
fn unchunked(mut bytes: &[u8]) -> Vec<u8> {
    let mut whole = Vec::new();
    loop {
        let at = bytes.windows(2).position(|w| w == b"\r\n").unwrap();
        let size = usize::from_str_radix(std::str::from_utf8(&bytes[..at]).unwrap(), 16).unwrap();
        bytes = &bytes[at + 2..];
        whole.extend_from_slice(&bytes[..size]);
        assert_eq!(&bytes[size..size + 2], b"\r\n");
        bytes = &bytes[size + 2..];
        if size == 0 {
            assert_eq!(bytes, b"");
            return whole;
        }
    }
}

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";

#[test]
fn an_answer_by_length_is_whole_whatever_its_size_and_the_connection_serves_again() {
    run(async {
        let edge = SPLICE_BYTES as usize;
        for size in [edge - 1, edge, edge + 1, PIPE_BYTES + 70_000, SIZE] {
            let mut answer =
                format!("HTTP/1.1 200 OK\r\nContent-Length: {size}\r\n\r\n").into_bytes();
            answer.extend(body_bytes(size));
            let rig = Rig::new(&[saying(answer).await]);
            for round in 0..3 {
                let (after, got) = over_a_socket(&rig, GET).await;
                let (head, body) = parts(&got);
                assert_eq!((status(&head), after), ("200", After::KeepAlive));
                assert!(body == body_bytes(size), "{size}: {} bytes", body.len());
                assert_eq!(rig.worker.pools.idle(), 1, "round {round}");
            }
        }
    });
}

#[test]
fn a_byte_behind_a_large_answer_is_never_passed_on() {
    run(async {
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").into_bytes();
        answer.extend(body_bytes(SIZE + 1));
        let rig = Rig::new(&[saying(answer).await]);
        let (after, got) = over_a_socket(&rig, GET).await;
        assert_eq!((parts(&got).1.len(), after), (SIZE, After::KeepAlive));
        rig.no_connection_is_of_use().await;
    });
}

#[test]
fn large_chunks_and_bodies_without_length_are_framed_anew() {
    run(async {
        let body = body_bytes(SIZE);
        let mut chunked = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for piece in [&body[..5], &body[5..900_000], &body[900_000..]] {
            chunked.extend(format!("{:x};a=b\r\n", piece.len()).bytes());
            chunked.extend_from_slice(piece);
            chunked.extend_from_slice(b"\r\n");
        }
        chunked.extend_from_slice(b"0\r\n\r\n");
        let rig = Rig::new(&[saying(chunked).await]);
        let (after, got) = over_a_socket(&rig, GET).await;
        assert!(unchunked(parts(&got).1) == body);
        assert_eq!((after, rig.worker.pools.idle()), (After::KeepAlive, 1));
        let whole = body.clone();
        let closing = server(move |mut stream, _| {
            let body = whole.clone();
            async move {
                read_head(&mut stream).await;
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let _ = stream.write_all(&body).await;
            }
        })
        .await;
        let rig = Rig::new(&[closing]);
        let (_, got) = over_a_socket(&rig, GET).await;
        assert!(unchunked(parts(&got).1) == body);
        let (after, got) = over_a_socket(&rig, "GET / HTTP/1.0\r\n\r\n").await;
        assert!(parts(&got).1 == body);
        assert_eq!((after, rig.worker.pools.idle()), (After::Close, 0));
    });
}

#[test]
fn an_answer_that_breaks_off_is_never_taken_for_whole() {
    run(async {
        for hard in [false, true] {
            let port = server(move |mut stream, _| async move {
                read_head(&mut stream).await;
                let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
                let _ = stream.write_all(head.as_bytes()).await;
                let _ = stream.write_all(&body_bytes(SIZE - 1)).await;
                if hard {
                    reset(stream);
                }
            })
            .await;
            let rig = Rig::new(&[port]);
            let (after, got) = over_a_socket(&rig, GET).await;
            assert_eq!(rig.worker.pools.idle(), 0);
            // What was reset may be lost before any of it was seen.
            assert!(hard || after == After::Close);
            assert!(hard || parts(&got).1.len() < SIZE);
        }
    });
}

#[test]
fn a_large_request_body_ends_where_it_says_and_the_next_request_follows() {
    run(async {
        let port = server(|mut stream, _| async move {
            while let Some(head) = read_head(&mut stream).await {
                let mut whole = true;
                if head.starts_with("POST") {
                    let mut body = vec![0; SIZE];
                    stream.read_exact(&mut body).await.unwrap();
                    whole = body == body_bytes(SIZE);
                }
                let method = head.split(' ').next().unwrap();
                let said = format!("{method} {whole}");
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{said}",
                    said.len()
                );
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await;
        let rig = Rig::new(&[port]);
        let (mut near, far) = sockets().await;
        let client = Client::new(far, CLIENT, rig.at.socket());
        let serving = serve_connection(Rc::clone(&rig.worker), client, rig.at);
        let talking = async {
            let mut sent = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {SIZE}\r\n\r\n")
                .into_bytes();
            sent.extend(body_bytes(SIZE));
            sent.extend_from_slice(GET.as_bytes());
            sent.extend_from_slice(b"GET /last HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
            let (mut read, mut write) = near.split();
            let mut got = String::new();
            let (wrote, read) = tokio::join!(write.write_all(&sent), read.read_to_string(&mut got));
            wrote.unwrap();
            read.unwrap();
            let bodies: Vec<_> = got
                .split("\r\n\r\n")
                .map(|p| &p[..p.len().min(9)])
                .collect();
            assert_eq!(
                &bodies[1..],
                ["POST true", "GET trueH", "GET true"],
                "{got}"
            );
        };
        tokio::join!(serving, talking);
        assert_eq!((rig.all(), rig.worker.pools.pipes.count().1), (0, 0));
    });
}

#[test]
fn a_slow_client_holds_a_pipe_until_it_is_let_go() {
    run(async {
        let mut answer = b"HTTP/1.1 200 OK\r\nContent-Length: 99000000\r\n\r\n".to_vec();
        answer.extend(body_bytes(99_000_000));
        let rig = Rig::new(&[saying(answer).await]);
        let (near, far) = sockets().await;
        let exchange = rig.open_over(far, GET.as_bytes());
        let watch = async {
            until(|| rig.worker.pools.pipes.count().1 == 1).await;
            let mut passed = Duration::ZERO;
            while rig.worker.pools.pipes.count().1 == 1 {
                deadline::tick();
                passed += deadline::TICK;
                tokio::task::yield_now().await;
                assert!(passed < Duration::from_secs(120), "never let go");
            }
            assert!(passed >= Duration::from_secs(30), "{passed:?}");
        };
        let (after, ()) = tokio::join!(exchange, watch);
        assert_eq!((after, rig.all()), (After::Close, 0));
        drop(near);
    });
}

#[test]
fn a_server_that_stops_in_a_large_answer_is_cut_off_after_its_timeout() {
    run(async {
        let port = server(|mut stream, _| async move {
            read_head(&mut stream).await;
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
            let _ = stream.write_all(head.as_bytes()).await;
            let _ = stream.write_all(&body_bytes(SIZE / 2)).await;
            let _ = stream.read_u8().await;
        })
        .await;
        let serving = Serving {
            timeout_s: 9,
            ..Serving::default()
        };
        let rig = Rig::with(&[port], serving);
        let (mut near, far) = sockets().await;
        let exchange = rig.open_over(far, GET.as_bytes());
        let reading = async {
            let mut head = read_head(&mut near).await.unwrap().into_bytes();
            head.resize(SIZE / 2, 0);
            near.read_exact(&mut head).await.unwrap();
            assert_eq!(rig.worker.pools.pipes.count().1, 0, "held for nothing");
            pass(Duration::from_secs(9));
            assert!(matches!(near.read(&mut [0]).await, Ok(0) | Err(_)));
        };
        let (after, ()) = tokio::join!(exchange, reading);
        assert_eq!((after, rig.all()), (After::Close, 0));
    });
}

#[test]
fn a_busy_tunnel_passes_every_byte_both_ways() {
    run(async {
        let port = server(|mut stream, _| async move {
            read_head(&mut stream).await.unwrap();
            let answer =
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n";
            stream.write_all(answer).await.unwrap();
            let (mut read, mut write) = stream.split();
            let _ = tokio::io::copy(&mut read, &mut write).await;
        })
        .await;
        let rig = Rig::new(&[port]);
        let (mut near, far) = sockets().await;
        let exchange = rig.open_over(
            far,
            b"GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\n",
        );
        let talking = async {
            read_head(&mut near).await.unwrap();
            let sent = body_bytes(8 * SIZE);
            let mut got = vec![0; sent.len()];
            let (mut read, mut write) = near.split();
            let (wrote, read) = tokio::join!(write.write_all(&sent), read.read_exact(&mut got));
            wrote.unwrap();
            read.unwrap();
            assert!(got == sent);
            near.write_all(b"x").await.unwrap();
            assert_eq!(near.read_u8().await.unwrap(), b'x');
            drop(near);
        };
        let (after, ()) = tokio::join!(exchange, talking);
        assert_eq!((after, rig.all()), (After::Linger, 0));
        assert_eq!(rig.worker.pools.pipes.count().1, 0);
    });
}

#[test]
fn pipes_that_nobody_needs_are_closed() {
    run(async {
        let mut answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n").into_bytes();
        answer.extend(body_bytes(SIZE));
        let rig = Rig::new(&[saying(answer).await]);
        over_a_socket(&rig, GET).await;
        assert_eq!(rig.worker.pools.pipes.count(), (1, 0));
        for _ in 0..2 {
            rig.worker.pools.sweep();
        }
        assert_eq!(rig.worker.pools.pipes.count(), (0, 0));
    });
}
