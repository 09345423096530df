//! Compression of fields (RFC 7541): blocks to fields, and fields to blocks without a dynamic table.

mod decode;
mod encode;
mod huffman;
mod table;
#[cfg(test)]
mod tests;

pub(super) use decode::Decoder;
pub use encode::{Memory, field, indexed, literal, status, string, table_size};
pub(super) use table::Entry;

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

impl Known {
    /// Of a name in lower case.
    pub(super) fn of(name: &[u8]) -> Known {
        match name {
            b":authority" => Known::Authority,
            b":method" => Known::Method,
            b":path" => Known::Path,
            b":protocol" => Known::Protocol,
            b":scheme" => Known::Scheme,
            b":status" => Known::Status,
            b"connection" => Known::Connection,
            b"content-length" => Known::ContentLength,
            b"cookie" => Known::Cookie,
            b"expect" => Known::Expect,
            b"host" => Known::Host,
            b"keep-alive" => Known::KeepAlive,
            b"proxy-connection" => Known::ProxyConnection,
            b"te" => Known::Te,
            b"transfer-encoding" => Known::TransferEncoding,
            b"upgrade" => Known::Upgrade,
            _ => Known::Other,
        }
    }

    /// Whether a field of this name, in any case, is one of a connection's own in HTTP/1 (RFC 9113 §8.2.2).
    pub(super) fn is_hop(name: &[u8]) -> bool {
        let is = |word: &[u8]| name.eq_ignore_ascii_case(word);
        match name.len() {
            7 => is(b"upgrade"),
            10 => is(b"connection") || is(b"keep-alive"),
            16 => is(b"proxy-connection"),
            17 => is(b"transfer-encoding"),
            _ => false,
        }
    }
}

/// Why a block cannot be read: the connection cannot go on (RFC 7541 §2.1, RFC 9113 §4.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Damage {
    /// It ends within a field.
    Short,
    /// A number beyond all use.
    Integer,
    /// An entry that is in no table.
    Index,
    /// EOS in a text, or padding that is not the beginning of it or too long.
    Huffman,
    /// A change of the table's size after a field, beyond what was announced, or once too often.
    TableSize,
}

impl Damage {
    pub(super) fn why(self) -> &'static str {
        match self {
            Damage::Short => "a block of fields ends within a field",
            Damage::Integer => "a number in a block of fields is too large",
            Damage::Index => "a field refers to an entry that no table has",
            Damage::Huffman => "a text's Huffman code is no code",
            Damage::TableSize => "a change of the table's size is out of place or too large",
        }
    }
}
