//! Reading tokens without keys: every shape that is refused before any cryptography, and no panic ever.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use proptest::prelude::*;

use super::{MAX_KID_BYTES, MAX_TOKEN_BYTES, Unverified};

const HEADER: &str = r#"{"alg":"ES256","kid":"k1","typ":"JWT"}"#;
const CLAIMS: &str = r#"{"iss":"i","aud":"a","exp":1}"#;

fn encoded(part: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(part)
}

fn token(header: impl AsRef<[u8]>, claims: impl AsRef<[u8]>) -> String {
    format!("{}.{}.c2ln", encoded(header), encoded(claims))
}

/// Returns the code of the rejection, or `ok`.
fn outcome(token: &str) -> &'static str {
    Unverified::parse(token).map_or_else(|rejection| rejection.code(), |_| "ok")
}

#[test]
fn unverified_token_exposes_header_and_issuer() {
    let text = token(HEADER, CLAIMS);
    let token = Unverified::parse(&text).unwrap();
    assert_eq!(
        (token.issuer(), token.kid(), token.algorithm().as_str()),
        ("i", Some("k1"), "ES256")
    );
    assert_eq!((token.media_type(), token.signature()), (Some("JWT"), "c2ln"));
    assert_eq!(format!("{}.c2ln", token.message()), text);
}

#[test]
fn token_header_is_checked_before_key_lookup() {
    let long_kid = format!(r#"{{"alg":"ES256","kid":"{}"}}"#, "k".repeat(MAX_KID_BYTES + 1));
    let cases = [
        (r#"{"alg":"ES256"}"#, "ok"),
        (
            r#"{"alg":"ES256","jku":"https://evil.example/keys","x5u":"x","x5c":[],"jwk":{}}"#,
            "ok",
        ),
        (r#"{"alg":"none"}"#, "unsupported_algorithm"),
        (r#"{"alg":"None"}"#, "unsupported_algorithm"),
        (r#"{"alg":"NONE"}"#, "unsupported_algorithm"),
        (r#"{"alg":"nOnE"}"#, "unsupported_algorithm"),
        (r#"{"alg":" none"}"#, "unsupported_algorithm"),
        (r#"{"alg":"none\u0000"}"#, "unsupported_algorithm"),
        (r#"{"alg":"\u006eone"}"#, "unsupported_algorithm"),
        (r#"{"alg":""}"#, "unsupported_algorithm"),
        (r#"{"alg":"rs256"}"#, "unsupported_algorithm"),
        (r#"{"alg":"RS256 "}"#, "unsupported_algorithm"),
        (r#"{"alg":"ES512"}"#, "unsupported_algorithm"),
        (r#"{"alg":"ES256K"}"#, "unsupported_algorithm"),
        (r#"{"alg":"RSA-OAEP"}"#, "unsupported_algorithm"),
        (r#"{}"#, "malformed"),
        (r#"{"ALG":"ES256"}"#, "malformed"),
        (r#"{"alg":null}"#, "malformed"),
        (r#"{"alg":["ES256"]}"#, "malformed"),
        (r#"{"alg":256}"#, "malformed"),
        (r#"["ES256"]"#, "malformed"),
        (r#"{"alg":"ES256","kid":1}"#, "malformed"),
        (r#"{"alg":"ES256","kid":null}"#, "malformed"),
        (r#"{"alg":"ES256","typ":["JWT"]}"#, "malformed"),
        (&long_kid, "malformed"),
        (r#"{"alg":"ES256","crit":[]}"#, "critical_header"),
        (r#"{"alg":"ES256","crit":["exp"],"exp":1}"#, "critical_header"),
        (r#"{"alg":"ES256","crit":["b64"],"b64":false}"#, "critical_header"),
        (r#"{"alg":"ES256","crit":null}"#, "critical_header"),
        (r#"{"alg":"none","alg":"ES256"}"#, "repeated_name"),
        (r#"{"alg":"ES256","\u0061lg":"none"}"#, "repeated_name"),
        (r#"{"alg":"ES256","kid":"a","kid":"b"}"#, "repeated_name"),
    ];
    for (header, expected) in cases {
        assert_eq!(outcome(&token(header, CLAIMS)), expected, "{header}");
    }
}

#[test]
fn claims_are_an_unambiguous_object_with_an_issuer() {
    let cases: [(&[u8], &str); 14] = [
        (br#"{"iss":""}"#, "ok"),
        (br#"{"aud":"a"}"#, "missing_claim"),
        (br#"{"iss":5}"#, "invalid_claim"),
        (br#"{"iss":null}"#, "invalid_claim"),
        (br#"{"iss":["i"]}"#, "invalid_claim"),
        (br#"{"iss":"i","iss":"j"}"#, "repeated_name"),
        (br#"{"iss":"i","exp":1,"exp":9999999999}"#, "repeated_name"),
        (br#"{"iss":"i","org":{"id":"a","id":"b"}}"#, "repeated_name"),
        (br#"[]"#, "malformed"),
        (br#""text""#, "malformed"),
        (br#"{"iss":"i"}{"#, "malformed"),
        (b"{\"iss\":\"\xff\"}", "malformed"),
        (b"\xef\xbb\xbf{\"iss\":\"i\"}", "malformed"),
        (b"", "malformed"),
    ];
    for (claims, expected) in cases {
        assert_eq!(
            outcome(&token(HEADER, claims)),
            expected,
            "{}",
            String::from_utf8_lossy(claims)
        );
    }
}

#[test]
fn token_has_three_strict_base64url_parts() {
    let (header, claims) = (encoded(HEADER), encoded(CLAIMS));
    // The claims are 29 bytes, so their last character has bits to spare.
    let stray = format!("{}{}", &claims[..claims.len() - 1], "1");
    let cases = [
        (String::new(), "malformed"),
        (".".to_owned(), "malformed"),
        ("..".to_owned(), "malformed"),
        (header.clone(), "malformed"),
        (format!("{header}.{claims}"), "malformed"),
        (format!("{header}.{claims}."), "bad_signature"),
        (format!("{header}.{claims}.c2ln.c2ln"), "malformed"),
        (format!("{header}.{claims}.a.b.c"), "malformed"),
        (format!(".{claims}.c2ln"), "malformed"),
        (format!("{header}..c2ln"), "malformed"),
        (format!("{header}=.{claims}.c2ln"), "malformed"),
        (format!("{header}.{claims}=.c2ln"), "malformed"),
        (format!("{header}.{stray}.c2ln"), "malformed"),
        (format!(" {header}.{claims}.c2ln"), "malformed"),
        (format!("{header}.{claims} .c2ln"), "malformed"),
        (format!("{header}.{}+/.c2ln", &claims[..4]), "malformed"),
        (format!("{header}.\u{e9}.c2ln"), "malformed"),
    ];
    for (text, expected) in cases {
        assert_eq!(outcome(&text), expected, "{text}");
    }
}

#[test]
fn oversized_token_is_rejected_by_its_length() {
    let cases = [
        (MAX_TOKEN_BYTES, "malformed"),
        (MAX_TOKEN_BYTES + 1, "too_large"),
        (64 * 1024, "too_large"),
        (1024 * 1024, "too_large"),
    ];
    for (length, expected) in cases {
        assert_eq!(outcome(&"a".repeat(length)), expected, "{length}");
    }
    let base = token(HEADER, CLAIMS);
    assert_eq!(
        outcome(&format!("{base}{}", "A".repeat(MAX_TOKEN_BYTES - base.len()))),
        "ok"
    );
    assert_eq!(
        outcome(&format!("{base}{}", "A".repeat(MAX_TOKEN_BYTES + 1 - base.len()))),
        "too_large"
    );
}

proptest! {
    #[test]
    fn reading_never_panics(text in "\\PC{0,300}") {
        let _ = Unverified::parse(&text);
    }

    #[test]
    fn reading_parts_of_any_bytes_never_panics(
        header in proptest::collection::vec(any::<u8>(), 0..80),
        claims in proptest::collection::vec(any::<u8>(), 0..80),
        signature in "[A-Za-z0-9_=.-]{0,20}",
    ) {
        let _ = Unverified::parse(&format!("{}.{}.{signature}", encoded(header), encoded(claims)));
    }

    #[test]
    fn reading_any_header_never_panics(header in r#"\{("(alg|kid|typ|crit|iss)":("ES256"|"none"|1|null|\[\]|\{\}),?){0,4}\}"#) {
        let _ = Unverified::parse(&token(header, CLAIMS));
    }
}
