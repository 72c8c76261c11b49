//! Tokens of forms against forged requests of other sites (CSRF): an HMAC over the session that the form was rendered for.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The key of the tokens of this process.
pub(crate) struct FormTokens(hmac::Key);

impl FormTokens {
    /// Creates a random key.
    ///
    /// # Errors
    /// The system has no random bytes.
    pub(crate) fn new() -> Result<Self, aws_lc_rs::error::Unspecified> {
        hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()).map(Self)
    }

    /// Returns the token of a session.
    pub(crate) fn issue(&self, session: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.0, session))
    }

    /// Returns true if the token was issued for the session. The comparison takes the same time for any token.
    pub(crate) fn accepts(&self, session: &[u8], token: &str) -> bool {
        let tag = URL_SAFE_NO_PAD.decode(token);
        tag.is_ok_and(|tag| hmac::verify(&self.0, session, &tag).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::FormTokens;

    #[test]
    fn a_token_is_accepted_for_its_session_alone() {
        let (tokens, others) = (FormTokens::new().unwrap(), FormTokens::new().unwrap());
        let token = tokens.issue(b"one");
        assert!(tokens.accepts(b"one", &token));
        assert!(!tokens.accepts(b"two", &token));
        assert!(!others.accepts(b"one", &token));
        for forged in ["", "x", "!!", &token[1..]] {
            assert!(!tokens.accepts(b"one", forged), "{forged}");
        }
    }
}
