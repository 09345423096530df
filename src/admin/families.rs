//! Every metric there is, with its type and what it means.

/// A family's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// Only grows, and starts anew with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Fixed buckets: `_bucket`, `_sum`, `_count`.
    Histogram,
}

impl Sort {
    /// The word after `# TYPE`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Sort::Counter => "counter",
            Sort::Gauge => "gauge",
            Sort::Histogram => "histogram",
        }
    }
}

/// One metric with all its labels.
#[derive(Clone, Copy, Debug)]
pub struct Family {
    /// Its name, with its unit and, of a counter, `_total`.
    pub name: &'static str,
    /// Its type.
    pub sort: Sort,
    /// The names of its labels, beside `le`.
    pub labels: &'static [&'static str],
    /// One line: what it counts.
    pub help: &'static str,
}

/// Declares the families and lists them all in their order.
macro_rules! families {
    ($($const:ident = $sort:ident $name:literal [$($label:literal),*] $help:literal;)*) => {
        $(pub(super) const $const: Family = Family {
            name: $name,
            sort: Sort::$sort,
            labels: &[$($label),*],
            help: $help,
        };)*
        /// All families, in the order in which they are shown.
        pub const FAMILIES: &[Family] = &[$($const),*];
    };
}

families! {
    BUILD = Gauge "signpost_build_info" ["version"]
        "1, with the version of this program.";
    REQUESTS = Counter "signpost_requests_total" []
        "Requests whose head held, whatever became of them.";
    DECISIONS = Counter "signpost_decisions_total" ["server", "reason"]
        "Decisions by the server or url they picked, (none) where they refused, and by reason. A request that is reassigned is decided again.";
    REDIRECTS = Counter "signpost_redirects_total" ["server"]
        "Requests redirected, by url.";
    FORWARDS = Counter "signpost_forwards_total" ["server"]
        "Requests that a real or dip was tried for, by server.";
    LOOPS = Counter "signpost_loops_total" ["server"]
        "Times that a url was passed over because it leads clients back to where they just asked.";
    REFUSED = Counter "signpost_refused_requests_total" ["rule"]
        "Requests answered with an error because they broke a rule, by rule. A rule shows once it was broken.";
    GATEWAY_ERRORS = Counter "signpost_gateway_errors_total" ["cause"]
        "Requests answered with 502 or 504 because their server failed them.";
    REASSIGNMENTS = Counter "signpost_reassignments_total" ["server", "cause"]
        "Requests that left this server for another one, by what it did.";
    RETRIES = Counter "signpost_retries_total" ["server"]
        "Requests sent again after bytes of them had been sent to this server.";
    FAILURES = Counter "signpost_server_failures_total" ["server", "cause"]
        "Exchanges that failed at this server, by cause.";
    CLIENT_ABORTS = Counter "signpost_client_aborts_total" ["server"]
        "Exchanges with this server whose client went away before the end.";
    TUNNELS = Counter "signpost_tunnels_total" ["server"]
        "Tunnels (WebSocket and the like) opened to this server.";
    CAME_BACK = Counter "signpost_came_back_total" ["server"]
        "Clients that asked again for what they had just been redirected to this server for.";
    SUSPECTED = Counter "signpost_suspected_total" ["server"]
        "Times that so many clients came back from this server that it was probed at once.";
    BYTES = Counter "signpost_forwarded_bytes_total" ["server", "direction"]
        "Bytes passed between clients and this server, heads included.";
    SPARED = Gauge "signpost_estimated_spared_bytes" []
        "Estimate of the bytes that redirects kept off this host: redirects by the configured urls that are linked to nothing here, times the mean bytes of an answer that was forwarded here. Absent while none was forwarded: nothing is known then.";
    ANSWERS = Histogram "signpost_answer_duration_seconds" ["server"]
        "Time from the connection's readiness to the head of this server's answer.";
    ACCEPTED = Counter "signpost_accepted_connections_total" []
        "Connections of clients accepted.";
    OPEN = Gauge "signpost_open_connections" []
        "Connections of clients open, idle ones included.";
    SERVER_CONNECTIONS = Gauge "signpost_server_connections" ["server"]
        "Exchanges and tunnels under way with this server: what maxconns and leastconns go by.";
    PROMISES = Gauge "signpost_promises" ["server"]
        "Clients redirected to this dip that have not come yet and count as connections until they do or their time is over.";
    STICKY = Gauge "signpost_sticky_clients" ["server"]
        "Clients in the table of sticky clients whose first server this is.";
    STATE = Gauge "signpost_server_state" ["server", "kind", "state"]
        "1 for the state this server is in now: intent and health combined. The other states do not show.";
    SERVERS = Gauge "signpost_servers" ["kind", "state"]
        "How many servers of this kind are in this state.";
    WAITING = Gauge "signpost_queue_waiting_requests" []
        "Requests that found everything full and wait for a place.";
    QUEUE = Counter "signpost_queue_requests_total" ["event"]
        "Requests that found everything full: those that entered the queue, what became of them, and those it had no room for.";
    PROBES = Counter "signpost_probes_total" ["probe", "result"]
        "Probes run, by probe and result.";
    PROBE_TIMES = Histogram "signpost_probe_duration_seconds" ["probe"]
        "Time that a probe took, whatever its result.";
    PROBE_LAST = Gauge "signpost_probe_last_success_timestamp_seconds" ["server", "probe"]
        "When this probe last succeeded at this server. Absent until it did.";
    CERTIFICATES = Gauge "signpost_certificate_expiry_timestamp_seconds" ["certificate"]
        "When this certificate, or one of its chain, ends.";
    RELOADS = Counter "signpost_reloads_total" ["result"]
        "Reloads of the configuration.";
    RELOADED = Gauge "signpost_last_reload_timestamp_seconds" []
        "When a reload last came in force. Absent before the first one.";
    LOG_LINES = Counter "signpost_access_log_lines_total" ["result"]
        "Lines of the access log: those written, and those dropped because it could not keep up.";
    CPU = Counter "process_cpu_seconds_total" []
        "Time of the processor used, by the program and by the system on its behalf.";
    RESIDENT = Gauge "process_resident_memory_bytes" []
        "Memory in use.";
    VIRTUAL = Gauge "process_virtual_memory_bytes" []
        "Address space in use.";
    THREADS = Gauge "process_threads" []
        "Threads.";
    FDS = Gauge "process_open_fds" []
        "Descriptors open.";
    MAX_FDS = Gauge "process_max_fds" []
        "Descriptors that may be open.";
    STARTED = Gauge "process_start_time_seconds" []
        "When the process started.";
}
