//! `signpost explain FILE --from CLIENT-IP URL`: tells what a request would get, and why.

use std::borrow::Cow;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::path::PathBuf;
use std::process::ExitCode;

use http::Uri;

use super::check;
use crate::decide::{
    Ask, Explanation, Facts, Health, Millis, Moment, NodeIndex, Past, Snapshot, explain,
};
use crate::model::{Endpoint, Id, Intent, Model, Ref, Scheme, endpoint};

/// Tell what a request would get, and why
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The configuration
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The client's address
    #[arg(long, value_name = "CLIENT-IP")]
    from: IpAddr,
    /// The virtual or dip that is asked [default: the one whose address and port the URL names, or the only virtual]
    #[arg(long, value_name = "VIRTUAL")]
    to: Option<String>,
    /// The request's method
    #[arg(long, value_name = "M", default_value = "GET")]
    method: http::Method,
    /// A real or dip that was measured to have failed, or a virtual or url that the operator says has
    #[arg(long, value_name = "ID")]
    down: Vec<String>,
    /// Anything that the operator put out of service
    #[arg(long, value_name = "ID")]
    oos: Vec<String>,
    /// A real, dip or url whose client this one is by now, wherever `sticky` keeps clients
    #[arg(long, value_name = "ID")]
    stuck: Option<String>,
    /// Print the ask, the decision and the way there as JSON
    #[arg(long)]
    json: bool,
    /// The URL that is asked for
    #[arg(value_name = "URL")]
    url: String,
}

/// Explains. Exit status 1 for a configuration that does not hold, 2 where the arguments do not fit it.
pub(super) fn run(args: Args) -> ExitCode {
    let loaded = check::load(&args.file);
    // A standard error that is gone leaves nobody to tell.
    let _ = io::stderr()
        .lock()
        .write_all(loaded.report(check::style()).as_bytes());
    let Some(model) = loaded.model else {
        return ExitCode::FAILURE;
    };
    match answer(model, &args) {
        Ok(text) => {
            let mut out = io::stdout().lock();
            match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
                Ok(()) => ExitCode::SUCCESS,
                Err(_) => ExitCode::FAILURE,
            }
        }
        Err(wrong) => {
            let _ = writeln!(io::stderr().lock(), "error: {wrong}");
            ExitCode::from(2)
        }
    }
}

fn answer(mut model: Model, args: &Args) -> Result<String, String> {
    for text in &args.oos {
        let id = resolve(&model, text)?;
        intend(&mut model, &id, Intent::OutOfService);
    }
    let mut facts = Facts::default();
    for text in &args.down {
        let id = resolve(&model, text)?;
        let measured = |e: &Endpoint| {
            model.reals.iter().any(|r| r.id == *e) || model.dips.iter().any(|d| d.id == *e)
        };
        match &id {
            Id::Endpoint(e) if measured(e) => {
                facts.measured.insert(id, Health::Failed.into());
            }
            // Nothing measures virtuals and urls: that they failed is for the operator to say.
            _ => intend(&mut model, &id, Intent::Failed),
        }
    }
    let (snapshot, loads) = Snapshot::compile(&model, &facts, None);
    let mut ask = ask(&model, &snapshot, args)?;
    let now = Millis(0);
    if let Some(text) = &args.stuck {
        let server = snapshot.node(&resolve(&model, text)?);
        if !server.is_some_and(|server| snapshot.stick(&loads, &mut ask, server, now)) {
            return Err(format!(
                "nobody can be stuck to `{text}`: no virtual with `sticky` leads a client that asks here to it"
            ));
        }
    }
    let moment = Moment {
        now,
        draw: draw(&ask),
    };
    let explanation = explain(&ask, &snapshot, &loads, moment);
    match args.json {
        false => Ok(explanation.to_string()),
        true => json(&explanation)
            .map_err(|error| format!("the answer cannot be written as JSON: {error}")),
    }
}

fn json(explanation: &Explanation) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(explanation)? + "\n")
}

/// The dice of a client: the same for the same ask, so that an explanation can be repeated.
fn draw(ask: &Ask<'_>) -> u64 {
    xxhash_rust::xxh3::xxh3_64(format!("{} {}", ask.client, ask.target).as_bytes())
}

fn ask<'a>(model: &Model, snapshot: &Snapshot, args: &'a Args) -> Result<Ask<'a>, String> {
    let wrong = |why: &str| format!("`{}` is not a URL to ask for: {why}", args.url);
    if let Some(bad) = args
        .url
        .chars()
        .find(|c| !c.is_ascii_graphic() || *c == '#')
    {
        return Err(wrong(&format!("{bad:?} may not stand in a request")));
    }
    let (scheme, rest) = match args.url.split_once("://") {
        Some((s, rest)) if s.eq_ignore_ascii_case("http") => (Scheme::Http, rest),
        Some((s, rest)) if s.eq_ignore_ascii_case("https") => (Scheme::Https, rest),
        _ => return Err(wrong("it must begin with `http://` or `https://`")),
    };
    let (authority, target) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    let parsed: Uri = format!("{}://{authority}/", scheme.as_str())
        .parse()
        .map_err(|_| wrong("its host and port are none"))?;
    let host_length = match parsed.host() {
        Some(host) if !host.is_empty() && !authority.contains('@') => host.len(),
        _ => {
            return Err(wrong(
                "a host name or address, and perhaps a port, must follow `://`",
            ));
        }
    };
    let host = authority[..host_length].trim_end_matches('.');
    let port = match authority[host_length..].strip_prefix(':') {
        None | Some("") => scheme.default_port(),
        Some(port) => match port.parse() {
            Ok(port) if port != 0 => port,
            _ => return Err(wrong("a port is a number from 1 to 65535")),
        },
    };
    let target = match target {
        "" => Cow::Borrowed("/"),
        _ if target.starts_with('/') => Cow::Borrowed(target),
        _ => Cow::Owned(format!("/{target}")),
    };
    Ok(Ask {
        at: at(model, snapshot, args.to.as_deref(), host, port)?,
        client: args.from,
        scheme,
        method: Cow::Borrowed(args.method.as_str()),
        host: Cow::Borrowed(host),
        port,
        target,
        past: Past::default(),
    })
}

/// The address that is asked: the one of `--to`, else the one that the URL names, else the only virtual's.
fn at(
    model: &Model,
    snapshot: &Snapshot,
    to: Option<&str>,
    host: &str,
    port: u16,
) -> Result<Endpoint, String> {
    let listener = |e: Endpoint| snapshot.node_at(e).map(|_: NodeIndex| e);
    if let Some(text) = to {
        let found = endpoint(model, text).and_then(listener);
        return found.ok_or_else(|| format!("`{text}` is no virtual or dip; {}", choices(model)));
    }
    let named = endpoint(model, &format!("{host}:{port}"));
    // Whoever listens on all addresses listens on that one too.
    let all = named.map(|e| Endpoint {
        address: match e.address {
            IpAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
            IpAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
        },
        ..e
    });
    if let Some(at) = named.and_then(listener).or_else(|| all.and_then(listener)) {
        return Ok(at);
    }
    match &*model.virtuals {
        [only] => Ok(only.id),
        _ => Err(format!(
            "no virtual or dip listens at `{host}:{port}`: say with --to which one is asked; {}",
            choices(model)
        )),
    }
}

/// The most choices that are listed.
const LISTED: usize = 20;

fn choices(model: &Model) -> String {
    let virtuals = model.virtuals.iter().map(|v| v.id);
    let mut ids = virtuals.chain(model.dips.iter().map(|d| d.id));
    let listed: Vec<String> = ids.by_ref().take(LISTED).map(|id| id.to_string()).collect();
    match (listed.is_empty(), ids.count()) {
        (true, _) => "there is none in this file".to_owned(),
        (_, 0) => format!("there is {}", listed.join(", ")),
        (_, more) => format!("there is {} and {more} more", listed.join(", ")),
    }
}

fn resolve(model: &Model, text: &str) -> Result<Id, String> {
    if let Some(url) = model.urls.iter().find(|u| u.id.as_str() == text) {
        return Ok(Id::Url(url.id.clone()));
    }
    let known = |e: &Endpoint| {
        model.virtuals.iter().any(|v| v.id == *e)
            || model.reals.iter().any(|r| r.id == *e)
            || model.dips.iter().any(|d| d.id == *e)
    };
    match endpoint(model, text).filter(known) {
        Some(endpoint) => Ok(Id::Endpoint(endpoint)),
        None => Err(format!(
            "`{text}` is no virtual, real, dip or url of this configuration"
        )),
    }
}

fn intend(model: &mut Model, id: &Id, intent: Intent) {
    let refs = (0u32..).map(Ref::Virtual).take(model.virtuals.len());
    let refs = refs.chain((0u32..).map(Ref::Real).take(model.reals.len()));
    let refs = refs.chain((0u32..).map(Ref::Dip).take(model.dips.len()));
    let mut refs = refs.chain((0u32..).map(Ref::Url).take(model.urls.len()));
    match refs.find(|&r| model.id(r) == *id) {
        Some(Ref::Virtual(i)) => model.virtuals[i as usize].intent = intent,
        Some(Ref::Real(i)) => model.reals[i as usize].intent = intent,
        Some(Ref::Dip(i)) => {
            let dip = &mut model.dips[i as usize];
            (dip.virtual_intent, dip.real_intent) = (intent, intent);
        }
        Some(Ref::Url(i)) => model.urls[i as usize].intent = intent,
        None => {}
    }
}
