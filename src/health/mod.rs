//! The state machine of a server's measured health.
