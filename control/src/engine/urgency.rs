//! The order in which changes are committed: a kill waits for no other kind of change, and the changes that turn a
//! feature off or restore it wait for no import and no document. A longer commit gives way to them.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use changes::{Change, StepAction};
use parking_lot::{Condvar, Mutex};

/// The order in which changes are committed, the most urgent last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Urgency {
    /// Gives way to urgent changes and kills.
    Common,
    /// Waits for other urgent changes, for commits that cannot be interrupted any more, and for a common change that gave
    /// way too often.
    Urgent,
    /// Waits only for commits that cannot be interrupted any more.
    Kill,
}

impl Urgency {
    /// Returns the urgency of a change: that of the lane of its operation in the admin API.
    pub(super) fn of(change: &Change) -> Self {
        match change {
            // A rollback turns the feature off, as the plan says.
            Change::Kill { .. } | Change::RollBackRollout { .. } => Self::Kill,
            Change::Restore { .. }
            | Change::SetState { .. }
            | Change::SetOverride { .. }
            | Change::Disallow { .. }
            | Change::PauseRollout { .. }
            | Change::CancelRollout { .. } => Self::Urgent,
            Change::TakeStep { step, .. } => match step.action {
                StepAction::RollBack { .. } => Self::Kill,
                StepAction::Pause { .. } => Self::Urgent,
                StepAction::Enter { .. } | StepAction::Complete => Self::Common,
            },
            Change::SetTiers { .. }
            | Change::SetRollout { .. }
            | Change::PutTenant { .. }
            | Change::PatchTenant { .. }
            | Change::DeleteTenant { .. }
            | Change::ImportTenants { .. }
            | Change::Allow { .. }
            | Change::OptIn { .. }
            | Change::OptOut { .. }
            | Change::OpenIncident { .. }
            | Change::CloseIncident { .. }
            | Change::EndWatch { .. }
            | Change::CorrectStageTime { .. }
            | Change::SignOff { .. }
            | Change::SetPlan { .. }
            | Change::RemovePlan { .. }
            | Change::ApprovePlan { .. }
            | Change::CheckPlanItem { .. }
            | Change::StartRollout { .. }
            | Change::ResumeRollout { .. }
            | Change::AdvanceRollout { .. }
            | Change::Report { .. }
            | Change::CloseReport { .. }
            | Change::ApplyDocument { .. } => Self::Common,
        }
    }
}

/// The time without kills after which a change that gave way to them is tried again. In a series of kills every try would
/// be interrupted.
const PAUSE: Duration = Duration::from_millis(100);

/// The numbers of urgent changes and of kills that are being applied.
#[derive(Debug, Default)]
pub(super) struct UrgentChanges {
    urgent: AtomicUsize,
    kills: AtomicUsize,
    /// The time at which the last kill ended. Locked for a moment only: a kill waits for no other change.
    last_kill: Mutex<Option<Instant>>,
    kill_ended: Condvar,
}

/// An urgent change or a kill that is being applied, until this is dropped.
pub(super) struct UrgentChange<'u> {
    changes: &'u UrgentChanges,
    is_kill: bool,
}

impl UrgentChanges {
    /// Counts a change that is being applied, unless it is a common one.
    pub(super) fn enter(&self, urgency: Urgency) -> Option<UrgentChange<'_>> {
        let is_kill = match urgency {
            Urgency::Common => return None,
            Urgency::Urgent => false,
            Urgency::Kill => true,
        };
        let change = UrgentChange {
            changes: self,
            is_kill,
        };
        change.counter().fetch_add(1, Ordering::AcqRel);
        Some(change)
    }

    /// Returns true if a change that is more urgent waits or is being committed.
    pub(super) fn are_waiting(&self, than: Urgency) -> bool {
        let is_waiting = |counter: &AtomicUsize| counter.load(Ordering::Acquire) > 0;
        match than {
            Urgency::Common => is_waiting(&self.urgent) || is_waiting(&self.kills),
            Urgency::Urgent => is_waiting(&self.kills),
            Urgency::Kill => false,
        }
    }

    /// Waits until there was no kill for [`PAUSE`]. Returns false if that is not before the deadline.
    pub(super) fn wait_for_pause_of_kills(&self, deadline: Instant) -> bool {
        let mut last = self.last_kill.lock();
        loop {
            let now = Instant::now();
            let pause = match (self.kills.load(Ordering::Acquire), *last) {
                (0, None) => return true,
                (0, Some(last)) => PAUSE.saturating_sub(now.saturating_duration_since(last)),
                // The end of the kill is notified.
                _ => Duration::MAX,
            };
            if pause.is_zero() {
                return true;
            }
            let remaining = deadline.saturating_duration_since(now);
            if remaining.is_zero() {
                return false;
            }
            self.kill_ended.wait_for(&mut last, pause.min(remaining));
        }
    }
}

impl UrgentChange<'_> {
    fn counter(&self) -> &AtomicUsize {
        match self.is_kill {
            true => &self.changes.kills,
            false => &self.changes.urgent,
        }
    }
}

impl Drop for UrgentChange<'_> {
    fn drop(&mut self) {
        if !self.is_kill {
            self.counter().fetch_sub(1, Ordering::AcqRel);
            return;
        }
        let mut last = self.changes.last_kill.lock();
        *last = Some(Instant::now());
        self.counter().fetch_sub(1, Ordering::AcqRel);
        drop(last);
        self.changes.kill_ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_waits_for_a_pause_of_kills_until_its_deadline() {
        let urgent = UrgentChanges::default();
        let wait = |time: Duration| urgent.wait_for_pause_of_kills(Instant::now() + time);
        assert!(wait(Duration::ZERO), "without kills there is nothing to wait for");
        let restore = urgent.enter(Urgency::Urgent);
        assert!(wait(Duration::ZERO));
        drop(restore);
        let kill = urgent.enter(Urgency::Kill);
        assert!(!wait(Duration::from_millis(20)));
        drop(kill);
        assert!(!wait(Duration::ZERO));
        let begun = Instant::now();
        assert!(wait(Duration::from_secs(30)));
        assert!(begun.elapsed() > PAUSE / 2);
        assert!(wait(Duration::ZERO));
    }
}
