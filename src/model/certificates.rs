//! Certificates under construction, and who shows them.

use super::definitions::{self, Defined, Definitions, Use};
use super::draft::{Draft, Kind, Node, Value};
use super::{Certificate, Id};

impl Defined for Certificate {
    const WHAT: &'static str = "certificate";

    fn remedy(name: &str) -> String {
        format!("define it: `certificate {name} CERT-FILE KEY-FILE`")
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn all<'d>(draft: &'d Draft<'_>) -> &'d Definitions<Certificate> {
        &draft.certificates
    }

    fn all_mut<'d>(draft: &'d mut Draft<'_>) -> &'d mut Definitions<Certificate> {
        &mut draft.certificates
    }

    fn used_by(node: &Node) -> &[Use] {
        &node.certificates
    }
}

/// Warns of certificates that nobody shows, of settings without `tls`, and of the port of HTTPS in plain.
pub(super) fn warn(draft: &mut Draft<'_>) {
    let mut idle = Vec::new();
    let mut plain = Vec::new();
    for node in &draft.nodes {
        if !node.certificates.is_empty() {
            continue;
        }
        for setting in &node.settings {
            match setting.value {
                Value::TlsVersions(_) => idle.push((setting.said, "tls-versions")),
                Value::ClientCertificates(_) => idle.push((setting.said, "client-certificates")),
                _ => {}
            }
        }
        if let (Id::Endpoint(at), Some(Kind::Virtual | Kind::Dip), Some(definition)) =
            (&node.id, node.kind(), &node.definition)
        {
            let ports = std::iter::once(at).chain(node.listens.iter().map(|(at, _)| at));
            if ports.into_iter().any(|at| at.port.get() == 443) {
                plain.push((definition.said, node.id.clone()));
            }
        }
    }
    for (said, what) in idle {
        let id = draft.text(said.word);
        let message = format!("`{what}` has no effect: `{id}` does not speak TLS");
        let warning = draft.warning(said.word, message);
        warning.help = Some(format!("write `tls {id} CERTIFICATE`").into());
    }
    if draft.statements.is_behind() {
        return;
    }
    for (said, id) in plain {
        let message = format!("`{id}` listens at port 443 and does not speak TLS");
        let warning = draft.warning(said.word, message);
        warning.label = "clients that come for https are answered in plain".into();
        warning.help = Some(format!("write `tls {id} CERTIFICATE`").into());
    }
    for (said, name) in definitions::unused::<Certificate>(draft) {
        let message = format!("the certificate `{name}` is shown nowhere");
        let warning = draft.warning(said.word, message);
        warning.label = "no listener has it".into();
        warning.help = Some(format!("write `tls ID {name}`").into());
    }
}
