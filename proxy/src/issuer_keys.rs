//! The current keys of one issuer: fixed in the documents, or published at a URL.

use std::sync::Arc;
use std::time::Duration;

use tokens::{Generation, Identity, Issuer, KeySet, Rejection, Unverified};
use tokio::task::AbortHandle;

use crate::fetch_timing::RefreshSettings;
use crate::keys_status::KeysStatus;
use crate::remote_keys::{Refreshed, RemoteKeys};

/// The keys of one issuer. When the last owner drops them, fetching ends.
#[derive(Debug)]
pub struct IssuerKeys {
    source: KeysSource,
}

#[derive(Debug)]
enum KeysSource {
    Fixed(Arc<KeySet>),
    Remote {
        keys: Arc<RemoteKeys>,
        refresher: AbortHandle,
    },
}

/// The reason why a token proves nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Unproven {
    /// The token is refused.
    Rejected(Rejection),
    /// The issuer's keys were never loaded, or have expired.
    NoKeys,
}

impl From<Rejection> for Unproven {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl IssuerKeys {
    /// Creates keys that are part of the documents and never change.
    #[must_use]
    pub fn fixed(keys: Arc<KeySet>) -> Arc<Self> {
        Arc::new(Self {
            source: KeysSource::Fixed(keys),
        })
    }

    pub(crate) fn remote(keys: Arc<RemoteKeys>, refresher: AbortHandle) -> Arc<Self> {
        Arc::new(Self {
            source: KeysSource::Remote { keys, refresher },
        })
    }

    /// Returns the keys; none if they were never fetched, or have expired. Takes no lock and does not wait.
    #[must_use]
    pub fn current(&self) -> Option<Arc<KeySet>> {
        match &self.source {
            KeysSource::Fixed(keys) => Some(Arc::clone(keys)),
            KeysSource::Remote { keys, .. } => keys.current(),
        }
    }

    /// Returns the fingerprint of [`IssuerKeys::current`].
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        match &self.source {
            KeysSource::Fixed(keys) => Some(keys.generation()),
            KeysSource::Remote { keys, .. } => keys.generation(),
        }
    }

    /// Returns the keys. If there are none yet, waits for a fetch as long as a request may.
    pub async fn first(&self) -> Option<Arc<KeySet>> {
        if let KeysSource::Remote { keys, .. } = &self.source
            && keys.generation().is_none()
        {
            keys.refresh(None, None).await;
        }
        self.current()
    }

    /// Requests newer keys, because a token names `kid`, which the keys of generation `tried` lack.
    pub async fn refresh_for_unknown_key(&self, kid: &str, tried: Generation) -> Refreshed {
        match &self.source {
            KeysSource::Fixed(_) => Refreshed::Unchanged,
            KeysSource::Remote { keys, .. } => keys.refresh(Some(kid), Some(tried)).await,
        }
    }

    /// Requests newer keys, because a signature is invalid with the keys of generation `tried`: the issuer may have
    /// replaced a key under the same id.
    pub async fn refresh_for_bad_signature(&self, tried: Generation) -> Refreshed {
        match &self.source {
            KeysSource::Fixed(_) => Refreshed::Unchanged,
            KeysSource::Remote { keys, .. } => keys.refresh(None, Some(tried)).await,
        }
    }

    /// Verifies a token of `issuer`, whose keys these are, at `now` in seconds since 1970. If the key is unknown or
    /// the signature invalid, requests newer keys once and verifies again.
    ///
    /// # Errors
    /// The token proves nothing.
    pub async fn verify(
        &self,
        issuer: &Issuer,
        token: &Unverified<'_>,
        now: u64,
    ) -> Result<Identity, Unproven> {
        let set = self.first().await.ok_or(Unproven::NoKeys)?;
        let rejection = match issuer.verify(token, &set, now) {
            Ok(identity) => return Ok(identity),
            Err(rejection) => rejection,
        };
        let refreshed = match &rejection {
            Rejection::UnknownKey { kid } => self.refresh_for_unknown_key(kid, set.generation()).await,
            Rejection::BadSignature => self.refresh_for_bad_signature(set.generation()).await,
            _ => Refreshed::Unchanged,
        };
        match (refreshed, self.current()) {
            (Refreshed::Changed, Some(set)) => Ok(issuer.verify(token, &set, now)?),
            (Refreshed::Changed, None) => Err(Unproven::NoKeys),
            _ => Err(rejection.into()),
        }
    }

    /// Verifies a token of `issuer`, whose keys these are, at `now` in seconds since 1970, with the current keys.
    ///
    /// # Errors
    /// The token proves nothing.
    pub fn verify_at_once(
        &self,
        issuer: &Issuer,
        token: &Unverified<'_>,
        now: u64,
    ) -> Result<Identity, Unproven> {
        let set = self.current().ok_or(Unproven::NoKeys)?;
        Ok(issuer.verify(token, &set, now)?)
    }

    /// Waits up to `limit` until there are keys. Returns false on timeout. For use before serving, not for requests.
    pub async fn loaded_within(&self, limit: Duration) -> bool {
        match &self.source {
            KeysSource::Fixed(_) => true,
            KeysSource::Remote { keys, .. } => tokio::time::timeout(limit, keys.loaded()).await.is_ok(),
        }
    }

    pub(crate) fn set_refresh(&self, refresh: RefreshSettings) {
        if let KeysSource::Remote { keys, .. } = &self.source {
            keys.set_refresh(refresh);
        }
    }

    /// Returns the status of fetched keys; none for keys that are part of the documents.
    #[must_use]
    pub fn status(&self) -> Option<KeysStatus> {
        match &self.source {
            KeysSource::Fixed(_) => None,
            KeysSource::Remote { keys, .. } => Some(keys.status()),
        }
    }
}

impl Drop for IssuerKeys {
    fn drop(&mut self) {
        if let KeysSource::Remote { refresher, .. } = &self.source {
            refresher.abort();
        }
    }
}

#[cfg(test)]
mod tests;
