//! How a server is spoken to.

use std::fmt;

/// How a server is spoken to (`real ID tls … http2`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Speech {
    /// Over TLS; `None` (default): in the clear.
    pub tls: Option<Verify>,
    /// By HTTP/2; with TLS it has to agree to it (ALPN). Default: HTTP/1.1.
    pub http2: bool,
}

/// How a server's certificate is checked.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum Verify {
    /// Not at all (`verify off`): whoever stands in between can read and change everything.
    Off,
    /// For the server's address, by the host's certificate authorities.
    #[default]
    Address,
    /// For this name.
    Name {
        /// A DNS name or an address; also what the server is told to be asked for (SNI).
        name: Box<str>,
        /// The PEM file of the certificate authorities that count; `None`: the host's.
        ca: Option<Box<str>>,
    },
}

impl Speech {
    /// Whether it is HTTP/1.1 in the clear.
    pub fn is_plain(&self) -> bool {
        self.tls.is_none() && !self.http2
    }

    /// The file of certificate authorities that is named.
    pub fn ca(&self) -> Option<&str> {
        match &self.tls {
            Some(Verify::Name { ca, .. }) => ca.as_deref(),
            _ => None,
        }
    }
}

/// As it stands behind an id: each word with a blank before it.
impl fmt::Display for Speech {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use super::print::quoted;
        match &self.tls {
            None => {}
            Some(Verify::Address) => f.write_str(" tls")?,
            Some(Verify::Off) => f.write_str(" tls verify off")?,
            Some(Verify::Name { name, ca }) => {
                write!(f, " tls verify {}", quoted(name))?;
                if let Some(ca) = ca {
                    write!(f, " ca {}", quoted(ca))?;
                }
            }
        }
        match self.http2 {
            true => f.write_str(" http2"),
            false => Ok(()),
        }
    }
}
