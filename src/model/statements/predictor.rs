//! `predictor VIRTUAL-ID NAME [slowstart SECONDS]`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;
use crate::model::{HashKey, Predictor};

/// The longest slow start: a day.
const SECONDS: u32 = 86_400;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::virtual_id) else {
        return;
    };
    let Some(node) = draft.refer(line, word) else {
        return;
    };
    let said = said(line, word);
    if line.rule == Rule::no_predictor {
        return draft.unset(
            node,
            said,
            &Value::Predictor(Predictor::default(), 0),
            false,
        );
    }
    let slowstart_s = match line.word(Rule::seconds) {
        Some(word) => draft.number(line, word, 0, SECONDS),
        None => 0,
    };
    let predictor = line.words().iter().find_map(|word| predictor(word.rule));
    if let Some(predictor) = predictor {
        draft.set(node, said, Value::Predictor(predictor, slowstart_s), None);
    }
}

fn predictor(rule: Rule) -> Option<Predictor> {
    Some(match rule {
        Rule::roundrobin => Predictor::RoundRobin,
        Rule::weighted => Predictor::Weighted,
        Rule::random => Predictor::Random,
        Rule::leastconns => Predictor::LeastConns,
        Rule::loaded => Predictor::Loaded,
        Rule::fastest => Predictor::Fastest,
        Rule::source => Predictor::Hash(HashKey::Source),
        Rule::host => Predictor::Hash(HashKey::Host),
        Rule::path => Predictor::Hash(HashKey::Path),
        _ => return None,
    })
}

pub(super) fn print(out: &mut Printer<'_>) {
    for server in &out.model().virtuals {
        let (id, words) = (out.endpoint(server.id), server.predictor.as_str());
        match (server.predictor, server.slowstart_s) {
            (Predictor::RoundRobin, 0) => {}
            (_, 0) => out.line(format_args!("predictor {id} {words}")),
            (_, s) => out.line(format_args!("predictor {id} {words} slowstart {s}")),
        }
    }
}
