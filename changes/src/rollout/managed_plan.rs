//! A plan with its run, as the state of a flag has it. The methods are the turns of the state machine; `plan/rollout`
//! decides when each is permitted.

use std::sync::Arc;

use config::{Rollback, RolloutPlan, ToJson as _, read_plan};
use rules::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

use super::course::{CourseEntry, MAX_COURSE, Turn};
use super::run::{Exposed, Halt, PausingChange, RolloutState, Run};
use super::stage_clock::StageClock;

/// A plan with its run.
#[derive(Debug, Clone, PartialEq)]
pub struct ManagedPlan {
    /// The plan.
    pub plan: Arc<RolloutPlan>,
    /// Its run.
    pub run: Run,
}

/// The actor, the time and the reason of a turn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mark<'m> {
    pub(crate) by: &'m str,
    pub(crate) at: Timestamp,
    pub(crate) why: Option<&'m str>,
}

/// The cause of a pause, a rollback or a cancellation.
#[derive(Debug, Clone, Copy)]
pub(crate) enum HaltCause<'c> {
    /// A person operated the plan.
    Operation,
    /// This check failed.
    Check(&'c str),
    /// A person changed the flag.
    Change(PausingChange),
}

impl ManagedPlan {
    /// Creates the run of a plan that was just set.
    pub(crate) fn new(plan: RolloutPlan, id: u64, mark: Mark<'_>) -> Self {
        let mut managed = Self {
            plan: Arc::new(plan),
            run: Run {
                id,
                sequence: 0,
                state: RolloutState::Draft,
                stage: None,
                exposed: Exposed::Nothing,
                clock: StageClock::default(),
                halt: None,
                approvals: Vec::new(),
                checked: Vec::new(),
                course: Vec::new(),
            },
        };
        managed.turn(Turn::Set, mark);
        managed.settle_approval();
        managed
    }

    /// Returns the state.
    #[must_use]
    pub fn state(&self) -> RolloutState {
        self.run.state
    }

    /// Returns the name of the stage that was entered last.
    #[must_use]
    pub fn stage_name(&self) -> Option<&str> {
        self.plan.stages.get(self.run.stage?).map(|stage| &*stage.name)
    }

    /// Returns the index of the stage after the one that was entered last; none after the last one.
    #[must_use]
    pub fn next_stage(&self) -> Option<usize> {
        let next = self.run.stage.map_or(0, |stage| stage.saturating_add(1));
        (next < self.plan.stages.len()).then_some(next)
    }

    /// Returns the roles whose approval is missing.
    #[must_use]
    pub fn missing_approvals(&self) -> Vec<&str> {
        let is_given = |role: &str| self.run.approvals.iter().any(|approval| approval.role == role);
        let roles = self.plan.approvals.iter().map(|role| &**role);
        roles.filter(|role| !is_given(role)).collect()
    }

    /// Returns the items of the checklist that are not done.
    #[must_use]
    pub fn open_items(&self) -> Vec<&str> {
        let is_done = |item: &str| self.run.checked.iter().any(|checked| checked.item == item);
        let items = self.plan.checklist.iter().map(|item| &**item);
        items.filter(|item| !is_done(item)).collect()
    }

    /// Replaces the plan. The approvals are no longer valid; done items stay done, if the new plan has them.
    pub(crate) fn edit(&mut self, plan: RolloutPlan, mark: Mark<'_>) {
        self.plan = Arc::new(plan);
        self.run.approvals.clear();
        let checklist = &self.plan.checklist;
        let is_known = |item: &str| checklist.iter().any(|known| **known == *item);
        self.run.checked.retain(|checked| is_known(&checked.item));
        self.turn(Turn::Edited, mark);
        self.settle_approval();
    }

    /// Moves between draft and approved, as the approvals are.
    pub(crate) fn settle_approval(&mut self) {
        if !self.run.state.is_prepared() {
            return;
        }
        self.run.state = match self.missing_approvals().as_slice() {
            [] => RolloutState::Approved,
            _ => RolloutState::Draft,
        };
    }

    /// Enters a stage, the first one at the start.
    pub(crate) fn enter(&mut self, stage: usize, mark: Mark<'_>) {
        let turn = match self.run.stage {
            None => Turn::Started,
            Some(_) => Turn::StageEntered,
        };
        self.run.state = RolloutState::Running;
        self.run.stage = Some(stage);
        self.run.exposed = Exposed::Through(stage);
        self.run.clock = StageClock::start(mark.at);
        self.turn(turn, mark);
    }

    /// Pauses it. Its stages stay in force.
    pub(crate) fn pause(&mut self, cause: HaltCause<'_>, mark: Mark<'_>) {
        self.halt(RolloutState::Paused, Turn::Paused, cause, mark);
    }

    /// Continues the same stage.
    pub(crate) fn resume(&mut self, mark: Mark<'_>) {
        self.run.state = RolloutState::Running;
        self.run.halt = None;
        self.run.clock.resume(mark.at);
        self.turn(Turn::Resumed, mark);
    }

    /// Rolls it back. The kill of a flag is not a part of the plan; its stages stay in force beneath it.
    pub(crate) fn roll_back(&mut self, to: Rollback, cause: HaltCause<'_>, mark: Mark<'_>) {
        let stage = self.run.stage.unwrap_or_default();
        match (to, stage.checked_sub(1)) {
            (Rollback::Kill, _) => {}
            (Rollback::Previous, Some(before)) => {
                self.run.stage = Some(before);
                self.run.exposed = Exposed::Through(before);
            }
            (Rollback::Previous, None) | (Rollback::Exposure, _) => {
                self.run.exposed = Exposed::Withdrawn(stage);
            }
        }
        self.halt(RolloutState::RolledBack, Turn::RolledBack, cause, mark);
    }

    /// Ends it. The flag is decided as without a plan.
    pub(crate) fn cancel(&mut self, mark: Mark<'_>) {
        self.run.exposed = Exposed::Nothing;
        self.halt(
            RolloutState::Cancelled,
            Turn::Cancelled,
            HaltCause::Operation,
            mark,
        );
    }

    /// Ends it after its last stage. With a last step, the default of the flag replaces the stages.
    pub(crate) fn complete(&mut self, mark: Mark<'_>) {
        self.run.state = RolloutState::Completed;
        self.run.clock.stop(mark.at);
        if self.plan.finish.is_some() {
            self.run.exposed = Exposed::Nothing;
        }
        self.turn(Turn::Completed, mark);
    }

    fn halt(&mut self, state: RolloutState, turn: Turn, cause: HaltCause<'_>, mark: Mark<'_>) {
        let (check, change) = match cause {
            HaltCause::Operation => (None, None),
            HaltCause::Check(check) => (Some(check), None),
            HaltCause::Change(change) => (None, Some(change)),
        };
        self.run.state = state;
        self.run.clock.stop(mark.at);
        self.run.halt = Some(Halt {
            by: mark.by.to_owned(),
            why: mark.why.map(str::to_owned),
            check: check.map(str::to_owned),
            change,
            at: mark.at,
        });
        let why = match (change.map(PausingChange::sentence), mark.why) {
            (Some(change), Some(why)) => Some(format!("{change}: {why}")),
            (change, why) => why.or(check).or(change).map(str::to_owned),
        };
        let why = why.as_deref();
        self.turn(turn, Mark { why, ..mark });
    }

    /// Records a turn.
    pub(crate) fn turn(&mut self, turn: Turn, mark: Mark<'_>) {
        self.turn_of(turn, None, mark);
    }

    /// Records the approval of a role.
    pub(crate) fn approved(&mut self, role: &str, mark: Mark<'_>) {
        self.turn_of(Turn::Approved, Some(role), mark);
    }

    fn turn_of(&mut self, turn: Turn, role: Option<&str>, mark: Mark<'_>) {
        let stage = self.stage_name().map(str::to_owned);
        let run = &mut self.run;
        run.sequence = run.sequence.saturating_add(1);
        if run.course.len() >= MAX_COURSE {
            run.course.remove(0);
        }
        run.course.push(CourseEntry {
            at: mark.at,
            by: mark.by.to_owned(),
            turn,
            role: role.map(str::to_owned),
            stage,
            why: mark.why.map(str::to_owned),
        });
    }
}

/// The stored form of a plan with its run.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PlanRecord {
    plan: Value,
    run: Run,
}

impl Serialize for ManagedPlan {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (plan, run) = (self.plan.to_json(), self.run.clone());
        PlanRecord { plan, run }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for ManagedPlan {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let PlanRecord { plan, run } = PlanRecord::deserialize(deserializer)?;
        let malformed = || serde::de::Error::custom("its rollout plan is malformed");
        let plan = Arc::new(read_plan(&plan).ok_or_else(malformed)?);
        Ok(Self { plan, run })
    }
}
