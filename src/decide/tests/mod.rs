//! Builds farms for tests, and asks them.

mod alldown;
mod alternates;
mod bounce;
mod bounceback;
mod care_laws;
mod cases;
mod join;
mod laws;
mod measured;
mod places;
mod priority;
mod promised;
mod recipes;
mod shares;
mod slowstart;
mod sticky;
mod told;

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use super::*;
use crate::model::{
    Code, Dip, Endpoint, Id, Intent, Model, Piece, Predictor, Priority, Real, Ref, Scheme, Serving,
    Sticky, StickyBy, Template, Url, UrlId, Virtual,
};

/// A model under construction: everything is named by the text of its id.
#[derive(Default)]
pub(crate) struct Builder {
    pub(crate) model: Model,
    refs: BTreeMap<String, Ref>,
}

pub(crate) fn endpoint(text: &str) -> Endpoint {
    text.parse().expect("an endpoint")
}

pub(crate) fn id(text: &str) -> Id {
    match text.parse() {
        Ok(endpoint) => Id::Endpoint(endpoint),
        Err(_) => Id::Url(UrlId(Arc::from(text))),
    }
}

/// A template of `http://HOST` or `http://HOST/%d`, and what else the tests write.
pub(crate) fn template(text: &str) -> Template {
    let (scheme, rest) = match text.strip_prefix("https://") {
        Some(rest) => (Scheme::Https, rest),
        None => (Scheme::Http, text.strip_prefix("http://").expect("a URL")),
    };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let path = if path.starts_with('/') {
        path.to_owned()
    } else {
        format!("/{path}")
    };
    Template {
        text: text.into(),
        scheme,
        authority: pieces(authority),
        path: pieces(&path),
    }
}

fn pieces(text: &str) -> Box<[Piece]> {
    let mut pieces = Vec::new();
    let mut literal = String::new();
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        let piece = match (c, rest.as_str().chars().next()) {
            ('%', Some('h')) => Piece::Host,
            ('%', Some('s')) => Piece::Port,
            ('%', Some('d')) => Piece::PathAndQuery,
            ('%', Some('u')) => Piece::Path,
            ('%', Some('q')) => Piece::Query,
            _ => {
                literal.push(c);
                continue;
            }
        };
        rest.next();
        if !literal.is_empty() {
            pieces.push(Piece::Literal(std::mem::take(&mut literal).into()));
        }
        pieces.push(piece);
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal.into()));
    }
    pieces.into()
}

impl Builder {
    pub(crate) fn virtuals(mut self, ids: &[&str]) -> Self {
        for text in ids {
            let at = Ref::Virtual(self.model.virtuals.len() as u32);
            self.refs.insert((*text).to_owned(), at);
            self.model.virtuals.push(Virtual::new(endpoint(text)));
        }
        self
    }

    pub(crate) fn reals(mut self, ids: &[&str]) -> Self {
        for text in ids {
            let at = Ref::Real(self.model.reals.len() as u32);
            self.refs.insert((*text).to_owned(), at);
            self.model.reals.push(Real {
                id: endpoint(text),
                intent: Intent::InService,
                serving: Serving::default(),
            });
        }
        self
    }

    pub(crate) fn dips(mut self, ids: &[&str]) -> Self {
        for text in ids {
            let at = Ref::Dip(self.model.dips.len() as u32);
            self.refs.insert((*text).to_owned(), at);
            self.model
                .dips
                .push(Dip::new(endpoint(text), endpoint(text)));
        }
        self
    }

    pub(crate) fn url(mut self, name: &str, text: &str) -> Self {
        let at = Ref::Url(self.model.urls.len() as u32);
        self.refs.insert(name.to_owned(), at);
        self.model
            .urls
            .push(Url::new(UrlId(Arc::from(name)), template(text)));
        self
    }

    pub(crate) fn at(&self, id: &str) -> Ref {
        self.refs[id]
    }

    pub(crate) fn bind(mut self, v: &str, targets: &[&str]) -> Self {
        let targets: Vec<Ref> = targets.iter().map(|t| self.at(t)).collect();
        self.virtual_of(v).targets.extend(targets);
        self
    }

    pub(crate) fn link(mut self, url: &str, to: &str) -> Self {
        let to = self.at(to);
        self.url_of(url).link = Some(to);
        self
    }

    pub(crate) fn backup(mut self, id: &str, backup: &str) -> Self {
        let backup = Some(self.at(backup));
        match self.at(id) {
            Ref::Virtual(_) => self.virtual_of(id).backup = backup,
            Ref::Url(_) => self.url_of(id).backup = backup,
            _ => self.serving_of(id).backup = backup,
        }
        self
    }

    pub(crate) fn weight(mut self, id: &str, weight: u16) -> Self {
        match self.at(id) {
            Ref::Url(_) => self.url_of(id).weight = weight,
            _ => self.serving_of(id).weight = weight,
        }
        self
    }

    pub(crate) fn maxconns(mut self, id: &str, most: u32) -> Self {
        self.serving_of(id).maxconns = Some(most);
        self
    }

    pub(crate) fn intent(mut self, id: &str, intent: Intent) -> Self {
        match self.at(id) {
            Ref::Virtual(i) => self.model.virtuals[i as usize].intent = intent,
            Ref::Real(i) => self.model.reals[i as usize].intent = intent,
            Ref::Dip(i) => self.model.dips[i as usize].real_intent = intent,
            Ref::Url(i) => self.model.urls[i as usize].intent = intent,
        }
        self
    }

    pub(crate) fn predictor(mut self, v: &str, predictor: Predictor) -> Self {
        self.virtual_of(v).predictor = predictor;
        self
    }

    pub(crate) fn code(mut self, url: &str, code: Code) -> Self {
        self.url_of(url).code = Some(code);
        self
    }

    /// Changes settings of a virtual that have no method of their own here.
    pub(crate) fn tune(mut self, v: &str, change: impl FnOnce(&mut Virtual)) -> Self {
        change(self.virtual_of(v));
        self
    }

    pub(crate) fn sticky(self, v: &str, by: StickyBy) -> Self {
        self.tune(v, |v| v.sticky = Some(Sticky { minutes: 30, by }))
    }

    pub(crate) fn priority(mut self, id: &str, letter: char) -> Self {
        let priority = Priority::new(letter).expect("a letter");
        match self.at(id) {
            Ref::Url(_) => self.url_of(id).priority = priority,
            _ => self.serving_of(id).priority = priority,
        }
        self
    }

    fn virtual_of(&mut self, id: &str) -> &mut Virtual {
        match self.at(id) {
            Ref::Virtual(i) => &mut self.model.virtuals[i as usize],
            _ => panic!("{id} is no virtual"),
        }
    }

    fn url_of(&mut self, id: &str) -> &mut Url {
        match self.at(id) {
            Ref::Url(i) => &mut self.model.urls[i as usize],
            _ => panic!("{id} is no url"),
        }
    }

    pub(crate) fn serving_of(&mut self, id: &str) -> &mut Serving {
        match self.at(id) {
            Ref::Real(i) => &mut self.model.reals[i as usize].serving,
            Ref::Dip(i) => &mut self.model.dips[i as usize].serving,
            _ => panic!("{id} is no server"),
        }
    }

    /// A virtual 1.1.1.1 that redirects by urls `u1`, `u2` … to as many dips 2.0.0.1, 2.0.0.2 …
    pub(crate) fn redirecting(count: usize) -> Self {
        let mut builder = Builder::default().virtuals(&["1.1.1.1"]);
        for i in 1..=count {
            let (dip, url) = (dip(i), format!("u{i}"));
            builder = builder
                .dips(&[&dip])
                .url(&url, &format!("http://{url}.acme.com/%d"))
                .link(&url, &dip)
                .bind("1.1.1.1", &[&url]);
        }
        builder
    }

    pub(crate) fn farm(&self) -> TestFarm {
        let (snapshot, loads) = Snapshot::compile(&self.model, &Facts::default(), None);
        TestFarm {
            snapshot,
            loads,
            now: Millis(1_000_000),
            draw: 1,
        }
    }
}

/// A compiled farm with a clock and dice of its own.
pub(crate) struct TestFarm {
    pub(crate) snapshot: Snapshot,
    pub(crate) loads: Loads,
    pub(crate) now: Millis,
    draw: u64,
}

pub(crate) fn ask(at: &str) -> Ask<'static> {
    Ask {
        at: endpoint(at),
        client: "192.0.2.1".parse().expect("an address"),
        scheme: Scheme::Http,
        method: Cow::Borrowed("GET"),
        host: Cow::Owned(at.split(':').next().unwrap_or(at).to_owned()),
        port: endpoint(at).port.get(),
        target: Cow::Borrowed("/"),
        past: Past::default(),
    }
}

/// The id of the `i`-th dip of [`Builder::redirecting`].
pub(crate) fn dip(i: usize) -> String {
    format!("2.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255)
}

/// What the `n`-th client asks at `at`.
pub(crate) fn from(at: &str, n: u32) -> Ask<'static> {
    Ask {
        client: client(n),
        ..ask(at)
    }
}

pub(crate) fn client(n: u32) -> IpAddr {
    IpAddr::from((0xC612_0000 + n).to_be_bytes())
}

impl TestFarm {
    pub(crate) fn node(&self, text: &str) -> NodeIndex {
        self.snapshot.node(&id(text)).expect("a node")
    }

    pub(crate) fn set(&mut self, text: &str, health: Health) {
        self.snapshot = self.snapshot.with_health(&[(self.node(text), health)]);
    }

    pub(crate) fn measure(&mut self, text: &str, change: impl FnOnce(&mut Measured)) {
        let node = self.node(text);
        let mut measured = *self.snapshot.measured(node);
        change(&mut measured);
        self.snapshot = self.snapshot.with_measured(&[(node, measured)]);
    }

    /// Changes the configuration under the running farm.
    pub(crate) fn reload(&mut self, builder: &Builder) {
        let facts = Facts {
            measured: (0..self.snapshot.config.count())
                .map(NodeIndex)
                .map(|n| (self.snapshot.id(n).clone(), *self.snapshot.measured(n)))
                .collect(),
            ..Facts::default()
        };
        let before = Some((&self.snapshot, &self.loads));
        let (snapshot, loads) = Snapshot::compile(&builder.model, &facts, before);
        (self.snapshot, self.loads) = (snapshot, loads);
    }

    pub(crate) fn pass(&mut self, ms: u64) {
        self.now = Millis(self.now.0 + ms);
    }

    /// What an explanation of `ask` says.
    pub(crate) fn told(&mut self, ask: &Ask<'_>) -> String {
        let moment = self.moment();
        explain(ask, &self.snapshot, &self.loads, moment).to_string()
    }

    /// The url or server that the `n`-th client gets at the virtual.
    pub(crate) fn got(&mut self, n: u32) -> String {
        let text = self.tell(&from("1.1.1.1", n));
        let text = text.strip_prefix("-> ").unwrap_or(&text);
        text.split(' ').next().unwrap_or_default().to_owned()
    }

    pub(crate) fn moment(&mut self) -> Moment {
        self.draw = self
            .draw
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(99_991);
        Moment {
            now: self.now,
            draw: self.draw ^ self.draw >> 31,
        }
    }

    /// Decides, and keeps the place.
    pub(crate) fn hold(
        &mut self,
        ask: &Ask<'_>,
        attempt: &mut Attempt,
    ) -> (Decision, Option<Place>) {
        let moment = self.moment();
        let decision = decide(ask, &self.snapshot, &self.loads, moment, attempt);
        let place = match decision.action {
            Action::Forward { server } => Some(self.loads.place(server)),
            _ => None,
        };
        (decision, place)
    }

    /// Decides, gives the place back, and says "ID reason", with `-> ` before a url.
    pub(crate) fn tell(&mut self, ask: &Ask<'_>) -> String {
        let (decision, _) = self.hold(ask, &mut Attempt::default());
        self.words(decision)
    }

    pub(crate) fn get(&mut self, at: &str) -> String {
        self.tell(&ask(at))
    }

    pub(crate) fn words(&self, decision: Decision) -> String {
        let reason = decision.reason;
        match decision.action {
            Action::Redirect { url, .. } => format!("-> {} {reason}", self.snapshot.id(url)),
            Action::Forward { server } => format!("{} {reason}", self.snapshot.id(server)),
            Action::Refuse => format!("refused {reason}"),
        }
    }
}
