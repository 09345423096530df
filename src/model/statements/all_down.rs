//! `all-down VIRTUAL-ID refuse|last-good|URL-ID`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::AllDown;
use crate::model::draft::{Down, Draft, Value};
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::virtual_id) else {
        return;
    };
    let node = draft.refer(line, word);
    let url = line.word(Rule::url_id);
    let down = if line.has(Rule::last_good) {
        Some(Down::LastGood)
    } else {
        match url {
            Some(url) => draft.refer(line, url).map(Down::Url),
            None => Some(Down::Refuse),
        }
    };
    let Some(node) = node else { return };
    let said = said(line, word);
    match (line.rule, down) {
        (Rule::no_all_down, _) => draft.unset(node, said, &Value::AllDown(Down::Refuse), false),
        (_, Some(down)) => {
            let url = url.map(|word| word.span);
            draft.set(node, said, Value::AllDown(down), url);
        }
        (_, None) => {}
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for server in &out.model().virtuals {
        let what = match server.all_down {
            AllDown::Refuse => continue,
            AllDown::LastGood => "last-good".to_owned(),
            AllDown::Url(url) => out.id(url),
        };
        let id = out.endpoint(server.id);
        out.line(format_args!("all-down {id} {what}"));
    }
}
