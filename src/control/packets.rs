//! The host's rules that bring clients' packets to a director in their path, as text for nft(8) and words for ip(8): the same for the
//! same configuration, byte for byte.

use std::collections::BTreeSet;
use std::fmt::Write;

use tracing::warn;

use crate::model::{Endpoint, Model};

/// The number of the routing table, and of the rule that leads there.
pub const TABLE: u32 = 5350;

/// The bit of a packet's mark that says: deliver it here. No other bit is changed.
pub const MARK: u32 = 0x1000;

/// The nftables table's name.
pub const NAME: &str = "signpost";

/// A family of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Family; 2] = [Family::V4, Family::V6];

    /// What tells ip(8) so.
    pub const fn flag(self) -> &'static str {
        match self {
            Family::V4 => "-4",
            Family::V6 => "-6",
        }
    }

    fn has(self, at: &Endpoint) -> bool {
        at.address.is_ipv4() == (self == Family::V4)
    }

    /// The words of nft(8): suffix of sets, type of addresses, the header.
    const fn words(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Family::V4 => ("4", "ipv4_addr", "ip"),
            Family::V6 => ("6", "ipv6_addr", "ip6"),
        }
    }
}

/// What takes packets to Signpost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// A file for `nft -f`: replaces the table whole.
    pub nft: String,
    /// The families that packets are taken of.
    pub families: Vec<Family>,
}

impl Rules {
    /// The rules for `model`; `None`: it has no `inline`.
    pub fn of(model: &Model) -> Option<Rules> {
        let interfaces = &model.globals.inline;
        if interfaces.is_empty() {
            return None;
        }
        let dips: BTreeSet<Endpoint> = model.in_path().collect();
        let servers: BTreeSet<Endpoint> = model.transparent().map(plain).collect();
        let (mut sets, mut chain, mut families) = (String::new(), String::new(), Vec::new());
        for family in Family::ALL {
            let (suffix, _, header) = family.words();
            let mine = |all: &BTreeSet<Endpoint>| -> Vec<Endpoint> {
                all.iter().filter(|at| family.has(at)).copied().collect()
            };
            let (dips, servers) = (mine(&dips), mine(&servers));
            let taken = format!("meta mark set meta mark | {MARK:#x} accept");
            // Writing to a String cannot fail.
            if !dips.is_empty() {
                let why = "Dips at their servers' own addresses, and the ports that they pass on.";
                set(&mut sets, "dips", why, family, &dips);
                let names: Vec<_> = interfaces.iter().map(|i| format!("\"{i}\"")).collect();
                let names = names.join(", ");
                let to_dip =
                    format!("iifname {{ {names} }} {header} daddr . tcp dport @dips{suffix}");
                let take = format!("tproxy {header} to {header} daddr");
                let _ = write!(
                    chain,
                    "\t\t# A client's connection to such a dip goes to Signpost from its first packet on; while nothing listens for it, to the server.\n\
                     \t\t# One that is under way already stays with whom it is with.\n\
                     \t\t{to_dip} tcp flags & (syn | ack) == syn {take} ct mark set ct mark | {MARK:#x} {taken}\n\
                     \t\t{to_dip} ct mark & {MARK:#x} == {MARK:#x} {take} {taken}\n"
                );
            }
            if !servers.is_empty() {
                let why = "Servers that see their clients' addresses.";
                set(&mut sets, "transparent", why, family, &servers);
                let _ = write!(
                    chain,
                    "\t\t# What such a server answers to a connection of Signpost's comes back to it.\n\
                     \t\t{header} saddr . tcp sport @transparent{suffix} socket transparent 1 {taken}\n"
                );
            }
            if !dips.is_empty() || !servers.is_empty() {
                families.push(family);
            }
        }
        let nft = format!(
            "{}table inet {NAME} {{\n{sets}\tchain packets {{\n\t\ttype filter hook prerouting priority mangle; policy accept;\n{chain}\t}}\n}}\n",
            gone()
        );
        Some(Rules { nft, families })
    }

    /// All of it as a script for sh(1), with what each part is for.
    pub fn script(&self) -> String {
        let mut script = String::from(
            "#!/bin/sh\n\
             # Takes packets that pass through this host to Signpost; all others are forwarded as before. `signpost inline --apply`\n\
             # does the same, `signpost inline --remove` undoes it.\n\
             set -e\n\
             \n\
             # What is marked is delivered on this host, whoever's address it has.\n",
        );
        for family in &self.families {
            let (flag, rule) = (family.flag(), rule().join(" "));
            let _ = write!(
                script,
                "ip {flag} {}\n\
                 ip {flag} rule show priority {TABLE} | grep -q . || ip {flag} rule add {rule}\n",
                route().join(" ")
            );
        }
        let _ = write!(
            script,
            "\n# A table of its own, replaced whole.\nnft -f - <<'END'\n{}END\n",
            self.nft
        );
        script
    }
}

/// Tells, where `after` comes into force in the place of `before`, that the host's rules are those of another configuration.
pub(super) fn tell_if_stale(before: &Model, after: &Model) {
    // At the start nothing was configured: the rules are the host's affair, as its addresses are.
    if *before != Model::default() && Rules::of(before) != Rules::of(after) {
        match after.globals.inline.is_empty() {
            true => warn!(
                "`inline` is gone, and the host's rules for it are not: `signpost inline --remove` takes them away"
            ),
            false => warn!(
                "what is taken on its way through this host has changed: `signpost inline --apply` sets the rules for it"
            ),
        }
    }
}

/// A file for `nft -f` after which the table is not there, whether it was or not.
pub fn gone() -> String {
    format!("table inet {NAME}\ndelete table inet {NAME}\n")
}

/// What ip(8) is told to make the route by which whatever is marked is delivered here.
pub fn route() -> Vec<String> {
    let words = format!("route replace local default dev lo table {TABLE}");
    words.split(' ').map(str::to_owned).collect()
}

/// What ip(8) calls the rule that leads there.
pub fn rule() -> Vec<String> {
    let words = format!("priority {TABLE} fwmark {MARK:#x}/{MARK:#x} lookup {TABLE}");
    words.split(' ').map(str::to_owned).collect()
}

/// Without what tells reals at one endpoint apart.
fn plain(at: Endpoint) -> Endpoint {
    Endpoint::new(at.address, at.port)
}

fn set(out: &mut String, name: &str, why: &str, family: Family, all: &[Endpoint]) {
    let (suffix, kind, _) = family.words();
    let _ = write!(
        out,
        "\t# {why}\n\tset {name}{suffix} {{\n\t\ttype {kind} . inet_service\n\t\telements = {{\n"
    );
    for at in all {
        let _ = writeln!(out, "\t\t\t{} . {},", at.address, at.port);
    }
    out.push_str("\t\t}\n\t}\n");
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::load;

    fn rules(text: &str) -> Option<Rules> {
        let loaded = load("test", text.as_bytes());
        Rules::of(&loaded.model.expect("it holds"))
    }

    #[test]
    fn only_dips_at_their_servers_own_addresses_are_taken() {
        let text = "inline eth0 eth1\ndip 1.1.1.3\ndip 1.1.1.2\ndip 1.1.1.9 10.0.0.9\nvirtual 1.1.1.1\nbind 1.1.1.1 1.1.1.2 1.1.1.3\n\
                    pass 1.1.1.2 443\nlisten 1.1.1.2 1.1.1.2:8080 1.1.1.8\n";
        let rules = rules(text).expect("inline");
        let script = rules.script();
        let elements = "\t\t\t1.1.1.2 . 80,\n\t\t\t1.1.1.2 . 443,\n\t\t\t1.1.1.2 . 8080,\n\t\t\t1.1.1.3 . 80,\n\t\t}\n";
        assert!(script.contains(elements), "{script}");
        assert!(
            script.contains("iifname { \"eth0\", \"eth1\" } ip daddr . tcp dport @dips4 tcp flags & (syn | ack) == syn tproxy ip to ip daddr ct mark set ct mark | 0x1000 meta mark set meta mark | 0x1000 accept\n"),
            "{script}"
        );
        for absent in [
            "1.1.1.9",
            "1.1.1.8",
            "1.1.1.1 ",
            "ip6",
            "-6",
            "transparent 1",
        ] {
            assert!(!script.contains(absent), "{absent} in {script}");
        }
        assert_eq!(rules.families, [Family::V4]);
    }

    #[test]
    fn both_families_have_rules_of_their_own() {
        let text = "inline eth0\ndip 2001:db8::2\ntransparent 2001:db8::2\nreal 10.0.0.1:8080\nreal 10.0.0.1:8080:7\ntransparent 10.0.0.1:8080\n\
                    transparent 10.0.0.1:8080:7\npass 2001:db8::2 21\nvirtual 1.1.1.1\nbind 1.1.1.1 10.0.0.1:8080 10.0.0.1:8080:7\n";
        let rules = rules(text).expect("inline");
        for part in [
            "\t\t\t2001:db8::2 . 21,\n\t\t\t2001:db8::2 . 80,\n",
            "\t\ttype ipv4_addr . inet_service\n\t\telements = {\n\t\t\t10.0.0.1 . 8080,\n\t\t}\n",
            "ip6 saddr . tcp sport @transparent6 socket transparent 1",
            "ip saddr . tcp sport @transparent4 socket transparent 1",
            "ip6 daddr . tcp dport @dips6 tcp flags & (syn | ack) == syn tproxy ip6 to ip6 daddr",
            "ip6 daddr . tcp dport @dips6 ct mark & 0x1000 == 0x1000 tproxy ip6 to ip6 daddr",
        ] {
            assert!(rules.nft.contains(part), "{part} in {}", rules.nft);
        }
        assert!(!rules.nft.contains("@dips4"), "{}", rules.nft);
        assert_eq!(rules.families, Family::ALL);
    }

    #[test]
    fn without_inline_there_are_none() {
        assert_eq!(rules("dip 1.1.1.2 10.0.0.2\n"), None);
    }
}
