//! The controller of rollout plans: it counts the requests of the arms in slots, judges the checks of the stages in
//! force, and takes the steps that follow. Every step is a change like any other, by the actor `rollout`.

mod judged_stage;
mod saved_evidence;
mod unit_history;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use changes::{Actor, Change, ChangeSource, CheckResult, ManagedPlan, Request, RolloutState, Step, step};
use parking_lot::Mutex;
use rules::Timestamp;
use serde::{Deserialize, Serialize};

use self::judged_stage::JudgedStage;
pub use self::judged_stage::{CheckReport, StageReport};
use self::unit_history::UnitHistory;
use crate::engine::{ApplyError, Control};
use crate::judge_rollouts::JudgeRollouts;
use crate::observe::ObservedSlot;

/// The length of a slot in milliseconds.
const SLOT_MS: i64 = 5_000;

/// The controller of rollout plans of one process.
pub struct Rollouts {
    control: Arc<Control>,
    evidence: Mutex<Evidence>,
}

/// The evidence of all planned flags. A restart continues with it.
#[derive(Default, Serialize, Deserialize)]
struct Evidence {
    /// The last slot that was counted.
    last_slot: u64,
    flags: BTreeMap<String, FlagEvidence>,
}

/// The evidence of one flag.
#[derive(Default, Serialize, Deserialize)]
struct FlagEvidence {
    /// The units in the last 24 hours, whatever their arm.
    history: UnitHistory,
    /// The stage in force, once it has begun.
    stage: Option<JudgedStage>,
}

impl Rollouts {
    /// Creates the controller. `saved` is the file with the evidence of the former process; without it, or if it cannot be
    /// read, each stage in force collects its evidence again.
    #[must_use]
    pub fn new(control: Arc<Control>, saved: Option<&Path>) -> Self {
        let evidence = saved.and_then(saved_evidence::read).unwrap_or_default();
        Self {
            control,
            evidence: Mutex::new(evidence),
        }
    }

    /// Counts the requests since the last call, as one slot. Called every 5 s.
    pub fn count(&self, now: Timestamp) {
        let slots = self.control.take_slots();
        let mut evidence = self.evidence.lock();
        // A call that comes early is the next slot: no request is lost, and none counts twice.
        let number = slot_at(now).max(evidence.last_slot.saturating_add(1));
        evidence.last_slot = number;
        for slot in slots {
            let flag = evidence.flags.entry(slot.flag.clone()).or_default();
            flag.count(&slot, number, now);
        }
    }

    /// Judges the stages in force, and takes the steps that follow. Called every 10 s. A step that is no longer the right
    /// one, because another change was first, is refused, and the next call decides anew. Returns true if a step was taken.
    pub fn advance(&self, now: Timestamp) -> bool {
        self.end_watches(now);
        let mut stepped = false;
        for (flag, managed) in self.plans() {
            if managed.state() != RolloutState::Running {
                continue;
            }
            let results = self.judge(&flag, &managed, now);
            if let Some(step) = step(&managed, &results, now) {
                stepped |= self.take(flag, step, results, now);
            }
        }
        stepped
    }

    /// Ends the watches of promotions whose time is over. The audit entry of each is the event for people.
    fn end_watches(&self, now: Timestamp) {
        let ended: Vec<String> = self.control.read(|state, _| {
            let flags = state.flags();
            let ended = flags.filter(|(_, flag)| flag.state.watch.is_some_and(|watch| watch.until <= now));
            ended.map(|(key, _)| key.to_owned()).collect()
        });
        for flag in ended {
            let change = Change::EndWatch { flag: flag.clone() };
            if let Err(error) = self.control.apply(&controller_request(change, now)) {
                tracing::warn!(
                    flag,
                    ?error,
                    "the end of a watch was not recorded; it is tried again"
                );
            }
        }
    }

    /// Returns the report about the stage in force of a flag, as it was judged last; none before.
    #[must_use]
    pub fn report(&self, flag: &str) -> Option<StageReport> {
        let evidence = self.evidence.lock();
        evidence.flags.get(flag)?.stage.as_ref().map(JudgedStage::report)
    }

    /// Returns the verdicts about the stage in force of a flag, for a change that a person makes.
    #[must_use]
    pub fn results(&self, flag: &str) -> Vec<CheckResult> {
        let evidence = self.evidence.lock();
        let stage = evidence.flags.get(flag).and_then(|flag| flag.stage.as_ref());
        stage.map(JudgedStage::results).unwrap_or_default()
    }

    /// Writes the evidence to a file, in place of the file there. Called once a minute, after a step, and at the end.
    ///
    /// # Errors
    /// Writing failed; the previous file is unchanged.
    pub fn write(&self, path: &Path) -> std::io::Result<()> {
        let planned: BTreeSet<String> = self.plans().into_iter().map(|(flag, _)| flag).collect();
        let bytes = {
            let mut evidence = self.evidence.lock();
            evidence.flags.retain(|flag, _| planned.contains(flag));
            saved_evidence::encode(&evidence)?
        };
        saved_evidence::write(path, &bytes)
    }

    /// Returns the flags with a plan.
    fn plans(&self) -> Vec<(String, Arc<ManagedPlan>)> {
        self.control.read(|state, _| {
            let flags = state.flags();
            let planned = flags.filter_map(|(key, flag)| Some((key.to_owned(), flag.state.plan.clone()?)));
            planned.collect()
        })
    }

    /// Judges the stage in force of one flag. A stage that was just entered begins with no evidence.
    fn judge(&self, flag: &str, managed: &ManagedPlan, now: Timestamp) -> Vec<CheckResult> {
        let mut evidence = self.evidence.lock();
        let slot = evidence.last_slot;
        let has_control = !self.control.answers_held_back(flag);
        let of_flag = evidence.flags.entry(flag.to_owned()).or_default();
        let FlagEvidence { history, stage } = of_flag;
        let is_current = stage.as_ref().is_some_and(|stage| stage.is_of(managed));
        if !is_current {
            *stage = JudgedStage::begin(managed, history, slot, has_control, now);
        }
        match stage {
            Some(stage) => {
                stage.judge(slot);
                stage.results()
            }
            None => Vec::new(),
        }
    }

    fn take(&self, flag: String, step: Step, evidence: Vec<CheckResult>, now: Timestamp) -> bool {
        let change = Change::TakeStep {
            flag: flag.clone(),
            step,
            evidence,
        };
        let request = controller_request(change, now);
        match self.control.apply(&request) {
            Ok(applied) => {
                tracing::info!(flag, revision = applied.revision.0, "rollout: step taken");
                return true;
            }
            // A condition of a promotion, or another change: it is in the audit log, and tried again.
            Err(ApplyError::Refused(refusals)) => {
                let reasons: Vec<&str> = refusals.iter().map(|refusal| refusal.code.as_str()).collect();
                tracing::warn!(flag, reasons = reasons.join(" "), "rollout: the step was refused");
            }
            Err(error) => tracing::error!(flag, ?error, "rollout: the step failed"),
        }
        false
    }
}

impl JudgeRollouts for Rollouts {
    /// Returns the verdicts as the controller judged them last. Of another stage, or another run, there are none.
    fn verdicts(&self, flag: &str, managed: &ManagedPlan) -> Vec<CheckResult> {
        let evidence = self.evidence.lock();
        let stage = evidence.flags.get(flag).and_then(|flag| flag.stage.as_ref());
        let stage = stage.filter(|stage| stage.is_of(managed));
        stage.map(JudgedStage::results).unwrap_or_default()
    }
}

impl FlagEvidence {
    fn count(&mut self, slot: &ObservedSlot, number: u64, now: Timestamp) {
        self.history.add(&slot.units, now);
        if let Some(stage) = &mut self.stage {
            stage.count(slot, number);
        }
    }
}

/// Returns the request of a change by the controller.
fn controller_request(change: Change, now: Timestamp) -> Request {
    Request {
        change,
        actor: Actor::controller(),
        source: ChangeSource::Scheduler,
        reason: None,
        incident: None,
        request_id: format!("rollout-{}", now.0),
        expected: None,
        force: false,
        at: now,
    }
}

/// Returns the number of the slot at a time.
fn slot_at(now: Timestamp) -> u64 {
    u64::try_from(now.0.div_euclid(SLOT_MS)).unwrap_or(0)
}
