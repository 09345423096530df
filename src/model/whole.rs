//! What holds for the whole director, under construction.

use std::collections::HashMap;
use std::net::SocketAddr;

use super::draft::{Draft, Said, Value};
use super::{AccessLog, Block, Endpoint, Globals, Sticky, StickyBy, TicketKey, listeners};

/// The statements that speak of no id.
#[derive(Debug, Default)]
pub(super) struct Whole {
    pub(super) trusted: Trusted,
    pub(super) ticket_keys: Vec<(Said, TicketKey)>,
    pub(super) metrics: Option<(Said, Endpoint)>,
    pub(super) access_log: Option<(Said, AccessLog)>,
}

impl Whole {
    pub(super) fn done(self) -> Globals {
        Globals {
            trusted: self.trusted.done(),
            ticket_keys: self.ticket_keys.into_iter().map(|(_, key)| key).collect(),
            metrics: self.metrics.map(|(_, at)| at),
            access_log: self.access_log.map(|(_, log)| log),
        }
    }
}

/// Blocks, each once, and when each was added.
#[derive(Debug, Default)]
pub(super) struct Trusted {
    added: HashMap<Block, u32>,
    next: u32,
}

impl Trusted {
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

    fn done(self) -> Vec<Block> {
        let mut blocks: Vec<_> = self.added.into_iter().collect();
        blocks.sort_by_key(|(_, at)| *at);
        blocks.into_iter().map(|(block, _)| block).collect()
    }
}

/// Tells where metrics are to be served at an address and port that is taken.
pub(super) fn check(draft: &mut Draft<'_>) {
    let Some((said, at)) = draft.whole.metrics else {
        return;
    };
    let listeners = listeners::listeners(draft);
    let clash = |taken: &SocketAddr| {
        let (own, taken) = (at.socket(), *taken);
        let all = own.ip().is_unspecified() || taken.ip().is_unspecified();
        own.port() == taken.port()
            && own.is_ipv4() == taken.is_ipv4()
            && (all || own.ip() == taken.ip())
    };
    let mut found: Vec<_> = listeners.iter().filter(|(taken, _)| clash(taken)).collect();
    found.sort();
    let Some((taken, by)) = found.first().map(|(taken, by)| (**taken, **by)) else {
        return;
    };
    let by = draft.nodes[by as usize].id.clone();
    let error = draft.error(said.word, format!("metrics cannot be served at `{at}`"));
    error.label = format!("`{by}` listens at {taken}").into();
    error.help = Some("give one of them another port".into());
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
