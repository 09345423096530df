//! Black-box tests: the binary as an operator starts it, against clients and origins that see every byte.

#[path = "../support/mod.rs"]
mod support;

mod access_log;
#[cfg(feature = "tls")]
mod acme;
mod bind_errors;
mod came_back;
#[cfg(feature = "tls")]
mod certificates;
mod clients;
mod clients_address;
mod console;
mod console_abuse;
mod console_newcomer;
#[cfg(feature = "ssh")]
mod console_ssh;
mod console_telnet;
mod cookies;
mod descriptors;
mod exposition;
mod failover;
mod forward;
mod forwarded_fields;
mod health;
mod http2;
mod http2_clients;
mod limits;
mod malformed;
mod metrics;
mod misbehaving_origins;
mod pass;
mod probes;
mod queue;
mod redirect;
mod reload;
mod shutdown;
mod systemd;
#[cfg(feature = "tls")]
mod tls;
mod upgrade;
mod upgrades;
#[cfg(feature = "tls")]
mod upstream;
