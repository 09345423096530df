"""Web servers of Debian as origins of `odd-requests`: each answers with the target that it saw, and logs each request line.

A server that is not installed is left out with a word; `PACKAGES` names them all.
"""
import os, shutil, signal, subprocess, sys, tempfile, time
from pathlib import Path
from farm import answers, free, split

PACKAGES = ("nginx-light apache2 lighttpd haproxy h2o varnish nodejs golang-go gunicorn uvicorn python3-hypercorn "
            "python3-waitress python3-cheroot python3-tornado puma starman default-jdk-headless caddy")
PYTHON = "/usr/bin/python3"  # Debian's, for Debian's modules

NGINX = """daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error crit;
events {{ worker_connections 1024; }}
http {{
  log_format line '$request'; access_log {log} line;
  client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_max_body_size 0;
  server {{ listen {address}; location / {{ return 200 "$request_uri\\n"; }} }}
}}
"""
APACHE = """ServerRoot {folder}
ServerName origin.example
Listen {address}
PidFile {folder}/pid
ErrorLog {folder}/error
LoadModule mpm_event_module /usr/lib/apache2/modules/mod_mpm_event.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule headers_module /usr/lib/apache2/modules/mod_headers.so
User nobody
Group nogroup
LogFormat "%r" line
CustomLog {log} line
DocumentRoot {folder}/empty
<Directory />
  AllowOverride None
</Directory>
AllowEncodedSlashes NoDecode
Header always set X-Seen "expr=%{{REQUEST_URI}}"
ErrorDocument 404 "none"
"""
LIGHTTPD = """server.document-root = "{folder}"
server.bind = "{ip}"
server.port = {port}
server.errorlog = "{folder}/error"
server.modules = ("mod_redirect", "mod_accesslog")
accesslog.filename = "{log}"
accesslog.format = "%r"
url.redirect-code = 302
url.redirect = ("^(.*)$" => "http://seen.example$1")
"""
HAPROXY = """global
  log stdout format raw local0
defaults
  mode http
  log global
  log-format "%r"
  timeout client 60s
  timeout server 60s
  timeout connect 3s
frontend f
  bind {address}
  option http-buffer-request
  http-request return status 200 content-type text/plain lf-string "%[path]"
"""
H2O = """listen:
  host: {ip}
  port: {port}
error-log: {folder}/error
access-log:
  path: {log}
  format: "%r"
hosts:
  default:
    paths:
      /:
        redirect:
          url: http://seen.example/
          status: 302
"""
VARNISH = """vcl 4.1;
import std;
backend none none;
sub vcl_recv {{ return (synth(200, "OK")); }}
sub vcl_synth {{ set resp.http.X-Seen = req.url; return (deliver); }}
"""
CADDY = """{{
  admin off
  auto_https off
}}
http://:{port} {{
  bind {ip}
  log {{
    output file {log}
    format json
  }}
  respond "{{http.request.uri}}" 200
}}
"""
WSGI = """
import os
log = open(os.environ["LOG"], "ab", buffering=0)
def app(environ, start_response):
    target = environ["PATH_INFO"] + "?" + environ.get("QUERY_STRING", "")
    log.write((environ["REQUEST_METHOD"] + " " + target + "\\n").encode("utf-8", "replace"))
    try:
        length = len(environ["wsgi.input"].read()) if environ.get("wsgi.input_terminated") or environ.get("CONTENT_LENGTH") else 0
    except Exception as error:
        length = repr(error)
    start_response("200 OK", [("Content-Type", "text/plain"), ("X-Body", str(length)[:60])])
    return [b"" if environ["REQUEST_METHOD"] == "HEAD" else target.encode("utf-8", "replace")]
"""
ASGI = """
import os
log = open(os.environ["LOG"], "ab", buffering=0)
async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            kind = (await receive())["type"]
            await send({"type": kind + ".complete"})
            if kind == "lifespan.shutdown":
                return
    if scope["type"] != "http":
        log.write(b"websocket " + scope["raw_path"] + b"\\n")
        return await send({"type": "websocket.close"})
    target = scope["raw_path"] + b"?" + scope["query_string"]
    log.write(scope["method"].encode() + b" " + target + b"\\n")
    more = True
    while more:
        event = await receive()
        if event["type"] == "http.disconnect":
            return
        more = event.get("more_body")
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": target})
"""
STANDARD = """
import http.server, os, sys
log = open(os.environ["LOG"], "ab", buffering=0)
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def answer(self):
        log.write(self.raw_requestline.strip() + b"\\n")
        if self.headers.get("Transfer-Encoding"):
            while size := int(self.rfile.readline().split(b";")[0], 16):
                self.rfile.read(size + 2)
            while self.rfile.readline().strip():
                pass
        else:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
        data = self.path.encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.answer
        raise AttributeError(name)
    def log_message(self, *_):
        pass
http.server.ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Handler).serve_forever()
"""
CHEROOT = "import sys, app\nfrom cheroot.wsgi import Server\nServer((sys.argv[1], int(sys.argv[2])), app.app, numthreads=8).start()\n"
TORNADO = """
import os, sys, tornado.httpserver, tornado.ioloop
log = open(os.environ["LOG"], "ab", buffering=0)
def answer(request):
    log.write((request.method + " " + request.uri + "\\n").encode("utf-8", "replace"))
    data = request.uri.encode("utf-8", "replace")
    from tornado.httputil import ResponseStartLine, HTTPHeaders
    request.connection.write_headers(ResponseStartLine("HTTP/1.1", 200, "OK"), HTTPHeaders({"Content-Length": str(len(data))}))
    if request.method != "HEAD":
        request.connection.write(data)
    request.connection.finish()
tornado.httpserver.HTTPServer(answer).listen(int(sys.argv[2]), sys.argv[1])
tornado.ioloop.IOLoop.current().start()
"""
NODE = """
const log = require("fs").openSync(process.env.LOG, "a"), write = text => require("fs").writeSync(log, text + "\\n");
const server = require("http").createServer((request, response) => {
  write(request.method + " " + request.url);
  request.on("data", () => {}).on("end", () => response.end(request.url));
});
server.on("upgrade", (request, socket) => { write("UPGRADE " + request.url); socket.end("HTTP/1.1 400 No\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n"); });
server.on("clientError", (error, socket) => { write("broken: " + error.code); socket.end("HTTP/1.1 400 Bad\\r\\nConnection: close\\r\\nContent-Length: 0\\r\\n\\r\\n"); });
server.keepAliveTimeout = 60000;
server.listen(+process.argv[3], process.argv[2]);
"""
GO = """package main
import ("io"; "net/http"; "os")
func main() {
  log, _ := os.OpenFile(os.Getenv("LOG"), os.O_APPEND|os.O_WRONLY|os.O_CREATE, 0644)
  http.ListenAndServe(os.Args[1] + ":" + os.Args[2], http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
    log.WriteString(r.Method + " " + r.RequestURI + "\\n")
    io.Copy(io.Discard, r.Body)
    io.WriteString(w, r.RequestURI)
  }))
}
"""
PUMA = """
log = File.open(ENV["LOG"], "ab"); log.sync = true
run lambda { |env|
  target = env["PATH_INFO"].to_s + "?" + env["QUERY_STRING"].to_s
  log.write(env["REQUEST_METHOD"] + " " + target + "\\n")
  env["rack.input"].read
  [200, {"Content-Type" => "text/plain"}, env["REQUEST_METHOD"] == "HEAD" ? [] : [target]]
}
"""
PSGI = """
use IO::Handle;
open(my $log, ">>", $ENV{LOG}); $log->autoflush(1);
sub {
  my $env = shift;
  print $log $env->{REQUEST_METHOD} . " " . $env->{REQUEST_URI} . "\\n";
  my $body; 1 while $env->{"psgi.input"}->read($body, 65536);
  return [200, ["Content-Type" => "text/plain"], [$env->{REQUEST_METHOD} eq "HEAD" ? () : $env->{REQUEST_URI}]];
};
"""
JAVA = """
import com.sun.net.httpserver.*;
import java.io.*;
import java.net.*;
public class Origin {
  public static void main(String[] words) throws Exception {
    var log = new FileOutputStream(System.getenv("LOG"), true);
    var server = HttpServer.create(new InetSocketAddress(words[0], Integer.parseInt(words[1])), 64);
    server.setExecutor(java.util.concurrent.Executors.newFixedThreadPool(8));
    server.createContext("/", exchange -> {
      String target = exchange.getRequestURI().toString();
      synchronized (log) { log.write((exchange.getRequestMethod() + " " + target + "\\n").getBytes()); }
      exchange.getRequestBody().readAllBytes();
      byte[] data = target.getBytes();
      boolean head = exchange.getRequestMethod().equals("HEAD");
      exchange.sendResponseHeaders(200, head ? -1 : data.length);
      if (!head) exchange.getResponseBody().write(data);
      exchange.close();
    });
    server.start();
  }
}
"""


def python(source, *modules):
    return lambda origin: [PYTHON, origin.file("origin.py", source), *split(origin.address)], {"PYTHONDONTWRITEBYTECODE": "1"}


def built_go(origin):
    origin.file("origin.go", GO)
    subprocess.run(["go", "build", "-o", origin.folder / "origin", "origin.go"], cwd=origin.folder, check=True,
                   env=os.environ | {"GOCACHE": str(origin.folder / "cache"), "GOFLAGS": "-mod=mod", "GO111MODULE": "off", "HOME": str(origin.folder)})
    return [origin.folder / "origin", *split(origin.address)]


def file_of(template, name, *before, after=()):
    """A server that takes a configuration file."""
    return lambda origin: [*before, origin.file(name, template.format(**origin.values())), *after]


def wsgi(*words):
    def command(origin):
        origin.file("app.py", WSGI)
        return [str(word).format(**origin.values()) for word in words]
    return command


def asgi(*words):
    def command(origin):
        origin.file("app.py", ASGI)
        return [str(word).format(**origin.values()) for word in words]
    return command


def cheroot(origin):
    origin.file("app.py", WSGI)
    return [PYTHON, origin.file("origin.py", CHEROOT), *split(origin.address)]


def varnish(origin):
    return ["varnishd", "-F", "-n", origin.folder / "v", "-a", origin.address, "-f", origin.file("origin.vcl", VARNISH.format()), "-s", "malloc,32m"]


def puma(origin):
    return ["puma", "--quiet", "-t", "8:8", "-b", f"tcp://{origin.address}", origin.file("config.ru", PUMA)]


# name → (program that must be here, python module that must be here, command)
ORIGINS = {
    "nginx": ("nginx", None, lambda origin: ["nginx", "-p", origin.folder, "-c", origin.file("conf", NGINX.format(**origin.values()))]),
    "apache": ("apache2", None, file_of(APACHE, "conf", "apache2", "-DFOREGROUND", "-f")),
    "lighttpd": ("lighttpd", None, file_of(LIGHTTPD, "conf", "lighttpd", "-D", "-f")),
    "haproxy": ("haproxy", None, file_of(HAPROXY, "conf", "haproxy", "-db", "-f")),
    "h2o": ("h2o", None, file_of(H2O, "conf", "h2o", "-c")),
    "varnish": ("varnishd", None, varnish),
    "caddy": ("caddy", None, file_of(CADDY, "Caddyfile", "caddy", "run", "--adapter", "caddyfile", "--config")),
    "node": ("node", None, lambda origin: ["node", origin.file("origin.js", NODE), *split(origin.address)]),
    "go": ("go", None, built_go),
    "java": ("java", None, lambda origin: ["java", origin.file("Origin.java", JAVA), *split(origin.address)]),
    "python": (PYTHON, None, lambda origin: [PYTHON, origin.file("origin.py", STANDARD), *split(origin.address)]),
    # Its threads spin for ever at a chunked body that is cut; workers of one request are ended after the timeout.
    "gunicorn": ("gunicorn", None, wsgi("gunicorn", "-w", "8", "--timeout", "5", "-b", "{address}", "app:app")),
    "waitress": (PYTHON, "waitress", wsgi(PYTHON, "-m", "waitress", "--listen={address}", "--threads=8", "app:app")),
    "cheroot": (PYTHON, "cheroot", cheroot),
    "uvicorn": ("uvicorn", None, asgi("uvicorn", "--http", "h11", "--no-access-log", "--timeout-keep-alive", "60", "--log-level", "error", "--host", "{ip}", "--port", "{port}", "app:app")),
    "hypercorn": (PYTHON, "hypercorn", asgi(PYTHON, "-m", "hypercorn", "-b", "{address}", "app:app")),
    "tornado": (PYTHON, "tornado", lambda origin: [PYTHON, origin.file("origin.py", TORNADO), *split(origin.address)]),
    "puma": ("puma", None, puma),
    "starman": ("starman", None, lambda origin: ["starman", "--workers", "8", "--listen", origin.address, origin.file("app.psgi", PSGI)]),
}


class Origin:
    """One of the servers, running; `end()` gives what it logged."""

    def __init__(self, name):
        self.name, self.address = name, free()
        self.keeper = tempfile.TemporaryDirectory(prefix=f"signpost-{name}-")
        self.folder = Path(self.keeper.name)
        self.folder.chmod(0o777)
        (self.folder / "empty").mkdir()
        self.log = self.folder / "log"
        self.log.touch()
        self.log.chmod(0o666)
        self.said = open(self.folder / "said", "wb")
        command = ORIGINS[name][2](self)
        environment = {"LOG": str(self.log), "PYTHONPATH": str(self.folder), "HOME": str(self.folder), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}
        self.helper = None
        self.child = subprocess.Popen(list(map(str, command)), stdin=subprocess.DEVNULL, stdout=self.log.open("ab") if name == "haproxy" else self.said,
                                      stderr=self.said, cwd=self.folder, env=environment, start_new_session=True)

    def file(self, name, text):
        (self.folder / name).write_text(text)
        return self.folder / name

    def values(self):
        ip, port = split(self.address)
        return {"address": self.address, "ip": ip, "port": port, "folder": self.folder, "log": self.log}

    def is_up(self, seconds=40):
        end = time.monotonic() + seconds
        while not answers(self.address, "/up"):
            if self.child.poll() is not None or time.monotonic() > end:
                print(f"{self.name} does not answer:\n{(self.folder / 'said').read_text(errors='replace')[-2000:]}", file=sys.stderr)
                return False
            time.sleep(0.05)
        if self.name == "varnish":
            self.helper = subprocess.Popen(["varnishncsa", "-n", self.folder / "v", "-F", "%r", "-w", self.log], stdin=subprocess.DEVNULL,
                                           stdout=self.said, stderr=self.said, start_new_session=True)
        return True

    def lines(self):
        """What it logged so far."""
        return [line.decode(errors="replace") for line in self.log.read_bytes().splitlines()]

    def end(self):
        """What it logged; all of it, as some write late."""
        if self.helper:
            time.sleep(1.5)
        for child in filter(None, (self.helper, self.child)):
            if child.poll() is None:
                os.killpg(child.pid, signal.SIGTERM)
                try:
                    child.wait(5)
                except subprocess.TimeoutExpired:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
        lines = self.lines()
        self.said.close()
        self.keeper.cleanup()
        return lines


def is_here(name):
    program, module, _ = ORIGINS[name]
    if not shutil.which(program):
        return False
    return not module or subprocess.run([PYTHON, "-c", f"import {module}"], stderr=subprocess.DEVNULL).returncode == 0


if __name__ == "__main__":
    for name in sys.argv[1:] or ORIGINS:
        if not is_here(name):
            print(name, "is not installed")
            continue
        origin = Origin(name)
        print(name, "up" if origin.is_up() else "NOT up")
        print("   ", origin.end()[-1:])
