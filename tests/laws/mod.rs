//! Laws that hold for any bytes: fuzz targets and the replay of their corpora both call them.

pub(crate) mod config;
