//! The changes that turn a feature off or restore it. They wait for no other kind of change: a longer commit gives way.

use std::sync::atomic::{AtomicUsize, Ordering};

use changes::Change;

/// The order in which changes are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Urgency {
    /// Gives way to urgent changes.
    Common,
    /// Waits only for other urgent changes, and for commits that cannot be interrupted any more.
    Urgent,
}

impl Urgency {
    /// Returns the urgency of a change: that of the lane of its operation in the admin API.
    pub(super) fn of(change: &Change) -> Self {
        match change {
            Change::Kill { .. }
            | Change::Restore { .. }
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

/// The number of urgent changes that are being applied.
#[derive(Debug, Default)]
pub(super) struct UrgentChanges(AtomicUsize);

/// An urgent change that is being applied, until this is dropped.
pub(super) struct UrgentChange<'u>(&'u AtomicUsize);

impl UrgentChanges {
    pub(super) fn enter(&self) -> UrgentChange<'_> {
        self.0.fetch_add(1, Ordering::AcqRel);
        UrgentChange(&self.0)
    }

    /// Returns true if an urgent change waits or is being committed.
    pub(super) fn are_waiting(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }
}

impl Drop for UrgentChange<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}
