//! Conditions of promotions, and cascades of reverts.

use super::*;

/// A flag of each state, and flags that require each other.
fn flags() -> State {
    state(json!({ "version": 1, "flags": {
        "young": { "lifecycle": "alpha", "revertible": true, "revert": "docs/revert" },
        "board": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert" },
        "rigid": { "lifecycle": "beta" },
        "wide": { "lifecycle": "ga", "default": "on" },
        "done": { "lifecycle": "retired" },
        "dead": { "lifecycle": "beta", "enabled": false, "revertible": true, "revert": "docs/revert" },
        "dead.wide": { "lifecycle": "ga", "enabled": false },
        "switch": { "kind": "ops", "requires": ["young"] },
        "base": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert" },
        "on.base": { "lifecycle": "beta", "requires": ["base"], "revertible": true, "revert": "docs/revert" },
        "on.young": { "lifecycle": "alpha", "requires": [{ "flag": "young" }] },
        "on.switch": { "lifecycle": "alpha", "requires": ["switch"] },
    }}))
}

const NO_ERRORS_COUNTED: crate::ErrorLimit = crate::ErrorLimit {
    allowed: None,
    window_ms: 24 * HOUR,
};

/// State, target, hours after the start, justification, and the expected codes in order.
type Case = (&'static str, Lifecycle, i64, Said, &'static [&'static str]);

#[test]
fn all_unmet_conditions_of_a_promotion_are_reported() {
    use Lifecycle::{Alpha, Beta, Ga, Retired};
    let no_tenants = || Said { tenants: 9, ..GOOD };
    let errors = || Said { errors: 1, ..GOOD };
    let unused = || Said {
        served_after: None,
        ..GOOD
    };
    let gap = || Said {
        observed_after: Some(60),
        ..GOOD
    };
    let cases: [Case; 27] = [
        ("unknown", Beta, 24, GOOD, &["FLAG_NOT_FOUND"]),
        ("switch", Beta, 24, GOOD, &["NO_LIFECYCLE"]),
        ("switch", Alpha, 24, GOOD, &["NO_LIFECYCLE"]),
        ("young", Alpha, 24, GOOD, &["STATE_UNCHANGED"]),
        ("young", Beta, 23, GOOD, &["SOAK_NOT_ELAPSED"]),
        ("young", Beta, 24, GOOD, &[]),
        ("young", Beta, 24, errors(), &["FLAG_ERRORS"]),
        ("young", Beta, 24, no_tenants(), &[]),
        ("young", Beta, 72, gap(), &["NOT_OBSERVED"]),
        ("young", Beta, 84, gap(), &[]),
        ("young", Ga, 72, GOOD, &["STATE_SKIPPED"]),
        (
            "young",
            Ga,
            0,
            no_tenants(),
            &["STATE_SKIPPED", "SOAK_NOT_ELAPSED", "EXIT_CRITERIA", "NOT_STABLE"],
        ),
        (
            "young",
            Retired,
            72,
            no_tenants(),
            &["STATE_SKIPPED", "EXIT_CRITERIA"],
        ),
        ("board", Ga, 25, GOOD, &["NOT_STABLE"]),
        ("board", Ga, 72, GOOD, &[]),
        ("board", Ga, 72, unused(), &["NOT_STABLE"]),
        (
            "board",
            Ga,
            23,
            no_tenants(),
            &["SOAK_NOT_ELAPSED", "EXIT_CRITERIA", "NOT_STABLE"],
        ),
        ("board", Ga, 72, errors(), &["FLAG_ERRORS"]),
        ("rigid", Ga, 72, GOOD, &["NOT_REVERTIBLE", "NO_REVERT_PATH"]),
        ("dead", Ga, 72, GOOD, &["ROLLBACK_OPEN"]),
        ("wide", Retired, 23, GOOD, &["SOAK_NOT_ELAPSED"]),
        ("wide", Retired, 24, no_tenants(), &[]),
        ("dead.wide", Retired, 24, GOOD, &["ROLLBACK_OPEN"]),
        ("on.base", Ga, 72, GOOD, &["FLAG_DEPENDENCY"]),
        ("on.young", Beta, 24, GOOD, &["FLAG_DEPENDENCY"]),
        ("on.switch", Beta, 24, GOOD, &["FLAG_DEPENDENCY"]),
        ("done", Retired, 24, GOOD, &["STATE_UNCHANGED"]),
    ];
    let state = flags();
    for (flag, to, hours, said, expected) in cases {
        let request = admin(set_state(flag, to), hours * HOUR);
        let found = plan(&state, &request, &LifecyclePolicy::default(), &said)
            .map_err(|found| codes(&refusals(found)));
        assert_eq!(
            found.err().unwrap_or_default(),
            expected,
            "{flag} to {to} after {hours} h"
        );
    }
}

#[test]
fn a_refusal_has_code_detail_help_and_facts() {
    let mut state = flags();
    let policy = LifecyclePolicy {
        ga: crate::GaPolicy {
            sign_offs: vec!["operations".into(), "support".into()],
            ..crate::GaPolicy::default()
        },
        ..LifecyclePolicy::default()
    };
    made(
        &mut state,
        &admin(
            Change::Kill {
                flag: "on.base".into(),
            },
            HOUR,
        ),
    );
    made(
        &mut state,
        &admin(
            Change::Restore {
                flag: "on.base".into(),
            },
            2 * HOUR,
        ),
    );
    let request = admin(set_state("on.base", Lifecycle::Ga), 17 * HOUR + 58 * 60_000);
    let refusals = refusals_by(
        &state,
        &request,
        &policy,
        &Said {
            tenants: 7,
            errors: 3,
            ..GOOD
        },
    );
    let reported: Vec<String> = refusals
        .iter()
        .map(|refusal| format!("{} {}", refusal.code.as_str(), refusal.detail))
        .collect();
    assert_eq!(
        reported,
        [
            "SOAK_NOT_ELAPSED in beta for 17 h 58 min of 24 h; possible from 2026-11-21 09:14Z (in 6 h 2 min)",
            "FLAG_DEPENDENCY flags that it requires are behind: base is beta",
            "EXIT_CRITERIA 7 of 10 tenants have it on and were served requests",
            "NOT_STABLE restored, stable for 15 h 58 min of 72 h; possible from 2026-11-23 11:14Z (in 56 h 2 min)",
            "SIGN_OFF_MISSING operations, support",
            "FLAG_ERRORS 3 requests that it let through met errors in the last 24 h, 0 are allowed",
        ]
    );
    assert!(refusals.iter().all(|refusal| refusal.help.is_some()));
    let soak = &refusals[0].facts;
    assert_eq!(soak["since"], "2026-11-20T09:14:00.000Z");
    assert_eq!(soak["until"], "2026-11-21T09:14:00.000Z");
    assert_eq!(soak["remaining_ms"], 6 * HOUR + 2 * 60_000);
    assert_eq!(refusals[1].facts["flags"], json!(["base"]));
    assert_eq!(
        (&refusals[2].facts["found"], &refusals[2].facts["needed"]),
        (&json!(7), &json!(10))
    );
    assert_eq!(refusals[4].facts["roles"], json!(["operations", "support"]));
}

#[test]
fn the_soak_ends_at_its_last_millisecond() {
    let state = flags();
    for (after, expected) in [(24 * HOUR - 1, vec!["SOAK_NOT_ELAPSED"]), (24 * HOUR, vec![])] {
        let request = admin(set_state("young", Lifecycle::Beta), after);
        let found = plan(&state, &request, &LifecyclePolicy::default(), &GOOD);
        assert_eq!(
            found.map_or_else(|found| codes(&refusals(found)), |_| vec![]),
            expected,
            "{after}"
        );
    }
}

#[test]
fn a_flag_is_stable_72_hours_after_a_rollback() {
    let mut state = flags();
    made(&mut state, &admin(Change::Kill { flag: "board".into() }, 0));
    made(&mut state, &admin(Change::Restore { flag: "board".into() }, HOUR));
    let to_ga = set_state("board", Lifecycle::Ga);
    assert_eq!(
        codes(&refused(&state, &admin(to_ga.clone(), 73 * HOUR - 1))),
        ["NOT_STABLE"]
    );
    assert!(!made(&mut state, &admin(to_ga, 73 * HOUR)).writes.is_empty());
}

#[test]
fn a_skipped_state_is_named() {
    let refusals = refused(
        &flags(),
        &admin(set_state("young", Lifecycle::Retired), 24 * HOUR),
    );
    assert_eq!(refusals[0].facts["next"], "beta");
    assert_eq!(refusals[0].help.as_deref(), Some("promote it to beta first"));
}

#[test]
fn ga_serves_everyone_and_a_revert_undoes_it() {
    let mut state = flags();
    made(&mut state, &admin(set_state("board", Lifecycle::Ga), 72 * HOUR));
    let board = flag(&state, "board");
    assert_eq!(
        (&board["lifecycle"], &board["default"]),
        (&json!("ga"), &json!("on"))
    );
    assert_eq!(state.states["board"].since, Timestamp(START + 72 * HOUR));
    let reverted = made(&mut state, &admin(set_state("board", Lifecycle::Beta), 73 * HOUR));
    assert!(reverted.withdraws);
    let board = flag(&state, "board");
    assert_eq!(
        (&board["lifecycle"], board.get("default")),
        (&json!("beta"), None)
    );
    assert_eq!(state.states["board"].unsettled.as_ref().unwrap().how, "reverted");
}

#[test]
fn ga_serves_the_on_variant_and_keeps_a_split() {
    let mut state = state(json!({ "version": 1, "flags": {
        "named": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert", "variants": { "none": 0, "v2": 2 }, "off": "none",
            "opt_in_serves": "v2" },
        "split": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert", "variants": { "off": 0, "a": 1, "b": 2 },
            "default": { "split": { "a": 50, "b": 50 } } },
        "tiered": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert" },
        "half": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert", "default": { "split": { "on": 50, "off": 50 } } },
        "chosen": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert", "variants": { "off": 0, "a": 1 }, "default": "a" },
        "unclear": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert", "variants": { "off": 0, "a": 1, "b": 2 } },
    }}));
    for (flag, ga_default, expected) in [
        ("named", GaDefault::On, Some(json!("v2"))),
        (
            "split",
            GaDefault::On,
            Some(json!({ "split": { "a": 50, "b": 50 } })),
        ),
        (
            "half",
            GaDefault::On,
            Some(json!({ "split": { "on": 50, "off": 50 } })),
        ),
        ("tiered", GaDefault::Tiers, None),
        ("chosen", GaDefault::On, Some(json!("a"))),
    ] {
        let change = Change::SetState {
            flag: flag.into(),
            to: Lifecycle::Ga,
            cascade: false,
            ga_default,
            urgent: None,
        };
        made(&mut state, &admin(change, 72 * HOUR));
        assert_eq!(
            super::flag(&state, flag).get("default"),
            expected.as_ref(),
            "{flag}"
        );
    }
    let urgent = refused(&state, &admin(urgently("unclear", Lifecycle::Ga), 0));
    assert_eq!(
        codes(&urgent),
        ["INVALID_DOCUMENT"],
        "not even an urgent skip makes it known"
    );
}

#[test]
fn an_urgent_promotion_skips_conditions_and_is_audited() {
    let mut state = flags();
    let request = admin(urgently("on.young", Lifecycle::Ga), 0);
    assert_eq!(
        codes(&refused(&state, &request)),
        ["STATE_SKIPPED", "NOT_REVERTIBLE"]
    );
    let skipped = [
        "STATE_SKIPPED",
        "SOAK_NOT_ELAPSED",
        "FLAG_DEPENDENCY",
        "NOT_STABLE",
        "NOT_REVERTIBLE",
        "NO_REVERT_PATH",
    ];
    let policy = LifecyclePolicy {
        urgent: crate::UrgentPolicy {
            never_skipped: vec![],
            states: crate::StateOrder::MaySkip,
        },
        ..LifecyclePolicy::default()
    };
    let plan = plan(&state, &request, &policy, &GOOD).unwrap();
    state.absorb(&plan.edits, Revision(2));
    assert_eq!(
        plan.summary
            .skipped
            .iter()
            .map(|code| code.as_str())
            .collect::<Vec<_>>(),
        skipped
    );
    let entry = &plan.audit[0];
    assert_eq!(entry.details["skipped"], json!(skipped));
    assert_eq!(entry.details["decision_maker"], "grace");
    assert_eq!(
        (&entry.details["from"], &entry.details["to"]),
        (&json!("alpha"), &json!("ga"))
    );
    assert_eq!(entry.urgent.as_ref().unwrap().incident, "INC-7");
    assert_eq!(state.flag("on.young").unwrap().lifecycle(), Some(Lifecycle::Ga));
}

#[test]
fn an_urgent_promotion_needs_a_platform_admin() {
    let state = flags();
    for (flag, to, role, expected) in [
        (
            "young",
            Lifecycle::Beta,
            Role::Operator,
            vec!["ROLE_MISSING", "SOAK_NOT_ELAPSED"],
        ),
        (
            "unknown",
            Lifecycle::Beta,
            Role::PlatformAdmin,
            vec!["FLAG_NOT_FOUND"],
        ),
        (
            "young",
            Lifecycle::Alpha,
            Role::PlatformAdmin,
            vec!["STATE_UNCHANGED"],
        ),
        (
            "switch",
            Lifecycle::Beta,
            Role::PlatformAdmin,
            vec!["NO_LIFECYCLE"],
        ),
    ] {
        let request = by(role, None, admin(urgently(flag, to), 0));
        assert_eq!(codes(&refused(&state, &request)), expected, "{flag}");
    }
}

#[test]
fn a_revert_names_its_dependents_and_cascades_on_request() {
    let mut state = state(json!({ "version": 1, "flags": {
        "base": { "lifecycle": "ga" },
        "middle": { "lifecycle": "ga", "requires": ["base"] },
        "through": { "kind": "permission", "requires": ["middle"] },
        "top": { "lifecycle": "beta", "requires": ["through"] },
        "low": { "lifecycle": "alpha", "requires": ["base"] },
        "gone": { "lifecycle": "retired", "requires": ["base"] },
    }}));
    let refusals = refused(&state, &admin(set_state("base", Lifecycle::Alpha), HOUR));
    assert_eq!(codes(&refusals), ["FLAG_DEPENDENCY"]);
    assert_eq!(refusals[0].facts["flags"], json!(["middle", "top"]));
    assert_eq!(
        refusals[0].detail,
        "flags that require it are ahead: middle is ga, top is beta"
    );
    let cascade = Change::SetState {
        flag: "base".into(),
        to: Lifecycle::Alpha,
        cascade: true,
        ga_default: GaDefault::On,
        urgent: None,
    };
    let plan = made(&mut state, &admin(cascade, HOUR));
    assert_eq!(plan.summary.cascade, ["middle", "top"]);
    let audited: Vec<_> = plan
        .audit
        .iter()
        .map(|entry| entry.flag.as_deref().unwrap())
        .collect();
    assert_eq!(audited, ["base", "middle", "top"]);
    assert_eq!(plan.audit[2].details["cascade_of"], "base");
    let found = ["base", "middle", "top", "low", "gone"]
        .map(|flag| state.flag(flag).unwrap().lifecycle().unwrap().as_str());
    assert_eq!(found, ["alpha", "alpha", "alpha", "alpha", "retired"]);
}

#[test]
fn a_change_of_state_removes_sign_offs() {
    let mut state = flags();
    let mut board = state.flag("board").unwrap();
    board.state_mut().sign_offs.push(crate::SignOff {
        role: "operations".into(),
        by: "eve".into(),
        groups: vec![],
        at: Timestamp(START),
    });
    state.absorb(&[StateEdit::Flag("board".into(), Some(board))], Revision(2));
    made(&mut state, &admin(set_state("board", Lifecycle::Alpha), HOUR));
    assert!(state.states["board"].sign_offs.is_empty());
}

#[test]
fn every_condition_can_be_disabled() {
    let policy = LifecyclePolicy {
        soak_ms: 0,
        ga: crate::GaPolicy {
            tenants: 0,
            stable_ms: 0,
            revertible: crate::Revertible::Optional,
            tenant_age_ms: 0,
            errors: NO_ERRORS_COUNTED,
            ..crate::GaPolicy::default()
        },
        beta: crate::BetaPolicy {
            errors: NO_ERRORS_COUNTED,
            ..crate::BetaPolicy::default()
        },
        watch_ms: 0,
        max_blast_radius: None,
        ..LifecyclePolicy::default()
    };
    let request = admin(set_state("rigid", Lifecycle::Ga), 0);
    let said = Said {
        tenants: 0,
        errors: 99,
        served_after: None,
        observed_after: Some(0),
        removed: &[],
    };
    assert!(plan(&flags(), &request, &policy, &said).is_ok());
}

#[test]
fn revert_that_turns_a_flag_on_is_no_withdrawal() {
    use Lifecycle::{Alpha, Beta, Ga};
    for (flag, to, expected) in [
        ("board", Alpha, true),
        ("wide", Beta, true),
        ("wide", Alpha, true),
        ("done", Ga, false),
        ("done", Beta, false),
        ("done", Alpha, false),
    ] {
        let plan = made(&mut flags(), &admin(set_state(flag, to), HOUR));
        assert_eq!(plan.withdraws, expected, "{flag} back to {to}");
    }
}

#[test]
fn a_revert_to_alpha_with_overrides_is_no_withdrawal() {
    use Lifecycle::{Alpha, Beta};
    let state = |overrides: Value| {
        state(json!({ "version": 1, "flags": {
            "base": { "lifecycle": "ga" }, "top": { "lifecycle": "beta", "requires": ["base"] },
            "lone": { "lifecycle": "beta" },
        }, "tenants": { "acme": {}, "globex": { "overrides": overrides } } }))
    };
    for (overrides, flag, to, expected) in [
        (json!({}), "lone", Alpha, true),
        (json!({ "lone": "on" }), "lone", Alpha, false),
        (json!({ "lone": true }), "lone", Alpha, false),
        (json!({ "lone": false, "top": "on" }), "lone", Alpha, true),
        (json!({ "base": "on" }), "base", Alpha, true),
        (json!({ "top": "on" }), "base", Alpha, false),
        (json!({ "top": "on" }), "base", Beta, true),
    ] {
        let mut change = set_state(flag, to);
        if let Change::SetState { cascade, .. } = &mut change {
            *cascade = true;
        }
        let plan = made(&mut state(overrides.clone()), &admin(change, HOUR));
        assert_eq!(plan.withdraws, expected, "{flag} back to {to} with {overrides}");
    }
}

#[test]
fn an_unneeded_urgent_justification_is_audited() {
    for (flag, to, hours, role, entries) in [
        ("young", Lifecycle::Beta, 24, Role::PlatformAdmin, 1),
        ("wide", Lifecycle::Beta, 0, Role::Operator, 1),
        ("done", Lifecycle::Ga, 0, Role::Operator, 1),
        ("base", Lifecycle::Alpha, 0, Role::Operator, 2),
    ] {
        let mut change = urgently(flag, to);
        if let Change::SetState { cascade, .. } = &mut change {
            *cascade = true;
        }
        let plan = made(&mut flags(), &by(role, None, admin(change, hours * HOUR)));
        assert_eq!(plan.audit.len(), entries, "{flag}");
        for entry in &plan.audit {
            let incident = entry.urgent.as_ref().map(|urgent| urgent.incident.as_str());
            assert_eq!(incident, Some("INC-7"), "{flag}");
            assert_eq!(entry.details["decision_maker"], "grace", "{flag}");
            assert_eq!(entry.details["incident"], "INC-7", "{flag}");
        }
    }
}

#[test]
fn a_promotion_to_ga_reports_tiers_that_stay_off() {
    let all = ["t1", "t2", "t3"];
    let tiers = json!({ "t1": "on", "t2": "off", "t3": false });
    let named = json!({ "t1": "v2", "t2": "none" });
    let document = json!({ "version": 1, "tiers": all, "flags": {
        "young": { "lifecycle": "alpha", "revertible": true, "revert": "docs/revert", "tiers": tiers },
        "board": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert", "tiers": tiers },
        "bare": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert" },
        "wide": { "lifecycle": "ga", "tiers": tiers },
        "named": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert", "variants": { "none": 0, "v2": 2 }, "off": "none",
            "opt_in_serves": "v2", "tiers": named },
    }});
    for (flag, to, ga_default, expected) in [
        ("board", Lifecycle::Ga, GaDefault::On, &["t2", "t3"][..]),
        ("board", Lifecycle::Ga, GaDefault::Tiers, &[]),
        ("named", Lifecycle::Ga, GaDefault::On, &["t2"]),
        ("bare", Lifecycle::Ga, GaDefault::On, &[]),
        ("young", Lifecycle::Beta, GaDefault::On, &[]),
        ("wide", Lifecycle::Retired, GaDefault::On, &[]),
    ] {
        let mut change = set_state(flag, to);
        if let Change::SetState {
            ga_default: given, ..
        } = &mut change
        {
            *given = ga_default;
        }
        let plan = made(&mut state(document.clone()), &admin(change, 72 * HOUR));
        assert_eq!(plan.summary.kept_off, expected, "{flag} to {to}");
    }
}

#[test]
fn an_urgent_justification_must_be_readable() {
    let long = "x".repeat(1_001);
    let cases = [
        ("grace", true),
        ("  grace\n", true),
        ("INC-7: Ärger, 障害", true),
        (&long[..1_000], true),
        (&long, false),
        ("", false),
        (" \t\n", false),
        ("\u{a0}\u{2003}", false),
        ("\u{200b}\u{2060}", false),
        ("...", false),
        ("gra\u{0}ce", false),
        ("gra\nce", false),
        ("\u{1b}[2Jgrace", false),
        ("\u{202e}ecarg", false),
    ];
    for (text, is_taken) in cases {
        for field in ["decision_maker", "incident", "reason"] {
            for (flag, to) in [("young", Lifecycle::Beta), ("wide", Lifecycle::Beta)] {
                let mut change = urgently(flag, to);
                let Change::SetState {
                    urgent: Some(urgent), ..
                } = &mut change
                else {
                    unreachable!()
                };
                match field {
                    "decision_maker" => urgent.decision_maker = text.into(),
                    "incident" => urgent.incident = text.into(),
                    _ => urgent.reason = text.into(),
                }
                let found = plan(&flags(), &admin(change, 0), &LifecyclePolicy::default(), &GOOD);
                match found {
                    Ok(plan) => {
                        assert!(is_taken, "{field} {text:?} of {flag}");
                        let kept = serde_json::to_value(plan.audit[0].urgent.as_ref().unwrap()).unwrap();
                        assert_eq!(kept[field], text.trim());
                    }
                    Err(found) => {
                        let refusals = refusals(found);
                        assert!(!is_taken, "{field} {text:?} of {flag}: {refusals:?}");
                        assert_eq!(codes(&refusals), ["INVALID_URGENT"]);
                        assert_eq!(refusals[0].facts["fields"], json!([field]));
                    }
                }
            }
        }
    }
}
