//! Claim paths: what they find, and what is refused as one.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::{ClaimPath, InvalidClaimPath, MAX_CLAIM_PATH_BYTES, MAX_CLAIM_PATH_DEPTH};

fn check(path: &str, claims: &Value, expected: Option<Value>) {
    let parsed = ClaimPath::parse(path).unwrap_or_else(|error| panic!("{path}: {error}"));
    assert_eq!(parsed.resolve(claims).cloned(), expected, "{path} in {claims}");
    assert_eq!(parsed.to_string(), path);
}

#[test]
fn claim_path_finds_existing_claims() {
    let claims = json!({
        "tenant": "acme",
        "org": { "id": "o1", "a/b": 1, "m~n": 2, "0": "zero", "deep": { "er": null } },
        "https://example.com/tenant": "url",
        "a.b": "dotted",
        "list": [{ "id": "first" }, { "id": "second" }],
    });
    let cases = [
        ("tenant", Some(json!("acme"))),
        ("org.id", Some(json!("o1"))),
        ("org.0", Some(json!("zero"))),
        ("org.deep.er", Some(Value::Null)),
        ("org.missing", None),
        ("org.id.more", None),
        ("missing.id", None),
        ("list.1.id", Some(json!("second"))),
        ("list.01.id", None),
        ("list.+1.id", None),
        ("list.2.id", None),
        ("list.99999999999999999999999.id", None),
        ("/tenant", Some(json!("acme"))),
        ("/org/id", Some(json!("o1"))),
        ("/a.b", Some(json!("dotted"))),
        ("a.b", None),
        ("/org/a~1b", Some(json!(1))),
        ("/org/m~0n", Some(json!(2))),
        ("/org/m~01", None),
        ("/https:~1~1example.com~1tenant", Some(json!("url"))),
        ("/list/0/id", Some(json!("first"))),
        ("/list/-", None),
    ];
    for (path, expected) in cases {
        check(path, &claims, expected);
    }
}

#[test]
fn invalid_claim_path_is_rejected_with_its_reason() {
    let long = "a".repeat(MAX_CLAIM_PATH_BYTES + 1);
    let deep = vec!["a"; MAX_CLAIM_PATH_DEPTH + 1].join(".");
    let cases = [
        ("", "a claim path can't be empty"),
        (".", "a claim path can't have an empty name, and `.` has one"),
        (
            "org.",
            "a claim path can't have an empty name, and `org.` has one",
        ),
        (
            "org..id",
            "a claim path can't have an empty name, and `org..id` has one",
        ),
        ("/", "a claim path can't have an empty name, and `/` has one"),
        (
            "/a//b",
            "a claim path can't have an empty name, and `/a//b` has one",
        ),
        (
            "/a~",
            "in a JSON pointer `~` is written `~0` and `/` is written `~1`; `/a~` has a bare `~`",
        ),
        (
            "/a~2",
            "in a JSON pointer `~` is written `~0` and `/` is written `~1`; `/a~2` has a bare `~`",
        ),
        (
            "https://example.com/~t",
            "`https://example.com/~t` has a slash; if it is the name of one claim, write the pointer `/https:~1~1example.com~1~0t`",
        ),
        (&long, "a claim path has at most 256 bytes, this one has 257"),
        (&deep, "a claim path has at most 16 names, this one has 17"),
    ];
    for (path, expected) in cases {
        let error = ClaimPath::parse(path).expect_err(path);
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn suggested_pointer_for_a_url_finds_the_claim() {
    let Err(InvalidClaimPath::Slash { pointer, .. }) = ClaimPath::parse("https://a.b/~c") else {
        panic!()
    };
    check(&pointer, &json!({ "https://a.b/~c": true }), Some(json!(true)));
}

proptest! {
    #[test]
    fn pointer_can_address_any_name(name in "[^\u{0}]{1,40}") {
        let pointer = format!("/{}", name.replace('~', "~0").replace('/', "~1"));
        prop_assume!(pointer.len() <= MAX_CLAIM_PATH_BYTES);
        let claims = json!({ name: 7 });
        prop_assert_eq!(ClaimPath::parse(&pointer).unwrap().resolve(&claims), Some(&json!(7)));
    }

    #[test]
    fn parsing_never_panics(text in "\\PC*") {
        let _ = ClaimPath::parse(&text);
    }
}
