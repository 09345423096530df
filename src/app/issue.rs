//! Certificates from an authority: what is to be issued is told to the room that asks for it, and what it stored is read by the writer.

#[cfg(feature = "tls")]
use tokio::sync::{mpsc, oneshot};
#[cfg(feature = "tls")]
use tracing::{error, warn};

use super::Director;

impl Director {
    /// Has issued what the configuration says; starts the thread for it once there is something.
    #[cfg(feature = "tls")]
    pub(super) fn issue(&mut self) {
        let model = self.writer.model();
        let issuing = crate::control::Issuing::of(model, self.writer.folder());
        let nothing = issuing.issues.is_empty();
        self.writer.farm().issuance().want(issuing);
        if nothing || self.issuing.is_some() {
            return;
        }
        let wishes = self.wishes.0.clone();
        let renewed = Box::new(move |_: &str| read_issued(&wishes));
        let farm = std::sync::Arc::clone(self.writer.farm());
        match crate::acme::Issuer::start(farm, renewed) {
            Ok(issuer) => self.issuing = Some(issuer),
            Err(e) => error!(
                "cannot start the thread that has certificates issued: {e}; those that are here go on"
            ),
        }
    }

    /// Ends the thread for it.
    #[cfg(feature = "tls")]
    pub(super) fn issue_no_more(&mut self) {
        drop(self.issuing.take());
    }

    /// Nothing is issued without TLS.
    #[cfg(not(feature = "tls"))]
    pub(super) fn issue(&mut self) {}

    /// Nothing was.
    #[cfg(not(feature = "tls"))]
    pub(super) fn issue_no_more(&mut self) {}
}

/// Has the writer read what was stored.
#[cfg(feature = "tls")]
fn read_issued(wishes: &mpsc::Sender<crate::control::Wish>) {
    let author = crate::control::Author {
        user: "acme".into(),
        from: "authority".into(),
        session: 0,
    };
    // The answer is in the log.
    let (reply, _) = oneshot::channel();
    let wish = crate::control::Wish::ReadIssued { author, reply };
    if wishes.try_send(wish).is_err() {
        warn!("a certificate was issued and cannot be taken into use now; soon it is tried again");
    }
}
