//! The evidence of all planned flags: slots and their numbers, and the stage in force of each flag.

use std::collections::{BTreeMap, HashMap};

use changes::{ManagedPlan, Refusal};
use rules::Timestamp;
use serde::{Deserialize, Serialize};
use verdicts::InvalidSlot;

use super::judged_stage::JudgedStage;
use super::minutes::Minutes;
use super::notices::Notified;
use super::stage_times::StageTimes;
use super::steady_clock::SteadyClock;
use super::unit_history::UnitHistory;
use crate::notifications::Notice;
use crate::stage_report::SLOT_MS;

/// The longest time from one count to the next, in milliseconds. After a longer one the clock was set forward, or the
/// process stood still: the counts are not those of a slot.
const LONGEST_GAP_MS: i64 = 60_000;
/// The longest time by which the clock may be behind the last count, in milliseconds: clocks are corrected.
const LONGEST_STEP_BACK_MS: i64 = 2 * SLOT_MS;

/// The evidence of all planned flags. A restart continues with it.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Evidence {
    /// The last slot that was counted.
    pub(super) last_slot: u64,
    /// The time of the last count of this process.
    #[serde(skip)]
    counted_at: Option<Timestamp>,
    pub(super) clock: SteadyClock,
    #[serde(skip)]
    pub(super) times: StageTimes,
    pub(super) flags: BTreeMap<String, FlagEvidence>,
    /// The notices that the outbox had not saved when the evidence was written. A new process sends them.
    pub(super) unsaved_notices: Vec<Notice>,
    /// The ids of tenants by their hashes. The data plane limits their number; a new process reports them again.
    #[serde(skip)]
    pub(super) tenants: HashMap<u64, String>,
}

/// The evidence of one flag.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct FlagEvidence {
    /// The units in the last 24 hours, whatever their arm.
    pub(super) history: UnitHistory,
    /// The stage in force, once it has begun.
    pub(super) stage: Option<JudgedStage>,
    /// The conditions that people were notified of, as long as they last.
    pub(super) notified: Notified,
    /// The conditions that held the last step up.
    #[serde(skip)]
    pub(super) refusals: Vec<Refusal>,
    /// The counts of the last 24 hours by arm and minute, for display.
    pub(super) minutes: Minutes,
}

impl Evidence {
    /// Returns the evidence about the stage of a flag that has begun last; none before the first.
    pub(super) fn stage(&self, flag: &str) -> Option<&JudgedStage> {
        self.flags.get(flag)?.stage.as_ref()
    }

    /// Returns the evidence about the stage in force of this plan of a flag; none before it has begun.
    pub(super) fn stage_of(&self, flag: &str, managed: &ManagedPlan) -> Option<&JudgedStage> {
        self.stage(flag).filter(|stage| stage.is_of(managed))
    }

    /// Opens the next slot. A call that comes early is the next slot: no request is lost, and none counts twice.
    pub(super) fn next_slot(&mut self, now: Timestamp) -> u64 {
        self.last_slot = slot_at(now).max(self.last_slot.saturating_add(1));
        self.counted_at = Some(now);
        self.last_slot
    }

    /// Rejects a slot of all stages if the clock has jumped since the last count. Returns true then.
    pub(super) fn follow_clock(&mut self, now: Timestamp) -> bool {
        let has_jumped = match self.counted_at {
            Some(at) => {
                let passed_ms = now.0.saturating_sub(at.0);
                !(-LONGEST_STEP_BACK_MS..=LONGEST_GAP_MS).contains(&passed_ms)
            }
            // After a restart a clock that is ahead is one of an outage.
            None => {
                let back_slots = self.last_slot.saturating_sub(slot_at(now));
                i64::try_from(back_slots).is_ok_and(|slots| slots.saturating_mul(SLOT_MS) > LONGEST_GAP_MS)
            }
        };
        if !has_jumped {
            return false;
        }
        let number = self.next_slot(now);
        for stage in self.flags.values_mut().filter_map(|flag| flag.stage.as_mut()) {
            stage.reject(number, InvalidSlot::ClockJumped);
        }
        true
    }
}

impl FlagEvidence {
    /// Begins the evidence of the stage in force after this slot, unless it has begun.
    pub(super) fn begin_stage(
        &mut self,
        managed: &ManagedPlan,
        slot: u64,
        has_control: bool,
        now: Timestamp,
    ) {
        let is_current = self.stage.as_ref().is_some_and(|stage| stage.is_of(managed));
        if !is_current {
            self.stage = JudgedStage::begin(managed, &self.history, slot, has_control, now);
        }
    }
}

/// Returns the number of the slot at a time.
fn slot_at(now: Timestamp) -> u64 {
    u64::try_from(now.0.div_euclid(SLOT_MS)).unwrap_or(0)
}
