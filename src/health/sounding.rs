//! What a probe brings back.

use std::borrow::Cow;

/// What one asking of one server came to.
#[derive(Clone, Debug, PartialEq)]
pub struct Sounding {
    /// Whether it was as the probe wants it.
    pub ok: bool,
    /// In a few words: `connect refused`, `status 500, expected 200 to 399`.
    pub why: Cow<'static, str>,
    /// How long it took, in microseconds.
    pub took_us: u32,
    /// Named figures that it told; at most 64 are kept of a server.
    pub figures: Vec<(Box<str>, f64)>,
    /// What an agent said, one line without its end; [`crate::health`] makes out what it means.
    pub agent: Option<String>,
}
