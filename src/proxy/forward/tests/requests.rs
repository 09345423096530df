//! What the server gets.

use super::rig::*;
use crate::proxy::forward::After;

async fn mirrored(request: &str) -> String {
    let rig = Rig::new(&[mirror().await]);
    let (_, answer) = rig.exchange(request).await;
    assert_eq!(status(&answer), "200", "{answer}");
    body(&answer).to_owned()
}

#[test]
fn the_line_and_host_go_on_as_they_came() {
    run(async {
        for target in [
            "/",
            "/a//b/%2F?x=1&y",
            "/q?a=\"b\"&c=<d>",
            "/`|{}^[]\\%zz",
            "/?`",
            "/\"",
            "/%",
            "/a'b*c;d:e@f!$&(),=~",
        ] {
            let got = mirrored(&format!(
                "GET {target} HTTP/1.1\r\nHost: Example.COM:8080\r\n\r\n"
            ))
            .await;
            assert_eq!(
                got.lines().next(),
                Some(format!("GET {target} HTTP/1.1").as_str())
            );
            assert_eq!(values(&got, "host"), ["Example.COM:8080"]);
        }
        let got =
            mirrored("PROPFIND http://example.com/x<y HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
        assert_eq!(got.lines().next(), Some("PROPFIND /x<y HTTP/1.1"));
        let got = mirrored("GET http://example.com HTTP/1.1\r\nHost: example.com\r\n\r\n").await;
        assert_eq!(got.lines().next(), Some("GET / HTTP/1.1"));
        for query in ["x=1", "x=<1>"] {
            let got = mirrored(&format!(
                "GET http://example.com?{query} HTTP/1.1\r\nHost: example.com\r\n\r\n"
            ))
            .await;
            let line = format!("GET /?{query} HTTP/1.1");
            assert_eq!(got.lines().next(), Some(line.as_str()));
        }
    });
}

#[test]
fn a_connection_is_used_again_after_an_odd_target() {
    run(async {
        let rig = Rig::new(&[mirror().await]);
        for target in ["/<a>", "/b", "/<c>"] {
            let (after, answer) = rig
                .exchange(format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"))
                .await;
            assert_eq!(
                body(&answer).lines().next(),
                Some(format!("GET {target} HTTP/1.1").as_str())
            );
            assert_eq!((after, rig.worker.pools.idle()), (After::KeepAlive, 1));
        }
    });
}

#[test]
fn forwarding_fields_are_ours_alone() {
    run(async {
        let got = mirrored(
            "GET / HTTP/1.1\r\nHost: example.com:81\r\nForwarded: for=6.6.6.6\r\nX-Forwarded-For: 6.6.6.6\r\n\
             x-forwarded-proto: https\r\nX_Forwarded_For: 6.6.6.6\r\nX-Forwarded_Host: evil\r\nX-Forwarded-Port: 1\r\n\
             Via: 1.0 evil\r\nX-Custom: yes\r\n\r\n",
        )
        .await;
        assert_eq!(
            values(&got, "forwarded"),
            ["for=192.0.2.7;host=\"example.com:81\";proto=http"]
        );
        assert_eq!(values(&got, "x-forwarded-for"), ["192.0.2.7"]);
        assert_eq!(values(&got, "x-forwarded-proto"), ["http"]);
        assert_eq!(values(&got, "x-forwarded-host"), ["example.com:81"]);
        assert_eq!(values(&got, "via"), [format!("1.1 {PSEUDONYM}")]);
        assert_eq!(values(&got, "x-custom"), ["yes"]);
        for gone in ["6.6.6.6", "evil", "x-forwarded-port", "_"] {
            assert!(!got.contains(gone), "{gone} in {got}");
        }
    });
}

#[test]
fn hop_by_hop_fields_end_here() {
    run(async {
        let got = mirrored(
            "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Secret, Host, Cookie, Authorization, content-length\r\n\
             Keep-Alive: 5\r\nProxy-Connection: x\r\nTE: gzip\r\nUpgrade: h2c\r\nX-Secret: 1\r\nCookie: c=1\r\n\
             Authorization: Basic x\r\nX-Kept: 1\r\n\r\n",
        )
        .await;
        for gone in [
            "connection",
            "keep-alive",
            "proxy-connection",
            "te",
            "upgrade",
            "x-secret",
        ] {
            assert_eq!(values(&got, gone), [""; 0], "{gone}");
        }
        for (kept, value) in [
            ("host", "a"),
            ("cookie", "c=1"),
            ("authorization", "Basic x"),
            ("x-kept", "1"),
        ] {
            assert_eq!(values(&got, kept), [value], "{kept}");
        }
    });
}

#[test]
fn a_client_that_takes_trailers_says_so_to_the_server() {
    run(async {
        let got =
            mirrored("GET / HTTP/1.1\r\nHost: a\r\nTE: trailers, gzip\r\nConnection: TE\r\n\r\n")
                .await;
        assert_eq!(values(&got, "te"), ["trailers"]);
        assert_eq!(values(&got, "connection"), ["te"]);
    });
}

#[test]
fn http_1_0_gets_a_host() {
    run(async {
        let got = mirrored("GET /x HTTP/1.0\r\n\r\n").await;
        assert_eq!(got.lines().next(), Some("GET /x HTTP/1.1"));
        assert_eq!(values(&got, "host"), ["198.51.100.1:80"]);
        assert_eq!(values(&got, "via"), [format!("1.0 {PSEUDONYM}")]);
        assert_eq!(values(&got, "x-forwarded-host"), [""; 0]);
        assert_eq!(values(&got, "forwarded"), ["for=192.0.2.7;proto=http"]);
    });
}

#[test]
fn our_own_via_coming_back_is_a_loop() {
    run(async {
        let rig = Rig::new(&[mirror().await]);
        for via in [PSEUDONYM.to_owned(), PSEUDONYM.to_uppercase()] {
            let request = format!(
                "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 x, HTTP/1.1  {via} (it), 1.0 y\r\n\r\n"
            );
            let (after, answer) = rig.exchange(request).await;
            assert_eq!((status(&answer), after), ("508", After::Linger));
        }
        assert_eq!(rig.worker.pools.idle(), 0);
    });
}

#[test]
fn other_signposts_stay_in_via_so_that_loops_over_several_end() {
    run(async {
        let got = mirrored(
            "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 evil, 1.1 signpost-fedcba9876543210\r\nVia: 1.1 signpost, 1.0 signpost-1\r\n\r\n",
        )
        .await;
        assert_eq!(
            values(&got, "via"),
            [format!(
                "1.1 signpost-fedcba9876543210, 1.0 signpost-1, 1.1 {PSEUDONYM}"
            )]
        );
    });
}

#[test]
fn a_length_of_zero_is_kept() {
    run(async {
        let got = mirrored("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n").await;
        assert_eq!(values(&got, "content-length"), ["0"]);
        let got = mirrored("GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
        assert_eq!(values(&got, "content-length"), [""; 0]);
    });
}
