//! Laws of the language: what is printed is read as the same, any bytes are read, sizes are limited where they say.

use base64::Engine as _;
use proptest::prelude::*;
use signpost::language::{FILE_BYTES, LINE_BYTES, Style};
use signpost::model;

#[path = "../fuzz/laws/config.rs"]
mod config;
#[path = "language/guide.rs"]
mod guide;
#[path = "language/lines.rs"]
mod lines;

use lines::{holding, line};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_printed_is_read_as_the_same(lines in prop::collection::vec(line(), 1..60)) {
        let text = holding(lines);
        config::check(text.as_bytes());
    }

    #[test]
    fn lines_in_any_order_of_faults_are_read(lines in prop::collection::vec(prop_oneof![line(), line().prop_map(|l| format!("no {l}"))], 1..40)) {
        config::check(lines.join("\n").as_bytes());
    }

    #[test]
    fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        config::check(&bytes);
    }

    #[test]
    fn any_text_behind_a_keyword_is_read(keyword in prop::sample::select(vec!["url u ", "bind ", "virtual ", "description 1.1.1.1 ", "probe p ", "probe p http body ", "probe p exec ", "watch 1.1.1.1 ", "bounce 1.1.1.1 ", "trusted-proxy ", "ticket-key 1 ", "metrics ", "access-log file ", "no ", "url u http://"]), rest in "\\PC{0,40}") {
        config::check(format!("virtual 1.1.1.1\n{keyword}{rest}").as_bytes());
    }
}

#[test]
fn a_line_is_as_long_as_it_says_and_no_longer() {
    let comment = |length: usize| format!("#{}\nvirtual 1.1.1.1\n", "x".repeat(length - 1));
    assert!(
        model::load("F", comment(LINE_BYTES).as_bytes())
            .model
            .is_some()
    );
    let loaded = model::load("F", comment(LINE_BYTES + 1).as_bytes());
    assert!(loaded.model.is_none());
    assert!(
        loaded
            .report(Style::Plain)
            .contains("F:1:4097: error: the line has 4097 bytes"),
        "{}",
        loaded.report(Style::Plain)
    );
}

#[test]
fn a_file_is_as_large_as_it_says_and_no_larger() {
    let mut bytes = b"\n".repeat(FILE_BYTES);
    assert!(model::load("F", &bytes).model.is_some());
    bytes.push(b'\n');
    let loaded = model::load("F", &bytes);
    assert!(loaded.model.is_none());
    assert!(
        loaded
            .report(Style::Plain)
            .starts_with("F: error: the configuration has 67108865 bytes")
    );
}

#[test]
fn colours_are_for_terminals() {
    let loaded = model::load("F", b"nonsense");
    assert!(loaded.report(Style::Coloured).contains('\x1b'));
    assert!(!loaded.report(Style::Plain).contains('\x1b'));
}

#[test]
fn ports_and_interfaces_are_as_many_as_they_say_and_no_more() {
    let holds = |text: String| model::load("", text.as_bytes()).model.is_some();
    let pass = |many: u16| {
        let ports: Vec<String> = (1..=many).map(|n| (n + 100).to_string()).collect();
        holds(format!(
            "dip 10.0.0.1 10.0.1.1\npass 10.0.0.1 {}\n",
            ports.join(" ")
        ))
    };
    assert!(pass(64) && !pass(65));
    let inline = |many: u16| {
        let names: Vec<String> = (0..many).map(|n| format!("eth{n}")).collect();
        holds(format!("dip 10.0.0.1\ninline {}\n", names.join(" ")))
    };
    assert!(inline(16) && !inline(17));
    let named = |name: &str| holds(format!("dip 10.0.0.1\ninline {name}\n"));
    assert!(named(&"e".repeat(15)) && !named(&"e".repeat(16)));
}

#[test]
fn lists_and_texts_are_as_long_as_they_say_and_no_longer() {
    let holds = |text: &str| model::load("F", text.as_bytes()).model.is_some();
    let trusting = |count: u32| {
        (0..count).fold(String::new(), |text, n| {
            text + &format!("trusted-proxy 10.0.{}.{}\n", n / 256, n % 256)
        })
    };
    assert!(holds(&trusting(1_024)));
    assert!(!holds(&trusting(1_025)));
    let again = "trusted-proxy 10.0.0.0\n";
    assert!(holds(&(trusting(1_024) + again)));
    for (least, most, line) in [
        (16, 256, "ticket-key 1 "),
        (1, 1_024, "probe p exec "),
        (1, 1_024, "probe p http body "),
        (1, 1_024, "access-log file "),
        (8, 128, "enable secret "),
        (8, 128, "username ann privilege view secret "),
    ] {
        let with = |length: usize| holds(&format!("{line}\"{}\"\n", "x".repeat(length)));
        assert!(with(least) && with(most), "{line}");
        assert!(!with(least - 1) && !with(most + 1), "{line}");
    }
}

#[test]
fn users_and_who_may_come_are_as_many_as_they_say_and_no_more() {
    let holds = |text: &str| model::load("F", text.as_bytes()).model.is_some();
    let lines = |count: u32, line: &dyn Fn(u32) -> String| (0..count).map(line).collect::<String>();
    let telnet = |n: u32| format!("telnet 10.0.{}.{}\n", n / 256, n % 256);
    assert!(holds(&lines(1_024, &telnet)) && !holds(&lines(1_025, &telnet)));
    let user = |n: u32| format!("username u{n} privilege view\n");
    assert!(holds(&lines(256, &user)) && !holds(&lines(257, &user)));
    let key = |bytes: &[u8]| {
        let blob = [b"\0\0\0\x0bssh-ed25519", bytes].concat();
        let text = base64::engine::general_purpose::STANDARD.encode(blob);
        format!("username u0 key ssh-ed25519 {text}\n")
    };
    let keys = |count: u32| user(0) + &lines(count, &|n| key(&n.to_be_bytes()));
    assert!(holds(&keys(16)) && !holds(&keys(17)));
    assert!(holds(&(keys(16) + &key(&0_u32.to_be_bytes()))));
    let long = |length: usize| user(0) + &key(&vec![0; length]);
    assert!(holds(&long(753)) && !holds(&long(754)));
    assert!(!holds(&(user(0) + &key(b""))));
    assert!(holds(&format!(
        "username {} privilege view",
        "x".repeat(40)
    )));
    assert!(!holds(&format!(
        "username {} privilege view",
        "x".repeat(41)
    )));
}

#[test]
fn every_secret_of_a_login_can_be_put_in_the_place_of() {
    let text = "enable secret 12345678\nusername a privilege view\nusername b privilege view secret 87654321\n\
                ticket-key 1 0123456789abcdef\n";
    let mut model = model::load("F", text.as_bytes()).model.expect("it holds");
    for secret in model.secrets_mut() {
        assert!(matches!(secret, model::Secret::Plain(_)), "{secret:?}");
        *secret = model::Secret::Plain("another one".into());
    }
    let printed = model::print(&model);
    assert_eq!(printed.matches("\"another one\"").count(), 2, "{printed}");
    assert!(printed.contains("0123456789abcdef"), "{printed}");
}

#[test]
fn the_longest_probe_is_printed_on_a_line_that_is_read() {
    let path = format!("/{}", "x".repeat(1_023));
    let host = format!("{}example:65535", "x.".repeat(122));
    // A quotation mark takes two bytes where it is printed between quotation marks.
    let body = "\\\" ".repeat(340);
    let codes = vec!["100-599"; 16].join(",");
    let text = format!(
        "probe {} https address 2001:db8:1111:2222:3333:4444:5555:6666 port 65535 interval 86399 timeout 3599 rise 255 fall 255 \
        settle 255 from-down method {} path {path} host {host} expect {codes} body \"{body}\" verify\n",
        "n".repeat(40),
        "M".repeat(32),
    );
    let loaded = model::load("F", text.as_bytes());
    assert!(loaded.model.is_some(), "{}", loaded.report(Style::Plain));
    config::check(text.as_bytes());
}

#[test]
fn no_message_repeats_a_secret() {
    const SECRET: &str = "Zq7-secret-of-mine";
    for line in [
        "ticket-key 0 S",
        "ticket-key S 1",
        "ticket-key S",
        "no ticket-key S",
        "ticket-key 1 x S",
        "ticket-key 1 \"S",
        "ticket-key 1 \"S\" \"S\"",
        "ticket-key 1 \"S\"S",
        "ticket-key 1 \"S\\S\"",
        "ticket-key 1 S\nticket-key 1 otherS",
        "ticket-key 1 SSSSSSSSSSSSSSSSSSSS",
        "ticket-kei 1 S",
        "Ticket-Key\t1 S S",
        "username ann privilege view secret \"S",
        "username ann privilege view secret S S",
        "username ann privilege view S",
        "username ann S",
        "username S!",
        "no username ann secret S S",
        "username ann key S S",
        "username ann key ssh-ed25519 S",
        "username ann privilege view secret $argon2id$S",
        "username ann privilege view secret $argon2id$v=19$S$S$S",
        "username ann privilege view secret $1$S$S",
        "username ann privilege view secret S\nusername ann privilege view secret otherS",
        "enable S",
        "enable secret S S",
        "enable password \"S\"S",
        "enable password $2y$S",
        "no enable secret S",
        "console 10.0.0.1\nenable secret S",
    ] {
        let text = line.replace('S', SECRET);
        let loaded = model::load("F", text.as_bytes());
        assert!(!loaded.diagnostics.is_empty(), "{text}");
        for told in &loaded.diagnostics {
            let help = told.help.as_deref().unwrap_or_default();
            for part in [told.message.as_ref(), told.label.as_ref(), help] {
                assert!(!part.contains(SECRET), "{text}: {part}");
            }
        }
    }
    let text = format!(
        "ticket-key 1 {SECRET}\nenable secret {SECRET}\nusername ann privilege view secret {SECRET}"
    );
    let loaded = model::load("F", text.as_bytes());
    let model = loaded.model.expect("it holds");
    assert!(!format!("{model:?}").contains(SECRET));
    assert!(model::print(&model).contains(SECRET));
}
