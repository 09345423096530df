//! docs/metrics.md lists every metric, and docs/grafana.json shows every one and no other.

use std::collections::BTreeSet;
use std::path::Path;

use signpost::admin::{FAMILIES, Sort};

const MARK: &str =
    "<!-- From here on written by `SIGNPOST_WRITE_REFERENCE=1 cargo test --test metrics`. -->\n";

/// Each family as a line of a table.
fn table() -> String {
    let mut table =
        String::from("\n| metric | type | labels | what it says |\n| --- | --- | --- | --- |\n");
    for family in FAMILIES {
        let labels: Vec<_> = family.labels.iter().map(|l| format!("`{l}`")).collect();
        table += &format!(
            "| `{}` | {} | {} | {} |\n",
            family.name,
            family.sort.as_str(),
            labels.join(", "),
            family.help
        );
    }
    table
}

#[test]
fn the_page_lists_every_metric() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/metrics.md");
    let page = std::fs::read_to_string(&path).expect("docs/metrics.md");
    let (own, listed) = page.split_once(MARK).expect("the mark stands in it");
    if std::env::var_os("SIGNPOST_WRITE_REFERENCE").is_some() {
        std::fs::write(&path, format!("{own}{MARK}{}", table())).expect("written");
        return;
    }
    assert!(
        listed == table(),
        "docs/metrics.md is not what the program shows: `SIGNPOST_WRITE_REFERENCE=1 cargo test --test metrics` writes it"
    );
}

/// Whatever looks like a metric's name in the texts of a document.
fn named(value: &serde_json::Value, found: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::String(text) => {
            let part = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let words = text.split(|c| !part(c));
            let ours = |w: &&str| w.starts_with("signpost_") || w.starts_with("process_");
            found.extend(words.filter(ours).map(str::to_owned));
        }
        serde_json::Value::Array(all) => all.iter().for_each(|v| named(v, found)),
        serde_json::Value::Object(all) => all.values().for_each(|v| named(v, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_shows_every_metric_and_no_other() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/grafana.json");
    let text = std::fs::read_to_string(&path).expect("docs/grafana.json");
    let dashboard: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut found = BTreeSet::new();
    named(&dashboard["panels"], &mut found);
    let mut shown = BTreeSet::new();
    for family in FAMILIES {
        let suffixes = match family.sort {
            Sort::Histogram => &["_bucket", "_sum", "_count"][..],
            Sort::Counter | Sort::Gauge => &[""],
        };
        let names = suffixes.iter().map(|s| format!("{}{s}", family.name));
        let names: Vec<_> = names.filter(|name| found.contains(name)).collect();
        assert!(!names.is_empty(), "no panel shows {}", family.name);
        shown.extend(names);
    }
    let unknown: Vec<_> = found.difference(&shown).collect();
    assert!(unknown.is_empty(), "nothing exposes {unknown:?}");
    let ids: BTreeSet<_> = panels
        .iter()
        .map(|p| p["id"].as_u64().expect("an id"))
        .collect();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
}

#[test]
fn help_is_one_plain_sentence_and_names_are_unique() {
    let names: BTreeSet<_> = FAMILIES.iter().map(|f| f.name).collect();
    assert_eq!(names.len(), FAMILIES.len());
    for family in FAMILIES {
        assert!(!family.help.contains(['\n', '\\', '|']), "{}", family.name);
        assert!(family.help.ends_with('.'), "{}", family.name);
    }
}
