//! Properties of every plan: no stage is entered early, unapproved, outside its window, while paused, or with a failing
//! check; each step is taken once; a pause and a restart keep the stages in force.

use proptest::prelude::*;
use rules::Timestamp;

use super::*;
use crate::codec::read_records;
use crate::record::Json;
use crate::rollout::{
    CheckResult, CheckVerdict, ManagedPlan, RolloutState, Step, StepAction, exposure_at, exposure_of,
    is_open, step,
};

/// A stage of a random plan.
#[derive(Debug, Clone)]
struct RandomStage {
    hours: u32,
    is_manual: bool,
    window: Option<(u32, u32)>,
    own_check: bool,
}

/// Something that happens to a plan.
#[derive(Debug, Clone)]
enum Happening {
    /// Time passes, and the controller looks at the verdicts of the two checks.
    Tick(u32, [CheckVerdict; 2]),
    /// The controller takes a step that it computed before, again.
    Repeat,
    /// The process starts again: the state is read from its records.
    Restart,
    Approve(bool),
    Start,
    Pause,
    Resume,
    Advance([CheckVerdict; 2]),
    Kill,
    Restore,
    /// The later stages are edited.
    Edit(u32),
}

fn windows(window: Option<(u32, u32)>) -> Value {
    let window = window.map(|(from, length)| {
        json!({ "from": format!("{from:02}:00"), "until": format!("{:02}:00", from + length), "zone": "Europe/Berlin" })
    });
    window.into_iter().collect()
}

fn stage() -> impl Strategy<Value = RandomStage> {
    let window = prop::option::of((0_u32..12, 1_u32..12));
    let fields = (1_u32..30, prop::bool::weighted(0.2), window, any::<bool>());
    fields.prop_map(|(hours, is_manual, window, own_check)| RandomStage {
        hours,
        is_manual,
        window,
        own_check,
    })
}

fn written(stages: &[RandomStage], window: Option<(u32, u32)>, approvals: &[&str], then: &str) -> Value {
    let stages = stages.iter().zip(1_u32..).map(|(stage, number)| {
        let checks = stage
            .own_check
            .then(|| json!({ "name": "own", "p95": { "worse_than_control": "20%" }, "then": then }));
        json!({
            "name": format!("s{number}"), "percentage": number * 10, "for": format!("{}h", stage.hours),
            "advance": if stage.is_manual { "manual" } else { "auto" },
            "checks": checks.into_iter().collect::<Value>(), "window": windows(stage.window),
        })
    });
    json!({
        "stages": stages.collect::<Value>(), "window": windows(window), "approvals": approvals,
        "checks": [{ "name": "errors", "error_rate": { "above": "1%" }, "then": "pause" }],
    })
}

fn verdicts() -> impl Strategy<Value = [CheckVerdict; 2]> {
    let verdict = prop_oneof![
        12 => Just(CheckVerdict::Pass),
        1 => Just(CheckVerdict::Fail),
        1 => Just(CheckVerdict::Inconclusive),
        1 => Just(CheckVerdict::NotApplicable),
    ];
    [verdict.clone(), verdict]
}

fn happening() -> impl Strategy<Value = Happening> {
    prop_oneof![
        12 => (0_u32..1_500, verdicts()).prop_map(|(minutes, verdicts)| Happening::Tick(minutes, verdicts)),
        2 => Just(Happening::Repeat),
        2 => Just(Happening::Restart),
        6 => any::<bool>().prop_map(Happening::Approve),
        3 => Just(Happening::Start),
        1 => Just(Happening::Pause),
        2 => Just(Happening::Resume),
        2 => verdicts().prop_map(Happening::Advance),
        1 => Just(Happening::Kill),
        1 => Just(Happening::Restore),
        3 => (31_u32..40).prop_map(Happening::Edit),
    ]
}

fn evidence(verdicts: [CheckVerdict; 2]) -> Vec<CheckResult> {
    let checks = ["errors", "own"].into_iter().zip(verdicts);
    checks
        .map(|(check, verdict)| CheckResult {
            check: check.to_owned(),
            verdict,
        })
        .collect()
}

/// A plan to which things happen, beside a model of what is permitted.
struct Model {
    state: State,
    now: i64,
    /// The time that the stage has run, as counted here.
    ran_ms: i64,
    /// The last step, with its evidence.
    last: Option<(Step, Vec<CheckResult>)>,
    written: Value,
}

impl Model {
    fn managed(&self) -> ManagedPlan {
        self.state.states["board"].plan.as_deref().cloned().unwrap()
    }

    fn request(&self, change: Change) -> Request {
        admin(change, self.now)
    }

    fn step_request(&self, (step, evidence): (Step, Vec<CheckResult>)) -> Request {
        let change = Change::TakeStep {
            flag: "board".into(),
            step,
            evidence,
        };
        Request {
            actor: Actor::controller(),
            ..self.request(change)
        }
    }

    /// Applies a change that may be refused; a refusal changes nothing. Checks what follows from the change.
    fn apply(&mut self, request: &Request, evidence: &[CheckResult]) -> bool {
        let before = self.managed();
        let planned = plan(&self.state, request, &LifecyclePolicy::default(), &GOOD);
        let Ok(planned) = planned else { return false };
        self.state
            .absorb(&planned.edits, Revision(self.state.revision.0 + 1));
        let after = self.managed();
        let entered = |managed: &ManagedPlan| managed.run.course.last().cloned();
        let has_entered = after.run.sequence > before.run.sequence
            && entered(&after).is_some_and(|entry| {
                let turn = serde_json::to_value(entry.turn).unwrap();
                turn == "started" || turn == "stage_entered" || turn == "completed"
            });
        if has_entered {
            self.check_entered(&before, &after, evidence);
            self.ran_ms = 0;
        }
        if after.state() == RolloutState::Paused {
            assert_eq!(
                exposure_of(&after),
                exposure_of(&before),
                "a pause keeps the exposure"
            );
        }
        true
    }

    fn check_entered(&self, before: &ManagedPlan, after: &ManagedPlan, evidence: &[CheckResult]) {
        assert!(before.missing_approvals().is_empty(), "approved");
        let windows = before
            .next_stage()
            .map_or(&*before.plan.window, |next| before.plan.window_of(next));
        assert!(is_open(windows, Timestamp(START + self.now)), "within its window");
        if let Some(stage) = before.run.stage {
            assert_eq!(before.state(), RolloutState::Running, "not while paused");
            let needed = i64::try_from(before.plan.stages[stage].for_ms).unwrap();
            assert!(self.ran_ms >= needed, "{} of {needed} ms", self.ran_ms);
            let names: Vec<&str> = before
                .plan
                .applicable_checks(stage)
                .map(|check| &*check.name)
                .collect();
            let of_stage = evidence
                .iter()
                .filter(|result| names.contains(&result.check.as_str()));
            let verdicts: Vec<CheckVerdict> = of_stage.map(|result| result.verdict).collect();
            assert!(
                !verdicts.contains(&CheckVerdict::Fail) && !verdicts.contains(&CheckVerdict::Inconclusive)
            );
            assert!(verdicts.contains(&CheckVerdict::Pass), "measured");
            assert_eq!(names.len(), verdicts.len(), "each check has a verdict");
        } else {
            assert!(before.state() == RolloutState::Approved);
        }
        if after.state() == RolloutState::Running {
            // One stage at a time.
            assert_eq!(after.run.stage, before.next_stage());
            let stage = after.run.stage.unwrap();
            assert_eq!(exposure_of(after), Some(exposure_at(&after.plan, stage)));
        }
    }

    fn happen(&mut self, happening: Happening) {
        let flag = || "board".to_owned();
        match happening {
            Happening::Tick(minutes, verdicts) => {
                let minutes = i64::from(minutes) * 60_000;
                if self.managed().state() == RolloutState::Running {
                    self.ran_ms += minutes;
                }
                self.now += minutes;
                let evidence = evidence(verdicts);
                let now = Timestamp(START + self.now);
                let Some(next) = step(&self.managed(), &evidence, now) else {
                    return;
                };
                if let StepAction::Enter { stage } = next.action {
                    let manual = self.managed().plan.stages[stage - 1].advance;
                    assert_eq!(manual, config::Advance::Auto, "a person advances it");
                }
                let request = self.step_request((next.clone(), evidence.clone()));
                assert!(self.apply(&request, &evidence), "{next:?}");
                self.last = Some((next, evidence));
            }
            Happening::Repeat => {
                if let Some(last) = self.last.clone() {
                    let before = self.state.clone();
                    let evidence = last.1.clone();
                    assert!(!self.apply(&self.step_request(last), &evidence), "each step once");
                    assert_eq!(self.state, before);
                }
            }
            Happening::Restart => {
                let records = all_keys(&self.state).into_iter().map(|key| {
                    let record = codec::record(&self.state, &key).unwrap();
                    (key, Json::from(&record))
                });
                let read = read_records(self.state.revision, records).unwrap();
                assert_eq!(read, self.state);
                self.state = read;
            }
            Happening::Approve(other) => {
                let as_role = if other { "product" } else { "technical" };
                let approve = self.request(Change::ApprovePlan {
                    flag: flag(),
                    as_role: as_role.to_owned(),
                });
                let request = if other {
                    by(Role::Operator, None, approve)
                } else {
                    approve
                };
                self.apply(&request, &[]);
            }
            Happening::Start => {
                self.apply(&self.request(Change::StartRollout { flag: flag() }), &[]);
            }
            Happening::Pause => {
                self.apply(&self.request(Change::PauseRollout { flag: flag() }), &[]);
            }
            Happening::Resume => {
                self.apply(&self.request(Change::ResumeRollout { flag: flag() }), &[]);
            }
            Happening::Advance(verdicts) => {
                let evidence = evidence(verdicts);
                let change = Change::AdvanceRollout {
                    flag: flag(),
                    evidence: evidence.clone(),
                };
                self.apply(&self.request(change), &evidence);
            }
            Happening::Kill => {
                self.apply(&self.request(Change::Kill { flag: flag() }), &[]);
            }
            Happening::Restore => {
                self.apply(&self.request(Change::Restore { flag: flag() }), &[]);
            }
            Happening::Edit(hours) => {
                if let Some(last) = self.written["stages"]
                    .as_array_mut()
                    .and_then(|stages| stages.last_mut())
                {
                    last["for"] = format!("{hours}h").into();
                }
                let change = Change::SetPlan {
                    flag: flag(),
                    plan: self.written.clone(),
                };
                self.apply(&self.request(change), &[]);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]

    #[test]
    fn no_stage_is_entered_too_soon(
        stages in prop::collection::vec(stage(), 1..5),
        window in prop::option::of((0_u32..12, 1_u32..12)),
        needs_approval in any::<bool>(),
        rolls_back in any::<bool>(),
        happenings in prop::collection::vec(happening(), 10..60),
    ) {
        let approvals: &[&str] = if needs_approval { &["technical", "product"] } else { &[] };
        let then = if rolls_back { "rollback" } else { "notify" };
        let written = written(&stages, window, approvals, then);
        let mut model = Model {
            state: state(json!({ "version": 1, "flags": { "board": { "lifecycle": "ga" } } })),
            now: 0,
            ran_ms: 0,
            last: None,
            written: written.clone(),
        };
        let set = Change::SetPlan { flag: "board".into(), plan: written };
        made(&mut model.state, &admin(set, 0));
        for happening in happenings {
            model.happen(happening);
        }
    }
}
