//! The text format of Prometheus, version 0.0.4.

use std::fmt::Write;

use super::families::{Family, Sort};
use crate::telemetry::{BOUNDS_US, Histogram};

/// The format's media type.
pub(super) const MEDIA_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// An exposition under way. Families come one after the other, each once.
#[derive(Debug, Default)]
pub(super) struct Exposition {
    text: String,
}

/// Names and values of labels.
pub(super) type Labels<'a> = &'a [(&'static str, &'a str)];

impl Exposition {
    /// Begins a family; its samples follow.
    pub(super) fn family(&mut self, family: &Family) {
        let Family { name, help, .. } = family;
        let sort = family.sort.as_str();
        // `help` has no backslash and no line's end: a test sees to it.
        self.write(format_args!("# HELP {name} {help}\n# TYPE {name} {sort}\n"));
    }

    /// One sample of a counter or gauge.
    pub(super) fn sample(&mut self, family: &Family, labels: Labels<'_>, value: impl Into<Value>) {
        debug_assert!(family.sort != Sort::Histogram);
        self.text.push_str(family.name);
        self.labels(labels);
        self.value(value.into());
    }

    /// All samples of one histogram, whose bounds are given in seconds.
    pub(super) fn histogram(&mut self, family: &Family, labels: Labels<'_>, of: &Histogram) {
        let mut so_far = 0;
        let bounds = BOUNDS_US
            .iter()
            .map(|us| (f64::from(*us) / 1e6).to_string());
        for (count, bound) in of.buckets.iter().zip(bounds.chain(["+Inf".to_owned()])) {
            so_far += count;
            self.text.push_str(family.name);
            self.text.push_str("_bucket");
            let labels: Vec<_> = labels.iter().copied().chain([("le", &*bound)]).collect();
            self.labels(&labels);
            self.value(so_far.into());
        }
        self.text.push_str(family.name);
        self.text.push_str("_sum");
        self.labels(labels);
        self.value((of.sum_us as f64 / 1e6).into());
        self.text.push_str(family.name);
        self.text.push_str("_count");
        self.labels(labels);
        self.value(so_far.into());
    }

    /// The whole text.
    pub(super) fn into_text(self) -> String {
        self.text
    }

    fn labels(&mut self, labels: Labels<'_>) {
        for (i, (name, value)) in labels.iter().enumerate() {
            self.text.push(if i == 0 { '{' } else { ',' });
            self.text.push_str(name);
            self.text.push_str("=\"");
            for c in value.chars() {
                match c {
                    '\\' => self.text.push_str("\\\\"),
                    '"' => self.text.push_str("\\\""),
                    '\n' => self.text.push_str("\\n"),
                    c => self.text.push(c),
                }
            }
            self.text.push('"');
        }
        if !labels.is_empty() {
            self.text.push('}');
        }
    }

    fn value(&mut self, value: Value) {
        match value {
            Value::Whole(value) => self.write(format_args!(" {value}\n")),
            Value::Part(value) => self.write(format_args!(" {value}\n")),
        }
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) {
        // Writing to a text cannot fail.
        let _ = self.text.write_fmt(text);
    }
}

/// A sample's value, finite.
#[derive(Clone, Copy, Debug)]
pub(super) enum Value {
    Whole(u64),
    Part(f64),
}

impl From<u64> for Value {
    fn from(value: u64) -> Value {
        Value::Whole(value)
    }
}

impl From<u32> for Value {
    fn from(value: u32) -> Value {
        Value::Whole(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Value {
        Value::Part(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COUNTER: Family = Family {
        name: "x_total",
        sort: Sort::Counter,
        labels: &["a"],
        help: "X.",
    };

    #[test]
    fn values_of_labels_are_escaped() {
        let mut exposition = Exposition::default();
        exposition.family(&COUNTER);
        exposition.sample(&COUNTER, &[("a", "q\" b\\ n\n é")], 7u64);
        assert_eq!(
            exposition.into_text(),
            "# HELP x_total X.\n# TYPE x_total counter\nx_total{a=\"q\\\" b\\\\ n\\n é\"} 7\n"
        );
    }

    #[test]
    fn buckets_add_up() {
        let family = Family {
            name: "t_seconds",
            sort: Sort::Histogram,
            ..COUNTER
        };
        let mut histogram = Histogram::default();
        for micros in [900, 1_000, 1_001, u32::MAX] {
            histogram.add(micros);
        }
        let mut exposition = Exposition::default();
        exposition.histogram(&family, &[("a", "b")], &histogram);
        let text = exposition.into_text();
        for line in [
            "t_seconds_bucket{a=\"b\",le=\"0.001\"} 2\n",
            "t_seconds_bucket{a=\"b\",le=\"0.0025\"} 3\n",
            "t_seconds_bucket{a=\"b\",le=\"60\"} 3\n",
            "t_seconds_bucket{a=\"b\",le=\"+Inf\"} 4\n",
            "t_seconds_sum{a=\"b\"} 4294.970196\n",
            "t_seconds_count{a=\"b\"} 4\n",
        ] {
            assert!(text.contains(line), "no {line}in\n{text}");
        }
    }
}
