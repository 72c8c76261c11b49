//! The conditions of promotions that depend on the running system: requests, tenants, operators, time.

use std::sync::Arc;

use control::operators::{Known, Operators, StaticToken, TokenHash};
use control::{
    Actor, ApplyError, Change, Code, Control, Event, FlagObservation, GaDefault, GaPolicy, History,
    LifecyclePolicy, Opened, Refusal, Request, RequiredSignOff, Role, Rollouts, ServedTenant, Signer,
};
use rules::{Eligibility, Lifecycle, Timestamp};
use testkit::{ControlFixture, HOUR, RecordingPlane, START, SetClocks, admin_request};

/// The flag `board` (beta), four customers on its allowlist, and an internal tenant.
const DOCUMENT: &str = r#"
version: 1
policy: { beta_opt_in: true }
flags:
  board: { lifecycle: beta, revertible: true, revert: docs/revert }
  young: {}
tenants:
  acme: { opt_in: [board] }
  globex: { opt_in: [board] }
  hooli: { opt_in: [board] }
  workshop: { internal: true, opt_in: [board] }
"#;

fn policy(tenants: usize) -> LifecyclePolicy {
    LifecyclePolicy {
        ga: GaPolicy {
            tenants,
            ..GaPolicy::default()
        },
        ..LifecyclePolicy::default()
    }
}

fn at(hours: i64, change: Change) -> Request {
    Request {
        at: Timestamp(START + hours * HOUR),
        ..admin_request(change)
    }
}

fn promotion(flag: &str, to: Lifecycle) -> Change {
    Change::SetState {
        flag: flag.into(),
        to,
        cascade: false,
        ga_default: GaDefault::On,
        urgent: None,
    }
}

fn refusals(control: &Control, request: &Request) -> Vec<Refusal> {
    match control.dry_run(request) {
        Ok(_) => Vec::new(),
        Err(ApplyError::Refused(refusals)) => refusals,
        Err(other) => panic!("{other:?}"),
    }
}

fn codes(control: &Control, request: &Request) -> Vec<Code> {
    let refusals = refusals(control, request);
    refusals.into_iter().map(|refusal| refusal.code).collect()
}

fn totals(errors: u64, served: u64) -> Vec<FlagObservation> {
    vec![FlagObservation {
        flag: "board".into(),
        decisions: errors + served,
        errors,
        served,
    }]
}

fn serve(fixture: &ControlFixture, tenants: &[&str]) {
    let served = tenants.iter().map(|tenant| ServedTenant {
        flag: "board".into(),
        tenant: (*tenant).to_owned(),
    });
    fixture.plane.served_tenants.lock().extend(served);
}

#[test]
fn only_served_customers_of_some_age_are_pilots() {
    let fixture = ControlFixture::new(policy(3), DOCUMENT);
    let late = Change::PutTenant {
        org: "initech".into(),
        record: serde_json::json!({ "opt_in": ["board"] }),
    };
    fixture.control.apply(&at(71, late)).unwrap();
    *fixture.plane.observations.lock() = totals(0, 9);
    serve(&fixture, &["acme", "globex", "initech", "workshop"]);
    fixture.control.record_observations(Timestamp(START + 71 * HOUR));
    let to_ga = |hours| at(hours, promotion("board", Lifecycle::Ga));
    let refused = refusals(&fixture.control, &to_ga(72));
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].code, Code::ExitCriteria);
    assert_eq!(
        refused[0].detail,
        "2 of 3 tenants have it on and were served requests; not counted: 1 internal, 1 created in the last 24 h, \
         1 without a served request"
    );
    // A day later the record is old enough; or the other one is served.
    assert_eq!(codes(&fixture.control, &to_ga(95)), []);
    serve(&fixture, &["hooli"]);
    assert_eq!(codes(&fixture.control, &to_ga(72)), []);
}

#[test]
fn requests_before_the_state_do_not_make_a_pilot() {
    let fixture = ControlFixture::new(policy(1), DOCUMENT);
    *fixture.plane.observations.lock() = totals(0, 9);
    serve(&fixture, &["acme"]);
    fixture.control.record_observations(Timestamp(START));
    let to_ga = at(72, promotion("board", Lifecycle::Ga));
    assert_eq!(
        codes(&fixture.control, &to_ga),
        [Code::ExitCriteria, Code::NotStable]
    );
    *fixture.plane.observations.lock() = totals(0, 10);
    serve(&fixture, &["acme"]);
    assert_eq!(codes(&fixture.control, &to_ga), []);
}

#[test]
fn an_error_just_before_a_promotion_counts() {
    let fixture = ControlFixture::new(policy(0), DOCUMENT);
    *fixture.plane.observations.lock() = totals(0, 9);
    let to_ga = at(72, promotion("board", Lifecycle::Ga));
    assert_eq!(codes(&fixture.control, &to_ga), []);
    // Nobody has collected it yet.
    *fixture.plane.observations.lock() = totals(1, 9);
    assert_eq!(codes(&fixture.control, &to_ga), [Code::FlagErrors]);
    let refused = fixture.control.apply(&to_ga).unwrap_err();
    assert!(matches!(refused, ApplyError::Refused(_)));
    let rollout = Change::SetRollout {
        flag: "board".into(),
        rollout: Some(serde_json::json!({ "percentage": 5 })),
    };
    assert_eq!(codes(&fixture.control, &at(72, rollout)), [Code::FlagErrors]);
}

#[test]
fn without_the_file_of_observations_errors_are_unknown() {
    let fixture = ControlFixture::new(policy(0), DOCUMENT);
    let opened = Opened::read(Arc::clone(&fixture.store) as _, Eligibility::Enforced).unwrap();
    let plane = Arc::new(RecordingPlane::default());
    *plane.observations.lock() = totals(0, 1);
    let folder = tempfile::tempdir().unwrap();
    let missing = folder.path().join("observations.json");
    let history = History::read(&missing, Timestamp(START + 71 * HOUR));
    let control = opened.control(policy(0), Arc::clone(&plane) as _, plane as _, history);
    let refused = refusals(&control, &at(72, promotion("board", Lifecycle::Ga)));
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert_eq!(refused[0].code, Code::NotObserved);
    assert_eq!(
        refused[0].detail,
        "its requests are observed only since 2026-11-23 23:00Z, 24 h needed; possible from 2026-11-24 23:00Z"
    );
    assert_eq!(
        codes(&control, &at(94, promotion("young", Lifecycle::Beta))),
        [Code::NotObserved]
    );
    assert_eq!(codes(&control, &at(95, promotion("young", Lifecycle::Beta))), []);
    // A flag that was created since was always observed.
    let document = "version: 1\nflags: { fresh: {} }\n";
    control.apply(&at(71, testkit::adopt_document(document))).unwrap();
    let raise = Change::SetRollout {
        flag: "fresh".into(),
        rollout: Some(serde_json::json!({ "percentage": 5 })),
    };
    assert_eq!(codes(&control, &at(72, raise)), []);
}

#[test]
fn a_sign_off_is_lost_with_its_operator() {
    let required = RequiredSignOff {
        role: "operations".into(),
        signers: Some(vec![
            Signer::Name("ann".into()),
            Signer::Group("ops-leads".into()),
        ]),
    };
    let mut policy = policy(0);
    policy.ga.sign_offs = vec![required];
    let fixture = ControlFixture::new(policy, DOCUMENT);
    *fixture.plane.observations.lock() = totals(0, 1);
    let token = |name: &str, role| StaticToken {
        name: name.into(),
        role,
        org: None,
        hash: TokenHash::issue().unwrap().1,
        expires: None,
    };
    let known = |tokens| Known {
        tokens,
        ..Known::default()
    };
    let operators = Arc::new(Operators::of(known(vec![token("ann", Role::Operator)])));
    fixture.control.set_operators(Arc::clone(&operators));
    let sign = |name: &str, groups: &[&str]| Request {
        actor: Actor {
            name: name.into(),
            display_name: None,
            role: Role::Operator,
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
            org: None,
        },
        ..at(
            1,
            Change::SignOff {
                flag: "board".into(),
                as_role: "operations".into(),
            },
        )
    };
    let to_ga = at(72, promotion("board", Lifecycle::Ga));
    let missing = || {
        let refused = refusals(&fixture.control, &to_ga);
        refused.first().map(|refusal| refusal.detail.clone())
    };
    fixture.control.apply(&sign("ann", &[])).unwrap();
    assert_eq!(missing(), None);
    operators.replace(Some(known(vec![token("ann", Role::Viewer)])));
    assert_eq!(
        missing().unwrap(),
        "operations (that of ann is lost: ann is no longer an operator)"
    );
    operators.replace(Some(known(vec![])));
    assert!(missing().is_some());
    operators.replace(Some(known(vec![token("ann", Role::Operator)])));
    assert_eq!(missing(), None);
    // The issuer of an operator is not accepted any more.
    fixture
        .control
        .apply(&sign("oidc:https://login#7", &["ops-leads"]))
        .unwrap();
    assert!(
        missing()
            .unwrap()
            .contains("oidc:https://login#7 is no longer an operator")
    );
}

#[test]
fn the_end_of_a_watch_is_in_the_log() {
    let fixture = ControlFixture::new(policy(0), DOCUMENT);
    let to_beta = at(24, promotion("young", Lifecycle::Beta));
    fixture.control.apply(&to_beta).unwrap();
    let clocks = SetClocks::new(START, 0);
    let rollouts = Rollouts::new(Arc::clone(&fixture.control), None, clocks.read());
    let ended = || {
        let log = fixture.log();
        log.into_iter()
            .filter(|entry| entry.event == Event::WatchEnded)
            .collect::<Vec<_>>()
    };
    clocks.set(START + 48 * HOUR - 1, 48 * HOUR - 1);
    rollouts.advance();
    assert_eq!(ended(), []);
    for hours in [48, 49] {
        clocks.set(START + hours * HOUR, hours * HOUR);
        rollouts.advance();
    }
    let ended = ended();
    assert_eq!(ended.len(), 1);
    assert_eq!(
        (ended[0].flag.as_deref(), ended[0].actor.as_str()),
        (Some("young"), "rollout")
    );
    assert_eq!(ended[0].details["state"], "beta");
}
