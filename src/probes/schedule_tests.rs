use std::collections::HashSet;
use std::num::NonZeroU16;

use super::*;
use crate::model::{Endpoint, Probe};

fn id(n: u16) -> Id {
    let address = [127, 1, (n >> 8) as u8, n as u8].into();
    Id::Endpoint(Endpoint::new(address, NonZeroU16::MIN))
}

fn errands(kind: &ProbeKind, interval_s: u32, count: u16) -> Vec<Errand> {
    let mut probe = Probe::new("p".into(), kind.clone());
    probe.interval_s = interval_s;
    let probe = Arc::new(probe);
    let errand = |n| Errand {
        id: id(n),
        probe: Arc::clone(&probe),
        to: Some(([127, 0, 0, 1], n).into()),
        host: "".into(),
        port: n,
    };
    (1..=count).map(errand).collect()
}

/// Runs to `end`; each sounding takes `takes` milliseconds. When each place was started.
fn run(
    schedule: &mut Schedule,
    from: u64,
    end: u64,
    takes: u64,
    silent: bool,
) -> Vec<(u64, Arc<Errand>)> {
    let mut started = Vec::new();
    let mut open: VecDeque<(u64, Start)> = VecDeque::new();
    let mut now = from;
    while now < end {
        while open.front().is_some_and(|(at, _)| *at <= now) {
            let (_, start) = open.pop_front().expect("just seen");
            schedule.done(&start, silent, now);
        }
        while let Some(start) = schedule.next(now) {
            started.push((now, Arc::clone(&start.errand)));
            open.push_back((now + takes, start));
            assert!(open.len() <= UNDER_WAY);
        }
        let ends = open.front().map(|(at, _)| *at);
        let next = [schedule.due(), ends].into_iter().flatten().min();
        now = next.map_or(end, |next| next.max(now + 1));
    }
    for (_, start) in open {
        schedule.done(&start, silent, now);
    }
    started
}

#[test]
fn each_is_run_once_an_interval_and_they_are_spread() {
    let mut schedule = Schedule::new(1);
    let all = errands(&ProbeKind::Tcp, 5, 1000);
    schedule.set(&all, 0);
    let first = run(&mut schedule, 0, 5_060, 1, false);
    let who: HashSet<_> = first.iter().map(|(_, e)| e.id.clone()).collect();
    assert_eq!(who.len(), 1000, "each has had its first run");
    for second in 0..5 {
        let within = |at: &u64| (second * 1000..(second + 1) * 1000).contains(at);
        let share = first.iter().filter(|(at, _)| within(at)).count();
        assert!(
            (140..=280).contains(&share),
            "{share} of 1000 in second {second}"
        );
    }
    let later = run(&mut schedule, 5_060, 105_060, 1, false);
    assert!((19_500..=20_500).contains(&later.len()), "{}", later.len());
    let one: Vec<u64> = later
        .iter()
        .filter(|(_, e)| e.id == id(7))
        .map(|(at, _)| *at)
        .collect();
    let gaps: HashSet<u64> = one.windows(2).map(|w| w[1] - w[0]).collect();
    assert!(
        gaps.iter().all(|gap| (4_700..=5_310).contains(gap)),
        "{gaps:?}"
    );
    assert!(gaps.len() > 5, "they differ");
    assert_eq!(schedule.late(), 0);
}

#[test]
fn what_stays_alone_keeps_its_time_and_what_goes_is_forgotten() {
    let mut schedule = Schedule::new(2);
    let all = errands(&ProbeKind::Tcp, 60, 100);
    schedule.set(&all, 0);
    let due = |s: &Schedule| -> Vec<Option<u64>> {
        all.iter()
            .map(|e| s.places.get(&(e.id.clone(), "p".into())))
            .map(|p| Some(s.entries[*p?].as_ref()?.due))
            .collect()
    };
    let before = due(&schedule);
    let fewer: Vec<Errand> = all.iter().step_by(2).cloned().collect();
    schedule.set(&fewer, 10);
    let after = due(&schedule);
    for n in 0..100 {
        assert_eq!(after[n], if n % 2 == 0 { before[n] } else { None });
    }
    for turn in 0..1000 {
        schedule.set(if turn % 2 == 0 { &all } else { &fewer }, 20);
    }
    assert!(schedule.entries.len() <= 150 && schedule.due.len() <= 150);
    let started = run(&mut schedule, 20, 30_100, 1, false);
    assert_eq!(started.len(), 50);
}

#[test]
fn the_result_of_what_was_changed_under_way_is_not_wanted() {
    let mut schedule = Schedule::new(3);
    let one = errands(&ProbeKind::Tcp, 1, 1);
    schedule.set(&one, 0);
    let start = schedule.next(1_000).expect("it is due");
    schedule.set(&errands(&ProbeKind::Ping, 1, 1), 1_000);
    assert!(!schedule.done(&start, false, 1_001));
    let start = schedule.next(2_000).expect("the new one is due");
    assert_eq!(start.errand.probe.kind, ProbeKind::Ping);
    schedule.set(&[], 2_000);
    assert!(!schedule.done(&start, false, 2_001));
    assert_eq!(
        schedule.due(),
        None,
        "nothing to do, nothing to wake up for"
    );
}

#[test]
fn so_many_are_under_way_and_the_rest_waits_its_turn() {
    let mut schedule = Schedule::new(4);
    schedule.set(&errands(&ProbeKind::Tcp, 1, UNDER_WAY as u16 + 1), 0);
    let mut open: Vec<Start> = std::iter::from_fn(|| schedule.next(1_000)).collect();
    assert_eq!(open.len(), UNDER_WAY);
    assert_eq!(schedule.late(), 0);
    schedule.done(&open.pop().expect("one"), false, 2_500);
    assert!(schedule.next(2_500).is_some(), "a place was free");
    assert_eq!(schedule.late(), 1);
}

#[test]
fn silent_servers_do_not_hold_up_the_others() {
    let mut schedule = Schedule::new(5);
    let all = errands(&ProbeKind::Tcp, 1, 1000);
    let (silent, alive) = all.split_at(900);
    schedule.set(silent, 0);
    run(&mut schedule, 0, 20_000, 900, true);
    schedule.set(&all, 20_000);
    let mut open = Vec::new();
    while let Some(start) = schedule.next(21_000) {
        open.push(start);
    }
    let alive = alive
        .iter()
        .filter(|a| open.iter().any(|s| s.errand.id == a.id));
    assert_eq!(alive.count(), 100);
    assert!(open.len() <= SILENT_UNDER_WAY + 100);
}

#[test]
fn only_so_many_programs_run() {
    let mut schedule = Schedule::new(6);
    let all = errands(&ProbeKind::Exec(Box::default()), 1, 100);
    schedule.set(&all, 0);
    let open: Vec<Start> = std::iter::from_fn(|| schedule.next(1_000)).collect();
    assert_eq!(open.len(), PROGRAMS_UNDER_WAY);
}

#[test]
fn an_urgent_one_is_run_at_once_and_again_where_it_ran_already() {
    let mut schedule = Schedule::new(7);
    let all = errands(&ProbeKind::Tcp, 86_400, 2);
    schedule.set(&all, 0);
    let first = run(&mut schedule, 0, FIRST_WITHIN_MS + 60, 1, false);
    assert_eq!(first.len(), 2);
    assert!(schedule.next(50_000).is_none());
    schedule.urge(&all[0], 50_000);
    let start = schedule.next(50_000).expect("at once");
    assert_eq!(start.errand.id, id(1));
    schedule.urge(&all[0], 50_001);
    assert!(schedule.next(50_001).is_none(), "never twice at a time");
    schedule.done(&start, false, 50_002);
    assert!(schedule.next(50_002).is_some());
    for _ in 0..10_000 {
        schedule.urge(&all[1], 50_003);
    }
    assert!(schedule.due.len() <= 100);
}

#[test]
fn an_urgent_one_that_nobody_set_is_run_once() {
    let mut schedule = Schedule::new(8);
    let one = &errands(&ProbeKind::Tcp, 1, 1)[0];
    schedule.urge(one, 5);
    schedule.urge(one, 6);
    let start = schedule.next(6).expect("at once");
    assert!(schedule.done(&start, false, 7), "its result is wanted");
    assert_eq!(schedule.due(), None);
    assert!(schedule.places.is_empty());
}
