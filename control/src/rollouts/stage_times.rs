//! The times that plans have spent in their stages, measured by the steady clock. The state has them by the system clock: a
//! time that the steady clock contradicts is corrected by a change.

use std::collections::HashMap;
use std::sync::Arc;

use changes::{Change, ManagedPlan, StageClock};
use rules::Timestamp;

/// The largest difference, in milliseconds, between the time of a stage by the state and the measured one that is not
/// corrected. It covers the wait of a change, and keeps a clock that is slewed from filling the audit log.
const TOLERANCE_MS: i64 = 5_000;

/// The stages in force at the last measurement, by flag.
#[derive(Debug, Default)]
pub(super) struct StageTimes {
    /// The steady time of the last measurement of this process.
    at: Option<Timestamp>,
    stages: HashMap<String, MeasuredStage>,
}

#[derive(Debug, Clone, Copy)]
struct MeasuredStage {
    run: u64,
    stage: usize,
    /// The clock of the state.
    clock: StageClock,
    /// The clock of the state once the correction is committed, if it had to be corrected.
    corrected: Option<StageClock>,
    /// The time that the stage has lasted, in milliseconds.
    passed_ms: i64,
}

impl MeasuredStage {
    /// Returns true if nothing but a correction has changed the clock of the state since.
    fn has(&self, clock: StageClock) -> bool {
        self.clock == clock || self.corrected == Some(clock)
    }
}

impl StageTimes {
    /// Measures the stages in force at a time of the system clock and of the steady clock. Returns the corrections of those
    /// whose time has another value in the state, with their flags.
    ///
    /// A person can start, pause and resume a plan between a jump and the measurement after it. A time that such a change has
    /// written, and that cannot be true, is replaced by the last true one: a stage then lasts longer, by no more than the time
    /// between two measurements.
    pub(super) fn measure(
        &mut self,
        plans: &[(String, Arc<ManagedPlan>)],
        now: Timestamp,
        steady: Timestamp,
    ) -> Vec<(String, Change)> {
        let progress_ms = self.at.map(|at| steady.0.saturating_sub(at.0).max(0));
        let before = std::mem::take(&mut self.stages);
        let mut corrections = Vec::new();
        for (flag, managed) in plans {
            let run = &managed.run;
            let (true, Some(stage)) = (run.state.is_active(), run.stage) else {
                continue;
            };
            let found_ms = run.clock.passed_ms(now);
            let known = before.get(flag);
            let known = known.filter(|known| (known.run, known.stage) == (run.id, stage));
            let passed_ms = match (progress_ms, known) {
                // The process has just started: only the system clock knows.
                (None, _) => found_ms,
                (Some(progress_ms), Some(known)) if known.has(run.clock) => {
                    let added_ms = if run.clock.is_running() { progress_ms } else { 0 };
                    known.passed_ms.saturating_add(added_ms)
                }
                (Some(progress_ms), known) => {
                    let least_ms = known.map_or(0, |known| known.passed_ms);
                    let most_ms = least_ms.saturating_add(progress_ms);
                    let possible =
                        least_ms.saturating_sub(TOLERANCE_MS)..=most_ms.saturating_add(TOLERANCE_MS);
                    match possible.contains(&found_ms) {
                        true => found_ms.clamp(least_ms, most_ms),
                        false => least_ms,
                    }
                }
            };
            let mut corrected = None;
            if found_ms.saturating_sub(passed_ms).saturating_abs() > TOLERANCE_MS {
                let mut clock = run.clock;
                clock.correct(passed_ms, now);
                corrected = Some(clock);
                let change = Change::CorrectStageTime {
                    flag: flag.clone(),
                    run: run.id,
                    stage,
                    passed_ms,
                };
                corrections.push((flag.clone(), change));
            }
            let measured = MeasuredStage {
                run: run.id,
                stage,
                clock: run.clock,
                corrected,
                passed_ms,
            };
            self.stages.insert(flag.clone(), measured);
        }
        self.at = Some(steady);
        corrections
    }
}

#[cfg(test)]
mod tests {
    use changes::{RolloutState, Run};
    use proptest::prelude::*;

    use super::*;

    /// Something that happens to a running plan.
    #[derive(Debug, Clone, Copy)]
    enum Happening {
        /// Time passes, and the controller measures.
        Wait(i64),
        /// The system clock is set.
        Jump(i64),
        Pause,
        Resume,
        /// The next stage is entered.
        Enter,
    }

    fn happening() -> impl Strategy<Value = Happening> {
        prop_oneof![
            6 => (0_i64..60_000).prop_map(Happening::Wait),
            3 => (-100_000_000_i64..100_000_000).prop_map(Happening::Jump),
            3 => (-2_000_i64..2_000).prop_map(Happening::Jump),
            1 => Just(Happening::Pause),
            2 => Just(Happening::Resume),
            1 => Just(Happening::Enter),
        ]
    }

    /// A plan in its first stage.
    fn managed(now: i64) -> ManagedPlan {
        let plan = serde_json::json!({ "stages": [{ "name": "all", "percentage": 100, "for": "1h" }] });
        let run: Run = serde_json::from_value(serde_json::json!({
            "id": 7, "sequence": 1, "state": "running", "stage": 0, "exposed": { "through": 0 }
        }))
        .unwrap();
        ManagedPlan {
            plan: Arc::new(config::read_plan(&plan).unwrap()),
            run: Run {
                clock: StageClock::start(Timestamp(now)),
                ..run
            },
        }
    }

    proptest! {
        #[test]
        fn a_stage_never_gains_time_by_a_jump(happenings in prop::collection::vec(happening(), 1..60)) {
            let (mut system, mut steady, mut true_ms) = (1_000_000_000, 0, 0);
            let mut managed = managed(system);
            let mut times = StageTimes::default();
            times.measure(&[("board".to_owned(), Arc::new(managed.clone()))], Timestamp(system), Timestamp(steady));
            let (mut measured_ms, mut lost_ms, mut gained_ms) = (0, 0, 0);
            let mut is_changed = false;
            for happening in happenings {
                let now = Timestamp(system);
                match happening {
                    Happening::Wait(ms) => {
                        (system, steady) = (system + ms, steady + ms);
                        if managed.state() == RolloutState::Running {
                            true_ms += ms;
                        }
                        let plans = [("board".to_owned(), Arc::new(managed.clone()))];
                        let corrections = times.measure(&plans, Timestamp(system), Timestamp(steady));
                        for (_, change) in corrections {
                            let Change::CorrectStageTime { passed_ms, .. } = change else { panic!() };
                            managed.run.clock.correct(passed_ms, Timestamp(system));
                        }
                        let passed_ms = managed.run.clock.passed_ms(Timestamp(system));
                        // A change between a jump and its measurement may cost, or add, the time between two
                        // measurements: only the system clock knows when the change was.
                        lost_ms += ms + TOLERANCE_MS;
                        gained_ms += if std::mem::take(&mut is_changed) { ms } else { 0 };
                        let most_ms = true_ms + gained_ms + TOLERANCE_MS;
                        prop_assert!(passed_ms <= most_ms, "{passed_ms} of {true_ms}, at most {most_ms}");
                        prop_assert!(passed_ms >= true_ms - lost_ms && passed_ms >= measured_ms - 2 * TOLERANCE_MS);
                        measured_ms = passed_ms;
                    }
                    Happening::Jump(by) => system += by,
                    Happening::Pause => {
                        is_changed = true;
                        managed.run.state = RolloutState::Paused;
                        managed.run.clock.stop(now);
                    }
                    Happening::Resume => {
                        is_changed = true;
                        managed.run.state = RolloutState::Running;
                        managed.run.clock.resume(now);
                    }
                    Happening::Enter => {
                        managed.run.state = RolloutState::Running;
                        managed.run.stage = managed.run.stage.map(|stage| stage + 1);
                        managed.run.clock = StageClock::start(now);
                        (true_ms, measured_ms, lost_ms, gained_ms) = (0, 0, 0, 0);
                        is_changed = false;
                    }
                }
            }
        }
    }
}
