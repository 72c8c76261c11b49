//! Fetches a JWKS over HTTP: one bounded request, whose every failure is told apart. When to fetch is left to
//! its caller.

use std::time::Duration;

use reqwest::redirect::{Attempt, Policy};
use reqwest::{Client, Url};
use tokens::{Algorithm, InvalidKey, KeySet, MAX_JWKS_BYTES};

/// Most redirects that are followed, each to the same scheme.
const MAX_REDIRECTS: usize = 3;

/// Where an issuer publishes its keys, and what they may be used with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Jwks {
    pub(crate) url: Url,
    pub(crate) algorithms: Box<[Algorithm]>,
}

/// Why a fetch brought no keys.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FetchFailed {
    /// No connection, or one that broke.
    #[error("it can't be reached: {detail}")]
    Unreachable {
        /// The chain of causes.
        detail: String,
    },
    /// It took too long.
    #[error("it did not answer within {limit:?}")]
    TimedOut {
        /// How long was waited.
        limit: Duration,
    },
    /// A redirect that is not followed.
    #[error("it redirects too often, or to another scheme")]
    Redirected,
    /// Any status but 200.
    #[error("it answered with status {status}")]
    Status {
        /// What it answered with.
        status: u16,
    },
    /// More bytes than a JWKS may have.
    #[error("its answer has more than {MAX_JWKS_BYTES} bytes")]
    TooLarge,
    /// Not a JWKS, or one with too many keys.
    #[error("its answer is not usable: {0}")]
    Invalid(#[from] InvalidKey),
}

impl FetchFailed {
    /// A stable name in snake case, for metrics.
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
    /// Fetches the keys; an answer without a usable one is the empty set. `limit` bounds the whole of it, from the
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
            // The sum is bounded by what is allowed and one chunk.
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
        // The address may hold a password, so it is left out; whoever reads this knows the issuer.
        Self::Unreachable {
            detail: causes(&error.without_url()),
        }
    }
}

/// A client for addresses of `scheme`. Nothing in the environment (`HTTPS_PROXY`) directs it elsewhere.
pub(crate) fn client(scheme: &str) -> Result<Client, reqwest::Error> {
    // An error only says that a provider is installed already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let builder = Client::builder()
        .redirect(Policy::custom(follow))
        .no_proxy()
        .referer(false)
        .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
        .pool_max_idle_per_host(1)
        .pool_idle_timeout(Duration::from_secs(30));
    // The system's certificates are only loaded where they are needed: a machine may have none.
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

/// An error and what caused it, on one line.
pub(crate) fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests;
