//! Times and numbers as tables and JSON have them.

use std::fmt::Display;

use jiff::Timestamp;

use super::Scene;
use crate::model::Intent;

/// What stands where there is nothing.
pub(super) const NOTHING: &str = "-";

/// `10:14:03`, or with the date where that is another day's.
pub(super) fn clock(scene: &Scene, at: Timestamp) -> String {
    let here = |at: Timestamp| at.to_zoned(scene.zone.0.clone());
    let (at, now) = (here(at), here(scene.now));
    let form = match at.date() == now.date() {
        true => "%H:%M:%S",
        false => "%Y-%m-%d %H:%M",
    };
    at.strftime(form).to_string()
}

/// Date and time of day.
pub(super) fn date(scene: &Scene, at: Timestamp) -> String {
    let at = at.to_zoned(scene.zone.0.clone());
    at.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

/// UTC, as RFC 3339 has it.
pub(super) fn iso(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// `3 days 04:05:06`.
pub(super) fn lasting(seconds: i64) -> String {
    let seconds = seconds.max(0);
    let clock = format!(
        "{:02}:{:02}:{:02}",
        seconds / 3600 % 24,
        seconds / 60 % 60,
        seconds % 60
    );
    match seconds / 86_400 {
        0 => clock,
        1 => format!("1 day {clock}"),
        days => format!("{days} days {clock}"),
    }
}

/// `12.3` a second.
pub(in crate::console) fn rate(rate: Option<f64>) -> String {
    match rate {
        None => NOTHING.to_owned(),
        Some(rate) if rate < 99.95 => format!("{rate:.1}"),
        Some(rate) => format!("{rate:.0}"),
    }
}

/// Two decimals are enough of a rate.
pub(super) fn rounded(rate: Option<f64>) -> Option<f64> {
    rate.map(|rate| (rate * 100.0).round() / 100.0)
}

/// Microseconds in milliseconds.
pub(in crate::console) fn ms(micros: Option<u32>) -> String {
    match micros {
        None => NOTHING.to_owned(),
        Some(micros) => format!("{:.1}", f64::from(micros) / 1000.0),
    }
}

/// Milliseconds for JSON.
pub(super) fn millis(micros: u32) -> f64 {
    f64::from(micros) / 1000.0
}

/// What there may not be.
pub(super) fn maybe(value: Option<impl Display>) -> String {
    value.map_or_else(|| NOTHING.to_owned(), |value| value.to_string())
}

/// What the operator wants, in the words of the language.
pub(super) const fn wanted(intent: Intent) -> &'static str {
    match intent {
        Intent::InService => "in-service",
        Intent::OutOfService => "out-of-service",
        Intent::Maintenance => "maintenance",
        Intent::Sticky => "sticky",
        Intent::Failed => "failed",
    }
}
