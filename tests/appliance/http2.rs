//! HTTP/2 in the clear, by prior knowledge, through the client of the h2 crate (docs/http2.md).

use std::cell::Cell;
use std::io::Read;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{ResponseFuture, SendRequest};
use h2::ext::Protocol;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

use crate::forward::forwarding;
use crate::support::{After, Client, Director, Origin, PATIENCE, answer, eventually, free};

/// Runs a client to its end, within the time that a test has.
#[track_caller]
fn run<T>(client: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    let done = runtime.block_on(async { tokio::time::timeout(3 * PATIENCE, client).await });
    done.expect("in time")
}

/// Comes back once `holds` does; what drives connections goes on meanwhile, and [`run`] has the deadline.
async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// A connection; its task ends when the connection does.
struct Session {
    send: SendRequest<Bytes>,
    task: JoinHandle<Result<(), h2::Error>>,
    at: SocketAddr,
}

impl Session {
    async fn to(at: SocketAddr) -> Session {
        let stream = TcpStream::connect(at).await.expect("a connection");
        stream.set_nodelay(true).expect("set");
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(1 << 20);
        builder.initial_connection_window_size(4 << 20);
        let (send, connection) = builder.handshake(stream).await.expect("a handshake");
        let task = tokio::spawn(connection);
        Session { send, task, at }
    }

    async fn begin(
        &mut self,
        method: &str,
        path: &str,
        fields: &[(&str, &str)],
        end: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.at));
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        self.begin_with(request.body(()).expect("a request"), end)
            .await
    }

    async fn begin_with(
        &mut self,
        request: Request<()>,
        end: bool,
    ) -> (ResponseFuture, SendStream<Bytes>) {
        let mut ready = self.send.clone().ready().await.expect("a free stream");
        ready.send_request(request, end).expect("a stream")
    }

    async fn ask(&mut self, method: &str, path: &str, fields: &[(&str, &str)]) -> Whole {
        let (response, _) = self.begin(method, path, fields, true).await;
        whole(response).await
    }
}

/// A whole answer.
struct Whole {
    head: Response<()>,
    body: Vec<u8>,
    trailers: Option<HeaderMap>,
}

impl Whole {
    fn status(&self) -> u16 {
        self.head.status().as_u16()
    }

    fn field(&self, name: &str) -> Option<&str> {
        let value = self.head.headers().get(name)?;
        value.to_str().ok()
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("text")
    }
}

async fn read(body: &mut RecvStream) -> Vec<u8> {
    let mut all = Vec::new();
    while let Some(piece) = body.data().await {
        let piece = piece.expect("data");
        let length = piece.len();
        all.extend_from_slice(&piece);
        body.flow_control().release_capacity(length).expect("taken");
    }
    all
}

async fn whole(response: ResponseFuture) -> Whole {
    let (head, mut body) = response.await.expect("an answer").into_parts();
    Whole {
        body: read(&mut body).await,
        trailers: body.trailers().await.expect("no fault"),
        head: Response::from_parts(head, ()),
    }
}

/// Sends all of `data` as the window lets it.
async fn upload(stream: &mut SendStream<Bytes>, mut data: Bytes, end: bool) {
    while !data.is_empty() {
        stream.reserve_capacity(data.len());
        let room = std::future::poll_fn(|cx| stream.poll_capacity(cx)).await;
        let room = room.expect("a stream that lives").expect("room");
        let piece = data.split_to(room.min(data.len()));
        stream.send_data(piece, false).expect("sent");
    }
    if end {
        stream.send_data(Bytes::new(), true).expect("the end");
    }
}

/// A director that redirects, and where.
fn redirecting(more: &str) -> (Director, SocketAddr) {
    let at = free();
    let config = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n{more}");
    (Director::start(&config), at)
}

#[test]
fn redirects_say_what_they_say_on_http_1_and_leave_the_connection_open() {
    let (director, at) = redirecting("");
    run(async {
        let mut session = Session::to(at).await;
        let got = session.ask("GET", "/a?b=%20^", &[]).await;
        assert_eq!(got.status(), 302);
        assert_eq!(got.field("location"), Some("http://t.example/a?b=%20%5E"));
        assert_eq!(got.field("cache-control"), Some("no-store"));
        assert_eq!(got.field("connection"), None);
        let length = got.body.len().to_string();
        assert_eq!(got.field("content-length"), Some(length.as_str()));
        assert!(got.text().contains("href=\"http://t.example/a?b=%20%5E\""));
        let head = session.ask("HEAD", "/a?b=%20^", &[]).await;
        assert_eq!((head.status(), head.body.len()), (302, 0));
        assert_eq!(head.field("content-length"), Some(length.as_str()));
        let posted = session.ask("POST", "/a", &[]).await;
        assert_eq!(posted.status(), 307);
        assert_eq!(session.ask("TRACE", "/", &[]).await.status(), 405);
        let odd = [("expect", "miracles")];
        assert_eq!(session.ask("POST", "/", &odd).await.status(), 417);
        // A body is not waited for.
        let (response, mut stream) = session.begin("POST", "/b", &[], false).await;
        assert_eq!(whole(response).await.status(), 307);
        let told = std::future::poll_fn(|cx| stream.poll_reset(cx)).await;
        assert_eq!(told.expect("a code"), Reason::NO_ERROR);
    });
    director.counts_until(&["http2-connection", " 1"]);
    director.counts_until(&["http2-stream", " 6"]);
}

#[test]
fn a_trusted_proxy_tells_how_the_client_asked() {
    for (trusted, told) in [("trusted-proxy 127.0.0.1\n", 503), ("", 302)] {
        let at = free();
        let config = format!("virtual {at}\nurl up https://%h/%d\nbind {at} up\n{trusted}");
        let _director = Director::start(&config);
        run(async {
            let mut session = Session::to(at).await;
            session.at = "192.0.2.9:443".parse().expect("an address");
            let fields = [("x-forwarded-proto", "https")];
            assert_eq!(session.ask("GET", "/x", &fields).await.status(), told);
            let got = session.ask("GET", "/x", &[]).await;
            assert_eq!(got.field("location"), Some("https://192.0.2.9/x"));
        });
    }
}

#[test]
fn a_hundred_streams_at_once_are_all_answered() {
    let origin = Origin::saying("here");
    let (_director, at) = forwarding(&origin);
    run(async {
        let mut session = Session::to(at).await;
        for _ in 0..3 {
            let mut answers = Vec::new();
            for n in 0..100 {
                answers.push(session.begin("GET", &format!("/{n}"), &[], true).await.0);
            }
            for answer in answers {
                let got = whole(answer).await;
                assert_eq!((got.status(), got.text()), (200, "here"));
            }
        }
    });
    assert_eq!(origin.requests().len(), 300);
}

#[test]
fn what_is_forwarded_is_a_request_of_http_1_and_its_answer_one_of_http_2() {
    let origin = Origin::sending(
        "HTTP/1.1 200 OK\r\nConnection: close, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 2\r\nContent-Length: 2\r\n\r\nok",
    );
    let (_director, at) = forwarding(&origin);
    run(async {
        let mut session = Session::to(at).await;
        let fields = [
            ("cookie", "a=1"),
            ("x-own", "v"),
            ("cookie", "b=2"),
            ("te", "trailers"),
        ];
        let got = session.ask("POST", "/p?q", &fields).await;
        assert_eq!((got.status(), got.text()), (200, "ok"));
        assert_eq!(got.field("x-kept"), Some("2"));
        for gone in ["connection", "keep-alive", "x-hop", "transfer-encoding"] {
            assert_eq!(got.field(gone), None, "{gone}");
        }
    });
    let request = origin.request();
    assert!(request.head.starts_with("POST /p?q HTTP/1.1\r\n"));
    let host = at.to_string();
    for (name, values) in [
        ("host", [host.as_str()]),
        ("cookie", ["a=1; b=2"]),
        ("x-own", ["v"]),
        ("te", ["trailers"]),
        ("content-length", ["0"]),
        ("x-forwarded-proto", ["http"]),
    ] {
        assert_eq!(request.values(name), values, "{}", request.head);
    }
    assert!(request.values("via")[0].starts_with("2.0 "));
}

#[test]
fn long_bodies_go_both_ways_at_the_pace_of_the_windows() {
    const LENGTH: usize = 16 << 20;
    let origin = Origin::start(|exchange| {
        exchange.read_body()?;
        let body = std::mem::take(&mut exchange.request.body);
        if exchange.request.head.contains("/chunked") {
            exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
            for part in body.chunks(100_000) {
                exchange.send(format!("{:x}\r\n", part.len()))?;
                exchange.send(part)?;
                exchange.send("\r\n")?;
            }
            exchange.send("0\r\n\r\n")?;
        } else {
            let length = body.len();
            exchange.send(format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
            ))?;
            exchange.send(&body)?;
        }
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    let body: Bytes = (0..LENGTH as u32)
        .map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8)
        .collect();
    run(async {
        let mut session = Session::to(at).await;
        let length = LENGTH.to_string();
        for (path, fields) in [
            ("/length", &[("content-length", length.as_str())][..]),
            ("/chunked", &[]),
        ] {
            let (response, mut stream) = session.begin("POST", path, fields, false).await;
            upload(&mut stream, body.clone(), true).await;
            let got = whole(response).await;
            assert!(got.status() == 200 && got.body == body, "{path}");
        }
    });
}

#[test]
fn uploads_that_their_server_does_not_take_hold_up_no_other() {
    let held = Arc::new(Mutex::new(()));
    let gate = Arc::clone(&held);
    let origin = Origin::start(move |exchange| {
        if exchange.request.head.contains("/stalled") {
            drop(gate.lock());
            return Ok(After::Close);
        }
        exchange.read_body()?;
        exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")?;
        Ok(After::Keep)
    });
    let guard = held.lock().expect("nobody panicked");
    let (_director, at) = forwarding(&origin);
    let length = (32 << 20).to_string();
    let fields = [("content-length", length.as_str())];
    run(async {
        let mut session = Session::to(at).await;
        let moved = Rc::new(Cell::new(0_usize));
        let uploads = tokio::task::LocalSet::new();
        let mut answers = Vec::new();
        for _ in 0..12 {
            let (response, mut stream) = session.begin("POST", "/stalled", &fields, false).await;
            answers.push(response);
            let moved = Rc::clone(&moved);
            uploads.spawn_local(async move {
                for _ in 0..32 << 4 {
                    upload(&mut stream, Bytes::from_static(&[0; 1 << 16]), false).await;
                    moved.set(moved.get() + 1);
                }
            });
        }
        let stand_still = async {
            loop {
                let before = moved.get();
                tokio::time::sleep(Duration::from_millis(200)).await;
                if before > 0 && moved.get() == before {
                    return;
                }
            }
        };
        uploads.run_until(stand_still).await;
        let (response, mut stream) = session.begin("POST", "/taken", &[], false).await;
        let body = Bytes::from(vec![0; 4 << 20]);
        uploads.run_until(upload(&mut stream, body, true)).await;
        assert_eq!(whole(response).await.text(), "ok");
    });
    drop(guard);
}

#[test]
fn trailers_of_answers_pass_and_those_of_requests_stay_behind() {
    let origin = Origin::start(|exchange| {
        exchange.read_body()?;
        exchange.send("HTTP/1.1 200 OK\r\nContent-Type: application/grpc\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\ngrpc-status: 7\r\n\r\n")?;
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    run(async {
        let mut session = Session::to(at).await;
        let fields = [("te", "trailers"), ("content-type", "application/grpc")];
        let (response, mut stream) = session.begin("POST", "/a.B/C", &fields, false).await;
        upload(&mut stream, Bytes::from_static(b"hi"), false).await;
        let mut trailers = HeaderMap::new();
        trailers.insert("x-end", "7".parse().expect("a value"));
        stream.send_trailers(trailers).expect("sent");
        let got = whole(response).await;
        assert_eq!(got.text(), "ok");
        let trailers = got.trailers.expect("trailers");
        assert_eq!(trailers["grpc-status"], "7");
    });
    let request = origin.request();
    assert_eq!((&request.body[..], request.whole), (&b"hi"[..], true));
    assert_eq!(request.trailers, "");
}

/// A CONNECT for this protocol.
fn connect(at: SocketAddr, protocol: &'static str) -> Request<()> {
    let request = Request::builder()
        .method("CONNECT")
        .uri(format!("http://{at}/chat"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-protocol", "talk");
    let protocol = Protocol::from_static(protocol);
    request.extension(protocol).body(()).expect("a request")
}

#[test]
fn websockets_pass_as_rfc_8441_has_them() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\nSec-WebSocket-Protocol: talk\r\n\r\nhello ")?;
        while let Ok(bytes) = exchange.some(65_536) {
            if bytes.is_empty() {
                break;
            }
            exchange.send(bytes.to_ascii_uppercase())?;
        }
        Ok(After::Close)
    });
    let (_director, at) = forwarding(&origin);
    run(async {
        let mut session = Session::to(at).await;
        assert_eq!(
            session.ask("TRACE", "/", &[]).await.status(),
            405,
            "after which the server's settings are known"
        );
        let (response, mut stream) = session.begin_with(connect(at, "websocket"), false).await;
        let (head, mut body) = response.await.expect("an answer").into_parts();
        assert_eq!(head.status, 200);
        assert_eq!(head.headers["sec-websocket-protocol"], "talk");
        for gone in ["sec-websocket-accept", "upgrade", "connection"] {
            assert!(!head.headers.contains_key(gone), "{gone}");
        }
        let long = Bytes::from(vec![b'a'; 300_000]);
        upload(&mut stream, long, false).await;
        let mut got = Vec::new();
        while got.len() < 300_006 {
            let piece = body.data().await.expect("more").expect("data");
            body.flow_control()
                .release_capacity(piece.len())
                .expect("taken");
            got.extend_from_slice(&piece);
        }
        assert!(got.starts_with(b"hello ") && got[6..].iter().all(|b| *b == b'A'));
        stream.send_data(Bytes::new(), true).expect("the end");
        assert_eq!(read(&mut body).await, b"");
        let (response, _stream) = session.begin_with(connect(at, "telnet"), false).await;
        assert_eq!(whole(response).await.status(), 501);
    });
    let request = origin.request();
    assert!(request.head.starts_with("GET /chat HTTP/1.1\r\n"));
    assert_eq!(request.values("upgrade"), ["websocket"]);
    assert_eq!(request.values("sec-websocket-key")[0].len(), 24);
}

#[test]
fn a_server_that_does_not_switch_never_looks_as_if_it_had() {
    let origin = Origin::saying("no WebSocket here");
    let (_director, at) = forwarding(&origin);
    run(async {
        let mut session = Session::to(at).await;
        session.ask("TRACE", "/", &[]).await;
        let (response, _stream) = session.begin_with(connect(at, "websocket"), false).await;
        assert_eq!(response.await.expect("an answer").status(), 502);
    });
}

#[test]
fn a_stream_that_is_given_up_is_given_up_at_its_server() {
    let origin = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")?;
        loop {
            exchange.send("5\r\nmore \r\n")?;
        }
    });
    let (director, at) = forwarding(&origin);
    run(async {
        let mut session = Session::to(at).await;
        let (response, mut stream) = session.begin("GET", "/", &[], true).await;
        let (_, mut body) = response.await.expect("an answer").into_parts();
        body.data().await.expect("more").expect("data");
        stream.send_reset(Reason::CANCEL);
        until(|| origin.open() == 0).await;
    });
    director.counts_until(&["client-gone", " 1"]);
    director.counts_until(&["http2-reset-by-client", " 1"]);
}

#[test]
fn a_stream_that_nobody_reads_holds_up_no_other() {
    let origin = Origin::start(|exchange| {
        if exchange.request.head.contains("/long") {
            exchange.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")?;
            for _ in 0..1000 {
                exchange.send([b'x'; 100_000])?;
            }
        }
        exchange.send(answer(200, "short"))?;
        Ok(After::Keep)
    });
    let (_director, at) = forwarding(&origin);
    run(async {
        let mut session = Session::to(at).await;
        let (response, _stream) = session.begin("GET", "/long", &[], true).await;
        let _unread = response.await.expect("an answer");
        for _ in 0..20 {
            assert_eq!(session.ask("GET", "/", &[]).await.text(), "short");
        }
    });
}

#[test]
fn an_answer_that_breaks_off_resets_its_stream_alone() {
    let origin = Origin::sending("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf");
    let (director, at) = forwarding(&origin);
    run(async {
        let mut session = Session::to(at).await;
        let (response, _) = session.begin("GET", "/", &[], true).await;
        let (_, mut body) = response.await.expect("an answer").into_parts();
        let error = loop {
            match body.data().await.expect("no end") {
                Ok(_) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error.reason(), Some(Reason::INTERNAL_ERROR));
        assert_eq!(session.ask("TRACE", "/", &[]).await.status(), 405);
    });
    director.counts_until(&["http2-reset-here", " 1"]);
}

#[test]
fn draining_says_goodbye_and_lets_streams_end() {
    let (release, released) = std::sync::mpsc::channel::<()>();
    let released = std::sync::Mutex::new(released);
    let origin = Origin::start(move |exchange| {
        exchange.read_body()?;
        let _ = released.lock().unwrap().recv_timeout(2 * PATIENCE);
        exchange.send(answer(200, "whole"))?;
        Ok(After::Keep)
    });
    let (mut director, at) = forwarding(&origin);
    run(async {
        let idle = Session::to(at).await;
        let mut busy = Session::to(at).await;
        let (response, _) = busy.begin("GET", "/", &[], true).await;
        until(|| !origin.requests().is_empty()).await;
        director.terminate();
        idle.task.await.expect("no panic").expect("a graceful end");
        release.send(()).expect("the origin waits");
        assert_eq!(whole(response).await.text(), "whole");
        busy.task.await.expect("no panic").expect("a graceful end");
    });
    assert_eq!(director.wait().code(), Some(0));
}

#[test]
fn where_http_2_is_off_its_preface_is_a_bad_request() {
    let (director, at) = redirecting("");
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    let config = std::fs::read_to_string(director.file()).expect("the configuration");
    director.reload(&format!("{config}http2 {at} off\n"));
    let mut client = Client::to(at);
    assert_eq!(client.send(preface).answer().status, 400);
    client.closed();
    director.reload(&config);
    run(async {
        let mut session = Session::to(at).await;
        assert_eq!(session.ask("GET", "/", &[]).await.status(), 302);
    });
}

#[test]
fn the_access_log_and_the_metrics_tell_of_it() {
    let folder = tempfile::TempDir::new().expect("a folder");
    let log = folder.path().join("log");
    let (director, at) = redirecting(&format!("access-log file {}\n", log.display()));
    run(async {
        let mut session = Session::to(at).await;
        session.ask("GET", "/x", &[("user-agent", "u")]).await;
    });
    eventually("the line is written", || {
        let text = std::fs::read_to_string(&log).unwrap_or_default();
        text.contains("\"HTTP/2.0\"") && text.contains("\"/x\"")
    });
    let mut client = Client::to(at);
    client.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x06\0\0\0\0\0");
    let mut said = Vec::new();
    client.stream.read_to_end(&mut said).expect("an end");
    director.counts_until(&["the first frame is no SETTINGS", " 1"]);
}
