//! Proofs for certificate authorities over HTTP (RFC 8555 §8.3): answered by every virtual and dip, before anything is decided.

use std::sync::Arc;

use crate::control::Challenges;

/// Where a proof is asked for.
const PREFIX: &str = "/.well-known/acme-challenge/";

/// What answers `method` and `target`; `None`: it is a request like any other. Costs one load where no proof is laid out.
pub(super) fn answer(challenges: &Challenges, method: &str, target: &str) -> Option<Arc<str>> {
    if challenges.is_empty() || !matches!(method, "GET" | "HEAD") {
        return None;
    }
    challenges.answer(target.strip_prefix(PREFIX)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_token_that_is_laid_out_is_answered() {
        let challenges = Challenges::default();
        let ask = |method, target| answer(&challenges, method, target);
        let at = "/.well-known/acme-challenge/token";
        assert_eq!(ask("GET", at), None);
        challenges.http("token", Some("token.print"));
        assert_eq!(ask("GET", at).as_deref(), Some("token.print"));
        assert_eq!(ask("HEAD", at).as_deref(), Some("token.print"));
        assert_eq!(ask("POST", at), None);
        for other in ["/.well-known/acme-challenge/", "/token", "token", ""] {
            assert_eq!(ask("GET", other), None, "{other}");
        }
        assert_eq!(ask("GET", "/.well-known/acme-challenge/token?x"), None);
    }
}
