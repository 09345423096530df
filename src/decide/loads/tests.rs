use super::*;
use crate::decide::tests::{Builder, client, id};
use crate::decide::{Facts, Snapshot};
use crate::model::{BounceBack, Sticky};

fn farm(dips: &[&str]) -> Builder {
    Builder::default().virtuals(&["1.1.1.1"]).dips(dips)
}

fn compile(builder: &Builder, before: Option<(&Snapshot, &Loads)>) -> (Snapshot, Loads) {
    Snapshot::compile(&builder.model, &Facts::default(), before)
}

fn sticky(mut builder: Builder) -> Builder {
    let by = StickyBy::Source { v6_prefix: 64 };
    builder.model.virtuals[0].sticky = Some(Sticky { minutes: 5, by });
    builder
}

#[test]
fn tags_live_as_long_as_ids_and_are_not_used_again() {
    let (first, loads) = compile(&farm(&["1.1.1.2", "1.1.1.3"]), None);
    let tag = |s: &Snapshot, l: &Loads, of| l.gauges(s.node(&id(of)).expect("a node")).tag;
    let (two, three) = (
        tag(&first, &loads, "1.1.1.2"),
        tag(&first, &loads, "1.1.1.3"),
    );
    assert!(two != 0 && three != 0 && two != three);
    let before = Some((&first, &loads));
    let (second, after) = compile(&farm(&["1.1.1.9", "1.1.1.3"]), before);
    assert_eq!(tag(&second, &after, "1.1.1.3"), three);
    assert_eq!(after.node_of_tag(two), None);
    let (third, last) = compile(&farm(&["1.1.1.2", "1.1.1.3"]), Some((&second, &after)));
    let again = tag(&third, &last, "1.1.1.2");
    assert!(again > tag(&second, &after, "1.1.1.9"));
    for (node, gauges) in (0..).zip(last.all()) {
        assert_eq!(last.node_of_tag(gauges.tag), Some(node));
    }
    assert_eq!(last.node_of_tag(0), None);
    assert_eq!(last.node_of_tag(u32::MAX), None);
}

#[test]
fn many_tags_are_all_found() {
    let dips: Vec<String> = (0..5_000u32).map(|n| client(n).to_string()).collect();
    let dips: Vec<&str> = dips.iter().map(String::as_str).collect();
    let (_, loads) = compile(&farm(&dips), None);
    for (node, gauges) in (0..).zip(loads.all()) {
        assert_eq!(loads.node_of_tag(gauges.tag), Some(node));
    }
}

#[test]
fn an_empty_model_has_no_tags() {
    let (_, loads) = compile(&Builder::default(), None);
    assert_eq!(loads.node_of_tag(1), None);
}

#[test]
fn tables_come_when_they_are_asked_for_and_stay() {
    let (snapshot, loads) = compile(&farm(&["1.1.1.2"]), None);
    assert!(loads.sticks().is_none() && loads.returns().is_none());
    // Without a table nothing sticks and nothing is counted.
    let stuck = Stuck {
        primary: loads.of(1).tag,
        alternate: 0,
        bounced: 0,
    };
    loads.stick(1, stuck, Millis(0), 1_000);
    assert_eq!(loads.of(1).clients(), 0);

    let mut asking = sticky(farm(&["1.1.1.2"]));
    asking.model.virtuals[0].bounceback = Some(BounceBack {
        observe: true,
        seconds: 5,
        clients: 3,
    });
    let (second, after) = compile(&asking, Some((&snapshot, &loads)));
    assert!(after.returns().is_some());
    after.stick(1, stuck, Millis(0), 1_000);
    let (_, last) = compile(&farm(&["1.1.1.2"]), Some((&second, &after)));
    let found = last.sticks().and_then(|s| s.find(1, Millis(0)));
    assert_eq!(found, Some(stuck));
    assert!(last.returns().is_some());
}

#[test]
fn clients_are_counted_at_their_primary() {
    let (_, loads) = compile(&sticky(farm(&["1.1.1.2", "1.1.1.3"])), None);
    let stuck = |node| Stuck {
        primary: loads.of(node).tag,
        alternate: 0,
        bounced: 0,
    };
    let clients = || (loads.of(1).clients(), loads.of(2).clients());
    loads.stick(1, stuck(1), Millis(0), 1_000);
    loads.stick(1, stuck(1), Millis(0), 1_000);
    loads.stick(2, stuck(1), Millis(0), 9_000);
    loads.stick(3, stuck(2), Millis(0), 1_000);
    assert_eq!(clients(), (2, 1));
    loads.stick(2, stuck(2), Millis(0), 9_000);
    assert_eq!(clients(), (1, 2));
    loads.unstick(3, Millis(0));
    loads.unstick(3, Millis(0));
    assert_eq!(clients(), (1, 1));
    loads.sweep(0..usize::MAX, Millis(5_000));
    assert_eq!(clients(), (0, 1));
    // Nobody's tag.
    let nobody = Stuck {
        primary: 999,
        ..stuck(1)
    };
    loads.stick(5, nobody, Millis(0), 1_000);
    assert_eq!(clients(), (0, 1));
}

#[test]
fn promises_live_on_over_a_compilation() {
    let (snapshot, loads) = compile(&farm(&["1.1.1.2", "1.1.1.3"]), None);
    let now = Millis(5_000);
    loads.promise(1, client(1), now, 10);
    loads.promise(2, client(1), now, 10);
    assert_eq!(loads.promises(NodeIndex(1), now), 1);
    let before = Some((&snapshot, &loads));
    let (_, after) = compile(&farm(&["1.1.1.9", "1.1.1.3"]), before);
    assert_eq!(after.promises(NodeIndex(1), now), 0);
    assert!(!after.promised_to(1, client(1), now));
    assert!(after.promised_to(2, client(1), now));
    assert!(after.keep_promise(2, client(1), now));
    assert_eq!(loads.promises(NodeIndex(2), now), 0);
}

#[test]
fn different_clients_that_bounced_back_are_counted_for_a_minute() {
    let gauges = Gauges::new(id("1.1.1.2"));
    let at = |s: u64| Millis(100_000 + s * 1_000);
    assert_eq!(gauges.bounced_back(at(0)), 0);
    assert_eq!(gauges.bounced_back_by(client(1), at(0)), 1);
    assert_eq!(gauges.bounced_back_by(client(1), at(1)), 1);
    assert_eq!(gauges.bounced_back_by(client(2), at(30)), 2);
    assert_eq!(gauges.bounced_back(at(61)), 2);
    assert_eq!(gauges.bounced_back(at(62)), 1);
    for n in 3..20 {
        let counted = gauges.bounced_back_by(client(n), at(62));
        assert_eq!(counted, (n as usize - 1).min(BOUNCED_BACK));
    }
    gauges.forget_bounced_back();
    assert_eq!(gauges.bounced_back(at(62)), 0);
}
