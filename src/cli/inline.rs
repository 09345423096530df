//! `signpost inline`: the host's rules for a director in the path of packets.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use rustix::thread::{CapabilitySet, capabilities};

use super::check;
use super::terminal::{complain, say};
use crate::app;
use crate::control::packets::{Family, MARK, Rules, TABLE, gone, route, rule};
use crate::model::Model;

/// Shows or sets the host's rules by which clients' packets come to a director in their path.
///
/// Without `--apply` or `--remove` it prints them as a script. They take connections to dips at their servers' own addresses, and what
/// `transparent` servers answer; all other traffic is forwarded as before. To be applied again after a change of dips, `pass` or
/// `transparent`. 0: done; 1: not, and nothing has changed.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration [default: /etc/signpost/startup-config].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Sets them, in the place of those that were set before.
    #[arg(long, conflicts_with = "remove")]
    apply: bool,
    /// Takes away what was set, whatever the configuration.
    #[arg(long)]
    remove: bool,
}

/// Runs it; the exit status.
pub fn run(args: Args) -> ExitCode {
    match args.remove {
        true => ended(remove().map(|()| "the rules are gone".to_owned())),
        false => {
            let path = args.config.unwrap_or_else(|| app::STARTUP.into());
            let Some(model) = load(&path) else {
                return ExitCode::FAILURE;
            };
            let Some(rules) = Rules::of(&model) else {
                complain(&format!(
                    "`{}` does not say `inline`: write `inline INTERFACE`, by which clients' packets come in",
                    path.display()
                ));
                return ExitCode::FAILURE;
            };
            if !args.apply {
                let script = rules.script();
                let written = io::stdout().lock().write_all(script.as_bytes());
                return ended(written.map(|()| String::new()).map_err(|e| e.to_string()));
            }
            let done = apply(&rules);
            if done.is_ok() {
                advise(&model, &rules);
            }
            ended(done.map(|()| "the rules are set".to_owned()))
        }
    }
}

fn ended(done: Result<String, String>) -> ExitCode {
    match done {
        Ok(said) => {
            if !said.is_empty() {
                say(&said);
            }
            ExitCode::SUCCESS
        }
        Err(why) => {
            complain(&why);
            ExitCode::FAILURE
        }
    }
}

fn load(path: &Path) -> Option<Model> {
    let loaded = check::load(path);
    if loaded.model.is_none() {
        // A standard error that is gone leaves nobody to tell.
        let _ = io::stderr()
            .lock()
            .write_all(loaded.report(check::style()).as_bytes());
    }
    loaded.model
}

/// Sets routes first: a packet that is marked and not delivered here would be lost.
fn apply(rules: &Rules) -> Result<(), String> {
    may()?;
    let mut added = Vec::new();
    let done = rules
        .families
        .iter()
        .try_for_each(|family| {
            if route_to_here(*family)? {
                added.push(*family);
            }
            Ok(())
        })
        .and_then(|()| nft(&rules.nft));
    if done.is_err() {
        for family in added {
            // What went wrong first is what is told.
            let _ = unroute(family);
        }
        return done;
    }
    let unused = |family: &Family| !rules.families.contains(family);
    Family::ALL.into_iter().filter(unused).try_for_each(unroute)
}

fn remove() -> Result<(), String> {
    may()?;
    nft(&gone())?;
    Family::ALL.into_iter().try_for_each(unroute)
}

/// Makes route and rule; whether the rule is new.
fn route_to_here(family: Family) -> Result<bool, String> {
    let ip = |words: &[String]| ip(family, words);
    let show = ["rule", "show", "priority"].map(str::to_owned);
    let rules = ip(&[&show[..], &[TABLE.to_string()]].concat())?;
    if let Some(other) = rules.lines().find(|line| !is_own(line)) {
        return Err(format!(
            "somebody else's routing rule has the priority {TABLE}: `{}`; give that one another",
            other.trim()
        ));
    }
    ip(&route())?;
    if rules.trim().is_empty() {
        ip(&[&["rule", "add"].map(str::to_owned)[..], &rule()].concat())?;
        return Ok(true);
    }
    Ok(false)
}

/// Whether a line of what ip(8) shows is the rule that leads here, and nobody else's.
fn is_own(line: &str) -> bool {
    let own = format!("from all fwmark {MARK:#x}/{MARK:#x} lookup {TABLE}");
    line.split_once(':')
        .is_some_and(|(_, rule)| rule.trim() == own)
}

/// Takes rules and route away, where they are.
fn unroute(family: Family) -> Result<(), String> {
    let words = |line: String| -> Vec<String> { line.split(' ').map(str::to_owned).collect() };
    // On a host without IPv6 there is nothing to take away, and no table to look into.
    let shown = ip(family, &words(format!("rule show priority {TABLE}"))).unwrap_or_default();
    for _ in shown.lines().filter(|line| is_own(line)) {
        ip(
            family,
            &[&words("rule del".to_owned())[..], &rule()].concat(),
        )?;
    }
    let routes = ip(family, &words(format!("route show table {TABLE}"))).unwrap_or_default();
    // Somebody else may have routes of his own there.
    let own = "local default dev lo";
    if routes.lines().any(|line| line.starts_with(own)) {
        ip(family, &words(format!("route del {own} table {TABLE}")))?;
    }
    Ok(())
}

/// That this process may change rules at all.
fn may() -> Result<(), String> {
    let has =
        capabilities(None).map_err(|e| format!("cannot see what this process may do: {e}"))?;
    match has.effective.contains(CapabilitySet::NET_ADMIN) {
        true => Ok(()),
        false => Err(
            "changing the host's rules needs the capability CAP_NET_ADMIN: run it as root, as in `sudo signpost inline --apply`"
                .to_owned(),
        ),
    }
}

fn ip(family: Family, words: &[String]) -> Result<String, String> {
    let mut command = Command::new("ip");
    command.arg(family.flag()).args(words);
    let said = format!("ip {} {}", family.flag(), words.join(" "));
    outcome(command, &said, None).map_err(|why| match why {
        Failed::Missing => "the program `ip` is missing: install the package `iproute2`".to_owned(),
        Failed::Said(text) if text.contains("not supported") => format!(
            "`{said}` failed: {text}; the kernel lacks policy routing (CONFIG_IP_MULTIPLE_TABLES, CONFIG_IPV6_MULTIPLE_TABLES): use one that has it, as Debian's do"
        ),
        Failed::Said(text) => format!("`{said}` failed: {text}"),
    })
}

fn nft(text: &str) -> Result<(), String> {
    let mut command = Command::new("nft");
    command.args(["-f", "-"]);
    let done = outcome(command, "nft", Some(text));
    done.map(|_| ()).map_err(|why| match why {
        Failed::Missing => "the program `nft` is missing: install the package `nftables`".to_owned(),
        Failed::Said(text) if text.contains("No such file or directory") || text.contains("not supported") => format!(
            "the kernel did not take the rules, which need its modules nf_tables, nft_tproxy and nft_socket: `modprobe -a nf_tables nft_tproxy nft_socket` loads them (CONFIG_NFT_TPROXY, CONFIG_NFT_SOCKET); nft said: {text}"
        ),
        Failed::Said(text) if text.contains("Operation not permitted") => {
            format!("changing nftables needs the capability CAP_NET_ADMIN: run it as root; nft said: {text}")
        }
        Failed::Said(text) => format!("nft did not take the rules: {text}"),
    })
}

enum Failed {
    Missing,
    Said(String),
}

/// What a program prints, given `input`.
fn outcome(mut command: Command, said: &str, input: Option<&str>) -> Result<String, Failed> {
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::NotFound => Failed::Missing,
        _ => Failed::Said(format!("`{said}` cannot be run: {e}")),
    };
    let mut child = command
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(failed)?;
    // Dropped once all is written, which ends its input. Who does not read it tells why itself.
    if let (Some(mut stdin), Some(input)) = (child.stdin.take(), input) {
        let _ = stdin.write_all(input.as_bytes());
    }
    let output = child.wait_with_output().map_err(failed)?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => {
            let told = String::from_utf8_lossy(&output.stderr);
            let told: Vec<_> = told.lines().map(str::trim).collect();
            Err(Failed::Said(told.join(" ").trim().to_owned()))
        }
    }
}

/// Tells what else has to be so for packets to pass; nothing of it is changed here.
fn advise(model: &Model, rules: &Rules) {
    for family in &rules.families {
        let (file, name) = match family {
            Family::V4 => ("net/ipv4/ip_forward", "net.ipv4.ip_forward"),
            Family::V6 => (
                "net/ipv6/conf/all/forwarding",
                "net.ipv6.conf.all.forwarding",
            ),
        };
        let on = std::fs::read_to_string(Path::new("/proc/sys").join(file));
        if on.is_ok_and(|on| on.trim() == "0") {
            complain(&format!(
                "warning: this host does not forward packets, so that all other traffic ends here: `sysctl -w {name}=1`, and a file in /etc/sysctl.d for the next boot"
            ));
        }
    }
    for name in &model.globals.inline {
        if !Path::new("/sys/class/net").join(&**name).exists() {
            complain(&format!(
                "warning: there is no interface `{name}` yet; `ip link` shows which there are"
            ));
        }
    }
    if rules.families.is_empty() {
        complain("warning: no dip is at its server's own address: nothing is taken");
    }
}

#[cfg(test)]
mod tests {
    use super::is_own;

    #[test]
    fn only_the_own_rule_is_taken_away() {
        for (line, own) in [
            ("5350:\tfrom all fwmark 0x1000/0x1000 lookup 5350 ", true),
            ("5350:\tfrom all fwmark 0x1000/0x1000 lookup 5350", true),
            ("5350:\tfrom all lookup 5350", false),
            (
                "5350:\tfrom 10.0.0.0/8 fwmark 0x1000/0x1000 lookup 5350",
                false,
            ),
            ("5350:\tfrom all fwmark 0x1000/0x1000 lookup 53500", false),
            ("5350:\tfrom all fwmark 0x1000 lookup 5350", false),
            ("", false),
        ] {
            assert_eq!(is_own(line), own, "{line}");
        }
    }
}
