//! Who is let in, and up.

use super::audit;
use super::converse::carried;
use super::executor::Desk;
use super::registry::address;
use crate::console::{Answer, Over};
use crate::model::Level;

/// Lets a user in by his password.
pub(super) async fn login(desk: &Desk, user: &str, password: &str) -> Answer {
    let console = desk.room.source.ground.borrow().console.clone();
    let known = console.users.iter().find(|known| *known.name == *user);
    let secret = known.and_then(|known| known.secret.as_ref());
    let from = address(&desk.author.from);
    let right = desk.room.login.check(from, secret, password).await;
    match known.filter(|_| right) {
        Some(known) => Answer::Allowed {
            user: known.name.clone(),
            level: known.level,
        },
        None => {
            audit::refused(
                known.map(|known| &*known.name),
                &desk.author.from,
                carried(Over::Telnet),
            );
            Answer::Denied("login incorrect".to_owned())
        }
    }
}

/// Leads to `#` by the one password of old.
pub(super) async fn enable(desk: &Desk, password: &str) -> Answer {
    let console = desk.room.source.ground.borrow().console.clone();
    if console.enable.is_none() {
        let why = "no `enable secret` is configured; log in as a user with a higher `privilege`";
        return Answer::Denied(why.to_owned());
    }
    let from = address(&desk.author.from);
    let secret = console.enable.as_ref();
    if desk.room.login.check(from, secret, password).await {
        Answer::Allowed {
            user: desk.author.user.clone(),
            level: Level::Configure,
        }
    } else {
        audit::refused(Some(&*desk.author.user), &desk.author.from, "`enable`");
        Answer::Denied("wrong password".to_owned())
    }
}
