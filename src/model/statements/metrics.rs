//! `metrics [ENDPOINT]`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Said};
use crate::model::print::Printer;
use crate::model::{Endpoint, METRICS_AT, whole};

const DEFAULT: Endpoint = Endpoint::new(METRICS_AT.0, METRICS_AT.1);

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let whole = Said {
        line: line.index,
        word: line.span(),
    };
    if line.rule == Rule::no_metrics {
        if draft.whole.metrics.take().is_none() {
            draft.nothing_to_undo(whole, "no line above asks for metrics".to_owned());
        }
        return;
    }
    let Some(word) = line.word(Rule::endpoint) else {
        return set(draft, whole, DEFAULT);
    };
    if let Some(at) = whole::service_at(draft, line, word, DEFAULT.port) {
        set(draft, said(line, word), at);
    }
}

fn set(draft: &mut Draft<'_>, said: Said, at: Endpoint) {
    match draft.whole.metrics {
        Some((_, before)) if before == at => return,
        Some((before, _)) => draft.overridden(before.line, said.line),
        None => {}
    }
    draft.whole.metrics = Some((said, at));
}

pub(super) fn print(out: &mut Printer<'_>) {
    match out.model().globals.metrics {
        None => {}
        Some(DEFAULT) => out.line(format_args!("metrics")),
        // The port is always written: left out it would not be 80 here.
        Some(at) => {
            let address = out.address(at.address);
            out.line(format_args!("metrics {address}:{}", at.port));
        }
    }
}
