//! A credential that has signed in, without its secret: sessions keep it, and ask for its present actor.

use serde::{Deserialize, Serialize};

use rules::Timestamp;

use super::static_token::TokenHash;
use super::{Accepted, SignedIn, VerifiedToken};

/// A credential that has signed in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Credential {
    /// A static token, by the text of its hash.
    StaticToken {
        /// The hash, as in the document.
        hash: String,
    },
    /// A token of the issuer, by its claims.
    IssuerToken(IssuedClaims),
    /// An ID token of the identity provider, by its claims.
    Person(IssuedClaims),
}

/// The claims of a token that was verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IssuedClaims {
    issuer: String,
    subject: String,
    display_name: Option<String>,
    roles: Vec<String>,
    org: Option<String>,
    /// The time from which the token is rejected, in ms since 1970.
    expires_ms: i64,
}

impl Credential {
    pub(super) fn of_hash(hash: &TokenHash) -> Self {
        Self::StaticToken {
            hash: hash.to_string(),
        }
    }
}

impl IssuedClaims {
    pub(super) fn new(issuer: &str, token: &VerifiedToken) -> Self {
        Self {
            issuer: issuer.to_owned(),
            subject: token.subject.clone(),
            display_name: token.display_name.clone(),
            roles: token.roles.clone(),
            org: token.org.clone(),
            expires_ms: token.expires.0,
        }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(super) fn token(&self) -> VerifiedToken {
        VerifiedToken {
            subject: self.subject.clone(),
            display_name: self.display_name.clone(),
            roles: self.roles.clone(),
            org: self.org.clone(),
            expires: Timestamp(self.expires_ms),
        }
    }
}

impl Accepted {
    /// Returns the present actor of a credential; none if it is not accepted any more.
    pub(super) fn present(&self, credential: &Credential, now: Timestamp) -> Option<SignedIn> {
        let signed_in = match credential {
            Credential::StaticToken { hash } => {
                let hash = TokenHash::parse(hash).ok()?;
                self.tokens
                    .all()
                    .iter()
                    .find(|token| token.hash == hash)?
                    .signed_in()
            }
            Credential::IssuerToken(claims) => {
                let issuer = self
                    .issuer
                    .as_ref()
                    .filter(|issuer| issuer.issuer == claims.issuer())?;
                issuer.signed_in(claims.token()).ok()?
            }
            Credential::Person(claims) => {
                let provider = self.provider.as_ref();
                let provider = provider.filter(|provider| provider.issuer() == claims.issuer())?;
                provider.signed_in(claims.token()).ok()?
            }
        };
        signed_in
            .expires
            .is_none_or(|expires| now < expires)
            .then_some(signed_in)
    }
}
