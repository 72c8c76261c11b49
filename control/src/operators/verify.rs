//! The seam to whoever verifies tokens of an issuer: `control` knows no keys.

use async_trait::async_trait;
use rules::Timestamp;

/// What a token proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedToken {
    /// Whose it is.
    pub name: String,
    /// What its claim of roles says, in the issuer's words.
    pub roles: Vec<String>,
    /// What its claim of an org says.
    pub org: Option<String>,
}

/// Why a token proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotVerified {
    /// It is not good; `reason` is a fixed text, nothing from the token.
    Invalid {
        /// Why.
        reason: &'static str,
    },
    /// The issuer's keys are not there now.
    Unavailable,
}

/// Verifies tokens of an issuer.
#[async_trait]
pub trait VerifyToken: Send + Sync {
    /// What the token proves at this time.
    ///
    /// # Errors
    /// Nothing.
    async fn verify(&self, token: &str, now: Timestamp) -> Result<VerifiedToken, NotVerified>;
}
