//! The law of the `location` target, shared with the test that replays its corpus.
//!
//! Input: a line each for the URL text of a url statement, the host asked for and the port; the rest is the target.

use std::borrow::Cow;

use signpost::decide::{Ask, LOCATION_BYTES, Past, write_location};
use signpost::model::{Endpoint, Piece, Scheme, load};

/// Panics where the law is broken.
pub(crate) fn check(bytes: &[u8]) {
    let mut parts = bytes.splitn(4, |&b| b == b'\n');
    let mut next = || parts.next().and_then(|p| std::str::from_utf8(p).ok());
    let (Some(url), Some(host), Some(port), Some(target)) = (next(), next(), next(), next()) else {
        return;
    };
    let Ok(port) = port.parse() else { return };
    let host_is_one = !host.is_empty()
        && host.len() <= 253
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    if !host_is_one || url.contains(['"', '\r']) {
        return;
    }
    let text = format!("virtual 1.1.1.1\nurl u \"{url}\"\nbind 1.1.1.1 u\n");
    let Some(model) = load("fuzz", text.as_bytes()).model else {
        return;
    };
    let Some(template) = model.urls.first().map(|u| &u.template) else {
        return;
    };
    let ask = Ask {
        at: Endpoint::new([1, 1, 1, 1].into(), Endpoint::HTTP),
        client: [192, 0, 2, 1].into(),
        scheme: Scheme::Http,
        method: Cow::Borrowed("GET"),
        host: host.into(),
        port,
        target: target.into(),
        past: Past::default(),
    };
    let mut out = b"kept".to_vec();
    if write_location(template, &ask, &mut out).is_err() {
        assert_eq!(out, b"kept");
        return;
    }
    let out = out.strip_prefix(b"kept").expect("what stood there stays");
    assert!(out.len() <= LOCATION_BYTES);
    assert!(out.iter().all(|b| (0x21..0x7F).contains(b)));
    // A fragment is the operator's alone.
    let fragments = |text: &[u8]| text.iter().filter(|b| **b == b'#').count();
    let said = template.path.iter().map(|piece| match piece {
        Piece::Literal(text) => fragments(text.as_bytes()),
        _ => 0,
    });
    assert_eq!(fragments(out), said.sum::<usize>());
    let mut begin = format!("{}://", template.scheme.as_str());
    for piece in &template.authority {
        match piece {
            Piece::Literal(text) => begin.push_str(text),
            Piece::Host => begin.push_str(host),
            _ => begin.push_str(&port.to_string()),
        }
    }
    let rest = out
        .strip_prefix(begin.as_bytes())
        .expect("scheme and authority of the template");
    assert!(rest.starts_with(b"/"));
}
