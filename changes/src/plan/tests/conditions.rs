//! Conditions that name people, that cannot be skipped, and that hold for raised percentages.

use super::*;
use crate::policy::{BetaPolicy, GaPolicy, RequiredSignOff, Signer};

fn flags() -> State {
    state(json!({ "version": 1, "tiers": ["t1", "t2"], "flags": {
        "young": { "lifecycle": "alpha", "owner": "team-dispatch" },
        "board": { "lifecycle": "beta", "revertible": true, "revert": "docs/revert" },
        "dead": { "lifecycle": "beta", "enabled": false, "revertible": true },
        "wide": { "lifecycle": "ga", "default": "on" },
    }}))
}

fn by_named(name: &str, groups: &[&str], change: Change, after_ms: i64) -> Request {
    Request {
        actor: Actor {
            name: name.into(),
            display_name: None,
            role: Role::Operator,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            org: None,
        },
        ..admin(change, after_ms)
    }
}

fn sign(flag: &str, role: &str) -> Change {
    Change::SignOff {
        flag: flag.into(),
        as_role: role.into(),
    }
}

/// A policy with named signers of beta (`engineering`: the owner) and ga (`operations`: a group and a person).
fn named() -> LifecyclePolicy {
    let required = |role: &str, signers: Vec<Signer>| RequiredSignOff {
        role: role.into(),
        signers: Some(signers),
    };
    let leads = vec![Signer::Group("ops-leads".into()), Signer::Name("ann".into())];
    LifecyclePolicy {
        beta: BetaPolicy {
            sign_offs: vec![required("engineering", vec![Signer::Owner])],
            ..BetaPolicy::default()
        },
        ga: GaPolicy {
            sign_offs: vec![required("operations", leads)],
            ..GaPolicy::default()
        },
        ..LifecyclePolicy::default()
    }
}

#[test]
fn only_named_people_and_groups_sign_off() {
    let policy = named();
    let state = flags();
    let found = |name: &str, groups: &[&str], change: Change| match plan(
        &state,
        &by_named(name, groups, change, HOUR),
        &policy,
        &GOOD,
    ) {
        Ok(_) => "signed".to_owned(),
        Err(found) => refusals(found).remove(0).detail,
    };
    assert_eq!(found("ann", &[], sign("board", "operations")), "signed");
    assert_eq!(
        found("oidc:x#7", &["ops-leads"], sign("board", "operations")),
        "signed"
    );
    assert_eq!(
        found("bob", &["ops"], sign("board", "operations")),
        "bob may not sign off for operations; the policy names the group ops-leads, ann"
    );
    assert_eq!(
        found("oidc:x#8", &["team-dispatch"], sign("young", "engineering")),
        "signed"
    );
    assert_eq!(
        found("ann", &[], sign("young", "engineering")),
        "ann may not sign off for engineering; the policy names the owner of the flag, team-dispatch"
    );
    // A sign-off is for the next promotion.
    assert_eq!(
        found("ann", &[], sign("young", "operations")),
        "operations is not a sign-off role of the policy for a flag at alpha; its roles are engineering"
    );
}

#[test]
fn the_exit_of_alpha_needs_the_sign_off_of_the_owner() {
    let policy = named();
    let mut state = flags();
    let promote = admin(set_state("young", Lifecycle::Beta), 24 * HOUR);
    let refused = refusals_by(&state, &promote, &policy, &GOOD);
    assert_eq!(codes(&refused), ["SIGN_OFF_MISSING"]);
    let signing = by_named("oidc:x#8", &["team-dispatch"], sign("young", "engineering"), HOUR);
    let signed = plan(&state, &signing, &policy, &GOOD).unwrap();
    state.absorb(&signed.edits, Revision(2));
    assert!(plan(&state, &promote, &policy, &GOOD).is_ok());
}

#[test]
fn the_sign_off_of_a_removed_operator_is_lost() {
    let policy = named();
    let mut state = flags();
    let signing = by_named("ann", &[], sign("board", "operations"), HOUR);
    let signed = plan(&state, &signing, &policy, &GOOD).unwrap();
    state.absorb(&signed.edits, Revision(2));
    let promote = admin(set_state("board", Lifecycle::Ga), 72 * HOUR);
    assert!(plan(&state, &promote, &policy, &GOOD).is_ok());
    let removed = Said {
        removed: &["ann"],
        ..GOOD
    };
    let refused = refusals_by(&state, &promote, &policy, &removed);
    assert_eq!(
        refused[0].detail,
        "operations (that of ann is lost: ann is no longer an operator)"
    );
    // The policy names others by now.
    let mut others = policy;
    others.ga.sign_offs[0].signers = Some(vec![Signer::Name("eve".into())]);
    let refused = refusals_by(&state, &promote, &others, &GOOD);
    assert_eq!(
        refused[0].detail,
        "operations (that of ann is lost: ann may no longer sign off for it)"
    );
}

#[test]
fn each_state_has_its_own_soak() {
    let policy = LifecyclePolicy {
        beta: BetaPolicy {
            soak_ms: Some(HOUR),
            ..BetaPolicy::default()
        },
        retired_soak_ms: Some(2 * HOUR),
        ..LifecyclePolicy::default()
    };
    let state = flags();
    for (flag, to, hours, expected) in [
        ("young", Lifecycle::Beta, 1, &[][..]),
        ("wide", Lifecycle::Retired, 1, &["SOAK_NOT_ELAPSED"]),
        ("wide", Lifecycle::Retired, 2, &[]),
        ("board", Lifecycle::Ga, 2, &["SOAK_NOT_ELAPSED", "NOT_STABLE"]),
    ] {
        let request = admin(set_state(flag, to), hours * HOUR);
        let found = plan(&state, &request, &policy, &GOOD).map_err(|found| codes(&refusals(found)));
        assert_eq!(
            found.err().unwrap_or_default(),
            expected,
            "{flag} after {hours} h"
        );
    }
}

#[test]
fn some_conditions_are_never_skipped() {
    let state = flags();
    let urgent = |flag: &str| admin(urgently(flag, Lifecycle::Ga), 0);
    assert_eq!(codes(&refused(&state, &urgent("dead"))), ["ROLLBACK_OPEN"]);
    assert_eq!(
        codes(&refused(&state, &urgent("young"))),
        ["STATE_SKIPPED", "NOT_REVERTIBLE"]
    );
    assert!(plan(&state, &urgent("board"), &LifecyclePolicy::default(), &GOOD).is_ok());
    let mut strict = LifecyclePolicy::default();
    strict.urgent.never_skipped.push(Code::SoakNotElapsed);
    let refused = refusals_by(&state, &urgent("board"), &strict, &GOOD);
    assert_eq!(codes(&refused), ["SOAK_NOT_ELAPSED"]);
    assert!(refused[0].help.as_ref().unwrap().contains("cannot skip this"));
}

#[test]
fn a_share_is_not_raised_while_requests_fail() {
    let mut state = flags();
    let rollout = |percentage: i64| Change::SetRollout {
        flag: "board".into(),
        rollout: Some(json!({ "percentage": percentage })),
    };
    let tier = |variant: Value| Change::SetTiers {
        flag: "board".into(),
        tiers: Map::from_iter([("t1".to_owned(), variant)]),
    };
    made(&mut state, &admin(rollout(50), HOUR));
    made(&mut state, &admin(tier(json!("on")), HOUR));
    let failing = Said { errors: 1, ..GOOD };
    let no_rollout = Change::SetRollout {
        flag: "board".into(),
        rollout: None,
    };
    for (change, is_raised) in [
        (rollout(51), true),
        (rollout(50), false),
        (rollout(25), false),
        (rollout(0), false),
        (no_rollout, false),
        (tier(json!("on")), false),
        (tier(json!("off")), false),
        (tier(json!(null)), false),
    ] {
        let found = plan(
            &state,
            &admin(change.clone(), HOUR),
            &LifecyclePolicy::default(),
            &failing,
        );
        let found = found.map_err(|found| codes(&refusals(found))).err();
        assert_eq!(found, is_raised.then(|| vec!["FLAG_ERRORS"]), "{change:?}");
    }
    let force = |request| Request {
        force: true,
        ..request
    };
    let forced = force(admin(rollout(60), HOUR));
    let forced = plan(&state, &forced, &LifecyclePolicy::default(), &failing).unwrap();
    assert_eq!(forced.audit[0].details["skipped"], json!(["FLAG_ERRORS"]));
    let operator = force(by(Role::Operator, None, admin(rollout(60), HOUR)));
    let refused = refusals_by(&state, &operator, &LifecyclePolicy::default(), &failing);
    assert_eq!(codes(&refused), ["FLAG_ERRORS"]);
}

#[test]
fn a_promotion_is_watched_until_its_time_ends() {
    let mut state = flags();
    made(&mut state, &admin(set_state("young", Lifecycle::Beta), 24 * HOUR));
    let watch = state.states["young"].watch.unwrap();
    assert_eq!(
        (watch.since, watch.until),
        (Timestamp(START + 24 * HOUR), Timestamp(START + 48 * HOUR))
    );
    let end = |hours: i64| Request {
        actor: Actor::controller(),
        ..admin(Change::EndWatch { flag: "young".into() }, hours * HOUR)
    };
    assert_eq!(codes(&refused(&state, &end(47))), ["STEP_OUTDATED"]);
    let by_hand = admin(Change::EndWatch { flag: "young".into() }, 48 * HOUR);
    assert_eq!(codes(&refused(&state, &by_hand)), ["ROLE_MISSING"]);
    let ended = made(&mut state, &end(48));
    assert_eq!(ended.audit[0].event, crate::Event::WatchEnded);
    assert_eq!(ended.audit[0].details["state"], "beta");
    assert_eq!(ended.audit[0].details["errors"], 0);
    assert!(state.states["young"].watch.is_none());
    assert_eq!(codes(&refused(&state, &end(49))), ["STEP_OUTDATED"]);
    made(&mut state, &admin(set_state("board", Lifecycle::Ga), 72 * HOUR));
    made(&mut state, &admin(set_state("board", Lifecycle::Beta), 73 * HOUR));
    assert!(
        state.states["board"].watch.is_none(),
        "a reverted flag is not watched"
    );
}
