//! One verification key: its type, found in the key itself, and the algorithms it may be used with.
//! Whatever is wrong with it is found here, once, by the library that will verify with it.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256K1_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ECDSA_P521_SHA512_FIXED,
    ED25519, EcdsaVerificationAlgorithm, ParsedPublicKey,
};
use jsonwebtoken::DecodingKey;

use crate::algorithm::Algorithm;
use crate::canonical_key::CanonicalKey;
use crate::invalid_key::InvalidKey;
use crate::key_kind::KeyKind;
use crate::key_limits::{MAX_RSA_BITS, MAX_SECRET_BYTES, MIN_RSA_BITS};
use crate::provider::install_crypto_provider;
use crate::rejection::Rejection;
use crate::roca::has_roca_fingerprint;
use crate::unverified::Unverified;

/// The beginning of a PEM block.
const PEM_BEGIN: &[u8] = b"-----BEGIN ";

/// The bare key, before it is known what it may be used for.
pub(crate) struct Material {
    pub(crate) kind: KeyKind,
    canonical: CanonicalKey,
    decoding: DecodingKey,
}

/// A key with its name and its algorithms.
#[derive(Debug, Clone)]
pub(crate) struct VerificationKey {
    pub(crate) kid: Option<Box<str>>,
    canonical: CanonicalKey,
    algorithms: Box<[Algorithm]>,
    decoding: DecodingKey,
}

impl Material {
    /// Reads a secret that is long enough for each of `algorithms` (RFC 7518 section 3.2).
    pub(crate) fn secret(bytes: &[u8], algorithms: &[Algorithm]) -> Result<Self, InvalidKey> {
        if bytes.len() > MAX_SECRET_BYTES {
            return Err(InvalidKey::TooLarge {
                bytes: bytes.len(),
                limit: MAX_SECRET_BYTES,
            });
        }
        // Text may come before the block, as in what `openssl pkcs12` writes.
        if bytes.windows(PEM_BEGIN.len()).any(|part| part == PEM_BEGIN) {
            return Err(InvalidKey::SecretIsPem);
        }
        for algorithm in algorithms
            .iter()
            .copied()
            .filter(|algorithm| algorithm.is_symmetric())
        {
            let needed = algorithm.signature_bytes().unwrap_or(usize::MAX);
            if bytes.len() < needed {
                return Err(InvalidKey::ShortSecret {
                    bytes: bytes.len(),
                    needed,
                    algorithm,
                });
            }
        }
        Ok(Self {
            kind: KeyKind::Secret,
            canonical: CanonicalKey(bytes.into()),
            decoding: DecodingKey::from_secret(bytes),
        })
    }

    /// Reads a public key from the DER of a SubjectPublicKeyInfo (RFC 5280) or an RSAPublicKey (RFC 8017).
    pub(crate) fn public_der(der: &[u8]) -> Result<Self, InvalidKey> {
        if let Ok(key) = rsa::PublicKey::from_der(der) {
            return Self::rsa(&key, der);
        }
        // The DER names its curve, and the library accepts only the right one: at most one attempt succeeds.
        for (kind, curve) in [
            (KeyKind::P256, &ECDSA_P256_SHA256_FIXED),
            (KeyKind::P384, &ECDSA_P384_SHA384_FIXED),
        ] {
            if let Ok(key) = ParsedPublicKey::new(curve, der) {
                return Self::ec(kind, &key);
            }
        }
        if let Ok(key) = ParsedPublicKey::new(&ED25519, der) {
            return Self::ed(&key);
        }
        // Known curves that no algorithm uses get a message of their own.
        for (curve, found) in [
            ("P-521", &ECDSA_P521_SHA512_FIXED),
            ("secp256k1", &ECDSA_P256K1_SHA256_FIXED),
        ] {
            if ParsedPublicKey::new(found, der).is_ok() {
                return Err(InvalidKey::UnsupportedCurve { curve });
            }
        }
        Err(InvalidKey::UnsupportedType)
    }

    /// Reads an RSA key from its modulus and exponent, both big-endian.
    pub(crate) fn rsa_components(modulus: &[u8], exponent: &[u8]) -> Result<Self, InvalidKey> {
        let components = rsa::PublicKeyComponents {
            n: without_zeros(modulus),
            e: without_zeros(exponent),
        };
        let der = components.as_der().map_err(|_| InvalidKey::UnsupportedType)?;
        Self::public_der(der.as_ref())
    }

    /// Reads a point on the curve of `kind` from its two coordinates of full length.
    pub(crate) fn point(kind: KeyKind, x: &[u8], y: &[u8]) -> Result<Self, InvalidKey> {
        let (curve, length): (&'static EcdsaVerificationAlgorithm, usize) = match kind {
            KeyKind::P256 => (&ECDSA_P256_SHA256_FIXED, 32),
            KeyKind::P384 => (&ECDSA_P384_SHA384_FIXED, 48),
            KeyKind::Secret | KeyKind::Rsa | KeyKind::Ed25519 => return Err(InvalidKey::UnsupportedType),
        };
        if x.len() != length || y.len() != length {
            return Err(InvalidKey::UnsupportedType);
        }
        let uncompressed = [&[4], x, y].concat();
        let key = ParsedPublicKey::new(curve, &uncompressed).map_err(|_| InvalidKey::UnsupportedType)?;
        Self::ec(kind, &key)
    }

    /// Reads an Ed25519 key from its 32 bytes.
    pub(crate) fn ed25519(bytes: &[u8]) -> Result<Self, InvalidKey> {
        if bytes.len() != 32 {
            return Err(InvalidKey::UnsupportedType);
        }
        Self::ed(&ParsedPublicKey::new(&ED25519, bytes).map_err(|_| InvalidKey::UnsupportedType)?)
    }

    fn rsa(key: &rsa::PublicKey, der: &[u8]) -> Result<Self, InvalidKey> {
        let info = key.as_der().map_err(|_| InvalidKey::UnsupportedType)?;
        // The library also accepts keys restricted to PSS, and the restriction would be lost.
        if der != key.as_ref() && der != info.as_ref() {
            return Err(InvalidKey::UnsupportedType);
        }
        let modulus = key.modulus().big_endian_without_leading_zero();
        let first = modulus.first().copied().unwrap_or_default();
        let bits = (modulus.len() * 8).saturating_sub(first.leading_zeros() as usize);
        if !(MIN_RSA_BITS..=MAX_RSA_BITS).contains(&bits) {
            return Err(InvalidKey::RsaSize { bits });
        }
        if has_roca_fingerprint(modulus) {
            return Err(InvalidKey::Factorable);
        }
        let decoding = DecodingKey::from_rsa_der(key.as_ref());
        Ok(Self {
            kind: KeyKind::Rsa,
            canonical: CanonicalKey(info.as_ref().into()),
            decoding,
        })
    }

    fn ec(kind: KeyKind, key: &ParsedPublicKey) -> Result<Self, InvalidKey> {
        let canonical = canonical(key)?;
        let decoding = DecodingKey::from_ec_der(&canonical);
        Ok(Self {
            kind,
            canonical: CanonicalKey(canonical),
            decoding,
        })
    }

    fn ed(key: &ParsedPublicKey) -> Result<Self, InvalidKey> {
        let canonical = canonical(key)?;
        let decoding = DecodingKey::from_ed_der(&canonical);
        Ok(Self {
            kind: KeyKind::Ed25519,
            canonical: CanonicalKey(canonical),
            decoding,
        })
    }
}

fn canonical(key: &ParsedPublicKey) -> Result<Box<[u8]>, InvalidKey> {
    let info = key.as_der().map_err(|_| InvalidKey::UnsupportedType)?;
    Ok(info.as_ref().into())
}

fn without_zeros(number: &[u8]) -> &[u8] {
    let zeros = number.iter().take_while(|byte| **byte == 0).count();
    number.get(zeros..).unwrap_or_default()
}

impl VerificationKey {
    /// Creates a key for `algorithms`, those that remain for it. With an empty list it verifies nothing.
    pub(crate) fn new(material: Material, kid: Option<Box<str>>, algorithms: Box<[Algorithm]>) -> Self {
        install_crypto_provider();
        Self {
            kid,
            algorithms,
            canonical: material.canonical,
            decoding: material.decoding,
        }
    }

    /// Returns a copy with a name.
    pub(crate) fn named(&self, kid: &str) -> Self {
        Self {
            kid: Some(kid.into()),
            ..self.clone()
        }
    }

    pub(crate) fn canonical(&self) -> &CanonicalKey {
        &self.canonical
    }

    pub(crate) fn algorithms(&self) -> &[Algorithm] {
        &self.algorithms
    }

    /// Adds algorithms that the key may be used with.
    pub(crate) fn allow(&mut self, algorithms: &[Algorithm]) {
        let mut all = [&self.algorithms, algorithms].concat();
        all.sort_unstable();
        all.dedup();
        self.algorithms = all.into();
    }

    /// Verifies the signature of `token`, once, with the algorithm that its header names if that is one of
    /// this key's own.
    pub(crate) fn verify(&self, token: &Unverified<'_>) -> Result<(), Rejection> {
        let algorithm = token.algorithm();
        // The header names the algorithm, but the key decides which ones are possible.
        if !self.algorithms.contains(&algorithm) {
            return Err(Rejection::AlgorithmNotAllowed);
        }
        let (signature, message) = (token.signature(), token.message().as_bytes());
        if algorithm
            .signature_bytes()
            .is_some_and(|bytes| signature.len() != base64url_length(bytes))
        {
            return Err(Rejection::BadSignature);
        }
        match jsonwebtoken::crypto::verify(signature, message, &self.decoding, algorithm.to_library()) {
            Ok(true) => Ok(()),
            Ok(false) | Err(_) => Err(Rejection::BadSignature),
        }
    }
}

/// Returns the number of base64url characters of `bytes` bytes, without padding.
fn base64url_length(bytes: usize) -> usize {
    (bytes * 8).div_ceil(6)
}
