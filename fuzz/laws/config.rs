//! What is printed of a configuration loads as the same configuration.

use signpost::language::Style;
use signpost::model;

/// Panics where the law is broken.
pub(crate) fn check(bytes: &[u8]) {
    let loaded = model::load("FILE", bytes);
    let report = loaded.report(Style::Plain);
    let failed = loaded
        .diagnostics
        .iter()
        .any(|diagnostic| diagnostic.is_error());
    assert_eq!(
        failed,
        loaded.model.is_none(),
        "a model is there unless an error was told: {report}"
    );
    let Some(model) = &loaded.model else { return };
    let printed = model::print(model);
    let again = model::load("printed", printed.as_bytes());
    assert_eq!(
        again.model.as_ref(),
        Some(model),
        "{printed}\n{}",
        again.report(Style::Plain)
    );
    assert_eq!(model::print(model), printed);
}
