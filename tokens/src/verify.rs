//! The verification of one token: cheap refusals first, then one signature, then what it vouches for.

use serde_json::Value;

use crate::identity::Identity;
use crate::issuer::Issuer;
use crate::key_set::KeySet;
use crate::rejection::{Claim, Rejection};
use crate::unverified::Unverified;
use crate::validity::Validity;

impl Issuer {
    /// Verifies `token` with `keys`, the issuer's key set of the moment, at `now` in seconds since 1970.
    ///
    /// At most one signature is verified, and none for a token that this issuer or the key couldn't have
    /// signed by its header. No claim but `iss` is looked at before the signature is found good, so that
    /// [`Rejection::Expired`] and the like are true of a real token.
    pub fn verify(&self, token: &Unverified<'_>, keys: &KeySet, now: u64) -> Result<Identity, Rejection> {
        if token.issuer() != &*self.name {
            return Err(Rejection::UnknownIssuer);
        }
        if !self.algorithms.contains(&token.algorithm()) {
            return Err(Rejection::AlgorithmNotAllowed);
        }
        if !self.accepts_type(token.media_type()) {
            return Err(Rejection::WrongType);
        }
        keys.key(token.kid(), token.algorithm())?.verify(token)?;
        self.identity(token, keys, now)
    }

    /// What the claims say, now that they can be believed.
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

    /// `aud` is a string or a list of strings, one of which must be an audience (RFC 7519 section 4.1.3).
    fn check_audience(&self, claims: &Value) -> Result<(), Rejection> {
        let claim = Claim::Audience;
        let accepted = |audience: &str| self.audiences.iter().any(|own| **own == *audience);
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
