"""Processes with their CPU time and memory, and the load generators; each of these checks what it is answered."""
import os, re, signal, subprocess, sys
from pathlib import Path
from peers import HOST

HERE = Path(__file__).resolve().parent
SERVER_CORE, LOAD_CORE = "0", "1"


class Process:
    """A started program with all its children; ended by pid."""

    def __init__(self, core, command, log):
        self.log = open(log, "wb")
        self.child = subprocess.Popen(["taskset", "-c", core, *map(str, command)], stdin=subprocess.DEVNULL,
                                      stdout=self.log, stderr=subprocess.STDOUT)

    def pids(self):
        """The process and its children, which were forked before the load began."""
        found, wanted = [], [self.child.pid]
        while wanted:
            pid = wanted.pop()
            found.append(pid)
            try:
                for task in os.listdir(f"/proc/{pid}/task"):
                    wanted += map(int, Path(f"/proc/{pid}/task/{task}/children").read_text().split())
            except OSError:
                pass
        return found

    def cpu(self):
        """Time on the CPU of all threads of all its processes in seconds, to the nanosecond (utime + stime count in ticks of 10 ms)."""
        total = 0
        for file in [file for pid in self.pids() for file in Path(f"/proc/{pid}/task").glob("*/schedstat")]:
            try:
                total += int(file.read_text().split()[0])
            except OSError:
                pass  # a thread that ended just now
        return total / 1e9

    def memory(self):
        """Proportional set size of all its processes, in bytes."""
        total = 0
        for pid in self.pids():
            rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            total += int(re.search(r"^Pss:\s+(\d+) kB", rollup, re.M)[1]) * 1024
        return total

    def end(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGTERM)
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                for pid in self.pids():
                    os.kill(pid, signal.SIGKILL)
                self.child.wait()
        self.log.close()


class Wrong(Exception):
    """Other answers than the wanted ones: the round says nothing."""


def wrk(process, address, seconds, connections=64, path="/small", scheme="http", close=False, wanted=3):
    """(requests/s, µs of CPU a request), or None where clients timed out."""
    command = ["taskset", "-c", LOAD_CORE, "wrk", "-t1", f"-c{connections}", f"-d{seconds}s"]
    if close:
        command += ["-H", "Connection: close"]
    before = process.cpu()
    said = subprocess.run([*command, f"{scheme}://{address}{path}"], capture_output=True, text=True, check=True).stdout
    spent = process.cpu() - before
    count = int(re.search(r"(\d+) requests in", said)[1])
    if count == 0 or re.search(r"Socket errors: connect [1-9]|timeout [1-9]", said):
        return None
    if "Non-2xx or 3xx responses" in said:
        raise Wrong(f"other answers than {wanted}xx:\n{said}")
    return float(re.search(r"Requests/sec:\s+([\d.]+)", said)[1]), spent / count * 1e6


def h2load(process, address, seconds, scheme):
    """64 connections with 8 streams each; the host is asked for by name, so that SNI and authority agree."""
    command = ["taskset", "-c", LOAD_CORE, "h2load", "-t1", "-c64", "-m8", f"-D{seconds}", f"--connect-to={address}"]
    before = process.cpu()
    said = subprocess.run([*command, f"{scheme}://{HOST}/small"], capture_output=True, text=True, check=True).stdout
    spent = process.cpu() - before
    done = int(re.search(r"(\d+) done", said)[1])
    redirects = int(re.search(r"(\d+) 3xx", said)[1])
    failed = int(re.search(r"(\d+) failed", said)[1])
    if "Application protocol: h2" not in said or redirects < done or done == 0 or failed:
        raise Wrong(f"not every answer by HTTP/2 was a redirect:\n{said}")
    return redirects / seconds, spent / redirects * 1e6


def told(process, command, meanwhile=lambda: None):
    """Runs a generator that says `ready` and waits to be told; CPU from there to its end, and what it counted."""
    child = subprocess.Popen(["taskset", "-c", LOAD_CORE, *map(str, command)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        if child.stdout.readline() != "ready\n":
            raise Wrong("the load does not begin")
        before = process.cpu()
        meanwhile()
        said, _ = child.communicate("\n")
        spent = process.cpu() - before
    finally:
        if child.poll() is None:
            child.kill()
    found = re.search(r"DONE (\d+) WRONG (\d+) FAILED (\d+) REUSED (\d+)(?: SECONDS ([\d.]+))?", said)
    if not found:
        raise Wrong(f"the load ended without a word: {said}")
    done, wrong, failed, reused = map(int, found.groups()[:4])
    if wrong or failed > done / 1000 or not done:
        raise Wrong(f"not every answer was the wanted one: {said}")
    return done, reused, float(found[5] or 0), spent


def handshakes(bench, process, address, seconds, mode, group):
    """Connections with one redirect each, by TLS 1.3."""
    done, reused, took, spent = told(process, [bench.handshakes, mode, *address.split(":"), HOST, group, 32, seconds])
    if (reused < done * 0.99) if mode == "resumed" else reused:
        raise Wrong(f"{reused} of {done} connections were resumed in mode {mode}")
    return done / took, spent / done * 1e6


def objects(process, address, seconds, path, size, connections, mode="keep"):
    command = [sys.executable, HERE / "objects.py", mode, address, path, size, connections, seconds]
    done, _, took, spent = told(process, command)
    return done / took, spent / done * 1e6


def idle(bench, process, address, mode, count):
    """Bytes of memory that each of `count` idle connections costs, after one request on each; 100 others came and went before."""
    seen = []

    def look():
        bench.settled()
        seen.append(process.memory())

    def hold(number, meanwhile):
        done, _, _, _ = told(process, [bench.handshakes, mode, *address.split(":"), HOST, "X25519", 64, number], meanwhile)
        if done != number:
            raise Wrong(f"{done} of {number} idle connections came about")

    hold(100, look)
    bench.settled()
    seen, before = [], process.memory()
    hold(count, look)
    return (seen[0] - before) / count
