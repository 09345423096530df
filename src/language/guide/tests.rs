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
            // With the keyword before it on a line of a terminal.
            let length = keyword.help.len();
            assert!((1..=64).contains(&length), "{length}: {keyword:?}");
        }
        for word in free {
            assert!(!word.help.is_empty() && !word.name.is_empty(), "{word:?}");
        }
    }
}

#[test]
fn a_line_costs_as_much_as_it_is_long() {
    let long = "1 ".repeat(2_000);
    for (tongue, line) in [
        (Tongue::Statements, format!("bind 1 {long}")),
        (Tongue::Statements, format!("no watch 1 {long}")),
        (
            Tongue::Statements,
            format!("probe p https {}", "int 1 ver from ".repeat(500)),
        ),
        (
            Tongue::Commands,
            format!("explain {}u", "from 1 to 2 method x ".repeat(400)),
        ),
    ] {
        let net = &guide(tongue).net;
        let walk = Walk::along(net, &line).expect("it can be understood");
        assert!(walk.steps.len() > 1_000, "{}", walk.steps.len());
        assert!(walk.ways() <= 40 + 2 * walk.steps.len(), "{}", walk.ways());
    }
}

#[test]
fn hints_stand_in_order_and_say_what_they_are() {
    let shown = |tongue, before, begun| -> Vec<String> {
        let hints = guide(tongue).next(before, begun).unwrap_or_default();
        hints.iter().map(|hint| hint.word.to_string()).collect()
    };
    let (statements, commands) = (Tongue::Statements, Tongue::Commands);
    assert_eq!(shown(statements, "", "de"), ["decay", "description"]);
    assert_eq!(shown(statements, "", "i"), ["in-service", "inline"]);
    assert_eq!(shown(statements, "", "is"), ["is"]);
    assert_eq!(shown(statements, "weight ", ""), ["ID"]);
    assert_eq!(
        shown(statements, "virt 1.1.1.1 ", ""),
        ["is", "oos", "<cr>"]
    );
    assert_eq!(shown(statements, "pred 1 ", "r"), ["random", "roundrobin"]);
    assert_eq!(shown(statements, "no stick 1 5 ", "C"), ["cookie"]);
    assert_eq!(
        shown(commands, "sh ", "sta"),
        ["startup-config", "statistics"]
    );
    assert_eq!(
        shown(commands, "show virtual ", ""),
        ["all", "VIRTUAL-ID", "<cr>"]
    );
    assert_eq!(shown(commands, "show virtual all ", "x"), [""; 0]);
    assert_eq!(shown(commands, "cop run ", ""), ["startup-config"]);
    assert_eq!(shown(commands, "copy ", "r"), ["running-config", "FILE"]);
    let hints = guide(statements).next("", "weight").unwrap_or_default();
    let [hint] = &hints[..] else {
        panic!("{hints:?}")
    };
    assert_eq!(&*hint.help, "The share of a real, dip or url, 0 to 65,535");
    let hints = guide(statements).next("no ", "weight").unwrap_or_default();
    assert_eq!(&*hints[0].help, "Restores the default weight");
}

#[test]
fn a_stop_says_where_and_why() {
    let stop = |line: &str| guide(Tongue::Statements).expand(line).err();
    let at = |at, why| Some(Stop { at, why });
    let near = |word: &str| Why::Unknown {
        near: Some(word.to_owned()),
    };
    assert_eq!(stop("wieght 1 2"), at(0, near("weight")));
    assert_eq!(stop("sticky 1 2 cokie"), at(11, near("cookie")));
    assert_eq!(stop("weight 1 2 3"), at(11, Why::TooMuch));
    assert_eq!(stop("weight 1 \"2"), at(9, Why::Unknown { near: None }));
    assert_eq!(stop("weight 1 \"2\"3"), at(12, Why::Unknown { near: None }));
    assert_eq!(stop("\"weight\" 1 2"), at(0, near("weight")));
    let both = ["probe", "promise", "proxy-protocol"];
    let both = both.into_iter().map(str::to_owned).collect();
    assert_eq!(stop(" pro 1 2"), at(1, Why::Ambiguous(both)));
    let Some(Stop {
        at: 8,
        why: Why::Incomplete(hints),
    }) = stop("weight 1")
    else {
        panic!("{:?}", stop("weight 1"));
    };
    assert_eq!(hints.len(), 1);
}

#[test]
fn a_command_says_which_it_is_and_with_what_words() {
    let command = |line: &str| {
        let command = guide(Tongue::Commands).command(line);
        command.expect("it can be understood")
    };
    let asked = command("exp method GET to \"10.0.0.1\" http://a/");
    assert_eq!(&*asked.name, "explain");
    assert_eq!(asked.word("method"), Some("GET"));
    assert_eq!(asked.word("virtual_id"), Some("10.0.0.1"));
    assert_eq!(asked.word("url_asked"), Some("http://a/"));
    assert!(asked.has("by_method") && !asked.has("from"));
    assert_eq!(asked.words_of("to").collect::<Vec<_>>(), ["to"]);
    assert_eq!(&*command("wr").name, "write_memory");
    assert_eq!(&*command("term no mon").name, "terminal_no_monitor");
    assert!(command("conf t").has("at_once"));
    assert!(command("show real all").has("all"));
    assert_eq!(
        &*command("copy running-config startup-config").name,
        "copy_running_startup"
    );
    assert_eq!(&*command("copy ./run run").name, "copy_file");
}
