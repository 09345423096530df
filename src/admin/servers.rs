//! What the writer knows as JSON: `GET /servers`.

use std::time::{Duration, SystemTime};

use serde::Serialize;

use super::scene::{Fact, Moment, Sight};
use crate::decide::Millis;

/// The document; its fields are its names.
#[derive(Serialize)]
struct Document<'a> {
    now: String,
    servers: Vec<Server<'a>>,
}

#[derive(Serialize)]
struct Server<'a> {
    id: String,
    kind: &'static str,
    state: &'static str,
    intent: Told<'a>,
    measured: Told<'a>,
    figures: Vec<Number<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    is: &'static str,
    since: String,
    #[serde(skip_serializing_if = "str::is_empty")]
    why: &'a str,
}

#[derive(Serialize)]
struct Number<'a> {
    name: &'a str,
    value: f64,
    source: &'a str,
    at: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
}

/// The document, with times of day in UTC (RFC 3339).
pub(super) fn render(sight: &Sight, moment: Moment) -> Vec<u8> {
    let fact = |fact: &'_ Fact| (fact.word, moment.time(fact.since));
    let servers = sight.standings.iter().map(|standing| {
        let told = |of| {
            let (is, since) = fact(of);
            Told {
                is,
                since,
                why: &of.why,
            }
        };
        let figures = standing.figures.iter().map(|figure| Number {
            name: &figure.name,
            value: figure.value,
            source: &figure.source,
            at: moment.time(figure.at),
            expires: figure.expires.map(|at| moment.time(at)),
        });
        Server {
            id: standing.id.to_string(),
            kind: standing.kind.as_str(),
            state: standing.state,
            intent: told(&standing.intent),
            measured: told(&standing.measured),
            figures: figures.collect(),
        }
    });
    let document = Document {
        now: moment.time(moment.now),
        servers: servers.collect(),
    };
    // Texts and finite numbers alone: it cannot fail.
    let mut json = serde_json::to_vec_pretty(&document).unwrap_or_default();
    json.push(b'\n');
    json
}

impl Moment {
    /// The time of day at `at`, to the millisecond.
    pub(super) fn time(self, at: Millis) -> String {
        let time = match self.now.0.checked_sub(at.0) {
            Some(ago) => self.wall.checked_sub(Duration::from_millis(ago)),
            None => self
                .wall
                .checked_add(Duration::from_millis(at.0 - self.now.0)),
        };
        let time = time.unwrap_or(SystemTime::UNIX_EPOCH);
        match jiff::Timestamp::try_from(time) {
            Ok(time) => format!("{time:.3}"),
            Err(_) => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::scene::{Figure, Kind, Standing};
    use super::*;
    use crate::model::{Endpoint, Id};

    #[test]
    fn each_fact_has_its_time_and_its_reason() {
        let fact = |word, since, why: &str| Fact {
            word,
            since: Millis(since),
            why: why.to_owned(),
        };
        let standing = Standing {
            id: Id::Endpoint(Endpoint::new([10, 0, 0, 1].into(), Endpoint::HTTP)),
            kind: Kind::Real,
            state: "FAILED",
            intent: fact("in-service", 0, ""),
            measured: fact("FAILED", 4_000, "connect refused \"twice\""),
            figures: vec![Figure {
                name: "users".to_owned(),
                value: 2.5,
                source: "agent".to_owned(),
                at: Millis(9_000),
                expires: Some(Millis(12_000)),
            }],
        };
        let sight = Sight {
            standings: vec![standing],
            ..Sight::default()
        };
        let moment = Moment {
            now: Millis(10_000),
            wall: SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000),
        };
        let json: serde_json::Value =
            serde_json::from_slice(&render(&sight, moment)).expect("JSON");
        assert_eq!(json["now"], "1970-01-12T13:46:40.000Z");
        let server = &json["servers"][0];
        assert_eq!(server["id"], "10.0.0.1");
        assert_eq!(server["intent"]["since"], "1970-01-12T13:46:30.000Z");
        assert_eq!(server["intent"].get("why"), None);
        assert_eq!(server["measured"]["since"], "1970-01-12T13:46:34.000Z");
        assert_eq!(server["measured"]["why"], "connect refused \"twice\"");
        assert_eq!(server["figures"][0]["value"], 2.5);
        assert_eq!(server["figures"][0]["expires"], "1970-01-12T13:46:42.000Z");
    }
}
