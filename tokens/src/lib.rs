//! What a token proves: issuers, keys, verification and claims, with the clock as an argument.
//!
//! Pure: no I/O, no clock, no async, no HTTP. The caller brings bytes (a token, a PEM file, the text of a
//! JWKS) and the time; fetching key sets and caching what was verified is left to it.
//!
//! # The way of a token
//!
//! ```text
//! Unverified::parse(token)       size, three parts, strict base64url and JSON, alg, crit, iss; no cryptography
//!   -> issuers.pick(&token)      the issuer whose name is exactly `iss`
//!   -> issuer.verify(&token, &key_set, now)
//!        algorithm and typ that the issuer allows -> one key, by kid -> that key's own algorithms
//!        -> one signature verification -> exp, nbf, iat, aud -> Identity
//! ```
//!
//! It is two steps so that the caller can hand in the key set it holds at that moment, and can fetch a newer
//! one when it hears [`Rejection::UnknownKey`] or [`Rejection::BadSignature`].
//!
//! # What holds
//!
//! - **The key says which algorithm, never the token.** A key is bound, when it is loaded, to the algorithms
//!   that fit its type, narrowed by its JWK `alg` and by the issuer's list. An issuer can't list HMAC beside
//!   public-key algorithms, and a PEM is refused as a secret, so a public key can't be made an HMAC secret.
//!   `none` has no representation at all.
//! - **The token brings no key.** `jwk`, `jku`, `x5u` and `x5c` are never read. `kid` is looked up in a hash
//!   map and used for nothing else. Any `crit` refuses the token.
//! - **At most one verification.** No key is tried after another: a token without a `kid` is refused where
//!   there are several keys ([`Rejection::KeyNotNamed`]).
//! - **One reading.** Base64url without padding and without stray bits, JSON in UTF-8 without a repeated
//!   member at any depth (RFC 7519 section 4 leaves the choice), nothing after it.
//! - **Required claims.** `iss`, `aud` and `exp`, each of its own type; `nbf` when present; `iat` and
//!   `typ` when the issuer asks. A token is valid from `nbf - leeway` until before `exp + leeway`.
//! - **Keys are checked when loaded** by the library that will use them: RSA of 2048 to 8192 bits, points on
//!   their curve, secrets no shorter than the hash they are used with (RFC 7518 section 3.2).
//! - **No text from the token in what is answered.** [`Rejection::code`] and [`Rejection::description`] are
//!   fixed texts, fit for a metric label and for `error_description` (RFC 6750 section 3).
//!
//! # What is deliberately so
//!
//! - **ECDSA signatures have two forms**, `(r, s)` and `(r, n - s)`, and both are accepted: RFC 7518 section
//!   3.4 doesn't ask for the smaller `s` and ordinary signers don't choose it, so refusing one would refuse half of
//!   all good tokens. Whoever holds a token can therefore write it in a second way, with the same claims. So
//!   the bytes of a token are a key to a cache, never a name for revoking it or for counting its uses.
//! - **A tenant that can't be read is not a bad token.** It is a separate outcome ([`Identity::tenant`]),
//!   because the answer to it is another: 403 instead of 401.
//! - **Nothing is cut short.** A claim over its bound refuses the token, since the part cut off a list of
//!   groups might be the group that a rule refuses.
//!
//! # For a cache of verified tokens
//!
//! Key by the whole token. A hit counts only while [`Identity::is_fresh`] says so, while
//! [`Identity::key_set_generation`] is that of the issuer's present [`KeySet`], and while the [`Issuers`] are
//! equal to those that made it (its indices point into them).

mod algorithm;
mod canonical_key;
mod claim_path;
mod identity;
mod invalid_key;
mod issuer;
mod issuers;
mod json;
mod jwk;
mod key;
mod key_kind;
mod key_limits;
mod key_set;
mod mapping;
mod operator_token;
mod pem_file;
mod provider;
mod published_keys;
mod rejection;
mod signer;
mod skipped_key;
mod unverified;
mod validity;
mod verify;

pub use algorithm::{Algorithm, InvalidAlgorithm};
pub use canonical_key::CanonicalKey;
pub use claim_path::{ClaimPath, InvalidClaimPath, MAX_CLAIM_PATH_BYTES, MAX_CLAIM_PATH_DEPTH};
pub use identity::{Identity, TenantProblem};
pub use invalid_key::InvalidKey;
pub use issuer::{
    DEFAULT_LEEWAY_SECONDS, InvalidIssuer, Issuer, IssuerDefinition, MAX_ATTRIBUTES, MAX_AUDIENCES,
    MAX_LEEWAY_SECONDS,
};
pub use issuers::{InvalidIssuers, Issuers, MAX_ISSUERS};
pub use key_kind::KeyKind;
pub use key_limits::{MAX_JWKS_BYTES, MAX_JWKS_KEYS, MAX_RSA_BITS, MAX_SECRET_BYTES, MIN_RSA_BITS};
pub use key_set::{Generation, KeySet};
pub use mapping::{MAX_GROUP_BYTES, MAX_GROUPS, MAX_LIST_ITEMS, MAX_STRING_BYTES, MAX_USER_BYTES};
pub use operator_token::{OPERATOR_TOKEN_BYTES, OPERATOR_TOKEN_PREFIX, OperatorTokens};
pub use pem_file::MAX_PEM_BYTES;
pub use provider::install_crypto_provider;
pub use rejection::{Claim, Rejection};
pub use signer::{InvalidSigner, Signer, SigningFailed};
pub use skipped_key::{SkipReason, SkippedKey};
pub use unverified::{MAX_KID_BYTES, MAX_TOKEN_BYTES, Unverified};
pub use validity::MAX_NUMERIC_DATE;
