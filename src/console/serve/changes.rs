//! Changes of the configuration, all by the one writer.

use std::fmt::Write;

use tokio::task::spawn_blocking;

use super::executor::Desk;
use crate::console::{Answer, diff};
use crate::control::{Applied, CONSOLE, Which, Wish, rendered};
use crate::language::Style;
use crate::model::Running;

/// Puts one statement into force.
pub(super) async fn configure(desk: &Desk, line: &str) -> Result<String, String> {
    add(desk, line.to_owned(), "typed").await
}

/// Puts lines into force behind what runs.
pub(super) async fn add(desk: &Desk, lines: String, why: &'static str) -> Result<String, String> {
    apply(desk, lines, false, why).await
}

/// Puts a whole configuration into force.
pub(super) async fn replace(
    desk: &Desk,
    lines: String,
    why: &'static str,
) -> Result<String, String> {
    apply(desk, lines, true, why).await
}

async fn apply(
    desk: &Desk,
    lines: String,
    whole: bool,
    why: &'static str,
) -> Result<String, String> {
    let author = desk.author.clone();
    let wish = |reply| Wish::Apply {
        lines,
        whole,
        confirm_minutes: None,
        only: None,
        why,
        author,
        reply,
    };
    Ok(desk.room.wish(wish).await?.said)
}

/// Puts a candidate's lines into force.
pub(super) async fn commit(
    desk: &Desk,
    lines: &[Box<str>],
    generation: u64,
    confirm_minutes: Option<u16>,
) -> Result<String, String> {
    let author = desk.author.clone();
    let wish = |reply| Wish::Apply {
        lines: lines.join("\n"),
        whole: false,
        confirm_minutes,
        only: Some(generation),
        why: "commit",
        author,
        reply,
    };
    let applied = desk.room.wish(wish).await?;
    Ok(committed(&applied, confirm_minutes))
}

/// What is said of a change that is in force.
pub(super) fn committed(applied: &Applied, confirm_minutes: Option<u16>) -> String {
    let mut said = applied.said.clone();
    if !said.is_empty() && !said.ends_with('\n') {
        said.push('\n');
    }
    // Writing to a text cannot fail.
    let _ = match confirm_minutes.filter(|_| applied.changed) {
        Some(minutes) => write!(
            said,
            "in force for {minutes} minute{}: `confirm` keeps it, else what ran before comes back",
            if minutes == 1 { "" } else { "s" }
        ),
        None if applied.changed => write!(said, "in force"),
        None => write!(said, "nothing is different"),
    };
    said
}

/// Begins a candidate.
pub(super) async fn begin(desk: &Desk, exclusive: bool) -> Answer {
    let room = &desk.room;
    let author = desk.author.clone();
    if exclusive && let Err(why) = room.wish(|reply| Wish::Lock { author, reply }).await {
        return Answer::Denied(why);
    }
    match room.wish(|reply| Wish::State { reply }).await {
        Ok(state) => Answer::Begun(state.generation),
        Err(why) => Answer::Denied(why),
    }
}

/// A configuration's text.
pub(super) async fn text(desk: &Desk, which: Which, masked: bool) -> Result<String, String> {
    let wish = |reply| Wish::Text {
        which,
        masked,
        reply,
    };
    desk.room.wish(wish).await
}

/// What runs, with a candidate's lines behind it, and what is to be said of them.
async fn proposed(desk: &Desk, lines: Vec<Box<str>>) -> Result<(Running, Running, String), String> {
    let running = text(desk, Which::Running, false).await?;
    let proposed = spawn_blocking(move || {
        let (running, told) = Running::read("running-config", running.as_bytes());
        let running = running.ok_or_else(|| told.report(Style::Plain))?;
        let lines = lines.join("\n");
        match running.with(&lines) {
            Ok((with, warnings)) => Ok((running, with, rendered(CONSOLE, &warnings))),
            Err(errors) => Err(rendered(CONSOLE, &errors)),
        }
    });
    proposed
        .await
        .unwrap_or_else(|_| Err("checking ended early".to_owned()))
}

/// Whether a candidate's lines hold, and what there is to say of them that was not said of those before the last.
pub(super) async fn check(desk: &Desk, mut lines: Vec<Box<str>>) -> Result<String, String> {
    let (_, _, told) = proposed(desk, lines.clone()).await?;
    lines.pop();
    if told.is_empty() || lines.is_empty() {
        return Ok(told);
    }
    let (_, _, before) = proposed(desk, lines).await?;
    Ok(only_new(&told, &before))
}

/// The diagnostics of `told` that are not in `before`.
fn only_new(told: &str, before: &str) -> String {
    let known: Vec<&str> = apart(before);
    let new = apart(told).into_iter().filter(|one| !known.contains(one));
    new.collect()
}

/// Rendered diagnostics one by one: each begins at the left edge, its further lines are set in.
fn apart(text: &str) -> Vec<&str> {
    let mut all = Vec::new();
    let (mut from, mut at) = (0, 0);
    for line in text.split_inclusive('\n') {
        if at > from && line.starts_with(|c: char| c.is_ascii_alphabetic()) {
            all.push(&text[from..at]);
            from = at;
        }
        at += line.len();
    }
    if at > from {
        all.push(&text[from..at]);
    }
    all
}

/// What a candidate's lines would change.
pub(super) async fn candidate(desk: &Desk, lines: Vec<Box<str>>) -> Result<String, String> {
    if lines.is_empty() {
        return Ok("no line was gathered".to_owned());
    }
    let (running, with, _) = proposed(desk, lines).await?;
    let told = differ(running.masked(), with.masked()).await?;
    if told.is_empty() {
        return Ok("the gathered lines change nothing".to_owned());
    }
    Ok(told)
}

/// What has to go and to come to make the second text of the first.
pub(super) async fn differ(before: String, after: String) -> Result<String, String> {
    let differ = spawn_blocking(move || diff(&before, &after));
    differ.await.map_err(|_| "comparing ended early".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_changes_nothing_waits_for_no_confirmation() {
        let applied = |changed| Applied {
            said: String::new(),
            changed,
            generation: 1,
        };
        assert_eq!(committed(&applied(false), Some(5)), "nothing is different");
        assert!(committed(&applied(true), Some(5)).starts_with("in force for 5 minutes"));
        assert_eq!(committed(&applied(true), None), "in force");
    }
}
