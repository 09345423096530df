//! A comment belongs to the statement below it.

use proptest::prelude::*;
use signpost::model;

use crate::rig::read;

#[track_caller]
fn prints(text: &str, expected: &str) {
    let running = read(text);
    assert_eq!(running.print(), expected);
    assert_eq!(read(expected), running, "it is read as another");
}

#[test]
fn a_file_under_version_control_survives() {
    prints(
        ": Saved\n! The farm of the shop.\n! Ask ann first.\n\n! in the hall\nvirtual 10.0.0.1\n\n# drops the path\n\
         url a http://a.example/\nbind 10.0.0.1 a\n! moved\n: end\n",
        "! The farm of the shop.\n! Ask ann first.\n\n! in the hall\nvirtual 10.0.0.1\n# drops the path\n\
         url a http://a.example/\nbind 10.0.0.1 a\n! moved\n",
    );
}

#[test]
fn comments_go_where_their_statements_go() {
    prints(
        "! of u\nurl u http://u.example/%d\n! first\nbind 10.0.0.1 u\n! of the virtual\nvirtual 10.0.0.1:80:0:tcp\n\
         ! of r\nreal 10.0.0.2\n! second\nbind 10.0.0.1 10.0.0.2\n! nothing but the default\nweight u 1\n\
         ! a name\nname 10.0.0.2 web\n! heavy\nweight web 5\n! gone\nurl v http://v.example/%d\nno url v\n",
        "! a name\nname 10.0.0.2 web\n! of the virtual\nvirtual 10.0.0.1\n! of r\nreal web\n! of u\n\
         ! nothing but the default\nurl u http://u.example/%d\n! first\n! second\nbind 10.0.0.1 u web\n! heavy\nweight web 5\n",
    );
}

#[test]
fn no_control_byte_stays_in_a_comment() {
    let running = read("! a\u{1b}[31mb\nvirtual 10.0.0.1\n");
    assert_eq!(running.print(), "! a\u{fffd}[31mb\nvirtual 10.0.0.1\n");
}

#[test]
fn typed_lines_bring_and_take_comments() {
    let running = read("! top\n\n! v\nvirtual 10.0.0.1\n! a\nurl a http://a.example/%d\n! end\n");
    let (running, _) = running
        .with("! b\nurl b http://b.example/%d\nbind 10.0.0.1 a b\n! of nothing")
        .expect("it holds");
    let (running, _) = running.with("weight a 2").expect("it holds");
    assert_eq!(
        running.print(),
        "! top\n\n! v\nvirtual 10.0.0.1\n! a\nurl a http://a.example/%d\n! b\nurl b http://b.example/%d\n\
         bind 10.0.0.1 a b\nweight a 2\n! end\n"
    );
    let (running, _) = running
        .with("no bind 10.0.0.1 a\nno url a")
        .expect("it holds");
    let (running, _) = running.with("url a http://a.example/%d").expect("it holds");
    assert!(!running.print().contains("! a\n"), "{}", running.print());
}

#[test]
fn a_file_that_is_added_brings_its_head_once() {
    let running = read("! top\n\nvirtual 10.0.0.1\n");
    let file = "! of the shop\n! ask ann\n\nurl a http://a.example/%d\nbind 10.0.0.1 a\n";
    let (once, _) = running.with(file).expect("it holds");
    assert_eq!(
        once.print(),
        "! top\n! of the shop\n! ask ann\n\nvirtual 10.0.0.1\nurl a http://a.example/%d\nbind 10.0.0.1 a\n"
    );
    let (twice, _) = once.with(file).expect("it holds");
    assert_eq!(twice, once, "to copy it again changes nothing");
    let (first, _) = read("virtual 10.0.0.1\n").with(file).expect("it holds");
    assert!(first.print().starts_with("! of the shop\n! ask ann\n\n"));
}

#[test]
fn secrets_are_masked_wherever_they_stand() {
    let hash = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$bWFza2VkbWFza2VkbWFza2VkbWFza2VkbWFza2VkbWE";
    let text = format!(
        "! enable the farm\n! ticket-key 1 0123456789abcdef0\nvirtual 10.0.0.1\nticket-key 2 \"0123456789abcdef 1\"\n\
         username ann privilege view secret {hash}\nenable secret {hash}\n"
    );
    assert_eq!(
        read(&text).masked(),
        "! enable the farm\n! ticket-key 1 ********\nvirtual 10.0.0.1\nticket-key 2 ********\n\
         enable secret ********\nusername ann privilege view secret ********\n"
    );
    assert_eq!(
        model::mask("usernam\nusername ann secrte hunter22\nenable sceret hunter22"),
        "usernam\nusername ********\nenable ********\n"
    );
}

/// Statements of a small world with or without a comment, numbered so that each is told apart.
fn text() -> impl Strategy<Value = String> {
    let statement = prop_oneof![
        (1..4u8).prop_map(|n| format!("url u{n} http://www{n}.example.com/%d")),
        (1..4u8).prop_map(|n| format!("real 10.0.1.{n}")),
        (1..3u8, 1..4u8).prop_map(|(v, n)| format!("bind 10.0.0.{v} u{n}")),
        (1..3u8, 1..4u8).prop_map(|(v, n)| format!("bind 10.0.0.{v} 10.0.1.{n}")),
        (1..4u8, 0..3u8).prop_map(|(n, w)| format!("weight u{n} {w}")),
        (1..4u8).prop_map(|n| format!("out-of-service real 10.0.1.{n}")),
        (1..4u8).prop_map(|n| format!("in-service real 10.0.1.{n}")),
        Just("hostname one".to_owned()),
    ];
    let comment = prop::sample::select(vec!["", "! ", "\n# ", ": x\n! ", "!\n: "]);
    let lines = prop::collection::vec((comment, statement), 0..20);
    (lines, any::<bool>(), any::<bool>()).prop_map(|(lines, head, tail)| {
        let mut text = if head { "! head\n\n" } else { "" }.to_owned();
        for n in 1..4 {
            text += &format!(
                "virtual 10.0.0.{n}\nurl u{n} http://www{n}.example.com/%d\nreal 10.0.1.{n}\n"
            );
        }
        for (n, (comment, statement)) in lines.iter().enumerate() {
            if !comment.is_empty() {
                text += &format!("{comment}comment {n}\n");
            }
            text += &format!("{statement}\n");
        }
        text + if tail { "! tail\n" } else { "" }
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_printed_is_read_as_the_same_with_each_comment_once(text in text()) {
        let running = read(&text);
        let printed = running.print();
        prop_assert_eq!(&read(&printed), &running, "{}", printed);
        prop_assert_eq!(read(&printed).print(), printed.clone());
        // Of what never goes away again no comment is lost, and none is doubled.
        for line in text.lines().filter(|line| line.contains("comment ")) {
            prop_assert_eq!(printed.lines().filter(|l| *l == line).count(), 1, "{}:\n{}", line, printed);
        }
        let statements: String = printed.lines().filter(|l| !l.is_empty() && !l.starts_with(['!', '#', ':'])).map(|l| format!("{l}\n")).collect();
        prop_assert_eq!(statements, model::print(running.model()));
    }
}

#[test]
fn the_time_grows_with_the_length_and_no_faster() {
    let text = |lines: usize| {
        let url = |n: usize| format!("! comment {n}\nurl u{n} http://www{n}.example.com/%d\n");
        let urls: String = (0..lines).map(url).collect();
        format!("virtual 10.0.0.1\n{urls}")
    };
    let time = |text: &str| {
        let took = || {
            let began = std::time::Instant::now();
            assert!(read(text).print().len() >= text.len());
            began.elapsed()
        };
        took().min(took())
    };
    let (small, large) = (text(500), text(5_000));
    let (small, large) = (time(&small), time(&large));
    // Ten times the lines: what is quadratic would take a hundred times as long.
    assert!(large < small * 40, "{small:?} and {large:?}");
}
