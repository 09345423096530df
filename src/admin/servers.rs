//! What the writer knows as JSON: `GET /servers`.

use serde::Serialize;

use crate::control::{Farm, Standing};
use crate::decide::{Health, Millis, Readiness};
use crate::model::Intent;

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
    /// Both combined, and since when and why.
    state: &'static str,
    since: String,
    why: &'a str,
    intent: Wanted<'a>,
    measured: Measured<'a>,
    figures: Vec<Number<'a>>,
}

#[derive(Serialize)]
struct Wanted<'a> {
    is: &'static str,
    since: String,
    why: &'a str,
}

#[derive(Serialize)]
struct Measured<'a> {
    is: &'static str,
    since: String,
    why: &'a str,
    /// Whom an agent says that the server takes.
    readiness: &'static str,
    /// Percent of its weight.
    share: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    maxconns: Option<u32>,
}

#[derive(Serialize)]
struct Number<'a> {
    name: &'a str,
    value: f64,
    source: &'a str,
    at: String,
    expires: String,
}

/// The document, with times of day in UTC (RFC 3339).
pub(super) fn render(standings: &[Standing], farm: &Farm) -> Vec<u8> {
    let time = |at: Millis| format!("{:.3}", farm.time_of_day(at));
    let servers = standings.iter().map(|standing| {
        let figures = standing.figures.iter().map(|figure| Number {
            name: &figure.name,
            value: figure.value,
            source: &figure.source,
            at: time(figure.at),
            expires: time(figure.expires),
        });
        let (intent, measured) = (&standing.intent, &standing.measured);
        Server {
            id: standing.id.to_string(),
            kind: standing.kind.as_str(),
            state: standing.state.is.as_str(),
            since: time(standing.state.since),
            why: &standing.state.why,
            intent: Wanted {
                is: intent_word(intent.is),
                since: time(intent.since),
                why: &intent.why,
            },
            measured: Measured {
                is: health_word(measured.is.health),
                since: time(measured.since),
                why: &measured.why,
                readiness: readiness_word(measured.is.readiness),
                share: measured.is.share,
                maxconns: measured.is.maxconns,
            },
            figures: figures.collect(),
        }
    });
    let document = Document {
        now: time(farm.now()),
        servers: servers.collect(),
    };
    // Texts and finite numbers alone: it cannot fail.
    let mut json = serde_json::to_vec_pretty(&document).unwrap_or_default();
    json.push(b'\n');
    json
}

const fn intent_word(intent: Intent) -> &'static str {
    match intent {
        Intent::InService => "in-service",
        Intent::OutOfService => "out-of-service",
        Intent::Maintenance => "maintenance",
        Intent::Sticky => "sticky",
        Intent::Failed => "failed",
    }
}

const fn health_word(health: Health) -> &'static str {
    match health {
        Health::Up => "up",
        Health::Failed => "failed",
        Health::Testing => "testing",
    }
}

const fn readiness_word(readiness: Readiness) -> &'static str {
    match readiness {
        Readiness::Ready => "ready",
        Readiness::Drain => "drain",
        Readiness::Maint => "maint",
    }
}
