//! What a request is for, and which are turned away.

use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::{HeaderMap, Method, StatusCode, Uri, Version};

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    Index,
    Metrics,
    Servers,
}

/// Makes out what is asked for.
///
/// # Errors
/// The status and a line that says why it is turned away.
pub(super) fn route(
    method: &Method,
    uri: &Uri,
    version: Version,
    fields: &HeaderMap,
) -> Result<Page, (StatusCode, &'static str)> {
    spoken_to(uri, version, fields)?;
    let page = match uri.path() {
        "/" => Page::Index,
        "/metrics" => Page::Metrics,
        "/servers" => Page::Servers,
        _ => return Err((StatusCode::NOT_FOUND, "there are /metrics and /servers")),
    };
    match *method {
        Method::GET | Method::HEAD => Ok(page),
        _ => Err((StatusCode::METHOD_NOT_ALLOWED, "GET and HEAD only")),
    }
}

/// Only who says an address or `localhost` is spoken to: a page from elsewhere whose name was made to lead here (DNS rebinding)
/// cannot but say its own name.
fn spoken_to(
    uri: &Uri,
    version: Version,
    fields: &HeaderMap,
) -> Result<(), (StatusCode, &'static str)> {
    let mut hosts = fields.get_all(HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => Some(host),
        (None, None) if version < Version::HTTP_11 => None,
        _ => return Err((StatusCode::BAD_REQUEST, "one Host is needed")),
    };
    let host = host.map(|host| host.to_str().unwrap_or_default());
    let named = host.into_iter().chain(uri.authority().map(|a| a.as_str()));
    for authority in named {
        if !is_here(authority) {
            return Err((
                StatusCode::MISDIRECTED_REQUEST,
                "ask by address or as localhost, not by a name",
            ));
        }
    }
    Ok(())
}

/// Whether an authority is an address or `localhost`, with or without a port. [`http::uri::Authority`] would take
/// `[::1].evil.example` for an address.
fn is_here(authority: &str) -> bool {
    let (host, port) = match authority.strip_prefix('[').and_then(|h| h.split_once(']')) {
        Some((v6, rest)) if v6.parse::<Ipv6Addr>().is_ok() => ("", rest),
        Some(_) => return false,
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let here = authority.starts_with('[')
        || host.eq_ignore_ascii_case("localhost")
        || host.parse::<Ipv4Addr>().is_ok();
    let port = port.strip_prefix(':').map_or(port.is_empty(), |port| {
        port.parse::<u16>().is_ok() && port.bytes().all(|b| b.is_ascii_digit())
    });
    here && port
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(method: &str, uri: &str, hosts: &[&str]) -> Result<Page, u16> {
        let method = method.parse().expect("a method");
        let uri = uri.parse().expect("a target");
        let mut fields = HeaderMap::new();
        for host in hosts {
            fields.append(HOST, host.parse().expect("a value"));
        }
        route(&method, &uri, Version::HTTP_11, &fields).map_err(|(status, _)| status.as_u16())
    }

    #[test]
    fn pages_and_methods() {
        let here = &["127.0.0.1:9090"][..];
        assert_eq!(asked("GET", "/", here), Ok(Page::Index));
        assert_eq!(asked("GET", "/metrics", here), Ok(Page::Metrics));
        assert_eq!(asked("GET", "/metrics?x=1", here), Ok(Page::Metrics));
        assert_eq!(asked("HEAD", "/servers", here), Ok(Page::Servers));
        for other in ["/metrics/", "/favicon.ico", "/METRICS", "//metrics"] {
            assert_eq!(asked("GET", other, here), Err(404), "{other}");
        }
        for method in ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "QUERY"] {
            assert_eq!(asked(method, "/metrics", here), Err(405), "{method}");
        }
    }

    #[test]
    fn only_addresses_and_localhost_are_spoken_to() {
        for good in [
            "localhost",
            "LocalHost:9090",
            "127.0.0.1",
            "192.0.2.1:80",
            "[::1]",
            "[2001:db8::1]:9090",
        ] {
            assert_eq!(
                asked("GET", "/metrics", &[good]),
                Ok(Page::Metrics),
                "{good}"
            );
        }
        for bad in [
            "evil.example",
            "evil.example:9090",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "a@127.0.0.1.b",
            "[::1].evil.example",
            "2130706433",
            "0x7f.1",
            "",
            " ",
            "[127.0.0.1]",
            "127.0.0.1:",
            "127.0.0.1:+80",
            "127.0.0.1:80:90",
            "[::1]x",
            "[::1",
            "::1",
        ] {
            assert_eq!(asked("GET", "/metrics", &[bad]), Err(421), "{bad}");
        }
        assert_eq!(asked("GET", "/metrics", &[]), Err(400));
        assert_eq!(
            asked("GET", "/metrics", &["localhost", "localhost"]),
            Err(400)
        );
        let absolute = "http://evil.example/metrics";
        assert_eq!(asked("GET", absolute, &["localhost"]), Err(421));
        // Who may not ask is not told what there is.
        assert_eq!(asked("POST", "/nothing", &["evil.example"]), Err(421));
    }

    #[test]
    fn the_oldest_clients_need_no_host() {
        let uri = "/metrics".parse().expect("a target");
        let page = route(&Method::GET, &uri, Version::HTTP_10, &HeaderMap::new());
        assert_eq!(page, Ok(Page::Metrics));
    }
}
