//! Verification of signed JSON web tokens: issuers, keys, signatures and claims, with the clock as an argument.
//!
//! Pure: no I/O, no clock, no async, no HTTP. The caller provides bytes (a token, a PEM file, the text of a
//! JWKS) and the time. Fetching key sets and caching verified tokens are left to it.
//!
//! # Steps
//!
//! ```text
//! Unverified::parse(token)       size, three parts, strict base64url and JSON, alg, crit, iss; no cryptography
//!   -> issuers.pick(&token)      the issuer whose name is exactly `iss`
//!   -> issuer.verify(&token, &key_set, now)
//!        algorithm and typ that the issuer allows -> one key, by kid -> that key's own algorithms
//!        -> one signature verification -> exp, nbf, iat, aud -> Identity
//! ```
//!
//! Parsing and verifying are separate, so that the caller can pass its current key set, and can fetch a newer
//! one after [`Rejection::UnknownKey`] or [`Rejection::BadSignature`].
//!
//! # Guarantees
//!
//! - **The key determines the algorithm, never the token.** When a key is loaded, it is bound to the algorithms
//!   that fit its type, its JWK `alg` and the issuer's list. An issuer can't list HMAC beside public-key
//!   algorithms, and a PEM is refused as a secret. A public key can therefore not be used as an HMAC secret.
//!   `none` is not represented at all.
//! - **The token provides no key.** `jwk`, `jku`, `x5u` and `x5c` are never read. `kid` is looked up in a hash
//!   map and has no other use. Any `crit` rejects the token.
//! - **At most one verification.** No key is tried after another: a token without a `kid` is rejected if there
//!   are several keys ([`Rejection::KeyNotNamed`]).
//! - **One reading.** Base64url without padding and without stray bits; JSON in UTF-8 without a repeated member
//!   at any depth (RFC 7519 section 4 leaves the choice) and with nothing after it.
//! - **Required claims.** `iss`, `aud` and `exp`, each of its type; `nbf` if present; `iat` and `typ` if the
//!   issuer requires them. A token is valid from `nbf - leeway` until before `exp + leeway`.
//! - **Keys are checked when loaded** by the library that verifies with them: RSA of 2048 to 8192 bits, points on
//!   their curve, secrets no shorter than the hash they are used with (RFC 7518 section 3.2).
//! - **Answers hold no text of the token.** [`Rejection::code`] and [`Rejection::description`] are fixed texts,
//!   fit for a metric label and for `error_description` (RFC 6750 section 3). [`StatedToken`] has the text of a
//!   token for explanations to operators; no check uses it.
//!
//! # Design choices
//!
//! - **Both forms of an ECDSA signature are accepted**, `(r, s)` and `(r, n - s)`. RFC 7518 section 3.4 does not
//!   require the smaller `s`, and common signers don't choose it: refusing one form would refuse half of all
//!   valid tokens. The holder of a token can therefore write it in a second way, with the same claims. The bytes
//!   of a token can be the key of a cache, but not an id for revoking it or for counting its uses.
//! - **A token without a usable tenant is valid.** The tenant is a separate result ([`Identity::tenant`]),
//!   because it is answered with 403 instead of 401.
//! - **Claims are never truncated.** A claim over its limit rejects the token: the part cut off a list of groups
//!   could be the group that a rule excludes.
//!
//! # Caching verified tokens
//!
//! Use the whole token as the key. A hit is valid only while [`Identity::is_fresh`] returns true, while
//! [`Identity::key_set_generation`] is that of the issuer's current [`KeySet`], and while the [`Issuers`] equal
//! those that created it (its indices refer to them).

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
mod roca;
mod signer;
mod skipped_key;
mod stated_token;
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
pub use mapping::{MAX_GROUP_BYTES, MAX_GROUPS, MAX_LIST_ITEMS, MAX_STRING_BYTES};
pub use operator_token::{OPERATOR_TOKEN_BYTES, OPERATOR_TOKEN_PREFIX, OperatorTokens};
pub use pem_file::MAX_PEM_BYTES;
pub use provider::install_crypto_provider;
pub use rejection::{Claim, Rejection};
pub use roca::has_roca_fingerprint;
pub use signer::{InvalidSigner, Signer, SigningFailed};
pub use skipped_key::{SkipReason, SkippedKey};
pub use stated_token::StatedToken;
pub use unverified::{MAX_KID_BYTES, MAX_TOKEN_BYTES, Unverified};
pub use validity::MAX_NUMERIC_DATE;
