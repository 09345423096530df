//! What the writer tells the admin room and the operator's terminal.

use std::collections::HashSet;
use std::fmt::Write;
use std::sync::Arc;

use jiff::tz::TimeZone;

use crate::admin::{Part, Question};
use crate::control::Writer;
use crate::model::{Id, Model};

/// States that are told at a stretch: some milliseconds of the writer's time.
const STATES: usize = 2_048;

/// Standings that are told at a stretch; each takes as long as ten states, for its words.
const STANDINGS: usize = 256;

/// The urls of `model` that are linked to nothing.
pub(super) fn unlinked(model: &Model) -> Arc<HashSet<Id>> {
    let urls = model.urls.iter().filter(|u| u.link.is_none());
    Arc::new(urls.map(|u| Id::Url(u.id.clone())).collect())
}

/// Answers a question of the admin room.
pub(super) fn tell(writer: &Writer, unlinked: &Arc<HashSet<Id>>, question: Question) {
    // Who asked may have given up.
    match question {
        Question::States(from, reply) => {
            drop(reply.send(part(writer.some_states(from, STATES), STATES, unlinked)));
        }
        Question::Standings(from, reply) => {
            let some = writer.some_standings(from, STANDINGS);
            drop(reply.send(part(some, STANDINGS, unlinked)));
        }
    }
}

fn part<T>(some: Vec<T>, most: usize, unlinked: &Arc<HashSet<Id>>) -> Part<T> {
    Part {
        last: some.len() < most,
        some,
        unlinked: Arc::clone(unlinked),
    }
}

/// A table of every server's state, since when and why.
pub(super) fn table(writer: &Writer) -> String {
    let here = TimeZone::system();
    let rows: Vec<[String; 5]> = writer
        .standings()
        .into_iter()
        .map(|standing| {
            let state = standing.state;
            let since = writer.farm().time_of_day(state.since);
            let since = since.to_zoned(here.clone());
            [
                standing.id.to_string(),
                standing.kind.as_str().to_owned(),
                state.is.as_str().to_owned(),
                since.strftime("%Y-%m-%d %H:%M:%S").to_string(),
                state.why,
            ]
        })
        .collect();
    let names = ["server", "kind", "state", "since", "why"].map(str::to_owned);
    let mut widths = [0; 5];
    for row in rows.iter().chain([&names]) {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let mut table = String::new();
    for row in [&names].into_iter().chain(&rows) {
        let [a, b, c, d, _] = widths;
        let [server, kind, state, since, why] = row;
        // Writing to a text cannot fail.
        let _ = writeln!(
            table,
            "{server:a$}  {kind:b$}  {state:c$}  {since:d$}  {why}"
        );
    }
    table
}
