# Two stages: the toolchain builds, a slim image runs. Build: docker build -t signpost .
# Run: docker run --rm --name signpost -p 80:8080 -p 443:8443 -v "$PWD/signpost:/etc/signpost" signpost
# with `startup-config` and the files of certificates in that folder. `write memory`, the archive, ACME and SSH's host key write there: it has to belong to 10001.
# The console: docker exec -it signpost signpost console
FROM rust:1.95-slim-bookworm AS build
# For jemalloc.
RUN apt-get update && apt-get install -y --no-install-recommends make && rm -rf /var/lib/apt/lists/*
WORKDIR /signpost
COPY . .
RUN cargo build --release --locked --bin signpost \
 && strip target/release/signpost

FROM debian:bookworm-slim
# The certificate authorities by which servers (`tls`), probes (`https … verify`) and ACME's authorities are checked.
RUN apt-get update && apt-get install -y --no-install-recommends ca-certificates && rm -rf /var/lib/apt/lists/*
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin signpost \
 && install -d -o 10001 -g 10001 -m 0750 /etc/signpost /run/signpost
COPY --from=build /signpost/target/release/signpost /usr/local/bin/signpost
# Not root, so let the configuration listen on ports from 1024 up (`virtual 0.0.0.0:8080`, `virtual 0.0.0.0:8443`) and publish them as 80 and 443. A url says the published port.
# To listen below 1024 itself: docker run --sysctl net.ipv4.ip_unprivileged_port_start=80 …; with --network host that is the host's to set.
# `inline` and `transparent` need the host's network and rights: run those from a unit of the host's (docs/inline.md), not from here.
USER 10001:10001
EXPOSE 8080 8443
# SIGHUP reloads, SIGTERM drains: `docker kill --signal HUP NAME`, `docker stop --time 15 NAME`. Upgrades of containers: docs/upgrade.md.
STOPSIGNAL SIGTERM
ENTRYPOINT ["signpost"]
CMD ["serve"]
