//! A client that is known beforehand, for an explanation.

use super::care::{By, StickyConfig};
use super::config::NONE;
use super::stick::client_key;
use super::{Ask, Loads, Millis, NodeIndex, Snapshot, Stuck, Ticket};

impl Snapshot {
    /// Makes the client of `ask` one of `server` at every virtual that keeps clients and leads there: in the table, or by
    /// the ticket or Referer that it brings to where it asks. Whether there is any.
    pub fn stick(&self, loads: &Loads, ask: &mut Ask<'_>, server: NodeIndex, now: Millis) -> bool {
        let mut any = false;
        for (v, settings) in (0u32..).zip(&self.config.virtuals) {
            let care = settings.care.as_deref();
            if let Some(sticky) = care.and_then(|care| care.sticky.as_ref())
                && let Some(node) = self.taken(sticky, server.0)
            {
                any |= self.stick_at((v, sticky), loads, ask, node, now);
            }
        }
        any
    }

    /// What a virtual takes to come to a server: itself, or a url that is linked to it.
    fn taken(&self, sticky: &StickyConfig, server: u32) -> Option<u32> {
        let linked = self.config.linked(server).iter().copied();
        let mut nodes = linked.chain([server]);
        nodes.find(|node| sticky.via(*node).is_some())
    }

    fn stick_at(
        &self,
        (v, sticky): (u32, &StickyConfig),
        loads: &Loads,
        ask: &mut Ask<'_>,
        node: u32,
        now: Millis,
    ) -> bool {
        let config = &self.config;
        match &sticky.by {
            By::Source { v6_prefix } => {
                let salt = config.virtuals[v as usize].salt ^ loads.of(v).salt();
                let key = client_key(&config.names.secret, salt, ask.client, *v6_prefix);
                let stuck = Stuck {
                    primary: loads.of(node).tag,
                    alternate: 0,
                    bounced: 0,
                };
                loads.stick(key, stuck, now, sticky.idle_ms());
                true
            }
            By::Cookie(_) => {
                let asked = config.listener(ask.at).unwrap_or(NONE);
                let reads = config.cookie_reader(asked) == Some(v);
                if reads {
                    ask.past.ticket = Some(Ticket {
                        key: config.names.keys.signing(),
                        at: config.names.of(v),
                        primary: config.names.of(node),
                        alternate: 0,
                        bounced: 0,
                        hops: 0,
                        epoch: 0,
                        expiry: u32::MAX,
                    });
                }
                reads
            }
            By::Referer(urls) => {
                let named = urls.iter().find(|(_, url)| **url == node);
                if let Some((authority, _)) = named {
                    ask.past.referer = Some(authority.to_string().into());
                }
                named.is_some()
            }
        }
    }
}
