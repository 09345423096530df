//! `show limits`: what bounds clients and servers, and how often it did.

use serde::Serialize;

use super::Scene;
use super::table::{Column, Table, numbers, texts, words};
use crate::model::Limit;

/// So narrow may be cut what a limit bounds.
const BOUNDS: usize = 16;

const LIMITS: [Column; 7] = [
    words("Limit"),
    numbers("Value"),
    numbers("Default"),
    words("Unit"),
    words("Range"),
    numbers("Hits"),
    texts("Bounds", BOUNDS),
];

pub(super) fn table(scene: &Scene) -> Table {
    let mut table = Table::new(&LIMITS);
    for (limit, value, hits) in &scene.limits {
        let (least, most) = limit.range();
        table.row([
            limit.as_str().to_owned(),
            value.to_string(),
            limit.default().to_string(),
            limit.unit().to_owned(),
            format!("{least}-{most}"),
            hits.to_string(),
            limit.help().to_owned(),
        ]);
    }
    table
}

#[derive(Serialize)]
struct LimitJson {
    limit: &'static str,
    value: u32,
    default: u32,
    unit: &'static str,
    least: u32,
    most: u32,
    hits: u64,
}

pub(super) fn json(scene: &Scene) -> impl Serialize + '_ {
    let one = |(limit, value, hits): &(Limit, u32, u64)| LimitJson {
        limit: limit.as_str(),
        value: *value,
        default: limit.default(),
        unit: limit.unit(),
        least: limit.range().0,
        most: limit.range().1,
        hits: *hits,
    };
    scene.limits.iter().map(one).collect::<Vec<_>>()
}
