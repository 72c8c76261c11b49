//! Rollout plans, by the sentences of docs/rollouts.md.

use std::collections::BTreeSet;

use config::{Rollback, read_plan};
use rules::Timestamp;

use super::*;
use crate::event::Event;
use crate::rollout::{
    CheckResult, CheckVerdict, Exposed, ManagedPlan, PausingChange, RolloutState, Step, StepAction, Template,
    Turn, Wait, exposure_at, exposure_of, stages_without_control, step, waits,
};
use crate::stale::{StaleLimits, Usage, stale};

const DAY: i64 = 24 * HOUR;

fn start_state() -> State {
    state(
        json!({ "version": 1, "segments": { "pilots": { "attribute": "groups", "any_of": ["pilots"] } }, "flags": {
        "board": { "lifecycle": "ga", "revertible": true, "revert": "docs/revert" },
        "young": { "lifecycle": "alpha", "revertible": true, "revert": "docs/revert" },
        "switch": { "kind": "ops" },
        "theme": { "lifecycle": "ga", "variants": { "off": null, "blue": 1 }, "final": "blue" },
    }, "tenants": { "acme": { "internal": true }, "globex": {} } }),
    )
}

/// Three stages of a day with a check each; the last one is ended by a person.
fn simple() -> Value {
    json!({ "stages": [
        { "name": "one", "percentage": 5, "for": "1d" },
        { "name": "two", "percentage": 50, "for": "1d" },
        { "name": "all", "percentage": 100, "for": "1d", "advance": "manual" },
    ], "rollback": "exposure" })
}

fn set(flag: &str, plan: Value) -> Change {
    Change::SetPlan {
        flag: flag.into(),
        plan,
    }
}

fn start(flag: &str) -> Change {
    Change::StartRollout { flag: flag.into() }
}

fn managed(state: &State, flag: &str) -> ManagedPlan {
    state.states[flag].plan.as_deref().cloned().unwrap()
}

fn evidence(verdict: CheckVerdict) -> Vec<CheckResult> {
    vec![CheckResult {
        check: "errors".into(),
        verdict,
    }]
}

/// Returns the request of the controller to take a step.
fn taking(flag: &str, step: Step, evidence: Vec<CheckResult>, after_ms: i64) -> Request {
    let change = Change::TakeStep {
        flag: flag.into(),
        step,
        evidence,
    };
    Request {
        actor: Actor::controller(),
        source: ChangeSource::Scheduler,
        reason: None,
        force: true,
        ..admin(change, after_ms)
    }
}

/// Takes the step that follows from the verdict, if there is one.
fn tick(state: &mut State, flag: &str, verdict: CheckVerdict, after_ms: i64) -> Option<StepAction> {
    let now = Timestamp(START + after_ms);
    let step = step(&managed(state, flag), &evidence(verdict), now)?;
    made(state, &taking(flag, step.clone(), evidence(verdict), after_ms));
    Some(step.action)
}

/// The state with a running plan of `board`, in its first stage.
fn running(plan: Value) -> State {
    let mut state = start_state();
    made(&mut state, &admin(set("board", plan), 0));
    made(&mut state, &admin(start("board"), 0));
    state
}

fn bob(change: Change, after_ms: i64) -> Request {
    by(Role::Operator, None, admin(change, after_ms))
}

#[test]
fn errors_and_breaker_are_a_part_of_the_exposure() {
    let mut plan = simple();
    plan["errors"] = json!([429]);
    plan["breaker"] = json!({ "errors": "12.5%", "for": "1m", "dry_run": true });
    let state = running(plan);
    let exposure = flag(&state, "board")["exposure"].clone();
    assert_eq!(exposure["errors"], json!([429]));
    let breaker = json!({ "errors": "12.5%", "requests": 20, "for": "1m", "dry_run": true });
    assert_eq!(exposure["breaker"], breaker);
    assert_eq!(exposure_of(&managed(&state, "board")), Some(exposure));
}

#[test]
fn a_plan_with_a_breaker_too_many_is_refused() {
    let flags = (0..=rules::MAX_BREAKERS).map(|at| (format!("f{at}"), json!({ "lifecycle": "ga" })));
    let flags: Map<String, Value> = flags.collect();
    let mut state = state(json!({ "version": 1, "flags": flags }));
    let mut plan = simple();
    plan["breaker"] = json!({ "errors": "50%" });
    for at in 0..rules::MAX_BREAKERS {
        made(&mut state, &admin(set(&format!("f{at}"), plan.clone()), 0));
    }
    let last = format!("f{}", rules::MAX_BREAKERS);
    let reasons = refused(&state, &admin(set(&last, plan.clone()), 0));
    assert_eq!(codes(&reasons), ["INVALID_PLAN"]);
    assert_eq!(reasons[0].facts["field"], "breaker");
    // A plan that has one already may be set again.
    made(&mut state, &admin(set("f0", plan), HOUR));
    made(&mut state, &admin(set(&last, simple()), HOUR));
}

#[test]
fn a_plan_goes_from_draft_to_completed() {
    let mut state = start_state();
    let mut plan = simple();
    plan["finish"] = json!({ "default": "on" });
    made(&mut state, &admin(set("board", plan), 0));
    assert_eq!(managed(&state, "board").state(), RolloutState::Approved);
    // Requests are counted before the start, and no stage decides.
    let prepared = exposure_of(&managed(&state, "board")).unwrap();
    assert_eq!(prepared["stages"], json!([]));
    made(&mut state, &admin(start("board"), HOUR));
    let pass = CheckVerdict::Pass;
    assert_eq!(tick(&mut state, "board", pass, DAY), None);
    let entered = |stage| Some(StepAction::Enter { stage });
    assert_eq!(tick(&mut state, "board", pass, DAY + HOUR), entered(1));
    assert_eq!(tick(&mut state, "board", pass, DAY + HOUR), None);
    assert_eq!(tick(&mut state, "board", pass, 2 * DAY + HOUR), entered(2));
    let plan = managed(&state, "board");
    assert_eq!(exposure_of(&plan), Some(exposure_at(&plan.plan, 2)));
    // The last stage waits for a person.
    let now = Timestamp(START + 3 * DAY + HOUR);
    assert_eq!(waits(&plan, &evidence(pass), now), [Wait::Person]);
    assert_eq!(tick(&mut state, "board", pass, 3 * DAY + HOUR), None);
    assert_eq!(flag(&state, "board").get("default"), None);
    let advance = Change::AdvanceRollout {
        flag: "board".into(),
        evidence: evidence(pass),
    };
    let done = made(&mut state, &admin(advance, 3 * DAY + HOUR));
    assert_eq!(done.audit[0].event, Event::RolloutCompleted);
    let plan = managed(&state, "board");
    assert_eq!(plan.state(), RolloutState::Completed);
    assert_eq!(exposure_of(&plan), None);
    assert_eq!(flag(&state, "board")["default"], "on");
    let turns = plan
        .run
        .course
        .iter()
        .map(|entry| serde_json::to_value(entry.turn).unwrap());
    assert_eq!(
        turns.collect::<Vec<_>>(),
        ["set", "started", "stage_entered", "stage_entered", "completed"]
    );
}

#[test]
fn a_completed_flag_is_listed_as_ready_to_retire() {
    let mut plan = simple();
    plan["finish"] = json!({ "default": "on" });
    let mut state = running(plan);
    let codes = |state: &State| -> Vec<&str> {
        let usage = Usage {
            gated: BTreeSet::from(["board".to_owned()]),
            ..Usage::default()
        };
        let found = stale(state, Timestamp(START + 3 * DAY), &usage, &StaleLimits::default());
        let reasons = found.iter().flat_map(|flag| &flag.reasons);
        reasons.map(|reason| reason.code.as_str()).collect()
    };
    for day in 1..3 {
        tick(&mut state, "board", CheckVerdict::Pass, day * DAY).unwrap();
    }
    assert!(codes(&state).is_empty());
    let advance = Change::AdvanceRollout {
        flag: "board".into(),
        evidence: evidence(CheckVerdict::Pass),
    };
    made(&mut state, &admin(advance, 3 * DAY));
    assert_eq!(codes(&state), ["ROLLED_OUT"]);
    // A tenant that has it off uses the code of the flag still.
    let opted_out = Change::PutTenant {
        org: "globex".into(),
        record: json!({ "opt_out": ["board"] }),
    };
    made(&mut state, &admin(opted_out, 3 * DAY));
    assert!(codes(&state).is_empty());
}

#[test]
fn a_query_needs_a_configured_prometheus() {
    let state = start_state();
    let mut plan = simple();
    plan["checks"] = json!([
        { "name": "memory", "prometheus": { "query": "max(m)", "above": 0.9 } },
        { "name": "errors", "error_rate": { "above": "1%" } },
    ]);
    let request = admin(set("board", plan), 0);
    let Err(NoPlan::Refused(refusals)) = plan_of(&state, &request) else {
        panic!("it must be refused");
    };
    let found: Vec<_> = refusals
        .iter()
        .map(|refusal| (refusal.code, refusal.detail.as_str()))
        .collect();
    let detail = "`memory` queries Prometheus, and none is configured";
    assert_eq!(found, [(Code::InvalidPlan, detail)]);
    let policy = LifecyclePolicy {
        metrics: crate::MetricSource::Prometheus,
        ..LifecyclePolicy::default()
    };
    assert!(super::plan(&state, &request, &policy, &GOOD).is_ok());
}

#[test]
fn an_open_incident_holds_up_stages_and_the_end() {
    let mut plan = simple();
    plan["finish"] = json!({ "default": "on" });
    let mut state = running(plan);
    let incident = |open: bool| {
        let (flag, incident) = ("board".to_owned(), "INC-9".to_owned());
        match open {
            true => Change::OpenIncident { flag, incident },
            false => Change::CloseIncident { flag, incident },
        }
    };
    let codes = |state: &State, day: i64| -> Vec<Code> {
        let now = Timestamp(START + day * DAY);
        let step = step(&managed(state, "board"), &evidence(CheckVerdict::Pass), now).unwrap();
        let request = taking("board", step, evidence(CheckVerdict::Pass), day * DAY);
        match plan_of(state, &request) {
            Err(NoPlan::Refused(refusals)) => refusals.iter().map(|refusal| refusal.code).collect(),
            _ => Vec::new(),
        }
    };
    made(&mut state, &admin(incident(true), 0));
    assert_eq!(codes(&state, 1), [Code::IncidentOpen]);
    made(&mut state, &admin(incident(false), DAY));
    for day in 1..3 {
        tick(&mut state, "board", CheckVerdict::Pass, day * DAY).unwrap();
    }
    made(&mut state, &admin(incident(true), 2 * DAY));
    let advance = Change::AdvanceRollout {
        flag: "board".into(),
        evidence: evidence(CheckVerdict::Pass),
    };
    let Err(NoPlan::Refused(refusals)) = plan_of(&state, &admin(advance, 3 * DAY)) else {
        panic!("it must be refused");
    };
    assert_eq!(refusals[0].code, Code::IncidentOpen);
}

#[test]
fn only_finish_writes_the_default() {
    let mut state = running(simple());
    for day in 1..3 {
        tick(&mut state, "board", CheckVerdict::Pass, day * DAY).unwrap();
    }
    let advance = Change::AdvanceRollout {
        flag: "board".into(),
        evidence: evidence(CheckVerdict::Pass),
    };
    made(&mut state, &admin(advance, 3 * DAY));
    assert_eq!(managed(&state, "board").state(), RolloutState::Completed);
    assert_eq!(flag(&state, "board").get("default"), None);
    assert_eq!(managed(&state, "board").run.exposed, Exposed::Through(2));
}

#[test]
fn a_step_is_taken_once() {
    let mut state = running(simple());
    let now = Timestamp(START + DAY);
    let pass = evidence(CheckVerdict::Pass);
    let step = step(&managed(&state, "board"), &pass, now).unwrap();
    let request = taking("board", step.clone(), pass.clone(), DAY);
    // Another one was computed at the same turn, and comes after a pause.
    let mut paused = state.clone();
    made(
        &mut paused,
        &admin(Change::PauseRollout { flag: "board".into() }, DAY),
    );
    assert_eq!(codes(&refused(&paused, &request)), ["STEP_OUTDATED"]);
    made(&mut state, &request);
    assert_eq!(codes(&refused(&state, &request)), ["STEP_OUTDATED"]);
    // A step that does not follow from its evidence is refused.
    let failing = taking("board", step, evidence(CheckVerdict::Inconclusive), 3 * DAY);
    assert_eq!(codes(&refused(&state, &failing)), ["STEP_OUTDATED"]);
    // Only the controller takes steps.
    assert_eq!(
        codes(&refused(&state, &bob(request.change.clone(), DAY))),
        ["ROLE_MISSING"]
    );
}

#[test]
fn a_step_of_a_former_plan_is_refused() {
    let mut state = running(simple());
    let pass = evidence(CheckVerdict::Pass);
    let step = step(&managed(&state, "board"), &pass, Timestamp(START + DAY)).unwrap();
    let former = managed(&state, "board").run.id;
    made(
        &mut state,
        &admin(Change::CancelRollout { flag: "board".into() }, HOUR),
    );
    made(
        &mut state,
        &admin(Change::RemovePlan { flag: "board".into() }, HOUR),
    );
    made(&mut state, &admin(set("board", simple()), 0));
    made(&mut state, &admin(start("board"), 0));
    assert_ne!(managed(&state, "board").run.id, former);
    let request = taking("board", step, pass, DAY);
    assert_eq!(codes(&refused(&state, &request)), ["STEP_OUTDATED"]);
}

#[test]
fn a_failing_check_has_its_effect() {
    let check = |then: &str, expected: Option<StepAction>| {
        let mut plan = simple();
        plan["checks"] = json!([{ "name": "errors", "error_rate": { "above": "1%" }, "then": then }]);
        let mut state = running(plan);
        assert_eq!(tick(&mut state, "board", CheckVerdict::Fail, DAY), expected);
        managed(&state, "board")
    };
    let errors = || "errors".to_owned();
    let plan = check("pause", Some(StepAction::Pause { check: errors() }));
    assert_eq!(
        (plan.state(), plan.run.exposed),
        (RolloutState::Paused, Exposed::Through(0))
    );
    let halt = plan.run.halt.unwrap();
    assert_eq!(
        (halt.by.as_str(), halt.check.as_deref()),
        ("rollout", Some("errors"))
    );
    let plan = check("rollback", Some(StepAction::RollBack { check: errors() }));
    assert_eq!(plan.state(), RolloutState::RolledBack);
    assert_eq!(exposure_of(&plan).unwrap()["stages"][0]["percentage"], json!(0));
    // It notifies, and the stage does not end.
    assert_eq!(check("notify", None).state(), RolloutState::Running);
}

#[test]
fn an_inconclusive_check_neither_advances_nor_rolls_back() {
    let mut state = running(simple());
    for verdict in [CheckVerdict::Inconclusive, CheckVerdict::NotApplicable] {
        assert_eq!(tick(&mut state, "board", verdict, 90 * DAY), None);
    }
    let plan = managed(&state, "board");
    assert_eq!(step(&plan, &[], Timestamp(START + 90 * DAY)), None);
    let unmeasured = waits(
        &plan,
        &evidence(CheckVerdict::NotApplicable),
        Timestamp(START + 90 * DAY),
    );
    assert_eq!(unmeasured, [Wait::Unmeasured]);
}

#[test]
fn the_gravest_effect_of_failing_checks_comes_first() {
    let mut plan = simple();
    plan["checks"] = json!([
        { "name": "slow", "p95": { "above": "2s" }, "then": "notify" },
        { "name": "errors", "error_rate": { "above": "1%" } },
        { "name": "slower", "p95": { "worse_than_control": "20%" }, "then": "rollback" },
    ]);
    let plan = managed(&running(plan), "board");
    let results = ["slow", "errors", "slower"].map(|check| CheckResult {
        check: check.into(),
        verdict: CheckVerdict::Fail,
    });
    let action = |results: &[CheckResult]| step(&plan, results, Timestamp(START)).map(|step| step.action);
    assert_eq!(
        action(&results),
        Some(StepAction::RollBack {
            check: "slower".into()
        })
    );
    assert_eq!(
        action(&results[..2]),
        Some(StepAction::Pause {
            check: "errors".into()
        })
    );
    assert_eq!(action(&results[..1]), None);
}

#[test]
fn a_comparison_decides_nothing_without_a_control_arm() {
    let plan = json!({ "stages": [{ "name": "all", "percentage": 100, "for": "1d" }], "checks": [
        { "name": "errors", "error_rate": { "above": "1%" } },
        { "name": "slower", "p95": { "worse_than_control": "20%" }, "then": "rollback" },
    ] });
    let plan = managed(&running(plan), "board");
    assert_eq!(stages_without_control(&plan.plan).collect::<Vec<_>>(), ["all"]);
    let mut results = evidence(CheckVerdict::Pass);
    results.push(CheckResult {
        check: "slower".into(),
        verdict: CheckVerdict::Fail,
    });
    let action = step(&plan, &results, Timestamp(START + DAY)).map(|step| step.action);
    assert_eq!(action, Some(StepAction::Complete));
}

#[test]
fn start_needs_approvals_and_the_checklist() {
    let mut state = start_state();
    let mut plan = simple();
    plan["approvals"] = json!(["technical", "product"]);
    plan["checklist"] = json!(["tests passing", "support informed"]);
    made(&mut state, &admin(set("board", plan.clone()), 0));
    assert_eq!(managed(&state, "board").state(), RolloutState::Draft);
    assert_eq!(
        codes(&refused(&state, &admin(start("board"), 0))),
        ["APPROVAL_MISSING", "CHECKLIST_OPEN"]
    );
    let approve = |as_role: &str| Change::ApprovePlan {
        flag: "board".into(),
        as_role: as_role.into(),
    };
    made(&mut state, &admin(approve("technical"), 0));
    // Each role by a different person; the same one again changes nothing.
    assert_eq!(
        codes(&refused(&state, &admin(approve("product"), 0))),
        ["APPROVAL_TAKEN"]
    );
    assert!(made(&mut state, &admin(approve("technical"), 1)).edits.is_empty());
    assert_eq!(
        codes(&refused(&state, &bob(approve("legal"), 0))),
        ["UNKNOWN_APPROVAL"]
    );
    made(&mut state, &bob(approve("product"), 0));
    assert_eq!(managed(&state, "board").state(), RolloutState::Approved);
    let item = |item: &str, is_done| Change::CheckPlanItem {
        flag: "board".into(),
        item: item.into(),
        is_done,
    };
    let unknown = refused(&state, &admin(item("test passing", true), 0));
    assert_eq!(codes(&unknown), ["UNKNOWN_ITEM"]);
    assert_eq!(unknown[0].help.as_deref(), Some("did you mean `tests passing`?"));
    for done in ["tests passing", "support informed"] {
        made(&mut state, &bob(item(done, true), 0));
    }
    made(&mut state, &bob(item("support informed", false), 0));
    assert_eq!(
        codes(&refused(&state, &admin(start("board"), 0))),
        ["CHECKLIST_OPEN"]
    );
    made(&mut state, &bob(item("support informed", true), HOUR));
    let checked = managed(&state, "board").run.checked;
    assert_eq!(
        (checked[1].by.as_str(), checked[1].at),
        ("bob", Timestamp(START + HOUR))
    );
    // An edit withdraws the approvals, and keeps what is done.
    plan["ticket"] = json!("OPS-1");
    made(&mut state, &admin(set("board", plan.clone()), 0));
    assert_eq!(
        codes(&refused(&state, &admin(start("board"), 0))),
        ["APPROVAL_MISSING"]
    );
    made(&mut state, &admin(approve("technical"), 0));
    made(&mut state, &bob(approve("product"), 0));
    // The same plan again is no edit.
    made(&mut state, &admin(set("board", plan), 0));
    let started = made(&mut state, &admin(start("board"), 0));
    assert_eq!(started.audit[0].event, Event::RolloutStarted);
    assert_eq!(managed(&state, "board").state(), RolloutState::Running);
    assert_eq!(
        codes(&refused(&state, &admin(start("board"), 0))),
        ["ROLLOUT_STATE"]
    );
}

#[test]
fn a_running_plan_is_edited_in_later_stages_only() {
    let mut plan = simple();
    plan["approvals"] = json!(["technical"]);
    let approve = Change::ApprovePlan {
        flag: "board".into(),
        as_role: "technical".into(),
    };
    let mut state = start_state();
    made(&mut state, &admin(set("board", plan.clone()), 0));
    made(&mut state, &admin(approve.clone(), 0));
    made(&mut state, &admin(start("board"), 0));
    for (path, value) in [
        ("/stages/0/percentage", json!(6)),
        ("/rollback", json!("kill")),
        ("/approvals", json!(["product"])),
    ] {
        let mut edited = plan.clone();
        *edited.pointer_mut(path).unwrap() = value;
        assert_eq!(
            codes(&refused(&state, &admin(set("board", edited), 0))),
            ["INVALID_PLAN"],
            "{path}"
        );
    }
    let mut edited = plan;
    edited["stages"][1]["percentage"] = json!(20);
    made(&mut state, &admin(set("board", edited), HOUR));
    let run = managed(&state, "board").run;
    assert_eq!(
        (run.state, run.stage, run.exposed),
        (RolloutState::Running, Some(0), Exposed::Through(0))
    );
    // The present stage goes on, and does not end before the new approval.
    assert_eq!(tick(&mut state, "board", CheckVerdict::Pass, DAY), None);
    let advance = Change::AdvanceRollout {
        flag: "board".into(),
        evidence: evidence(CheckVerdict::Pass),
    };
    let forced = Request {
        force: true,
        ..admin(advance, DAY)
    };
    assert_eq!(codes(&refused(&state, &forced)), ["APPROVAL_MISSING"]);
    made(&mut state, &admin(approve, DAY));
    assert!(tick(&mut state, "board", CheckVerdict::Pass, DAY).is_some());
}

#[test]
fn a_pause_keeps_the_exposure_and_stops_the_timer() {
    let mut state = running(simple());
    let before = exposure_of(&managed(&state, "board"));
    let pause = Change::PauseRollout { flag: "board".into() };
    let paused = made(&mut state, &bob(pause.clone(), DAY / 2));
    assert_eq!(paused.audit[0].event, Event::RolloutPaused);
    assert!(paused.withdraws);
    let plan = managed(&state, "board");
    assert_eq!(exposure_of(&plan), before);
    let halt = plan.run.halt.unwrap();
    assert_eq!((halt.by.as_str(), halt.why.as_deref()), ("bob", Some("because")));
    assert!(made(&mut state, &bob(pause, DAY)).edits.is_empty());
    assert_eq!(tick(&mut state, "board", CheckVerdict::Pass, 9 * DAY), None);
    made(
        &mut state,
        &admin(Change::ResumeRollout { flag: "board".into() }, 9 * DAY),
    );
    assert_eq!(exposure_of(&managed(&state, "board")), before);
    assert_eq!(
        tick(&mut state, "board", CheckVerdict::Pass, 9 * DAY + DAY / 2 - 1),
        None
    );
    assert!(tick(&mut state, "board", CheckVerdict::Pass, 9 * DAY + DAY / 2).is_some());
}

#[test]
fn a_kill_pauses_and_a_restore_does_not_resume() {
    let mut state = running(simple());
    made(&mut state, &admin(Change::Kill { flag: "board".into() }, HOUR));
    assert_eq!(managed(&state, "board").state(), RolloutState::Paused);
    let resume = admin(Change::ResumeRollout { flag: "board".into() }, HOUR);
    assert_eq!(codes(&refused(&state, &resume)), ["ROLLBACK_OPEN"]);
    made(&mut state, &admin(Change::Restore { flag: "board".into() }, HOUR));
    let plan = managed(&state, "board");
    assert_eq!(
        (plan.state(), plan.run.exposed),
        (RolloutState::Paused, Exposed::Through(0))
    );
    made(&mut state, &resume);
    assert_eq!(managed(&state, "board").state(), RolloutState::Running);
}

#[test]
fn a_rollback_has_three_effects() {
    let rolled_back = |to| {
        let mut state = running(simple());
        tick(&mut state, "board", CheckVerdict::Pass, DAY).unwrap();
        let change = Change::RollBackRollout {
            flag: "board".into(),
            to,
        };
        let plan = made(&mut state, &admin(change, DAY));
        assert_eq!(plan.audit[0].event, Event::RolloutRolledBack);
        assert!(plan.withdraws);
        let after = managed(&state, "board");
        assert_eq!(after.state(), RolloutState::RolledBack);
        // It does not change the lifecycle.
        assert_eq!(flag(&state, "board")["lifecycle"], "ga");
        (flag(&state, "board").get("enabled").cloned(), after.run.exposed)
    };
    assert_eq!(rolled_back(None), (None, Exposed::Withdrawn(1)));
    assert_eq!(rolled_back(Some(Rollback::Previous)), (None, Exposed::Through(0)));
    assert_eq!(
        rolled_back(Some(Rollback::Kill)),
        (Some(json!(false)), Exposed::Through(1))
    );
}

#[test]
fn a_person_advances_under_the_same_conditions() {
    let state = running(simple());
    let advance = |verdict, force, after_ms| {
        let change = Change::AdvanceRollout {
            flag: "board".into(),
            evidence: evidence(verdict),
        };
        Request {
            force,
            ..admin(change, after_ms)
        }
    };
    let early = advance(CheckVerdict::Inconclusive, false, HOUR);
    assert_eq!(
        codes(&refused(&state, &early)),
        ["STAGE_NOT_ELAPSED", "CHECK_NOT_PASSED"]
    );
    let forced = made(
        &mut state.clone(),
        &advance(CheckVerdict::Inconclusive, true, HOUR),
    );
    assert_eq!(forced.audit[0].details["forced"], true);
    assert_eq!(forced.audit[0].details["verdicts"]["errors"], "inconclusive");
    let entered = made(&mut state.clone(), &advance(CheckVerdict::Pass, false, DAY));
    assert_eq!(entered.audit[0].details["from_stage"], "one");
}

#[test]
fn a_stage_is_entered_within_its_window_only() {
    // START is a Friday, 09:14 UTC.
    let mut plan = simple();
    plan["window"] = json!([{ "days": "mon-thu", "zone": "UTC" }]);
    plan["stages"][1]["window"] = json!([{ "days": "sun", "from": "12:00", "zone": "UTC" }]);
    let mut state = start_state();
    made(&mut state, &admin(set("board", plan), 0));
    let closed = refused(&state, &admin(start("board"), 0));
    assert_eq!(codes(&closed), ["OUTSIDE_WINDOW"]);
    assert_eq!(closed[0].facts["opens"], "2026-11-23T00:00:00.000Z");
    let monday = 3 * DAY;
    made(&mut state, &admin(start("board"), monday));
    let now = |after_ms| Timestamp(START + after_ms);
    let wait = waits(
        &managed(&state, "board"),
        &evidence(CheckVerdict::Pass),
        now(monday + DAY),
    );
    let opens = Timestamp::parse("2026-11-29T12:00:00Z").ok();
    assert_eq!(wait, [Wait::Window { opens }]);
    let sunday = 9 * DAY + 4 * HOUR;
    assert!(tick(&mut state, "board", CheckVerdict::Pass, sunday).is_some());
    // A pause happens at any time.
    assert!(tick(&mut state, "board", CheckVerdict::Fail, sunday).is_some());
}

#[test]
fn rollout_and_state_are_refused_while_a_plan_runs() {
    let state = running(simple());
    let rollout = Change::SetRollout {
        flag: "board".into(),
        rollout: Some(json!({ "percentage": 10 })),
    };
    let changes = [
        rollout,
        set_state("board", Lifecycle::Beta),
        set_state("board", Lifecycle::Retired),
    ];
    let expected = [
        RolloutState::Cancelled,
        RolloutState::Paused,
        RolloutState::Cancelled,
    ];
    for (change, expected) in changes.into_iter().zip(expected) {
        let request = admin(change, 100 * DAY);
        let refusals = refused(&state, &request);
        assert_eq!(codes(&refusals)[0], "ROLLOUT_RUNNING");
        let mut after = state.clone();
        let forced = Request {
            force: true,
            ..request
        };
        made(&mut after, &forced);
        assert_eq!(managed(&after, "board").state(), expected);
    }
    let remove = admin(Change::RemovePlan { flag: "board".into() }, 0);
    assert_eq!(codes(&refused(&state, &remove)), ["ROLLOUT_RUNNING"]);
    let removed = Change::ApplyDocument {
        document: document(&json!({ "version": 1, "flags": { "theme": {} } })),
        prune: true,
        new_flags: NewFlags::Alpha,
    };
    assert_eq!(codes(&refused(&state, &admin(removed, 0))), ["ROLLOUT_RUNNING"]);
}

#[test]
fn a_running_plan_hides_no_unmet_condition() {
    let mut state = start_state();
    let young = json!({ "stages": [{ "name": "one", "percentage": 5, "for": "1d" }] });
    made(&mut state, &admin(set("young", young), 0));
    made(&mut state, &admin(start("young"), 0));
    let promoted = refused(&state, &admin(set_state("young", Lifecycle::Ga), HOUR));
    let expected = ["ROLLOUT_RUNNING", "STATE_SKIPPED", "SOAK_NOT_ELAPSED"];
    assert_eq!(codes(&promoted)[..3], expected);
    // An urgent promotion skips the conditions, but not the plan.
    let urgent = refused(&state, &admin(urgently("young", Lifecycle::Beta), HOUR));
    assert_eq!(codes(&urgent), ["ROLLOUT_RUNNING"]);
}

#[test]
fn a_reverted_flag_with_a_plan_has_all_reasons() {
    let mut state = state(json!({ "version": 1, "flags": {
        "board": { "lifecycle": "ga" }, "theme": { "lifecycle": "ga", "requires": ["board"] },
    } }));
    for flag in ["board", "theme"] {
        made(&mut state, &admin(set(flag, simple()), 0));
        made(&mut state, &admin(start(flag), 0));
    }
    let revert = |cascade| Change::SetState {
        flag: "board".into(),
        to: Lifecycle::Beta,
        cascade,
        ga_default: GaDefault::On,
        urgent: None,
    };
    let alone = refused(&state, &admin(revert(false), HOUR));
    assert_eq!(codes(&alone), ["FLAG_DEPENDENCY", "ROLLOUT_RUNNING"]);
    let cascade = refused(&state, &admin(revert(true), HOUR));
    assert_eq!(codes(&cascade), ["ROLLOUT_RUNNING", "ROLLOUT_RUNNING"]);
    assert_eq!(
        [&cascade[0].facts["flag"], &cascade[1].facts["flag"]],
        ["board", "theme"]
    );
}

#[test]
fn the_help_of_a_running_plan_names_what_force_does() {
    let state = running(simple());
    let remove = Change::RemovePlan { flag: "board".into() };
    for (change, effect) in [
        (
            set_state("board", Lifecycle::Beta),
            "`force`, which pauses the plan",
        ),
        (
            set_state("board", Lifecycle::Retired),
            "`force`, which cancels the plan",
        ),
        (remove, "`force`, which removes the plan"),
    ] {
        let refusals = refused(&state, &admin(change, 0));
        let help = refusals[0].help.as_deref().unwrap();
        assert!(help.contains("`GET .../rollout` shows the plan"), "{help}");
        assert!(help.ends_with(effect), "{help}");
    }
}

#[test]
fn a_document_leaves_the_plan_alone() {
    let mut state = running(simple());
    let before = managed(&state, "board");
    let written = json!({ "version": 1, "flags": { "board": { "owner": "me", "revertible": true, "revert": "docs/revert", "plan": {
        "stages": [{ "name": "all", "percentage": 100, "for": "1d" }] } } } });
    let plan = made(&mut state, &admin(applying(written), 0));
    let kept = &plan.summary.document.unwrap().kept_by_operators;
    assert_eq!(kept[0].fields, ["plan"]);
    assert_eq!(managed(&state, "board"), before);
    assert_eq!(flag(&state, "board").get("plan"), None);
}

#[test]
fn a_document_sets_the_plan_of_a_new_flag() {
    let written = |plan: Value| {
        json!({ "version": 1, "segments": { "new": { "attribute": "groups", "any_of": ["x"] } },
            "flags": { "fresh": { "lifecycle": "ga", "plan": plan } } })
    };
    let mut plan = simple();
    plan["stages"][0]["audience"] = json!({ "segment": "new" });
    let mut state = start_state();
    made(&mut state, &admin(applying(written(plan.clone())), 0));
    assert_eq!(read_plan(&plan).as_ref(), Some(&*managed(&state, "fresh").plan));
    assert_eq!(managed(&state, "fresh").state(), RolloutState::Approved);
    plan["stages"][0]["audience"] = json!({ "segment": "nwe" });
    let unsuitable = refused(&start_state(), &admin(applying(written(plan)), 0));
    assert_eq!(codes(&unsuitable), ["INVALID_PLAN"]);
    assert_eq!(unsuitable[0].help.as_deref(), Some("did you mean `new`?"));
}

/// A document with a new flag at ga that has this plan, a segment and a tenant.
fn with_new_flag(plan: &Value) -> Value {
    json!({ "version": 1, "segments": { "new": { "attribute": "groups", "any_of": ["x"] } },
        "flags": { "fresh": { "lifecycle": "ga", "plan": plan } }, "tenants": { "inside": { "channel": "latest" } } })
}

#[test]
fn a_document_meets_the_conditions_of_a_set_plan() {
    let plan = json!({ "stages": [
        { "name": "a", "percentage": 5, "for": "1h", "audience": { "attribute": "tier", "eq": "gold" } },
        { "name": "b", "percentage": 6, "for": "1d", "lifecycle": "beta", "audience": { "segment": "nwe" } },
    ], "serve": "blue" });
    let mut without = with_new_flag(&plan);
    without["flags"]["fresh"].as_object_mut().unwrap().remove("plan");
    let mut state = start_state();
    made(&mut state, &admin(applying(without), 0));
    let of_set = refused(&state, &admin(set("fresh", plan.clone()), 0));
    assert_eq!(of_set.len(), 4);
    let of_document = refused(&start_state(), &admin(applying(with_new_flag(&plan)), 0));
    let flagged = of_set.into_iter().map(|refusal| refusal.fact("flag", "fresh"));
    assert_eq!(of_document, flagged.collect::<Vec<_>>());
    // A tenant and a segment of the same document are known.
    let plan = json!({ "stages": [
        { "name": "a", "percentage": 5, "for": "1h", "audience": { "attribute": "channel", "eq": "latest" } },
        { "name": "b", "percentage": 5, "for": "1h", "audience": { "segment": "new" } },
    ] });
    let mut state = start_state();
    let made = made(&mut state, &admin(applying(with_new_flag(&plan)), 0));
    let notes: Vec<_> = made.summary.notes.iter().map(|note| note.code).collect();
    assert_eq!(notes, [NoteCode::FewTenants]);
}

#[test]
fn an_audience_of_a_document_is_compiled() {
    let audience = json!({ "all": [{ "segment": "new" }, { "attribute": "email", "matches": "(" }] });
    let plan = json!({ "stages": [{ "name": "a", "percentage": 5, "for": "1d", "audience": audience }] });
    let state = start_state();
    let found = plan_of(&state, &admin(applying(with_new_flag(&plan)), 0));
    let Err(NoPlan::Unreadable(edits)) = found else {
        panic!("{found:?}")
    };
    let catalog = config::Catalog::new(rules::Eligibility::default(), state.document).unwrap();
    let report = catalog.explain(&edits);
    let codes: Vec<_> = report.problems().iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["invalid-pattern"], "{report}");
}

#[test]
fn a_plan_of_a_document_that_is_not_set_is_noted() {
    let mut state = running(simple());
    let notes = |state: &mut State, flag: &str, plan: Value| {
        let written = json!({ "version": 1, "flags": { flag: { "plan": plan } } });
        let notes = made(state, &admin(applying(written), 0)).summary.notes;
        let notes = notes.into_iter().map(|note| (note.code.as_str(), note.detail));
        notes.collect::<Vec<_>>()
    };
    assert_eq!(notes(&mut state, "board", simple()), []);
    let mut other = simple();
    other["stages"][1]["percentage"] = json!(60);
    let kept =
        "the plan of board in the document differs from that in the store, and is not set: operators own it";
    assert_eq!(
        notes(&mut state, "board", other.clone()),
        [("PLAN_NOT_SET", kept.to_owned())]
    );
    let none = "the plan of theme in the document is not set: theme exists, and operators own its plan";
    assert_eq!(
        notes(&mut state, "theme", other),
        [("PLAN_NOT_SET", none.to_owned())]
    );
}

/// The reasons to refuse the plan of the flag, each with its field.
#[track_caller]
fn check_reasons(flag: &str, plan: Value, expected: &[(&str, &str)]) {
    let found = refused(&start_state(), &admin(set(flag, plan), HOUR));
    let found: Vec<_> = found
        .iter()
        .map(|refusal| {
            assert_eq!(refusal.code, Code::InvalidPlan);
            assert!(refusal.help.is_some());
            (refusal.facts["field"].as_str().unwrap(), refusal.detail.as_str())
        })
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_plan_that_cannot_advance_is_refused() {
    check_reasons(
        "young",
        json!({ "stages": [
            { "name": "a", "percentage": 5, "for": "1h" },
            { "name": "b", "percentage": 6, "for": "1d", "lifecycle": "ga", "audience": { "segment": "pilot" } },
            { "name": "c", "percentage": 100, "for": "1d" },
        ], "serve": "off", "finish": { "default": "blue" } }),
        &[
            (
                "stages[1].lifecycle",
                "stage `b` promotes young from alpha to ga, which skips beta",
            ),
            (
                "stages[0].for",
                "stage `b` promotes young to ga after 2 h at alpha; the policy needs 72 h",
            ),
            (
                "stages[1].audience",
                "the audience of stage `b` names the segment `pilot`, which does not exist",
            ),
            ("serve", "`serve` is `off`, the variant without the feature"),
            (
                "finish.default",
                "`finish.default` names the variant `blue`, which young does not have",
            ),
        ],
    );
    check_reasons(
        "board",
        json!({ "stages": [{ "name": "a", "percentage": 5, "for": "1d", "lifecycle": "beta" }] }),
        &[(
            "stages[0].lifecycle",
            "stage `a` would revert board from ga to beta",
        )],
    );
    check_reasons(
        "switch",
        json!({ "stages": [{ "name": "a", "percentage": 5, "for": "1d", "lifecycle": "ga" }] }),
        &[(
            "stages[0].lifecycle",
            "stage `a` promotes switch, whose kind ops has no lifecycle",
        )],
    );
    check_reasons(
        "theme",
        json!({ "stages": [{ "name": "a", "percentage": 5, "for": "1d" }] }),
        &[(
            "serve",
            "theme has no variant `on`, so the variant of admitted subjects is unknown",
        )],
    );
    check_reasons(
        "young",
        json!({ "stages": [{ "name": "a", "percentage": 100, "for": "1d" }], "finish": { "default": "on" } }),
        &[(
            "finish",
            "`finish` serves young to everyone, but the last stage leaves it at alpha, where only eligible tenants have it",
        )],
    );
}

#[test]
fn a_provably_empty_audience_is_refused() {
    let empty = |audience: Value| {
        let plan = json!({ "stages": [{ "name": "a", "percentage": 5, "for": "1d", "audience": audience }] });
        plan_of(&start_state(), &admin(set("board", plan), 0)).is_err()
    };
    let attribute = |name: &str, value: Value| json!({ "attribute": name, "eq": value });
    assert!(empty(attribute("channel", json!("latest"))));
    assert!(empty(attribute("tier", json!("gold"))));
    assert!(empty(
        json!({ "all": [attribute("internal", json!(true)), attribute("tenant", json!("globex"))] })
    ));
    assert!(empty(
        json!({ "not": { "attribute": "channel", "in": ["stable"] } })
    ));
    // A request, or a tenant that is not known yet, may meet these.
    assert!(!empty(attribute("internal", json!(true))));
    assert!(!empty(attribute("tenant", json!("hooli"))));
    assert!(!empty(attribute("country", json!("DE"))));
    assert!(!empty(json!({ "segment": "pilots" })));
}

fn plan_of(state: &State, request: &Request) -> Result<Plan, NoPlan> {
    plan(state, request, &LifecyclePolicy::default(), &GOOD)
}

#[test]
fn approvals_need_operators() {
    struct Alone;
    impl Facts for Alone {
        fn pilots(&self, _: &str, _: Timestamp, _: Timestamp) -> Pilots {
            Pilots {
                counted: 0,
                ..Pilots::default()
            }
        }
        fn is_served_since(&self, _: &str, _: Timestamp) -> bool {
            true
        }
        fn errors_within(&self, _: &str, _: i64) -> u64 {
            0
        }
        fn has_operators(&self) -> bool {
            false
        }
    }
    let mut written = simple();
    written["approvals"] = json!(["technical"]);
    let request = admin(set("board", written), 0);
    let found = plan(&start_state(), &request, &LifecyclePolicy::default(), &Alone);
    assert_eq!(codes(&refusals(found.unwrap_err())), ["INVALID_PLAN"]);
}

#[test]
fn a_malformed_plan_is_explained() {
    let state = start_state();
    let found = plan_of(
        &state,
        &admin(set("board", json!({ "stages": [{ "name": "a" }], "x": 1 })), 0),
    );
    let Err(NoPlan::Unreadable(edits)) = found else {
        panic!("{found:?}")
    };
    let catalog = config::Catalog::new(rules::Eligibility::default(), state.document).unwrap();
    let report = catalog.explain(&edits);
    let pointers: Vec<_> = report
        .problems()
        .iter()
        .filter_map(config::Problem::pointer)
        .collect();
    assert_eq!(
        pointers,
        [
            "/flags/board/plan/stages/0",
            "/flags/board/plan/stages/0",
            "/flags/board/plan/x"
        ],
        "{report}"
    );
}

#[test]
fn an_audience_that_cannot_be_compiled_is_explained() {
    let state = start_state();
    let mut plan = simple();
    plan["stages"][1]["audience"] = json!({ "attribute": "email", "matches": "(" });
    let found = plan_of(&state, &admin(set("board", plan), 0));
    let Err(NoPlan::Unreadable(edits)) = found else {
        panic!("{found:?}")
    };
    let catalog = config::Catalog::new(rules::Eligibility::default(), state.document).unwrap();
    let report = catalog.explain(&edits);
    let codes: Vec<_> = report.problems().iter().map(|problem| problem.code).collect();
    assert_eq!(codes, ["invalid-pattern"], "{report}");
}

/// Returns the share of 2,000 tenants without a record that the flag is on for.
fn share(state: &State, flag: &str) -> f64 {
    let catalog = config::Catalog::new(rules::Eligibility::default(), state.document.clone()).unwrap();
    let flags = &catalog.compiled().flags;
    let id = flags.id(flag).unwrap();
    let off = flags.flag(id).unwrap().off();
    let on = (0..2_000).filter(|number| {
        let tenant = format!("t{number}");
        let subject = rules::Subject {
            tenant: Some(&tenant),
            ..rules::Subject::default()
        };
        rules::decide(flags, id, &subject, Timestamp(START)).variant != off
    });
    on.count() as f64 / 2_000.0
}

#[test]
fn the_stages_in_force_decide() {
    let near =
        |found: f64, expected: f64| assert!((found - expected).abs() < 0.03, "{found}, not {expected}");
    let mut plan = simple();
    plan["stages"][2]["advance"] = json!("auto");
    plan["finish"] = json!({ "default": "on" });
    let mut state = start_state();
    made(&mut state, &admin(set("board", plan), 0));
    near(share(&state, "board"), 0.0);
    made(&mut state, &admin(start("board"), 0));
    near(share(&state, "board"), 0.05);
    tick(&mut state, "board", CheckVerdict::Pass, DAY).unwrap();
    near(share(&state, "board"), 0.5);
    let mut paused = state.clone();
    made(
        &mut paused,
        &admin(Change::PauseRollout { flag: "board".into() }, DAY),
    );
    near(share(&paused, "board"), 0.5);
    let back = |to| Change::RollBackRollout {
        flag: "board".into(),
        to: Some(to),
    };
    for (to, expected) in [
        (Rollback::Previous, 0.05),
        (Rollback::Exposure, 0.0),
        (Rollback::Kill, 0.0),
    ] {
        let mut after = state.clone();
        made(&mut after, &admin(back(to), DAY));
        near(share(&after, "board"), expected);
    }
    made(
        &mut paused,
        &admin(Change::CancelRollout { flag: "board".into() }, DAY),
    );
    near(share(&paused, "board"), 0.0);
    tick(&mut state, "board", CheckVerdict::Pass, 2 * DAY).unwrap();
    near(share(&state, "board"), 1.0);
    tick(&mut state, "board", CheckVerdict::Pass, 3 * DAY).unwrap();
    assert_eq!(flag(&state, "board").get("exposure"), None);
    near(share(&state, "board"), 1.0);
}

#[test]
fn a_stage_promotes_under_the_policy_and_leaves_the_default() {
    let plan = json!({ "stages": [
        { "name": "in", "percentage": 5, "for": "1d" },
        { "name": "pilot", "lifecycle": "beta", "percentage": 10, "for": "3d" },
        { "name": "wide", "lifecycle": "ga", "percentage": 20, "for": "1d" },
    ] });
    let mut state = start_state();
    made(&mut state, &admin(set("young", plan), 0));
    made(&mut state, &admin(start("young"), 0));
    tick(&mut state, "young", CheckVerdict::Pass, DAY).unwrap();
    assert_eq!(flag(&state, "young")["lifecycle"], "beta");
    assert_eq!(state.states["young"].since, Timestamp(START + DAY));
    // The conditions of a promotion to ga, too few tenants for example, hold the plan up.
    let now = Timestamp(START + 4 * DAY);
    let pass = evidence(CheckVerdict::Pass);
    let step = step(&managed(&state, "young"), &pass, now).unwrap();
    let request = taking("young", step, pass, 4 * DAY);
    let few = Said {
        tenants: 9,
        errors: 0,
        ..GOOD
    };
    let unmet = refusals_by(&state, &request, &LifecyclePolicy::default(), &few);
    assert_eq!(codes(&unmet), ["EXIT_CRITERIA"]);
    let entered = made(&mut state, &request);
    assert_eq!(
        (&entered.audit[0].details["from"], &entered.audit[0].details["to"]),
        (&json!("beta"), &json!("ga"))
    );
    assert_eq!(flag(&state, "young")["lifecycle"], "ga");
    assert_eq!(flag(&state, "young").get("default"), None);
}

#[test]
fn the_templates_fit_a_flag() {
    let set_template = |flag: &str, template: Template| {
        let document = config::plan_document("plan.yaml", template.text().as_bytes()).unwrap();
        plan_of(&start_state(), &admin(set(flag, document.value), 0))
    };
    assert!(set_template("young", Template::Careful).is_ok());
    assert!(set_template("board", Template::Fast).is_ok());
}

#[test]
fn operations_name_the_state_that_excludes_them() {
    let flag = || "board".to_owned();
    let state = start_state();
    let operations = [
        Change::PauseRollout { flag: flag() },
        Change::ResumeRollout { flag: flag() },
        Change::AdvanceRollout {
            flag: flag(),
            evidence: Vec::new(),
        },
        Change::RollBackRollout {
            flag: flag(),
            to: None,
        },
    ];
    let mut drafted = state.clone();
    made(&mut drafted, &admin(set("board", simple()), 0));
    for change in operations {
        assert_eq!(
            codes(&refused(&state, &admin(change.clone(), 0))),
            ["PLAN_NOT_FOUND"]
        );
        assert_eq!(codes(&refused(&drafted, &admin(change, 0))), ["ROLLOUT_STATE"]);
    }
    made(&mut drafted, &admin(Change::CancelRollout { flag: flag() }, 0));
    assert_eq!(managed(&drafted, "board").state(), RolloutState::Cancelled);
    assert_eq!(
        codes(&refused(&drafted, &admin(start("board"), 0))),
        ["ROLLOUT_STATE"]
    );
    // The same plan again begins anew.
    made(&mut drafted, &admin(set("board", simple()), 0));
    assert_eq!(managed(&drafted, "board").state(), RolloutState::Approved);
}

#[test]
fn an_ended_plan_says_how_it_runs_again() {
    let mut state = running(simple());
    let flag = || "board".to_owned();
    let back = Change::RollBackRollout {
        flag: flag(),
        to: None,
    };
    made(&mut state, &admin(back, HOUR));
    let approve = Change::ApprovePlan {
        flag: flag(),
        as_role: "product".into(),
    };
    let check = Change::CheckPlanItem {
        flag: flag(),
        item: "tests".into(),
        is_done: true,
    };
    let advance = Change::AdvanceRollout {
        flag: flag(),
        evidence: Vec::new(),
    };
    let resume = Change::ResumeRollout { flag: flag() };
    let pause = Change::PauseRollout { flag: flag() };
    for change in [start("board"), resume, pause, advance, approve, check] {
        let refusals = refused(&state, &admin(change, HOUR));
        assert_eq!(codes(&refusals)[0], "ROLLOUT_STATE");
        assert_eq!(refusals[0].detail, "the rollout plan of board is rolled back");
        let help = refusals[0].help.as_deref().unwrap();
        assert!(help.contains("`sluice rollout plan board -f FILE`"), "{help}");
    }
    // As the help says.
    made(&mut state, &admin(set("board", simple()), HOUR));
    made(&mut state, &admin(start("board"), HOUR));
    assert_eq!(managed(&state, "board").state(), RolloutState::Running);
}

#[test]
fn a_resumption_notes_reports_that_fail_a_check() {
    let mut plan = simple();
    plan["checks"] = json!([
        { "name": "errors", "error_rate": { "above": "1%" } }, { "name": "reports", "reports": { "same_cause": 2 } },
    ]);
    let mut state = running(plan);
    let report = |org: &str| Change::Report {
        flag: "board".into(),
        org: org.into(),
        cause: "no save".into(),
        ticket: None,
        text: None,
    };
    made(&mut state, &admin(report("acme"), 0));
    let pause = Change::PauseRollout { flag: "board".into() };
    made(&mut state, &admin(pause, 0));
    let resume = admin(Change::ResumeRollout { flag: "board".into() }, HOUR);
    let mut one = state.clone();
    assert!(made(&mut one, &resume).summary.notes.is_empty());
    made(&mut state, &admin(report("globex"), 0));
    let notes = made(&mut state, &resume).summary.notes;
    assert_eq!(notes.len(), 1);
    assert_eq!(notes[0].code.as_str(), "OPEN_REPORTS");
    let detail =
        "the check `reports` fails again unless these reports are closed: `no save` from acme, globex";
    assert_eq!(notes[0].detail, detail);
}

#[test]
fn each_approval_is_a_turn_of_the_course() {
    let mut state = start_state();
    let mut plan = simple();
    plan["approvals"] = json!(["technical", "product"]);
    made(&mut state, &admin(set("board", plan), 0));
    let approve = |role: &str| Change::ApprovePlan {
        flag: "board".into(),
        as_role: role.into(),
    };
    made(&mut state, &admin(approve("technical"), HOUR));
    made(&mut state, &bob(approve("product"), HOUR));
    let course = managed(&state, "board").run.course;
    let turns: Vec<_> = course
        .iter()
        .map(|entry| (entry.turn, entry.role.as_deref()))
        .collect();
    let approved = |role| (Turn::Approved, Some(role));
    assert_eq!(
        turns,
        [(Turn::Set, None), approved("technical"), approved("product")]
    );
}

#[test]
fn a_kill_that_pauses_a_plan_is_its_reason() {
    let kill = |reason: Option<&str>| {
        let mut state = running(simple());
        let request = admin(Change::Kill { flag: "board".into() }, HOUR);
        let reason = reason.map(str::to_owned);
        made(&mut state, &Request { reason, ..request });
        let run = managed(&state, "board").run;
        let halt = run.halt.unwrap();
        (halt.change, halt.why, run.course.last().unwrap().why.clone())
    };
    let killed = Some("the flag was killed".to_owned());
    assert_eq!(kill(None), (Some(PausingChange::Kill), None, killed));
    let why = Some("INC-7".to_owned());
    let turn = Some("the flag was killed: INC-7".to_owned());
    assert_eq!(kill(Some("INC-7")), (Some(PausingChange::Kill), why, turn));
    // A person who pauses the plan changes nothing of the flag.
    let mut state = running(simple());
    let pause = Change::PauseRollout { flag: "board".into() };
    made(&mut state, &admin(pause, HOUR));
    assert_eq!(managed(&state, "board").run.halt.unwrap().change, None);
}

/// Facts of a configuration whose tokens have the attribute `region`.
struct Requested;

impl Facts for Requested {
    fn pilots(&self, _: &str, _: Timestamp, _: Timestamp) -> Pilots {
        Pilots::default()
    }

    fn is_served_since(&self, _: &str, _: Timestamp) -> bool {
        true
    }

    fn errors_within(&self, _: &str, _: i64) -> u64 {
        0
    }

    fn request_attributes(&self) -> Option<Vec<String>> {
        Some(vec!["region".to_owned()])
    }
}

/// Returns the code, the detail and the help of the notes of a plan whose first stage has this audience.
fn notes_of(audience: &Value, fields: &Value, facts: &dyn Facts) -> Vec<(&'static str, String, String)> {
    let mut written = simple();
    written["stages"][0]["audience"] = audience.clone();
    for (name, value) in fields.as_object().unwrap() {
        written[name] = value.clone();
    }
    let state = state(
        json!({ "version": 1, "flags": { "board": { "lifecycle": "ga" } }, "tenants": {
            "acme": { "internal": true, "attributes": { "seats": 80 } }, "hooli": { "internal": true }, "globex": {},
        } }),
    );
    let request = admin(set("board", written), 0);
    let plan = plan(&state, &request, &LifecyclePolicy::default(), facts).unwrap();
    let notes = plan.summary.notes.into_iter();
    notes
        .map(|note| (note.code.as_str(), note.detail, note.help))
        .collect()
}

#[test]
fn an_attribute_that_nobody_has_is_noted() {
    let of = |attribute: &str, facts: &dyn Facts| {
        let audience =
            json!({ "any": [{ "attribute": attribute, "eq": "eu" }, { "attribute": "user", "eq": "u" }] });
        notes_of(&audience, &json!({}), facts)
    };
    let found = of("regoin", &Requested);
    assert_eq!(found.len(), 1, "{found:?}");
    let (code, detail, help) = &found[0];
    assert_eq!(*code, "UNKNOWN_ATTRIBUTE");
    let expected = "the audience of stage `one` reads the attribute `regoin`, which no tenant record, token or request has";
    assert_eq!(detail, expected);
    assert_eq!(help, "did you mean `region`?");
    for known in ["region", "seats", "channel"] {
        assert_eq!(of(known, &Requested), [], "{known}");
    }
    assert!(of("country", &Requested)[0].2.contains("`claims.attributes`"));
    // Without a gateway document nothing is known about requests.
    assert_eq!(of("regoin", &GOOD), []);
}

#[test]
fn tenants_of_earlier_stages_are_in_no_arm() {
    let tenants: Map<String, Value> = (0..10)
        .map(|number| (format!("org-{number}"), json!({ "internal": true })))
        .collect();
    let document = json!({ "version": 1, "flags": { "board": { "lifecycle": "ga" } }, "tenants": tenants });
    let notes = |percentages: &[u8], by: &str| -> Vec<String> {
        let audience = json!({ "attribute": "internal", "eq": true });
        let stages = percentages.iter().map(|percentage| {
            let name = format!("s{percentage}");
            json!({ "name": name, "percentage": percentage, "for": "1h", "audience": audience })
        });
        let plan_fields = json!({
            "stages": stages.collect::<Vec<_>>(),
            "by": by,
            "minimum": { "requests": 1, "tenants": 3 },
            "checks": [{ "name": "errors", "error_rate": { "above": "1%" } }],
        });
        let request = admin(set("board", plan_fields), 0);
        let state = state(document.clone());
        let made = plan(&state, &request, &LifecyclePolicy::default(), &GOOD).unwrap();
        made.summary.notes.into_iter().map(|note| note.detail).collect()
    };
    // Three tenants in treatment, and seven in control; then one that is new in treatment.
    assert_eq!(notes(&[30], "tenant"), [""; 0]);
    let found = notes(&[30, 40], "tenant");
    assert_eq!(found.len(), 1, "{found:?}");
    assert!(
        found[0].contains("stage `s40`") && found[0].contains("about 1 of them in the smaller arm"),
        "{found:?}"
    );
    // The last stage has no control arm: three tenants are new in it, or only two.
    assert_eq!(notes(&[70, 100], "tenant"), [""; 0]);
    let found = notes(&[50, 80, 100], "tenant");
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].contains("about 2 of them"), "{found:?}");
    assert!(found[1].contains("about 2 of them"), "{found:?}");
    assert_eq!(
        notes(&[50, 80, 100], "user"),
        [""; 0],
        "each tenant has users in both arms"
    );
}

#[test]
fn an_audience_of_too_few_tenants_is_noted() {
    let internal = json!({ "attribute": "internal", "eq": true });
    let of = |audience: &Value, fields: Value| notes_of(audience, &fields, &GOOD);
    let found = of(&internal, json!({}));
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].0, "FEW_TENANTS");
    let expected = "the checks of stage `one` cannot pass now: 2 of the tenants can meet its audience, about 1 of them in the \
                    smaller arm, and `minimum.tenants` is 3";
    assert_eq!(found[0].1, expected);
    let minimum = |tenants: u8| json!({ "minimum": { "requests": 1, "tenants": tenants } });
    assert_eq!(of(&internal, minimum(1)), []);
    assert_eq!(of(&internal, minimum(2)).len(), 1, "each arm needs two");
    let mut by_user = minimum(2);
    by_user["by"] = json!("user");
    assert_eq!(of(&internal, by_user), [], "each tenant is in both arms");
    // Any number of tenants without a record can meet it.
    assert_eq!(
        of(&json!({ "attribute": "country", "eq": "DE" }), minimum(100)),
        []
    );
    let reports = json!({ "checks": [{ "name": "reports", "reports": { "same_cause": 2 } }] });
    let codes: Vec<_> = of(&internal, reports).into_iter().map(|note| note.0).collect();
    assert_eq!(codes, ["NO_ERROR_CHECK"], "no sample is needed");
}

#[test]
fn only_the_controller_corrects_the_time_of_a_stage() {
    let mut state = running(simple());
    let correct = |stage: usize| Change::CorrectStageTime {
        flag: "board".into(),
        run: managed(&state, "board").run.id,
        stage,
        passed_ms: 60_000,
    };
    let (present, other) = (correct(0), correct(1));
    assert_eq!(
        codes(&refused(&state, &admin(present.clone(), 10 * HOUR))),
        ["ROLE_MISSING"]
    );
    let by_controller = |change: Change, after_ms: i64| Request {
        actor: Actor::controller(),
        ..admin(change, after_ms)
    };
    assert_eq!(
        codes(&refused(&state, &by_controller(other, 10 * HOUR))),
        ["STEP_OUTDATED"]
    );
    let made = made(&mut state, &by_controller(present.clone(), 10 * HOUR));
    assert_eq!(made.audit[0].details["corrected_ms"], 60_000);
    let passed_ms = |state: &State, after_ms: i64| {
        managed(state, "board")
            .run
            .clock
            .passed_ms(Timestamp(START + after_ms))
    };
    assert_eq!(passed_ms(&state, 11 * HOUR), HOUR + 60_000);
    super::made(
        &mut state,
        &admin(Change::CancelRollout { flag: "board".into() }, 11 * HOUR),
    );
    assert_eq!(
        codes(&refused(&state, &by_controller(present, 12 * HOUR))),
        ["STEP_OUTDATED"]
    );
}

#[test]
fn no_stage_is_entered_while_requests_fail_unmeasured() {
    let failing = Said { errors: 1, ..GOOD };
    let policy = LifecyclePolicy {
        metrics: crate::MetricSource::Prometheus,
        ..LifecyclePolicy::default()
    };
    let refused = |state: &State, request: &Request, facts: &Said| match plan(state, request, &policy, facts)
    {
        Err(NoPlan::Refused(refusals)) => codes(&refusals).into_iter().map(str::to_owned).collect(),
        _ => Vec::<String>::new(),
    };
    let next = |state: &State| {
        let step = step(
            &managed(state, "board"),
            &evidence(CheckVerdict::Pass),
            Timestamp(START + DAY),
        )
        .unwrap();
        taking("board", step, evidence(CheckVerdict::Pass), DAY)
    };
    // A check of errors judges the stage; so do reports in a plan without such a check, but not of errors.
    for (check, expected) in [
        (
            json!({ "name": "errors", "error_rate": { "above": "1%" } }),
            vec![],
        ),
        (
            json!({ "name": "errors", "reports": { "same_cause": 2 } }),
            vec!["FLAG_ERRORS"],
        ),
        (
            json!({ "name": "errors", "p95": { "above": "2s" } }),
            vec!["FLAG_ERRORS"],
        ),
    ] {
        let mut written = simple();
        written["checks"] = json!([check]);
        let mut state = start_state();
        made(&mut state, &admin(set("board", written), 0));
        assert_eq!(refused(&state, &admin(start("board"), 0), &failing), expected);
        made(&mut state, &admin(start("board"), 0));
        assert_eq!(refused(&state, &next(&state), &failing), expected);
        assert_eq!(refused(&state, &next(&state), &GOOD), Vec::<String>::new());
        let advance = Change::AdvanceRollout {
            flag: "board".into(),
            evidence: evidence(CheckVerdict::Pass),
        };
        assert_eq!(refused(&state, &bob(advance.clone(), DAY), &failing), expected);
        let force = |request| Request {
            force: true,
            ..request
        };
        assert_eq!(
            refused(&state, &force(bob(advance.clone(), DAY)), &failing),
            expected
        );
        assert_eq!(
            refused(&state, &force(admin(advance, DAY)), &failing),
            Vec::<String>::new()
        );
    }
}

/// Returns the codes of the refusals of a request while one request of the flag met an error.
fn refused_while_failing(state: &State, request: &Request) -> Vec<&'static str> {
    let failing = Said { errors: 1, ..GOOD };
    let policy = LifecyclePolicy {
        metrics: crate::MetricSource::Prometheus,
        ..LifecyclePolicy::default()
    };
    match plan(state, request, &policy, &failing) {
        Err(NoPlan::Refused(refusals)) => refusals.iter().map(|refusal| refusal.code.as_str()).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_comparison_that_does_not_apply_measures_nothing() {
    let mut written = simple();
    written["checks"] = json!([
        { "name": "errors", "error_rate": { "worse_than_control": "20%" } },
        { "name": "slow", "p95": { "above": "2s" } },
    ]);
    let mut state = start_state();
    made(&mut state, &admin(set("board", written), 0));
    made(&mut state, &admin(start("board"), 0));
    for (comparison, expected) in [
        (CheckVerdict::Pass, vec![]),
        // The gate answers control itself.
        (CheckVerdict::NotApplicable, vec!["FLAG_ERRORS"]),
    ] {
        let results = [("errors", comparison), ("slow", CheckVerdict::Pass)];
        let results = results.map(|(check, verdict)| CheckResult {
            check: check.to_owned(),
            verdict,
        });
        let at = Timestamp(START + DAY);
        let next = step(&managed(&state, "board"), &results, at).unwrap();
        let taken = taking("board", next, results.to_vec(), DAY);
        assert_eq!(refused_while_failing(&state, &taken), expected);
    }
}

#[test]
fn a_plan_without_error_check_is_not_finished_while_failing() {
    for (finish, expected) in [
        (json!({ "default": "on" }), vec!["FLAG_ERRORS"]),
        (Value::Null, vec![]),
    ] {
        let mut written = simple();
        written["checks"] = json!([{ "name": "errors", "p95": { "above": "2s" } }]);
        written["stages"] = json!([{ "name": "all", "percentage": 100, "for": "1d" }]);
        if finish.is_object() {
            written["finish"] = finish;
        }
        let mut state = start_state();
        made(&mut state, &admin(set("board", written), 0));
        made(&mut state, &admin(start("board"), 0));
        let at = Timestamp(START + DAY);
        let last = step(&managed(&state, "board"), &evidence(CheckVerdict::Pass), at).unwrap();
        assert_eq!(last.action, StepAction::Complete);
        let taken = taking("board", last, evidence(CheckVerdict::Pass), DAY);
        assert_eq!(refused_while_failing(&state, &taken), expected);
        made(&mut state, &taken);
    }
}

#[test]
fn stages_that_measure_no_errors_are_noted() {
    let of = |checks: Value| {
        notes_of(
            &json!({ "attribute": "region", "eq": "eu" }),
            &json!({ "checks": checks }),
            &GOOD,
        )
    };
    let latency = json!({ "name": "slow", "p95": { "above": "2s" } });
    let found = of(json!([latency]));
    assert_eq!(found.len(), 1, "{found:?}");
    let (code, detail, help) = &found[0];
    assert_eq!(*code, "NO_ERROR_CHECK");
    assert!(
        detail.starts_with("no check of stages `one`, `two`, `all` measures errors: "),
        "{detail}"
    );
    assert!(help.contains("error_rate: { above: 1% }"), "{help}");
    // A stage of 100 % has nothing to compare with.
    let compared = json!({ "name": "errors", "error_rate": { "worse_than_control": "20%" } });
    let found = of(json!([latency, compared]));
    assert!(
        found[0]
            .1
            .starts_with("no check of stage `all` measures errors: the stage ends"),
        "{found:?}"
    );
    assert_eq!(
        of(json!([{ "name": "errors", "error_rate": { "above": "1%" } }])),
        []
    );
}
