//! Laws of the guide: it understands what the parser does, and what is cut short besides.

use proptest::prelude::*;
use signpost::language::{Guide, HintKind, Tongue, guide, parse};
use signpost::model;

use super::lines::{holding, line};

fn statements() -> &'static Guide {
    guide(Tongue::Statements)
}

/// The words of a line, with the places where each begins and ends.
fn words(line: &str) -> Vec<(usize, usize)> {
    let mut words = Vec::new();
    let (mut start, mut inside, mut escaped) = (0, false, false);
    for (at, c) in line.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if inside => escaped = true,
            '"' if inside || start == at => inside = !inside,
            ' ' if !inside => {
                words.push((start, at));
                start = at + 1;
            }
            _ => {}
        }
    }
    words.push((start, line.len()));
    words
}

/// Cuts each keyword of a printed line to each of its beginnings.
fn cut_short(line: &str) {
    assert_eq!(statements().expand(line).as_deref(), Ok(line));
    let mut cuts = 0;
    for (start, end) in words(line) {
        let (before, word, behind) = (&line[..start], &line[start..end], &line[end..]);
        let loud = format!("{before}{}{behind}", word.to_ascii_uppercase());
        let is_keyword = loud != line && statements().expand(&loud).as_deref() == Ok(line);
        let hints = statements().next(before, "").expect("it can be understood");
        let free = hints
            .iter()
            .any(|hint| matches!(hint.kind, HintKind::Word(_)));
        if !is_keyword {
            assert!(free, "{line}: {word}");
            continue;
        }
        for length in 1..word.len() {
            let cut = format!("{before}{}{behind}", &word[..length]);
            match statements().expand(&cut) {
                Ok(full) if full == line => cuts += 1,
                // What is left is another keyword, or what the operator may have named so.
                Ok(full) => {
                    let other = hints.iter().any(|hint| *hint.word == word[..length]);
                    assert!((free || other) && full == cut, "{cut}: {full}");
                }
                Err(stop) => assert!(stop.at >= start, "{cut}: {stop:?}"),
            }
        }
    }
    assert!(cuts > 2 || !line.starts_with("virtual"), "{line}");
}

/// A line that goes where the guide leads, but for some words.
fn led(tongue: Tongue, choices: &[(u16, u8)]) -> String {
    const WORDS: [&str; 8] = [
        "10.0.0.1", "u1", "5", "\"a b\"", "all", "is", "\"is\"", "secret",
    ];
    let mut line = String::new();
    for (choice, noise) in choices {
        let hints = guide(tongue).next(&line, "").unwrap_or_default();
        let hint = hints.get(usize::from(*choice) % hints.len().max(1));
        let word = match hint.map(|hint| (&hint.kind, &hint.word)) {
            Some((HintKind::Keyword, word)) if *noise < 220 => {
                let least = word.len() - usize::from(*noise % 4).min(word.len() - 1);
                word[..least].to_owned()
            }
            Some((HintKind::End, _)) if *noise < 220 => break,
            _ => WORDS[usize::from(*choice) % WORDS.len()].to_owned(),
        };
        if !line.is_empty() {
            line.push_str(if noise % 8 == 0 { " \t" } else { " " });
        }
        line.push_str(&word);
    }
    line
}

/// What the parser says of a line: its rule and the words with the parts they play.
fn parsed(line: &str) -> Option<(String, Vec<(String, String)>)> {
    let (statements, diagnostics) = parse(line.as_bytes());
    if !diagnostics.is_empty() {
        return None;
    }
    let line = statements.iter().next()?;
    let words = line.words().iter();
    let words = words.map(|word| (format!("{:?}", word.rule), line.text(word).into_owned()));
    Some((
        format!("{:?}", line.rule).replace("r#", ""),
        words.collect(),
    ))
}

fn understood(line: &str) -> Option<(String, Vec<(String, String)>)> {
    let command = statements().command(line).ok()?;
    let words = command.words.into_iter();
    let words = words.map(|(rule, text)| (rule.into(), text.into()));
    Some((command.name.into(), words.collect()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn keywords_cut_short_are_written_out(lines in prop::collection::vec(line(), 1..30)) {
        let text = holding(lines);
        let loaded = model::load("", text.as_bytes());
        for line in model::print(&loaded.model.expect("it holds")).lines() {
            cut_short(line);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_understood_is_what_the_parser_reads(choices in prop::collection::vec(any::<(u16, u8)>(), 1..12)) {
        let line = led(Tongue::Statements, &choices);
        match statements().expand(&line) {
            Ok(full) => {
                prop_assert_eq!(understood(&line), parsed(&full), "{}", line);
                prop_assert_eq!(statements().expand(&full), Ok(full));
            }
            Err(stop) => {
                prop_assert!(stop.at <= line.len());
                prop_assert_eq!(parsed(&line), None, "{}: {:?}", line, stop);
            }
        }
    }

    #[test]
    fn commands_written_out_are_the_same_commands(choices in prop::collection::vec(any::<(u16, u8)>(), 1..9)) {
        let line = led(Tongue::Commands, &choices);
        let commands = guide(Tongue::Commands);
        if let Ok(full) = commands.expand(&line) {
            prop_assert_eq!(commands.command(&line), commands.command(&full));
            prop_assert_eq!(commands.expand(&full), Ok(full));
        }
    }

    #[test]
    fn any_text_is_taken(line in "\\PC{0,40}|(show|no|url|\"|\\\\|[ \t]|[a-z]){0,20}", begun in "\\PC{0,4}") {
        for tongue in [Tongue::Statements, Tongue::Commands] {
            let guide = guide(tongue);
            let stops = [guide.expand(&line).err(), guide.command(&line).err(), guide.next(&line, &begun).err()];
            for stop in stops.into_iter().flatten() {
                prop_assert!(line.is_char_boundary(stop.at), "{}: {:?}", line, stop);
            }
        }
    }
}
