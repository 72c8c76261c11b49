//! The registered claims: types, times and audiences.

use serde_json::{Value, json};
use tokens::{Algorithm, Claim, Issuer, IssuerDefinition, Rejection};

use crate::fixture::{NOW, claims, definition, forge, issuer, key_set, signer, verify};
use crate::keys::SECRET;

const ALGORITHM: Algorithm = Algorithm::Hs256;

fn check(issuer: &Issuer, changes: Value, now: u64, expected: Result<(), Rejection>) {
    let signed = signer(ALGORITHM, None).sign(&claims(changes.clone())).unwrap();
    let outcome = verify(&signed, issuer, &key_set(ALGORITHM), now).map(|_| ());
    assert_eq!(outcome, expected, "{changes} at {now}");
}

fn missing(claim: Claim) -> Result<(), Rejection> {
    Err(Rejection::MissingClaim { claim })
}

fn invalid(claim: Claim) -> Result<(), Rejection> {
    Err(Rejection::InvalidClaim { claim })
}

#[test]
fn exp_is_required_and_a_time() {
    let issuer = issuer(&[ALGORITHM]);
    let claim = Claim::ExpiresAt;
    let cases = [
        (json!(NOW + 60), Ok(())),
        (json!(NOW as f64 + 60.75), Ok(())),
        (json!(253_402_300_799_u64), Ok(())),
        (Value::Null, missing(claim)),
        (json!((NOW + 60).to_string()), invalid(claim)),
        (json!("2030-01-01T00:00:00Z"), invalid(claim)),
        (json!(true), invalid(claim)),
        (json!([NOW + 60]), invalid(claim)),
        (json!({ "time": NOW + 60 }), invalid(claim)),
        (json!(-1), invalid(claim)),
        (json!(-0.5), invalid(claim)),
        (json!(i64::MIN), invalid(claim)),
        (json!(253_402_300_800_u64), invalid(claim)),
        (json!((NOW + 60) * 1000), invalid(claim)),
        (json!(u64::MAX), invalid(claim)),
        (json!(1e19), invalid(claim)),
        (json!(1e300), invalid(claim)),
        (json!(0), Err(Rejection::Expired)),
        (json!(0.0), Err(Rejection::Expired)),
    ];
    for (exp, expected) in cases {
        check(&issuer, json!({ "exp": exp }), NOW, expected);
    }
}

#[test]
fn null_and_out_of_range_exp_are_rejected() {
    let key = jsonwebtoken::EncodingKey::from_secret(SECRET);
    let cases = [
        ("null", "invalid_claim"),
        ("1e999", "invalid_claim"),
        ("-1e999", "invalid_claim"),
        ("99999999999999999999999999999999999999999", "invalid_claim"),
        ("0x10", "malformed"),
    ];
    for (exp, expected) in cases {
        let claims = format!(r#"{{"iss":"https://issuer.example","aud":"api","exp":{exp}}}"#);
        let signed = forge(
            r#"{"alg":"HS256"}"#,
            &claims,
            &key,
            jsonwebtoken::Algorithm::HS256,
        );
        let outcome = verify(&signed, &issuer(&[ALGORITHM]), &key_set(ALGORITHM), NOW);
        assert_eq!(
            outcome.map(|_| ()).map_err(|rejection| rejection.code()),
            Err(expected),
            "{exp}"
        );
    }
}

#[test]
fn a_token_is_valid_from_nbf_to_exp_with_leeway() {
    let strict = Issuer::new(IssuerDefinition {
        leeway_seconds: 0,
        ..definition(&[ALGORITHM])
    })
    .unwrap();
    let lenient = issuer(&[ALGORITHM]);
    let times = json!({ "nbf": NOW, "exp": NOW + 10 });
    let fractions = json!({ "nbf": NOW as f64 + 0.5, "exp": NOW as f64 + 10.5 });
    let cases = [
        (&strict, &times, NOW - 1, Err(Rejection::NotYetValid)),
        (&strict, &times, NOW, Ok(())),
        (&strict, &times, NOW + 9, Ok(())),
        (&strict, &times, NOW + 10, Err(Rejection::Expired)),
        (&strict, &fractions, NOW, Err(Rejection::NotYetValid)),
        (&strict, &fractions, NOW + 1, Ok(())),
        (&strict, &fractions, NOW + 9, Ok(())),
        (&strict, &fractions, NOW + 10, Err(Rejection::Expired)),
        (&lenient, &times, NOW - 31, Err(Rejection::NotYetValid)),
        (&lenient, &times, NOW - 30, Ok(())),
        (&lenient, &times, NOW + 39, Ok(())),
        (&lenient, &times, NOW + 40, Err(Rejection::Expired)),
        (&lenient, &times, 0, Err(Rejection::NotYetValid)),
        (&lenient, &times, u64::MAX, Err(Rejection::Expired)),
    ];
    for (issuer, times, now, expected) in cases {
        check(issuer, times.clone(), now, expected);
    }
}

#[test]
fn nbf_is_optional_and_a_time() {
    let issuer = issuer(&[ALGORITHM]);
    let values = [
        json!("0"),
        json!(true),
        json!([]),
        json!(-1),
        json!(-0.5),
        json!(1e300),
        json!(u64::MAX),
    ];
    for nbf in values {
        check(&issuer, json!({ "nbf": nbf }), NOW, invalid(Claim::NotBefore));
    }
}

#[test]
fn iat_is_checked_only_with_a_maximum_age() {
    let ageless = issuer(&[ALGORITHM]);
    let aged = IssuerDefinition {
        max_age_seconds: Some(100),
        ..definition(&[ALGORITHM])
    };
    let aged = Issuer::new(aged).unwrap();
    let claim = Claim::IssuedAt;
    let cases = [
        (&ageless, json!({}), Ok(())),
        (&ageless, json!({ "iat": NOW + 1_000_000 }), Ok(())),
        (&ageless, json!({ "iat": 0 }), Ok(())),
        (&aged, json!({}), missing(claim)),
        (&aged, json!({ "iat": NOW.to_string() }), invalid(claim)),
        (&aged, json!({ "iat": -5 }), invalid(claim)),
        (&aged, json!({ "iat": NOW }), Ok(())),
        (&aged, json!({ "iat": NOW + 30 }), Ok(())),
        (&aged, json!({ "iat": NOW + 31 }), Err(Rejection::NotYetValid)),
        (&aged, json!({ "iat": NOW - 129 }), Ok(())),
        (&aged, json!({ "iat": NOW - 130 }), Err(Rejection::TooOld)),
    ];
    for (issuer, changes, expected) in cases {
        check(issuer, changes, NOW, expected);
    }
}

#[test]
fn a_maximum_age_before_exp_ends_the_identity() {
    let aged = IssuerDefinition {
        max_age_seconds: Some(10),
        ..definition(&[ALGORITHM])
    };
    let signed = signer(ALGORITHM, None)
        .sign(&claims(json!({ "iat": NOW, "exp": NOW + 60 })))
        .unwrap();
    let identity = verify(&signed, &Issuer::new(aged).unwrap(), &key_set(ALGORITHM), NOW).unwrap();
    assert_eq!(identity.expires_at, NOW + 10);
}

#[test]
fn aud_names_an_audience_as_a_string_or_in_a_list_of_strings() {
    let definition = IssuerDefinition {
        audiences: vec!["api".to_owned(), "https://api.example".to_owned()],
        ..definition(&[ALGORITHM])
    };
    let issuer = Issuer::new(definition).unwrap();
    let claim = Claim::Audience;
    let cases = [
        (json!("api"), Ok(())),
        (json!("https://api.example"), Ok(())),
        (json!(["other", "api"]), Ok(())),
        (json!(["api", "https://api.example"]), Ok(())),
        (Value::Null, missing(claim)),
        (json!("other"), Err(Rejection::WrongAudience)),
        (json!(""), Err(Rejection::WrongAudience)),
        (json!("API"), Err(Rejection::WrongAudience)),
        (json!("api "), Err(Rejection::WrongAudience)),
        (json!("api https://api.example"), Err(Rejection::WrongAudience)),
        (json!(["other"]), Err(Rejection::WrongAudience)),
        (json!([]), Err(Rejection::WrongAudience)),
        (json!(5), invalid(claim)),
        (json!(true), invalid(claim)),
        (json!({ "api": true }), invalid(claim)),
        (json!(["api", 5]), invalid(claim)),
        (json!([["api"]]), invalid(claim)),
    ];
    for (aud, expected) in cases {
        check(&issuer, json!({ "aud": aud }), NOW, expected);
    }
}
