//! The desk over a director that runs, with clients and a server of its own.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

use crate::app::{Director, Options};
use crate::console::{Clear, Explain, Own, Question, Scene, Server, What, show};
use crate::control::Reply;
use crate::health::State;
use crate::language::Command;
use crate::model;
use crate::telemetry::Event;

const PATIENCE: Duration = Duration::from_secs(20);

/// A director with one worker at a port of its own, and a server that always answers.
struct Rig {
    runtime: Runtime,
    desk: mpsc::Sender<Question>,
    at: SocketAddr,
    server: SocketAddr,
}

/// Answers each connection's request.
fn origin() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let at = listener.local_addr().expect("its address");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4096];
            if stream.read(&mut head).is_ok_and(|read| read > 0) {
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok";
                let _ = stream.write_all(answer);
            }
        }
    });
    at
}

impl Rig {
    /// `AT` and `SERVER` in the configuration are where the director and its server listen.
    fn new(config: &str) -> Rig {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        listener.set_nonblocking(true).expect("it does not block");
        let (at, server) = (listener.local_addr().expect("its address"), origin());
        let config = config
            .replace("AT", &at.to_string())
            .replace("SERVER", &server.to_string());
        let loaded = model::load("test", config.as_bytes());
        let told = loaded.report(crate::language::Style::Plain);
        let model = loaded.model.expect(&told);
        let door = at.to_string().parse().expect("an endpoint");
        let handed = HashMap::from([(door, vec![listener])]);
        let options = Options {
            workers: 1,
            grace: Duration::from_secs(1),
            console: None,
        };
        let started = runtime.block_on(Director::start(model, &options, handed));
        let mut director = started.expect("it starts");
        let desk = director.desk();
        runtime.spawn(async move { director.watch().await });
        Rig {
            runtime,
            desk,
            at,
            server,
        }
    }

    fn ask<T>(&self, question: impl FnOnce(Reply<T>) -> Question) -> Result<T, String> {
        let (reply, told) = oneshot::channel();
        self.runtime.block_on(async {
            let asked = async {
                self.desk.send(question(reply)).await.expect("a desk");
                told.await.expect("an answer")
            };
            timeout(PATIENCE, asked).await.expect("an answer in time")
        })
    }

    fn scene(&self) -> Scene {
        let what = What::Probes;
        self.ask(|reply| Question::Scene { what, reply })
            .expect("a scene")
    }

    fn clear(&self, what: Clear) -> Result<String, String> {
        self.ask(|reply| Question::Clear { what, reply })
    }

    fn explain(&self, path: &str) -> Result<String, String> {
        let what = Explain {
            from: None,
            to: None,
            method: None,
            url: format!("http://{}{path}", self.at).into(),
            json: false,
        };
        self.ask(|reply| Question::Explain { what, reply })
    }

    fn test(&self, probe: &str, id: Option<String>) -> Result<String, String> {
        self.ask(|reply| Question::TestProbe {
            probe: probe.into(),
            id: id.map(Into::into),
            reply,
        })
    }

    /// What a client is answered.
    fn get(&self, path: &str) -> String {
        let mut stream = TcpStream::connect(self.at).expect("a connection");
        stream.set_read_timeout(Some(PATIENCE)).expect("a deadline");
        let head =
            format!("GET {path} HTTP/1.1\r\nHost: here.example\r\nConnection: close\r\n\r\n");
        stream.write_all(head.as_bytes()).expect("it is sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        answer
    }
}

fn server<'s>(scene: &'s Scene, id: &str) -> &'s Server {
    let found = scene.servers.iter().find(|s| s.id.to_string() == id);
    found.expect(id)
}

fn shown(scene: &Scene, name: &str) -> String {
    let command = Command {
        name: name.into(),
        words: Vec::new(),
    };
    show(&command, scene, false, 0).expect("it is there")
}

const FARM: &str = "\
virtual AT
real SERVER
url coyote http://coyote.example/%d 302
url roadrunner http://roadrunner.example/%d
bind AT coyote SERVER
probe knock tcp interval 3600
watch SERVER knock
";

#[test]
fn a_scene_shows_what_happened() {
    let rig = Rig::new(FARM);
    let before = rig.scene();
    let answers = [rig.get("/a"), rig.get("/b"), rig.get("/c"), rig.get("/d")];
    let redirected = answers.iter().filter(|a| a.starts_with("HTTP/1.1 302"));
    assert_eq!(redirected.count(), 2, "{answers:?}");
    let (at, real) = (rig.at.to_string(), rig.server.to_string());
    // The last forward is counted once its connection has ended.
    let scene = loop {
        let scene = rig.scene();
        if server(&scene, &at).came.all() == 4 {
            break scene;
        }
    };
    let here = server(&scene, &at);
    assert_eq!((here.came.redirects, here.came.forwards), (2, 2));
    assert!(here.rate.is_some_and(|rate| rate > 0.0), "{:?}", here.rate);
    assert_eq!(server(&before, &at).rate, Some(0.0));
    assert_eq!(server(&scene, &real).numbers.events(Event::Answered), 2);
    assert!(server(&scene, &real).response_us.is_some());
    assert_eq!(server(&scene, "coyote").numbers.picked(), 2);
    assert_eq!(scene.totals.requests, 4);
    assert_eq!(scene.director.workers, 1);
    assert!(shown(&scene, "show_virtual").contains(&at));
    assert!(shown(&scene, "show_bind").contains("coyote"));
    assert!(shown(&scene, "show_version").contains(&format!("Listening at {at} (virtual)")));
    assert_eq!(scene.probes[0].asks, "tcp interval 3600");
    assert_eq!(scene.probes[0].servers.len(), 1);
}

#[test]
fn statistics_are_cleared_for_the_console_alone() {
    let rig = Rig::new(FARM);
    for _ in 0..4 {
        rig.get("/");
    }
    let real = rig.server.to_string();
    let answered = |scene: &Scene| server(scene, &real).numbers.events(Event::Answered);
    while answered(&rig.scene()) < 2 {}
    let told = rig.clear(Clear::Statistics(Some("coyote".into())));
    assert!(told.expect("it is there").contains("coyote anew"));
    let scene = rig.scene();
    assert_eq!(server(&scene, "coyote").numbers.picked(), 0);
    assert_eq!(answered(&scene), 2, "of one id only");
    assert_eq!(scene.totals.cleared, None);
    rig.clear(Clear::Statistics(None)).expect("all");
    let scene = rig.scene();
    assert_eq!((answered(&scene), scene.totals.requests), (0, 0));
    assert!(scene.totals.cleared.is_some());
    rig.get("/");
    rig.get("/");
    while rig.scene().totals.requests < 2 {}
    let told = rig.clear(Clear::Statistics(Some("nobody".into())));
    assert!(told.is_err_and(|why| why.contains("`nobody` is no virtual")));
}

#[test]
fn an_explanation_is_of_this_moment_and_takes_no_turn() {
    let rig = Rig::new(
        "virtual AT\nurl a http://a.example/%d 302\nurl b http://b.example/%d 302\nbind AT a b\n",
    );
    let first = rig.explain("/x").expect("it is explained");
    assert!(first.contains("http://a.example/x"), "{first}");
    assert_eq!(
        rig.explain("/x").as_ref(),
        Ok(&first),
        "the turn is not taken"
    );
    assert!(rig.get("/x").contains("http://a.example/x"));
    let next = rig.explain("/x").expect("it is explained");
    assert!(next.contains("http://b.example/x"), "{next}");
    let wrong = rig.explain(" ").expect_err("no URL");
    assert!(wrong.contains("may not stand in a request"), "{wrong}");
}

#[test]
fn who_was_stuck_is_forgotten() {
    let rig = Rig::new(
        "virtual AT\nurl a http://a.example/%d 302\nurl b http://b.example/%d 302\nbind AT a b\nsticky AT 30 source\n",
    );
    let location = |answer: String| {
        let line = answer.lines().find(|line| line.starts_with("Location"));
        line.map(str::to_owned)
    };
    let clients = |scene: &Scene| -> u64 { scene.servers.iter().map(|s| s.clients).sum() };
    let first = location(rig.get("/"));
    assert_eq!(location(rig.get("/")), first);
    assert_eq!(clients(&rig.scene()), 1);
    for at in [Some(rig.at.to_string().into()), None] {
        rig.get("/");
        assert!(rig.explain("/").is_ok_and(|why| why.contains("(sticky)")));
        rig.clear(Clear::Sticky(at)).expect("it keeps clients");
        assert_eq!(clients(&rig.scene()), 0);
        let why = rig.explain("/").expect("it is explained");
        assert!(!why.contains("(sticky)"), "{why}");
    }
    let told = rig.clear(Clear::Sticky(Some("a".into())));
    assert!(told.is_err_and(|why| why.contains("no virtual")));
    rig.clear(Clear::Bounced(None)).expect("it is forgotten");
}

#[test]
fn a_probe_is_tested_without_a_consequence() {
    let closed = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr());
    let closed = closed.expect("a port that nobody listens at");
    let config = format!("{}real {closed}\n", FARM);
    let rig = Rig::new(&config);
    let told = rig.test("knock", None).expect("it watches one");
    assert!(
        told.starts_with(&format!("{}: ok: connected, ", rig.server)),
        "{told}"
    );
    let told = rig
        .test("knock", Some(closed.to_string()))
        .expect_err("it is not well");
    assert!(told.contains("failed: connect refused"), "{told}");
    let scene = rig.scene();
    assert_eq!(server(&scene, &closed.to_string()).state, State::InService);
    let told = rig.test("nock", None).expect_err("no such probe");
    assert_eq!(told, "there is no probe `nock`; there is knock");
    let told = rig
        .test("knock", Some(rig.at.to_string()))
        .expect_err("a virtual");
    assert!(told.contains("cannot be asked"), "{told}");
}

#[test]
fn requests_of_a_block_are_heard_for_a_while() {
    let rig = Rig::new("virtual AT\nurl a http://a.example/%d 302\nbind AT a\n");
    let listen = |from: &str, seconds| {
        let (lines, heard) = mpsc::channel(16);
        let from = model::Block {
            address: from.parse().expect("an address"),
            length: 8,
        };
        let question = Question::Debug {
            from,
            seconds,
            lines,
        };
        let sent = rig.runtime.block_on(rig.desk.send(question));
        sent.expect("a desk");
        heard
    };
    let mut heard = listen("127.0.0.0", 600);
    let mut over = listen("10.0.0.0", 1);
    let next = |heard: &mut mpsc::Receiver<String>| {
        let line = async { timeout(PATIENCE, heard.recv()).await };
        rig.runtime.block_on(line).expect("a line in time")
    };
    // Until the worker has heard of it.
    let mut tries = 0..1000;
    while heard.is_empty() && tries.next().is_some() {
        rig.get("/secret\"path?x=1");
    }
    let line = next(&mut heard).expect("a line");
    let wanted = format!(
        " 127.0.0.1 GET here.example/secret\\x22path?x=1 at {}: redirect (predicted) to a, 302 http://a.example/secret%22path?x=1, ",
        rig.at
    );
    assert!(line.contains(&wanted), "{line}");
    assert_eq!(
        next(&mut over).as_deref(),
        Some("% debug is over after 1 seconds")
    );
    assert_eq!(next(&mut over), None, "and then it ends");
}

#[test]
fn an_echo_comes_back_or_it_is_said_why_not() {
    let rig = Rig::new("virtual AT\nurl a http://a.example/ 302\nbind AT a\n");
    let address = [127, 0, 0, 1].into();
    match rig.ask(|reply| Question::Ping { address, reply }) {
        Ok(told) => assert!(
            told.contains("!!!!!\nSuccess rate is 100 percent (5/5), round-trip"),
            "{told}"
        ),
        Err(why) => assert!(why.contains("ping is not p"), "{why}"),
    }
}

#[test]
fn configured_words_are_completed() {
    let rig = Rig::new(&format!("{FARM}description coyote \"the fast one\"\n"));
    let words = |rule: &str, begun: &str| {
        let (reply, told) = oneshot::channel();
        let question = Question::Words {
            rule: rule.into(),
            begun: begun.into(),
            reply,
        };
        rig.runtime.block_on(async {
            rig.desk.send(question).await.expect("a desk");
            timeout(PATIENCE, told)
                .await
                .expect("in time")
                .expect("words")
        })
    };
    let pair = |word: &str, about: &str| (word.to_owned(), about.to_owned());
    assert_eq!(words("url_id", "co"), [pair("coyote", "the fast one")]);
    assert_eq!(words("virtual_id", "127"), [pair(&rig.at.to_string(), "")]);
    assert_eq!(words("real_id", ""), [pair(&rig.server.to_string(), "")]);
    assert_eq!(words("link_id", ""), [pair(&rig.at.to_string(), "")]);
    assert_eq!(words("probe_name", "k"), [pair("knock", "")]);
    assert_eq!(words("id", "").len(), 4);
    assert!(words("number", "").is_empty());
}

#[test]
fn users_are_shown_without_their_secrets() {
    let secret = "a-password-that-nobody-sees";
    let rig = Rig::new(&format!(
        "{FARM}username root privilege configure secret {secret}\n"
    ));
    let scene = rig.scene();
    assert_eq!(scene.users.len(), 1);
    assert!(scene.users[0].secret);
    assert!(shown(&scene, "show_users").contains("root  configure  yes"));
    assert!(!format!("{scene:?}").contains(secret));
}

#[test]
fn own_and_inherited_are_told_apart() {
    let rig = Rig::new(
        "virtual AT\nurl a http://a.example/%d 302\nbind AT a\ndip 127.0.0.9:1 SERVER\nlink a 127.0.0.9:1\nweight a 4\nweight 127.0.0.9:1 3\nout-of-service real 127.0.0.9:1\n",
    );
    let scene = rig.scene();
    let Own::Url(own) = &server(&scene, "a").own else {
        panic!("a url");
    };
    let link = own.link.as_ref().expect("a link");
    assert_eq!((own.state, own.weight), (State::InService, 4));
    assert_eq!((link.state, link.weight), (State::OutOfService, 3));
    assert_eq!(server(&scene, "a").state, State::OutOfService);
    let Own::Dip(dip) = &server(&scene, "127.0.0.9:1").own else {
        panic!("a dip");
    };
    assert_eq!(dip.virtual_state, State::InService);
    assert_eq!(dip.real_state, State::OutOfService);
}
