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
        "Time from the first byte of a head to its last. Then 408.";
    Idle "idle-seconds" "s" 60 1 86_400
        "Silence before a request or between two. Then the connection is closed.";
    BodyRate "body-rate" "B/s" 1_024 1 1_000_000_000
        "The slowest that a request's body may come. Then 408.";
    BodyGrace "body-grace-seconds" "s" 5 1 300
        "Silence that a body has to its credit at first.";
    StalledWrite "stalled-write-seconds" "s" 30 1 3_600
        "Time that a client may take nothing of an answer. Then its connection is closed.";
    TlsHandshake "tls-handshake-seconds" "s" 5 1 60
        "Time for a TLS handshake. Then the connection is closed.";
    Pipelined "pipelined" "requests" 32 1 1_024
        "Requests answered before the client has taken the answers.";
    Target "target-bytes" "B" 16_384 128 24_576
        "Bytes of the target of an HTTP/1 request. More get 414; so does a redirect's URL of more than 16 KiB.";
    Field "field-bytes" "B" 8_192 256 40_448
        "Bytes of one field line of an HTTP/1 request. More get 431.";
    FieldsBytes "fields-bytes" "B" 32_768 1_024 40_448
        "Bytes of all field lines of an HTTP/1 request. More get 431.";
    Fields "fields" "fields" 100 8 1_000
        "Field lines of an HTTP/1 request. More get 431.";
    Connections "connections" "connections" 0 0 10_000_000
        "Connections of clients in all, 0 as descriptors allow. One more is closed at once; shortly before, keep-alive ends, then idle ones are closed, then requests get 503.";
    ConnectionsPerClient "connections-per-client" "connections" 0 0 10_000_000
        "Connections of one client address, 0 for any number. One more is closed at once; a /64 of IPv6 is one client, and trusted proxies are exempt.";
    DescriptorsKept "descriptors-kept" "descriptors" 0 0 1_000_000
        "Descriptors that clients never get, 0 for one in 16. They are for connections to servers, probes, logs and the admin; by default there are never fewer than 16.";
    Connect "connect-seconds" "s" 3 1 60
        "Time for a connection to a server. Then the next server is tried.";
    Answer "answer-seconds" "s" 60 1 86_400
        "Time for the head of a server's answer. Then 504.";
    ServerIdle "server-idle-seconds" "s" 4 1 600
        "Time that an idle connection to a server is kept. It should be less than what the server allows.";
    ServerIdleConnections "server-idle-connections" "connections" 128 0 65_536
        "Idle connections that a worker keeps to one server.";
    Http2Streams "http2-streams" "streams" 100 1 1_000
        "Requests under way in one connection of HTTP/2.";
    Http2Resets "http2-resets" "streams" 20 1 1_000
        "Streams that an HTTP/2 client reset, not yet done with. Then the connection ends.";
    Http2Header "http2-header-bytes" "B" 16_384 1_024 32_768
        "Bytes of an HTTP/2 request's fields, as RFC 9113 counts them.";
    Http2Fields "http2-fields" "fields" 128 16 1_000
        "Fields of an HTTP/2 request, those of its first line too. More get 431.";
    Http2Send "http2-send-bytes" "B" 65_536 16_384 1_048_576
        "Bytes of answers that wait for an HTTP/2 client to take them. With so many, no more is taken of it or of servers.";
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
