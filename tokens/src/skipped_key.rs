//! The keys of a JWKS that are not used, with the reason for each.

use std::fmt;

use crate::key_limits::{MAX_RSA_BITS, MIN_RSA_BITS};

/// A key of a JWKS that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SkippedKey {
    /// Its position in the set, from 0.
    pub position: usize,
    /// Its name, if it has one.
    pub kid: Option<Box<str>>,
    /// The reason.
    pub reason: SkipReason,
}

/// Reasons for skipping a key of a JWKS.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SkipReason {
    /// `kty` is `oct`: every reader of the set could sign with it.
    #[error("it is a secret (`oct`), which must not be in a published set")]
    Secret,
    /// It has members of a private key.
    #[error("it contains a private key, which is compromised by being published")]
    Private,
    /// `use` is not `sig`, or `key_ops` lacks `verify`, or `alg` is not one of signatures.
    #[error("it is not for verifying signatures")]
    OtherUse,
    /// A `kty` other than RSA, EC and OKP, or a `crv` other than P-256, P-384 and Ed25519.
    #[error("its type or curve is not supported")]
    UnsupportedType,
    /// Its type, or its `alg`, fits none of the issuer's algorithms.
    #[error("none of the issuer's algorithms can be used with it")]
    AlgorithmNotAllowed,
    /// An RSA modulus out of bounds.
    #[error("it is an RSA key of {bits} bits, where {MIN_RSA_BITS} to {MAX_RSA_BITS} are required")]
    RsaSize {
        /// The length of its modulus.
        bits: usize,
    },
    /// An RSA key with the fingerprint of ROCA (CVE-2017-15361).
    #[error(
        "it is an RSA key of a defective generator (ROCA, CVE-2017-15361), whose private key can be computed"
    )]
    Factorable,
    /// It has no `kid` and is not alone, so no token could mean it.
    #[error("it has no `kid`, and the set has several keys")]
    Unnamed,
    /// Another usable key of the set has its `kid` and one of its algorithms, so that no token could mean one of them.
    #[error("another key of the set has the same `kid` and the same algorithm")]
    RepeatedKid,
    /// A member is missing, of the wrong type, or not the key that it should be.
    #[error("it is not a valid key")]
    Malformed,
}

impl fmt::Display for SkippedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}", self.position + 1)?;
        if let Some(kid) = &self.kid {
            write!(f, " ({kid:?})")?;
        }
        write!(f, ": {}", self.reason)
    }
}
