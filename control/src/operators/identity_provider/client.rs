//! Requests to an identity provider: each has a time limit and a size limit, and follows no redirect. URLs are https, or
//! http on this machine.

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use redact::error_chain;
use reqwest::redirect::Policy;
use reqwest::{Client, RequestBuilder, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Credentials, ProviderError, error_text, query_of};

/// The path of the discovery document below the issuer (OpenID Connect Discovery 1.0 section 4).
const DISCOVERY_PATH: &str = "/.well-known/openid-configuration";
/// The time for which a discovery document is used.
const DISCOVERY_AGE: Duration = Duration::from_secs(10 * 60);
/// The time limit of a request, from the connection to the last byte.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The largest answer, in bytes.
const MAX_ANSWER: usize = 256 * 1024;

/// A client of a provider.
pub(super) struct ProviderClient {
    issuer: String,
    http: Client,
    discovered: Mutex<Option<(Instant, Arc<Discovered>)>>,
}

/// The part of a discovery document that is used, checked.
#[derive(Debug)]
pub(super) struct Discovered {
    pub(super) authorization_endpoint: Url,
    token_endpoint: Url,
    pub(super) keys_url: Url,
    /// True if redirects name the issuer.
    pub(super) sends_issuer: bool,
    /// True if the token endpoint takes the secret in the body alone.
    takes_secret_in_body: bool,
}

#[derive(Deserialize)]
struct DiscoveryDocument {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    #[serde(default)]
    authorization_response_iss_parameter_supported: bool,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    id_token: Option<String>,
}

#[derive(Deserialize)]
struct TokenError {
    error: String,
}

impl ProviderClient {
    pub(super) fn new(issuer: &str) -> Result<Self, String> {
        // An error only means that a provider is already installed.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let builder = Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .referer(false)
            .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
            .pool_max_idle_per_host(1);
        // The certificates of the system are loaded for https only: a machine may have none.
        let builder = match issuer.starts_with("https:") {
            true => builder,
            false => builder.tls_certs_only([]),
        };
        Ok(Self {
            issuer: issuer.to_owned(),
            http: builder.build().map_err(|error| error_chain(&error))?,
            discovered: Mutex::new(None),
        })
    }

    /// Returns the discovery document, which is fetched again when it is old.
    pub(super) async fn discovered(&self) -> Result<Arc<Discovered>, ProviderError> {
        if let Some((at, discovered)) = &*self.discovered.lock()
            && at.elapsed() < DISCOVERY_AGE
        {
            return Ok(Arc::clone(discovered));
        }
        let url = format!("{}{DISCOVERY_PATH}", self.issuer.trim_end_matches('/'));
        let request = self.http.get(url);
        let (status, body) = answer(request, "the discovery document").await?;
        if status != 200 {
            return Err(unavailable(format!(
                "the discovery document has the status {status}"
            )));
        }
        let document: DiscoveryDocument = read(&body, "the discovery document")?;
        let discovered = Arc::new(self.check(document)?);
        *self.discovered.lock() = Some((Instant::now(), Arc::clone(&discovered)));
        Ok(discovered)
    }

    fn check(&self, document: DiscoveryDocument) -> Result<Discovered, ProviderError> {
        // Byte for byte (OpenID Connect Discovery 1.0 section 4.3): otherwise one provider can pose as another.
        if document.issuer != self.issuer {
            return Err(ProviderError::Rejected(
                "the discovery document is of another issuer",
            ));
        }
        let methods = &document.token_endpoint_auth_methods_supported;
        let takes = |method: &str| methods.iter().any(|known| known == method);
        Ok(Discovered {
            authorization_endpoint: endpoint(&document.authorization_endpoint)?,
            token_endpoint: endpoint(&document.token_endpoint)?,
            keys_url: endpoint(&document.jwks_uri)?,
            sends_issuer: document.authorization_response_iss_parameter_supported,
            // Without the list, the header is supported.
            takes_secret_in_body: takes("client_secret_post") && !takes("client_secret_basic"),
        })
    }

    /// Exchanges a code for an ID token.
    pub(super) async fn exchange(
        &self,
        discovered: &Discovered,
        fields: &[(&str, &str)],
        credentials: &Credentials,
    ) -> Result<String, ProviderError> {
        let mut fields = fields.to_vec();
        let mut request = self
            .http
            .post(discovered.token_endpoint.clone())
            .header("content-type", "application/x-www-form-urlencoded")
            .header("accept", "application/json");
        match (credentials.basic(), &credentials.secret) {
            (Some(header), _) if !discovered.takes_secret_in_body => {
                request = request.header("authorization", header);
            }
            (_, secret) => {
                fields.push(("client_id", &credentials.id));
                fields.extend(secret.as_deref().map(|secret| ("client_secret", secret)));
            }
        }
        let (status, body) = answer(request.body(query_of(&fields)), "the token endpoint").await?;
        if status != 200 {
            let rejected = serde_json::from_slice::<TokenError>(&body);
            return Err(match rejected {
                Ok(rejected) => ProviderError::Rejected(error_text(&rejected.error)),
                Err(_) => unavailable(format!("the token endpoint has the status {status}")),
            });
        }
        let answer: TokenAnswer = read(&body, "the answer of the token endpoint")?;
        answer.id_token.ok_or(ProviderError::Rejected(
            "the answer of the token endpoint has no ID token",
        ))
    }
}

fn unavailable(reason: String) -> ProviderError {
    ProviderError::Unavailable(format!("the identity provider can't be used: {reason}"))
}

fn read<T: DeserializeOwned>(body: &[u8], what: &str) -> Result<T, ProviderError> {
    // The text of a parse error may have a part of the body.
    serde_json::from_slice(body).map_err(|_| unavailable(format!("{what} is malformed")))
}

/// Returns the URL of an endpoint.
fn endpoint(text: &str) -> Result<Url, ProviderError> {
    let url = Url::parse(text).ok();
    let is_local = |url: &Url| match url.host_str() {
        Some("localhost") => true,
        Some(host) => {
            let host = host.trim_matches(['[', ']']);
            host.parse()
                .is_ok_and(|host: std::net::IpAddr| host.is_loopback())
        }
        None => false,
    };
    let usable = url.filter(|url| url.scheme() == "https" || url.scheme() == "http" && is_local(url));
    usable.ok_or(ProviderError::Rejected(
        "the discovery document has a URL that is not https",
    ))
}

/// Sends a request, and returns status and body of its answer.
async fn answer(request: RequestBuilder, what: &str) -> Result<(u16, Vec<u8>), ProviderError> {
    let receive = async {
        let mut response = request.send().await?;
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await? {
            // Checked before each chunk is appended, so the buffer never exceeds the limit.
            if body.len() + chunk.len() > MAX_ANSWER {
                return Ok(None);
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Some((status, body)))
    };
    match tokio::time::timeout(TIMEOUT, receive).await {
        Ok(Ok(Some(received))) => Ok(received),
        Ok(Ok(None)) => Err(unavailable(format!("{what} is larger than 256 KiB"))),
        Ok(Err(error)) => {
            let error: reqwest::Error = error;
            Err(unavailable(format!(
                "{what} can't be fetched: {}",
                error_chain(&error.without_url())
            )))
        }
        Err(_) => Err(unavailable(format!(
            "{what} did not answer within {} s",
            TIMEOUT.as_secs()
        ))),
    }
}
