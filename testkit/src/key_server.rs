//! A server of JWKS over HTTP that a test can change and break.

use std::sync::{Arc, Mutex};

use crate::Issuer;
use crate::upstream::{Upstream, reply, response};

/// The answer of the server.
#[derive(Debug, Clone)]
enum KeyAnswer {
    Keys(String),
    Status(u16),
}

/// A key server on loopback.
pub struct KeyServer {
    upstream: Upstream,
    answer: Arc<Mutex<KeyAnswer>>,
}

impl KeyServer {
    /// Starts a server of these issuers' keys.
    #[must_use]
    pub fn of(issuers: &[&Issuer]) -> Self {
        let server = Self::broken();
        server.serve(issuers);
        server
    }

    /// Starts a server that answers 500 until it has keys.
    #[must_use]
    pub fn broken() -> Self {
        let answer = Arc::new(Mutex::new(KeyAnswer::Status(500)));
        let served = Arc::clone(&answer);
        let upstream = Upstream::answering(move |_, stream| {
            let answer = served.lock().unwrap().clone();
            match answer {
                KeyAnswer::Keys(jwks) => reply(stream, &response(200, "OK", &jwks)),
                KeyAnswer::Status(status) => reply(stream, &response(status, "No", "")),
            }
        });
        Self { upstream, answer }
    }

    /// Serves these issuers' keys from now on.
    pub fn serve(&self, issuers: &[&Issuer]) {
        *self.answer.lock().unwrap() = KeyAnswer::Keys(Issuer::jwks(issuers));
    }

    /// Serves this text from now on.
    pub fn serve_text(&self, jwks: &str) {
        *self.answer.lock().unwrap() = KeyAnswer::Keys(jwks.to_owned());
    }

    /// Answers with this status from now on.
    pub fn fail(&self, status: u16) {
        *self.answer.lock().unwrap() = KeyAnswer::Status(status);
    }

    /// Returns the number of requests.
    #[must_use]
    pub fn fetches(&self) -> usize {
        self.upstream.count()
    }

    /// Returns the URL of its keys.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/jwks", self.upstream.address())
    }
}
