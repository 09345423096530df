//! Probes under construction, and who is watched by them.

use super::definitions::{self, Defined, Definitions, Use};
use super::draft::{Draft, Kind, Node};
use super::{Probe, ProbeKind};

impl Defined for Probe {
    const WHAT: &'static str = "probe";

    fn remedy(_: &str) -> String {
        "define it: `probe NAME tcp`, say".to_owned()
    }

    fn name(&self) -> &str {
        &self.name
    }

    fn all<'d>(draft: &'d Draft<'_>) -> &'d Definitions<Probe> {
        &draft.probes
    }

    fn all_mut<'d>(draft: &'d mut Draft<'_>) -> &'d mut Definitions<Probe> {
        &mut draft.probes
    }

    fn used_by(node: &Node) -> &[Use] {
        &node.watches
    }
}

/// Warns of probes that watch nothing, and of watched urls whose server only a request could tell.
pub(super) fn warn(draft: &mut Draft<'_>) {
    let mut nowhere = Vec::new();
    for node in &draft.nodes {
        let template = node
            .definition
            .as_ref()
            .filter(|definition| definition.kind == Kind::Url)
            .and_then(|definition| definition.url.as_deref());
        if template.is_none_or(|(text, _)| text.fixed_authority().is_some()) {
            continue;
        }
        for watch in &node.watches {
            let probe = draft.probes.value(watch.of);
            let asks = probe.is_some_and(|probe| {
                probe.address.is_none() && !matches!(probe.kind, ProbeKind::Exec(_))
            });
            if asks {
                nowhere.push((watch.word, node.id.to_string()));
            }
        }
    }
    for (word, id) in nowhere {
        let name = draft.text(word);
        let warning = draft.warning(
            word,
            format!("`{name}` cannot ask `{id}`: only a request tells where its URL leads"),
        );
        warning.label = "no result will ever come of this".into();
        warning.help = Some("let the probe say `address` and `port`".into());
    }
    if draft.statements.is_behind() {
        return;
    }
    for (said, name) in definitions::unused::<Probe>(draft) {
        let warning = draft.warning(said.word, format!("the probe `{name}` watches nothing"));
        warning.label = "it is never run".into();
        warning.help = Some(format!("write `watch ID {name}`").into());
    }
}
