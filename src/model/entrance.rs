//! The console under construction: where it listens and who may come.

use super::draft::{Draft, Said};
use super::whole::Blocks;
use super::{Console, Endpoint, Level, Secret, User};

/// What the lines say of the console.
#[derive(Debug, Default)]
pub(super) struct Entrance {
    pub(super) telnet: Option<(Said, Endpoint)>,
    pub(super) ssh: Option<(Said, Endpoint)>,
    pub(super) access: Blocks,
    pub(super) sessions: Option<(Said, u16)>,
    pub(super) idle_minutes: Option<(Said, u16)>,
    /// In the order of the first line that names each.
    pub(super) users: Vec<Named>,
    pub(super) enable: Option<(Said, Secret)>,
    pub(super) exec: Option<Said>,
}

/// A user, or a name that so far only has keys.
#[derive(Debug)]
pub(super) struct Named {
    pub(super) name: Box<str>,
    pub(super) level: Option<(Said, Level)>,
    pub(super) secret: Option<(Said, Secret)>,
    pub(super) keys: Vec<(Said, Box<str>)>,
}

impl Entrance {
    pub(super) fn done(self) -> Console {
        let default = Console::default();
        let users = self.users.into_iter().filter_map(|user| {
            Some(User {
                level: user.level?.1,
                name: user.name,
                secret: user.secret.map(|(_, secret)| secret),
                keys: user.keys.into_iter().map(|(_, key)| key).collect(),
            })
        });
        Console {
            telnet: self.telnet.map(|(_, at)| at),
            ssh: self.ssh.map(|(_, at)| at),
            users: users.collect(),
            access: self.access.done(),
            sessions: self.sessions.map_or(default.sessions, |(_, most)| most),
            idle_minutes: self
                .idle_minutes
                .map_or(default.idle_minutes, |(_, minutes)| minutes),
            enable: self.enable.map(|(_, secret)| secret),
            exec: self.exec.is_some(),
        }
    }

    /// Whether somebody can prove who he is over telnet, and over SSH.
    fn proofs(&self) -> (bool, bool) {
        let mut users = self.users.iter().filter(|user| user.level.is_some());
        let secret = users.clone().any(|user| user.secret.is_some());
        let key = users.any(|user| !user.keys.is_empty());
        (secret || self.enable.is_some(), secret || key)
    }
}

/// Tells of keys of nobody, and of a console that is open to the world.
pub(super) fn check(draft: &mut Draft<'_>) {
    let users = draft.whole.entrance.users.iter();
    let nobodies: Vec<(Said, Box<str>)> = users
        .filter(|user| user.level.is_none())
        .filter_map(|user| Some((user.keys.first()?.0, user.name.clone())))
        .collect();
    for (said, name) in nobodies {
        if draft.statements.is_broken(&name) {
            continue;
        }
        let error = draft.error(said.word, format!("nothing says what `{name}` may do"));
        error.label = "a key is of a user".into();
        error.help = Some(format!("write `username {name} privilege view`, say").into());
    }
    let entrance = &draft.whole.entrance;
    let (by_telnet, by_ssh) = entrance.proofs();
    for (service, what, proof) in [
        (entrance.telnet, "the console", by_telnet),
        (entrance.ssh, "the console over SSH", by_ssh),
    ] {
        if let Some((said, at)) = service {
            open(draft, said, at, what, proof);
        }
    }
}

/// Tells where a console that others than this host can reach lacks an access list or a password.
fn open(draft: &mut Draft<'_>, said: Said, at: Endpoint, what: &str, proof: bool) {
    let listed = !draft.whole.entrance.access.is_empty();
    if at.address.is_loopback() || (listed && proof) || !draft.statements.is_whole() {
        return;
    }
    let lacks = match (listed, proof) {
        (false, true) => "an access list",
        (true, false) => "a password",
        _ => "an access list and a password",
    };
    let access = (!listed).then_some("`telnet ADDRESS MASK`");
    let password = (!proof).then_some("`username NAME privilege configure secret SECRET`");
    let write: Vec<&str> = access.into_iter().chain(password).collect();
    let message = format!("{what} at `{}` lacks {lacks}", at.socket());
    let error = draft.error(said.word, message);
    error.label = "others than this host can reach it".into();
    error.help = Some(format!("write {}", write.join(" and ")).into());
}
