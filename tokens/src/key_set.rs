//! The verification keys of one issuer: read and checked once, then found by name.

use std::collections::HashMap;
use std::fmt;

use aws_lc_rs::digest;
use serde_json::Value;

use crate::algorithm::{Algorithm, names};
use crate::canonical_key::CanonicalKey;
use crate::invalid_key::InvalidKey;
use crate::json;
use crate::key::{Material, VerificationKey};
use crate::key_limits::{MAX_JWKS_BYTES, MAX_JWKS_KEYS};
use crate::pem_file;
use crate::published_keys::PublishedKeys;
use crate::rejection::Rejection;
use crate::skipped_key::SkippedKey;

/// The verification keys of one issuer at one time. Immutable.
#[derive(Debug)]
pub struct KeySet {
    keys: KeyIndex,
    generation: Generation,
    skipped: Box<[SkippedKey]>,
}

#[derive(Debug)]
enum KeyIndex {
    /// One key without a name: a PEM, a secret, or a JWKS of one such key. It answers to every `kid`.
    Sole(VerificationKey),
    /// Keys by `kid`; keys of one `kid` have no algorithm in common. Empty if a JWKS has no usable key.
    Named(HashMap<Box<str>, Vec<VerificationKey>>),
}

/// A fingerprint of a [`KeySet`]: equal exactly when the usable keys, their names and their algorithms are.
///
/// It is a SHA-256. `Debug` doesn't show it, since one of a weak secret would let it be guessed offline.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Generation([u8; 32]);

impl KeySet {
    /// Reads the public key in a PEM file: `PUBLIC KEY` (SPKI) of RSA, EC or Ed25519, or `RSA PUBLIC KEY`
    /// (PKCS #1).
    pub fn from_pem(bytes: &[u8], allowed: &[Algorithm]) -> Result<Self, InvalidKey> {
        let block = pem_file::only_block(bytes)?;
        let material = match block.tag() {
            "PUBLIC KEY" | "RSA PUBLIC KEY" => Material::public_der(block.contents()),
            "CERTIFICATE" | "X509 CERTIFICATE" | "TRUSTED CERTIFICATE" => Err(InvalidKey::Certificate),
            label if label.ends_with("PRIVATE KEY") => Err(InvalidKey::PrivateKey),
            label => Err(InvalidKey::UnsupportedBlock { label: label.into() }),
        }?;
        Self::sole(material, allowed)
    }

    /// Reads a shared secret, at least as long as the hash of each algorithm in `allowed`: 32, 48 or 64
    /// bytes. The bytes are used as they are. The caller removes a newline that an editor added at the end.
    pub fn from_secret(bytes: &[u8], allowed: &[Algorithm]) -> Result<Self, InvalidKey> {
        Self::sole(Material::secret(bytes, allowed)?, allowed)
    }

    /// Reads the usable keys of a JWKS (RFC 7517 section 5): public keys for signatures, of a known type and
    /// a fitting algorithm. Unless there is only one, each needs a `kid` that no other key has for the same
    /// algorithm. Other keys are skipped and listed. A JWKS without a usable key is an empty set, which
    /// verifies no token: an issuer withdraws its last key this way.
    ///
    /// # Errors
    /// The text is no JWKS, has too many bytes or keys, or has several keys of which none can be distinguished from
    /// the others.
    pub fn from_jwks(text: &str, allowed: &[Algorithm]) -> Result<Self, InvalidKey> {
        if allowed.is_empty() {
            return Err(InvalidKey::NoAlgorithm);
        }
        if text.len() > MAX_JWKS_BYTES {
            return Err(InvalidKey::TooLarge {
                bytes: text.len(),
                limit: MAX_JWKS_BYTES,
            });
        }
        let document = json::parse(text.as_bytes()).map_err(|_| InvalidKey::NotJwks)?;
        let Some(Value::Array(jwks)) = document.get("keys") else {
            return Err(InvalidKey::NotJwks);
        };
        if jwks.len() > MAX_JWKS_KEYS {
            return Err(InvalidKey::TooManyKeys { count: jwks.len() });
        }
        let PublishedKeys { usable, skipped } = PublishedKeys::read(jwks, allowed)?;
        Ok(Self::of(usable, skipped.into()))
    }

    /// Returns the fingerprint of this set.
    #[must_use]
    pub fn generation(&self) -> Generation {
        self.generation
    }

    /// Returns the number of its keys.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.keys {
            KeyIndex::Sole(_) => 1,
            KeyIndex::Named(keys) => keys.values().map(Vec::len).sum(),
        }
    }

    /// Returns true if it has no key, so that it verifies no token.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the names of its keys, in no particular order. A key without a name is left out.
    pub fn kids(&self) -> impl Iterator<Item = &str> {
        let named = match &self.keys {
            KeyIndex::Sole(_) => None,
            KeyIndex::Named(keys) => Some(keys.keys().map(|kid| &**kid)),
        };
        named.into_iter().flatten()
    }

    /// Returns the keys of the JWKS that are not used, for a report to the issuer.
    #[must_use]
    pub fn skipped(&self) -> &[SkippedKey] {
        &self.skipped
    }

    /// Returns the set without the keys that are not among `published`: those were withdrawn.
    #[must_use]
    pub fn only(&self, published: &[CanonicalKey]) -> Self {
        let kept = match &self.keys {
            KeyIndex::Sole(key) => vec![key.clone()],
            KeyIndex::Named(named) => {
                let named = named
                    .iter()
                    .flat_map(|(kid, keys)| keys.iter().map(|key| key.named(kid)));
                named.collect()
            }
        };
        let kept = kept.into_iter().filter(|key| published.contains(key.canonical()));
        Self::of(kept.collect(), Box::default())
    }

    /// Returns the one key that a token with this `kid` and algorithm can be signed with.
    pub(crate) fn key(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<&VerificationKey, Rejection> {
        let named = match (&self.keys, kid) {
            // A lone key matches every `kid`: issuers rename keys, and files have no name for one.
            (KeyIndex::Sole(key), _) => return Ok(key),
            (KeyIndex::Named(keys), Some(kid)) => keys
                .get(kid)
                .ok_or_else(|| Rejection::UnknownKey { kid: kid.into() })?,
            (KeyIndex::Named(keys), None) => {
                let mut all = keys.values();
                match (all.next(), all.next()) {
                    (Some(only), None) => only,
                    (Some(_), Some(_)) => return Err(Rejection::KeyNotNamed),
                    // A newer set may have the key, so this is no fault of the token.
                    (None, _) => return Err(Rejection::UnknownKey { kid: "".into() }),
                }
            }
        };
        // Keys of one `kid` have no algorithm in common, so at most one fits.
        let fitting = named.iter().find(|key| key.algorithms().contains(&algorithm));
        fitting.ok_or(Rejection::AlgorithmNotAllowed)
    }

    fn sole(material: Material, allowed: &[Algorithm]) -> Result<Self, InvalidKey> {
        if allowed.is_empty() {
            return Err(InvalidKey::NoAlgorithm);
        }
        let kind = material.kind;
        let algorithms = kind.fitting(allowed);
        if algorithms.is_empty() {
            return Err(InvalidKey::AlgorithmMismatch {
                kind,
                allowed: allowed.into(),
            });
        }
        Ok(Self::of(
            vec![VerificationKey::new(material, None, algorithms)],
            Box::default(),
        ))
    }

    /// Returns the set of these keys: one key, or keys that each have a `kid`.
    fn of(mut usable: Vec<VerificationKey>, skipped: Box<[SkippedKey]>) -> Self {
        // Sorted, so that the generation does not depend on the order in the document.
        usable.sort_by(|a, b| (&a.kid, a.canonical()).cmp(&(&b.kid, b.canonical())));
        let generation = Generation::of(&usable);
        let mut named = HashMap::<_, Vec<VerificationKey>>::with_capacity(usable.len());
        for mut key in usable {
            match key.kid.take() {
                Some(kid) => named.entry(kid).or_default().push(key),
                None => {
                    return Self {
                        keys: KeyIndex::Sole(key),
                        generation,
                        skipped,
                    };
                }
            };
        }
        Self {
            keys: KeyIndex::Named(named),
            generation,
            skipped,
        }
    }
}

impl Generation {
    /// Hashes the keys in the order given, every part with its length before it.
    fn of(keys: &[VerificationKey]) -> Self {
        let mut hash = digest::Context::new(&digest::SHA256);
        // Each part is preceded by its length: otherwise two sets could hash the same bytes.
        let mut part = |bytes: &[u8]| {
            hash.update(&(bytes.len() as u64).to_be_bytes());
            hash.update(bytes);
        };
        for key in keys {
            part(&[u8::from(key.kid.is_some())]);
            part(key.kid.as_deref().unwrap_or_default().as_bytes());
            part(names(key.algorithms()).as_bytes());
            part(key.canonical().bytes());
        }
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(hash.finish().as_ref()) {
            *to = *from;
        }
        Self(bytes)
    }
}

impl fmt::Debug for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Generation(..)")
    }
}
