//! Definitions that can't be, and the issuers they would have become.

use super::{Issuer, IssuerDefinition, MAX_ATTRIBUTES, MAX_AUDIENCES};
use crate::{Algorithm, ClaimPath, Issuers};

fn path(text: &str) -> ClaimPath {
    ClaimPath::parse(text).unwrap()
}

fn definition() -> IssuerDefinition {
    IssuerDefinition::new(
        "https://issuer.example",
        "api",
        &[Algorithm::Rs256],
        path("tenant"),
    )
}

fn check(change: impl FnOnce(&mut IssuerDefinition), expected: Result<(), &str>) {
    let mut definition = definition();
    change(&mut definition);
    let outcome = Issuer::new(definition)
        .map(|_| ())
        .map_err(|error| error.to_string());
    assert_eq!(outcome.as_ref().map(|_| ()).map_err(|error| &**error), expected);
}

#[test]
fn invalid_issuer_is_rejected_with_its_reason() {
    use Algorithm::{Es256, Hs256, Rs256};
    check(|_| {}, Ok(()));
    check(|d| d.algorithms = vec![Rs256, Es256], Ok(()));
    check(|d| d.leeway_seconds = 300, Ok(()));
    check(|d| d.issuer.clear(), Err("an issuer needs a name"));
    check(
        |d| d.issuer = "i".repeat(8193),
        Err("a name of 8193 bytes does not fit into a token, which has at most 8192"),
    );
    check(
        |d| d.audiences.clear(),
        Err("an issuer needs at least one audience, or tokens meant for others would be accepted"),
    );
    check(
        |d| d.audiences.push(String::new()),
        Err("an audience can't be empty"),
    );
    check(
        |d| d.audiences = vec!["a".to_owned(); MAX_AUDIENCES + 1],
        Err("an issuer has at most 64 audiences, this one has 65"),
    );
    check(
        |d| d.algorithms.clear(),
        Err("an issuer needs at least one algorithm"),
    );
    check(
        |d| d.algorithms = vec![Rs256, Hs256],
        Err("HS256 needs a secret and RS256 a public key; an issuer has one or the other"),
    );
    check(
        |d| d.leeway_seconds = 301,
        Err("the leeway is at most 300 seconds, not 301"),
    );
    check(
        |d| d.max_age_seconds = Some(0),
        Err("a maximum age of 0 seconds accepts no token"),
    );
    check(
        |d| d.typ = Some(String::new()),
        Err("a token type can't be empty"),
    );
    check(
        |d| d.typ = Some("application/".to_owned()),
        Err("a token type can't be empty"),
    );
    check(
        |d| d.attributes = vec![(1, path("a")), (2, path("b")), (1, path("c.d"))],
        Err("an attribute is mapped twice, from `a` and from `c.d`"),
    );
    check(
        |d| d.attributes = (0..).map(|i| (i, path("a"))).take(MAX_ATTRIBUTES + 1).collect(),
        Err("an issuer maps at most 64 attributes, this one maps 65"),
    );
}

#[test]
fn a_type_is_compared_without_case_and_without_its_prefix() {
    let issuer = |typ: &str| {
        Issuer::new(IssuerDefinition {
            typ: Some(typ.to_owned()),
            ..definition()
        })
        .unwrap()
    };
    let any = Issuer::new(definition()).unwrap();
    let cases = [
        ("at+jwt", Some("at+jwt"), true),
        ("at+jwt", Some("AT+JWT"), true),
        ("at+jwt", Some("application/at+jwt"), true),
        ("Application/AT+jwt", Some("at+jwt"), true),
        ("at+jwt", Some("Application/At+Jwt"), true),
        ("at+jwt", Some("JWT"), false),
        ("at+jwt", Some("at+jwt "), false),
        ("at+jwt", Some("text/at+jwt"), false),
        ("at+jwt", Some("application/application/at+jwt"), false),
        ("at+jwt", Some(""), false),
        ("at+jwt", None, false),
    ];
    for (expected, found, accepted) in cases {
        assert_eq!(
            issuer(expected).accepts_type(found),
            accepted,
            "{expected} and {found:?}"
        );
        assert!(any.accepts_type(found));
    }
}

#[test]
fn issuers_with_the_same_name_are_rejected() {
    let issuer = || Issuer::new(definition()).unwrap();
    let error = Issuers::new(vec![issuer(), issuer()]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "two issuers are named `https://issuer.example`"
    );
    let error = Issuers::new(vec![issuer(); 257]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "there are 257 issuers, where at most 256 are allowed"
    );
}
