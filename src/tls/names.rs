//! The names that a certificate is for.

use std::net::IpAddr;

/// The names and addresses that a certificate is for (RFC 6125 §6.4, RFC 9525 §6): of its subject alternative names alone, as clients look nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// In lower case, without a trailing dot.
    exact: Vec<Box<str>>,
    /// What stands behind `*.`.
    wildcards: Vec<Box<str>>,
    addresses: Vec<IpAddr>,
}

impl Names {
    /// Of names as they stand in a certificate.
    pub fn new<'a>(names: impl IntoIterator<Item = &'a str>, addresses: Vec<IpAddr>) -> Names {
        let mut all = Names {
            addresses,
            ..Names::default()
        };
        for name in names {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            match name.strip_prefix("*.") {
                Some(rest) => all.wildcards.push(rest.into()),
                None => all.exact.push(name.into()),
            }
        }
        all
    }

    /// Whether the certificate is for `host`: a DNS name in any case, or an address (of IPv6 with or without brackets); no port. A wildcard stands for one
    /// label.
    pub fn cover(&self, host: &str) -> bool {
        let host = host.strip_suffix('.').unwrap_or(host);
        if self
            .exact
            .iter()
            .any(|name| name.eq_ignore_ascii_case(host))
        {
            return true;
        }
        if !self.addresses.is_empty() {
            let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
            if let Ok(address) = bare.unwrap_or(host).parse::<IpAddr>() {
                return self.addresses.contains(&address);
            }
        }
        match host.split_once('.') {
            Some((label, rest)) if !label.is_empty() => {
                self.wildcards.iter().any(|w| w.eq_ignore_ascii_case(rest))
            }
            _ => false,
        }
    }

    /// Whether it is for nobody.
    pub fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wildcards.is_empty() && self.addresses.is_empty()
    }

    /// Names without a wildcard.
    pub fn exact(&self) -> impl Iterator<Item = &str> {
        self.exact.iter().map(|name| &**name)
    }

    /// What stands behind `*.` in names with one.
    pub fn wildcards(&self) -> impl Iterator<Item = &str> {
        self.wildcards.iter().map(|name| &**name)
    }

    /// All of them, as they are shown.
    pub fn all(&self) -> Vec<String> {
        let exact = self.exact.iter().map(|name| name.to_string());
        let wildcards = self.wildcards.iter().map(|rest| format!("*.{rest}"));
        let addresses = self.addresses.iter().map(IpAddr::to_string);
        exact.chain(wildcards).chain(addresses).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_covers_itself_and_a_wildcard_one_label() {
        let addresses = ["192.0.2.1", "2001:db8::1"].map(|a| a.parse().expect("an address"));
        let names = Names::new(["WWW.Example.com", "*.example.org"], addresses.to_vec());
        for host in [
            "www.example.com",
            "www.EXAMPLE.com.",
            "a.example.org",
            "192.0.2.1",
            "[2001:db8::1]",
            "2001:db8::1",
        ] {
            assert!(names.cover(host), "{host}");
        }
        for host in [
            "example.com",
            "example.org",
            "a.b.example.org",
            ".example.org",
            "wwwexample.com",
            "192.0.2.2",
            "[2001:db8::2]",
            "",
            ".",
            "com",
        ] {
            assert!(!names.cover(host), "{host}");
        }
        assert!(!Names::default().cover(""));
        assert_eq!(
            names.all(),
            [
                "www.example.com",
                "*.example.org",
                "192.0.2.1",
                "2001:db8::1"
            ]
        );
    }
}
