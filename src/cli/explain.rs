//! `signpost explain FILE --from CLIENT-IP URL`: tells what a request would get, and why.

use std::io::{self, Write};
use std::net::IpAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use super::check;
use crate::decide::{Asked, Facts, Health, Millis, Moment, Snapshot, explain};
use crate::model::{Endpoint, Id, Intent, Model, Ref, endpoint};

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
    let asked = Asked {
        url: &args.url,
        from: args.from,
        to: args.to.as_deref(),
        method: args.method.as_str(),
        to_word: "--to",
    };
    let mut ask = asked.ask(&model, &snapshot)?;
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
        draw: ask.dice(),
    };
    let explanation = explain(&ask, &snapshot, &loads, moment);
    match args.json {
        false => Ok(explanation.to_string()),
        true => explanation
            .to_json()
            .map_err(|error| format!("the answer cannot be written as JSON: {error}")),
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
