//! Reasons for refusing a key, with a message that names the remedy.

use crate::algorithm::{Algorithm, names};
use crate::canonical_key::CanonicalKey;
use crate::key_kind::KeyKind;
use crate::key_limits::{MAX_JWKS_KEYS, MAX_RSA_BITS, MIN_RSA_BITS};
use crate::pem_file::{self, InvalidPem};
use crate::skipped_key::SkippedKey;

/// Reasons for refusing bytes as a key or as a set of keys.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidKey {
    /// The issuer lists no algorithm.
    #[error("no algorithm is allowed, so no key can be used")]
    NoAlgorithm,
    /// More bytes than such a source may have.
    #[error("it has {bytes} bytes, where at most {limit} are read")]
    TooLarge {
        /// Its length.
        bytes: usize,
        /// The bound of this kind of source.
        limit: usize,
    },
    /// There is no complete PEM block.
    #[error("it contains no PEM block (`-----BEGIN PUBLIC KEY-----`)")]
    NotPem,
    /// More than one PEM block.
    #[error(
        "it contains {count} PEM blocks, where one key is required; several keys go into a JWKS, with names"
    )]
    SeveralBlocks {
        /// The number of blocks.
        count: usize,
    },
    /// A private key.
    #[error("it is a private key; only its public half belongs here (`openssl pkey -in KEY -pubout`)")]
    PrivateKey,
    /// A certificate.
    #[error("it is a certificate; only its public key belongs here (`openssl x509 -in CERT -noout -pubkey`)")]
    Certificate,
    /// A PEM block that is something else.
    #[error("it is a PEM block of `{label}`, not of `PUBLIC KEY`")]
    UnsupportedBlock {
        /// The label of the block.
        label: Box<str>,
    },
    /// Not a key of a known type, or broken.
    #[error("it is not a valid public key of RSA, EC (P-256, P-384) or Ed25519")]
    UnsupportedType,
    /// An EC key on another curve.
    #[error("it is an EC key on {curve}, where P-256 or P-384 is required")]
    UnsupportedCurve {
        /// The name of the curve.
        curve: &'static str,
    },
    /// An RSA modulus out of bounds.
    #[error("it is an RSA key of {bits} bits, where {MIN_RSA_BITS} to {MAX_RSA_BITS} are required")]
    RsaSize {
        /// The length of its modulus.
        bits: usize,
    },
    /// An RSA key with the fingerprint of ROCA (CVE-2017-15361).
    #[error(
        "it is an RSA key of a defective generator (ROCA, CVE-2017-15361): its private key can be computed; create a new key"
    )]
    Factorable,
    /// A good key that no algorithm of the issuer can use.
    #[error("it is {kind}, which is used with {}; the issuer allows {}", names(.kind.algorithms()), names(.allowed))]
    AlgorithmMismatch {
        /// The kind of the key.
        kind: KeyKind,
        /// The algorithms that the issuer allows.
        allowed: Box<[Algorithm]>,
    },
    /// A secret that is shorter than the hash it is used with (RFC 7518 section 3.2).
    #[error("the secret has {bytes} bytes, where {algorithm} needs at least {needed}")]
    ShortSecret {
        /// Its length.
        bytes: usize,
        /// The length that is needed.
        needed: usize,
        /// The algorithm that needs it.
        algorithm: Algorithm,
    },
    /// A PEM instead of a secret. With it, every holder of the public key could sign.
    #[error("it is a PEM, not a secret")]
    SecretIsPem,
    /// Not a JWKS.
    #[error("it is not a JWKS: a JSON object, without a repeated name, with a list `keys`")]
    NotJwks,
    /// More keys than [`MAX_JWKS_KEYS`].
    #[error("it has {count} keys, where at most {MAX_JWKS_KEYS} are read")]
    TooManyKeys {
        /// The number of keys.
        count: usize,
    },
    /// Usable keys, and none that a token can name for certain.
    #[error("the keys can't be distinguished{}", reasons(.skipped))]
    AmbiguousKeys {
        /// All keys, with the reason for each.
        skipped: Box<[SkippedKey]>,
        /// The usable ones: a former key that is not among them was withdrawn.
        published: Box<[CanonicalKey]>,
    },
}

impl From<InvalidPem> for InvalidKey {
    fn from(error: InvalidPem) -> Self {
        match error {
            InvalidPem::TooLarge { bytes } => Self::TooLarge {
                bytes,
                limit: pem_file::MAX_PEM_BYTES,
            },
            InvalidPem::NotPem => Self::NotPem,
            InvalidPem::SeveralBlocks { count } => Self::SeveralBlocks { count },
        }
    }
}

fn reasons(skipped: &[SkippedKey]) -> String {
    skipped.iter().map(|key| format!("; {key}")).collect()
}
