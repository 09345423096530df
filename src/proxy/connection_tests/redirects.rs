//! What an answer of Signpost itself says.

use super::*;

fn ask_at(to: &str, request: &str) -> Got {
    let worker = worker();
    let mut talk = Talk::new(&worker, to, 1 << 20);
    talk.send(request.as_bytes());
    talk.got()
}

#[test]
fn a_redirect_byte_for_byte() {
    let got = ask_at(
        CLOSES,
        "GET /x?a=1&b HTTP/1.1\r\nHost: Ab.example:81\r\n\r\n",
    );
    let text = got.text();
    let date = text.find("Date: ").expect("a date") + 6;
    let without = format!("{}{}", &text[..date], &text[date + 29..]);
    let expected = "HTTP/1.1 301 Moved Permanently\r\nServer: Signpost\r\nDate: \r\n\
        Location: http://w-Ab.example:181/x?a=1&b\r\nContent-Type: text/html; charset=utf-8\r\n\
        Content-Length: 89\r\nX-Content-Type-Options: nosniff\r\nVary: Host\r\nConnection: close\r\n\r\n\
        <!DOCTYPE html><a href=\"http://w-Ab.example:181/x?a=1&amp;b\">Moved Permanently</a>\n";
    let length = expected.split_once("\r\n\r\n").expect("a body").1.len();
    assert_eq!(without, expected.replace("89", &length.to_string()));
    assert!(httpdate::parse_http_date(&text[date..date + 29]).is_ok());
    assert!(got.ended);
}

#[test]
fn a_client_without_host_is_sent_to_what_it_connected_to() {
    let got = ask_at(CLOSES, "GET /x HTTP/1.0\r\n\r\n");
    assert!(
        got.text()
            .contains("Location: http://w-192.0.2.2:18080/x\r\n"),
        "{got:?}"
    );
}

#[test]
fn an_absolute_target_without_path_is_asked_for_with_one() {
    let got = ask_at(CLOSES, "GET http://a?q HTTP/1.1\r\nHost: a\r\n\r\n");
    assert!(
        got.text().contains("Location: http://w-a:180/?q\r\n"),
        "{got:?}"
    );
}

#[test]
fn nothing_usable_is_503_and_nothing_there_closes() {
    let request = "GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    let got = ask_at(EMPTY, request);
    assert_eq!((got.statuses(), got.ended), (vec![503], false));
    assert!(got.text().contains("\r\nRetry-After: 5\r\n"));
    let got = ask_at(GONE, request);
    assert_eq!((got.statuses(), got.ended), (vec![503], true));
    assert!(got.text().ends_with(": not-here\n"));
}

#[test]
fn a_location_that_grows_too_long_is_414() {
    let request = format!(
        "GET /{} HTTP/1.1\r\nHost: a\r\n\r\n",
        "x".repeat(16 * 1024 - 1)
    );
    let got = ask_at(CLOSES, &request);
    assert_eq!((got.statuses(), got.ended), (vec![414], true));
}

#[test]
fn the_host_is_varied_by_where_a_predictor_goes_by_it() {
    let worker = worker();
    for (to, varies) in [(KEEPS, false), (BY_HOST, true), (CLOSES, true)] {
        let mut talk = Talk::new(&worker, to, 1 << 16);
        talk.send(GOOD);
        let got = talk.got();
        assert_eq!(
            got.text().contains("\r\nVary: Host\r\n"),
            varies,
            "{to}: {got:?}"
        );
    }
}

/// What a client of [`TAKES`] gets for a Location, and for the same in markup; without the date.
fn moved(location: &str, href: &str) -> String {
    let page = format!("<!DOCTYPE html><a href=\"{href}\">Moved Permanently</a>\n");
    format!(
        "HTTP/1.1 301 Moved Permanently\r\nServer: Signpost\r\nLocation: {location}\r\n\
         Content-Type: text/html; charset=utf-8\r\nContent-Length: {}\r\nX-Content-Type-Options: nosniff\r\n\
         Vary: Host\r\n\r\n{page}",
        page.len()
    )
}

fn undated(text: &str) -> String {
    let lines = text.split_inclusive("\r\n");
    lines.filter(|line| !line.starts_with("Date: ")).collect()
}

/// A request, and the Location with its form in markup.
fn locations() -> Vec<(String, String, String)> {
    let case = |target: &str, path: &str, markup: &str| {
        let at = "http://w-a.example:18080/";
        (
            format!("GET {target} HTTP/1.1\r\nHost: a.example:8080\r\n\r\n"),
            format!("{at}{path}"),
            format!("{at}{markup}"),
        )
    };
    let mut cases = vec![
        case("/", "", ""),
        case("/x?a=1&b", "x?a=1&b", "x?a=1&amp;b"),
        case("//x//../y/", "/x//../y/", "/x//../y/"),
        // Never decoded, encoded once.
        case("/%41%2f%0d%0a", "%41%2f%0d%0a", "%41%2f%0d%0a"),
        case(
            "/|{}^[]\\\"<>`",
            "%7C%7B%7D%5E%5B%5D%5C%22%3C%3E%60",
            "%7C%7B%7D%5E%5B%5D%5C%22%3C%3E%60",
        ),
        case("/%zz%2", "%25zz%252", "%25zz%252"),
        // What a client sends is no macro.
        case(
            "/%h:%s/%u?%q%%",
            "%25h:%25s/%25u?%25q%25%25",
            "%25h:%25s/%25u?%25q%25%25",
        ),
        case("/?'><script>", "?'%3E%3Cscript%3E", "?&#39;%3E%3Cscript%3E"),
    ];
    let (plain, location, markup) = case("/x", "x", "x");
    let others = "X-Forwarded-Host: evil.example\r\nForwarded: host=evil.example\r\nX-Original-URL: /evil\r\n\
                  X-Rewrite-URL: /evil\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Port: 1\r\n\r\n";
    let misled = plain.replace("\r\n\r\n", &format!("\r\n{others}"));
    cases.push((misled, location, markup));
    cases
}

/// One write, byte by byte, and split in two at every place.
fn ways(bytes: &[u8]) -> Vec<Vec<&[u8]>> {
    let mut ways = vec![vec![bytes], bytes.chunks(1).collect()];
    ways.extend((1..bytes.len()).map(|at| vec![&bytes[..at], &bytes[at..]]));
    ways
}

fn talk_at(worker: &Rc<Worker>, to: &str, pieces: &[&[u8]]) -> Got {
    let mut talk = Talk::new(worker, to, 1 << 20);
    for piece in pieces {
        talk.send(piece);
    }
    talk.got()
}

#[test]
fn a_location_is_the_same_however_the_request_arrives() {
    let worker = worker();
    for (request, location, markup) in locations() {
        let expected = moved(&location, &markup);
        for pieces in ways(request.as_bytes()) {
            let got = talk_at(&worker, TAKES, &pieces);
            assert_eq!(undated(got.text()), expected, "{request:?}");
            assert!(!got.ended, "{request:?}");
        }
        let behind = [GOOD, request.as_bytes()].concat();
        let got = talk_at(&worker, TAKES, &[&behind]);
        assert_eq!(got.statuses(), [301, 301], "{request:?}");
        assert!(undated(got.text()).ends_with(&expected), "{request:?}");
    }
}

#[test]
fn no_way_of_arriving_leads_back_to_the_url_just_asked_for() {
    let worker = worker();
    let request = "GET /x?a HTTP/1.1\r\nHost: a.example\r\n\r\n";
    for pieces in ways(request.as_bytes()) {
        let got = talk_at(&worker, RETURNS, &pieces);
        assert_eq!(got.statuses(), [503]);
        assert!(got.text().ends_with(": loop\n"), "{got:?}");
        assert!(!got.text().contains("Location: "), "{got:?}");
    }
    let behind = [GOOD, request.as_bytes()].concat();
    assert_eq!(talk_at(&worker, RETURNS, &[&behind]).statuses(), [503, 503]);
}

#[test]
fn a_location_has_its_limit_however_the_request_arrives() {
    let worker = worker();
    let long = |length: usize| {
        let path = "|".repeat(length);
        format!("GET /{path} HTTP/1.1\r\nHost: a.example:8080\r\n\r\n")
    };
    // Each byte of the path takes three in a Location of at most 16 KiB.
    let most = (16 * 1024 - "http://w-a.example:18080/".len()) / 3;
    for (length, status) in [(most, 301), (most + 1, 414)] {
        let request = long(length);
        let bytes = request.as_bytes();
        let head = request.find("Host").expect("a field");
        for pieces in [
            vec![bytes],
            bytes.chunks(1).collect(),
            vec![&bytes[..head], &bytes[head..]],
            vec![&bytes[..bytes.len() - 1], &bytes[bytes.len() - 1..]],
        ] {
            let got = talk_at(&worker, TAKES, &pieces);
            assert_eq!((got.statuses(), got.ended), (vec![status], status == 414));
        }
        let got = talk_at(&worker, TAKES, &[&[GOOD, bytes].concat()]);
        assert_eq!(
            (got.statuses(), got.ended),
            (vec![301, status], status == 414)
        );
    }
}
