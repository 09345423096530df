use std::sync::atomic::Ordering;

use super::*;
use crate::control::{Errand, Outcome, Sounded, Standing};
use crate::decide::{
    Action, Ask, Attempt, Gauges, Health, Moment, NodeIndex, Past, Place, Readiness, decide,
};
use crate::health::{Sounding, State};
use crate::model::{
    Dip, Intent, Probe, ProbeKind, Real, Ref, Scheme, Serving, Template, Url, UrlId, Virtual,
    Watching,
};

/// A writer over a dip that fails at once and is tried again after a second, and where it listens.
async fn writer() -> (Writer, Endpoint) {
    let at = free();
    (serving(dip(1, at)).await, at)
}

fn free() -> Endpoint {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("its address");
    Endpoint::new(address.ip(), address.port().try_into().expect("a port"))
}

async fn serving(model: Model) -> Writer {
    let (mut writer, _reports) = Writer::new(Vec::new());
    let replaced = writer.replace(model, HashMap::new()).await;
    replaced.expect("it can be bound");
    writer
}

async fn replace(writer: &mut Writer, model: Model) {
    let replaced = writer.replace(model, HashMap::new()).await;
    replaced.expect("nothing new to bind");
}

fn dip(real: u16, at: Endpoint) -> Model {
    let watching = Watching {
        threshold: 1,
        retry_s: 1,
        ..Watching::default()
    };
    let real = Endpoint::new([127, 0, 0, 1].into(), real.try_into().expect("a port"));
    Model {
        dips: vec![Dip {
            serving: Serving {
                watching,
                promise_s: 0,
                ..Serving::default()
            },
            ..Dip::new(at, real)
        }],
        ..Model::default()
    }
}

/// The same dip, watched by these probes.
fn probed(at: Endpoint, probes: Vec<Probe>) -> Model {
    let mut model = dip(1, at);
    model.dips[0].serving.probes = (0..probes.len() as u32).collect();
    model.probes = probes;
    model
}

fn tcp() -> Probe {
    Probe {
        fall: 2,
        rise: 2,
        ..Probe::new("tcp".into(), ProbeKind::Tcp)
    }
}

fn agent() -> Probe {
    Probe::new("agent".into(), ProbeKind::Agent)
}

fn gauges(writer: &Writer, node: u32) -> Arc<Gauges> {
    Arc::clone(writer.farm.live().load().loads.gauges(NodeIndex(node)))
}

fn refused(writer: &Writer, now: Millis) -> Report {
    reported(writer, Outcome::Refused, now)
}

fn reported(writer: &Writer, outcome: Outcome, now: Millis) -> Report {
    Report::Exchange {
        server: gauges(writer, 0),
        client: [127, 0, 0, 1].into(),
        outcome,
        now,
    }
}

fn sounded(errand: &Errand, ok: bool, now: Millis) -> Report {
    let why = if ok { "connected" } else { "connect refused" };
    said(errand, ok, why, None, now)
}

fn said(errand: &Errand, ok: bool, why: &'static str, line: Option<&str>, now: Millis) -> Report {
    Report::Sounding(Sounded {
        id: errand.id.clone(),
        probe: Arc::clone(&errand.probe),
        sounding: Sounding {
            ok,
            why: why.into(),
            took_us: 700,
            figures: vec![("users".into(), 7.0)],
            agent: line.map(str::to_owned),
        },
        now,
    })
}

fn errands(writer: &Writer) -> Vec<Errand> {
    writer.farm.errands().borrow().to_vec()
}

fn health(writer: &Writer) -> Health {
    writer.farm.live().load().snapshot.health(NodeIndex(0))
}

fn standing(writer: &Writer) -> Standing {
    writer.standings().remove(0)
}

/// `why` with the time of day taken out of it.
fn timeless(why: &str) -> String {
    let digits = |w: &str| w.trim_end_matches(',').split([':', '-']).count() == 3;
    let words = why.split(' ').map(|w| match w {
        time if digits(time) && time.ends_with(',') => "TIME,",
        time if digits(time) => "TIME",
        word => word,
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Whether the `nth` client is let through at `now`.
fn let_through(writer: &Writer, at: Endpoint, nth: u8, now: Millis) -> Option<Place> {
    let ask = Ask {
        at,
        client: [127, 0, 0, nth].into(),
        scheme: Scheme::Http,
        method: "GET".into(),
        host: "www.example.com".into(),
        port: 80,
        target: "/".into(),
        past: Past::default(),
    };
    let live = writer.farm.live().load();
    let attempt = &mut Attempt::default();
    let moment = Moment { now, draw: 0 };
    match decide(&ask, &live.snapshot, &live.loads, moment, attempt).action {
        Action::Forward { server } => Some(live.loads.place(server)),
        Action::Redirect { .. } | Action::Refuse => None,
    }
}

#[tokio::test]
async fn a_flip_that_waits_does_not_outlive_the_endpoint_it_speaks_of() {
    let (mut writer, at) = writer().await;
    writer.take(refused(&writer, Millis(1)));
    replace(&mut writer, dip(2, at)).await;
    writer.publish();
    assert_eq!(health(&writer), Health::Up);
}

#[tokio::test]
async fn a_trial_that_failed_lets_nobody_through_while_its_flip_waits() {
    let (mut writer, at) = writer().await;
    writer.take(refused(&writer, Millis(1)));
    writer.publish();
    let now = Millis(1_500);
    writer.wards.tick(&writer.farm, now);
    writer.publish();
    assert!(let_through(&writer, at, 1, now).is_some(), "on trial");
    writer.take(refused(&writer, now));
    assert!(let_through(&writer, at, 2, now).is_none(), "not in force");
    writer.publish();
    assert_eq!(health(&writer), Health::Failed);
    assert!(let_through(&writer, at, 2, now).is_none(), "in force");
}

#[tokio::test]
async fn what_an_agent_says_of_shares_leaves_a_trial_alone() {
    let at = free();
    let mut writer = serving(probed(at, vec![agent()])).await;
    writer.take(refused(&writer, Millis(1)));
    writer.wards.tick(&writer.farm, Millis(1_500));
    writer.publish();
    let now = Millis(1_600);
    let _held = let_through(&writer, at, 1, now).expect("on trial");
    let errand = errands(&writer).remove(0);
    writer.take(said(&errand, true, "", Some("50% maxconn:7"), now));
    assert!(writer.wards.has_flips() && !writer.wards.is_pressed());
    writer.publish();
    assert!(let_through(&writer, at, 2, now).is_none(), "one at a time");
}

#[tokio::test]
async fn a_probe_fails_a_server_and_brings_it_back_and_both_facts_are_shown() {
    let at = free();
    let mut writer = serving(probed(at, vec![tcp()])).await;
    let errand = errands(&writer).remove(0);
    for now in [10, 20] {
        assert_eq!(health(&writer), Health::Up);
        writer.take(sounded(&errand, false, Millis(now)));
        writer.publish();
    }
    let stands = standing(&writer);
    assert_eq!(health(&writer), Health::Failed);
    assert_eq!(
        (stands.state.is, stands.intent.is),
        (State::Failed, Intent::InService)
    );
    assert_eq!(stands.measured.since, Millis(20));
    assert_eq!(
        timeless(&stands.measured.why),
        "probe tcp: connect refused at TIME, 2 of 2"
    );
    assert!(timeless(&stands.intent.why) == "set at the start at TIME");

    let mut out = probed(at, vec![tcp()]);
    out.dips[0].real_intent = Intent::Maintenance;
    replace(&mut writer, out).await;
    let stands = standing(&writer);
    assert_eq!(stands.intent.is, Intent::Maintenance);
    assert_eq!(timeless(&stands.intent.why), "set by the operator at TIME");
    assert_eq!(stands.measured.is.health, Health::Failed, "as it was");
    replace(&mut writer, probed(at, vec![tcp()])).await;

    let back_since = || gauges(&writer, 0).back_since.load(Ordering::Relaxed);
    assert_eq!(
        back_since(),
        0,
        "the operator put a failed server into service"
    );
    let errand = errands(&writer).remove(0);
    for now in [30, 40] {
        assert_eq!(health(&writer), Health::Failed);
        writer.take(sounded(&errand, true, Millis(now)));
        writer.publish();
    }
    assert_eq!(standing(&writer).state.is, State::InService);
    assert!(gauges(&writer, 0).back_since.load(Ordering::Relaxed) > 0);
    let figures = standing(&writer).figures;
    let figures: Vec<_> = figures.iter().map(|f| (&*f.name, &*f.source)).collect();
    let told = [
        ("users", "tcp"),
        ("response_us", "tcp"),
        ("connections", "traffic"),
    ];
    assert!(told.iter().all(|f| figures.contains(f)), "{figures:?}");
}

#[tokio::test]
async fn slowstart_begins_when_the_operator_puts_a_server_back_but_not_at_the_start() {
    let at = free();
    let from_down = Probe {
        from_down: true,
        ..tcp()
    };
    let mut writer = serving(probed(at, vec![from_down.clone()])).await;
    let back_since = |writer: &Writer| gauges(writer, 0).back_since.load(Ordering::Relaxed);
    assert_eq!(health(&writer), Health::Failed, "not answered yet");
    let errand = errands(&writer).remove(0);
    writer.take(sounded(&errand, true, Millis(5)));
    writer.publish();
    assert_eq!((health(&writer), back_since(&writer)), (Health::Up, 0));
    let mut out = probed(at, vec![from_down.clone()]);
    out.dips[0].virtual_intent = Intent::OutOfService;
    replace(&mut writer, out).await;
    replace(&mut writer, probed(at, vec![from_down])).await;
    assert_eq!(health(&writer), Health::Up, "it answered once");
    assert!(back_since(&writer) > 0);
}

#[tokio::test]
async fn a_suspect_that_nobody_watches_is_asked_at_once_and_until_it_answers() {
    let (mut writer, _) = writer().await;
    let mut urgent = writer.farm.urgent();
    let suspect = |writer: &Writer, now| Report::Suspect {
        server: gauges(writer, 0),
        now: Millis(now),
    };
    writer.take(suspect(&writer, 1));
    writer.take(suspect(&writer, 500));
    let errand = urgent.try_recv().expect("asked at once");
    assert!(urgent.try_recv().is_err(), "and once");
    assert_eq!(errand.probe.kind, ProbeKind::Tcp);
    assert_eq!(errand.to, Some("127.0.0.1:1".parse().expect("an address")));

    let now = Millis(20_000);
    writer.take(sounded(&errand, false, now));
    writer.publish();
    assert_eq!(health(&writer), Health::Failed);
    assert_eq!(
        timeless(&standing(&writer).measured.why),
        "probe (suspect): connect refused at TIME, 1 of 1"
    );
    writer.chores(now);
    urgent.try_recv().expect("asked again");
    writer.take(sounded(&errand, true, Millis(21_000)));
    writer.publish();
    assert_eq!(health(&writer), Health::Up);
}

#[tokio::test]
async fn a_suspect_that_answers_is_suspect_again_only_by_as_many_clients() {
    let at = free();
    let mut writer = serving(probed(at, vec![tcp()])).await;
    let errand = errands(&writer).remove(0);
    let server = gauges(&writer, 0);
    let now = Millis(5);
    let came_back = || {
        for n in 1..4 {
            server.bounced_back_by([192, 0, 2, n].into(), now);
        }
        server.bounced_back(now)
    };
    assert_eq!(came_back(), 3);
    writer.take(sounded(&errand, true, now));
    assert_eq!(server.bounced_back(now), 3, "nobody suspected it yet");
    writer.take(Report::Suspect {
        server: Arc::clone(&server),
        now,
    });
    writer.take(sounded(&errand, false, now));
    assert_eq!(server.bounced_back(now), 3);
    writer.take(sounded(&errand, true, now));
    assert_eq!(server.bounced_back(now), 0);
}

#[tokio::test]
async fn server_errors_and_bad_answers_count_apart() {
    let at = free();
    let mut model = dip(1, at);
    model.dips[0].serving.watching = Watching {
        threshold: 2,
        errors: Some(3),
        ..Watching::default()
    };
    let mut writer = serving(model).await;
    let outcomes = [
        Outcome::ServerError,
        Outcome::ServerError,
        Outcome::BadAnswer,
        Outcome::BadAnswer,
    ];
    for (now, outcome) in (1..).zip(outcomes) {
        assert!(!writer.wards.has_flips());
        writer.take(reported(&writer, outcome, Millis(now)));
    }
    writer.publish();
    assert_eq!(
        timeless(&standing(&writer).measured.why),
        "bad answer at TIME, 2 of 2, the last for client 127.0.0.1"
    );
}

#[tokio::test]
async fn an_agent_that_drains_and_a_checker_that_stopped_are_told() {
    let at = free();
    let mut writer = serving(probed(at, vec![agent()])).await;
    let errand = errands(&writer).remove(0);
    writer.take(said(&errand, true, "", Some("drain # late"), Millis(1)));
    writer.publish();
    let stands = standing(&writer);
    assert_eq!(stands.measured.is.readiness, Readiness::Drain);
    assert_eq!(stands.state.is, State::Sticky);
    assert_eq!(
        timeless(&stands.measured.why),
        "probe agent: the agent said drain (late) at TIME"
    );
    assert_eq!(writer.wards.due(), Some(Millis(33_001)));
    writer.wards.tick(&writer.farm, Millis(33_001));
    writer.publish();
    assert_eq!(standing(&writer).state.is, State::InService);
}

/// Reports that come while the writer is at work; how many swaps they led to.
async fn swaps(writer: &mut Writer, reports: Vec<Report>) -> u64 {
    let (send, mut receive) = mpsc::channel(reports.len());
    for report in reports {
        send.try_send(report).expect("room for all");
    }
    drop(send);
    writer.watch(&mut receive).await;
    writer.swaps()
}

#[tokio::test]
async fn a_thousand_servers_that_fail_at_once_cost_few_swaps() {
    let at = free();
    let real = |n: u16| Real {
        id: Endpoint::new([127, 0, 0, 1].into(), (n + 1).try_into().expect("a port")),
        intent: Intent::InService,
        serving: Serving {
            watching: Watching {
                threshold: 1,
                ..Watching::default()
            },
            ..Serving::default()
        },
    };
    let mut writer = serving(Model {
        virtuals: vec![Virtual {
            targets: (0..1_000).map(Ref::Real).collect(),
            ..Virtual::new(at)
        }],
        reals: (0..1_000).map(real).collect(),
        ..Model::default()
    })
    .await;
    let report = |n: u32| Report::Exchange {
        server: gauges(&writer, n),
        client: [192, 0, 2, 1].into(),
        outcome: Outcome::Refused,
        now: Millis(1),
    };
    let reports = (1..=1_000).map(report).collect();
    let began = Instant::now();
    let swaps = swaps(&mut writer, reports).await;
    let most = 2 + began.elapsed().as_millis() / GATHER.as_millis();
    assert!(u128::from(swaps) <= most, "{swaps} swaps, {most} at most");
    let live = writer.farm.live().load();
    let failed = |n| live.snapshot.health(NodeIndex(n)) == Health::Failed;
    assert_eq!((1..=1_000).filter(|n| failed(*n)).count(), 1_000);
}

#[tokio::test]
async fn a_linked_url_stands_as_what_it_is_linked_to_or_worse() {
    let (at, other) = (free(), free());
    let mut model = probed(at, vec![tcp()]);
    let linked = |name: &str, link| {
        let template = Template::parse("http://www.example.com/%d").expect("a template");
        Url {
            link: Some(link),
            ..Url::new(UrlId(name.into()), template)
        }
    };
    model.virtuals = vec![Virtual {
        targets: vec![Ref::Dip(0)],
        ..Virtual::new(other)
    }];
    model.urls = vec![
        linked("to-dip", Ref::Dip(0)),
        linked("to-virtual", Ref::Virtual(0)),
    ];
    let states = |writer: &Writer| {
        let standings = writer.standings();
        let parts = writer.some_states(0, usize::MAX);
        let pairs = standings.iter().zip(&parts);
        assert!(pairs.into_iter().all(|(s, part)| s.state.is == part.2));
        standings[2..]
            .iter()
            .map(|s| s.state.is)
            .collect::<Vec<_>>()
    };
    let mut writer = serving(model.clone()).await;
    assert_eq!(states(&writer), [State::InService; 2]);
    model.dips[0].serving.maxconns = Some(0);
    replace(&mut writer, model.clone()).await;
    assert_eq!(states(&writer), [State::Maxconns; 2]);
    // The virtual goes to the dip by its only url.
    model.urls[0].intent = Intent::Sticky;
    replace(&mut writer, model.clone()).await;
    assert_eq!(states(&writer), [State::Sticky, State::Failed]);
    let errand = errands(&writer).remove(0);
    for now in [10, 20] {
        writer.take(sounded(&errand, false, Millis(now)));
    }
    writer.publish();
    assert_eq!(states(&writer), [State::Failed; 2]);
    model.virtuals[0].intent = Intent::Sticky;
    model.urls[0].intent = Intent::OutOfService;
    replace(&mut writer, model).await;
    assert_eq!(states(&writer), [State::OutOfService, State::Sticky]);
}

#[tokio::test]
async fn an_agent_that_says_no_share_turns_clients_away_since_then() {
    let at = free();
    let mut writer = serving(probed(at, vec![agent()])).await;
    let errand = errands(&writer).remove(0);
    for (line, now, state) in [
        ("50%", 10, State::InService),
        ("0%", 20, State::Sticky),
        ("0% maxconn:7", 30, State::Sticky),
        ("80%", 40, State::InService),
    ] {
        writer.take(said(&errand, true, "", Some(line), Millis(now)));
        let stands = standing(&writer);
        let since = if now == 30 { 20 } else { now };
        assert_eq!(stands.state.is, state, "{line}");
        if now > 10 {
            assert_eq!(stands.measured.since, Millis(since), "{line}");
        }
    }
}

#[tokio::test]
async fn a_state_is_told_with_the_cause_that_decides_it() {
    let at = free();
    let farm = |intent| {
        let mut model = probed(at, vec![tcp()]);
        model.dips[0].real_intent = intent;
        let template = Template::parse("http://a.example/%d").expect("a url");
        model.urls = vec![Url {
            link: Some(Ref::Dip(0)),
            ..Url::new(UrlId("a".into()), template)
        }];
        model
    };
    let mut writer = serving(farm(Intent::Sticky)).await;
    let told = |writer: &Writer| {
        let [dip, url] = [0, 1].map(|n| writer.standings().remove(n).state);
        assert_eq!((url.is, url.since), (dip.is, dip.since), "they are linked");
        assert_eq!(url.why, format!("{at}: {}", dip.why));
        (dip.is, timeless(&dip.why))
    };
    let by_the_operator = (State::Sticky, "set at the start at TIME".to_owned());
    assert_eq!(told(&writer), by_the_operator);

    let errand = errands(&writer).remove(0);
    for now in [10, 20] {
        writer.take(sounded(&errand, false, Millis(now)));
        writer.publish();
    }
    let failed = "probe tcp: connect refused at TIME, 2 of 2".to_owned();
    assert_eq!(told(&writer), (State::Failed, failed.clone()));

    replace(&mut writer, farm(Intent::OutOfService)).await;
    let out = (
        State::OutOfService,
        "set by the operator at TIME".to_owned(),
    );
    assert_eq!(told(&writer), out);
}
