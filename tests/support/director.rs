//! The director: `signpost` as a process.

use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Instant;

use tempfile::TempDir;

use super::PATIENCE;

/// Runs `signpost` with `arguments` to its end.
pub(crate) fn run(arguments: &[&str]) -> Output {
    let child = Command::new(env!("CARGO_BIN_EXE_signpost"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("signpost starts");
    let (send, receive) = std::sync::mpsc::channel();
    let pid = child.id();
    std::thread::spawn(move || send.send(child.wait_with_output()));
    match receive.recv_timeout(PATIENCE) {
        Ok(output) => output.expect("signpost is waited for"),
        Err(_) => {
            signal(pid, "KILL");
            panic!("signpost {arguments:?} did not end within {PATIENCE:?}");
        }
    }
}

/// The lines that a process printed so far.
#[derive(Default)]
struct Printed {
    lines: Mutex<Vec<String>>,
    more: Condvar,
}

impl Printed {
    fn of(stream: impl Read + Send + 'static) -> Arc<Printed> {
        let printed = Arc::new(Printed::default());
        let writer = Arc::clone(&printed);
        std::thread::spawn(move || {
            for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
                writer
                    .lines
                    .lock()
                    .unwrap()
                    .push(String::from_utf8_lossy(&line).into_owned());
                writer.more.notify_all();
            }
        });
        printed
    }

    fn len(&self) -> usize {
        self.lines.lock().unwrap().len()
    }

    /// The lines from number `from` on, once `holds` of them; `None` when it does not in time.
    fn wait(&self, from: usize, mut holds: impl FnMut(&[String]) -> bool) -> Option<Vec<String>> {
        let lines = self.lines.lock().unwrap();
        let (lines, timeout) = self
            .more
            .wait_timeout_while(lines, PATIENCE, |lines| !holds(&lines[from..]))
            .unwrap();
        (!timeout.timed_out()).then(|| lines[from..].to_vec())
    }
}

/// A running `signpost serve`; killed when dropped.
pub(crate) struct Director {
    child: Child,
    /// The processes that took over, one from another.
    heirs: Vec<u32>,
    folder: TempDir,
    stdout: Arc<Printed>,
    stderr: Arc<Printed>,
    /// What the line `listening on` named.
    pub(crate) listening: Vec<SocketAddr>,
}

impl Director {
    /// Serves `config`, and waits until it listens.
    pub(crate) fn start(config: &str) -> Director {
        Director::start_with(config, &[])
    }

    /// The same with further `arguments`; two workers unless they say otherwise.
    pub(crate) fn start_with(config: &str, arguments: &[&str]) -> Director {
        let mut command = Command::new(env!("CARGO_BIN_EXE_signpost"));
        command.stdin(Stdio::null());
        Director::start_by(command, config, arguments)
    }

    /// Serves `config` where no more than so many descriptors are open at once.
    pub(crate) fn start_limited(config: &str, descriptors: u32) -> Director {
        let mut command = Command::new("sh");
        let script = format!("ulimit -n {descriptors} && exec \"$0\" \"$@\"");
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_signpost")])
            .stdin(Stdio::null());
        Director::start_by(command, config, &[])
    }

    /// Serves `config` by a command of the test's own, which says what its standard input is.
    pub(crate) fn start_by(command: Command, config: &str, arguments: &[&str]) -> Director {
        let folder = TempDir::new().expect("a temporary folder");
        let file = folder.path().join("startup-config");
        std::fs::write(&file, config).expect("the configuration is written");
        Director::start_in(folder, command, arguments)
    }

    /// Serves what stands in `folder`.
    fn start_in(folder: TempDir, mut command: Command, arguments: &[&str]) -> Director {
        let mut child = command
            .args(["serve", "--config"])
            .arg(folder.path().join("startup-config"))
            .arg("--console-socket")
            .arg(folder.path().join("console.sock"))
            .args(arguments)
            .args(if arguments.contains(&"--workers") {
                &[][..]
            } else {
                &["--workers", "2"]
            })
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("signpost starts");
        let stdout = Printed::of(child.stdout.take().expect("piped"));
        let stderr = Printed::of(child.stderr.take().expect("piped"));
        let mut director = Director {
            child,
            heirs: Vec::new(),
            folder,
            stdout,
            stderr,
            listening: Vec::new(),
        };
        let said = director.stdout.wait(0, |lines| {
            lines.iter().any(|line| line.starts_with("listening on "))
        });
        let Some(said) = said else {
            panic!("signpost does not listen; it said:\n{}", director.log());
        };
        let line = said
            .iter()
            .find_map(|line| line.strip_prefix("listening on "))
            .expect("found above");
        director.listening = line
            .split(", ")
            .map(|listener| {
                let address = listener.split(' ').next().unwrap_or_default();
                address
                    .parse()
                    .unwrap_or_else(|_| panic!("not ADDRESS:PORT (…): `{listener}`"))
            })
            .collect();
        director
    }

    /// Ends it, and starts another on the same files.
    #[track_caller]
    pub(crate) fn restart(mut self) -> Director {
        self.terminate();
        assert!(self.wait().success(), "it ends in order");
        let elsewhere = TempDir::new().expect("a temporary folder");
        let folder = std::mem::replace(&mut self.folder, elsewhere);
        drop(self);
        let mut command = Command::new(env!("CARGO_BIN_EXE_signpost"));
        command.stdin(Stdio::null());
        Director::start_in(folder, command, &[])
    }

    /// Where its console's socket stands.
    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("console.sock")
    }

    /// Runs command lines at its console; what that printed and how it ended.
    pub(crate) fn console(&self, commands: &[&str]) -> Output {
        let socket = self.socket();
        let mut arguments = vec!["console", "--socket", socket.to_str().expect("a path")];
        for command in commands {
            arguments.extend(["-c", command]);
        }
        run(&arguments)
    }

    /// Runs command lines at its console, all of which have to go well; what they printed.
    #[track_caller]
    pub(crate) fn typed(&self, commands: &[&str]) -> String {
        let output = self.console(commands);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{commands:?}: {said}{failed}");
        said
    }

    /// Where the configuration stands.
    pub(crate) fn file(&self) -> PathBuf {
        self.folder.path().join("startup-config")
    }

    /// All of standard error so far.
    pub(crate) fn log(&self) -> String {
        self.stderr.lines.lock().unwrap().join("\n")
    }

    /// Replaces the configuration and waits until it is in force.
    #[track_caller]
    pub(crate) fn reload(&self, config: &str) {
        let said = self.hang_up(config);
        let refused = said.iter().any(|line| line.contains("reload refused"));
        assert!(!refused, "a reload was refused:\n{}", said.join("\n"));
    }

    /// Replaces the configuration with one that does not hold; what was said of it.
    #[track_caller]
    pub(crate) fn reload_refused(&self, config: &str) -> String {
        let said = self.hang_up(config).join("\n");
        assert!(
            said.contains("reload refused"),
            "a bad file was taken:\n{said}"
        );
        said
    }

    #[track_caller]
    fn hang_up(&self, config: &str) -> Vec<String> {
        std::fs::write(self.file(), config).expect("the configuration is written");
        let from = self.stderr.len();
        signal(self.pid(), "HUP");
        let said = self.stderr.wait(from, |lines| {
            lines
                .iter()
                .any(|line| line.contains("reloaded") || line.contains("reload refused"))
        });
        said.unwrap_or_else(|| panic!("neither `reloaded` nor `reload refused`:\n{}", self.log()))
    }

    /// Asks for the counts until a printed table holds a line with all of `words`.
    #[track_caller]
    pub(crate) fn counts(&self, words: &[&str]) {
        let from = self.stdout.len();
        signal(self.pid(), "USR1");
        let holds = |lines: &[String]| {
            lines
                .iter()
                .any(|line| words.iter().all(|word| line.contains(word)))
        };
        if self.stdout.wait(from, holds).is_none() {
            let lines = self.stdout.lines.lock().unwrap();
            panic!(
                "no line of the counts has {words:?}:\n{}",
                lines[from..].join("\n")
            );
        }
    }

    /// Asks for the counts again and again until a printed table holds a line with all of `words`.
    #[track_caller]
    pub(crate) fn counts_until(&self, words: &[&str]) {
        let end = Instant::now() + PATIENCE;
        loop {
            let from = self.stdout.len();
            signal(self.pid(), "USR1");
            let printed = self.stdout.wait(from, |lines| !lines.is_empty());
            let all = |line: &String| words.iter().all(|word| line.contains(word));
            // The rest of a table follows its first line at once.
            if printed.is_some() && self.stdout.lines.lock().unwrap()[from..].iter().any(all) {
                return;
            }
            assert!(Instant::now() < end, "no line of the counts has {words:?}");
        }
    }

    /// Has it open its access log anew, and waits until it has.
    #[track_caller]
    pub(crate) fn reopen_log(&self) {
        let from = self.stderr.len();
        signal(self.pid(), "USR2");
        let said = self.stderr.wait(from, |lines| {
            lines.iter().any(|line| line.contains("access log"))
        });
        let said = said.unwrap_or_else(|| panic!("nothing was said:\n{}", self.log()));
        assert!(said.join("\n").contains("opened anew"), "{said:?}");
    }

    /// The lines of standard output that hold all of `words`, once there are `count` of them.
    #[track_caller]
    pub(crate) fn printed(&self, words: &[&str], count: usize) -> Vec<String> {
        let held = |line: &&String| words.iter().all(|word| line.contains(word));
        let said = self
            .stdout
            .wait(0, |lines| lines.iter().filter(held).count() >= count);
        let said = said.unwrap_or_else(|| panic!("not {count} lines with {words:?}"));
        said.iter().filter(held).cloned().collect()
    }

    /// Asks it to end (SIGTERM), and comes back at once.
    pub(crate) fn terminate(&self) {
        signal(self.pid(), "TERM");
    }

    /// Has another process take over, with further `arguments` of `signpost upgrade`; what that said and how it ended.
    pub(crate) fn try_upgrade(&mut self, arguments: &[&str]) -> Output {
        let socket = self.socket();
        let mut all = vec!["upgrade", "--socket", socket.to_str().expect("a path")];
        all.extend(arguments);
        let output = run(&all);
        let said = String::from_utf8_lossy(&output.stdout);
        let words: Vec<_> = said.split(' ').collect();
        if let ["process", pid, "serves;", ..] = words[..] {
            self.heirs.push(pid.parse().expect("a number"));
        }
        output
    }

    /// The same where it has to go well.
    #[track_caller]
    pub(crate) fn upgrade(&mut self, arguments: &[&str]) {
        let output = self.try_upgrade(arguments);
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {said}");
    }

    /// The number of the process that serves.
    pub(crate) fn pid(&self) -> u32 {
        self.heirs.last().copied().unwrap_or(self.child.id())
    }

    /// Whether the process that was started first has ended, and how.
    pub(crate) fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().expect("the process is ours")
    }

    /// Waits for the end.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let end = Instant::now() + 2 * PATIENCE;
        loop {
            if let Some(status) = self.child.try_wait().expect("the process is ours") {
                return status;
            }
            assert!(
                Instant::now() < end,
                "signpost did not end:\n{}",
                self.log()
            );
            std::thread::yield_now();
        }
    }

    /// All of standard output, once the process has ended and its table has one line with all of `words`.
    #[track_caller]
    pub(crate) fn last_counts(&self, words: &[&str]) {
        let holds = |lines: &[String]| {
            lines
                .iter()
                .any(|line| words.iter().all(|word| line.contains(word)))
        };
        assert!(
            self.stdout.wait(0, holds).is_some(),
            "the last table has no line with {words:?}"
        );
    }
}

impl Drop for Director {
    fn drop(&mut self) {
        for heir in self.heirs.iter().filter(|heir| serves(**heir)) {
            signal(*heir, "KILL");
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            #[expect(
                clippy::print_stderr,
                reason = "what the director said explains a failed test"
            )]
            {
                eprintln!("signpost said:\n{}", self.log());
            }
        }
    }
}

/// Whether process `pid` is a signpost that has not ended.
fn serves(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.contains("(signpost)") && !stat.contains(") Z ")
}

fn signal(pid: u32, name: &str) {
    let status = Command::new("kill")
        .args(["-s", name, &pid.to_string()])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "no signal {name} to {pid}"
    );
}
