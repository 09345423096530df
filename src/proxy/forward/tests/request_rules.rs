//! RELIABILITY.md part D, what a server gets of a request: the same however the client's bytes arrive.

use super::pieces::{recorder, way, ways};
use super::rig::*;
use crate::model::Serving;

/// A request that is forwarded, with the connection open behind it.
const GOOD: &[u8] = b"GET /good HTTP/1.1\r\nHost: a.example\r\n\r\n";

/// What a request comes to.
enum Comes {
    /// The server got exactly this, and the connection stays open.
    To(String),
    /// As [`To`](Comes::To), and the connection is closed.
    Last(String),
    /// This status, from Signpost itself, and the connection is closed.
    Refused(&'static str),
}

/// A rule, the request, and what it comes to.
type Case = (&'static str, String, Comes);

/// The fields that Signpost adds for a client of `a.example`; `others`: what `Via` keeps.
fn ours(others: &str) -> String {
    format!(
        "forwarded: for=192.0.2.7;host=\"a.example\";proto=http\r\nx-forwarded-for: 192.0.2.7\r\n\
         x-forwarded-proto: http\r\nx-forwarded-host: a.example\r\nvia: {others}1.1 {PSEUDONYM}\r\n\r\n"
    )
}

fn get(rule: &'static str, fields: &str, kept: &str) -> Case {
    let request = format!("GET /x HTTP/1.1\r\nHost: a.example\r\n{fields}\r\n");
    let got = format!("GET /x HTTP/1.1\r\nHost: a.example\r\n{kept}{}", ours(""));
    (rule, request, Comes::To(got))
}

fn post(rule: &'static str, sent: &str, kept: &str, body: &str) -> Case {
    let request = format!("POST /x HTTP/1.1\r\nHost: a.example\r\n{sent}");
    let got = format!(
        "POST /x HTTP/1.1\r\nHost: a.example\r\n{kept}{}{body}",
        ours("")
    );
    (rule, request, Comes::To(got))
}

fn fields() -> Vec<Case> {
    vec![
        get("nothing special", "X-Kept: 1\r\n", "X-Kept: 1\r\n"),
        get(
            "hop-by-hop fields are removed",
            "Connection: keep-alive\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nTE: gzip\r\nX-Kept: 1\r\n",
            "X-Kept: 1\r\n",
        ),
        get(
            "and all that Connection names, in any of its lines",
            "X-Secret: 1\r\nConnection: x-secret , X-More\r\nx-more: 2\r\nConnection: X-Third\r\nX-Third: 3\r\nX-Kept: 1\r\n",
            "X-Kept: 1\r\n",
        ),
        get(
            "but never what a client may not take away",
            "Connection: Host, Authorization, Cookie, X-Forwarded-For, Via, Forwarded\r\nAuthorization: b\r\nCookie: c=1\r\n",
            "Authorization: b\r\nCookie: c=1\r\n",
        ),
        get(
            "a client that takes trailers",
            "TE: trailers, gzip\r\nConnection: TE\r\n",
            "te: trailers\r\nconnection: te\r\n",
        ),
        get(
            "forwarding fields are replaced",
            "Forwarded: for=6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\nx-forwarded-proto: https\r\nX-Forwarded-Host: evil\r\n\
             X-Forwarded-Port: 1\r\nVia: 1.0 evil\r\n",
            "",
        ),
        get(
            "spellings with underscores are dropped",
            "X_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Host: evil\r\nContent_Length: 5\r\nTransfer_Encoding: chunked\r\nX_Kept: 1\r\n",
            "X_Kept: 1\r\n",
        ),
        get(
            "h2c is stripped",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n",
            "",
        ),
        get(
            "h2c is stripped from among others",
            "Connection: Upgrade\r\nUpgrade: h2c, websocket\r\n",
            "upgrade: websocket\r\nconnection: upgrade\r\n",
        ),
        get(
            "an upgrade that Connection does not name is none",
            "Upgrade: websocket\r\n",
            "",
        ),
    ]
}

fn framings() -> Vec<Case> {
    vec![
        post(
            "a length is made anew",
            "content-LENGTH:  3 \r\nConnection: Content-Length\r\n\r\nabc",
            "content-length: 3\r\n",
            "abc",
        ),
        post(
            "a length of zero too",
            "Content-Length: 0\r\n\r\n",
            "content-length: 0\r\n",
            "",
        ),
        post(
            "chunks are made anew, their trailers stay behind",
            "Transfer-Encoding: Chunked\r\nConnection: Transfer-Encoding\r\nTrailer: X-Sum\r\n\r\n\
             3;ext=1\r\nabc\r\n02\r\nde\r\n0\r\nX-Sum: 5\r\nContent-Length: 9\r\nX_Forwarded_For: 6\r\n\r\n",
            "transfer-encoding: chunked\r\n",
            "abcde",
        ),
        (
            "a body with a fault is never forwarded as whole",
            "POST /x HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nZ\r\n".into(),
            Comes::Refused("400"),
        ),
    ]
}

fn routes() -> Vec<Case> {
    let line = |via: &str| format!("GET /x HTTP/1.1\r\nHost: a.example\r\n{via}\r\n");
    let old = |fields: &str, host: &str, kept: &str, ours: &str| {
        Comes::Last(format!(
            "GET /x HTTP/1.1\r\n{fields}{kept}forwarded: for=192.0.2.7;{ours}proto=http\r\nx-forwarded-for: 192.0.2.7\r\n\
             x-forwarded-proto: http\r\n{host}via: 1.0 {PSEUDONYM}\r\n\r\n"
        ))
    };
    vec![
        (
            "an own Via that comes back is a loop",
            line(&format!("Via: 1.1 x, HTTP/1.1  {PSEUDONYM} (it)\r\n")),
            Comes::Refused("508"),
        ),
        (
            "in the second line too, and by Connection's wish",
            line(&format!(
                "Connection: Via\r\nVia: 1.1 x\r\nvia: 1.0 {}\r\n",
                PSEUDONYM.to_uppercase()
            )),
            Comes::Refused("508"),
        ),
        (
            "another Signpost's stays",
            line("Via: 1.1 evil, 1.1 signpost-fedcba9876543210\r\n"),
            Comes::To(line("").replace(
                "example\r\n\r\n",
                &format!("example\r\n{}", ours("1.1 signpost-fedcba9876543210, ")),
            )),
        ),
        (
            "absolute form",
            "GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\n\r\n".into(),
            get("", "", "").2,
        ),
        (
            "an upgrade of HTTP/1.0 is ignored",
            "GET /x HTTP/1.0\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n".into(),
            old(
                "Host: a.example\r\n",
                "x-forwarded-host: a.example\r\n",
                "",
                "host=\"a.example\";",
            ),
        ),
        (
            "HTTP/1.0 without Host gets one",
            "GET /x HTTP/1.0\r\nX-Kept: 1\r\n\r\n".into(),
            old("X-Kept: 1\r\n", "host: 198.51.100.1:80\r\n", "", ""),
        ),
    ]
}

async fn comes_out_the_same_every_way(cases: Vec<Case>) {
    let rig = Rig::new(&[recorder().await]);
    for (rule, request, comes) in cases {
        let (wanted, says, ends) = match &comes {
            Comes::To(text) => ("200", Some(text), false),
            Comes::Last(text) => ("200", Some(text), true),
            Comes::Refused(code) => (*code, None, true),
        };
        let behind = [GOOD, request.as_bytes()].concat();
        let alone = ways(request.as_bytes()).into_iter().map(|way| (0, way));
        let after = [(1, vec![&behind[..]]), (1, vec![GOOD, request.as_bytes()])];
        for (before, pieces) in alone.chain(after) {
            let got = rig.talk(&pieces, before + 1).await;
            let how = format!("{rule}: {}, {before} before it", way(&pieces));
            let answer = got.answers.last().expect("an answer");
            let statuses: Vec<&str> = got.answers.iter().map(|a| status(a)).collect();
            let expected: Vec<&str> = ["200"].into_iter().take(before).chain([wanted]).collect();
            assert_eq!((statuses, got.ended), (expected, ends), "{how}: {answer}");
            if let Some(text) = says {
                assert_eq!(body(answer), text, "{how}");
                assert_eq!(rig.worker.pools.idle(), 1, "{how}");
            }
        }
        // And one behind it, which a connection that is closed does not answer.
        let ahead = [request.as_bytes(), GOOD].concat();
        let got = rig.talk(&[&ahead], 2).await;
        let answered = if ends { 1 } else { 2 };
        assert_eq!(
            (got.answers.len(), got.ended),
            (answered, ends),
            "{rule}: before a good one"
        );
    }
}

#[test]
fn fields_go_on_by_the_rules_however_they_arrive() {
    run(comes_out_the_same_every_way(fields()));
}

#[test]
fn framing_is_made_anew_however_it_arrives() {
    run(comes_out_the_same_every_way(framings()));
}

#[test]
fn routes_are_told_by_the_rules_however_they_arrive() {
    run(comes_out_the_same_every_way(routes()));
}

/// The servers never fail for good, so that every request meets the same ones.
fn patient() -> Serving {
    let mut serving = Serving::default();
    serving.watching.threshold = u32::MAX;
    serving
}

const POST: &str = "POST /x HTTP/1.1\r\nHost: a.example\r\nContent-Length: 3\r\n\r\nabc";

#[test]
fn a_request_moves_on_whole_however_it_arrives() {
    run(async {
        let ports = [refusing().await, refusing().await, recorder().await];
        let rig = Rig::with(&ports, patient());
        let Comes::To(expected) = post("", "", "content-length: 3\r\n", "abc").2 else {
            unreachable!();
        };
        for pieces in ways(POST.as_bytes()) {
            let got = rig.talk(&pieces, 1).await;
            assert_eq!(
                (body(&got.answers[0]), got.ended),
                (expected.as_str(), false),
                "{}",
                way(&pieces)
            );
        }
        let good = String::from_utf8_lossy(GOOD);
        let both = format!("{good}{POST}");
        let got = rig.talk(&[both.as_bytes()], 2).await;
        assert_eq!(body(&got.answers[1]), expected);
    });
}

#[test]
fn a_request_that_none_can_have_is_503_however_it_arrives() {
    run(async {
        let rig = Rig::with(&[refusing().await, refusing().await], patient());
        for pieces in ways(POST.as_bytes()) {
            let got = rig.talk(&pieces, 1).await;
            let answer = &got.answers[0];
            assert_eq!(status(answer), "503", "{}", way(&pieces));
            assert_eq!(values(answer, "retry-after").len(), 1, "{answer}");
        }
    });
}

#[test]
fn a_post_that_broke_is_502_and_sent_once_however_it_arrives() {
    run(async {
        let (heads, mut counted) = tokio::sync::mpsc::unbounded_channel();
        let port = server(move |mut stream, _| {
            let heads = heads.clone();
            async move {
                if read_until(&mut stream, "\r\n\r\nabc").await.is_some() {
                    let _ = heads.send(());
                }
            }
        })
        .await;
        let rig = Rig::with(&[port, port], patient());
        for pieces in ways(POST.as_bytes()) {
            let got = rig.talk(&pieces, 1).await;
            assert_eq!(status(&got.answers[0]), "502", "{}", way(&pieces));
            assert_eq!(counted.recv().await, Some(()));
            assert!(counted.try_recv().is_err(), "{}", way(&pieces));
        }
    });
}
