//! A director in the path of packets, in network namespaces: a client, the director between, two servers at 1.1.1.2 and 1.1.1.3.
//!
//! Needs root, iproute2 and nftables. Where the kernel lets nobody make a namespace the tests say so and pass.

#[path = "inline/net.rs"]
mod net;

use net::Net;

/// The seed's own configuration, and where clients' packets come in.
const SEED: &str = "virtual 1.1.1.1\n\
    URL coyote http://coyote.acme.com\n\
    URL roadrunner http://roadrunner.acme.com\n\
    bind 1.1.1.1 coyote roadrunner\n\
    dip 1.1.1.2\n\
    dip 1.1.1.3\n\
    link coyote 1.1.1.2\n\
    link roadrunner 1.1.1.3\n\
    backup 1.1.1.2 1.1.1.1\n\
    inline clients\n";

/// The same of IPv6.
fn of_ipv6(config: &str) -> String {
    let mut text = config.to_owned();
    for last in 1..=3 {
        text = text.replace(&format!("1.1.1.{last}"), &format!("2001:db8:1::{last}"));
    }
    text
}

fn figure(net: &mut Net, config: &str, addresses: [&str; 3], client: &str) {
    let [www, coyote, roadrunner] = addresses;
    net.apply(config);
    net.apply(config);
    let mut director = net.serve(config);
    // The client asks the virtual, and is sent to each server in turn.
    let sent = |path: &str| {
        let answer = net.ask(www, 80, "www.acme.com", path);
        assert_eq!(answer.status(), 302, "{answer:?}");
        answer.field("location").expect("a Location").to_owned()
    };
    assert_eq!(sent("/"), "http://coyote.acme.com/");
    assert_eq!(sent("/"), "http://roadrunner.acme.com/");
    // Its next request goes through the director to that server, which sees the director.
    for (at, name) in [(coyote, "coyote"), (roadrunner, "roadrunner")] {
        let answer = net.ask(at, 80, &format!("{name}.acme.com"), "/");
        assert_eq!(answer.status(), 200, "{answer:?}");
        assert!(
            answer.has(&format!("here is {name}, for {www}")),
            "{answer:?}"
        );
        assert!(
            answer.has("signpost-"),
            "it came by the director: {answer:?}"
        );
    }
    // Traffic to other ports passes untouched: the server sees the client itself.
    let answer = net.ask(coyote, 22, "x", "/");
    assert!(
        answer.has(&format!("here is coyote, for {client}")),
        "{answer:?}"
    );
    assert!(!answer.has("signpost-"), "{answer:?}");
    // So does what has no ports, a hop further than the director.
    for server in [coyote, roadrunner] {
        let told = net.ping(server);
        assert!(told.contains("ttl=63"), "{told}");
    }
    // A server that is down: the virtual stands in, and issues a new redirect.
    net.stop("coyote");
    let answer = net.ask(coyote, 80, "coyote.acme.com", "/cart");
    assert_eq!(answer.status(), 302, "{answer:?}");
    assert_eq!(
        answer.field("location"),
        Some("http://roadrunner.acme.com/")
    );
    net.start("coyote");
    // Of the rights that it was started with, what binds ports and servers' addresses is left.
    for status in director.threads() {
        for set in ["CapPrm", "CapEff", "CapBnd"] {
            assert!(
                status.contains(&format!("{set}:\t0000000000002400\n")),
                "{status}"
            );
        }
        assert!(status.contains("NoNewPrivs:\t1\n"), "{status}");
    }
    // `transparent`: the server sees the client.
    let seen = format!("{config}transparent {roadrunner}\n");
    net.apply(&seen);
    director.reload(&seen);
    assert!(
        director
            .log()
            .contains("`signpost inline --apply` sets the rules")
    );
    let answer = net.ask(roadrunner, 80, "roadrunner.acme.com", "/");
    assert!(
        answer.has(&format!("here is roadrunner, for {client}")),
        "{answer:?}"
    );
    assert!(answer.has("signpost-"), "{answer:?}");
    // Without a director clients reach the servers themselves.
    drop(director);
    let answer = net.ask(coyote, 80, "coyote.acme.com", "/");
    assert!(
        answer.has(&format!("here is coyote, for {client}")),
        "{answer:?}"
    );
    assert!(!answer.has("signpost-"), "{answer:?}");
    net.remove();
    net.remove();
    assert_eq!(net.rules(), "");
}

#[test]
fn the_oldest_figure_runs_word_for_word() {
    let Some(mut net) = Net::new() else { return };
    figure(
        &mut net,
        SEED,
        ["1.1.1.1", "1.1.1.2", "1.1.1.3"],
        "192.0.2.10",
    );
}

#[test]
fn it_runs_over_ipv6_as_well() {
    let Some(mut net) = Net::new() else { return };
    let addresses = ["2001:db8:1::1", "2001:db8:1::2", "2001:db8:1::3"];
    figure(&mut net, &of_ipv6(SEED), addresses, "2001:db8:2::10");
}

#[test]
fn connections_under_way_stay_with_whom_they_are_with() {
    let Some(net) = Net::new() else { return };
    for (at, config) in [
        ("1.1.1.2", SEED.to_owned()),
        ("2001:db8:1::2", of_ipv6(SEED)),
    ] {
        let comes = |begun, by_director: bool, when: &str| {
            let answer = net.end(begun);
            assert!(answer.has("here is coyote"), "{when}: {answer:?}");
            assert_eq!(answer.has("signpost-"), by_director, "{when}: {answer:?}");
        };
        // With the server: the rules come, and a director behind them.
        let begun = net.begin(at);
        net.apply(&config);
        let director = net.serve(&config);
        comes(begun, false, "a director came");
        // With the director: the rules are set once more.
        let begun = net.begin(at);
        net.apply(&config);
        comes(begun, true, "the rules were set once more");
        drop(director);
        // With the server, as there is no director: one comes.
        let begun = net.begin(at);
        let director = net.serve(&config);
        comes(begun, false, "a director came back");
        drop(director);
        net.remove();
    }
}

#[test]
fn cart_and_check_out_reach_one_server() {
    let Some(mut net) = Net::new() else { return };
    let config = format!(
        "{SEED}pass 1.1.1.2 22\npass 1.1.1.3 22\nno backup 1.1.1.2\nbackup 1.1.1.2 1.1.1.3\ntransparent 1.1.1.3\n"
    );
    net.apply(&config);
    let director = net.serve(&config);
    for (at, name, seen) in [
        ("1.1.1.2", "coyote", "1.1.1.1"),
        ("1.1.1.3", "roadrunner", "192.0.2.10"),
    ] {
        for port in [80, 22] {
            let answer = net.ask(at, port, "x", "/");
            assert!(
                answer.has(&format!("here is {name}, for {seen}")),
                "{port}: {answer:?}"
            );
            // What is passed on is not read.
            assert_eq!(answer.has("signpost-"), port == 80, "{answer:?}");
        }
    }
    net.stop("coyote");
    for port in [80, 22] {
        let answer = net.ask("1.1.1.2", port, "x", "/");
        assert!(answer.has("here is roadrunner"), "{port}: {answer:?}");
    }
    drop(director);
}

#[test]
fn who_may_not_is_told_what_to_do() {
    let Some(net) = Net::new() else { return };
    let file = net.write(SEED);
    let told = net.without_rights(&["inline", "--config", &file, "--apply"]);
    assert!(
        told.contains("CAP_NET_ADMIN") && told.contains("sudo"),
        "{told}"
    );
    let told = net.without_rights(&["serve", "--config", &file]);
    assert!(
        told.contains("cannot listen on 1.1.1.2:80: it is the server's own address"),
        "{told}"
    );
    assert!(told.contains("AmbientCapabilities=CAP_NET_RAW"), "{told}");
    let file = net.write("virtual 1.1.1.1\nurl a http://a.example/%d\nbind 1.1.1.1 a\n");
    let told = net.without_rights(&["inline", "--config", &file]);
    assert!(told.contains("does not say `inline`"), "{told}");
}

#[test]
fn forwarding_that_is_off_is_told() {
    let Some(net) = Net::new() else { return };
    net.forwarding(false);
    let told = net.apply(SEED);
    assert!(told.contains("sysctl -w net.ipv4.ip_forward=1"), "{told}");
}

#[test]
fn an_address_that_comes_later_is_served_at_once() {
    let Some(net) = Net::new() else { return };
    let all = ["1.1.1.77", "2001:db8:1::77"];
    let [four, six] = all;
    let serving = net.serve(&format!(
        "virtual {four}\nvirtual {six}\nurl t http://t.example/%d\nbind {four} t\nbind {six} t\nfreebind\n"
    ));
    for at in all {
        net.give(at);
        let answer = net.ask(at, 80, "x", "/");
        assert_eq!(answer.status(), 302, "{answer:?}");
    }
    drop(serving);
}

#[test]
fn an_address_that_goes_and_comes_back_is_served_again() {
    let Some(net) = Net::new() else { return };
    let at = "1.1.1.77";
    net.give(at);
    let director = net.serve(&format!(
        "virtual {at}\nurl t http://t.example/%d\nbind {at} t\n"
    ));
    let (done, told) = director.configure(&["freebind"]);
    assert!(done, "{told}");
    net.take(at);
    assert_eq!(net.ask(at, 80, "x", "/").status(), 0, "nobody is there");
    net.give(at);
    assert_eq!(net.ask(at, 80, "x", "/").status(), 302);
}

/// A director that is not in the path, at the address of a server whose dip leads elsewhere.
fn beside(at: &str, other: &str) -> String {
    format!("dip {at} {other}:80\nfreebind\n")
}

#[test]
fn who_steps_into_the_path_takes_packets_at_once() {
    let Some(net) = Net::new() else { return };
    for (at, own, other) in [
        ("1.1.1.2", "1.1.1.2", "1.1.1.3"),
        ("2001:db8:1::2", "[2001:db8:1::2]", "[2001:db8:1::3]"),
    ] {
        let inline = format!("dip {at}\ninline clients\n");
        net.apply(&inline);
        let director = net.serve(&beside(at, other));
        let asked = |taken: bool| {
            let answer = net.ask(at, 80, "coyote.acme.com", "/");
            assert!(answer.has("here is coyote"), "{answer:?}");
            assert_eq!(answer.has("signpost-"), taken, "{answer:?}");
        };
        asked(false);
        for _ in 0..2 {
            let (done, told) =
                director.configure(&["inline clients", &format!("dip {at} {own}:80")]);
            assert!(done, "{told}");
            asked(true);
            let (done, told) = director.configure(&[&format!("dip {at} {other}:80"), "no inline"]);
            assert!(done, "{told}");
            asked(false);
        }
        // What a start would be refused is refused: the address is not this host's.
        let (done, told) = director.configure(&["no freebind"]);
        assert!(
            !done && told.contains("the address is not on this host"),
            "{told}"
        );
        drop(director);
        net.remove();
    }
}

#[test]
fn who_may_not_step_into_the_path_is_told_and_stays() {
    let Some(net) = Net::new() else { return };
    let director = net.serve_without(&beside("1.1.1.2", "1.1.1.3"), ",-net_raw,-net_admin");
    net.apply("dip 1.1.1.2\ninline clients\n");
    let (done, told) = director.configure(&["inline clients", "dip 1.1.1.2 1.1.1.2:80"]);
    assert!(!done, "{told}");
    assert!(
        told.contains("it is the server's own address") && told.contains("CAP_NET_RAW"),
        "{told}"
    );
    let (_, shown) = director.configure(&["show running-config"]);
    assert!(shown.contains("dip 1.1.1.2 1.1.1.3"), "{shown}");
}
