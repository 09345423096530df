//! What the client gets.

use std::time::Duration;

use tokio::io::AsyncWriteExt;

use super::rig::*;
use crate::control::Outcome;
use crate::model::{Serving, Watching};
use crate::proxy::forward::After;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";

#[test]
fn a_length_goes_through_and_the_connection_is_kept() {
    run(async {
        let rig =
            Rig::new(&[
                saying("HTTP/1.1 200 Fine\r\nContent-Length: 5\r\nX-A: b\r\n\r\nhello").await,
            ]);
        for _ in 0..3 {
            let (after, answer) = rig.exchange(GET).await;
            assert!(answer.starts_with("HTTP/1.1 200 Fine\r\n"), "{answer}");
            assert_eq!(body(&answer), "hello");
            assert_eq!(values(&answer, "content-length"), ["5"]);
            assert_eq!(values(&answer, "via"), [format!("1.1 {PSEUDONYM}")]);
            assert_eq!(values(&answer, "date").len(), 1);
            assert_eq!((after, rig.worker.pools.idle()), (After::KeepAlive, 1));
        }
    });
}

#[test]
fn the_clients_version_and_wish_decide_on_its_connection() {
    run(async {
        let rig = Rig::new(&[saying(
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: X-Gone\r\nX-Gone: 1\r\n\r\nx",
        )
        .await]);
        for (request, said, after) in [
            (GET, vec![], After::KeepAlive),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
                vec!["close"],
                After::Close,
            ),
            (OLD, vec!["close"], After::Close),
            (
                "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                vec!["keep-alive"],
                After::KeepAlive,
            ),
        ] {
            let (went, answer) = rig.exchange(request).await;
            assert_eq!(
                (values(&answer, "connection"), went),
                (said, after),
                "{request}"
            );
            assert_eq!(values(&answer, "x-gone"), [""; 0]);
        }
    });
}

#[test]
fn chunks_are_made_anew_with_their_trailers() {
    run(async {
        let answer = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n\
                      3;ext=1\r\nabc\r\n02\r\nde\r\n0\r\nX-Sum: 5\r\nContent-Length: 9\r\n\r\n";
        let rig = Rig::new(&[saying(answer).await]);
        let (after, got) = rig.exchange(GET).await;
        assert_eq!(values(&got, "transfer-encoding"), ["chunked"]);
        let text = body(&got);
        assert!(text.ends_with("\r\n0\r\nx-sum: 5\r\n\r\n"), "{text:?}");
        assert_eq!(unchunk(text), "abcde");
        assert_eq!((after, rig.worker.pools.idle()), (After::KeepAlive, 1));
        // HTTP/1.0 knows no chunks: the connection's end is the body's.
        let (after, got) = rig
            .exchange("GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
            .await;
        assert_eq!((body(&got), after), ("abcde", After::Close));
        assert_eq!(values(&got, "transfer-encoding"), [""; 0]);
        assert_eq!(values(&got, "connection"), ["close"]);
    });
}

fn unchunk(mut text: &str) -> String {
    let mut out = String::new();
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            break;
        }
        out.push_str(&rest[..size]);
        text = rest[size..].strip_prefix("\r\n").unwrap();
    }
    out
}

#[test]
fn the_end_of_the_connection_ends_a_body() {
    run(async {
        let rig = Rig::new(&[server(|mut stream, _| async move {
            read_head(&mut stream).await;
            stream
                .write_all(b"HTTP/1.1 200 OK\r\n\r\nto the end")
                .await
                .unwrap();
        })
        .await]);
        let (after, got) = rig.exchange(GET).await;
        assert_eq!(
            (unchunk(body(&got)).as_str(), after),
            ("to the end", After::KeepAlive)
        );
        let (after, got) = rig.exchange(OLD).await;
        assert_eq!((body(&got), after), ("to the end", After::Close));
        rig.no_connection_is_of_use().await;
    });
}

#[test]
fn some_answers_have_no_body_whatever_they_say() {
    run(async {
        for (request, answer, length, kept) in [
            (
                "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
                vec!["7"],
                1,
            ),
            (
                GET,
                "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
                vec!["7"],
                1,
            ),
            (
                GET,
                "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
                vec![],
                1,
            ),
            // What they announce may follow yet.
            (
                GET,
                "HTTP/1.1 204 No Content\r\nContent-Length: 7\r\n\r\n",
                vec![],
                0,
            ),
            (
                GET,
                "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
                vec![],
                0,
            ),
            (
                GET,
                "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
                vec!["0"],
                1,
            ),
        ] {
            let rig = Rig::new(&[saying(answer).await]);
            for _ in 0..2 {
                let (after, got) = rig.exchange(request).await;
                assert_eq!((body(&got), after), ("", After::KeepAlive), "{answer}");
                assert_eq!(values(&got, "content-length"), length);
                assert_eq!(values(&got, "transfer-encoding"), [""; 0]);
                assert_eq!(rig.worker.pools.idle(), kept, "{answer}");
            }
        }
    });
}

#[test]
fn a_byte_over_ends_the_servers_connection() {
    run(async {
        for (request, answer) in [
            (GET, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nabX"),
            (GET, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nX"),
            (GET, "HTTP/1.1 204 No Content\r\n\r\nX"),
            (
                "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n",
                "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nX",
            ),
            (
                GET,
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
            ),
        ] {
            let rig = Rig::new(&[saying(answer).await]);
            let (after, got) = rig.exchange(request).await;
            assert_eq!(
                (status(&got).starts_with('2'), after),
                (true, After::KeepAlive),
                "{answer}"
            );
            assert!(!got.ends_with('X'), "{got}");
            rig.no_connection_is_of_use().await;
        }
    });
}

#[test]
fn answers_that_break_the_rules_are_502() {
    run(async {
        let long = format!(
            "HTTP/1.1 200 OK\r\nX: {}\r\nContent-Length: 0\r\n\r\n",
            "x".repeat(70_000)
        );
        let many = format!(
            "HTTP/1.1 200 OK\r\n{}Content-Length: 0\r\n\r\n",
            "X: y\r\n".repeat(200)
        );
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: -2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 0x2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\n\r\nab",
            "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n\r\n",
            "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7} garbage\r\n\r\n",
            "HTTP/1.1 200 OK\r\nBad Name: x\r\nContent-Length: 0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
            &long,
            &many,
        ] {
            let mut rig = Rig::new(&[saying(answer).await]);
            let (after, got) = rig.exchange(GET).await;
            let shown = &answer[..answer.len().min(80)];
            assert_eq!(
                (status(&got), after),
                ("502", After::Linger),
                "{shown}: {got}"
            );
            assert_eq!(rig.worker.pools.idle(), 0, "{shown}");
            assert_eq!(rig.outcomes(), [Outcome::BadAnswer], "{shown}");
        }
    });
}

#[test]
fn server_errors_are_told_where_the_operator_has_them_counted() {
    run(async {
        let failing = saying("HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n").await;
        for (errors, outcomes) in [(None, vec![]), (Some(3), vec![Outcome::ServerError])] {
            let watching = Watching {
                errors,
                ..Watching::default()
            };
            let serving = Serving {
                watching,
                ..Serving::default()
            };
            let mut rig = Rig::with(&[failing], serving);
            let (_, got) = rig.exchange(GET).await;
            assert_eq!(status(&got), "500", "the client gets it either way");
            assert_eq!(rig.outcomes(), outcomes);
        }
    });
}

#[test]
fn interim_answers_reach_http_1_1_only() {
    run(async {
        let answer = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n\
                      HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let rig = Rig::new(&[saying(answer).await]);
        let (_, got) = rig.exchange(GET).await;
        // Nobody asked for a 100: there is no body to come.
        assert!(
            got.starts_with("HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 200 OK\r\n"),
            "{got}"
        );
        let (_, got) = rig.exchange(OLD).await;
        assert!(got.starts_with("HTTP/1.1 200 OK\r\n"), "{got}");
        assert_eq!(rig.worker.pools.idle(), 1);
    });
}

#[test]
fn a_flood_of_interim_answers_is_cut_down() {
    run(async {
        let flood = "HTTP/1.1 103 Early Hints\r\n\r\n".repeat(1000);
        let rig = Rig::new(&[saying(format!(
            "{flood}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
        ))
        .await]);
        let (_, got) = rig.exchange(GET).await;
        assert_eq!(
            got.matches("103 Early Hints").count(),
            super::super::limits::INTERIM
        );
        assert!(got.ends_with("ok"));
    });
}

#[test]
fn a_body_cut_short_is_never_a_clean_end() {
    run(async {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabc",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZZ\r\n",
        ] {
            let rig = Rig::new(&[server(move |mut stream, _| async move {
                read_head(&mut stream).await;
                stream.write_all(answer.as_bytes()).await.unwrap();
            })
            .await]);
            let (after, got) = rig.exchange(GET).await;
            assert_eq!(after, After::Close, "{answer}");
            assert!(
                got.starts_with("HTTP/1.1 200 OK\r\n") && got.contains("abc"),
                "{got}"
            );
            assert!(!got.ends_with("0\r\n\r\n") && !got.contains("502"), "{got}");
        }
    });
}

#[test]
fn interim_answers_do_not_put_off_the_end_of_the_wait_for_the_head() {
    run(async {
        let (go_on, told) = tokio::sync::mpsc::unbounded_channel::<()>();
        let told = std::sync::Arc::new(tokio::sync::Mutex::new(told));
        let port = server(move |mut stream, _| {
            let told = std::sync::Arc::clone(&told);
            async move {
                read_head(&mut stream).await;
                let mut told = told.lock().await;
                loop {
                    let early = b"HTTP/1.1 103 Early Hints\r\n\r\n";
                    let _ = stream.write_all(early).await;
                    if told.recv().await.is_none() {
                        return;
                    }
                }
            }
        })
        .await;
        let rig = Rig::new(&[port]);
        let (mut near, exchange) = rig.open(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n");
        let client = async {
            for _ in 0..2 {
                assert_eq!(status(&read_head(&mut near).await.unwrap()), "103");
                pass(Duration::from_secs(25));
                go_on.send(()).unwrap();
            }
            assert_eq!(status(&read_head(&mut near).await.unwrap()), "103");
            pass(Duration::from_secs(10));
            read_head(&mut near).await.unwrap()
        };
        let (_, got) = tokio::join!(exchange, client);
        assert_eq!(status(&got), "504", "{got}");
    });
}

#[test]
fn a_body_that_comes_late_behind_a_head_spoils_no_other_exchange() {
    run(async {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (go_on, told) = std::sync::mpsc::channel();
        let (done, late) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            use std::io::{Read, Write};
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let _ = stream.read(&mut [0; 4096]);
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
                if told.recv().is_err() {
                    return;
                }
                let _ = stream.write_all(b"ok");
                done.send(stream).unwrap();
            }
        });
        let rig = Rig::new(&[port]);
        let (_, got) = rig.exchange("HEAD / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!((status(&got), rig.worker.pools.idle()), ("200", 1));
        // While this thread waits the runtime sees nothing of what comes.
        go_on.send(()).unwrap();
        let first = late.recv().unwrap();
        go_on.send(()).unwrap();
        let (after, got) = rig.exchange("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(
            (status(&got), body(&got), after),
            ("200", "ok", After::KeepAlive)
        );
        drop((first, late));
    });
}
