//! What each statement means and how it is printed back: one file a statement or small family.
//!
//! A file's `apply` changes the model under construction as its line says, `no` form included; its `print` writes the lines that
//! bring about what the model holds. The order of [`print`] is the canonical one.

mod access_log;
mod acme;
mod all_down;
mod autounfail;
mod backup;
mod bind;
mod bounce;
mod bounceback;
mod capacity;
mod certificate;
mod client_certificates;
mod console;
mod console_exec;
mod console_sessions;
mod console_timeout;
mod decay;
mod description;
mod dip;
mod enable;
mod error_threshold;
mod freebind;
mod hostname;
mod http2;
mod inline;
mod keepalive;
mod limit;
mod link;
mod listen;
mod maxconns;
mod metrics;
mod name;
mod pass;
mod path;
mod predictor;
mod priority;
mod probe;
mod promise;
mod proxy_protocol;
mod queue;
mod real;
mod retry;
mod returns;
mod service;
mod speech;
mod sticky;
mod telnet;
mod threshold;
mod ticket_key;
mod timeout;
mod tls;
mod tls_versions;
mod transparent;
mod trusted_proxy;
mod url;
mod username;
mod virtual_server;
mod watch;
mod weight;

use super::draft::{Draft, Said};
use super::print::Printer;
use crate::language::{Line, Rule, Word};

/// What is printed of a model, in this order.
pub(super) const PRINT: [fn(&mut Printer<'_>); 56] = [
    hostname::print,
    name::print,
    virtual_server::print,
    real::print,
    dip::print,
    url::print,
    bind::print,
    link::print,
    backup::print,
    listen::print,
    probe::print,
    watch::print,
    predictor::print,
    sticky::print,
    returns::print,
    keepalive::print,
    bounce::print,
    all_down::print,
    bounceback::print,
    queue::print,
    proxy_protocol::print,
    certificate::print,
    tls::print,
    tls_versions::print,
    client_certificates::print,
    http2::print,
    weight::print,
    maxconns::print,
    capacity::print,
    priority::print,
    promise::print,
    decay::print,
    threshold::print,
    error_threshold::print,
    retry::print,
    autounfail::print,
    timeout::print,
    transparent::print,
    pass::print,
    inline::print,
    freebind::print,
    trusted_proxy::print,
    ticket_key::print,
    acme::print,
    limit::print,
    metrics::print,
    access_log::print,
    console::print,
    telnet::print,
    console_sessions::print,
    console_timeout::print,
    console_exec::print,
    enable::print,
    username::print,
    description::print,
    service::print,
];

/// Applies one line. `name` lines have been applied before all others, by [`apply_name`].
pub(super) fn apply(draft: &mut Draft<'_>, line: Line<'_>) {
    match line.rule {
        Rule::r#virtual | Rule::no_virtual => virtual_server::apply(draft, line),
        Rule::listen | Rule::no_listen => listen::apply(draft, line),
        Rule::real | Rule::no_real => real::apply(draft, line),
        Rule::url | Rule::no_url => url::apply(draft, line),
        Rule::dip | Rule::no_dip => dip::apply(draft, line),
        Rule::bind | Rule::no_bind => bind::apply(draft, line),
        Rule::link | Rule::no_link => link::apply(draft, line),
        Rule::backup | Rule::no_backup => backup::apply(draft, line),
        Rule::in_service | Rule::no_in_service | Rule::out_of_service | Rule::no_out_of_service => {
            service::apply(draft, line);
        }
        Rule::predictor | Rule::no_predictor => predictor::apply(draft, line),
        Rule::weight | Rule::no_weight => weight::apply(draft, line),
        Rule::maxconns | Rule::no_maxconns => maxconns::apply(draft, line),
        Rule::threshold | Rule::no_threshold => threshold::apply(draft, line),
        Rule::retry | Rule::no_retry => retry::apply(draft, line),
        Rule::autounfail | Rule::no_autounfail => autounfail::apply(draft, line),
        Rule::timeout | Rule::no_timeout => timeout::apply(draft, line),
        Rule::capacity | Rule::no_capacity => capacity::apply(draft, line),
        Rule::priority | Rule::no_priority => priority::apply(draft, line),
        Rule::promise | Rule::no_promise => promise::apply(draft, line),
        Rule::decay | Rule::no_decay => decay::apply(draft, line),
        Rule::error_threshold | Rule::no_error_threshold => error_threshold::apply(draft, line),
        Rule::probe | Rule::no_probe => probe::apply(draft, line),
        Rule::watch | Rule::no_watch => watch::apply(draft, line),
        Rule::sticky | Rule::no_sticky => sticky::apply(draft, line),
        Rule::returns | Rule::no_returns => returns::apply(draft, line),
        Rule::proxy_protocol | Rule::no_proxy_protocol => proxy_protocol::apply(draft, line),
        Rule::certificate | Rule::no_certificate => certificate::apply(draft, line),
        Rule::tls | Rule::no_tls => tls::apply(draft, line),
        Rule::tls_versions | Rule::no_tls_versions => tls_versions::apply(draft, line),
        Rule::client_certificates | Rule::no_client_certificates => {
            client_certificates::apply(draft, line);
        }
        Rule::http2 | Rule::no_http2 => http2::apply(draft, line),
        Rule::bounce | Rule::no_bounce => bounce::apply(draft, line),
        Rule::all_down | Rule::no_all_down => all_down::apply(draft, line),
        Rule::bounceback | Rule::no_bounceback => bounceback::apply(draft, line),
        Rule::queue | Rule::no_queue => queue::apply(draft, line),
        Rule::trusted_proxy | Rule::no_trusted_proxy => trusted_proxy::apply(draft, line),
        Rule::ticket_key | Rule::no_ticket_key => ticket_key::apply(draft, line),
        Rule::acme | Rule::no_acme => acme::apply(draft, line),
        Rule::metrics | Rule::no_metrics => metrics::apply(draft, line),
        Rule::access_log | Rule::no_access_log => access_log::apply(draft, line),
        Rule::console | Rule::no_console => console::apply(draft, line),
        Rule::telnet | Rule::no_telnet => telnet::apply(draft, line),
        Rule::username | Rule::no_username => username::apply(draft, line),
        Rule::enable | Rule::no_enable => enable::apply(draft, line),
        Rule::console_sessions | Rule::no_console_sessions => console_sessions::apply(draft, line),
        Rule::console_timeout | Rule::no_console_timeout => console_timeout::apply(draft, line),
        Rule::console_exec | Rule::no_console_exec => console_exec::apply(draft, line),
        Rule::keepalive | Rule::no_keepalive => keepalive::apply(draft, line),
        Rule::inline | Rule::no_inline => inline::apply(draft, line),
        Rule::transparent | Rule::no_transparent => transparent::apply(draft, line),
        Rule::freebind | Rule::no_freebind => freebind::apply(draft, line),
        Rule::pass | Rule::no_pass => pass::apply(draft, line),
        Rule::limit | Rule::no_limit => limit::apply(draft, line),
        Rule::hostname | Rule::no_hostname => hostname::apply(draft, line),
        Rule::description | Rule::no_description => description::apply(draft, line),
        _ => {}
    }
}

/// Applies a line if it is a `name` line.
pub(super) fn apply_name(draft: &mut Draft<'_>, line: Line<'_>) {
    if matches!(line.rule, Rule::name | Rule::no_name) {
        name::apply(draft, line);
    }
}

fn whole(line: Line<'_>) -> Said {
    Said {
        line: line.index,
        word: line.span(),
    }
}

fn said(line: Line<'_>, word: &Word) -> Said {
    Said {
        line: line.index,
        word: word.span,
    }
}
