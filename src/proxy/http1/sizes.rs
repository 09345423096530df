//! How much of a head is taken.

use crate::proxy::limits::{FIELD_BYTES, FIELDS, FIELDS_BYTES, TARGET_BYTES};

/// The sizes beyond which a request's head is refused. The default is what [`limits`](crate::proxy::limits) says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sizes {
    /// Of its target, in bytes: beyond it [`LongTarget`](super::Fault::LongTarget).
    pub target: u16,
    /// Of one field line without its line end, in bytes: beyond it [`LongField`](super::Fault::LongField).
    pub field: u16,
    /// Of all field lines with their line ends, in bytes: beyond it [`LongFields`](super::Fault::LongFields).
    pub fields: u16,
    /// Field lines: beyond it [`ManyFields`](super::Fault::ManyFields).
    pub lines: u16,
}

impl Sizes {
    /// What holds where nothing is said.
    pub const DEFAULT: Sizes = Sizes {
        target: TARGET_BYTES as u16,
        field: FIELD_BYTES as u16,
        fields: FIELDS_BYTES as u16,
        lines: FIELDS as u16,
    };
}

impl Default for Sizes {
    fn default() -> Sizes {
        Sizes::DEFAULT
    }
}
