//! Namespaces of this test's own: `client - director - {coyote, roadrunner}`, over veth pairs and a bridge on the servers' side.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use tempfile::TempDir;

/// The longest that anything is waited for that should come at once.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client got.
#[derive(Debug)]
pub(crate) struct Answer(String);

impl Answer {
    pub(crate) fn status(&self) -> u16 {
        let status = self.0.split(' ').nth(1).and_then(|s| s.parse().ok());
        status.unwrap_or(0)
    }

    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let mut lines = self.0.lines().take_while(|line| !line.is_empty());
        lines.find_map(|line| {
            let (field, value) = line.split_once(": ")?;
            field.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    pub(crate) fn has(&self, text: &str) -> bool {
        self.0.contains(text)
    }
}

/// The namespaces, gone when dropped.
pub(crate) struct Net {
    name: String,
    folder: TempDir,
    servers: Vec<(&'static str, std::sync::Arc<std::sync::atomic::AtomicBool>)>,
}

const HOSTS: [&str; 4] = ["client", "director", "coyote", "roadrunner"];

impl Net {
    /// `None`, said aloud, where this process may make no namespace.
    pub(crate) fn new() -> Option<Net> {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "sp{}-{}",
            std::process::id(),
            MADE.fetch_add(1, Ordering::Relaxed)
        );
        let mut net = Net {
            name,
            folder: TempDir::new().expect("a temporary folder"),
            servers: Vec::new(),
        };
        let first = run("ip", &["netns", "add", &net.host("client")]);
        if !first.status.success() {
            let told = String::from_utf8_lossy(&first.stderr);
            let denied = ["not permitted", "Permission denied"];
            assert!(denied.iter().any(|why| told.contains(why)), "ip: {told}");
            #[expect(clippy::print_stderr, reason = "who runs the tests is to know")]
            {
                eprintln!("not tested: no network namespace can be made here: {told}");
            }
            return None;
        }
        net.lay();
        net.start("coyote");
        net.start("roadrunner");
        Some(net)
    }

    fn host(&self, host: &str) -> String {
        format!("{}{host}", self.name)
    }

    fn lay(&self) {
        let [client, director, coyote, roadrunner] = HOSTS.map(|host| self.host(host));
        let mut script = String::new();
        for host in [&director, &coyote, &roadrunner] {
            script += &format!("netns add {host}\n");
        }
        let mut batch = |host: &str, lines: &str| {
            script += &lines
                .lines()
                .map(|line| format!("-n {host} {}\n", line.trim()))
                .collect::<String>();
        };
        batch(
            &client,
            &format!(
                "link set lo up
                 link add eth0 type veth peer name clients netns {director}
                 link set eth0 up
                 addr add 192.0.2.10/24 dev eth0
                 addr add 2001:db8:2::10/64 dev eth0 nodad
                 route add default via 192.0.2.1"
            ),
        );
        batch(
            &director,
            "link set lo up
             link add servers type bridge
             link set servers up
             link set clients up
             addr add 192.0.2.1/24 dev clients
             addr add 1.1.1.1/24 dev servers
             addr add 2001:db8:2::1/64 dev clients nodad
             addr add 2001:db8:1::1/64 dev servers nodad",
        );
        for (number, host) in [(2, &coyote), (3, &roadrunner)] {
            batch(
                host,
                &format!(
                    "link set lo up
                     link add eth0 type veth peer name port{number} netns {director}
                     addr add 1.1.1.{number}/24 dev eth0
                     addr add 2001:db8:1::{number}/64 dev eth0 nodad
                     link set eth0 up
                     route add default via 1.1.1.1"
                ),
            );
            batch(
                &director,
                &format!("link set port{number} master servers\nlink set port{number} up"),
            );
            batch(host, "-6 route add default via 2001:db8:1::1");
        }
        batch(&client, "-6 route add default via 2001:db8:2::1");
        for line in script.lines() {
            let words: Vec<_> = line.split(' ').collect();
            done("ip", &words);
        }
        self.forwarding(true);
    }

    /// Has the director's host forward packets, or not.
    pub(crate) fn forwarding(&self, on: bool) {
        let on = u8::from(on);
        self.within("director", || {
            for file in ["ipv4/ip_forward", "ipv6/conf/all/forwarding"] {
                std::fs::write(format!("/proc/sys/net/{file}"), on.to_string())
                    .expect("forwarding");
            }
        });
    }

    /// Gives the director's host an address.
    pub(crate) fn give(&self, address: &str) {
        let length = if address.contains(':') { "128" } else { "32" };
        let host = self.host("director");
        let address = format!("{address}/{length}");
        let words = ["-n", &host, "addr", "add", &address, "dev", "servers"];
        let nodad = ["nodad"];
        let more = if length == "128" { &nodad[..] } else { &[] };
        done("ip", &[&words[..], more].concat());
    }

    /// Takes an IPv4 address from it.
    pub(crate) fn take(&self, address: &str) {
        let host = self.host("director");
        let address = format!("{address}/32");
        let words = ["-n", &host, "addr", "del", &address, "dev", "servers"];
        done("ip", &words);
    }

    /// Does `what` on a thread that is on `host`.
    fn within<T: Send>(&self, host: &str, what: impl FnOnce() -> T + Send) -> T {
        let path = format!("/run/netns/{}", self.host(host));
        let file = std::fs::File::open(path).expect("the namespace");
        std::thread::scope(|scope| {
            let there = scope.spawn(move || {
                use std::os::fd::AsFd;
                let network = Some(LinkNameSpaceType::Network);
                move_into_link_name_space(file.as_fd(), network).expect("root may go there");
                what()
            });
            match there.join() {
                Ok(came) => came,
                Err(why) => std::panic::resume_unwind(why),
            }
        })
    }

    /// Starts a server, at ports 80 and 22 and of both families, that answers each request with who it is, who asked and what came.
    pub(crate) fn start(&mut self, name: &'static str) {
        self.stop(name);
        let over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let listeners: Vec<_> = self.within(name, || {
            let all = ["0.0.0.0:80", "0.0.0.0:22", "[::]:80", "[::]:22"];
            all.map(|at| listen(at.parse().expect("an address"))).into()
        });
        for listener in listeners {
            let over = std::sync::Arc::clone(&over);
            std::thread::spawn(move || serve(&listener, name, &over));
        }
        self.servers.push((name, over));
    }

    /// Stops it: its ports refuse.
    pub(crate) fn stop(&mut self, name: &str) {
        let Some(at) = self.servers.iter().position(|(known, _)| *known == name) else {
            return;
        };
        let (_, over) = self.servers.remove(at);
        over.store(true, Ordering::Release);
        let last = if name == "coyote" { 2 } else { 3 };
        for at in [
            format!("1.1.1.{last}:80"),
            format!("1.1.1.{last}:22"),
            format!("[2001:db8:1::{last}]:80"),
            format!("[2001:db8:1::{last}]:22"),
        ] {
            let to: SocketAddr = at.parse().expect("an address");
            eventually("the server is down", || {
                self.within("director", || TcpStream::connect(to).is_err())
            });
        }
    }

    /// What a client gets from `to`.
    pub(crate) fn ask(&self, to: &str, port: u16, host: &str, path: &str) -> Answer {
        let to = SocketAddr::new(to.parse::<IpAddr>().expect("an address"), port);
        let answer = self.within("client", || {
            let mut stream = TcpStream::connect_timeout(&to, PATIENCE)?;
            stream.set_read_timeout(Some(PATIENCE))?;
            let ask = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
            stream.write_all(ask.as_bytes())?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            Ok::<_, std::io::Error>(answer)
        });
        Answer(answer.unwrap_or_else(|e| format!("{to}: {e}")))
    }

    /// A client's connection whose request is begun: its head lacks its last lines.
    pub(crate) fn begin(&self, to: &str) -> TcpStream {
        let to = SocketAddr::new(to.parse::<IpAddr>().expect("an address"), 80);
        self.within("client", || {
            let mut stream = TcpStream::connect_timeout(&to, PATIENCE).expect("a connection");
            stream.set_read_timeout(Some(PATIENCE)).expect("a time");
            let begun = stream.write_all(b"GET / HTTP/1.1\r\nHost: coyote.acme.com\r\n");
            begun.expect("the beginning");
            stream
        })
    }

    /// Ends what was begun: the answer.
    pub(crate) fn end(&self, mut stream: TcpStream) -> Answer {
        let mut answer = String::new();
        let ended = stream.write_all(b"Connection: close\r\n\r\n");
        let read = ended.and_then(|()| stream.read_to_string(&mut answer));
        Answer(read.map_or_else(|e| e.to_string(), |_| answer))
    }

    /// What `ping` tells a client of `to`.
    pub(crate) fn ping(&self, to: &str) -> String {
        let host = self.host("client");
        done("ip", &["netns", "exec", &host, "ping", "-c1", "-W5", to])
    }

    /// A file that says `config`.
    pub(crate) fn write(&self, config: &str) -> String {
        let path = self.folder.path().join("startup-config");
        std::fs::write(&path, config).expect("it can be written");
        path.display().to_string()
    }

    fn signpost(&self, arguments: &[&str]) -> Output {
        let host = self.host("director");
        let begin = ["netns", "exec", &host, env!("CARGO_BIN_EXE_signpost")];
        run("ip", &[&begin, arguments].concat())
    }

    /// Sets the rules; what was told.
    pub(crate) fn apply(&self, config: &str) -> String {
        let file = self.write(config);
        let output = self.signpost(&["inline", "--config", &file, "--apply"]);
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{told}");
        told
    }

    pub(crate) fn remove(&self) {
        let output = self.signpost(&["inline", "--remove"]);
        assert!(output.status.success(), "{output:?}");
    }

    /// What is left of rules of ours.
    pub(crate) fn rules(&self) -> String {
        let host = self.host("director");
        let mut left = done("ip", &["netns", "exec", &host, "nft", "list", "ruleset"]);
        for family in ["-4", "-6"] {
            left += &done(
                "ip",
                &["-n", &host, family, "rule", "show", "priority", "5350"],
            );
        }
        left
    }

    /// Runs signpost there without any right beyond a user's; what it told. It has to fail.
    pub(crate) fn without_rights(&self, arguments: &[&str]) -> String {
        let host = self.host("director");
        let mut begin = vec![
            "netns",
            "exec",
            &host,
            "setpriv",
            "--bounding-set=-all",
            "--inh-caps=-all",
            "--",
        ];
        begin.push(env!("CARGO_BIN_EXE_signpost"));
        let output = run("ip", &[&begin, arguments].concat());
        let told = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{told}");
        told
    }

    /// Serves `config` there.
    pub(crate) fn serve(&self, config: &str) -> Serving {
        self.serve_without(config, "")
    }

    /// The same without some rights, as setpriv(1) names them.
    pub(crate) fn serve_without(&self, config: &str, rights: &str) -> Serving {
        let file = self.write(config);
        let socket = self.folder.path().join("console.sock");
        let host = self.host("director");
        let child = Command::new("ip")
            .args([
                "netns",
                "exec",
                &host,
                "setpriv",
                &format!("--bounding-set=+all{rights}"),
                "--",
                env!("CARGO_BIN_EXE_signpost"),
                "serve",
                "--workers",
                "2",
                "--config",
                &file,
            ])
            .arg("--console-socket")
            .arg(&socket)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("ip starts");
        let serving = Serving {
            child,
            file: file.into(),
            socket,
        };
        eventually("it serves", || {
            serving.console("show version").status.success()
        });
        serving
    }
}

impl Drop for Net {
    fn drop(&mut self) {
        for (_, over) in &self.servers {
            over.store(true, Ordering::Release);
        }
        for host in HOSTS {
            run("ip", &["netns", "del", &self.host(host)]);
        }
    }
}

/// A director that runs.
pub(crate) struct Serving {
    child: Child,
    file: PathBuf,
    socket: PathBuf,
}

impl Serving {
    fn console(&self, command: &str) -> Output {
        let socket = self.socket.display().to_string();
        run(
            env!("CARGO_BIN_EXE_signpost"),
            &["console", "--socket", &socket, "-c", command],
        )
    }

    /// The last lines of its log.
    pub(crate) fn log(&self) -> String {
        String::from_utf8_lossy(&self.console("show log").stdout).into_owned()
    }

    /// Puts `config` into force.
    pub(crate) fn reload(&mut self, config: &str) {
        std::fs::write(&self.file, config).expect("it can be written");
        let output = self.console("reload");
        assert!(output.status.success(), "{output:?}");
    }

    /// What is told of lines that are typed in at `(config)#`, and whether they hold.
    pub(crate) fn configure(&self, lines: &[&str]) -> (bool, String) {
        let socket = self.socket.display().to_string();
        let mut words = vec!["console", "--socket", &socket, "-c", "configure terminal"];
        words.extend(lines.iter().flat_map(|line| ["-c", line]));
        let output = run(env!("CARGO_BIN_EXE_signpost"), &words);
        let told = [output.stdout, output.stderr].concat();
        let told = String::from_utf8_lossy(&told).into_owned();
        (output.status.success(), told)
    }

    /// `/proc/…/status` of each thread.
    pub(crate) fn threads(&self) -> Vec<String> {
        let folder = format!("/proc/{}/task", self.child.id());
        let tasks = std::fs::read_dir(folder).expect("it runs");
        let paths = tasks.map(|task| task.expect("a thread").path().join("status"));
        let all: Vec<_> = paths
            .map(|path| std::fs::read_to_string(path).expect("its status"))
            .collect();
        assert!(all.len() > 2, "two workers and the writer");
        all
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn listen(at: SocketAddr) -> TcpListener {
    use socket2::{Domain, Socket, Type};
    let socket = Socket::new(Domain::for_address(at), Type::STREAM, None).expect("a socket");
    if at.is_ipv6() {
        socket.set_only_v6(true).expect("IPv6 alone");
    }
    socket.set_reuse_address(true).expect("again");
    socket.bind(&at.into()).expect("a free port");
    socket.listen(64).expect("it listens");
    let listener: TcpListener = socket.into();
    listener.set_nonblocking(true).expect("it looks around");
    listener
}

/// How often a server looks whether its test is over.
const LOOK: Timespec = Timespec {
    tv_sec: 0,
    tv_nsec: 50_000_000,
};

fn serve(listener: &TcpListener, name: &str, over: &std::sync::atomic::AtomicBool) {
    while !over.load(Ordering::Acquire) {
        let Ok((mut stream, from)) = listener.accept() else {
            let mut comes = [PollFd::new(listener, PollFlags::IN)];
            let _ = poll(&mut comes, Some(&LOOK));
            continue;
        };
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_read_timeout(Some(PATIENCE));
        let mut asked = Vec::new();
        let mut bytes = [0; 4096];
        while !asked.ends_with(b"\r\n\r\n") {
            match stream.read(&mut bytes) {
                Ok(read) if read > 0 => asked.extend_from_slice(&bytes[..read]),
                _ => break,
            }
        }
        let asked = String::from_utf8_lossy(&asked);
        let body = format!("here is {name}, for {}\n{asked}", from.ip());
        let head = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
            body.len()
        );
        let _ = stream.write_all(format!("{head}{body}").as_bytes());
    }
}

fn run(program: &str, arguments: &[&str]) -> Output {
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output();
    output.unwrap_or_else(|e| panic!("{program} {arguments:?}: {e}"))
}

fn done(program: &str, arguments: &[&str]) -> String {
    let output = run(program, arguments);
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments:?}: {told}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Comes back once `holds` does.
#[track_caller]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < end, "not within {PATIENCE:?}: {what}");
        std::thread::yield_now();
    }
}
