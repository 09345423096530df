//! Lines to a farm, and to what has to be said of them.

use std::borrow::Cow;
use std::net::IpAddr;

use super::farm::{Farm, Kind, Setting, State};
use super::id::{self, Id, Names, Refused, left, unknown};
use super::shown::shown;
use super::table::{self, COMMANDS, IMPORTED};
use super::{Fate, Note};
use crate::language::parse;

/// A whole file, read.
#[derive(Debug, Default)]
pub(super) struct Read {
    pub(super) farm: Farm,
    pub(super) notes: Vec<Note>,
    /// Every line that is neither blank nor a comment, as it is shown.
    pub(super) lines: Vec<(u32, String)>,
    /// Comments that say more than that the file was saved.
    pub(super) comments: Vec<String>,
    /// What the file says that it was saved by, such as `LocalDirector 416 Version 3.2.3`.
    pub(super) saved_by: Option<String>,
}

pub(super) fn read(bytes: &[u8]) -> Read {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let mut reader = Reader {
        read: Read::default(),
        names: Names::new(),
    };
    // Names may be used above the line that defines them.
    for line in text.split('\n') {
        reader.name(line);
    }
    for (number, line) in (1..).zip(text.split('\n')) {
        reader.line(number, line);
    }
    reader.read
}

struct Reader {
    read: Read,
    names: Names,
}

/// The words of a command behind its first one.
type Words<'l> = [&'l str];

impl Reader {
    fn name(&mut self, line: &str) {
        let words: Vec<&str> = line.split_ascii_whitespace().take(3).collect();
        if let Some((address, name)) = named(&words) {
            self.names.insert(name.into(), address);
        }
    }

    fn line(&mut self, number: u32, line: &str) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let Some(first) = words.first() else { return };
        if first.starts_with([':', '!', '#']) {
            return self.comment(&words.join(" "));
        }
        let text = shown(&words);
        if let Err((fate, why)) = self.command(number, &words) {
            self.read.notes.push(Note {
                line: number,
                text: text.clone(),
                fate,
                why,
            });
        }
        self.read.lines.push((number, text));
    }

    fn comment(&mut self, text: &str) {
        let said = text.trim_start_matches([':', '!', '#', ' ']);
        if text.starts_with(':') && said.starts_with("LocalDirector ") {
            self.read.saved_by = Some(said.to_owned());
        } else if !["", "Saved", "end"].contains(&said) {
            self.read.comments.push(said.to_owned());
        }
    }

    fn command(&mut self, line: u32, words: &[&str]) -> Result<(), Refused> {
        let (no, words) = match words {
            [no, rest @ ..] if no.eq_ignore_ascii_case("no") => (true, rest),
            all => (false, all),
        };
        let [first, rest @ ..] = words else {
            return Err(unknown("a command must follow `no`"));
        };
        match (&*first.to_ascii_lowercase(), no) {
            ("hostname", false) => self.hostname(line, rest),
            ("name", _) => self.names(line, rest, no),
            ("virtual", _) => self.server(line, Kind::Virtual, rest, no),
            ("real", _) => self.server(line, Kind::Real, rest, no),
            ("dip" | "direct-ip", _) => self.server(line, Kind::Dip, rest, no),
            ("direct", _) if rest.starts_with(&["-", "ip"]) => {
                self.server(line, Kind::Dip, &rest[2..], no)
            }
            ("url", _) => self.url(line, rest, no),
            ("bind", _) => self.bind(line, rest, no),
            ("unbind", false) => self.bind(line, rest, true),
            ("link", _) => self.link(line, rest, no),
            ("backup", _) => self.backup(line, rest, no),
            ("in-service" | "is", _) => self.service(line, rest, !no),
            ("out-of-service" | "oos", _) => self.service(line, rest, no),
            ("predictor", _) => self.predictor(line, rest, no),
            ("sticky", _) => self.sticky(line, rest, no),
            ("autounfail", _) => self.autounfail(line, rest, no),
            (word, _) => match Setting::ALL.into_iter().find(|it| it.as_str() == word) {
                Some(setting) => self.setting(line, setting, rest, no),
                None => self.other(line, words, no),
            },
        }
    }

    /// What the LocalDirector had and Signpost has not, or Signpost alone has.
    fn other(&mut self, line: u32, words: &[&str], no: bool) -> Result<(), Refused> {
        let no = if no { "no " } else { "" };
        let text = format!("{no}{}", words.join(" "));
        if let Some(hint) = table::find(COMMANDS, &text) {
            return Err(left(hint.to_string()));
        }
        let (statements, diagnostics) = parse(text.as_bytes());
        if diagnostics.is_empty() && statements.len() == 1 && table::find(IMPORTED, &text).is_none()
        {
            self.read.farm.own.push((text, line));
            return Ok(());
        }
        match table::find(IMPORTED, &text) {
            Some(hint) => Err(left(hint.to_string())),
            None => Err(unknown(
                "it is no command that is known of the LocalDirector, nor a statement of Signpost's",
            )),
        }
    }

    fn hostname(&mut self, line: u32, words: &Words<'_>) -> Result<(), Refused> {
        let [name] = words else {
            return Err(unknown("expected `hostname NAME`"));
        };
        self.read.farm.hostname.say((), (*name).into(), line);
        Ok(())
    }

    fn names(&mut self, line: u32, words: &Words<'_>, no: bool) -> Result<(), Refused> {
        let words = [&["name"], words].concat();
        let Some((address, name)) = named(&words) else {
            return Err(unknown("expected `name ADDRESS NAME`"));
        };
        let known = &mut self.read.farm.names;
        if no {
            known.unsay(&address);
        } else if let Some(why) = id::unfit(name) {
            return Err(left(format!(
                "the address is written in the name's place: {why}"
            )));
        } else if self.names.get(name) != Some(&address) {
            return Err(left("a later line gives this name to another address"));
        } else {
            known.say(address, name.into(), line);
        }
        Ok(())
    }

    fn server(
        &mut self,
        line: u32,
        kind: Kind,
        words: &Words<'_>,
        no: bool,
    ) -> Result<(), Refused> {
        let (word, state) = match words {
            [word] => (word, None),
            [word, state] => (word, Some(*state)),
            _ => {
                let kind = kind.as_str();
                return Err(unknown(format!("expected `{kind} ID [is|oos]`")));
            }
        };
        let id = id::server(word, &self.names)?;
        let state = match state {
            None => State::Unsaid,
            Some(word) => state_of(word).ok_or_else(|| {
                unknown(format!(
                    "`{}` is no state: expected `is` or `oos`",
                    shown(&[word])
                ))
            })?,
        };
        let servers = &mut self.read.farm.servers;
        if no {
            servers.unsay(&(kind, id));
        } else {
            servers.say((kind, id), (state, None), line);
        }
        Ok(())
    }

    fn url(&mut self, line: u32, words: &Words<'_>, no: bool) -> Result<(), Refused> {
        let urls = &mut self.read.farm.urls;
        match (no, words) {
            (true, [id, ..]) => urls.unsay(&(*id).into()),
            (false, [id, url]) => urls.say((*id).into(), ((*url).into(), None), line),
            (false, [id, url, code]) => {
                urls.say((*id).into(), ((*url).into(), Some((*code).into())), line);
            }
            _ => return Err(unknown("expected `url URL-ID URL [CODE]`")),
        }
        Ok(())
    }

    fn bind(&mut self, line: u32, words: &Words<'_>, no: bool) -> Result<(), Refused> {
        let form = "expected `bind VIRTUAL-ID TARGET…`";
        let [word, targets @ ..] = words else {
            return Err(unknown(form));
        };
        let at = id::server(word, &self.names)?;
        if targets.is_empty() && !no {
            return Err(unknown(form));
        }
        let Farm { binds, bound, .. } = &mut self.read.farm;
        if targets.is_empty() {
            for target in bound.remove(&at).unwrap_or_default() {
                binds.unsay(&(at, target));
            }
        }
        for target in targets {
            let target = id::read(target, &self.names)?;
            if no {
                binds.unsay(&(at, target));
            } else {
                bound.entry(at).or_default().push(target.clone());
                binds.say((at, target), (), line);
            }
        }
        Ok(())
    }

    fn link(&mut self, line: u32, words: &Words<'_>, no: bool) -> Result<(), Refused> {
        match (no, words) {
            (true, [url, ..]) => self.read.farm.links.unsay(&(*url).into()),
            (false, [url, to]) => {
                let to = id::server(to, &self.names)?;
                self.read.farm.links.say((*url).into(), to, line);
            }
            _ => return Err(unknown("expected `link URL-ID LINK-ID`")),
        }
        Ok(())
    }

    fn backup(&mut self, line: u32, words: &Words<'_>, no: bool) -> Result<(), Refused> {
        match (no, words) {
            (true, [of, ..]) => {
                let of = id::read(of, &self.names)?;
                self.read.farm.backups.unsay(&of);
            }
            (false, [of, by]) => {
                let (of, by) = (id::read(of, &self.names)?, id::read(by, &self.names)?);
                self.read.farm.backups.say(of, by, line);
            }
            _ => return Err(unknown("expected `backup ID BACKUP-ID`")),
        }
        Ok(())
    }

    fn service(&mut self, line: u32, words: &Words<'_>, into: bool) -> Result<(), Refused> {
        let form = "expected `in-service|out-of-service virtual|real|url ID [STATE] [all]`";
        let [kind, word, rest @ ..] = words else {
            return Err(unknown(form));
        };
        let (rest, all) = match rest {
            [rest @ .., all] if all.eq_ignore_ascii_case("all") => (rest, true),
            rest => (rest, false),
        };
        let state = match rest {
            [] if into => State::InService,
            [] => State::Out("oos"),
            [state] => state_of(state).ok_or_else(|| unknown(form))?,
            _ => return Err(unknown(form)),
        };
        let known = [Kind::Virtual, Kind::Real, Kind::Dip];
        let named = known
            .into_iter()
            .find(|it| kind.eq_ignore_ascii_case(it.as_str()));
        if named.is_none() && !kind.eq_ignore_ascii_case("url") {
            return Err(unknown(form));
        }
        let id = id::read(word, &self.names)?;
        let farm = &mut self.read.farm;
        if let (Some(kind), Id::Server(id), false) = (named, &id, all)
            && let Some(key) = farm.known(kind, *id)
            && let Some(said) = farm.servers.find_mut(&(kind, key))
        {
            // Told where the server is made: `oos` there and `in-service` further down would read as a contradiction.
            said.value = (state, Some(line));
            return Ok(());
        }
        let (verb, state) = match state {
            State::Out(state) => ("out-of-service", state),
            _ => ("in-service", ""),
        };
        let kind = kind.to_ascii_lowercase();
        let behind = [state, if all { "all" } else { "" }].join(" ");
        let key = (kind.as_str().into(), id);
        let value = (format!("{verb} {kind}"), behind.trim().to_owned());
        farm.states.say(key, value, line);
        Ok(())
    }

    fn predictor(&mut self, line: u32, words: &Words<'_>, no: bool) -> Result<(), Refused> {
        let [word, rest @ ..] = words else {
            return Err(unknown("expected `predictor VIRTUAL-ID NAME [slowstart]`"));
        };
        let at = id::server(word, &self.names)?;
        if no {
            self.read.farm.predictors.unsay(&at);
            return Ok(());
        }
        let (name, slowstart) = match rest {
            [name] => (*name, None),
            [name, slow, how @ ..] if slow.eq_ignore_ascii_case("slowstart") && how.len() < 2 => {
                (*name, Some(how.first().copied().unwrap_or("roundrobin")))
            }
            _ => return Err(unknown("expected `predictor VIRTUAL-ID NAME [slowstart]`")),
        };
        let name = name.to_ascii_lowercase();
        if !["leastconns", "roundrobin", "weighted", "fastest", "loaded"].contains(&&*name) {
            return Err(unknown(
                "expected `leastconns`, `roundrobin`, `weighted`, `fastest` or `loaded`",
            ));
        }
        let mut said = name;
        if let Some(how) = slowstart.filter(|how| !how.eq_ignore_ascii_case("none")) {
            let seconds = how.parse().unwrap_or(SLOWSTART_S);
            said.push_str(&format!(" slowstart {seconds}"));
            self.changed(line, &[&["predictor"], words].concat(), "a server that returned was filled in turn at first; here its share grows little by little, over as many seconds as `slowstart` says");
        }
        self.read.farm.predictors.say(at, said, line);
        Ok(())
    }

    fn sticky(&mut self, line: u32, words: &Words<'_>, no: bool) -> Result<(), Refused> {
        let (word, minutes, by) = match words {
            [word, ..] if no => (word, "0", &[][..]),
            [word, minutes, by @ ..] => (word, *minutes, by),
            _ => return Err(unknown("expected `sticky VIRTUAL-ID MINUTES`")),
        };
        let at = id::server(word, &self.names)?;
        let minutes = number(minutes)?;
        let mut said = minutes.to_string();
        match by.first().map(|by| by.to_ascii_lowercase()) {
            None => {}
            Some(by) if by == "generic" => {}
            Some(by) if by.contains("cookie") => {
                said.push_str(" cookie");
                self.changed(line, &[&["sticky"], words].concat(), "the cookie is one of Signpost's own, signed: `ticket-key` says with which key, so that it holds after a restart and on a second director");
            }
            Some(_) => self.changed(line, &[&["sticky"], words].concat(), "clients are told by their address; SSL sessions pass Signpost by, and behind proxies `sticky VIRTUAL MINUTES cookie` tells more"),
        }
        if no {
            self.read.farm.stickies.unsay(&at);
        } else {
            self.read.farm.stickies.say(at, said, line);
        }
        Ok(())
    }

    fn autounfail(&mut self, line: u32, words: &Words<'_>, no: bool) -> Result<(), Refused> {
        let [word] = words else {
            return Err(unknown("expected `autounfail ID`"));
        };
        let key = (Setting::Autounfail, id::read(word, &self.names)?);
        let said = if no { "no" } else { "" };
        self.read.farm.settings.say(key, said.to_owned(), line);
        Ok(())
    }

    fn setting(
        &mut self,
        line: u32,
        setting: Setting,
        words: &Words<'_>,
        no: bool,
    ) -> Result<(), Refused> {
        let (word, value) = match words {
            [word, ..] if no => (word, "0"),
            [word, value] => (word, *value),
            _ => {
                let keyword = setting.as_str();
                return Err(unknown(format!("expected `{keyword} ID NUMBER`")));
            }
        };
        let key = (setting, id::read(word, &self.names)?);
        if no {
            self.read.farm.settings.unsay(&key);
            return Ok(());
        }
        let most = match setting {
            Setting::Retry => RETRY_S,
            Setting::Timeout => TIMEOUT_S,
            _ => u32::MAX,
        };
        let value = number(value)?;
        let said = match setting {
            Setting::Weight => value,
            Setting::Maxconns if value == 0 => {
                return Err(left("0 was no limit: so it is without this line"));
            }
            _ if value == 0 => {
                return Err(left(format!(
                    "Signpost knows no {} of 0: its default holds",
                    setting.as_str()
                )));
            }
            Setting::Retry | Setting::Timeout => {
                let seconds = value.saturating_mul(60);
                if seconds > most {
                    self.changed(
                        line,
                        &[&[setting.as_str()], words].concat(),
                        "it is cut to the most that Signpost takes",
                    );
                }
                seconds.min(most)
            }
            _ => value,
        };
        self.read.farm.settings.say(key, said.to_string(), line);
        Ok(())
    }

    fn changed(&mut self, line: u32, words: &[&str], why: &'static str) {
        self.read.notes.push(Note {
            line,
            text: shown(words),
            fate: Fate::Changed,
            why: Cow::Borrowed(why),
        });
    }
}

/// What `slowstart` becomes where no number of seconds stands: the LocalDirector's had none.
const SLOWSTART_S: u32 = 30;
/// The longest `retry` and `timeout` of Signpost's, in seconds.
const RETRY_S: u32 = 86_400;
const TIMEOUT_S: u32 = 2_592_000;

fn number(word: &str) -> Result<u32, Refused> {
    word.parse()
        .map_err(|_| unknown(format!("`{}` is not a number", shown(&[word]))))
}

fn state_of(word: &str) -> Option<State> {
    let word = word.to_ascii_lowercase();
    Some(match &*word {
        "is" | "in-service" => State::InService,
        "oos" | "out-of-service" => State::Out("oos"),
        "maintenance" | "maint" => State::Out("maintenance"),
        "sticky" => State::Out("sticky"),
        "failed" => State::Out("failed"),
        _ => return None,
    })
}

/// The address and the name of a `name` line, in whichever order they stand.
fn named<'l>(words: &[&'l str]) -> Option<(IpAddr, &'l str)> {
    let [name, one, other] = words else {
        return None;
    };
    if !name.eq_ignore_ascii_case("name") {
        return None;
    }
    let found = one.parse().map(|address| (address, *other));
    found
        .or_else(|_| other.parse().map(|address| (address, *one)))
        .ok()
}
