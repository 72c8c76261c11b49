//! The controller of rollout plans: it counts the requests of the arms in slots, judges the checks of the stages in
//! force, and takes the steps that follow. Every step is a change like any other, by the actor `rollout`.

mod breaker_log;
mod confounding;
mod controller_changes;
mod due_query;
mod evidence;
mod judged_check;
mod judged_stage;
mod minutes;
mod notices;
mod opted_in;
mod recovery;
mod sampled_query;
mod saved_evidence;
mod stage_times;
mod steady_clock;
mod tenant_errors;
mod unit_counts;
mod unit_history;
mod wait_times;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use changes::{CheckResult, Exposed, ManagedPlan, Refusal, RolloutState, step, verdict_of};
use config::ToJson as _;
use parking_lot::Mutex;
use rules::Timestamp;

use self::controller_changes::take_step;
pub use self::due_query::DueQuery;
use self::evidence::{Evidence, FlagEvidence};
use self::judged_stage::JudgedStage;
pub use self::steady_clock::{ClockReading, Clocks};
use self::wait_times::WaitTimes;
use crate::engine::Control;
use crate::judge_rollouts::{FollowedTime, JudgeRollouts, Look};
use crate::minute_report::MinuteReport;
use crate::private_file;
use crate::rollout_reading::RolloutReading;
use crate::stage_report::StageReport;

/// The controller of rollout plans of one process.
pub struct Rollouts {
    control: Arc<Control>,
    evidence: Mutex<Evidence>,
    /// The number of looks at the checks.
    looks: AtomicU64,
    clocks: Clocks,
    wait_times: Mutex<WaitTimes>,
    /// Is held while the times of stages are followed: one thread corrects at a time.
    following: Mutex<()>,
}

/// The slot that is being counted at a look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum RunningSlot {
    /// It has just begun: the controller looks after it has counted a slot.
    Fresh,
    /// It may contain requests from before the stage was entered, with the arms of that time.
    Begun,
}

impl Rollouts {
    /// Creates the controller. `saved` is the file with the evidence of the former process; without it, or if it cannot be
    /// read, each stage in force collects its evidence again. `clocks` is called under a lock: it must not wait.
    #[must_use]
    pub fn new(control: Arc<Control>, saved: Option<&Path>, clocks: Clocks) -> Self {
        let mut evidence = saved.and_then(saved_evidence::read).unwrap_or_default();
        control.notify(std::mem::take(&mut evidence.unsaved_notices));
        Self {
            control,
            evidence: Mutex::new(evidence),
            looks: AtomicU64::new(0),
            clocks,
            wait_times: Mutex::default(),
            following: Mutex::new(()),
        }
    }

    /// Counts the requests since the last call, as one slot. Called every 5 s.
    pub fn count(&self) {
        let FollowedTime { now, .. } = self.follow_time();
        let breaker_events = self.control.take_breaker_events();
        breaker_log::log(&breaker_events);
        self.control
            .notify(breaker_events.iter().filter_map(notices::of_breaker));
        // Before the slots: a plan that advances meanwhile is seen the next time.
        let running: BTreeMap<String, Arc<ManagedPlan>> = self.running_plans().collect();
        let slots = self.control.take_slots();
        // After the slots: a tenant is named before its first request is counted.
        let names = self.control.take_tenant_names();
        let mut evidence = self.evidence.lock();
        evidence.tenants.extend(names);
        let number = match evidence.follow_clock(now) {
            true => None,
            false => Some(evidence.next_slot(now)),
        };
        let steady = evidence.clock.steady();
        let Evidence { flags, tenants, .. } = &mut *evidence;
        for slot in slots {
            let of_flag = flags.entry(slot.flag.clone()).or_default();
            of_flag.minutes.add(&slot.units, steady);
            // The stages have rejected the slot of a jump; it may contain requests of a stage that was just entered.
            let Some(number) = number else {
                continue;
            };
            // The requests of a stage must not count as those before it: a flag that fails at once would not be new.
            if let Some(managed) = running.get(&slot.flag) {
                let has_control = !self.control.answers_held_back(&slot.flag);
                of_flag.begin_stage(managed, number, has_control, now);
            }
            of_flag.history.add(&slot.units, steady);
            if let Some(stage) = &mut of_flag.stage {
                stage.count(&slot, number, tenants);
            }
        }
    }

    /// Judges the stages in force, and takes the steps that follow. Called every 10 s. A step that is no longer the right
    /// one, because another change was first, is refused, and the next call decides anew. Returns true if a step was taken.
    pub fn advance(&self) -> bool {
        let followed = self.follow_time();
        controller_changes::end_watches(&self.control, followed.now);
        let mut stepped = false;
        for (flag, managed) in self.plans() {
            let request_id = format!("rollout-{}", followed.now.0);
            let look = self.look_at(&flag, &managed, (RunningSlot::Fresh, request_id), &followed);
            stepped |= matches!(look, Look::Stepped(_));
        }
        self.looks.fetch_add(1, Ordering::Release);
        // Also without a scrape: a reason begins when it is found first.
        self.readings();
        stepped
    }

    /// Returns the state of every plan for metrics, in the order of the flags.
    pub fn readings(&self) -> Vec<RolloutReading> {
        let now = (self.clocks)().system;
        let plans = self.plans();
        let mut times = self.wait_times.lock();
        times.retain(|flag| plans.iter().any(|(planned, _)| planned == flag));
        let readings = plans.iter().map(|(flag, managed)| {
            let verdicts = self.verdicts(flag, managed);
            let is_held_up = !self.refusals(flag).is_empty();
            let reasons = wait_times::reasons(managed, &verdicts, is_held_up, now);
            let stage = managed.run.stage;
            let checks = stage
                .into_iter()
                .flat_map(|stage| managed.plan.applicable_checks(stage));
            let check = |name: &str| (name.to_owned(), verdict_of(&verdicts, name).as_str());
            RolloutReading {
                flag: flag.clone(),
                state: managed.state().as_str(),
                stage: stage.map_or(0, |stage| stage.saturating_add(1)),
                percent: percent(managed),
                checks: checks.map(|applied| check(&applied.name)).collect(),
                waits: times.follow((flag, managed), &reasons, now),
            }
        });
        readings.collect()
    }

    /// Judges the stage in force of one flag, and takes the step that follows.
    fn look_at(
        &self,
        flag: &str,
        managed: &ManagedPlan,
        (running, request_id): (RunningSlot, String),
        at: &FollowedTime,
    ) -> Look {
        if managed.state() != RolloutState::Running {
            return Look::NoStep;
        }
        let now = at.now;
        let results = self.judge(flag, managed, running, now);
        let has_time = !at.uncorrected.contains_key(flag);
        if has_time {
            self.notify(flag, managed, &results, now);
        }
        let due = step(managed, &results, now);
        match due.filter(|step| has_time || !step.action.depends_on_time()) {
            Some(step) => {
                let look = take_step(&self.control, (flag, step), results, (request_id, now));
                self.remember_refusals(flag, &look);
                look
            }
            None => Look::NoStep,
        }
    }

    /// Returns the queries to Prometheus of all running plans, to be sent now.
    #[must_use]
    pub fn queries(&self) -> Vec<DueQuery> {
        let running = self.running_plans();
        let evidence = self.evidence.lock();
        let at = evidence.clock.steady_at((self.clocks)().monotonic);
        let mut due = Vec::new();
        for (flag, managed) in running {
            let stage = evidence.stage_of(&flag, &managed);
            due.extend(
                stage
                    .into_iter()
                    .flat_map(|stage| DueQuery::of_stage(&flag, stage, at)),
            );
        }
        due
    }

    /// Takes the result of a query. That of a stage that is no longer in force is ignored.
    pub fn sample(&self, asked: &DueQuery, at: Timestamp, value: Result<f64, String>) {
        let mut evidence = self.evidence.lock();
        let flag = evidence.flags.get_mut(&asked.flag);
        if let Some(stage) = flag.and_then(|flag| flag.stage.as_mut())
            && asked.is_of(stage)
        {
            stage.sample(&asked.check, (at, asked.at), value);
        }
    }

    /// Reads the clocks, advances the steady clock, and corrects the times of stages after a jump of the system clock.
    fn follow_time(&self) -> FollowedTime {
        let _following = self.following.lock();
        let plans = self.plans();
        let (now, corrections) = {
            let mut evidence = self.evidence.lock();
            let reading = (self.clocks)();
            let now = reading.system;
            let steady = evidence.clock.advance(reading);
            let corrections = steady.map(|steady| evidence.times.measure(&plans, now, steady));
            (now, corrections.unwrap_or_default())
        };
        let uncorrected = controller_changes::correct_times(&self.control, corrections, now);
        FollowedTime { now, uncorrected }
    }

    /// Returns the report about the stage in force of a flag, as it was judged last; none before.
    #[must_use]
    pub fn report(&self, flag: &str) -> Option<StageReport> {
        let reporting = self.reporting(flag);
        let evidence = self.evidence.lock();
        let displaced_ms = evidence.clock.displaced_ms();
        let stage = evidence.stage(flag);
        stage.map(|stage| stage.report(reporting, displaced_ms))
    }

    /// Returns the counts of a flag's arms by minute: those of the last 24 hours with requests, the oldest first.
    #[must_use]
    pub fn minutes(&self, flag: &str) -> Vec<MinuteReport> {
        let evidence = self.evidence.lock();
        let flag = evidence.flags.get(flag);
        let displaced_ms = evidence.clock.displaced_ms();
        flag.map_or_else(Vec::new, |flag| flag.minutes.report(displaced_ms))
    }

    /// Returns the verdicts about the stage in force of a flag, for a change that a person makes.
    #[must_use]
    pub fn results(&self, flag: &str) -> Vec<CheckResult> {
        let reporting = self.reporting(flag);
        let evidence = self.evidence.lock();
        let stage = evidence.stage(flag);
        stage.map(|stage| stage.results(reporting)).unwrap_or_default()
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
            evidence.unsaved_notices = self.control.notices().unsaved();
            saved_evidence::encode(&evidence)?
        };
        private_file::replace(path, &bytes)
    }

    /// Returns the flags with a plan.
    fn plans(&self) -> Vec<(String, Arc<ManagedPlan>)> {
        self.control.read(|state, _| {
            let flags = state.flags();
            let planned = flags.filter_map(|(key, flag)| Some((key.to_owned(), flag.state.plan.clone()?)));
            planned.collect()
        })
    }

    /// Returns the flags with a running plan.
    fn running_plans(&self) -> impl Iterator<Item = (String, Arc<ManagedPlan>)> {
        let planned = self.plans().into_iter();
        planned.filter(|(_, managed)| managed.state() == RolloutState::Running)
    }

    /// Notifies people of what is new about a running plan.
    fn notify(&self, flag: &str, managed: &ManagedPlan, results: &[CheckResult], now: Timestamp) {
        let reporting = self.reporting(flag);
        let mut evidence = self.evidence.lock();
        let displaced_ms = evidence.clock.displaced_ms();
        let Some(FlagEvidence {
            stage,
            notified,
            refusals,
            ..
        }) = evidence.flags.get_mut(flag)
        else {
            return;
        };
        let report = stage.as_ref().map(|stage| stage.report(reporting, displaced_ms));
        let inconclusive_for_ms = stage.as_ref().and_then(JudgedStage::inconclusive_for_ms);
        let new = notices::of_plan(
            (flag, managed),
            results,
            (report.as_ref(), inconclusive_for_ms, refusals),
            notified,
            now,
        );
        // With the lock of the evidence: what is marked as notified is never written without its notice.
        self.control.notify(new);
    }

    /// Judges the stage in force of one flag. A stage that was just entered begins with no evidence.
    fn judge(
        &self,
        flag: &str,
        managed: &ManagedPlan,
        running: RunningSlot,
        now: Timestamp,
    ) -> Vec<CheckResult> {
        let reporting = self.reporting(flag);
        let mut evidence = self.evidence.lock();
        evidence.follow_clock(now);
        let (slot, steady) = (evidence.last_slot, evidence.clock.steady());
        let has_control = !self.control.answers_held_back(flag);
        let of_flag = evidence.flags.entry(flag.to_owned()).or_default();
        let before_first = match running {
            RunningSlot::Fresh => slot,
            RunningSlot::Begun => slot.saturating_add(1),
        };
        of_flag.begin_stage(managed, before_first, has_control, now);
        match &mut of_flag.stage {
            Some(stage) => {
                stage.judge(managed, reporting, slot, (now, steady));
                stage.results(reporting)
            }
            None => Vec::new(),
        }
    }

    /// Returns the largest number of orgs that reported the same cause about a flag. Read without the lock of the evidence.
    fn reporting(&self, flag: &str) -> usize {
        let flag = self.control.read(|state, _| state.flag(flag));
        flag.map_or(0, |flag| flag.state.reports.most_orgs())
    }

    /// Remembers the conditions that hold a step up, for people.
    fn remember_refusals(&self, flag: &str, look: &Look) {
        let refusals = match look {
            Look::Rejected(refusals) => refusals.clone(),
            Look::Stepped(_) | Look::NoStep | Look::Failed => Vec::new(),
        };
        if let Some(flag) = self.evidence.lock().flags.get_mut(flag) {
            flag.refusals = refusals;
        }
    }
}

/// Returns the percentage of the stage in force; 0 if none is, or if it was withdrawn.
fn percent(managed: &ManagedPlan) -> f64 {
    let Exposed::Through(stage) = managed.run.exposed else {
        return 0.0;
    };
    let stage = managed.plan.stages.get(stage);
    stage
        .and_then(|stage| stage.percentage.to_json().as_f64())
        .unwrap_or(0.0)
}

impl JudgeRollouts for Rollouts {
    /// Returns the verdicts as the controller judged them last. Of another stage, or another run, there are none.
    fn verdicts(&self, flag: &str, managed: &ManagedPlan) -> Vec<CheckResult> {
        let reporting = self.reporting(flag);
        let evidence = self.evidence.lock();
        let stage = evidence.stage_of(flag, managed);
        stage.map(|stage| stage.results(reporting)).unwrap_or_default()
    }

    fn evidence(&self, flag: &str, managed: &ManagedPlan) -> Option<StageReport> {
        let reporting = self.reporting(flag);
        let evidence = self.evidence.lock();
        let stage = evidence.stage_of(flag, managed);
        stage.map(|stage| stage.report(reporting, evidence.clock.displaced_ms()))
    }

    fn minutes(&self, flag: &str) -> Vec<MinuteReport> {
        Self::minutes(self, flag)
    }

    fn refusals(&self, flag: &str) -> Vec<Refusal> {
        let evidence = self.evidence.lock();
        evidence
            .flags
            .get(flag)
            .map_or_else(Vec::new, |flag| flag.refusals.clone())
    }

    fn looks(&self) -> u64 {
        self.looks.load(Ordering::Acquire)
    }

    fn follow_clock(&self, _received: Timestamp) -> FollowedTime {
        self.follow_time()
    }

    fn look(&self, flag: &str, managed: &ManagedPlan, request_id: &str, at: &FollowedTime) -> Look {
        let look = self.look_at(flag, managed, (RunningSlot::Begun, request_id.to_owned()), at);
        self.looks.fetch_add(1, Ordering::Release);
        look
    }
}
