//! Properties of every change.

use proptest::prelude::*;

use super::*;

const FLAGS: [&str; 4] = ["one", "two", "three", "switch"];
const ORGS: [&str; 3] = ["acme", "globex", "initech"];

pub(crate) fn start() -> State {
    state(json!({ "version": 1, "tiers": ["t1", "t2"], "segments": {
        "low": { "attribute": "tier", "eq": "t1" },
        "nested": { "any": [{ "segment": "low" }, { "attribute": "tenant", "eq": "initech" }] },
    }, "flags": {
        "one": { "lifecycle": "beta", "revertible": true, "rules": [{ "when": { "segment": "nested" }, "serve": "on" }] },
        "two": { "lifecycle": "alpha", "requires": ["one"], "tiers": { "t1": "on" } },
        "three": { "lifecycle": "ga", "requires": ["two"] },
        "switch": { "kind": "ops", "rules": [{ "when": { "not": { "segment": "low" } }, "serve": "on" }] },
    }, "tenants": { "acme": { "tier": "t1", "beta": ["one"] }, "globex": { "opt_out": ["three"] },
        "hooli": { "tier": "t2", "internal": true }, "soylent": { "channel": "latest", "beta": ["one"] } } }))
}

/// Lists of operator-owned values and the documents' own.
fn written() -> impl Strategy<Value = Value> {
    let flag = (
        prop_oneof![Just("alpha"), Just("beta"), Just("ga")],
        any::<bool>(),
        0_u32..100,
        prop::option::of("[a-z]{1,4}"),
    );
    let flag = flag.prop_map(|(lifecycle, enabled, percentage, owner)| {
        json!({ "lifecycle": lifecycle, "enabled": enabled, "tiers": { "t2": "off" },
            "rollout": { "percentage": percentage }, "owner": owner.unwrap_or_default() })
    });
    let flags = prop::collection::btree_map(
        prop::sample::select(vec!["one", "two", "three", "four"]),
        flag,
        0..4,
    );
    let tenants = prop::collection::btree_map(prop::sample::select(ORGS.to_vec()), record(), 0..3);
    let head = prop::sample::select(vec![
        json!({}),
        json!({ "policy": { "alpha_overrides": false, "beta_opt_in": false } }),
        json!({ "unknown_tenant": "reject" }),
        json!({ "unknown_tenant": { "tier": "t1" } }),
        json!({ "segments": { "low": { "attribute": "tier", "eq": "t2" } } }),
    ]);
    (flags, tenants, head).prop_map(|(flags, tenants, head)| {
        let mut document = json!({ "version": 1, "tiers": ["t1", "t2"], "flags": flags, "tenants": tenants });
        document
            .as_object_mut()
            .unwrap()
            .extend(head.as_object().unwrap().clone());
        document
    })
}

/// Records with all fields that name flags.
fn record() -> impl Strategy<Value = Value> {
    let flags = || prop::option::of(prop::sample::subsequence(FLAGS.to_vec(), 0..4).prop_shuffle());
    let overrides = prop::collection::btree_map(
        prop::sample::select(FLAGS.to_vec()),
        prop::sample::select(vec!["on", "off"]),
        0..3,
    );
    let tier = prop::option::of(prop::sample::select(vec!["t1", "t2"]));
    let fields = (tier, prop::option::of(overrides), flags(), flags(), flags());
    fields.prop_map(|(tier, overrides, beta, opt_in, opt_out)| {
        let mut record = json!({ "tier": tier, "overrides": overrides, "beta": beta, "opt_in": opt_in, "opt_out": opt_out });
        record.as_object_mut().unwrap().retain(|_, value| !value.is_null());
        record
    })
}

fn new_flags() -> impl Strategy<Value = NewFlags> {
    let urgent = Urgent {
        decision_maker: "a".into(),
        incident: "b".into(),
        reason: "c".into(),
    };
    prop_oneof![
        Just(NewFlags::Alpha),
        Just(NewFlags::AsWritten),
        Just(NewFlags::Adopted { urgent: None }),
        Just(NewFlags::Adopted { urgent: Some(urgent) }),
    ]
}

pub(crate) fn change() -> impl Strategy<Value = Change> {
    let flag = || prop::sample::select(FLAGS.to_vec()).prop_map(str::to_owned);
    let org = || prop::sample::select(ORGS.to_vec()).prop_map(str::to_owned);
    let lifecycle = prop::sample::select(Lifecycle::ALL.to_vec());
    let variant = prop::option::of(prop_oneof![Just(json!(true)), Just(json!("off"))]);
    prop_oneof![
        (flag(), lifecycle, any::<bool>()).prop_map(|(flag, to, cascade)| Change::SetState {
            flag,
            to,
            cascade,
            ga_default: GaDefault::On,
            urgent: Some(Urgent {
                decision_maker: "a".into(),
                incident: "b".into(),
                reason: "c".into()
            }),
        }),
        flag().prop_map(|flag| Change::Kill { flag }),
        flag().prop_map(|flag| Change::Restore { flag }),
        flag().prop_map(|flag| Change::SetTiers {
            flag,
            tiers: Map::from_iter([("t1".to_owned(), json!(true)), ("t2".to_owned(), Value::Null)]),
        }),
        (flag(), prop::option::of(0_u32..100)).prop_map(|(flag, share)| Change::SetRollout {
            flag,
            rollout: share.map(|percentage| json!({ "percentage": percentage })),
        }),
        (org(), flag(), variant).prop_map(|(org, flag, variant)| Change::SetOverride { org, flag, variant }),
        (org(), flag()).prop_map(|(org, flag)| Change::Allow { org, flag }),
        (org(), flag()).prop_map(|(org, flag)| Change::Disallow { org, flag }),
        (org(), flag()).prop_map(|(org, flag)| Change::OptIn { org, flag }),
        (org(), flag()).prop_map(|(org, flag)| Change::OptOut { org, flag }),
        (org(), record()).prop_map(|(org, record)| Change::PutTenant { org, record }),
        (org(), record()).prop_map(|(org, patch)| Change::PatchTenant { org, patch }),
        org().prop_map(|org| Change::DeleteTenant { org }),
        prop::collection::vec((org(), record()), 0..5).prop_map(|tenants| Change::ImportTenants {
            mode: crate::ImportMode::Upsert,
            tenants
        }),
        (written(), any::<bool>(), new_flags()).prop_map(|(written, prune, new_flags)| {
            Change::ApplyDocument {
                document: document(&written),
                prune,
                new_flags,
            }
        }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// The patches of an audit entry lead from before to after and back.
    #[test]
    fn patches_lead_to_the_result_and_back(changes in prop::collection::vec(change(), 1..12)) {
        let mut state = start();
        for (hour, change) in (1..).zip(changes) {
            let request = admin(change, hour * HOUR);
            let Ok(plan) = plan(&state, &request, &LifecyclePolicy::default(), &GOOD) else { continue };
            let before = records(&state);
            state.absorb(&plan.edits, state.revision);
            let after = records(&state);
            let forth = plan.audit.iter().fold(before.clone(), |kept, entry| patched(kept, &entry.patch.operations().unwrap()));
            prop_assert_eq!(&forth, &after);
            let back = plan.audit.iter().rev().fold(after, |kept, entry| patched(kept, &entry.inverse.operations().unwrap()));
            prop_assert_eq!(&back, &before);
            let applied = plan.audit.iter().any(|entry| entry.outcome == Outcome::Applied);
            prop_assert_eq!(plan.writes.is_empty(), !applied);
            prop_assert_eq!(forth == before, plan.writes.is_empty(), "nothing is written that changes nothing");
        }
    }

    /// The edits of a change turn the document into the new document.
    #[test]
    fn edits_produce_the_stored_document(changes in prop::collection::vec(change(), 1..6)) {
        let mut state = start();
        for change in changes {
            let request = admin(change, HOUR);
            let Ok(plan) = plan(&state, &request, &LifecyclePolicy::default(), &GOOD) else { continue };
            let mut document = state.document.clone();
            for edit in &plan.edits {
                document.edit(edit.document_edit());
            }
            state.absorb(&plan.edits, state.revision);
            prop_assert_eq!(&document, &state.document);
        }
    }

    /// A revert has no conditions: only dependents can prevent it, and not with `cascade`.
    #[test]
    fn only_dependents_prevent_a_revert(
        flag in prop::sample::select(vec!["one", "two", "three"]),
        changes in prop::collection::vec(change(), 0..8),
        to in prop::sample::select(Lifecycle::ALL.to_vec()),
        cascade in any::<bool>(),
    ) {
        let mut state = start();
        for change in changes {
            if let Ok(plan) = plan(&state, &admin(change, HOUR), &LifecyclePolicy::default(), &GOOD) {
                state.absorb(&plan.edits, state.revision);
            }
        }
        let from = state.flag(flag).and_then(|flag| flag.lifecycle());
        prop_assume!(from.is_some_and(|from| to < from));
        let change = Change::SetState { flag: flag.into(), to, cascade, ga_default: GaDefault::On, urgent: None };
        let request = by(Role::Operator, None, admin(change, HOUR));
        let nothing_good = Said { tenants: 0, errors: 9, ..GOOD };
        match plan(&state, &request, &LifecyclePolicy::default(), &nothing_good) {
            Ok(plan) => prop_assert!(!plan.writes.is_empty()),
            Err(NoPlan::Unreadable(edits)) => prop_assert!(false, "{edits:?}"),
            Err(NoPlan::Refused(refusals)) => {
                prop_assert_eq!(codes(&refusals), ["FLAG_DEPENDENCY"]);
                prop_assert!(!cascade);
            }
        }
    }

    /// A document never changes the fields of operators of a known flag or tenant.
    #[test]
    fn a_document_keeps_fields_of_operators(written in written(), new_flags in new_flags()) {
        let mut state = start();
        let before = state.clone();
        let change = Change::ApplyDocument { document: document(&written), prune: false, new_flags };
        // Adopted flags may be rejected.
        let Ok(plan) = plan(&state, &admin(change, HOUR), &LifecyclePolicy::default(), &GOOD) else { return Ok(()) };
        state.absorb(&plan.edits, state.revision);
        for (key, known) in before.flags() {
            prop_assert_eq!(state.flag(key).unwrap().state_record(), known.state_record());
        }
        for (id, known) in before.tenants() {
            prop_assert_eq!(&**state.tenant(id).unwrap(), known);
        }
    }

    /// An exported document can be applied and changes nothing.
    #[test]
    fn an_exported_document_changes_nothing(changes in prop::collection::vec(change(), 0..8)) {
        let mut state = start();
        for change in changes {
            if let Ok(plan) = plan(&state, &admin(change, HOUR), &LifecyclePolicy::default(), &GOOD) {
                state.absorb(&plan.edits, state.revision);
            }
        }
        let change = Change::ApplyDocument { document: state.document.clone(), prune: true, new_flags: NewFlags::Alpha };
        let plan = made(&mut state, &admin(change, 2 * HOUR));
        prop_assert_eq!(plan.writes, vec![]);
        prop_assert_eq!(plan.summary.document, Some(Difference::default()));
    }
}
