//! Effects of single edits, and parts that they do not affect.

use std::sync::Arc;

use config::{Catalog, IdChanges, JsonEdit};
use rules::{Eligibility, Subject, Timestamp, decide};
use serde_json::{Value, json};

pub(crate) fn flag(key: &str, value: Value) -> JsonEdit {
    JsonEdit::Flag(key.to_owned(), Some(value))
}

pub(crate) fn tenant(id: &str, value: Value) -> JsonEdit {
    JsonEdit::Tenant(id.to_owned(), Some(value))
}

pub(crate) fn catalog() -> Catalog {
    let parts = vec![
        tenant(
            "acme",
            json!({ "tier": "high", "overrides": { "b": "on" }, "attributes": { "country": "DE", "seats": 9 } }),
        ),
        tenant(
            "bolt",
            json!({ "tier": "low", "opt_in": ["a"], "attributes": { "country": "AT" } }),
        ),
        flag("a", json!({ "lifecycle": "ga" })),
        flag("b", json!({ "lifecycle": "ga", "requires": ["a"] })),
        flag(
            "c",
            json!({ "lifecycle": "ga", "variants": { "off": null, "blue": 1, "red": 2 } }),
        ),
        JsonEdit::Segment(
            "dach".into(),
            Some(json!({ "attribute": "country", "in": ["DE", "AT"] })),
        ),
        JsonEdit::Head(json!({ "tiers": ["low", "high"], "unknown_tenant": { "tier": "low" } })),
    ];
    Catalog::of_json(Eligibility::Enforced, &parts).unwrap_or_else(|report| panic!("{report}"))
}

/// Returns the document as JSON.
pub(crate) fn document(catalog: &Catalog) -> Value {
    serde_json::to_value(catalog.document()).unwrap()
}

/// Applies one change, and returns its effect on ids.
pub(crate) fn change(catalog: &mut Catalog, edits: Vec<JsonEdit>) -> IdChanges {
    let draft = catalog
        .draft_json(&edits)
        .unwrap_or_else(|report| panic!("{report}"));
    catalog.apply(draft);
    catalog.compiled().id_changes.clone()
}

/// Returns the variant that a tenant is served.
pub(crate) fn served(catalog: &Catalog, key: &str, id: &str) -> String {
    let compiled = catalog.compiled();
    let subject = Subject {
        tenant: Some(id),
        record: compiled.tenants.find(id),
        ..Subject::default()
    };
    let flag = compiled.flags.id(key).unwrap();
    let decision = decide(&compiled.flags, flag, &subject, Timestamp(0));
    let flag = compiled.flags.flag(flag).unwrap();
    flag.variant(decision.variant).unwrap().name.to_string()
}

#[test]
fn an_edited_default_keeps_all_ids_and_tenants() {
    let mut catalog = catalog();
    let tenants = Arc::clone(&catalog.compiled().tenants);
    assert_eq!(served(&catalog, "a", "unknown"), "off");
    assert_eq!(
        change(
            &mut catalog,
            vec![flag("a", json!({ "lifecycle": "ga", "default": "on" }))]
        ),
        IdChanges::None
    );
    assert_eq!(served(&catalog, "a", "unknown"), "on");
    let before = tenants.find("acme").unwrap();
    let after = catalog.compiled().tenants.find("acme").unwrap();
    assert!(std::ptr::eq(before, after), "its record was compiled again");
}

#[test]
fn a_draft_changes_nothing_until_it_is_adopted() {
    let mut catalog = catalog();
    let before = document(&catalog);
    let draft = catalog
        .draft_json(&[flag("a", json!({ "lifecycle": "ga", "default": "on" }))])
        .unwrap();
    assert_eq!(draft.compiled().id_changes, IdChanges::None);
    assert_eq!(
        (served(&catalog, "a", "x"), document(&catalog)),
        ("off".to_owned(), before)
    );
    catalog.apply(draft);
    assert_eq!(served(&catalog, "a", "x"), "on");
    assert_eq!(document(&catalog)["flags"]["a"]["default"], "on");
}

#[test]
fn new_attribute_is_found_in_existing_records() {
    let mut catalog = catalog();
    let rule = json!({ "lifecycle": "ga", "rules": [{ "when": { "attribute": "seats", "gte": 5 }, "serve": "on" }] });
    assert_eq!(
        change(&mut catalog, vec![flag("a", rule.clone())]),
        IdChanges::All,
        "a request may have it, too"
    );
    assert_eq!(served(&catalog, "a", "acme"), "on");
    assert_eq!(served(&catalog, "a", "unknown"), "off");
    assert_eq!(
        change(&mut catalog, vec![flag("a", json!({ "lifecycle": "ga" }))]),
        IdChanges::None,
        "known attributes stay known"
    );
    assert_eq!(change(&mut catalog, vec![flag("a", rule)]), IdChanges::None);
    assert_eq!(served(&catalog, "a", "acme"), "on");
}

#[test]
fn edited_segment_applies_without_id_changes() {
    let mut catalog = catalog();
    let rule = json!({ "lifecycle": "ga", "rules": [{ "when": { "segment": "dach" }, "serve": "on" }] });
    change(&mut catalog, vec![flag("a", rule)]);
    assert_eq!(served(&catalog, "a", "acme"), "on");
    let swiss = json!({ "attribute": "country", "eq": "CH" });
    assert_eq!(
        change(&mut catalog, vec![JsonEdit::Segment("dach".into(), Some(swiss))]),
        IdChanges::None
    );
    assert_eq!(served(&catalog, "a", "acme"), "off");
}

#[test]
fn tenants_are_added_changed_and_removed() {
    let mut catalog = catalog();
    assert_eq!(
        change(
            &mut catalog,
            vec![
                tenant("bolt", json!({ "opt_out": ["a"] })),
                tenant("core", json!({ "overrides": { "a": true } })),
                JsonEdit::Tenant("acme".into(), None),
                JsonEdit::Tenant("nobody".into(), None),
            ]
        ),
        IdChanges::None
    );
    assert_eq!(served(&catalog, "a", "bolt"), "off");
    assert_eq!(served(&catalog, "a", "core"), "on");
    let tenants = &catalog.compiled().tenants;
    assert_eq!((tenants.len(), tenants.find("acme").is_none()), (2, true));
}

#[test]
fn tenants_are_found_if_added_together_or_singly() {
    let mut catalog = catalog();
    let many =
        |range: std::ops::Range<usize>| range.map(|n| tenant(&format!("t{n}"), json!({ "tier": "high" })));
    change(&mut catalog, many(0..1_500).collect());
    for single in many(1_500..2_500) {
        change(&mut catalog, vec![single]);
    }
    let tenants = &catalog.compiled().tenants;
    assert_eq!(tenants.len(), 2_502);
    assert_eq!(tenants.iter().count(), 2_502);
    assert!((0..2_500).all(|n| tenants.find(&format!("t{n}")).is_some()));
}

#[test]
fn a_relaxed_environment_ignores_the_lifecycle() {
    let mut catalog = catalog();
    change(
        &mut catalog,
        vec![flag("a", json!({ "lifecycle": "alpha", "default": "on" }))],
    );
    assert_eq!(served(&catalog, "a", "acme"), "off");
    catalog.set_eligibility(Eligibility::Relaxed);
    assert_eq!(served(&catalog, "a", "acme"), "on");
    change(
        &mut catalog,
        vec![flag("a", json!({ "lifecycle": "beta", "default": "on" }))],
    );
    assert_eq!(served(&catalog, "a", "acme"), "on");
}

/// Returns every field of flags, segments and tenants, in the order in which they are written.
#[test]
fn written_edits_equal_the_read_ones() {
    let serve = json!({ "split": { "on": 1.50, "off": 98.5 }, "by": "user" });
    let flag = json!({
        "description": "d", "owner": "o", "kind": "experiment", "lifecycle": "beta", "enabled": true, "default": true,
        "variants": { "off": null, "on": [1.10, { "z": 1, "a": "\u{1}" }], "true": 1 }, "off": "off",
        "tiers": { "low": false }, "requires": ["b", { "flag": "c", "is": "on" }],
        "rules": [
            { "name": "n", "when": { "all": [
                { "attribute": "n", "gt": 1.10 }, { "attribute": "n", "gte": -1e+30 }, { "attribute": "n", "lt": 0.1 },
                { "attribute": "n", "lte": 5 }, { "attribute": "t", "eq": "true" }, { "attribute": "t", "ne": true },
                { "attribute": "t", "in": [1.0, "1", false] }, { "attribute": "t", "not_in": [2] },
            ] }, "serve": "on" },
            { "when": { "any": [
                { "attribute": "t", "prefix": "a" }, { "attribute": "t", "suffix": ["a", "b"] },
                { "attribute": "t", "contains": "c" }, { "attribute": "t", "matches": "^a" },
                { "attribute": "groups", "any_of": ["a"] }, { "attribute": "groups", "all_of": ["a"] },
                { "attribute": "groups", "none_of": ["a"] }, { "attribute": "t", "semver": ">=1" },
                { "attribute": "t", "before": "2030-01-01T00:00:00Z" }, { "attribute": "t", "after": "2030-01-01T00:00:00Z" },
                { "attribute": "t", "ip_in": ["10.0.0.0/8"] }, { "not": { "attribute": "t", "exists": false } },
                { "segment": "dach" },
            ] }, "serve": serve },
        ],
        "rollout": { "percentage": 12.50, "by": "user", "audience": { "segment": "dach" }, "serve": "on" },
        "exposure": { "by": "user", "serve": serve, "stages": [
            { "name": "internal", "audience": { "segment": "dach" }, "percentage": 100 }, { "name": "all", "percentage": 12.50 },
        ] },
        "schedule": { "from": "2026-01-01T00:00:00Z", "until": "2027-01-01T00:00:00Z" }, "revertible": false,
        "expires": "2027-03-01", "opt_in_serves": "on", "final": "on", "salt": "s",
    });
    let record = json!({
        "tier": "low", "channel": "stable", "internal": false, "beta": [], "overrides": { "a": true, "b": "off" },
        "opt_in": ["b"], "opt_out": [], "attributes": { "text": "1.10", "number": 1.10, "yes": true, "list": ["a", "b"] },
    });
    let edits = [
        self::flag("full", flag),
        tenant("full", record),
        JsonEdit::Flag(
            "bare".into(),
            Some(json!({ "schedule": { "until": "2050-01-01T00:00:00Z" } })),
        ),
        tenant("bare", json!({})),
        JsonEdit::Segment("s".into(), Some(json!({ "not": { "segment": "dach" } }))),
        JsonEdit::Head(json!({ "tiers": ["low"], "policy": {} })),
        JsonEdit::Flag("gone".into(), None),
    ];
    let read = JsonEdit::read(&edits);
    let read = read.unwrap_or_else(|| panic!("{}", catalog().explain(&edits)));
    for (edit, read) in edits.iter().zip(&read) {
        assert_eq!(read.to_json(), *edit);
    }
    let again: Vec<JsonEdit> = read.iter().map(config::Edit::to_json).collect();
    assert_eq!(JsonEdit::read(&again), Some(read));
}

/// The specification of `rules` has a flag for each operator; a test there checks that none is missing.
#[test]
fn every_operator_survives_a_round_trip() {
    let spec = include_str!("../../../../rules/spec/decisions/operators.json");
    let spec: Value = serde_json::from_str(spec).unwrap();
    let flags = spec["document"]["flags"].as_object().unwrap();
    let edits: Vec<JsonEdit> = flags
        .iter()
        .map(|(key, value)| flag(key, value.clone()))
        .collect();
    let read = JsonEdit::read(&edits).unwrap();
    for (edit, read) in edits.iter().zip(&read) {
        assert_eq!(read.to_json(), *edit);
    }
}

#[test]
fn replaced_edit_is_not_checked() {
    let mut catalog = Catalog::empty(Eligibility::Enforced);
    let flag = |value| JsonEdit::Flag("board".to_owned(), Some(value));
    let edits = [
        flag(json!({ "kind": "nonsense" })),
        flag(json!({ "kind": "ops" })),
    ];
    let draft = catalog.draft_json(&edits).unwrap();
    catalog.apply(draft);
    let refused = catalog
        .draft_json(&[edits[1].clone(), edits[0].clone()])
        .unwrap_err();
    assert_eq!(refused.problems()[0].code, "unknown-value");
}
