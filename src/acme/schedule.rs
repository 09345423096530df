//! When which certificate is asked for.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use tokio::time::timeout;
use tracing::{info, warn};

use super::Renewed;
use super::order::{self, Failed, Way};
use super::stored::{self, Stored};
use crate::control::{Farm, Issue, IssueNote, Issuing};
use crate::model::Acme;

/// The first wait after a try in vain; each further one is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(60);
/// The longest wait after a try in vain.
const LONGEST_WAIT: Duration = Duration::from_secs(6 * 3600);
/// How long one try may take in all.
const TRY: Duration = Duration::from_secs(300);
/// The longest sleep: clocks are set.
const LOOK: Duration = Duration::from_secs(3600);

/// What is known of the tries for one certificate.
#[derive(Clone, Copy, Debug, Default)]
struct Tries {
    in_vain: u32,
    /// Not before this.
    wait: Option<SystemTime>,
}

/// Has issued and renewed what `farm` wants, for ever.
pub(super) async fn follow(farm: &Farm, renewed: &Renewed) {
    let mut wanted = farm.issuance().wanted();
    let mut tries: HashMap<Box<str>, (Issue, Tries)> = HashMap::new();
    let mut authority = Acme::default();
    loop {
        let issuing = Arc::clone(&wanted.borrow_and_update());
        // A certificate that is asked for differently begins anew.
        let is_asked = issuing.authority == authority;
        tries.retain(|_, (issue, _)| is_asked && issuing.issues.contains(issue));
        authority.clone_from(&issuing.authority);
        let next = (issuing.issues.iter())
            .map(|issue| {
                let known = tries.get(&issue.name).map_or(Tries::default(), |(_, t)| *t);
                (due(issue, known), issue)
            })
            .min_by_key(|(due, _)| *due);
        let now = SystemTime::now();
        let Some((due, issue)) = next.filter(|(due, _)| *due <= now) else {
            let sleep = next.map_or(LOOK, |(due, _)| {
                due.duration_since(now).unwrap_or_default().min(LOOK)
            });
            tokio::select! {
                _ = tokio::time::sleep(sleep) => {}
                changed = wanted.changed() => if changed.is_err() { return },
            }
            continue;
        };
        debug_assert!(due <= now);
        let entry = tries.entry(issue.name.clone());
        let (_, known) = entry.or_insert_with(|| (issue.clone(), Tries::default()));
        let tried = attempt(farm, &issuing, issue, known.in_vain).await;
        settle(farm, issue, known, tried, renewed);
    }
}

/// One try.
async fn attempt(farm: &Farm, issuing: &Issuing, issue: &Issue, before: u32) -> Result<(), Failed> {
    let Some(way) = way(issue, before) else {
        return Err(Failed::Told(
            "no listener could show the authority a proof: bind it with `tls`, or have a virtual on port 80".to_owned(),
        ));
    };
    let to = (&issuing.authority, issuing.folder.as_path());
    match timeout(TRY, order::issue(farm, to, issue, way)).await {
        Ok(done) => done,
        Err(_) => Err(Failed::Told(format!(
            "nothing came of it in {} s",
            TRY.as_secs()
        ))),
    }
}

/// How the names are proven this time: in turn, where there are two ways.
fn way(issue: &Issue, before: u32) -> Option<Way> {
    let ways = [(issue.by_tls, Way::TlsAlpn), (issue.by_http, Way::Http)];
    let ways: Vec<Way> = ways
        .iter()
        .filter(|(may, _)| *may)
        .map(|(_, w)| *w)
        .collect();
    let turn = (before as usize).checked_rem(ways.len())?;
    ways.get(turn).copied()
}

/// Takes in what came of a try, and says so.
fn settle(
    farm: &Farm,
    issue: &Issue,
    known: &mut Tries,
    tried: Result<(), Failed>,
    renewed: &Renewed,
) {
    let name = &issue.name;
    let now = SystemTime::now();
    match tried {
        Ok(()) => {
            *known = Tries::default();
            info!(
                "certificate {name}: issued for {}",
                issue.domains.join(", ")
            );
            let next = due(issue, *known);
            // An authority whose certificates are due again at once would be asked for ever.
            if next <= now {
                known.wait = Some(now + LOOK);
            }
            note(farm, issue, next.max(known.wait.unwrap_or(next)), None);
            renewed(name);
        }
        Err(why) => {
            let is_proof = matches!(why, Failed::Proof(_));
            let wait = pause(known.in_vain, RandomState::new().hash_one(name));
            known.in_vain = known.in_vain.saturating_add(1);
            known.wait = Some(now + wait);
            let mut why = why.to_string();
            if is_proof {
                let names = issue.domains.join(", ");
                why += &format!("; the authority has to reach this host at {names}");
            }
            note(farm, issue, now + wait, Some(why.as_str().into()));
            warn!(
                "certificate {name}: not issued: {why}; next try in {} min",
                wait.as_secs().div_ceil(60)
            );
        }
    }
}

fn note(farm: &Farm, issue: &Issue, next: SystemTime, failed: Option<Box<str>>) {
    let next = Timestamp::try_from(next).unwrap_or(Timestamp::MAX);
    farm.issuance()
        .note(&issue.name, IssueNote { failed, next });
}

/// How long nobody is asked after `in_vain` tries before this one; up to a tenth less, by `draw`, so that a farm of directors does not
/// ask at once.
fn pause(in_vain: u32, draw: u64) -> Duration {
    let wait = FIRST_WAIT
        .saturating_mul(1 << in_vain.min(16))
        .min(LONGEST_WAIT);
    wait - wait / 10 * (draw % 64) as u32 / 64
}

/// When the authority is to be asked next.
fn due(issue: &Issue, known: Tries) -> SystemTime {
    let due = renewal(stored::read(&issue.file), issue);
    known.wait.map_or(due, |wait| due.max(wait))
}

/// When what is stored is to be renewed: with a third of its time left; at once where it is not what is wanted.
fn renewal(stored: Option<Stored>, issue: &Issue) -> SystemTime {
    let mut wanted = issue.domains.clone();
    wanted.sort();
    wanted.dedup();
    match stored {
        Some(stored) if stored.names == wanted => {
            let life = stored.until.duration_since(stored.from).unwrap_or_default();
            stored.until - life / 3
        }
        _ => SystemTime::UNIX_EPOCH,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(by_tls: bool, by_http: bool) -> Issue {
        Issue {
            name: "shop".into(),
            domains: vec!["b.example".into(), "a.example".into()],
            file: "/nowhere/shop.pem".into(),
            by_tls,
            by_http,
        }
    }

    #[test]
    fn ways_take_turns_where_there_are_two() {
        let both = issue(true, true);
        let turns: Vec<_> = (0..3).map(|n| way(&both, n)).collect();
        assert_eq!(
            turns,
            [Some(Way::TlsAlpn), Some(Way::Http), Some(Way::TlsAlpn)]
        );
        assert_eq!(way(&issue(false, true), 7), Some(Way::Http));
        assert_eq!(way(&issue(false, false), 0), None);
    }

    #[test]
    fn a_certificate_is_renewed_when_a_third_of_its_time_is_left() {
        let from = SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000);
        let day = Duration::from_secs(86_400);
        let mut stored = Stored {
            names: vec!["a.example".into(), "b.example".into()],
            from,
            until: from + 90 * day,
            fingerprint: [0; 32],
        };
        let due = renewal(Some(stored.clone()), &issue(true, true));
        assert_eq!(due, from + 60 * day);
        // Other names, or nothing stored: at once.
        stored.names.pop();
        assert_eq!(
            renewal(Some(stored), &issue(true, true)),
            SystemTime::UNIX_EPOCH
        );
        assert_eq!(renewal(None, &issue(true, true)), SystemTime::UNIX_EPOCH);
    }

    #[test]
    fn waits_grow_and_end_growing() {
        assert_eq!(pause(0, 0), FIRST_WAIT);
        assert_eq!(pause(3, 0), FIRST_WAIT * 8);
        assert_eq!(pause(60, 0), LONGEST_WAIT);
        assert!(pause(0, 63) >= FIRST_WAIT * 9 / 10 && pause(0, 63) < FIRST_WAIT);
    }
}
