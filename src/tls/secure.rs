//! What a handshake settled.

use std::sync::Arc;

use super::Names;

/// What a handshake settled about a client's connection. Without a name that was asked for and a client's certificate it is one value for all connections.
#[derive(Clone, Debug, Default)]
pub struct Secure {
    /// The names of the certificate that was shown; `None`: whoever asked for no name is taken at its word.
    pub(super) names: Option<Arc<Names>>,
    /// The name that was asked for, where the certificate is not for it, in lower case.
    pub(super) asked: Option<Box<str>>,
    /// The client's own certificate, as `Client-Cert` has it.
    pub(super) client: Option<Box<str>>,
}

impl Secure {
    /// Whether the certificate that the client was shown covers `host`, without port (RFC 9110 §7.4, RFC 6125 §6.4). A client that asked for no name, or that
    /// took a certificate which does not cover the one it asked for, is not told more than it knows: true for all, or for that one.
    pub fn covers(&self, host: &str) -> bool {
        let Some(names) = &self.names else {
            return true;
        };
        if let Some(asked) = &self.asked
            && asked.eq_ignore_ascii_case(host.strip_suffix('.').unwrap_or(host))
        {
            return true;
        }
        names.cover(host)
    }

    /// The certificate that the client showed and that was checked, as the field `Client-Cert` has it (RFC 9440 §2.2).
    pub fn client_certificate(&self) -> Option<&str> {
        self.client.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connection_is_for_what_its_certificate_covers() {
        let names = Arc::new(Names::new(["a.example"], Vec::new()));
        let nameless = Secure::default();
        assert!(nameless.covers("anything.example"));
        let mut secure = Secure {
            names: Some(names),
            ..Secure::default()
        };
        assert!(secure.covers("A.example"));
        assert!(!secure.covers("b.example"));
        secure.asked = Some("b.example".into());
        assert!(secure.covers("B.example."));
        assert!(!secure.covers("c.example"));
    }
}
