//! The closed lists of what is counted beside the decision's reason.

/// What became of a forwarded exchange, or of a redirect.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Event {
    /// The head of an answer came.
    Answered,
    /// The connection was refused or could not be made.
    ConnectFailed,
    /// The TLS handshake failed, or HTTP/2 was not agreed upon.
    HandshakeFailed,
    /// The connection broke before the head of an answer.
    Reset,
    /// No connection or no head of an answer in time.
    Unanswered,
    /// The answer broke HTTP's rules.
    BadAnswer,
    /// The answer was a 5xx.
    ServerError,
    /// A request was sent again after bytes of it had been sent.
    Retried,
    /// The client went away before the end.
    ClientGone,
    /// A tunnel was opened.
    Tunnel,
    /// A connection was passed on unread.
    Passed,
    /// A client that had been sent there came back to ask again.
    CameBack,
    /// Enough different clients came back: it was probed at once.
    Suspected,
}

impl Event {
    /// All events, in the order of the table.
    pub const ALL: [Event; 13] = [
        Event::Answered,
        Event::ConnectFailed,
        Event::HandshakeFailed,
        Event::Reset,
        Event::Unanswered,
        Event::BadAnswer,
        Event::ServerError,
        Event::Retried,
        Event::ClientGone,
        Event::Tunnel,
        Event::Passed,
        Event::CameBack,
        Event::Suspected,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Event::Answered => "answered",
            Event::ConnectFailed => "connect-failed",
            Event::HandshakeFailed => "handshake-failed",
            Event::Reset => "reset",
            Event::Unanswered => "unanswered",
            Event::BadAnswer => "bad-answer",
            Event::ServerError => "server-error",
            Event::Retried => "retried",
            Event::ClientGone => "client-gone",
            Event::Tunnel => "tunnel",
            Event::Passed => "passed",
            Event::CameBack => "came-back",
            Event::Suspected => "suspected",
        }
    }
}

/// Why a request left a server for the next one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Cause {
    /// It did not take the connection.
    NoConnection,
    /// It broke the connection.
    Reset,
    /// It did not answer in time.
    NoAnswer,
    /// What it answered broke HTTP's rules.
    BadAnswer,
}

impl Cause {
    /// All causes, in the order of the table.
    pub const ALL: [Cause; 4] = [
        Cause::NoConnection,
        Cause::Reset,
        Cause::NoAnswer,
        Cause::BadAnswer,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Cause::NoConnection => "left-no-connection",
            Cause::Reset => "left-reset",
            Cause::NoAnswer => "left-no-answer",
            Cause::BadAnswer => "left-bad-answer",
        }
    }
}

/// What became of a request that found everything full and may wait (`queue ID LENGTH SECONDS`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum QueueEvent {
    /// It began to wait; one of `Served`, `TimedOut`, `ClientGone` follows.
    Entered,
    /// There was a place for it.
    Served,
    /// There was none in time.
    TimedOut,
    /// Its client went away while it waited.
    ClientGone,
    /// As many as may wait did already: it never entered.
    Full,
}

impl QueueEvent {
    /// All of them, in the order of the table.
    pub const ALL: [QueueEvent; 5] = [
        QueueEvent::Entered,
        QueueEvent::Served,
        QueueEvent::TimedOut,
        QueueEvent::ClientGone,
        QueueEvent::Full,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            QueueEvent::Entered => "queue-entered",
            QueueEvent::Served => "queue-served",
            QueueEvent::TimedOut => "queue-timed-out",
            QueueEvent::ClientGone => "queue-client-gone",
            QueueEvent::Full => "queue-full",
        }
    }
}

/// What happened on a connection that speaks HTTP/2.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Http2Event {
    /// It began.
    Connection,
    /// A stream brought a request.
    Stream,
    /// The client reset a stream.
    ResetByClient,
    /// A stream was reset here: its answer broke off.
    ResetHere,
}

impl Http2Event {
    /// All of them, in the order of the table.
    pub const ALL: [Http2Event; 4] = [
        Http2Event::Connection,
        Http2Event::Stream,
        Http2Event::ResetByClient,
        Http2Event::ResetHere,
    ];

    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Http2Event::Connection => "http2-connection",
            Http2Event::Stream => "http2-stream",
            Http2Event::ResetByClient => "http2-reset-by-client",
            Http2Event::ResetHere => "http2-reset-here",
        }
    }
}
