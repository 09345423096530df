//! `signpost serve`: load, listen, serve, reload, stop.

use std::ops::ControlFlow;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tracing::{error, info};

use super::terminal;
use crate::app::{self, Director, Options};
use crate::control::doors;

/// Serves a configuration until SIGTERM or SIGINT.
///
/// SIGHUP reloads the file as one transaction; SIGUSR1 prints the counts per server and reason, and every server's state;
/// SIGUSR2 opens the access log's file anew, for logrotate.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/signpost/startup-config"
    )]
    config: PathBuf,
    /// Worker threads [default: one a core].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    workers: Option<u16>,
    /// Seconds that requests in flight may take to end after SIGTERM.
    #[arg(long, value_name = "SECONDS", default_value_t = 10)]
    grace: u32,
}

/// Runs it; 0 after an orderly stop, 1 where it could not start or a worker died.
pub fn run(args: Args) -> ExitCode {
    terminal::log();
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
    match runtime.block_on(serve(args)) {
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

async fn serve(args: Args) -> Result<ExitCode, app::Error> {
    let mut signals = Signals::new().map_err(app::Error::Thread)?;
    let workers = args
        .workers
        .map(usize::from)
        .or_else(|| std::thread::available_parallelism().ok().map(usize::from))
        .unwrap_or(1);
    let options = Options {
        workers,
        grace: Duration::from_secs(u64::from(args.grace)),
    };
    let model = app::load(&args.config)?;
    app::claim_descriptors(doors(&model).len() * workers);
    let mut director = Director::start(model, &options, Default::default()).await?;
    terminal::say(&director.listening());
    loop {
        tokio::select! {
            biased;
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
            _ = signals.reload.recv() => if reload(&mut director, &args.config).await.is_break() {
                return Ok(ExitCode::FAILURE);
            },
            _ = signals.count.recv() => terminal::say(director.tables().await.trim_end()),
            _ = signals.reopen.recv() => reopen_log(&mut director).await,
            () = director.watch() => return Ok(ExitCode::FAILURE),
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

/// Replaces the configuration by what the file says now, or says why not; breaks off where a worker died meanwhile.
async fn reload(director: &mut Director, path: &std::path::Path) -> ControlFlow<()> {
    let path = path.to_owned();
    let named = path.display().to_string();
    // Reading and resolving a large file takes its time; neither requests nor what is learnt of the servers wait for it.
    let mut loading = tokio::task::spawn_blocking(move || app::load(&path));
    let loaded = tokio::select! {
        biased;
        loaded = &mut loading => loaded,
        () = director.watch() => return ControlFlow::Break(()),
    };
    let before = director.listening();
    let result = match loaded {
        Ok(Ok(model)) => director.replace(model, Default::default()).await,
        Ok(Err(e)) => Err(e),
        Err(e) => {
            director.note_reload(false);
            error!("reload refused: loading `{named}` ended early: {e}");
            return ControlFlow::Continue(());
        }
    };
    director.note_reload(result.is_ok());
    match result {
        Ok(()) => {
            info!("reloaded `{named}`");
            let listening = director.listening();
            if listening != before {
                terminal::say(&listening);
            }
        }
        Err(e) => error!("reload refused, nothing has changed: {e}"),
    }
    ControlFlow::Continue(())
}
