//! Real clients follow what is answered. A program that is missing is said loudly; `tests/run` installs them.

use std::process::{Command, Output, Stdio};

use crate::support::{After, Director, Origin, free};

/// Runs `program`, or `None` where it is not installed.
pub(crate) fn run(program: &str, arguments: &[&str]) -> Option<Output> {
    let spawned = Command::new("timeout")
        .args(["60", program])
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .expect("coreutils are installed");
    if spawned.status.code() == Some(127) {
        #[expect(clippy::print_stderr, reason = "a check that did not run must be seen")]
        {
            eprintln!("NOT CHECKED: `{program}` is not installed; bash tests/run installs it");
        }
        return None;
    }
    Some(spawned)
}

/// A farm of two dips behind one virtual that redirects; the URL of the virtual.
fn farm(body: &'static str) -> (Director, [Origin; 2], String) {
    let origins = [Origin::saying(body), Origin::saying(body)];
    let (at, d1, d2) = (free(), free(), free());
    let director = Director::start(&format!(
        "virtual {at}\nurl u1 http://{d1}/%d\nurl u2 http://{d2}/%d\nbind {at} u1 u2\n\
         dip {d1} {}\ndip {d2} {}\nlink u1 {d1}\nlink u2 {d2}\n",
        origins[0].address, origins[1].address
    ));
    (director, origins, format!("http://{at}/some/page?a=b%20c"))
}

#[track_caller]
fn follows(program: &str, arguments: &[&str]) {
    let (_director, origins, url) = farm("the page itself");
    let arguments: Vec<&str> = arguments
        .iter()
        .map(|argument| if *argument == "URL" { &url } else { *argument })
        .collect();
    let Some(output) = run(program, &arguments) else {
        return;
    };
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("the page itself"),
        "{said}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let requests: Vec<_> = origins.iter().flat_map(Origin::requests).collect();
    assert_eq!(requests.len(), 1);
    assert!(
        requests[0].head.contains(" /some/page?a=b%20c HTTP/1.1"),
        "{requests:?}"
    );
}

#[test]
fn curl_follows() {
    follows(
        "curl",
        &["--noproxy", "*", "-sSL", "--max-time", "10", "URL"],
    );
}

#[test]
fn curl_keeps_the_body_of_a_post() {
    let (_director, origins, url) = farm("taken");
    let arguments = [
        "--noproxy",
        "*",
        "-sSL",
        "--max-time",
        "10",
        "--data",
        "form=1",
        &url,
    ];
    let Some(output) = run("curl", &arguments) else {
        return;
    };
    assert_eq!(String::from_utf8_lossy(&output.stdout), "taken");
    let requests: Vec<_> = origins.iter().flat_map(Origin::requests).collect();
    assert!(
        requests.len() == 1
            && requests[0].head.starts_with("POST ")
            && requests[0].body == b"form=1",
        "{requests:?}"
    );
}

#[test]
fn wget_follows() {
    follows(
        "wget",
        &[
            "--no-proxy",
            "-q",
            "-O",
            "-",
            "--tries=1",
            "--timeout=10",
            "URL",
        ],
    );
}

#[test]
fn python_http_client_follows() {
    let script = "
import http.client, sys, urllib.parse
url = sys.argv[1]
for turn in range(3):
    parts = urllib.parse.urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    connection.request('GET', parts.path + '?' + parts.query)
    answer = connection.getresponse()
    body = answer.read().decode()
    if answer.status != 302:
        break
    url = answer.headers['Location']
print(answer.status, body)
";
    follows("python3", &["-c", script, "URL"]);
}

/// The page that Chromium loads: what its script, style and picture do shows in the dumped document.
const PAGE: &str = "<!doctype html><title>t</title><link rel=stylesheet href='AT/style.css'>\
    <img id=i src='AT/dot.svg'><p id=p>plain</p><script src='AT/script.js'></script>";
const SCRIPT: &str = "addEventListener('load', () => { \
    document.getElementById('p').textContent = 'script ran, colour ' + getComputedStyle(document.body).color \
    + ', picture ' + document.getElementById('i').naturalWidth; });";
const PICTURE: &str = "<svg xmlns='http://www.w3.org/2000/svg' width='7' height='7'></svg>";

#[test]
fn chromium_loads_a_page_whose_assets_are_redirected() {
    let at = free();
    let page = PAGE.replace("AT", &format!("http://{at}"));
    let origin = Origin::start(move |exchange| {
        let target = exchange.request.head.split(' ').nth(1).unwrap_or_default();
        let (kind, body) = match target {
            "/page" => ("text/html", page.as_str()),
            "/script.js" => ("text/javascript", SCRIPT),
            "/style.css" => ("text/css", "body { color: rgb(1, 2, 3) }"),
            "/dot.svg" => ("image/svg+xml", PICTURE),
            _ => ("text/plain", ""),
        };
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Type: {kind}\r\nContent-Length: {}\r\n\r\n",
            body.len()
        );
        exchange.send(head + body)?;
        Ok(After::Keep)
    });
    let dip = free();
    let _director = Director::start(&format!(
        "virtual {at}\nurl u http://{dip}/%d\nbind {at} u\ndip {dip} {}\nlink u {dip}\n",
        origin.address
    ));
    let profile = tempfile::TempDir::new().expect("a temporary folder");
    let profile = format!("--user-data-dir={}", profile.path().display());
    let url = format!("http://{at}/page");
    let arguments = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-proxy-server",
        "--virtual-time-budget=10000",
        &profile,
        "--dump-dom",
        &url,
    ];
    let Some(output) = run("chromium", &arguments) else {
        return;
    };
    let page = String::from_utf8_lossy(&output.stdout);
    assert!(
        page.contains("script ran, colour rgb(1, 2, 3), picture 7"),
        "{page}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
