//! Each kind of probe against servers that behave and misbehave, byte by byte.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU16;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::limits::BODY_BYTES;
use super::schedule::{Schedule, Start};
use super::sound::{Memory, Outcome, sound};
use super::tcp::Knocks;
use crate::control::Errand;
use crate::health::Sounding;
use crate::model::{Endpoint, HttpProbe, Id, Probe, ProbeKind};

const V4: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const V6: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

/// A server that does `what` with every connection.
async fn server<F>(ip: IpAddr, what: impl Fn(TcpStream) -> F + Send + 'static) -> SocketAddr
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = TcpListener::bind((ip, 0)).await.expect("a free port");
    let at = listener.local_addr().expect("its address");
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(what(stream));
        }
    });
    at
}

/// A server that reads until the end of a head, says `bytes` and closes.
async fn says(bytes: impl Into<Vec<u8>>) -> SocketAddr {
    let bytes: Arc<[u8]> = bytes.into().into();
    server(V4, move |mut stream| {
        let bytes = Arc::clone(&bytes);
        async move {
            read_head(&mut stream).await;
            let _ = stream.write_all(&bytes).await;
        }
    })
    .await
}

async fn read_head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read_u8().await {
            Ok(byte) => head.push(byte),
            Err(_) => break,
        }
    }
    String::from_utf8(head).expect("a head is text")
}

/// Where nobody listens.
async fn nobody() -> SocketAddr {
    let listener = TcpListener::bind((V4, 0)).await.expect("a free port");
    listener.local_addr().expect("its address")
}

fn errand(kind: ProbeKind, to: SocketAddr) -> Errand {
    let mut probe = Probe::new("p".into(), kind);
    probe.timeout_s = 1;
    let port = NonZeroU16::new(to.port()).unwrap_or(NonZeroU16::MIN);
    Errand {
        id: Id::Endpoint(Endpoint::new(to.ip(), port)),
        probe: Arc::new(probe),
        to: Some(to),
        host: to.ip().to_string().into(),
        port: to.port(),
    }
}

async fn run(errand: &Errand) -> Sounding {
    sounding(sound(errand, &Memory::default()).await)
}

fn sounding(outcome: Outcome) -> Sounding {
    match outcome {
        Outcome::Sounded { sounding, .. } => sounding,
        Outcome::NotAsked(why) => panic!("not asked: {why}"),
    }
}

async fn ask(kind: ProbeKind, to: SocketAddr) -> Sounding {
    run(&errand(kind, to)).await
}

fn http(change: impl FnOnce(&mut HttpProbe)) -> ProbeKind {
    let mut http = HttpProbe::default();
    change(&mut http);
    ProbeKind::Http(http)
}

#[track_caller]
fn good(sounding: &Sounding, why: &str) {
    assert_eq!((sounding.ok, &*sounding.why), (true, why));
}

#[track_caller]
fn bad(sounding: &Sounding, why: &str) {
    assert_eq!((sounding.ok, &*sounding.why), (false, why));
    assert!(sounding.figures.is_empty());
}

/// Runs probes by tcp as `round.rs` does, until each has come to something.
async fn knock(to: &[SocketAddr]) -> Vec<(SocketAddr, Sounding, bool)> {
    let mut schedule = Schedule::new(1);
    let errands: Vec<Errand> = to.iter().map(|to| errand(ProbeKind::Tcp, *to)).collect();
    schedule.set(&errands, 0);
    let mut knocks = Knocks::new().expect("an epoll");
    let mut ended = Vec::new();
    while let Some(start) = schedule.next(10_000) {
        let to = start.errand.to.expect("an address");
        ended.extend(knocks.begin(start, to));
    }
    while ended.len() < to.len() {
        let check_at = knocks.check_at().expect("some are under way");
        tokio::select! {
            () = knocks.ready() => knocks.answers(|answer| ended.push(answer)),
            () = tokio::time::sleep_until(check_at.into()) => {
                knocks.silent(std::time::Instant::now(), |answer| ended.push(answer));
            }
        }
    }
    assert!(
        knocks
            .check_at()
            .is_none_or(|at| at > std::time::Instant::now())
    );
    let told = |(start, outcome): (Start, Outcome)| {
        let silent = matches!(outcome, Outcome::Sounded { silent: true, .. });
        (
            start.errand.to.expect("as above"),
            sounding(outcome),
            silent,
        )
    };
    ended.into_iter().map(told).collect()
}

#[tokio::test]
async fn tcp_tells_who_takes_connections_who_refuses_and_who_is_silent() {
    let (v4, v6) = (
        server(V4, |_| async {}).await,
        server(V6, |_| async {}).await,
    );
    let refusing = nobody().await;
    let (mute, _socket, _filling) = silent_host().await;
    let all = knock(&[v4, mute, refusing, v6]).await;
    for (at, sounding, silent) in &all {
        assert_eq!(*silent, *at == mute);
        if *at == refusing {
            bad(sounding, "connect refused");
        } else if *at == mute {
            bad(sounding, "no connection within 1 s");
            assert!((1_000_000..5_000_000).contains(&sounding.took_us));
        } else {
            good(sounding, "connected");
            assert!(sounding.took_us < 900_000, "not held up by the silent one");
        }
    }
    assert_eq!(all.len(), 4);
}

#[tokio::test]
async fn tcp_leaves_no_socket_in_time_wait() {
    let at = server(V4, |_| async {}).await;
    let all = knock(&[at; 1]).await;
    good(&all[0].1, "connected");
    good(&ask(ProbeKind::Tcp, at).await, "connected");
    let sockets = std::fs::read_to_string("/proc/net/tcp").expect("the kernel tells its sockets");
    let peer = format!(":{:04X} ", at.port());
    let waiting = |line: &&str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        format!("{} ", fields[2]).ends_with(&peer) && fields[3] == "06"
    };
    assert_eq!(sockets.lines().filter(waiting).count(), 0);
}

/// A listener whose queue is full: SYNs are dropped, as by a host that is gone.
async fn silent_host() -> (SocketAddr, socket2::Socket, Vec<TcpStream>) {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    socket.bind(&SocketAddr::new(V4, 0).into()).unwrap();
    socket.listen(0).unwrap();
    let at = socket.local_addr().unwrap().as_socket().unwrap();
    let mut filling = Vec::new();
    while let Ok(Ok(stream)) =
        tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(at)).await
    {
        filling.push(stream);
    }
    (at, socket, filling)
}

#[tokio::test]
async fn silence_ends_with_the_timeout_and_says_where_it_was() {
    let (at, _socket, _filling) = silent_host().await;
    let outcome = sound(&errand(ProbeKind::Tcp, at), &Memory::default()).await;
    assert!(matches!(outcome, Outcome::Sounded { silent: true, .. }));
    let sounding = sounding(outcome);
    bad(&sounding, "no connection within 1 s");
    assert!((1_000_000..5_000_000).contains(&sounding.took_us));
    let mute = server(V4, |stream| async move {
        let _held = stream;
        std::future::pending().await
    })
    .await;
    for kind in [http(|_| ()), ProbeKind::Agent] {
        bad(
            &ask(kind, mute).await,
            "connected, but no answer within 1 s",
        );
    }
}

#[tokio::test]
async fn http_asks_what_it_was_told() {
    let (send, mut heads) = tokio::sync::mpsc::channel(2);
    let at = server(V6, move |mut stream| {
        let send = send.clone();
        async move {
            let _ = send.send(read_head(&mut stream).await).await;
            let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
        }
    })
    .await;
    let sounding = ask(http(|_| ()), at).await;
    good(&sounding, "status 204");
    assert!(sounding.took_us > 0);
    let head = heads.recv().await.expect("it was asked");
    let lines: Vec<&str> = head.split("\r\n").collect();
    assert_eq!(lines[0], "GET / HTTP/1.1");
    let host = format!("host: [::1]:{}", at.port());
    assert!(
        lines.contains(&&*host) && lines.contains(&"connection: close"),
        "{head}"
    );
    let kind = http(|http| {
        http.method = "HEAD".into();
        http.path = "/status?full=1".into();
        http.host = Some("www.example.com".into());
    });
    good(&ask(kind, at).await, "status 204");
    let head = heads.recv().await.expect("it was asked");
    assert!(
        head.starts_with("HEAD /status?full=1 HTTP/1.1\r\n"),
        "{head}"
    );
    assert!(head.contains("\r\nhost: www.example.com\r\n"), "{head}");
}

#[tokio::test]
async fn http_wants_a_good_status_and_follows_no_redirect() {
    let at = says("HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/\r\nContent-Length: 0\r\n\r\n")
        .await;
    good(&ask(http(|_| ()), at).await, "status 302");
    let kind = http(|http| http.expect = Box::new([(200, 200), (204, 204), (300, 301)]));
    bad(
        &ask(kind, at).await,
        "status 302, expected 200, 204, 300 to 301",
    );
    let at = says("HTTP/1.1 500 Oh\r\nContent-Length: 4\r\n\r\nno!\n").await;
    bad(
        &ask(http(|_| ()), at).await,
        "status 500, expected 200 to 399",
    );
}

#[tokio::test]
async fn http_looks_for_a_text_in_the_first_part_of_the_body() {
    let text = || http(|http| http.body = Some("all is well".into()));
    let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    let split = format!("{chunked}7\r\n  all i\r\n8\r\ns well!!\r\n0\r\n\r\n");
    good(&ask(text(), says(split).await).await, "status 200");
    let other = format!("{chunked}6\r\nnot at\r\n0\r\n\r\n");
    bad(
        &ask(text(), says(other).await).await,
        "the body lacks the text",
    );
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nall is";
    bad(
        &ask(text(), says(cut).await).await,
        "the body was cut short",
    );
    for (before, ok) in [(BODY_BYTES - 11, true), (BODY_BYTES - 10, false)] {
        let mut body = vec![b' '; before];
        body.extend_from_slice(b"all is well");
        let mut answer = b"HTTP/1.1 200 OK\r\n\r\n".to_vec();
        answer.append(&mut body);
        assert_eq!(
            ask(text(), says(answer).await).await.ok,
            ok,
            "{before} bytes before it"
        );
    }
}

#[tokio::test]
async fn http_is_not_held_up_by_a_body_that_it_does_not_need() {
    let at = server(V4, |mut stream| async move {
        read_head(&mut stream).await;
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(&[0; 65_536]).await.is_ok() {}
    })
    .await;
    good(&ask(http(|_| ()), at).await, "status 200");
    let drip = server(V4, |mut stream| async move {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    })
    .await;
    let sounding = ask(http(|_| ()), drip).await;
    good(&sounding, "status 200");
    assert!(sounding.took_us < 200_000, "the time of the head counts");
    let kind = http(|http| http.body = Some("never".into()));
    bad(
        &ask(kind, drip).await,
        "connected, but no answer within 1 s",
    );
}

#[tokio::test]
async fn http_says_what_was_wrong_with_an_answer() {
    for garbage in [
        "SSH-2.0-OpenSSH\r\n",
        "\0\u{1}\u{2}",
        "HTTP/1.1 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx y: z\r\n\r\n",
    ] {
        let sounding = ask(http(|_| ()), says(garbage).await).await;
        assert!(!sounding.ok, "{garbage:?}: {}", sounding.why);
    }
    bad(
        &ask(http(|_| ()), says("no answer at all\r\n\r\n").await).await,
        "what it said is no HTTP answer",
    );
    bad(
        &ask(http(|_| ()), says("").await).await,
        "connection closed before the head of an answer",
    );
    let endless = format!("HTTP/1.1 200 OK\r\nx: {}", "y".repeat(100_000));
    bad(
        &ask(http(|_| ()), says(endless).await).await,
        "what it said is no HTTP answer",
    );
    let kind = http(|http| http.path = "not a path".into());
    bad(
        &ask(kind, says("").await).await,
        "path `not a path` cannot be sent in a request",
    );
}

#[tokio::test]
async fn agent_brings_its_line_back() {
    let at = server(V4, |mut stream| async move {
        let _ = stream.write_all(b"up 75%\r\nand more").await;
        std::future::pending().await
    })
    .await;
    let sounding = ask(ProbeKind::Agent, at).await;
    good(&sounding, "agent said `up 75%`");
    assert_eq!(sounding.agent.as_deref(), Some("up 75%"));
    let at = server(V4, |_| async {}).await;
    bad(&ask(ProbeKind::Agent, at).await, "agent said nothing");
    let at = server(V4, |mut stream| async move {
        while stream.write_all(&[b'x'; 1000]).await.is_ok() {}
    })
    .await;
    bad(
        &ask(ProbeKind::Agent, at).await,
        "agent's line is longer than 4096 bytes",
    );
}

#[tokio::test]
async fn hops_of_this_host_is_none_and_is_confirmed_by_one_connection() {
    for ip in [V4, V6] {
        let (send, mut seen) = tokio::sync::mpsc::unbounded_channel();
        let at = server(ip, move |_| {
            let _ = send.send(());
            async {}
        })
        .await;
        let memory = Memory::default();
        let errand = errand(ProbeKind::Hops, at);
        let first = sounding(sound(&errand, &memory).await);
        good(&first, "0 routers away");
        assert_eq!(first.figures, [("hops".into(), 0.0)]);
        assert_eq!(memory.ttl.load(Ordering::Relaxed), 1);
        for _ in 0..7 {
            seen.recv()
                .await
                .expect("a search of 64 takes 7 connections");
        }
        good(&sounding(sound(&errand, &memory).await), "0 routers away");
        seen.recv().await.expect("one more");
        assert!(seen.try_recv().is_err());
    }
    bad(
        &ask(ProbeKind::Hops, nobody().await).await,
        "connect refused",
    );
}

#[tokio::test]
async fn ping_hears_this_host_or_says_which_right_it_lacks() {
    for ip in [V4, V6] {
        let sounding = ask(ProbeKind::Ping, SocketAddr::new(ip, 0)).await;
        if sounding.ok {
            good(&sounding, "echo came back");
            assert!(sounding.took_us > 0);
        } else {
            assert!(
                sounding.why.contains("ping_group_range"),
                "{}",
                sounding.why
            );
        }
    }
}

#[tokio::test]
async fn a_host_is_looked_up_and_each_of_its_addresses_tried() {
    let at = says("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await;
    let mut errand = errand(http(|_| ()), at);
    errand.to = None;
    // On many hosts `::1` comes first, where nobody listens.
    errand.host = "localhost".into();
    good(&run(&errand).await, "status 200");
    errand.host = "no-such-host.invalid".into();
    let sounding = run(&errand).await;
    assert!(
        !sounding.ok && sounding.took_us < 2_000_000,
        "{}",
        sounding.why
    );
}

/// A program that is a line of shell.
async fn shell(line: &str) -> Sounding {
    let words = ["sh", "-c", line].map(Box::from);
    ask(
        ProbeKind::Exec(Box::new(words)),
        ([192, 0, 2, 7], 8080).into(),
    )
    .await
}

#[tokio::test]
async fn exec_takes_figures_and_words_from_a_program() {
    let sounding = shell("echo users=12; echo load=0.5; echo all is well").await;
    good(&sounding, "all is well");
    assert_eq!(
        sounding.figures,
        [("users".into(), 12.0), ("load".into(), 0.5)]
    );
    good(&shell("exit 0").await, "exit status 0");
    let told = shell("echo $SIGNPOST_ID $SIGNPOST_ADDRESS $SIGNPOST_PORT").await;
    good(&told, "192.0.2.7:8080 192.0.2.7 8080");
    bad(
        &shell("echo users=12; echo disk full >&2; exit 3").await,
        "disk full",
    );
    bad(
        &shell("exit 3").await,
        "the program ended with exit status: 3",
    );
    bad(
        &shell("kill -9 $$").await,
        "the program ended with signal: 9 (SIGKILL)",
    );
    let missing = ProbeKind::Exec(Box::new(["/no/such/program".into()]));
    let sounding = ask(missing, ([192, 0, 2, 7], 80).into()).await;
    assert!(
        sounding.why.starts_with("cannot run `/no/such/program`: "),
        "{}",
        sounding.why
    );
}

#[tokio::test]
async fn exec_bounds_output_and_time_and_leaves_nobody_behind() {
    let line = |bytes: usize| format!("head -c {bytes} /dev/zero");
    assert!(shell(&line(BODY_BYTES)).await.ok);
    bad(
        &shell(&line(BODY_BYTES + 1)).await,
        "the program printed more than 65536 bytes",
    );
    bad(
        &shell("yes").await,
        "the program printed more than 65536 bytes",
    );
    // The pipe that the sleeper holds ends only with it.
    let folder = tempfile::tempdir().expect("a folder");
    let pipe = folder.path().join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.expect("mkfifo runs").success());
    for (end, why) in [
        ("wait", "the program did not end within 1 s"),
        ("", "exit status 0"),
    ] {
        let line = format!("sleep 1000 3>'{}' & {end}", pipe.display());
        let (sounding, ended) = tokio::join!(shell(&line), ended(&pipe));
        assert_eq!(&*sounding.why, why);
        ended.expect("the sleeper is gone");
    }
}

/// Comes back once nobody holds the writing end of `pipe` any more.
async fn ended(pipe: &std::path::Path) -> std::io::Result<()> {
    let pipe = pipe.to_owned();
    let read = tokio::task::spawn_blocking(move || std::fs::read(pipe));
    tokio::time::timeout(Duration::from_secs(10), read).await???;
    Ok(())
}

#[cfg(feature = "tls")]
#[path = "https_tests.rs"]
mod https;
