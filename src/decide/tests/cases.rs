//! The sentences of LANGUAGE.md §2 to §4 that concern decisions, one by one.

use super::*;
use crate::model::HashKey;

pub(super) fn seed() -> Builder {
    Builder::default()
        .virtuals(&["1.1.1.1"])
        .dips(&["1.1.1.2", "1.1.1.3"])
        .url("coyote", "http://coyote.acme.com")
        .url("roadrunner", "http://roadrunner.acme.com")
        .bind("1.1.1.1", &["coyote", "roadrunner"])
        .link("coyote", "1.1.1.2")
        .link("roadrunner", "1.1.1.3")
        .backup("1.1.1.2", "1.1.1.1")
}

#[test]
fn the_oldest_example() {
    let mut farm = seed().farm();
    assert_eq!(farm.get("1.1.1.1"), "-> coyote predicted");
    assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
    assert_eq!(farm.get("1.1.1.1"), "-> coyote predicted");
    assert_eq!(farm.get("1.1.1.2"), "1.1.1.2 direct");
    farm.set("1.1.1.2", Health::Failed);
    for _ in 0..3 {
        assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
        assert_eq!(farm.get("1.1.1.2"), "-> roadrunner backup");
    }
    farm.set("1.1.1.3", Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "refused none-usable");
    assert_eq!(farm.get("1.1.1.2"), "refused none-usable");
    farm.set("1.1.1.2", Health::Up);
    assert_eq!(farm.get("1.1.1.1"), "-> coyote predicted");
    assert_eq!(farm.get("1.1.1.2"), "1.1.1.2 direct");
    assert_eq!(farm.get("1.1.1.3"), "refused none-usable");
    assert_eq!(farm.get("9.9.9.9"), "refused not-here");
}

#[test]
fn a_virtual_out_of_service_is_stood_in_for_by_its_backup() {
    let farm = seed()
        .reals(&["2.2.2.2"])
        .backup("1.1.1.1", "2.2.2.2")
        .intent("1.1.1.1", Intent::OutOfService);
    let mut farm = farm.farm();
    assert_eq!(farm.get("1.1.1.1"), "2.2.2.2 virtual-backup");
    farm.set("2.2.2.2", Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "refused none-usable");
}

#[test]
fn a_slot_is_filled_along_its_chain_and_keeps_its_share() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&["2.0.0.1", "2.0.0.2", "2.0.0.3", "2.0.0.4"])
        .bind("1.1.1.1", &["2.0.0.1", "2.0.0.2"])
        .backup("2.0.0.1", "2.0.0.3")
        .backup("2.0.0.3", "2.0.0.4")
        .farm();
    farm.set("2.0.0.1", Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "2.0.0.3 backup");
    assert_eq!(farm.get("1.1.1.1"), "2.0.0.2 predicted");
    farm.set("2.0.0.3", Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "2.0.0.4 backup");
    assert_eq!(farm.get("1.1.1.1"), "2.0.0.2 predicted");
    farm.set("2.0.0.4", Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "2.0.0.2 predicted");
    assert_eq!(farm.get("1.1.1.1"), "2.0.0.2 predicted");
}

#[test]
fn weight_0_gets_no_share_and_no_stand_in_but_serves_directly() {
    let mut farm = seed()
        .reals(&["2.2.2.2"])
        .weight("1.1.1.2", 0)
        .backup("coyote", "2.2.2.2")
        .farm();
    assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
    assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
    assert_eq!(farm.get("1.1.1.2"), "1.1.1.2 direct");
    farm.set("1.1.1.2", Health::Failed);
    farm.set("1.1.1.3", Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "refused none-usable");
}

#[test]
fn a_links_weight_wins_over_the_urls_own() {
    let mut farm = seed().weight("coyote", 0).farm();
    assert_eq!(farm.get("1.1.1.1"), "-> coyote predicted");
}

#[test]
fn states_let_through_whom_the_table_says() {
    use Intent::*;
    for (intent, at_virtual, at_dip) in [
        (InService, "-> coyote predicted", "1.1.1.2 direct"),
        (Sticky, "-> roadrunner predicted", "1.1.1.2 direct"),
        (
            OutOfService,
            "-> roadrunner predicted",
            "-> roadrunner backup",
        ),
        (
            Maintenance,
            "-> roadrunner predicted",
            "-> roadrunner backup",
        ),
        (Failed, "-> roadrunner predicted", "-> roadrunner backup"),
    ] {
        let mut farm = seed().intent("1.1.1.2", intent).farm();
        assert_eq!(farm.get("1.1.1.1"), at_virtual, "{intent:?}");
        assert_eq!(farm.get("1.1.1.2"), at_dip, "{intent:?}");
    }
    let mut halves = seed();
    halves.model.dips[0].virtual_intent = OutOfService;
    assert_eq!(
        halves.farm().get("1.1.1.2"),
        "-> coyote backup".replace("coyote", "roadrunner")
    );
}

#[test]
fn a_urls_state_is_the_worse_of_its_own_and_the_linked_ones() {
    let mut farm = seed().intent("coyote", Intent::OutOfService).farm();
    assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
    assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
    assert_eq!(farm.get("1.1.1.2"), "1.1.1.2 direct");
}

#[test]
fn a_dip_with_one_url_is_redirected_to_with_two_forwarded() {
    let one = seed().virtuals(&["3.3.3.3"]).bind("3.3.3.3", &["1.1.1.2"]);
    assert_eq!(one.farm().get("3.3.3.3"), "-> coyote predicted");
    let two = one
        .url("again", "http://again.acme.com")
        .link("again", "1.1.1.2");
    assert_eq!(two.farm().get("3.3.3.3"), "1.1.1.2 predicted");
}

#[test]
fn behind_the_only_url_of_a_dip_stand_the_dips_own_backups() {
    let mut farm = seed()
        .virtuals(&["3.3.3.3"])
        .reals(&["2.2.2.2", "2.2.2.3"])
        .bind("3.3.3.3", &["1.1.1.3"])
        .backup("1.1.1.3", "2.2.2.2")
        .backup("roadrunner", "2.2.2.3")
        .farm();
    farm.set("1.1.1.3", Health::Failed);
    assert_eq!(farm.get("3.3.3.3"), "2.2.2.2 backup");
    // The url bound itself has its own.
    assert_eq!(farm.get("1.1.1.1"), "-> coyote predicted");
    assert_eq!(farm.get("1.1.1.1"), "2.2.2.3 backup");
}

#[test]
fn a_bound_virtual_picks_within_itself() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1", "1.1.1.2"])
        .reals(&["2.0.0.1", "2.0.0.2", "2.0.0.3"])
        .bind("1.1.1.1", &["1.1.1.2", "2.0.0.3"])
        .bind("1.1.1.2", &["2.0.0.1", "2.0.0.2"])
        .farm();
    let got: Vec<String> = (0..4).map(|_| farm.get("1.1.1.1")).collect();
    let want = [
        "2.0.0.1 predicted",
        "2.0.0.3 predicted",
        "2.0.0.2 predicted",
        "2.0.0.3 predicted",
    ];
    assert_eq!(got, want);
}

#[test]
fn a_url_linked_to_a_virtual_follows_its_slots() {
    let builder = Builder::default()
        .virtuals(&["1.1.1.1", "1.1.1.2"])
        .reals(&["2.0.0.1", "2.0.0.2"])
        .url("site", "http://site.acme.com")
        .url("other", "http://other.acme.com")
        .bind("1.1.1.1", &["site", "other"])
        .bind("1.1.1.2", &["2.0.0.1", "2.0.0.2"])
        .link("site", "1.1.1.2")
        .predictor("1.1.1.1", Predictor::Weighted);
    let mut farm = builder.farm();
    let count = |farm: &mut TestFarm| {
        (0..6)
            .filter(|_| farm.get("1.1.1.1").contains("site"))
            .count()
    };
    assert_eq!(count(&mut farm), 4, "the sum of its slots' weights");
    farm.set("2.0.0.1", Health::Failed);
    assert_eq!(count(&mut farm), 3, "of those that are filled");
    farm.set("2.0.0.2", Health::Failed);
    assert_eq!(count(&mut farm), 0);
    let mut out = builder.intent("1.1.1.2", Intent::OutOfService).farm();
    assert_eq!(count(&mut out), 0);
}

#[test]
fn mutual_virtuals_live_by_a_server_and_not_by_each_other() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1", "1.1.1.2"])
        .reals(&["2.0.0.1"])
        .bind("1.1.1.1", &["1.1.1.2"])
        .bind("1.1.1.2", &["1.1.1.1", "2.0.0.1"])
        .farm();
    for _ in 0..3 {
        assert_eq!(farm.get("1.1.1.1"), "2.0.0.1 predicted");
        assert_eq!(farm.get("1.1.1.2"), "2.0.0.1 predicted");
    }
    farm.set("2.0.0.1", Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "refused none-usable");
    assert_eq!(farm.get("1.1.1.2"), "refused none-usable");
    farm.set("2.0.0.1", Health::Up);
    assert_eq!(farm.get("1.1.1.1"), "2.0.0.1 predicted");
}

#[test]
fn virtuals_nest_eight_deep_and_no_deeper() {
    let ids: Vec<String> = (1..=9).map(|i| format!("1.1.1.{i}")).collect();
    let mut builder = Builder::default().reals(&["2.0.0.1"]);
    for id in &ids {
        builder = builder.virtuals(&[id]);
    }
    for pair in ids.windows(2) {
        builder = builder.bind(&pair[0], &[&pair[1]]);
    }
    let mut farm = builder.bind("1.1.1.9", &["2.0.0.1"]).farm();
    assert_eq!(farm.get("1.1.1.2"), "2.0.0.1 predicted");
    assert_eq!(farm.get("1.1.1.1"), "refused none-usable");
}

#[test]
fn a_dips_backup_may_be_anything() {
    for (backup, want) in [
        ("2.2.2.2", "2.2.2.2 backup"),
        ("1.1.1.3", "1.1.1.3 backup"),
        ("sorry", "-> sorry backup"),
        ("4.4.4.4", "-> sorry backup"),
    ] {
        let mut farm = seed()
            .virtuals(&["4.4.4.4"])
            .reals(&["2.2.2.2"])
            .url("sorry", "http://sorry.acme.com")
            .bind("4.4.4.4", &["sorry"])
            .backup("1.1.1.2", backup)
            .farm();
        farm.set("1.1.1.2", Health::Failed);
        assert_eq!(farm.get("1.1.1.2"), want);
    }
}

#[test]
fn chains_that_lead_back_end() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .dips(&["2.0.0.1", "2.0.0.2", "2.0.0.3"])
        .bind("1.1.1.1", &["2.0.0.1"])
        .backup("2.0.0.1", "2.0.0.2")
        .backup("2.0.0.2", "2.0.0.3")
        .backup("2.0.0.3", "2.0.0.2")
        .maxconns("2.0.0.1", 1)
        .maxconns("2.0.0.2", 1)
        .maxconns("2.0.0.3", 1)
        .farm();
    let mut held = vec![];
    for want in [
        "2.0.0.1 predicted",
        "2.0.0.2 backup",
        "2.0.0.3 backup",
        "refused all-full",
    ] {
        let (decision, place) = farm.hold(&ask("1.1.1.1"), &mut Attempt::default());
        assert_eq!(farm.words(decision), want);
        held.push(place);
    }
    held.remove(1);
    assert_eq!(farm.get("1.1.1.1"), "2.0.0.2 backup");
}

#[test]
fn a_full_dip_is_not_redirected_to() {
    let mut farm = seed().maxconns("1.1.1.2", 1).farm();
    let (_, held) = farm.hold(&ask("1.1.1.2"), &mut Attempt::default());
    assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
    assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
    assert_eq!(farm.get("1.1.1.2"), "-> roadrunner backup");
    drop(held);
    assert_eq!(farm.get("1.1.1.2"), "1.1.1.2 direct");
}

#[test]
fn the_next_client_tries_a_server_on_trial() {
    let mut farm = seed().farm();
    farm.set("1.1.1.2", Health::Testing);
    let from = |at: &str, n| Ask {
        client: client(n),
        ..ask(at)
    };
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> coyote trial");
    for n in 2..5 {
        assert_eq!(farm.tell(&from("1.1.1.1", n)), "-> roadrunner predicted");
        assert_eq!(farm.tell(&from("1.1.1.2", n)), "-> roadrunner backup");
    }
    assert_eq!(farm.tell(&from("1.1.1.1", 1)), "-> roadrunner predicted");
    assert_eq!(
        farm.tell(&from("1.1.1.2", 1)),
        "1.1.1.2 trial",
        "its own token"
    );
    farm.loads.gauges(farm.node("1.1.1.2")).end_trial();
    assert_eq!(farm.tell(&from("1.1.1.2", 7)), "1.1.1.2 trial");
    assert_eq!(farm.tell(&from("1.1.1.2", 8)), "-> roadrunner backup");
    farm.now = Millis(farm.now.0 + TRIAL_MS - 1);
    assert_eq!(farm.tell(&from("1.1.1.2", 8)), "-> roadrunner backup");
    farm.now = Millis(farm.now.0 + 1);
    assert_eq!(farm.tell(&from("1.1.1.2", 8)), "1.1.1.2 trial");
}

#[test]
fn under_hash_a_server_is_tried_by_a_client_of_its_own() {
    let mut farm = seed()
        .predictor("1.1.1.1", Predictor::Hash(HashKey::Source))
        .farm();
    let from = |n| Ask {
        client: client(n),
        ..ask("1.1.1.1")
    };
    let own: Vec<bool> = (0..50)
        .map(|n| farm.tell(&from(n)).contains("coyote"))
        .collect();
    farm.set("1.1.1.2", Health::Testing);
    let first = own.iter().position(|own| *own).expect("some of fifty");
    for n in 0..50 {
        let want = if n == first {
            "-> coyote trial"
        } else {
            "-> roadrunner predicted"
        };
        assert_eq!(farm.tell(&from(n as u32)), want);
    }
}

#[test]
fn a_second_try_goes_on_along_chain_and_slots_and_takes_no_turn() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&["2.0.0.1", "2.0.0.2", "2.0.0.3", "2.0.0.4"])
        .bind("1.1.1.1", &["2.0.0.1", "2.0.0.2", "2.0.0.3"])
        .backup("2.0.0.1", "2.0.0.4")
        .farm();
    let mut attempt = Attempt::default();
    let wants = [
        "2.0.0.1 predicted",
        "2.0.0.4 reassigned",
        "2.0.0.2 reassigned",
        "2.0.0.3 reassigned",
        "refused all-tried",
    ];
    for want in wants {
        let (decision, _) = farm.hold(&ask("1.1.1.1"), &mut attempt);
        assert_eq!(farm.words(decision), want);
        if let Action::Forward { server } = decision.action {
            attempt.tried.push(server);
        }
    }
    assert_eq!(
        farm.get("1.1.1.1"),
        "2.0.0.2 predicted",
        "the turn after the first"
    );
}

#[test]
fn at_most_eight_servers_are_tried() {
    let ids: Vec<String> = (1..=20).map(|i| format!("2.0.0.{i}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&ids)
        .bind("1.1.1.1", &ids)
        .farm();
    let mut attempt = Attempt::default();
    for _ in 0..TRIES {
        let (decision, _) = farm.hold(&ask("1.1.1.1"), &mut attempt);
        let Action::Forward { server } = decision.action else {
            panic!("{decision:?}")
        };
        assert!(!attempt.tried.contains(&server));
        attempt.tried.push(server);
    }
    let (decision, _) = farm.hold(&ask("1.1.1.1"), &mut attempt);
    assert_eq!(decision.reason, Reason::AllTried);
}

#[test]
fn codes_keep_forms_and_uploads_whole() {
    let code = |farm: &mut TestFarm, method: &'static str| {
        let ask = Ask {
            method: method.into(),
            ..ask("1.1.1.1")
        };
        match farm.hold(&ask, &mut Attempt::default()).0.action {
            Action::Redirect { code, .. } => code,
            other => panic!("{other:?}"),
        }
    };
    let mut farm = seed().farm();
    assert_eq!(code(&mut farm, "GET"), Code::Found);
    assert_eq!(code(&mut farm, "HEAD"), Code::Found);
    assert_eq!(code(&mut farm, "POST"), Code::TemporaryRedirect);
    assert_eq!(
        code(&mut farm, "get"),
        Code::TemporaryRedirect,
        "methods have a case"
    );
    let mut farm = seed().code("coyote", Code::PermanentRedirect).farm();
    assert_eq!(code(&mut farm, "POST"), Code::PermanentRedirect);
}

#[test]
fn a_url_linked_to_a_visited_id_is_passed_over_without_fault() {
    // The dip's backup is the virtual whose only url leads back to the dip.
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .dips(&["1.1.1.2"])
        .url("back", "http://back.acme.com")
        .bind("1.1.1.1", &["back"])
        .link("back", "1.1.1.2")
        .backup("1.1.1.2", "1.1.1.1")
        .maxconns("1.1.1.2", 1)
        .farm();
    let (_, held) = farm.hold(&ask("1.1.1.2"), &mut Attempt::default());
    let mut attempt = Attempt::default();
    let (decision, _) = farm.hold(&ask("1.1.1.2"), &mut attempt);
    assert_eq!(decision.action, Action::Refuse);
    assert_eq!(attempt.loop_at, None);
    drop(held);
}

#[test]
fn a_location_that_leads_back_is_a_fault() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .dips(&["1.1.1.2"])
        .url("back", "http://WWW.acme.com./%d")
        .bind("1.1.1.1", &["back"])
        .backup("1.1.1.2", "1.1.1.1")
        .farm();
    farm.set("1.1.1.2", Health::Failed);
    let mut asked = Ask {
        host: "www.ACME.com".into(),
        target: "/x".into(),
        ..ask("1.1.1.2")
    };
    let mut attempt = Attempt::default();
    let (decision, _) = farm.hold(&asked, &mut attempt);
    assert_eq!(farm.words(decision), "refused loop");
    assert_eq!(attempt.loop_at, Some(farm.node("back")));
    asked.port = 8080;
    assert_eq!(
        farm.tell(&asked),
        "-> back backup",
        "another port of that host"
    );
    asked.host = "other.acme.com".into();
    asked.port = 80;
    assert_eq!(farm.tell(&asked), "-> back backup");
}

#[test]
fn the_very_url_just_asked_for_is_a_loop_another_path_is_not() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .url("self", "http://%h/start?x")
        .url("tls", "https://%h/%d")
        .bind("1.1.1.1", &["self"])
        .farm();
    let asked = |target: &'static str| Ask {
        target: target.into(),
        ..ask("1.1.1.1")
    };
    assert_eq!(farm.tell(&asked("/")), "-> self predicted");
    assert_eq!(farm.tell(&asked("/start")), "-> self predicted");
    assert_eq!(farm.tell(&asked("/start?x")), "refused loop");
    let mut tls = Builder::default()
        .virtuals(&["1.1.1.1"])
        .url("tls", "https://%h/%d")
        .bind("1.1.1.1", &["tls"])
        .farm();
    assert_eq!(tls.tell(&asked("/a|b")), "-> tls predicted");
    let secure = Ask {
        scheme: Scheme::Https,
        port: 443,
        ..asked("/a|b")
    };
    assert_eq!(tls.tell(&secure), "refused loop");
    let elsewhere = Ask {
        scheme: Scheme::Https,
        port: 8443,
        ..asked("/a|b")
    };
    assert_eq!(tls.tell(&elsewhere), "-> tls predicted");
}

#[test]
fn further_listeners_are_the_same_virtual() {
    let mut builder = seed();
    builder.model.virtuals[0]
        .listens
        .push(endpoint("1.1.1.1:8080"));
    builder.model.dips[0]
        .listens
        .push(endpoint("[2001:db8::2]"));
    let mut farm = builder.farm();
    assert_eq!(farm.get("1.1.1.1:8080"), "-> coyote predicted");
    assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
    assert_eq!(
        farm.tell(&Ask {
            at: endpoint("[2001:db8::2]"),
            ..ask("1.1.1.1")
        }),
        "1.1.1.2 direct"
    );
}

#[test]
fn turns_and_connections_live_over_a_reload() {
    let mut farm = seed().farm();
    assert_eq!(farm.get("1.1.1.1"), "-> coyote predicted");
    let (_, held) = farm.hold(&ask("1.1.1.2"), &mut Attempt::default());
    let longer = seed().reals(&["7.7.7.7"]);
    let before = Some((&farm.snapshot, &farm.loads));
    let (snapshot, loads) = Snapshot::compile(&longer.model, &Facts::default(), before);
    let mut farm = TestFarm {
        snapshot,
        loads,
        ..farm
    };
    assert_eq!(farm.get("1.1.1.1"), "-> roadrunner predicted");
    let node = farm.node("1.1.1.2");
    assert_eq!(farm.loads.gauges(node).connections(), 1);
    drop(held);
    assert_eq!(farm.loads.gauges(node).connections(), 0);
}

#[test]
fn others_that_asked_are_told_from_the_client_itself() {
    let gauges = Gauges::new(id("1.1.1.2"));
    let at = Millis;
    assert!(!gauges.others_asked_since(client(1), at(0)));
    gauges.asked_by(client(1), at(100));
    gauges.asked_by(client(1), at(200));
    assert!(!gauges.others_asked_since(client(1), at(0)));
    assert!(gauges.others_asked_since(client(2), at(200)));
    assert!(!gauges.others_asked_since(client(2), at(201)));
    gauges.asked_by(client(2), at(300));
    gauges.asked_by(client(2), at(400));
    assert!(gauges.others_asked_since(client(2), at(200)));
    assert!(!gauges.others_asked_since(client(2), at(201)));
    assert!(gauges.others_asked_since(client(1), at(400)));
}

#[test]
fn response_times_are_averaged_and_forgotten() {
    let gauges = Gauges::new(id("1.1.1.2"));
    assert_eq!(gauges.response_micros(Millis(0)), None);
    gauges.answered_in(800, Millis(1_000));
    assert_eq!(gauges.response_micros(Millis(1_000)), Some(800));
    gauges.answered_in(1_600, Millis(2_000));
    assert_eq!(gauges.response_micros(Millis(2_000)), Some(900));
    assert_eq!(gauges.response_micros(Millis(32_000)), Some(900));
    assert_eq!(gauges.response_micros(Millis(32_250)), None);
    gauges.answered_in(5, Millis(40_000));
    assert_eq!(gauges.response_micros(Millis(40_000)), Some(5));
}
