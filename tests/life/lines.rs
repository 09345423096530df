//! Lines that are typed behind what runs.

use proptest::prelude::*;
use signpost::control::rendered;
use signpost::model::{self, Running};

use crate::rig::read;

#[track_caller]
fn refused(running: &Running, lines: &str) -> String {
    let Err(told) = running.with(lines) else {
        panic!("`{lines}` was taken");
    };
    rendered("console", &told)
}

#[test]
fn mistakes_are_told_in_the_lines_own_places() {
    let running = read("virtual 10.0.0.1\nurl u http://u.example/%d\nbind 10.0.0.1 u\n");
    let told = refused(&running, "weight u 5\nwieght u 6");
    assert!(told.contains("console:2:1: error"), "{told}");
    assert!(
        told.contains("wieght u 6") && told.contains("^^^^^^"),
        "{told}"
    );
    let told = refused(&running, "weight v 5");
    assert!(
        told.contains("console:1:8: error: nothing defines `v`"),
        "{told}"
    );
    assert!(
        told.contains("did you mean `u`?") || told.contains("expected the id"),
        "{told}"
    );
}

#[test]
fn what_runs_is_named_by_itself_as_it_has_no_number_here() {
    let running = read(
        "name 10.0.0.1 front\nvirtual front\nurl u http://u.example/%d\nbind front u\ndip 10.0.0.2 10.0.0.3\nlink u 10.0.0.2\n",
    );
    let told = refused(&running, "no url u");
    assert!(told.contains("console:1:8: error"), "{told}");
    assert!(told.contains("`bind 10.0.0.1 u`, which runs"), "{told}");
    let told = refused(&running, "real 10.0.0.1");
    assert!(
        told.contains("already, by `virtual 10.0.0.1`, which runs"),
        "{told}"
    );
    let told = refused(&running, "no dip 10.0.0.2\nreal 10.0.0.2");
    assert!(
        told.contains("`link u 10.0.0.2` would no longer hold"),
        "{told}"
    );
}

#[test]
fn what_runs_is_not_told_again() {
    let running = read("virtual 10.0.0.1\nurl u http://u.example/\nbind 10.0.0.1 u\nweight u 5\n");
    let (running, told) = running.with("weight u 6").expect("it holds");
    assert_eq!(rendered("console", &told), "");
    // The next line may use it.
    let (running, told) = running.with("url v http://v.example/%d").expect("it holds");
    assert_eq!(rendered("console", &told), "");
    let (_, told) = running.with("no maxconns u").expect("it holds");
    let told = rendered("console", &told);
    assert!(
        told.contains("console:1:13: warning: nothing to undo"),
        "{told}"
    );
}

#[test]
fn a_name_can_be_taken_away_and_given_anew() {
    let running =
        read("name 10.0.0.1 front\nvirtual front\nurl u http://u.example/%d\nbind front u\n");
    let (running, _) = running.with("no name 10.0.0.1").expect("it holds");
    assert!(running.print().contains("bind 10.0.0.1 u\n"));
    let (running, _) = running.with("name 10.0.0.1 door").expect("it holds");
    assert!(running.print().contains("bind door u\n"));
}

#[test]
fn a_farm_can_be_emptied_and_begun() {
    let (running, _) = Running::default()
        .with("virtual 10.0.0.1")
        .expect("it holds");
    let (running, _) = running.with("no virtual 10.0.0.1").expect("it holds");
    assert_eq!(running, Running::default());
    let (same, _) = running.with("").expect("it holds");
    assert_eq!(same, running);
}

/// Lines that add, change and take away.
fn line() -> impl Strategy<Value = String> {
    let id = || {
        prop_oneof![
            (1..4u8).prop_map(|n| format!("10.0.0.{n}")),
            (1..4u8).prop_map(|n| format!("10.0.1.{n}:8080")),
            (1..3u8).prop_map(|n| format!("name{n}")),
            (1..4u8).prop_map(|n| format!("u{n}")),
        ]
    };
    let line = prop_oneof![
        id().prop_map(|id| format!("virtual {id}")),
        id().prop_map(|id| format!("real {id}")),
        (1..4u8).prop_map(|n| format!("url u{n} http://www{n}.example.com/%d")),
        (id(), id()).prop_map(|(a, b)| format!("dip {a} {b}")),
        (id(), id()).prop_map(|(a, b)| format!("bind {a} {b}")),
        (id(), id()).prop_map(|(a, b)| format!("backup {a} {b}")),
        (id(), id()).prop_map(|(a, b)| format!("link {a} {b}")),
        (id(), 0..3u8).prop_map(|(a, n)| format!("weight {a} {n}")),
        (id(), id()).prop_map(|(a, b)| format!("listen {a} {b}")),
        id().prop_map(|a| format!("autounfail {a}")),
        (1..4u8, 1..3u8).prop_map(|(n, m)| format!("name 10.0.0.{n} name{m}")),
        (id(), any::<bool>()).prop_map(|(a, all)| {
            format!(
                "out-of-service virtual {a}{}",
                if all { " all" } else { "" }
            )
        }),
        id().prop_map(|a| format!("watch {a} p")),
        Just("probe p tcp".to_owned()),
        Just("ticket-key 1 0123456789abcdef".to_owned()),
    ];
    (line, any::<bool>()).prop_map(|(line, no)| if no { format!("no {line}") } else { line })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Line by line, what comes of it is what a file with the canonical text and that line says.
    #[test]
    fn a_line_behind_what_runs_does_what_it_does_in_a_file(lines in prop::collection::vec(line(), 1..40)) {
        let mut running = Running::default();
        for line in lines {
            let printed = model::print(running.model());
            // In a file a name means the same on every line; here it is the lines above that it no longer reaches.
            let names = line.contains("name 10");
            let of_file = model::load("file", format!("{printed}{line}\n").as_bytes()).model;
            match running.with(&line) {
                Ok((next, _)) => {
                    if !names {
                        prop_assert_eq!(of_file.as_ref(), Some(&**next.model()), "{} behind\n{}", line, printed);
                    }
                    prop_assert_eq!(&read(&next.print()), &next);
                    running = next;
                }
                Err(told) => {
                    prop_assert!(told.iter().all(|told| told.is_error()));
                    prop_assert!(of_file.is_none() || names, "{} behind\n{}\n{}", line, printed, rendered("console", &told));
                }
            }
        }
    }
}
