//! The canonical bytes of a key, by which keys are compared.

use std::fmt;

/// The bytes of a key: one encoding for one key, whatever it was read from.
///
/// `Debug` doesn't show them, since the key may be a secret.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CanonicalKey(pub(crate) Box<[u8]>);

impl CanonicalKey {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for CanonicalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CanonicalKey(..)")
    }
}
