//! The times since which plans wait, by reason. They are kept for the process; a new one finds them from the plan.

use std::collections::{BTreeMap, BTreeSet};

use changes::{CheckResult, CheckVerdict, ManagedPlan, RolloutState, Wait, is_open, waits};
use rules::Timestamp;

/// The reasons for which plans wait, by flag, each with the time since when.
#[derive(Debug, Default)]
pub(super) struct WaitTimes {
    flags: BTreeMap<String, FlagWaits>,
}

/// The reasons of one plan in one state of one stage.
#[derive(Debug)]
struct FlagWaits {
    run: u64,
    stage: Option<usize>,
    state: RolloutState,
    since: BTreeMap<&'static str, Timestamp>,
}

impl WaitTimes {
    /// Takes the reasons for which a plan waits now. Returns each with the time since when.
    pub(super) fn follow(
        &mut self,
        (flag, managed): (&str, &ManagedPlan),
        reasons: &BTreeSet<&'static str>,
        now: Timestamp,
    ) -> Vec<(&'static str, Timestamp)> {
        let (run, stage, state) = (managed.run.id, managed.run.stage, managed.state());
        let known = self
            .flags
            .get(flag)
            .filter(|known| known.run == run && known.stage == stage && known.state == state);
        // A reason that appears later begins then. In a stage, or a process, that has just begun the plan has the time.
        let since = |reason: &'static str| match known {
            Some(known) => known.since.get(reason).copied().unwrap_or(now),
            None => begun(managed, reason, now),
        };
        let since: BTreeMap<_, _> = reasons.iter().map(|reason| (*reason, since(reason))).collect();
        let listed = since.iter().map(|(reason, since)| (*reason, *since)).collect();
        let waits = FlagWaits {
            run,
            stage,
            state,
            since,
        };
        self.flags.insert(flag.to_owned(), waits);
        listed
    }

    /// Forgets the flags without a plan.
    pub(super) fn retain(&mut self, is_planned: impl Fn(&str) -> bool) {
        self.flags.retain(|flag, _| is_planned(flag));
    }
}

/// Returns the time since which a plan can have waited for this reason: its last turn or, in a stage, the end of its time.
fn begun(managed: &ManagedPlan, reason: &str, now: Timestamp) -> Timestamp {
    let turned = managed.run.course.last().map_or(now, |turn| turn.at);
    let stage = managed.run.stage.and_then(|stage| managed.plan.stages.get(stage));
    match stage {
        Some(stage) if managed.state() == RolloutState::Running && reason != "time" => {
            let needed_ms = i64::try_from(stage.for_ms).unwrap_or(i64::MAX);
            let over_ms = managed.run.clock.passed_ms(now).saturating_sub(needed_ms);
            turned.max(Timestamp(now.0.saturating_sub(over_ms.max(0))))
        }
        _ => turned,
    }
}

/// Returns the reasons for which a plan waits. While time of the stage is left, nothing else holds the plan up; while a
/// window is closed, no person can advance it.
pub(super) fn reasons(
    managed: &ManagedPlan,
    verdicts: &[CheckResult],
    is_held_up: bool,
    now: Timestamp,
) -> BTreeSet<&'static str> {
    match managed.state() {
        RolloutState::Draft => BTreeSet::from(["approval"]),
        RolloutState::Approved if !managed.open_items().is_empty() => BTreeSet::from(["checklist"]),
        RolloutState::Approved if !is_open(managed.plan.window_of(0), now) => BTreeSet::from(["window"]),
        RolloutState::Approved => BTreeSet::from(["start"]),
        RolloutState::Paused => BTreeSet::from(["person"]),
        RolloutState::Running => {
            let waits = waits(managed, verdicts, now);
            let mut reasons: BTreeSet<&'static str> = waits.iter().map(reason).collect();
            if is_held_up {
                reasons.insert("condition");
            }
            if reasons.contains("time") {
                reasons.retain(|reason| *reason == "time");
            } else if reasons.contains("window") {
                reasons.remove("person");
            }
            reasons
        }
        RolloutState::RolledBack | RolloutState::Cancelled | RolloutState::Completed => BTreeSet::new(),
    }
}

fn reason(wait: &Wait) -> &'static str {
    match wait {
        Wait::Time { .. } => "time",
        Wait::Check {
            verdict: CheckVerdict::Inconclusive,
            ..
        } => "inconclusive",
        Wait::Check { .. } => "check",
        Wait::Unmeasured => "unmeasured",
        Wait::Approval { .. } => "approval",
        Wait::Window { .. } => "window",
        Wait::NotRunning | Wait::Person => "person",
    }
}
