//! One attempt to deliver a notice: one request.

use std::time::Duration;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use config::SinkTarget;
use reqwest::redirect::Policy;
use reqwest::{Client, Response};
use rules::Timestamp;

use super::message;
use super::notice::Notice;

/// The longest wait that a receiver can ask for, in milliseconds.
const MAX_RETRY_AFTER_MS: i64 = 3_600_000;

/// The reason for which a notice was not delivered. It contains neither the URL nor an answer, which may be confidential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotDelivered {
    /// There was no connection, or it broke.
    #[error("no connection")]
    Unreachable,
    /// There was no answer in time.
    #[error("no answer within {0:?}")]
    TimedOut(Duration),
    /// Another status than 2xx.
    #[error("the answer was {status}")]
    Status {
        /// The status.
        status: u16,
        /// The wait that the receiver asks for, in milliseconds.
        retry_after_ms: Option<i64>,
    },
}

impl NotDelivered {
    /// Returns true if the receiver does not exist any more, or will never take this notice: it is not tried again.
    pub(super) const fn is_final(&self) -> bool {
        matches!(
            self,
            Self::Status {
                status: 410 | 413,
                ..
            }
        )
    }
}

/// Creates a client for receivers. Redirects are not followed: a notice goes to the configured address only.
pub(super) fn client() -> Result<Client, reqwest::Error> {
    // An error only means that a provider is already installed.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .redirect(Policy::none())
        .no_proxy()
        .referer(false)
        .user_agent(concat!("sluice/", env!("CARGO_PKG_VERSION")))
        .pool_max_idle_per_host(1)
        .build()
}

/// Sends a notice. Links begin with `public_url`.
///
/// # Errors
/// The receiver has not confirmed it.
pub(super) async fn send(
    client: &Client,
    (target, public_url): (&SinkTarget, Option<&str>),
    notice: &Notice,
    now: Timestamp,
    limit: Duration,
) -> Result<(), NotDelivered> {
    let request = match target {
        SinkTarget::Slack { url } => client
            .post(&**url)
            .body(message::slack(notice, public_url).to_string()),
        SinkTarget::Webhook { url, secret } => {
            let body = message::webhook(notice, public_url).to_string();
            let seconds = now.0.div_euclid(1_000).to_string();
            let signature = signature(secret, &notice.id, &seconds, &body);
            client
                .post(&**url)
                .header("webhook-id", &notice.id)
                .header("webhook-timestamp", seconds)
                .header("webhook-signature", signature)
                .body(body)
        }
    };
    let request = request.header("content-type", "application/json");
    let answer = tokio::time::timeout(limit, request.send()).await;
    let answer = answer.map_err(|_| NotDelivered::TimedOut(limit))?;
    let answer = answer.map_err(|_| NotDelivered::Unreachable)?;
    if answer.status().is_success() {
        return Ok(());
    }
    Err(NotDelivered::Status {
        status: answer.status().as_u16(),
        retry_after_ms: retry_after(&answer),
    })
}

/// Returns the signature of a webhook by the specification Standard Webhooks.
fn signature(secret: &[u8], id: &str, seconds: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    let tag = hmac::sign(&key, format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(tag))
}

/// Returns the seconds of `Retry-After` in milliseconds. A date is not supported, and the usual wait applies.
fn retry_after(answer: &Response) -> Option<i64> {
    let seconds = answer.headers().get("retry-after")?.to_str().ok()?;
    let seconds: i64 = seconds.trim().parse().ok()?;
    (seconds >= 0).then(|| seconds.saturating_mul(1_000).min(MAX_RETRY_AFTER_MS))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification (standard-webhooks, `libraries/README.md`).
    #[test]
    fn a_signature_is_that_of_the_specification() {
        let secret = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signed = signature(
            &secret,
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            "1614265330",
            "{\"test\": 2432232314}",
        );
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
