//! Tests of accepted tokens and their identities.

use jsonwebtoken::EncodingKey;
use rules::{AttributeValue, Decimal, TenantId, UserId};
use serde_json::{Value, json};
use tokens::{Algorithm, Issuer, IssuerDefinition, Issuers, KeySet, Rejection, TenantProblem, Unverified};

use crate::fixture::{
    AUDIENCE, ISSUER, NOW, claims, counting, definition, forge, issuer, key_set, path, signer, token, verify,
};
use crate::keys::{SECRET, keys};

#[test]
fn every_algorithm_is_accepted_with_one_verification() {
    for algorithm in Algorithm::ALL {
        let (issuer, keys) = (issuer(&[algorithm]), key_set(algorithm));
        let (outcome, verifications) = counting(&token(algorithm), &issuer, &keys, NOW);
        let identity = outcome.unwrap_or_else(|rejection| panic!("{algorithm}: {rejection}"));
        assert_eq!((identity.algorithm, verifications), (algorithm, 1));
        assert_eq!(identity.tenant, Ok(TenantId::parse("acme").unwrap()));
        assert_eq!(identity.key_set_generation, keys.generation());
    }
}

#[test]
fn every_algorithm_is_refused_with_every_other_key() {
    for signed in Algorithm::ALL {
        for allowed in Algorithm::ALL.into_iter().filter(|allowed| *allowed != signed) {
            let (outcome, verifications) =
                counting(&token(signed), &issuer(&[allowed]), &key_set(allowed), NOW);
            assert_eq!(
                (outcome, verifications),
                (Err(Rejection::AlgorithmNotAllowed), 0),
                "{signed} as {allowed}"
            );
        }
    }
}

#[test]
fn an_allowed_algorithm_is_refused_by_a_key_of_another() {
    let issuer = issuer(&[Algorithm::Rs256, Algorithm::Es256]);
    let outcome = counting(&token(Algorithm::Rs256), &issuer, &key_set(Algorithm::Es256), NOW);
    assert_eq!(outcome, (Err(Rejection::AlgorithmNotAllowed), 0));
}

#[test]
fn a_forbidden_algorithm_is_refused_before_the_key_lookup() {
    let wide = [Algorithm::Rs256, Algorithm::Ps256];
    let mut jwks = json!({ "keys": [keys().rsa.jwk] });
    jwks["keys"][0]["kid"] = json!("r1");
    let keys = KeySet::from_jwks(&jwks.to_string(), &wide).unwrap();
    // An unknown kid would make the caller look for newer keys, which none of these tokens is worth.
    for kid in ["r1", "r2"] {
        let signed = signer(Algorithm::Ps256, Some(kid))
            .sign(&claims(json!({})))
            .unwrap();
        let outcome = counting(&signed, &issuer(&[Algorithm::Rs256]), &keys, NOW);
        assert_eq!(outcome, (Err(Rejection::AlgorithmNotAllowed), 0), "{kid}");
    }
}

#[test]
fn an_identity_has_all_claims_of_the_token() {
    let issuer = Issuer::new(IssuerDefinition {
        tenant: path("org.id"),
        user: path("/https:~1~1example.com~1user"),
        groups: Some(path("realm.groups")),
        attributes: vec![
            (7, path("country")),
            (3, path("seats")),
            (4, path("beta")),
            (5, path("regions")),
            (6, path("absent")),
            (8, path("org")),
            (9, path("mixed")),
            (10, path("none")),
            (11, path("empty")),
        ],
        ..definition(&[Algorithm::Es256])
    })
    .unwrap();
    let mut claims = claims(json!({
        "org": { "id": "acme" }, "https://example.com/user": "u7", "realm": { "groups": ["a", "b"] },
        "country": "DE", "seats": 12.5, "beta": true, "regions": ["eu", "us"], "mixed": ["a", 1], "empty": [],
        "nbf": NOW - 5, "exp": NOW + 60,
    }));
    claims["none"] = Value::Null;
    let signed = signer(Algorithm::Es256, Some("k1")).sign(&claims).unwrap();
    let other = Issuer::new(IssuerDefinition {
        issuer: "other".to_owned(),
        ..definition(&[Algorithm::Es256])
    });
    let issuers = Issuers::new(vec![other.unwrap(), issuer]).unwrap();
    let unverified = Unverified::parse(&signed).unwrap();
    let identity = issuers
        .pick(&unverified)
        .unwrap()
        .verify(&unverified, &key_set(Algorithm::Es256), NOW)
        .unwrap();
    assert_eq!(identity.tenant.as_ref().unwrap().as_str(), "acme");
    assert_eq!(
        (
            identity.user.as_ref().map(UserId::as_str),
            identity.kid.as_deref()
        ),
        (Some("u7"), Some("k1"))
    );
    assert_eq!(
        identity.groups.iter().map(|group| &**group).collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(
        (identity.expires_at, identity.not_before, identity.issuer),
        (NOW + 60, Some(NOW - 5), 1)
    );
    let list = |items: &[&str]| items.iter().copied().collect::<AttributeValue>();
    let expected = [
        (7, AttributeValue::from("DE")),
        (3, AttributeValue::from(Decimal::parse("12.5").unwrap())),
        (4, AttributeValue::from(true)),
        (5, list(&["eu", "us"])),
        (11, list(&[])),
    ];
    assert_eq!(*identity.attributes, expected);
    assert!((300..2000).contains(&identity.size()), "{}", identity.size());
}

#[test]
fn a_claims_number_is_exact_or_no_attribute() {
    let issuer = Issuer::new(IssuerDefinition {
        attributes: vec![(0, path("account"))],
        ..definition(&[Algorithm::Hs256])
    });
    let (issuer, keys) = (issuer.unwrap(), key_set(Algorithm::Hs256));
    let key = EncodingKey::from_secret(SECRET);
    for (written, expected) in [
        ("1152921504606846977", Some("1152921504606846977")),
        ("1152921504606846977.0", Some("1152921504606846977")),
        ("9007199254740993e0", Some("9007199254740993")),
        ("18446744073709551615", Some("18446744073709551615")),
        ("-9223372036854775809", Some("-9223372036854775809")),
        ("1.0", Some("1")),
        ("1e3", Some("1000")),
        ("-0.0", Some("0")),
        ("0.10000000000000001", Some("0.10000000000000001")),
        (
            "1234567890123456789012345678901234",
            Some("1234567890123456789012345678901234"),
        ),
        ("12345678901234567890123456789012345", None),
        ("1e309", None),
        ("1e-999999999999999999999", None),
    ] {
        let claims = format!(
            r#"{{"iss":"{ISSUER}","aud":"{AUDIENCE}","exp":{},"tenant":"acme","account":{written}}}"#,
            NOW + 60
        );
        let token = forge(
            r#"{"alg":"HS256"}"#,
            &claims,
            &key,
            jsonwebtoken::Algorithm::HS256,
        );
        let identity = verify(&token, &issuer, &keys, NOW).unwrap();
        let expected = expected.map(|text| (0, AttributeValue::from(Decimal::parse(text).unwrap())));
        assert_eq!(identity.attributes.first(), expected.as_ref(), "{written}");
    }
}

#[test]
fn unreadable_tenant_is_an_outcome_of_a_valid_token() {
    let issuer = Issuer::new(IssuerDefinition {
        tenant: path("org.id"),
        ..definition(&[Algorithm::Hs256])
    });
    let (issuer, keys) = (issuer.unwrap(), key_set(Algorithm::Hs256));
    let cases = [
        (json!({}), TenantProblem::Missing, "tenant_missing"),
        (json!({ "org": "acme" }), TenantProblem::Missing, "tenant_missing"),
        (
            json!({ "org": { "id": null } }),
            TenantProblem::Missing,
            "tenant_missing",
        ),
        (
            json!({ "org": { "id": "" } }),
            TenantProblem::Empty,
            "tenant_empty",
        ),
        (
            json!({ "org": { "id": 7 } }),
            TenantProblem::NotAString,
            "tenant_not_a_string",
        ),
        (
            json!({ "org": { "id": ["acme"] } }),
            TenantProblem::NotAString,
            "tenant_not_a_string",
        ),
        (
            json!({ "org": { "id": { "acme": 1 } } }),
            TenantProblem::NotAString,
            "tenant_not_a_string",
        ),
        (
            json!({ "org": { "id": "t".repeat(129) } }),
            TenantProblem::TooLong,
            "tenant_too_long",
        ),
        (
            json!({ "org": { "id": "a b" } }),
            TenantProblem::Character,
            "tenant_character",
        ),
        (
            json!({ "org": { "id": "a\r\nX-Tenant-Id: b" } }),
            TenantProblem::Character,
            "tenant_character",
        ),
        (
            json!({ "org": { "id": "\u{430}cme" } }),
            TenantProblem::Character,
            "tenant_character",
        ),
    ];
    for (changes, problem, code) in cases {
        let signed = signer(Algorithm::Hs256, None)
            .sign(&claims(changes.clone()))
            .unwrap();
        let identity = verify(&signed, &issuer, &keys, NOW).unwrap();
        assert_eq!(
            (identity.tenant, problem.code()),
            (Err(problem), code),
            "{changes}"
        );
    }
}

#[test]
fn user_is_a_header_value_that_nobody_trims_or_absent() {
    let (issuer, keys) = (issuer(&[Algorithm::Hs256]), key_set(Algorithm::Hs256));
    let cases = [
        (json!("u1"), Some("u1")),
        (json!("J\u{fc}rgen"), Some("J\u{fc}rgen")),
        (json!("Ann  Lee"), Some("Ann  Lee")),
        (json!("u".repeat(257)), None),
        (json!(""), None),
        (json!(" "), None),
        (json!(" u1"), None),
        (json!("u1 "), None),
        (json!("u1\t"), None),
        (json!("u1\u{a0}"), None),
        (json!("\u{3000}u1"), None),
        (json!("u1\u{85}"), None),
        (json!("\u{feff}u1"), None),
        (json!("a\nb"), None),
        (json!("a\u{0}"), None),
        (json!(5), None),
        (json!(["u1"]), None),
        (Value::Null, None),
    ];
    for (sub, expected) in cases {
        let signed = signer(Algorithm::Hs256, None)
            .sign(&claims(json!({ "sub": sub })))
            .unwrap();
        let identity = verify(&signed, &issuer, &keys, NOW).unwrap();
        assert_eq!(identity.user.as_ref().map(UserId::as_str), expected, "{sub}");
    }
}

#[test]
fn groups_are_a_list_of_strings_or_one_string() {
    let issuer = IssuerDefinition {
        groups: Some(path("groups")),
        ..definition(&[Algorithm::Hs256])
    };
    let (issuer, keys) = (Issuer::new(issuer).unwrap(), key_set(Algorithm::Hs256));
    let many = |count: usize| Value::from(vec!["g"; count]);
    let cases = [
        (json!(["a", "b", "a"]), Ok(vec!["a", "b", "a"])),
        (json!("admins"), Ok(vec!["admins"])),
        (json!([]), Ok(vec![])),
        (json!(["a", 1]), Ok(vec![])),
        (json!({ "a": true }), Ok(vec![])),
        (json!(5), Ok(vec![])),
        (many(512), Ok(vec!["g"; 512])),
        (many(513), Err("invalid_claim")),
        (json!(["g".repeat(257)]), Err("invalid_claim")),
        (json!("g".repeat(257)), Err("invalid_claim")),
    ];
    for (groups, expected) in cases {
        let signed = signer(Algorithm::Hs256, None)
            .sign(&claims(json!({ "groups": groups })))
            .unwrap();
        let outcome = verify(&signed, &issuer, &keys, NOW);
        let found = outcome
            .as_ref()
            .map(|identity| identity.groups.iter().map(|group| &**group).collect());
        assert_eq!(found.map_err(Rejection::code), expected, "{groups}");
    }
}

#[test]
fn oversized_attribute_rejects_the_token() {
    let issuer = IssuerDefinition {
        attributes: vec![(0, path("a"))],
        ..definition(&[Algorithm::Hs256])
    };
    let (issuer, keys) = (Issuer::new(issuer).unwrap(), key_set(Algorithm::Hs256));
    let cases = [
        (json!("x".repeat(1024)), true),
        (json!("x".repeat(1025)), false),
        (json!(["x".repeat(1025)]), false),
        (json!(vec!["x"; 512]), true),
        (json!(vec!["x"; 513]), false),
    ];
    for (value, accepted) in cases {
        let signed = signer(Algorithm::Hs256, None)
            .sign(&claims(json!({ "a": value })))
            .unwrap();
        let code = verify(&signed, &issuer, &keys, NOW).map_err(|rejection| rejection.code());
        assert_eq!(
            code.map(|_| ()),
            if accepted { Ok(()) } else { Err("invalid_claim") },
            "{value}"
        );
    }
}

#[test]
fn an_identity_is_fresh_while_its_token_is_accepted() {
    let (issuer, keys) = (issuer(&[Algorithm::Hs256]), key_set(Algorithm::Hs256));
    let signed = signer(Algorithm::Hs256, None)
        .sign(&claims(json!({ "nbf": NOW, "exp": NOW + 60 })))
        .unwrap();
    let identity = verify(&signed, &issuer, &keys, NOW).unwrap();
    for now in [0, NOW - 31, NOW - 30, NOW, NOW + 60, NOW + 89, NOW + 90, u64::MAX] {
        let accepted = verify(&signed, &issuer, &keys, now).is_ok();
        assert_eq!(identity.is_fresh(now, issuer.leeway_seconds()), accepted, "{now}");
    }
}

#[test]
fn issuer_is_selected_by_its_exact_name() {
    let issuers = Issuers::new(vec![issuer(&[Algorithm::Hs256])]).unwrap();
    let spellings = [
        "https://issuer.example/",
        "https://issuer.exampl",
        "HTTPS://issuer.example",
        "",
        " https://issuer.example",
    ];
    for name in spellings {
        let signed = signer(Algorithm::Hs256, None)
            .sign(&claims(json!({ "iss": name })))
            .unwrap();
        let unverified = Unverified::parse(&signed).unwrap();
        assert_eq!(
            issuers.pick(&unverified).map(Issuer::name),
            Err(Rejection::UnknownIssuer),
            "{name}"
        );
        let outcome = counting(&signed, issuers.at(0).unwrap(), &key_set(Algorithm::Hs256), NOW);
        assert_eq!(outcome, (Err(Rejection::UnknownIssuer), 0), "{name}");
    }
    let good = token(Algorithm::Hs256);
    assert_eq!(
        issuers.pick(&Unverified::parse(&good).unwrap()).map(Issuer::name),
        Ok(ISSUER)
    );
}

#[test]
fn token_type_is_checked_if_the_issuer_requires_one() {
    let issuer = IssuerDefinition {
        typ: Some("at+jwt".to_owned()),
        ..definition(&[Algorithm::Hs256])
    };
    let (issuer, keys) = (Issuer::new(issuer).unwrap(), key_set(Algorithm::Hs256));
    let cases = [
        (Some("application/AT+JWT"), Ok(())),
        (Some("JWT"), Err(Rejection::WrongType)),
        (None, Err(Rejection::WrongType)),
    ];
    for (typ, expected) in cases {
        let signed = signer(Algorithm::Hs256, None)
            .with_typ(typ)
            .sign(&claims(json!({})))
            .unwrap();
        assert_eq!(
            verify(&signed, &issuer, &keys, NOW).map(|_| ()),
            expected,
            "{typ:?}"
        );
    }
}

#[test]
fn key_of_one_issuer_verifies_no_token_of_another() {
    let pem = keys().other_p256.public_pem.as_bytes();
    let foreign = KeySet::from_pem(pem, &[Algorithm::Es256]).unwrap();
    let outcome = counting(
        &token(Algorithm::Es256),
        &issuer(&[Algorithm::Es256]),
        &foreign,
        NOW,
    );
    assert_eq!(outcome, (Err(Rejection::BadSignature), 1));
}
