//! Starts the new process: by the running one, so that it is of the same user, in the same place, and of the same service.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::process::{Child, Command};
use tokio::sync::oneshot;
use tokio::time::{sleep, timeout};
use tracing::{error, info, warn};

use crate::app::Director;
use crate::console::serve::Caller;
use crate::console::serve::frame::Call;

/// How long a new process may take from its start until it serves.
const WHOLE: Duration = Duration::from_secs(90);

/// How long the reason is waited for of a process that has ended, and whoever asked for an upgrade to hear of it.
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
    /// Whoever asked for it.
    asker: UnixStream,
    /// What came of it has been told.
    over: oneshot::Sender<()>,
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
        let started = match asked.is_some_and(|launched| !launched.over.is_closed()) {
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
        let (over, told) = oneshot::channel();
        let called = Arc::<AtomicBool>::default();
        match stream.try_clone() {
            Ok(asker) => {
                self.launched = Some(Launched {
                    pid,
                    asker,
                    over,
                    called: Arc::clone(&called),
                });
            }
            Err(e) => warn!("nobody can be told what comes of it: {e}"),
        }
        tokio::spawn(async move {
            if let Some(why) = watch(child, told, &called).await {
                error!("no upgrade, this process goes on: {why}");
                tell(stream, Err(why));
            }
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
        // Of a process that nobody asked for its asker is not told.
        let fails = result.is_err();
        let asked = self.launched.take_if(|launched| {
            !fails || launched.called.load(Ordering::Relaxed) || launched.over.is_closed()
        });
        let asked = asked.filter(|launched| !launched.over.is_closed());
        if let Some(launched) = asked {
            let said = result.map(|pid| {
                format!("process {pid} serves; the one before lets its connections end")
            });
            tell(launched.asker, said);
            let _ = launched.over.send(());
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

/// Watches over a process that was started, until it is `over`: why nothing comes of it.
async fn watch(
    mut child: Child,
    mut over: oneshot::Receiver<()>,
    called: &AtomicBool,
) -> Option<String> {
    tokio::select! {
        biased;
        _ = &mut over => None,
        status = child.wait() => {
            // It may have said why before it ended.
            if called.load(Ordering::Relaxed) && timeout(LAST_WORDS, &mut over).await.is_ok() {
                return None;
            }
            Some(match status {
                Ok(status) => format!("the new process ended before it served ({status}); the log of the running one has what it said"),
                Err(e) => format!("the new process cannot be waited for: {e}"),
            })
        }
        () = sleep(WHOLE) => {
            if called.load(Ordering::Relaxed) {
                // It is heard out, and that has its own end.
                let _ = over.await;
                return None;
            }
            // It may have ended just now.
            let _ = child.start_kill();
            let _ = child.wait().await;
            Some(format!("the new process did not call within {} s and was ended", WHOLE.as_secs()))
        }
    }
}

fn tell(mut stream: UnixStream, result: Result<String, String>) {
    let told = Told {
        ok: result.is_ok(),
        said: result.unwrap_or_else(|why| why),
    };
    // Whoever asked may be gone. A line finds room at once.
    let _ = stream.set_write_timeout(Some(LAST_WORDS));
    if let Ok(line) = serde_json::to_string(&told) {
        let _ = writeln!(stream, "{line}");
    }
    let _ = stream.shutdown(Shutdown::Both);
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
