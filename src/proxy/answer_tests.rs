use super::*;

const DATE: [u8; 29] = *b"Sun, 06 Nov 1994 08:49:37 GMT";

fn manner(stay: Stay, head_only: bool) -> Manner {
    Manner {
        date: DATE,
        stay,
        head_only,
    }
}

fn template(authority: Piece) -> Template {
    Template {
        text: "".into(),
        scheme: crate::model::Scheme::Http,
        authority: Box::new([authority]),
        path: Box::new([Piece::Literal("/".into()), Piece::PathAndQuery]),
    }
}

fn redirected(manner: Manner, code: Code, authority: Piece, location: &str) -> String {
    let mut out = b"before".to_vec();
    let plain = Redirect {
        code,
        template: &template(authority),
        by_host: false,
        personal: false,
        fields: b"",
    };
    let written: Result<_, ()> = redirect(&mut out, manner, plain, |out| {
        out.extend_from_slice(location.as_bytes());
        Ok(())
    });
    assert_eq!(&out[written.expect("it is written")], location.as_bytes());
    String::from_utf8(out).expect("ASCII").split_off(6)
}

#[test]
fn what_is_said_to_one_client_is_kept_by_nobody() {
    for code in Code::ALL {
        let mut out = Vec::new();
        let personal = Redirect {
            code,
            template: &template(Piece::Host),
            by_host: false,
            personal: true,
            fields: b"Set-Cookie: a=b\r\n",
        };
        let written: Result<_, ()> =
            redirect(&mut out, manner(Stay::Open, false), personal, |_| Ok(()));
        assert!(written.is_ok());
        let answer = String::from_utf8(out).expect("ASCII");
        let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
        let kept = head.matches("\r\nCache-Control: no-store\r\n").count();
        assert_eq!(kept, 1, "{code:?}: {head}");
        assert!(head.contains("\r\nSet-Cookie: a=b"), "{head}");
    }
}

#[test]
fn a_redirect_byte_for_byte() {
    let literal = Piece::Literal("a.example".into());
    let answer = redirected(
        manner(Stay::Close, false),
        Code::Found,
        literal,
        "http://a.example/x",
    );
    let expected = "HTTP/1.1 302 Found\r\nServer: Signpost\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n\
        Location: http://a.example/x\r\nCache-Control: no-store\r\n\
        Content-Type: text/html; charset=utf-8\r\nContent-Length: 54\r\n\
        X-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n\
        <!DOCTYPE html><a href=\"http://a.example/x\">Found</a>\n";
    assert_eq!(answer, expected);
}

#[test]
fn permanent_redirects_may_be_kept_and_hosts_are_varied_by() {
    for code in [Code::MovedPermanently, Code::PermanentRedirect] {
        let answer = redirected(manner(Stay::Open, false), code, Piece::Host, "http://h/");
        assert!(!answer.contains("Cache-Control"));
        assert!(answer.contains("\r\nVary: Host\r\n"));
        assert!(!answer.contains("Connection:"));
    }
    for code in [Code::SeeOther, Code::TemporaryRedirect] {
        let answer = redirected(
            manner(Stay::OpenSaid, false),
            code,
            Piece::Port,
            "http://h/",
        );
        assert!(answer.contains("\r\nCache-Control: no-store\r\n"));
        assert!(answer.contains("\r\nConnection: keep-alive\r\n"));
    }
}

#[test]
fn bodies_are_escaped_and_as_long_as_they_say() {
    for location in ["http://a/?a=1&b='2'", "http://a/", "http://a/<>\"&'"] {
        let full = redirected(
            manner(Stay::Close, false),
            Code::Found,
            Piece::Host,
            location,
        );
        let head = redirected(
            manner(Stay::Close, true),
            Code::Found,
            Piece::Host,
            location,
        );
        let (fields, body) = full.split_once("\r\n\r\n").expect("an empty line");
        assert_eq!(head, format!("{fields}\r\n\r\n"));
        assert!(fields.contains(&format!("Content-Length: {}\r\n", body.len())));
        let attribute = body.split('"').nth(1).expect("an attribute");
        assert!(!attribute.contains(['<', '>', '\'']));
        assert_eq!(
            attribute.replace("&amp;", "").matches('&').count(),
            location.matches(['<', '>', '"', '\'']).count()
        );
        assert_eq!(body.lines().count(), 1);
    }
}

#[test]
fn nothing_is_left_behind_by_a_location_that_is_too_long() {
    let mut out = b"before".to_vec();
    let template = template(Piece::Host);
    let plain = Redirect {
        code: Code::Found,
        template: &template,
        by_host: false,
        personal: false,
        fields: b"",
    };
    let refused = redirect(&mut out, manner(Stay::Close, false), plain, |out| {
        out.push(b'h');
        Err(1)
    });
    assert_eq!((refused, &out[..]), (Err(1), &b"before"[..]));
}

#[test]
fn faults_name_their_rule_and_close() {
    for fault in Fault::ALL {
        let mut out = Vec::new();
        super::fault(&mut out, manner(Stay::Open, false), fault);
        let text = String::from_utf8(out).expect("ASCII");
        let (head, body) = text.split_once("\r\n\r\n").expect("an empty line");
        let (code, phrase) = fault.status();
        assert!(head.starts_with(&format!("HTTP/1.1 {code} {phrase}\r\n")));
        assert!(head.ends_with("\r\nConnection: close"));
        assert!(head.contains(&format!("\r\nContent-Length: {}\r\n", body.len())));
        assert_eq!(body, format!("{code} {phrase}: {fault}\n"));
        assert_eq!(head.contains("\r\nAllow: "), fault == Fault::RefusedMethod);
    }
}

#[test]
fn refusals_say_when_to_come_again() {
    let mut out = Vec::new();
    refusal(&mut out, manner(Stay::Open, true), "none-usable");
    let text = String::from_utf8(out).expect("ASCII");
    assert!(text.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    assert!(text.contains("\r\nRetry-After: 5\r\n"));
    assert!(text.ends_with("\r\n\r\n"));
}
