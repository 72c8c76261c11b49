//! The verification of one token: cheap refusals first, then one signature, then what it vouches for.

use serde_json::Value;

use crate::identity::Identity;
use crate::issuer::Issuer;
use crate::key_set::KeySet;
use crate::rejection::{Claim, Rejection};
use crate::unverified::Unverified;
use crate::validity::Validity;

impl Issuer {
    /// Verifies `token` with `keys`, the issuer's current key set, at `now` in seconds since 1970.
    ///
    /// At most one signature is verified, and none if the header rules out this issuer or the key. Claims
    /// other than `iss` are read after the signature is verified, so that errors such as
    /// [`Rejection::Expired`] are only returned for genuine tokens.
    pub fn verify(&self, token: &Unverified<'_>, keys: &KeySet, now: u64) -> Result<Identity, Rejection> {
        if token.issuer() != &*self.name {
            return Err(Rejection::UnknownIssuer);
        }
        // Compared before the key is looked up: a token of a forbidden algorithm must not cause a fetch of
        // keys.
        if !self.algorithms.contains(&token.algorithm()) {
            return Err(Rejection::AlgorithmNotAllowed);
        }
        if !self.accepts_type(token.media_type()) {
            return Err(Rejection::WrongType);
        }
        // The key is chosen by `kid` and algorithm, and tried alone. Trying several keys would let a token
        // cost several verifications.
        keys.key(token.kid(), token.algorithm())?.verify(token)?;
        self.identity(token, keys, now)
    }

    /// Returns the identity in the claims of a verified token.
    fn identity(&self, token: &Unverified<'_>, keys: &KeySet, now: u64) -> Result<Identity, Rejection> {
        let claims = token.claims();
        let validity = Validity::check(claims, self, now)?;
        self.check_audience(claims)?;
        Ok(Identity {
            tenant: self.mapping.tenant(claims),
            user: self.mapping.user(claims),
            groups: self.mapping.groups(claims)?,
            attributes: self.mapping.attributes(claims)?,
            expires_at: validity.expires_at,
            not_before: validity.not_before,
            issuer: self.index,
            kid: token.kid().map(Into::into),
            algorithm: token.algorithm(),
            key_set_generation: keys.generation(),
        })
    }

    /// Checks that `aud`, a string or a list of strings, has one of the audiences (RFC 7519 section 4.1.3).
    fn check_audience(&self, claims: &Value) -> Result<(), Rejection> {
        let claim = Claim::Audience;
        let accepted = |audience: &str| self.audiences.iter().any(|expected| **expected == *audience);
        let matches = match claims.get("aud") {
            None => return Err(Rejection::MissingClaim { claim }),
            Some(Value::String(audience)) => accepted(audience),
            Some(Value::Array(audiences)) if audiences.iter().all(Value::is_string) => {
                audiences.iter().filter_map(Value::as_str).any(accepted)
            }
            Some(_) => return Err(Rejection::InvalidClaim { claim }),
        };
        if matches {
            Ok(())
        } else {
            Err(Rejection::WrongAudience)
        }
    }
}
