//! What an edit is refused for, in the words that files are refused with.

use config::{Catalog, Edit, Files, Report};
use rules::Eligibility;
use serde_json::{Value, json};

use crate::edits::{catalog, flag, tenant};

fn refused(edits: Vec<Edit>) -> Report {
    let catalog = catalog();
    let before = catalog.document();
    let report = catalog.draft(edits).map(drop).expect_err("it is good");
    assert_eq!(catalog.document(), before);
    report
}

fn check(edit: Edit, expected: &[(&str, &str)]) {
    let report = refused(vec![edit]);
    let found = report
        .problems()
        .iter()
        .map(|problem| (problem.code, &*problem.title));
    assert_eq!(found.collect::<Vec<_>>(), expected, "{report}");
}

#[test]
fn what_is_of_the_wrong_shape_is_refused() {
    check(
        flag("a", json!({ "kind": "relase" })),
        &[(
            "unknown-value",
            "`kind` is `release`, `experiment`, `permission` or `ops`, not `relase`",
        )],
    );
    check(
        flag("a", json!({ "killed": true })),
        &[("unknown-field", "a flag has no field `killed`")],
    );
    check(
        flag("a", Value::Null),
        &[("wrong-type", "`a` takes a flag (a mapping), not nothing")],
    );
    check(
        tenant("x", json!([])),
        &[("wrong-type", "`x` takes a tenant (a mapping), not a list")],
    );
}

#[test]
fn what_names_something_unknown_is_refused() {
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
        &[("flag-cycle", "flags require each other in a circle: a -> b -> a")],
    );
}

#[test]
fn what_a_tenant_or_a_flag_names_is_not_removed() {
    let gone = |key: &str| Edit::Flag(key.to_owned(), None);
    check(gone("b"), &[("unknown-flag", "no flag has the key `b`")]);
    check(
        Edit::Head(json!({ "tiers": ["low"] })),
        &[("unknown-tier", "no tier has the name `high`")],
    );
    let report = refused(vec![gone("a"), gone("b")]);
    assert_eq!(report.problems().len(), 2, "{report}");
}

#[test]
fn variants_that_a_tenant_is_served_stay() {
    let variants = json!({ "off": "no", "variants": { "no": 0, "yes": 1 }, "lifecycle": "ga" });
    let report = refused(vec![flag("a", variants)]);
    assert_eq!(report.problems()[0].code, "variant-needed", "{report}");
}

#[test]
fn the_head_has_no_parts_in_it() {
    let report = refused(vec![Edit::Head(json!({ "flags": {} }))]);
    assert_eq!(report.problems()[0].code, "duplicate-key", "{report}");
    let report = refused(vec![Edit::Head(json!(["low"]))]);
    assert_eq!(report.problems()[0].code, "unknown-field", "{report}");
}

#[test]
fn the_place_is_in_the_document_as_it_would_be() {
    let report = refused(vec![flag("a", json!({ "requires": ["z"] }))]);
    let text = report.render(config::Colour::Never);
    assert!(text.contains("--> document:"), "{text}");
    assert!(text.contains("\"z\""), "{text}");
}

#[test]
fn chains_are_measured_through_flags_that_are_not_edited() {
    let requiring = |key: usize, required: &str| {
        let value = json!({ "requires": [required] });
        flag(&format!("f{key:02}"), value)
    };
    let mut parts = vec![flag("f00", json!({})), flag("g", json!({}))];
    parts.extend((1..=16).map(|key| requiring(key, &format!("f{:02}", key - 1))));
    let catalog = Catalog::new(Eligibility::Enforced, parts).unwrap();
    for (edit, code) in [
        (requiring(0, "g"), "nesting"),
        (requiring(0, "f16"), "flag-cycle"),
        (requiring(17, "f16"), "nesting"),
    ] {
        let report = catalog.draft(vec![edit]).map(drop).unwrap_err();
        assert_eq!(report.problems()[0].code, code, "{report}");
    }
    assert!(catalog.takes(requiring(17, "f15")));
}

#[test]
fn values_nested_too_deep_are_refused_and_those_just_within_are_exported() {
    let nested = |depth| (1..depth).fold(json!([]), |inner, _| json!([inner]));
    let variants = |depth| json!({ "variants": { "off": null, "on": nested(depth) } });
    // The document, its flags, this flag, its variants: 64 levels in all.
    let catalog = Catalog::new(Eligibility::Enforced, [flag("deep", variants(60))]);
    let text = catalog
        .unwrap_or_else(|report| panic!("{report}"))
        .document()
        .to_string();
    let files = Files::Memory([("flags.json".into(), text.into_bytes())].into());
    let loaded = config::load_flags_from(files, "flags.json".as_ref(), Eligibility::Enforced);
    assert_eq!(loaded.unwrap_or_else(|report| panic!("{report}")).flags.len(), 1);
    check(
        flag("deep", variants(61)),
        &[("document-depth", "a document is nested at most 64 deep")],
    );
}
