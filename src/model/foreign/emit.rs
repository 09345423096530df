//! The farm as statements.

use std::collections::{HashMap, HashSet};
use std::num::NonZeroU16;

use super::farm::{Farm, Keyed, Kind, Setting, State};
use super::id::{Id, Names, ServerId};
use super::ports::not_http;
use super::{Fate, Note};
use crate::model::Endpoint;

/// Where statements stand together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Section {
    Names,
    Virtuals,
    Reals,
    Dips,
    Urls,
    Binds,
    Links,
    Backups,
    Predictors,
    Stickies,
    Settings,
    States,
    Own,
}

/// One statement, and the line that it stands for; some stand for what the LocalDirector did unasked.
#[derive(Debug)]
pub(super) struct Statement {
    pub(super) text: String,
    pub(super) section: Section,
    pub(super) line: Option<u32>,
    /// A second line that it stands for.
    pub(super) also: Option<u32>,
}

impl Statement {
    /// The lines that it stands for.
    pub(super) fn lines(&self) -> impl Iterator<Item = u32> {
        self.line.into_iter().chain(self.also)
    }
}

/// Turns the farm into statements, and tells what cannot be one.
pub(super) fn emit(
    farm: &Farm,
    shown: &HashMap<u32, &str>,
    notes: &mut Vec<Note>,
) -> Vec<Statement> {
    let mut emitter = Emitter {
        farm,
        shown,
        notes,
        names: farm
            .names
            .iter()
            .filter(|name| farm.urls.find(&name.value).is_none())
            .map(|name| (name.value.clone(), name.key))
            .collect(),
        virtuals: HashMap::new(),
        reals: HashMap::new(),
        out: Vec::new(),
    };
    emitter.names();
    emitter.virtuals();
    emitter.reals();
    emitter.dips_and_urls();
    emitter.binds();
    emitter.links_and_backups();
    emitter.predictors_and_stickies();
    emitter.settings();
    emitter.states();
    emitter.out
}

struct Emitter<'f> {
    farm: &'f Farm,
    shown: &'f HashMap<u32, &'f str>,
    notes: &'f mut Vec<Note>,
    names: Names,
    /// Where each virtual listens, or why it does not.
    virtuals: HashMap<ServerId, Result<Endpoint, String>>,
    /// Where each real is; one of every port at several.
    reals: HashMap<ServerId, Vec<Endpoint>>,
    out: Vec<Statement>,
}

impl Emitter<'_> {
    fn say(&mut self, section: Section, line: Option<u32>, text: String) {
        self.out.push(Statement {
            text,
            section,
            line,
            also: None,
        });
    }

    fn note(&mut self, line: u32, fate: Fate, why: impl Into<String>) {
        let text = self.shown.get(&line).copied().unwrap_or_default();
        self.notes.push(Note {
            line,
            text: text.to_owned(),
            fate,
            why: why.into().into(),
        });
    }

    /// The endpoint as its lines call it: by name where one is kept.
    fn called(&self, endpoint: Endpoint) -> String {
        let text = endpoint.to_string();
        let name = self.farm.names.find(&endpoint.address);
        match name.filter(|name| self.names.contains_key(&name.value)) {
            Some(name) => {
                let address = Endpoint::new(endpoint.address, Endpoint::HTTP).to_string();
                let behind = text.strip_prefix(&address).unwrap_or_default();
                format!("{}{behind}", name.value)
            }
            None => text,
        }
    }

    fn names(&mut self) {
        let farm = self.farm;
        for said in farm.hostname.iter() {
            let text = format!("hostname {}", said.value);
            self.say(Section::Names, Some(said.line), text);
        }
        for said in farm.names.iter() {
            if self.names.contains_key(&said.value) {
                let text = format!("name {} {}", said.key, said.value);
                self.say(Section::Names, Some(said.line), text);
            } else {
                self.note(said.line, Fate::Left, "the address is written in the name's place: a url has this id, and urls and names share one set of words");
            }
        }
    }

    fn virtuals(&mut self) {
        let farm = self.farm;
        for said in farm.servers.iter().filter(|it| it.key.0 == Kind::Virtual) {
            let id = said.key.1;
            let found = self.listens(id);
            match &found {
                Ok(endpoint) => {
                    if id.port == 0 {
                        self.note(said.line, Fate::Changed, "port 0 was every port: it is taken as 80; further ports that speak HTTP need a `listen VIRTUAL-ID ENDPOINT`");
                    }
                    self.server(Kind::Virtual, *endpoint, said.value, said.line);
                }
                Err(why) => self.note(said.line, Fate::Left, why.clone()),
            }
            self.virtuals.insert(id, found);
        }
    }

    fn listens(&self, id: ServerId) -> Result<Endpoint, String> {
        if id.bind_id != 0 {
            return Err("a bind-id of a virtual made it serve the clients that `assign` gave it; Signpost's serve every client: give the group a virtual at an address of its own".to_owned());
        }
        if let Some(why) = not_http(id.port) {
            return Err(why);
        }
        let twin = id.loosely().map(|it| (Kind::Virtual, it));
        if id.port == 0 && twin.is_some_and(|twin| self.farm.servers.find(&twin).is_some()) {
            return Err("port 0 was every other port: the virtual at port 80 is there; further ports that speak HTTP need a `listen VIRTUAL-ID ENDPOINT`".to_owned());
        }
        Ok(id.at(Endpoint::HTTP))
    }

    fn server(&mut self, kind: Kind, endpoint: Endpoint, said: (State, Option<u32>), line: u32) {
        let (state, told) = said;
        let (section, word) = match kind {
            Kind::Virtual => (Section::Virtuals, "virtual"),
            Kind::Real => (Section::Reals, "real"),
            Kind::Dip => (Section::Dips, "dip"),
        };
        let id = self.called(endpoint);
        // A dip of the LocalDirector's was in service once it was made.
        let oos = matches!(state, State::Out("oos")) || state == State::Unsaid && kind != Kind::Dip;
        let behind = if oos && kind != Kind::Dip { " oos" } else { "" };
        self.out.push(Statement {
            text: format!("{word} {id}{behind}"),
            section,
            line: Some(line),
            also: told,
        });
        if let State::Out(state) = state
            && behind.is_empty()
        {
            let text = format!("out-of-service {word} {id} {state}");
            self.say(Section::States, told.or(Some(line)), text);
        }
    }

    fn reals(&mut self) {
        let farm = self.farm;
        let mut explicit = HashSet::new();
        for said in farm.servers.iter().filter(|it| it.key.0 == Kind::Real) {
            let id = said.key.1;
            self.reals.insert(id, Vec::new());
            if id.port != 0 {
                explicit.insert(id.at(Endpoint::HTTP));
            }
        }
        let ports = self.ports();
        for said in farm.servers.iter().filter(|it| it.key.0 == Kind::Real) {
            let id = said.key.1;
            if let Some(why) = not_http(id.port) {
                self.note(said.line, Fate::Left, why);
                continue;
            }
            let mut at: Vec<Endpoint> = match ports.get(&id) {
                Some(ports) => ports.iter().map(|port| id.at(*port)).collect(),
                None => vec![id.at(Endpoint::HTTP)],
            };
            if id.port == 0 {
                self.note(said.line, Fate::Changed, "port 0 was the port of whichever virtual it was bound to: here it is a real at each of these");
            }
            for endpoint in &at {
                if id.port != 0 || !explicit.contains(endpoint) {
                    self.server(Kind::Real, *endpoint, said.value, said.line);
                }
            }
            if let Some(places) = self.reals.get_mut(&id) {
                places.append(&mut at);
            }
        }
    }

    /// At which ports a real of every port is asked: those of the virtuals that it is bound to, else of what it stands in for.
    fn ports(&self) -> HashMap<ServerId, Vec<NonZeroU16>> {
        let mut ports: HashMap<ServerId, Vec<NonZeroU16>> = HashMap::new();
        let mut seen = HashSet::new();
        let mut asked = |real: ServerId, port: NonZeroU16| {
            if seen.insert((real, port)) {
                ports.entry(real).or_default().push(port);
            }
        };
        for said in self.farm.binds.iter() {
            let (at, Id::Server(target)) = &said.key else {
                continue;
            };
            let real = self.farm.known(Kind::Real, *target);
            if let (Some(real), Some(Ok(at))) =
                (real.filter(|it| it.port == 0), self.virtual_at(*at))
            {
                asked(real, at.port);
            }
        }
        for said in self.farm.backups.iter() {
            let (Id::Server(of), Id::Server(by)) = (&said.key, &said.value) else {
                continue;
            };
            let real = self.farm.known(Kind::Real, *by);
            if let (Some(real), Some(port)) =
                (real.filter(|it| it.port == 0), NonZeroU16::new(of.port))
            {
                asked(real, port);
            }
        }
        ports
    }

    fn virtual_at(&self, id: ServerId) -> Option<&Result<Endpoint, String>> {
        let known = self.farm.known(Kind::Virtual, id)?;
        self.virtuals.get(&known)
    }

    fn dips_and_urls(&mut self) {
        let farm = self.farm;
        for said in farm.servers.iter().filter(|it| it.key.0 == Kind::Dip) {
            let endpoint = said.key.1.at(Endpoint::HTTP);
            self.server(Kind::Dip, endpoint, said.value, said.line);
            self.note(said.line, Fate::Changed, "the LocalDirector stood in the path of the packets, so that a dip's server could have the dip's own address; Signpost needs to be told where the server is: write `dip ID ENDPOINT`");
        }
        for said in farm.urls.iter() {
            let (id, (url, code)) = (&said.key, &said.value);
            // What the LocalDirector sent where no code was written.
            let code = code.as_deref().unwrap_or("302");
            let text = format!("url {id} {url} {code}");
            self.say(Section::Urls, Some(said.line), text);
        }
    }

    /// Every place where `id` is now, or why it is nowhere.
    fn places(&self, id: &Id) -> Result<Vec<String>, String> {
        let id = match id {
            Id::Url(url) => return Ok(vec![url.to_string()]),
            Id::Server(id) => *id,
        };
        if let Some(real) = self.farm.known(Kind::Real, id) {
            let places = self.reals.get(&real).map(Vec::as_slice).unwrap_or_default();
            if places.is_empty() {
                return Err(NAMES_LEFT.to_owned());
            }
            return Ok(places.iter().map(|it| self.called(*it)).collect());
        }
        match self.virtual_at(id) {
            Some(Ok(endpoint)) => Ok(vec![self.called(*endpoint)]),
            Some(Err(_)) => Err(NAMES_LEFT.to_owned()),
            None => Ok(vec![self.called(id.at(Endpoint::HTTP))]),
        }
    }

    /// The place of a virtual or dip.
    fn listener(&self, id: ServerId) -> Result<Endpoint, String> {
        match self.virtual_at(id) {
            Some(Ok(endpoint)) => Ok(*endpoint),
            Some(Err(_)) => Err(NAMES_LEFT.to_owned()),
            None => Ok(id.at(Endpoint::HTTP)),
        }
    }

    /// A statement a target, so that one that is refused takes no other with it.
    fn binds(&mut self) {
        let farm = self.farm;
        for said in farm.binds.iter() {
            let (id, target) = &said.key;
            let found = self
                .listener(*id)
                .and_then(|at| Ok((at, self.target(at, target)?)));
            match found {
                Ok((at, target)) => {
                    let text = format!("bind {} {target}", self.called(at));
                    self.say(Section::Binds, Some(said.line), text);
                }
                Err(why) => self.note(said.line, Fate::Left, why),
            }
        }
    }

    fn target(&self, at: Endpoint, target: &Id) -> Result<String, String> {
        if let Id::Server(id) = target
            && let Some(real) = self.farm.known(Kind::Real, *id)
            && real.port == 0
        {
            return Ok(self.called(real.at(at.port)));
        }
        let mut places = self.places(target)?;
        Ok(places.swap_remove(0))
    }

    fn links_and_backups(&mut self) {
        let farm = self.farm;
        for said in farm.links.iter() {
            match self.listener(said.value) {
                Ok(to) => {
                    let text = format!("link {} {}", said.key, self.called(to));
                    self.say(Section::Links, Some(said.line), text);
                }
                Err(why) => self.note(said.line, Fate::Left, why),
            }
        }
        for said in farm.backups.iter() {
            let pairs = self
                .places(&said.key)
                .and_then(|of| Ok((of, self.places(&said.value)?)));
            let (of, by) = match pairs {
                Ok(pairs) => pairs,
                Err(why) => {
                    self.note(said.line, Fate::Left, why);
                    continue;
                }
            };
            let port = |place: &str| place.split_once(':').map(|(_, port)| port.to_owned());
            let by: HashMap<Option<String>, &String> = by
                .iter()
                .rev()
                .map(|place| (port(place), place))
                .chain(by.first().map(|first| (Some(String::new()), first)))
                .collect();
            for of in &of {
                let Some(by) = by.get(&port(of)).or_else(|| by.get(&Some(String::new()))) else {
                    continue;
                };
                self.say(
                    Section::Backups,
                    Some(said.line),
                    format!("backup {of} {by}"),
                );
            }
        }
    }

    fn predictors_and_stickies(&mut self) {
        let farm = self.farm;
        for said in farm.servers.iter().filter(|it| it.key.0 == Kind::Virtual) {
            let id = said.key.1;
            let loosely = id.loosely().and_then(|id| farm.predictors.find(&id));
            if let (Some(Ok(at)), None, None) =
                (self.virtuals.get(&id), farm.predictors.find(&id), loosely)
            {
                let text = format!("predictor {} leastconns", self.called(*at));
                self.say(Section::Predictors, None, text);
            }
        }
        self.of_virtuals(Section::Predictors, "predictor", &farm.predictors);
        self.of_virtuals(Section::Stickies, "sticky", &farm.stickies);
    }

    fn of_virtuals(&mut self, section: Section, word: &str, said: &Keyed<ServerId, String>) {
        for said in said.iter() {
            match self.listener(said.key) {
                Ok(at) => {
                    let text = format!("{word} {} {}", self.called(at), said.value);
                    self.say(section, Some(said.line), text);
                }
                Err(why) => self.note(said.line, Fate::Left, why),
            }
        }
    }

    fn settings(&mut self) {
        let farm = self.farm;
        let mut bound: HashMap<ServerId, Vec<&Id>> = HashMap::new();
        if !farm.settings.is_empty() {
            for said in farm.binds.iter() {
                let (at, target) = &said.key;
                let at = farm.known(Kind::Virtual, *at).unwrap_or(*at);
                bound.entry(at).or_default().push(target);
            }
        }
        for said in farm.settings.iter() {
            let (setting, id) = &said.key;
            let all = match id {
                Id::Server(id) if farm.known(Kind::Real, *id).is_none() => {
                    farm.known(Kind::Virtual, *id)
                }
                _ => None,
            };
            let places = match all {
                None => self.places(id),
                Some(at) => self.virtuals_targets(at, bound.get(&at)),
            };
            match places {
                Ok(places) => {
                    for place in places {
                        let text = setting_text(*setting, &place, &said.value);
                        self.say(Section::Settings, Some(said.line), text);
                    }
                }
                Err(why) => self.note(said.line, Fate::Left, why),
            }
        }
    }

    /// A virtual in a real's place stood for all reals that were bound to it.
    fn virtuals_targets(
        &self,
        at: ServerId,
        bound: Option<&Vec<&Id>>,
    ) -> Result<Vec<String>, String> {
        let endpoint = self.listener(at)?;
        let targets = bound.map(Vec::as_slice).unwrap_or_default();
        let places = targets
            .iter()
            .filter(|id| matches!(id, Id::Server(_)))
            .map(|id| self.target(endpoint, id))
            .collect::<Result<Vec<_>, _>>()?;
        if places.is_empty() {
            return Err("nothing is bound to the virtual that has this setting".to_owned());
        }
        Ok(places)
    }

    fn states(&mut self) {
        let farm = self.farm;
        for said in farm.states.iter() {
            let (verb, behind) = &said.value;
            match self.places(&said.key.1) {
                Ok(places) => {
                    for place in places {
                        let text = format!("{verb} {place} {behind}").trim_end().to_owned();
                        self.say(Section::States, Some(said.line), text);
                    }
                }
                Err(why) => self.note(said.line, Fate::Left, why),
            }
        }
        for (text, line) in &farm.own {
            self.say(Section::Own, Some(*line), text.clone());
        }
    }
}

const NAMES_LEFT: &str = "it names a server that is not taken over";

fn setting_text(setting: Setting, place: &str, value: &str) -> String {
    match setting {
        Setting::Autounfail if value.is_empty() => format!("autounfail {place}"),
        Setting::Autounfail => format!("no autounfail {place}"),
        other => format!("{} {place} {value}", other.as_str()),
    }
}
