//! A token as it is written, for messages to operators. It proves nothing.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value};

use crate::unverified::MAX_TOKEN_BYTES;

/// The header and the claims of a token as they are written. Nothing of them is verified, so they must not decide
/// anything: they are for explanations that only operators read.
#[derive(Debug, Clone, PartialEq)]
pub struct StatedToken {
    /// The members of the header.
    pub header: Map<String, Value>,
    /// The claims, an object.
    pub claims: Value,
}

impl StatedToken {
    /// Reads a token of at most [`MAX_TOKEN_BYTES`]; none if it does not have the form of one.
    #[must_use]
    pub fn parse(token: &str) -> Option<Self> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let mut parts = token.split('.');
        let mut object = || {
            let bytes = URL_SAFE_NO_PAD.decode(parts.next()?).ok()?;
            serde_json::from_slice::<Map<String, Value>>(&bytes).ok()
        };
        let (header, claims) = (object()?, object()?);
        Some(Self {
            header,
            claims: Value::Object(claims),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn encoded(part: &Value) -> String {
        URL_SAFE_NO_PAD.encode(part.to_string())
    }

    #[test]
    fn a_stated_token_has_header_and_claims() {
        let (header, claims) = (json!({ "alg": "none" }), json!({ "iss": "x", "aud": ["y"] }));
        let token = format!("{}.{}.", encoded(&header), encoded(&claims));
        let stated = StatedToken::parse(&token).unwrap();
        assert_eq!(Value::Object(stated.header), header);
        assert_eq!(stated.claims, claims);
        for text in ["", "a.b.c", "Bearer a.b.c", &encoded(&header)] {
            assert_eq!(StatedToken::parse(text), None, "{text}");
        }
        assert_eq!(StatedToken::parse(&"a".repeat(MAX_TOKEN_BYTES + 1)), None);
    }
}
