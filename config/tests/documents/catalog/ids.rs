//! Flags keep their ids when others are added and removed: parts that do not name a removed or changed flag are
//! shared and not compiled again.

use std::sync::Arc;

use config::{Catalog, Compiled, IdChanges, JsonEdit};
use rules::{
    Cause, Eligibility, FlagId, FlagsHeader, Include, MAX_FLAG_IDS, MAX_FLAGS, Subject, Tenant, Timestamp,
    decide,
};
use serde_json::{Value, json};

use crate::catalog::edits::{catalog, change, flag, served, tenant};

fn gone(key: &str) -> JsonEdit {
    JsonEdit::Flag(key.to_owned(), None)
}

fn id(catalog: &Catalog, key: &str) -> FlagId {
    catalog.compiled().flags.id(key).unwrap()
}

/// Returns true if the compiled record of a tenant, which has lists, is that of the former catalog.
fn is_shared(before: &Compiled, catalog: &Catalog, tenant: &str) -> bool {
    let now = &catalog.compiled().tenants;
    let record = now.find(tenant).unwrap();
    record.shares_lists_with(before.tenants.find(tenant).unwrap())
}

/// Returns the variant that a flag serves to a record, and the cause.
fn decided(compiled: &Compiled, flag: FlagId, record: Option<&Tenant>) -> (Option<String>, Cause) {
    let subject = Subject {
        tenant: record.map(Tenant::id),
        record,
        ..Subject::default()
    };
    let decision = decide(&compiled.flags, flag, &subject, Timestamp(0));
    let flag = compiled.flags.flag(flag);
    let variant = flag.and_then(|flag| flag.variant(decision.variant));
    (variant.map(|variant| variant.name.to_string()), decision.cause)
}

#[test]
fn a_new_flag_keeps_all_ids_and_tenants() {
    let mut catalog = catalog();
    let before = catalog.compiled().clone();
    let on = json!({ "lifecycle": "ga", "default": "on" });
    assert_eq!(
        change(&mut catalog, vec![flag("Aa", on.clone())]),
        IdChanges::None
    );
    assert!(["acme", "bolt"].iter().all(|id| is_shared(&before, &catalog, id)));
    for key in ["a", "b", "c"] {
        assert_eq!(before.flags.id(key), Some(id(&catalog, key)));
    }
    assert_eq!(served(&catalog, "Aa", "acme"), "on");
    let keys: Vec<_> = catalog
        .compiled()
        .flags
        .iter()
        .map(|(_, flag)| flag.key().to_string())
        .collect();
    assert_eq!(keys, ["Aa", "a", "b", "c"], "flags are listed in key order");
    // A flag that is edited in the same change may require the new one.
    let names_it = json!({ "lifecycle": "ga", "requires": ["new"], "default": "on" });
    let edits = vec![
        flag("new", on.clone()),
        flag("a", names_it),
        tenant("core", json!({ "overrides": { "new": "off" } })),
    ];
    assert_eq!(change(&mut catalog, edits), IdChanges::None);
    assert_eq!(
        (served(&catalog, "a", "acme"), served(&catalog, "a", "core")),
        ("on".into(), "off".into())
    );
}

#[test]
fn removed_flag_changes_only_its_own_id() {
    let mut catalog = catalog();
    change(&mut catalog, vec![flag("Aa", json!({}))]);
    let before = catalog.compiled().clone();
    let (a, c) = (id(&catalog, "a"), id(&catalog, "c"));
    assert_eq!(
        change(&mut catalog, vec![gone("c")]),
        IdChanges::Flags([c].into())
    );
    assert!(["acme", "bolt"].iter().all(|id| is_shared(&before, &catalog, id)));
    assert_eq!(id(&catalog, "a"), a);
    let now = catalog.compiled();
    assert_eq!((now.flags.len(), now.flags.flag(c).is_none()), (3, true));
    assert_eq!(
        decided(now, c, now.tenants.find("acme")),
        (None, Cause::UnknownFlag)
    );
    // The removal of an unknown flag changes nothing.
    assert_eq!(change(&mut catalog, vec![gone("nothing")]), IdChanges::None);
}

#[test]
fn the_id_of_a_removed_flag_is_not_reused() {
    let mut catalog = catalog();
    let mut had = vec![id(&catalog, "c")];
    for round in 0..5 {
        let former = if round == 0 {
            "c".to_owned()
        } else {
            format!("n{round}")
        };
        let next = format!("n{}", round + 1);
        change(&mut catalog, vec![gone(&former), flag(&next, json!({}))]);
        let id = id(&catalog, &next);
        assert!(!had.contains(&id), "{next} has the id of a flag that is gone");
        had.push(id);
    }
    assert_eq!(catalog.compiled().flags.len(), 3);
}

#[test]
fn readded_flag_has_no_old_records() {
    let mut catalog = catalog();
    change(
        &mut catalog,
        vec![tenant("acme", json!({ "overrides": { "c": "red" } }))],
    );
    let (before, c) = (catalog.compiled().clone(), id(&catalog, "c"));
    let record = before.tenants.find("acme").unwrap();
    assert_eq!(
        decided(&before, c, Some(record)),
        (Some("red".into()), Cause::Override)
    );
    let variants = json!({ "lifecycle": "ga", "variants": { "off": null, "blue": 1, "red": 2 } });
    change(
        &mut catalog,
        vec![gone("c"), tenant("acme", json!({ "tier": "high" }))],
    );
    change(&mut catalog, vec![flag("c", variants)]);
    assert_eq!(served(&catalog, "c", "acme"), "off");
    // Nor does a record that was compiled before have the new flag on a list.
    let now = catalog.compiled();
    assert_eq!(
        decided(now, id(&catalog, "c"), Some(record)),
        (Some("off".into()), Cause::Default)
    );
    assert_eq!(decided(now, c, Some(record)), (None, Cause::UnknownFlag));
}

#[test]
fn existing_snapshot_is_unchanged_by_edits() {
    let mut catalog = catalog();
    let before = catalog.compiled().clone();
    let ids: Vec<_> = before.flags.iter().map(|(id, _)| id).collect();
    let decisions = |compiled: &Compiled| {
        let records = ["acme", "bolt"].map(|id| compiled.tenants.find(id));
        let pairs = records
            .into_iter()
            .flat_map(|record| ids.iter().map(move |id| (record, *id)));
        pairs
            .map(|(record, id)| decided(compiled, id, record))
            .collect::<Vec<_>>()
    };
    let expected = decisions(&before);
    let edits = vec![
        gone("b"),
        gone("c"),
        tenant("acme", json!({ "overrides": { "z": "on" } })),
        flag(
            "a",
            json!({ "lifecycle": "ga", "variants": { "on": 1, "off": 0 } }),
        ),
        flag("z", json!({ "lifecycle": "ga" })),
    ];
    change(&mut catalog, edits);
    assert_eq!(decisions(&before), expected);
    assert_ne!(decisions(catalog.compiled()), expected);
}

#[test]
fn only_users_of_a_flag_with_other_variants_are_recompiled() {
    let mut catalog = catalog();
    let red = json!({ "lifecycle": "ga", "default": "on", "requires": [{ "flag": "c", "is": "red" }] });
    let edits = vec![
        flag("d", red),
        flag(
            "c",
            json!({ "lifecycle": "ga", "default": "red", "variants": { "off": null, "blue": 1, "red": 2 } }),
        ),
        tenant("acme", json!({ "overrides": { "c": "blue" } })),
    ];
    change(&mut catalog, edits);
    assert_eq!(
        (served(&catalog, "d", "acme"), served(&catalog, "d", "bolt")),
        ("off".into(), "on".into())
    );
    let (before, c) = (catalog.compiled().clone(), id(&catalog, "c"));
    let other =
        json!({ "lifecycle": "ga", "default": "red", "variants": { "red": 2, "blue": 1, "off": null } });
    assert_eq!(
        change(&mut catalog, vec![flag("c", other)]),
        IdChanges::Flags([c].into())
    );
    assert_eq!(
        (served(&catalog, "c", "acme"), served(&catalog, "c", "bolt")),
        ("blue".into(), "red".into())
    );
    assert_eq!(
        (served(&catalog, "d", "acme"), served(&catalog, "d", "bolt")),
        ("off".into(), "on".into())
    );
    assert!(!is_shared(&before, &catalog, "acme") && is_shared(&before, &catalog, "bolt"));
    let pointer = |compiled: &Compiled, key: &str| {
        let flags = Arc::clone(&compiled.flags);
        std::ptr::from_ref(flags.flag(flags.id(key).unwrap()).unwrap())
    };
    assert_eq!(pointer(&before, "a"), pointer(catalog.compiled(), "a"));
}

#[test]
fn changed_kind_recompiles_gates() {
    let mut catalog = catalog();
    let a = id(&catalog, "a");
    let permission = vec![flag("a", json!({ "kind": "permission" }))];
    assert_eq!(change(&mut catalog, permission), IdChanges::Flags([a].into()));
    let tiers = JsonEdit::Head(json!({ "tiers": ["high", "low"], "unknown_tenant": { "tier": "low" } }));
    assert_eq!(change(&mut catalog, vec![tiers]), IdChanges::All);
}

#[test]
fn an_edited_segment_keeps_all_ids() {
    let mut catalog = catalog();
    change(&mut catalog, vec![gone("c"), flag("Aa", json!({}))]);
    let before = catalog.compiled().clone();
    let swiss = json!({ "attribute": "country", "eq": "CH" });
    let edits = vec![
        JsonEdit::Segment("swiss".into(), Some(swiss)),
        flag("Bb", json!({})),
    ];
    assert_eq!(change(&mut catalog, edits), IdChanges::None);
    for key in ["Aa", "a", "b"] {
        assert_eq!(before.flags.id(key), Some(id(&catalog, key)));
    }
    assert!(is_shared(&before, &catalog, "acme"));
}

#[test]
fn the_flags_header_has_key_order_after_any_edits() {
    let mut catalog = catalog();
    let on = || json!({ "lifecycle": "ga", "default": "on" });
    let edits = vec![flag("b", on()), flag("a", on()), flag("c", json!({}))];
    change(&mut catalog, edits);
    change(&mut catalog, vec![flag("bb", on())]);
    change(&mut catalog, vec![flag("Aa", on())]);
    let header = FlagsHeader {
        name: "x-feature-flags".into(),
        include: Include::All,
        budget: 1_000,
    };
    let list = header.list(&catalog.compiled().flags, &[], &Subject::default(), Timestamp(0));
    assert_eq!(list.value.as_deref(), Some("Aa, a, b, bb"));
}

#[test]
fn ids_are_reassigned_before_they_run_out() {
    let mut catalog = catalog();
    let many = |value: Option<Value>| {
        let edit = move |number| JsonEdit::Flag(format!("M{number:05}"), value.clone());
        (0..MAX_FLAGS - 3).map(edit).collect::<Vec<_>>()
    };
    let mut most = 0;
    for _ in 0..3 {
        assert_eq!(served(&catalog, "b", "acme"), "off");
        change(&mut catalog, many(Some(json!({}))));
        most = most.max(catalog.compiled().flags.by_id().count());
        change(&mut catalog, many(None));
    }
    assert!(most > MAX_FLAGS && most <= MAX_FLAG_IDS, "{most}");
    assert_eq!(catalog.compiled().flags.len(), 3);
    // All names keep their meaning, whatever ids they have now.
    change(
        &mut catalog,
        vec![flag("a", json!({ "lifecycle": "ga", "default": "on" }))],
    );
    assert_eq!(
        (served(&catalog, "b", "acme"), served(&catalog, "b", "bolt")),
        ("on".into(), "off".into())
    );
    change(&mut catalog, many(Some(json!({}))));
    let report = catalog.draft_json(&[flag("one.more", json!({}))]).unwrap_err();
    assert!(
        report.headline().contains("10000") || report.headline().contains("10,000"),
        "{}",
        report.headline()
    );
}

#[test]
fn a_new_catalog_assigns_ids_in_key_order() {
    let parts = ["c", "a", "b"].map(|key| flag(key, json!({})));
    let catalog = Catalog::of_json(Eligibility::Enforced, &parts).unwrap();
    let ids = ["a", "b", "c"].map(|key| id(&catalog, key).index());
    assert_eq!(ids, [0, 1, 2]);
}
