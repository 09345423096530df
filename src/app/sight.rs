//! What the writer knows, in the words of the admin room.

use std::collections::HashSet;
use std::sync::Arc;

use crate::admin::{Fact, Kind, Sight, Standing};
use crate::control::Writer;
use crate::decide::{Health, Millis};
use crate::model::{Id, Intent, Model};

/// What of a configuration the answers need beside what the writer tells.
#[derive(Debug, Default)]
pub(super) struct Roster {
    servers: Vec<(Id, Kind, Intent, Option<u32>)>,
    unlinked: Arc<HashSet<Id>>,
}

impl Roster {
    pub(super) fn of(model: &Model) -> Roster {
        let virtuals = model
            .virtuals
            .iter()
            .map(|v| (Id::Endpoint(v.id), Kind::Virtual, v.intent, None));
        let reals = model.reals.iter().map(|r| {
            let id = Id::Endpoint(r.id);
            (id, Kind::Real, r.intent, r.serving.maxconns)
        });
        let dips = model.dips.iter().map(|d| {
            let intent = match d.virtual_intent {
                Intent::InService => d.real_intent,
                other => other,
            };
            (Id::Endpoint(d.id), Kind::Dip, intent, d.serving.maxconns)
        });
        let urls = model
            .urls
            .iter()
            .map(|u| (Id::Url(u.id.clone()), Kind::Url, u.intent, None));
        let unlinked = model.urls.iter().filter(|u| u.link.is_none());
        Roster {
            servers: virtuals.chain(reals).chain(dips).chain(urls).collect(),
            unlinked: Arc::new(unlinked.map(|u| Id::Url(u.id.clone())).collect()),
        }
    }

    /// What the writer knows now.
    pub(super) fn sight(&self, writer: &Writer) -> Sight {
        let live = writer.farm().live().load();
        let fact = |word| Fact {
            word,
            since: Millis(0),
            why: String::new(),
        };
        let standings = self
            .servers
            .iter()
            .filter_map(|(id, kind, intent, maxconns)| {
                let node = live.snapshot.node(id)?;
                let health = live.snapshot.health(node);
                let open = live.loads.gauges(node).connections();
                let full = maxconns.is_some_and(|most| open >= most);
                let (intent_word, out) = words(*intent);
                let measured = match health {
                    Health::Up => "IS",
                    Health::Failed => "FAILED",
                    Health::Testing => "TESTING",
                };
                let state = match (out, measured) {
                    (Some(out), _) => out,
                    (None, "IS") if full => "MAXCONNS",
                    (None, measured) => measured,
                };
                Some(Standing {
                    id: id.clone(),
                    kind: *kind,
                    state,
                    intent: fact(intent_word),
                    measured: fact(measured),
                    figures: Vec::new(),
                })
            });
        Sight {
            standings: standings.collect(),
            unlinked: Arc::clone(&self.unlinked),
        }
    }
}

/// An intent's word, and the state that it makes whatever was measured.
fn words(intent: Intent) -> (&'static str, Option<&'static str>) {
    match intent {
        Intent::InService => ("in-service", None),
        Intent::OutOfService => ("out-of-service", Some("OOS")),
        Intent::Maintenance => ("maintenance", Some("MAINT")),
        Intent::Sticky => ("sticky", Some("STICKY")),
        Intent::Failed => ("failed", Some("FAILED")),
    }
}
