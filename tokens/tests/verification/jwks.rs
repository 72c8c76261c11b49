//! Keys from a JWKS: which are used, which are skipped and why, and how one is found.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokens::{Algorithm, InvalidKey, KeySet, MAX_JWKS_BYTES, Rejection, SkipReason};

use crate::fixture::{NOW, claims, count_verifications, issuer, key_set, signer, token, verify};
use crate::keys::{Pair, base64url, keys, pair};

const ALLOWED: [Algorithm; 4] = [
    Algorithm::Rs256,
    Algorithm::Ps256,
    Algorithm::Es256,
    Algorithm::EdDsa,
];

/// Returns the public key as a JWK with `members` merged in; a null removes a member.
fn jwk(pair: &Pair, members: Value) -> Value {
    let mut jwk = pair.jwk.clone();
    for (name, value) in members.as_object().unwrap() {
        match value {
            Value::Null => jwk.as_object_mut().unwrap().remove(name),
            value => jwk.as_object_mut().unwrap().insert(name.clone(), value.clone()),
        };
    }
    jwk
}

fn decode(member: &Value) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(member.as_str().unwrap()).unwrap()
}

fn set(keys: &[Value]) -> Result<KeySet, InvalidKey> {
    count_verifications();
    KeySet::from_jwks(&json!({ "keys": keys }).to_string(), &ALLOWED)
}

/// A modulus with the fingerprint of ROCA: `(k * M + 65537^7) * (l * M + 65537^11)`, where M is the product of the primes
/// below 702, k is 0x2a1f3c77d10b35 and l is 0x3188e401f29c07.
const VULNERABLE_MODULUS: &str = "\
    AfBLhwFhjGDjzp1qp3rdhdFx0QUyNN_50dPUTbO71WL53aP7mx0XfMfyWaQdAVyTSChEFlttJDRjEhOwWB34n89KJO67R8yWW42D\
    ROm3MfNEHbiHBIWOtgGOwlue_Wc13Flxi0fZTIEKsMIqkZiac3vP9QQP3S7VcItNFNpn2SrkhiIe5zatgeXofCGNbErw2MwGr4dy\
    3aRYSWSsjAHAqHbfJJ-oBioQ2Ry3asRcQhaAc62VzWJT3mlDoFqNHlm6AAkI7QLSWxH-RrLDAOX7cMti2mMuueDkZ5ZEyDeEu1Q-\
    3rcr9jhdeGe1qBxDpN_ueIqdLXwpFZPjwCd8o3d5zJU";

#[test]
fn every_public_algorithm_is_verified_with_its_jwk() {
    for algorithm in Algorithm::ALL
        .into_iter()
        .filter(|algorithm| !algorithm.is_symmetric())
    {
        let members = json!({ "kid": "k", "use": "sig", "alg": algorithm.as_str(), "key_ops": ["verify"] });
        let document = json!({ "keys": [jwk(pair(algorithm), members)] }).to_string();
        let keys = KeySet::from_jwks(&document, &[algorithm]).unwrap();
        let signed = signer(algorithm, Some("k")).sign(&claims(json!({}))).unwrap();
        assert!(
            verify(&signed, &issuer(&[algorithm]), &keys, NOW).is_ok(),
            "{algorithm}"
        );
        assert!(
            verify(&token(algorithm), &issuer(&[algorithm]), &keys, NOW).is_ok(),
            "{algorithm} without kid"
        );
    }
}

#[test]
fn a_key_that_is_not_for_verifying_is_skipped_with_its_reason() {
    let keys = keys();
    let off_curve = keys.other_p256.jwk["y"].clone();
    let short = Value::from("AAAA");
    let [x, y] = ["x", "y"].map(|name| decode(&keys.p256.jwk[name]));
    let shifted = json!({ "x": base64url(&x[..31]), "y": base64url([&x[31..], &y].concat()) });
    let even = { Value::from(format!("{}A", &keys.rsa.jwk["n"].as_str().unwrap()[..341])) };
    let weak = Value::from(format!("{}8", "_".repeat(170)));
    let cases = [
        (json!({ "kty": "oct", "k": "c2VjcmV0" }), SkipReason::Secret),
        (
            json!({ "kty": "oct", "k": "c2VjcmV0", "use": "sig", "alg": "HS256" }),
            SkipReason::Secret,
        ),
        (jwk(&keys.rsa, json!({ "d": "AAAA" })), SkipReason::Private),
        (jwk(&keys.rsa, json!({ "p": "AAAA" })), SkipReason::Private),
        (jwk(&keys.p256, json!({ "d": "AAAA" })), SkipReason::Private),
        (jwk(&keys.ed25519, json!({ "d": "AAAA" })), SkipReason::Private),
        (jwk(&keys.rsa, json!({ "use": "enc" })), SkipReason::OtherUse),
        (jwk(&keys.rsa, json!({ "use": "Sig" })), SkipReason::OtherUse),
        (jwk(&keys.rsa, json!({ "use": ["sig"] })), SkipReason::Malformed),
        (
            jwk(&keys.rsa, json!({ "key_ops": ["encrypt", "sign"] })),
            SkipReason::OtherUse,
        ),
        (jwk(&keys.rsa, json!({ "key_ops": [] })), SkipReason::OtherUse),
        (
            jwk(&keys.rsa, json!({ "use": "enc", "key_ops": ["verify"] })),
            SkipReason::OtherUse,
        ),
        (
            jwk(&keys.rsa, json!({ "key_ops": "verify" })),
            SkipReason::Malformed,
        ),
        (jwk(&keys.rsa, json!({ "alg": "RSA-OAEP" })), SkipReason::OtherUse),
        (jwk(&keys.rsa, json!({ "alg": "none" })), SkipReason::OtherUse),
        (jwk(&keys.rsa, json!({ "alg": "HS256" })), SkipReason::Malformed),
        (jwk(&keys.rsa, json!({ "alg": "ES256" })), SkipReason::Malformed),
        (jwk(&keys.rsa, json!({ "alg": 256 })), SkipReason::Malformed),
        (
            jwk(&keys.rsa, json!({ "alg": "RS512" })),
            SkipReason::AlgorithmNotAllowed,
        ),
        (keys.p384.jwk.clone(), SkipReason::AlgorithmNotAllowed),
        (
            jwk(&keys.rsa, json!({ "kty": "AKP" })),
            SkipReason::UnsupportedType,
        ),
        (
            jwk(&keys.rsa, json!({ "kty": "rsa" })),
            SkipReason::UnsupportedType,
        ),
        (
            jwk(&keys.p256, json!({ "crv": "P-521" })),
            SkipReason::UnsupportedType,
        ),
        (
            jwk(&keys.p256, json!({ "crv": "secp256k1" })),
            SkipReason::UnsupportedType,
        ),
        (
            jwk(&keys.ed25519, json!({ "crv": "X25519" })),
            SkipReason::UnsupportedType,
        ),
        (
            jwk(&keys.ed25519, json!({ "crv": "Ed448" })),
            SkipReason::UnsupportedType,
        ),
        (
            jwk(&keys.rsa, json!({ "n": weak, "e": "AQAB" })),
            SkipReason::RsaSize { bits: 1024 },
        ),
        (
            jwk(&keys.rsa, json!({ "n": VULNERABLE_MODULUS })),
            SkipReason::Factorable,
        ),
        (jwk(&keys.rsa, json!({ "n": even })), SkipReason::Malformed),
        (jwk(&keys.rsa, json!({ "n": "" })), SkipReason::Malformed),
        (jwk(&keys.rsa, json!({ "n": "AAAA" })), SkipReason::Malformed),
        (jwk(&keys.rsa, json!({ "n": null })), SkipReason::Malformed),
        (
            jwk(
                &keys.rsa,
                json!({ "n": format!("{}=", keys.rsa.jwk["n"].as_str().unwrap()) }),
            ),
            SkipReason::Malformed,
        ),
        (jwk(&keys.rsa, json!({ "e": "AQ" })), SkipReason::Malformed),
        (jwk(&keys.rsa, json!({ "e": "Ag" })), SkipReason::Malformed),
        (jwk(&keys.p256, json!({ "y": off_curve })), SkipReason::Malformed),
        (jwk(&keys.p256, json!({ "x": short })), SkipReason::Malformed),
        (jwk(&keys.p256, shifted), SkipReason::Malformed),
        (jwk(&keys.p256, json!({ "crv": "P-384" })), SkipReason::Malformed),
        (jwk(&keys.p384, json!({ "crv": "P-256" })), SkipReason::Malformed),
        (jwk(&keys.ed25519, json!({ "x": short })), SkipReason::Malformed),
        (jwk(&keys.rsa, json!({ "kid": 5 })), SkipReason::Malformed),
        (
            jwk(&keys.rsa, json!({ "kid": "k".repeat(257) })),
            SkipReason::Malformed,
        ),
        (jwk(&keys.rsa, json!({ "kty": null })), SkipReason::Malformed),
        (json!("key"), SkipReason::Malformed),
        (json!({}), SkipReason::Malformed),
    ];
    for (bad, reason) in cases {
        let alone = set(std::slice::from_ref(&bad)).unwrap();
        assert!(alone.is_empty(), "used: {bad}");
        assert_eq!(alone.skipped()[0].reason, reason, "{bad}");
        // Beside a valid key it is skipped, and the valid key still verifies.
        let keys = set(&[bad.clone(), jwk(&keys.p256, json!({ "kid": "good" }))]).unwrap();
        assert_eq!(
            (keys.kids().collect::<Vec<_>>(), keys.skipped()[0].reason.clone()),
            (vec!["good"], reason)
        );
    }
}

#[test]
fn leading_zeros_of_a_modulus_are_ignored() {
    let padded = base64url([&[0][..], &decode(&keys().rsa.jwk["n"])].concat());
    let padded = set(&[jwk(&keys().rsa, json!({ "n": padded }))]).unwrap();
    assert_eq!(
        padded.generation(),
        set(&[keys().rsa.jwk.clone()]).unwrap().generation()
    );
}

#[test]
fn a_key_is_found_by_its_kid_and_no_other_is_tried() {
    let keys = keys();
    let several = set(&[
        jwk(&keys.rsa, json!({ "kid": "a" })),
        jwk(&keys.other_p256, json!({ "kid": "b" })),
    ])
    .unwrap();
    let named = set(&[jwk(&keys.rsa, json!({ "kid": "a" }))]).unwrap();
    let nameless = set(std::slice::from_ref(&keys.rsa.jwk)).unwrap();
    let pem = key_set(Algorithm::Rs256);
    let unknown = |kid: &str| Err(Rejection::UnknownKey { kid: kid.into() });
    let cases = [
        (&several, Some("a"), Ok(())),
        (&several, Some("b"), Err(Rejection::AlgorithmNotAllowed)),
        (&several, Some("c"), unknown("c")),
        (&several, None, Err(Rejection::KeyNotNamed)),
        (&named, Some("a"), Ok(())),
        (&named, Some("c"), unknown("c")),
        (&named, None, Ok(())),
        (&nameless, Some("c"), Ok(())),
        (&nameless, None, Ok(())),
        (&pem, Some("c"), Ok(())),
        (&pem, None, Ok(())),
    ];
    for (keys, kid, expected) in cases {
        let signed = signer(Algorithm::Rs256, kid).sign(&claims(json!({}))).unwrap();
        let outcome = verify(&signed, &issuer(&ALLOWED), keys, NOW).map(|_| ());
        assert_eq!(outcome, expected, "{kid:?} in {keys:?}");
    }
}

#[test]
fn unnamed_key_is_skipped_beside_other_keys() {
    let keys = keys();
    let mixed = set(&[keys.rsa.jwk.clone(), jwk(&keys.p256, json!({ "kid": "b" }))]).unwrap();
    assert_eq!(mixed.kids().collect::<Vec<_>>(), ["b"]);
    assert_eq!(
        (mixed.skipped()[0].position, mixed.skipped()[0].reason.clone()),
        (0, SkipReason::Unnamed)
    );
    let none = set(&[keys.rsa.jwk.clone(), keys.p256.jwk.clone()]).unwrap_err();
    assert_eq!(
        none.to_string(),
        "the keys can't be distinguished; key 1: it has no `kid`, and the set has several keys; \
         key 2: it has no `kid`, and the set has several keys"
    );
    // The other key is not one that counts.
    let encryption = jwk(&keys.p256, json!({ "kid": "b", "use": "enc" }));
    assert!(set(&[keys.rsa.jwk.clone(), encryption]).is_ok());
}

#[test]
fn invalid_jwks_is_rejected() {
    count_verifications();
    let rsa = &keys().rsa;
    let many = json!({ "keys": vec![json!({}); 129] }).to_string();
    let large = format!("{}{}", " ".repeat(MAX_JWKS_BYTES), r#"{"keys":[]}"#);
    let not_jwks = "it is not a JWKS: a JSON object, without a repeated name, with a list `keys`";
    let cases = [
        ("", not_jwks),
        ("<html>502 Bad Gateway</html>", not_jwks),
        ("[]", not_jwks),
        ("{}", not_jwks),
        (r#"{"keys":{}}"#, not_jwks),
        (r#"{"keys":[],"keys":[]}"#, not_jwks),
        (&many, "it has 129 keys, where at most 128 are read"),
        (&large, "it has 524299 bytes, where at most 524288 are read"),
    ];
    for (document, expected) in cases {
        let error = KeySet::from_jwks(document, &ALLOWED).unwrap_err();
        assert_eq!(error.to_string(), expected);
    }
    let document = json!({ "keys": [rsa.jwk] }).to_string();
    assert_eq!(
        KeySet::from_jwks(&document, &[]).unwrap_err(),
        InvalidKey::NoAlgorithm
    );
}

#[test]
fn a_jwks_without_a_usable_key_verifies_nothing() {
    count_verifications();
    let keys = keys();
    let secret = json!({ "kty": "oct", "kid": "s\n", "k": "AAAA" });
    let encryption = jwk(&keys.rsa, json!({ "kid": "a", "use": "enc" }));
    let cases: [(&[Value], &[&str]); 3] = [
        (&[], &[]),
        (
            &[secret],
            &["key 1 (\"s\\n\"): it is a secret (`oct`), which must not be in a published set"],
        ),
        (
            &[encryption],
            &["key 1 (\"a\"): it is not for verifying signatures"],
        ),
    ];
    let none = set(&[]).unwrap().generation();
    for (published, reasons) in cases {
        let empty = set(published).unwrap();
        let skipped: Vec<String> = empty.skipped().iter().map(ToString::to_string).collect();
        assert_eq!(skipped, reasons);
        assert!(empty.is_empty() && empty.kids().count() == 0);
        assert_eq!(empty.generation(), none);
        for kid in [Some("a"), None] {
            let signed = signer(Algorithm::Rs256, kid).sign(&claims(json!({}))).unwrap();
            let unknown = Rejection::UnknownKey {
                kid: kid.unwrap_or_default().into(),
            };
            assert_eq!(verify(&signed, &issuer(&ALLOWED), &empty, NOW), Err(unknown));
        }
    }
}

/// Checks that the set accepts a token of each algorithm and `kid`, or rejects it with the given code.
#[track_caller]
fn check_tokens(keys: &KeySet, tokens: &[(Algorithm, Option<&str>, Result<(), Rejection>)]) {
    for (algorithm, kid, expected) in tokens {
        let signed = signer(*algorithm, *kid).sign(&claims(json!({}))).unwrap();
        let outcome = verify(&signed, &issuer(&ALLOWED), keys, NOW).map(|_| ());
        assert_eq!(&outcome, expected, "{algorithm} {kid:?}");
    }
}

#[test]
fn a_key_that_is_listed_twice_is_one_key() {
    let keys = keys();
    let named = jwk(&keys.rsa, json!({ "kid": "a" }));
    for twice in [
        [named.clone(), named.clone()],
        [keys.rsa.jwk.clone(), keys.rsa.jwk.clone()],
        [
            named.clone(),
            jwk(&keys.rsa, json!({ "kid": "a", "alg": "RS256" })),
        ],
    ] {
        let listed = set(&twice).unwrap();
        assert_eq!((listed.len(), listed.skipped()), (1, &[][..]));
        assert_eq!(listed.generation(), set(&twice[..1]).unwrap().generation());
        check_tokens(
            &listed,
            &[
                (Algorithm::Rs256, Some("a"), Ok(())),
                (Algorithm::Rs256, None, Ok(())),
            ],
        );
    }
}

#[test]
fn one_key_may_be_listed_for_each_of_its_algorithms() {
    let keys = keys();
    let entry = |algorithm| jwk(&keys.rsa, json!({ "kid": "a", "alg": algorithm }));
    let listed = set(&[entry("RS256"), entry("PS256")]).unwrap();
    assert_eq!((listed.kids().collect::<Vec<_>>(), listed.len()), (vec!["a"], 1));
    assert_eq!(
        listed.generation(),
        set(&[entry("PS256"), entry("RS256")]).unwrap().generation()
    );
    assert_ne!(listed.generation(), set(&[entry("RS256")]).unwrap().generation());
    check_tokens(
        &listed,
        &[
            (Algorithm::Rs256, Some("a"), Ok(())),
            (Algorithm::Ps256, Some("a"), Ok(())),
            (Algorithm::Es256, Some("a"), Err(Rejection::AlgorithmNotAllowed)),
        ],
    );
}

#[test]
fn keys_of_one_kid_are_selected_by_algorithm() {
    let keys = keys();
    let (rsa, p256) = (
        jwk(&keys.rsa, json!({ "kid": "a" })),
        jwk(&keys.p256, json!({ "kid": "a" })),
    );
    let listed = set(&[rsa.clone(), p256.clone()]).unwrap();
    assert_eq!((listed.kids().collect::<Vec<_>>(), listed.len()), (vec!["a"], 2));
    assert_eq!(listed.generation(), set(&[p256, rsa]).unwrap().generation());
    for kid in [Some("a"), None] {
        check_tokens(
            &listed,
            &[
                (Algorithm::Rs256, kid, Ok(())),
                (Algorithm::Es256, kid, Ok(())),
                (Algorithm::EdDsa, kid, Err(Rejection::AlgorithmNotAllowed)),
            ],
        );
    }
    // Each key verifies only its own algorithm: a signature by another key is rejected.
    let others = set(&[
        jwk(&keys.other_p256, json!({ "kid": "a" })),
        jwk(&keys.rsa, json!({ "kid": "a" })),
    ]);
    check_tokens(
        &others.unwrap(),
        &[(Algorithm::Es256, Some("a"), Err(Rejection::BadSignature))],
    );
}

#[test]
fn keys_of_one_kid_and_algorithm_are_skipped_others_used() {
    let keys = keys();
    let mixed = set(&[
        jwk(&keys.p256, json!({ "kid": "a" })),
        jwk(&keys.rsa, json!({ "kid": "a" })),
        jwk(&keys.other_p256, json!({ "kid": "a" })),
        jwk(&keys.ed25519, json!({ "kid": "b" })),
    ])
    .unwrap();
    let mut kids: Vec<_> = mixed.kids().collect();
    kids.sort_unstable();
    assert_eq!((kids, mixed.len()), (vec!["a", "b"], 2));
    let skipped: Vec<String> = mixed.skipped().iter().map(ToString::to_string).collect();
    let reason = "another key of the set has the same `kid` and the same algorithm";
    assert_eq!(
        skipped,
        [
            format!("key 1 (\"a\"): {reason}"),
            format!("key 3 (\"a\"): {reason}")
        ]
    );
    check_tokens(
        &mixed,
        &[
            (Algorithm::Rs256, Some("a"), Ok(())),
            (Algorithm::Es256, Some("a"), Err(Rejection::AlgorithmNotAllowed)),
        ],
    );
    // An unusable key does not occupy a name.
    let encryption = jwk(&keys.other_p256, json!({ "kid": "a", "use": "enc" }));
    let used = set(&[jwk(&keys.p256, json!({ "kid": "a" })), encryption]).unwrap();
    assert_eq!(used.kids().collect::<Vec<_>>(), ["a"]);
}

#[test]
fn an_ambiguous_jwks_withdraws_only_keys_it_does_not_list() {
    let keys = keys();
    let secret = json!({ "kty": "oct", "kid": "s", "k": "AAAA" });
    let ambiguous = [
        jwk(&keys.p256, json!({ "kid": "a" })),
        secret,
        jwk(&keys.other_p256, json!({ "kid": "a" })),
    ];
    let error = set(&ambiguous).unwrap_err();
    assert!(
        matches!(&error, InvalidKey::AmbiguousKeys { skipped, published }
            if skipped.len() == 3 && published.len() == 2),
        "{error}"
    );
    let InvalidKey::AmbiguousKeys { published, .. } = error else {
        return;
    };
    let former = set(&[
        jwk(&keys.p256, json!({ "kid": "former" })),
        jwk(&keys.rsa, json!({ "kid": "gone" })),
    ]);
    let kept = former.unwrap().only(&published);
    assert_eq!(kept.kids().collect::<Vec<_>>(), ["former"]);
    let alone = set(std::slice::from_ref(&keys.p256.jwk)).unwrap();
    assert_eq!(alone.only(&published).generation(), alone.generation());
    assert!(alone.only(&published[1..]).is_empty());
}
