//! A model as text, in canonical form.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::{Arguments, Write};
use std::net::IpAddr;

use super::statements::PRINT;
use super::{Endpoint, Model, Ref, Serving};

/// Where a printed line is wrapped, in bytes.
const WRAP: usize = 100;

/// The canonical text of `model`: `hostname` first, then names, virtuals, reals, dips, urls, binds, links, backups, then settings and
/// states that differ from their default. To load it yields `model` again.
pub fn print(model: &Model) -> String {
    let names = model.names.iter();
    print_with(
        model,
        names.map(|(name, address)| (*address, &**name)).collect(),
    )
}

/// The same with every address written out, so that a name can be taken away behind it.
pub(super) fn print_without_names(model: &Model) -> String {
    print_with(model, HashMap::new())
}

fn print_with(model: &Model, names: HashMap<IpAddr, &str>) -> String {
    let mut printer = Printer {
        model,
        names,
        text: String::new(),
    };
    for print in PRINT {
        print(&mut printer);
    }
    printer.text
}

/// The text so far, and how ids are shown in it.
pub(super) struct Printer<'m> {
    model: &'m Model,
    names: HashMap<IpAddr, &'m str>,
    text: String,
}

impl<'m> Printer<'m> {
    pub(super) fn model(&self) -> &'m Model {
        self.model
    }

    pub(super) fn line(&mut self, line: Arguments<'_>) {
        // Writing to a String cannot fail.
        let _ = self.text.write_fmt(line);
        self.text.push('\n');
    }

    /// An endpoint, its address's name in the address's place.
    pub(super) fn endpoint(&self, endpoint: Endpoint) -> String {
        let shown = endpoint.to_string();
        match self.names.get(&endpoint.address) {
            Some(name) => {
                let bare = Endpoint {
                    port: Endpoint::HTTP,
                    bind_id: 0,
                    ..endpoint
                };
                format!("{name}{}", &shown[bare.to_string().len()..])
            }
            None => shown,
        }
    }

    /// The name of an address, if it has one.
    pub(super) fn named(&self, address: IpAddr) -> Option<String> {
        self.names.get(&address).map(|name| (*name).to_owned())
    }

    /// An address, or its name in its place.
    pub(super) fn address(&self, address: IpAddr) -> String {
        self.named(address).unwrap_or_else(|| match address {
            IpAddr::V4(address) => address.to_string(),
            IpAddr::V6(address) => format!("[{address}]"),
        })
    }

    /// Lines of `head` and as many of `words` as fit; none where there is no word.
    pub(super) fn wrapped(&mut self, head: String, words: impl Iterator<Item = String>) {
        let start = head.len();
        let mut line = head;
        for word in words {
            if line.len() > start && line.len() + 1 + word.len() > WRAP {
                self.line(format_args!("{line}"));
                line.truncate(start);
            }
            line.push(' ');
            line.push_str(&word);
        }
        if line.len() > start {
            self.line(format_args!("{line}"));
        }
    }

    /// What `target` is called.
    pub(super) fn id(&self, target: Ref) -> String {
        match target {
            Ref::Virtual(i) => self.endpoint(self.model.virtuals[i as usize].id),
            Ref::Real(i) => self.endpoint(self.model.reals[i as usize].id),
            Ref::Dip(i) => self.endpoint(self.model.dips[i as usize].id),
            Ref::Url(i) => self.model.urls[i as usize].id.to_string(),
        }
    }

    /// Reals, then dips, with their settings.
    pub(super) fn servings(&self) -> impl Iterator<Item = (Endpoint, &'m Serving)> + use<'m> {
        let model = self.model;
        let reals = model.reals.iter().map(|real| (real.id, &real.serving));
        reals.chain(model.dips.iter().map(|dip| (dip.id, &dip.serving)))
    }

    /// A line `KEYWORD ID VALUE` for each real and dip of which `value` yields one.
    pub(super) fn of_servings(&mut self, keyword: &str, value: impl Fn(&Serving) -> Option<u32>) {
        for (id, serving) in self.servings() {
            if let Some(value) = value(serving) {
                let id = self.endpoint(id);
                self.line(format_args!("{keyword} {id} {value}"));
            }
        }
    }
}

/// `word` as one word of a line: in quotation marks where it has to be.
pub(super) fn quoted(word: &str) -> Cow<'_, str> {
    if !word.is_empty() && !word.starts_with('"') && !word.contains([' ', '\t']) {
        return Cow::Borrowed(word);
    }
    Cow::Owned(format!(
        "\"{}\"",
        word.replace('\\', "\\\\").replace('"', "\\\"")
    ))
}
