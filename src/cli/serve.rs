//! `signpost serve`: load, listen, serve, reload, stop.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::Interval;
use tracing::{error, info, warn};

use super::terminal;
use crate::app::{self, Consoling, Director, Event, Heir, Manager, Options, Taken};
use crate::console::serve::Log;
use crate::console::serve::frame::Call;
use crate::control::{Author, Wish, doors, save};

/// Serves a configuration until SIGTERM or SIGINT.
///
/// SIGHUP reloads the file as one transaction; SIGUSR1 prints the counts per server and reason, and every server's state;
/// SIGUSR2 opens the access log's file anew, for logrotate. `signpost upgrade` puts another process into its place.
#[derive(Debug, clap::Args)]
#[command(args_override_self = true)]
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
    /// Takes over from the director whose console's socket is there, without a lost connection; `signpost upgrade` says it by itself.
    #[arg(long, value_name = "PATH")]
    upgrade_from: Option<PathBuf>,
    /// Seconds that connections, WebSockets above all, may go on after another process has taken over from this one.
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    retire: u32,
    /// A file for this process's number, while it serves.
    #[arg(long, value_name = "PATH")]
    pid_file: Option<PathBuf>,
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
    let mut manager = Manager::default();
    let taken = match &args.upgrade_from {
        Some(from) => {
            // Before as many sockets come.
            app::raise_descriptors();
            let taken = app::take_over(from, &args.console_socket);
            Some(taken.map_err(app::Error::Upgrade)?)
        }
        None => None,
    };
    let mut director = begin(&args, log, taken, &mut manager).await?;
    note_process(args.pid_file.as_deref());
    manager.store(director.writer());
    manager.ready(&director.listening());
    terminal::say(&director.listening());
    let mut feeding = manager.watched().map(tokio::time::interval);
    let heir = loop {
        let event = tokio::select! {
            biased;
            _ = signals.terminate.recv() => break None,
            _ = signals.interrupt.recv() => break None,
            _ = signals.reload.recv() => {
                manager.reloading();
                hang_up()
            }
            _ = signals.count.recv() => {
                terminal::say(director.tables().await.trim_end());
                continue;
            }
            _ = signals.reopen.recv() => {
                reopen_log(&mut director).await;
                continue;
            }
            often = due(&mut feeding) => {
                director.feed(often);
                continue;
            }
            event = director.watch() => event,
        };
        let caller = match event {
            Event::Ended => return Ok(ExitCode::FAILURE),
            Event::Call(caller) => caller,
            event => {
                answer(&mut director, event, &mut manager).await;
                continue;
            }
        };
        if matches!(caller.call, Call::Start { .. }) {
            director.launch(*caller);
            continue;
        }
        let feed = director.feeder();
        let hungry = async {
            loop {
                feed(due(&mut feeding).await);
            }
        };
        let heir = tokio::select! {
            biased;
            _ = signals.terminate.recv() => break None,
            _ = signals.interrupt.recv() => break None,
            heir = director.hand_over(*caller) => heir,
            never = hungry => never,
        };
        let result = match heir {
            Ok(heir) => give_way(&mut director, heir, &manager).await,
            Err(why) => Err(why),
        };
        let heir = result.as_ref().ok().copied();
        director.came_of_it(result);
        if heir.is_some() {
            break heir;
        }
    };
    let counts = match heir {
        Some(_) => {
            let asked = async {
                tokio::select! {
                    _ = signals.terminate.recv() => {}
                    _ = signals.interrupt.recv() => {}
                }
            };
            let left = Duration::from_secs(u64::from(args.retire));
            director.retire(left, asked).await
        }
        None => {
            info!(
                "stopping: no new connections; requests in flight may take {} s",
                args.grace
            );
            manager.stopping();
            let counts = director.stop().await;
            forget_process(args.pid_file.as_deref());
            counts
        }
    };
    terminal::say(counts.to_string().trim_end());
    Ok(ExitCode::SUCCESS)
}

/// Serves what the process before left, or what the startup file says.
async fn begin(
    args: &Args,
    log: Arc<Log>,
    mut taken: Option<Taken>,
    manager: &mut Manager,
) -> Result<Director, app::Error> {
    let cores = || std::thread::available_parallelism().map_or(1, usize::from);
    let workers = args.workers.map_or_else(cores, usize::from);
    let is_named = args.config.is_some();
    let path = args.config.clone().unwrap_or_else(|| app::STARTUP.into());
    let options = Options {
        workers,
        grace: Duration::from_secs(u64::from(args.grace)),
        console: Some(Consoling {
            socket: Some(args.console_socket.clone()),
            handed: taken.as_mut().and_then(|taken| taken.console.take()),
            host_key: path.with_file_name("ssh_host_ed25519_key"),
            log,
        }),
    };
    let (life, handed, estate) = match &mut taken {
        Some(taken) => {
            let (life, estate) = taken.life(&path).map_err(app::Error::Upgrade)?;
            (life, std::mem::take(&mut taken.sockets), Some(estate))
        }
        None => (app::open(&path, is_named)?, manager.sockets(), None),
    };
    let doors = doors(life.running().model());
    app::claim_descriptors(doors.len() * workers);
    app::give_up_rights(life.running().model());
    for at in handed
        .keys()
        .filter(|at| !doors.iter().any(|(door, _)| door == *at))
    {
        warn!(
            "nothing is configured at {}: the socket that was handed over is closed",
            at.socket()
        );
    }
    let director = Director::after(estate, life, &options, handed).await;
    let Some(taken) = taken else {
        return director;
    };
    let director = director.map_err(|e| app::Error::Upgrade(taken.fails(&e.to_string())))?;
    taken.serves().map_err(app::Error::Upgrade)?;
    director.settle();
    Ok(director)
}

async fn answer(director: &mut Director, event: Event, manager: &mut Manager) {
    let reloads = matches!(&event, Event::Wish(wish) if matches!(**wish, Wish::Reload { .. }));
    let before = director.writer().doors().to_vec();
    director.answer(event).await;
    let listening = director.listening();
    let moved = *director.writer().doors() != before;
    if moved {
        manager.store(director.writer());
        terminal::say(&listening);
    }
    if reloads {
        manager.ready(&listening);
    } else if moved {
        manager.status(&listening);
    }
}

/// Tells the process that serves and the service manager that this one is not the service any more. The service manager last: once it
/// knows it does not listen to this one, which could not take that back.
async fn give_way(director: &mut Director, heir: Heir, manager: &Manager) -> Result<u32, String> {
    let heir = director.let_go(heir).await?;
    let pid = heir.pid;
    manager.gives_way(pid);
    heir.is_named();
    Ok(pid)
}

/// How often the watchdog is fed, once that is due again; never without a watchdog.
async fn due(feeding: &mut Option<Interval>) -> Duration {
    match feeding {
        Some(feeding) => {
            feeding.tick().await;
            feeding.period()
        }
        None => std::future::pending().await,
    }
}

/// Writes this process's number down for whoever asked for it.
fn note_process(file: Option<&Path>) {
    let Some(file) = file else {
        return;
    };
    if let Err(e) = save(file, format!("{}\n", std::process::id()).as_bytes()) {
        warn!(
            "the process's number cannot be written to `{}`: {e}",
            file.display()
        );
    }
}

fn forget_process(file: Option<&Path>) {
    if let Some(file) = file
        && let Err(e) = std::fs::remove_file(file)
    {
        warn!("`{}` cannot be removed: {e}", file.display());
    }
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
