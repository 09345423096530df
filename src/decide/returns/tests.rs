use super::*;

fn client(n: u32) -> IpAddr {
    n.to_be_bytes().into()
}

fn key(n: u32) -> u64 {
    Returns::key(1, client(n), "example.com", "/")
}

#[test]
fn a_client_that_was_sent_is_known_for_its_time() {
    let returns = Returns::new(100);
    assert_eq!(returns.last(key(1), Millis(0)), None);
    returns.sent(key(1), 5, Millis(10_000), 5_000);
    let sent = |server, ago_ms, times| {
        Some(Sent {
            server,
            ago_ms,
            times,
        })
    };
    assert_eq!(returns.last(key(1), Millis(12_345)), sent(5, 2_345, 1));
    assert_eq!(returns.last(key(1), Millis(9_990)), sent(5, 0, 1));
    assert_eq!(returns.last(key(1), Millis(15_250)), None);
    assert_eq!(returns.last(key(2), Millis(10_000)), None);
    // Again and again: a poller. After a pause it begins anew.
    returns.sent(key(1), 6, Millis(13_000), 5_000);
    assert_eq!(returns.last(key(1), Millis(13_000)), sent(6, 0, 2));
    returns.sent(key(1), 6, Millis(30_000), 5_000);
    assert_eq!(returns.last(key(1), Millis(30_001)), sent(6, 1, 1));
    returns.forget(key(1));
    assert_eq!(returns.last(key(1), Millis(30_001)), None);
}

#[test]
fn times_stay_at_their_most() {
    let returns = Returns::new(100);
    for _ in 0..300 {
        returns.sent(key(1), 5, Millis(0), 5_000);
    }
    let last = returns.last(key(1), Millis(0)).expect("it was sent");
    assert_eq!(last.times, u8::MAX);
}

#[test]
fn the_clock_may_stand_anywhere() {
    let returns = Returns::new(100);
    for now in [
        0,
        u64::from(u32::MAX) - 1,
        1_800_000_000_000,
        u64::MAX - 9_999,
    ] {
        let key = key(now as u32);
        returns.sent(key, 5, Millis(now), 5_000);
        let last = returns.last(key, Millis(now + 3_000)).expect("it was sent");
        assert_eq!(last.ago_ms, 3_000);
    }
}

#[test]
fn keys_tell_all_parts_apart() {
    let all = [
        Returns::key(1, client(1), "a", "/b"),
        Returns::key(2, client(1), "a", "/b"),
        Returns::key(1, client(2), "a", "/b"),
        Returns::key(1, client(1), "a/", "b"),
        Returns::key(1, client(1), "a", "/c"),
        Returns::key(1, "::1".parse().expect("an address"), "a", "/b"),
    ];
    for (i, key) in all.iter().enumerate() {
        assert!(!all[..i].contains(key));
    }
    let mapped = "::ffff:0.0.0.1".parse().expect("an address");
    assert_eq!(Returns::key(1, mapped, "a", "/b"), all[0]);
}

#[test]
fn as_many_as_the_limit_are_remembered_and_one_more_costs_nothing() {
    let returns = Returns::new(RETURNS);
    let bytes = returns.bytes_most();
    assert!(bytes <= 4 << 20, "{bytes}");
    let many = RETURNS as u32 + 1;
    (0..many).for_each(|n| returns.sent(key(n), n, Millis(0), 5_000));
    let known = |n: &u32| {
        returns
            .last(key(*n), Millis(1))
            .is_some_and(|s| s.server == *n)
    };
    let known = (0..many).filter(known).count();
    assert!(known > RETURNS - RETURNS / 1_000, "{known}");
    assert_eq!(returns.bytes_most(), bytes);
}
