//! The reference page, written from the grammar.

use std::fmt::Write;

use super::vocabulary::{commands, vocabulary};

/// The text of `docs/reference.md`: every statement with its form, aliases, `no` form and help.
pub fn reference() -> String {
    let mut page = String::from(
        "# The statements\n\n\
         <!-- Written from grammar/signpost.pest by `SIGNPOST_WRITE_REFERENCE=1 cargo test --test reference`. -->\n\n\
         One statement a line; words are separated by blanks or tabs; a word with blanks stands in quotation marks. Keywords may be\n\
         in upper or lower case. What stands in `[ ]` may be left out, `|` separates choices, `…` says that more of the same may follow.\n\
         A line that begins with `:`, `!` or `#` is a comment. `signpost check FILE` tells what is wrong with a file.\n",
    );
    let statements = &vocabulary().statements;
    for entry in statements.iter().filter(|entry| !is_no(&entry.rule)) {
        // Writing to a String cannot fail.
        let _ = write!(
            page,
            "\n## {}\n\n```\n{}\n",
            entry.keywords.first().map_or("", String::as_str),
            entry.form
        );
        let undo = statements
            .iter()
            .find(|no| no.rule.strip_prefix("no_") == Some(&entry.rule));
        if let Some(undo) = undo {
            let _ = writeln!(page, "{}", undo.form);
        }
        let _ = write!(page, "```\n\n{}\n", entry.help);
        if let Some(undo) = undo {
            let _ = write!(page, "\nWith `no`: {}\n", uncapitalised(&undo.help));
        }
    }
    page
}

/// The text of `docs/console-reference.md`: every command of the console with its form and help.
pub fn console_reference() -> String {
    let mut page = String::from(
        "# The console's commands\n\n\
         <!-- Written from grammar/console.pest by `SIGNPOST_WRITE_REFERENCE=1 cargo test --test reference`. -->\n\n\
         A keyword may be cut to any beginning that no other keyword at its place has; `?` shows what may come, TAB writes it out. What\n\
         stands in `[ ]` may be left out, `|` separates choices, `…` says that more of the same may follow. In `(config)#` the statements\n\
         of reference.md are taken as well, each at once.\n\n\
         | command | what it does |\n| --- | --- |\n",
    );
    for entry in &commands().statements {
        let form = entry.form.replace('|', "\\|");
        // Writing to a String cannot fail.
        let _ = writeln!(page, "| `{form}` | {} |", entry.help);
    }
    page
}

fn is_no(rule: &str) -> bool {
    rule.starts_with("no_")
}

fn uncapitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| {
        first.to_lowercase().chain(chars).collect()
    })
}
