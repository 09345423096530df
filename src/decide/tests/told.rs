//! An explanation is the decision itself, and can be written and read.

use proptest::prelude::*;

use super::recipes::{cook, doors, recipes};
use super::*;

#[test]
fn an_explanation_can_be_written_and_read() {
    let mut farm = cases::seed()
        .url("far", "https://far.acme.com/%d")
        .backup("1.1.1.2", "far")
        .farm();
    let post = Ask {
        method: "POST".into(),
        ..ask("1.1.1.2")
    };
    for (asked, health) in [
        (ask("1.1.1.1"), Health::Up),
        (ask("1.1.1.2"), Health::Up),
        (post, Health::Failed),
        (ask("9.9.9.9"), Health::Up),
    ] {
        farm.set("1.1.1.2", health);
        let moment = farm.moment();
        let told = explain(&asked, &farm.snapshot, &farm.loads, moment);
        let text = serde_json::to_string(&told).expect("JSON");
        let read: Explanation = serde_json::from_str(&text).expect("the same");
        assert_eq!(read, told);
    }
}

#[test]
fn an_explanation_tells_why_each_other_server_was_not_taken() {
    let mut farm = cases::seed()
        .reals(&["2.2.2.2", "2.2.2.3", "2.2.2.4"])
        .bind("1.1.1.1", &["2.2.2.2", "2.2.2.4"])
        .backup("coyote", "2.2.2.3")
        .weight("2.2.2.4", 0)
        .intent("2.2.2.2", Intent::Maintenance)
        .farm();
    farm.set("1.1.1.3", Health::Failed);
    let moment = farm.moment();
    let told = explain(&ask("1.1.1.1"), &farm.snapshot, &farm.loads, moment);
    let text = told.to_string();
    for want in [
        "-> redirect 302 to http://coyote.acme.com/ by coyote (predicted)",
        "1.1.1.1: virtual, roundrobin over 1 filled of 4 slots, turn 1",
        "not taken: roadrunner for 1.1.1.1, because of 1.1.1.3, to which it is linked: it has failed",
        "not taken: 2.2.2.2 for 1.1.1.1, because it is in maintenance",
        "not taken: 2.2.2.4 for 1.1.1.1, because its weight is 0",
        "not taken: 2.2.2.3 for coyote, because it only stands in while coyote is not usable",
    ] {
        assert!(text.contains(want), "{want}\n is missing in\n{text}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// What is explained is what the next request gets, and explaining takes nothing.
    #[test]
    fn an_explanation_is_what_the_next_request_gets(recipe in recipes()) {
        let (builder, facts) = cook(&recipe);
        let (snapshot, loads) = Snapshot::compile(&builder.model, &facts, None);
        let mut farm = TestFarm { snapshot, loads, now: Millis(1_000_000), draw: 7 };
        for n in 0..12 {
            for door in doors() {
                let asked = Ask { client: client(n), ..ask(&door) };
                let moment = farm.moment();
                let told = explain(&asked, &farm.snapshot, &farm.loads, moment);
                prop_assert_eq!(&explain(&asked, &farm.snapshot, &farm.loads, moment), &told);
                let mut attempt = Attempt::default();
                let decision = decide(&asked, &farm.snapshot, &farm.loads, moment, &mut attempt);
                let mut got = verdict(&asked, &farm.snapshot, decision, &attempt);
                // The telling walk looks at nodes that the other skips, and may meet a loop more.
                got.loop_at = told.decision.loop_at.clone();
                prop_assert_eq!(got, told.decision);
                if let Action::Forward { server } = decision.action {
                    drop(farm.loads.place(server));
                }
            }
        }
    }
}
