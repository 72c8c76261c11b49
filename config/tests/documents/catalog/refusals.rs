//! Refused edits, with the same messages as documents in files.

use config::{Catalog, Files, JsonEdit, Report};
use rules::Eligibility;
use serde_json::{Value, json};

use crate::catalog::edits::{catalog, document, flag, tenant};

fn refused(edits: Vec<JsonEdit>) -> Report {
    let catalog = catalog();
    let before = document(&catalog);
    let report = catalog.draft_json(&edits).map(drop).expect_err("it is good");
    assert_eq!(document(&catalog), before);
    report
}

fn check(edit: JsonEdit, expected: &[(&str, &str)]) {
    let report = refused(vec![edit]);
    let found = report
        .problems()
        .iter()
        .map(|problem| (problem.code, &*problem.title));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{report}");
}

#[test]
fn values_of_the_wrong_form_are_refused() {
    check(
        flag("a", json!({ "kind": "relase" })),
        &[(
            "unknown-value",
            "`kind` must be `release`, `experiment`, `permission` or `ops`, not `relase`",
        )],
    );
    check(
        flag("a", json!({ "killed": true })),
        &[("unknown-field", "a flag has no field `killed`")],
    );
    check(
        flag("a", Value::Null),
        &[("wrong-type", "`a` takes a flag (a mapping), not an empty value")],
    );
    check(
        tenant("x", json!([])),
        &[("wrong-type", "`x` takes a tenant (a mapping), not a list")],
    );
}

#[test]
fn unknown_names_are_refused() {
    check(
        flag("a", json!({ "requires": ["z"] })),
        &[("unknown-flag", "no flag has the key `z`")],
    );
    check(
        tenant("x", json!({ "tier": "mid" })),
        &[("unknown-tier", "no tier has the name `mid`")],
    );
    check(
        flag("a", json!({ "requires": ["b"] })),
        &[("flag-cycle", "flags require each other in a cycle: a -> b -> a")],
    );
}

#[test]
fn a_flag_or_tier_in_use_cannot_be_removed() {
    let gone = |key: &str| JsonEdit::Flag(key.to_owned(), None);
    check(gone("b"), &[("unknown-flag", "no flag has the key `b`")]);
    check(
        JsonEdit::Head(json!({ "tiers": ["low"] })),
        &[("unknown-tier", "no tier has the name `high`")],
    );
    let report = refused(vec![gone("a"), gone("b")]);
    assert_eq!(report.problems().len(), 2, "{report}");
}

#[test]
fn variant_served_to_a_tenant_can_not_be_removed() {
    let variants = json!({ "off": "no", "variants": { "no": 0, "yes": 1 }, "lifecycle": "ga" });
    let report = refused(vec![flag("a", variants)]);
    assert_eq!(report.problems()[0].code, "variant-needed", "{report}");
}

#[test]
fn head_with_a_section_of_parts_is_rejected() {
    let report = refused(vec![JsonEdit::Head(json!({ "flags": {} }))]);
    assert_eq!(report.problems()[0].code, "duplicate-key", "{report}");
    let report = refused(vec![JsonEdit::Head(json!(["low"]))]);
    assert_eq!(report.problems()[0].code, "unknown-field", "{report}");
}

/// Checks the place of each problem.
fn check_places(edits: Vec<JsonEdit>, expected: &[&str]) {
    let report = refused(edits);
    let places = report
        .problems()
        .iter()
        .map(|problem| problem.pointer().unwrap_or("none"));
    assert_eq!(places.collect::<Vec<_>>(), expected, "{report}");
}

#[test]
fn place_of_a_problem_is_a_pointer_into_the_document() {
    check_places(
        vec![flag("a", json!({ "requires": ["z"] }))],
        &["/flags/a/requires/0"],
    );
    let rule = json!({ "when": { "any": [{ "attribute": "x", "gt": "y" }] }, "serve": "on" });
    check_places(
        vec![
            flag("a", json!({ "rules": [rule] })),
            tenant("b/~", json!({ "beta": ["q"] })),
        ],
        &["/flags/a/rules/0/when/any/0/gt", "/tenants/b~1~0/beta/0"],
    );
    let text = refused(vec![flag("a", json!({ "requires": ["z"] }))]).render(config::Colour::Never);
    let expected = "error[unknown-flag]: no flag has the key `z`\n--> /flags/a/requires/0\n";
    assert!(text.starts_with(expected), "{text}");
}

#[test]
fn problem_in_an_unedited_part_has_its_place() {
    check_places(
        vec![JsonEdit::Flag("b".into(), None)],
        &["/tenants/acme/overrides/b"],
    );
    check_places(
        vec![JsonEdit::Head(json!({ "tiers": ["low"] }))],
        &["/tenants/acme/tier"],
    );
    check_places(vec![flag("a", json!({ "requires": ["b"] }))], &["/flags/a"]);
}

#[test]
fn a_secret_in_an_unknown_field_is_masked() {
    for secret in [
        json!({ "password": "hunter2-hunter2" }),
        json!({ "password:hunter2-hunter2": null }),
    ] {
        let report = refused(vec![flag("a", secret)]);
        assert!(!report.to_string().contains("hunter2"), "{report}");
        assert!(!report.to_json().to_string().contains("hunter2"), "{report}");
    }
}

#[test]
fn chains_through_unedited_flags_count_for_the_depth() {
    let requiring = |key: usize, required: &str| {
        let value = json!({ "requires": [required] });
        flag(&format!("f{key:02}"), value)
    };
    let mut parts = vec![flag("f00", json!({})), flag("g", json!({}))];
    parts.extend((1..=16).map(|key| requiring(key, &format!("f{:02}", key - 1))));
    let catalog = Catalog::of_json(Eligibility::Enforced, &parts).unwrap();
    for (edit, code) in [
        (requiring(0, "g"), "nesting"),
        (requiring(0, "f16"), "flag-cycle"),
        (requiring(17, "f16"), "nesting"),
    ] {
        let report = catalog.draft_json(&[edit]).map(drop).unwrap_err();
        assert_eq!(report.problems()[0].code, code, "{report}");
    }
    let read = JsonEdit::read(&[requiring(17, "f15")]).unwrap();
    assert!(read.into_iter().all(|edit| catalog.accepts(edit)));
}

#[test]
fn value_of_maximum_depth_is_exported_deeper_is_rejected() {
    let nested = |depth| (1..depth).fold(json!([]), |inner, _| json!([inner]));
    let variants = |depth| json!({ "variants": { "off": null, "on": nested(depth) } });
    // The document, its flags, this flag, its variants: 64 levels in all.
    let catalog = Catalog::of_json(Eligibility::Enforced, &[flag("deep", variants(60))]);
    let catalog = catalog.unwrap_or_else(|report| panic!("{report}"));
    let text = document(&catalog).to_string();
    let files = Files::Memory([("flags.json".into(), text.into_bytes())].into());
    let loaded = config::load_flags_from(files, "flags.json".as_ref(), Eligibility::Enforced);
    assert_eq!(loaded.unwrap_or_else(|report| panic!("{report}")).flags.len(), 1);
    check(
        flag("deep", variants(61)),
        &[("document-depth", "the document is nested deeper than 64 levels")],
    );
}
