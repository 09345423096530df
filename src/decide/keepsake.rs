//! Who is stuck to which server by its address, for a process that takes over from this one.

use std::collections::HashMap;
use std::sync::atomic::Ordering;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::table::TICK_MS;
use super::{Loads, Millis, Stuck};

/// An association: key, primary and alternate as tags, bounces, and what is left of its time in ticks; the highest byte first.
const RECORD: usize = 8 + 4 + 4 + 1 + 4;

/// Associations as text, with what the numbers in them mean. Keys are of the secret that this process has.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Keepsake {
    /// The id of each tag.
    servers: Vec<(u32, String)>,
    /// How often the clients of which virtual were forgotten.
    forgotten: Vec<(String, u32)>,
    /// Base64 of the records.
    clients: String,
}

impl Loads {
    /// All associations that have not expired.
    pub fn keepsake(&self, now: Millis) -> Keepsake {
        let Some(sticks) = self.sticks() else {
            return Keepsake::default();
        };
        let mut records = Vec::new();
        sticks.each(now, |key, stuck, left_ms| {
            let ticks = u32::try_from(left_ms / TICK_MS).unwrap_or(u32::MAX);
            records.extend_from_slice(&key.to_be_bytes());
            records.extend_from_slice(&stuck.primary.to_be_bytes());
            records.extend_from_slice(&stuck.alternate.to_be_bytes());
            records.push(stuck.bounced);
            records.extend_from_slice(&ticks.to_be_bytes());
        });
        let forgotten = |gauges: &super::Gauges| gauges.forgotten.load(Ordering::Relaxed);
        let often = self.all().filter(|gauges| forgotten(gauges) > 0);
        Keepsake {
            servers: self.all().map(|g| (g.tag, g.id.to_string())).collect(),
            forgotten: often.map(|g| (g.id.to_string(), forgotten(g))).collect(),
            clients: STANDARD.encode(records),
        }
    }

    /// Takes over the associations of servers that are here too. What is not understood counts for nothing.
    pub fn adopt(&self, kept: &Keepsake, now: Millis) {
        let own: HashMap<String, _> = self.all().map(|g| (g.id.to_string(), g)).collect();
        for (id, often) in &kept.forgotten {
            if let Some(gauges) = own.get(id) {
                gauges.forgotten.store(*often, Ordering::Relaxed);
            }
        }
        let tags: HashMap<u32, u32> = kept
            .servers
            .iter()
            .filter_map(|(tag, id)| Some((*tag, own.get(id)?.tag)))
            .collect();
        let records = STANDARD.decode(&kept.clients).unwrap_or_default();
        for record in records.chunks_exact(RECORD) {
            let number = |at: usize, length: usize| {
                let bytes = record[at..at + length].iter();
                bytes.fold(0, |n, b| n << 8 | u64::from(*b))
            };
            let tag = |at| tags.get(&(number(at, 4) as u32)).copied();
            let Some(primary) = tag(8) else {
                continue;
            };
            let stuck = Stuck {
                primary,
                alternate: tag(12).unwrap_or(0),
                bounced: record[16],
            };
            self.stick(number(0, 8), stuck, now, number(17, 4) * TICK_MS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::decide::{Facts, NodeIndex, Snapshot};
    use crate::model::load;

    fn loads(text: &str) -> Loads {
        let model = load("test", text.as_bytes()).model.expect("it holds");
        Snapshot::compile(&model, &Facts::default(), None).1
    }

    const FARM: &str = "virtual 192.0.2.1\nurl a http://a.example/%d\nurl b http://b.example/%d\n\
                        bind 192.0.2.1 a b\nsticky 192.0.2.1 10\n";

    fn tag(loads: &Loads, id: &str) -> u32 {
        let found = loads.all().find(|gauges| gauges.id.to_string() == id);
        found.expect("it is there").tag
    }

    #[test]
    fn associations_outlive_their_process_for_what_is_left_of_their_time() {
        let (before, after) = (loads(FARM), loads(&format!("virtual 192.0.2.9\n{FARM}")));
        let (a, b) = (tag(&before, "a"), tag(&before, "b"));
        let stuck = |primary, alternate, bounced| Stuck {
            primary,
            alternate,
            bounced,
        };
        before.stick(u64::MAX, stuck(a, 0, 0), Millis(0), 60_000);
        before.stick(7, stuck(b, a, 3), Millis(0), 600_000);
        before.stick(8, stuck(b, a, 3), Millis(0), 1_000);
        before.forget_clients_of(NodeIndex(0));
        let kept = before.keepsake(Millis(30_000));
        let text = serde_json::to_string(&kept).expect("text");
        let kept = serde_json::from_str(&text).expect("the same");
        after.adopt(&kept, Millis(1_000));
        let (a, b) = (tag(&after, "a"), tag(&after, "b"));
        let sticks = after.sticks().expect("a table");
        assert_eq!(sticks.find(u64::MAX, Millis(30_000)), Some(stuck(a, 0, 0)));
        assert_eq!(sticks.find(u64::MAX, Millis(31_500)), None);
        assert_eq!(sticks.find(7, Millis(500_000)), Some(stuck(b, a, 3)));
        assert_eq!(sticks.find(8, Millis(1_000)), None);
        let counted = |gauges: &super::super::Gauges| gauges.clients.load(Ordering::Relaxed);
        assert_eq!(after.all().map(|gauges| counted(gauges)).sum::<u32>(), 2);
        let forgotten = after.all().map(|g| g.forgotten.load(Ordering::Relaxed));
        assert_eq!(forgotten.sum::<u32>(), 1);
    }

    #[test]
    fn what_is_not_understood_counts_for_nothing() {
        let after = loads(FARM);
        for clients in ["", "!", "AAAA", &"A".repeat(280)] {
            let kept = Keepsake {
                servers: vec![(1, "gone".to_owned())],
                forgotten: vec![("gone".to_owned(), 9)],
                clients: clients.to_owned(),
            };
            after.adopt(&kept, Millis(0));
        }
        let sticks = after.sticks().expect("a table");
        sticks.each(Millis(0), |key, _, _| panic!("{key} is stuck"));
    }
}
