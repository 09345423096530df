//! `certificate NAME CERT-FILE KEY-FILE`, `certificate NAME acme DOMAIN…`.

use super::path::path;
use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::Draft;
use crate::model::print::{Printer, quoted};
use crate::model::{Certificate, CertificateFrom, definitions, ids};

/// The most names of one certificate, as authorities have it.
const DOMAINS: usize = 100;
/// All of them with a blank each, in bytes: so that they always fit on a line.
const DOMAINS_BYTES: usize = 3_072;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let Some(word) = line.word(Rule::new_certificate) else {
        return;
    };
    let (name, said) = (line.text(word), said(line, word));
    if let Some((message, help)) = ids::unfit_certificate(&name) {
        draft.error(word.span, message).help = Some(help.into());
    }
    if line.rule == Rule::no_certificate {
        return definitions::remove::<Certificate>(draft, said, &name);
    }
    let from = match (line.word(Rule::cert_file), line.word(Rule::key_file)) {
        (Some(chain), Some(key)) => CertificateFrom::Files {
            chain: path(draft, line, chain).unwrap_or_default(),
            key: path(draft, line, key).unwrap_or_default(),
        },
        _ => CertificateFrom::Acme(domains(draft, line)),
    };
    let name = name.into();
    definitions::define(draft, said, Certificate { name, from });
}

fn domains(draft: &mut Draft<'_>, line: Line<'_>) -> Vec<Box<str>> {
    let mut domains: Vec<Box<str>> = Vec::new();
    let mut length = 0;
    for word in line.words().iter().filter(|w| w.rule == Rule::domain) {
        let text = line.text(word).to_ascii_lowercase();
        let name = text.strip_suffix('.').unwrap_or(&text);
        if let Some(help) = unfit(name) {
            let error = draft.error(word.span, format!("`{text}` is no name to ask for"));
            error.label = "expected a DNS name such as `www.example.com`".into();
            error.help = help.map(Into::into);
            continue;
        }
        length += name.len() + 1;
        if domains.len() == DOMAINS || length > DOMAINS_BYTES {
            let error = "these are too many names for one certificate".to_owned();
            draft.error(word.span, error).label =
                format!("expected at most {DOMAINS}, of {DOMAINS_BYTES} bytes in all").into();
            break;
        }
        if !domains.iter().any(|known| **known == *name) {
            domains.push(name.into());
        }
    }
    domains
}

/// Whether no authority can be asked for it by what a virtual proves, and perhaps what else helps.
fn unfit(name: &str) -> Option<Option<&'static str>> {
    if name.starts_with("*.") {
        return Some(Some(
            "a wildcard is proven in the DNS, which Signpost does not do: list the names, or give it the files of a certificate",
        ));
    }
    let label = |label: &str| {
        let inner = |b: u8| b.is_ascii_alphanumeric() || b == b'-';
        (1..=63).contains(&label.len())
            && label.bytes().all(inner)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let fits = name.len() <= 253
        && name.contains('.')
        && name.split('.').all(label)
        && ids::raw_address(name).is_none();
    (!fits).then_some(None)
}

pub(super) fn print(out: &mut Printer<'_>) {
    for certificate in &out.model().certificates {
        let name = &certificate.name;
        match &certificate.from {
            CertificateFrom::Files { chain, key } => {
                let (chain, key) = (quoted(chain), quoted(key));
                out.line(format_args!("certificate {name} {chain} {key}"));
            }
            CertificateFrom::Acme(domains) => {
                // One line, however long: lines of it do not add up.
                out.line(format_args!(
                    "certificate {name} acme {}",
                    domains.join(" ")
                ));
            }
        }
    }
}
