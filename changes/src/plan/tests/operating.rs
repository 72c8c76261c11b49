//! The kill switch, tiers, rollouts, sign-offs, and roles.

use config::JsonEdit;

use super::*;

fn flags() -> State {
    state(json!({ "version": 1, "tiers": ["t1", "t2"], "flags": {
        "board": { "lifecycle": "beta", "tiers": { "t1": "on" } },
        "theme": { "lifecycle": "beta", "variants": { "off": 0, "blue": 1 } },
        "switch": { "kind": "ops" },
        "done": { "lifecycle": "retired" },
    }}))
}

fn kill(flag: &str) -> Change {
    Change::Kill { flag: flag.into() }
}

fn restore(flag: &str) -> Change {
    Change::Restore { flag: flag.into() }
}

fn tiers(tiers: Value) -> Change {
    Change::SetTiers {
        flag: "board".into(),
        tiers: tiers.as_object().unwrap().clone(),
    }
}

#[test]
fn a_kill_turns_the_flag_off_and_a_second_changes_nothing() {
    let mut state = flags();
    let plan = made(&mut state, &admin(kill("board"), HOUR));
    assert!(plan.withdraws);
    assert_eq!(plan.audit[0].event, crate::Event::FlagKilled);
    assert_eq!(flag(&state, "board")["enabled"], false);
    let kept = &state.states["board"];
    assert_eq!(
        (kept.changed, kept.changed_by.as_str()),
        (Timestamp(START + HOUR), "ada")
    );
    let again = made(&mut state, &admin(kill("board"), 2 * HOUR));
    assert_eq!(
        (again.writes.len(), again.audit.len(), again.edits.len()),
        (0, 0, 0)
    );
    assert_eq!(
        state.states["board"].unsettled.as_ref().unwrap().at,
        Timestamp(START + HOUR)
    );
    made(&mut state, &admin(restore("board"), 3 * HOUR));
    assert_eq!(flag(&state, "board").get("enabled"), None);
    assert!(
        made(&mut state, &admin(restore("board"), 4 * HOUR))
            .writes
            .is_empty()
    );
}

#[test]
fn the_reason_of_a_kill_may_follow() {
    let mut state = flags();
    let kill_because = |reason: Option<&str>, at| {
        let mut request = admin(kill("board"), at);
        request.reason = reason.map(str::to_owned);
        request
    };
    made(&mut state, &kill_because(None, HOUR));
    let followed = made(&mut state, &kill_because(Some("payouts twice"), 2 * HOUR));
    assert_eq!(followed.audit[0].reason.as_deref(), Some("payouts twice"));
    let unsettled = state.states["board"].unsettled.clone().unwrap();
    assert_eq!(
        (unsettled.reason.as_deref(), unsettled.at),
        (Some("payouts twice"), Timestamp(START + HOUR))
    );
    // The first reason stays.
    let again = made(&mut state, &kill_because(Some("another"), 3 * HOUR));
    assert!(again.writes.is_empty());
}

#[test]
fn killing_a_retired_flag_is_rejected() {
    let refusals = refused(&flags(), &admin(kill("done"), 0));
    assert_eq!(codes(&refusals), ["FLAG_RETIRED"]);
    assert_eq!(refusals[0].help.as_deref(), Some("revert it to ga, then kill it"));
}

#[test]
fn unnamed_tiers_keep_their_default() {
    let mut state = flags();
    made(&mut state, &admin(tiers(json!({ "t2": true })), HOUR));
    assert_eq!(flag(&state, "board")["tiers"], json!({ "t1": "on", "t2": "on" }));
    assert!(
        made(&mut state, &admin(tiers(json!({ "t2": "on" })), HOUR))
            .writes
            .is_empty()
    );
    made(&mut state, &admin(tiers(json!({ "t1": null })), HOUR));
    assert_eq!(flag(&state, "board")["tiers"], json!({ "t2": "on" }));
}

#[test]
fn a_rollout_is_set_and_removed() {
    let mut state = flags();
    let rollout = |rollout| Change::SetRollout {
        flag: "switch".into(),
        rollout,
    };
    let quarter = json!({ "percentage": 25 });
    made(&mut state, &admin(rollout(Some(quarter.clone())), HOUR));
    assert_eq!(flag(&state, "switch")["rollout"], quarter);
    assert!(
        made(&mut state, &admin(rollout(Some(quarter)), HOUR))
            .writes
            .is_empty()
    );
    let removed = made(&mut state, &admin(rollout(None), HOUR));
    assert_eq!(removed.audit[0].details["from"], 25);
    assert_eq!(flag(&state, "switch").get("rollout"), None);
}

#[test]
fn a_change_of_the_rollout_records_both_percentages() {
    let mut state = flags();
    for (rollout, expected) in [
        (
            json!({ "percentage": 12.50, "by": "user" }),
            json!({ "to": 12.50 }),
        ),
        (json!({ "percentage": 30 }), json!({ "from": 12.50, "to": 30 })),
    ] {
        let change = Change::SetRollout {
            flag: "switch".into(),
            rollout: Some(rollout),
        };
        let plan = made(&mut state, &admin(change, HOUR));
        assert_eq!(Value::Object(plan.audit[0].details.clone()), expected);
    }
}

#[test]
fn a_malformed_field_is_explained_with_its_flag() {
    let state = flags();
    let flag = json!({ "lifecycle": "beta", "tiers": { "t1": "on" } });
    let with = |field: &str, value: Value| {
        let mut flag = flag.clone();
        flag[field] = value;
        flag
    };
    let rollout = |rollout: Value| Change::SetRollout {
        flag: "board".into(),
        rollout: Some(rollout),
    };
    let deep = (0..200).fold(json!({}), |inner, _| json!({ "not": inner }));
    let deep = json!({ "percentage": 1, "audience": deep });
    for (change, expected) in [
        (
            rollout(json!({ "percent": 5 })),
            with("rollout", json!({ "percent": 5 })),
        ),
        (rollout(json!(5)), with("rollout", json!(5))),
        (rollout(deep.clone()), with("rollout", deep)),
        (
            tiers(json!({ "t2": 7, "t1": null })),
            with("tiers", json!({ "t2": 7 })),
        ),
        (tiers(json!({ "t1": {} })), with("tiers", json!({ "t1": {} }))),
    ] {
        let found = plan(&state, &admin(change, HOUR), &LifecyclePolicy::default(), &GOOD).unwrap_err();
        let expected = JsonEdit::Flag("board".into(), Some(expected));
        assert_eq!(found, NoPlan::Unreadable(vec![expected]));
    }
}

#[test]
fn a_sign_off_needs_a_role_of_the_policy() {
    let mut state = flags();
    let policy = |roles: &[&str]| LifecyclePolicy {
        ga: crate::GaPolicy {
            sign_offs: roles.iter().map(|role| (*role).into()).collect(),
            ..crate::GaPolicy::default()
        },
        ..LifecyclePolicy::default()
    };
    let sign_off = |flag: &str| {
        admin(
            Change::SignOff {
                flag: flag.into(),
                as_role: "operations".into(),
            },
            HOUR,
        )
    };
    for (flag, roles, expected) in [
        ("board", &[][..], vec!["UNKNOWN_SIGN_OFF"]),
        ("board", &["support"][..], vec!["UNKNOWN_SIGN_OFF"]),
        (
            "switch",
            &["support"][..],
            vec!["NO_LIFECYCLE", "UNKNOWN_SIGN_OFF"],
        ),
        ("unknown", &["operations"][..], vec!["FLAG_NOT_FOUND"]),
    ] {
        assert_eq!(
            codes(&refusals_by(&state, &sign_off(flag), &policy(roles), &GOOD)),
            expected,
            "{flag}"
        );
    }
    let policy = policy(&["operations"]);
    let signed = plan(&state, &sign_off("board"), &policy, &GOOD).unwrap();
    state.absorb(&signed.edits, Revision(9));
    assert_eq!(state.states["board"].sign_offs[0].by, "ada");
    let again = plan(&state, &sign_off("board"), &policy, &GOOD).unwrap();
    assert!(again.writes.is_empty());
    let other = by(Role::Operator, None, sign_off("board"));
    let signed = plan(&state, &other, &policy, &GOOD).unwrap();
    state.absorb(&signed.edits, Revision(10));
    let names: Vec<_> = state.states["board"]
        .sign_offs
        .iter()
        .map(|sign_off| sign_off.by.as_str())
        .collect();
    assert_eq!(names, ["bob"]);
}

#[test]
fn an_actor_signs_off_for_one_role_only() {
    let mut state = flags();
    let policy = LifecyclePolicy {
        ga: crate::GaPolicy {
            sign_offs: vec!["engineering".into(), "operations".into()],
            ..crate::GaPolicy::default()
        },
        beta: crate::BetaPolicy {
            sign_offs: vec!["operations".into()],
            ..crate::BetaPolicy::default()
        },
        ..LifecyclePolicy::default()
    };
    let sign = |role: &str| Change::SignOff {
        flag: "board".into(),
        as_role: role.into(),
    };
    let back = || set_state("board", Lifecycle::Alpha);
    let ada = |change| admin(change, HOUR);
    let bob = |change| by(Role::Operator, None, admin(change, HOUR));
    let steps = [
        (ada(sign("engineering")), None),
        (ada(sign("operations")), Some("engineering")),
        (ada(sign("engineering")), None),
        (bob(sign("operations")), None),
        (bob(sign("engineering")), Some("operations")),
        (ada(back()), None),
        (ada(sign("operations")), None),
    ];
    for (step, (request, expected)) in steps.into_iter().enumerate() {
        match (plan(&state, &request, &policy, &GOOD), expected) {
            (Ok(plan), None) => state.absorb(&plan.edits, Revision(state.revision.0 + 1)),
            (Err(found), Some(taken)) => {
                let refusals = refusals(found);
                assert_eq!(codes(&refusals), ["SIGN_OFF_TAKEN"], "step {step}");
                assert_eq!(refusals[0].facts["signed_as"], taken, "step {step}");
                assert!(refusals[0].help.is_some(), "step {step}");
            }
            (found, expected) => panic!("step {step}: {found:?} instead of {expected:?}"),
        }
    }
}

#[test]
fn a_display_name_never_counts_in_sign_offs() {
    let mut state = flags();
    let policy = LifecyclePolicy {
        ga: crate::GaPolicy {
            sign_offs: vec!["engineering".into(), "operations".into()],
            ..crate::GaPolicy::default()
        },
        ..LifecyclePolicy::default()
    };
    let sign = |(subject, display_name): (&str, &str), role: &str| Request {
        actor: Actor {
            name: format!("oidc:https://login.example#{subject}"),
            display_name: Some(display_name.to_owned()),
            role: Role::Operator,
            groups: Vec::new(),
            org: None,
        },
        ..admin(
            Change::SignOff {
                flag: "board".into(),
                as_role: role.into(),
            },
            HOUR,
        )
    };
    let first = plan(&state, &sign(("7", "Ann"), "engineering"), &policy, &GOOD).unwrap();
    assert_eq!(first.audit[0].details["actor_name"], "Ann");
    assert_eq!(first.audit[0].actor, "oidc:https://login.example#7");
    state.absorb(&first.edits, Revision(2));
    let renamed = refusals_by(&state, &sign(("7", "Bob"), "operations"), &policy, &GOOD);
    assert_eq!(codes(&renamed), ["SIGN_OFF_TAKEN"]);
    // Another person with the same display name may sign.
    let other = sign(("8", "Ann"), "operations");
    assert!(plan(&state, &other, &policy, &GOOD).is_ok());
    // A display name that is the subject of another person.
    assert!(plan(&state, &sign(("8", "7"), "operations"), &policy, &GOOD).is_ok());
}

#[test]
fn missing_role_is_the_only_reported_reason() {
    let opt_in = |org: &str| Change::OptIn {
        org: org.into(),
        flag: "board".into(),
    };
    let document = applying(json!({ "version": 1 }));
    let cases = [
        (Role::Viewer, None, kill("board"), "operator"),
        (Role::OrgAdmin, Some("acme"), kill("board"), "operator"),
        (
            Role::OrgAdmin,
            Some("acme"),
            opt_in("globex"),
            "operator, or org-admin of this org",
        ),
        (
            Role::OrgAdmin,
            None,
            opt_in("globex"),
            "operator, or org-admin of this org",
        ),
        (
            Role::Viewer,
            None,
            opt_in("globex"),
            "operator, or org-admin of this org",
        ),
        (Role::Operator, None, document, "platform-admin"),
    ];
    for (role, org, change, needed) in cases {
        let refusals = refused(&flags(), &by(role, org, admin(change, 0)));
        assert_eq!(codes(&refusals), ["ROLE_MISSING"], "{role:?}");
        assert_eq!(refusals[0].facts["needed"], needed);
    }
}

#[test]
fn a_refusal_is_audited_with_its_codes() {
    let request = admin(urgently("unknown", Lifecycle::Ga), 0);
    let refusals = refused(&flags(), &request);
    let entry = refused_entry(&request, &refusals);
    assert_eq!(
        (entry.event, entry.outcome),
        (crate::Event::StateChanged, Outcome::Refused)
    );
    assert_eq!(
        (entry.flag.as_deref(), entry.actor.as_str()),
        (Some("unknown"), "ada")
    );
    assert_eq!(entry.details["codes"], json!(["FLAG_NOT_FOUND"]));
    assert_eq!(entry.details["refusals"], json!(["no flag has the key unknown"]));
    assert_eq!(entry.details["to"], "ga");
    assert_eq!(entry.urgent.unwrap().incident, "INC-7");
    assert!(entry.patch.is_empty());
}
