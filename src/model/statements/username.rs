//! `username NAME privilege LEVEL [secret SECRET]` and `username NAME key TYPE KEY`. No message repeats a secret.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::enable::{secret, shown};
use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Said};
use crate::model::entrance::Named;
use crate::model::print::Printer;
use crate::model::{Level, ids};

/// The most users: a login looks its name up among them.
const USERS: usize = 256;
/// The most keys of a user.
const KEYS: usize = 16;
/// The longest key, in characters: so that it fits on a line.
const KEY_CHARS: usize = 1_024;
/// The types of keys that SSH sessions are opened with.
const TYPES: [&str; 4] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
];

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::user_name) else {
        return;
    };
    let name = line.text(word);
    if ids::unfit_probe(&name).is_some() {
        draft
            .error(word.span, "this cannot be the name of a user".to_owned())
            .label = "expected 1 to 40 of letters, digits, `_`, `-` and `.`".into();
        return;
    }
    let said = said(line, word);
    if line.rule == Rule::no_username {
        take(draft, line, said, &name);
    } else if line.has(Rule::by_key) {
        if let Some(key) = key(draft, line) {
            add_key(draft, said, &name, key);
        }
    } else {
        define(draft, line, said, &name);
    }
}

/// The user of this name, known or new; tells where there are too many.
fn user<'d>(draft: &'d mut Draft<'_>, said: Said, name: &str) -> Option<&'d mut Named> {
    let users = &draft.whole.entrance.users;
    let at = match users.iter().position(|user| *user.name == *name) {
        Some(at) => at,
        None if users.len() >= USERS => {
            draft
                .error(said.word, "these are too many users".to_owned())
                .label = format!("expected at most {USERS} of them").into();
            return None;
        }
        None => {
            draft.whole.entrance.users.push(Named {
                name: name.into(),
                level: None,
                secret: None,
                keys: Vec::new(),
            });
            draft.whole.entrance.users.len() - 1
        }
    };
    draft.whole.entrance.users.get_mut(at)
}

fn define(draft: &mut Draft<'_>, line: Line<'_>, said: Said, name: &str) {
    let level = if line.has(Rule::may_view) {
        Level::View
    } else if line.has(Rule::may_operate) {
        Level::Operate
    } else {
        Level::Configure
    };
    let secret = match line.word(Rule::login_secret) {
        None => None,
        Some(word) => match secret(draft, line, word) {
            None => return,
            secret => secret,
        },
    };
    let Some(user) = user(draft, said, name) else {
        return;
    };
    let same_level = user.level.is_some_and(|(_, known)| known == level);
    let same_secret = match (&secret, &user.secret) {
        (None, _) => true,
        (Some(secret), Some((_, known))) => known == secret,
        (Some(_), None) => false,
    };
    if same_level && same_secret {
        return;
    }
    let level_line = user.level.replace((said, level)).map(|(at, _)| at.line);
    let secret_line = user.secret.as_ref().map(|(at, _)| at.line);
    let overridden = match secret {
        // The password that the line above says goes on holding.
        None => level_line.filter(|line| Some(*line) != secret_line),
        Some(secret) => {
            user.secret = Some((said, secret));
            level_line
        }
    };
    let secret_line = secret_line.filter(|_| !same_secret);
    for line in overridden.into_iter().chain(secret_line) {
        draft.overridden(line, said.line);
    }
}

/// The key that the line says, `TYPE BASE64`.
fn key(draft: &mut Draft<'_>, line: Line<'_>) -> Option<Box<str>> {
    let (of, body) = (line.word(Rule::key_type)?, line.word(Rule::key_text)?);
    let (ty, text) = (line.text(of), line.text(body));
    if !TYPES.contains(&&*ty) {
        let error = draft.error(of.span, "this type of key is not taken".to_owned());
        error.label = format!("expected `{}`", TYPES.join("`, `")).into();
        error.help = Some("`ssh-keygen -t ed25519` makes one".into());
        return None;
    }
    let decoded = STANDARD.decode(&*text).unwrap_or_default();
    // RFC 4253 §6.6: a key begins with its type, four bytes of length before it.
    let head = decoded.get(4..4 + ty.len());
    let length = decoded.get(..4) == Some(&(ty.len() as u32).to_be_bytes());
    let more = decoded.len() > 4 + ty.len();
    if text.len() > KEY_CHARS || !length || !more || head != Some(ty.as_bytes()) {
        draft
            .error(body.span, format!("this is no key of the type `{ty}`"))
            .label = "expected it as it stands in the file that ends in `.pub`".into();
        return None;
    }
    Some(format!("{ty} {text}").into())
}

fn add_key(draft: &mut Draft<'_>, said: Said, name: &str, key: Box<str>) {
    let Some(user) = user(draft, said, name) else {
        return;
    };
    if user.keys.iter().any(|(_, known)| *known == key) {
        return;
    }
    if user.keys.len() < KEYS {
        user.keys.push((said, key));
        return;
    }
    draft
        .error(said.word, format!("`{name}` has too many keys"))
        .label = format!("expected at most {KEYS} of them").into();
}

fn take(draft: &mut Draft<'_>, line: Line<'_>, said: Said, name: &str) {
    let users = &mut draft.whole.entrance.users;
    let Some(at) = users.iter().position(|user| *user.name == *name) else {
        return draft.nothing_to_undo(said, format!("there is no user `{name}` above"));
    };
    let user = &mut users[at];
    let found = if line.has(Rule::by_key) {
        take_keys(user, line)
    } else if line.has(Rule::by_secret) && !line.has(Rule::privilege) {
        user.secret.take().is_some()
    } else {
        users.remove(at);
        return;
    };
    if user.level.is_none() && user.keys.is_empty() {
        users.remove(at);
    }
    if !found {
        draft.nothing_to_undo(said, format!("no line above gives this to `{name}`"));
    }
}

/// Takes the key that the line says away, or all of the type, or all; returns whether there was one.
fn take_keys(user: &mut Named, line: Line<'_>) -> bool {
    let of = |rule| line.word(rule).map(|word| line.text(word));
    let (ty, text) = (of(Rule::key_type), of(Rule::key_text));
    let before = user.keys.len();
    user.keys.retain(|(_, key)| {
        let (known, body) = key.split_once(' ').unwrap_or_default();
        ty.as_deref().is_some_and(|ty| ty != known) || text.as_deref().is_some_and(|it| it != body)
    });
    user.keys.len() < before
}

pub(super) fn print(out: &mut Printer<'_>) {
    for user in &out.model().globals.console.users {
        let (name, level) = (&user.name, user.level.as_str());
        match &user.secret {
            None => out.line(format_args!("username {name} privilege {level}")),
            Some(secret) => out.line(format_args!(
                "username {name} privilege {level} secret {}",
                shown(secret)
            )),
        }
        for key in &user.keys {
            out.line(format_args!("username {name} key {key}"));
        }
    }
}
