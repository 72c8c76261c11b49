//! The kinds of keys, and the algorithms that fit each.

use std::fmt;

use crate::algorithm::Algorithm;

/// The kind of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// A shared secret.
    Secret,
    /// An RSA public key.
    Rsa,
    /// A point on the curve P-256.
    P256,
    /// A point on the curve P-384.
    P384,
    /// An Ed25519 public key.
    Ed25519,
}

impl KeyKind {
    /// Returns every algorithm that a key of this kind can be used with.
    #[must_use]
    pub fn algorithms(self) -> &'static [Algorithm] {
        use Algorithm::{EdDsa, Es256, Es384, Hs256, Hs384, Hs512, Ps256, Ps384, Ps512, Rs256, Rs384, Rs512};
        match self {
            Self::Secret => &[Hs256, Hs384, Hs512],
            Self::Rsa => &[Rs256, Rs384, Rs512, Ps256, Ps384, Ps512],
            Self::P256 => &[Es256],
            Self::P384 => &[Es384],
            Self::Ed25519 => &[EdDsa],
        }
    }

    /// Returns the algorithms of `allowed` that fit this kind, each once.
    pub(crate) fn fitting(self, allowed: &[Algorithm]) -> Box<[Algorithm]> {
        self.algorithms()
            .iter()
            .copied()
            .filter(|algorithm| allowed.contains(algorithm))
            .collect()
    }
}

impl fmt::Display for KeyKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "a secret",
            Self::Rsa => "an RSA key",
            Self::P256 => "an EC key on P-256",
            Self::P384 => "an EC key on P-384",
            Self::Ed25519 => "an Ed25519 key",
        })
    }
}
