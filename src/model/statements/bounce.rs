//! `bounce VIRTUAL-ID [PERCENT] [times N]`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::Bounce;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

const DEFAULT: Bounce = Bounce {
    percent: 80,
    times: 1,
};

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::virtual_id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::no_bounce {
        return draft.unset(node, said(line, word), &Value::Bounce(DEFAULT), false);
    }
    let mut number = |rule, most: u8, usual| match line.word(rule) {
        Some(word) => u8::try_from(draft.number(line, word, 1, most.into())).unwrap_or(most),
        None => usual,
    };
    let bounce = Bounce {
        percent: number(Rule::percent, 100, DEFAULT.percent),
        times: number(Rule::number, u8::MAX, DEFAULT.times),
    };
    draft.set(node, said(line, word), Value::Bounce(bounce), None);
}

pub(super) fn print(out: &mut Printer<'_>) {
    for server in &out.model().virtuals {
        let Some(Bounce { percent, times }) = server.bounce else {
            continue;
        };
        let mut line = format!("bounce {}", out.endpoint(server.id));
        if percent != DEFAULT.percent {
            line.push_str(&format!(" {percent}"));
        }
        if times != DEFAULT.times {
            line.push_str(&format!(" times {times}"));
        }
        out.line(format_args!("{line}"));
    }
}
