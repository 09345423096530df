//! A strict reader of Prometheus' text format 0.0.4: what it takes, Prometheus takes, and much that Prometheus takes it does not.

use std::collections::{BTreeMap, BTreeSet};

/// A family with its samples.
#[derive(Debug, Default)]
pub(crate) struct Family {
    /// `counter`, `gauge` or `histogram`.
    pub(crate) sort: String,
    /// By name and sorted labels.
    pub(crate) samples: BTreeMap<(String, Labels), f64>,
}

/// Names and values of labels, in the order of their names.
pub(crate) type Labels = Vec<(String, String)>;

/// An exposition that holds.
#[derive(Debug, Default)]
pub(crate) struct Exposition(pub(crate) BTreeMap<String, Family>);

impl Exposition {
    /// The value of the one sample of this name and of these labels, in any order.
    pub(crate) fn value(&self, name: &str, labels: &[(&str, &str)]) -> Option<f64> {
        let mut labels: Labels = labels
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        labels.sort();
        let key = (name.to_owned(), labels);
        self.0.values().find_map(|f| f.samples.get(&key).copied())
    }

    /// Reads a whole text.
    pub(crate) fn read(text: &str) -> Result<Exposition, String> {
        let mut families = BTreeMap::new();
        let mut current: Option<(String, Family)> = None;
        if !text.is_empty() && !text.ends_with('\n') {
            return Err("the last line has no end".to_owned());
        }
        let mut lines = text.lines();
        while let Some(line) = lines.next() {
            let fault = |what: &str| format!("{what}: `{line}`");
            if let Some(rest) = line.strip_prefix("# HELP ") {
                let (name, help) = rest.split_once(' ').ok_or_else(|| fault("no help"))?;
                check_help(help).map_err(fault)?;
                let sort = lines.next().and_then(|l| l.strip_prefix("# TYPE "));
                let sort = sort.and_then(|l| l.strip_prefix(name)?.strip_prefix(' '));
                let sort = sort.ok_or_else(|| fault("no TYPE right behind"))?;
                check_family(name, sort).map_err(fault)?;
                finish(current.take(), &mut families)?;
                let family = Family {
                    sort: sort.to_owned(),
                    ..Family::default()
                };
                current = Some((name.to_owned(), family));
            } else {
                let (name, family) = current.as_mut().ok_or_else(|| fault("no family"))?;
                let (key, value) = sample(line).map_err(|what| fault(&what))?;
                check_sample(name, family, &key, value).map_err(fault)?;
                if family.samples.insert(key, value).is_some() {
                    return Err(fault("twice"));
                }
            }
        }
        finish(current, &mut families)?;
        Ok(Exposition(families))
    }
}

fn finish(
    family: Option<(String, Family)>,
    families: &mut BTreeMap<String, Family>,
) -> Result<(), String> {
    let Some((name, family)) = family else {
        return Ok(());
    };
    if family.sort == "histogram" {
        histograms(&name, &family)?;
    }
    match families.insert(name.clone(), family) {
        Some(_) => Err(format!("family `{name}` stands twice")),
        None => Ok(()),
    }
}

fn is_name(name: &str, colon: bool) -> bool {
    let good = |c: char| c.is_ascii_lowercase() || c == '_' || colon && c == ':';
    name.starts_with(good) && name.chars().all(|c| good(c) || c.is_ascii_digit())
}

fn check_help(help: &str) -> Result<(), &'static str> {
    match help {
        "" => Err("an empty help"),
        _ if help.contains(['\\', '\r']) => Err("an escape in the help"),
        _ if !help.ends_with('.') => Err("the help is no sentence"),
        _ => Ok(()),
    }
}

/// The conventions of names (prometheus.io/docs/practices/naming).
fn check_family(name: &str, sort: &str) -> Result<(), &'static str> {
    let unit = |name: &str| {
        ["seconds", "bytes", "info"]
            .iter()
            .any(|u| name.ends_with(u))
    };
    let foreign = [
        "milli", "micro", "_ms", "_us", "minutes", "percent", "kilo", "kb", "ratio_",
    ];
    match sort {
        _ if !is_name(name, false) || name.contains("__") => Err("not a name"),
        _ if !name.starts_with("signpost_") && !name.starts_with("process_") => Err("no prefix"),
        _ if ["_bucket", "_sum", "_count"]
            .iter()
            .any(|s| name.ends_with(s)) =>
        {
            Err("a suffix that histograms need")
        }
        _ if foreign.iter().any(|unit| name.contains(unit)) => Err("not a base unit"),
        _ if ["counter", "gauge", "histogram"]
            .iter()
            .any(|s| name.contains(s)) =>
        {
            Err("the type in the name")
        }
        "counter" if !name.ends_with("_total") => Err("a counter without `_total`"),
        "gauge" | "histogram" if name.ends_with("_total") => Err("`_total` on no counter"),
        "histogram" if !unit(name) => Err("a histogram without unit"),
        "counter" | "gauge" | "histogram" => Ok(()),
        _ => Err("not a type"),
    }
}

fn check_sample(
    name: &str,
    family: &Family,
    (sample, labels): &(String, Labels),
    value: f64,
) -> Result<(), &'static str> {
    let suffix = sample.strip_prefix(name).ok_or("of another family")?;
    let le = labels.iter().any(|(name, _)| name == "le");
    match (&*family.sort, suffix) {
        ("histogram", "_bucket") if !le => Err("a bucket without `le`"),
        ("histogram", "_bucket") => Ok(()),
        _ if le => Err("`le` on no bucket"),
        ("histogram", "_sum" | "_count") | ("gauge" | "counter", "") => Ok(()),
        _ => Err("a suffix that its type does not have"),
    }?;
    if !value.is_finite() || family.sort != "gauge" && value < 0.0 {
        return Err("not a good value");
    }
    Ok(())
}

/// A sample line: its name and labels, and its value. No time stamp, one blank before the value.
fn sample(line: &str) -> Result<((String, Labels), f64), String> {
    let end = line.find(['{', ' ']).ok_or("no value")?;
    let (name, mut rest) = line.split_at(end);
    if !is_name(name, false) {
        return Err("not a name".to_owned());
    }
    let mut labels = Labels::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        loop {
            let (label, behind) = rest.split_once("=\"").ok_or("not a label")?;
            if !is_name(label, false) || label.starts_with("__") {
                return Err(format!("not a label's name: {label}"));
            }
            let (value, behind) = quoted(behind)?;
            labels.push((label.to_owned(), value));
            match behind.split_at_checked(1) {
                Some((",", behind)) => rest = behind,
                Some(("}", behind)) => {
                    rest = behind;
                    break;
                }
                _ => return Err("neither `,` nor `}`".to_owned()),
            }
        }
    }
    labels.sort();
    let names: BTreeSet<_> = labels.iter().map(|(name, _)| name).collect();
    if names.len() < labels.len() {
        return Err("a label twice".to_owned());
    }
    let value = rest.strip_prefix(' ').ok_or("no blank before the value")?;
    let digits = |c: char| c.is_ascii_digit() || ".-e".contains(c);
    if !value.chars().all(digits) {
        return Err("not a plain number".to_owned());
    }
    let value = value.parse().map_err(|_| "not a number")?;
    Ok(((name.to_owned(), labels), value))
}

/// The value up to its closing quotation mark, and what is behind it.
fn quoted(text: &str) -> Result<(String, &str), &'static str> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Ok((value, &text[at + 1..])),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, c @ ('\\' | '"'))) => c,
                _ => return Err("an unknown escape"),
            }),
            c => value.push(c),
        }
    }
    Err("no end of a label's value")
}

/// Of each set of labels: buckets that only grow, `+Inf` among them, `_count` the same, a `_sum`.
fn histograms(family: &str, of: &Family) -> Result<(), String> {
    let mut sets: BTreeMap<Labels, Vec<(f64, f64)>> = BTreeMap::new();
    let part = |suffix: &str| format!("{family}{suffix}");
    for ((name, labels), value) in &of.samples {
        let (le, others): (Labels, Labels) =
            labels.iter().cloned().partition(|(name, _)| name == "le");
        let set = sets.entry(others).or_default();
        if *name == part("_bucket") {
            let bound = match &*le[0].1 {
                "+Inf" => f64::INFINITY,
                bound => bound.parse().map_err(|_| format!("{family}: le {bound}"))?,
            };
            set.push((bound, *value));
        }
    }
    for (labels, mut buckets) in sets {
        buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
        let grows = buckets
            .windows(2)
            .all(|w| w[0].0 < w[1].0 && w[0].1 <= w[1].1);
        let of = |suffix| of.samples.get(&(part(suffix), labels.clone()));
        let last = buckets.last().filter(|last| last.0 == f64::INFINITY);
        let whole = last.is_some_and(|last| of("_count") == Some(&last.1));
        if !grows || !whole || of("_sum").is_none() {
            return Err(format!("{family} {labels:?} is no whole histogram"));
        }
    }
    Ok(())
}

#[test]
fn the_reader_takes_what_is_good() {
    let text = "# HELP signpost_x_total X.\n# TYPE signpost_x_total counter\n\
                signpost_x_total{b=\"q\\\"\\\\\\n,}\",a=\"\"} 3\nsignpost_x_total 4.5\n\
                # HELP signpost_t_seconds T.\n# TYPE signpost_t_seconds histogram\n\
                signpost_t_seconds_bucket{le=\"0.1\"} 1\nsignpost_t_seconds_bucket{le=\"+Inf\"} 2\n\
                signpost_t_seconds_sum 7\nsignpost_t_seconds_count 2\n";
    let read = Exposition::read(text).expect("it is good");
    let value = read.value("signpost_x_total", &[("a", ""), ("b", "q\"\\\n,}")]);
    assert_eq!(value, Some(3.0));
    assert_eq!(read.value("signpost_x_total", &[]), Some(4.5));
    assert_eq!(read.value("signpost_x_total", &[("a", "")]), None);
}

#[test]
fn the_reader_takes_nothing_else() {
    let head = "# HELP signpost_x_total X.\n# TYPE signpost_x_total counter\n";
    let histogram = "# HELP signpost_t_seconds T.\n# TYPE signpost_t_seconds histogram\n";
    let bucket = "signpost_t_seconds_bucket";
    for bad in [
        "signpost_x_total 1\n".to_owned(),
        format!("{head}signpost_x_total 1"),
        format!("{head}signpost_x_total 1\nsignpost_x_total 1\n"),
        format!(
            "{head}signpost_x_total{{a=\"1\",b=\"2\"}} 1\nsignpost_x_total{{b=\"2\",a=\"1\"}} 1\n"
        ),
        format!("{head}signpost_x_total{{a=\"1\",a=\"2\"}} 1\n"),
        format!("{head}signpost_x_total{{a=\"1\",}} 1\n"),
        format!("{head}signpost_x_total{{A=\"1\"}} 1\n"),
        format!("{head}signpost_x_total{{__a=\"1\"}} 1\n"),
        format!("{head}signpost_x_total{{a=\"\\t\"}} 1\n"),
        format!("{head}signpost_x_total{{a=\"1}} 1\n"),
        format!("{head}signpost_x_total  1\n"),
        format!("{head}signpost_x_total 1 1700000000000\n"),
        format!("{head}signpost_x_total NaN\n"),
        format!("{head}signpost_x_total -1\n"),
        format!("{head}signpost_y_total 1\n"),
        format!("{head}signpost_x_total_sum 1\n"),
        format!("{head}{head}"),
        format!("{head}\n"),
        "# HELP signpost_x X.\n# TYPE signpost_x counter\n".to_owned(),
        "# HELP signpost_x_total X.\n# TYPE signpost_x_total gauge\n".to_owned(),
        "# HELP signpost_x_ms X.\n# TYPE signpost_x_ms gauge\n".to_owned(),
        "# HELP signpost_x_count X.\n# TYPE signpost_x_count gauge\n".to_owned(),
        "# HELP signpost_x X.\n# TYPE signpost_x summary\n".to_owned(),
        "# HELP signpost_x X\n# TYPE signpost_x gauge\n".to_owned(),
        "# HELP signpost_x X.\n# TYPE signpost_y gauge\n".to_owned(),
        "# TYPE signpost_x gauge\n# HELP signpost_x X.\n".to_owned(),
        "# HELP x X.\n# TYPE x gauge\n".to_owned(),
        format!(
            "{histogram}{bucket}{{le=\"1\"}} 1\nsignpost_t_seconds_sum 1\nsignpost_t_seconds_count 1\n"
        ),
        format!(
            "{histogram}{bucket}{{le=\"+Inf\"}} 1\nsignpost_t_seconds_sum 1\nsignpost_t_seconds_count 2\n"
        ),
        format!("{histogram}{bucket}{{le=\"+Inf\"}} 1\nsignpost_t_seconds_count 1\n"),
        format!(
            "{histogram}{bucket}{{le=\"1\"}} 2\n{bucket}{{le=\"+Inf\"}} 1\nsignpost_t_seconds_sum 1\nsignpost_t_seconds_count 1\n"
        ),
        format!("{histogram}{bucket} 1\nsignpost_t_seconds_sum 1\nsignpost_t_seconds_count 1\n"),
    ] {
        assert!(Exposition::read(&bad).is_err(), "taken:\n{bad}");
    }
}
