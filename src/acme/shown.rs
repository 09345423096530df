//! Whether what is stored is in use: it may have been stored by the process before this one, or have been told in vain.

use std::sync::Arc;
use std::time::Duration;

use super::Renewed;
use super::stored;
use crate::control::Farm;

/// From one look to the next.
const LOOK: Duration = Duration::from_secs(5);
/// The longest such time, where telling is in vain: the file may be of no use.
const LONGEST: Duration = Duration::from_secs(3600);

/// Tells `renewed` of certificates that are stored and not in use, for ever.
pub(super) async fn keep(farm: &Farm, renewed: &Renewed) {
    let wanted = farm.issuance().wanted();
    let mut wait = LOOK;
    loop {
        tokio::time::sleep(wait).await;
        let issuing = Arc::clone(&wanted.borrow());
        let keys = farm.keys().load_full();
        let mut idle = issuing.issues.iter().filter(|issue| {
            let stored = stored::read(&issue.file);
            stored.is_some_and(|stored| !keys.shows(&issue.name, &stored.fingerprint))
        });
        wait = match idle.next() {
            None => LOOK,
            Some(issue) => {
                // All are read at once.
                renewed(&issue.name);
                (wait * 2).min(LONGEST)
            }
        };
    }
}
