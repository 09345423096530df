//! A farm to count a decision's instructions on, for the test and for the benchmark.

use std::borrow::Cow;
use std::hint::black_box;
use std::net::Ipv4Addr;

use serde::Deserialize;
use serde::de::value::{Error, StrDeserializer};
use signpost::decide::{
    Action, Ask, Attempt, Decision, Loads, Millis, Moment, Past, Snapshot, decide,
};
use signpost::model::{
    Dip, Endpoint, Model, Predictor, Ref, Scheme, Serving, Template, Url, UrlId, Virtual,
};

/// Decisions a figure.
pub(crate) const DECISIONS: u64 = 200;

fn url_id(number: usize) -> UrlId {
    let text = format!("u{number}");
    let read: Result<_, Error> = UrlId::deserialize(StrDeserializer::new(&text));
    read.expect("an id")
}

/// Virtuals at these addresses with these predictors and so many servers: urls, each linked to a dip of its own, of five weights; built without text, which would take
/// most of the time.
pub(crate) fn farm(asked: &[(Endpoint, Predictor, usize)]) -> Model {
    let most = asked.iter().map(|asked| asked.2).max().unwrap_or_default();
    let template = Template::parse("http://farm.example/%d").expect("a url");
    let address = |n: usize| Ipv4Addr::from_bits(10 << 24 | u32::try_from(n).expect("few")).into();
    let dip = |n| Dip {
        serving: Serving {
            weight: [1, 2, 3, 4, 5][n % 5],
            ..Serving::default()
        },
        ..Dip::new(
            Endpoint::new(address(n), Endpoint::HTTP),
            Endpoint::new(address(n), Endpoint::HTTP),
        )
    };
    let url = |n: usize| Url {
        link: Some(Ref::Dip(n as u32)),
        ..Url::new(url_id(n), template.clone())
    };
    let virtuals = asked.iter().map(|&(id, predictor, servers)| Virtual {
        targets: (0..servers as u32).map(Ref::Url).collect(),
        predictor,
        keepalive: true,
        ..Virtual::new(id)
    });
    Model {
        virtuals: virtuals.collect(),
        dips: (0..most).map(dip).collect(),
        urls: (0..most).map(url).collect(),
        ..Model::default()
    }
}

/// Asks [`DECISIONS`] times, each time for another client; says how many redirects came out.
pub(crate) fn redirects(at: Endpoint, snapshot: &Snapshot, loads: &Loads) -> u64 {
    let mut redirects = 0;
    for n in 0..DECISIONS {
        let ask = Ask {
            at,
            client: (n as u32).to_be_bytes().into(),
            scheme: Scheme::Http,
            method: Cow::Borrowed("GET"),
            host: Cow::Borrowed("www.acme.com"),
            port: 80,
            target: Cow::Borrowed("/"),
            past: Past::default(),
        };
        let moment = Moment {
            now: Millis(1),
            draw: n.wrapping_mul(0x9E37_79B9_7F4A_7C15),
        };
        let mut attempt = Attempt::default();
        let decision: Decision = decide(black_box(&ask), snapshot, loads, moment, &mut attempt);
        redirects += u64::from(matches!(decision.action, Action::Redirect { .. }));
    }
    redirects
}
