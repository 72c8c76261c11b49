//! Static tokens: printed once, stored as a keyed hash.

use std::fmt;

use aws_lc_rs::{hmac, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use changes::{Actor, Role};
use rules::Timestamp;
use tokens::{OPERATOR_TOKEN_BYTES, OPERATOR_TOKEN_PREFIX};

use super::SignedIn;

/// Length of the key of a hash, in random bytes.
const SALT_BYTES: usize = 16;
/// Length of an id, in characters of base64url.
const ID_CHARACTERS: usize = 8;
/// Length of a token after its prefix.
const TOKEN_CHARACTERS: usize = (OPERATOR_TOKEN_BYTES * 8).div_ceil(6);

/// A static token and its actor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StaticToken {
    /// The actor's name.
    pub name: String,
    /// The actor's role.
    pub role: Role,
    /// The org of an org's admin.
    pub org: Option<String>,
    /// The keyed hash of the token.
    pub hash: TokenHash,
    /// The time from which it is rejected.
    pub expires: Option<Timestamp>,
}

/// HMAC-SHA-256 (RFC 2104) of a token under a random key of its own. A token has 256 random bits, so that guessing is
/// infeasible without a slow hash.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct TokenHash {
    /// None for a hash that an older version printed.
    id: Option<TokenId>,
    salt: [u8; SALT_BYTES],
    code: [u8; 32],
}

/// The first characters of a token after its prefix, by which its hash is found. The other 208 bits stay secret.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct TokenId([u8; ID_CHARACTERS]);

/// The reason why a token or hash could not be created.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenHashError {
    /// The text is not that of a hash.
    #[error("a hash has the form `hmac-sha256:SALT:CODE` or `hmac-sha256:SALT:CODE:ID`, as it was printed")]
    Hash,
    /// The system gave no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl StaticToken {
    /// Returns its actor, and its end.
    pub(super) fn signed_in(&self) -> SignedIn {
        SignedIn {
            actor: Actor {
                name: self.name.clone(),
                display_name: None,
                role: self.role,
                groups: Vec::new(),
                org: self.org.clone(),
            },
            expires: self.expires,
        }
    }
}

impl TokenHash {
    /// Creates a token, and returns it with its hash.
    ///
    /// # Errors
    /// There are no random bytes.
    pub fn issue() -> Result<(String, Self), TokenHashError> {
        let mut secret = [0; OPERATOR_TOKEN_BYTES];
        let mut salt = [0; SALT_BYTES];
        rand::fill(&mut secret).map_err(|_| TokenHashError::NoRandomness)?;
        rand::fill(&mut salt).map_err(|_| TokenHashError::NoRandomness)?;
        let token = format!("{OPERATOR_TOKEN_PREFIX}{}", URL_SAFE_NO_PAD.encode(secret));
        let tag = hmac::sign(&key(&salt), token.as_bytes());
        let mut code = [0; 32];
        code.copy_from_slice(tag.as_ref());
        let id = TokenId::of(&token);
        Ok((token, Self { id, salt, code }))
    }

    /// Parses the format of [`fmt::Display`]: `hmac-sha256:SALT:CODE:ID`, all in base64url without padding; older hashes
    /// have no id.
    ///
    /// # Errors
    /// The text has another format.
    pub fn parse(text: &str) -> Result<Self, TokenHashError> {
        let (salt, code) = text
            .strip_prefix("hmac-sha256:")
            .and_then(|rest| rest.split_once(':'))
            .ok_or(TokenHashError::Hash)?;
        let (code, id) = match code.split_once(':') {
            Some((code, id)) => (code, Some(TokenId::read(id).ok_or(TokenHashError::Hash)?)),
            None => (code, None),
        };
        Ok(Self {
            id,
            salt: bytes(salt)?,
            code: bytes(code)?,
        })
    }

    /// Returns true if the hash is of this token. Compares in constant time.
    #[must_use]
    pub fn is_of(&self, token: &str) -> bool {
        hmac::verify(&key(&self.salt), token.as_bytes(), &self.code).is_ok()
    }
}

impl TokenHash {
    pub(super) fn id(&self) -> Option<TokenId> {
        self.id
    }
}

impl TokenId {
    /// Returns the id of a token; none if the text does not have the form of a token.
    pub(super) fn of(token: &str) -> Option<Self> {
        let rest = token.strip_prefix(OPERATOR_TOKEN_PREFIX)?;
        if rest.len() != TOKEN_CHARACTERS || !is_base64url(rest) {
            return None;
        }
        Self::read(rest.get(..ID_CHARACTERS)?)
    }

    fn read(text: &str) -> Option<Self> {
        let id = text.as_bytes().try_into().ok()?;
        is_base64url(text).then_some(Self(id))
    }
}

fn is_base64url(text: &str) -> bool {
    let is_allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    text.bytes().all(is_allowed)
}

fn key(salt: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, salt)
}

fn bytes<const N: usize>(text: &str) -> Result<[u8; N], TokenHashError> {
    let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| TokenHashError::Hash)?;
    bytes.try_into().map_err(|_| TokenHashError::Hash)
}

impl fmt::Display for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (salt, code) = (
            URL_SAFE_NO_PAD.encode(self.salt),
            URL_SAFE_NO_PAD.encode(self.code),
        );
        write!(f, "hmac-sha256:{salt}:{code}")?;
        match &self.id {
            Some(TokenId(id)) => write!(f, ":{}", String::from_utf8_lossy(id)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenHash(..)")
    }
}
