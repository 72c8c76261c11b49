//! Lifecycles of applied documents: adopted flags, required flags that are behind, and flags that are added again.

use super::*;
use crate::event::Event;
use crate::policy::GaPolicy;

fn adopting(flags: Value, urgent: Option<Urgent>) -> Request {
    let change = Change::ApplyDocument {
        document: document(&json!({ "version": 1, "flags": flags })),
        prune: false,
        new_flags: NewFlags::Adopted { urgent },
    };
    admin(change, HOUR)
}

fn urgent(reason: &str) -> Option<Urgent> {
    Some(Urgent {
        decision_maker: "grace".into(),
        incident: "MIG-1".into(),
        reason: reason.into(),
    })
}

/// Applies a document that documents own, without pruning.
fn applying_flags(flags: &Value) -> Request {
    let change = Change::ApplyDocument {
        document: document(&json!({ "version": 1, "flags": flags })),
        prune: false,
        new_flags: NewFlags::Alpha,
    };
    admin(change, HOUR)
}

#[test]
fn an_adopted_flag_meets_the_conditions_of_a_promotion() {
    let policy = LifecyclePolicy {
        ga: GaPolicy {
            sign_offs: vec!["operations".into()],
            ..GaPolicy::default()
        },
        urgent: crate::UrgentPolicy {
            never_skipped: vec![],
            ..crate::UrgentPolicy::default()
        },
        ..LifecyclePolicy::default()
    };
    let nothing_good = Said {
        tenants: 0,
        errors: 9,
        ..GOOD
    };
    for (written, expected) in [
        (json!({ "lifecycle": "alpha" }), &[][..]),
        (
            json!({ "lifecycle": "beta" }),
            &["SOAK_NOT_ELAPSED", "FLAG_ERRORS"],
        ),
        (
            json!({ "lifecycle": "ga" }),
            &[
                "STATE_SKIPPED",
                "SOAK_NOT_ELAPSED",
                "EXIT_CRITERIA",
                "NOT_STABLE",
                "NOT_REVERTIBLE",
                "NO_REVERT_PATH",
                "SIGN_OFF_MISSING",
                "FLAG_ERRORS",
            ],
        ),
        (
            json!({ "lifecycle": "beta", "requires": ["young"] }),
            &["SOAK_NOT_ELAPSED", "FLAG_DEPENDENCY", "FLAG_ERRORS"],
        ),
        (json!({ "kind": "permission" }), &[]),
    ] {
        let state = state(json!({ "version": 1, "flags": { "young": {} } }));
        let request = adopting(json!({ "a": written }), None);
        let found = match plan(&state, &request, &policy, &nothing_good) {
            Ok(_) => Vec::new(),
            Err(no_plan) => refusals(no_plan),
        };
        assert_eq!(codes(&found), expected, "{written}");
        assert!(
            found.iter().all(|refusal| refusal.detail.starts_with("a: ")),
            "{found:?}"
        );
        let request = adopting(json!({ "a": written }), urgent("a migration"));
        let plan = plan(&state, &request, &policy, &nothing_good).unwrap();
        let skipped: Vec<_> = plan.summary.skipped.iter().map(|code| code.as_str()).collect();
        assert!(
            skipped.len() == expected.len() && expected.iter().all(|code| skipped.contains(code)),
            "{skipped:?}"
        );
        let adopted = plan.audit.iter().find(|entry| entry.event == Event::StateChanged);
        assert_eq!(adopted.is_some(), !expected.is_empty());
        if let Some(entry) = adopted {
            assert_eq!(entry.details["skipped"], json!(expected));
            assert_eq!(entry.urgent, urgent("a migration"));
        }
    }
}

#[test]
fn without_conditions_a_flag_is_adopted_by_anyone() {
    let policy = LifecyclePolicy {
        soak_ms: 0,
        ..LifecyclePolicy::default()
    };
    let plan = plan(
        &State::default(),
        &adopting(json!({ "a": { "lifecycle": "beta" } }), None),
        &policy,
        &GOOD,
    );
    let entries = plan.unwrap().audit;
    let adopted = entries
        .iter()
        .find(|entry| entry.event == Event::StateChanged)
        .unwrap();
    assert_eq!(
        (adopted.urgent.as_ref(), &adopted.details["adopted"]),
        (None, &json!(true))
    );
}

#[test]
fn an_adoption_with_an_unreadable_justification_is_rejected() {
    let request = adopting(json!({ "a": { "lifecycle": "ga" } }), urgent(" "));
    let refusals = refused(&State::default(), &request);
    assert_eq!(codes(&refusals), ["INVALID_URGENT"]);
    assert_eq!(refusals[0].facts["fields"], json!(["reason"]));
}

#[test]
fn conditions_of_many_adopted_flags_are_reported_together() {
    let flags = (0..14).map(|number| (format!("f{number:02}"), json!({ "lifecycle": "beta" })));
    let refusals = refused(&State::default(), &adopting(Value::Object(flags.collect()), None));
    assert_eq!(codes(&refusals), ["SOAK_NOT_ELAPSED"]);
    assert!(
        refusals[0].detail.starts_with("f00: in alpha for 0 h of 24 h")
            && refusals[0]
                .detail
                .ends_with("; the same for 13 more: f01, f02, f03, f04, f05, f06, f07, f08, f09, f10, .."),
        "{}",
        refusals[0].detail
    );
    assert_eq!(refusals[0].facts["flags"].as_array().unwrap().len(), 14);
}

#[test]
fn a_document_can_not_make_a_flag_require_one_behind_it() {
    let known = json!({
        "young": {}, "board": { "lifecycle": "beta" }, "wide": { "lifecycle": "ga" },
        "done": { "lifecycle": "retired" }, "switch": { "kind": "ops" },
        "over": { "lifecycle": "beta", "requires": ["switch"] },
    });
    for (flags, expected) in [
        (
            json!({ "board": { "requires": ["young"] } }),
            Some(("board", "young")),
        ),
        (
            json!({ "wide": { "requires": ["board"] } }),
            Some(("wide", "board")),
        ),
        (
            json!({ "wide": { "requires": ["fresh"] }, "fresh": {} }),
            Some(("wide", "fresh")),
        ),
        // Through a flag without a lifecycle, which the document changes.
        (
            json!({ "switch": { "kind": "ops", "requires": ["young"] } }),
            Some(("over", "young")),
        ),
        // The required flag becomes one with a lifecycle, and begins at alpha.
        (json!({ "switch": {} }), Some(("over", "switch"))),
        (json!({ "board": { "requires": ["wide"] } }), None),
        (json!({ "young": { "requires": ["board"] } }), None),
        (json!({ "done": { "requires": ["young"] } }), None),
        (json!({ "switch": { "kind": "ops", "requires": ["wide"] } }), None),
    ] {
        let state = state(json!({ "version": 1, "flags": known }));
        let result = plan(
            &state,
            &applying_flags(&flags),
            &LifecyclePolicy::default(),
            &GOOD,
        );
        let found = result.err().map(refusals);
        let facts: Vec<_> = found
            .iter()
            .flatten()
            .map(|refusal| {
                assert_eq!(refusal.code, Code::FlagDependency);
                (refusal.facts["flag"].clone(), refusal.facts["flags"].clone())
            })
            .collect();
        let expected = expected.map(|(flag, behind)| (json!(flag), json!([behind])));
        assert_eq!(facts, Vec::from_iter(expected), "{flags}");
    }
}

#[test]
fn a_requirement_behind_already_rejects_no_document() {
    let mut state = state(json!({ "version": 1, "flags": {
        "young": {}, "board": { "lifecycle": "beta", "requires": ["young"], "owner": "a" },
    } }));
    let plan = made(
        &mut state,
        &applying_flags(&json!({ "board": { "requires": ["young"], "owner": "b" } })),
    );
    assert_eq!(plan.writes.len(), 1);
}

/// Facts with the record of a flag that was removed.
struct Removed(Value);

impl Facts for Removed {
    fn pilots(&self, _: &str, _: Timestamp, _: Timestamp) -> Pilots {
        Pilots {
            counted: 10,
            ..Pilots::default()
        }
    }
    fn is_served_since(&self, _: &str, _: Timestamp) -> bool {
        true
    }

    fn removed_state(&self, flag: &str) -> Option<Value> {
        (flag == "board").then(|| self.0.clone())
    }

    fn errors_within(&self, _: &str, _: i64) -> u64 {
        0
    }
}

#[test]
fn a_flag_that_is_added_again_keeps_its_history() {
    let mut state = state(json!({ "version": 1, "flags": {
        "board": { "lifecycle": "beta", "revertible": true }, "other": {},
    } }));
    let kill = |flag: &str| admin(Change::Kill { flag: flag.into() }, HOUR);
    made(&mut state, &kill("board"));
    let former = state.flag("board").unwrap();
    let removal = Change::ApplyDocument {
        document: document(&json!({ "version": 1, "flags": { "other": {} } })),
        prune: true,
        new_flags: NewFlags::Alpha,
    };
    made(&mut state, &admin(removal, 2 * HOUR));
    let again = Request {
        at: Timestamp(START + 3 * HOUR),
        ..applying_flags(&json!({ "board": { "revertible": true }, "fresh": {} }))
    };
    let facts = Removed(former.state_record());
    let plan = plan(&state, &again, &LifecyclePolicy::default(), &facts).unwrap();
    state.absorb(&plan.edits, Revision(9));
    let board = state.flag("board").unwrap();
    assert_eq!(board.lifecycle(), Some(Lifecycle::Alpha));
    assert!(!board.is_enabled(), "the kill was not ended");
    assert_eq!(
        (board.state.created, board.state.unsettled.clone()),
        (Timestamp(START), former.state.unsettled.clone())
    );
    assert_eq!(board.state.since, Timestamp(START + 3 * HOUR));
    let fresh = state.flag("fresh").unwrap();
    assert_eq!(fresh.state.created, Timestamp(START + 3 * HOUR));
    assert!(fresh.is_enabled() && fresh.state.unsettled.is_none());
    let entry = |flag: &str| {
        plan.audit
            .iter()
            .find(|entry| entry.flag.as_deref() == Some(flag))
    };
    assert_eq!(entry("board").unwrap().details["added_again"], true);
    assert!(entry("fresh").unwrap().details.is_empty());
    let kept = &plan.summary.document.as_ref().unwrap().kept_by_operators;
    assert_eq!(kept.len(), 1);
    assert_eq!(
        (kept[0].name.as_str(), &kept[0].fields[..]),
        ("board", &["enabled".to_owned()][..])
    );
}

#[test]
fn a_removal_does_not_skip_the_promotion_to_ga() {
    let added_again = |former: &str, kind: &str| {
        let before = state(json!({ "version": 1, "flags": { "board": { "lifecycle": former } } }));
        let facts = Removed(before.flag("board").unwrap().state_record());
        let again = applying_flags(&json!({ "board": { "kind": kind } }));
        let planned = plan(&State::default(), &again, &LifecyclePolicy::default(), &facts);
        planned.err().map(|no_plan| refusals(no_plan).remove(0))
    };
    for former in ["alpha", "beta"] {
        for kind in ["ops", "permission"] {
            let refusal = added_again(former, kind).unwrap();
            assert_eq!(refusal.code, Code::StateSkipped);
            let detail = format!(
                "board was {former} when it was removed; as kind {kind} it would have no lifecycle, and that would skip ga"
            );
            assert_eq!(refusal.detail, detail);
        }
        assert!(added_again(former, "experiment").is_none() && added_again(former, "release").is_none());
    }
    assert!(added_again("ga", "ops").is_none() && added_again("retired", "ops").is_none());
}
