//! An address that cannot be bound is reported with what to do; with several, all are (issue 2, 4).

use std::net::TcpListener;

use crate::support::{Director, free, get, run};

fn serve(config: &str) -> (Option<i32>, String) {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let file = folder.path().join("c");
    std::fs::write(&file, config).expect("written");
    let output = run(&[
        "serve",
        "--workers",
        "2",
        "--config",
        file.to_str().expect("UTF-8"),
    ]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        !String::from_utf8_lossy(&output.stdout).contains("listening on"),
        "it listens: {said}"
    );
    (output.status.code(), said)
}

#[test]
fn every_address_that_cannot_be_bound_is_reported() {
    let (one, two) = (free(), free());
    let _held = (
        TcpListener::bind(one).expect("bound"),
        TcpListener::bind(two).expect("bound"),
    );
    let elsewhere = "192.0.2.77:8080";
    let (code, said) = serve(&format!(
        "virtual {one}\nvirtual {two}\nvirtual {elsewhere}\nurl t http://t.example/%d\nbind {one} t\nbind {two} t\n\
         bind {elsewhere} t\n"
    ));
    assert_eq!(code, Some(1), "{said}");
    for address in [one.to_string(), two.to_string(), elsewhere.to_owned()] {
        assert!(said.contains(&address), "{address} is not named:\n{said}");
    }
}

#[test]
fn a_second_director_on_the_same_port_is_an_error() {
    let at = free();
    let config = format!("virtual {at}\nurl t http://t.example/%d\nbind {at} t\n");
    let _first = Director::start(&config);
    let (code, said) = serve(&config);
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains(&at.to_string()), "{said}");
    assert_eq!(
        get(at, "/x").location(),
        "http://t.example/x",
        "the first one goes on"
    );
}

#[test]
fn nothing_to_serve_is_refused() {
    let (code, said) = serve("url t http://t.example/%d\n");
    assert_eq!(code, Some(1), "{said}");
}

#[test]
fn a_configuration_that_does_not_hold_is_refused_with_its_mistakes() {
    let at = free();
    let (code, said) = serve(&format!("virtual {at}\nbind {at} nobody\nbogus\n"));
    assert_eq!(code, Some(1), "{said}");
    assert!(said.contains("nobody") && said.contains("bogus"), "{said}");
    assert!(
        said.contains(":2:") && said.contains(":3:"),
        "no line numbers:\n{said}"
    );
}
