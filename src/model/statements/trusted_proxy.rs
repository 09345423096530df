//! `trusted-proxy BLOCK…`.

use std::net::IpAddr;

use super::said;
use crate::language::{Line, Rule};
use crate::model::draft::{Draft, Said};
use crate::model::print::Printer;
use crate::model::{Block, ids};

/// The most blocks: each connection is looked up among them.
pub(super) const BLOCKS: usize = 1_024;

pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    let whole = Said {
        line: line.index,
        word: line.span(),
    };
    if line.rule == Rule::no_trusted_proxy && !line.has(Rule::block) {
        if draft.whole.trusted.is_empty() {
            draft.nothing_to_undo(whole, "no line above trusts a proxy".to_owned());
        }
        return draft.whole.trusted.clear();
    }
    for word in line.words().iter().filter(|word| word.rule == Rule::block) {
        let text = line.text(word);
        let block = match read(draft, &text) {
            Ok(block) => block,
            Err(why) => {
                let error = draft.error(word.span, why.message);
                error.label = why.label.into();
                error.help = why.help.map(Into::into);
                continue;
            }
        };
        let trusted = &mut draft.whole.trusted;
        if line.rule == Rule::no_trusted_proxy {
            if !trusted.remove(block) {
                let why = format!("`{text}` is not trusted by itself");
                draft.nothing_to_undo(said(line, word), why);
            }
        } else if trusted.len() < BLOCKS || trusted.contains(block) {
            trusted.add(block);
        } else {
            draft
                .error(word.span, "these are too many trusted proxies".to_owned())
                .label = format!("expected at most {BLOCKS} blocks").into();
            return;
        }
    }
}

/// Why a word is no block.
pub(super) struct NotABlock {
    pub(super) message: String,
    pub(super) label: String,
    pub(super) help: Option<String>,
}

/// Reads `ADDRESS[/LENGTH]`.
pub(super) fn read(draft: &Draft<'_>, text: &str) -> Result<Block, NotABlock> {
    let (host, length) = match text.split_once('/') {
        Some((host, length)) => (host, Some(length)),
        None => (text, None),
    };
    let known = ids::raw_address(host).or_else(|| draft.addresses.get(host).copied());
    let Some(address) = known else {
        return Err(NotABlock {
            message: format!("`{host}` is not an address"),
            label: "expected `ADDRESS[/LENGTH]`, such as `10.0.0.0/8` or `2001:db8::/32`"
                .to_owned(),
            help: None,
        });
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    let length = match length {
        None => most,
        Some(length) => bits(length)
            .filter(|bits| *bits <= most)
            .ok_or_else(|| NotABlock {
                message: format!("`{length}` is not a length of `{host}`"),
                label: format!("expected 0 to {most} bits behind the `/`"),
                help: None,
            })?,
    };
    let first = first(address, length);
    if first != address {
        return Err(NotABlock {
            message: format!("`{text}` has bits set beyond its first {length}"),
            label: "a block begins at its first address".to_owned(),
            help: Some(format!(
                "write `{first}/{length}` for the whole block, or `{address}` for this address alone"
            )),
        });
    }
    Ok(canonical(address, length))
}

fn bits(text: &str) -> Option<u8> {
    let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// The first address of the block of `address`.
fn first(address: IpAddr, length: u8) -> IpAddr {
    match address {
        IpAddr::V4(address) => {
            let beyond = u32::MAX.checked_shr(length.into()).unwrap_or(0);
            IpAddr::V4((address.to_bits() & !beyond).into())
        }
        IpAddr::V6(address) => {
            let beyond = u128::MAX.checked_shr(length.into()).unwrap_or(0);
            IpAddr::V6((address.to_bits() & !beyond).into())
        }
    }
}

/// A block of IPv4 addresses mapped into IPv6 is one of IPv4 addresses.
fn canonical(address: IpAddr, length: u8) -> Block {
    match (address.to_canonical(), length.checked_sub(96)) {
        (IpAddr::V4(mapped), Some(length)) if address.is_ipv6() => Block {
            address: mapped.into(),
            length,
        },
        _ => Block { address, length },
    }
}

pub(super) fn print(out: &mut Printer<'_>) {
    let blocks: Vec<String> = out
        .model()
        .globals
        .trusted
        .iter()
        .map(|block| {
            let address = match block.address {
                IpAddr::V6(address) => out.named(block.address).unwrap_or(address.to_string()),
                IpAddr::V4(_) => out.address(block.address),
            };
            match (block.address, block.length) {
                (IpAddr::V4(_), 32) | (IpAddr::V6(_), 128) => address,
                (_, length) => format!("{address}/{length}"),
            }
        })
        .collect();
    out.wrapped("trusted-proxy".to_owned(), blocks.into_iter());
}
