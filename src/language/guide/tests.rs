use super::net::{Label, Net};
use super::*;

const BOTH: [Tongue; 2] = [Tongue::Statements, Tongue::Commands];

fn expand(line: &str) -> String {
    let guide = guide(Tongue::Commands);
    guide
        .expand(line)
        .unwrap_or_else(|stop| format!("{stop:?}"))
}

#[test]
fn habits_of_the_family_are_understood() {
    for (typed, meant) in [
        ("sh ver", "show version"),
        ("sh run", "show running-config"),
        ("sh start", "show startup-config"),
        ("sh conf", "show configuration"),
        ("sh v", "show v"),
        ("conf t", "configure terminal"),
        ("config t", "configure terminal"),
        ("conf", "configure"),
        ("wr", "write"),
        ("wr mem", "write memory"),
        ("wr t", "write terminal"),
        ("wr er", "write erase"),
        ("en", "enable"),
        ("ena", "enable"),
        ("dis", "disable"),
        ("ex", "exit"),
        ("end", "end"),
        ("q", "quit"),
        ("lo", "logout"),
        ("ter len 0", "terminal length 0"),
        ("term mon", "terminal monitor"),
        ("term no mon", "terminal no monitor"),
        ("no term mon", "no terminal monitor"),
        ("cop run start", "copy running-config startup-config"),
        ("copy start run", "copy startup-config running-config"),
        ("copy a.conf run rep", "copy a.conf running-config replace"),
        ("cl st", "clear st"),
        ("SHOW  Virt\t10.0.0.1 ", "show  virtual\t10.0.0.1 "),
    ] {
        let found = expand(typed);
        if ["sh v", "cl st"].contains(&typed) {
            assert!(found.contains("Ambiguous"), "{typed}: {found}");
        } else {
            assert_eq!(found, meant, "{typed}");
        }
    }
}

#[test]
fn every_keyword_and_word_has_help_and_the_root_is_not_empty() {
    for tongue in BOTH {
        let Net {
            places,
            keywords,
            free,
        } = &guide(tongue).net;
        assert!(places[0].moves.len() > 30, "{tongue:?}");
        assert!(places[0].end.is_none());
        for place in places {
            for step in &place.moves {
                if let Label::Keyword(keyword) = step.label {
                    assert!(!keywords[keyword as usize].canonical().is_empty());
                }
            }
        }
        for keyword in keywords {
            assert!(!keyword.help.is_empty(), "{keyword:?}");
        }
        for word in free {
            assert!(!word.help.is_empty() && !word.name.is_empty(), "{word:?}");
        }
    }
}
