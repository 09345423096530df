//! Probes, agents and traffic of one server together, under a virtual clock.

use std::sync::Arc;

use super::*;
use crate::decide::{Health, Measured, Readiness};
use crate::model::{Intent, Probe, ProbeKind, Watching};

const ALICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

/// Asked each 10 s, so that a result counts for 33 s.
fn probe(name: &str) -> Probe {
    Probe {
        fall: 3,
        rise: 2,
        settle: 2,
        ..Probe::new(name.into(), ProbeKind::Tcp)
    }
}

fn agent() -> Arc<Probe> {
    Arc::new(Probe::new("agent".into(), ProbeKind::Agent))
}

fn ward(probes: &[Arc<Probe>]) -> Ward {
    Ward::new(Watching::default(), probes, true, Millis(0))
}

fn sounding(ok: bool) -> Sounding {
    Sounding {
        ok,
        why: if ok { "connected" } else { "connect refused" }.into(),
        took_us: 500,
        figures: Vec::new(),
        agent: None,
    }
}

fn saying(line: &str) -> Sounding {
    Sounding {
        agent: Some(line.to_owned()),
        ..sounding(true)
    }
}

fn refused() -> Observation {
    Observation::Failure {
        fault: Fault::Refused,
        client: ALICE,
        others_asked: false,
    }
}

/// The health after each of these results, one a second.
fn healths(ward: &mut Ward, probe: &Arc<Probe>, from: u64, results: &str) -> String {
    let results = (from..).zip(results.chars());
    results
        .map(|(second, result)| {
            ward.sound(probe, &sounding(result == '+'), Millis(second * 1000));
            match ward.measured().health {
                Health::Up => 'u',
                Health::Failed => 'F',
                Health::Testing => 't',
            }
        })
        .collect()
}

#[test]
fn thresholds_are_those_of_gdnsd() {
    for (results, healths_are) in [
        // `fall` failures fail it, `rise` successes in a row bring it back.
        ("---+-++", "uuFFFFu"),
        // One success does not make up for failures before it, `settle` in a row do.
        ("--+-", "uuuF"),
        ("--++-", "uuuuu"),
        ("--++--+-", "uuuuuuuF"),
        // Nor do failures long ago count where it settled.
        ("-++-++-++-++", "uuuuuuuuuuuu"),
    ] {
        let probe = Arc::new(probe("tcp"));
        let mut ward = ward(&[Arc::clone(&probe)]);
        assert_eq!(
            healths(&mut ward, &probe, 1, results),
            healths_are,
            "{results}"
        );
    }
}

#[test]
fn what_a_probe_last_brought_back_is_kept_whether_it_counts_or_not() {
    let probe = Arc::new(probe("tcp"));
    let mut ward = ward(&[Arc::clone(&probe)]);
    assert_eq!(ward.latest().count(), 0);
    healths(&mut ward, &probe, 1, "+-");
    let latest: Vec<_> = ward.latest().collect();
    assert_eq!(latest.len(), 1);
    assert_eq!(latest[0].0, probe);
    assert!(!latest[0].1.ok);
    assert_eq!(latest[0].1.why, "connect refused");
    // Even once it is too old to count.
    ward.tick(Millis(10_000_000));
    assert_eq!(ward.latest().count(), 1);
}

#[test]
fn the_cause_names_probe_time_and_count() {
    let probe = Arc::new(probe("tcp"));
    let mut ward = ward(&[Arc::clone(&probe)]);
    healths(&mut ward, &probe, 1, "----");
    assert_eq!(ward.since(), Millis(3_000));
    let told = ward.cause().tell("10:14:03");
    assert_eq!(told, "probe tcp: connect refused at 10:14:03, 3 of 3");
    healths(&mut ward, &probe, 5, "++");
    let told = ward.cause().tell("10:15:00");
    assert_eq!(told, "probe tcp: connected at 10:15:00, 2 of 2");
}

#[test]
fn from_down_waits_for_one_success_of_a_new_server_only() {
    let from_down = Arc::new(Probe {
        from_down: true,
        ..probe("tcp")
    });
    let probes = [Arc::clone(&from_down)];
    let mut new = ward(&probes);
    assert!(new.waiting() && new.measured().health == Health::Failed);
    assert_eq!(healths(&mut new, &from_down, 1, "--+"), "FFu");
    assert!(!new.waiting());

    let mut known = ward(&[]);
    known.configure(Watching::default(), &probes, Millis(1));
    assert_eq!(known.measured().health, Health::Up);

    let mut silent = ward(&probes);
    healths(&mut silent, &from_down, 1, "-");
    assert_eq!(silent.tick(Millis(60_000)).expired, ["tcp".into()]);
    assert_eq!(silent.measured().health, Health::Failed, "no success yet");
}

#[test]
fn a_result_counts_for_three_intervals_and_its_timeout() {
    let probe = Arc::new(probe("tcp"));
    let mut ward = ward(&[Arc::clone(&probe)]);
    healths(&mut ward, &probe, 0, "---");
    assert_eq!(ward.due(), Some(Millis(2_000 + 33_000)));
    assert_eq!(ward.tick(Millis(34_999)), Effect::default());
    let effect = ward.tick(Millis(35_000));
    assert_eq!(effect.expired, ["tcp".into()]);
    assert_eq!(effect.before, Some(Health::Failed.into()));
    assert_eq!(ward.measured(), Measured::default());
    assert_eq!(
        (ward.due(), ward.figures().at(Millis(35_000)).count()),
        (None, 0)
    );
    assert_eq!(healths(&mut ward, &probe, 50, "--"), "uu", "counted anew");
}

#[test]
fn a_trial_waits_until_no_probe_says_down() {
    let probe = Arc::new(probe("tcp"));
    let mut ward = ward(&[Arc::clone(&probe)]);
    for now in 0..8 {
        ward.observe(refused(), Millis(now));
    }
    let told = ward.cause().tell("10:14:03");
    assert_eq!(
        told,
        "connect refused at 10:14:03, 8 of 8, the last for client 192.0.2.1"
    );
    healths(&mut ward, &probe, 58, "---");
    ward.tick(Millis(61_000));
    assert_eq!(ward.measured().health, Health::Failed, "a probe says so");
    assert_eq!(healths(&mut ward, &probe, 62, "++"), "Ft");
    assert_eq!(ward.since(), Millis(63_000));
    assert!(
        ward.observe(Observation::Success, Millis(64_000))
            .before
            .is_some()
    );
    assert_eq!(ward.measured(), Measured::default());
    assert_eq!(
        ward.cause().tell("10:15:00"),
        "answered on trial at 10:15:00"
    );
}

#[test]
fn what_the_operator_puts_into_service_is_still_probed() {
    let probe = Arc::new(probe("tcp"));
    let mut ward = ward(&[Arc::clone(&probe)]);
    for now in 0..8 {
        ward.observe(refused(), Millis(now));
    }
    ward.forgive(Millis(10));
    assert_eq!(ward.measured().health, Health::Up);
    healths(&mut ward, &probe, 1, "---");
    ward.forgive(Millis(4_000));
    assert_eq!(ward.measured().health, Health::Failed);
    ward.configure(Watching::default(), &[], Millis(5_000));
    assert_eq!(ward.measured().health, Health::Up, "nobody asks any more");
}

#[test]
fn a_result_of_other_settings_counts_for_nothing() {
    let before = Arc::new(probe("tcp"));
    let after = Arc::new(Probe {
        port: std::num::NonZeroU16::new(8080),
        ..probe("tcp")
    });
    let mut ward = ward(&[Arc::clone(&before)]);
    assert_eq!(healths(&mut ward, &before, 1, "--"), "uu");
    ward.configure(Watching::default(), &[Arc::clone(&after)], Millis(2_500));
    assert_eq!(healths(&mut ward, &before, 3, "-----"), "uuuuu");
    assert_eq!(healths(&mut ward, &after, 9, "---"), "uuF", "counted anew");
}

#[test]
fn only_an_agent_takes_its_own_words_back() {
    let agent = agent();
    let mut ward = ward(&[Arc::clone(&agent)]);
    let mut say = |line: &str| {
        ward.sound(&agent, &saying(line), Millis(1_000));
        let m = ward.measured();
        (m.health, m.readiness, m.share, m.maxconns)
    };
    let (up, failed) = (Health::Up, Health::Failed);
    assert_eq!(say("75%"), (up, Readiness::Ready, 75, None));
    assert_eq!(say("down # tired"), (failed, Readiness::Ready, 75, None));
    assert_eq!(
        say("50% maxconn:9"),
        (failed, Readiness::Ready, 50, Some(9))
    );
    assert_eq!(say("drain"), (failed, Readiness::Drain, 50, Some(9)));
    assert_eq!(say("up"), (up, Readiness::Drain, 50, Some(9)));
    assert_eq!(say("maint"), (up, Readiness::Maint, 50, Some(9)));
    assert_eq!(
        say("ready 100% maxconn:0"),
        (up, Readiness::Ready, 100, None)
    );
}

#[test]
fn an_agent_that_nobody_understands_fails_and_one_that_is_silent_does_not() {
    let agent = agent();
    let mut ward = ward(&[Arc::clone(&agent)]);
    ward.sound(&agent, &saying("up 60%"), Millis(0));
    for second in 1..5 {
        let nothing = ward.sound(&agent, &sounding(false), Millis(second * 1000));
        assert_eq!(nothing, Effect::default());
    }
    assert_eq!(ward.measured().share, 60);
    for second in 5..8 {
        ward.sound(&agent, &saying("gibberish"), Millis(second * 1000));
    }
    assert_eq!(ward.measured().health, Health::Failed);
    let told = ward.cause().tell("10:14:03");
    assert!(
        told.starts_with("probe agent: the agent said `gibberish`"),
        "{told}"
    );
    assert!(told.ends_with("at 10:14:03, 3 of 3"), "{told}");
    let effect = ward.tick(Millis(7_000 + 33_000));
    assert_eq!(effect.expired, ["agent".into()]);
    assert_eq!(ward.measured(), Measured::default(), "its words too");
}

#[test]
fn a_suspect_that_nobody_watches_is_failed_until_it_answers_or_the_result_is_old() {
    let suspicion = Arc::new(Probe {
        fall: 1,
        ..probe(SUSPICION)
    });
    let mut ward = ward(&[]);
    assert_eq!(healths(&mut ward, &suspicion, 20, "-"), "F");
    assert!(ward.ask_again(Millis(20_000)) && !ward.ask_again(Millis(29_999)));
    assert!(ward.ask_again(Millis(30_000)));
    ward.tick(Millis(53_000));
    assert_eq!(ward.measured().health, Health::Up);
    assert_eq!(healths(&mut ward, &suspicion, 60, "-"), "F");
    assert!(ward.ask_again(Millis(70_000)));
    ward.forgive(Millis(70_500));
    assert_eq!(ward.measured().health, Health::Up, "by the operator's word");
    assert_eq!(healths(&mut ward, &suspicion, 70, "-"), "F");
    ward.configure(Watching::default(), &[agent()], Millis(71_000));
    assert_eq!(ward.measured().health, Health::Up, "it has a probe now");
}

#[test]
fn figures_have_source_age_and_expiry_and_are_bounded() {
    let probe = Arc::new(probe("tcp"));
    let mut ward = ward(&[Arc::clone(&probe)]);
    let many = |from: usize, to: usize| Sounding {
        figures: (from..to)
            .map(|n| (format!("f{n}").into(), n as f64))
            .collect(),
        ..sounding(true)
    };
    let mut odd = many(0, 3);
    odd.figures.extend([
        ("".into(), 1.0),
        ("x".repeat(65).into(), 1.0),
        ("nan".into(), f64::NAN),
        ("huge".into(), f64::INFINITY),
        ("f1".into(), 11.0),
    ]);
    ward.sound(&probe, &odd, Millis(1_000));
    let told = |ward: &Ward, now| -> Vec<_> {
        let figures = ward.figures().at(Millis(now));
        figures.map(|f| (f.name.to_string(), f.value)).collect()
    };
    let named = |name: &str, value| (name.to_owned(), value);
    assert_eq!(
        told(&ward, 33_999),
        [
            named("response_us", 500.0),
            named("f0", 0.0),
            named("f1", 11.0),
            named("f2", 2.0)
        ]
    );
    assert_eq!(told(&ward, 34_000), []);
    ward.sound(&probe, &many(0, FIGURES - 1), Millis(2_000));
    assert_eq!(told(&ward, 2_000).len(), FIGURES);
    ward.sound(&probe, &many(1_000, 1_001), Millis(3_000));
    assert!(
        !told(&ward, 3_000).contains(&named("f1000", 1_000.0)),
        "N + 1"
    );
    ward.sound(&probe, &many(1_000, 1_001), Millis(35_000));
    assert!(
        told(&ward, 35_000).contains(&named("f1000", 1_000.0)),
        "room again"
    );
}

#[test]
fn server_errors_in_a_row_fail_it_apart_from_other_faults() {
    let watching = Watching {
        threshold: 2,
        errors: Some(3),
        ..Watching::default()
    };
    let error = |others_asked| Observation::Failure {
        fault: Fault::ServerError,
        client: ALICE,
        others_asked,
    };
    let mut ward = Ward::new(watching, &[], true, Millis(0));
    let mut see = |seen| {
        ward.observe(seen, Millis(1_000));
        (ward.watch().failures(), ward.watch().errors())
    };
    assert_eq!(see(refused()), (1, 0));
    assert_eq!(see(error(false)), (0, 1), "it answered");
    assert_eq!(see(error(true)), (0, 1), "one client's own trouble");
    assert_eq!(see(refused()), (1, 1));
    assert_eq!(see(Observation::Success), (0, 0));
    assert_eq!(see(error(false)), (0, 1));
    assert_eq!(see(error(false)), (0, 2));
    see(error(false));
    assert_eq!(ward.measured().health, Health::Failed);
    let told = ward.cause().tell("10:14:03");
    assert!(
        told.starts_with("server error (5xx) at 10:14:03, 3 of 3"),
        "{told}"
    );
    ward.tick(Millis(61_000));
    ward.observe(error(false), Millis(61_001));
    assert_eq!(ward.measured().health, Health::Failed, "no good trial");

    let mut lenient = Ward::new(Watching::default(), &[], true, Millis(0));
    for _ in 0..100 {
        lenient.observe(error(false), Millis(1));
    }
    assert_eq!(lenient.measured(), Measured::default());
    assert!(lenient.is_idle());
}

#[test]
fn the_word_is_the_operators_before_the_measured_one() {
    let with = |health, readiness, share| Measured {
        health,
        readiness,
        share,
        maxconns: None,
    };
    let (up, failed) = (Health::Up, Health::Failed);
    let ready = Readiness::Ready;
    for (intent, measured, full, word) in [
        (Intent::InService, with(up, ready, 100), false, "IS"),
        (Intent::InService, with(up, ready, 100), true, "MAXCONNS"),
        (Intent::InService, with(up, ready, 0), true, "STICKY"),
        (
            Intent::InService,
            with(up, Readiness::Drain, 9),
            true,
            "STICKY",
        ),
        (
            Intent::InService,
            with(up, Readiness::Maint, 9),
            true,
            "MAINT",
        ),
        (
            Intent::InService,
            with(failed, Readiness::Maint, 9),
            true,
            "FAILED",
        ),
        (
            Intent::InService,
            with(Health::Testing, ready, 9),
            true,
            "TESTING",
        ),
        (Intent::OutOfService, with(failed, ready, 100), true, "OOS"),
        (Intent::Maintenance, with(up, ready, 100), true, "MAINT"),
        (
            Intent::Maintenance,
            with(failed, ready, 100),
            true,
            "FAILED",
        ),
        (Intent::Sticky, with(up, ready, 100), true, "STICKY"),
        (Intent::Failed, with(up, ready, 100), true, "FAILED"),
    ] {
        let state = State::of(intent, &measured, full);
        assert_eq!(state.as_str(), word, "{intent:?} {measured:?} {full}");
    }
}
