//! Real clients of HTTP/2 by prior knowledge. A program that is missing is said loudly; `tests/run` installs them.

use crate::clients::run;
use crate::forward::forwarding;
use crate::support::{After, Director, Origin, free};

#[track_caller]
fn said(program: &str, arguments: &[&str]) -> Option<String> {
    let output = run(program, arguments)?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{program} {arguments:?}: {text}{error}"
    );
    Some(text)
}

/// An origin that gives back what it gets.
fn echo() -> Origin {
    Origin::start(|exchange| {
        exchange.read_body()?;
        let body = std::mem::take(&mut exchange.request.body);
        let length = body.len();
        exchange.send(format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n"
        ))?;
        exchange.send(&body)?;
        Ok(After::Keep)
    })
}

#[test]
fn curl_is_redirected_and_sends_and_gets_long_bodies() {
    let origin = echo();
    let (_director, at) = forwarding(&origin);
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("body");
    let body: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    std::fs::write(&file, &body).expect("written");
    let (from, to) = (format!("@{}", file.display()), folder.path().join("back"));
    let front = free();
    let _front = Director::start(&format!(
        "virtual {front}\nurl t http://{at}/%d\nbind {front} t\n"
    ));
    let url = format!("http://{front}/x");
    let follow = [
        "--silent",
        "--show-error",
        "--http2-prior-knowledge",
        "--location",
        "--write-out",
        "%{http_version} %{http_code} %{num_redirects}",
        url.as_str(),
    ];
    if let Some(got) = said("curl", &follow) {
        assert_eq!(got, "2 200 1");
    }
    let got = said(
        "curl",
        &[
            "--silent",
            "--show-error",
            "--http2-prior-knowledge",
            "--data-binary",
            &from,
            "--output",
            to.to_str().expect("a path"),
            "--write-out",
            "%{http_version} %{http_code}",
            &format!("http://{at}/x"),
        ],
    );
    if let Some(got) = got {
        assert_eq!(got, "2 200");
        assert!(std::fs::read(&to).expect("an answer") == body);
    }
}

#[test]
fn nghttp_and_h2load_find_nothing_wrong() {
    let origin = Origin::saying("here");
    let (_director, forwards) = forwarding(&origin);
    let front = free();
    let _front = Director::start(&format!(
        "virtual {front}\nurl t http://t.example/%d\nbind {front} t\n"
    ));
    let (front, forwards) = (format!("http://{front}/a"), format!("http://{forwards}/a"));
    if let Some(text) = said("nghttp", &["-v", "-m", "20", &front, &forwards]) {
        assert!(text.contains(":status: 302"), "{text}");
        assert!(
            !text.contains("INVALID") && !text.contains("PROTOCOL_ERROR"),
            "{text}"
        );
    }
    for (url, statuses) in [(&front, "0 2xx, 3000 3xx"), (&forwards, "3000 2xx, 0 3xx")] {
        if let Some(text) = said("h2load", &["-n", "3000", "-c", "10", "-m", "25", url]) {
            assert!(
                text.contains("3000 succeeded, 0 failed, 0 errored"),
                "{text}"
            );
            assert!(text.contains(statuses), "{text}");
        }
    }
}

#[test]
fn curl_sees_answers_that_do_not_wait_for_its_long_body() {
    let taking = echo();
    let (_director, there) = forwarding(&taking);
    // Refuses what it has read the head of.
    let refusing = Origin::start(|exchange| {
        exchange.send("HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno")?;
        Ok(After::Close)
    });
    let (_refuser, refuser) = forwarding(&refusing);
    let (moved, found) = (free(), free());
    let _front = Director::start(&format!(
        "virtual {moved}\nurl t http://{there}/%d\nbind {moved} t\nvirtual {found}\nurl u http://{there}/%d 302\nbind {found} u\n"
    ));
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("body");
    let body: Vec<u8> = (0..1 << 20).map(|n: u32| (n % 251) as u8).collect();
    std::fs::write(&file, &body).expect("written");
    let from = format!("@{}", file.display());
    let back = folder.path().join("back");
    let back = back.to_str().expect("a path");
    let posts = |url: &str| {
        let words = [
            "--silent",
            "--show-error",
            "--http2-prior-knowledge",
            "--data-binary",
            &from,
            "--output",
            back,
            "--write-out",
            "%{http_version} %{http_code} %{num_redirects}",
            url,
        ];
        said("curl", &words)
    };
    for _ in 0..5 {
        for (at, expected) in [(moved, "2 307 0"), (found, "2 302 0"), (refuser, "2 413 0")] {
            if let Some(got) = posts(&format!("http://{at}/x")) {
                assert_eq!(got, expected);
            }
        }
    }
}
