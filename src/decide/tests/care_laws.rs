//! Laws that hold of every farm, whatever care its virtuals take.

use proptest::prelude::*;

use super::recipes::{cook, doors, recipes};
use super::*;
use crate::model::{AllDown, Bounce, BounceBack};

/// How the virtuals of a random farm take care, by random bytes.
#[derive(Clone, Debug)]
pub(super) struct Cares {
    sticky: [u8; 4],
    bounce: [u8; 4],
    back: [u8; 4],
    slow: [bool; 4],
    down: [u8; 4],
    returns: [bool; 4],
    capacity: Vec<Option<u32>>,
    priority: Vec<u8>,
    share: Vec<u8>,
    readiness: Vec<u8>,
}

pub(super) fn cares() -> impl Strategy<Value = Cares> {
    let list = || prop::collection::vec(any::<u8>(), 16);
    (
        any::<[u8; 4]>(),
        any::<[u8; 4]>(),
        any::<[u8; 4]>(),
        any::<[bool; 4]>(),
        any::<[u8; 4]>(),
        any::<[bool; 4]>(),
        prop::collection::vec(prop::option::of(0u32..4), 16),
        list(),
        list(),
        list(),
    )
        .prop_map(
            |(sticky, bounce, back, slow, down, returns, capacity, priority, share, readiness)| {
                Cares {
                    sticky,
                    bounce,
                    back,
                    slow,
                    down,
                    returns,
                    capacity,
                    priority,
                    share,
                    readiness,
                }
            },
        )
}

pub(super) fn season(builder: &mut Builder, facts: &mut Facts, cares: &Cares) {
    for (v, virtual_) in builder.model.virtuals.iter_mut().enumerate() {
        let by = match cares.sticky[v] % 4 {
            0 => None,
            1 => Some(StickyBy::Source { v6_prefix: 64 }),
            2 => Some(StickyBy::Cookie(None)),
            _ => Some(StickyBy::Referer),
        };
        virtual_.sticky = by.map(|by| Sticky { minutes: 1, by });
        let (percent, times) = (50, 1);
        virtual_.bounce = (cares.bounce[v].is_multiple_of(3)).then_some(Bounce { percent, times });
        virtual_.bounceback = (cares.back[v] % 3 < 2).then_some(BounceBack {
            observe: cares.back[v].is_multiple_of(3),
            seconds: 5,
            clients: 3,
        });
        virtual_.slowstart_s = if cares.slow[v] { 10 } else { 0 };
        virtual_.returns = cares.returns[v];
        virtual_.all_down = match cares.down[v] % 4 {
            0 => AllDown::LastGood,
            1 => AllDown::Url(Ref::Url(u32::from(cares.down[v] / 4 % 4))),
            _ => AllDown::Refuse,
        };
    }
    let letter = |byte: u8| Priority::new(['A', 'M', 'M', 'M', 'Q'][usize::from(byte) % 5]);
    let measured = |facts: &mut Facts, id: Id, i: usize| {
        let entry = facts.measured.entry(id).or_default();
        entry.share = [100, 100, 100, 50, 0][usize::from(cares.share[i]) % 5];
        entry.readiness = match cares.readiness[i] {
            0..200 => Readiness::Ready,
            200..230 => Readiness::Drain,
            _ => Readiness::Maint,
        };
    };
    let mut i = 0;
    let model = &mut builder.model;
    let reals = model.reals.iter_mut().map(|r| (r.id, &mut r.serving));
    let dips = model.dips.iter_mut().map(|d| (d.id, &mut d.serving));
    for (id, serving) in reals.chain(dips) {
        serving.capacity = cares.capacity[i].map(|c| c + 1);
        serving.priority = letter(cares.priority[i]).expect("a letter");
        measured(facts, Id::Endpoint(id), i);
        i += 1;
    }
    for url in &mut model.urls {
        url.priority = letter(cares.priority[i]).expect("a letter");
        measured(facts, Id::Url(url.id.clone()), i);
        i += 1;
    }
}

/// Whether a node lets a client through, by the table of LANGUAGE.md §3, said once more.
fn lets_through(farm: &TestFarm, node: NodeIndex, reason: Reason, direct: bool) -> bool {
    let intent = farm.snapshot.config.intent[node.0 as usize];
    let measured = farm.snapshot.measured(node);
    let stuck = matches!(reason, Reason::Sticky | Reason::Referer);
    let known = stuck || direct;
    let wanted = intent == Intent::InService || known && intent == Intent::Sticky;
    let takes = match measured.readiness {
        Readiness::Ready => known || measured.share > 0,
        Readiness::Drain => known,
        Readiness::Maint => false,
    };
    let works = match measured.health {
        Health::Up => true,
        Health::Testing => reason == Reason::Trial || reason == Reason::LastGood,
        Health::Failed => reason == Reason::LastGood,
    };
    wanted && takes && works
}

/// The same dice and clocks give the same walk; every step of a history is held to the table.
fn history(
    builder: &Builder,
    facts: &Facts,
    steps: &[(u8, u8, u8, u16)],
) -> Result<(), TestCaseError> {
    let (snapshot, loads) = Snapshot::compile(&builder.model, facts, None);
    let mut farm = TestFarm {
        snapshot,
        loads,
        now: Millis(1_000_000),
        draw: 11,
    };
    let doors = doors();
    let mut jars = vec![None; 8];
    let mut held = vec![];
    let mut trials = BTreeMap::<NodeIndex, (usize, u64)>::new();
    for &(door, who, what, ms) in steps {
        farm.pass(u64::from(ms));
        let door = &doors[usize::from(door) % doors.len()];
        let who = usize::from(who) % jars.len();
        let servers = farm.snapshot.config.count() - 4;
        let some = NodeIndex(4 + u32::from(what) % servers);
        match what % 8 {
            0 => farm.snapshot = farm.snapshot.with_health(&[(some, Health::Failed)]),
            1 => farm.snapshot = farm.snapshot.with_health(&[(some, Health::Testing)]),
            2 => {
                let since = &farm.loads.gauges(some).back_since;
                since.store(farm.now.0, std::sync::atomic::Ordering::Relaxed);
                farm.snapshot = farm.snapshot.with_health(&[(some, Health::Up)]);
            }
            _ => {}
        }
        let asked = Ask {
            past: Past {
                ticket: jars[who],
                referer: (what % 16 == 3).then(|| "u1.acme.com".into()),
                reload: what % 16 == 4,
            },
            ..from(door, who as u32)
        };
        let moment = farm.moment();
        let told = explain(&asked, &farm.snapshot, &farm.loads, moment);
        let mut attempt = Attempt::default();
        let decision = decide(&asked, &farm.snapshot, &farm.loads, moment, &mut attempt);
        let mut got = verdict(&asked, &farm.snapshot, decision, &attempt);
        got.loop_at = told.decision.loop_at.clone();
        prop_assert_eq!(got, told.decision);
        let node = match decision.action {
            Action::Refuse => continue,
            Action::Redirect { url, .. } => url,
            Action::Forward { server } => {
                held.push(farm.loads.place(server));
                server
            }
        };
        if held.len() > 5 {
            held.remove(0);
        }
        jars[who] = decision.ticket.or(jars[who]);
        if decision.reason == Reason::Trial {
            let bearer = NodeIndex(farm.snapshot.config.bearer(node.0));
            let on_trial = [bearer, node].into_iter();
            let mut on_trial = on_trial.filter(|n| farm.snapshot.health(*n) == Health::Testing);
            let tried = on_trial.next().expect("a trial of one that failed");
            let (by, until) = trials.entry(tried).or_insert((who, 0));
            prop_assert!(*by == who || *until <= farm.now.0, "one at a time");
            if *until <= farm.now.0 {
                (*by, *until) = (who, farm.now.0 + TRIAL_MS);
            }
        }
        let direct = farm.snapshot.id(node) == &id(door);
        let bearer = farm.snapshot.config.bearer(node.0);
        for n in [node.0, bearer] {
            let is_virtual = n < 4;
            let through = is_virtual
                || lets_through(&farm, NodeIndex(n), decision.reason, direct)
                // The url on trial of a server that is not, or the other way round.
                || decision.reason == Reason::Trial;
            prop_assert!(through, "{} at {door}", farm.words(decision));
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Random farms, random care, random histories: nobody ever gets a server that is not usable for it, and what is
    /// explained is what happens.
    #[test]
    fn nobody_is_sent_where_the_table_does_not_let_it(
        recipe in recipes(),
        cares in cares(),
        steps in prop::collection::vec(any::<(u8, u8, u8, u16)>(), 60),
    ) {
        let (mut builder, mut facts) = cook(&recipe);
        season(&mut builder, &mut facts, &cares);
        history(&builder, &facts, &steps)?;
    }

    /// What is measured anew gives the very snapshot that a compilation would.
    #[test]
    fn a_measurement_is_as_good_as_a_compilation(
        recipe in recipes(),
        cares in cares(),
        changes in prop::collection::vec((4u32..15, 0..3u8, 0..3u8, 0..3u8), 1..10),
    ) {
        let (mut builder, mut facts) = cook(&recipe);
        season(&mut builder, &mut facts, &cares);
        let (mut snapshot, loads) = Snapshot::compile(&builder.model, &facts, None);
        for (n, health, readiness, share) in changes {
            let node = NodeIndex(n);
            let measured = Measured {
                health: [Health::Up, Health::Failed, Health::Testing][usize::from(health)],
                readiness: [Readiness::Ready, Readiness::Drain, Readiness::Maint][usize::from(readiness)],
                share: [100, 0, 250][usize::from(share)],
                maxconns: None,
            };
            facts.measured.insert(snapshot.id(node).clone(), measured);
            snapshot = snapshot.with_measured(&[(node, measured)]);
            let (fresh, _) = Snapshot::compile(&builder.model, &facts, Some((&snapshot, &loads)));
            prop_assert_eq!(format!("{:?}", snapshot.marks), format!("{:?}", fresh.marks));
        }
    }
}
