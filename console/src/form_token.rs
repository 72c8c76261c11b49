//! Tokens of forms against forged requests of other sites (CSRF): an HMAC with the secret of the session that the form was
//! rendered for. Nothing else is needed to check one, so that forms of open pages outlive a restart with their session.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Separates the tokens from other uses of the secret.
const PURPOSE: &[u8] = b"sluice console form";

/// Returns the token of a session with this secret.
pub(crate) fn issue(secret: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(hmac::sign(&key(secret), PURPOSE))
}

/// Returns true if a form was sent with the token of its session. The comparison takes the same time for any token.
pub(crate) fn is_same(expected: &str, sent: &str) -> bool {
    verify_slices_are_equal(expected.as_bytes(), sent.as_bytes()).is_ok()
}

fn key(secret: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, secret)
}

#[cfg(test)]
mod tests {
    use super::{is_same, issue};

    #[test]
    fn a_token_is_accepted_for_its_session_alone() {
        let token = issue(b"one");
        assert!(is_same(&issue(b"one"), &token));
        assert!(!is_same(&issue(b"two"), &token));
        for forged in ["", "x", "!!", &token[1..]] {
            assert!(!is_same(&token, forged), "{forged}");
        }
    }
}
