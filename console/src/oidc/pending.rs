//! The sign-in that a browser has begun, in a cookie: encrypted and authenticated with a key of this process (AES-256-GCM),
//! so that the server keeps nothing for those who never come back.

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand;
use axum::http::{HeaderMap, HeaderValue};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use control::operators::BegunSignIn;
use rules::Timestamp;
use serde::{Deserialize, Serialize};

use crate::console::Console;
use crate::session_cookie::cookie;

/// The name over plain HTTP.
const PLAIN_NAME: &str = "sluice_oidc";
/// The name over https.
const SECURE_NAME: &str = "__Host-sluice_oidc";
/// The longest time between the begin and the answer, in seconds.
const MAX_AGE_SECONDS: i64 = 600;

/// The key of the cookies of this process.
pub(crate) struct PendingKey(RandomizedNonceKey);

/// A sign-in that was begun.
pub(super) struct Pending {
    pub(super) begun: BegunSignIn,
    pub(super) redirect_uri: String,
    /// The page to open after it; empty for the first one.
    pub(super) to: String,
    pub(super) at: Timestamp,
}

#[derive(Serialize, Deserialize)]
struct Written {
    state: String,
    nonce: String,
    verifier: String,
    redirect_uri: String,
    to: String,
    at_ms: i64,
}

impl PendingKey {
    pub(crate) fn new() -> Result<Self, Unspecified> {
        let mut bytes = [0; 32];
        rand::fill(&mut bytes)?;
        RandomizedNonceKey::new(&AES_256_GCM, &bytes).map(Self)
    }

    fn seal(&self, mut bytes: Vec<u8>) -> Option<String> {
        let nonce = self.0.seal_in_place_append_tag(Aad::empty(), &mut bytes).ok()?;
        let mut sealed = nonce.as_ref().to_vec();
        sealed.extend_from_slice(&bytes);
        Some(URL_SAFE_NO_PAD.encode(sealed))
    }

    fn open(&self, text: &str) -> Option<Vec<u8>> {
        let sealed = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (nonce, rest) = sealed.split_first_chunk::<NONCE_LEN>()?;
        let mut bytes = rest.to_vec();
        let nonce = Nonce::assume_unique_for_key(*nonce);
        let opened = self.0.open_in_place(nonce, Aad::empty(), &mut bytes).ok()?;
        Some(opened.to_vec())
    }
}

impl Pending {
    /// Returns the header that sets the cookie. `SameSite=Lax`, because a page of the provider leads back.
    pub(super) fn seal(&self, console: &Console, headers: &HeaderMap) -> Option<HeaderValue> {
        let written = Written {
            state: self.begun.state.clone(),
            nonce: self.begun.nonce.clone(),
            verifier: self.begun.verifier.clone(),
            redirect_uri: self.redirect_uri.clone(),
            to: self.to.clone(),
            at_ms: self.at.0,
        };
        let sealed = console.pending_key.seal(serde_json::to_vec(&written).ok()?)?;
        header_value(console, headers, &sealed, MAX_AGE_SECONDS)
    }

    /// Returns the sign-in in the cookie of a request; none if it is not of this process, or too old.
    pub(super) fn open(console: &Console, headers: &HeaderMap) -> Option<Self> {
        let name = match console.origins.is_secure(headers) {
            true => SECURE_NAME,
            false => PLAIN_NAME,
        };
        let bytes = console.pending_key.open(cookie(headers, name)?)?;
        let written: Written = serde_json::from_slice(&bytes).ok()?;
        let age = (console.clock)().0.saturating_sub(written.at_ms);
        (age < MAX_AGE_SECONDS * 1_000).then(|| Self {
            begun: BegunSignIn {
                url: String::new(),
                state: written.state,
                nonce: written.nonce,
                verifier: written.verifier,
            },
            redirect_uri: written.redirect_uri,
            to: written.to,
            at: Timestamp(written.at_ms),
        })
    }

    /// Returns the header that removes the cookie.
    pub(super) fn remove(console: &Console, headers: &HeaderMap) -> Option<HeaderValue> {
        header_value(console, headers, "", 0)
    }
}

fn header_value(console: &Console, headers: &HeaderMap, value: &str, seconds: i64) -> Option<HeaderValue> {
    let attributes = format!("Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax");
    let text = match console.origins.is_secure(headers) {
        true => format!("{SECURE_NAME}={value}; {attributes}; Secure"),
        false => format!("{PLAIN_NAME}={value}; {attributes}"),
    };
    let mut value = HeaderValue::try_from(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}
