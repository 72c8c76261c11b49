//! The order in which changes are committed: a kill waits for no other kind of change, and the changes that turn a
//! feature off or restore it wait for no import and no document. A longer commit gives way to them.

use std::sync::atomic::{AtomicUsize, Ordering};

use changes::Change;

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
            Change::Kill { .. } => Self::Kill,
            Change::Restore { .. }
            | Change::SetState { .. }
            | Change::SetOverride { .. }
            | Change::Disallow { .. } => Self::Urgent,
            Change::SetTiers { .. }
            | Change::SetRollout { .. }
            | Change::PutTenant { .. }
            | Change::PatchTenant { .. }
            | Change::DeleteTenant { .. }
            | Change::ImportTenants { .. }
            | Change::Allow { .. }
            | Change::OptIn { .. }
            | Change::OptOut { .. }
            | Change::SignOff { .. }
            | Change::ApplyDocument { .. } => Self::Common,
        }
    }
}

/// The numbers of urgent changes and of kills that are being applied.
#[derive(Debug, Default)]
pub(super) struct UrgentChanges {
    urgent: AtomicUsize,
    kills: AtomicUsize,
}

/// An urgent change or a kill that is being applied, until this is dropped.
pub(super) struct UrgentChange<'u>(&'u AtomicUsize);

impl UrgentChanges {
    /// Counts a change that is being applied, unless it is a common one.
    pub(super) fn enter(&self, urgency: Urgency) -> Option<UrgentChange<'_>> {
        let counter = match urgency {
            Urgency::Common => return None,
            Urgency::Urgent => &self.urgent,
            Urgency::Kill => &self.kills,
        };
        counter.fetch_add(1, Ordering::AcqRel);
        Some(UrgentChange(counter))
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
}

impl Drop for UrgentChange<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
