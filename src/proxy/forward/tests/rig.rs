//! What the tests run on: a worker, its farm, and servers on raw sockets.

use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::num::NonZeroU16;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

use crate::control::{Farm, Live, Report};
use crate::decide::{
    Action, Attempt, Decision, Facts, Health, Measured, Moment, Past, Snapshot, decide,
};
use crate::model::{Endpoint, Id, Model, Real, Ref, Scheme, Serving, Virtual};
use crate::proxy::client::{Client, Stream};
use crate::proxy::deadline::{self, TICK};
use crate::proxy::forward::{After, Exchange, Trace, forward, request::ask};
use crate::proxy::http1::{Head, Parser, Progress};
use crate::proxy::worker::Worker;
use crate::telemetry::Tally;

/// The client's address in all tests.
pub(super) const CLIENT: SocketAddr =
    SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7)), 4711);
/// What `Via` calls the worker.
pub(super) const PSEUDONYM: &str = "signpost-00112233445566";

/// Runs a test on a runtime like a worker's; hanging is failing.
pub(super) fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        tokio::time::timeout(Duration::from_secs(30), test)
            .await
            .expect("the test hangs")
    })
}

/// A server: each connection, with its number from 0, is played by `play`.
pub(super) async fn server<F, P>(play: P) -> u16
where
    P: Fn(TcpStream, usize) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            tokio::spawn(play(stream, number));
        }
    });
    port
}

/// A server that answers every request on every connection with these bytes.
pub(super) async fn saying(answer: impl Into<Vec<u8>>) -> u16 {
    let answer: Arc<[u8]> = answer.into().into();
    server(move |mut stream, _| {
        let answer = Arc::clone(&answer);
        async move {
            while read_head(&mut stream).await.is_some() {
                if stream.write_all(&answer).await.is_err() {
                    return;
                }
            }
        }
    })
    .await
}

/// A server that answers with the head that it got, as a body.
pub(super) async fn mirror() -> u16 {
    server(|mut stream, _| async move {
        while let Some(head) = read_head(&mut stream).await {
            let answer = format!(
                "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{head}",
                head.len()
            );
            if stream.write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    })
    .await
}

/// A port that refuses.
pub(super) async fn refusing() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}

/// Reads up to the empty line; `None` at the end of the stream.
pub(super) async fn read_head<R: AsyncRead + Unpin>(stream: &mut R) -> Option<String> {
    read_until(stream, "\r\n\r\n").await
}

/// Reads a byte at a time until `end` was read.
pub(super) async fn read_until<R: AsyncRead + Unpin>(stream: &mut R, end: &str) -> Option<String> {
    let mut read = Vec::new();
    while !read.ends_with(end.as_bytes()) {
        read.push(stream.read_u8().await.ok()?);
    }
    Some(String::from_utf8_lossy(&read).into_owned())
}

/// Closes with a reset.
pub(super) fn reset(stream: TcpStream) {
    stream.set_zero_linger().unwrap();
}

/// Polls others until `until` holds.
pub(super) async fn until(mut holds: impl FnMut() -> bool) {
    while !holds() {
        tokio::task::yield_now().await;
    }
}

/// Lets time pass for deadlines, tick by tick, until `exchange` is over: what it came to, and the time.
pub(super) async fn passing<T>(exchange: impl Future<Output = T>) -> (T, Duration) {
    let mut exchange = std::pin::pin!(exchange);
    let mut passed = Duration::ZERO;
    loop {
        tokio::select! {
            biased;
            over = &mut exchange => return (over, passed),
            () = tokio::task::yield_now() => {}
        }
        deadline::tick();
        passed += TICK;
    }
}

/// Lets `time` pass for deadlines.
pub(super) fn pass(time: Duration) {
    for _ in 0..time.as_millis().div_ceil(TICK.as_millis()) + 2 {
        deadline::tick();
    }
}

/// A worker with one virtual bound to some reals.
pub(super) struct Rig {
    pub(super) worker: Rc<Worker>,
    pub(super) reports: mpsc::Receiver<Report>,
    reals: Vec<Endpoint>,
    pub(super) at: Endpoint,
}

impl Rig {
    pub(super) fn new(ports: &[u16]) -> Rig {
        Rig::with(ports, Serving::default())
    }

    pub(super) fn with(ports: &[u16], serving: Serving) -> Rig {
        let endpoint =
            |port| Endpoint::new(Ipv4Addr::LOCALHOST.into(), NonZeroU16::new(port).unwrap());
        let reals: Vec<_> = ports.iter().map(|&port| endpoint(port)).collect();
        let at = Endpoint::new(Ipv4Addr::new(198, 51, 100, 1).into(), Endpoint::HTTP);
        let model = Model {
            reals: reals
                .iter()
                .map(|&id| Real {
                    id,
                    intent: Default::default(),
                    serving: serving.clone(),
                })
                .collect(),
            virtuals: vec![Virtual {
                targets: (0..ports.len() as u32).map(Ref::Real).collect(),
                keepalive: true,
                ..Virtual::new(at)
            }],
            ..Model::default()
        };
        let (snapshot, loads) = Snapshot::compile(&model, &Facts::default(), None);
        let (sender, reports) = mpsc::channel(100);
        let live = Live {
            snapshot,
            loads: Arc::new(loads),
        };
        let farm = Arc::new(Farm::new(live, sender));
        let worker = Worker::new(farm, Tally::default(), PSEUDONYM.into(), 1);
        Rig {
            worker,
            reports,
            reals,
            at,
        }
    }

    /// Publishes that a real has failed.
    pub(super) fn fail(&self, real: usize) {
        let live = self.worker.farm.live().load_full();
        let node = live.snapshot.node(&Id::Endpoint(self.reals[real])).unwrap();
        let measured = Measured {
            health: Health::Failed,
            ..Measured::default()
        };
        self.worker.farm.live().store(Arc::new(Live {
            snapshot: live.snapshot.with_measured(&[(node, measured)]),
            loads: Arc::clone(&live.loads),
        }));
    }

    /// Comes back once no idle connection would be used again: those that were kept are looked at as when one is taken.
    pub(super) async fn no_connection_is_of_use(&self) {
        let began = std::time::Instant::now();
        until(|| {
            self.worker.pools.sweep();
            self.worker.pools.idle() == 0
        })
        .await;
        // Later they go because of their age.
        assert!(began.elapsed() < Duration::from_secs(3), "one was kept");
    }

    /// Exchanges and tunnels open at a real.
    pub(super) fn connections(&self, real: usize) -> u32 {
        let live = self.worker.farm.live().load();
        let node = live.snapshot.node(&Id::Endpoint(self.reals[real])).unwrap();
        live.loads.gauges(node).connections()
    }

    /// All connections open.
    pub(super) fn all(&self) -> u32 {
        (0..self.reals.len())
            .map(|real| self.connections(real))
            .sum()
    }

    /// Sends a request that begins with a whole head; the client's end, and the exchange to be run.
    pub(super) fn open(
        &self,
        request: &[u8],
    ) -> (DuplexStream, impl Future<Output = After> + use<>) {
        let (near, far) = duplex(256 * 1024);
        (near, self.open_over(far, request))
    }

    /// Takes a request that begins with a whole head and goes on over this stream; the exchange to be run.
    pub(super) fn open_over<S: Stream>(
        &self,
        far: S,
        request: &[u8],
    ) -> impl Future<Output = After> + use<S> {
        let mut input = BytesMut::from(request);
        let head = parse(&mut input);
        let mut client = Client::new(far, CLIENT, self.at.socket());
        client.input = input;
        let live = self.worker.farm.live().load_full();
        let mut attempt = Attempt::default();
        let moment = Moment {
            now: self.worker.farm.now(),
            draw: self.worker.draw(),
        };
        let decision: Decision = decide(
            &ask(
                &head,
                self.at,
                (CLIENT.ip(), self.at.socket(), Scheme::Http),
                Past::default(),
            ),
            &live.snapshot,
            &live.loads,
            moment,
            &mut attempt,
        );
        let place = match decision.action {
            Action::Forward { server } => Some(live.loads.place(server)),
            _ => None,
        };
        let exchange = Box::new(Exchange {
            place,
            head,
            at: self.at,
            node: live.snapshot.node_at(self.at),
            client: CLIENT.ip(),
            scheme: Scheme::Http,
            ticket: None,
            live,
            decision,
            attempt,
            trace: Trace::new(self.worker.scribe.on()),
        });
        let worker = Rc::clone(&self.worker);
        async move { forward(&worker, &mut client, exchange).await }
    }

    /// One exchange, with all that the client gets until its connection ends or is kept.
    pub(super) async fn exchange(&self, request: impl AsRef<[u8]>) -> (After, String) {
        let (mut near, exchange) = self.open(request.as_ref());
        let mut got = Vec::new();
        let (after, read) = tokio::join!(exchange, near.read_to_end(&mut got));
        read.unwrap();
        assert_eq!(self.all(), 0, "a place is still held");
        (after, String::from_utf8_lossy(&got).into_owned())
    }

    /// The outcomes reported since the last call.
    pub(super) fn outcomes(&mut self) -> Vec<crate::control::Outcome> {
        std::iter::from_fn(|| self.reports.try_recv().ok())
            .filter_map(|report| match report {
                Report::Exchange { outcome, .. } => Some(outcome),
                Report::Sounding(_) | Report::Suspect { .. } => None,
            })
            .collect()
    }
}

fn parse(input: &mut BytesMut) -> Head {
    let mut parser = Parser::default();
    match parser.parse(input) {
        Ok(Progress::Whole(length)) => {
            let bytes = input.split_to(length).freeze();
            parser.request(&bytes).head(bytes.clone())
        }
        other => panic!("the test's head is {other:?}"),
    }
}

/// The status code of an answer.
pub(super) fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or("")
}

/// The values of a field in a head, without case.
pub(super) fn values<'a>(head: &'a str, name: &str) -> Vec<&'a str> {
    head.lines()
        .skip(1)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": "))
        .filter(|(n, _)| n.eq_ignore_ascii_case(name))
        .map(|(_, value)| value)
        .collect()
}

/// What follows the head.
pub(super) fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").map_or("", |(_, body)| body)
}
