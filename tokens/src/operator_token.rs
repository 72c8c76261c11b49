//! The form of operators' static tokens, by which one is recognised where it does not belong. What such a token is
//! good for, the control plane knows.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

pub use redact::TOKEN_PREFIX as OPERATOR_TOKEN_PREFIX;

/// How many characters of Basic credentials are decoded: the start of what 255 bytes are encoded as.
const MAX_BASIC: usize = 340;
/// Basic credentials, with or without padding and with stray bits, as lenient servers take them.
const BASIC: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Whether credentials, as a header or a cookie holds them, have a static token of an operator in them: bare, after
/// any scheme, as a parameter, or as user or password of Basic (RFC 7617). Goes by the fixed prefix alone, allocates
/// nothing and hashes nothing. A JSON web token never counts: its parts don't begin so.
#[must_use]
pub fn holds_operator_token(credentials: &[u8]) -> bool {
    begins_somewhere(credentials) || basic(credentials).is_some_and(holds_as_user_or_password)
}

/// Whether some word begins with the prefix. A word begins at the start, and after each byte that is no letter, digit,
/// `-`, `.` or `_`.
fn begins_somewhere(credentials: &[u8]) -> bool {
    let prefix = OPERATOR_TOKEN_PREFIX.as_bytes();
    let is_inner = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
    let mut before = None;
    for (position, &byte) in credentials.iter().enumerate() {
        let begins = !before.is_some_and(is_inner);
        if begins
            && credentials
                .get(position..)
                .is_some_and(|rest| rest.starts_with(prefix))
        {
            return true;
        }
        before = Some(byte);
    }
    false
}

/// The encoded part of Basic credentials; the scheme in any case (RFC 9110 section 11.1).
fn basic(credentials: &[u8]) -> Option<&[u8]> {
    let (scheme, encoded) = credentials.split_at_checked(b"basic".len())?;
    let encoded_there = scheme.eq_ignore_ascii_case(b"basic") && encoded.first()?.is_ascii_whitespace();
    encoded_there.then(|| encoded.trim_ascii())
}

fn holds_as_user_or_password(encoded: &[u8]) -> bool {
    let mut decoded = [0_u8; MAX_BASIC / 4 * 3];
    let start = encoded.get(..MAX_BASIC).unwrap_or(encoded);
    let length = BASIC.decode_slice(start, &mut decoded);
    let decoded = length.ok().and_then(|length| decoded.get(..length));
    decoded.is_some_and(begins_somewhere)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOKEN: &str = "sluice_Zm9yIHRlc3RzIG9ubHk";

    fn basic_of(pair: &str) -> String {
        format!("Basic {}", BASIC.encode(pair))
    }

    #[test]
    fn a_static_token_is_recognised_wherever_credentials_have_it() {
        let spelt = [
            TOKEN.to_owned(),
            format!("Bearer {TOKEN}"),
            format!("bearer   {TOKEN}"),
            format!("BEARER\t{TOKEN}"),
            format!("Token token=\"{TOKEN}\""),
            format!("Token token={TOKEN}"),
            format!("Digest a=b, response={TOKEN}"),
            format!("Bearer:{TOKEN}"),
            format!("Bearer eyJ.e30.a, Bearer {TOKEN}"),
            OPERATOR_TOKEN_PREFIX.to_owned(),
            basic_of(&format!("{TOKEN}:")),
            basic_of(&format!("ann:{TOKEN}")),
            basic_of(&format!("ann:{TOKEN}")).replace("Basic", "bAsIc  "),
            basic_of(&format!("{}:{TOKEN}", "a".repeat(100))),
            basic_of(&format!("ann:{TOKEN}{}", "a".repeat(1_000))),
            basic_of(&format!("ann:{TOKEN}")).trim_end_matches('=').to_owned(),
        ];
        for credentials in spelt {
            assert!(holds_operator_token(credentials.as_bytes()), "{credentials}");
        }
    }

    #[test]
    fn other_credentials_are_left_alone() {
        let other = [
            String::new(),
            "Bearer".to_owned(),
            "Bearer eyJhbGciOiJub25lIn0.e30.sluice_x".to_owned(),
            "Bearer my-sluice_key".to_owned(),
            "Bearer xsluice_key".to_owned(),
            "Bearer SLUICE_KEY".to_owned(),
            "Bearer sluice".to_owned(),
            "Basic".to_owned(),
            "Basic !!!".to_owned(),
            "Basic sluice".to_owned(),
            basic_of("ann:secret"),
            basic_of("ann:mysluice_"),
            format!("Bearer {}", "a".repeat(20_000)),
        ];
        for credentials in other {
            assert!(!holds_operator_token(credentials.as_bytes()), "{credentials}");
        }
        assert!(!holds_operator_token(&[0xff, 0x80, b' ', b's']));
    }
}
