//! `signpost serve`: load, listen, serve, reload, stop.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use super::terminal;
use crate::app::{self, Consoling, Director, Event, Options};
use crate::console::serve::Log;
use crate::control::{Author, Wish, doors};

/// Serves a configuration until SIGTERM or SIGINT.
///
/// SIGHUP reloads the file as one transaction; SIGUSR1 prints the counts per server and reason, and every server's state;
/// SIGUSR2 opens the access log's file anew, for logrotate.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration [default: /etc/signpost/startup-config; where that is missing or empty, the console is there to write it].
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Worker threads [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Where the socket is made over which `signpost console` reaches this director.
    #[arg(long, value_name = "PATH", default_value = terminal::SOCKET)]
    console_socket: PathBuf,
    /// Seconds that requests in flight may take to end after SIGTERM.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u32,
}

/// Runs it; 0 after an orderly stop, 1 where it could not start or a worker died.
pub fn run(args: Args) -> ExitCode {
    let log = terminal::log();
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(e) => {
            error!("cannot start: {e}");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(serve(args, log)) {
        Ok(code) => code,
        Err(e) => {
            terminal::complain(&e.to_string());
            ExitCode::FAILURE
        }
    }
}

/// The signals that mean something to a running director.
struct Signals {
    reload: Signal,
    count: Signal,
    reopen: Signal,
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Signals> {
        Ok(Signals {
            reload: signal(SignalKind::hangup())?,
            count: signal(SignalKind::user_defined1())?,
            reopen: signal(SignalKind::user_defined2())?,
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }
}

async fn serve(args: Args, log: Arc<Log>) -> Result<ExitCode, app::Error> {
    let mut signals = Signals::new().map_err(app::Error::Thread)?;
    let workers = args
        .workers
        .map(usize::from)
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    let is_named = args.config.is_some();
    let path = args.config.unwrap_or_else(|| app::STARTUP.into());
    let options = Options {
        workers,
        grace: Duration::from_secs(u64::from(args.grace)),
        console: Some(Consoling {
            socket: Some(args.console_socket),
            host_key: path.with_file_name("ssh_host_ed25519_key"),
            log,
        }),
    };
    let life = app::open(&path, is_named)?;
    app::claim_descriptors(doors(life.running().model()).len() * workers);
    app::give_up_rights(life.running().model());
    let mut director = Director::live(life, &options, Default::default()).await?;
    terminal::say(&director.listening());
    loop {
        let event = tokio::select! {
            biased;
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.reload.recv() => hang_up(),
            _ = signals.count.recv() => {
                terminal::say(director.tables().await.trim_end());
                continue;
            }
            _ = signals.reopen.recv() => {
                reopen_log(&mut director).await;
                continue;
            }
            event = director.watch() => event,
        };
        if matches!(event, Event::Ended) {
            return Ok(ExitCode::FAILURE);
        }
        let before = director.writer().doors().to_vec();
        director.answer(event).await;
        if *director.writer().doors() != before {
            terminal::say(&director.listening());
        }
    }
    info!(
        "stopping: no new connections; requests in flight may take {} s",
        args.grace
    );
    let counts = director.stop().await;
    terminal::say(counts.to_string().trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Opens the access log anew after logrotate has moved its file away, or says why not.
async fn reopen_log(director: &mut Director) {
    match director.reopen_log().await {
        Ok(true) => info!("the access log was opened anew"),
        Ok(false) => info!("there is no access log that is a file: nothing to open anew"),
        Err(e) => error!("{e}; lines go on to the file before"),
    }
}

/// What SIGHUP asks for. What comes of it is logged.
fn hang_up() -> Event {
    Event::Wish(Box::new(Wish::Reload {
        author: Author {
            user: "SIGHUP".into(),
            from: "signal".into(),
            session: 0,
        },
        reply: app::unanswered(),
    }))
}
