//! `telnet BLOCK [MASK]`.

use std::net::{IpAddr, Ipv4Addr};

use super::trusted_proxy::{BLOCKS, NotABlock, read};
use super::{said, whole};
use crate::language::{Line, Rule};
use crate::model::Block;
use crate::model::draft::Draft;
use crate::model::print::Printer;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let no = line.rule == Rule::no_telnet;
    let Some(word) = line.word(Rule::block) else {
        if draft.whole.entrance.access.is_empty() {
            draft.nothing_to_undo(whole(line), "no line above lets anybody in".to_owned());
        }
        return draft.whole.entrance.access.clear();
    };
    let Some(block) = block(draft, line) else {
        return;
    };
    let access = &mut draft.whole.entrance.access;
    if no {
        if !access.remove(block) {
            let text = line.text(word);
            let why = format!("no line above lets `{text}` in by itself");
            draft.nothing_to_undo(said(line, word), why);
        }
    } else if access.len() < BLOCKS || access.contains(block) {
        access.add(block);
    } else {
        draft
            .error(word.span, "these are too many blocks".to_owned())
            .label = format!("expected at most {BLOCKS} of them").into();
    }
}

/// The block that the line says, by its length or by a mask.
fn block(draft: &mut Draft<'_>, line: Line<'_>) -> Option<Block> {
    let word = line.word(Rule::block)?;
    let text = line.text(word);
    let (at, found) = match line.word(Rule::mask) {
        None => (word.span, read(draft, &text)),
        Some(mask) if text.contains('/') => (mask.span, Err(twice(&text))),
        Some(mask) => match length(&line.text(mask), text.contains(':')) {
            Some(length) => (word.span, read(draft, &format!("{text}/{length}"))),
            None => (mask.span, Err(no_mask(&line.text(mask)))),
        },
    };
    found
        .map_err(|why| {
            let error = draft.error(at, why.message);
            error.label = why.label.into();
            error.help = why.help.map(Into::into);
        })
        .ok()
}

fn twice(block: &str) -> NotABlock {
    NotABlock {
        message: format!("`{block}` says its length already"),
        label: "expected the end of the line".to_owned(),
        help: Some("write `telnet ADDRESS MASK` or `telnet ADDRESS/LENGTH`".to_owned()),
    }
}

fn no_mask(mask: &str) -> NotABlock {
    NotABlock {
        message: format!("`{mask}` is not a mask"),
        label: "expected ones before zeros, such as `255.255.255.0`".to_owned(),
        help: Some("of IPv6 addresses write `telnet ADDRESS/LENGTH`".to_owned()),
    }
}

/// How many leading bits a mask sets, where it sets no others: `255.255.255.0` or `/24`. The first is of IPv4 only.
fn length(mask: &str, ipv6: bool) -> Option<u32> {
    if let Some(length) = mask.strip_prefix('/') {
        let digits = (1..=3).contains(&length.len()) && length.bytes().all(|b| b.is_ascii_digit());
        return digits.then(|| length.parse().ok()).flatten();
    }
    let bits = mask.parse::<Ipv4Addr>().ok()?.to_bits();
    let length = bits.leading_ones();
    (!ipv6 && length + bits.trailing_zeros() >= 32).then_some(length)
}

pub(super) fn print(out: &mut Printer<'_>) {
    for block in &out.model().globals.console.access {
        let address = match block.address {
            IpAddr::V6(address) => out.named(block.address).unwrap_or(address.to_string()),
            IpAddr::V4(_) => out.address(block.address),
        };
        match block.address {
            IpAddr::V4(_) => {
                let bits = u32::MAX
                    .checked_shl(32 - u32::from(block.length))
                    .unwrap_or(0);
                let mask = Ipv4Addr::from_bits(bits);
                out.line(format_args!("telnet {address} {mask}"));
            }
            IpAddr::V6(_) if block.length == 128 => out.line(format_args!("telnet {address}")),
            IpAddr::V6(_) => out.line(format_args!("telnet {address}/{}", block.length)),
        }
    }
}
