//! Lines as they may be shown.

/// What follows one of these words is a secret.
const SECRETS: [&str; 5] = [
    "password",
    "secret",
    "community",
    "dynamic-feedback-pw",
    "ticket-key",
];

/// A line as it may be shown.
pub(super) fn shown(words: &[&str]) -> String {
    let mut text = String::new();
    let mut secret = false;
    for word in words {
        if !text.is_empty() {
            text.push(' ');
        }
        if secret && !word.eq_ignore_ascii_case("encrypted") {
            text.push_str("********");
        } else {
            text.extend(word.chars().flat_map(escaped));
        }
        secret |= SECRETS.iter().any(|it| word.eq_ignore_ascii_case(it));
    }
    text
}

fn escaped(c: char) -> impl Iterator<Item = char> {
    let plain = (!c.is_control()).then_some(c);
    let escape = c.is_control().then(|| c.escape_default());
    plain.into_iter().chain(escape.into_iter().flatten())
}
