//! `backup ID BACKUP-ID`.

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Value};
use crate::model::print::Printer;
use crate::model::{Model, Ref};

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::id) else {
        return;
    };
    let node = draft.refer(line, word);
    let other = line.word(Rule::backup_id);
    let by = other.and_then(|word| draft.refer(line, word));
    let Some(node) = node else { return };
    let said = said(line, word);
    match (line.rule, by) {
        (Rule::backup, Some(by)) => {
            draft.set(node, said, Value::Backup(by), other.map(|word| word.span))
        }
        (Rule::no_backup, by) if other.is_none() || by.is_some() => {
            let like = Value::Backup(by.unwrap_or_default());
            draft.unset(node, said, &like, by.is_some());
        }
        _ => {}
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    for (of, by) in backups(out.model()) {
        let (of, by) = (out.id(of), out.id(by));
        out.line(format_args!("backup {of} {by}"));
    }
}

fn backups(model: &Model) -> impl Iterator<Item = (Ref, Ref)> {
    let virtuals = (0..)
        .map(Ref::Virtual)
        .zip(model.virtuals.iter().map(|v| v.backup));
    let reals = (0..)
        .map(Ref::Real)
        .zip(model.reals.iter().map(|r| r.serving.backup));
    let dips = (0..)
        .map(Ref::Dip)
        .zip(model.dips.iter().map(|d| d.serving.backup));
    let urls = (0..).map(Ref::Url).zip(model.urls.iter().map(|u| u.backup));
    let all = virtuals.chain(reals).chain(dips).chain(urls);
    all.filter_map(|(of, by)| Some((of, by?)))
}
