use proptest::prelude::*;

use super::*;
use crate::decide::Health;
use crate::model::Watching;

const ALICE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
const BOB: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

fn settings(threshold: u32, autounfail: bool) -> Watching {
    Watching {
        threshold,
        retry_s: 60,
        autounfail,
        errors: None,
    }
}

fn failure(client: IpAddr, others_asked: bool) -> Observation {
    Observation::Failure {
        fault: Fault::Refused,
        client,
        others_asked,
    }
}

#[test]
fn threshold_failures_fail_it_and_a_success_sets_the_count_back() {
    let mut watch = Watch::new(settings(3, true));
    let now = Millis(0);
    assert_eq!(watch.observe(failure(ALICE, false), now), None);
    assert_eq!(watch.observe(failure(ALICE, false), now), None);
    assert_eq!(watch.observe(Observation::Success, now), None);
    assert!(watch.is_clear());
    assert_eq!(watch.observe(failure(ALICE, false), now), None);
    assert_eq!(watch.observe(failure(ALICE, false), now), None);
    assert_eq!(
        watch.observe(failure(ALICE, false), now),
        Some(Health::Failed)
    );
}

#[test]
fn one_client_counts_once_while_others_ask() {
    let mut watch = Watch::new(settings(2, true));
    for _ in 0..10 {
        assert_eq!(watch.observe(failure(ALICE, true), Millis(0)), None);
    }
    assert_eq!(watch.failures(), 1);
    assert_eq!(
        watch.observe(failure(BOB, true), Millis(0)),
        Some(Health::Failed)
    );
}

#[test]
fn it_is_tried_after_retry_and_the_trial_decides() {
    let mut watch = Watch::new(settings(1, true));
    assert_eq!(
        watch.observe(failure(ALICE, false), Millis(5)),
        Some(Health::Failed)
    );
    assert_eq!(
        watch.observe(Observation::Success, Millis(6)),
        None,
        "an old answer proves nothing"
    );
    assert_eq!(watch.due(), Some(Millis(60_005)));
    assert_eq!(watch.tick(Millis(60_004)), None);
    assert_eq!(watch.tick(Millis(60_005)), Some(Health::Testing));
    assert_eq!(
        watch.observe(failure(BOB, true), Millis(60_010)),
        Some(Health::Failed)
    );
    assert_eq!(watch.tick(Millis(120_010)), Some(Health::Testing));
    assert_eq!(
        watch.observe(Observation::Success, Millis(120_011)),
        Some(Health::Up)
    );
    assert!(watch.is_clear());
}

#[test]
fn without_autounfail_only_the_operator_ends_a_failure() {
    let mut watch = Watch::new(settings(1, false));
    watch.observe(failure(ALICE, false), Millis(0));
    assert_eq!(watch.due(), None);
    assert_eq!(watch.tick(Millis(u64::MAX)), None);
    watch.configure(settings(1, true), Millis(100));
    assert_eq!(watch.tick(Millis(60_100)), Some(Health::Testing));
}

proptest! {
    #[test]
    fn a_change_is_told_exactly_when_the_health_changes(
        threshold in 1u32..5,
        autounfail: bool,
        steps in proptest::collection::vec((0u8..4, 0u8..3, any::<bool>(), 0u64..40_000), 0..200),
    ) {
        let mut watch = Watch::new(settings(threshold, autounfail));
        let mut now = 0;
        for (what, client, others_asked, passed) in steps {
            now += passed;
            let before = watch.health();
            let client = IpAddr::from([192, 0, 2, client]);
            let told = match what {
                0 => watch.observe(Observation::Success, Millis(now)),
                1 => watch.tick(Millis(now)),
                _ => watch.observe(failure(client, others_asked), Millis(now)),
            };
            prop_assert_eq!(told.is_some(), watch.health() != before);
            prop_assert!(watch.failures() <= threshold);
            if let Some(new) = told {
                let lawful = matches!(
                    (before, new),
                    (Health::Up, Health::Failed)
                        | (Health::Failed, Health::Testing)
                        | (Health::Testing, Health::Failed | Health::Up)
                );
                prop_assert!(lawful, "{:?} -> {:?}", before, new);
            }
        }
    }
}
