//! Certificates towards clients: which one is shown, how it is changed, what cannot be used, and those that clients show.

use std::process::Command;

use rustls::version::{TLS12, TLS13};

use crate::support::{Certificates, Client, Director, Origin, Visitor, der, free};
use crate::tls::redirecting;

#[test]
fn the_name_that_is_asked_for_chooses_the_certificate() {
    let files = Certificates::new();
    let names: [(&str, &[&str]); 3] = [
        ("first", &["first.example"]),
        ("wild", &["*.wild.example"]),
        ("very", &["very.wild.example"]),
    ];
    let (_director, at, _) = redirecting(&files, &names, "");
    for (asked, shown) in [
        ("first.example", "first"),
        ("a.wild.example", "wild"),
        ("VERY.wild.example", "very"),
    ] {
        let visit = Visitor::new().visit(at, asked).expect("hands are shaken");
        assert_eq!(
            visit.shown(),
            der(&files.file(&format!("{shown}.crt"))),
            "{asked}"
        );
    }
    // Whoever asks for none of them is shown the first, and does not take it.
    for asked in ["other.example", "wild.example", "a.b.wild.example"] {
        let refused = Visitor::new().visit(at, asked).err().expect("not for it");
        assert!(
            refused.to_string().contains("not valid for name"),
            "{refused}"
        );
    }
    let ip = at.ip().to_string();
    assert!(Visitor::new().visit(at, &ip).is_err());
}

#[test]
fn a_certificate_is_changed_without_a_pause() {
    let files = Certificates::new();
    let (director, at, config) = redirecting(&files, &[("a", &["a.example"])], "");
    let first = der(&files.file("a.crt"));
    let mut open = Visitor::new()
        .visit(at, "a.example")
        .expect("hands are shaken");
    files.make("a", &["a.example", "b.example"]);
    let second = der(&files.file("a.crt"));
    let shown = || {
        Visitor::new()
            .visit(at, "a.example")
            .expect("hands are shaken")
            .shown()
    };
    assert_eq!(shown(), first, "nothing is read unasked");
    director.reload(&config);
    assert_eq!(
        shown(),
        second,
        "the same configuration, and its files read anew"
    );
    assert!(
        open.get("a.example")
            .expect("an answer")
            .contains("302 Found")
    );
    // Half a file is refused by name, and the one before goes on.
    std::fs::write(files.file("a.crt"), "-----BEGIN CERTIFICATE-----\nMIIB").expect("written");
    let said = director.reload_refused(&config);
    assert!(
        said.contains("certificate a:") && said.contains("a.crt"),
        "{said}"
    );
    assert_eq!(shown(), second);
    std::fs::remove_file(files.file("a.crt")).expect("removed");
    let said = director.reload_refused(&format!("{config}hostname other\n"));
    assert!(said.contains("cannot be read"), "{said}");
    assert_eq!(shown(), second);
}

#[test]
fn what_cannot_be_used_is_refused_with_its_reason() {
    let files = Certificates::new();
    let (director, at, config) = redirecting(&files, &[("a", &["a.example"])], "");
    files.make("b", &["b.example"]);
    files.make_until("old", &["old.example"], 2021);
    let (crt, key) = (
        |n: &str| files.file(&format!("{n}.crt")),
        |n: &str| files.file(&format!("{n}.key")),
    );
    let chain = std::fs::read_to_string(crt("b")).expect("a chain");
    let own = chain.find("-----END CERTIFICATE-----").expect("PEM") + 26;
    std::fs::write(crt("turned"), format!("{}{}", &chain[own..], &chain[..own])).expect("written");
    std::fs::write(crt("broken"), format!("{}{}", &chain[..own], &chain[..own])).expect("written");
    std::fs::write(
        key("locked"),
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMAA=\n-----END ENCRYPTED PRIVATE KEY-----\n",
    )
    .expect("written");
    std::fs::write(crt("empty"), "").expect("written");
    std::fs::write(crt("half"), &chain[..own - 40]).expect("written");
    // An intermediate of the same name with another key.
    let mut params = rcgen::CertificateParams::new(Vec::new()).expect("no names");
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let name = rcgen::DnType::CommonName;
    params
        .distinguished_name
        .push(name, "an authority of these tests");
    let other = rcgen::KeyPair::generate().expect("a key");
    let other = params.self_signed(&other).expect("a certificate").pem();
    std::fs::write(crt("other"), format!("{}\n{other}", &chain[..own])).expect("written");
    let made = Command::new("openssl")
        .args([
            "req", "-x509", "-newkey", "rsa:1024", "-nodes", "-subj", "/CN=weak",
        ])
        .args([std::ffi::OsStr::new("-keyout"), key("weak").as_os_str()])
        .args([std::ffi::OsStr::new("-out"), crt("weak").as_os_str()])
        .output();
    assert!(made.expect("openssl runs").status.success());
    for (chain, key, why) in [
        (crt("b"), key("a"), "is not that of the certificate"),
        (crt("turned"), key("b"), "has to be the first"),
        (crt("broken"), key("b"), "out of order"),
        (crt("b"), key("locked"), "locked by a password"),
        (crt("empty"), key("b"), "no certificate is in it"),
        (crt("b"), crt("empty"), "no private key is in it"),
        (crt("old"), key("old"), "it has expired"),
        (crt("none"), key("b"), "cannot be read"),
        (
            crt("other"),
            key("b"),
            "was not signed by the key of certificate 2",
        ),
        (
            crt("weak"),
            key("weak"),
            "its RSA key of 1024 bits is too weak",
        ),
        (
            crt("half"),
            key("b"),
            "`-----END CERTIFICATE-----` is missing",
        ),
    ] {
        let said = director.reload_refused(&format!(
            "{config}certificate x {} {}\ntls {at} x\n",
            chain.display(),
            key.display()
        ));
        assert!(
            said.contains("certificate x:") && said.contains(why),
            "{why}: {said}"
        );
    }
    assert!(Visitor::new().visit(at, "a.example").is_ok());
}

#[test]
fn clients_show_certificates_and_servers_are_told() {
    let files = Certificates::new();
    let (optional, required, plain) = (free(), free(), free());
    let origin = Origin::saying("served");
    let ca = files.authority();
    let ca = ca.display();
    let config = files.make("s", &["s.example"])
        + &format!(
            "real {0}\nvirtual {optional}\nvirtual {required}\nvirtual {plain}\nbind {optional} {0}\nbind {required} {0}\nbind {plain} {0}\n\
             tls {optional} s\ntls {required} s\nclient-certificates {optional} {ca} optional\nclient-certificates {required} {ca}\n",
            origin.address
        );
    files.make("me", &["me.example"]);
    let _director = Director::start(&config);
    let me = Visitor::with(&[], Some((&files, "me")), &[&TLS13, &TLS12]);
    let forged =
        "GET / HTTP/1.1\r\nHost: s.example\r\nClient-Cert: :Zm9yZ2Vk:\r\nClient_Cert: :x:\r\n\r\n";
    for at in [optional, required] {
        // The second time the session is gone on with, and the certificate with it.
        for _ in 0..2 {
            let mut visit = me.visit(at, "s.example").expect("hands are shaken");
            assert!(visit.ask(forged).expect("an answer").contains("served"));
        }
    }
    let mut nobody = Visitor::new()
        .visit(optional, "s.example")
        .expect("hands are shaken");
    assert!(nobody.ask(forged).expect("an answer").contains("served"));
    assert!(
        Client::to(plain)
            .send(forged)
            .answer()
            .text()
            .contains("served")
    );
    let refused = Visitor::new()
        .visit(required, "s.example")
        .and_then(|mut v| v.get("s.example"));
    assert!(refused.is_err(), "{refused:?}");
    let told: Vec<_> = origin
        .requests()
        .iter()
        .map(|r| {
            (
                r.values("client-cert").join("|"),
                r.values("client_cert").len(),
            )
        })
        .collect();
    use base64::Engine;
    let own = base64::engine::general_purpose::STANDARD.encode(der(&files.file("me.crt")));
    let mine = (format!(":{own}:"), 0);
    let none = (String::new(), 0);
    assert_eq!(
        told,
        [&mine, &mine, &mine, &mine, &none, &none].map(Clone::clone)
    );
}

#[test]
fn a_stand_in_is_shown_until_an_authority_gives_a_certificate() {
    let at = free();
    let config = format!(
        "virtual {at}\nurl t https://t.example/%d\nbind {at} t\nacme https://127.0.0.1:1/no-authority\ncertificate mine acme Mine.example www.mine.example\ntls {at} mine\n"
    );
    let director = Director::start(&config);
    assert!(director.log().contains("stand-in"), "{}", director.log());
    let refused = Visitor::new()
        .visit(at, "mine.example")
        .err()
        .expect("nobody trusts it");
    assert!(refused.to_string().contains("UnknownIssuer"), "{refused}");
    let shown = director.typed(&["show certificate"]);
    assert!(
        shown.contains("mine") && shown.contains("stand-in"),
        "{shown}"
    );
    // What an authority gives stands beside the configuration.
    let files = Certificates::new();
    files.make("mine", &["mine.example", "www.mine.example"]);
    let acme = director.file().with_file_name("acme");
    std::fs::create_dir_all(&acme).expect("a folder");
    let read = |file| std::fs::read(files.file(file)).expect("made");
    let both = [read("mine.key"), read("mine.crt")].concat();
    std::fs::write(acme.join("mine.pem"), both).expect("written");
    director.reload(&config);
    let visit = Visitor::new()
        .visit(at, "www.mine.example")
        .expect("hands are shaken");
    assert_eq!(visit.shown(), der(&files.file("mine.crt")));
    // Broken files do not take away what is in use.
    std::fs::write(acme.join("mine.pem"), "no key").expect("written");
    director.reload(&config);
    let visit = Visitor::new()
        .visit(at, "mine.example")
        .expect("hands are shaken");
    assert_eq!(visit.shown(), der(&files.file("mine.crt")));
}

#[test]
fn certificates_are_shown_to_the_operator() {
    let files = Certificates::new();
    let (metrics, front, at) = (free(), free(), free());
    let config = files.make("long", &["long.example", "*.long.example"])
        + &files.make_until("ended", &["ended.example"], 2021)
        + &format!(
            "metrics {metrics}\nvirtual {front}\nvirtual {at}\n\
             url t https://other.example/%d\nurl b https://a.long.example/%d\nurl x https://x.example/%d\n\
             bind {front} t b\nbind {at} x\nlink t {at}\nlink b {at}\ntls {at} long ended\n",
        );
    let director = Director::start(&config);
    let log = director.log();
    assert!(log.contains("certificate ended has ended"), "{log}");
    assert!(
        log.contains("url t leads clients to") && !log.contains("url b"),
        "{log}"
    );
    let shown = director.typed(&["show certificate"]);
    for word in [
        "long",
        "valid",
        "2100-01-01",
        "long.example *.long.example",
        "ECDSA P-256",
        "expired",
    ] {
        assert!(shown.contains(word), "{word}: {shown}");
    }
    let json = director.typed(&["show certificate ended | json"]);
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json[0]["state"], "expired");
    assert_eq!(json[0]["not_after"], "2021-01-01T00:00:00.000Z");
    assert_eq!(json[0]["shown_at"][0], at.to_string());
    assert!(json.get(1).is_none());
    let said = crate::support::get(metrics, "/metrics").text();
    assert!(
        said.contains(
            "signpost_certificate_expiry_timestamp_seconds{certificate=\"long\"} 4102444800\n"
        ),
        "{said}"
    );
    let checked = crate::support::run(&["check", director.file().to_str().expect("a path")]);
    let checked = String::from_utf8_lossy(&checked.stderr).into_owned();
    assert!(
        checked.contains("certificate ended: it has expired"),
        "{checked}"
    );
    assert!(checked.contains("url t leads clients to"), "{checked}");
}

#[test]
fn a_file_that_keeps_its_reader_waiting_is_refused_and_holds_nobody_up() {
    let files = Certificates::new();
    let (director, at, config) = redirecting(&files, &[("a", &["a.example"])], "");
    let shown = der(&files.file("a.crt"));
    let fifo = |name: &str| {
        let file = files.file(name);
        let made = Command::new("mkfifo").arg(&file).status();
        assert!(made.expect("mkfifo runs").success());
        file
    };
    let (asks, servers) = (fifo("asks"), fifo("servers"));
    std::fs::remove_file(files.file("a.crt")).expect("removed");
    fifo("a.crt");
    // Each answer has its deadline.
    let refused = |lines: String, file: &std::path::Path| {
        let said = director.reload_refused(&format!("{config}{lines}"));
        let file = file.display().to_string();
        assert!(
            said.contains(&file) && said.contains("it is no regular file"),
            "{said}"
        );
    };
    refused(String::new(), &files.file("a.crt"));
    files.make("b", &["a.example"]);
    for end in ["crt", "key"] {
        let to = files.file(&format!("a.{end}"));
        std::fs::rename(files.file(&format!("b.{end}")), to).expect("renamed");
    }
    refused(
        format!("client-certificates {at} {}\n", asks.display()),
        &asks,
    );
    let ca = servers.display();
    refused(
        format!("real 192.0.2.1:443 is tls verify a.example ca {ca}\n"),
        &servers,
    );
    director.typed(&["show version"]);
    let visit = Visitor::new().visit(at, "a.example").expect("it serves on");
    assert_eq!(visit.shown(), shown);
}
