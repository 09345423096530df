//! `probe NAME KIND [OPTION…]`.

use std::num::NonZeroU16;

use super::said;
use crate::language::{Line, Rule, Word};
use crate::model::draft::Draft;
use crate::model::print::{Printer, quoted};
use crate::model::{HttpProbe, Probe, ProbeKind, definitions, ids, template};

/// The longest interval, in seconds: a day.
const INTERVAL_S: u32 = 86_400;
/// The longest time for an answer, in seconds.
const TIMEOUT_S: u32 = 3_600;
/// The longest path, body text or command as it is printed, in bytes: so that a probe always fits on a line.
const TEXT_BYTES: usize = 1_024;
/// The longest method, in bytes.
const METHOD_BYTES: usize = 32;
/// The most ranges of expected codes.
const RANGES: usize = 16;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::new_probe) else {
        return;
    };
    let (name, said) = (line.text(word), said(line, word));
    if let Some((message, help)) = ids::unfit_probe(&name) {
        draft.error(word.span, message).help = Some(help.into());
    }
    if line.rule == Rule::no_probe {
        return definitions::remove::<Probe>(draft, said, &name);
    }
    let mut reader = Reader {
        draft,
        line,
        timeout_s: None,
        http: HttpProbe::default(),
        verify: false,
    };
    let probe = reader.read(Probe::new(name.as_ref().into(), ProbeKind::Tcp));
    definitions::define(draft, said, probe);
}

/// Reads the options of one line. What is at fault is told and left at its default.
struct Reader<'d, 't, 'l> {
    draft: &'d mut Draft<'t>,
    line: Line<'l>,
    timeout_s: Option<(u32, &'l Word)>,
    http: HttpProbe,
    verify: bool,
}

impl<'l> Reader<'_, '_, 'l> {
    fn read(&mut self, mut probe: Probe) -> Probe {
        let words = self.line.words();
        let Some(kind) = words.get(1) else {
            return probe;
        };
        let mut rest = &words[2..];
        if kind.rule == Rule::by_exec
            && let Some((command, behind)) = rest.split_first()
        {
            probe.kind = self.command(command);
            rest = behind;
        }
        let mut given: Vec<Rule> = Vec::new();
        while let Some((option, behind)) = rest.split_first() {
            self.fits(kind, option, &given);
            given.push(option.rule);
            rest = behind;
            match (option.rule, behind.split_first()) {
                (Rule::from_down, _) => probe.from_down = true,
                (Rule::verify, _) => self.verify = true,
                (_, Some((value, behind))) => {
                    self.option(&mut probe, option.rule, value);
                    rest = behind;
                }
                (_, None) => {}
            }
        }
        self.times(&mut probe);
        let http = std::mem::take(&mut self.http);
        match kind.rule {
            Rule::by_http => probe.kind = ProbeKind::Http(http),
            Rule::by_https => {
                let verify = self.verify;
                probe.kind = ProbeKind::Https { http, verify };
            }
            Rule::by_ping => probe.kind = ProbeKind::Ping,
            Rule::by_hops => probe.kind = ProbeKind::Hops,
            Rule::by_agent => probe.kind = ProbeKind::Agent,
            _ => {}
        }
        if kind.rule == Rule::by_agent && !given.contains(&Rule::at_port) {
            let error = self.error(kind, "an agent answers at a port of its own".to_owned());
            error.label = "expected `port` and its number behind it".into();
            error.help = Some(format!("write `probe {} agent port 5555`", probe.name).into());
        }
        probe
    }

    /// Tells of an option that stands twice or is not of this kind of probe.
    fn fits(&mut self, kind: &Word, option: &Word, given: &[Rule]) {
        let (text, of) = (self.line.text(option), self.line.text(kind).to_lowercase());
        if given.contains(&option.rule) {
            self.error(option, format!("`{text}` stands twice")).label =
                "expected each option once".into();
            return;
        }
        let kinds = match option.rule {
            Rule::by_method | Rule::path | Rule::host | Rule::expect | Rule::body => {
                &[Rule::by_http, Rule::by_https][..]
            }
            Rule::verify => &[Rule::by_https],
            Rule::at_port => &[
                Rule::by_tcp,
                Rule::by_http,
                Rule::by_https,
                Rule::by_hops,
                Rule::by_agent,
                Rule::by_exec,
            ],
            _ => return,
        };
        if kinds.contains(&kind.rule) {
            return;
        }
        let label = match option.rule {
            Rule::at_port => "an echo is asked of an address alone",
            Rule::verify => "it is of `https`",
            _ => "it is of `http` and `https`",
        };
        self.error(option, format!("`{text}` is no option of `{of}`"))
            .label = label.into();
    }

    fn option(&mut self, probe: &mut Probe, option: Rule, value: &'l Word) {
        match option {
            Rule::at_address => probe.address = self.draft.address(self.line, value),
            Rule::at_port => {
                let port = self.number(value, u16::MAX.into());
                probe.port = u16::try_from(port).ok().and_then(NonZeroU16::new);
            }
            Rule::interval => probe.interval_s = self.number(value, INTERVAL_S),
            Rule::timeout_of => self.timeout_s = Some((self.number(value, TIMEOUT_S), value)),
            Rule::rise => probe.rise = self.count(value),
            Rule::fall => probe.fall = self.count(value),
            Rule::settle => probe.settle = self.count(value),
            Rule::by_method => self.method(value),
            Rule::path => self.path(value),
            Rule::host => self.host(value),
            Rule::expect => self.expect(value),
            Rule::body => {
                let text = self.text(value, "text");
                self.http.body = text;
            }
            _ => {}
        }
    }

    /// An answer that may take longer than the interval would leave two askings under way.
    fn times(&mut self, probe: &mut Probe) {
        let Some((timeout_s, word)) = self.timeout_s else {
            probe.timeout_s = default_timeout_s(probe);
            return;
        };
        probe.timeout_s = timeout_s;
        if timeout_s > probe.interval_s {
            let interval_s = probe.interval_s;
            let error = self.error(
                word,
                format!(
                    "the timeout of {timeout_s} s is longer than the interval of {interval_s} s"
                ),
            );
            error.label = format!("expected 1 to {interval_s}").into();
            error.help = Some("shorten it, or write a longer `interval`".into());
        }
    }

    fn error(&mut self, word: &Word, message: String) -> &mut crate::language::Diagnostic {
        self.draft.error(word.span, message)
    }

    fn number(&mut self, word: &Word, most: u32) -> u32 {
        self.draft.number(self.line, word, 1, most)
    }

    fn count(&mut self, word: &Word) -> u8 {
        let number = self.number(word, u8::MAX.into());
        u8::try_from(number).unwrap_or(u8::MAX)
    }

    /// A text that is not empty and fits on a line.
    fn text(&mut self, word: &Word, what: &str) -> Option<Box<str>> {
        let text = self.line.text(word);
        if text.trim().is_empty() {
            self.error(word, format!("the {what} is empty"));
            return None;
        }
        if quoted(&text).len() > TEXT_BYTES {
            self.error(word, format!("the {what} is too long")).label =
                format!("expected at most {TEXT_BYTES} bytes").into();
            return None;
        }
        Some(text.into())
    }

    fn command(&mut self, word: &Word) -> ProbeKind {
        let text = self.text(word, "command").unwrap_or_default();
        let words = text.split([' ', '\t']).filter(|word| !word.is_empty());
        ProbeKind::Exec(words.map(Box::from).collect())
    }

    /// A method is a token (RFC 9110 §5.6.2).
    fn method(&mut self, word: &Word) {
        let text = self.line.text(word);
        let fits = (1..=METHOD_BYTES).contains(&text.len()) && text.bytes().all(ids::is_token);
        if fits {
            self.http.method = text.into();
        } else {
            self.error(word, format!("`{text}` is not a method")).label =
                "expected a word such as `GET` or `HEAD`".into();
        }
    }

    fn path(&mut self, word: &Word) {
        let Some(text) = self.text(word, "path") else {
            return;
        };
        let stray = text.chars().find(|c| !c.is_ascii_graphic() || *c == '#');
        if !text.starts_with('/') {
            let error = self.error(word, format!("`{text}` is not a path"));
            error.label = "expected a `/` first".into();
            error.help = Some("write the path alone; `host` tells whose it is".into());
        } else if let Some(stray) = stray {
            self.error(word, format!("`{stray}` cannot stand in a path"))
                .help = Some("write it percent-encoded".into());
        } else {
            self.http.path = text;
        }
    }

    fn host(&mut self, word: &Word) {
        let text = self.line.text(word);
        if template::is_authority(&text) {
            self.http.host = Some(text.into());
        } else {
            self.error(word, format!("`{text}` is not a host")).label =
                "expected a DNS name or an address, and perhaps `:` and a port".into();
        }
    }

    fn expect(&mut self, word: &Word) {
        let text = self.line.text(word);
        let mut ranges = Vec::new();
        for part in text.split(',') {
            let (from, to) = part.split_once('-').unwrap_or((part, part));
            match (code(from), code(to)) {
                (Some(from), Some(to)) if from <= to => ranges.push((from, to)),
                (Some(from), Some(to)) => {
                    let error = self.error(word, format!("`{part}` holds no code at all"));
                    error.help = Some(format!("write `{to}-{from}`").into());
                    return;
                }
                _ => {
                    self.error(
                        word,
                        format!("`{part}` is neither a code nor a range of codes"),
                    )
                    .label = "expected codes of 100 to 599, such as `200,204,300-399`".into();
                    return;
                }
            }
        }
        if ranges.len() > RANGES {
            self.error(word, format!("these are {} ranges", ranges.len()))
                .label = format!("expected at most {RANGES}").into();
            return;
        }
        self.http.expect = ranges.into();
    }
}

fn code(text: &str) -> Option<u16> {
    let is_code = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
    let code = text.parse().ok().filter(|_| is_code);
    code.filter(|code| (100..=599).contains(code))
}

/// Left out, an answer has the usual time, or the interval where that is shorter.
fn default_timeout_s(probe: &Probe) -> u32 {
    let usual = Probe::new("".into(), ProbeKind::Tcp).timeout_s;
    usual.min(probe.interval_s)
}

pub(super) fn print(out: &mut Printer<'_>) {
    for probe in &out.model().probes {
        let mut text = format!("probe {}", probe.name);
        let mut add = |word: &str, value: Option<String>| {
            if let Some(value) = value {
                text.push(' ');
                text.push_str(word);
                text.push_str(if word.is_empty() || value.is_empty() {
                    ""
                } else {
                    " "
                });
                text.push_str(&value);
            }
        };
        add("", Some(kind(&probe.kind)));
        let usual = Probe::new("".into(), ProbeKind::Tcp);
        let differing = |value: u32, usual: u32| (value != usual).then(|| value.to_string());
        add("address", probe.address.map(|address| out.address(address)));
        add("port", probe.port.map(|port| port.to_string()));
        add("interval", differing(probe.interval_s, usual.interval_s));
        add(
            "timeout",
            differing(probe.timeout_s, default_timeout_s(probe)),
        );
        for (word, value, usual) in [
            ("rise", probe.rise, usual.rise),
            ("fall", probe.fall, usual.fall),
            ("settle", probe.settle, usual.settle),
        ] {
            add(word, differing(value.into(), usual.into()));
        }
        add("from-down", probe.from_down.then(String::new));
        if let ProbeKind::Http(http) | ProbeKind::Https { http, .. } = &probe.kind {
            let usual = HttpProbe::default();
            let differing =
                |value: &str, usual: &str| (value != usual).then(|| quoted(value).into_owned());
            add("method", differing(&http.method, &usual.method));
            add("path", differing(&http.path, &usual.path));
            add("host", http.host.as_deref().map(str::to_owned));
            add(
                "expect",
                (http.expect != usual.expect).then(|| codes(&http.expect)),
            );
            add(
                "body",
                http.body.as_deref().map(|body| quoted(body).into_owned()),
            );
        }
        let verify = matches!(probe.kind, ProbeKind::Https { verify: true, .. });
        add("verify", verify.then(String::new));
        out.line(format_args!("{text}"));
    }
}

fn kind(kind: &ProbeKind) -> String {
    match kind {
        ProbeKind::Tcp => "tcp".to_owned(),
        ProbeKind::Http(_) => "http".to_owned(),
        ProbeKind::Https { .. } => "https".to_owned(),
        ProbeKind::Ping => "ping".to_owned(),
        ProbeKind::Hops => "hops".to_owned(),
        ProbeKind::Agent => "agent".to_owned(),
        ProbeKind::Exec(words) => format!("exec {}", quoted(&words.join(" "))),
    }
}

fn codes(ranges: &[(u16, u16)]) -> String {
    let shown = ranges.iter().map(|(from, to)| {
        if from == to {
            from.to_string()
        } else {
            format!("{from}-{to}")
        }
    });
    shown.collect::<Vec<_>>().join(",")
}
