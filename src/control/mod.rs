//! The one writer: prepares and applies changes, publishes snapshots, gathers what was measured.
//!
//! A configuration comes in as a [`Model`](crate::model::Model), is prepared (all that can fail: listeners are bound, certificates
//! and authorities read, what needs `inline` and has it not is refused) and applied (cannot fail). Other rooms read [`Farm::live`] and [`Farm::errands`] and send
//! [`Report`]s; nothing else changes what is published. Enter at [`Writer`]; [`Writer::standings`] tells how every server stands.
//!
//! What certificate authorities are to issue is an [`Issuance`], their proofs are [`Challenges`]; the
//! host's rules for a director in the path of packets are [`packets::Rules`].
//!
//! What is asked about the configuration is a [`Wish`]; [`Life`] knows what runs, what is stored and who may change it, [`save`] and
//! [`Archive`] keep it over crashes.
//!
//! Deliberately unknown here: where a configuration was read, what a worker does with a connection, how a probe asks.

mod archive;
mod challenges;
mod clock;
mod crowd;
mod errands;
mod farm;
mod files;
mod hold;
mod issuing;
mod keys;
mod life;
mod listeners;
mod log;
pub mod packets;
mod prepare;
mod report;
mod save;
mod seal;
mod settings;
mod standing;
mod told;
mod wards;
mod wish;
mod writer;

pub use archive::*;
pub use challenges::*;
pub use crowd::*;
pub use errands::errand_for;
pub use farm::*;
pub use files::*;
pub use hold::Estate;
pub use issuing::*;
pub use keys::*;
pub use life::*;
pub use listeners::{BindError, Reach, bind};
pub use prepare::*;
pub use report::*;
pub use save::*;
pub use seal::*;
pub use standing::*;
pub use wish::*;
pub use writer::*;
