"""What the long runs share: a director and origins as processes, addresses, and a load by wrk."""
import os, re, resource, signal, socket, subprocess, sys, tempfile, threading, time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
SIGNPOST = Path(os.environ.get("SIGNPOST", ROOT / "target/release/signpost"))
os.environ["PATH"] += ":/usr/sbin:/sbin"
_hosts = iter(range(1, 250))


def free():
    """A loopback address of this run's own with a port that is free there."""
    ip = f"127.79.{os.getpid() & 255}.{next(_hosts)}"
    with socket.socket() as probe:
        probe.bind((ip, 0))
        return f"{ip}:{probe.getsockname()[1]}"


def split(address):
    host, port = address.rsplit(":", 1)
    return host, int(port)


def raise_descriptors():
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 20_000), hard))


def eventually(what, holds, seconds=10):
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            sys.exit(f"FAILED: not within {seconds} s: {what}")
        time.sleep(0.01)


def answers(address, path="/"):
    try:
        with socket.create_connection(split(address), 2) as stream:
            stream.sendall(f"GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            return stream.recv(9) == b"HTTP/1.1 "
    except OSError:
        return False


class Director:
    """`signpost serve`; use as a context."""

    def __init__(self, config, *arguments):
        if not SIGNPOST.exists():
            sys.exit(f"no binary at {SIGNPOST}: cargo build --release, or name one in SIGNPOST")
        raise_descriptors()
        self.folder = tempfile.TemporaryDirectory(prefix="signpost-long-")
        self.file = Path(self.folder.name) / "startup-config"
        self.file.write_text(config)
        self.log = open(Path(self.folder.name) / "log", "w+b")
        self.socket = Path(self.folder.name) / "console.sock"
        self.child = subprocess.Popen([SIGNPOST, "serve", "--config", self.file, "--console-socket", self.socket, *arguments],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self.log, text=True)
        self.printed, listening = [], threading.Event()

        def read():
            for line in self.child.stdout:
                self.printed.append(line)
                if line.startswith("listening on "):
                    listening.set()
            listening.set()

        threading.Thread(target=read, daemon=True).start()
        if not listening.wait(10) or self.child.poll() is not None:
            self.child.kill()
            sys.exit(f"FAILED: signpost does not listen:\n{self.said()}")

    def said(self):
        return Path(self.log.name).read_text(errors="replace")

    def reload(self, config):
        self.file.write_text(config)
        before = len(self.said())
        self.child.send_signal(signal.SIGHUP)
        eventually("reloaded", lambda: re.search("reloaded|reload refused", self.said()[before:]))
        if "reload refused" in self.said()[before:]:
            sys.exit(f"FAILED: a reload was refused:\n{self.said()[before:]}")

    def console(self, *commands):
        """Runs command lines at the console; what they printed."""
        words = [word for command in commands for word in ("-c", command)]
        ran = subprocess.run([SIGNPOST, "console", "--socket", self.socket, *words], stdin=subprocess.DEVNULL,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60)
        if ran.returncode:
            sys.exit(f"FAILED: {commands} ended with {ran.returncode}: {ran.stdout}")
        return ran.stdout

    def memory(self):
        """Proportional set size in bytes."""
        rollup = Path(f"/proc/{self.child.pid}/smaps_rollup").read_text()
        return int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1]) * 1024

    def __enter__(self):
        return self

    def __exit__(self, *_):
        alive = self.child.poll() is None
        self.child.terminate()
        try:
            status = self.child.wait(15)
        except subprocess.TimeoutExpired:
            self.child.kill()
            status = "killed: it did not end by itself"
        time.sleep(0.1)
        print("".join(line for line in self.printed if not line.startswith("listening on ")), end="")
        self.folder.cleanup()
        if not alive or status != 0:
            sys.exit(f"FAILED: signpost ended with {status}{'' if alive else ' in mid-run'}")


# Fails a run that saw an answer other than the wanted one; WANTED is a Lua pattern of status and Location.
CHECK = """
wrong, example = 0, ""
local threads = {{}}
function setup(thread) table.insert(threads, thread) end
function response(status, headers, body)
  local said = status .. " " .. (headers["Location"] or "")
  if not said:match("{wanted}") then wrong = wrong + 1; example = said end
end
function done(summary)
  local count, seen = 0, ""
  for _, thread in ipairs(threads) do
    count = count + thread:get("wrong")
    if thread:get("example") ~= "" then seen = thread:get("example") end
  end
  local e = summary.errors
  print(string.format("REQUESTS %d WRONG %d CONNECT %d READ %d WRITE %d TIMEOUT %d %s", summary.requests, count,
    e.connect, e.read, e.write, e.timeout, seen))
end
"""


class Load:
    """wrk on an address until `result`; each answer is compared with the Lua pattern `wanted`."""

    def __init__(self, address, wanted, seconds, connections=32, close=False):
        self.script = tempfile.NamedTemporaryFile("w", suffix=".lua")
        self.script.write(CHECK.format(wanted=wanted))
        self.script.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "-s", self.script.name, f"http://{address}/load"]
        if close:
            command[1:1] = ["-H", "Connection: close"]
        self.child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    def running(self):
        return self.child.poll() is None

    def result(self):
        """(requests, failed or wrong ones, the line that says so)."""
        said, _ = self.child.communicate()
        line = re.search(r"^REQUESTS.*$", said, re.M)
        if not line:
            sys.exit(f"FAILED: wrk said {said}")
        numbers = [int(number) for number in re.findall(r" (\d+)(?= [A-Z]| *$| )", line[0])][:6]
        return numbers[0], sum(numbers[1:6]), line[0]


NGINX = """
worker_processes 1; daemon off; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 4096; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
  uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  server {{ listen {address} backlog=4096; location / {{ return 200 "hello\\n"; }} }}
}}
"""


class Nginx:
    """An origin that can be killed and started again; use as a context."""

    def __init__(self):
        self.address, self.folder, self.child = free(), tempfile.TemporaryDirectory(prefix="signpost-origin-"), None
        os.chmod(self.folder.name, 0o755)
        self.file = Path(self.folder.name) / "conf"
        self.file.write_text(NGINX.format(folder=self.folder.name, address=self.address))
        self.start()

    def start(self):
        command = ["nginx", "-p", self.folder.name, "-c", self.file]
        self.child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
        eventually("nginx answers", lambda: answers(self.address))

    def kill(self):
        """SIGKILL to master and worker, which are a process group of their own."""
        os.killpg(self.child.pid, signal.SIGKILL)
        self.child.wait()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.kill()
        self.folder.cleanup()
