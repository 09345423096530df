# Two stages: the toolchain builds, a slim image runs. Build: docker build -t signpost .
# Run: docker run --rm -p 80:8080 -v "$PWD/startup-config:/etc/signpost/startup-config:ro" signpost
FROM rust:1.95-slim-bookworm AS build
WORKDIR /signpost
COPY . .
RUN cargo build --release --locked --bin signpost \
 && strip target/release/signpost

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home --shell /usr/sbin/nologin signpost \
 && mkdir /etc/signpost
COPY --from=build /signpost/target/release/signpost /usr/local/bin/signpost
# Not root, so let the configuration listen on ports from 1024 up (`virtual 0.0.0.0:8080`) and publish them as 80.
# To listen below 1024 itself, as with --network host: docker run --sysctl net.ipv4.ip_unprivileged_port_start=80 …
USER 10001:10001
EXPOSE 8080
# SIGHUP reloads, SIGTERM drains: `docker kill --signal HUP NAME`, `docker stop --time 15 NAME`.
STOPSIGNAL SIGTERM
ENTRYPOINT ["signpost"]
CMD ["serve"]
