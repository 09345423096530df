//! Which servers a word of `show` means: ids whose fields may be left out.

use std::net::IpAddr;

use super::{Own, Scene, Server};
use crate::control::Kind;
use crate::model::{Endpoint, Id};

/// So many near ids are named where one is not there.
const NEAR: usize = 3;

/// An id of which fields are left out: `10.0.0.1`, `:8080`, `10.0.0.1::2`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Pattern {
    address: Option<IpAddr>,
    port: Option<u16>,
    bind_id: Option<u16>,
}

impl Pattern {
    /// `None`: it is no form of an endpoint's id.
    fn read(word: &str, names: &[(Box<str>, IpAddr)]) -> Option<Pattern> {
        if let Ok(IpAddr::V6(v6)) = word.parse::<IpAddr>() {
            return Some(Pattern {
                address: Some(IpAddr::V6(v6).to_canonical()),
                port: None,
                bind_id: None,
            });
        }
        let (host, rest) = match word.strip_prefix('[') {
            Some(inner) => inner.split_once(']')?,
            None => word.split_at(word.find(':').unwrap_or(word.len())),
        };
        let named = || names.iter().find(|(name, _)| &**name == host);
        let address = match host {
            "" => None,
            _ => match host.parse::<IpAddr>() {
                Ok(address) => Some(address.to_canonical()),
                Err(_) => Some(named()?.1),
            },
        };
        let mut fields = rest.split(':').skip(1);
        let mut field = || match fields.next() {
            None | Some("") => Some(None),
            Some(text) => text.parse::<u16>().ok().map(Some),
        };
        // The LocalDirector's port 0 is every port.
        let port = field()?.filter(|port| *port != 0);
        let bind_id = field()?;
        let protocol = fields.next().unwrap_or("tcp");
        let over = fields.next().is_some() || !protocol.eq_ignore_ascii_case("tcp");
        let any = address.is_none() && port.is_none() && bind_id.is_none();
        (!over && !any).then_some(Pattern {
            address,
            port,
            bind_id,
        })
    }

    fn fits(&self, at: Endpoint) -> bool {
        self.address.is_none_or(|address| address == at.address)
            && self.port.is_none_or(|port| port == at.port.get())
            && self.bind_id.is_none_or(|bind_id| bind_id == at.bind_id)
    }
}

/// The servers of `kinds` that `word` means; `None`: all.
pub(super) fn select<'s>(
    scene: &'s Scene,
    kinds: &[Kind],
    word: Option<&str>,
) -> Result<Vec<&'s Server>, String> {
    let of_kind = || scene.servers.iter().filter(|s| kinds.contains(&s.kind));
    let Some(word) = word else {
        return Ok(of_kind().collect());
    };
    let pattern = Pattern::read(word, &scene.names);
    let means = |server: &&Server| match &server.id {
        Id::Url(url) => url.as_str() == word,
        Id::Endpoint(at) => pattern.is_some_and(|pattern| {
            pattern.fits(*at) || matches!(&server.own, Own::Dip(dip) if pattern.fits(dip.real))
        }),
    };
    let found: Vec<_> = of_kind().filter(means).collect();
    if found.is_empty() {
        return Err(unknown(word, kinds, of_kind()));
    }
    Ok(found)
}

fn unknown<'s>(word: &str, kinds: &[Kind], among: impl Iterator<Item = &'s Server>) -> String {
    let kinds: Vec<_> = kinds.iter().map(|kind| kind.as_str()).collect();
    let kinds = match &kinds[..] {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        _ => kinds.concat(),
    };
    near(word, &kinds, among.map(|server| server.id.to_string()))
}

/// That `word` names nothing, and what comes near it.
pub(super) fn near(word: &str, what: &str, among: impl Iterator<Item = String>) -> String {
    let mut any = false;
    let alike = |id: String| {
        any = true;
        let alike = strsim::jaro_winkler(word, &id);
        (alike > 0.75).then_some((alike, id))
    };
    let mut near: Vec<_> = among.filter_map(alike).collect();
    near.sort_by(|(a, x), (b, y)| b.total_cmp(a).then_with(|| x.cmp(y)));
    let near: Vec<_> = near.into_iter().take(NEAR).map(|(_, id)| id).collect();
    let word = super::table::plain(word.to_owned());
    match (any, near.is_empty()) {
        (false, _) => format!("`{word}` is no {what}: there is none"),
        (true, true) => format!("`{word}` is no {what} of this configuration"),
        (true, false) => format!("`{word}` is no {what}; near it: {}", near.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_may_be_left_out() {
        let names = [("web1".into(), "10.0.0.1".parse().expect("an address"))];
        let at = |text: &str| text.parse::<Endpoint>().expect("an endpoint");
        for (word, fits, other) in [
            ("10.0.0.1", "10.0.0.1:8080", "10.0.0.2"),
            ("10.0.0.1:0", "10.0.0.1:8080", "10.0.0.2"),
            ("web1", "10.0.0.1:8080", "10.0.0.2"),
            ("web1:8080", "10.0.0.1:8080", "10.0.0.1"),
            (":8080", "10.0.0.9:8080", "10.0.0.9:80"),
            ("10.0.0.1:80", "10.0.0.1:80:3", "10.0.0.1:81"),
            ("10.0.0.1:80:0:tcp", "10.0.0.1", "10.0.0.1:80:3"),
            ("10.0.0.1::3", "10.0.0.1:80:3", "10.0.0.1"),
            ("2001:db8::1", "[2001:db8::1]:81", "[2001:db8::2]"),
            ("[2001:db8::1]:81", "[2001:db8::1]:81", "[2001:db8::1]"),
            ("[2001:db8::1]", "[2001:db8::1]:81", "[2001:db8::2]:81"),
            ("::ffff:10.0.0.1", "10.0.0.1", "10.0.0.2"),
        ] {
            let pattern = Pattern::read(word, &names).expect(word);
            assert!(pattern.fits(at(fits)), "{word}");
            assert!(!pattern.fits(at(other)), "{word}");
        }
        for word in [
            "",
            ":",
            "web2",
            "10.0.0.1:x",
            "10.0.0.1:1:2:udp",
            "10.0.0.1:1:2:tcp:3",
            "[::1",
            "coyote",
            "::::",
        ] {
            assert_eq!(Pattern::read(word, &names), None, "{word}");
        }
    }

    #[test]
    fn what_is_not_there_is_told_with_what_is_near() {
        let ids = || {
            ["coyote", "roadrunner", "coyote2"]
                .map(str::to_owned)
                .into_iter()
        };
        assert_eq!(
            near("coyot", "url", ids()),
            "`coyot` is no url; near it: coyote, coyote2"
        );
        assert_eq!(
            near("x", "url", ids()),
            "`x` is no url of this configuration"
        );
        assert_eq!(
            near("a\x1b", "url", [].into_iter()),
            "`a\\u{1b}` is no url: there is none"
        );
    }
}
