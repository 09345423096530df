//! Starts the new process: by the running one, so that it is of the same user, in the same place, and of the same service.

use std::io::Write;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tracing::{error, info};

use crate::app::Director;
use crate::console::serve::Caller;
use crate::console::serve::frame::Call;

/// How long a new process may take from its start until it serves.
const WHOLE: Duration = Duration::from_secs(90);

/// How long the reason is waited for of a process that has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// The option of `signpost serve` that makes it take over.
pub const OPTION: &str = "--upgrade-from";

/// What whoever asked for an upgrade is told: one line of JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Whether the new process serves.
    pub ok: bool,
    /// What came of it, in words.
    pub said: String,
}

/// A process that was started to take over.
#[derive(Debug)]
pub(in crate::app) struct Launched {
    pid: Option<u32>,
    outcome: oneshot::Sender<Result<String, String>>,
    /// It has called: from then on it is heard out.
    called: Arc<AtomicBool>,
}

impl Director {
    /// Starts the process that a caller asks for, which then calls by itself; the caller is told what came of it.
    pub fn launch(&mut self, caller: Caller) {
        let Caller { call, stream, .. } = caller;
        let Call::Start { binary, arguments } = call else {
            return;
        };
        let asked = self.launched.as_ref();
        let started = match asked.is_some_and(|launched| !launched.outcome.is_closed()) {
            true => Err("an upgrade is under way already".to_owned()),
            false => self.started(&binary, arguments),
        };
        let (child, pid) = match started {
            Ok(child) => {
                let pid = child.id();
                (child, pid)
            }
            Err(why) => {
                error!("no upgrade, this process goes on: {why}");
                return tell(stream, Err(why));
            }
        };
        info!("started `{}` to take over", binary.display());
        let (outcome, comes) = oneshot::channel();
        let called = Arc::<AtomicBool>::default();
        self.launched = Some(Launched {
            pid,
            outcome,
            called: Arc::clone(&called),
        });
        tokio::spawn(async move {
            let result = watch(child, comes, &called).await;
            // Whoever asked may read slowly or not at all.
            tokio::task::spawn_blocking(move || tell(stream, result));
        });
    }

    fn started(&self, binary: &PathBuf, arguments: Vec<String>) -> Result<Child, String> {
        let socket = self.console_at.as_ref();
        let socket = socket.ok_or("this director has no Unix socket to hand over by")?;
        let mut command = Command::new(binary);
        command
            .args(own_arguments(std::env::args_os().skip(1)))
            .args(arguments)
            .arg(OPTION)
            .arg(socket)
            .stdin(Stdio::null());
        // These are for the process that the service manager started; the new one has its own number.
        for name in ["LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES", "WATCHDOG_PID"] {
            command.env_remove(name);
        }
        command
            .spawn()
            .map_err(|e| format!("`{}` cannot be started: {e}", binary.display()))
    }

    /// Notes that process `pid` calls to take over.
    pub(super) fn calls(&self, pid: u32) {
        if let Some(launched) = self.launched.as_ref().filter(|l| l.pid == Some(pid)) {
            launched.called.store(true, Ordering::Relaxed);
        }
    }

    /// Says what came of a call to take over: the process that serves, or why this one goes on.
    pub fn came_of_it(&mut self, result: Result<u32, String>) {
        if let Err(why) = &result {
            error!("no upgrade, this process goes on: {why}");
        }
        if let Some(launched) = self.launched.take() {
            let said = result.map(|pid| match launched.pid == Some(pid) {
                true => format!("process {pid} serves; this one lets its connections end"),
                false => format!("process {pid}, another than was started, serves"),
            });
            // It may have been given up.
            let _ = launched.outcome.send(said);
        }
    }
}

/// What stands on a director's command line, without what was said there of the process before it.
fn own_arguments<T: AsRef<std::ffi::OsStr>>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut own = Vec::new();
    let mut skips = false;
    for argument in all {
        let text = argument.as_ref().to_string_lossy();
        if std::mem::take(&mut skips) {
            continue;
        }
        skips = text == OPTION;
        if !skips && !text.starts_with("--upgrade-from=") {
            own.push(argument);
        }
    }
    own
}

async fn watch(
    mut child: Child,
    mut comes: oneshot::Receiver<Result<String, String>>,
    called: &AtomicBool,
) -> Result<String, String> {
    let ending = |_| Err("the director ends".to_owned());
    tokio::select! {
        biased;
        outcome = &mut comes => outcome.unwrap_or_else(ending),
        status = child.wait() => {
            // It may have said why before it ended.
            if let Ok(outcome) = tokio::time::timeout(LAST_WORDS, &mut comes).await {
                return outcome.unwrap_or_else(ending);
            }
            let why = match status {
                Ok(status) => format!("the new process ended before it served ({status}); this director's log says why"),
                Err(e) => format!("the new process cannot be waited for: {e}"),
            };
            error!("no upgrade, this process goes on: {why}");
            Err(why)
        }
        () = tokio::time::sleep(WHOLE) => {
            if called.load(Ordering::Relaxed) {
                return comes.await.unwrap_or_else(ending);
            }
            let why = format!("the new process did not serve within {} s and was ended", WHOLE.as_secs());
            error!("no upgrade, this process goes on: {why}");
            // It may have ended just now.
            let _ = child.start_kill();
            let _ = child.wait().await;
            Err(why)
        }
    }
}

fn tell(mut stream: std::os::unix::net::UnixStream, result: Result<String, String>) {
    let told = Told {
        ok: result.is_ok(),
        said: result.unwrap_or_else(|why| why),
    };
    // Whoever asked may be gone.
    let _ = stream.set_write_timeout(Some(super::WORD));
    if let Ok(line) = serde_json::to_string(&told) {
        let _ = writeln!(stream, "{line}");
    }
}

#[cfg(test)]
mod tests {
    use super::own_arguments;

    #[test]
    fn what_was_said_of_the_process_before_does_not_go_along() {
        let line = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        let all = line("serve --upgrade-from /a --config c --upgrade-from=/b --workers 2");
        let own = own_arguments(all.into_iter());
        assert_eq!(own, line("serve --config c --workers 2"));
    }
}
