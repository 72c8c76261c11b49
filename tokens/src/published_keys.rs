//! The usable keys of a JWKS. Entries of one key are merged, and keys that no token can tell apart are
//! skipped (RFC 7517 sections 4.4 and 4.5). `jwk` reads one key, `key_set` finds the key of a token.

use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::canonical_key::CanonicalKey;
use crate::invalid_key::InvalidKey;
use crate::jwk;
use crate::key::VerificationKey;
use crate::skipped_key::{SkipReason, SkippedKey};

/// The usable keys of a JWKS, and the others. Those that share a `kid` have no algorithm in
/// common; one without a `kid` is alone.
pub(crate) struct PublishedKeys {
    pub(crate) usable: Vec<VerificationKey>,
    pub(crate) skipped: Vec<SkippedKey>,
}

/// A usable key of a JWKS.
struct PublishedKey {
    /// The position in the set, from 0; of merged entries the first.
    position: usize,
    key: VerificationKey,
}

impl PublishedKeys {
    /// Reads the entries of a JWKS.
    ///
    /// # Errors
    /// There are usable keys, and each is skipped because it can't be distinguished from another. This is a mistake of
    /// the issuer. Unlike a set without a usable key, it withdraws none of the keys that it lists.
    pub(crate) fn read(jwks: &[Value], allowed: &[Algorithm]) -> Result<Self, InvalidKey> {
        let mut found = Vec::<PublishedKey>::new();
        let mut skipped = Vec::new();
        for (position, jwk) in jwks.iter().enumerate() {
            match jwk::read(jwk, allowed) {
                Ok(key) => add(&mut found, position, key),
                Err(reason) => skipped.push(SkippedKey {
                    position,
                    kid: jwk::kid(jwk),
                    reason,
                }),
            }
        }
        // Ambiguity is judged among all usable keys before any is removed: otherwise the last one of a group
        // would remain.
        let reasons: Vec<_> = found.iter().map(|one| ambiguity(one, &found)).collect();
        let published: Vec<CanonicalKey> = found.iter().map(|one| one.key.canonical().clone()).collect();
        let mut usable = Vec::with_capacity(found.len());
        for (one, reason) in found.into_iter().zip(reasons) {
            match reason {
                None => usable.push(one.key),
                Some(reason) => skipped.push(SkippedKey {
                    position: one.position,
                    kid: one.key.kid,
                    reason,
                }),
            }
        }
        if usable.is_empty() && !published.is_empty() {
            return Err(InvalidKey::AmbiguousKeys {
                skipped: skipped.into(),
                published: published.into(),
            });
        }
        Ok(Self { usable, skipped })
    }
}

/// Adds a key, or only its algorithms if an earlier entry has the same name and key. Issuers list a key once
/// for each of its algorithms, or twice by mistake.
fn add(found: &mut Vec<PublishedKey>, position: usize, key: VerificationKey) {
    let is_same = |one: &&mut PublishedKey| one.key.kid == key.kid && one.key.canonical() == key.canonical();
    match found.iter_mut().find(is_same) {
        Some(one) => one.key.allow(key.algorithms()),
        None => found.push(PublishedKey { position, key }),
    }
}

/// Returns why no token can mean `one` for certain, where that is so.
fn ambiguity(one: &PublishedKey, found: &[PublishedKey]) -> Option<SkipReason> {
    if one.key.kid.is_none() {
        return (found.len() > 1).then_some(SkipReason::Unnamed);
    }
    let is_rival = |other: &&PublishedKey| {
        let mut algorithms = other.key.algorithms().iter();
        other.position != one.position
            && other.key.kid == one.key.kid
            && algorithms.any(|algorithm| one.key.algorithms().contains(algorithm))
    };
    found.iter().find(is_rival).map(|_| SkipReason::RepeatedKid)
}
