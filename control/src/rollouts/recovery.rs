//! The recovery of a check that only notifies: it holds the stage up as long as it fails, and no longer.

use rules::Timestamp;
use serde::{Deserialize, Serialize};
use verdicts::{Reason, Status, Verdict};

/// Ten minutes, in slots: the least time that a recovery takes. Evidence that speaks against one for so long begins anew, so
/// that the requests of the harm do not outweigh those after it.
const TEN_MINUTES: u64 = 120;

/// The course of a check that only notifies.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Recovery {
    /// The slot after which the present evidence began, while the check fails.
    begun: Option<u64>,
    /// The time of the last recovery, in milliseconds.
    recovered_ms: Option<i64>,
}

/// The effect of a look on the evidence of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Progress {
    /// It goes on.
    Keep,
    /// It begins anew with the next slot.
    Restart,
    /// The check has recovered. Its evidence goes on.
    Recover,
}

impl Recovery {
    /// Returns true while the check fails, whatever its present evidence says.
    pub(super) fn is_failing(self) -> bool {
        self.begun.is_some()
    }

    /// Returns the time of the last recovery.
    pub(super) fn recovered_at(self) -> Option<Timestamp> {
        self.recovered_ms.map(Timestamp)
    }

    /// Follows the status of a statistical test at a slot. `reason` is that of its arms.
    pub(super) fn follow(
        &mut self,
        status: Status,
        reason: Reason,
        (slot, now): (u64, Timestamp),
    ) -> Progress {
        let is_long = self
            .begun
            .is_some_and(|begun| slot >= begun.saturating_add(TEN_MINUTES));
        let is_against = matches!(reason, Reason::OutsideBound | Reason::RecentEvidence);
        match (status, self.begun) {
            (Status::Fail, _) => {
                self.begun = Some(slot);
                Progress::Restart
            }
            (Status::Pass, Some(_)) if is_long => {
                self.recover(now);
                Progress::Recover
            }
            (Status::Inconclusive, Some(_)) if is_long && is_against => {
                self.begun = Some(slot);
                Progress::Restart
            }
            _ => Progress::Keep,
        }
    }

    /// Takes note of a recovery.
    pub(super) fn recover(&mut self, now: Timestamp) {
        self.begun = None;
        self.recovered_ms = Some(now.0);
    }

    /// Takes note of a person who has acknowledged the failure.
    pub(super) fn acknowledge(&mut self) {
        self.begun = None;
    }

    /// Returns the verdict to show: while the check fails, that of the present evidence is the progress of its recovery.
    pub(super) fn shown(self, verdict: Verdict) -> Verdict {
        match self.is_failing() {
            true => Verdict {
                status: Status::Fail,
                reason: Reason::Recovering,
                ..verdict
            },
            false => verdict,
        }
    }
}
