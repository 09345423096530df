//! The account at an authority: made once, kept crash-safely, for its owner's eyes alone.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use instant_acme::{Account, AccountBuilder, AccountCredentials, NewAccount};
use serde::{Deserialize, Serialize};
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
    let kept: Kept = serde_json::from_slice(&text).map_err(|e| {
        Failed::Told(format!(
            "`{shown}` is not the account that was stored there ({e}); bring it back, or remove it to have a new account made"
        ))
    })?;
    let account = builder(authority)?.from_credentials(kept.credentials).await;
    let account = account.map_err(|e| Failed::asking(authority, &e))?;
    if kept.contact != authority.contact {
        tell_contact(&account, authority).await?;
        // The credentials go into the account and come back from nowhere else.
        let credentials = serde_json::from_slice::<Kept>(&text).map(|kept| kept.credentials);
        keep(&path, authority, credentials)?;
    }
    Ok(account)
}

/// What is in the file.
#[derive(Deserialize, Serialize)]
struct Kept {
    #[serde(flatten)]
    credentials: AccountCredentials,
    /// The mail address that the authority was told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    contact: Option<Box<str>>,
}

fn keep(
    path: &Path,
    authority: &Acme,
    credentials: serde_json::Result<AccountCredentials>,
) -> Result<(), Failed> {
    let contact = authority.contact.clone();
    let kept = credentials.map(|credentials| Kept {
        credentials,
        contact,
    });
    let text = kept.and_then(|kept| serde_json::to_vec_pretty(&kept));
    let text =
        text.map_err(|e| Failed::Told(format!("the account cannot be written down: {e}")))?;
    store(path, &text)
}

/// Tells the authority the mail address of the configuration, or that there is none any more.
async fn tell_contact(account: &Account, authority: &Acme) -> Result<(), Failed> {
    let contact = mailto(authority);
    let contact: Vec<&str> = contact.as_deref().into_iter().collect();
    let told = account.update_contacts(&contact).await;
    told.map_err(|e| Failed::asking(authority, &e))?;
    info!(
        "{} was told the account's contact: {}",
        authority.directory,
        authority.contact.as_deref().unwrap_or("none")
    );
    Ok(())
}

fn mailto(authority: &Acme) -> Option<String> {
    authority.contact.as_ref().map(|m| format!("mailto:{m}"))
}

/// A new account in the place of the one that is kept.
///
/// # Errors
/// As [`open`].
pub(super) async fn renew(folder: &Path, authority: &Acme) -> Result<(), Failed> {
    let path = file(folder, &authority.directory);
    create(&path, authority).await.map(drop)
}

async fn create(path: &Path, authority: &Acme) -> Result<Account, Failed> {
    let contact = mailto(authority);
    let contact: Vec<&str> = contact.as_deref().into_iter().collect();
    let wanted = NewAccount {
        contact: &contact,
        terms_of_service_agreed: true,
        only_return_existing: false,
    };
    let directory = authority.directory.clone().into();
    let created = builder(authority)?.create(&wanted, directory, None).await;
    let (account, credentials) = created.map_err(|e| Failed::asking(authority, &e))?;
    keep(path, authority, Ok(credentials))?;
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
    if let Some(file) = &authority.ca
        && fs::metadata(&**file).is_ok_and(|found| !found.is_file())
    {
        // Another one could keep its reader waiting for ever.
        return Err(Failed::Told(format!(
            "the authority's root in `{file}` cannot be used: it is no regular file"
        )));
    }
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
