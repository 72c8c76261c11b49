//! Fetching of a JWKS over HTTP: one bounded request. Its caller decides when to fetch.

use std::time::Duration;

use redact::error_chain;
use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Url};
use tokens::{Algorithm, InvalidKey, KeySet, MAX_JWKS_BYTES};

/// Maximum of redirects, each to the same scheme.
const MAX_REDIRECTS: usize = 3;

/// The URL of an issuer's keys, and the algorithms that they may be used with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Jwks {
    pub(crate) url: Url,
    pub(crate) algorithms: Box<[Algorithm]>,
}

/// The reason why a fetch failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchFailed {
    /// The connection failed or broke.
    #[error("connection failed: {detail}")]
    Unreachable {
        /// The chain of causes.
        detail: String,
    },
    /// The fetch took too long.
    #[error("no response within {limit:?}")]
    TimedOut {
        /// The timeout.
        limit: Duration,
    },
    /// A redirect that is not followed.
    #[error("too many redirects, or one to another scheme")]
    Redirected,
    /// A status other than 200.
    #[error("unexpected status {status}")]
    Status {
        /// The status.
        status: u16,
    },
    /// A response larger than a JWKS may be.
    #[error("the response has more than {MAX_JWKS_BYTES} bytes")]
    TooLarge,
    /// A response that is not a JWKS, or one with too many keys.
    #[error("invalid response: {0}")]
    Invalid(#[from] InvalidKey),
}

impl FetchFailed {
    /// Returns a stable name in snake case, for metrics.
    pub(crate) fn code(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } => "unreachable",
            Self::TimedOut { .. } => "timed_out",
            Self::Redirected => "redirected",
            Self::Status { .. } => "status",
            Self::TooLarge => "too_large",
            Self::Invalid(_) => "invalid",
        }
    }
}

impl Jwks {
    /// Fetches the keys. A response without a usable key is an empty set. `limit` bounds the whole fetch, from the
    /// connection to the last byte.
    pub(crate) async fn fetch(&self, client: &Client, limit: Duration) -> Result<KeySet, FetchFailed> {
        let fetched = tokio::time::timeout(limit, self.text(client)).await;
        let text = fetched.unwrap_or(Err(FetchFailed::TimedOut { limit }))?;
        Ok(KeySet::from_jwks(&text, &self.algorithms)?)
    }

    async fn text(&self, client: &Client) -> Result<String, FetchFailed> {
        let request = client.get(self.url.clone()).header("accept", "application/json");
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        if status != 200 {
            return Err(FetchFailed::Status { status });
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            // Checked before each chunk is appended, so the buffer never exceeds the limit.
            if bytes.len() + chunk.len() > MAX_JWKS_BYTES {
                return Err(FetchFailed::TooLarge);
            }
            bytes.extend_from_slice(&chunk);
        }
        String::from_utf8(bytes).map_err(|_| FetchFailed::Invalid(InvalidKey::NotJwks))
    }
}

impl From<reqwest::Error> for FetchFailed {
    fn from(error: reqwest::Error) -> Self {
        if error.is_redirect() {
            return Self::Redirected;
        }
        // The URL may contain a password, so it is omitted; the log line names the issuer.
        Self::Unreachable {
            detail: error_chain(&error.without_url()),
        }
    }
}

/// Creates a client for URLs of `scheme`. It ignores proxies of the environment (`HTTPS_PROXY`).
pub(crate) fn client(scheme: &str) -> Result<Client, reqwest::Error> {
    // An error only means that a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .redirect(Policy::custom(follow))
        .no_proxy()
        .referer(false)
        .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(30));
    // The system's certificates are loaded for https only: a machine may have none.
    let builder = if scheme == "https" {
        builder
    } else {
        builder.tls_certs_only([])
    };
    builder.build()
}

fn follow(attempt: Attempt<'_>) -> reqwest::redirect::Action {
    let same_scheme = attempt
        .previous()
        .iter()
        .all(|url| url.scheme() == attempt.url().scheme());
    if same_scheme && attempt.previous().len() <= MAX_REDIRECTS {
        attempt.follow()
    } else {
        attempt.error(FetchFailed::Redirected)
    }
}

#[cfg(test)]
mod tests;
