"""What is measured: who takes part, by which load, and which bounds hold."""
from dataclasses import dataclass
import loads, peers

# Signpost without the features, where it runs beside itself.
BARE = "Signpost without them"
EPOLL = "bare epoll loop"


@dataclass
class Target:
    label: str
    server: dict  # at, process, command
    address: str

    @property
    def process(self):
        return self.server["process"]


@dataclass
class Scenario:
    """`bounds`: Signpost's figure at most so many times the best peer's (`peer`) or the bare loop's (`epoll`), or so many bytes."""
    name: str
    title: str
    key: str  # the endpoint of the peers
    load: object  # (bench, process, address, seconds or count) → figures
    bounds: dict
    ours: str = ""  # Signpost's endpoint, where it is another
    epoll: bool = False
    is_idle: bool = False
    needs_group: bool = False
    also: tuple = ()  # further (label, peer, endpoint)
    unit: str = "request"

    def skipped(self, bench):
        if self.needs_group and not bench.new_groups:
            return "as the load generator's TLS library has no such group"
        if "signpost" in bench.servers and not self.is_known(bench):
            if bench.options.only is None:
                return f"as `{bench.options.signpost} check` knows no statement for it (--only {self.name} measures the peers)"
        return None

    def is_known(self, bench):
        """Whether Signpost's statements for this are there."""
        needed = {self.key} & {"ecdsa", "rsa", "h2c"} | ({"h2c"} if "h2" in self.name else set())
        return needed <= bench.can

    def targets(self, bench):
        found = []
        ours = [("featured", "Signpost"), ("signpost", BARE)] if bench.options.features else [("signpost", "Signpost")]
        for name, label in ours:
            if name in bench.servers and self.is_known(bench):
                found.append(self.target(bench, name, label, self.ours or self.key))
        for name, (label, _, _) in peers.PEERS.items():
            if name not in bench.servers or self.needs_group and name not in ("envoy", "caddy"):
                continue
            # HAProxy's `server … redir` closes after each answer.
            key = "closing" if name.startswith("haproxy") and self.key == "redirect" else self.key
            found.append(self.target(bench, name, label, key))
        for label, name, key in self.also:
            if name in bench.servers:
                found.append(self.target(bench, name, label, key))
        if self.epoll:
            found.append(self.target(bench, "epoll", EPOLL, "redirect"))
        return found

    @staticmethod
    def target(bench, name, label, key):
        return Target(label, bench.servers[name], bench.servers[name]["at"][key])

    def table(self, results, counts):
        """The Markdown rows, and each bound with whether it holds; the ratio is to the best peer (the bare loop is no peer)."""
        rivals = {label: figure for label, figure in results.items() if not label.startswith("Signpost") and label != EPOLL}
        if self.is_idle:
            heads = " | ".join(f"{count:,}" for count in counts)
            lines = [f"\n| {self.title}, KiB at | {heads} |", "| --- |" + " ---: |" * len(counts)]
            lines += [f"| {label} | " + " | ".join(f"{size / 1024:.2f}" for size in sizes) + " |" for label, sizes in results.items()]
            worst = max(results["Signpost"]) if "Signpost" in results else None
            checks = [(f"at most {self.bounds['bytes'] / 1024:g} KiB", worst / 1024, self.bounds["bytes"] / 1024)] if worst is not None and self.bounds else []
            if worst is not None and len(counts) > 1:
                checks.append(("most ÷ least of these (linear)", worst / max(min(results["Signpost"]), 1), 1.25))
        else:
            best = min((figure[1] for figure in rivals.values()), default=None)
            lines = [f"\n| {self.title} | {self.unit}s/s | CPU µs/{self.unit} | × best peer |", "| --- | ---: | ---: | ---: |"]
            lines += [f"| {label} | {rate:,.0f} | {cpu:.2f} | {f'{cpu / best:.3g}' if best else ''} |" for label, (rate, cpu, _) in results.items()]
            ours, checks = results.get("Signpost"), []
            if ours and best and "peer" in self.bounds:
                checks.append((f"≤ {self.bounds['peer']:g} × best peer", ours[1] / best, self.bounds["peer"]))
            if ours and EPOLL in results and "epoll" in self.bounds:
                checks.append((f"≤ {self.bounds['epoll']:g} × {EPOLL}", ours[1] / results[EPOLL][1], self.bounds["epoll"]))
            if self.unit == "object":
                lines.append("")
                lines += [f"{label}: {cpu * 1e9 / (1 << 20) / 1e6:.4f} s of CPU a gigabyte" for label, (_, cpu, _) in results.items()]
            if BARE in results:
                lines.append(f"\nwith the features ÷ without: {ours[1] / results[BARE][1]:.2f}")
        verdicts = [{"bound": what, "found": found, "limit": limit, "holds": found <= limit} for what, found, limit in checks]
        if verdicts:
            lines.append("")
        lines += [f"bound {verdict['bound']}: {verdict['found']:.3g}, {'pass' if verdict['holds'] else 'FAIL'}" for verdict in verdicts]
        return "\n".join(lines), verdicts


def by_wrk(**words):
    return lambda bench, process, address, seconds: loads.wrk(process, address, seconds, **words)


def by_h2load(scheme):
    return lambda bench, process, address, seconds: loads.h2load(process, address, seconds, scheme)


def by_handshakes(mode, group="X25519"):
    return lambda bench, process, address, seconds: loads.handshakes(bench, process, address, seconds, mode, group)


def by_objects(path, size, connections, mode="keep"):
    return lambda bench, process, address, seconds: loads.objects(process, address, seconds, path, size, connections, mode)


def by_idle(mode):
    return lambda bench, process, address, count: loads.idle(bench, process, address, mode, count)


REDIR = ("HAProxy 2.6 `server … redir` (always closes)", "haproxy", "redirect")
MIB = 1 << 20
SCENARIOS = {scenario.name: scenario for scenario in [
    Scenario("keepalive", "redirect, keep-alive", "redirect", by_wrk(), {"peer": 0.82, "epoll": 1.08}, epoll=True, also=(REDIR,)),
    Scenario("close", "redirect, new connection each", "redirect", by_wrk(close=True), {"peer": 0.88, "epoll": 1.0}, ours="closing", epoll=True, also=(REDIR,)),
    Scenario("tls-ecdsa", "redirect, full TLS 1.3 handshake each, ECDSA P-256, X25519", "ecdsa", by_handshakes("full"), {"peer": 0.45}),
    Scenario("tls-rsa", "redirect, full TLS 1.3 handshake each, RSA-2048, X25519", "rsa", by_handshakes("full"), {"peer": 0.45}),
    Scenario("tls-pq", "redirect, full TLS 1.3 handshake each, ECDSA P-256, X25519MLKEM768", "ecdsa", by_handshakes("full", "X25519MLKEM768"), {}, needs_group=True),
    Scenario("tls-resumed", "redirect, resumed TLS 1.3 handshake each, ECDSA P-256, X25519", "ecdsa", by_handshakes("resumed"), {"peer": 0.60}),
    Scenario("tls-keepalive", "redirect, TLS keep-alive", "ecdsa", by_wrk(scheme="https"), {}),
    Scenario("h2", "redirect, HTTP/2 by TLS", "ecdsa", by_h2load("https"), {"peer": 0.80}),
    Scenario("h2c", "redirect, HTTP/2 in cleartext", "h2c", by_h2load("http"), {"peer": 0.80}),
    Scenario("small", "forward, small answer", "forward", by_wrk(wanted=2), {"peer": 0.85}),
    Scenario("large", "forward, 1 MiB", "forward", by_wrk(path="/large", connections=16, wanted=2), {"peer": 0.50}),
    Scenario("huge", "forward, 100 MiB", "forward", by_objects("/huge", 100 * MIB, 4), {"peer": 0.50}),
    Scenario("objects", "1 MiB objects, clients with keep-alive", "forward", by_objects("/large", MIB, 16), {"peer": 1 / 50}, ours="objects", unit="object"),
    Scenario("objects-close", "1 MiB objects, new connections for each", "forward", by_objects("/large", MIB, 16, "close"), {"peer": 1 / 50},
             ours="objects_closing", unit="object"),
    Scenario("objects-visit", "1 MiB objects, visits of ten, each with a new connection", "forward", by_objects("/large", MIB, 16, "visit"), {"peer": 1 / 50},
             ours="objects_closing", unit="object"),
    Scenario("idle", "memory of an idle connection", "redirect", by_idle("idle"), {"bytes": 1024}, epoll=True, is_idle=True),
    Scenario("idle-tls", "memory of an idle TLS connection", "ecdsa", by_idle("idle-tls"), {"bytes": 12 * 1024}, is_idle=True),
    Scenario("idle-h2", "memory of an idle HTTP/2 connection", "h2c", by_idle("idle-h2"), {"bytes": 8 * 1024}, is_idle=True),
    Scenario("idle-h2-tls", "memory of an idle HTTP/2 connection by TLS", "ecdsa", by_idle("idle-h2-tls"), {}, is_idle=True),
]}
