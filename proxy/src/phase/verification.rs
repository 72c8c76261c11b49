//! Verification of a token with the keys of the issuer that it names.

use std::sync::Arc;

use tokens::{Identity, Issuer, Issuers, Unverified};

use crate::issuer_keys::{IssuerKeys, Unproven};

/// A token with its issuer, not verified yet.
pub(crate) struct Verification<'t> {
    token: Unverified<'t>,
    issuer: &'t Issuer,
    keys: Arc<IssuerKeys>,
    /// Seconds since 1970.
    now: u64,
}

impl<'t> Verification<'t> {
    /// Begins the verification of a token at `now` (seconds since 1970). `keys` returns the keys by the issuer's
    /// position.
    ///
    /// # Errors
    /// The token is refused without its signature, or its issuer has no keys.
    pub(crate) fn begin(
        issuers: &'t Issuers,
        keys: impl FnOnce(usize) -> Option<Arc<IssuerKeys>>,
        token: &'t str,
        now: u64,
    ) -> Result<Self, Unproven> {
        let token = Unverified::parse(token)?;
        let issuer = issuers.pick(&token)?;
        let position = issuers.iter().position(|other| std::ptr::eq(other, issuer));
        let keys = position.and_then(keys).ok_or(Unproven::NoKeys)?;
        Ok(Self {
            token,
            issuer,
            keys,
            now,
        })
    }

    /// Verifies the token. Waits for keys that have to be fetched.
    ///
    /// # Errors
    /// The token is refused, or its keys are not available.
    pub(crate) async fn complete(self) -> Result<Identity, Unproven> {
        self.keys.verify(self.issuer, &self.token, self.now).await
    }

    /// Verifies the token with the keys that are there. Fetches none.
    ///
    /// # Errors
    /// The token is refused, or its keys are not available.
    pub(crate) fn complete_at_once(self) -> Result<Identity, Unproven> {
        self.keys.verify_at_once(self.issuer, &self.token, self.now)
    }
}
