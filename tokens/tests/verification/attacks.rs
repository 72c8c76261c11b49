//! Tokens made to get in: each refused for its own reason, none at the cost of a second verification.

use jsonwebtoken::{Algorithm as Library, EncodingKey};
use serde_json::json;
use tokens::{Algorithm, Identity, InvalidKey, Issuer, KeySet, Rejection};

use crate::fixture::{NOW, claims, counting, forge, issuer, key_set, signer, token, verify};
use crate::keys::{base64url, keys};

fn good_claims() -> String {
    claims(json!({})).to_string()
}

fn rsa_key() -> EncodingKey {
    EncodingKey::from_rsa_pem(keys().rsa.private_pem.as_bytes()).unwrap()
}

fn p256_key() -> EncodingKey {
    EncodingKey::from_ec_pem(keys().p256.private_pem.as_bytes()).unwrap()
}

/// Returns a JWKS of the RSA key as `r1` and the P-256 key as `e1`, and its issuer.
fn named_keys() -> (Issuer, KeySet) {
    let allowed = [Algorithm::Rs256, Algorithm::Es256];
    let mut jwks = json!({ "keys": [keys().rsa.jwk, keys().p256.jwk] });
    jwks["keys"][0]["kid"] = json!("r1");
    jwks["keys"][1]["kid"] = json!("e1");
    (
        issuer(&allowed),
        KeySet::from_jwks(&jwks.to_string(), &allowed).unwrap(),
    )
}

fn check(name: &str, token: &str, expected: &Rejection, verifications: u32) {
    let (issuer, keys) = named_keys();
    let outcome = counting(token, &issuer, &keys, NOW);
    assert_eq!(outcome, (Err(expected.clone()), verifications), "{name}");
}

#[test]
fn a_token_without_a_signature_is_refused() {
    for alg in ["none", "None", "NONE", "nOnE", "none ", "", "null", "0"] {
        for signature in ["", "c2ln", "AA"] {
            let header = base64url(json!({ "alg": alg, "kid": "r1" }).to_string());
            let token = format!("{header}.{}.{signature}", base64url(good_claims()));
            check(alg, &token, &Rejection::UnsupportedAlgorithm, 0);
        }
    }
    for (algorithm, kid) in [(Algorithm::Rs256, "r1"), (Algorithm::Es256, "e1")] {
        let signed = signer(algorithm, Some(kid)).sign(&claims(json!({}))).unwrap();
        let (message, _) = signed.rsplit_once('.').unwrap();
        check(
            "no signature",
            &format!("{message}."),
            &Rejection::BadSignature,
            0,
        );
        check("no dot", message, &Rejection::Malformed, 0);
    }
}

#[test]
fn public_key_is_never_used_as_hmac_secret() {
    let rsa = &keys().rsa;
    let pkcs1 = rsa.jwk["n"].as_str().unwrap();
    let secrets = [
        rsa.public_pem.as_bytes(),
        rsa.public_pem.trim_end().as_bytes(),
        &rsa.public_der,
        pkcs1.as_bytes(),
        b"",
    ];
    for secret in secrets {
        let key = EncodingKey::from_secret(secret);
        let header = r#"{"alg":"HS256","kid":"r1"}"#;
        let forged = forge(header, &good_claims(), &key, Library::HS256);
        check(
            "HS256 with the public key",
            &forged,
            &Rejection::AlgorithmNotAllowed,
            0,
        );
        // Even an issuer that allows HMAC can't be fooled with a key that is not a secret.
        let outcome = counting(
            &forged,
            &issuer(&[Algorithm::Hs256]),
            &key_set(Algorithm::Rs256),
            NOW,
        );
        assert_eq!(outcome, (Err(Rejection::AlgorithmNotAllowed), 0));
    }
    let pem = format!("\n {}", rsa.public_pem);
    let headed = format!("Bag Attributes\n    friendlyName: key\n{}", rsa.public_pem);
    for text in [&rsa.public_pem, &pem, &headed] {
        assert_eq!(
            KeySet::from_secret(text.as_bytes(), &[Algorithm::Hs256]).unwrap_err(),
            InvalidKey::SecretIsPem
        );
    }
}

#[test]
fn key_embedded_in_a_token_is_not_used() {
    let attacker = EncodingKey::from_rsa_pem(keys().other_rsa.private_pem.as_bytes()).unwrap();
    let mut jwk = keys().other_rsa.jwk.clone();
    jwk["kid"] = json!("r1");
    let der = base64url(&keys().other_rsa.public_der);
    let headers = [
        json!({ "alg": "RS256", "kid": "r1", "jwk": jwk }),
        json!({ "alg": "RS256", "kid": "r1", "jku": "https://evil.example/jwks.json" }),
        json!({ "alg": "RS256", "kid": "r1", "x5u": "https://evil.example/chain.pem" }),
        json!({ "alg": "RS256", "kid": "r1", "x5c": [der], "x5t": "AAAA" }),
    ];
    for header in headers {
        let forged = forge(&header.to_string(), &good_claims(), &attacker, Library::RS256);
        check(&header.to_string(), &forged, &Rejection::BadSignature, 1);
        let (issuer, keys) = named_keys();
        let honest = forge(&header.to_string(), &good_claims(), &rsa_key(), Library::RS256);
        assert!(
            verify(&honest, &issuer, &keys, NOW).is_ok(),
            "the header alone is ignored: {header}"
        );
    }
    let without_kid = json!({ "alg": "RS256", "jwk": jwk }).to_string();
    let forged = forge(&without_kid, &good_claims(), &attacker, Library::RS256);
    check("jwk instead of a kid", &forged, &Rejection::KeyNotNamed, 0);
}

#[test]
fn kid_is_used_only_for_lookup() {
    let kids = [
        "../../../../dev/null",
        "/etc/passwd",
        "' UNION SELECT 'secret' --",
        "r1\u{0}",
        "R1",
        " r1",
        "",
        "r1; rm -rf /",
        "https://evil.example/key",
        "${jndi:ldap://evil.example}",
    ];
    for kid in kids {
        let header = json!({ "alg": "RS256", "kid": kid }).to_string();
        let forged = forge(&header, &good_claims(), &rsa_key(), Library::RS256);
        let expected = Rejection::UnknownKey { kid: kid.into() };
        check(kid, &forged, &expected, 0);
        for said in [expected.code(), expected.description(), &expected.to_string()] {
            assert!(kid.is_empty() || !said.contains(kid), "{said}");
        }
        // A key without a name matches every `kid`.
        assert!(
            verify(
                &forged,
                &issuer(&[Algorithm::Rs256]),
                &key_set(Algorithm::Rs256),
                NOW
            )
            .is_ok()
        );
    }
}

#[test]
fn a_key_is_used_with_its_own_algorithm_only() {
    let claims = good_claims();
    let p384 = EncodingKey::from_ec_pem(keys().p384.private_pem.as_bytes()).unwrap();
    let cases = [
        (
            r#"{"alg":"ES256","kid":"r1"}"#,
            forge("", &claims, &p256_key(), Library::ES256),
            Rejection::AlgorithmNotAllowed,
            0,
        ),
        (
            r#"{"alg":"RS256","kid":"e1"}"#,
            forge("", &claims, &rsa_key(), Library::RS256),
            Rejection::AlgorithmNotAllowed,
            0,
        ),
        (
            r#"{"alg":"ES384","kid":"e1"}"#,
            forge("", &claims, &p384, Library::ES384),
            Rejection::AlgorithmNotAllowed,
            0,
        ),
        (
            r#"{"alg":"PS256","kid":"r1"}"#,
            forge("", &claims, &rsa_key(), Library::PS256),
            Rejection::AlgorithmNotAllowed,
            0,
        ),
        (
            r#"{"alg":"RS512","kid":"r1"}"#,
            forge("", &claims, &rsa_key(), Library::RS512),
            Rejection::AlgorithmNotAllowed,
            0,
        ),
        (
            r#"{"alg":"ES256","kid":"e1"}"#,
            forge("", &claims, &p384, Library::ES384),
            Rejection::BadSignature,
            0,
        ),
        (
            r#"{"alg":"RS256","kid":"r1"}"#,
            forge("", &claims, &rsa_key(), Library::PS256),
            Rejection::BadSignature,
            1,
        ),
        (
            r#"{"alg":"RS256","kid":"r1"}"#,
            forge("", &claims, &rsa_key(), Library::RS512),
            Rejection::BadSignature,
            1,
        ),
    ];
    for (header, template, expected, verifications) in cases {
        // The signature is of another header, which doesn't matter: what counts is how far it gets.
        let signature = template.rsplit_once('.').unwrap().1;
        let forged = format!("{}.{}.{signature}", base64url(header), base64url(&claims));
        check(header, &forged, &expected, verifications);
    }
}

#[test]
fn modified_token_is_rejected() {
    let signed = signer(Algorithm::Rs256, Some("r1"))
        .sign(&claims(json!({})))
        .unwrap();
    let parts: Vec<&str> = signed.split('.').collect();
    let [header, payload, signature] = [parts[0], parts[1], parts[2]];
    let other_claims = base64url(claims(json!({ "tenant": "globex" })).to_string());
    let other_header = base64url(r#"{"alg":"RS256","kid":"r1","typ":"jwt"}"#);
    check(
        "claims",
        &format!("{header}.{other_claims}.{signature}"),
        &Rejection::BadSignature,
        1,
    );
    check(
        "header",
        &format!("{other_header}.{payload}.{signature}"),
        &Rejection::BadSignature,
        1,
    );
    // 256 bytes leave four unused bits in the last character; a decoder that ignores them reads the same
    // signature.
    let last = signature.chars().last().unwrap();
    for stray in ['B', 'C', 'D', 'R', 'x', '_']
        .into_iter()
        .filter(|stray| *stray != last)
    {
        let changed = format!("{header}.{payload}.{}{stray}", &signature[..signature.len() - 1]);
        assert!(
            matches!(outcome(&changed), Err(Rejection::BadSignature)),
            "{stray}"
        );
    }
    for appended in ["=", "==", "A", "AA", " ", "\n", "\0"] {
        assert!(
            matches!(
                outcome(&format!("{signed}{appended}")),
                Err(Rejection::BadSignature)
            ),
            "{appended:?}"
        );
    }
}

fn outcome(token: &str) -> Result<Identity, Rejection> {
    let (issuer, keys) = named_keys();
    verify(token, &issuer, &keys, NOW)
}

#[test]
fn signed_claims_and_headers_with_two_readings_are_refused() {
    let prefix = r#""iss":"https://issuer.example","aud":"api","tenant":"acme""#;
    let exp = NOW + 60;
    let cases = [
        (
            r#"{"alg":"ES256","kid":"e1"}"#,
            format!(r#"{{{prefix},"exp":1,"exp":{exp}}}"#),
        ),
        (
            r#"{"alg":"ES256","kid":"e1"}"#,
            format!(r#"{{{prefix},"exp":{exp},"exp":1}}"#),
        ),
        (
            r#"{"alg":"ES256","kid":"e1"}"#,
            format!(r#"{{{prefix},"exp":{exp},"tenant":"globex"}}"#),
        ),
        (
            r#"{"alg":"ES256","kid":"e1"}"#,
            format!(r#"{{{prefix},"exp":{exp},"\u0074enant":"globex"}}"#),
        ),
        (
            r#"{"alg":"ES256","kid":"e1"}"#,
            format!(r#"{{{prefix},"exp":{exp},"org":{{"id":"a","id":"b"}}}}"#),
        ),
        (
            r#"{"alg":"ES256","kid":"x","kid":"e1"}"#,
            format!(r#"{{{prefix},"exp":{exp}}}"#),
        ),
        (
            r#"{"alg":"none","kid":"e1","alg":"ES256"}"#,
            format!(r#"{{{prefix},"exp":{exp}}}"#),
        ),
    ];
    for (header, claims) in cases {
        let forged = forge(header, &claims, &p256_key(), Library::ES256);
        check(&claims, &forged, &Rejection::RepeatedName, 0);
    }
    let honest = forge(
        r#"{"alg":"ES256","kid":"e1"}"#,
        &format!(r#"{{{prefix},"exp":{exp}}}"#),
        &p256_key(),
        Library::ES256,
    );
    assert!(outcome(&honest).is_ok());
    for crit in [r#"["exp"]"#, "[]", r#"["b64"]"#] {
        let header = format!(r#"{{"alg":"ES256","kid":"e1","crit":{crit}}}"#);
        let forged = forge(&header, &good_claims(), &p256_key(), Library::ES256);
        check(crit, &forged, &Rejection::CriticalHeader, 0);
    }
}

#[test]
fn signed_oversized_token_is_rejected() {
    let padded = claims(json!({ "padding": "x".repeat(64 * 1024) }));
    let signed = signer(Algorithm::Es256, Some("e1")).sign(&padded).unwrap();
    check("64 KiB", &signed, &Rejection::TooLarge, 0);
    let fitting = claims(json!({ "padding": "x".repeat(5 * 1024) }));
    assert!(outcome(&signer(Algorithm::Es256, Some("e1")).sign(&fitting).unwrap()).is_ok());
}

/// The order of the group of P-256.
const P256_ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

fn es256_parts() -> (String, Vec<u8>) {
    use base64::Engine;
    let signed = token(Algorithm::Es256);
    let (message, signature) = signed.rsplit_once('.').unwrap();
    (
        message.to_owned(),
        base64::engine::general_purpose::URL_SAFE_NO_PAD
            .decode(signature)
            .unwrap(),
    )
}

#[test]
fn second_ecdsa_form_proves_the_same_identity() {
    let (message, mut signature) = es256_parts();
    let original = format!("{message}.{}", base64url(&signature));
    let mut borrow = 0;
    for (byte, order) in signature[32..].iter_mut().zip(P256_ORDER).rev() {
        let difference = i16::from(order) - i16::from(*byte) - borrow;
        borrow = i16::from(difference < 0);
        *byte = u8::try_from(difference.rem_euclid(256)).unwrap();
    }
    let second = format!("{message}.{}", base64url(&signature));
    assert_ne!(original, second);
    let (issuer, keys) = (issuer(&[Algorithm::Es256]), key_set(Algorithm::Es256));
    let [original, second] = [original, second].map(|token| verify(&token, &issuer, &keys, NOW).unwrap());
    assert_eq!(original, second);
}

#[test]
fn an_ecdsa_signature_is_two_full_length_numbers_in_range() {
    let (message, signature) = es256_parts();
    let (r, s) = signature.split_at(32);
    let der = [&[0x30, 0x44, 0x02, 0x20], r, &[0x02, 0x20], s].concat();
    let cases = [
        ("zeros", vec![0; 64], 1),
        ("r is zero", [&[0; 32], s].concat(), 1),
        ("s is zero", [r, &[0; 32]].concat(), 1),
        ("s is the order", [r, &P256_ORDER].concat(), 1),
        ("all ones", vec![0xff; 64], 1),
        ("halves swapped", [s, r].concat(), 1),
        ("DER", der, 0),
        ("one byte short", signature[..63].to_vec(), 0),
        ("one byte more", [&signature[..], &[0]].concat(), 0),
        ("a zero before each", [&[0], r, &[0], s].concat(), 0),
        ("half", r.to_vec(), 0),
        ("nothing", vec![], 0),
    ];
    let (issuer, keys) = (issuer(&[Algorithm::Es256]), key_set(Algorithm::Es256));
    for (name, signature, verifications) in cases {
        let forged = format!("{message}.{}", base64url(signature));
        let outcome = counting(&forged, &issuer, &keys, NOW);
        assert_eq!(outcome, (Err(Rejection::BadSignature), verifications), "{name}");
    }
}

#[test]
fn rejection_texts_are_valid_header_values() {
    use tokens::Claim::{Attribute, Audience, ExpiresAt, Groups, IssuedAt, Issuer, NotBefore};
    let mut rejections = vec![
        Rejection::Malformed,
        Rejection::TooLarge,
        Rejection::RepeatedName,
        Rejection::UnsupportedAlgorithm,
        Rejection::CriticalHeader,
        Rejection::UnknownIssuer,
        Rejection::WrongType,
        Rejection::AlgorithmNotAllowed,
        Rejection::UnknownKey { kid: "\"\r\n".into() },
        Rejection::KeyNotNamed,
        Rejection::BadSignature,
        Rejection::Expired,
        Rejection::NotYetValid,
        Rejection::TooOld,
        Rejection::WrongAudience,
    ];
    for claim in [
        Issuer, Audience, ExpiresAt, NotBefore, IssuedAt, Groups, Attribute,
    ] {
        rejections.extend([
            Rejection::MissingClaim { claim },
            Rejection::InvalidClaim { claim },
        ]);
    }
    let mut said = std::collections::HashSet::new();
    for rejection in rejections {
        let fit = |c: char| matches!(c, ' '..='!' | '#'..='[' | ']'..='~');
        assert!(rejection.description().chars().all(fit), "{rejection}");
        assert!(
            rejection
                .code()
                .chars()
                .all(|c| c.is_ascii_lowercase() || c == '_'),
            "{}",
            rejection.code()
        );
        assert!(said.insert(rejection.description()), "said twice: {rejection}");
    }
}
