//! Paths of files, as statements name them.

use crate::language::{Line, Word};
use crate::model::draft::Draft;
use crate::model::print::quoted;

/// The longest path as it is printed, in bytes: so that two of them always fit on a line.
const PATH_BYTES: usize = 1_024;

/// A file's path; tells where it cannot be one.
pub(super) fn path(draft: &mut Draft<'_>, line: Line<'_>, word: &Word) -> Option<Box<str>> {
    let path = line.text(word);
    if path.trim().is_empty() {
        draft.error(word.span, "the path is empty".to_owned());
        return None;
    }
    if quoted(&path).len() > PATH_BYTES {
        draft
            .error(word.span, "the path is too long".to_owned())
            .label = format!("expected at most {PATH_BYTES} bytes").into();
        return None;
    }
    Some(path.into())
}
