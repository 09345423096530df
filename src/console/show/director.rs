//! `show version`, `who`, `users`, `archive`, `log`: the director itself and its console.

use std::fmt::Write;

use serde::Serialize;

use super::Scene;
use super::table::{Column, Table, numbers, plain, texts, words};
use super::words::{date, iso, lasting};

/// Seconds since it started.
fn uptime_s(scene: &Scene) -> i64 {
    let since = scene.now.duration_since(scene.director.started);
    since.as_secs().max(0)
}

pub(super) fn version(scene: &Scene) -> String {
    let about = &scene.director;
    let mut text = format!("Signpost {}", about.version);
    if !about.features.is_empty() {
        let _ = write!(text, " ({})", about.features.join(", "));
    }
    let [in_force, refused] = about.reloads;
    // Writing to a text cannot fail.
    let _ = write!(
        text,
        "\n{} is up for {}, since {}\nProcess {} with {} workers\n",
        about.hostname,
        lasting(uptime_s(scene)),
        date(scene, about.started),
        about.process,
        about.workers,
    );
    let saved = match about.saved {
        true => "stored",
        false => "not stored",
    };
    let _ = write!(
        text,
        "Configuration: generation {}, {saved}",
        about.generation
    );
    if !about.startup.is_empty() {
        let _ = write!(text, ", starts from {}", about.startup);
    }
    let _ = writeln!(text, "; reloads: {in_force} in force, {refused} refused");
    if let Some((seconds, author)) = &about.confirm {
        let _ = writeln!(
            text,
            "It goes back in {} unless {author} confirms it",
            lasting(i64::try_from(*seconds).unwrap_or(i64::MAX))
        );
    }
    for (at, what) in &about.listeners {
        let _ = writeln!(text, "Listening at {} ({what})", at.socket());
    }
    text.lines()
        .map(|line| plain(line.to_owned()) + "\n")
        .collect()
}

#[derive(Serialize)]
struct VersionJson<'a> {
    name: &'static str,
    version: &'a str,
    features: &'a [&'static str],
    hostname: &'a str,
    started: String,
    uptime_seconds: i64,
    process: u32,
    workers: usize,
    generation: u64,
    saved: bool,
    startup: &'a str,
    confirm_seconds: Option<u64>,
    confirm_by: Option<&'a str>,
    reloads: u64,
    reloads_refused: u64,
    listeners: Vec<Listener>,
}

#[derive(Serialize)]
struct Listener {
    at: String,
    #[serde(rename = "for")]
    what: &'static str,
}

pub(super) fn version_json(scene: &Scene) -> impl Serialize + '_ {
    let about = &scene.director;
    let listeners = about.listeners.iter().map(|(at, what)| Listener {
        at: at.socket().to_string(),
        what,
    });
    [VersionJson {
        name: "signpost",
        version: &about.version,
        features: &about.features,
        hostname: &about.hostname,
        started: iso(about.started),
        uptime_seconds: uptime_s(scene),
        process: about.process,
        workers: about.workers,
        generation: about.generation,
        saved: about.saved,
        startup: &about.startup,
        confirm_seconds: about.confirm.as_ref().map(|(seconds, _)| *seconds),
        confirm_by: about.confirm.as_ref().map(|(_, author)| &**author),
        reloads: about.reloads[0],
        reloads_refused: about.reloads[1],
        listeners: listeners.collect(),
    }]
}

const WHO: [Column; 8] = [
    words(""),
    numbers("Session"),
    words("User"),
    words("Level"),
    words("From"),
    words("Over"),
    words("Since"),
    words("Idle"),
];

pub(super) fn who(scene: &Scene) -> Table {
    let mut table = Table::new(&WHO);
    for session in &scene.sessions {
        table.row([
            if session.own { "*" } else { "" }.to_owned(),
            session.number.to_string(),
            session.user.clone(),
            session.level.as_str().to_owned(),
            session.from.clone(),
            session.over.to_owned(),
            date(scene, session.since),
            lasting(i64::try_from(session.idle_s).unwrap_or(i64::MAX)),
        ]);
    }
    table
}

#[derive(Serialize)]
struct SessionJson<'a> {
    session: u64,
    user: &'a str,
    level: &'static str,
    from: &'a str,
    over: &'static str,
    since: String,
    idle_seconds: u64,
    own: bool,
}

pub(super) fn who_json(scene: &Scene) -> impl Serialize + '_ {
    let json = scene.sessions.iter().map(|session| SessionJson {
        session: session.number,
        user: &session.user,
        level: session.level.as_str(),
        from: &session.from,
        over: session.over,
        since: iso(session.since),
        idle_seconds: session.idle_s,
        own: session.own,
    });
    json.collect::<Vec<_>>()
}

const USERS: [Column; 4] = [
    words("User"),
    words("Privilege"),
    words("Password"),
    numbers("Keys"),
];

pub(super) fn users(scene: &Scene) -> Table {
    let mut table = Table::new(&USERS);
    for user in &scene.users {
        table.row([
            user.name.to_string(),
            user.level.as_str().to_owned(),
            if user.secret { "yes" } else { "no" }.to_owned(),
            user.keys.to_string(),
        ]);
    }
    table
}

#[derive(Serialize)]
struct UserJson<'a> {
    user: &'a str,
    privilege: &'static str,
    password: bool,
    keys: usize,
}

pub(super) fn users_json(scene: &Scene) -> impl Serialize + '_ {
    let json = scene.users.iter().map(|user| UserJson {
        user: &user.name,
        privilege: user.level.as_str(),
        password: user.secret,
        keys: user.keys,
    });
    json.collect::<Vec<_>>()
}

const ARCHIVE: [Column; 6] = [
    numbers("N"),
    words("At"),
    words("By"),
    words("From"),
    numbers("Lines"),
    texts("Why", 8),
];

pub(super) fn archive(scene: &Scene) -> Table {
    let mut table = Table::new(&ARCHIVE);
    for kept in &scene.archive {
        table.row([
            kept.number.to_string(),
            date(scene, kept.at),
            kept.user.clone(),
            kept.from.clone(),
            kept.lines.to_string(),
            kept.why.clone(),
        ]);
    }
    table
}

#[derive(Serialize)]
struct KeptJson<'a> {
    number: usize,
    at: String,
    user: &'a str,
    from: &'a str,
    lines: usize,
    why: &'a str,
}

pub(super) fn archive_json(scene: &Scene) -> impl Serialize + '_ {
    let json = scene.archive.iter().map(|kept| KeptJson {
        number: kept.number,
        at: iso(kept.at),
        user: &kept.user,
        from: &kept.from,
        lines: kept.lines,
        why: &kept.why,
    });
    json.collect::<Vec<_>>()
}

/// Lines as they are, but for what a terminal would obey.
pub(super) fn lines(lines: &[String]) -> String {
    let shown = lines.iter().map(|line| plain(line.clone()) + "\n");
    shown.collect()
}

#[derive(Serialize)]
struct LineJson<'a> {
    line: &'a str,
}

pub(super) fn lines_json(lines: &[String]) -> impl Serialize + '_ {
    let json = lines.iter().map(|line| LineJson { line });
    json.collect::<Vec<_>>()
}

/// The last lines of the log: as many as were asked for.
pub(super) fn last<'a>(scene: &'a Scene, count: Option<&str>) -> Result<&'a [String], String> {
    let all = &scene.log;
    let Some(count) = count else {
        return Ok(all);
    };
    let count: usize = count
        .parse()
        .map_err(|_| format!("`{}` is no number of lines", plain(count.to_owned())))?;
    Ok(&all[all.len().saturating_sub(count)..])
}
