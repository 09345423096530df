//! `signpost demo`: three sample web servers, a director in front, and what to try.

use std::collections::HashMap;
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

use self::sample::Sample;
use super::terminal::{complain, log, say};
use crate::app::{Consoling, Director, Event, Options};
use crate::console::serve::Log;
use crate::language::Style;
use crate::model::{self, Model};

mod sample;

/// The configuration that it runs, before taken ports are replaced.
const CONFIG: &str = include_str!("../../configs/demo.conf");

/// Shows Signpost at work on this machine: three sample web servers and a director in front of them.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Runs until SIGINT, SIGTERM or `q`; 1 where it could not start.
pub fn run(_: Args) -> ExitCode {
    let kept = log();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    match runtime
        .map_err(|e| e.to_string())
        .and_then(|runtime| runtime.block_on(demo(kept)))
    {
        Ok(()) => ExitCode::SUCCESS,
        Err(e) => {
            complain(&e);
            ExitCode::FAILURE
        }
    }
}

async fn demo(kept: Arc<Log>) -> Result<(), String> {
    let io = |e: std::io::Error| e.to_string();
    let (text, model) = configuration()?;
    let virtual_url = format!(
        "http://{}/",
        model
            .virtuals
            .first()
            .ok_or("the demo has no virtual")?
            .id
            .socket()
    );
    let mut samples = samples(&model)?;
    for sample in &mut samples {
        sample.start().map_err(io)?;
    }
    let (send, mut switches) = mpsc::channel(8);
    let panel = sample::switchboard(send.clone(), samples.len())
        .await
        .map_err(io)?;
    tokio::spawn(keys(send));
    let folder = tempfile::tempdir().map_err(io)?;
    let socket = folder.path().join("console.sock");
    let options = Options {
        workers: 1,
        grace: Duration::from_secs(1),
        console: Some(Consoling {
            socket: Some(socket.clone()),
            handed: None,
            host_key: folder.path().join("ssh_host_ed25519_key"),
            log: kept,
        }),
    };
    let mut director = Director::start(model, &options, HashMap::new())
        .await
        .map_err(|e| e.to_string())?;
    say(&guide(&virtual_url, &text, &samples, panel, &socket));
    let mut interrupt = signal(SignalKind::interrupt()).map_err(io)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(io)?;
    loop {
        tokio::select! {
            biased;
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            switch = switches.recv() => match switch {
                Some(sample::Switch::Quit) | None => break,
                Some(sample::Switch::Server { number, run }) => turn(&mut samples, number, run),
            },
            event = director.watch() => match event {
                Event::Ended => return Err("the director ended".to_owned()),
                event => director.answer(event).await,
            },
        }
    }
    say(director.stop().await.to_string().trim_end());
    Ok(())
}

/// Starts or stops a server, or whichever of both it is not now.
fn turn(samples: &mut [Sample], number: usize, run: Option<bool>) {
    let Some(sample) = samples.get_mut(number - 1) else {
        return;
    };
    if run.unwrap_or(!sample.runs()) {
        match sample.start() {
            Ok(()) => say(&format!("server {number} runs at {}", sample.at)),
            Err(e) => complain(&format!(
                "server {number} cannot start at {}: {e}",
                sample.at
            )),
        }
    } else {
        sample.stop();
        say(&format!(
            "server {number} stopped; ask for a page now, its backup takes over"
        ));
    }
}

/// The demo's configuration with ports that are free here, and what it resolves to.
fn configuration() -> Result<(String, Model), String> {
    let mut text = CONFIG.to_owned();
    let model = resolve(&text)?;
    let listened = model
        .virtuals
        .iter()
        .map(|v| v.id)
        .chain(model.dips.iter().map(|d| d.id));
    for at in listened
        .chain(model.dips.iter().map(|d| d.real))
        .map(|e| e.socket())
    {
        if TcpListener::bind(at).is_err() {
            let free = TcpListener::bind((at.ip(), 0)).and_then(|l| l.local_addr());
            let free = free.map_err(|e| format!("no free port at {}: {e}", at.ip()))?;
            say(&format!("{at} is taken; the demo uses {free} in its place"));
            text = text.replace(&at.to_string(), &free.to_string());
        }
    }
    let model = resolve(&text)?;
    Ok((text, model))
}

fn resolve(text: &str) -> Result<Model, String> {
    let loaded = model::load("configs/demo.conf", text.as_bytes());
    let told = loaded.report(Style::Plain);
    loaded.model.ok_or(told)
}

fn samples(model: &Model) -> Result<Vec<Sample>, String> {
    let servers: Vec<_> = model
        .urls
        .iter()
        .zip(&model.dips)
        .map(|(url, dip)| Sample::new(url.id.as_str(), dip.real.socket()))
        .collect();
    if servers.is_empty() {
        Err("the demo has no servers".to_owned())
    } else {
        Ok(servers)
    }
}

/// Turns typed lines into switches; ends quietly where nobody types.
async fn keys(switches: mpsc::Sender<sample::Switch>) {
    let mut lines = BufReader::new(tokio::io::stdin()).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        let switch = match line.trim() {
            "q" | "quit" => sample::Switch::Quit,
            digits => match digits.parse() {
                Ok(number) if number > 0 => sample::Switch::Server { number, run: None },
                _ => continue,
            },
        };
        if switches.send(switch).await.is_err() {
            return;
        }
    }
}

fn guide(
    virtual_url: &str,
    config: &str,
    samples: &[Sample],
    panel: SocketAddr,
    socket: &Path,
) -> String {
    let servers: String = samples
        .iter()
        .enumerate()
        .map(|(i, s)| format!("  {}  {:12} {}\n", i + 1, s.name, s.at))
        .collect();
    let indented: String = config.lines().map(|l| format!("  {l}\n")).collect();
    format!(
        "Signpost listens: {virtual_url}

Try, in another terminal:
  curl -i {virtual_url}             a redirect to the server that was picked
  curl -L {virtual_url}hello        follow it
  curl -s {stop}1    stop server 1, then ask again: its backup takes over
  curl -s {start}1   start it again; it is tried after 2 s
  signpost console --socket {socket}
                     the console: `?` shows what may be typed
On a terminal a server's number and Enter stop and start it, q ends the demo; without one SIGTERM does.

The sample servers:
{servers}
The configuration (configs/demo.conf):
{indented}",
        stop = format_args!("http://{panel}/stop/"),
        start = format_args!("http://{panel}/start/"),
        socket = socket.display(),
    )
}
