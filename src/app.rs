//! The only wiring: starts the writer, the workers and the probes, supervises them, drains them.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use tokio::sync::mpsc;
use tracing::{error, info, warn};

use crate::admin;
use crate::admin::{Question, Source};
use crate::console::Question as Asking;
use crate::console::serve::Caller;
use crate::control::{
    Door, Estate, Farm, Files, Life, Order, PrepareError, Report, Wish, Writer, count,
};
use crate::language::FILE_BYTES;
use crate::model::{Endpoint, Id, Model, Running};
use crate::probes::Probing;
use crate::proxy;
use crate::telemetry::{Counts, OpenError, Table};

mod boot;
mod bounds;
mod console;
mod issue;
mod life;
mod rights;
mod served;
mod sight;
mod stored;
mod systemd;
mod upgrade;

pub use boot::{STARTUP, open};
pub use life::{Event, unanswered};
pub use rights::give_up_rights;
pub use served::Consoling;
pub use systemd::Manager;
pub use upgrade::give::Heir;
pub use upgrade::launch::{OPTION as UPGRADE_FROM, Told};
pub use upgrade::take::{Taken, absolute, take_over};

use served::Served;
use upgrade::launch::Launched;

/// Orders that may wait for a worker; the writer waits where there are more.
const ORDERS_WAITING: usize = 64;

/// Processes that may wait to take over from this one.
const CALLERS_WAITING: usize = 4;

/// How long the last lines of the access log may take to be written.
const LAST_LINES: Duration = Duration::from_secs(1);
/// Questions of the admin room that may wait for the writer.
const QUESTIONS_WAITING: usize = 16;
/// Wishes about the configuration that may wait; who has another waits to say it.
const WISHES_WAITING: usize = 64;

/// How a director is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// Worker threads, 1 or more.
    pub workers: usize,
    /// How long requests in flight may take to end once asked to stop.
    pub grace: Duration,
    /// How the console is served; `None`: not at all.
    pub console: Option<Consoling>,
}

/// A running director: one writer here, one thread a worker, one that probes.
#[derive(Debug)]
pub struct Director {
    writer: Writer,
    probing: Option<Probing>,
    #[cfg(feature = "tls")]
    issuing: Option<crate::acme::Issuer>,
    reports: mpsc::Receiver<Report>,
    threads: Vec<JoinHandle<()>>,
    ended: mpsc::Receiver<(usize, Counts)>,
    /// The urls that are linked to nothing.
    unlinked: Arc<HashSet<Id>>,
    questions: mpsc::Receiver<Question>,
    life: Life,
    wishes: (mpsc::Sender<Wish>, mpsc::Receiver<Wish>),
    /// Those that came while nothing could be changed.
    put_off: VecDeque<Wish>,
    /// A worker ended by itself.
    over: bool,
    /// Where the console asks, and what that asks the writer.
    desk: mpsc::Sender<Asking>,
    asked: mpsc::Receiver<console::Ask>,
    served: Option<Served>,
    /// Where the console's Unix socket is.
    console_at: Option<PathBuf>,
    /// Who wants another process in the place of this one.
    callers: (mpsc::Sender<Caller>, mpsc::Receiver<Caller>),
    launched: Option<Launched>,
    /// The console's Unix socket is the next process's too.
    gave_console: bool,
    grace: Duration,
}

/// Why a director could not be started or changed.
#[derive(Debug)]
pub enum Error {
    /// A worker's thread could not be started.
    Thread(io::Error),
    /// The configuration cannot be served here and now.
    Prepare(PrepareError),
    /// The file could not be read.
    Read(PathBuf, io::Error),
    /// The file does not hold; its diagnostics have been rendered.
    Invalid(String),
    /// Another process is not taken over from, and why.
    Upgrade(String),
    /// The file that was named has nothing to serve; beside it, the newest configuration of its archive.
    Nothing(PathBuf, Option<PathBuf>),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Thread(e) => write!(f, "cannot start a worker thread: {e}"),
            Error::Prepare(e) => e.fmt(f),
            Error::Read(path, e) => write!(
                f,
                "cannot read `{}`: {e}; name another file with `--config FILE`",
                path.display()
            ),
            Error::Invalid(text) => f.write_str(text.trim_end()),
            Error::Upgrade(why) => write!(f, "cannot take over: {}", why.trim_end()),
            Error::Nothing(path, kept) => {
                let path = path.display();
                write!(
                    f,
                    "`{path}` has neither a virtual nor a dip, so there is nothing to listen on; add one, such as `virtual 192.0.2.1`"
                )?;
                match kept {
                    Some(kept) => write!(
                        f,
                        ", or bring back what was kept before it was erased or changed: `cp {} {path}`",
                        kept.display()
                    ),
                    None => Ok(()),
                }
            }
        }
    }
}

impl std::error::Error for Error {}

/// The bytes of a configuration file; of one that is too large, one byte more than may be: enough to refuse it, where a device could
/// go on for ever.
///
/// # Errors
/// Where it cannot be opened or read.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(FILE_BYTES as u64 + 1)
        .read_to_end(&mut bytes)?;
    Ok(bytes)
}

impl Director {
    /// Starts the workers and serves `model`. `handed` are listeners that somebody else bound.
    ///
    /// # Errors
    /// Where a thread cannot be started or the model cannot be served.
    pub async fn start(
        model: Model,
        options: &Options,
        handed: HashMap<Endpoint, Vec<TcpListener>>,
    ) -> Result<Director, Error> {
        let running = Arc::new(Running::from(model));
        let life = Life::new(Arc::clone(&running), Some(running), None, None);
        Director::live(life, options, handed).await
    }

    /// Starts the workers and serves what `life` begins with.
    ///
    /// # Errors
    /// Where a thread cannot be started or the configuration cannot be served.
    pub async fn live(
        life: Life,
        options: &Options,
        handed: HashMap<Endpoint, Vec<TcpListener>>,
    ) -> Result<Director, Error> {
        Director::after(None, life, options, handed).await
    }

    /// The same with what another process left that this one takes over from.
    ///
    /// # Errors
    /// Where a thread cannot be started or the configuration cannot be served.
    pub async fn after(
        estate: Option<Estate>,
        life: Life,
        options: &Options,
        handed: HashMap<Endpoint, Vec<TcpListener>>,
    ) -> Result<Director, Error> {
        let (orders, inboxes): (Vec<_>, Vec<_>) = (0..options.workers)
            .map(|_| mpsc::channel(ORDERS_WAITING))
            .unzip();
        let (mut writer, reports) = Writer::new(orders);
        if let Some(folder) = life.startup().ok().and_then(Path::parent) {
            writer.settle_in(folder);
        }
        if let Some(estate) = estate {
            writer.inherit(estate);
        }
        let questions = serve_admin(&mut writer);
        let (desk, asked) = console::Desk::open(&writer);
        let wishes = mpsc::channel(WISHES_WAITING);
        let callers = mpsc::channel(CALLERS_WAITING);
        let served = match &options.console {
            Some(options) => Some(Served::start(
                options,
                &mut writer,
                (&wishes.0, &desk, &callers.0),
            )?),
            None => None,
        };
        let pseudonym: Arc<str> = pseudonym().into();
        let (tell_end, ended) = mpsc::channel(options.workers);
        let threads = inboxes
            .into_iter()
            .enumerate()
            .map(|(number, inbox)| {
                spawn_worker(
                    number,
                    Arc::clone(writer.farm()),
                    Arc::clone(&pseudonym),
                    inbox,
                    tell_end.clone(),
                )
            })
            .collect::<Result<_, _>>()
            .map_err(Error::Thread)?;
        let mut director = Director {
            writer,
            probing: None,
            #[cfg(feature = "tls")]
            issuing: None,
            reports,
            threads,
            ended,
            unlinked: Arc::default(),
            questions,
            life,
            wishes,
            put_off: VecDeque::new(),
            over: false,
            desk,
            asked,
            served,
            console_at: options
                .console
                .as_ref()
                .and_then(|console| console.socket.as_deref().map(absolute)),
            callers,
            launched: None,
            gave_console: false,
            grace: options.grace,
        };
        let model = Arc::clone(director.life.running().model());
        let files = director.writer.reader().read(&model);
        let files = files.map_err(Error::Prepare)?;
        director.serve(model, files, handed).await?;
        director.publish();
        Ok(director)
    }

    /// Replaces the configuration, whole or not at all. Its files are read meanwhile.
    ///
    /// # Errors
    /// Where it cannot be served, in words; nothing has changed then.
    async fn replace(&mut self, model: Arc<Model>) -> Result<(), String> {
        let (reader, wanted) = (self.writer.reader(), Arc::clone(&model));
        let files = self.meanwhile(move || reader.read(&wanted)).await?;
        let files = files.map_err(|e| e.to_string())?;
        let served = self.serve(model, files, HashMap::new()).await;
        served.map_err(|e| e.to_string())
    }

    /// Replaces the configuration by one whose `files` were read, whole or not at all.
    ///
    /// # Errors
    /// Where it cannot be served; nothing has changed then.
    async fn serve(
        &mut self,
        model: Arc<Model>,
        files: Files,
        handed: HashMap<Endpoint, Vec<TcpListener>>,
    ) -> Result<(), Error> {
        let unlinked = sight::unlinked(&model);
        // Servers that clients come back from are probed though nothing watches them.
        let suspicious = model.virtuals.iter().any(|v| v.bounceback.is_some());
        let replaced = self.writer.replace_by(model, files, handed).await;
        replaced.map_err(Error::Prepare)?;
        self.unlinked = unlinked;
        self.probe(suspicious);
        self.issue();
        Ok(())
    }

    /// Starts the thread that probes once there is something for it to do.
    fn probe(&mut self, suspicious: bool) {
        let farm = self.writer.farm();
        let runs = self.probing.as_ref().is_some_and(|p| !p.is_over());
        if runs || (farm.errands().borrow().is_empty() && !suspicious) {
            return;
        }
        match Probing::start(Arc::clone(farm)) {
            Ok(probing) => self.probing = Some(probing),
            Err(e) => error!(
                "cannot start the thread that probes: {e}; servers are watched by their traffic alone"
            ),
        }
    }

    /// The counts of all workers, and how every server stands, as tables.
    pub async fn tables(&self) -> String {
        let counts = count(self.writer.workers()).await.table();
        format!("{counts}\n{}", sight::table(&self.writer))
    }

    /// Has the service manager's watchdog fed, if every worker goes round within that time.
    pub fn feed(&self, within: Duration) {
        systemd::feed(self.writer.workers().to_vec(), within);
    }

    /// What does the same while something else is waited for here.
    pub fn feeder(&self) -> impl Fn(Duration) + use<> {
        let workers = self.writer.workers().to_vec();
        move |within| systemd::feed(workers.clone(), within)
    }

    /// This process is alone: the Unix socket's file is its own.
    pub fn settle(&self) {
        if let Some(served) = &self.served {
            served.keep_file(false);
        }
    }

    /// The writer, to ask for counts and listeners.
    pub fn writer(&self) -> &Writer {
        &self.writer
    }

    /// Where the console asks about the running director.
    pub fn desk(&self) -> mpsc::Sender<Asking> {
        self.desk.clone()
    }

    /// The line that names every listener.
    pub fn listening(&self) -> String {
        let doors: Vec<_> = self
            .writer
            .doors()
            .iter()
            .map(|(at, door)| {
                let door = match door {
                    Door::Virtual => "virtual",
                    Door::Dip => "dip",
                    Door::Pass => "pass",
                    Door::Admin => "admin",
                    Door::Telnet => "telnet",
                    Door::Ssh => "ssh",
                };
                format!("{} ({door})", at.socket())
            })
            .collect();
        if doors.is_empty() {
            return "listening on nothing yet".to_owned();
        }
        format!("listening on {}", doors.join(", "))
    }

    /// Opens the access log's file anew, as logrotate asks for; whether there is one.
    ///
    /// # Errors
    /// Where it cannot be opened; lines go on to the file before.
    pub async fn reopen_log(&mut self) -> Result<bool, OpenError> {
        self.writer.reopen_log().await
    }

    /// Stops accepting, closes idle connections at once, lets requests in flight end within the grace
    /// time; returns the counts of the whole life.
    pub async fn stop(mut self) -> Table {
        self.go_back("was not confirmed before the end").await;
        drop(self.probing.take());
        self.issue_no_more();
        let served = self.served.take().map(Served::stop);
        self.writer.drain().await;
        self.end(served, Vec::new()).await
    }

    /// Leaves the listeners to the process that took over. Each connection ends after its next answer, WebSockets when they end or
    /// the time is over that may be `left`, or somebody `asked` this process to end; then as [`stop`](Self::stop) has it.
    pub async fn retire(mut self, left: Duration, asked: impl Future<Output = ()>) -> Table {
        drop(self.probing.take());
        self.issue_no_more();
        if let Some(served) = self.served.as_ref().filter(|_| self.gave_console) {
            served.keep_file(true);
        }
        let served = self.served.take().map(Served::stop);
        // What its sessions asked for and was not done is not done here any more.
        self.wishes.1.close();
        self.put_off.clear();
        self.writer.retire().await;
        let mut counted = Vec::new();
        let until = async {
            tokio::select! {
                () = tokio::time::sleep(left) => warn!("connections are left after {left:?}: they end now"),
                () = asked => {}
            }
        };
        let gone = self.all_ended(&mut counted, until).await;
        if !gone {
            self.writer.drain().await;
        }
        self.end(served, counted).await
    }

    /// Waits until every worker has ended, or `until`; whether they have.
    async fn all_ended(
        &mut self,
        counted: &mut Vec<Counts>,
        until: impl Future<Output = ()>,
    ) -> bool {
        let workers = self.threads.len();
        let all_ended = async {
            while counted.len() < workers {
                match self.ended.recv().await {
                    Some((_, counts)) => counted.push(counts),
                    None => return,
                }
            }
        };
        let asking = (&mut self.questions, &mut self.asked);
        let attend = attend(&mut self.writer, &mut self.reports, &self.unlinked, asking);
        tokio::select! {
            biased;
            () = all_ended => true,
            () = until => false,
            () = attend => false,
        }
    }

    async fn end(
        mut self,
        served: Option<impl Future<Output = ()>>,
        mut counted: Vec<Counts>,
    ) -> Table {
        let grace = tokio::time::sleep(self.grace);
        if !self.all_ended(&mut counted, grace).await {
            warn!(
                "requests still in flight after {:?} are cut off",
                self.grace
            );
            counted.push(count(self.writer.workers()).await);
        }
        // Every worker that ended has handed over its last lines.
        if let Some(journal) = self.writer.take_log() {
            journal.finish(LAST_LINES);
        }
        if let Some(served) = served {
            served.await;
        }
        Counts::sum(counted).table()
    }
}

/// Keeps watch over the servers and tells the admin room and the console what the writer knows. Cancel safe.
async fn attend(
    writer: &mut Writer,
    reports: &mut mpsc::Receiver<Report>,
    unlinked: &Arc<HashSet<Id>>,
    (questions, asked): (
        &mut mpsc::Receiver<Question>,
        &mut mpsc::Receiver<console::Ask>,
    ),
) {
    loop {
        tokio::select! {
            biased;
            () = writer.watch(reports) => return,
            Some(question) = questions.recv() => sight::tell(writer, unlinked, question),
            Some(ask) = asked.recv() => console::tell(writer, ask),
        }
    }
}

/// Starts the admin room, which serves what listeners the writer hands it; its questions to the writer.
fn serve_admin(writer: &mut Writer) -> mpsc::Receiver<Question> {
    let (orders, inbox) = mpsc::channel(ORDERS_WAITING);
    writer.admit(Door::Admin, orders);
    let (ask, questions) = mpsc::channel(QUESTIONS_WAITING);
    let lines = Arc::clone(writer.log_counts());
    let source = Source {
        farm: Arc::clone(writer.farm()),
        workers: writer.workers().to_vec(),
        writer: ask,
        lines: Arc::new(move || [lines.written(), lines.dropped()]),
    };
    tokio::spawn(admin::serve(inbox, source));
    questions
}

/// What `Via` calls this process: no other process, here or elsewhere, should call itself the same.
fn pseudonym() -> String {
    use std::hash::{BuildHasher, RandomState};
    format!(
        "signpost-{:016x}",
        RandomState::new().hash_one(std::process::id())
    )
}

fn spawn_worker(
    number: usize,
    farm: Arc<Farm>,
    pseudonym: Arc<str>,
    inbox: mpsc::Receiver<Order>,
    tell_end: mpsc::Sender<(usize, Counts)>,
) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || {
            let counts = proxy::work(farm, pseudonym, inbox);
            // Nobody waits for it any more where the director is gone already.
            let _ = tell_end.blocking_send((number, counts));
        })
}

/// Raises the soft limit of descriptors to the hard one: what it is then; `None`: none.
pub fn raise_descriptors() -> Option<u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        maximum: limit.maximum,
    };
    match setrlimit(Resource::Nofile, raised) {
        Ok(()) => limit.maximum,
        Err(_) => limit.current,
    }
}

/// Raises the soft limit of descriptors to the hard one and tells where that is below the need.
pub fn claim_descriptors(listeners: usize) {
    let have = raise_descriptors();
    // Each is open twice: where it is accepted from, and for whoever takes over.
    let need = 2 * listeners as u64 + DESCRIPTORS_KEPT;
    match have {
        Some(have) if have < need => warn!(
            "{listeners} listening sockets, each open twice, and {DESCRIPTORS_KEPT} descriptors for connections need {need}, the limit is {have}: raise it (`ulimit -n`, LimitNOFILE= in the systemd unit)"
        ),
        Some(have) => info!("{have} descriptors, {listeners} of them listen"),
        None => {}
    }
}

/// Fewer descriptors than this beside the listeners is no way to serve.
const DESCRIPTORS_KEPT: u64 = 1024;
