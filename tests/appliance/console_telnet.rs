//! The console over telnet: who comes in, who is turned away, and what a session heeds.

use std::net::SocketAddr;

use crate::support::{Director, Telnet, eventually, free};

fn director(settings: &str) -> (Director, SocketAddr) {
    let (at, console) = (free(), free());
    let config = format!(
        "hostname farm\nvirtual {at}\nconsole {console}\nusername ann privilege configure secret open-sesame\nusername bob privilege view secret open-barley\n{settings}"
    );
    (Director::start(&config), console)
}

fn logged_in(console: SocketAddr, user: &str, password: &str) -> Telnet {
    let mut telnet = Telnet::to(console);
    telnet.until("Username: ");
    telnet.line(user).until("Password: ");
    telnet.line(password).until("> ");
    telnet
}

#[test]
fn a_user_logs_in_and_may_do_what_his_level_says() {
    let (director, console) = director("");
    let mut ann = logged_in(console, "ann", "open-sesame");
    ann.line("enable").until("farm# ");
    ann.line("configure terminal").until("farm(config)# ");
    ann.line("hostname wiser").until("wiser*(config)# ");
    ann.line("end").until("wiser*# ");
    let mut bob = logged_in(console, "bob", "open-barley");
    bob.line("enable").until("% ");
    bob.until("> ");
    bob.line("configure terminal").until("% ");
    bob.until("> ");
    let who = director.typed(&["who"]);
    assert!(who.contains("ann") && who.contains("bob"), "{who}");
    let version = director.typed(&["show version | json"]);
    assert!(version.contains("startup-config"), "{version}");
    ann.line("exit").rest();
}

#[test]
fn three_wrong_passwords_end_it_and_the_next_one_waits() {
    let (_director, console) = director("");
    let mut eve = Telnet::to(console);
    for user in ["ann", "nobody", "ann"] {
        eve.until("Username: ");
        eve.line(user).until("Password: ");
        eve.line("open-barley");
    }
    let shown = eve.rest();
    assert!(!shown.contains("open-barley"), "no echo: {shown}");
    let began = std::time::Instant::now();
    let mut ann = Telnet::to(console);
    ann.until("Username: ");
    ann.line("ann").until("Password: ");
    ann.line("open-sesame").until("farm> ");
    assert!(began.elapsed().as_millis() > 2_000, "{:?}", began.elapsed());
}

#[test]
fn without_a_login_so_many_connections_wait_and_the_next_is_closed_without_a_word() {
    let (director, console) = director("");
    // One address takes half of the places.
    let mut waiting: Vec<_> = (0..4).map(|_| Telnet::to(console)).collect();
    for telnet in &mut waiting {
        telnet.until("Username: ");
    }
    assert_eq!(Telnet::to(console).rest(), "");
    eventually("it is told", || director.log().contains("was turned away"));
    assert!(director.typed(&["show version"]).contains("farm is up"));
    drop(waiting.pop());
    eventually("a place is free", || {
        let who = director.typed(&["show who | count telnet"]);
        who.contains('3')
    });
    Telnet::to(console).until("Username: ");
}

#[test]
fn where_all_sessions_are_taken_the_socket_still_serves() {
    let (director, console) = director("console-sessions 1\n");
    let _ann = logged_in(console, "ann", "open-sesame");
    let mut second = Telnet::to(console);
    second.until("Username: ");
    second.line("ann").until("Password: ");
    second.line("open-sesame");
    let shown = second.rest();
    assert!(shown.contains("all 1 sessions are taken"), "{shown}");
    assert!(director.typed(&["who"]).contains("ann"));
}

#[test]
fn sessions_end_with_their_user_by_kill_and_with_the_director() {
    let (mut director, console) = director("");
    let mut bob = logged_in(console, "bob", "open-barley");
    let mut ann = logged_in(console, "ann", "open-sesame");
    director.typed(&["configure terminal", "no username bob", "end"]);
    assert!(bob.rest().contains("configured no more"));
    let who = director.typed(&["show who | json"]);
    let who: serde_json::Value = serde_json::from_str(&who).expect("JSON");
    let all = who.as_array().or_else(|| who["sessions"].as_array());
    let all = all.expect("sessions");
    let of_ann = all.iter().find(|session| session["user"] == "ann");
    let number = of_ann.expect("she is there")["session"]
        .as_u64()
        .or_else(|| of_ann.expect("she is there")["number"].as_u64())
        .expect("a number");
    director.typed(&[&format!("kill {number}")]);
    assert!(ann.rest().contains("ended by root"));
    let mut ann = logged_in(console, "ann", "open-sesame");
    director.terminate();
    assert!(ann.rest().contains("the director ends"));
    assert!(director.wait().success());
    assert!(!director.socket().exists());
}

#[test]
fn a_console_that_moves_takes_new_sessions_there_and_keeps_the_old() {
    let (director, console) = director("");
    let mut ann = logged_in(console, "ann", "open-sesame");
    let next = free();
    director.typed(&["configure terminal", &format!("console {next}"), "end"]);
    logged_in(next, "ann", "open-sesame");
    eventually("the old one is closed", || {
        std::net::TcpStream::connect(console).is_err()
    });
    ann.line("show version").until("farm is up");
}

#[test]
fn whoever_comes_by_the_enable_password_of_old_stays_over_changes() {
    let (at, console) = (free(), free());
    let config =
        format!("hostname farm\nvirtual {at}\nconsole {console}\nenable secret open-sesame\n");
    let director = Director::start(&config);
    let mut telnet = Telnet::to(console);
    telnet.until("farm> ");
    telnet.line("enable").until("Password: ");
    telnet.line("open-sesame").until("farm# ");
    telnet.line("configure terminal").until("farm(config)# ");
    telnet.line("hostname wiser").until("wiser*(config)# ");
    telnet.line("hostname wisest").until("wisest*(config)# ");
    drop(director);
}

#[test]
fn a_privilege_that_is_taken_away_ends_the_session() {
    let (director, console) = director("");
    let mut ann = logged_in(console, "ann", "open-sesame");
    let lesser = "username ann privilege view secret open-sesame";
    director.typed(&["configure terminal", lesser, "end"]);
    assert!(ann.rest().contains("has the privilege `view` now"));
}

#[test]
fn an_interrupt_with_urgent_data_loses_no_key_behind_it() {
    let (_director, console) = director("");
    let mut ann = logged_in(console, "ann", "open-sesame");
    ann.keys("show nonsense").until("nonsense");
    // IAC IP, then IAC DM with the last byte urgent, as telnet clients send ^C.
    assert!(ann.bytes(&[255, 244]) && ann.urgent(&[255, 242]));
    ann.until("farm> ");
    ann.line("show version").until("farm is up");
}
