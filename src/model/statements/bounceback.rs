//! `bounceback VIRTUAL-ID on|observe|off [SECONDS [CLIENTS]]`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::BounceBack;
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;

/// How long a client may take to come back, in seconds, where no line says.
const SECONDS: u8 = 5;
/// The longest such time.
const MOST_SECONDS: u8 = 60;
/// How many clients make a server suspect where no line says.
const CLIENTS: u8 = 3;
/// As few and as many as can be told apart.
const CLIENTS_RANGE: (u8, u8) = (2, 8);

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::virtual_id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    if line.rule == Rule::no_bounceback {
        return draft.unset(node, said(line, word), &Value::BounceBack(None), false);
    }
    let mut number = |rule, from: u8, to: u8, usual| match line.word(rule) {
        Some(word) => u8::try_from(draft.number(line, word, from.into(), to.into())).unwrap_or(to),
        None => usual,
    };
    let back = BounceBack {
        observe: line.has(Rule::observe),
        seconds: number(Rule::seconds, 1, MOST_SECONDS, SECONDS),
        clients: number(Rule::clients, CLIENTS_RANGE.0, CLIENTS_RANGE.1, CLIENTS),
    };
    let back = (!line.has(Rule::off)).then_some(back);
    draft.set(node, said(line, word), Value::BounceBack(back), None);
}

pub(super) fn print(out: &mut Printer<'_>) {
    for server in &out.model().virtuals {
        let Some(back) = server.bounceback else {
            continue;
        };
        let how = if back.observe { "observe" } else { "on" };
        let numbers = match (back.seconds, back.clients) {
            (SECONDS, CLIENTS) => String::new(),
            (seconds, CLIENTS) => format!(" {seconds}"),
            (seconds, clients) => format!(" {seconds} {clients}"),
        };
        let id = out.endpoint(server.id);
        out.line(format_args!("bounceback {id} {how}{numbers}"));
    }
}
