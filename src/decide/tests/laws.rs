//! Laws that hold of every farm.

use std::collections::{BTreeMap, HashMap};
use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::predictors::{HashTable, Shares, golden, schedule};
use super::*;
use crate::model::HashKey;

const PREDICTORS: [Predictor; 9] = [
    Predictor::RoundRobin,
    Predictor::Weighted,
    Predictor::Random,
    Predictor::LeastConns,
    Predictor::Loaded,
    Predictor::Fastest,
    Predictor::Hash(HashKey::Source),
    Predictor::Hash(HashKey::Host),
    Predictor::Hash(HashKey::Path),
];

fn plain(predictor: Predictor, weights: &[u16]) -> (Builder, Vec<String>) {
    let ids: Vec<String> = (0..weights.len())
        .map(|i| format!("2.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255))
        .collect();
    let mut builder = Builder::default().virtuals(&["1.1.1.1"]);
    for (id, &weight) in ids.iter().zip(weights) {
        builder = builder
            .reals(&[id])
            .weight(id, weight)
            .bind("1.1.1.1", &[id]);
    }
    (builder.predictor("1.1.1.1", predictor), ids)
}

fn server(farm: &mut TestFarm, n: u32) -> String {
    let ask = Ask {
        client: client(n),
        ..ask("1.1.1.1")
    };
    let text = farm.tell(&ask);
    text.split(' ').next().unwrap_or_default().to_owned()
}

fn counts(farm: &mut TestFarm, asks: u32) -> BTreeMap<String, u32> {
    let mut counts = BTreeMap::new();
    for n in 0..asks {
        *counts.entry(server(farm, n)).or_default() += 1;
    }
    counts
}

#[test]
fn shares_follow_weights() {
    let weights = [1u16, 2, 3, 0, 6];
    for predictor in [
        Predictor::Weighted,
        Predictor::Random,
        Predictor::Hash(HashKey::Source),
    ] {
        let (builder, ids) = plain(predictor, &weights);
        let got = counts(&mut builder.farm(), 24_000);
        for (id, &weight) in ids.iter().zip(&weights) {
            let got = f64::from(got.get(id).copied().unwrap_or(0));
            let want = f64::from(weight) * 2_000.0;
            assert!(
                (got - want).abs() <= want * 0.1,
                "{predictor:?} {id}: {got} of {want}"
            );
        }
    }
}

#[test]
fn open_connections_even_out_by_weight() {
    for (predictor, want) in [
        (Predictor::LeastConns, [40, 40, 40]),
        (Predictor::Loaded, [20, 40, 60]),
    ] {
        let (builder, ids) = plain(predictor, &[1, 2, 3]);
        let mut farm = builder.farm();
        let mut held = vec![];
        for n in 0..120 {
            let ask = Ask {
                client: client(n),
                ..ask("1.1.1.1")
            };
            held.push(farm.hold(&ask, &mut Attempt::default()).1);
        }
        for (id, want) in ids.iter().zip(want) {
            let open = farm.loads.gauges(farm.node(id)).connections();
            assert_eq!(open, want, "{predictor:?} {id}");
        }
    }
}

#[test]
fn ties_go_in_turn() {
    for predictor in [Predictor::LeastConns, Predictor::Loaded, Predictor::Fastest] {
        let (builder, ids) = plain(predictor, &[2; 5]);
        let got = counts(&mut builder.farm(), 25);
        assert!(ids.iter().all(|id| got[id] == 5), "{predictor:?} {got:?}");
    }
}

#[test]
fn samples_of_many_stay_fair() {
    for predictor in [Predictor::LeastConns, Predictor::Loaded, Predictor::Fastest] {
        let (builder, ids) = plain(predictor, &[1; 500]);
        let mut farm = builder.farm();
        let mut held = vec![];
        for n in 0..10_000 {
            let ask = Ask {
                client: client(n),
                ..ask("1.1.1.1")
            };
            held.push(farm.hold(&ask, &mut Attempt::default()).1);
        }
        let open = ids
            .iter()
            .map(|id| farm.loads.gauges(farm.node(id)).connections());
        let (least, most) = open.fold((u32::MAX, 0), |(a, b), n| (a.min(n), b.max(n)));
        let (low, high) = match predictor {
            // Nothing is measured, so all are alike: as at random.
            Predictor::Fastest => (2, 45),
            _ => (17, 23),
        };
        assert!(
            low <= least && most <= high,
            "{predictor:?}: {least} to {most}"
        );
    }
}

#[test]
fn the_fastest_gets_most_and_the_others_are_not_forgotten() {
    let (builder, ids) = plain(Predictor::Fastest, &[1; 4]);
    let mut farm = builder.farm();
    for (id, micros) in ids.iter().zip([900, 300, 700, 500]) {
        let gauges = farm.loads.gauges(farm.node(id));
        gauges.answered_in(micros, farm.now);
    }
    let got = counts(&mut farm, 3_200);
    assert_eq!(got[&ids[1]], 3_100 + 25);
    assert!(ids.iter().all(|id| got[id] >= 25), "{got:?}");
    farm.now = Millis(farm.now.0 + RESPONSE_TIME_MS + 1_000);
    farm.loads
        .gauges(farm.node(&ids[1]))
        .answered_in(300, farm.now);
    let got = counts(&mut farm, 30);
    assert!(
        got.get(&ids[1]).is_none_or(|&n| n <= 1),
        "unmeasured first: {got:?}"
    );
}

#[test]
fn a_url_of_unknown_load_counts_as_the_mean() {
    let mut farm = Builder::default()
        .virtuals(&["1.1.1.1"])
        .reals(&["2.0.0.1", "2.0.0.2"])
        .url("far", "http://far.acme.com")
        .bind("1.1.1.1", &["2.0.0.1", "2.0.0.2", "far"])
        .predictor("1.1.1.1", Predictor::LeastConns)
        .farm();
    let mut held = vec![];
    let mut far = 0;
    for n in 0..300 {
        let ask = Ask {
            client: client(n),
            ..ask("1.1.1.1")
        };
        let (decision, place) = farm.hold(&ask, &mut Attempt::default());
        far += u32::from(matches!(decision.action, Action::Redirect { .. }));
        held.push(place);
    }
    assert!((80..=120).contains(&far), "{far}");
}

#[test]
fn a_hash_keeps_its_clients_when_another_server_goes() {
    let (builder, ids) = plain(Predictor::Hash(HashKey::Source), &[1, 1, 2, 1, 3]);
    let mut farm = builder.farm();
    let before: Vec<String> = (0..3_000).map(|n| server(&mut farm, n)).collect();
    for gone in &ids {
        farm.set(gone, Health::Failed);
        let mut spread = BTreeMap::<String, u32>::new();
        for (n, was) in (0..).zip(&before) {
            let now = server(&mut farm, n);
            if was == gone {
                assert_ne!(&now, gone);
                *spread.entry(now).or_default() += 1;
            } else {
                assert_eq!(&now, was);
            }
        }
        assert_eq!(
            spread.len(),
            ids.len() - 1,
            "its clients spread over all others"
        );
        farm.set(gone, Health::Up);
        assert!(
            (0..)
                .zip(&before)
                .all(|(n, was)| &server(&mut farm, n) == was)
        );
    }
}

#[test]
fn a_hash_does_not_care_for_order_and_unbinding_moves_only_its_own() {
    let slots = |ids: &[u64]| {
        ids.iter()
            .map(|&i| (i.wrapping_mul(0x1234_5678_9ABC_DEF1), i % 3 + 1))
            .collect()
    };
    let ids: Vec<u64> = (1..20).collect();
    let table = HashTable::new(4_096, slots(&ids));
    let mut turned = ids.clone();
    turned.reverse();
    let other = HashTable::new(4_096, slots(&turned));
    let mut fewer = ids.clone();
    fewer.remove(7);
    let without = HashTable::new(4_096, slots(&fewer));
    for key in 0..20_000 {
        let owner = ids[table.owner(key, 0).expect("one") as usize];
        assert_eq!(turned[other.owner(key, 0).expect("one") as usize], owner);
        if owner != ids[7] {
            assert_eq!(fewer[without.owner(key, 0).expect("one") as usize], owner);
        }
    }
}

#[test]
fn a_hash_comes_out_the_same_on_every_director() {
    let (builder, _) = plain(Predictor::Hash(HashKey::Source), &[1, 2, 3]);
    let mut farm = builder.farm();
    let got: String = (0..24)
        .filter_map(|n| server(&mut farm, n).chars().last())
        .collect();
    assert_eq!(
        got, PINNED,
        "a change here moves every client of every farm at the next update"
    );
}

/// Which of 2.0.0.0 to 2.0.0.2 the clients 198.18.0.0 and after get.
const PINNED: &str = "220111011121122221221122";

#[test]
fn nested_hashes_do_not_see_the_same_part_of_the_clients() {
    let mut builder = Builder::default().virtuals(&["1.1.1.1", "1.1.1.2", "1.1.1.3"]);
    for (v, ids) in [
        ("1.1.1.2", ["2.0.0.1", "2.0.0.2"]),
        ("1.1.1.3", ["2.0.0.3", "2.0.0.4"]),
    ] {
        builder = builder
            .reals(&ids)
            .bind(v, &ids)
            .predictor(v, Predictor::Hash(HashKey::Source));
    }
    let builder = builder
        .bind("1.1.1.1", &["1.1.1.2", "1.1.1.3"])
        .predictor("1.1.1.1", Predictor::Hash(HashKey::Source));
    let got = counts(&mut builder.farm(), 8_000);
    assert!(
        got.len() == 4 && got.values().all(|n| (1_800..2_200).contains(n)),
        "{got:?}"
    );
}

#[test]
fn when_most_are_out_the_rest_still_share_evenly() {
    for predictor in [
        Predictor::RoundRobin,
        Predictor::Weighted,
        Predictor::Random,
        Predictor::Hash(HashKey::Source),
    ] {
        let (builder, ids) = plain(predictor, &[3; 200]);
        let mut farm = builder.farm();
        let down: Vec<_> = ids[4..]
            .iter()
            .map(|id| (farm.node(id), Health::Failed))
            .collect();
        farm.snapshot = farm.snapshot.with_health(&down);
        let got = counts(&mut farm, 4_000);
        assert!(
            got.len() == 4 && got.values().all(|n| (850..1_150).contains(n)),
            "{predictor:?} {got:?}"
        );
    }
}

#[test]
fn slots_that_fill_up_share_out_evenly() {
    for predictor in [
        Predictor::RoundRobin,
        Predictor::Random,
        Predictor::Hash(HashKey::Source),
    ] {
        let (mut builder, ids) = plain(predictor, &[1; 10]);
        for id in &ids[..5] {
            builder = builder.maxconns(id, 0);
        }
        let got = counts(&mut builder.farm(), 5_000);
        let most = if predictor == Predictor::RoundRobin {
            5_001
        } else {
            1_250
        };
        assert!(
            got.len() == 5 && got.values().all(|&n| n <= most),
            "{predictor:?} {got:?}"
        );
    }
}

/// What a random farm is made of: indices taken modulo what there is.
#[derive(Clone, Debug)]
pub(super) struct Recipe {
    bound: Vec<Vec<u8>>,
    predictors: Vec<u8>,
    backups: Vec<Option<u8>>,
    links: Vec<Option<u8>>,
    weights: Vec<u16>,
    most: Vec<Option<u32>>,
    intents: Vec<u8>,
    health: Vec<u8>,
}

const VIRTUALS: usize = 4;
const REALS: usize = 4;
const DIPS: usize = 3;
const URLS: usize = 4;
const NODES: usize = VIRTUALS + REALS + DIPS + URLS;

pub(super) fn recipes() -> impl Strategy<Value = Recipe> {
    let list = |n| prop::collection::vec(any::<u8>(), n);
    (
        prop::collection::vec(prop::collection::vec(any::<u8>(), 0..6), VIRTUALS),
        list(VIRTUALS),
        prop::collection::vec(prop::option::of(any::<u8>()), NODES),
        prop::collection::vec(prop::option::of(any::<u8>()), URLS),
        prop::collection::vec(prop_oneof![1 => Just(0u16), 5 => 1u16..5], NODES),
        prop::collection::vec(
            prop_oneof![3 => Just(None), 1 => (0u32..2).prop_map(Some)],
            NODES,
        ),
        list(NODES),
        list(NODES),
    )
        .prop_map(
            |(bound, predictors, backups, links, weights, most, intents, health)| Recipe {
                bound,
                predictors,
                backups,
                links,
                weights,
                most,
                intents,
                health,
            },
        )
}

fn names() -> &'static [String] {
    static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
        let ends = [
            ("1.0.0.", VIRTUALS),
            ("2.0.0.", REALS),
            ("3.0.0.", DIPS),
            ("u", URLS),
        ];
        let names = ends
            .iter()
            .flat_map(|(stem, n)| (0..*n).map(move |i| format!("{stem}{i}")));
        names.collect()
    });
    &NAMES
}

pub(super) fn cook(recipe: &Recipe) -> (Builder, Facts) {
    let names = names();
    let mut b = Builder::default();
    for (i, name) in names.iter().enumerate() {
        b = match i {
            _ if i < VIRTUALS => b.virtuals(&[name]),
            _ if i < VIRTUALS + REALS => b.reals(&[name]),
            _ if i < VIRTUALS + REALS + DIPS => b.dips(&[name]),
            _ => b.url(name, &format!("http://{name}.acme.com/%d")),
        };
    }
    for (v, bound) in recipe.bound.iter().enumerate() {
        let mut targets: Vec<usize> = bound.iter().map(|&t| t as usize % NODES).collect();
        let mut seen = [false; NODES];
        targets.retain(|&t| t != v && !std::mem::replace(&mut seen[t], true));
        let targets: Vec<&str> = targets.iter().map(|&t| names[t].as_str()).collect();
        let predictor = PREDICTORS[recipe.predictors[v] as usize % PREDICTORS.len()];
        b = b.bind(&names[v], &targets).predictor(&names[v], predictor);
    }
    let mut facts = Facts::default();
    for i in 0..NODES {
        if let Some(backup) = recipe.backups[i] {
            b = b.backup(&names[i], &names[backup as usize % NODES]);
        }
        let intent = match recipe.intents[i] {
            0..200 => Intent::InService,
            200..215 => Intent::Sticky,
            215..230 => Intent::OutOfService,
            230..240 => Intent::Maintenance,
            _ => Intent::Failed,
        };
        b = b.intent(&names[i], intent);
        if i >= VIRTUALS {
            b = b.weight(&names[i], recipe.weights[i]);
        }
        if (VIRTUALS..VIRTUALS + REALS + DIPS).contains(&i) {
            b.serving_of(&names[i]).maxconns = recipe.most[i];
            let health = match recipe.health[i] {
                0..150 => Health::Up,
                150..230 => Health::Failed,
                _ => Health::Testing,
            };
            facts.measured.insert(id(&names[i]), health.into());
        }
    }
    for (u, link) in recipe.links.iter().enumerate() {
        if let Some(link) = link {
            let to = *link as usize % (VIRTUALS + DIPS);
            let to = if to < VIRTUALS { to } else { to + REALS };
            b = b.link(&format!("u{u}"), &names[to]);
        }
    }
    (b, facts)
}

/// The state of the world as the laws see it, read from the model alone.
struct Oracle<'a> {
    model: &'a Model,
    facts: &'a Facts,
    loads: &'a Loads,
    snapshot: &'a Snapshot,
}

impl Oracle<'_> {
    fn health(&self, id: Endpoint) -> Health {
        self.facts
            .measured
            .get(&Id::Endpoint(id))
            .map_or(Health::Up, |m| m.health)
    }

    fn room(&self, id: Endpoint, serving: &Serving) -> bool {
        let node = self.snapshot.node(&Id::Endpoint(id)).expect("a node");
        serving
            .maxconns
            .is_none_or(|most| self.loads.gauges(node).connections() < most)
    }

    fn intent(&self, r: Ref) -> Intent {
        match r {
            Ref::Virtual(i) => self.model.virtuals[i as usize].intent,
            Ref::Real(i) => self.model.reals[i as usize].intent,
            Ref::Dip(i) => self.model.dips[i as usize].real_intent,
            Ref::Url(i) => self.model.urls[i as usize].intent,
        }
    }

    /// Usable now, for a new client; `trial`: one on trial counts.
    fn usable(&self, r: Ref, trial: bool) -> bool {
        let serving = |id, serving| {
            let health = self.health(id);
            self.room(id, serving) && (health == Health::Up || trial && health == Health::Testing)
        };
        self.intent(r) == Intent::InService
            && match r {
                Ref::Real(i) => {
                    let real = &self.model.reals[i as usize];
                    serving(real.id, &real.serving)
                }
                Ref::Dip(i) => {
                    let dip = &self.model.dips[i as usize];
                    serving(dip.id, &dip.serving)
                }
                Ref::Url(i) => match self.model.urls[i as usize].link {
                    Some(Ref::Virtual(v)) => self.intent(Ref::Virtual(v)) == Intent::InService,
                    Some(link) => self.usable(link, trial),
                    None => true,
                },
                Ref::Virtual(_) => true,
            }
    }

    fn weight(&self, r: Ref) -> u16 {
        match r {
            Ref::Real(i) => self.model.reals[i as usize].serving.weight,
            Ref::Dip(i) => self.model.dips[i as usize].serving.weight,
            Ref::Url(i) => {
                let url = &self.model.urls[i as usize];
                url.link.map_or(url.weight, |link| self.weight(link))
            }
            Ref::Virtual(_) => 1,
        }
    }

    /// A server or unlinked url bound to virtual `v` itself that must be found.
    fn must_find(&self, v: usize) -> bool {
        let virtual_ = &self.model.virtuals[v];
        let taken_by_url =
            |t: Ref| self.model.urls.iter().filter(|u| u.link == Some(t)).count() == 1;
        virtual_.intent == Intent::InService
            && virtual_.targets.iter().any(|&t| {
                let simple = match t {
                    Ref::Real(_) => true,
                    Ref::Dip(_) => !taken_by_url(t),
                    Ref::Url(i) => self.model.urls[i as usize].link.is_none(),
                    Ref::Virtual(_) => false,
                };
                simple && self.weight(t) > 0 && self.usable(t, false)
            })
    }

    fn of(&self, node: NodeIndex) -> Ref {
        let id = self.snapshot.id(node);
        let position = names()
            .iter()
            .position(|n| super::id(n) == *id)
            .expect("a name") as u32;
        let (v, r, d) = (VIRTUALS as u32, REALS as u32, DIPS as u32);
        match position {
            p if p < v => Ref::Virtual(p),
            p if p < v + r => Ref::Real(p - v),
            p if p < v + r + d => Ref::Dip(p - v - r),
            p => Ref::Url(p - v - r - d),
        }
    }
}

/// Where requests come in: virtuals and dips.
pub(super) fn doors() -> Vec<String> {
    let names = names();
    let dips = names[VIRTUALS + REALS..].iter().take(DIPS);
    names[..VIRTUALS].iter().chain(dips).cloned().collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 96, ..ProptestConfig::default() })]

    /// Random farms, cyclic backups and mutual virtuals included: every walk ends, none ends at a server that is not
    /// usable, and none is refused while a bound server is.
    #[test]
    fn nobody_gets_an_unusable_server_and_nobody_is_refused_a_usable_one(recipe in recipes()) {
        let (builder, facts) = cook(&recipe);
        let (snapshot, loads) = Snapshot::compile(&builder.model, &facts, None);
        let mut farm = TestFarm { snapshot, loads, now: Millis(1_000_000), draw: 7 };
        let mut held = vec![];
        for n in 0..30 {
            for (d, door) in doors().iter().enumerate() {
                let asked = Ask { client: client(n), ..ask(door) };
                let mut attempt = Attempt::default();
                let moment = farm.moment();
                let oracle = Oracle { model: &builder.model, facts: &facts, loads: &farm.loads, snapshot: &farm.snapshot };
                let must = d < VIRTUALS && oracle.must_find(d);
                let full_before: Vec<bool> = (0..NODES as u32).map(|i| {
                    let node = farm.snapshot.node(&id(&names()[i as usize])).expect("a node");
                    let r = oracle.of(node);
                    matches!(r, Ref::Url(_)) || oracle.usable(r, true)
                }).collect();
                let decision = decide(&asked, &farm.snapshot, &farm.loads, moment, &mut attempt);
                match decision.action {
                    Action::Refuse => prop_assert!(!must, "{door} was refused: {decision:?}"),
                    Action::Redirect { url, .. } => {
                        let r = oracle.of(url);
                        prop_assert!(oracle.usable(r, decision.reason == Reason::Trial), "{:?}", farm.words(decision));
                    }
                    Action::Forward { server } => {
                        let r = oracle.of(server);
                        let direct = d >= VIRTUALS && farm.snapshot.id(server) == &id(door);
                        let name = farm.snapshot.id(server).to_string();
                        let i = names().iter().position(|n| *n == name).expect("a name");
                        let stuck = direct && oracle.intent(r) == Intent::Sticky;
                        prop_assert!(full_before[i] || stuck, "{}", farm.words(decision));
                        let health = facts.measured[&id(&name)].health;
                        prop_assert!(health != Health::Testing || decision.reason == Reason::Trial);
                        let place = farm.loads.place(server);
                        if n % 3 == 0 { held.push(place); }
                    }
                }
            }
        }
    }

    /// A flip of health gives the very snapshot that a compilation from nothing would.
    #[test]
    fn a_flip_is_as_good_as_a_compilation(recipe in recipes(), flips in prop::collection::vec((0..REALS + DIPS, 0..3u8), 1..12)) {
        let (builder, mut facts) = cook(&recipe);
        let (mut snapshot, loads) = Snapshot::compile(&builder.model, &facts, None);
        for (i, health) in flips {
            let name = &names()[VIRTUALS + i];
            let health = [Health::Up, Health::Failed, Health::Testing][health as usize];
            facts.measured.insert(id(name), health.into());
            let node = snapshot.node(&id(name)).expect("a node");
            snapshot = snapshot.with_health(&[(node, health)]);
            let (fresh, _) = Snapshot::compile(&builder.model, &facts, Some((&snapshot, &loads)));
            prop_assert_eq!(format!("{:?}", snapshot.marks), format!("{:?}", fresh.marks));
        }
    }

    /// Every prefix of a schedule gives each slot its exact share, less than one turn off.
    #[test]
    fn a_schedule_is_never_a_turn_off(weights in prop::collection::vec(1u64..60, 1..40)) {
        let table = schedule(&weights, 1 << 17).expect("a short period");
        let sum: u64 = weights.iter().sum();
        let mut got = vec![0u64; weights.len()];
        for (turn, &slot) in (1u64..).zip(table.iter()) {
            got[slot as usize] += 1;
            for (got, weight) in got.iter().zip(&weights) {
                prop_assert!((got * sum).abs_diff(weight * turn) < sum);
            }
        }
    }

    /// Where a schedule would be too long, shares are exact in the long run and never far off.
    #[test]
    fn the_golden_sequence_keeps_shares(weights in prop::collection::vec(1u64..1_000_000, 2..50)) {
        let shares = Shares::new(&weights);
        let sum: u64 = weights.iter().sum();
        let mut got = vec![0u64; weights.len()];
        for turn in 0..20_000 {
            got[shares.at(golden(turn))] += 1;
        }
        for (got, weight) in got.iter().zip(&weights) {
            let want = 20_000.0 * *weight as f64 / sum as f64;
            prop_assert!((*got as f64 - want).abs() < 5.0, "{} of {}", got, want);
        }
    }

    /// Every draw falls on the slot whose part of the sum it is.
    #[test]
    fn shares_are_found_through_the_guide(weights in prop::collection::vec(prop_oneof![1u64..4, 1u64..100_000], 1..200), draws in prop::collection::vec(any::<u64>(), 50)) {
        let shares = Shares::new(&weights);
        let sum: u64 = weights.iter().sum();
        for draw in draws {
            let mut point = ((u128::from(draw) * u128::from(sum)) >> 64) as u64;
            let want = weights.iter().position(|&w| point < w || { point -= w; false });
            prop_assert_eq!(Some(shares.at(draw)), want);
        }
    }

    /// n requests in a row to n filled slots reach each once, wherever the row begins.
    #[test]
    fn n_in_a_row_reach_n(n in 1usize..40, down in prop::collection::vec(any::<bool>(), 40), skip in 0u32..100) {
        let (builder, ids) = plain(Predictor::RoundRobin, &vec![1; n]);
        let mut farm = builder.farm();
        let flips: Vec<_> = ids.iter().zip(&down).filter(|(_, down)| **down)
            .map(|(id, _)| (farm.node(id), Health::Failed)).collect();
        farm.snapshot = farm.snapshot.with_health(&flips);
        let filled = n - flips.len();
        counts(&mut farm, skip);
        let got = counts(&mut farm, filled as u32);
        prop_assert_eq!(got.len(), filled);
        prop_assert!(filled == 0 || !got.contains_key("refused"));
    }
}

#[test]
fn long_chains_and_rings_are_linear() {
    let ids: Vec<String> = (0..50_000)
        .map(|i| format!("3.{}.{}.{}", i >> 16, i >> 8 & 255, i & 255))
        .collect();
    let mut builder = Builder::default().virtuals(&["1.1.1.1"]);
    for id in &ids {
        builder = builder.dips(&[id]).maxconns(id, 0);
    }
    builder = builder.bind("1.1.1.1", &[&ids[0]]);
    for pair in ids.windows(2) {
        builder = builder.backup(&pair[0], &pair[1]);
    }
    // The whole ring is full; then but for its last.
    let mut ring = builder.backup(&ids[ids.len() - 1], &ids[0]);
    let mut farm = ring.farm();
    assert_eq!(farm.get("1.1.1.1"), "refused all-full");
    ring.serving_of(&ids[ids.len() - 1]).maxconns = None;
    let mut farm = ring.farm();
    assert_eq!(
        farm.get("1.1.1.1"),
        format!("{} backup", ids[ids.len() - 1])
    );
    farm.set(&ids[ids.len() - 1], Health::Failed);
    assert_eq!(farm.get("1.1.1.1"), "refused all-full");
}

#[test]
fn gauges_are_kept_by_id() {
    let (builder, ids) = plain(Predictor::RoundRobin, &[1, 1]);
    let farm = builder.farm();
    let (more, _) = plain(Predictor::RoundRobin, &[1, 1, 1]);
    let before = Some((&farm.snapshot, &farm.loads));
    let (snapshot, loads) = Snapshot::compile(&more.model, &Facts::default(), before);
    let kept: HashMap<_, _> = ids
        .iter()
        .map(|i| (i, farm.loads.gauges(farm.node(i))))
        .collect();
    for id_text in &ids {
        let node = snapshot.node(&id(id_text)).expect("a node");
        assert!(Arc::ptr_eq(kept[id_text], loads.gauges(node)));
    }
}
