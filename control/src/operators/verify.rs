//! The trait that verifies tokens of an issuer: `control` has no keys.

use async_trait::async_trait;
use rules::Timestamp;

/// The claims of a verified token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// The subject (`sub`), which identifies the operator.
    pub subject: String,
    /// The name to display; none if the token has none.
    pub display_name: Option<String>,
    /// The values of its claim of roles.
    pub roles: Vec<String>,
    /// The value of its claim of an org.
    pub org: Option<String>,
    /// The time from which it is rejected.
    pub expires: Timestamp,
}

/// The reason why a token is not verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotVerified {
    /// The token is invalid.
    Invalid {
        /// A fixed text without parts of the token.
        reason: &'static str,
    },
    /// The issuer's keys are not available.
    Unavailable,
}

/// Verifies tokens of an issuer.
#[async_trait]
pub trait VerifyToken: Send + Sync {
    /// Verifies a token at a time and returns its claims.
    ///
    /// # Errors
    /// The token is invalid, or cannot be verified now.
    async fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, NotVerified>;
}
