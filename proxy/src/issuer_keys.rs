//! The keys of one issuer, as they are at the moment: given once with the documents, or published at a URL.

use std::sync::Arc;
use std::time::Duration;

use tokens::{Generation, Identity, Issuer, KeySet, Rejection, Unverified};
use tokio::task::AbortHandle;

use crate::fetch_timing::RefreshSettings;
use crate::keys_status::KeysStatus;
use crate::remote_keys::{Refreshed, RemoteKeys};

/// The keys of one issuer. When the last owner drops them, they are fetched no more.
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

/// Why a token proves nothing.
#[derive(Debug, Clone, PartialEq)]
pub enum Unproven {
    /// It is not good.
    Rejected(Rejection),
    /// The issuer's keys were never loaded, or are kept no longer.
    NoKeys,
}

impl From<Rejection> for Unproven {
    fn from(rejection: Rejection) -> Self {
        Self::Rejected(rejection)
    }
}

impl IssuerKeys {
    /// Keys that came with the documents. There are never newer ones.
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

    /// The keys, unless they were never fetched well or are kept no longer. Takes no lock and waits for nothing.
    #[must_use]
    pub fn current(&self) -> Option<Arc<KeySet>> {
        match &self.source {
            KeysSource::Fixed(keys) => Some(Arc::clone(keys)),
            KeysSource::Remote { keys, .. } => keys.current(),
        }
    }

    /// The fingerprint of [`IssuerKeys::current`].
    #[must_use]
    pub fn generation(&self) -> Option<Generation> {
        match &self.source {
            KeysSource::Fixed(keys) => Some(keys.generation()),
            KeysSource::Remote { keys, .. } => keys.generation(),
        }
    }

    /// The keys; where there are none yet, a request's bounded wait for them.
    pub async fn first(&self) -> Option<Arc<KeySet>> {
        if let KeysSource::Remote { keys, .. } = &self.source
            && keys.generation().is_none()
        {
            keys.refresh(None, None).await;
        }
        self.current()
    }

    /// Asks for newer keys because a token names `kid`, which the keys of generation `tried` don't have.
    pub async fn refresh_for_unknown_key(&self, kid: &str, tried: Generation) -> Refreshed {
        match &self.source {
            KeysSource::Fixed(_) => Refreshed::Unchanged,
            KeysSource::Remote { keys, .. } => keys.refresh(Some(kid), Some(tried)).await,
        }
    }

    /// Asks for newer keys because a signature is not good by those of generation `tried`: the key may have
    /// been replaced under its name.
    pub async fn refresh_for_bad_signature(&self, tried: Generation) -> Refreshed {
        match &self.source {
            KeysSource::Fixed(_) => Refreshed::Unchanged,
            KeysSource::Remote { keys, .. } => keys.refresh(None, Some(tried)).await,
        }
    }

    /// Verifies a token of `issuer`, whose keys these are, at `now` in seconds since 1970. Where its key is unknown or
    /// its signature not good, the issuer is asked once whether it has published other keys since.
    ///
    /// # Errors
    /// It proves nothing.
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

    /// Waits until there are keys, at most for `limit`, and says whether there are. For whoever is about to
    /// serve with them, not for requests.
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

    pub(crate) fn status(&self) -> Option<KeysStatus> {
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
