//! Counts per server and reason, one set a worker.

/// What is counted beside the decision's reason: what became of a forwarded exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Event {
    /// The head of an answer came.
    Answered,
    /// The connection was refused or could not be made.
    ConnectFailed,
    /// The connection broke before the head of an answer.
    Reset,
    /// No head of an answer in time.
    Unanswered,
    /// The answer broke HTTP's rules.
    BadAnswer,
    /// A request was sent again after bytes of it had been sent.
    Retried,
    /// The client went away before the end.
    ClientGone,
    /// A tunnel was opened.
    Tunnel,
}
