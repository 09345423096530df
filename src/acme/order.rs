//! One order: names proven, key made, certificate fetched.

use std::fmt;
use std::time::Duration;

use instant_acme::{
    Account, AuthorizationStatus, ChallengeType, Error, Identifier, NewOrder, OrderStatus,
    RetryPolicy,
};

use tracing::warn;

use super::account;
use super::proof::{self, Shown};
use crate::control::{Farm, Issue};
use crate::model::Acme;

/// How long the authority may take to look at all proofs, and to issue.
const PATIENCE: RetryPolicy = RetryPolicy::new().timeout(Duration::from_secs(90));

/// The problem of a nonce that was used or forgotten (RFC 8555 §6.7).
const BAD_NONCE: &str = "urn:ietf:params:acme:error:badNonce";

/// The problem of an account that the authority does not know (RFC 8555 §6.7).
const NO_ACCOUNT: &str = "urn:ietf:params:acme:error:accountDoesNotExist";

/// How many orders one try may place where the authority calls nonces stale: any request may meet that (RFC 8555 §6.5), and
/// `instant-acme` asks three times only.
const ORDERS: u32 = 8;

/// Why a certificate was not issued.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Failed {
    /// For the operator.
    Told(String),
    /// The authority called one nonce after the other stale, in these words: nothing is wrong with what was asked.
    Stale(String),
    /// The authority does not know the account, in these words.
    Forgotten(String),
    /// A proof was not taken, in the authority's words.
    Proof(String),
}

impl Failed {
    /// What the authority or the way to it said.
    pub(super) fn asking(authority: &Acme, error: &Error) -> Failed {
        let mut said = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(why) = cause {
            said += &format!(": {why}");
            cause = why.source();
        }
        let said = format!("{}: {said}", authority.directory);
        let problem = match error {
            Error::Api(problem) => problem.r#type.as_deref(),
            _ => None,
        };
        match problem {
            Some(BAD_NONCE) => Failed::Stale(said),
            Some(NO_ACCOUNT) => Failed::Forgotten(said),
            _ => Failed::Told(said),
        }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Failed::Told(why) | Failed::Stale(why) | Failed::Forgotten(why) | Failed::Proof(why)) =
            self;
        f.write_str(why)
    }
}

/// How names are proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Way {
    /// By a certificate that the listener with TLS shows (RFC 8737).
    TlsAlpn,
    /// By a page of the listener without TLS (RFC 8555 §8.3).
    Http,
}

impl Way {
    fn challenge(self) -> ChallengeType {
        match self {
            Way::TlsAlpn => ChallengeType::TlsAlpn01,
            Way::Http => ChallengeType::Http01,
        }
    }

    /// As operators and authorities call it.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Way::TlsAlpn => "TLS-ALPN-01",
            Way::Http => "HTTP-01",
        }
    }
}

/// Has a certificate issued: key and chain, PEM.
///
/// # Errors
/// The authority cannot be reached, refuses, or cannot see the proofs.
pub(super) async fn order(
    farm: &Farm,
    (authority, account): (&Acme, &Account),
    issue: &Issue,
    way: Way,
) -> Result<String, Failed> {
    let failed = |e: Error| Failed::asking(authority, &e);
    let names: Vec<_> = issue
        .domains
        .iter()
        .map(|d| Identifier::Dns(d.as_ref().into()))
        .collect();
    let mut order = (account.new_order(&NewOrder::new(&names)).await).map_err(failed)?;
    let mut shown: Vec<Shown<'_>> = Vec::new();
    let mut authorizations = order.authorizations();
    while let Some(authorization) = authorizations.next().await {
        let mut authorization = authorization.map_err(failed)?;
        match authorization.status {
            AuthorizationStatus::Valid => continue,
            AuthorizationStatus::Pending => {}
            status => {
                return Err(Failed::Told(format!(
                    "an authorization is {status:?} already"
                )));
            }
        }
        let Some(mut challenge) = authorization.challenge(way.challenge()) else {
            let why = format!("the authority takes no {} for it", way.as_str());
            return Err(Failed::Told(why));
        };
        let proof = challenge.key_authorization();
        let domain = challenge.identifier().to_string().to_ascii_lowercase();
        shown.push(match way {
            Way::Http => proof::http(farm, &challenge.token, proof.as_str()),
            Way::TlsAlpn => proof::alpn(farm, &domain, proof.digest().as_ref())?,
        });
        challenge.set_ready().await.map_err(failed)?;
    }
    match order.poll_ready(&PATIENCE).await.map_err(failed)? {
        OrderStatus::Ready | OrderStatus::Valid => {}
        status => {
            let why = refused(&mut order).await;
            let why = format!("{}: the order is {status:?}{why}", way.as_str());
            return Err(Failed::Proof(why));
        }
    }
    drop(shown);
    let key = order.finalize().await.map_err(failed)?;
    let chain = order.poll_certificate(&PATIENCE).await.map_err(failed)?;
    Ok(format!("{}\n{chain}", key.trim_end()))
}

/// What the authority says about the proofs that it did not take.
async fn refused(order: &mut instant_acme::Order) -> String {
    let mut said = String::new();
    let mut authorizations = order.authorizations();
    while let Some(Ok(mut authorization)) = authorizations.next().await {
        let Ok(state) = authorization.refresh().await else {
            continue;
        };
        for challenge in &state.challenges {
            if let Some(problem) = &challenge.error {
                said += &format!("; {}: {problem}", state.identifier());
            }
        }
    }
    said
}

/// Has a certificate issued and stored.
///
/// # Errors
/// As [`order`], and where a file cannot be read or stored.
pub(super) async fn issue(
    farm: &Farm,
    (authority, folder): (&Acme, &std::path::Path),
    issue: &Issue,
    way: Way,
) -> Result<(), Failed> {
    let mut orders = 0;
    let (mut forgotten, mut is_new) = (false, false);
    let text = loop {
        orders += 1;
        let ordered = async {
            if forgotten && !is_new {
                account::renew(folder, authority).await?;
                is_new = true;
            }
            let account = account::open(folder, authority).await?;
            order(farm, (authority, &account), issue, way).await
        };
        match ordered.await {
            Err(Failed::Stale(_)) if orders < ORDERS => {}
            Err(Failed::Forgotten(why)) if !forgotten => {
                forgotten = true;
                warn!("the authority does not know the account any more, a new one is made: {why}");
            }
            other => break other?,
        }
    };
    account::store(&issue.file, text.as_bytes())
}
