//! RELIABILITY.md part D, what a client gets of an answer: the same however the server's bytes arrive.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use tokio::io::AsyncWriteExt;

use super::pieces::{way, ways};
use super::rig::*;
use crate::control::Outcome;
use crate::proxy::forward::After;

const GET: &str = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
const HEAD: &str = "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n";
const UPGRADE: &str =
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
/// An answer behind which the server's connection is used again.
const GOOD: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/// What an answer comes to.
#[derive(Clone, Copy, Debug)]
enum Comes {
    /// The client gets this body whole, and both connections are used again.
    Whole(&'static str),
    /// The client gets this body whole, and the server's connection is not used again.
    Spent(&'static str),
    /// 502, and both connections are closed.
    Bad,
    /// The client gets the beginning, and sees that it is no more.
    Cut(&'static str),
    /// The 101, and then these bytes, until the server closes.
    Switched(&'static str),
}

/// A request, the server's bytes, whether it closes behind them, and what they come to.
type Case = (&'static str, String, bool, Comes);

fn case(answer: &str, comes: Comes) -> Case {
    let closes = matches!(comes, Comes::Cut(_) | Comes::Switched(_));
    (GET, answer.to_owned(), closes, comes)
}

fn ok(rest: &str, comes: Comes) -> Case {
    case(&format!("HTTP/1.1 200 OK\r\n{rest}"), comes)
}

fn bad() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n\r\nab",
        "Content-Length: 2\r\nContent-Length: 3\r\n\r\nab",
        "Content-Length: 2, 2\r\n\r\nab",
        "Content-Length: -2\r\n\r\nab",
        "Content-Length: +2\r\n\r\nab",
        "Content-Length: 0x2\r\n\r\nab",
        "Content-Length: 1_0\r\n\r\nab",
        "Content-Length:\r\n\r\nab",
        "Content-Length: 9223372036854775808\r\n\r\nab",
        "Content-Length: 99999999999999999999\r\n\r\nab",
        "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "Transfer-Encoding: identity\r\n\r\nab",
        "Bad Name: x\r\nContent-Length: 0\r\n\r\n",
        "X: a\r\n folded\r\nContent-Length: 0\r\n\r\n",
        "X: a\0b\r\nContent-Length: 0\r\n\r\n",
    ]
    .into_iter()
    .map(|rest| ok(rest, Comes::Bad))
    .collect();
    cases.push(ok(
        &format!("X: {}\r\nContent-Length: 0\r\n\r\n", "x".repeat(70_000)),
        Comes::Bad,
    ));
    cases.push(ok(
        &format!("{}Content-Length: 0\r\n\r\n", "X: y\r\n".repeat(200)),
        Comes::Bad,
    ));
    for answer in [
        "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/3.0 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n",
        "SSH-2.0-OpenSSH_9.2\r\n\r\n",
        "\u{0}\u{1}\u{2}\u{3}\u{4}\u{5}\u{6}\u{7} garbage\r\n\r\n",
    ] {
        cases.push(case(answer, Comes::Bad));
    }
    cases
}

fn switches() -> Vec<Case> {
    let upgrade = |fields: &str, comes| {
        let answer = format!("HTTP/1.1 101 Switching Protocols\r\n{fields}\r\nhi");
        let closes = matches!(comes, Comes::Switched(_));
        (UPGRADE, answer, closes, comes)
    };
    let asked = "Connection: upgrade\r\nUpgrade: websocket\r\n";
    let (_, unasked, ..) = upgrade(asked, Comes::Bad);
    vec![
        upgrade(asked, Comes::Switched("hi")),
        upgrade("Connection: upgrade\r\nUpgrade: h2c\r\n", Comes::Bad),
        upgrade(
            "Connection: upgrade\r\nUpgrade: websocket, h2c\r\n",
            Comes::Bad,
        ),
        upgrade("Connection: upgrade\r\nUpgrade: other\r\n", Comes::Bad),
        upgrade("Connection: upgrade\r\n", Comes::Bad),
        upgrade("Upgrade: websocket\r\n", Comes::Bad),
        case(&unasked, Comes::Bad),
    ]
}

fn bodies() -> Vec<Case> {
    let chunked = "Transfer-Encoding: chunked\r\n\r\n";
    let mut cases = vec![
        ok("Content-Length: 3\r\n\r\nabc", Comes::Whole("abc")),
        ok(
            "Connection: X-Gone, Set-Cookie\r\nX-Gone: 1\r\nKeep-Alive: 5\r\nProxy-Connection: x\r\nSet-Cookie: a=b\r\nContent-Length: 0\r\n\r\n",
            Comes::Whole(""),
        ),
        ok(
            &format!("{chunked}3;a=b\r\nabc\r\n02\r\nde\r\n0\r\nX-Sum: 5\r\n\r\n"),
            Comes::Whole("abcde"),
        ),
        case(
            "HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n",
            Comes::Whole(""),
        ),
        case(
            "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
            Comes::Whole("ok"),
        ),
        ok(
            "Connection: close\r\nContent-Length: 2\r\n\r\nab",
            Comes::Spent("ab"),
        ),
        ok("Content-Length: 2\r\n\r\nabX", Comes::Spent("ab")),
        ok("Content-Length: 0\r\n\r\nX", Comes::Spent("")),
        ok(&format!("{chunked}1\r\na\r\n0\r\n\r\nX"), Comes::Spent("a")),
        ok(
            &format!(
                "Content-Length: 2\r\n\r\nab{}",
                String::from_utf8_lossy(GOOD)
            ),
            Comes::Spent("ab"),
        ),
        case("HTTP/1.1 204 No Content\r\n\r\nX", Comes::Spent("")),
        ok("Content-Length: 10\r\n\r\nabc", Comes::Cut("abc")),
        ok(&format!("{chunked}5\r\nabc"), Comes::Cut("abc")),
        ok(&format!("{chunked}3\r\nabc\r\n"), Comes::Cut("abc")),
        ok(&format!("{chunked}3\r\nabc\r\nZZ\r\n"), Comes::Cut("abc")),
        ok(&format!("{chunked}3\r\nabcd\r\n"), Comes::Cut("abc")),
    ];
    let empty = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n".to_owned();
    cases.push((HEAD, empty.clone(), false, Comes::Whole("")));
    cases.push((HEAD, format!("{empty}X"), false, Comes::Spent("")));
    let until_the_end = "HTTP/1.1 200 OK\r\n\r\nto the end".to_owned();
    cases.push((GET, until_the_end, true, Comes::Spent("to the end")));
    cases
}

/// What the server plays next: pieces, and whether it closes behind them.
type Script = Arc<Mutex<VecDeque<(Vec<Vec<u8>>, bool)>>>;

/// A server that answers each request with the next pieces of the script, each sent on its own.
async fn playing(script: &Script) -> u16 {
    let script = Arc::clone(script);
    server(move |mut stream, _| {
        let script = Arc::clone(&script);
        async move {
            stream.set_nodelay(true).unwrap();
            while read_head(&mut stream).await.is_some() {
                let next = script.lock().unwrap().pop_front();
                let (pieces, closes) = next.expect("a request that was not to come");
                for piece in pieces {
                    // The connection may have been closed over what came so far.
                    if stream.write_all(&piece).await.is_err() {
                        return;
                    }
                    tokio::task::yield_now().await;
                }
                if closes {
                    return;
                }
            }
        }
    })
    .await
}

/// A rig with one server, and what that one plays.
async fn rig() -> (Rig, Script) {
    let script = Script::default();
    (Rig::new(&[playing(&script).await]), script)
}

fn play(script: &Script, pieces: &[&[u8]], closes: bool) {
    let pieces = pieces.iter().map(|piece| piece.to_vec()).collect();
    script.lock().unwrap().push_back((pieces, closes));
}

/// The sizes of the chunks, and the data; and whether the last chunk came.
fn unchunk(mut text: &str) -> (Vec<usize>, String, bool) {
    let (mut sizes, mut data) = (Vec::new(), String::new());
    while let Some((size, rest)) = text.split_once("\r\n") {
        let size = usize::from_str_radix(size, 16).expect("a chunk's size");
        if size == 0 {
            return (sizes, data, true);
        }
        let here = size.min(rest.len());
        data.push_str(&rest[..here]);
        sizes.push(size);
        text = rest[here..].strip_prefix("\r\n").unwrap_or("");
    }
    (sizes, data, false)
}

/// The last head but for its date, the body without its framing, and whether it is whole.
fn read(got: &str, request: &str) -> (String, String, bool) {
    let mut text = got;
    while status(text).starts_with('1') && status(text) != "101" {
        text = body(text);
    }
    let (head, rest) = text.split_once("\r\n\r\n").expect("a whole head");
    let (data, whole) = if values(text, "transfer-encoding") == ["chunked"] {
        let (_, data, whole) = unchunk(rest);
        (data, whole)
    } else {
        let length = values(text, "content-length")
            .first()
            .map_or(0, |l| l.parse().expect("a length"));
        let whole = rest.len() == length || request == HEAD || status(text) == "304";
        (rest.to_owned(), whole)
    };
    let lines = head
        .lines()
        .filter(|l| !l.to_lowercase().starts_with("date:"));
    (lines.collect::<Vec<_>>().join("\n"), data, whole)
}

async fn comes_out_the_same_every_way(cases: Vec<Case>) {
    let (mut rig, script) = rig().await;
    for (request, answer, closes, comes) in cases {
        let shown = &answer[..answer.len().min(80)];
        let mut first = None;
        let all = ways(answer.as_bytes());
        // Once more behind an answer on the same connection.
        let again = [(true, all[0].clone()), (true, all[1].clone())];
        for (behind, pieces) in all.into_iter().map(|way| (false, way)).chain(again) {
            let how = format!("{shown:?}: {}, behind: {behind}", way(&pieces));
            rig.worker.pools.clear();
            if behind {
                play(&script, &[GOOD], false);
                assert_eq!(rig.exchange(GET).await.0, After::KeepAlive, "{how}");
                rig.outcomes();
            }
            play(&script, &pieces, closes);
            let (after, got) = rig.exchange(request).await;
            let (head, data, whole) = read(&got, request);
            let (code, wanted, ends) = match comes {
                Comes::Whole(text) | Comes::Spent(text) => ("2", text, After::KeepAlive),
                Comes::Cut(text) => ("200", text, After::Close),
                Comes::Switched(text) => ("101", text, After::Linger),
                Comes::Bad => ("502", data.as_str(), After::Linger),
            };
            let code = if status(&answer) == "304" {
                "304"
            } else {
                code
            };
            assert!(status(&head).starts_with(code), "{how}: {got}");
            assert_eq!((data.as_str(), after), (wanted, ends), "{how}: {got}");
            match comes {
                Comes::Whole(_) => assert_eq!(rig.worker.pools.idle(), 1, "{how}"),
                Comes::Spent(_) => rig.no_connection_is_of_use().await,
                _ => assert_eq!(rig.worker.pools.idle(), 0, "{how}"),
            }
            if matches!(comes, Comes::Cut(_)) {
                assert!(!whole, "{how}: {got}");
            }
            if matches!(comes, Comes::Bad) {
                assert_eq!(rig.outcomes(), [Outcome::BadAnswer], "{how}");
            } else {
                rig.outcomes();
            }
            let outcome = (head, data, whole);
            assert_eq!(*first.get_or_insert(outcome.clone()), outcome, "{how}");
        }
        assert!(script.lock().unwrap().is_empty(), "{shown:?}");
    }
}

#[test]
fn answers_that_break_the_rules_are_502_however_they_arrive() {
    run(comes_out_the_same_every_way(bad()));
}

#[test]
fn only_a_101_that_fits_switches_however_it_arrives() {
    run(comes_out_the_same_every_way(switches()));
}

#[test]
fn bodies_end_where_they_end_however_they_arrive() {
    run(comes_out_the_same_every_way(bodies()));
}

/// Else the other tests here would show less than they say.
#[test]
fn pieces_arrive_as_pieces() {
    run(async {
        let (rig, script) = rig().await;
        let head = b"HTTP/1.1 200 OK\r\n\r\n".as_slice();
        let mut pieces = vec![head];
        pieces.extend(b"abcdef".chunks(1));
        play(&script, &pieces, true);
        let (_, got) = rig.exchange(GET).await;
        let (sizes, data, whole) = unchunk(body(&got));
        assert_eq!((sizes, data.as_str(), whole), (vec![1; 6], "abcdef", true));
    });
}
