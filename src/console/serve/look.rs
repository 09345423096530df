//! What is shown: tables of a scene, and the texts of configurations.

use jiff::Timestamp;
use tokio::task::spawn_blocking;

use super::changes;
use super::commands::Asked;
use super::converse::carried;
use super::executor::Desk;
use crate::console::{Question, Scene, SessionSeen, UserSeen, What, show as shown};
use crate::control::{Which, Wish};
use crate::model::Level;

/// Shows a part of how everything stands.
pub(super) async fn show(desk: &Desk, asked: &Asked) -> Result<String, String> {
    let what = What::of(&asked.command);
    let mut scene = desk
        .room
        .ask(|reply| Question::Scene { what, reply })
        .await?;
    fill(desk, &mut scene, asked).await?;
    let (command, json, columns) = (asked.command.clone(), asked.json, asked.columns);
    // Of a large farm it takes its time.
    spawn_blocking(move || shown(&command, &scene, json, columns))
        .await
        .unwrap_or_else(|_| Err("showing ended early".to_owned()))
}

/// What only the console, or who keeps the configuration's life, knows.
async fn fill(desk: &Desk, scene: &mut Scene, asked: &Asked) -> Result<(), String> {
    let room = &desk.room;
    let name = &*asked.command.name;
    let everything = name == "show_tech_support";
    let lines = asked.command.word("lines").and_then(|n| n.parse().ok());
    let log = room.source.log.last(lines.unwrap_or(usize::MAX));
    scene.log = log.iter().map(|line| line.to_string()).collect();
    scene.sessions = sessions(desk);
    let console = room.source.ground.borrow().console.clone();
    scene.users = console
        .users
        .iter()
        .map(|user| UserSeen {
            name: user.name.clone(),
            level: user.level,
            secret: user.secret.is_some(),
            keys: user.keys.len(),
        })
        .collect();
    let state = room.wish(|reply| Wish::State { reply }).await?;
    scene.director.saved = state.saved;
    scene.director.generation = state.generation;
    let startup = state.startup.map(|path| path.display().to_string());
    scene.director.startup = startup.unwrap_or_default();
    scene.director.confirm = state
        .confirm
        .map(|(seconds, author)| (seconds, author.user.to_string()));
    if everything || name == "show_archive" {
        scene.archive = room.wish(|reply| Wish::Archive { reply }).await?;
    }
    if everything {
        let masked = !asked.secrets || desk.level < Level::Configure;
        scene.running = changes::text(desk, Which::Running, masked).await?;
    }
    Ok(())
}

fn sessions(desk: &Desk) -> Vec<SessionSeen> {
    let now = Timestamp::now();
    let all = desk.room.registry.all();
    all.into_iter()
        .map(|sitting| SessionSeen {
            number: sitting.number,
            user: sitting.user.map(String::from).unwrap_or_default(),
            level: sitting.level,
            from: sitting.from.into(),
            over: carried(sitting.over),
            since: sitting.since,
            idle_s: u64::try_from(now.duration_since(sitting.active).as_secs()).unwrap_or(0),
            own: sitting.number == desk.author.session,
        })
        .collect()
}

/// A configuration's text.
pub(super) async fn text(desk: &Desk, which: Which, asked: &Asked) -> Result<String, String> {
    let masked = !asked.secrets || desk.level < Level::Configure;
    let text = changes::text(desk, which, masked).await?;
    if !asked.json {
        return Ok(text);
    }
    let lines: Vec<&str> = text.lines().collect();
    Ok(serde_json::json!({ "lines": lines }).to_string())
}
