//! A token that was read but not verified: everything that can be refused without a key.
//! Its claims stay private to this crate until a signature vouches for them; only `iss` and `kid` are shown,
//! to find the key.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::json::{self, InvalidJson};
use crate::rejection::{Claim, Rejection};

/// Longest token, in bytes. It bounds everything that is read from one.
pub const MAX_TOKEN_BYTES: usize = 8 * 1024;
/// Longest `kid`, in bytes, of a token and of a key.
pub const MAX_KID_BYTES: usize = 256;

/// A token in the compact form of RFC 7515 section 7.1, before its signature is verified.
#[derive(Debug, Clone)]
pub struct Unverified<'t> {
    /// The signed text: the first two parts with the dot between them.
    message: &'t str,
    signature: &'t str,
    algorithm: Algorithm,
    kid: Option<Box<str>>,
    media_type: Option<Box<str>>,
    issuer: Box<str>,
    claims: Value,
}

impl<'t> Unverified<'t> {
    /// Reads `token`, the bare text without a scheme. Its cost is that of reading at most
    /// [`MAX_TOKEN_BYTES`] of JSON; no cryptography is done.
    pub fn parse(token: &'t str) -> Result<Self, Rejection> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(Rejection::TooLarge);
        }
        let (message, signature) = token.rsplit_once('.').ok_or(Rejection::Malformed)?;
        let (header, payload) = message.split_once('.').ok_or(Rejection::Malformed)?;
        // A dot is no base64url, so a fourth part fails here with the payload.
        let header = object(header)?;
        let algorithm = match header.get("alg") {
            Some(Value::String(name)) => Algorithm::named(name).ok_or(Rejection::UnsupportedAlgorithm)?,
            _ => return Err(Rejection::Malformed),
        };
        // Critical extensions must be understood (RFC 7515 section 4.1.11), and this crate knows none.
        if header.contains_key("crit") {
            return Err(Rejection::CriticalHeader);
        }
        let kid = text(&header, "kid")?;
        if kid.is_some_and(|kid| kid.len() > MAX_KID_BYTES) {
            return Err(Rejection::Malformed);
        }
        let media_type = text(&header, "typ")?;
        let claims = object(payload)?;
        // Refused as a bad signature, not as malformed: it is an attempt to pass an unsigned token.
        if signature.is_empty() {
            return Err(Rejection::BadSignature);
        }
        let issuer = match claims.get("iss") {
            Some(Value::String(issuer)) => issuer.as_str().into(),
            Some(_) => return Err(Rejection::InvalidClaim { claim: Claim::Issuer }),
            None => return Err(Rejection::MissingClaim { claim: Claim::Issuer }),
        };
        Ok(Self {
            message,
            signature,
            algorithm,
            kid: kid.map(Into::into),
            media_type: media_type.map(Into::into),
            issuer,
            claims: Value::Object(claims),
        })
    }

    /// Returns the issuer that the token claims.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the `kid` that the token claims, at most [`MAX_KID_BYTES`].
    #[must_use]
    pub fn kid(&self) -> Option<&str> {
        self.kid.as_deref()
    }

    /// Returns the algorithm that the token claims.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// Returns the audiences that the token claims, as far as they are texts.
    pub fn audiences(&self) -> impl Iterator<Item = &str> {
        let claim = self.claims.get("aud");
        let listed = claim.and_then(Value::as_array).into_iter().flatten();
        claim.into_iter().chain(listed).filter_map(Value::as_str)
    }

    pub(crate) fn message(&self) -> &'t str {
        self.message
    }

    pub(crate) fn signature(&self) -> &'t str {
        self.signature
    }

    pub(crate) fn media_type(&self) -> Option<&str> {
        self.media_type.as_deref()
    }

    pub(crate) fn claims(&self) -> &Value {
        &self.claims
    }
}

/// Decodes one part, which must be an object.
fn object(part: &str) -> Result<Map<String, Value>, Rejection> {
    // This engine rejects padding and stray bits in the last character, so a part has one spelling.
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| Rejection::Malformed)?;
    match json::parse(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Err(InvalidJson::RepeatedName) => Err(Rejection::RepeatedName),
        Ok(_) | Err(InvalidJson::Syntax) => Err(Rejection::Malformed),
    }
}

/// Returns a header member that is a string, or `None` if it is absent.
fn text<'h>(header: &'h Map<String, Value>, name: &str) -> Result<Option<&'h str>, Rejection> {
    match header.get(name) {
        None => Ok(None),
        Some(Value::String(text)) => Ok(Some(text)),
        Some(_) => Err(Rejection::Malformed),
    }
}

#[cfg(test)]
mod tests;
