//! The model under construction, while statements are applied from top to bottom.
//!
//! The rule of order: `name` lines are applied first of all, so that a name means the same on every line. Then each line acts on
//! what the lines above have made: `no` undoes what stands above it, `all` reaches what is bound and linked above it, and a later
//! value replaces an earlier one. What an id *is* (and whether anything defines it) is asked only at the end, in
//! [`finish`](super::finish), so that use may precede definition.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::mem::discriminant;
use std::net::IpAddr;
use std::num::NonZeroU16;
use std::sync::Arc;

use super::definitions::{Definitions, Use};
use super::ids::{self, Named, NotAnId};
use super::whole::Whole;
use super::{
    Bounce, BounceBack, Certificate, ClientCertificates, Code, Endpoint, Id, Intent, Predictor,
    Priority, Probe, Queue, Sticky, Template, TlsVersion, UrlId, Verify,
};
use crate::language::{Diagnostic, Line, Span, Statements, Word};

/// Index into [`Draft::nodes`].
pub(super) type NodeId = u32;

/// What an id can be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Virtual,
    Real,
    Dip,
    Url,
}

impl Kind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Kind::Virtual => "virtual",
            Kind::Real => "real",
            Kind::Dip => "dip",
            Kind::Url => "url",
        }
    }
}

/// The line and word that said something.
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) line: u32,
    pub(super) word: Span,
}

/// What defines a node. A definition that is at fault still defines its id, so that one mistake is told once.
#[derive(Debug)]
pub(super) struct Definition {
    pub(super) kind: Kind,
    /// The first line that defined it, for the order.
    pub(super) first: u32,
    pub(super) said: Said,
    pub(super) url: Option<Box<(Template, Option<Code>)>>,
    pub(super) real: Option<Endpoint>,
}

/// A setting of a node. One of a kind: a later one replaces an earlier one.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Weight(u16),
    Maxconns(u32),
    Threshold(u32),
    Retry(u32),
    Autounfail(bool),
    Timeout(u32),
    Predictor(Predictor, u32),
    Sticky(Option<Sticky>),
    Keepalive,
    Errors(u32),
    Capacity(u32),
    Priority(Priority),
    Promise(u32),
    Decay(u32),
    Returns,
    Bounce(Bounce),
    AllDown(Down),
    BounceBack(Option<BounceBack>),
    Queue(Queue),
    ProxyProtocol,
    TlsVersions(TlsVersion),
    ClientCertificates(ClientCertificates),
    NoHttp2,
    Tls(Verify),
    Http2,
    Transparent,
    Description(Box<str>),
    Link(NodeId),
    Backup(NodeId),
}

/// What an `all-down` line asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Down {
    Refuse,
    LastGood,
    Url(NodeId),
}

#[derive(Debug)]
pub(super) struct Setting {
    pub(super) said: Said,
    pub(super) value: Value,
    /// The other id that the value names.
    pub(super) other: Option<Span>,
}

/// The intent of a half, and the line that said so if it spoke of this id itself.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Half {
    pub(super) intent: Intent,
    pub(super) by: Option<(u32, Halves)>,
}

/// Which halves a line speaks of: a virtual has the first, a real or url the second, a dip both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Halves {
    pub(super) virtual_half: bool,
    pub(super) real_half: bool,
}

impl Halves {
    pub(super) const BOTH: Halves = Halves {
        virtual_half: true,
        real_half: true,
    };

    fn covers(self, other: Halves) -> bool {
        self.virtual_half >= other.virtual_half && self.real_half >= other.real_half
    }
}

/// How a line came to speak of an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum By {
    /// It names it.
    Name,
    /// By its `all`.
    All,
    /// It is a `no` line: meant to undo what stands above.
    Undoing,
}

/// Whatever is known of an id so far.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) id: Id,
    pub(super) definition: Option<Definition>,
    /// The line that removed it last, and its id there.
    pub(super) removed: Option<Said>,
    pub(super) virtual_half: Half,
    pub(super) real_half: Half,
    pub(super) targets: Vec<(NodeId, Said)>,
    pub(super) listens: Vec<(Endpoint, Said)>,
    /// Ports that are passed on, as often as they were said.
    pub(super) passes: Vec<(NonZeroU16, Said)>,
    pub(super) settings: Vec<Setting>,
    pub(super) watches: Vec<Use>,
    pub(super) certificates: Vec<Use>,
    /// The urls that were linked to it at some line; those whose link is another by now are passed over.
    pub(super) linked: Vec<NodeId>,
}

impl Node {
    pub(super) fn kind(&self) -> Option<Kind> {
        self.definition.as_ref().map(|definition| definition.kind)
    }

    pub(super) fn link(&self) -> Option<NodeId> {
        self.settings.iter().find_map(|s| match s.value {
            Value::Link(to) => Some(to),
            _ => None,
        })
    }

    pub(super) fn backup(&self) -> Option<NodeId> {
        self.settings.iter().find_map(|s| match s.value {
            Value::Backup(to) => Some(to),
            _ => None,
        })
    }
}

/// The name of an address.
#[derive(Debug)]
pub(super) struct Name {
    pub(super) name: Box<str>,
    /// The first line that named this address, for the order.
    pub(super) first: u32,
    pub(super) said: Said,
}

/// A line that speaks of an id as of one kind: checked once the kinds are known.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) said: Said,
    pub(super) node: NodeId,
    pub(super) as_kind: Kind,
}

/// The model under construction.
#[derive(Debug)]
pub(super) struct Draft<'t> {
    pub(super) statements: &'t Statements<'t>,
    pub(super) hostname: Option<(Said, Box<str>)>,
    pub(super) names: HashMap<IpAddr, Name>,
    pub(super) addresses: HashMap<Box<str>, IpAddr>,
    pub(super) nodes: Vec<Node>,
    pub(super) probes: Definitions<Probe>,
    pub(super) certificates: Definitions<Certificate>,
    pub(super) whole: Whole,
    pub(super) spoken: Vec<Spoken>,
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Live pairs of virtual and target, and the line that bound them.
    pub(super) bound: HashMap<(NodeId, NodeId), u32>,
    endpoints: HashMap<Endpoint, NodeId>,
    urls: HashMap<Arc<str>, NodeId>,
    overridden: HashSet<u32>,
}

impl<'t> Draft<'t> {
    pub(super) fn new(statements: &'t Statements<'t>) -> Self {
        Draft {
            statements,
            hostname: None,
            names: HashMap::new(),
            addresses: HashMap::new(),
            nodes: Vec::new(),
            probes: Definitions::default(),
            certificates: Definitions::default(),
            whole: Whole::default(),
            spoken: Vec::new(),
            diagnostics: Vec::new(),
            bound: HashMap::new(),
            endpoints: HashMap::new(),
            urls: HashMap::new(),
            overridden: HashSet::new(),
        }
    }

    pub(super) fn text(&self, span: Span) -> Cow<'t, str> {
        self.statements.text_at(span)
    }

    pub(super) fn error(&mut self, span: Span, message: String) -> &mut Diagnostic {
        let error = Diagnostic::error(self.statements.source(), span, message);
        self.tell(error)
    }

    pub(super) fn warning(&mut self, span: Span, message: String) -> &mut Diagnostic {
        let warning = Diagnostic::warning(self.statements.source(), span, message);
        self.tell(warning)
    }

    fn tell(&mut self, diagnostic: Diagnostic) -> &mut Diagnostic {
        self.diagnostics.push(diagnostic);
        let last = self.diagnostics.len() - 1;
        &mut self.diagnostics[last]
    }

    /// What a line is called in a message: by its number, where it is one of those that were just written.
    pub(super) fn called(&self, line: u32) -> Cow<'static, str> {
        self.statements.called(line)
    }

    pub(super) fn node(&mut self, id: Id) -> NodeId {
        let next = self.nodes.len() as NodeId;
        let found = match &id {
            Id::Endpoint(endpoint) => *self.endpoints.entry(*endpoint).or_insert(next),
            Id::Url(url) => *self.urls.entry(Arc::clone(&url.0)).or_insert(next),
        };
        if found == next {
            self.nodes.push(Node {
                id,
                definition: None,
                removed: None,
                virtual_half: Half::default(),
                real_half: Half::default(),
                targets: Vec::new(),
                listens: Vec::new(),
                passes: Vec::new(),
                settings: Vec::new(),
                watches: Vec::new(),
                certificates: Vec::new(),
                linked: Vec::new(),
            });
        }
        found
    }

    /// The node that `word` names, of whatever kind; tells why where it names none.
    pub(super) fn refer(&mut self, line: Line<'_>, word: &Word) -> Option<NodeId> {
        let text = line.text(word);
        match ids::read(&text, &self.addresses) {
            Ok(Named::Endpoint(endpoint)) => Some(self.node(Id::Endpoint(endpoint))),
            Ok(Named::Url(url)) => {
                if let Some(known) = self.urls.get(url) {
                    return Some(*known);
                }
                Some(self.node(Id::Url(UrlId(url.into()))))
            }
            Err(why) => self.not_an_id(word.span, why),
        }
    }

    /// The endpoint that `word` says; tells why where it is none.
    pub(super) fn endpoint(&mut self, line: Line<'_>, word: &Word) -> Option<Endpoint> {
        self.endpoint_at(line, word, Endpoint::HTTP)
    }

    /// The same, with `port` where none is written or 0 is.
    pub(super) fn endpoint_at(
        &mut self,
        line: Line<'_>,
        word: &Word,
        port: NonZeroU16,
    ) -> Option<Endpoint> {
        let text = line.text(word);
        match ids::read_at(&text, &self.addresses, port) {
            Ok(Named::Endpoint(endpoint)) => Some(endpoint),
            Ok(Named::Url(host)) if self.statements.is_broken(host) => None,
            Ok(Named::Url(host)) => self.not_an_id(word.span, ids::unknown_host(host)),
            Err(why) => self.not_an_id(word.span, why),
        }
    }

    /// The endpoint of one of Signpost's own listeners.
    pub(super) fn listener(&mut self, line: Line<'_>, word: &Word) -> Option<Endpoint> {
        let endpoint = self.endpoint(line, word)?;
        if endpoint.bind_id != 0 {
            self.error(
                word.span,
                format!("a bind-id ({}) is of reals only", endpoint.bind_id),
            )
            .help = Some(
                "at a virtual it meant a group of clients, which comes with `assign`: leave it out"
                    .into(),
            );
            return None;
        }
        Some(endpoint)
    }

    fn not_an_id<T>(&mut self, span: Span, why: NotAnId) -> Option<T> {
        let error = self.error(span, why.message);
        error.label = "expected an id".into();
        error.help = why.help.map(Cow::Owned);
        None
    }

    /// The address, without port, that `word` says or names; tells why where it is none.
    pub(super) fn address(&mut self, line: Line<'_>, word: &Word) -> Option<IpAddr> {
        let text = line.text(word);
        if let Some(address) = ids::address(&text).or_else(|| self.addresses.get(&*text).copied()) {
            return Some(address);
        }
        let error = self.error(word.span, format!("`{text}` is not an address"));
        error.label = "expected an IPv4 or IPv6 address without a port, or a name of one".into();
        None
    }

    /// A number within `from..=to`. Where it is none the range is told and `from` stands in, so that the rest of the line is
    /// checked as well.
    pub(super) fn number(&mut self, line: Line<'_>, word: &Word, from: u32, to: u32) -> u32 {
        let text = line.text(word);
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        let value = text.parse::<u32>().ok().filter(|_| digits);
        match value {
            Some(value) if (from..=to).contains(&value) => value,
            _ => {
                let message = if digits {
                    format!("`{text}` is out of range")
                } else {
                    format!("`{text}` is not a number")
                };
                self.error(word.span, message).label =
                    format!("expected {} to {}", grouped(from), grouped(to)).into();
                from
            }
        }
    }

    /// Defines `node`, or says more of what defines it already. Returns whether the definition is this kind's.
    pub(super) fn define(&mut self, node: NodeId, said: Said, kind: Kind) -> bool {
        let known = &self.nodes[node as usize];
        let Some(definition) = &known.definition else {
            self.nodes[node as usize].definition = Some(Definition {
                kind,
                first: said.line,
                said,
                url: None,
                real: None,
            });
            return true;
        };
        if definition.kind == kind {
            return true;
        }
        let (was, at) = (definition.kind, self.called(definition.first));
        let id = self.text(said.word);
        let halves = matches!(
            (was, kind),
            (Kind::Virtual, Kind::Real) | (Kind::Real, Kind::Virtual)
        );
        let error = self.error(
            said.word,
            format!("`{id}` is a {} already, by {at}", was.word()),
        );
        error.label = "expected an id that nothing else has".into();
        error.help = halves.then(|| {
            format!("for a virtual and a real of one address and port write `dip {id}`").into()
        });
        false
    }

    /// Removes what is there of `node`: its definition and all settings of its own.
    pub(super) fn remove(&mut self, node: NodeId, said: Said, kind: Kind) {
        let id = self.text(said.word);
        let found = self.nodes[node as usize]
            .definition
            .as_ref()
            .map(|definition| definition.kind);
        match found {
            Some(found) if found == kind => {}
            Some(found) => {
                let error = self.error(
                    said.word,
                    format!("`{id}` is a {}, no {}", found.word(), kind.word()),
                );
                error.help = Some(format!("write `no {} {id}`", found.word()).into());
                return;
            }
            None => {
                return self
                    .nothing_to_undo(said, format!("there is no {} `{id}` above", kind.word()));
            }
        }
        self.unbind_all(node);
        let known = &mut self.nodes[node as usize];
        known.definition = None;
        known.removed = Some(said);
        known.virtual_half = Half::default();
        known.real_half = Half::default();
        known.listens.clear();
        known.passes.clear();
        known.settings.clear();
        known.watches.clear();
        known.certificates.clear();
    }

    pub(super) fn nothing_to_undo(&mut self, said: Said, why: String) {
        self.warning(said.word, format!("nothing to undo: {why}"));
    }

    /// Warns that `line` has no effect since a later one says otherwise. Each line once.
    pub(super) fn overridden(&mut self, line: u32, by: u32) {
        if self.overridden.insert(line) {
            let by = self.called(by);
            let span = self.statements.span(line);
            self.warning(span, format!("this line is overridden by {by}"));
        }
    }

    /// Sets a value of `node`; an earlier one of its kind that differs is overridden.
    pub(super) fn set(&mut self, node: NodeId, said: Said, value: Value, other: Option<Span>) {
        let settings = &mut self.nodes[node as usize].settings;
        let found = settings
            .iter_mut()
            .find(|s| discriminant(&s.value) == discriminant(&value));
        match found {
            Some(before) if before.value == value => {}
            Some(before) => {
                let line = before.said.line;
                *before = Setting { said, value, other };
                self.overridden(line, said.line);
            }
            None => settings.push(Setting { said, value, other }),
        }
    }

    /// Takes the setting of the kind of `like` away; a warning where there is none, or where `exactly` it is another.
    pub(super) fn unset(&mut self, node: NodeId, said: Said, like: &Value, exactly: bool) {
        let settings = &mut self.nodes[node as usize].settings;
        let found = settings.iter().position(|s| {
            if exactly {
                s.value == *like
            } else {
                discriminant(&s.value) == discriminant(like)
            }
        });
        match found {
            Some(at) => drop(settings.remove(at)),
            None => {
                let id = self.text(said.word);
                self.nothing_to_undo(said, format!("no line above sets this for `{id}`"));
            }
        }
    }

    /// Sets the intent of the halves of `node`; `by` says how the line came to it.
    pub(super) fn intend(
        &mut self,
        node: NodeId,
        line: u32,
        halves: Halves,
        intent: Intent,
        by: By,
    ) {
        let known = &mut self.nodes[node as usize];
        let mut before = Vec::new();
        for (half, speaks) in [
            (&mut known.virtual_half, halves.virtual_half),
            (&mut known.real_half, halves.real_half),
        ] {
            if !speaks {
                continue;
            }
            if let Some((earlier, of)) = half.by
                && half.intent != intent
                && halves.covers(of)
                && by != By::Undoing
            {
                before.push(earlier);
            }
            if half.intent != intent || half.by.is_none() {
                half.by = (by == By::Name).then_some((line, halves));
            }
            half.intent = intent;
        }
        for earlier in before {
            self.overridden(earlier, line);
        }
    }

    pub(super) fn unbind_all(&mut self, node: NodeId) {
        for (target, _) in std::mem::take(&mut self.nodes[node as usize].targets) {
            self.bound.remove(&(node, target));
        }
    }
}

/// A number as a manual prints it: thousands apart.
pub(super) fn grouped(number: u32) -> String {
    let digits = number.to_string();
    let mut out = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}
