//! Who may do what, and what of a line must not be told.

use crate::language::{Command, Hint, HintKind, Stop, Tongue, Why, guide};
use crate::model::Level;

use super::words::words;

/// What stands where a secret stood.
pub(super) const MASK: &str = "********";

/// The level that a command of the console needs; one that is not known here needs the highest.
pub(super) fn level(command: &Command) -> Level {
    match &*command.name {
        "enable" | "disable" | "exit" | "quit" | "logout" | "end" | "help" | "who" | "pager"
        | "no_pager" => Level::View,
        "terminal_length"
        | "terminal_width"
        | "terminal_monitor"
        | "terminal_no_monitor"
        | "no_terminal_monitor" => Level::View,
        "explain" | "monitor" => Level::View,
        "show_configuration"
        | "show_running_config"
        | "show_startup_config"
        | "show_tech_support"
        | "show_archive" => Level::Operate,
        name if name.starts_with("show_") => Level::View,
        name if name.starts_with("clear_") => Level::Operate,
        "ping" | "test_probe" | "debug_requests" | "no_debug" | "diff" | "write_terminal" => {
            Level::Operate
        }
        "configure" if !command.has("candidate") && !command.has("exclusive") => Level::Operate,
        _ => Level::Configure,
    }
}

/// The level that a statement needs.
pub(super) fn level_of_statement(command: &Command) -> Level {
    let name = command.name.strip_prefix("no_").unwrap_or(&command.name);
    match name {
        "in_service" | "out_of_service" | "weight" => Level::Operate,
        _ => Level::Configure,
    }
}

/// The command as an operator writes it.
pub(super) fn spoken(command: &Command) -> String {
    let words = command.name.replace('_', " ");
    let joined = ["running config", "startup config", "tech support"];
    joined.iter().fold(words, |words, one| {
        words.replace(one, &one.replace(' ', "-"))
    })
}

/// The statement as an operator writes it.
pub(super) fn spoken_statement(command: &Command) -> String {
    let name = command.name.strip_prefix("no_");
    let (no, name) = name.map_or(("", &*command.name), |name| ("no ", name));
    format!("{no}{}", name.replace('_', "-"))
}

/// Words of the grammar that hold a secret, always the last of their line.
const SECRETS: [&str; 2] = ["login_secret", "secret"];
/// The statements that have one.
const KEEPERS: [&str; 3] = ["username", "enable", "ticket-key"];
/// What stands before one, however it is misspelt.
const HERALDS: [&str; 2] = ["secret", "password"];

/// The line without its secret, where it has one or may have one.
pub(super) fn masked(line: &str) -> Option<String> {
    let places = words(line);
    if let Ok(command) = guide(Tongue::Statements).command(line) {
        let secret = SECRETS.iter().any(|rule| command.has(rule));
        return secret.then(|| {
            let last = places.last().map_or(0, |word| word.start);
            format!("{}{MASK}", &line[..last])
        });
    }
    if guide(Tongue::Commands).command(line).is_ok() || wants_secret(line) {
        return None;
    }
    let texts: Vec<String> = places
        .iter()
        .map(|word| line[word.start..word.end].to_ascii_lowercase())
        .collect();
    let undone = texts
        .iter()
        .take_while(|text| matches!(text.as_str(), "no" | "do"))
        .count();
    let keeper = texts.get(undone).is_some_and(|first| {
        KEEPERS
            .iter()
            .any(|keeper| keeper.starts_with(first.as_str()) || near(first, keeper))
    });
    let herald = texts.iter().any(|text| {
        HERALDS
            .iter()
            .any(|herald| text.contains(herald) || near(text, herald))
    });
    let first = places.get(undone)?;
    (places.len() > undone + 1 && (keeper || herald))
        .then(|| format!("{} {MASK}", &line[..first.end]))
}

/// Whether a line of statements lacks nothing but its password.
fn wants_secret(line: &str) -> bool {
    let stop = guide(Tongue::Statements).command(line).err();
    stop.is_some_and(|stop| lacks_secret(&stop))
}

/// Whether nothing is wrong but that the password is missing.
pub(super) fn lacks_secret(stop: &Stop) -> bool {
    let Why::Incomplete(hints) = &stop.why else {
        return false;
    };
    let secret =
        |hint: &Hint| matches!(&hint.kind, HintKind::Word(rule) if &**rule == "login_secret");
    hints.iter().any(secret)
}

fn near(word: &str, other: &str) -> bool {
    word.len() <= other.len() + 2 && strsim::osa_distance(word, other) <= 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_secret_is_told_however_it_is_written() {
        for (line, told) in [
            (
                "username ann privilege view secret hunter22",
                Some("username ann privilege view secret ********"),
            ),
            (
                "usern ann pri v s \"two words\"",
                Some("usern ann pri v s ********"),
            ),
            ("enable password hunter22", Some("enable password ********")),
            ("enable hunter22", Some("enable ********")),
            (
                "usernmae ann privilege view secret hunter22",
                Some("usernmae ********"),
            ),
            ("user ann secert hunter22", Some("user ********")),
            ("foo sercet hunter22", Some("foo ********")),
            ("no username ann secret", None),
            ("username ann privilege view secret", None),
            ("show real", None),
            ("enable", None),
            ("show rael", None),
            ("username ann privilege view", None),
        ] {
            assert_eq!(masked(line).as_deref(), told, "{line}");
        }
    }

    #[test]
    fn every_command_needs_a_level_that_was_thought_of() {
        let level = |line: &str| level(&guide(Tongue::Commands).command(line).expect(line));
        assert_eq!(level("show real"), Level::View);
        assert_eq!(level("show running-config"), Level::Operate);
        assert_eq!(level("clear statistics"), Level::Operate);
        assert_eq!(level("configure terminal"), Level::Operate);
        assert_eq!(level("configure"), Level::Operate);
        assert_eq!(level("configure candidate"), Level::Configure);
        assert_eq!(level("configure exclusive"), Level::Configure);
        assert_eq!(level("write memory"), Level::Configure);
        assert_eq!(level("reload"), Level::Configure);
    }
}
