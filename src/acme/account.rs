//! The account at an authority: made once, kept crash-safely, for its owner's eyes alone.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use instant_acme::{Account, AccountBuilder, AccountCredentials, NewAccount};
use tracing::info;

use super::order::Failed;
use crate::control::save;
use crate::model::Acme;

/// The account's file: one for each authority, told apart by a hash of its directory's URL.
fn file(folder: &Path, directory: &str) -> PathBuf {
    let hash = blake3::hash(directory.as_bytes()).to_hex();
    folder.join(format!("account-{}.json", &hash[..16]))
}

/// The account that is kept in `folder`, or a new one.
///
/// # Errors
/// The authority cannot be reached or refuses, or the account's file cannot be read or stored.
pub(super) async fn open(folder: &Path, authority: &Acme) -> Result<Account, Failed> {
    let path = file(folder, &authority.directory);
    let shown = path.display();
    let text = match fs::read(&path) {
        Ok(text) => Some(text),
        Err(e) if e.kind() == ErrorKind::NotFound => None,
        Err(e) => {
            return Err(Failed::Told(format!(
                "cannot read the account in `{shown}`: {e}"
            )));
        }
    };
    let Some(text) = text else {
        return create(&path, authority).await;
    };
    let credentials: AccountCredentials = serde_json::from_slice(&text).map_err(|e| {
        Failed::Told(format!(
            "`{shown}` is not the account that was stored there ({e}); bring it back, or remove it to have a new account made"
        ))
    })?;
    let account = builder(authority)?.from_credentials(credentials).await;
    account.map_err(|e| Failed::asking(authority, &e))
}

async fn create(path: &Path, authority: &Acme) -> Result<Account, Failed> {
    let contact = authority.contact.as_ref().map(|m| format!("mailto:{m}"));
    let contact: Vec<&str> = contact.as_deref().into_iter().collect();
    let wanted = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let directory = authority.directory.clone().into();
    let created = builder(authority)?.create(&wanted, directory, None).await;
    let (account, credentials) = created.map_err(|e| Failed::asking(authority, &e))?;
    let text = serde_json::to_vec_pretty(&credentials)
        .map_err(|e| Failed::Told(format!("the new account cannot be written down: {e}")))?;
    store(path, &text)?;
    info!(
        "a new account at {} is kept in `{}`",
        authority.directory,
        path.display()
    );
    Ok(account)
}

/// Stores a file that its owner alone may read; makes its folder where there is none.
///
/// # Errors
/// Where it cannot be.
pub(super) fn store(path: &Path, bytes: &[u8]) -> Result<(), Failed> {
    let failed = |e| Failed::Told(format!("cannot store `{}`: {e}", path.display()));
    if let Some(folder) = path.parent() {
        use std::os::unix::fs::DirBuilderExt;
        let mut builder = fs::DirBuilder::new();
        let made = builder.recursive(true).mode(0o700).create(folder);
        made.map_err(failed)?;
    }
    save(path, bytes).map_err(failed)
}

fn builder(authority: &Acme) -> Result<AccountBuilder, Failed> {
    let builder = match &authority.ca {
        Some(file) => Account::builder_with_root(&**file),
        None => Account::builder(),
    };
    builder.map_err(|e| match &authority.ca {
        Some(file) => Failed::Told(format!(
            "the authority's root in `{file}` cannot be used: {e}"
        )),
        None => Failed::Told(format!(
            "this host has no roots to check the authority with: {e}"
        )),
    })
}
