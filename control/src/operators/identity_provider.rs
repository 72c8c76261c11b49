//! Sign-in of people at an identity provider: the authorization code flow of OpenID Connect Core 1.0 (section 3.1) with
//! PKCE (RFC 7636) and the issuer in the answer (RFC 9207). Signatures and claims of ID tokens are verified elsewhere
//! ([`VerifyIdToken`]).

mod client;

use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use changes::Role;
use reqwest::Url;
use rules::Timestamp;

use super::{NotVerified, VerifiedToken};

use client::{Discovered, ProviderClient};

/// The number of random bytes in a state, in a nonce and in a verifier of PKCE.
const RANDOM_BYTES: usize = 32;
/// The scope without which an answer has no ID token.
const OPENID: &str = "openid";

/// An identity provider, and this client of it.
#[derive(Debug, Clone)]
pub struct ProviderDefinition {
    /// The issuer, whose discovery document is below it.
    pub issuer: String,
    /// The id of this client.
    pub client_id: String,
    /// The file with the secret of this client, read for each exchange; none for a public client.
    pub client_secret_file: Option<PathBuf>,
    /// The scopes to ask for, beside `openid`.
    pub scopes: Vec<String>,
    /// Values of the claim of roles, and their roles here. Other values have no role.
    pub roles: Vec<(String, Role)>,
}

/// Verifies ID tokens of the provider.
#[async_trait]
pub trait VerifyIdToken: Send + Sync {
    /// Verifies signature, algorithm, issuer, audience, time and nonce of a token with the keys at a URL, and returns its
    /// claims.
    ///
    /// # Errors
    /// The token is invalid, or the keys can't be fetched.
    async fn verify(
        &self,
        keys_url: &str,
        token: &str,
        nonce: &str,
        now: Timestamp,
    ) -> Result<VerifiedToken, NotVerified>;
}

/// An identity provider by which people sign in.
pub struct IdentityProvider {
    definition: ProviderDefinition,
    client: ProviderClient,
    verify: Arc<dyn VerifyIdToken>,
}

/// A sign-in that was begun. Its browser keeps it until the answer of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BegunSignIn {
    /// The URL at the provider to which the browser is sent.
    pub url: String,
    /// The random value that the answer repeats.
    pub state: String,
    /// The random value that the ID token repeats.
    pub nonce: String,
    /// The secret of PKCE.
    pub verifier: String,
}

/// The answer of a provider, in the query of the redirect.
#[derive(Debug, Clone, Default)]
pub struct ProviderAnswer {
    /// The code.
    pub code: Option<String>,
    /// The state.
    pub state: Option<String>,
    /// The issuer (RFC 9207).
    pub issuer: Option<String>,
    /// The code of an error (RFC 6749 section 4.1.2.1).
    pub error: Option<String>,
}

/// The reason why a sign-in at the provider failed. Its texts have no part of a token, code or secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProviderError {
    /// The provider can't be used now; the reason in plain words.
    #[error("{0}")]
    Unavailable(String),
    /// The answer is rejected, which counts as a failed sign-in.
    #[error("{0}")]
    Rejected(&'static str),
    /// The system has no random bytes.
    #[error("the system gives no random bytes")]
    NoRandomness,
}

impl IdentityProvider {
    /// Creates a client of the provider. Nothing is requested before the first sign-in.
    ///
    /// # Errors
    /// The certificates of the system can't be used; the reason in plain words.
    pub fn new(definition: ProviderDefinition, verify: Arc<dyn VerifyIdToken>) -> Result<Self, String> {
        let client = ProviderClient::new(&definition.issuer)?;
        Ok(Self {
            definition,
            client,
            verify,
        })
    }

    /// Returns the issuer.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.definition.issuer
    }

    /// Returns values of the claim of roles, and their roles here.
    pub(super) fn roles(&self) -> &[(String, Role)] {
        &self.definition.roles
    }

    /// Begins a sign-in whose answer is sent to `redirect_uri`.
    ///
    /// # Errors
    /// The discovery document can't be fetched, or is invalid.
    pub async fn begin(&self, redirect_uri: &str) -> Result<BegunSignIn, ProviderError> {
        let discovered = self.client.discovered().await?;
        let (state, nonce, verifier) = (random()?, random()?, random()?);
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, verifier.as_bytes()));
        let mut url = discovered.authorization_endpoint.clone();
        url.query_pairs_mut()
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.definition.client_id)
            .append_pair("redirect_uri", redirect_uri)
            .append_pair("scope", &self.scope())
            .append_pair("state", &state)
            .append_pair("nonce", &nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        Ok(BegunSignIn {
            url: url.into(),
            state,
            nonce,
            verifier,
        })
    }

    /// Returns the claims of the person whom the answer to `begun` is about.
    ///
    /// # Errors
    /// The answer is rejected, or the provider can't be used.
    pub async fn finish(
        &self,
        begun: &BegunSignIn,
        answer: &ProviderAnswer,
        redirect_uri: &str,
        now: Timestamp,
    ) -> Result<VerifiedToken, ProviderError> {
        if answer.state.as_deref() != Some(&*begun.state) {
            return Err(ProviderError::Rejected(
                "the answer of the provider has another state",
            ));
        }
        let discovered = self.client.discovered().await?;
        self.check_issuer(&discovered, answer.issuer.as_deref())?;
        if let Some(error) = &answer.error {
            return Err(ProviderError::Rejected(error_text(error)));
        }
        let Some(code) = &answer.code else {
            return Err(ProviderError::Rejected("the answer of the provider has no code"));
        };
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", redirect_uri),
            ("code_verifier", &begun.verifier),
        ];
        let credentials = self.credentials().await?;
        let token = self.client.exchange(&discovered, &fields, &credentials).await?;
        let verified = self
            .verify
            .verify(discovered.keys_url.as_str(), &token, &begun.nonce, now);
        verified.await.map_err(|error| match error {
            NotVerified::Invalid { reason } => ProviderError::Rejected(reason),
            NotVerified::Unavailable => {
                ProviderError::Unavailable("the keys of the identity provider can't be fetched".to_owned())
            }
        })
    }

    /// Rejects an answer of another issuer, and one without an issuer from a provider that sends it (RFC 9207 section 2.4).
    fn check_issuer(&self, discovered: &Discovered, answered: Option<&str>) -> Result<(), ProviderError> {
        match answered {
            Some(answered) if answered == self.definition.issuer => Ok(()),
            Some(_) => Err(ProviderError::Rejected(
                "the answer is of another identity provider",
            )),
            None if discovered.sends_issuer => Err(ProviderError::Rejected(
                "the answer of the provider has no issuer, which it announces to send",
            )),
            None => Ok(()),
        }
    }

    fn scope(&self) -> String {
        let others = self.definition.scopes.iter().map(String::as_str);
        let others = others.filter(|scope| *scope != OPENID);
        let scopes: Vec<&str> = std::iter::once(OPENID).chain(others).collect();
        scopes.join(" ")
    }

    /// Reads the credentials of this client.
    async fn credentials(&self) -> Result<Credentials, ProviderError> {
        let secret = match &self.definition.client_secret_file {
            None => None,
            Some(path) => {
                let file = path.clone();
                let read = tokio::task::spawn_blocking(move || std::fs::read_to_string(file)).await;
                let read = read.map_err(std::io::Error::other).flatten();
                let secret = read.map_err(|error| {
                    let path = path.display();
                    ProviderError::Unavailable(format!(
                        "the file of the client secret, {path}, can't be read: {error}"
                    ))
                })?;
                Some(secret.trim().to_owned())
            }
        };
        Ok(Credentials {
            id: self.definition.client_id.clone(),
            secret,
        })
    }
}

/// The credentials of this client.
struct Credentials {
    id: String,
    secret: Option<String>,
}

impl Credentials {
    /// Returns the value of `Authorization` (RFC 6749 section 2.3.1); none without a secret.
    fn basic(&self) -> Option<String> {
        let encoded = |text: &str| -> String { form_encoded(text) };
        let secret = self.secret.as_deref()?;
        let pair = format!("{}:{}", encoded(&self.id), encoded(secret));
        Some(format!("Basic {}", STANDARD.encode(pair)))
    }
}

/// Returns a text in the form of `application/x-www-form-urlencoded`.
fn form_encoded(text: &str) -> String {
    query_of(&[("", text)]).trim_start_matches('=').to_owned()
}

/// Returns fields in the form of `application/x-www-form-urlencoded`.
fn query_of(fields: &[(&str, &str)]) -> String {
    // `Url` has the only encoder here; its host is not used.
    let Ok(mut url) = Url::parse("http://localhost/") else {
        return String::new();
    };
    url.query_pairs_mut().extend_pairs(fields);
    url.query().unwrap_or_default().to_owned()
}

fn random() -> Result<String, ProviderError> {
    let mut bytes = [0; RANDOM_BYTES];
    rand::fill(&mut bytes).map_err(|_| ProviderError::NoRandomness)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns the text of an error (RFC 6749 section 4.1.2.1, OpenID Connect Core 1.0 section 3.1.2.6).
fn error_text(code: &str) -> &'static str {
    match code {
        "access_denied" => "the identity provider refused the sign-in (access_denied)",
        "invalid_request" => "the identity provider rejected the request (invalid_request)",
        "unauthorized_client" => "the identity provider does not allow this client (unauthorized_client)",
        "invalid_scope" => "the identity provider does not know a scope (invalid_scope)",
        "invalid_client" => "the identity provider rejected the client id or its secret (invalid_client)",
        "invalid_grant" => "the identity provider rejected the code (invalid_grant)",
        "server_error" => "the identity provider failed (server_error)",
        "temporarily_unavailable" => "the identity provider is overloaded (temporarily_unavailable)",
        "login_required" | "interaction_required" | "consent_required" | "account_selection_required" => {
            "the identity provider needs a decision of the person"
        }
        _ => "the identity provider answered with an error",
    }
}
