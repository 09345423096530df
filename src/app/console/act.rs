//! What the console does beside changing the configuration: it explains, forgets, asks hosts and servers.

use std::collections::HashSet;
use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;

use super::gather::refs;
use super::{Configured, Desk, aside};
use crate::console::{Clear, Explain};
use crate::control::{Errand, errand_for};
use crate::decide::{Asked, Moment, explain};
use crate::health::Sounding;
use crate::model::{Endpoint, Id, Model, Ref, StickyBy, UrlId, endpoint};
use crate::probes;
use crate::telemetry::Counts;

/// Echoes that are sent, as on the family.
const ECHOES: u32 = 5;

/// How long one is waited for.
const ECHO_PATIENCE: Duration = Duration::from_secs(2);

/// How many servers a probe is tested at, at once.
const TESTED: usize = 64;

/// How many words are told where one was begun.
const WORDS: usize = 256;

impl Desk {
    /// What a request would get now, by the very walk that decides; takes nothing.
    pub(super) async fn explain(&self, what: Explain) -> Result<String, String> {
        let Configured { model, .. } = self.configured().await?;
        let live = self.farm.live().load_full();
        let now = self.farm.now();
        let explained = aside(move || {
            let from = what.from.unwrap_or(Ipv4Addr::LOCALHOST.into());
            let asked = Asked {
                url: &what.url,
                from,
                to: what.to.as_deref(),
                method: what.method.as_deref().unwrap_or("GET"),
                to_word: "`to`",
            };
            let ask = asked.ask(&model, &live.snapshot)?;
            let moment = Moment {
                now,
                draw: ask.dice(),
            };
            let explanation = explain(&ask, &live.snapshot, &live.loads, moment);
            match what.json {
                true => (explanation.to_json())
                    .map_err(|e| format!("the answer cannot be written as JSON: {e}")),
                false => Ok(explanation.to_string()),
            }
        });
        explained.await?
    }

    pub(super) async fn clear(self: &Arc<Self>, what: Clear) -> Result<String, String> {
        match what {
            Clear::Statistics(id) => self.clear_statistics(id).await,
            Clear::Sticky(at) => self.clear_sticky(at).await,
            Clear::Bounced => {
                let live = self.farm.live().load_full();
                aside(move || live.loads.forget_returns()).await?;
                Ok("forgot who came back from where it was sent".to_owned())
            }
        }
    }

    async fn clear_statistics(self: &Arc<Self>, id: Option<Box<str>>) -> Result<String, String> {
        let id = match id {
            None => None,
            Some(text) => Some(known(&self.configured().await?.model, &text)?.1),
        };
        let counts = self.counts().await?;
        let desk = Arc::clone(self);
        aside(move || {
            let counts = Counts::sum(counts);
            desk.memory().clear(&counts, id.as_ref());
            match id {
                Some(id) => format!("the console counts {id} anew; metrics go on"),
                None => "the console counts anew; metrics go on".to_owned(),
            }
        })
        .await
    }

    async fn clear_sticky(&self, at: Option<Box<str>>) -> Result<String, String> {
        let Configured { model, .. } = self.configured().await?;
        let at = match at {
            None => None,
            Some(text) => match known(&model, &text)? {
                (Ref::Virtual(n), id) => Some((n, id)),
                (_, id) => return Err(format!("`{id}` is no virtual: only those keep clients")),
            },
        };
        let live = self.farm.live().load_full();
        let now = self.farm.now();
        aside(move || {
            let parts = 0..live.loads.sticks().map_or(0, |sticks| sticks.parts());
            let Some((n, id)) = at else {
                let ended = live.loads.forget_sticks(parts, None, now);
                return Ok(format!("forgot {ended} clients of all virtuals; {COOKIES}"));
            };
            if !by_source(&model, n) {
                return Err(format!(
                    "`{id}` keeps no clients by their address (`sticky {id} MINUTES source`)"
                ));
            }
            if let Some(node) = live.snapshot.node(&id) {
                live.loads.forget_clients_of(node);
            }
            // Whose they are is not told by the table, so that those of shared servers are left to expire, unknown by now.
            let tags = own_servers(&model, n)
                .filter_map(|id| live.snapshot.node(&id))
                .map(|node| live.loads.gauges(node).tag)
                .collect();
            live.loads.forget_sticks(parts, Some(&tags), now);
            Ok(format!("forgot the clients of {id}; {COOKIES}"))
        })
        .await?
    }

    /// Runs a probe once at the server that is named, or at each that it watches, and tells what came back.
    pub(super) async fn test_probe(&self, name: &str, id: Option<&str>) -> Result<String, String> {
        let Configured { model, .. } = self.configured().await?;
        let errands = errands(&model, name, id)?;
        let left_out = errands.len().saturating_sub(TESTED);
        let mut asking = JoinSet::new();
        for (n, errand) in errands.into_iter().take(TESTED).enumerate() {
            asking.spawn(async move { (n, probes::once(&errand).await, errand.id) });
        }
        let mut told: Vec<_> = asking.join_all().await;
        told.sort_by_key(|(n, ..)| *n);
        let mut text = String::new();
        let well =
            |(_, result, _): &(_, Result<Sounding, _>, _)| result.as_ref().is_ok_and(|s| s.ok);
        let all_well = told.iter().all(well);
        for (_, result, id) in told {
            // Writing to a text cannot fail.
            let _ = match result {
                Ok(sounding) => writeln!(text, "{id}: {}", sounded(&sounding)),
                Err(why) => writeln!(text, "{id}: could not be asked: {why}"),
            };
        }
        if left_out > 0 {
            let _ = writeln!(text, "{left_out} more servers were not asked: name one");
        }
        // A script goes by the status.
        if all_well { Ok(text) } else { Err(text) }
    }

    /// What may stand in the place of a word of the grammar.
    pub(super) async fn words(
        &self,
        rule: &str,
        begun: &str,
    ) -> Result<Vec<(String, String)>, String> {
        let Configured { model, .. } = self.configured().await?;
        let (rule, begun) = (rule.to_owned(), begun.to_owned());
        aside(move || words(&model, &rule, &begun)).await
    }
}

const COOKIES: &str = "whoever brings a cookie or comes by its Referer is known by that";

/// Five echoes and what became of them, as IOS tells it.
pub(super) async fn ping(address: IpAddr) -> Result<String, String> {
    let mut marks = String::new();
    let mut took: Vec<Duration> = Vec::new();
    let mut refused = Vec::new();
    for _ in 0..ECHOES {
        match probes::echo(address, ECHO_PATIENCE).await {
            Ok(Some(time)) => {
                marks.push('!');
                took.push(time);
            }
            Ok(None) => marks.push('.'),
            Err(why) => {
                marks.push('U');
                refused.push(why);
            }
        }
    }
    if refused.len() == ECHOES as usize {
        return Err(format!("{address}: {}", refused[0]));
    }
    let came = took.len();
    let mut text = format!(
        "Sending {ECHOES} ICMP echoes to {address}, timeout is {} seconds:\n{marks}\nSuccess rate is {} percent ({came}/{ECHOES})",
        ECHO_PATIENCE.as_secs(),
        came * 100 / ECHOES as usize,
    );
    if let (Some(least), Some(most)) = (took.iter().min(), took.iter().max()) {
        let mean = took.iter().sum::<Duration>() / came as u32;
        let ms = |time: &Duration| time.as_secs_f64() * 1000.0;
        // Writing to a text cannot fail.
        let _ = write!(
            text,
            ", round-trip min/avg/max = {:.2}/{:.2}/{:.2} ms",
            ms(least),
            ms(&mean),
            ms(most)
        );
    }
    text.push('\n');
    // A script goes by the status.
    if took.is_empty() { Err(text) } else { Ok(text) }
}

fn sounded(sounding: &Sounding) -> String {
    let word = if sounding.ok { "ok" } else { "failed" };
    let ms = f64::from(sounding.took_us) / 1000.0;
    let mut text = format!("{word}: {}, {ms:.1} ms", sounding.why);
    for (name, value) in &sounding.figures {
        let _ = write!(text, ", {name}={value}");
    }
    if let Some(line) = &sounding.agent {
        let _ = write!(text, ", the agent said `{line}`");
    }
    text
}

fn errands(model: &Model, name: &str, id: Option<&str>) -> Result<Vec<Errand>, String> {
    let n = (model.probes.iter()).position(|probe| &*probe.name == name);
    let Some(n) = n else {
        let names: Vec<&str> = model.probes.iter().map(|p| &*p.name).take(20).collect();
        return Err(match names.is_empty() {
            true => format!("there is no probe `{name}`, nor any other"),
            false => format!("there is no probe `{name}`; there is {}", names.join(", ")),
        });
    };
    let probe = &model.probes[n];
    if let Some(text) = id {
        let (at, id) = known(model, text)?;
        let errand = errand_for(model, at, probe);
        return errand.map(|errand| vec![errand]).ok_or_else(|| {
            format!(
                "`{id}` cannot be asked: it is a virtual, or its host is known only from a request"
            )
        });
    }
    let watched = refs(model).filter(|at| watched_by(model, *at).contains(&(n as u32)));
    let errands: Vec<_> = watched
        .filter_map(|at| errand_for(model, at, probe))
        .collect();
    match errands.is_empty() {
        true => Err(format!(
            "probe `{name}` watches no server: say which one is to be asked, `test probe {name} ID`"
        )),
        false => Ok(errands),
    }
}

fn watched_by(model: &Model, at: Ref) -> &[u32] {
    match at {
        Ref::Virtual(_) => &[],
        Ref::Real(n) => &model.reals[n as usize].serving.probes,
        Ref::Dip(n) => &model.dips[n as usize].serving.probes,
        Ref::Url(n) => &model.urls[n as usize].probes,
    }
}

/// What `text` names in this configuration.
fn known(model: &Model, text: &str) -> Result<(Ref, Id), String> {
    let id = match endpoint(model, text) {
        Some(endpoint) => Id::Endpoint(endpoint),
        None => Id::Url(UrlId(text.into())),
    };
    let found = refs(model).find(|at| model.id(*at) == id);
    let at = found
        .ok_or_else(|| format!("`{text}` is no virtual, real, dip or url of this configuration"))?;
    Ok((at, id))
}

fn by_source(model: &Model, n: u32) -> bool {
    let sticky = &model.virtuals[n as usize].sticky;
    let by = sticky.as_ref().map(|sticky| &sticky.by);
    matches!(by, Some(StickyBy::Source { .. }))
}

/// What virtual `n` is bound to and no other virtual that keeps clients by their address.
fn own_servers(model: &Model, n: u32) -> impl Iterator<Item = Id> {
    let others = (0..model.virtuals.len() as u32).filter(|other| *other != n);
    let others = others.filter(|other| by_source(model, *other));
    let shared: HashSet<Ref> = others
        .flat_map(|other| &model.virtuals[other as usize].targets)
        .copied()
        .collect();
    let own = model.virtuals[n as usize].targets.iter();
    own.filter(move |at| !shared.contains(at))
        .map(|at| model.id(*at))
}

fn words(model: &Model, rule: &str, begun: &str) -> Vec<(String, String)> {
    let begins = |word: &str| {
        let start = word.get(..begun.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(begun))
    };
    let name = |(at, id): (Ref, String)| {
        let said = match at {
            Ref::Virtual(n) => &model.virtuals[n as usize].description,
            Ref::Real(n) => &model.reals[n as usize].serving.description,
            Ref::Dip(n) => &model.dips[n as usize].serving.description,
            Ref::Url(n) => &model.urls[n as usize].description,
        };
        (id, said.as_deref().unwrap_or_default().to_owned())
    };
    let ids = |wanted: fn(&Ref) -> bool| -> Vec<(String, String)> {
        let some = refs(model)
            .filter(wanted)
            .map(|at| (at, model.id(at).to_string()));
        let some = some.filter(|(_, id)| begins(id)).take(WORDS);
        some.map(name).collect()
    };
    let plain = |words: &mut dyn Iterator<Item = String>| -> Vec<(String, String)> {
        let some = words.filter(|word| begins(word)).take(WORDS);
        some.map(|word| (word, String::new())).collect()
    };
    match rule {
        "link_id" => ids(|at| matches!(at, Ref::Virtual(_) | Ref::Dip(_))),
        _ if rule.starts_with("virtual") => ids(|at| matches!(at, Ref::Virtual(_))),
        // A dip has a virtual half and a real one.
        _ if rule.starts_with("real") => ids(|at| matches!(at, Ref::Real(_) | Ref::Dip(_))),
        _ if rule.starts_with("dip") => ids(|at| matches!(at, Ref::Dip(_))),
        _ if rule.starts_with("url") => ids(|at| matches!(at, Ref::Url(_))),
        _ if rule.starts_with("server") => ids(|at| !matches!(at, Ref::Virtual(_))),
        _ if rule.starts_with("probe") => {
            plain(&mut model.probes.iter().map(|p| p.name.to_string()))
        }
        "certificate_name" | "new_certificate" => {
            plain(&mut model.certificates.iter().map(|c| c.name.to_string()))
        }
        "name" | "new_name" => plain(&mut model.names.iter().map(|(name, _)| name.to_string())),
        "id" | "backup_id" | "target" | "target_id" | "show_id" => ids(|_| true),
        "address" | "endpoint" | "listen" => {
            let mut addresses: Vec<Endpoint> = Vec::new();
            let virtuals = model.virtuals.iter().map(|v| v.id);
            addresses.extend(virtuals.chain(model.dips.iter().map(|d| d.id)));
            plain(&mut addresses.iter().map(Endpoint::to_string))
        }
        _ => Vec::new(),
    }
}
