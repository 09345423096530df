//! The words of HAProxy's agent-check, as its configuration manual gives them.

use super::*;
use crate::decide::Readiness;

fn said(line: &str) -> Said {
    read(line).unwrap_or_else(|e| panic!("{line:?}: {e}"))
}

fn word(word: Word) -> Said {
    Said {
        word: Some(word),
        ..Said::default()
    }
}

fn readiness(readiness: Readiness) -> Said {
    Said {
        readiness: Some(readiness),
        ..Said::default()
    }
}

#[test]
fn each_word_says_one_thing() {
    let share = |percent| Said {
        share: Some(percent),
        ..Said::default()
    };
    let limit = |limit| Said {
        maxconns: Some(limit),
        ..Said::default()
    };
    for (line, means) in [
        ("up", word(Word::Up)),
        ("down", word(Word::Down)),
        ("fail", word(Word::Failed)),
        ("failed", word(Word::Failed)),
        ("stopped", word(Word::Stopped)),
        ("ready", readiness(Readiness::Ready)),
        ("drain", readiness(Readiness::Drain)),
        ("maint", readiness(Readiness::Maint)),
        ("MAINT", readiness(Readiness::Maint)),
        ("75%", share(75)),
        ("0%", share(0)),
        ("150%", share(150)),
        ("99999999999%", share(10_000)),
        ("maxconn:30", limit(Some(30))),
        ("maxconn:0", limit(None)),
        ("maxconn:99999999999", limit(Some(u32::MAX))),
        ("\t up ,\r", word(Word::Up)),
        ("up\ndown", word(Word::Up)),
    ] {
        assert_eq!(said(line), means, "{line:?}");
    }
}

#[test]
fn words_stand_together_in_any_order_and_the_last_about_one_thing_counts() {
    let all = Said {
        word: Some(Word::Up),
        readiness: Some(Readiness::Ready),
        share: Some(80),
        maxconns: Some(Some(30)),
        description: "".into(),
    };
    for line in [
        "up ready 80% maxconn:30",
        "maxconn:30,80%,ready,up",
        "80%\tready, up  maxconn:30",
        "down drain 10% maxconn:1 up ready 80% maxconn:30",
    ] {
        assert_eq!(said(line), all, "{line:?}");
    }
}

#[test]
fn what_follows_a_sharp_describes_and_reaches_no_terminal_raw() {
    assert_eq!(
        &*said("down # disk full, 75%").description,
        "disk full, 75%"
    );
    assert_eq!(&*said("down#gone").description, "gone");
    assert_eq!(&*said("down #\x1b[2J\u{9b}x").description, "?[2J?x");
    assert_eq!(
        said(&format!("down #{}", "x".repeat(500)))
            .description
            .chars()
            .count(),
        161
    );
}

#[test]
fn a_word_of_no_meaning_takes_the_line_with_it() {
    for (line, named) in [
        ("up green", "`green`"),
        ("75", "`75`"),
        ("75%%", "`75%%`"),
        ("-5%", "`-5%`"),
        ("%", "`%`"),
        ("7.5%", "`7.5%`"),
        ("maxconn:", "`maxconn:`"),
        ("maxconn: 30", "`maxconn:`"),
        ("maxconn:-1", "`maxconn:-1`"),
        ("HTTP/1.1 200 OK", "`HTTP/1.1`"),
        ("upp", "`upp`"),
        ("", "nothing"),
        (" ,\t", "nothing"),
        ("# only words", "nothing"),
        ("\x1b]0;x", "`?]0;x`"),
    ] {
        let told = read(line).expect_err(line).to_string();
        assert!(told.contains(named), "{line:?}: {told}");
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_tell_a_control_character(line in "\\PC{0,60}|[\\x00-\\x7f]{0,60}") {
        let told = match read(&line) {
            Ok(said) => said.description.into_string(),
            Err(why) => why.to_string(),
        };
        proptest::prop_assert!(!told.chars().any(char::is_control), "{:?}", told);
    }
}
