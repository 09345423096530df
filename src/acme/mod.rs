//! Has certificates issued and renewed by an authority (ACME, RFC 8555).
//!
//! Follows what [`Issuance::wanted`] says is to be issued: whatever has no certificate that holds gets one, and each is renewed when
//! a third of its time is left. An authority's proofs are shown by the workers (`Farm::challenges`); what it issues is stored
//! crash-safely as one file of key and chain, and then told to whoever reads certificates. Enter at [`Issuer::start`]: one thread,
//! which sleeps while nothing is due. `schedule.rs` says when, `order.rs` asks the authority, `account.rs` keeps the
//! account, `shown.rs` tells again of what is stored and not in use yet.
//!
//! Deliberately unknown here: listeners, rustls, what a certificate is bound to.
//!
//! [`Issuance::wanted`]: crate::control::Issuance::wanted

mod account;
mod order;
mod proof;
mod schedule;
mod shown;
mod stored;

use std::fmt;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::control::Farm;

/// Told the name of a certificate whose file is new, until it is in use.
pub type Renewed = Box<dyn Fn(&str) + Send>;

/// The thread that asks authorities. Dropping it ends the thread; what was asked is asked again another time.
pub struct Issuer {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Issuer {
    /// Starts the thread `acme`, which has issued what `farm` wants and tells `renewed`.
    ///
    /// # Errors
    /// Where the thread or its runtime cannot be started.
    pub fn start(farm: Arc<Farm>, renewed: Renewed) -> io::Result<Issuer> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new()
            .name("acme".to_owned())
            .spawn(move || {
                runtime.block_on(async {
                    tokio::select! {
                        () = schedule::follow(&farm, &renewed) => {}
                        () = shown::keep(&farm, &renewed) => {}
                        _ = stopped => {}
                    }
                });
                // A look-up that the resolver does not answer holds nobody up.
                runtime.shutdown_background();
            })?;
        Ok(Issuer {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was printed when it happened.
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for Issuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Issuer").finish_non_exhaustive()
    }
}
