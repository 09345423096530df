//! The limits that the operator may set: `limit NAME VALUE`.

/// Declares the limits and lists them all in their order.
macro_rules! limits {
    ($($limit:ident $name:literal $unit:literal $default:literal $least:literal $most:literal $help:literal;)*) => {
        /// A limit of the front.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Limit {
            $(#[doc = $help] $limit,)*
        }

        impl Limit {
            /// All limits, in the order in which they are shown.
            pub const ALL: [Limit; [$(Limit::$limit),*].len()] = [$(Limit::$limit),*];

            /// What it is called.
            pub const fn as_str(self) -> &'static str {
                match self { $(Limit::$limit => $name,)* }
            }

            /// In what it is counted.
            pub const fn unit(self) -> &'static str {
                match self { $(Limit::$limit => $unit,)* }
            }

            /// What holds where nothing is said.
            pub const fn default(self) -> u32 {
                match self { $(Limit::$limit => $default,)* }
            }

            /// The least and the most that it may be.
            pub const fn range(self) -> (u32, u32) {
                match self { $(Limit::$limit => ($least, $most),)* }
            }

            /// What it bounds, in one line.
            pub const fn help(self) -> &'static str {
                match self { $(Limit::$limit => $help,)* }
            }
        }
    };
}

limits! {
    Head "head-seconds" "s" 10 1 300
        "From the first byte of a request's head to its last; then 408.";
    Idle "idle-seconds" "s" 60 1 86_400
        "Silence of a client before its first request or between two; then its connection is closed.";
    BodyRate "body-rate" "B/s" 1_024 1 1_000_000_000
        "The slowest a request's body may come; then 408.";
    BodyGrace "body-grace-seconds" "s" 5 1 300
        "Silence that a request's body has to its credit at first.";
    StalledWrite "stalled-write-seconds" "s" 30 1 3_600
        "How long a client may take nothing of an answer; then its connection is closed.";
    TlsHandshake "tls-handshake-seconds" "s" 5 1 60
        "How long a TLS handshake may take; then the connection is closed.";
    Pipelined "pipelined" "requests" 32 1 1_024
        "Requests of a connection that are answered before it is looked at what the client has taken.";
    Connections "connections" "connections" 0 0 10_000_000
        "Connections of clients in all; 0: as many as descriptors allow. One more is closed at once; shortly before, keep-alive ends, then idle ones are closed, then requests get 503.";
    ConnectionsPerClient "connections-per-client" "connections" 0 0 10_000_000
        "Connections of one client address, or of one /64 of IPv6; 0: any number. One more is closed at once. Trusted proxies are exempt.";
    DescriptorsKept "descriptors-kept" "descriptors" 0 0 1_000_000
        "Descriptors that clients never get, for connections to servers, probes, logs and the admin; 0: one in 16, and never fewer than 16.";
    Connect "connect-seconds" "s" 3 1 60
        "How long a connection to a server may take to come about; then the next server is tried.";
    Answer "answer-seconds" "s" 60 1 86_400
        "How long the head of a server's answer may take; then 504.";
    ServerIdle "server-idle-seconds" "s" 4 1 600
        "How long a connection to a server is kept idle; less than what the server allows.";
    ServerIdleConnections "server-idle-connections" "connections" 128 0 65_536
        "Idle connections that a worker keeps to one server.";
    Http2Streams "http2-streams" "streams" 100 1 1_000
        "Requests under way in one connection of HTTP/2.";
    Http2Resets "http2-resets" "streams" 20 1 1_000
        "Streams of HTTP/2 that were reset by the client and are not done with; then the connection ends.";
    Http2Header "http2-header-bytes" "B" 16_384 1_024 65_536
        "The fields of a request of HTTP/2, as RFC 9113 counts them.";
    Http2Send "http2-send-bytes" "B" 65_536 16_384 1_048_576
        "Bytes of an answer that wait for a stream of HTTP/2 to take them.";
}

impl Limit {
    /// How many there are.
    pub const COUNT: usize = Limit::ALL.len();

    /// The limit of that name, in whatever case.
    pub fn named(name: &str) -> Option<Limit> {
        let is = |limit: &Limit| limit.as_str().eq_ignore_ascii_case(name);
        Limit::ALL.into_iter().find(is)
    }
}

/// What all limits are set to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits([u32; Limit::COUNT]);

impl Default for Limits {
    fn default() -> Limits {
        Limits(Limit::ALL.map(Limit::default))
    }
}

impl Limits {
    /// What this one is set to.
    pub fn of(&self, limit: Limit) -> u32 {
        self.0[limit as usize]
    }

    /// Sets it. `value` is in its range.
    pub fn set(&mut self, limit: Limit, value: u32) {
        self.0[limit as usize] = value;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_in_its_range_and_every_limit_is_found_by_its_name() {
        for limit in Limit::ALL {
            let (least, most) = limit.range();
            assert!((least..=most).contains(&limit.default()), "{limit:?}");
            assert_eq!(Limit::named(&limit.as_str().to_uppercase()), Some(limit));
            assert_eq!(Limits::default().of(limit), limit.default());
        }
        assert_eq!(Limit::named("patience"), None);
    }
}
