//! Servers that speak TLS, HTTP/2 or both.

use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use h2::Reason;
use h2::server::SendResponse;
use http::{HeaderMap, Request, Response};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::Role;

use super::rig::*;
use crate::control::Outcome;
use crate::model::{Serving, Speech, Verify};
use crate::proxy::forward::After;
use crate::proxy::forward::connect::To;
use crate::proxy::forward::tongue::Tongue;
use crate::tls::client::Trust;

const GET: &str = "GET /x?y HTTP/1.1\r\nHost: a.example\r\n\r\n";
const POST: &str = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc";
const OK: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// A certificate for `localhost` in a file, and what a server shows it with.
struct Shown {
    file: tempfile::NamedTempFile,
    acceptor: TlsAcceptor,
}

fn shown(protocols: &[&str]) -> Shown {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&file, made.cert.pem()).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|p| p.as_bytes().to_vec()).collect();
    Shown {
        file,
        acceptor: TlsAcceptor::from(Arc::new(config)),
    }
}

impl Shown {
    fn path(&self) -> &str {
        self.file.path().to_str().unwrap()
    }

    fn checked(&self, name: &str) -> Verify {
        Verify::Name {
            name: name.into(),
            ca: Some(self.path().into()),
        }
    }
}

/// A rig whose servers are spoken to so; the files are trusted.
fn rig(ports: &[u16], tls: Option<Verify>, http2: bool) -> Rig {
    let speech = Speech { tls, http2 };
    let trust = Trust::load(
        "".as_ref(),
        speech.ca().into_iter(),
        false,
        &Trust::default(),
    )
    .unwrap();
    let serving = Serving {
        speech,
        ..Serving::default()
    };
    let rig = Rig::with(ports, serving);
    rig.worker.farm.trust().store(Arc::new(trust));
    rig
}

/// Connections made, and how many of those took up a session again.
#[derive(Default)]
struct Made {
    all: AtomicUsize,
    resumed: AtomicUsize,
}

/// A server of TLS that answers each request with `ok`.
async fn tls_server(shown: &Shown) -> (u16, Arc<Made>) {
    let made = Arc::new(Made::default());
    let (acceptor, count) = (shown.acceptor.clone(), Arc::clone(&made));
    let port = server(move |stream, _| {
        let (acceptor, count) = (acceptor.clone(), Arc::clone(&count));
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            count.all.fetch_add(1, Ordering::Relaxed);
            while read_head(&mut stream).await.is_some() {
                let kind = stream.get_ref().1.handshake_kind();
                if kind == Some(rustls::HandshakeKind::Resumed) {
                    count.resumed.fetch_add(1, Ordering::Relaxed);
                }
                stream.write_all(OK).await.unwrap();
            }
        }
    })
    .await;
    (port, made)
}

#[test]
fn a_checked_server_is_spoken_to_over_one_connection_and_its_session_is_resumed() {
    run(async {
        let shown = shown(&["http/1.1"]);
        let (port, made) = tls_server(&shown).await;
        let mut rig = rig(&[port], Some(shown.checked("localhost")), false);
        for round in 0..3 {
            let (after, got) = rig.exchange(GET).await;
            assert_eq!((status(&got), after), ("200", After::KeepAlive), "{got}");
            assert_eq!(rig.worker.pools.idle(), 1, "round {round}");
        }
        assert_eq!(made.all.load(Ordering::Relaxed), 1);
        rig.worker.pools.clear();
        rig.exchange(POST).await;
        assert_eq!(made.all.load(Ordering::Relaxed), 2);
        assert_eq!(made.resumed.load(Ordering::Relaxed), 1);
        assert_eq!(rig.outcomes(), []);
    });
}

#[test]
fn a_server_that_cannot_be_trusted_gets_nothing_and_the_next_one_has_it() {
    run(async {
        let shown = shown(&[]);
        let (port, _) = tls_server(&shown).await;
        let plain = server(|mut stream, _| async move {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        for (port, verify) in [
            (port, shown.checked("other.example")),
            (plain, shown.checked("localhost")),
        ] {
            let mut rig = rig(&[port, refusing().await], Some(verify), false);
            let (_, got) = rig.exchange(POST).await;
            assert_eq!(status(&got), "503", "{got}");
            let outcomes = rig.outcomes();
            assert!(outcomes.contains(&Outcome::Handshake), "{outcomes:?}");
        }
        let (_, got) = rig(&[port], Some(Verify::Off), false).exchange(GET).await;
        assert_eq!(status(&got), "200", "{got}");
    });
}

#[test]
fn connections_of_other_settings_are_never_used_again() {
    run(async {
        let shown = shown(&[]);
        let trust = Trust::load(
            "".as_ref(),
            [shown.path()].into_iter(),
            false,
            &Trust::default(),
        )
        .unwrap();
        let again = Trust::load("".as_ref(), [shown.path()].into_iter(), false, &trust).unwrap();
        let rig = rig(&[1], None, false);
        let id = crate::model::Id::Endpoint(rig.at);
        let number = |tls, trust| {
            let speech = Speech { tls, http2: false };
            let tongue = rig.worker.pools.tongue((&id, CLIENT.ip()), &speech, trust);
            tongue.unwrap().number
        };
        let first = number(Some(shown.checked("a")), &trust);
        assert_eq!(number(Some(shown.checked("a")), &again), first);
        assert_ne!(number(Some(shown.checked("b")), &trust), first);
        let other = number(Some(shown.checked("a")), &trust);
        assert_ne!(other, first);
        std::fs::write(&shown.file, self::shown(&[]).file_text()).unwrap();
        let changed = Trust::load("".as_ref(), [shown.path()].into_iter(), false, &trust).unwrap();
        assert_ne!(number(Some(shown.checked("a")), &changed), other);
    });
}

impl Shown {
    fn file_text(&self) -> String {
        std::fs::read_to_string(&self.file).unwrap()
    }
}

/// Serves HTTP/2 over this stream: each request is played by `play`.
async fn serve_http2<T, F, P>(stream: T, websockets: bool, play: P)
where
    T: AsyncRead + AsyncWrite + Unpin,
    P: Fn(Request<h2::RecvStream>, SendResponse<Bytes>) -> F,
    F: Future<Output = ()> + Send + 'static,
{
    let mut builder = h2::server::Builder::new();
    if websockets {
        builder.enable_connect_protocol();
    }
    let Ok(mut connection) = builder.handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, answer))) = connection.accept().await {
        tokio::spawn(play(request, answer));
    }
}

async fn body_of(body: &mut h2::RecvStream) -> Vec<u8> {
    let mut whole = Vec::new();
    while let Some(Ok(piece)) = body.data().await {
        let _ = body.flow_control().release_capacity(piece.len());
        whole.extend_from_slice(&piece);
    }
    whole
}

/// Answers with what it got: request line, fields, body, trailers; a trailer of its own follows.
async fn mirror_http2(request: Request<h2::RecvStream>, mut answer: SendResponse<Bytes>) {
    let (head, mut body) = request.into_parts();
    let mut told = format!("{} {}\r\n", head.method, head.uri);
    for (name, value) in &head.headers {
        told.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
    }
    told.push_str("\r\n");
    told.push_str(&String::from_utf8_lossy(&body_of(&mut body).await));
    for (name, value) in &body.trailers().await.unwrap().unwrap_or_default() {
        told.push_str(&format!("[{name}: {}]", value.to_str().unwrap()));
    }
    let mut stream = answer.send_response(Response::new(()), false).unwrap();
    stream.send_data(told.into(), false).unwrap();
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", "0".parse().unwrap());
    stream.send_trailers(trailers).unwrap();
}

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
fn many_that_come_at_once_open_one_connection_over_tls() {
    run(async {
        let shown = shown(&["h2", "http/1.1"]);
        let connections = Arc::new(AtomicUsize::new(0));
        let (count, acceptor) = (Arc::clone(&connections), shown.acceptor.clone());
        let port = server(move |stream, _| {
            count.fetch_add(1, Ordering::Relaxed);
            let acceptor = acceptor.clone();
            async move {
                let stream = acceptor.accept(stream).await.unwrap();
                serve_http2(stream, false, mirror_http2).await;
            }
        })
        .await;
        let rig = rig(&[port], Some(shown.checked("localhost")), true);
        let many = (0..30).map(|_| {
            let (mut near, exchange) = rig.open(GET.as_bytes());
            async move {
                let mut got = String::new();
                let (_, _) = tokio::join!(exchange, near.read_to_string(&mut got));
                got
            }
        });
        for got in futures_util::future::join_all(many).await {
            assert!(got.contains("GET https://a.example/x?y\r\n"), "{got}");
        }
        assert_eq!(connections.load(Ordering::Relaxed), 1);
    });
}

#[test]
fn who_does_not_speak_http2_has_failed_at_it() {
    run(async {
        let shown = shown(&["http/1.1"]);
        let (tls, _) = tls_server(&shown).await;
        let without_alpn = self::shown(&[]);
        let (silent, _) = tls_server(&without_alpn).await;
        let plain = saying("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await;
        for (port, verify) in [
            (tls, Some(shown.checked("localhost"))),
            (silent, Some(without_alpn.checked("localhost"))),
            (plain, None),
        ] {
            let mut rig = rig(&[port], verify, true);
            let (_, got) = rig.exchange(POST).await;
            assert_eq!(status(&got), "503", "{got}");
            assert_eq!(rig.outcomes(), [Outcome::Handshake]);
        }
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

const UPGRADE: &str = "GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                       Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn talks(rig: &Rig) {
    let (mut near, exchange) = rig.open(UPGRADE.as_bytes());
    let client = async {
        let head = read_head(&mut near).await.unwrap();
        assert_eq!(status(&head), "101", "{head}");
        assert_eq!(
            values(&head, "sec-websocket-accept"),
            ["s3pPLMBiTxaQ9kYGzzhZRbK+xOo="]
        );
        let mut socket = WebSocketStream::from_raw_socket(near, Role::Client, None).await;
        for size in [0, 5, 300_000] {
            let message = Message::binary(vec![7; size]);
            socket.send(message.clone()).await.unwrap();
            assert_eq!(socket.next().await.unwrap().unwrap(), message);
        }
        socket.close(None).await.unwrap();
        while let Some(Ok(_)) = socket.next().await {}
    };
    let (_, ()) = tokio::join!(exchange, client);
    assert_eq!(rig.all(), 0);
}

async fn echo_socket<T: AsyncRead + AsyncWrite + Unpin>(mut socket: WebSocketStream<T>) {
    while let Some(Ok(message)) = socket.next().await {
        if message.is_binary() {
            socket.send(message).await.unwrap();
        }
    }
}

#[test]
fn a_websocket_is_opened_over_http2_where_the_server_lets() {
    run(async {
        let port = server(move |stream, _| {
            serve_http2(stream, true, |request, mut answer| async move {
                assert_eq!(request.method(), http::Method::CONNECT);
                let mut body = request.into_body();
                let mut stream = answer.send_response(Response::new(()), false).unwrap();
                let (near, far) = tokio::io::duplex(64 * 1024);
                let (mut read, mut write) = tokio::io::split(far);
                let up = async move {
                    while let Some(Ok(piece)) = body.data().await {
                        body.flow_control().release_capacity(piece.len()).unwrap();
                        write.write_all(&piece).await.unwrap();
                    }
                };
                let down = async move {
                    let mut bytes = vec![0; 16_000];
                    while let Ok(n @ 1..) = read.read(&mut bytes).await {
                        stream
                            .send_data(Bytes::copy_from_slice(&bytes[..n]), false)
                            .unwrap();
                    }
                    let _ = stream.send_data(Bytes::new(), true);
                };
                let socket = WebSocketStream::from_raw_socket(near, Role::Server, None).await;
                tokio::join!(up, down, echo_socket(socket));
            })
        })
        .await;
        talks(&rig(&[port], None, true)).await;
    });
}

#[test]
fn a_websocket_goes_by_http1_where_the_server_does_not() {
    run(async {
        let port = server(move |stream, number| async move {
            match number {
                0 => serve_http2(stream, false, mirror_http2).await,
                _ => echo_socket(tokio_tungstenite::accept_async(stream).await.unwrap()).await,
            }
        })
        .await;
        talks(&rig(&[port], None, true)).await;
    });
}

#[test]
fn what_only_looks_like_a_websocket_goes_by_http1_as_it_came() {
    run(async {
        let port = server(move |mut stream, number| async move {
            if number == 0 {
                return serve_http2(stream, true, mirror_http2).await;
            }
            let head = read_head(&mut stream).await.unwrap();
            let length = head.len();
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n{head}");
            stream.write_all(answer.as_bytes()).await.unwrap();
            let _ = stream.read_to_end(&mut Vec::new()).await;
        })
        .await;
        let rig = rig(&[port], None, true);
        let post = UPGRADE.replace("GET", "POST");
        let post = post.replace("Host: a", "Host: a\r\nContent-Length: 3") + "abc";
        let (_, got) = rig.exchange(post).await;
        assert!(got.contains("\r\n\r\nPOST /ws HTTP/1.1\r\n"), "{got}");
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
