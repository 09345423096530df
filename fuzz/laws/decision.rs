//! The law of the `decision` target, shared with the test that replays its corpus.
//!
//! Input: a configuration; its lines `! ID` name what has failed, `? ID` what is on trial.

use std::borrow::Cow;

use signpost::decide::{
    Action, Ask, Attempt, Facts, Health, Millis, Moment, Past, Snapshot, decide, explain, verdict,
};
use signpost::model::{Endpoint, Id, Scheme, load};

/// Panics where the law is broken.
pub(crate) fn check(bytes: &[u8]) {
    // Larger farms are slower and no wiser.
    if bytes.len() > 4_096 {
        return;
    }
    let mut facts = Facts::default();
    let mut text = Vec::new();
    for line in bytes.split_inclusive(|&b| b == b'\n') {
        let (health, id) = match line {
            [b'!', b' ', id @ ..] => (Health::Failed, id),
            [b'?', b' ', id @ ..] => (Health::Testing, id),
            _ => {
                text.extend_from_slice(line);
                continue;
            }
        };
        if let Some(id) = std::str::from_utf8(id)
            .ok()
            .and_then(|i| i.trim().parse().ok())
        {
            facts.measured.insert(Id::Endpoint(id), health.into());
        }
    }
    let Some(model) = load("fuzz", &text).model else {
        return;
    };
    let (snapshot, loads) = Snapshot::compile(&model, &facts, None);
    let dips = model.dips.iter().map(|d| d.id);
    for (at, n) in model.virtuals.iter().map(|v| v.id).chain(dips).zip(0u64..) {
        for draw in [0, n.wrapping_mul(0x9E37_79B9_7F4A_7C15), u64::MAX] {
            one(at, draw, &snapshot, &loads);
        }
    }
}

fn one(at: Endpoint, draw: u64, snapshot: &Snapshot, loads: &signpost::decide::Loads) {
    let ask = Ask {
        at,
        client: (draw as u32).to_be_bytes().into(),
        scheme: Scheme::Http,
        method: Cow::Borrowed("GET"),
        host: at.address.to_string().into(),
        port: at.port.get(),
        target: Cow::Borrowed("/a/b?c=d"),
        past: Past::default(),
    };
    let moment = Moment {
        now: Millis(10_000 + draw % 1_000),
        draw,
    };
    let mut told = explain(&ask, snapshot, loads, moment).decision;
    let mut attempt = Attempt::default();
    let decision = decide(&ask, snapshot, loads, moment, &mut attempt);
    let mut got = verdict(&ask, snapshot, decision, &attempt);
    (got.loop_at, told.loop_at) = (None, None);
    assert_eq!(got, told);
    let mut action = decision.action;
    while let Action::Forward { server } = action {
        assert_ne!(snapshot.health(server), Health::Failed);
        drop(loads.place(server));
        assert!(!attempt.tried.contains(&server));
        attempt.tried.push(server);
        action = decide(&ask, snapshot, loads, moment, &mut attempt).action;
    }
    assert!(
        (0..u32::try_from(attempt.tried.len()).unwrap_or(0))
            .all(|i| loads.gauges(attempt.tried[i as usize]).connections() == 0)
    );
}
