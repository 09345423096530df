//! Nothing that was counted is lost: not by forgetting, not by copying, not by adding up.

use proptest::prelude::*;

use super::*;
use crate::model::{Endpoint, UrlId};
use crate::telemetry::{BOUNDS_US, Histogram};

fn server(number: u8) -> Arc<Gauges> {
    let id = match number % 2 {
        0 => Id::Url(UrlId(format!("u{number}").into())),
        _ => Id::Endpoint(Endpoint::new([10, 0, 0, number].into(), Endpoint::HTTP)),
    };
    Arc::new(Gauges::new(id))
}

fn living(servers: &[Arc<Gauges>]) -> HashSet<usize> {
    servers.iter().map(|s| Arc::as_ptr(s) as usize).collect()
}

#[test]
fn what_is_forgotten_is_folded_by_kind() {
    let tally = Tally::default();
    let servers = [server(0), server(1), server(2)];
    for server in &servers {
        tally.decided(Some(server), Reason::Predicted);
    }
    tally.passed(&servers[1], 10, 20);
    tally.answered_in(&servers[1], 700);
    tally.forget_all_but(&living(&servers[2..]));
    tally.decided(Some(&servers[2]), Reason::Sticky);
    let counts = tally.counts();
    assert_eq!(counts.rows.len(), 1);
    assert_eq!(counts.rows[0].numbers.picked(), 2);
    assert_eq!(counts.totals.gone_urls.picked(), 1);
    assert_eq!(counts.totals.gone_servers.picked(), 1);
    let traffic = counts.totals.gone_servers.traffic().expect("it passed");
    assert_eq!((traffic.to_server, traffic.to_client), (10, 20));
    assert_eq!(traffic.answers.count(), 1);
    assert_eq!(counts.table().count("(removed)", "predicted"), 2);
}

#[test]
fn a_copy_in_parts_is_whole() {
    let tally = Tally::default();
    let servers: Vec<_> = (0..COPIED + 1).map(|i| server((i % 250) as u8)).collect();
    for server in &servers {
        tally.decided(Some(server), Reason::Direct);
    }
    tally.requested();
    let mut copy = Counts::default();
    assert!(!tally.copy(&mut copy));
    assert_eq!(copy.rows.len(), COPIED);
    assert_eq!(copy.totals.requests, 0, "the rest comes with the last part");
    assert!(tally.copy(&mut copy));
    assert_eq!(copy.rows.len(), servers.len());
    assert_eq!(copy.totals.requests, 1);
}

#[test]
fn what_waits_is_what_entered_and_has_not_left() {
    let tally = Tally::default();
    for event in QueueEvent::ALL {
        tally.queued(event);
    }
    for _ in 0..3 {
        tally.queued(QueueEvent::Entered);
    }
    assert_eq!(tally.counts().totals.waiting(), 1);
}

#[test]
fn a_bound_belongs_to_its_own_bucket() {
    for (bucket, bound) in BOUNDS_US.iter().enumerate() {
        let mut histogram = Histogram::default();
        histogram.add(*bound);
        histogram.add(*bound + 1);
        assert_eq!(
            (histogram.buckets[bucket], histogram.buckets[bucket + 1]),
            (1, 1)
        );
    }
}

proptest! {
    /// However the events fall on workers and whatever is forgotten in between, the sum over all rows is what was counted.
    #[test]
    fn no_count_is_lost(events in prop::collection::vec((0..3usize, 0..6usize, any::<bool>()), 0..200)) {
        let workers = [Tally::default(), Tally::default(), Tally::default()];
        let mut servers: Vec<_> = (0..6).map(server).collect();
        for (worker, which, forget) in &events {
            workers[*worker].decided(Some(&servers[*which]), Reason::Predicted);
            workers[*worker].passed(&servers[*which], 1, 2);
            if *forget {
                servers[*which] = server(*which as u8);
                let living = living(&servers);
                workers.iter().for_each(|tally| tally.forget_all_but(&living));
            }
        }
        let counts = Counts::sum(workers.iter().map(Tally::counts));
        let gone = [&counts.totals.gone_urls, &counts.totals.gone_servers];
        let all: Vec<&Numbers> = counts.rows.iter().map(|r| &r.numbers).chain(gone).collect();
        let picked: u64 = all.iter().map(|n| n.picked()).sum();
        let bytes: u64 = all.iter().filter_map(|n| n.traffic()).map(|t| t.to_client).sum();
        prop_assert_eq!(picked, events.len() as u64);
        prop_assert_eq!(bytes, 2 * events.len() as u64);
        let ids: HashSet<_> = counts.rows.iter().map(Row::address).collect();
        prop_assert_eq!(ids.len(), counts.rows.len(), "a server has one row");
    }
}
