//! The checks of the whole: what only the last line can tell.

use std::collections::HashMap;

use super::draft::{Down, Draft, Kind, Node, NodeId, Said, Spoken, Value};
use super::{
    Certificate, Id, Probe, cycles, definitions, entrance, listeners, path, warnings, whole,
};
use crate::language::{Diagnostic, Rule, nearest};

/// For more mistakes than these no similar ids are looked up: each look-up reads all ids.
pub(super) const SUGGESTIONS: usize = 32;

/// Checks ids, kinds, listeners and links, then warns.
pub(super) fn finish(draft: &mut Draft<'_>) {
    drop_unbound(draft);
    let mut uses = Uses::default();
    uses.collect(draft);
    uses.tell(draft);
    listeners::check(draft);
    cycles::check(draft);
    definitions::check::<Probe>(draft);
    definitions::check::<Certificate>(draft);
    whole::check(draft);
    entrance::check(draft);
    path::check(draft);
    let holds = !draft.diagnostics.iter().any(Diagnostic::is_error);
    warnings::warn(draft, holds && draft.statements.is_whole());
}

fn drop_unbound(draft: &mut Draft<'_>) {
    let bound = &draft.bound;
    for (node, known) in (0..).zip(&mut draft.nodes) {
        known
            .targets
            .retain(|(target, said)| bound.get(&(node, *target)) == Some(&said.line));
    }
}

/// What a line that names an id wants it to be.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    kinds: &'static [Kind],
    by: &'static str,
    /// Keywords that could have stood in the id's place.
    or: &'static [&'static str],
}

impl Wanted {
    const fn new(kinds: &'static [Kind], by: &'static str) -> Wanted {
        Wanted { kinds, by, or: &[] }
    }

    fn words(self) -> String {
        let kinds: Vec<&str> = self.kinds.iter().map(|kind| kind.word()).collect();
        kinds.join(" or ")
    }
}

const ANY: Wanted = Wanted::new(&[Kind::Virtual, Kind::Real, Kind::Dip, Kind::Url], "");
const LINKED: Wanted = Wanted::new(&[Kind::Dip, Kind::Virtual], "a url is linked to");
const ALL_DOWN: Wanted = Wanted {
    kinds: URL,
    by: "`all-down` redirects to",
    or: &["refuse", "last-good"],
};
const VIRTUAL: &[Kind] = &[Kind::Virtual];
const SERVER: &[Kind] = &[Kind::Real, Kind::Dip];
const LISTENER: &[Kind] = &[Kind::Virtual, Kind::Dip];
const DIP: &[Kind] = &[Kind::Dip];
const URL: &[Kind] = &[Kind::Url];
const WEIGHED: &[Kind] = &[Kind::Real, Kind::Dip, Kind::Url];

fn wanted(value: &Value) -> Wanted {
    let (kinds, by) = match value {
        Value::Weight(_) => (WEIGHED, "`weight` is of"),
        Value::Maxconns(_) => (WEIGHED, "`maxconns` is of"),
        Value::Threshold(_) => (SERVER, "`threshold` is of"),
        Value::Retry(_) => (SERVER, "`retry` is of"),
        Value::Autounfail(_) => (SERVER, "`autounfail` is of"),
        Value::Timeout(_) => (SERVER, "`timeout` is of"),
        Value::Errors(_) => (SERVER, "`error-threshold` is of"),
        Value::Capacity(_) => (WEIGHED, "`capacity` is of"),
        Value::Priority(_) => (WEIGHED, "`priority` is of"),
        Value::Promise(_) => (DIP, "`promise` is of"),
        Value::Decay(_) => (URL, "`decay` is of"),
        Value::Predictor(..) => (VIRTUAL, "`predictor` is of"),
        Value::Sticky(_) => (VIRTUAL, "`sticky` is of"),
        Value::Keepalive => (VIRTUAL, "`keepalive` is of"),
        Value::Returns => (VIRTUAL, "`return` is of"),
        Value::Bounce(_) => (VIRTUAL, "`bounce` is of"),
        Value::AllDown(_) => (VIRTUAL, "`all-down` is of"),
        Value::BounceBack(_) => (VIRTUAL, "`bounceback` is of"),
        Value::Queue(_) => (LISTENER, "`queue` is of"),
        Value::ProxyProtocol => (LISTENER, "`proxy-protocol` is of"),
        Value::TlsVersions(_) => (LISTENER, "`tls-versions` is of"),
        Value::ClientCertificates(_) => (LISTENER, "`client-certificates` is of"),
        Value::NoHttp2 => (LISTENER, "`http2` is of"),
        Value::Tls(_) => (SERVER, "`tls` is of"),
        Value::Http2 => (SERVER, "`http2` is of"),
        Value::Transparent => (SERVER, "`transparent` is of"),
        Value::Link(_) => (URL, "`link` is of"),
        Value::Description(_) | Value::Backup(_) => return ANY,
    };
    Wanted::new(kinds, by)
}

/// Every live use of an id.
#[derive(Debug, Default)]
struct Uses {
    wrong: Vec<(NodeId, Said, Wanted)>,
    undefined: Vec<(NodeId, Said, Wanted)>,
    /// Uses above the `no` line that removed the id.
    removed: HashMap<NodeId, Vec<Said>>,
}

impl Uses {
    fn collect(&mut self, draft: &Draft<'_>) {
        for (id, node) in (0..).zip(&draft.nodes) {
            for setting in &node.settings {
                self.used(draft, id, setting.said, wanted(&setting.value));
                let other = |of: NodeId, wanted| {
                    setting.other.map(|word| {
                        (
                            of,
                            Said {
                                line: setting.said.line,
                                word,
                            },
                            wanted,
                        )
                    })
                };
                let other = match setting.value {
                    Value::Link(to) => other(to, LINKED),
                    Value::Backup(by) => other(by, ANY),
                    Value::AllDown(Down::Url(url)) => other(url, ALL_DOWN),
                    _ => None,
                };
                if let Some((other, said, wanted)) = other {
                    self.used(draft, other, said, wanted);
                }
            }
            let mut line = None;
            for (target, said) in &node.targets {
                self.used(draft, *target, *said, ANY);
                if line.replace(said.line) != Some(said.line) {
                    let said = first_word(draft, *said);
                    self.used(
                        draft,
                        id,
                        said,
                        Wanted::new(VIRTUAL, "targets are bound to"),
                    );
                }
            }
            let mut line = None;
            for shown in &node.certificates {
                if line.replace(shown.said.line) != Some(shown.said.line) {
                    self.used(draft, id, shown.said, Wanted::new(LISTENER, "`tls` is of"));
                }
            }
            let mut line = None;
            for watch in &node.watches {
                if line.replace(watch.said.line) != Some(watch.said.line) {
                    self.used(draft, id, watch.said, Wanted::new(WEIGHED, "`watch` is of"));
                }
            }
            for said in path::passing(draft, node) {
                self.used(draft, id, said, Wanted::new(DIP, "`pass` is of"));
            }
            for (_, said) in &node.listens {
                let said = first_word(draft, *said);
                self.used(
                    draft,
                    id,
                    said,
                    Wanted::new(&[Kind::Virtual, Kind::Dip], "`listen` is of"),
                );
            }
        }
        for spoken in &draft.spoken {
            self.spoken(draft, spoken);
        }
    }

    fn used(&mut self, draft: &Draft<'_>, id: NodeId, said: Said, wanted: Wanted) {
        let node = &draft.nodes[id as usize];
        match (&node.definition, node.removed) {
            (Some(definition), _) if wanted.kinds.contains(&definition.kind) => {}
            (Some(_), _) => self.wrong.push((id, said, wanted)),
            (None, Some(removed)) if removed.line > said.line => {
                self.removed.entry(id).or_default().push(said)
            }
            (None, _) => self.undefined.push((id, said, wanted)),
        }
    }

    fn spoken(&mut self, draft: &Draft<'_>, spoken: &Spoken) {
        let node = &draft.nodes[spoken.node as usize];
        if node
            .removed
            .is_some_and(|removed| removed.line > spoken.said.line)
        {
            return;
        }
        let (kinds, by): (&'static [Kind], _) = match spoken.as_kind {
            Kind::Virtual => (&[Kind::Virtual, Kind::Dip], "this line speaks of"),
            Kind::Real => (SERVER, "this line speaks of"),
            Kind::Dip => (&[Kind::Dip], "this line speaks of"),
            Kind::Url => (&[Kind::Url], "this line speaks of"),
        };
        self.used(draft, spoken.node, spoken.said, Wanted::new(kinds, by));
    }

    fn tell(mut self, draft: &mut Draft<'_>) {
        for (id, said, wanted) in self.wrong {
            let kind = draft.nodes[id as usize].kind().map_or("", Kind::word);
            let text = draft.text(said.word);
            draft
                .error(said.word, format!("`{text}` is a {kind}"))
                .label = format!("{} a {}", wanted.by, wanted.words()).into();
        }
        self.undefined.sort_by_key(|(_, said, _)| said.word);
        let mut budget = SUGGESTIONS;
        for (id, said, wanted) in self.undefined {
            undefined(draft, id, said, wanted, &mut budget);
        }
        for (id, mut uses) in self.removed {
            uses.sort_by_key(|said| said.word);
            if let Some(by) = draft.nodes[id as usize].removed {
                still_named(draft, by, &uses);
            }
        }
    }
}

/// The first word of a line behind its keyword: the id that the line is about.
fn first_word(draft: &Draft<'_>, said: Said) -> Said {
    let word = |rule| draft.statements.word_of(said.line, rule);
    let first = word(Rule::virtual_id).or_else(|| word(Rule::listening_id));
    Said {
        word: first.unwrap_or(said.word),
        ..said
    }
}

fn undefined(draft: &mut Draft<'_>, id: NodeId, said: Said, wanted: Wanted, budget: &mut usize) {
    let text = draft.text(said.word);
    if draft.statements.is_broken(&text) {
        return;
    }
    let node = &draft.nodes[id as usize];
    let removed = node.removed.map(|removed| draft.called(removed.line));
    let is_host = matches!(&node.id, Id::Url(url) if url.as_str().contains('.'));
    let near = if *budget > 0 {
        similar(draft, id, &text, wanted)
    } else {
        None
    };
    *budget = budget.saturating_sub(1);
    let error = draft.error(said.word, format!("nothing defines `{text}`"));
    error.label = match removed {
        Some(line) => format!("{line} removed it").into(),
        None => {
            let or: String = wanted.or.iter().map(|word| format!("`{word}`, ")).collect();
            let or = if or.is_empty() {
                or
            } else {
                format!("{or}or ")
            };
            format!("expected {or}the id of a {}", wanted.words()).into()
        }
    };
    error.help = match near {
        Some(near) => Some(format!("did you mean `{near}`?").into()),
        None if is_host => Some(
            format!("a DNS name cannot stand here: write its address, or let `name ADDRESS {text}` define it").into(),
        ),
        None => None,
    };
}

/// An id like `text` of a kind that is wanted: the same address with another port, or what a slip of the keys would make of it.
fn similar(draft: &Draft<'_>, id: NodeId, text: &str, wanted: Wanted) -> Option<String> {
    let fits = |node: &&Node| node.kind().is_some_and(|kind| wanted.kinds.contains(&kind));
    let defined = || draft.nodes.iter().filter(fits);
    if let Id::Endpoint(wanted) = draft.nodes[id as usize].id {
        let same = |node: &&Node| matches!(node.id, Id::Endpoint(e) if e.address == wanted.address);
        if let Some(node) = defined().find(same) {
            return Some(node.id.to_string());
        }
    }
    let ids: Vec<String> = defined().map(|node| node.id.to_string()).collect();
    let names = draft.addresses.keys().map(|name| &**name);
    let known = ids.iter().map(String::as_str).chain(names);
    nearest(text, known.chain(wanted.or.iter().copied())).map(str::to_owned)
}

/// Tells that `uses`, in their order, name what the line of `removed` took away.
pub(super) fn still_named(draft: &mut Draft<'_>, removed: Said, uses: &[Said]) {
    let text = draft.text(removed.word);
    let by = by_lines(draft, uses);
    let error = draft.error(
        removed.word,
        format!("`{text}` is removed here, but other lines still name it"),
    );
    error.label = format!("named by {by}").into();
    error.help = Some("remove those as well, with `no` or altogether".into());
}

/// The lines of `uses`: their numbers, or of what runs already the statements themselves.
fn by_lines(draft: &Draft<'_>, uses: &[Said]) -> String {
    const SHOWN: usize = 10;
    let mut lines: Vec<u32> = uses.iter().map(|said| said.line).collect();
    lines.dedup();
    let more = match lines.len().saturating_sub(SHOWN) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let shown = lines.iter().take(SHOWN);
    let run = |line: &u32| draft.statements.is_ground(*line);
    if lines.iter().any(run) {
        let shown: Vec<_> = shown.map(|line| draft.called(*line)).collect();
        return format!("{}{more}", shown.join(", "));
    }
    let plural = if lines.len() == 1 { "line" } else { "lines" };
    let numbers = shown.map(|line| draft.statements.line_number(*line).to_string());
    let numbers: Vec<String> = numbers.collect();
    format!("{plural} {}{more}", numbers.join(", "))
}
