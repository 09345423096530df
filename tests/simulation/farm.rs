//! Farms as configurations.

use std::fmt::Write as _;

use crate::dice::Dice;

/// A farm as a configuration: two virtuals, one of redirects and one of forwards, with whatever settings the dice say.
pub(crate) fn farm(dice: &mut Dice) -> String {
    let mut text = String::new();
    let count = dice.between(2, 8);
    let predictors = [
        "roundrobin",
        "weighted",
        "random",
        "leastconns",
        "loaded",
        "fastest",
        "hash source",
    ];
    for v in 1..=2 {
        let predictor = dice.one_of(&predictors);
        let _ = writeln!(
            text,
            "virtual 9.0.0.{v}\npredictor 9.0.0.{v} {predictor} slowstart {}",
            dice.one_of(&[0, 0, 30, 120])
        );
        if dice.chance(40) {
            let _ = writeln!(text, "sticky 9.0.0.{v} {} source", dice.between(1, 10));
        }
        if dice.chance(20) {
            let _ = writeln!(text, "return 9.0.0.{v}");
        }
        if dice.chance(30) {
            let _ = writeln!(
                text,
                "bounce 9.0.0.{v} {} times {}",
                dice.between(40, 100),
                dice.between(1, 3)
            );
        }
        if dice.chance(30) {
            let _ = writeln!(
                text,
                "bounceback 9.0.0.{v} {}",
                dice.one_of(&["on", "observe"])
            );
        }
        if dice.chance(20) {
            let _ = writeln!(
                text,
                "all-down 9.0.0.{v} {}",
                dice.one_of(&["last-good", "sorry"])
            );
        }
    }
    let _ = writeln!(text, "url sorry http://sorry.example/%d");
    for (name, kind) in [("web", "http"), ("port", "tcp")] {
        let (interval, rise, fall) = (dice.between(2, 60), dice.between(1, 4), dice.between(1, 4));
        let from_down = if dice.chance(20) { " from-down" } else { "" };
        let _ = writeln!(
            text,
            "probe {name} {kind} interval {interval} timeout 2 rise {rise} fall {fall} settle {}{from_down}",
            dice.between(1, 6)
        );
    }
    for i in 0..count {
        let (dip, real, url) = (
            format!("10.0.0.{i}"),
            format!("10.0.1.{i}"),
            format!("u{i}"),
        );
        let _ = writeln!(
            text,
            "dip {dip} 10.0.2.{i}\nurl {url} http://{dip}/%d\nlink {url} {dip}\nbind 9.0.0.1 {url}\n\
             real {real}\nbind 9.0.0.2 {real}\npromise {dip} {}",
            dice.one_of(&[0, 5, 10, 60])
        );
        for id in [&dip, &real] {
            let _ = writeln!(
                text,
                "threshold {id} {}\nretry {id} {}",
                dice.between(1, 8),
                dice.between(1, 60)
            );
            if dice.chance(50) {
                let _ = writeln!(
                    text,
                    "watch {id} {}",
                    dice.one_of(&["web", "port", "web port"])
                );
            }
            if dice.chance(40) {
                let _ = writeln!(text, "maxconns {id} {}", dice.between(1, 20));
            }
            if dice.chance(30) {
                let _ = writeln!(text, "capacity {id} {}", dice.between(2, 20));
            }
            if dice.chance(30) {
                let _ = writeln!(text, "weight {id} {}", dice.between(1, 5));
            }
            if dice.chance(20) {
                let _ = writeln!(text, "priority {id} {}", dice.one_of(&["A", "B", "Z"]));
            }
            if dice.chance(30) {
                let _ = writeln!(text, "error-threshold {id} {}", dice.between(1, 8));
            }
        }
        if dice.chance(50) {
            let _ = writeln!(text, "backup {dip} 9.0.0.1");
        }
        if dice.chance(30) {
            let _ = writeln!(
                text,
                "url lone{i} http://h{i}.example/%d\nbind 9.0.0.1 lone{i}\ndecay lone{i} {}",
                dice.between(5, 120)
            );
            if dice.chance(50) {
                let _ = writeln!(text, "watch lone{i} web");
            }
        }
    }
    text
}
