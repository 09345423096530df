//! Why a stream or a connection ends (RFC 9113 §7).

use std::fmt;

/// An error code: any 32 bits, those of RFC 9113 §7 by name.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct ErrorCode(pub u32);

impl ErrorCode {
    /// Nothing is wrong.
    pub const NO_ERROR: ErrorCode = ErrorCode(0);
    /// The protocol's rules were broken.
    pub const PROTOCOL_ERROR: ErrorCode = ErrorCode(1);
    /// Something here failed.
    pub const INTERNAL_ERROR: ErrorCode = ErrorCode(2);
    /// More was sent than the window lets.
    pub const FLOW_CONTROL_ERROR: ErrorCode = ErrorCode(3);
    /// Settings were not acknowledged in time.
    pub const SETTINGS_TIMEOUT: ErrorCode = ErrorCode(4);
    /// A frame for a stream that ended.
    pub const STREAM_CLOSED: ErrorCode = ErrorCode(5);
    /// A frame of a length that it may not have.
    pub const FRAME_SIZE_ERROR: ErrorCode = ErrorCode(6);
    /// Nothing was done about the request: it may be sent again.
    pub const REFUSED_STREAM: ErrorCode = ErrorCode(7);
    /// The stream is no longer wanted.
    pub const CANCEL: ErrorCode = ErrorCode(8);
    /// The fields' compression broke.
    pub const COMPRESSION_ERROR: ErrorCode = ErrorCode(9);
    /// A CONNECT's connection broke.
    pub const CONNECT_ERROR: ErrorCode = ErrorCode(10);
    /// Too much of something.
    pub const ENHANCE_YOUR_CALM: ErrorCode = ErrorCode(11);
    /// The connection is not safe enough.
    pub const INADEQUATE_SECURITY: ErrorCode = ErrorCode(12);
    /// The server wants HTTP/1.1.
    pub const HTTP_1_1_REQUIRED: ErrorCode = ErrorCode(13);

    /// The name in RFC 9113 §7; of an unknown code `UNKNOWN`.
    pub const fn name(self) -> &'static str {
        match self.0 {
            0 => "NO_ERROR",
            1 => "PROTOCOL_ERROR",
            2 => "INTERNAL_ERROR",
            3 => "FLOW_CONTROL_ERROR",
            4 => "SETTINGS_TIMEOUT",
            5 => "STREAM_CLOSED",
            6 => "FRAME_SIZE_ERROR",
            7 => "REFUSED_STREAM",
            8 => "CANCEL",
            9 => "COMPRESSION_ERROR",
            10 => "CONNECT_ERROR",
            11 => "ENHANCE_YOUR_CALM",
            12 => "INADEQUATE_SECURITY",
            13 => "HTTP_1_1_REQUIRED",
            _ => "UNKNOWN",
        }
    }
}

impl fmt::Debug for ErrorCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            "UNKNOWN" => write!(f, "{:#x}", self.0),
            name => f.write_str(name),
        }
    }
}
