//! What holds for the whole director, under construction.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::num::NonZeroU16;

use super::draft::{Draft, Said, Value};
use super::entrance::Entrance;
use super::{
    AccessLog, Acme, Block, Endpoint, Globals, Limit, Limits, Sticky, StickyBy, TicketKey,
    listeners,
};
use crate::language::{Line, Word};

/// The statements that speak of no id.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pub(super) trusted: Blocks,
    pub(super) ticket_keys: Vec<(Said, TicketKey)>,
    pub(super) acme: Option<(Said, Acme)>,
    pub(super) metrics: Option<(Said, Endpoint)>,
    pub(super) access_log: Option<(Said, AccessLog)>,
    pub(super) entrance: Entrance,
    pub(super) inline: Vec<Box<str>>,
    pub(super) freebind: bool,
    pub(super) limits: [Option<(Said, u32)>; Limit::COUNT],
}

impl Whole {
    pub(super) fn done(self) -> Globals {
        Globals {
            trusted: self.trusted.done(),
            ticket_keys: self.ticket_keys.into_iter().map(|(_, key)| key).collect(),
            acme: self.acme.map(|(_, acme)| acme),
            metrics: self.metrics.map(|(_, at)| at),
            access_log: self.access_log.map(|(_, log)| log),
            console: self.entrance.done(),
            inline: self.inline,
            freebind: self.freebind,
            limits: set(&self.limits),
        }
    }
}

/// The limits with what was said of them.
fn set(said: &[Option<(Said, u32)>; Limit::COUNT]) -> Limits {
    let mut limits = Limits::default();
    for limit in Limit::ALL {
        if let Some((_, value)) = said[limit as usize] {
            limits.set(limit, value);
        }
    }
    limits
}

/// Blocks, each once, and when each was added.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    added: HashMap<Block, u32>,
    next: u32,
}

impl Blocks {
    pub(super) fn len(&self) -> usize {
        self.added.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.added.is_empty()
    }

    pub(super) fn contains(&self, block: Block) -> bool {
        self.added.contains_key(&block)
    }

    pub(super) fn add(&mut self, block: Block) {
        let at = self.next;
        self.next = self.next.saturating_add(1);
        self.added.entry(block).or_insert(at);
    }

    /// Returns whether it was there.
    pub(super) fn remove(&mut self, block: Block) -> bool {
        self.added.remove(&block).is_some()
    }

    pub(super) fn clear(&mut self) {
        self.added.clear();
    }

    pub(super) fn done(self) -> Vec<Block> {
        let mut blocks: Vec<_> = self.added.into_iter().collect();
        blocks.sort_by_key(|(_, at)| *at);
        blocks.into_iter().map(|(block, _)| block).collect()
    }
}

/// Where a service of Signpost's own is to be, `port` where none is written; tells why where it cannot.
pub(super) fn service_at(
    draft: &mut Draft<'_>,
    line: Line<'_>,
    word: &Word,
    port: NonZeroU16,
) -> Option<Endpoint> {
    let at = draft.endpoint_at(line, word, port)?;
    if at.bind_id != 0 {
        let message = format!("a bind-id ({}) is of reals only", at.bind_id);
        draft.error(word.span, message).help = Some("leave it out".into());
        return None;
    }
    Some(at)
}

/// Tells where metrics or the console are to be served at an address and port that is taken.
pub(super) fn check(draft: &mut Draft<'_>) {
    let entrance = &draft.whole.entrance;
    let services: Vec<(Said, Endpoint, &str, &str)> = [
        (draft.whole.metrics, "metrics", "metrics are served"),
        (entrance.telnet, "the console", "the console is"),
        (
            entrance.ssh,
            "the console over SSH",
            "the console over SSH is",
        ),
    ]
    .into_iter()
    .filter_map(|(service, what, by)| service.map(|(said, at)| (said, at, what, by)))
    .collect();
    let listeners = listeners::listeners(draft);
    for (index, (said, at, what, _)) in services.iter().enumerate() {
        let mut found: Vec<_> = listeners
            .iter()
            .filter(|(taken, _)| clash(at.socket(), **taken))
            .collect();
        found.sort();
        let other = services[..index]
            .iter()
            .find(|(_, taken, ..)| clash(at.socket(), taken.socket()));
        let taken = match (found.first(), other) {
            (Some((taken, by)), _) => {
                format!("`{}` listens at {taken}", draft.nodes[**by as usize].id)
            }
            (None, Some((before, _, _, by))) => {
                format!("{by} there, by {}", draft.called(before.line))
            }
            (None, None) => continue,
        };
        let shown = at.socket();
        let error = draft.error(said.word, format!("{what} cannot be served at `{shown}`"));
        error.label = taken.into();
        error.help = Some("give one of them another port".into());
    }
}

/// Whether nobody can listen at both.
fn clash(one: SocketAddr, other: SocketAddr) -> bool {
    let all = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port()
        && one.is_ipv4() == other.is_ipv4()
        && (all || one.ip() == other.ip())
}

/// Warns of tickets that end with the process and of PROXY heads that nobody may send.
pub(super) fn warn(draft: &mut Draft<'_>) {
    let mut unsigned = Vec::new();
    let mut untrusted = Vec::new();
    for node in &draft.nodes {
        for setting in &node.settings {
            match setting.value {
                Value::Sticky(Some(Sticky {
                    by: StickyBy::Cookie(_),
                    ..
                })) => unsigned.push(setting.said.word),
                Value::ProxyProtocol => untrusted.push(setting.said.word),
                _ => {}
            }
        }
    }
    if draft.whole.ticket_keys.is_empty() {
        for word in unsigned {
            let id = draft.text(word);
            let message = format!("no `ticket-key` signs the cookies of `{id}`");
            let warning = draft.warning(word, message);
            warning.label = "they end with this process, and no other director takes them".into();
            warning.help = Some("write `ticket-key 1 SECRET`".into());
        }
    }
    if draft.whole.trusted.is_empty() {
        for word in untrusted {
            let id = draft.text(word);
            let message = format!("nobody may send `{id}` a PROXY protocol head");
            let warning = draft.warning(word, message);
            warning.label = "no proxy is trusted".into();
            warning.help = Some("write `trusted-proxy ADDRESS`".into());
        }
    }
}
