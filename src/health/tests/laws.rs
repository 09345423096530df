//! What holds whatever happens to a server, under a virtual clock.

use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::decide::{Health, Readiness};
use crate::model::{Probe, ProbeKind, Watching};

/// One thing that happens.
#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Sound {
        probe: usize,
        ok: bool,
    },
    Say(&'static str),
    See {
        fault: Option<Fault>,
        client: u8,
        others_asked: bool,
    },
    Forgive,
}

fn step() -> impl Strategy<Value = Step> {
    let faults = prop_oneof![
        Just(Fault::Refused),
        Just(Fault::Reset),
        Just(Fault::Unanswered),
        Just(Fault::BadAnswer),
        Just(Fault::ServerError),
    ];
    let lines = prop_oneof![
        Just("up"),
        Just("down"),
        Just("ready"),
        Just("drain"),
        Just("maint"),
        Just("40%"),
        Just("0% maxconn:3"),
        Just("what"),
    ];
    let see = (proptest::option::of(faults), 0u8..3, any::<bool>());
    prop_oneof![
        4 => (0u64..4_000).prop_map(Step::Pass),
        1 => (0u64..90_000).prop_map(Step::Pass),
        8 => (0usize..2, any::<bool>()).prop_map(|(probe, ok)| Step::Sound { probe, ok }),
        2 => lines.prop_map(Step::Say),
        8 => see.prop_map(|(fault, client, others_asked)| Step::See { fault, client, others_asked }),
        1 => Just(Step::Forgive),
    ]
}

fn probes() -> impl Strategy<Value = Vec<Arc<Probe>>> {
    let probe = |name: &'static str| {
        (1u8..4, 1u8..4, 1u8..4, 1u32..20, any::<bool>()).prop_map(
            move |(rise, fall, settle, interval_s, from_down)| {
                Arc::new(Probe {
                    rise,
                    fall,
                    settle,
                    interval_s,
                    timeout_s: 1,
                    from_down,
                    ..Probe::new(name.into(), ProbeKind::Tcp)
                })
            },
        )
    };
    (probe("first"), probe("second")).prop_map(|(first, second)| vec![first, second])
}

/// What one probe brought back since it was heard of last after a silence, told apart from the ward's own book-keeping.
#[derive(Default)]
struct History {
    results: Vec<bool>,
    last: u64,
    /// It ever succeeded.
    answered: bool,
    fallen: bool,
}

impl History {
    fn silence(&mut self, probe: &Probe, now: u64) {
        let lasting = u64::from(3 * probe.interval_s + probe.timeout_s) * 1000;
        if !self.results.is_empty() && now >= self.last + lasting {
            self.results.clear();
            self.fallen = false;
        }
    }

    fn ends_with(&self, result: bool, times: u8) -> bool {
        let last = self.results.iter().rev().take(times.into());
        self.results.len() >= times.into() && last.clone().all(|r| *r == result)
    }
}

proptest! {
    #[test]
    fn whatever_happens_to_a_server(
        probes in probes(),
        threshold in 1u32..4,
        errors in proptest::option::of(1u32..4),
        autounfail: bool,
        steps in proptest::collection::vec(step(), 0..120),
    ) {
        let watching = Watching { threshold, retry_s: 30, autounfail, errors };
        let agent = Arc::new(Probe::new("agent".into(), ProbeKind::Agent));
        let all = [probes.clone(), vec![Arc::clone(&agent)]].concat();
        let mut ward = Ward::new(watching, &all, true, Millis(0));
        let mut histories = [History::default(), History::default()];
        let mut now = 0;
        for step in steps {
            let was = ward.measured();
            let passive = ward.watch().health();
            let effect = match &step {
                Step::Pass(time) => {
                    now += time;
                    let effect = ward.tick(Millis(now));
                    prop_assert!(ward.due().is_none_or(|due| due > Millis(now)));
                    effect
                }
                Step::Sound { probe, ok } => {
                    // Late or not, a result that is too old when the next one comes does not count beside it.
                    ward.tick(Millis(now));
                    let was = ward.measured();
                    let sounding = Sounding {
                        ok: *ok,
                        why: "so it was".into(),
                        took_us: 1,
                        figures: vec![],
                        agent: None,
                    };
                    let effect = ward.sound(&probes[*probe], &sounding, Millis(now));
                    histories[*probe].silence(&probes[*probe], now);
                    histories[*probe].results.push(*ok);
                    histories[*probe].last = now;
                    prop_assert_eq!(effect.before.is_some(), ward.measured() != was);
                    effect
                }
                Step::Say(line) => {
                    let sounding = Sounding {
                        ok: true,
                        why: "".into(),
                        took_us: 1,
                        figures: vec![],
                        agent: Some((*line).to_owned()),
                    };
                    ward.sound(&agent, &sounding, Millis(now))
                }
                Step::See { fault, client, others_asked } => {
                    let client = IpAddr::from([192, 0, 2, *client]);
                    let seen = fault.map_or(Observation::Success, |fault| Observation::Failure {
                        fault,
                        client,
                        others_asked: *others_asked,
                    });
                    ward.observe(seen, Millis(now))
                }
                Step::Forgive => ward.forgive(Millis(now)),
            };
            if !matches!(step, Step::Sound { .. }) {
                prop_assert_eq!(effect.before.is_some(), ward.measured() != was);
            }
            let measured = ward.measured();
            // A trial begins by time alone, and ends with the first result.
            if ward.watch().health() == Health::Testing && passive != Health::Testing {
                prop_assert!(autounfail && passive == Health::Failed, "{:?}", step);
                prop_assert!(matches!(step, Step::Pass(_) | Step::Sound { .. }), "{:?}", step);
            }
            if passive == Health::Testing && matches!(step, Step::See { .. }) {
                prop_assert!(ward.watch().health() != Health::Testing);
            }
            prop_assert!(ward.watch().failures() <= threshold);
            let usable = measured.health != Health::Failed;
            for (probe, history) in probes.iter().zip(&mut histories) {
                history.silence(probe, now);
                history.answered |= history.results.last() == Some(&true);
                let waiting = probe.from_down && !history.answered;
                if !waiting && history.ends_with(false, probe.fall) {
                    history.fallen = true;
                }
                let back = history.ends_with(true, probe.rise);
                if history.fallen && back {
                    history.fallen = false;
                }
                prop_assert!(!(usable && history.fallen), "{} fell, {:?}", probe.name, history.results);
                prop_assert!(!(usable && waiting), "never answered");
                if measured.health == Health::Failed && ward.cause().probe.as_deref() == Some(&*probe.name) {
                    let failures = history.results.iter().filter(|ok| !**ok).count();
                    prop_assert!(waiting || failures >= probe.fall.into(), "{:?}", history.results);
                }
            }
            prop_assert!(measured.share == 100 || measured.share == 40 || measured.share == 0);
            prop_assert!(!ward.cause().tell("10:14:03").is_empty());
            prop_assert!(ward.since() <= Millis(now));
            let told = measured.health != Health::Up || measured.readiness != Readiness::Ready;
            prop_assert!(!told || ward.cause().at <= Millis(now));
        }
        // Whatever was found: where nobody asks and nobody comes for long, only what the traffic showed is left.
        ward.tick(Millis(now + 200_000));
        let waiting = ward.waiting();
        let left = if waiting { Health::Failed } else { ward.watch().health() };
        prop_assert_eq!(ward.measured(), left.into());
    }
}
