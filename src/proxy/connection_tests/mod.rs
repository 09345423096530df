//! A client and the connection that serves it, in memory and moved on by hand.

use std::future::Future;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::sync::mpsc;

use super::super::deadline::{TICK, tick};
use super::super::http1::cases::{GOOD, cases};
use super::*;
use crate::control::{Farm, Live};
use crate::decide::{Facts, Snapshot};
use crate::model::{
    Block, Code, Globals, HashKey, Model, Piece, Predictor, Ref, Scheme, Template, Url, UrlId,
    Virtual,
};
use crate::telemetry::Tally;

mod http2;
mod pipelines;
mod proxy_heads;
mod redirects;
mod waits;

// What holds where the operator says nothing.
const HEAD: Duration = Duration::from_secs(10);
const IDLE: Duration = Duration::from_secs(60);
const STALLED_WRITE: Duration = Duration::from_secs(30);
const PIPELINED: usize = 32;

/// A virtual with `keepalive` whose url drops the path.
const KEEPS: &str = "192.0.2.1";
/// One without `keepalive`, whose url takes host, port and path over.
const CLOSES: &str = "192.0.2.2:8080";
/// One with nothing bound.
const EMPTY: &str = "192.0.2.3";
/// One whose predictor goes by the host, with the first one's url.
const BY_HOST: &str = "192.0.2.5";
/// One with `keepalive` and the second one's url.
const TAKES: &str = "192.0.2.6:8080";
/// One that redirects to the URL just asked for.
const RETURNS: &str = "192.0.2.7";
/// Nobody's.
const GONE: &str = "192.0.2.4";

fn endpoint(text: &str) -> Endpoint {
    text.parse().expect("an endpoint")
}

fn url(id: &str, authority: Vec<Piece>, path: Vec<Piece>, code: Option<Code>) -> Url {
    let template = Template {
        text: "".into(),
        scheme: Scheme::Http,
        authority: authority.into(),
        path: path.into(),
    };
    Url {
        code,
        ..Url::new(UrlId(id.into()), template)
    }
}

fn at(id: &str, keepalive: bool, targets: Vec<Ref>) -> Virtual {
    Virtual {
        targets,
        keepalive,
        ..Virtual::new(endpoint(id))
    }
}

fn worker() -> Rc<Worker> {
    worker_trusting(vec![])
}

fn worker_trusting(trusted: Vec<Block>) -> Rc<Worker> {
    let literal = |text: &str| Piece::Literal(text.into());
    let model = Model {
        virtuals: vec![
            at(KEEPS, true, vec![Ref::Url(0)]),
            at(CLOSES, false, vec![Ref::Url(1)]),
            at(EMPTY, true, vec![]),
            Virtual {
                predictor: Predictor::Hash(HashKey::Host),
                ..at(BY_HOST, true, vec![Ref::Url(0)])
            },
            at(TAKES, true, vec![Ref::Url(1)]),
            at(RETURNS, true, vec![Ref::Url(2)]),
        ],
        urls: vec![
            url(
                "drops",
                vec![literal("t.example")],
                vec![literal("/")],
                None,
            ),
            url(
                "takes",
                vec![literal("w-"), Piece::Host, literal(":1"), Piece::Port],
                vec![literal("/"), Piece::PathAndQuery],
                Some(Code::MovedPermanently),
            ),
            url(
                "returns",
                vec![Piece::Host],
                vec![literal("/"), Piece::PathAndQuery],
                None,
            ),
        ],
        globals: Globals {
            trusted,
            ..Globals::default()
        },
        ..Model::default()
    };
    let (snapshot, loads) = Snapshot::compile(&model, &Facts::default(), None);
    let live = Live {
        snapshot,
        loads: Arc::new(loads),
    };
    let farm = Arc::new(Farm::new(live, mpsc::channel(1).0));
    Worker::new(farm, Tally::default(), "test".into(), 1)
}

/// A client and the connection that serves it, moved on by hand: no runtime, no clock.
struct Talk {
    client: DuplexStream,
    serving: Option<Pin<Box<dyn Future<Output = ()>>>>,
}

/// What the client has got, and whether the server's side has ended.
#[derive(Debug)]
struct Got {
    bytes: Vec<u8>,
    ended: bool,
}

impl Talk {
    fn new(worker: &Rc<Worker>, to: &str, room: usize) -> Talk {
        let (client, server) = tokio::io::duplex(room);
        let at = endpoint(to);
        let peer = "198.51.100.7:4711".parse().expect("an address");
        let client_side = Client::new(server, peer, at.socket());
        Talk::served(client, serve_connection(Rc::clone(worker), client_side, at))
    }

    fn served(client: DuplexStream, serving: impl Future<Output = ()> + 'static) -> Talk {
        let mut talk = Talk {
            client,
            serving: Some(Box::pin(serving)),
        };
        talk.turn();
        talk
    }

    fn turn(&mut self) {
        let mut cx = Context::from_waker(Waker::noop());
        if let Some(serving) = &mut self.serving
            && serving.as_mut().poll(&mut cx).is_ready()
        {
            self.serving = None;
        }
    }

    /// Sends what the server still takes.
    fn send(&mut self, mut bytes: &[u8]) {
        let mut cx = Context::from_waker(Waker::noop());
        while !bytes.is_empty() {
            match Pin::new(&mut self.client).poll_write(&mut cx, bytes) {
                Poll::Ready(Ok(n)) => bytes = &bytes[n..],
                Poll::Ready(Err(_)) => return,
                Poll::Pending => {
                    let before = self.serving.is_some();
                    self.turn();
                    assert!(before, "a full pipe that nobody reads");
                }
            }
        }
        self.turn();
    }

    fn pass(&mut self, time: Duration) {
        for _ in 0..time.as_millis() / TICK.as_millis() {
            tick();
        }
        self.turn();
    }

    fn got(&mut self) -> Got {
        let mut got = Got {
            bytes: Vec::new(),
            ended: false,
        };
        let mut cx = Context::from_waker(Waker::noop());
        let mut room = vec![0; 1 << 16];
        loop {
            let mut buffer = ReadBuf::new(&mut room);
            match Pin::new(&mut self.client).poll_read(&mut cx, &mut buffer) {
                Poll::Ready(Ok(())) if !buffer.filled().is_empty() => {
                    got.bytes.extend_from_slice(buffer.filled());
                    self.turn();
                }
                Poll::Ready(_) => {
                    got.ended = true;
                    return got;
                }
                Poll::Pending => return got,
            }
        }
    }

    /// Whether the connection is over, not only ended towards the client.
    fn over(&self) -> bool {
        self.serving.is_none()
    }
}

impl Got {
    /// The statuses of the answers, each of which is whole.
    fn statuses(&self) -> Vec<u16> {
        let mut statuses = Vec::new();
        let mut text = std::str::from_utf8(&self.bytes).expect("ASCII");
        while !text.is_empty() {
            let (head, rest) = text.split_once("\r\n\r\n").expect("a whole head");
            let status = head.split(' ').nth(1).and_then(|s| s.parse().ok());
            let length = head
                .lines()
                .find_map(|l| l.strip_prefix("Content-Length: "));
            let length: usize = length.map_or(0, |l| l.parse().expect("a length"));
            // The body of an answer to HEAD is missing.
            let length = if rest.starts_with("HTTP/") { 0 } else { length };
            text = rest.get(length..).unwrap_or("");
            statuses.push(status.expect("a status"));
        }
        statuses
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("ASCII")
    }
}

fn talk(worker: &Rc<Worker>, pieces: &[&[u8]]) -> Got {
    let mut talk = Talk::new(worker, KEEPS, 1 << 20);
    for piece in pieces {
        talk.send(piece);
    }
    talk.got()
}

#[test]
fn what_is_passed_on_is_open_from_the_moment_it_was_let_in() {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder
        .enable_all()
        .build_local(tokio::runtime::LocalOptions::default())
        .expect("a runtime");
    runtime.block_on(async {
        let worker = worker();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let to = listener.local_addr().expect("bound");
        for open in [1, 2] {
            let _client = std::net::TcpStream::connect(to).expect("a connection");
            let (socket, peer) = listener.accept().expect("one waits");
            socket.set_nonblocking(true).expect("set");
            crate::proxy::pass::welcome(&worker, socket, peer, endpoint(GONE));
            assert_eq!(worker.open(), open);
        }
        worker.emptied().await;
    });
}
