//! Invalid tokens: each gets a 401, reaches no origin, and costs at most one signature verification (edge.md section
//! 4). The tests of the crate `tokens` check the reasons; these send every token through the proxy.

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, EcdsaSigningAlgorithm,
};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::{Value, json};
use testkit::{Issuer, KeyServer, Proxy, Request, Upstream, eventually, now_seconds, verifications};
use tokens::Algorithm;

/// A proxy with an issuer of each family, and an attacker.
struct Arena {
    upstream: Upstream,
    proxy: Proxy,
    secret: Issuer,
    rsa: Issuer,
    ec: Issuer,
    _keys: KeyServer,
}

impl Arena {
    fn new() -> Self {
        let upstream = Upstream::named("api");
        let secret = Issuer::new("https://secret.test", Algorithm::Hs256, "h1");
        let rsa = Issuer::new("https://rsa.test", Algorithm::Rs256, "r1");
        let ec = Issuer::new("https://ec.test", Algorithm::Es256, "e1");
        let keys = KeyServer::of(&[&ec]);
        keys.serve_text(&json!({ "keys": [ec.jwk(), weak_rsa()] }).to_string());
        let proxy = Proxy::builder()
            .upstream("api", &upstream)
            .route("{ name: api, match: /api, auth: required, upstream: api }")
            .route("{ name: some, match: /some, auth: optional, upstream: api }")
            .issuer(&secret, Algorithm::Hs256, None)
            .issuer(&rsa, Algorithm::Rs256, None)
            .issuer(&ec, Algorithm::Es256, Some(&keys))
            .start();
        let arena = Self {
            upstream,
            proxy,
            secret,
            rsa,
            ec,
            _keys: keys,
        };
        eventually("the keys", || {
            let good = arena.ask("/api", &arena.ec.token("someone"));
            (good == 200).then_some(())
        });
        arena
    }

    fn ask(&self, path: &str, token: &str) -> u16 {
        self.proxy.ask(&Request::get(path).token(token)).status
    }

    /// Checks that the token is refused in every place, reaches no origin, and costs at most one verification each
    /// time.
    #[track_caller]
    fn check(&self, what: &str, token: &str) {
        let before = self.upstream.count();
        for path in ["/api", "/some"] {
            let verified = verifications(token);
            let answer = self.proxy.ask(&Request::get(path).token(token));
            assert_eq!(answer.status, 401, "{what} on {path}: {token:.80}");
            let challenge = answer.header("www-authenticate").unwrap_or_default();
            assert!(
                challenge.contains("error=\"invalid_token\""),
                "{what}: {challenge}"
            );
            assert!(verifications(token) - verified <= 1, "{what}");
        }
        assert_eq!(self.upstream.count(), before, "{what}");
    }

    fn header(&self, algorithm: &Value, kid: &str) -> Value {
        json!({ "alg": algorithm, "typ": "JWT", "kid": kid })
    }
}

fn encoded(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Returns the signed part of a token.
fn message(header: &Value, claims: &Value) -> String {
    format!("{}.{}", encoded(header.to_string()), encoded(claims.to_string()))
}

/// Returns a token that is signed with a secret.
fn hmac_signed(message: &str, secret: &[u8]) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
    format!("{message}.{}", encoded(hmac::sign(&key, message.as_bytes())))
}

/// Returns a token that is signed with a key of the attacker.
fn ec_signed(message: &str, algorithm: &'static EcdsaSigningAlgorithm) -> String {
    let pair = EcdsaKeyPair::generate(algorithm).unwrap();
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", encoded(signature))
}

/// Returns a 512-bit RSA key as a JWK.
fn weak_rsa() -> Value {
    let mut modulus = [0xab_u8; 64];
    modulus[63] = 0xcd;
    json!({ "kty": "RSA", "kid": "weak", "alg": "RS256", "use": "sig", "n": encoded(modulus), "e": "AQAB" })
}

#[test]
fn a_token_without_an_allowed_algorithm_is_always_refused() {
    let arena = Arena::new();
    let claims = arena.rsa.claims("acme");
    let signature = arena.rsa.token("acme");
    let signature = signature.rsplit_once('.').unwrap().1;
    let spellings = [
        json!("none"),
        json!("None"),
        json!("NONE"),
        json!("nOnE"),
        json!("noNe"),
        json!("none "),
        json!(" none"),
        json!("none\u{0}"),
        json!("n\u{f6}ne"),
        json!(""),
        json!("HS"),
        json!("rs256"),
        json!("RS256 "),
        json!("ES256K"),
        json!("RSA1_5"),
        json!("dir"),
        json!("HS256,none"),
        json!(null),
        json!(0),
        json!(true),
        json!(["none"]),
        json!({ "alg": "none" }),
    ];
    for algorithm in spellings {
        let message = message(&arena.header(&algorithm, "r1"), &claims);
        for signature in ["", "AA", signature] {
            arena.check(&algorithm.to_string(), &format!("{message}.{signature}"));
        }
    }
    let bare = message(&json!({ "typ": "JWT" }), &claims);
    arena.check("no alg", &format!("{bare}."));
}

#[test]
fn no_form_of_a_public_key_is_accepted_as_secret() {
    let arena = Arena::new();
    for (issuer, kid) in [(&arena.rsa, "r1"), (&arena.ec, "e1")] {
        let pem = issuer.key_file();
        let text = std::str::from_utf8(pem).unwrap();
        let body: String = text.lines().filter(|line| !line.contains("-----")).collect();
        let der = STANDARD.decode(&body).unwrap();
        let jwk = issuer.jwk().to_string();
        let secrets: [&[u8]; 7] = [
            pem,
            text.trim().as_bytes(),
            body.as_bytes(),
            &der,
            jwk.as_bytes(),
            b"",
            b"\0",
        ];
        for algorithm in ["HS256", "HS384", "HS512"] {
            let message = message(&arena.header(&json!(algorithm), kid), &issuer.claims("acme"));
            for secret in secrets {
                arena.check(algorithm, &hmac_signed(&message, secret));
            }
        }
    }
}

#[test]
fn key_embedded_in_or_linked_by_a_token_is_never_used() {
    let arena = Arena::new();
    let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let forger = Issuer::new("https://ec.test", Algorithm::Es256, "e1");
    let elsewhere = KeyServer::of(&[&forger]);
    let url = elsewhere.url();
    let headers = [
        json!({ "alg": "ES256", "jwk": forger.jwk() }),
        json!({ "alg": "ES256", "kid": "e1", "jwk": forger.jwk() }),
        json!({ "alg": "ES256", "kid": "e1", "jku": url }),
        json!({ "alg": "ES256", "kid": "other", "jku": url }),
        json!({ "alg": "ES256", "kid": url, "jku": url }),
        json!({ "alg": "ES256", "kid": "e1", "x5u": url }),
        json!({ "alg": "ES256", "kid": "e1", "x5c": ["MIIB"] }),
        json!({ "alg": "ES256", "kid": "e1", "crit": ["jwk"], "jwk": forger.jwk() }),
    ];
    for header in headers {
        let message = message(&header, &arena.ec.claims("acme"));
        let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        arena.check(&header.to_string(), &format!("{message}.{}", encoded(signature)));
    }
    assert_eq!(elsewhere.fetches(), 0);
}

#[test]
fn kid_is_never_used_as_path_or_query() {
    let arena = Arena::new();
    let kids = [
        "../../../../dev/null",
        "/dev/null",
        "file:///dev/null",
        "e1/../../etc/passwd",
        "e1\u{0}",
        "e1 ",
        "E1",
        "' OR '1'='1",
        "x' UNION SELECT 'secret' --",
        "e1; cat /etc/passwd",
        "$(id)",
        "${jndi:ldap://x}",
        "%00",
        "",
        "weak",
    ];
    let long = "k".repeat(4_000);
    for kid in kids.into_iter().chain([&*long]) {
        for (algorithm, issuer) in [("ES256", &arena.ec), ("RS256", &arena.rsa), ("HS256", &arena.rsa)] {
            let message = message(&arena.header(&json!(algorithm), kid), &issuer.claims("acme"));
            arena.check(kid, &hmac_signed(&message, b""));
        }
        let message = message(&arena.header(&json!("ES256"), kid), &arena.ec.claims("acme"));
        arena.check(kid, &ec_signed(&message, &ECDSA_P256_SHA256_FIXED_SIGNING));
    }
    for kid in [json!(1), json!(null), json!(["e1"]), json!({ "kid": "e1" })] {
        let header = json!({ "alg": "ES256", "kid": kid });
        let message = message(&header, &arena.ec.claims("acme"));
        arena.check(
            "a kid of another type",
            &ec_signed(&message, &ECDSA_P256_SHA256_FIXED_SIGNING),
        );
    }
}

#[test]
fn wrong_curves_weak_keys_and_other_issuers_keys_are_refused() {
    let arena = Arena::new();
    for algorithm in ["ES384", "ES256", "ES512", "EdDSA", "PS256", "RS256"] {
        let message = message(&arena.header(&json!(algorithm), "e1"), &arena.ec.claims("acme"));
        arena.check(algorithm, &ec_signed(&message, &ECDSA_P384_SHA384_FIXED_SIGNING));
        arena.check(algorithm, &ec_signed(&message, &ECDSA_P256_SHA256_FIXED_SIGNING));
    }
    let weak = message(&arena.header(&json!("RS256"), "weak"), &arena.ec.claims("acme"));
    arena.check("a weak key", &format!("{weak}.{}", encoded([0; 64])));
    // A valid signature of one issuer, with the name of another in the claims.
    let mut claims = arena.secret.claims("acme");
    claims["iss"] = json!("https://rsa.test");
    arena.check("another issuer's secret", &arena.secret.sign(&claims));
    claims["iss"] = json!("https://ec.test");
    arena.check("another issuer's key", &arena.rsa.sign(&claims));
}

#[test]
fn an_empty_truncated_or_respelled_signature_is_refused() {
    let arena = Arena::new();
    for issuer in [&arena.secret, &arena.rsa, &arena.ec] {
        let token = issuer.token("acme");
        let (message, signature) = token.rsplit_once('.').unwrap();
        let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
        let mut flipped = bytes.clone();
        flipped[0] ^= 1;
        let variants = [
            String::new(),
            encoded([0_u8; 64]),
            encoded(vec![0_u8; bytes.len()]),
            encoded(vec![0xff_u8; bytes.len()]),
            encoded(&bytes[..bytes.len() - 1]),
            encoded(flipped),
            encoded([&bytes[..], &[0]].concat()),
            URL_SAFE.encode([&bytes[..], b"="].concat()),
            format!("{signature}="),
            format!("{signature}=="),
            format!("{signature}A"),
            format!("{signature}%3D"),
            format!("{signature}."),
            format!("{signature}.{signature}"),
            format!("{signature},"),
        ];
        for variant in variants {
            arena.check(issuer.name(), &format!("{message}.{variant}"));
        }
        // The same bytes, with other padding bits in the last letter (RFC 4648 section 3.5).
        let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let (start, last) = signature.split_at(signature.len() - 1);
        let place = alphabet.find(last).unwrap();
        let other = &alphabet[place + 1..place + 2];
        arena.check("unused bits", &format!("{message}.{start}{other}"));
    }
}

/// The order of P-256, and so what a second number of a signature is mirrored in (FIPS 186-5 section 6).
const ORDER: [u8; 32] = [
    0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xbc,
    0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
];

#[test]
fn malleable_ecdsa_signature_proves_the_same_identity() {
    let arena = Arena::new();
    let token = arena.ec.token("acme");
    let (message, signature) = token.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let (r, s) = bytes.split_at(32);
    let (mut mirrored, mut borrow) = ([0_u8; 32], 0_i32);
    for place in (0..32).rev() {
        let difference = i32::from(ORDER[place]) - i32::from(s[place]) - borrow;
        borrow = i32::from(difference < 0);
        mirrored[place] = u8::try_from(difference + 256 * borrow).unwrap();
    }
    // RFC 7518 accepts both forms: the same message signed by the same key, so the same tenant.
    let second = format!("{message}.{}", encoded([r, &mirrored].concat()));
    assert_eq!(arena.ask("/api", &second), 200);
    assert_eq!(arena.upstream.last().header("x-tenant-id"), Some("acme"));
    for (r, s) in [
        (&[0; 32][..], s),
        (r, &[0; 32]),
        (&[0; 32], &[0; 32]),
        (&ORDER, s),
        (r, &ORDER),
        (&ORDER, &ORDER),
    ] {
        arena.check(
            "a number outside the group",
            &format!("{message}.{}", encoded([r, s].concat())),
        );
    }
}

/// Returns a token with these claims, as text, and a valid signature.
fn signed_text(arena: &Arena, claims: &str) -> String {
    let message = format!("{}.{}", encoded(r#"{"alg":"HS256"}"#), encoded(claims));
    hmac_signed(&message, arena.secret.key_file())
}

#[test]
fn ambiguous_claims_are_refused_although_signed() {
    let arena = Arena::new();
    let exp = now_seconds() + 600;
    let good = format!(r#""iss":"https://secret.test","aud":"api","exp":{exp},"tenant":"acme""#);
    assert_eq!(
        arena.ask("/api", &signed_text(&arena, &format!("{{{good}}}"))),
        200
    );
    for more in [
        r#""tenant":"globex""#,
        r#""ten\u0061nt":"globex""#,
        r#""iss":"https://rsa.test""#,
        r#""aud":"other""#,
        r#""exp":99999999999"#,
        r#""exp":1"#,
        r#""a":1,"a":2"#,
        r#""a":{"b":1,"b":2}"#,
    ] {
        arena.check(more, &signed_text(&arena, &format!("{{{good},{more}}}")));
        arena.check(more, &signed_text(&arena, &format!("{{{more},{good}}}")));
    }
    for text in [
        "",
        "null",
        "[]",
        "\"a\"",
        "{",
        &format!("{{{good}}}x"),
        &format!("\u{feff}{{{good}}}"),
        &format!("{{{good},}}"),
    ] {
        arena.check(text, &signed_text(&arena, text));
    }
    for header in [
        r#"{"alg":"HS256","alg":"none"}"#,
        r#"{"alg":"none","alg":"HS256"}"#,
        r#"{"alg":"HS256","kid":"a","kid":"b"}"#,
    ] {
        let message = format!("{}.{}", encoded(header), encoded(format!("{{{good}}}")));
        arena.check(header, &hmac_signed(&message, arena.secret.key_file()));
    }
}

#[test]
fn signed_token_with_invalid_or_past_exp_is_rejected() {
    let arena = Arena::new();
    let now = now_seconds();
    let claims = |exp: &str| format!(r#"{{"iss":"https://secret.test","aud":"api","tenant":"acme"{exp}}}"#);
    let exp = |exp: &str| claims(&format!(",\"exp\":{exp}"));
    let late = now + 600;
    let bad = [
        format!("\"{late}\""),
        "\"\"".into(),
        "\"2099-01-01\"".into(),
        "null".into(),
        "true".into(),
        "[]".into(),
        format!("[{late}]"),
        "{}".into(),
        "0".into(),
        "-0".into(),
        "-1".into(),
        format!("-{late}"),
        "1.5".into(),
        format!("{}.5", now - 60),
        "1e300".into(),
        "1e999".into(),
        "-1e999".into(),
        "18446744073709551615".into(),
        "18446744073709551616".into(),
        "9223372036854775808".into(),
        format!("{late}000"),
        "0x7fffffff".into(),
        "Infinity".into(),
        "NaN".into(),
        format!("0{late}"),
        format!("+{late}"),
    ];
    for bad in bad {
        arena.check(&bad, &signed_text(&arena, &exp(&bad)));
    }
    arena.check("no exp", &signed_text(&arena, &claims("")));
    // A time may have a fraction (RFC 7519 section 2).
    assert_eq!(
        arena.ask("/api", &signed_text(&arena, &exp(&format!("{late}.5")))),
        200
    );
}

#[test]
fn oversized_token_is_rejected_without_verification() {
    let arena = Arena::new();
    for kilobytes in [8, 9, 16, 20] {
        let mut claims = arena.secret.claims("acme");
        claims["filler"] = json!("x".repeat(kilobytes * 1024));
        let token = arena.secret.sign(&claims);
        arena.check(&format!("{kilobytes} KiB"), &token);
        assert_eq!(verifications(&token), 0, "{kilobytes} KiB");
    }
    let before = arena.upstream.count();
    let mut claims = arena.secret.claims("acme");
    claims["filler"] = json!("x".repeat(48 * 1024));
    let token = arena.secret.sign(&claims);
    assert!(token.len() > 64 * 1024);
    let mut client = arena.proxy.connect();
    // The head exceeds the size limit; it may be refused before all of it is sent.
    let _ = client.try_send(Request::get("/api").token(&token).bytes());
    let status = client.head().0;
    assert!(matches!(status, 401 | 431), "{status}");
    assert_eq!((arena.upstream.count(), verifications(&token)), (before, 0));
}

#[test]
fn two_tokens_are_rejected() {
    let arena = Arena::new();
    let (one, two) = (arena.secret.token("acme"), arena.rsa.token("globex"));
    let before = arena.upstream.count();
    let bearer = |token: &str| format!("Bearer {token}");
    let requests = [
        Request::get("/api").token(&one).token(&two),
        Request::get("/api").token(&one).token(&one),
        Request::get("/api")
            .token(&one)
            .header("authorization", "Basic dTpw"),
        Request::get("/api")
            .header("AUTHORIZATION", "Basic dTpw")
            .token(&one),
        Request::get("/api").header("Authorization", "").token(&one),
        Request::get("/api").header("Authorization", &format!("{}, {}", bearer(&one), bearer(&two))),
        Request::get("/api").header("Authorization", &format!("{} {two}", bearer(&one))),
        Request::get("/api").header("Authorization", &format!("{},", bearer(&one))),
    ];
    for request in requests {
        let answer = arena.proxy.ask(&request);
        assert_eq!(
            answer.status,
            401,
            "{}",
            String::from_utf8_lossy(&request.bytes())
        );
    }
    assert_eq!(arena.upstream.count(), before);
    assert_eq!(verifications(&one) + verifications(&two), 0);
}

#[test]
fn repeated_valid_token_is_verified_once() {
    let arena = Arena::new();
    for issuer in [&arena.secret, &arena.rsa, &arena.ec] {
        let token = issuer.token("acme");
        for _ in 0..3 {
            assert_eq!(arena.ask("/api", &token), 200);
        }
        assert_eq!(verifications(&token), 1, "{}", issuer.name());
    }
}
