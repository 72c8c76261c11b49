//! Every case of `spec/number-ids.json`: the id of a number, in records and in requests.

use rules::{Cause, Eligibility, Timestamp, bucket, explain};
use serde_json::Value as Json;

use crate::test_subject::{NOON, TestSubject, load};

/// Returns the bucket of `test_subject` in the flag `by.account`, with a thousands separator; `None` without an id.
fn bucket_of(record: &str, test_subject: &TestSubject) -> Option<String> {
    let document = format!(
        "version: 1\nflags:\n  by.account: {{ lifecycle: ga, rollout: {{ percentage: 50, by: account }} }}\n\
         tenants:\n  acme: {{ attributes: {{ {record} }} }}\n"
    );
    let loaded = load(&document, Eligibility::Enforced);
    let id = loaded.flags.id("by.account").unwrap();
    let now = Timestamp::parse(NOON).unwrap();
    let explanation = test_subject.resolve(&loaded, |subject| explain(&loaded.flags, id, subject, now));
    let steps = explanation.unwrap().steps;
    let rollout = steps.iter().find(|step| step.cause == Cause::Rollout).unwrap();
    let reported = rollout.answer.strip_prefix("bucket ")?;
    Some(reported.split(", ").next().unwrap().to_owned())
}

#[test]
fn a_number_has_one_bucket_in_a_record_and_in_a_request() {
    let spec: Json = serde_json::from_str(include_str!("../../spec/number-ids.json")).unwrap();
    let salt = spec["salt"].as_str().unwrap();
    let ids = spec["ids"].as_array().unwrap();
    assert!(ids.len() >= 25);
    for case in ids {
        let written = case["written"].as_str().unwrap();
        let expected = case["id"].as_str().map(|id| {
            let expected = bucket(salt, id);
            assert_eq!(Some(u64::from(expected)), case["bucket"].as_u64(), "{written}");
            match (expected / 1_000, expected % 1_000) {
                (0, rest) => rest.to_string(),
                (thousands, rest) => format!("{thousands},{rest:03}"),
            }
        });
        let record = bucket_of(&format!("account: {written}"), &TestSubject::tenant("acme"));
        assert_eq!(record, expected, "{written} in a record");
        let subject = format!(r#"{{ "tenant": "acme", "attributes": {{ "account": {written} }} }}"#);
        let subject: Json = serde_json::from_str(&subject).unwrap();
        let request = bucket_of("", &TestSubject::from_json(&subject));
        assert_eq!(request, expected, "{written} in a request");
    }
}
