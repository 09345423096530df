use super::*;

fn pieces(text: &str) -> String {
    let template = Template::parse(text).expect("it is a url's text");
    let shown = |pieces: &[Piece]| {
        let one = |piece: &Piece| match piece {
            Piece::Literal(text) => text.to_string(),
            other => format!("<{other:?}>"),
        };
        pieces.iter().map(one).collect::<String>()
    };
    let Template {
        scheme,
        authority,
        path,
        ..
    } = &template;
    format!("{} {} {}", scheme.as_str(), shown(authority), shown(path))
}

#[test]
fn a_template_is_scheme_authority_and_path() {
    for (text, expected) in [
        ("http://a", "http a /"),
        (
            "HTTPS://a.example.com:0443/x/%d",
            "https a.example.com:443 /x/<PathAndQuery>",
        ),
        ("http://%h:%s/%p", "http <Host>:<Port> /<PathAndQuery>"),
        ("http://www.%h?%q", "http www.<Host> /?<Query>"),
        (
            "http://[2001:db8::1]:81/%u?%q",
            "http [2001:db8::1]:81 /<Path>?<Query>",
        ),
        ("http://a/%d0%D0", "http a /<PathAndQuery>0%D0"),
        ("http://a/%%41%2F//%zz%", "http a /%2541%2F//%25zz%25"),
        ("http://a/ä b\\|#x#y", "http a /%C3%A4%20b%5C%7C#x%23y"),
        ("http://a/%h/%s", "http a /<Host>/<Port>"),
    ] {
        assert_eq!(pieces(text), expected, "{text}");
    }
}

#[test]
fn an_authority_without_macros_is_known() {
    let fixed = |text: &str| {
        let template = Template::parse(text).expect("it is a url's text");
        template
            .fixed_authority()
            .map(|(host, port)| (host.to_owned(), port))
    };
    assert_eq!(
        fixed("http://10.0.0.1/%d"),
        Some(("10.0.0.1".to_owned(), 80))
    );
    assert_eq!(fixed("https://[::1]/"), Some(("[::1]".to_owned(), 443)));
    assert_eq!(fixed("http://a:81/"), Some(("a".to_owned(), 81)));
    assert_eq!(fixed("http://%h/"), None);
    assert_eq!(fixed("http://a:%s/"), None);
}
